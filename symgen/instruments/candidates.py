"""Candidates: an ornament as one note would have it, or None where the hands have no room for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from types import MappingProxyType
from typing import Any

from symgen.instruments.base import Placement
from symgen.instruments.chosen import Choice, Chosen
from symgen.instruments.curves import REST, Arc, Bump, Points, Restrike, Slide, Space, Travel, Vibrato
from symgen.instruments.figures import (
    FASTEST_MOVE_SECONDS,
    MOST_POINTS_A_TICK,
    paired,
    repeated,
    run,
    struck_again,
)
from symgen.instruments.setting import HURRY, Setting
from symgen.instruments.shapes import Ornament, Pair, Repeat, Roll, Run, Shape, Soft
from symgen.score import Technique

LONGEST_TRAVEL_SHARE = 0.5
"""A string must not have faded by more than this when a slide makes it sound the next note."""

AFTER_ENTRY_SECONDS = 0.05
"""Rest between a slide into a note and a vibrato on it."""


def least_seconds(row: Ornament) -> float:
    """Return the time before the next stroke without which a note never has an ornament that is not marked."""
    return 0.0 if isinstance(row.curve, Soft) else row.seconds


def candidate(chosen: Chosen, note: int, row: Ornament, random: Random, *, marked: bool = False) -> Choice | None:
    """Return the ornament as this note would have it, None where it has no room."""
    setting, shape = chosen.setting, row.curve
    if setting.onsets[note] == 0 and not isinstance(shape, Roll | Soft | Repeat | Pair):
        return None  # bend ranges are only being set there, and nothing can stand before it
    if not marked and setting.gaps[note] < least_seconds(row):
        return None  # of a note that the left hand sounds, the one before has to last
    return _MAKERS[type(shape)](chosen, note, row, shape, random)


def _bend(
    chosen: Chosen, note: int, row: Ornament, shape: Slide | Vibrato | Bump | Arc, random: Random
) -> Choice | None:
    """Return a bend of the note at its place, or at the place from which it can be slid into."""
    setting = chosen.setting
    place = setting.places[note]
    if place.hand == "left" and setting.instrument.hands.stopping_hand_plucks:
        return None  # the hand that would press has just plucked
    if isinstance(shape, Slide) and shape.source == "rest" and setting.kind(note) == Technique.OPEN:
        moved = _next_string_down(setting, note)
        if moved is None:
            return None
        place = moved
    space = setting.space(note, chosen.free(note), place)
    points = shape.points(space, random)
    for other in chosen.of.get(note, ()):
        points = _joined(other.points, points, space) if other.points else points
    if not points or len(points) > MOST_POINTS_A_TICK * setting.gap_ticks(note):
        return None
    return Choice(row, points, place if place != setting.places[note] else None)


def _joined(there: Points, new: Points, space: Space) -> Points:
    """Return the new curve, moved if need be so that it begins after the one that is there or ends before it."""
    if not new or new[-1][0] < there[0][0]:
        return new
    shift = max(0.0, there[-1][0] + AFTER_ENTRY_SECONDS - new[0][0])
    if new[0][1] != 0.0 or new[-1][0] + shift > REST * space.seconds:
        return []
    return [(at + shift, cents) for at, cents in new]


def _next_string_down(setting: Setting, note: int) -> Placement | None:
    """Return the place of an open string's pitch on the next lower string, pressed; None beyond reach."""
    string = setting.places[note].string + 1
    if string > len(setting.tuning.open_pitches):
        return None
    rise = setting.pitch(note) - setting.tuning.open_pitches[string - 1]
    if not 0 < rise <= setting.instrument.hands.extreme[string - 1]:
        return None
    fingers = setting.instrument.fingers
    finger = fingers[0].name if fingers else ""
    place = setting.places[note]
    return replace(place, string=string, position=float(rise), technique=Technique.STOPPED, finger=finger)


