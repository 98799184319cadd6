"""From written bars to a Score.

Repeats are unfolded, grace notes get their time, ties become one note, each bar keeps its real length,
and a time base is chosen that rounds nothing. Inside, time is counted in the largest unit of which
everything on the page is a multiple.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from math import gcd, lcm
from typing import Any

from symgen.errors import ReadError, ScoreError
from symgen.piece import Reading
from symgen.readers._bars import Bar
from symgen.readers._metres import mend_rounding, metre_changes, metre_length
from symgen.readers._repeats import play_order
from symgen.readers._ties import GRACE_UNITS, PlacedNote, with_graces, with_ties
from symgen.score import Key, Metre, NoteArray, Score, Section, Tempo, Text, make_notes
from symgen.units import TICKS_PER_QUARTER

MAX_PLAYED_BARS = 50_000
"""The longest guqin piece measured has about 500 bars; more than this is a repeat gone wrong."""

MAX_PLAYED_NOTES = 1_000_000
"""After repeats are unfolded."""

TIME_BASES = (TICKS_PER_QUARTER, 960, 10080)
"""Preferred time bases in ticks a quarter; 10080 = 2^5 * 3^2 * 5 * 7 is music21's own."""

FALLBACK_TIME_BASE = 10080
_LARGEST_TIME_BASE = 65535
_LARGEST_UNITS = 10**12
_LONGEST = 2**17
"""Quarters in a piece: 36 hours at 60 a minute, as for the other readers."""

_SAID_ONCE = frozenset({"text", "copyright", "track"})
"""Kinds of text that a repeat does not say again."""


def assemble(
    bars: Sequence[Bar],
    name: str,
    *,
    title: str = "",
    time_bases: Iterable[int] = (),
    lost: Counter[str] | None = None,
    mended: Counter[str] | None = None,
) -> Reading:
    """Play written bars as a Score.

    Parameters
    ----------
    bars : sequence of Bar
        As written.
    name : str
        The file's name, for messages.
    title : str
        Title of the piece.
    time_bases : iterable of int
        Further time bases worth trying, as the source's own divisions.
    lost, mended : Counter, optional
        Counts that the reader has made so far; they are continued.

    Returns
    -------
    Reading
        Voices are renumbered from 0 without gaps.

    Raises
    ------
    ReadError
        If there is no music, or unfolding it exceeds the limits.
    """
    lost, mended = Counter(lost), Counter(mended)
    for bar in bars:
        mend_rounding(bar, mended)
    played = _unfolded(bars, name, mended)
    units = _units(bars, name)
    starts = _starts(played, units)
    end = starts.pop()
    if end > _LONGEST * units:
        raise ReadError(f"{name} lasts {end // units:,} quarters", expected=f"at most {_LONGEST:,}", code="too-long")
    notes = with_ties(with_graces(_placed(played, starts, units), units), units, mended)
    notes = _in_range(notes, lost)
    if not notes and end == 0:
        raise ReadError(f"{name} holds no music", expected="at least one note or rest", code="no-music")
    metres = metre_changes(played, mended)
    times = [*starts, end, *(n.onset for n in notes), *(n.onset + n.duration for n in notes)]
    needed = units // gcd(units, *times, *(int(metre_length(metre) * units) for _, metre in metres))
    base = _time_base(needed, time_bases)
    if base % needed:
        mended["rounded-to-grid"] += sum(1 for time in times if time * base % units)

    def tick(time: int) -> int:
        return (2 * time * base + units) // (2 * units)

    array = _note_array(notes, tick)
    try:
        score = Score(
            array,
            ticks_per_quarter=base,
            metres=tuple({m.tick: m for m in (Metre(tick(starts[i]), *metre) for i, metre in metres)}.values()),
            title=title,
            end=max(tick(end), int((array["onset"] + array["duration"]).max(initial=0))),
            **_mark_maps(played, [tick(start) for start in starts], base, mended),
        )
    except ScoreError as error:
        found = f"{name} holds no valid score: {error.found}"
        raise ReadError(found, expected=error.expected, code="bad-score") from error
    return Reading(score, lost=+lost, mended=+mended)


def _unfolded(bars: Sequence[Bar], name: str, mended: Counter[str]) -> list[Bar]:
    """Return the bars in the order they are played."""
    order, expanded = play_order([bar.repeats for bar in bars], limit=MAX_PLAYED_BARS)
    if len(order) >= MAX_PLAYED_BARS:
        found = f"{name} has {MAX_PLAYED_BARS:,} bars or more with its repeats (MAX_PLAYED_BARS)"
        raise ReadError(found, expected="a shorter piece", code="cap-bars")
    count = sum(len(bars[index].notes) for index in order)
    if count > MAX_PLAYED_NOTES:
        limit = f"at most {MAX_PLAYED_NOTES:,} (MAX_PLAYED_NOTES)"
        raise ReadError(f"{name} has {count:,} notes with its repeats", expected=limit, code="cap-notes")
    if expanded:
        mended["repeat-expanded"] += expanded
    return [bars[index] for index in order if bars[index].length or bars[index].notes or bars[index].marks]


