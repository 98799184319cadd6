"""From ticks to the page: bars, rests, ties and tuplets, for all formats that write notation.

Each voice becomes one or more layers in which nothing overlaps. Times stay as they are where a page can
show them; others move to the nearest place of the grid that best fits their beat in that voice. What has
no length left gets the shortest one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor, lcm

import numpy as np

from symgen.errors import WriteError
from symgen.performance import Performance
from symgen.score import Metre, NoteArray, Score, Technique

GRIDS = (32, 48, 40, 56, 36)
"""Places in a quarter note that a page shows: 128th notes, and tuplets of 3, 5, 7 and 9 of them."""

FREE_BAR_QUARTERS = 4
"""Length of a measure where the metre is unknown."""

_VALUES = tuple(
    value for power in range(3, -6, -1) for value in (Fraction(3, 2) * Fraction(2) ** power, Fraction(2) ** power)
)
"""Lengths in quarters that one sign can show, plain or dotted, from the dotted breve to the 128th."""


@dataclass(frozen=True, slots=True)
class Tone:
    """One note of a chord as it is written."""

    pitch: int
    velocity: int
    technique: Technique


@dataclass(frozen=True, slots=True)
class Sign:
    """One sign on the page: a chord of tones, or a rest where there are none.

    Parameters
    ----------
    start, length : Fraction
        Quarters from the start of its bar, and quarters it lasts.
    value : Fraction
        Length of the sign itself; it differs from `length` in a tuplet.
    tuplet : (int, int)
        That many in the time of so many; (1, 1) outside tuplets.
    tones : tuple of Tone
        Lowest first.
    tied, ties : bool
        Continues the sign before; is continued by the next.
    """

    start: Fraction
    length: Fraction
    value: Fraction
    tuplet: tuple[int, int] = (1, 1)
    tones: tuple[Tone, ...] = ()
    tied: bool = False
    ties: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: where it begins and how long it is, in quarters, and the metre if it changes here."""

    start: Fraction
    length: Fraction
    metre: Metre | None


@dataclass(frozen=True, slots=True)
class Page:
    """A score on paper.

    Parameters
    ----------
    score : Score
        What is written.
    bars : tuple of Bar
        At least one.
    parts : tuple
        One a voice, in order: for each bar the signs of each layer. All bars of a part have the same number of
        layers, and every layer fills every bar, if with rests.
    """

    score: Score
    bars: tuple[Bar, ...]
    parts: tuple[tuple[tuple[tuple[Sign, ...], ...], ...], ...]


Event = tuple[Fraction, Fraction, tuple[Tone, ...]]  # onset, end, what sounds


def page(music: Score | Performance) -> Page:
    """Lay out a score; of a performance, what it was played from.

    Raises
    ------
    WriteError
        If there is nothing to write.
    """
    score = music.score if isinstance(music, Performance) else music
    if score.end == 0:
        raise WriteError("the score holds no notes and no rests", expected="music to write")
    edges = _bar_edges(score)
    voices = sorted(set(score.notes["voice"].tolist())) or [0]
    events = [_events(score, voice, edges) for voice in voices]
    bars = _bars(score, edges, {event[1] for voice in events for event in voice})
    parts = []
    for voice_events in events:
        layers = _layers(voice_events)
        parts.append(tuple(_bar_layers(bar, layers) for bar in bars))
    return Page(score, bars, tuple(parts))


def _bar_edges(score: Score) -> list[Fraction]:
    """Return the times of the bar lines, in quarters, without the one at the end."""
    if score.metres:
        return [Fraction(tick, score.ticks_per_quarter) for tick in score.bar_starts().tolist()]
    return [Fraction(start) for start in range(0, ceil(score.end / score.ticks_per_quarter), FREE_BAR_QUARTERS)]


def _bars(score: Score, edges: list[Fraction], ends: set[Fraction]) -> tuple[Bar, ...]:
    """Return the bars. The last is as short as the score if a page can show that, else it is filled.

    It cannot where a note ends in the same beat on another tuplet's grid: the rest between them would have no sign.
    """
    changes = {Fraction(metre.tick, score.ticks_per_quarter): metre for metre in score.metres}
    metre = score.metres[-1] if score.metres else Metre(0, FREE_BAR_QUARTERS, 4)
    full = Fraction(4 * metre.numerator, metre.denominator)
    end = Fraction(score.end, score.ticks_per_quarter)
    sounding = max(ends, default=Fraction(0))
    shown = any((end * grid).denominator == 1 for grid in GRIDS)
    near = {_odd_part(one) for one in (*ends, end) if floor(one) == floor(end)} - {1}
    if end < sounding or not shown or len(near) > 1:
        end = edges[-1] + full
        while end < sounding:
            edges.append(end)
            end += full
    return tuple(Bar(start, stop - start, changes.get(start)) for start, stop in pairwise([*edges, end]))


