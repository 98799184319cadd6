"""Windows of token pieces as training batches.

Every batch is drawn from its own random stream, seeded by (seed, stage, step): a run that is stopped and
continued sees the same batches as one that is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from symgen.models.context import FEATURES, Context, piece_features
from symgen.score import Metre
from symgen.tokens.prefix import FIELDS
from symgen.tokens.sequence import TokenSequence

_REMAINING = list(FEATURES).index("remaining")


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded windows.

    Parameters
    ----------
    steps : ndarray of int64, shape (B, T + 1, 3)
        The step before the window (0 at the beginning of a piece), then the window; 0 where padded.
    features : ndarray of int64, shape (B, T, len(FEATURES))
        What is known of each step before it is chosen.
    prefix : ndarray of int64, shape (B, len(FIELDS))
        Prefix numbers.
    mask : ndarray of bool, shape (B, T)
        Which steps are real.
    """

    steps: NDArray[np.int64]
    features: NDArray[np.int64]
    prefix: NDArray[np.int64]
    mask: NDArray[np.bool_]


class Pieces:
    """Pieces of one style with their features, ready to cut windows from."""

    def __init__(self, sequences: Iterable[TokenSequence]) -> None:
        steps, features, prefixes = [], [], []
        self.metres: list[tuple[Metre, ...]] = []
        self.ends: list[int] = []
        for sequence in sequences:
            self.metres.append(sequence.metres)
            self.ends.append(sequence.end)
            steps.append(np.concatenate([np.zeros((1, 3), np.int16), sequence.steps()]))
            features.append(piece_features(sequence))
            prefixes.append(sequence.prefix.numbers())
        self.steps, self.features = steps, features
        self.prefixes = np.array(prefixes, dtype=np.int64).reshape(-1, len(FIELDS))
        self.lengths = np.array([len(f) for f in features], dtype=np.int64)

    def __len__(self) -> int:
        return len(self.lengths)

    def batch(self, places: Iterable[tuple[int, int]], window: int) -> Batch:
        """Return the windows of at most `window` steps that begin at each (piece, step)."""
        cut = [(piece, start, min(window, int(self.lengths[piece]) - start)) for piece, start in places]
        time = max(length for _, _, length in cut)
        steps = np.zeros((len(cut), time + 1, 3), dtype=np.int64)
        features = np.zeros((len(cut), time, len(FEATURES)), dtype=np.int64)
        mask = np.zeros((len(cut), time), dtype=np.bool_)
        for row, (piece, start, length) in enumerate(cut):
            steps[row, : length + 1] = self.steps[piece][start : start + length + 1]
            features[row, :length] = self.features[piece][start : start + length]
            mask[row, :length] = True
        return Batch(steps, features, self.prefixes[[piece for piece, _, _ in cut]], mask)

    def whole(self, window: int, rows: int = 16) -> Iterable[Batch]:
        """Yield batches that cover every step of every piece once, in windows of at most `window` steps."""
        places = [
            (piece, start) for piece, length in enumerate(self.lengths) for start in range(0, int(length), window)
        ]
        places.sort(key=lambda p: min(window, int(self.lengths[p[0]]) - p[1]))
        for first in range(0, len(places), rows):
            yield self.batch(places[first : first + rows], window)

    def context(self, piece: int, step: int) -> Context:
        """Return the context of a piece as it stands before `step`."""
        context = Context(self.metres[piece], self.ends[piece])
        for rhythm_token, melody_token, _ in self.steps[piece][1 : step + 1].tolist():
            context.append(rhythm_token, melody_token)
        return context

    def places(self, rng: np.random.Generator, count: int, *, before: int, after: int) -> list[tuple[int, int]]:
        """Draw `count` places with at least `before` steps before and `after` steps from them on.

        Longer pieces are drawn in proportion to the places they have; empty if no piece is long enough.
        """
        room = np.maximum(0, self.lengths - before - after + 1)
        ends = np.cumsum(room)
        if not len(ends) or not ends[-1]:
            return []
        drawn = rng.integers(0, ends[-1], size=count)
        pieces = np.searchsorted(ends, drawn, side="right")
        return [(int(p), int(d - ends[p] + room[p]) + before) for p, d in zip(pieces, drawn, strict=True)]

    def draw(self, rng: np.random.Generator, count: int) -> list[tuple[int, int]]:
        """Draw `count` places: pieces in proportion to their length, anywhere within them."""
        ends = np.cumsum(self.lengths)
        steps = rng.integers(0, ends[-1], size=count)
        pieces = np.searchsorted(ends, steps, side="right")
        return [(int(p), int(s - ends[p] + self.lengths[p])) for p, s in zip(pieces, steps, strict=True)]


class Mixture:
    """Pieces of several styles, drawn in given shares.

    Parameters
    ----------
    pools : mapping of str to Pieces
        Pieces by style.
    shares : mapping of str to float
        Share of the steps drawn from each style; a style without pieces leaves its share to the others.
    window, steps : int
        Longest window, and about how many steps a batch holds.
    blank : float
        Share of windows whose prefix fields, and whose distance to the end, are hidden, each on its own,
        so that the generator can also be asked without them.
    """

    def __init__(
        self, pools: Mapping[str, Pieces], shares: Mapping[str, float], *, window: int, steps: int, blank: float = 0.1
    ) -> None:
        self.names = [name for name, share in shares.items() if share > 0 and len(pools.get(name, ()))]
        total = sum(shares[name] for name in self.names)
        self.pools = [pools[name] for name in self.names]
        self.shares = np.array([shares[name] / total for name in self.names])
        self.window, self.steps, self.blank = window, steps, blank

    def batch(self, rng: np.random.Generator) -> Batch:
        """Draw a batch of windows of one style and of about equal length."""
        pool = self.pools[int(rng.choice(len(self.pools), p=self.shares))]
        places = pool.draw(rng, 64)
        starts = [(piece, max(0, min(start, int(pool.lengths[piece]) - self.window // 2))) for piece, start in places]
        starts.sort(key=lambda place: min(self.window, int(pool.lengths[place[0]]) - place[1]))
        lengths = [min(self.window, int(pool.lengths[piece]) - start) for piece, start in starts]
        first = int(rng.integers(0, len(starts)))
        rows = 1
        while first + rows < len(starts) and (rows + 1) * lengths[first + rows] <= self.steps:
            rows += 1
        while first > 0 and (rows + 1) * lengths[first + rows - 1] <= self.steps:
            first, rows = first - 1, rows + 1
        batch = pool.batch(starts[first : first + rows], self.window)
        hidden = rng.random(batch.prefix.shape) < self.blank
        hidden[:, 0] = False  # the style is always known
        batch.prefix[hidden] = 0
        batch.features[rng.random(len(batch.prefix)) < self.blank, :, _REMAINING] = 0
        return batch
