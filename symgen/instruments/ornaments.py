"""Bend curves: what the stopping hand does to the pitch of a sounding note."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import cos, exp, pi, sin
from random import Random

from symgen.instruments.base import Instrument, Placement, Tuning
from symgen.instruments.shapes import Ornament, Slide, Vibrato
from symgen.performance import Bend, PlayedNote
from symgen.score import Technique

MOST_CENTS = 200.0
"""Widest bend: two semitones is what every synthesiser's wheel covers unasked."""

LEAST_CENTS = 15.0
"""Smaller bends are not heard as slides or vibrato."""

POINTS_A_TURN = 12
"""Control points of one turn of a vibrato; straight lines between them stay within 4 % of the sine."""

NUT_CENTS = 25.0
"""A finger needs the string free of the nut by this much (hui 13.9)."""

PRESS_VIBRATO_CENTS = 50.0
"""What a vibrato may add on top of the deepest press."""


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
        return max(0.0, rise - NUT_CENTS), max(0.0, 3600.0 - rise)
    return rise, max(0.0, 100.0 * instrument.hands.extreme[placement.string - 1] - rise)


def curve(
    ornament: Ornament, seconds: float, reach: tuple[float, float], ticks_per_second: float, random: Random
) -> tuple[Bend, ...]:
    """Return the bend curve of an ornament; it begins and ends within the note and ends on its pitch.

    Parameters
    ----------
    ornament : Ornament
        Shape and limits.
    seconds : float
        Time until the note ends or the next one begins.
    reach : (float, float)
        Cents down and up, as from :func:`room`.
    ticks_per_second : float
        Speed at the note.
    random : random.Random
        Source of variety.

    Returns
    -------
    tuple of Bend
        Empty where the hand has no room for it.
    """
    if isinstance(ornament.curve, Slide):
        points = _slide(ornament.curve, seconds, reach, random)
    else:
        points = _vibrato(ornament.curve, seconds, reach, random)
    return tuple(Bend(round(at * ticks_per_second), cents) for at, cents in points)


def _slide(shape: Slide, seconds: float, reach: tuple[float, float], random: Random) -> list[tuple[float, float]]:
    """Return (seconds, cents) of a glide that eases out into the note."""
    cents = random.uniform(*shape.cents)
    down, up = (min(MOST_CENTS, limit) for limit in reach)
    cents = max(-down, min(up, cents))
    length = min(random.uniform(*shape.seconds), 0.4 * seconds)
    if abs(cents) < LEAST_CENTS:
        return []
    steps = 6
    return [(length * step / steps, cents * (1.0 - step / steps) ** 2) for step in range(steps + 1)]


def _vibrato(shape: Vibrato, seconds: float, reach: tuple[float, float], random: Random) -> list[tuple[float, float]]:
    """Return (seconds, cents) of whole turns between the delay and the point of rest."""
    depth, hertz = random.uniform(*shape.cents), random.uniform(*shape.hertz)
    begin = random.uniform(*shape.delay)
    depth = min(depth, PRESS_VIBRATO_CENTS if shape.upward else min(reach))
    turns = int((seconds * shape.until - begin) * hertz)
    if depth < LEAST_CENTS or turns < 2:
        return []
    count = turns * POINTS_A_TURN
    points = []
    for step in range(count + 1):
        phase = 2 * pi * step / POINTS_A_TURN
        swing = (1.0 - cos(phase)) / 2 if shape.upward else sin(phase)
        fade = exp(-1.5 * step / count) if shape.decays else 1.0
        points.append((begin + step / (POINTS_A_TURN * hertz), round(depth * fade * swing, 2)))
    points[0] = (begin, 0.0)
    points[-1] = (points[-1][0], 0.0)
    return points


def add_bends(
    notes: list[PlayedNote], written: Sequence[int], marks: Sequence[Technique], player: Player, random: Random
) -> None:
    """Give bend curves to notes that are struck alone, in place.

    One wheel bends all that sounds on a channel: whatever rings on ends where a bent note begins, a curve is over
    before the next stroke, and notes at tick 0, where the bend range is only being set, have none.

    Parameters
    ----------
    notes : list of PlayedNote
        In the order of the score.
    written : sequence of int
        Written onsets; notes of one onset form a stroke.
    marks : sequence of Technique
        What is written for each note; a slide or vibrato so marked is always played.
    player : Player
        Instrument, tuning and speed.
    random : random.Random
        Source of variety.
    """
    strokes = [list(group) for _, group in groupby(range(len(notes)), key=written.__getitem__)]
    ringing: list[int] = []
    for number, stroke in enumerate(strokes):
        first = notes[stroke[0]]
        ringing = [i for i in ringing if notes[i].onset + notes[i].duration > first.onset]
        bends: tuple[Bend, ...] = ()
        if len(stroke) == 1 and first.onset > 0:
            following = (
                notes[strokes[number + 1][0]].onset if number + 1 < len(strokes) else first.onset + first.duration
            )
            free = min(first.duration, following - first.onset) - 1
            bends = _bends(first, marks[stroke[0]], free, player, random)
        if bends:
            notes[stroke[0]] = replace(first, bends=bends)
            for i in ringing:
                notes[i] = replace(notes[i], duration=first.onset - notes[i].onset)
            ringing = []
        ringing += stroke


@dataclass(frozen=True, slots=True)
class Player:
    """What the bends depend on: the instrument, its tuning, and ticks a second at a tick."""

    instrument: Instrument
    tuning: Tuning
    ticks_per_second: Callable[[int], float]


def _kind(note: PlayedNote, tuning: Tuning) -> Technique:
    """Return whether a played note is OPEN, STOPPED or HARMONIC, whatever is written for it."""
    if note.string == 0 or note.technique == Technique.HARMONIC:
        return note.technique
    return Technique.OPEN if tuning.open_pitches[note.string - 1] == note.pitch else Technique.STOPPED


_NEVER_BENT = (Technique.OPEN, Technique.HARMONIC, Technique.TREMOLO, Technique.GRACE, Technique.GLISSANDO)


def _bends(note: PlayedNote, mark: Technique, free: int, player: Player, random: Random) -> tuple[Bend, ...]:
    """Return the bends of one note that has `free` ticks for them: at most one slide, then at most one vibrato."""
    speed = player.ticks_per_second(note.onset)
    seconds = free / speed
    place = Placement(note.string, note.position, _kind(note, player.tuning))
    reach = room(player.instrument, player.tuning, note.pitch, place)
    bends: tuple[Bend, ...] = ()
    for ornament in player.instrument.ornaments:
        chance = random.random()
        welcome = place.technique in ornament.on and seconds >= ornament.seconds and chance < ornament.share
        if mark in _NEVER_BENT or not (ornament.technique == mark or welcome):
            continue
        if bends and isinstance(ornament.curve, Slide):
            continue
        drawn = curve(ornament, seconds, reach, speed, random)
        bends += tuple(bend for bend in drawn if not bends or bend.offset > bends[-1].offset)
    return bends if bends and bends[-1].offset <= free else ()
