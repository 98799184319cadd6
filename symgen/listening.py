"""The ear of a checkpoint: its adversary, which hears several versions of a piece while they are written.

It is a critic (:mod:`symgen.metrics.critic`) of short stretches, fitted to real pieces and to what the generator writes
alone. How its odds decide which versions go on is told in :mod:`symgen.models.contest`; how much closer to what people
write that brings a piece stands in docs/BENCHMARKS.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from symgen.metrics.critic import Critic, as_tensors, from_tensors, last_features
from symgen.metrics.line import line_of
from symgen.models.checkpoint import EAR, Checkpoint, save_ear
from symgen.models.tensors import read_tensors
from symgen.tokens.sequence import TokenSequence
from symgen.units import TICKS_PER_QUARTER

STRETCH: Final = 32
"""Notes that it hears at a time: half of what takes are ranked by, so that it has a say early in a piece."""
VERSIONS: Final = 8
"""Versions written side by side where a request does not say how many; see ``benchmarks/versions.py``."""
_EVERY: Final = 8
_NOTE: Final = TICKS_PER_QUARTER
"""Ticks that a note takes, about."""
_LEAST: Final = 16
"""Notes from which on it says anything."""


@dataclass(frozen=True, slots=True, eq=False)
class CriticEar:
    """A critic that hears versions of a piece; an :class:`symgen.models.contest.Ear`.

    Parameters
    ----------
    critic : Critic
        Of the style.
    versions : int
        How many are written side by side.
    every : int
        Steps from one hearing to the next.
    """

    critic: Critic
    versions: int = VERSIONS
    every: int = _EVERY

    @property
    def reach(self) -> int:
        """Steps that hold a stretch, rests and chords in two steps among them."""
        return 2 * self.critic.stretch

    def odds(self, heard: Sequence[TokenSequence]) -> NDArray[np.float64]:
        """Return in nats what the last steps add to the odds that people wrote each version.

        A step is part of several stretches that are heard, so each stretch counts by its new part.
        """
        lines = [line_of(one) for one in heard]
        found = np.zeros(len(lines))
        enough = [number for number, line in enumerate(lines) if len(line.pitch) >= _LEAST]
        if enough:
            features = last_features([lines[number] for number in enough], self.critic.stretch)
            odds = (features * self.critic.weights).sum(axis=1) + self.critic.bias
            found[:] = self.every / self.critic.stretch * odds.min()  # who rests must not win by it
            found[enough] = self.every / self.critic.stretch * odds
        return found

    def verdicts(self, heard: Sequence[TokenSequence]) -> NDArray[np.float64]:
        """Return in nats the odds that people wrote each of some finished versions of one piece.

        They are counted by time and not by notes, or fewer notes would win wherever the odds are against a piece.
        """
        lines = [line_of(one) for one in heard]
        sounding = [number for number, line in enumerate(lines) if len(line.pitch) > 1]
        if not sounding:
            return np.zeros(len(lines))
        odds = np.full(len(lines), -np.inf)
        odds[sounding] = [self.critic.log_odds(lines[number]) for number in sounding]
        odds[np.isneginf(odds)] = odds[sounding].min()
        lengths = np.array([one.end for one in heard]) / (_NOTE * self.critic.stretch)
        return odds * np.maximum(1.0, lengths)


def load_ear(checkpoint: Checkpoint, style: str, versions: int | None = None) -> CriticEar | None:
    """Return the ear of a checkpoint for a style; None if it has none, or one version leaves nothing to choose.

    Parameters
    ----------
    checkpoint : Checkpoint
        Where it stands.
    style : str
        What is composed.
    versions : int, optional
        How many versions compete, :data:`VERSIONS` by default.

    Raises
    ------
    CheckpointError
        If it is damaged.
    """
    versions = VERSIONS if versions is None else versions
    if versions < 2 or not checkpoint.has_ear:
        return None
    path = checkpoint.path / EAR
    critic = from_tensors(read_tensors(path), path).get(style)
    return None if critic is None else CriticEar(critic, versions)


def save_ears(checkpoint: Checkpoint, critics: Mapping[str, Critic]) -> None:
    """Write critics by style as the ear of a checkpoint, whose digest changes with it; none takes it away."""
    save_ear(checkpoint.path, as_tensors(critics) if critics else None)
