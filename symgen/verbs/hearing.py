"""Music off the grid as the generator hears it: what people played, or a host moved, on the nearest note values.

Only what the generator is told changes. The music itself stays where it is, to the tick.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from symgen.score import NoteArray, Score
from symgen.tokens.codec import encode
from symgen.units import TICKS_PER_QUARTER
from symgen.verbs.sources import Source

__all__ = ["as_heard", "off_the_grid", "on_the_grid"]

MOST_OFF: Final = 0.1
"""Share of onsets off every note value from which on music is heard on the nearest ones."""

_VALUES: Final = (30, 40)
"""64ths, and triplets of 32nds: what a page says."""

_GRIDS: Final = (120, 160, 60)
"""Grids of a beat, the plainer first: sixteenths, triplets of eighths, 32nds."""

_PLAINER: Final = 12.0
"""Ticks by which an onset has to lie nearer on a less plain grid, on average of its beat."""

_LUMPED: Final = 40.0
"""What it counts, in ticks, that two strokes fall together which were apart."""

_APART: Final = 45
"""Ticks from which on two strokes are not one chord that was rolled."""


def off_the_grid(score: Score) -> float:
    """Return the share of onsets that are on no note value, of a score at 480 ticks a quarter."""
    onsets = np.unique(score.notes["onset"])
    if not len(onsets):
        return 0.0
    off: NDArray[np.bool_] = np.logical_and.reduce([onsets % value != 0 for value in _VALUES])
    return float(off.mean())


def on_the_grid(score: Score) -> Score:
    """Return a score at 480 ticks a quarter with each onset on the grid that suits its beat, and each end on a 32nd."""
    notes = score.notes.copy()
    before = np.unique(notes["onset"])
    after = _placed(before)
    moved = after[np.searchsorted(before, notes["onset"])]
    ends = np.rint((notes["onset"] + notes["duration"]) / 60).astype(np.int64) * 60
    notes["onset"] = moved
    notes["duration"] = np.maximum(60, ends - moved)
    return replace(score, notes=notes, end=max(score.end, _end(notes)))


def _placed(onsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return onsets, ascending, on the grid of their beats; what lies right before a beat belongs to it."""
    beats = (onsets + TICKS_PER_QUARTER // 8) // TICKS_PER_QUARTER
    found = onsets.copy()
    for beat in np.unique(beats).tolist():
        inside = beats == beat
        some = onsets[inside]
        tried = [np.rint(some / grid).astype(np.int64) * grid for grid in _GRIDS]
        costs = [_cost(some, there) + _PLAINER * place for place, there in enumerate(tried)]
        found[inside] = tried[int(np.argmin(costs))]
    ordered: NDArray[np.int64] = np.maximum.accumulate(found)
    return ordered


def _cost(onsets: NDArray[np.int64], there: NDArray[np.int64]) -> float:
    lumped = int(np.count_nonzero((np.diff(there) == 0) & (np.diff(onsets) >= _APART)))
    return float(np.abs(onsets - there).mean()) + _LUMPED * lumped


def _end(notes: NoteArray) -> int:
    return int((notes["onset"] + notes["duration"]).max(initial=0))


def as_heard(source: Source) -> Source:
    """Return a source whose tokens are on the grid, with a remark, if what it was played like is not."""
    share = off_the_grid(source.score)
    if share <= MOST_OFF:
        return source
    tokens = encode(on_the_grid(source.score), style=source.style.name, gong=source.gong)
    tokens = replace(tokens, gong=source.tokens.gong, prefix=source.tokens.prefix)
    remark = f"{share:.0%} of the source's onsets are off the grid: it stays so, but is heard on the nearest values"
    return replace(source, tokens=tokens, remarks=(*source.remarks, remark))
