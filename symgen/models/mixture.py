"""Batches of windows of several styles, and what of them is told, hidden, stretched and put together.

Every batch is drawn from its own random stream, so a training that was stopped sees the batches that it would have
seen without the stop.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from symgen.models.features import DIALS, PLACE
from symgen.models.metres import commonest_class
from symgen.models.windows import Batch, Pieces
from symgen.models.wishes import ask_goal, ask_levels
from symgen.tokens import rhythm
from symgen.tokens.prefix import FIELDS

_REMAINING = PLACE["remaining"]
_STYLE, _METRE = list(FIELDS).index("style"), list(FIELDS).index("metre")
_LEAST_GRAFT: Final = 4
_BEATS: Final = (2, 4)
"""Quarters a bar of pieces without bar lines."""


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
    stretched : float
        Share of batches of notes twice or half as long.
    stretched_told : float
        Share of their windows that are told how dense they are. What is always told is not done unasked: at 1 a piece
        of which no density is asked stays in the note values of its style.
    barred : float
        Share of windows that are told the metre of most of their steps in place of their piece's, and of batches whose
        pieces without bar lines get some, see :mod:`symgen.models.metres`.
    grafted : float
        Share of windows whose first part, up to a half, is music of another style, seen but not learnt: the style
        that is asked for has to hold against what came before.
    asked, aimed : float
        Share of windows that are told each dial of their passages; share that are told what is to be reached.
    """

    def __init__(
        self,
        pools: Mapping[str, Pieces],
        shares: Mapping[str, float],
        *,
        window: int,
        steps: int,
        blank: float = 0.1,
        stretched: float = 0.0,
        stretched_told: float = 0.3,
        barred: float = 0.0,
        grafted: float = 0.0,
        asked: float = 0.3,
        aimed: float = 0.2,
    ) -> None:
        self.names = [name for name, share in shares.items() if share > 0 and len(pools.get(name, ()))]
        total = sum(shares[name] for name in self.names)
        self.pools = [pools[name] for name in self.names]
        self.shares = np.array([shares[name] / total for name in self.names])
        self.window, self.steps = window, steps
        self.blank, self.asked, self.aimed = blank, asked, aimed
        self.stretched, self.barred, self.grafted = stretched, barred, grafted
        self.stretched_told = stretched_told
        self.twins = [(pool.stretched(2, 1), pool.stretched(1, 2)) for pool in self.pools] if stretched else []
        self.lined = [[pool.barred(beats) for beats in _BEATS] for pool in self.pools] if barred else []

    def batch(self, rng: np.random.Generator) -> Batch:
        """Draw a batch of windows of one style and of about equal length."""
        number = int(rng.choice(len(self.pools), p=self.shares))
        pool, told, dense = self.pools[number], self.barred, self.asked
        if self.stretched and rng.random() < self.stretched:
            pool, dense = self.twins[number][int(rng.integers(2))], self.stretched_told
        elif self.barred and rng.random() < self.barred:
            pool, told = self.lined[number][int(rng.integers(len(_BEATS)))], 1.0
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
        chosen = starts[first : first + rows]
        batch = pool.batch(chosen, self.window)
        for row, (piece, start) in enumerate(chosen):
            self._ask(rng, batch, row, pool[piece].levels[start : start + self.window], dense)
            if told and rng.random() < told:
                batch.prefix[row, _METRE] = commonest_class(pool[piece].classes[start : start + self.window])
            if self.grafted and rng.random() < self.grafted:
                self._graft(rng, batch, row, number)
        hidden = rng.random(batch.prefix.shape) < self.blank
        hidden[:, _STYLE] = False  # the style is always known
        batch.prefix[hidden] = 0
        batch.features[rng.random(len(batch.prefix)) < self.blank, :, _REMAINING] = 0
        return batch

    def _graft(self, rng: np.random.Generator, batch: Batch, row: int, number: int) -> None:
        """Put music of another style before the rest of the window in a row."""
        others = np.delete(self.shares, number)
        length = int(batch.mask[row].sum())
        if not others.any() or length < 2 * _LEAST_GRAFT:
            return
        choice = int(rng.choice(np.delete(np.arange(len(self.pools)), number), p=others / others.sum()))
        ((piece, start),) = self.pools[choice].draw(rng, 1)
        other = self.pools[choice].batch([(piece, start)], int(rng.integers(_LEAST_GRAFT, length // 2 + 1)))
        size = other.mask.shape[1]
        batch.steps[row, : size + 1], batch.features[row, :size] = other.steps[0], other.features[0]
        batch.mask[row, :size] = False

    def _ask(self, rng: np.random.Generator, batch: Batch, row: int, levels: NDArray[np.int8], dense: float) -> None:
        """Tell the window in a row, now and then, what its passages are like and what it is to reach."""
        length = len(levels)
        shares = [dense if name == "density" else self.asked for name in DIALS]
        ask_levels(batch.features[row, :length], levels, rng.random(len(DIALS)) >= shares)
        if rng.random() < self.aimed and length > 2:
            steps = batch.steps[row, 1 : length + 1]
            times = np.concatenate([[0], np.cumsum(rhythm.INTERVAL[steps[:-1, 0]])])
            ask_goal(batch.features[row, :length], steps, times, int(rng.integers(1, length)))
