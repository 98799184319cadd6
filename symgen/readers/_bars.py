"""Bars: what notated scores have in common, and their way into a Score.

MusicXML, kern and jianpu all write bars of notes with ties, grace notes, repeats and metres that the
bars may or may not fill. Their readers describe what is on the page as a list of :class:`Bar`;
:func:`assemble` plays it: repeats are unfolded, grace notes get their time, ties become one note, each
bar keeps its real length, and a time base is chosen that rounds nothing.

Time inside bars is quarter notes as :class:`~fractions.Fraction`, so nothing is rounded before the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import lcm
from typing import Any

from symgen.errors import ReadError
from symgen.piece import Reading
from symgen.readers._repeats import RepeatMarks, play_order
from symgen.score import DEFAULT_VELOCITY, Key, Metre, Score, Section, Technique, Tempo, Text, make_notes
from symgen.units import TICKS_PER_QUARTER

MAX_PLAYED_BARS = 50_000
"""The longest guqin piece measured has about 500 bars; more than this is a repeat gone wrong."""

MAX_PLAYED_NOTES = 1_000_000
"""After repeats are unfolded."""

GRACE_LENGTH = Fraction(1, 8)
"""A grace note takes a 32nd from the note it leads to, less where that note is short."""

TIME_BASES = (TICKS_PER_QUARTER, 960, 10080)
"""Preferred time bases in ticks a quarter; 10080 = 2^5 * 3^2 * 5 * 7 is music21's own."""

ROUNDING = Fraction(1, 100)
"""Programs that round tuplets leave bars and ties short or long by less than this; a 256th is 1/64."""

FALLBACK_TIME_BASE = 10080
_LARGEST_TIME_BASE = 65535
_LARGEST_NUMERATOR = 255
_DENOMINATORS = (4, 8, 16, 32, 64)

Mark = Tempo | Key | Section | Text


@dataclass(slots=True)
class BarNote:
    """A note on the page.

    Parameters
    ----------
    onset, duration : Fraction
        Quarter notes from the start of the bar; a grace note has duration 0.
    pitch : int
        MIDI note number, sounding.
    voice, velocity, technique : int
        As in a Score.
    ties : bool
        Tied to the next note of its pitch and part.
    tied : bool
        Continues the note before.
    part : int
        Ties are looked for among the notes of one part.
    """

    onset: Fraction
    duration: Fraction
    pitch: int
    voice: int = 0
    velocity: int = DEFAULT_VELOCITY
    technique: Technique = Technique.PLUCK
    ties: bool = False
    tied: bool = False
    part: int = 0


@dataclass(slots=True)
class Bar:
    """One written bar.

    Parameters
    ----------
    length : Fraction
        Real length in quarter notes, whatever the metre says.
    metre : (numerator, denominator) or None
        The metre that holds in it; None where it is free or unknown.
    notes : list of BarNote
        In the order of the page.
    marks : list of (Fraction, Mark)
        Position in the bar in quarters, and the mark; its `tick` is set later.
    repeats : RepeatMarks
        Repeat signs, endings and jumps.
    """

    length: Fraction = Fraction(0)
    metre: tuple[int, int] | None = None
    notes: list[BarNote] = field(default_factory=list)
    marks: list[tuple[Fraction, Mark]] = field(default_factory=list)
    repeats: RepeatMarks = field(default_factory=RepeatMarks)


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
        _mend_rounding(bar, mended)
    played = _unfolded(bars, name, mended)
    starts = _starts(played)
    end = starts[-1] + played[-1].length if played else Fraction(0)
    notes = _joined(_graced(_placed(played, starts)), mended)
    notes = _in_range(notes, lost)
    if not notes and end == 0:
        raise ReadError(f"{name} holds no music", expected="at least one note or rest")
    metres = _metre_map(played, starts, mended)
    times = [n.onset for n in notes] + [n.onset + n.duration for n in notes] + starts + [end]
    base = _time_base([*times, *(_bar_length(num, den) for _, num, den in metres)], time_bases)
    if base is None:
        base = FALLBACK_TIME_BASE
        mended["rounded-to-grid"] += sum(1 for time in times if (time * base).denominator > 1)

    def tick(time: Fraction) -> int:
        return round(time * base)

    last = max([tick(end), *(tick(n.onset) + max(1, tick(n.duration)) for n in notes)])
    maps = _mark_maps(played, starts, tick, lost, mended)
    score = Score(
        _note_array(notes, tick),
        ticks_per_quarter=base,
        metres=tuple({tick(time): Metre(tick(time), num, den) for time, num, den in metres}.values()),
        title=title,
        end=last,
        **maps,
    )
    return Reading(score, lost=+lost, mended=+mended)


