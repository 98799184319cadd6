"""Rhythm tokens: inter-onset interval and sounding length on an exact grid.

A rhythm token is a pair ``interval/length`` in ticks of 1/480 quarter. The interval is the time from
this onset to the next step's; 0 means that the next step begins together with this one. The grid
holds 32nds up to two 4/4 bars, triplets, quintuplets and 64ths: every value that occurs more than a
few dozen times in 800,000 notes of guqin, guzheng and folk scores. Pairs of unequal values exist for
common values only; any other pair is written as a note with interval 0 and a rest step.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from symgen.tokens.vocabulary import Vocabulary

NAME: Final = "rhythm"

_BINARY = tuple(range(60, 3841, 60)) + tuple(range(4080, 7681, 240))
_TRIPLET = (40, 80, 160, 320, 640)
_QUINTUPLET = (48, 96, 144, 192, 288, 384)
_SHORT = (30, 90, 150)
GRID: Final[tuple[int, ...]] = tuple(sorted({*_BINARY, *_TRIPLET, *_QUINTUPLET, *_SHORT}))
"""Every interval and length that a token can hold, in ticks."""

_COMMON = (60, 120, 180, 240, 360, 480, 720, 960, 1440, 1920)

PAIRS: Final[tuple[tuple[int, int], ...]] = (
    tuple((value, value) for value in GRID)
    + tuple((0, value) for value in GRID)
    + tuple((interval, length) for interval in _COMMON for length in _COMMON if interval != length)
)

GRID_ARRAY: Final[NDArray[np.int64]] = np.array(GRID, dtype=np.int64)
INTERVAL: Final[NDArray[np.int64]] = np.array([0] + [interval for interval, _ in PAIRS], dtype=np.int64)
"""Interval in ticks of each token; 0 for ``<start>``."""
LENGTH: Final[NDArray[np.int64]] = np.array([0] + [length for _, length in PAIRS], dtype=np.int64)
"""Sounding length in ticks of each token; 0 for ``<start>``."""

SUBDIVISIONS: Final[tuple[int, ...]] = (30, 40, 48)
"""Ticks of a 64th, a triplet 32nd and a quintuplet 32nd: the finest step of each grid family."""

_RANK = {value: rank for rank, value in enumerate((0, *GRID))}

VOCABULARY: Final = Vocabulary(
    NAME,
    ("<start>", *tuple(f"{interval}/{length}" for interval, length in PAIRS)),
    {
        "interval": np.array([_RANK[int(value)] for value in INTERVAL]),
        "length": np.array([_RANK[int(value)] for value in LENGTH]),
    },
)

_NUMBER = {pair: index + 1 for index, pair in enumerate(PAIRS)}


def rhythm_token(interval: int, length: int) -> int | None:
    """Return the token for a pair in ticks, or None if the vocabulary has none."""
    return _NUMBER.get((interval, length))


def nearest(ticks: int) -> int:
    """Return the grid value nearest to `ticks`, the shorter one of two equally near."""
    right = min(int(np.searchsorted(GRID_ARRAY, ticks)), len(GRID) - 1)
    left = max(right - 1, 0)
    return GRID[left] if ticks - GRID[left] <= GRID[right] - ticks else GRID[right]


def longest_within(ticks: int) -> int:
    """Return the longest grid value that is not above `ticks`, which is at least the shortest."""
    return GRID[int(np.searchsorted(GRID_ARRAY, ticks, side="right")) - 1]
