"""Candidates: an ornament as one note would have it, or None where the hands have no room for it."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from symgen.instruments.base import Placement
from symgen.instruments.chosen import Choice, Chosen, Extra
from symgen.instruments.curves import REST, Arc, Bump, Points, Slide, Space, Travel, Vibrato
from symgen.instruments.setting import HURRY, REACTION_SECONDS, Setting
from symgen.instruments.shapes import Ornament, Repeat, Roll, Run, Soft
from symgen.score import Technique

LONGEST_TRAVEL_SHARE = 0.5
"""A string must not have faded by more than this when a slide makes it sound the next note."""

FASTEST_MOVE_SECONDS = 0.15
"""After a slide the hand needs this long for a stop on another string."""

RUN_SHARE = 0.6
"""A run takes at most this much of the time before its note."""

MOST_POINTS_A_TICK = 0.3
"""Control points for each tick until the next stroke; each needs a tick of its own, at any tempo."""

AFTER_ENTRY_SECONDS = 0.05
"""Rest between a slide into a note and a vibrato on it."""


def candidate(chosen: Chosen, note: int, row: Ornament, random: Random, *, marked: bool = False) -> Choice | None:
    """Return the ornament as this note would have it, None where it has no room."""
    setting, shape = chosen.setting, row.curve
    if setting.onset(note) == 0 and not isinstance(shape, Roll | Soft | Repeat):
        return None  # bend ranges are only being set there, and nothing can stand before it
    if isinstance(shape, Run):
        return _run(chosen, note, row, shape, random)
    if isinstance(shape, Roll):
        return roll(setting, note, row, shape)
    if isinstance(shape, Soft):
        return _soft(setting, note, row, shape, random)
    if not marked and setting.gap(note) < row.seconds:
        return None
    if isinstance(shape, Travel):
        return _travel(chosen, note, row, shape, random)
    if isinstance(shape, Repeat):
        return _repeat(chosen, note, row, shape, random)
    return _bend(chosen, note, row, random)


def _bend(chosen: Chosen, note: int, row: Ornament, random: Random) -> Choice | None:
    """Return a bend of the note at its place, or at the place from which it can be slid into."""
    setting, shape = chosen.setting, row.curve
    if not isinstance(shape, Slide | Vibrato | Bump | Arc):
        return None
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
    """Return a slide from a stopped note to the next one on the same string."""
    setting, to = chosen.setting, chosen.setting.following(note)
    if to is None or not setting.alone(to) or setting.marks[to] not in (Technique.PLUCK, Technique.STOPPED):
        return None
    if setting.kind(to) == Technique.HARMONIC or to in chosen.of or to in chosen.absorbed:
        return None
    first, second = setting.gap(note), setting.gap(to)
    after = setting.following(to)
    if first > LONGEST_TRAVEL_SHARE * setting.rings[note] or (after is not None and second < FASTEST_MOVE_SECONDS):
        return None
    if first + second > setting.rings[note]:
        return None
    distance = setting.pitch(to) - setting.pitch(note)
    place = setting.places[note]
    rise = setting.pitch(to) - setting.tuning.open_pitches[place.string - 1]
    if not 1 <= rise <= setting.instrument.hands.everyday[place.string - 1] or distance == 0:
        return None
    points = shape.travel(distance, chosen.free(to), random)
    fits = 0 < len(points) <= MOST_POINTS_A_TICK * setting.gap_ticks(to)
    return Choice(row, points, to=to) if fits else None


def _repeat(chosen: Chosen, note: int, row: Ornament, shape: Repeat, random: Random) -> Choice | None:
    """Return further strokes of the note's string for as long as it is written."""
    setting, place = chosen.setting, chosen.setting.places[note]
    gap, at = random.uniform(*shape.gap), 0.0
    most = random.randint(*shape.count)
    until = min(chosen.free(note), setting.written[note] / HURRY)
    extras: list[Extra] = []
    while len(extras) + 1 < most and at + gap < until:
        at += gap * random.uniform(0.92, 1.08)
        jitter = random.uniform(-shape.spread, shape.spread) / 100.0
        extras.append(Extra(at, place.string, setting.pitch(note), place.position, shape.velocity + jitter))
    if len(extras) + 1 < shape.count[0]:
        return None
    last = max(1, len(extras) - 1)
    grown = [replace(x, velocity=x.velocity + shape.swell * i / last) for i, x in enumerate(extras)]
    return Choice(row, extras=tuple(grown))


