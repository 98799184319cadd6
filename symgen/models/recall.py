"""Recall: tokens of the last steps come again, the likelier the more alike what led to them and the nearer they are.

A pointer over the steps that the generator sees, in the manner of pointer mixtures (Merity et al. 2017) and of cache
models (Kuhn and De Mori 1990), with evidence that music gives instead of learnt keys: how many tokens before agree, how
long ago it was, and whether the rhythm (for melody) or the place in the bar (for rhythm) is the same. A table of a
hundred weights says what each is worth, so a corpus of a few dozen pieces is enough to learn it. What is recalled is
added to the probabilities that the network gives.

Steps that agree equally well share what their gate grants them, however many they are. Where each adds the same, the
same bar said for the fourth time is four times as likely as after the first, and a piece once caught in a loop stays
there: real music seldom goes so far, so training does not punish it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from symgen.models.evidence import BRAKED_FROM, BRAKED_STEPS, DEPTHS, DISTANCES, FAST, RECALLED, SATED

_QUIET = -3.0


class Recall(nn.Module):
    """The pointer of one family.

    Parameters
    ----------
    width : int
        Channels of the state.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.zeros(RECALLED))
        self.gate = nn.Linear(width, DEPTHS)
        nn.init.zeros_(self.gate.weight)
        nn.init.constant_(self.gate.bias, _QUIET)

    def forward(self, logits: Tensor, seen: Tensor, tokens: Tensor, alike: Tensor) -> Tensor:
        """Return logits with what is recalled.

        Parameters
        ----------
        logits : Tensor, shape (B, T, V)
            What the network says.
        seen : Tensor, shape (B, T, C)
            Its state.
        tokens : Tensor of int64, shape (B, T + 1)
            Tokens of the family, the one before the first step in front.
        alike : Tensor of bool, shape (B, T, T)
            Whether rhythm or place of two steps is the same.
        """
        before, said = tokens[:, :-1], tokens[:, 1:]
        time = before.shape[1]
        steps = torch.arange(time, device=tokens.device)
        distance = steps[:, None] - steps
        depth = agreement(before)
        classes = torch.bucketize(distance, torch.from_numpy(DISTANCES).to(tokens.device), right=True)
        index = (depth * (len(DISTANCES) + 1) + classes) * 2 + alike
        weight = self.table.flatten()[index].exp() * ((distance > 0) & (said > 0)[:, None, :])
        granted = self.gate(seen).float().exp()  # sums over many steps need more than half precision
        granted = granted / (SATED + torch.zeros_like(granted).scatter_add(-1, depth, weight))
        weight = weight * granted.gather(-1, depth)
        recalled = torch.zeros_like(logits, dtype=weight.dtype).scatter_add(
            -1, said[:, None, :].expand(-1, time, -1), weight
        )
        return torch.log(torch.softmax(logits, -1) + recalled + 1e-12)


def agreement(before: Tensor) -> Tensor:
    """Return how many tokens before two steps agree, up to 3, for tokens before each step: (B, T) to (B, T, T)."""
    one = before[:, :, None] == before[:, None, :]
    two, three = torch.zeros_like(one), torch.zeros_like(one)
    two[:, 1:, 1:] = one[:, 1:, 1:] & one[:, :-1, :-1]
    three[:, 2:, 2:] = two[:, 2:, 2:] & one[:, :-2, :-2]
    return one.long() + two + three


def braked(logits: Tensor, before: Tensor) -> Tensor:
    """Return logits of rhythm (B, T, V) with fast tokens less likely after many, for the tokens before (B, T)."""
    fast = torch.from_numpy(FAST).to(before.device)
    count = fast[before].cumsum(1)
    count = count - torch.nn.functional.pad(count, (BRAKED_STEPS, 0))[:, : count.shape[1]]
    return logits - (count - BRAKED_FROM + 1).clamp(min=0)[..., None] * fast
