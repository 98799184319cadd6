"""The adversary: small recurrent networks that tell written windows from real ones.

Each member reads a window both ways (bidirectional GRU) through the factors of its tokens, and gives two verdicts: one
on the whole window, and one at every step on what was heard so far. With corpora of a few dozen pieces a discriminator
knows its training pieces by heart within minutes, and would then reward the generator for copying them. So the members
are cross-fitted: each is shown all pieces but those of its own fold, and judges only continuations of its own fold.
They are small, drop a third of what they see, learn from smoothed labels, and learn only while they lose.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from symgen.errors import UsageError
from symgen.models.features import FEATURES, PLACE
from symgen.tokens.sequence import FAMILIES

_HEARD = (
    "phase", "leap", "match_length", "rhythm_match_length", "phrase", "phrase_before", "technique_run",
)  # fmt: skip
"""Features of a step that a discriminator hears beside its tokens: its place, and how the music repeats itself.

Not its place in the bar: pieces begun from nothing are in one metre, real ones of the zithers seldom are.
"""

_AGAIN = (("match_rhythm", 0), ("match_melody", 1), ("rhythm_match", 0), ("echo1_rhythm", 0), ("echo1_melody", 1))
"""Features that name a token, and the family of the token: whether the step does as they say is heard too."""


@dataclass(frozen=True, slots=True)
class AdversaryConfig:
    """Sizes and learning of the members.

    Parameters
    ----------
    folds, members : int
        Folds of the training pieces, at least 2, and networks for each.
    width, hidden : int
        Channels of an embedding, and of each direction of the GRU.
    dropout, smoothing : float
        Dropout, and how far labels are moved from 0 and 1.
    learning_rate, weight_decay : float
        Of AdamW.
    winning : float
        Accuracy on pieces not learnt from (moving average) at which learning stops until it falls below again.
    """

    folds: int = 4
    members: int = 2
    width: int = 48
    hidden: int = 64
    dropout: float = 0.35
    smoothing: float = 0.1
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    winning: float = 0.8

    def __post_init__(self) -> None:
        if self.folds < 2 or self.members < 1:
            raise UsageError(
                f"{self.folds} folds and {self.members} members", expected="at least 2 folds and 1 member each"
            )


@dataclass(frozen=True, slots=True)
class Heard:
    """Windows as the adversary hears them.

    Parameters
    ----------
    steps : Tensor of int64, shape (B, T, 3)
        Tokens.
    features : Tensor of int64, shape (B, T, len(FEATURES))
        What was known of each step before it was chosen.
    folds : Tensor of int64, shape (B,)
        Fold of the piece that each window is from, or continues.
    soft : tuple of three Tensors, shapes (B, T, V), optional
        Stand for the tokens, so that a verdict has a gradient.
    """

    steps: Tensor
    features: Tensor
    folds: Tensor
    soft: tuple[Tensor, Tensor, Tensor] | None = None

    def rows(self, chosen: Tensor) -> Heard:
        """Return some of the windows."""
        soft = None if self.soft is None else (self.soft[0][chosen], self.soft[1][chosen], self.soft[2][chosen])
        return Heard(self.steps[chosen], self.features[chosen], self.folds[chosen], soft)

    @staticmethod
    def joined(parts: list[Heard]) -> Heard:
        """Return the windows of all parts, without soft tokens."""
        return Heard(
            torch.cat([part.steps for part in parts]),
            torch.cat([part.features for part in parts]),
            torch.cat([part.folds for part in parts]),
        )


class Discriminator(nn.Module):
    """One member: windows in, verdicts out, positive for real."""

    def __init__(self, config: AdversaryConfig) -> None:
        super().__init__()
        self.config = config
        self.factors = nn.ParameterDict()
        for place, family in enumerate(FAMILIES):
            for name, column in family.VOCABULARY.factors.items():
                self.factors[f"{place}_{name}"] = 0.3 * torch.randn(int(column.max()) + 1, config.width)
                self.register_buffer(f"index_{place}_{name}", torch.from_numpy(column.copy()), persistent=False)
        self.heard = nn.ParameterDict({name: 0.3 * torch.randn(FEATURES[name], config.width) for name in _HEARD})
        self.again = nn.ParameterDict({name: 0.3 * torch.randn(3, config.width) for name, _ in _AGAIN})
        self.gru = nn.GRU(config.width, config.hidden, batch_first=True, bidirectional=True)
        self.so_far = nn.Linear(config.hidden, 1)
        self.whole = nn.Linear(4 * config.hidden, 1)

    def forward(self, heard: Heard) -> tuple[Tensor, Tensor]:
        """Return a logit for each beginning of each window, (B, T), and for each whole window, (B,)."""
        x = self._embed(heard)
        x = functional.dropout(x, self.config.dropout, self.training)
        states, _ = self.gru(x)
        states = functional.dropout(states, self.config.dropout, self.training)
        pooled = torch.cat([states.mean(1), states.amax(1)], dim=-1)
        return self.so_far(states[..., : self.config.hidden])[..., 0], self.whole(pooled)[..., 0]

    def _embed(self, heard: Heard) -> Tensor:
        x = torch.zeros((), device=heard.steps.device)
        for name, vectors in self.heard.items():
            x = x + vectors[heard.features[..., PLACE[name]]]
        for name, family in _AGAIN:
            said = heard.features[..., PLACE[name]]
            x = x + self.again[name][torch.where(said == 0, 0, 1 + (said == heard.steps[..., family]).long())]
        for place in range(len(FAMILIES)):
            table = self._table(place)
            x = x + (table[heard.steps[..., place]] if heard.soft is None else heard.soft[place] @ table)
        return x

    def _table(self, place: int) -> Tensor:
        """Return the vector of every token of a family, (V, width)."""
        table = torch.zeros(())
        for key, vectors in self.factors.items():
            if int(key[0]) == place:
                table = table + vectors[self.get_buffer(f"index_{key}")]
        return table


class Adversary:
    """All members behind one object: they judge windows, and learn to tell them from real ones.

    Parameters
    ----------
    config : AdversaryConfig
        Sizes and learning.
    judged : int
        Steps at the end of a window on which verdicts are asked; those before are context.
    """

    def __init__(self, config: AdversaryConfig, judged: int) -> None:
        self.config, self.judged = config, judged
        self.members = nn.ModuleList(Discriminator(config) for _ in range(config.folds * config.members))
        self.optimiser = torch.optim.AdamW(
            self.members.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.accuracy = 0.5

    def verdicts(self, heard: Heard) -> tuple[Tensor, Tensor]:
        """Return the mean verdicts of the members that have not learnt from the pieces.

        Returns
        -------
        so_far : Tensor, shape (B, judged)
            Logits after each judged step.
        whole : Tensor, shape (B,)
            Logits of the windows.
        """
        self.members.eval()
        rows = len(heard.steps)
        so_far, whole = torch.zeros(rows, self.judged), torch.zeros(rows)
        for fold in range(self.config.folds):
            chosen = torch.nonzero(heard.folds == fold)[:, 0]
            if len(chosen):
                found = [member(heard.rows(chosen)) for member in self._of(fold)]
                steps = torch.stack([found[0] for found in found]).mean(0)[:, -self.judged :]
                so_far = so_far.index_copy(0, chosen, steps)
                whole = whole.index_copy(0, chosen, torch.stack([one for _, one in found]).mean(0))
        return so_far, whole

    def accuracy_on(self, real: Heard, written: Heard) -> float:
        """Return how often the members are right about pieces that they have not learnt from."""
        with torch.no_grad():
            right = torch.cat([self.verdicts(real)[1] > 0, self.verdicts(written)[1] <= 0])
        return float(right.float().mean())

    def learn(self, real: Heard, written: Heard) -> float:
        """Look at real and written windows, learn from them while losing, and return the accuracy seen.

        Each member sees its own random half of the windows that are not of its fold, so that they stay different.
        """
        right = self.accuracy_on(real, written)
        self.accuracy = 0.95 * self.accuracy + 0.05 * right
        if self.accuracy < self.config.winning:
            self.step(real, written)
        return right

    def step(self, real: Heard, written: Heard) -> None:
        """Take one step of the optimiser."""
        self.members.train()
        loss = torch.zeros(())
        for fold in range(self.config.folds):
            for member in self._of(fold):
                for side, label in ((real, 1.0), (written, 0.0)):
                    among = torch.nonzero(side.folds != fold)[:, 0]
                    if len(among):
                        chosen = among[torch.randperm(len(among))[: max(1, (len(among) + 1) // 2)]]
                        loss = loss + self._loss(member(side.rows(chosen)), abs(label - self.config.smoothing))
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.members.parameters(), 5.0)
        self.optimiser.step()

    def _loss(self, verdicts: tuple[Tensor, Tensor], target: float) -> Tensor:
        so_far, whole = verdicts[0][:, -self.judged :], verdicts[1]
        loss = functional.binary_cross_entropy_with_logits
        return loss(so_far, torch.full_like(so_far, target)) + loss(whole, torch.full_like(whole, target))

    def _of(self, fold: int) -> list[nn.Module]:
        first = fold * self.config.members
        return list(self.members)[first : first + self.config.members]