def _page_times(score: Score, notes: NoteArray, edges: Sequence[Fraction]) -> dict[int, tuple[Fraction, Fraction]]:
    """Return tick -> (time in quarters that a page can show, length of a note that would have none)."""
    ticks = np.unique(np.concatenate([notes["onset"], notes["onset"] + notes["duration"]]))
    starts = np.array([float(edge) for edge in edges])
    owners = np.searchsorted(starts, ticks / score.ticks_per_quarter + 1e-9, side="right") - 1
    beats: dict[tuple[int, int], list[tuple[int, Fraction]]] = {}
    for tick, owner in zip(ticks.tolist(), owners.tolist(), strict=True):
        offset = Fraction(tick, score.ticks_per_quarter) - edges[owner]
        beats.setdefault((owner, floor(offset)), []).append((tick, offset))
    times = {}
    for (owner, _), points in beats.items():
        grid = min(GRIDS, key=lambda grid: sum(abs(offset - _snapped(offset, grid)) for _, offset in points))
        for tick, offset in points:
            place = _snapped(offset, grid)
            # a place between two beats has neighbours of either grid: a 16th fits both
            times[tick] = (edges[owner] + place, Fraction(1, grid if place.denominator > 1 else 4))
    return times


def _snapped(offset: Fraction, grid: int) -> Fraction:
    return Fraction(round(offset * grid), grid)


def _events(score: Score, voice: int, edges: Sequence[Fraction]) -> list[Event]:
    """Return what begins and ends together in a voice, as chords in order of onset."""
    notes = score.notes[score.notes["voice"] == voice]
    times = _page_times(score, notes, edges)
    chords: dict[tuple[Fraction, Fraction], dict[int, Tone]] = {}
    for row in notes.tolist():
        onset, duration, pitch, velocity, _, technique = row
        (begin, shortest), (end, _) = times[onset], times[onset + duration]
        chord = chords.setdefault((begin, end if end > begin else begin + shortest), {})
        chord[pitch] = Tone(pitch, velocity, Technique(technique))
    return [(*span, tuple(chord[pitch] for pitch in sorted(chord))) for span, chord in sorted(chords.items())]


def _layers(events: Iterable[Event]) -> list[list[Event]]:
    """Return the events in as few layers as hold them without overlaps; there is at least one."""
    layers: list[list[Event]] = [[]]
    for event in events:
        free = next((layer for layer in layers if not layer or layer[-1][1] <= event[0]), None)
        if free is None:
            layers.append([event])
        else:
            free.append(event)
    return layers


def _bar_layers(bar: Bar, layers: Sequence[Sequence[Event]]) -> tuple[tuple[Sign, ...], ...]:
    """Return the signs of each layer in one bar."""
    stop = bar.start + bar.length
    inside = ([event for event in layer if event[0] < stop and event[1] > bar.start] for layer in layers)
    return tuple(tuple(_signs(bar, events)) for events in inside)


def _signs(bar: Bar, events: Sequence[Event]) -> Iterator[Sign]:
    """Yield the signs of one layer in one bar, rests in the gaps."""
    now, stop = bar.start, bar.start + bar.length
    for onset, end, tones in events:
        begin, until = max(onset, bar.start), min(end, stop)
        yield from _spelled(now - bar.start, begin - bar.start)
        yield from _spelled(begin - bar.start, until - bar.start, tones, tied=onset < bar.start, ties=end > stop)
        now = until
    yield from _spelled(now - bar.start, bar.length)


def _spelled(
    begin: Fraction, end: Fraction, tones: tuple[Tone, ...] = (), *, tied: bool = False, ties: bool = False
) -> Iterator[Sign]:
    """Yield the signs that together last from `begin` to `end` within a bar, tied where they sound."""
    pieces = list(_pieces(begin, end))
    for index, (start, length, value, tuplet) in enumerate(pieces):
        joined = (bool(tones) and (tied or index > 0), bool(tones) and (ties or index < len(pieces) - 1))
        yield Sign(start, length, value, tuplet, tones, *joined)


def _pieces(begin: Fraction, end: Fraction) -> Iterator[tuple[Fraction, Fraction, Fraction, tuple[int, int]]]:
    """Yield (start, length, value, tuplet) of the signs for a span; tuplets do not cross beats."""
    if begin >= end:
        return
    odd = lcm(_odd_part(begin), _odd_part(end))
    if odd > 1:
        middle = Fraction(floor(begin) + 1) if _odd_part(begin) > 1 else Fraction(floor(end))
        if begin < middle < end:
            yield from _pieces(begin, middle)
            yield from _pieces(middle, end)
            return
    normal = 1 << (odd.bit_length() - 1)
    scale = Fraction(normal, odd)
    left, start = (end - begin) / scale, begin
    while left:
        value = next((value for value in _VALUES if value <= left), left)
        yield start, value * scale, value, (odd, normal)
        left -= value
        start += value * scale


def _odd_part(time: Fraction) -> int:
    """Return the odd part of the denominator: 1 where notes halved again and again fall."""
    denominator = time.denominator
    return denominator // (denominator & -denominator)
