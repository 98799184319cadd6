"""Setting: the written notes of a score as the hand that ornaments them sees them.

All of it is written time, so that what is chosen from it is the same however freely the score is then played.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

from symgen.instruments.base import Instrument, Placement, Tuning, cents_at
from symgen.instruments.curves import Space
from symgen.instruments.expression import metre_at, phrase_edges
from symgen.instruments.fingering import DEFAULT_QPM
from symgen.instruments.ringing import ring_seconds
from symgen.score import Score, Technique
from symgen.theory.degrees import PENTATONIC
from symgen.units import bar_ticks, ticks_to_seconds

HURRY = 1.15
"""Nobody plays faster than this times the written tempo; curves that fit at that speed fit at any."""

REACTION_SECONDS = 0.03
"""Left free before the next stroke: onsets move by a few milliseconds."""

NUT_CENTS = 25.0
"""A finger needs the string free of the nut by this much (hui 13.9)."""

USUAL_FEN_CENTS = 27.0
"""Cents of a tenth between two marks where vibrato is usually described: between hui 7 and 9."""

WIDTHS = (0.5, 1.3)
"""Least and greatest change of a vibrato's depth by the place on the string."""


@dataclass(frozen=True)
class Setting:
    """What is known of each written note. Each row of ornaments asks for all of it again, so columns are kept.

    Parameters
    ----------
    score, instrument, tuning : Score, Instrument, Tuning
        What is played, at 480 ticks per quarter note, and on what.
    places : tuple of Placement, one a note
        As fingered.
    marks : tuple of Technique, one a note
        As written.
    seconds : tuple of float, one a note
        Written onset.
    strokes : tuple of tuple of int
        Notes struck together, in order of time.
    stroke_of : tuple of int, one a note
        Place in `strokes`.
    written : tuple of float, one a note
        Written length in seconds.
    rings : tuple of float, one a note
        Seconds until the note has faded or the piece is over.
    phrases : tuple of int
        Ticks at which phrases begin, and the end of the last.
    """

    score: Score
    instrument: Instrument
    tuning: Tuning
    places: tuple[Placement, ...]
    marks: tuple[Technique, ...]
    seconds: tuple[float, ...]
    written: tuple[float, ...]
    strokes: tuple[tuple[int, ...], ...]
    stroke_of: tuple[int, ...]
    rings: tuple[float, ...]
    phrases: tuple[int, ...]

    @cached_property
    def pitches(self) -> tuple[int, ...]:
        """Written pitch of each note."""
        return tuple(self.score.notes["pitch"].tolist())

    @cached_property
    def onsets(self) -> tuple[int, ...]:
        """Written onset of each note in ticks."""
        return tuple(self.score.notes["onset"].tolist())

    @cached_property
    def kinds(self) -> Counter[Technique]:
        """How many notes are of each kind."""
        return Counter(place.technique for place in self.places)

    @cached_property
    def gaps(self) -> tuple[float, ...]:
        """Seconds until the next stroke, or until the note has faded, of each note."""
        after = [self.following(note) for note in range(len(self.places))]
        return tuple(
            min(ring if to is None else self.seconds[to] - begin, ring)
            for to, begin, ring in zip(after, self.seconds, self.rings, strict=True)
        )

    @cached_property
    def crowds(self) -> tuple[int, ...]:
        """How many notes are struck with each note, it being one."""
        return tuple(len(self.strokes[stroke]) for stroke in self.stroke_of)

    def kind(self, note: int) -> Technique:
        """Return whether a note is OPEN, STOPPED or HARMONIC; PLUCK where there are no strings."""
        return self.places[note].technique

    def pitch(self, note: int) -> int:
        """Return the written pitch."""
        return self.pitches[note]

    def onset(self, note: int) -> int:
        """Return the written onset in ticks."""
        return self.onsets[note]

    def alone(self, note: int) -> bool:
        """Return whether a note is struck by itself."""
        return self.crowds[note] == 1

    def following(self, note: int) -> int | None:
        """Return the first note of the next stroke."""
        after = self.stroke_of[note] + 1
        return self.strokes[after][0] if after < len(self.strokes) else None

    def before(self, note: int) -> int | None:
        """Return the first note of the stroke before."""
        earlier = self.stroke_of[note] - 1
        return self.strokes[earlier][0] if earlier >= 0 else None

    def gap(self, note: int) -> float:
        """Return the seconds until the next stroke, or until the note has faded."""
        return self.gaps[note]

    def gap_ticks(self, note: int) -> int:
        """Return the written ticks until the next stroke, or until the note is over."""
        after = self.following(note)
        if after is not None:
            return self.onset(after) - self.onset(note)
        return int(self.score.notes["duration"][note])

    def beat(self, note: int) -> float:
        """Return the weight of the note's place in the bar: 1 on the downbeat, 0.4 on a beat, 0.1 elsewhere."""
        return self._beats[note]

    @cached_property
    def _beats(self) -> tuple[float, ...]:
        return tuple(map(self._beat_at, self.onsets))

    def _beat_at(self, onset: int) -> float:
        metre = metre_at(self.score, onset)
        beat = bar_ticks(1, metre.denominator, self.score.ticks_per_quarter)
        within = (onset - metre.tick) % (beat * metre.numerator)
        return 1.0 if within == 0 else 0.4 if within % beat == 0 else 0.1

    def degree(self, note: int) -> int | None:
        """Return the semitones of the note above gong, if the score declares a gong there."""
        return self._degrees[note]

    @cached_property
    def _degrees(self) -> tuple[int | None, ...]:
        gongs = map(self.gong, self.onsets)
        return tuple(
            None if gong is None else (pitch - gong) % 12 for gong, pitch in zip(gongs, self.pitches, strict=True)
        )

    def gong(self, tick: int) -> int | None:
        """Return the pitch class of gong at `tick`, if the score declares one."""
        index = bisect_right(self.score.keys, tick, key=lambda key: key.tick) - 1
        return self.score.keys[index].gong if index >= 0 else None

    def steps(self, note: int) -> tuple[float, float]:
        """Return the cents to the next tones of the scale below and above; the open strings tell it without a gong."""
        return _steps(self.tuning.open_pitches, self.gong(self.onset(note)), self.pitch(note))

    def space(self, note: int, seconds: float, place: Placement | None = None) -> Space:
        """Return what the left hand can do at a note that has `seconds` for it, at its place or another one."""
        place = place or self.places[note]
        down, up = room(self.instrument, self.tuning, self.pitch(note), place)
        step_down, step_up = self.steps(note)
        width = _width(place.position, self.instrument.marks) if self.instrument.marks else 1.0
        return Space(seconds=seconds, down=down, up=up, step_down=step_down, step_up=step_up, width=width)