def _units(bars: Sequence[Bar], name: str) -> int:
    """Return into how many units a quarter is divided so that all times on the page are whole numbers of them."""
    denominators = {bar.length.denominator for bar in bars}
    denominators |= {metre_length(bar.metre).denominator for bar in bars if bar.metre}
    for bar in bars:
        for note in bar.notes:
            denominators.add(note.onset.denominator)
            denominators.add(note.duration.denominator)
    has_graces = any(note.duration == 0 for bar in bars for note in bar.notes)
    units = GRACE_UNITS if has_graces else 1
    for denominator in denominators:
        units = lcm(units, denominator)
        if units > _LARGEST_UNITS:
            found = f"{name} has durations that share no grid"
            raise ReadError(found, expected="musical durations", code="no-grid")
    return units


def _starts(played: Sequence[Bar], units: int) -> list[int]:
    """Return the time of each played bar, and of the end."""
    starts = [0]
    for bar in played:
        starts.append(starts[-1] + _in_units(bar.length, units))
    return starts


def _in_units(time: Fraction, units: int) -> int:
    return time.numerator * (units // time.denominator)


def _placed(played: Sequence[Bar], starts: Sequence[int], units: int) -> list[PlacedNote]:
    """Return the notes at their times in the piece, in the order of the page."""
    return [
        PlacedNote(start + _in_units(note.onset, units), _in_units(note.duration, units), note)
        for bar, start in zip(played, starts, strict=True)
        for note in bar.notes
    ]


def _in_range(notes: Sequence[PlacedNote], lost: Counter[str]) -> list[PlacedNote]:
    kept = [note for note in notes if 0 <= note.source.pitch <= 127]
    lost["pitch-out-of-range"] += len(notes) - len(kept)
    return kept


def _time_base(needed: int, further: Iterable[int]) -> int:
    """Return the smallest good time base that is a multiple of `needed`, or a fallback that rounds."""
    bases = {*TIME_BASES, *(base for base in further if TICKS_PER_QUARTER <= base <= _LARGEST_TIME_BASE)}
    for base in (*sorted(bases), lcm(needed, TICKS_PER_QUARTER), needed):
        if base % needed == 0 and base <= _LARGEST_TIME_BASE:
            return base
    return FALLBACK_TIME_BASE


def _note_array(notes: Sequence[PlacedNote], tick: Callable[[int], int]) -> NoteArray:
    voices = {voice: index for index, voice in enumerate(sorted({note.source.voice for note in notes}))}
    onsets = [tick(note.onset) for note in notes]
    sources = [note.source for note in notes]
    return make_notes(
        onset=onsets,
        duration=[max(1, tick(n.onset + n.duration) - onset) for n, onset in zip(notes, onsets, strict=True)],
        pitch=[source.pitch for source in sources],
        velocity=[source.velocity for source in sources],
        voice=[voices[source.voice] for source in sources],
        technique=[int(source.technique) for source in sources],
    )


def _mark_maps(played: Sequence[Bar], starts: Sequence[int], base: int, mended: Counter[str]) -> dict[str, Any]:
    """Return the Score's tempi, keys, sections and texts from the bars' marks; `starts` are ticks."""
    marks = []
    seen: set[int] = set()
    for bar, start in zip(played, starts, strict=True):
        for offset, mark in bar.marks:
            said_once = isinstance(mark, Text) and mark.kind in _SAID_ONCE
            if not (said_once and id(mark) in seen):
                within = min(max(offset, Fraction(0)), bar.length)  # printed positions may stray from the bar
                marks.append(replace(mark, tick=start + round(within * base)))
            seen.add(id(mark))
    marks.sort(key=lambda mark: mark.tick)
    tempi = [mark for mark in marks if isinstance(mark, Tempo)]
    good = [mark for mark in tempi if 1.0 <= mark.qpm <= 2000.0]
    mended["bad-tempo"] += len(tempi) - len(good)
    if good and good[0].tick > 0:
        good[0] = replace(good[0], tick=0)
        mended["tempo-from-start"] += 1
    return {
        "tempi": _changes(good),
        "keys": _changes([mark for mark in marks if isinstance(mark, Key)]),
        "sections": tuple(mark for mark in marks if isinstance(mark, Section)),
        "texts": tuple(mark for mark in marks if isinstance(mark, Text)),
    }


def _changes(events: Sequence[Any]) -> tuple[Any, ...]:
    """Return the last event of each tick, and of equal ones in a row the first."""
    result: list[Any] = []
    for event in {event.tick: event for event in events}.values():
        if not result or replace(result[-1], tick=event.tick) != event:
            result.append(event)
    return tuple(result)