def _mend_rounding(bar: Bar, mended: Counter[str]) -> None:
    """Give a bar that misses its metre by a rounding error the length of the metre."""
    if bar.metre is not None and 0 < abs(bar.length - _bar_length(*bar.metre)) < ROUNDING:
        bar.length = _bar_length(*bar.metre)
        mended["rounded-bar"] += 1


def _unfolded(bars: Sequence[Bar], name: str, mended: Counter[str]) -> list[Bar]:
    """Return the bars in the order they are played."""
    order, expanded = play_order([bar.repeats for bar in bars], limit=MAX_PLAYED_BARS)
    if len(order) >= MAX_PLAYED_BARS:
        raise ReadError(f"{name} has {MAX_PLAYED_BARS:,} bars or more with its repeats", expected="a shorter piece")
    count = sum(len(bars[index].notes) for index in order)
    if count > MAX_PLAYED_NOTES:
        raise ReadError(f"{name} has {count:,} notes with its repeats", expected=f"at most {MAX_PLAYED_NOTES:,}")
    if expanded:
        mended["repeat-expanded"] += expanded
    return [bars[index] for index in order if bars[index].length or bars[index].notes or bars[index].marks]


def _starts(played: Sequence[Bar]) -> list[Fraction]:
    """Return the time of each played bar."""
    starts, time = [], Fraction(0)
    for bar in played:
        starts.append(time)
        time += bar.length
    return starts


def _placed(played: Sequence[Bar], starts: Sequence[Fraction]) -> list[BarNote]:
    """Return the notes with their onsets counted from the start of the piece, in the order of the page."""
    return [
        replace(note, onset=note.onset + start) for bar, start in zip(played, starts, strict=True) for note in bar.notes
    ]


def _graced(notes: Sequence[BarNote]) -> list[BarNote]:
    """Give each grace note a little of the time of the note it leads to; nothing else moves.

    Grace notes with the same onset are one chord only if the page says so, which the readers express by
    the same object order: here they follow one another. Where nothing follows in the voice, the note
    before gives its end.
    """
    pending: dict[int, list[BarNote]] = {}
    shift: dict[tuple[int, Fraction], Fraction] = {}
    result: list[BarNote] = []
    for note in notes:
        if note.duration == 0:
            pending.setdefault(note.voice, []).append(note)
            continue
        place = (note.voice, note.onset)
        if graces := pending.pop(note.voice, None):
            length = _grace_length(len(graces), note.duration)
            result += [replace(grace, onset=note.onset + i * length, duration=length) for i, grace in enumerate(graces)]
            shift[place] = shift.get(place, Fraction(0)) + len(graces) * length
        taken = shift.get(place, Fraction(0))
        if taken < note.duration:
            note = replace(note, onset=note.onset + taken, duration=note.duration - taken)
        result.append(note)
    for voice, graces in pending.items():
        _append_after(result, voice, graces)
    return result


def _append_after(result: list[BarNote], voice: int, graces: Sequence[BarNote]) -> None:
    """Let grace notes that close a voice take the end of its last note; without one they cannot sound."""
    last = next((i for i in reversed(range(len(result))) if result[i].voice == voice), None)
    if last is None:
        return
    note = result[last]
    length = _grace_length(len(graces), note.duration)
    rest = note.duration - len(graces) * length
    result[last] = replace(note, duration=rest)
    start = note.onset + rest
    result += [replace(grace, onset=start + i * length, duration=length) for i, grace in enumerate(graces)]


def _grace_length(count: int, duration: Fraction) -> Fraction:
    """Return the length of each of `count` grace notes: a 32nd, halved until they take at most half of `duration`."""
    length = GRACE_LENGTH
    while 2 * count * length > duration:
        length /= 2
    return length


def _joined(notes: Sequence[BarNote], mended: Counter[str]) -> list[BarNote]:
    """Merge tied notes; a tie whose other end is missing becomes a note of its own."""
    held: dict[tuple[int, int, int], BarNote] = {}
    result: list[BarNote] = []
    for note in sorted(notes, key=lambda n: n.onset):  # stable: the page's order within one onset
        if note.tied and (key := _tie_start(held, note)) is not None:
            held[key].duration = note.onset + note.duration - held[key].onset
            if not note.ties:
                del held[key]
            continue
        mended["tie-without-start"] += note.tied
        joined = replace(note)
        result.append(joined)
        if note.ties:
            held[note.part, note.voice, note.pitch] = joined
    return result


