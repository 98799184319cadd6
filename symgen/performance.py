"""Performance: music as it is played.

Each note has a string, a place on it, a technique, a bend curve, a sounding length and a velocity.
The written :class:`~symgen.score.Score` stays beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from symgen.errors import ScoreError
from symgen.score import Score, Technique, Tempo
from symgen.units import ticks_to_seconds


@dataclass(frozen=True, slots=True)
class Bend:
    """One control point of a bend curve: `cents` from the note's pitch, `offset` ticks after its onset."""

    offset: int
    cents: float


_AT_ONCE = 5
"""Ticks within which strokes are one movement."""


@dataclass(frozen=True, slots=True)
class PlayedNote:
    """One attack.

    Parameters
    ----------
    onset, duration : int
        Ticks; the duration is the sounding length until the string is damped or plucked again.
    pitch : int
        MIDI note number that a bend of 0 cents gives.
    velocity : int
        1..127.
    string : int
        String number from 1, as the instrument counts; 0 where the instrument has no strings (voice).
    position : float
        Guqin: hui.fen of the stopping finger, 0.0 for an open string. Guzheng: semitones pressed.
    technique : Technique
        How the note is made.
    bends : tuple of Bend
        Bend curve in order of time, empty for none; straight lines between control points.
    finger, stroke, hand : str
        As of the :class:`~symgen.instruments.base.Placement`: the finger that stops or presses, the stroke, the
        striking hand; "" where unknown.
    ornament : str
        What the hands do to the note beyond striking it, by the names of the instrument's ornaments; several are
        joined by "+".
    written : int
        Onset in ticks of the written note that it belongs to; -1 if unknown.
    """

    onset: int
    duration: int
    pitch: int
    velocity: int
    string: int = 0
    position: float = 0.0
    technique: Technique = Technique.PLUCK
    bends: tuple[Bend, ...] = ()
    finger: str = ""
    stroke: str = ""
    hand: str = ""
    ornament: str = ""
    written: int = -1


@dataclass(frozen=True, slots=True)
class Performance:
    """A Score as it is played on an instrument.

    Parameters
    ----------
    score : Score
        What is written; its metres, keys, sections and texts hold for the performance too.
    notes : tuple of PlayedNote
        In order of onset.
    tempi : tuple of Tempo
        Tempo map of the performance, the first at tick 0.
    instrument, tuning : str
        Names in ``symgen.instruments``.
    program : int
        General MIDI program, 0-based.
    open_pitches : tuple of int
        The open strings of the tuning, string 1 first; empty where they are not known or there are none.
    """

    score: Score
    notes: tuple[PlayedNote, ...]
    tempi: tuple[Tempo, ...]
    instrument: str
    tuning: str
    program: int
    open_pitches: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.tempi or self.tempi[0].tick != 0:
            raise ScoreError("Performance.tempi does not begin at tick 0", expected="a tempo from the start")
        for earlier, later in pairwise(self.notes):
            if later.onset < earlier.onset:
                raise ScoreError(
                    f"Performance.notes holds onset {later.onset} after {earlier.onset}", expected="order of onset"
                )


def spliced(kept: Performance, new: Performance, spans: Sequence[tuple[int, int]]) -> Performance:
    """Return a performance that is `new` in some stretches of written time and `kept` everywhere else.

    Parameters
    ----------
    kept, new : Performance
        Their notes know what is written for them. The score, instrument and tuning are those of `new`.
    spans : sequence of (int, int)
        Stretches in ticks, from start up to end, in order and apart.

    Returns
    -------
    Performance
        Strings that are struck again in time are damped then, as ever; nothing else of what is kept changes.
    """

    def inside(tick: int) -> bool:
        return any(start <= tick < end for start, end in spans)

    notes = [note for note in kept.notes if not inside(note.written)]
    notes += [note for note in new.notes if inside(note.written)]
    notes.sort(key=lambda note: (note.onset, note.pitch, note.string))
    tempi = _spliced_tempi(kept.tempi, new.tempi, spans)
    return replace(new, notes=tuple(_damped(notes)), tempi=tempi)


def late_at_a_seam(performance: Performance, spans: Sequence[tuple[int, int]], marks: float, seconds: float) -> bool:
    """Tell whether the hand that stops comes too late where a stretch begins or ends.

    What is kept stays where it was fingered, what is new is fingered with it: they meet for the first time here.

    Parameters
    ----------
    performance : Performance
        Its notes know what is written for them.
    spans : sequence of (int, int)
        Stretches in ticks.
    marks, seconds : float
        More than so many marks, on to another string, take so long.
    """
    held = [note for note in performance.notes if note.string and note.position]
    tempi = [(tempo.tick, tempo.qpm) for tempo in performance.tempi]
    for seam in sorted({tick for span in spans for tick in span}):
        before = [note for note in held if note.written < seam]
        after = [note for note in held if note.written >= seam]
        if not before or not after:
            continue
        last = [note for note in before if note.onset >= before[-1].onset - _AT_ONCE]
        first = [note for note in after if note.onset <= after[0].onset + _AT_ONCE]
        if {note.string for note in last} & {note.string for note in first}:
            continue
        there, here = [note.position for note in last], [note.position for note in first]
        left, come = ticks_to_seconds([last[-1].onset, first[0].onset], tempi).tolist()
        if max(min(here) - max(there), min(there) - max(here)) > marks and come - left < seconds:
            return True
    return False


def _damped(notes: list[PlayedNote]) -> list[PlayedNote]:
    """Return the notes, each over when its string is struck again."""
    struck: dict[int, int] = {}
    found = []
    for note in reversed(notes):
        again = struck.get(note.string) if note.string else None
        if again is not None and note.onset < again < note.onset + note.duration:
            duration = again - note.onset
            note = replace(note, duration=duration, bends=tuple(b for b in note.bends if b.offset < duration))
        struck[note.string] = note.onset
        found.append(note)
    return found[::-1]


def _spliced_tempi(kept: Sequence[Tempo], new: Sequence[Tempo], spans: Sequence[tuple[int, int]]) -> tuple[Tempo, ...]:
    """Return the tempo map that is `new` within the spans and `kept` outside."""

    def at(tempi: Sequence[Tempo], tick: int) -> Tempo:
        return replace([tempo for tempo in tempi if tempo.tick <= tick][-1], tick=tick)

    found = {0: kept[0]} | {tempo.tick: tempo for tempo in kept}
    for start, end in spans:
        found = {tick: tempo for tick, tempo in found.items() if not start <= tick < end}
        found[end] = at(kept, end)
        found[start] = at(new, start)
        found |= {tempo.tick: tempo for tempo in new if start <= tempo.tick < end}
    ordered = [found[tick] for tick in sorted(found)]
    return tuple(tempo for place, tempo in enumerate(ordered) if not place or tempo.qpm != ordered[place - 1].qpm)
