"""What can be measured of a piece to tell whether it was read well: one table, one pass.

Each measure is a plain number that says one thing; what is made of it is for the rules to say
(:mod:`symgen.corpus.cleaning`). None depends on the pitch a piece stands on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from symgen.corpus.bars import bar_lengths
from symgen.score import NoteArray
from symgen.theory.degrees import PENTATONIC
from symgen.tokens.rhythm import GRID_ARRAY
from symgen.units import TICKS_PER_QUARTER

VERSION: Final = 1
"""Raised when a measure is defined anew, so that datasets made before are known to differ."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A row of :data:`MEASURES`: name, unit, and what it catches."""

    name: str
    unit: str
    catches: str


MEASURES: Final = (
    Measure("notes", "notes", "files with hardly any music"),
    Measure("distinct_pitches", "pitches", "drones, test tones, percussion"),
    Measure("longest_repeat", "share of the notes, 0..1", "pieces that stand still: the longest run of one pitch"),
    Measure("range", "semitones", "voices or hands written as one, wrong clefs"),
    Measure(
        "octave_leaps", "notes", "misread octave dots: single notes that only an octave's move brings near the others"
    ),
    Measure("octave_share", "share of the notes, 0..1", "the same, for music in which some such leaps are idiom"),
    Measure("odd_bars", "share of the bars, 0..1", "misread note values: bars of none of the lengths the piece uses"),
    Measure("off_grid", "share of the onsets, 0..1", "performed or damaged time: intervals that no token holds"),
    Measure("bian_share", "share of the sounding time, 0..1", "a wrong gong, a modulation, music of another kind"),
    Measure("silence", "share of the length, 0..1", "pieces with a hole: the longest rest"),
    Measure("density", "notes a quarter", "a broken time base"),
)
"""Every measure, in the order in which they are given."""

NAMES: Final = tuple(row.name for row in MEASURES)

NEIGHBOURS: Final = 8
"""Notes on either side that an octave leap is judged by: about two bars of folk song."""

LEAST_LEAP: Final = 7
"""Semitones in and out of a note out of place; moved by an octave, a leap of a fifth is one of a fourth."""

LEAST_LEAPS: Final = 18
"""Semitones of both leaps together."""

LEAST_OUTSIDE: Final = 6
"""Semitones by which it stands outside the range of its neighbours."""

MOST_BEYOND: Final = 2
"""Semitones by which it may exceed that range once it is moved by an octave."""

_AROUND = np.array([step for step in range(-NEIGHBOURS, NEIGHBOURS + 1) if step])
_IS_BIAN = np.array([degree not in PENTATONIC for degree in range(12)])
_LONGEST = int(GRID_ARRAY[-1])
_ON_GRID = np.isin(np.arange(_LONGEST + 1), np.append(GRID_ARRAY, 0))

Ints = NDArray[np.int64]


def measure(
    notes: NoteArray, *, gong: int, bar_starts: Ints | None = None, end: int, ticks_per_quarter: int = TICKS_PER_QUARTER
) -> dict[str, float]:
    """Measure one piece.

    Parameters
    ----------
    notes : ndarray of NOTE_DTYPE, shape (n,)
        In order of onset, as in a Score.
    gong : int
        Pitch class of gong; any integer counts modulo 12.
    bar_starts : ndarray of int64, shape (bars,), optional
        Ticks of the bar lines as the file marks them; None or few of them: no bar is odd.
    end : int
        Length of the piece in ticks.
    ticks_per_quarter : int
        Time base.

    Returns
    -------
    dict
        Each name of :data:`MEASURES` -> a finite number; all 0 where there is no note.
    """
    if not len(notes):
        return dict.fromkeys(NAMES, 0.0)
    onset, duration = notes["onset"], notes["duration"]
    pitch = notes["pitch"].astype(np.int64)
    begins, line = _top_line(onset, pitch)
    leaps = len(octave_leaps(line))
    odd = 0.0
    if bar_starts is not None and len(bar_starts):
        bars = bar_lengths(notes, bar_starts, ticks_per_quarter)
        odd = bars.odd / bars.bars if bars.bars else 0.0
    values = (
        len(notes),
        np.count_nonzero(np.bincount(pitch)),
        _longest_run(line) / len(line),
        pitch.max() - pitch.min(),
        leaps,
        leaps / len(line),
        odd,
        _off_grid(onset[begins], ticks_per_quarter),
        float(duration[_IS_BIAN[(pitch - gong) % 12]].sum() / duration.sum()),
        _longest_rest(onset, duration) / max(end, 1),
        len(notes) * ticks_per_quarter / max(end, 1),
    )
    return dict(zip(NAMES, map(float, values), strict=True))


def octave_leaps(line: Ints) -> Ints:
    """Return the places in a melody of notes that only a misread octave explains.

    A note counts that is leapt to and from in opposite directions (:data:`LEAST_LEAP`, :data:`LEAST_LEAPS`),
    that stands :data:`LEAST_OUTSIDE` semitones or more outside the range of the :data:`NEIGHBOURS` notes on
    either side, and that an octave nearer would lie within that range or at most :data:`MOST_BEYOND` outside it.

    Parameters
    ----------
    line : ndarray of int64, shape (n,)
        Pitches, one an onset.

    Returns
    -------
    ndarray of int64, shape (found,)
        Places in `line`, rising. The figures are chosen in docs/CLEANING.md, where their precision is given too.
    """
    step = np.diff(line)
    size = np.abs(step)
    found = (np.minimum(size[:-1], size[1:]) >= LEAST_LEAP) & (size[:-1] + size[1:] >= LEAST_LEAPS)
    places: Ints = np.flatnonzero(found & (step[:-1] * step[1:] < 0)) + 1
    if not len(places):
        return places
    around = line[np.clip(places[:, None] + _AROUND, 0, len(line) - 1)]
    low, high = around.min(axis=1), around.max(axis=1)
    rises = step[places - 1] > 0
    outside = np.where(rises, line[places] - high, low - line[places])
    moved = line[places] + np.where(rises, -12, 12)
    beyond = np.maximum(low - moved, moved - high)
    misplaced: Ints = places[(outside >= LEAST_OUTSIDE) & (beyond <= MOST_BEYOND)]
    return misplaced


def _top_line(onset: Ints, pitch: Ints) -> tuple[Ints, Ints]:
    """Return the index of the first note of each onset, and the highest pitch that begins there."""
    begins = np.flatnonzero(np.append(True, onset[1:] != onset[:-1]))
    return begins, pitch if len(begins) == len(pitch) else np.maximum.reduceat(pitch, begins)


def _longest_run(line: Ints) -> Any:
    """Return the number of notes in the longest run of one pitch."""
    changes = np.flatnonzero(line[1:] != line[:-1]) + 1
    return np.diff(np.concatenate(([0], changes, [len(line)]))).max()


def _off_grid(onset: Ints, ticks_per_quarter: int) -> Any:
    """Return the share of the intervals between onsets, the first from tick 0, that no rhythm token holds."""
    ticks = (2 * onset * TICKS_PER_QUARTER + ticks_per_quarter) // (2 * ticks_per_quarter)
    gaps = np.diff(ticks, prepend=0)
    return np.count_nonzero(~_ON_GRID[np.where(gaps > _LONGEST, (gaps - 1) % _LONGEST + 1, gaps)]) / len(gaps)


def _longest_rest(onset: Ints, duration: Ints) -> Any:
    """Return the ticks of the longest time before the last note in which nothing sounds."""
    sounded = np.maximum.accumulate(onset + duration)
    return max(0, onset[0], (onset[1:] - sounded[:-1]).max(initial=0))
