"""From notes to steps: the kernel of the codec, for one piece or many.

What the vocabularies hold reaches it as tables.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from symgen.native import Columns, inlined, kernel
from symgen.score import Technique
from symgen.tokens import chord, melody, rhythm

LOST: Final = ("off-grid-onset", "off-grid-length", "octave-folded")
"""What the kernel counts, in the order of its array of counts."""

_OFF_ONSET, _OFF_LENGTH, _FOLDED = range(len(LOST))
_CHORD_BASE = 38
"""Intervals below the melody tone go up to 36; as digits of this base they are 1 to 37, 0 where there is none."""
_MIDDLE = 128
_TONES = 2 * _MIDDLE + 12
"""A reference gong can lie up to eleven semitones below 0, and a tone 127 above that."""
_TOP = 255
"""Pitches are counted down from here, so that sorting brings the highest first."""
_MOST_BELOW, _DEEPEST = 3, 36
"""Tones of a sonority below the melody, and semitones of the deepest one."""
_REST, _NO_CHORD = melody.REST, chord.NO_CHORD


class Tables(NamedTuple):
    """The vocabularies as the kernel reads them.

    Parameters
    ----------
    nearest, within, rank : ndarray of int64, shape (longest grid value + 1,)
        For each number of ticks the nearest grid value, the longest that is not above it (0 if there is none), and
        the place in the grid, from 1 on, of a grid value (-1 for other ticks, 0 for 0).
    note : ndarray of int64, shape (grid values + 1, grid values + 1)
        Rhythm token of an interval and a length by their ranks; 0 where the vocabulary has none.
    tone : ndarray of int64, shape (techniques, 268)
        Melody token of a technique and a tone, 128 semitones added.
    folded : ndarray of bool, shape (268,)
        Whether that tone is moved by octaves.
    chords : ndarray of int64, shape (38 ** 3,)
        Chord token of up to three intervals below the melody; 0 where the inventory has none.
    """

    nearest: NDArray[np.int64]
    within: NDArray[np.int64]
    rank: NDArray[np.int64]
    note: NDArray[np.int64]
    tone: NDArray[np.int64]
    folded: NDArray[np.bool_]
    chords: NDArray[np.int64]


@cache
def tables() -> Tables:
    """Return the tables of the vocabularies as they are."""
    grid = rhythm.GRID
    ticks = range(grid[-1] + 1)
    rank = np.full(len(ticks), -1, np.int64)
    rank[[0, *grid]] = np.arange(len(grid) + 1)
    note = np.zeros((len(grid) + 1, len(grid) + 1), np.int64)
    for number, (interval, length) in enumerate(rhythm.PAIRS, start=1):
        note[rank[interval], rank[length]] = number
    tones = [[melody.melody_token(r - _MIDDLE, t) for r in range(_TONES)] for t in range(len(Technique))]
    chords = np.zeros(_CHORD_BASE**3, np.int64)
    for number, intervals in enumerate(chord.SONORITIES, start=1):
        chords[sum((value + 1) * _CHORD_BASE**place for place, value in enumerate(intervals))] = number
    return Tables(
        nearest=np.array([rhythm.nearest(tick) for tick in ticks]),
        within=np.array([rhythm.longest_within(tick) if tick >= grid[0] else 0 for tick in ticks]),
        rank=rank,
        note=note,
        tone=np.array([[token for token, _ in row] for row in tones]),
        folded=np.array([moved for _, moved in tones[0]]),
        chords=chords,
    )


@kernel
def write_files(
    first_note: Any,
    onset: Columns,
    duration: Columns,
    pitch: Columns,
    technique: Columns,
    lengths: Any,
    references: Any,
    rhythms: Columns,
    melodies: Columns,
    chords: Columns,
    first_step: Any,
    lost: Any,
    table: Any,
) -> None:
    """Write the steps of many pieces: :func:`write_steps` for each, with `first_step` filled and `lost` continued."""
    count = 0
    for piece in range(len(first_note) - 1):
        first_step[piece] = count
        if first_note[piece] < first_note[piece + 1]:
            count = write_steps(
                onset, duration, pitch, technique, first_note[piece], first_note[piece + 1], lengths[piece],
                references[piece], rhythms, melodies, chords, count, lost[piece], table,
            )  # fmt: skip
    first_step[len(first_note) - 1] = count


@kernel
def write_steps(
    onset: Columns,
    duration: Columns,
    pitch: Columns,
    technique: Columns,
    begin: int,
    end: int,
    length: int,
    reference: int,
    rhythms: Columns,
    melodies: Columns,
    chords: Columns,
    count: int,
    lost: Columns,
    table: Any,
) -> int:
    """Write the steps of the notes `begin` to `end`, at least one, from row `count` on.

    Parameters
    ----------
    onset, duration, pitch, technique : columns of int
        Notes in order of onset, at 480 ticks a quarter.
    length : int
        Length of the piece in ticks.
    reference : int
        MIDI note of the reference gong.
    rhythms, melodies, chords : columns
        Filled; :func:`most_steps` says how many rows are enough.
    lost : column
        Continued; see :data:`LOST`.
    table : Tables
        The vocabularies.

    Returns
    -------
    int
        Rows filled so far.
    """
    longest = len(table.nearest) - 1
    sounding = 0
    for row in range(begin, end):
        sounding = max(sounding, onset[row] + duration[row])
    longs, last = split_gap(onset[begin], False, lost, table)
    count = write_rests(longs, last, rhythms, melodies, chords, count, table)
    time = longs * longest + last  # where the steps so far have come to
    first = begin
    while first < end:
        stop = first + 1
        while stop < end and onset[stop] == onset[first]:
            stop += 1
        target = onset[stop] if stop < end else length
        rings = stop == end and sounding == length
        longs, last = split_gap(target - time, rings, lost, table)
        time += longs * longest + last
        if stop == first + 1:
            count = write_note(
                duration[first],
                pitch[first] - reference,
                technique[first],
                rhythms,
                melodies,
                chords,
                count,
                lost,
                table,
            )
        else:
            before = count
            count = write_onset(
                duration, pitch, technique, first, stop, reference, rhythms, melodies, chords, count, lost, table
            )
            for step in range(before, count - 1):
                rhythms[step] = table.note[0, table.rank[rhythms[step]]]
        held = table.rank[rhythms[count - 1]]
        joined = 0
        if longs == 0 or (longs == 1 and last == 0):
            joined = table.note[table.rank[longest if longs else last], held]
        rhythms[count - 1] = joined if joined else table.note[0, held]
        if joined == 0:
            count = write_rests(longs, last, rhythms, melodies, chords, count, table)
        first = stop
    return count


def most_steps(notes: int, length: int) -> int:
    """Return the most steps that so many notes can take in a piece of `length` ticks."""
    return 2 * notes + length // rhythm.GRID[-1] + 4


@inlined
def split_gap(gap: int, rings: bool, lost: Columns, table: Any) -> tuple[int, int]:
    """Return how many of the longest grid value, and what last one (or 0), come nearest to `gap` ticks.

    Where the last note `rings` to the end, its length says how long the gap is, and the intervals stay within it.
    """
    longest = len(table.nearest) - 1
    longs = max(0, (gap - 1) // longest)
    gap -= longs * longest
    last = 0
    if rings:
        last = table.within[gap] if gap > 0 else 0
    elif gap > 0 and gap >= table.nearest[0] // 2:
        last = table.nearest[gap]
        lost[_OFF_ONSET] += 1 if last != gap else 0
    elif gap != 0:
        lost[_OFF_ONSET] += 1
    return longs, last


@inlined
def write_rests(
    longs: int, last: int, rhythms: Columns, melodies: Columns, chords: Columns, count: int, table: Any
) -> int:
    """Write rests as long as :func:`split_gap` found; return the rows filled so far."""
    longest = len(table.nearest) - 1
    for rest in range(longs + 1):
        value = longest if rest < longs else last
        if value:
            rank = table.rank[value]
            rhythms[count], melodies[count], chords[count] = table.note[rank, rank], _REST, _NO_CHORD
            count += 1
    return count


@inlined
def write_note(
    duration: int,
    relative: int,
    technique: int,
    rhythms: Columns,
    melodies: Columns,
    chords: Columns,
    count: int,
    lost: Columns,
    table: Any,
) -> int:
    """Write a note that is struck alone, `relative` semitones above the reference, as :func:`write_onset` does."""
    length = table.nearest[min(duration, len(table.nearest) - 1)]
    lost[_OFF_LENGTH] += 1 if length != duration else 0
    lost[_FOLDED] += 1 if table.folded[relative + _MIDDLE] else 0
    rhythms[count], melodies[count], chords[count] = length, table.tone[technique, relative + _MIDDLE], _NO_CHORD
    return count + 1


@kernel
def write_onset(
    duration: Columns,
    pitch: Columns,
    technique: Columns,
    first: int,
    stop: int,
    reference: int,
    rhythms: Columns,
    melodies: Columns,
    chords: Columns,
    count: int,
    lost: Columns,
    table: Any,
) -> int:
    """Write what is struck together, the highest tone last, with grid lengths in place of rhythm tokens.

    Notes of one length and technique form a sonority; tones outside the inventory form further ones.
    """
    longest = len(table.nearest) - 1
    size = stop - first
    packed = np.empty(size, np.int64)  # by length, technique, and pitch from the top
    for member in range(size):
        length = table.nearest[min(duration[first + member], longest)]
        lost[_OFF_LENGTH] += 1 if length != duration[first + member] else 0
        packed[member] = (length << 8 | technique[first + member]) << 8 | (_TOP - pitch[first + member])
    packed.sort()
    found = np.empty(size, np.int64)
    copies = np.zeros(_TOP + 1, np.int64)  # of each pitch, counted from the top: the same one struck thousands of times
    sonorities = 0
    begin = 0
    while begin < size:
        end = begin
        while end < size and packed[end] >> 8 == packed[begin] >> 8:
            copies[packed[end] & _TOP] += 1
            end += 1
        left = end - begin
        highest = packed[begin] & _TOP
        while left:
            while copies[highest] == 0:
                highest += 1
            copies[highest] -= 1
            code, members = take_below(highest, left - 1, copies, table)
            left -= members + 1
            length, way, top = packed[begin] >> 16, packed[begin] >> 8 & 255, _TOP - highest
            tone = top - reference + _MIDDLE
            lost[_FOLDED] += members + 1 if table.folded[tone] else 0
            found[sonorities] = ((top << 16 | length) << 16 | table.tone[way, tone]) << 16 | table.chords[code]
            sonorities += 1
        begin = end
    found = found[:sonorities]
    found.sort()
    for member in range(sonorities):
        rhythms[count] = found[member] >> 32 & 0xFFFF
        melodies[count] = found[member] >> 16 & 0xFFFF
        chords[count] = found[member] & 0xFFFF
        count += 1
    return count


@inlined
def take_below(highest: int, others: int, copies: Any, table: Any) -> tuple[int, int]:
    """Take from `copies` what makes a sonority of the inventory under its highest tone: all, or as it comes.

    Parameters
    ----------
    highest : int
        Place of the highest tone, which is taken already.
    others : int
        How many tones are left.
    copies : ndarray of int64
        How often each pitch is there, from the top.

    Returns
    -------
    code, members : int
        Place of the sonority in ``table.chords``, and how many tones were taken.
    """
    code, members, place = 0, 0, 1
    last = min(highest + _DEEPEST, _TOP)
    if others <= _MOST_BELOW:
        for other in range(highest, last + 1):
            for _ in range(copies[other]):
                code += (other - highest + 1) * place
                place *= _CHORD_BASE
                members += 1
    whole = members == others and table.chords[code] > 0
    if not whole:
        code, members, place = 0, 0, 1
    for other in range(highest, last + 1):
        if whole:
            copies[other] = 0
        while (
            copies[other] > 0
            and not whole
            and members < _MOST_BELOW
            and table.chords[code + (other - highest + 1) * place] > 0
        ):
            copies[other] -= 1
            code += (other - highest + 1) * place
            place *= _CHORD_BASE
            members += 1
    return code, members