def _travel(chosen: Chosen, note: int, row: Ornament, shape: Travel, random: Random) -> Choice | None:
    """Return a slide from a stopped note to the next one on the same string, and to those after it."""
    setting = chosen.setting
    wanted, legs = random.randint(*shape.notes), list[tuple[int, Points]]()
    last, sounding = note, setting.gap(note)
    while len(legs) < wanted:
        to = _slid_to(chosen, note, last, sounding)
        if to is None:
            break
        risen = 100.0 * (setting.pitch(last) - setting.pitch(note))
        room = chosen.free(to)
        if setting.following(to) is not None:  # the hand arrives in time to leave for the next stroke
            room = min(room, 2 * (setting.gap(to) - FASTEST_MOVE_SECONDS))
        points = shape.travel(setting.pitch(to) - setting.pitch(last), room, random)
        if not 0 < len(points) <= MOST_POINTS_A_TICK * setting.gap_ticks(to):
            break
        legs.append((to, [(at, risen + cents) for at, cents in points]))
        last, sounding = to, sounding + setting.gap(to)
    return Choice(row, legs=tuple(legs)) if len(legs) >= shape.notes[0] else None


def _slid_to(chosen: Chosen, note: int, last: int, sounding: float) -> int | None:
    """Return the note after `last` if the string of `note`, which sounds since so many seconds, can be slid to it."""
    setting, to = chosen.setting, chosen.setting.following(last)
    if to is None or not setting.alone(to) or setting.marks[to] not in (Technique.PLUCK, Technique.STOPPED):
        return None
    if setting.kind(to) == Technique.HARMONIC or to in chosen.of or to in chosen.absorbed:
        return None
    if setting.following(to) is not None and setting.gap(to) < FASTEST_MOVE_SECONDS:
        return None
    if sounding > LONGEST_TRAVEL_SHARE * setting.rings[note] or sounding + setting.gap(to) > setting.rings[note]:
        return None
    string = setting.places[note].string
    rise = setting.pitch(to) - setting.tuning.open_pitches[string - 1]
    return to if 1 <= rise <= setting.instrument.hands.everyday[string - 1] else None


def roll(setting: Setting, note: int, row: Ornament, shape: Roll) -> Choice | None:
    """Return the part of one note in a rolled chord."""
    stroke = setting.strokes[setting.stroke_of[note]]
    if not shape.count[0] <= len(stroke) <= shape.count[1] or setting.gap(note) < row.seconds:
        return None
    order = sorted(stroke, key=setting.pitch, reverse=shape.direction < 0)
    gap = (shape.gap[0] + shape.gap[1]) / 2
    gap = min(gap, setting.gap(note) / HURRY / 2 / len(stroke))
    return Choice(row, delay=gap * order.index(note))


def _soft(chosen: Chosen, note: int, row: Ornament, shape: Soft, random: Random) -> Choice | None:
    """Return a note that the left hand plucks or strikes where it has just stopped the string."""
    setting = chosen.setting
    before = setting.before(note)
    if before is None or not setting.alone(before) or setting.kind(before) != Technique.STOPPED:
        return None
    if before in chosen.absorbed:  # the hand is on another string
        return None
    if setting.places[note].string != setting.places[before].string:
        return None
    distance = setting.pitch(note) - setting.pitch(before)
    if not shape.semitones[0] <= distance <= shape.semitones[1] or setting.gap(before) < row.seconds:
        return None
    return Choice(row, velocity=random.uniform(*shape.velocity))


def _rolled(chosen: Chosen, note: int, row: Ornament, shape: Roll, _random: Random) -> Choice | None:
    return roll(chosen.setting, note, row, shape)


_MAKERS: Mapping[type[Shape], Callable[[Chosen, int, Ornament, Any, Random], Choice | None]] = MappingProxyType(
    {
        Slide: _bend,
        Vibrato: _bend,
        Bump: _bend,
        Arc: _bend,
        Travel: _travel,
        Restrike: struck_again,
        Soft: _soft,
        Repeat: repeated,
        Pair: paired,
        Run: run,
        Roll: _rolled,
    }
)
"""What makes a candidate of each shape."""