@lru_cache(maxsize=16384)
def _steps(opens: tuple[int, ...], gong: int | None, pitch: int) -> tuple[float, float]:
    scale = {pc % 12 for pc in opens} or set(range(12))
    if gong is not None:
        scale = {(gong + tone) % 12 for tone in PENTATONIC}
    down = next(step for step in range(1, 13) if (pitch - step) % 12 in scale)
    up = next(step for step in range(1, 13) if (pitch + step) % 12 in scale)
    return 100.0 * down, 100.0 * up


def room(instrument: Instrument, tuning: Tuning, pitch: int, placement: Placement) -> tuple[float, float]:
    """Return how many cents the pitch can be bent down and up at this place; open strings and harmonics cannot.

    On a fretless board the finger slides between nut and first mark; over movable bridges pressing only raises,
    and only a pressed string can be let down.
    """
    if placement.string == 0 or placement.technique == Technique.HARMONIC:
        return 0.0, 0.0
    rise = 100.0 * (pitch - tuning.open_pitches[placement.string - 1])
    if instrument.marks:
        if placement.technique == Technique.OPEN:
            return 0.0, 0.0
        return max(0.0, rise - NUT_CENTS), max(0.0, cents_at(1.0, instrument.marks) - rise)
    return rise, max(0.0, 100.0 * instrument.hands.extreme[placement.string - 1] - rise)


def _width(position: float, marks: Sequence[float]) -> float:
    """Return how a vibrato of a given part of the string grows or shrinks at `position`: in cents, not in fen."""
    if not 1.0 <= position < len(marks):
        return 1.0
    marks, later = tuple(marks), min(position + 0.1, len(marks) - 0.05)
    fen = cents_at(position, marks) - cents_at(later, marks)
    return min(WIDTHS[1], max(WIDTHS[0], fen / USUAL_FEN_CENTS))


def set_out(score: Score, instrument: Instrument, tuning: Tuning, places: Sequence[Placement], limit: int) -> Setting:
    """Return the setting of a fingered score at 480 ticks; nothing sounds after the tick `limit`."""
    tempi = [(tempo.tick, tempo.qpm) for tempo in score.tempi] or [(0, DEFAULT_QPM)]
    onsets, over = score.notes["onset"], score.notes["onset"] + score.notes["duration"]
    *seconds, end = ticks_to_seconds([*onsets.tolist(), limit], tempi, score.ticks_per_quarter).tolist()
    ends = ticks_to_seconds(over, tempi, score.ticks_per_quarter).tolist()
    written = tuple(stop - start for start, stop in zip(seconds, ends, strict=True))
    starts = [i for i in range(len(score)) if i == 0 or onsets[i] != onsets[i - 1]]
    strokes = tuple(tuple(range(start, stop)) for start, stop in pairwise([*starts, len(score)]))
    pitches = score.notes["pitch"].tolist()
    rings = tuple(
        min(ring_seconds(instrument, tuning, place, pitch) or length, end - start)
        for place, pitch, length, start in zip(places, pitches, written, seconds, strict=True)
    )
    return Setting(
        score=score,
        instrument=instrument,
        tuning=tuning,
        places=tuple(places),
        marks=tuple(Technique(value) for value in score.notes["technique"].tolist()),
        seconds=tuple(seconds),
        written=written,
        strokes=strokes,
        stroke_of=tuple(number for number, stroke in enumerate(strokes) for _ in stroke),
        rings=rings,
        phrases=tuple(phrase_edges(score)),
    )
