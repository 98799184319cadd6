"""Bend curves as a pitch wheel can say them: values in steps, exact at the control points."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil

from symgen.performance import Bend, PlayedNote
from symgen.score import Tempo
from symgen.units import cents_to_bend

STEP_SECONDS, STEP_CENTS = 0.005, 5.0
"""Finest steps between two control points: denser messages choke old interfaces and nobody hears them."""

HELD_CENTS = 1.0
"""A control point this near to where the wheel stands needs no message."""

RESTRIKE = 0.6
"""Velocity of a note struck again because its curve leaves the wheel's range, as a share."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How many ticks lie at least between two messages, under a tempo map.

    Parameters
    ----------
    tempi : tuple of Tempo
        Tempo map; 120 where it is empty.
    ticks_per_quarter : int
        Time base.
    """

    tempi: tuple[Tempo, ...]
    ticks_per_quarter: int

    def ticks(self, seconds: float, tick: int) -> int:
        """Return the fewest whole ticks that last `seconds` at `tick`, at least 1."""
        index = bisect_right(self.tempi, tick, key=lambda tempo: tempo.tick) - 1
        qpm = self.tempi[max(0, index)].qpm if self.tempi else 120.0
        return max(1, ceil(seconds * qpm * self.ticks_per_quarter / 60.0))


def wheel(notes: Sequence[PlayedNote], semitones: Sequence[int], pace: Pace) -> list[tuple[int, int]]:
    """Return (tick, value) of the pitch wheel of one channel.

    One wheel bends all that sounds on a channel, so every curve ends, and the wheel rests, where its note ends
    or the next one begins. Of two curves that begin together the first is kept.

    Parameters
    ----------
    notes : sequence of PlayedNote
        In order of onset.
    semitones : sequence of int
        Bend range in which the wheel stands for each note.
    pace : Pace
        Least distance of messages between two control points.
    """
    onsets = sorted({note.onset for note in notes})
    moves: list[tuple[int, int]] = []
    for note, span in zip(notes, semitones, strict=True):
        if not note.bends or (moves and moves[-1][0] > note.onset):
            continue
        following = bisect_right(onsets, note.onset)
        end = note.onset + note.duration
        stop = min(end, onsets[following]) if following < len(onsets) else end
        value = 0
        for tick, cents in [*_sampled(note, stop, pace), (stop, 0.0)]:
            wanted = cents_to_bend(cents, span)
            if wanted != value:
                moves.append((tick, wanted))
                value = wanted
    return list(dict(moves).items())  # one message a tick, the last: some hosts keep no more


def _sampled(note: PlayedNote, stop: int, pace: Pace) -> Iterator[tuple[int, float]]:
    """Yield (tick, cents) before `stop`: all control points that matter, and steps on straight lines between them.

    The curve holds its first value before the first point.
    """
    points = [(note.onset + bend.offset, bend.cents) for bend in note.bends]
    held = points[0][1]
    yield note.onset, held
    for (tick, cents), (later, goal) in pairwise([(note.onset, held), *points]):
        pieces = int(abs(goal - cents) / STEP_CENTS)
        pieces = max(1, min(pieces, (later - tick) // pace.ticks(STEP_SECONDS, tick))) if pieces > 1 else 1
        for piece in range(1, pieces + 1):
            at = tick + (later - tick) * piece // pieces
            value = cents + (goal - cents) * piece / pieces
            if at >= stop:
                return
            if abs(value - held) > HELD_CENTS or (value == 0.0 != held):
                yield at, value
                held = value


def cents_at(bends: Sequence[Bend], offset: int) -> float:
    """Return the cents of a curve at `offset`: straight between control points, held before and after them."""
    if not bends or offset <= bends[0].offset:
        return bends[0].cents if bends else 0.0
    for earlier, later in pairwise(bends):
        if offset < later.offset:
            share = (offset - earlier.offset) / (later.offset - earlier.offset)
            return earlier.cents + (later.cents - earlier.cents) * share
    return bends[-1].cents


def deepest(notes: Sequence[PlayedNote]) -> float:
    """Return the largest distance in cents that a curve has from its note."""
    return max((abs(bend.cents) for note in notes for bend in note.bends), default=0.0)


def within(note: PlayedNote, semitones: int) -> Iterator[PlayedNote]:
    """Yield the note, softly struck again at the nearest semitone wherever its curve leaves the wheel's range.

    A slide of a fourth on a wheel of two semitones becomes two or three strokes, as a player without a slide
    would make it; nothing is flattened.
    """
    limit = 100.0 * semitones
    if deepest((note,)) <= limit:
        yield note
        return
    begin, base = 0, _nearest(note, cents_at(note.bends, 0), 0)
    for offset in [*_crossings(note, limit), note.duration]:
        if offset <= begin:
            continue
        yield _stroke(note, begin, offset, base)
        begin, base = offset, _nearest(note, cents_at(note.bends, offset), base)


def _crossings(note: PlayedNote, limit: float) -> Iterator[int]:
    """Yield the offsets at which a curve gets further from the pitch last struck than `limit` cents."""
    base = _nearest(note, cents_at(note.bends, 0), 0)
    for earlier, later in pairwise(note.bends):
        while abs(later.cents - base) > limit:
            edge = base + (limit if later.cents > base else -limit)
            slope = (later.cents - earlier.cents) / max(1, later.offset - earlier.offset)
            offset = earlier.offset + int((edge - earlier.cents) / slope) if slope else later.offset
            if not 0 < offset < note.duration:
                return
            yield offset
            moved = _nearest(note, edge, base)
            if moved == base:
                return
            base = moved


def _nearest(note: PlayedNote, cents: float, base: int) -> int:
    """Return the cents of the semitone nearest to a curve's value, or the old base where no note is so far."""
    nearest = 100 * round(cents / 100.0)
    return nearest if 0 <= note.pitch + nearest // 100 <= 127 else base


def _stroke(note: PlayedNote, begin: int, end: int, base: int) -> PlayedNote:
    """Return the part of a note between two offsets, struck at `base` cents from its pitch."""
    points = [Bend(begin, cents_at(note.bends, begin))]
    points += [bend for bend in note.bends if begin < bend.offset < end]
    points.append(Bend(end, cents_at(note.bends, end)))
    return replace(
        note,
        onset=note.onset + begin,
        duration=end - begin,
        pitch=note.pitch + base // 100,
        velocity=note.velocity if begin == 0 else max(1, round(RESTRIKE * note.velocity)),
        bends=tuple(Bend(bend.offset - begin, bend.cents - base) for bend in points),
    )
