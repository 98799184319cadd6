"""Versions of a piece in the making that compete: how an adversary steers a generator while it writes.

What the generator writes is spread as p, what people write as q. An adversary that tells the two says of a stretch of
music how much likelier it is of people, q / p: that is what a calibrated classifier's odds are (Sugiyama, Suzuki and
Kanamori 2012; Grover et al. 2019 correct generative models with them). So several versions of a piece are written side
by side, each is weighed by what the adversary says of it, and every few steps versions of little weight give way to
copies of those of much: sequential Monte Carlo (Gordon, Salmond and Smith 1993; Lew et al. 2023 and Zhao et al. 2024
for language models). With ever more versions that becomes q as far as the adversary knows it, while a search for what
it likes best would end in what only it likes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from symgen.tokens.sequence import TokenSequence

MOST_VERSIONS: Final = 64
"""Versions that can be asked for: with more of them ever less changes."""
_CHANCE: Final = 1 << 20
"""Last part of the seed by which versions are chosen, apart from those by which they are written."""


class Ear(Protocol):
    """An adversary that hears versions of a piece in the making.

    Attributes
    ----------
    versions : int
        How many are written side by side.
    every : int
        Steps from one hearing to the next.
    reach : int
        Steps that it has to hear to judge the last ones.
    """

    @property
    def versions(self) -> int:
        """Return how many are written."""

    @property
    def every(self) -> int:
        """Return the steps between hearings."""

    @property
    def reach(self) -> int:
        """Return the steps looked back on."""

    def odds(self, heard: Sequence[TokenSequence]) -> NDArray[np.float64]:
        """Return in nats what the steps since the last hearing add to the odds that people wrote each version."""

    def verdicts(self, heard: Sequence[TokenSequence]) -> NDArray[np.float64]:
        """Return in nats the odds that people wrote each of some finished versions of one piece."""


class Contest:
    """What speaks for each version of some pieces.

    Parameters
    ----------
    seeds : sequence of sequences of int
        Seed of each piece.
    versions : int
        Versions of each.
    """

    def __init__(self, seeds: Sequence[Sequence[int]], versions: int) -> None:
        self.versions = versions
        self._weights = np.zeros((len(seeds), versions))
        self._random = [np.random.default_rng([*seed, _CHANCE]) for seed in seeds]

    def heirs(self, piece: int, odds: NDArray[np.float64]) -> NDArray[np.int64] | None:
        """Weigh the versions of a piece, and return which version each goes on from; None if all go on as they are.

        They are drawn by systematic resampling (Kitagawa 1996) when their effective number (Kong, Liu and Wong 1994)
        falls below half, and versions that have heirs go on in their own places.

        Parameters
        ----------
        piece : int
            Number of the piece.
        odds : ndarray of float64, shape (versions,)
            In nats, what was heard since the last time.
        """
        weights = self._weights[piece] = self._weights[piece] + odds
        share = np.exp(weights - weights.max())
        share /= share.sum()
        if 2 / (share * share).sum() >= self.versions:
            return None
        marks = (self._random[piece].random() + np.arange(self.versions)) / self.versions
        drawn = np.minimum(np.searchsorted(np.cumsum(share), marks, side="right"), self.versions - 1)
        self._weights[piece] = 0.0
        counts = np.bincount(drawn, minlength=self.versions)
        heirs = np.where(counts > 0, np.arange(self.versions), -1)
        heirs[heirs < 0] = np.repeat(np.arange(self.versions), np.maximum(counts - 1, 0))
        return heirs
