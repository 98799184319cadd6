"""The bars of a piece as rows of strokes: what is struck at once, and when.

A stroke is the unit in which music is varied and accompanied: its highest note is the melody, and what is struck with
it goes with it.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from symgen.score import NoteArray, Score, Technique
from symgen.tokens import rhythm

_TOGETHER = 24
"""Ticks within which notes are one stroke: less than the finest value of the grid."""

_ROUGH = (60, 40, 30)
"""Grids in ticks to which onsets are moved, for the generator's eyes alone, where they have no value of their own."""

_GRID = frozenset(rhythm.GRID)


@dataclass(frozen=True, slots=True)
class Stroke:
    """What is struck at once.

    Parameters
    ----------
    tick : int
        Where it begins.
    rows : tuple of int
        Its notes in the score, the highest first.
    grace : bool
        Whether it is a grace note and no more.
    """

    tick: int
    rows: tuple[int, ...]
    grace: bool


@dataclass(frozen=True)
class Bar:
    """A bar and what begins in it.

    Parameters
    ----------
    start, end : int
        In ticks.
    strokes : tuple of Stroke
        In order of time.
    content : hashable
        The same for bars of the same notes.
    harmonics : bool
        Whether it is all harmonics.
    """

    start: int
    end: int
    strokes: tuple[Stroke, ...]
    content: Hashable
    harmonics: bool

    @cached_property
    def mains(self) -> tuple[Stroke, ...]:
        """The strokes that are more than grace notes; all, if there is nothing else."""
        return tuple(stroke for stroke in self.strokes if not stroke.grace) or self.strokes

    def onsets(self, strokes: Sequence[Stroke]) -> tuple[int, ...] | None:
        """Return where strokes of this bar begin so that all values are on the grid, as near as can be.

        Parameters
        ----------
        strokes : sequence of Stroke
            At least one.

        Returns
        -------
        tuple of int or None
            Ticks from the start of the bar; None if they lie too close for any grid.
        """
        exact = [stroke.tick - self.start for stroke in strokes]
        length = self.end - self.start
        for unit in (1, *_ROUGH):
            moved = [unit * round(tick / unit) for tick in exact]
            values = [after - before for before, after in pairwise([*moved, length])]
            if all(value in _GRID for value in values) and (moved[0] == 0 or moved[0] >= rhythm.GRID[0]):
                return tuple(moved)
        return None


def bars_of(score: Score, lines: NDArray[np.int64]) -> tuple[Bar, ...]:
    """Return the bars of a score.

    Parameters
    ----------
    score : Score
        At 480 ticks a quarter.
    lines : ndarray of int64, shape (bars + 1,)
        Tick of each bar line, and of the last bar's end.
    """
    bounds = np.searchsorted(score.notes["onset"], lines).tolist()
    ticks = lines.tolist()
    return tuple(
        _bar(score.notes, start, end, range(first, after))
        for (start, end), (first, after) in zip(pairwise(ticks), pairwise(bounds), strict=True)
    )


def _bar(notes: NoteArray, start: int, end: int, rows: range) -> Bar:
    part = notes[rows.start : rows.stop]
    columns = [part[name].tolist() for name in ("onset", "duration", "pitch", "technique", "voice")]
    content = (end - start, tuple((onset - start, *others) for onset, *others in zip(*columns, strict=True)))
    harmonics = bool(len(part)) and bool((part["technique"] == Technique.HARMONIC).all())
    return Bar(start, end, tuple(strokes_of(notes, rows)), content, harmonics)


def strokes_of(notes: NoteArray, rows: range | None = None) -> list[Stroke]:
    """Return the strokes of some notes, by default all, in order of time."""
    rows = range(len(notes)) if rows is None else rows
    found: list[Stroke] = []
    group: list[int] = []
    onsets, pitches, techniques = (notes[name].tolist() for name in ("onset", "pitch", "technique"))

    def close() -> None:
        if group:
            grace = all(techniques[row] == Technique.GRACE for row in group)
            ordered = sorted(group, key=lambda row: -pitches[row])
            found.append(Stroke(min(onsets[row] for row in group), tuple(ordered), grace))
            group.clear()

    for row in rows:
        if group and onsets[row] - onsets[group[0]] > _TOGETHER:
            close()
        group.append(row)
    close()
    return found


def moves_of(tops: Sequence[int]) -> tuple[int, ...]:
    """Return whether each tone lies below (-1), on (0) or above (1) the one before it; nothing for the first."""
    return tuple((after > before) - (after < before) for before, after in pairwise(tops))