def _run(chosen: Chosen, note: int, row: Ornament, shape: Run, random: Random) -> Choice | None:
    """Return a sweep over open strings that ends before the note."""
    setting, before = chosen.setting, chosen.setting.before(note)
    count, gap = random.randint(*shape.count), random.uniform(*shape.gap)
    if before is None or before in chosen.absorbed:
        return None
    time = setting.seconds[note] - setting.seconds[before]
    held = max((_last_point(choice) for choice in chosen.of.get(before, ())), default=0.0)
    fitting = int(min(RUN_SHARE * time / HURRY, time / HURRY - held - REACTION_SECONDS) / gap)
    struck = {setting.places[n].string for n in setting.strokes[setting.stroke_of[note]]}
    count_all = len(setting.tuning.open_pitches)
    low, high = shape.among if shape.among[1] else (1, count_all)
    high = min(high, count_all)
    own = setting.places[note].string
    # String 1 is the highest: a falling run comes down to the note over strings of lower numbers.
    strings = list(range(1, own)) if shape.direction < 0 else list(range(count_all, own, -1))
    if not shape.leads:
        strings = list(range(low, high + 1)) if shape.direction < 0 else list(range(high, low - 1, -1))
    strings = [string for string in strings if low <= string <= high and string not in struck]
    strings = strings[-min(count, fitting) :] if fitting > 0 else []
    if len(strings) < shape.count[0]:
        return None
    first, last = shape.velocity
    extras = []
    for index, string in enumerate(strings):
        share = index / max(1, len(strings) - 1)
        at = -gap * (len(strings) - index)
        extras.append(Extra(at, string, setting.tuning.open_pitches[string - 1], 0.0, first + (last - first) * share))
    return Choice(row, extras=tuple(extras))


def _last_point(choice: Choice) -> float:
    """Return the seconds after its note's onset up to which a choice keeps the hand busy."""
    if choice.to is not None:
        return float("inf")
    last_stroke = choice.extras[-1].seconds if choice.extras else 0.0
    return max(last_stroke, choice.points[-1][0] if choice.points else 0.0)


def roll(setting: Setting, note: int, row: Ornament, shape: Roll) -> Choice | None:
    """Return the part of one note in a rolled chord."""
    stroke = setting.strokes[setting.stroke_of[note]]
    if not shape.count[0] <= len(stroke) <= shape.count[1] or setting.gap(note) < row.seconds:
        return None
    order = sorted(stroke, key=setting.pitch, reverse=shape.direction < 0)
    gap = (shape.gap[0] + shape.gap[1]) / 2
    gap = min(gap, setting.gap(note) / HURRY / 2 / len(stroke))
    return Choice(row, delay=gap * order.index(note))


def _soft(setting: Setting, note: int, row: Ornament, shape: Soft, random: Random) -> Choice | None:
    """Return a note that the left hand plucks or strikes where it has just stopped the string."""
    before = setting.before(note)
    if before is None or not setting.alone(before) or setting.kind(before) != Technique.STOPPED:
        return None
    if setting.places[note].string != setting.places[before].string:
        return None
    distance = setting.pitch(note) - setting.pitch(before)
    if not shape.semitones[0] <= distance <= shape.semitones[1] or setting.gap(before) < row.seconds:
        return None
    return Choice(row, velocity=random.uniform(*shape.velocity))
