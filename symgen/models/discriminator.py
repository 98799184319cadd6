"""The adversary: a small ensemble of recurrent networks that tell written windows from real ones.

Each member reads a window both ways (bidirectional GRU) through the factors of its tokens. With corpora of
a few dozen pieces a discriminator overfits in minutes, so members are small, drop a third of what they see,
learn from smoothed labels, and learn only while they lose.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from symgen.models.context import FEATURES, PLACE
from symgen.tokens.sequence import FAMILIES

_HEARD = ("phase", "bar_position", "leap", "match_length")
"""Features of a step that a discriminator hears beside its tokens: its place, and how the music repeats itself."""


@dataclass(frozen=True, slots=True)
class AdversaryConfig:
    """Sizes and learning of the ensemble.

    Parameters
    ----------
    members : int
        Networks in the ensemble.
    width, hidden : int
        Channels of an embedding, and of each direction of the GRU.
    dropout, smoothing : float
        Dropout, and how far labels are moved from 0 and 1.
    learning_rate, weight_decay : float
        Of AdamW.
    winning : float
        Accuracy (moving average) at which it stops learning until it falls below again.
    """

    members: int = 3
    width: int = 48
    hidden: int = 64
    dropout: float = 0.35
    smoothing: float = 0.1
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    winning: float = 0.8


class Discriminator(nn.Module):
    """One member: window in, one logit out, positive for real."""

    def __init__(self, config: AdversaryConfig) -> None:
        super().__init__()
        self.config = config
        self.factors = nn.ParameterDict()
        for place, family in enumerate(FAMILIES):
            for name, column in family.VOCABULARY.factors.items():
                self.factors[f"{place}_{name}"] = 0.3 * torch.randn(int(column.max()) + 1, config.width)
                self.register_buffer(f"index_{place}_{name}", torch.from_numpy(column.copy()), persistent=False)
        self.heard = nn.ParameterDict({name: 0.3 * torch.randn(FEATURES[name], config.width) for name in _HEARD})
        self.gru = nn.GRU(config.width, config.hidden, batch_first=True, bidirectional=True)
        self.score = nn.Linear(4 * config.hidden, 1)

    def forward(self, steps: Tensor, features: Tensor) -> Tensor:
        """Return a logit for each window: steps (B, T, 3) and features (B, T, F) to (B,)."""
        x = torch.zeros((), device=steps.device)
        for name, vectors in self.heard.items():
            x = x + vectors[features[..., PLACE[name]]]
        for key, vectors in self.factors.items():
            index = self.get_buffer(f"index_{key}")
            x = x + vectors[index[steps[..., int(key[0])]]]
        x = functional.dropout(x, self.config.dropout, self.training)
        states, _ = self.gru(x)
        pooled = torch.cat([states.mean(1), states.amax(1)], dim=-1)
        pooled = functional.dropout(pooled, self.config.dropout, self.training)
        logit: Tensor = self.score(pooled)[..., 0]
        return logit


class Adversary:
    """The ensemble behind one object: it rewards windows, and learns to tell them from real ones.

    Parameters
    ----------
    config : AdversaryConfig
        Sizes and learning.
    """

    def __init__(self, config: AdversaryConfig) -> None:
        self.config = config
        self.members = nn.ModuleList(Discriminator(config) for _ in range(config.members))
        self.optimiser = torch.optim.AdamW(
            self.members.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.accuracy = 0.5

    @torch.no_grad()
    def reward(self, steps: Tensor, features: Tensor) -> Tensor:
        """Return how real each window sounds, shape (B,): the mean logit of the members."""
        self.members.eval()
        return torch.stack([member(steps, features) for member in self.members]).mean(0)

    def learn(self, real: tuple[Tensor, Tensor], written: tuple[Tensor, Tensor]) -> float:
        """Look at real and written windows, learn from them while losing, and return the accuracy seen.

        Each member sees its own random half, so that they stay different.
        """
        right = torch.cat([(self.reward(*real) > 0), (self.reward(*written) <= 0)]).float().mean()
        self.accuracy = 0.9 * self.accuracy + 0.1 * float(right)
        if self.accuracy < self.config.winning:
            self.members.train()
            loss = torch.zeros(())
            for member in self.members:
                for (steps, features), label in ((real, 1.0), (written, 0.0)):
                    chosen = torch.randperm(len(steps))[: max(1, len(steps) // 2)]
                    target = torch.full((len(chosen),), abs(label - self.config.smoothing))
                    logits = member(steps[chosen], features[chosen])
                    loss = loss + functional.binary_cross_entropy_with_logits(logits, target)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimiser.step()
        return float(right)