def _tie_start(held: Mapping[tuple[int, int, int], BarNote], note: BarNote) -> tuple[int, int, int] | None:
    """Return the key of the held note that `note` continues: of its own voice if there is one, else of its part."""
    own = (note.part, note.voice, note.pitch)
    others = (key for key in held if key[0] == note.part and key[2] == note.pitch)
    for key in (own, *others):
        before = held.get(key)
        if before is not None and abs(before.onset + before.duration - note.onset) < ROUNDING:
            return key
    return None


def _in_range(notes: Sequence[BarNote], lost: Counter[str]) -> list[BarNote]:
    kept = [note for note in notes if 0 <= note.pitch <= 127]
    lost["pitch-out-of-range"] += len(notes) - len(kept)
    return kept


def _bar_length(numerator: int, denominator: int) -> Fraction:
    return Fraction(4 * numerator, denominator)


def _metre_map(
    played: Sequence[Bar], starts: Sequence[Fraction], mended: Counter[str]
) -> list[tuple[Fraction, int, int]]:
    """Return (time, numerator, denominator) wherever the metre changes.

    A bar that its metre does not describe gets the metre of its real length, so that the bars after it
    stay on their bar lines. Lengths that no metre can name (a bar of triplets that stops short) are
    joined to the bar that follows. A short last bar needs no such help.
    """
    if all(bar.metre is None for bar in played):
        return []
    changes: list[tuple[Fraction, int, int]] = []
    carried = Fraction(0)
    for index, (bar, start) in enumerate(zip(played, starts, strict=True)):
        if bar.length == 0:
            continue
        length = carried + bar.length
        metre = bar.metre if bar.metre and _bar_length(*bar.metre) == length else None
        if metre is None:
            is_last = index == len(played) - 1
            if bar.metre and is_last and length < _bar_length(*bar.metre):
                metre = bar.metre
            else:
                metre = _metre_of(length, bar.metre[1] if bar.metre else 4)
                mended["irregular-bar"] += bar.metre is not None
        if metre is None:
            carried = length
            continue
        if not changes or changes[-1][1:] != metre:
            changes.append((start - carried, *metre))
        carried = Fraction(0)
    return changes


def _metre_of(length: Fraction, denominator: int) -> tuple[int, int] | None:
    """Return the metre of a bar of `length` quarters, in `denominator`s if they fit, or None if none can name it."""
    for unit in (denominator, *(d for d in _DENOMINATORS if d > denominator)):
        count = length * unit / 4
        if count.denominator == 1 and 1 <= count <= _LARGEST_NUMERATOR:
            return int(count), unit
    return None


def _time_base(times: Iterable[Fraction], further: Iterable[int]) -> int | None:
    """Return the smallest preferred time base that holds all times exactly, or their own; None if it is too large."""
    needed = lcm(*{time.denominator for time in times})
    bases = sorted({*TIME_BASES, *(base for base in further if 1 <= base <= _LARGEST_TIME_BASE)})
    fitting = (base for base in bases if base >= TICKS_PER_QUARTER and base % needed == 0)
    base = next(fitting, lcm(needed, TICKS_PER_QUARTER))
    return base if base <= _LARGEST_TIME_BASE else (needed if needed <= _LARGEST_TIME_BASE else None)


def _note_array(notes: Sequence[BarNote], tick: Any) -> Any:
    voices = {voice: index for index, voice in enumerate(sorted({note.voice for note in notes}))}
    return make_notes(
        (
            tick(note.onset),
            max(1, tick(note.onset + note.duration) - tick(note.onset)),
            note.pitch,
            note.velocity,
            voices[note.voice],
            int(note.technique),
        )
        for note in notes
    )


def _mark_maps(
    played: Sequence[Bar], starts: Sequence[Fraction], tick: Any, lost: Counter[str], mended: Counter[str]
) -> dict[str, Any]:
    """Return the Score's tempi, keys, sections and texts from the bars' marks."""
    marks = [
        replace(mark, tick=tick(start + offset))
        for bar, start in zip(played, starts, strict=True)
        for offset, mark in bar.marks
    ]
    marks.sort(key=lambda mark: mark.tick)
    good = [mark for mark in marks if isinstance(mark, Tempo) and 1.0 <= mark.qpm <= 2000.0]
    lost["tempo"] += sum(isinstance(mark, Tempo) for mark in marks) - len(good)
    if good and good[0].tick > 0:
        good[0] = replace(good[0], tick=0)
        mended["tempo-from-start"] += 1
    keys = [mark for mark in marks if isinstance(mark, Key)]
    return {
        "tempi": _changes(good),
        "keys": _changes(keys),
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
