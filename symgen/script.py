"""What of a piece stands already, what is free, and what comes again: the script that a piece is written by.

A script is a row of segments that follow each other without a gap. Composing has one free segment; continuing has a
fixed one before it; filling in has fixed ones on both sides; a form whose themes return has segments that come again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from symgen.tokens import chord, melody, rhythm
from symgen.tokens.sequence import TokenSequence

Step: TypeAlias = tuple[int, int, int]
"""Tokens of one step: rhythm, melody, chord."""


@dataclass(frozen=True)
class Locks:
    """What is kept of a segment while the rest is written anew, one value a step; empty for what is free.

    Parameters
    ----------
    rhythm, melody, chord : tuple of int
        Tokens that stay.
    moves : tuple of int
        -1, 0 or 1 by step: whether its tone lies below, on or above the tone before it, at any distance; 2 for
        anything. For the first tone of a segment the tone before is the last one in front of it.
    bounds : tuple of (int, int)
        The lowest and the highest tone that each step may have, in semitones above the reference gong, where it can.
    steps : int
        How many steps the segment has; 0 leaves it open. Any other lock says it too.

    Raises
    ------
    ValueError
        If they differ in length.
    """

    rhythm: tuple[int, ...] = ()
    melody: tuple[int, ...] = ()
    chord: tuple[int, ...] = ()
    moves: tuple[int, ...] = ()
    bounds: tuple[tuple[int, int], ...] = ()
    steps: int = 0

    ANY: Final = 2

    def __post_init__(self) -> None:
        lengths = {len(row) for row in (self.rhythm, self.melody, self.chord, self.moves, self.bounds) if row}
        lengths |= {self.steps} if self.steps else set()
        if len(lengths) > 1:
            raise ValueError(f"locks of {sorted(lengths)} steps")

    @cached_property
    def count(self) -> int:
        """How many steps the segment has; 0 if that is open."""
        return max(self.steps, *map(len, (self.rhythm, self.melody, self.chord, self.moves, self.bounds)))


@dataclass(frozen=True)
class Fixed:
    """Steps that stand.

    Parameters
    ----------
    steps : tuple of Step
        The steps.
    """

    steps: tuple[Step, ...]

    @cached_property
    def ticks(self) -> int:
        """Length in ticks."""
        return sum(int(rhythm.INTERVAL[step[0]]) for step in self.steps)


@dataclass(frozen=True)
class Free:
    """A stretch that is to be written.

    Parameters
    ----------
    ticks : int
        Its length: a whole number of eighths.
    locks : Locks, optional
        What is kept of it.
    cadence : int, optional
        Degree, in semitones above gong, on which it comes to rest in its last beats. The end of a piece always closes
        on the final of its mode.
    """

    ticks: int
    locks: Locks | None = None
    cadence: int | None = None


@dataclass(frozen=True)
class Again:
    """A stretch that repeats what was written from `start` ticks on, as long as it is.

    Parameters
    ----------
    start, ticks : int
        Where it was first, and its length; it ends before this segment begins.
    """

    start: int
    ticks: int


Segment: TypeAlias = Fixed | Free | Again
Script: TypeAlias = tuple[Segment, ...]


def cut(steps: Sequence[Step], start: int, end: int) -> tuple[Step, ...]:
    """Return the steps that begin from `start` up to `end` ticks, as long together as the stretch is.

    A step that begins before the stretch leaves a rest where it sounds into it, and one that goes beyond its end is
    cut there. Where the stretch does not fit the values that tokens have, all onsets move to the nearest 64th.

    Parameters
    ----------
    steps : sequence of Step
        Of a piece from tick 0 on.
    start, end : int
        The stretch, a whole number of 64ths.
    """
    found: list[Step] = []
    inside: list[tuple[int, Step]] = []
    time = 0
    for step in steps:
        begin, time = time, time + int(rhythm.INTERVAL[step[0]])
        if begin >= end:
            break
        if begin < start:
            found = rests(min(time, end) - start) if time > start else []
            continue
        inside.append((begin, step))
        found += [step] if time <= end else _shortened(step, end - begin)
    found += rests(end - max(time, start)) if time < end else []
    exact = sum(int(rhythm.INTERVAL[step[0]]) for step in found) == end - start
    return tuple(found if exact else _moved_to_64ths(inside, start, end))


def _moved_to_64ths(inside: Sequence[tuple[int, Step]], start: int, end: int) -> list[Step]:
    """Return steps that begin at given ticks, each moved to the nearest 64th of a stretch."""
    finest = rhythm.GRID[0]
    onsets = [min(start + round((begin - start) / finest) * finest, end - finest) for begin, _ in inside]
    if not inside:
        return rests(end - start)
    found = rests(onsets[0] - start)
    for onset, after, (_, step) in zip(onsets, [*onsets, end][1:], inside, strict=True):
        found += _shortened(step, after - onset) if after > onset else [_at_once(step)]
    return found


def _at_once(step: Step) -> Step:
    """Return a step that the next one begins together with."""
    token = rhythm.rhythm_token(0, rhythm.nearest(int(rhythm.LENGTH[step[0]])))
    assert token is not None  # every value of the grid has one
    return token, step[1], step[2]


def _shortened(step: Step, ticks: int) -> list[Step]:
    """Return a step that lasts so many ticks, with rests if no token says that."""
    length = min(int(rhythm.LENGTH[step[0]]), ticks)
    whole = rhythm.rhythm_token(ticks, length) or rhythm.rhythm_token(ticks, ticks)
    if whole is not None:
        return [(whole, step[1], step[2])]
    found = rests(ticks)
    if found:  # the note takes the first value, and rests the others
        found[0] = (found[0][0], step[1], step[2])
    return found


@lru_cache(maxsize=4096)
def _rest_values(ticks: int) -> tuple[int, ...]:
    """Return grid values that add up to `ticks`, or to as much of it as can be said."""
    values: list[int] = []
    while ticks >= rhythm.GRID[0]:
        value = rhythm.longest_within(ticks)
        for smaller in reversed(rhythm.GRID[: rhythm.GRID.index(value) + 1]):
            if ticks - smaller == 0 or ticks - smaller >= rhythm.GRID[0]:
                value = smaller
                break
        values.append(value)
        ticks -= value
    return tuple(values)


def rests(ticks: int) -> list[Step]:
    """Return rests of so many ticks together; less than a 64th is left out."""
    found: list[Step] = []
    for value in _rest_values(ticks):
        token = rhythm.rhythm_token(value, value)
        assert token is not None  # every value of the grid has one
        found.append((token, melody.REST, chord.NO_CHORD))
    return found


def steps_of(sequence: TokenSequence) -> tuple[Step, ...]:
    """Return the steps of a piece."""
    return tuple((int(r), int(m), int(c)) for r, m, c in sequence.steps().tolist())


def length_of(script: Script) -> int:
    """Return the length of a script in ticks."""
    return sum(segment.ticks for segment in script)


class Landing:
    """From where a given number of steps can end exactly at the end of a stretch.

    Parameters
    ----------
    allowed : ndarray of bool, shape (ticks of the stretch, longest interval + 1)
        Which inter-onset intervals may begin how many ticks after its start.
    start : int
        Where it begins in ticks.
    steps : int
        How many steps it has.
    """

    def __init__(self, allowed: NDArray[np.bool_], start: int, steps: int) -> None:
        self._start = start
        span = allowed.shape[0]
        self._reached = np.zeros((steps + 1, span + 1), dtype=np.bool_)
        self._reached[0, span] = True
        for left in range(1, steps + 1):
            for interval in np.flatnonzero(allowed[:, : span + 1].any(axis=0)).tolist():
                places = np.flatnonzero(allowed[: span + 1 - interval, interval])
                self._reached[left, places] |= self._reached[left - 1, places + interval]

    def lands(self, left: int, ticks: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell for ticks whether `left` steps that begin there can end at the end; False beyond the stretch."""
        places = ticks - self._start
        inside = (places >= 0) & (places < self._reached.shape[1])
        found = np.zeros(len(ticks), dtype=np.bool_)
        found[inside] = self._reached[left, places[inside]]
        return found
