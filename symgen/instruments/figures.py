"""Figures: ornaments that strike strings which are not written, as one note would have them, or None without room."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from random import Random

from symgen.instruments.chosen import Choice, Chosen, Extra, Planned
from symgen.instruments.curves import Restrike
from symgen.instruments.rules import placements
from symgen.instruments.setting import HURRY, REACTION_SECONDS, Setting
from symgen.instruments.shapes import Ornament, Pair, Repeat, Run
from symgen.score import Technique

FASTEST_MOVE_SECONDS = 0.15
"""The hand needs this long for a stop on another string."""

RUN_SHARE = 0.6
"""A run takes at most this much of the time before its note."""

LATEST_SHARE = 0.4
"""A run on the beat takes at most this much of the time of its note."""

MOST_POINTS_A_TICK = 0.3
"""Control points for each tick until the next stroke; each needs a tick of its own, at any tempo."""


def repeated(chosen: Chosen, note: int, row: Ornament, shape: Repeat, random: Random) -> Choice | None:
    """Return further strokes of the note's string for as long as it is written."""
    setting, place = chosen.setting, chosen.setting.places[note]
    gap, at = random.uniform(*shape.gap), 0.0
    most = random.randint(*shape.count)
    until = min(chosen.free(note), setting.written[note] / HURRY)
    strokes: list[tuple[float, float]] = []
    while len(strokes) + 1 < most and at + gap < until:
        at += gap * random.uniform(0.92, 1.08)
        jitter = random.uniform(-shape.spread, shape.spread) / 100.0
        strokes.append((at, shape.velocity + jitter))
    if len(strokes) + 1 < shape.count[0]:
        return None
    last, pitch = max(1, len(strokes) - 1), setting.pitch(note)

    def stroke(index: int) -> Extra:
        at, loud = strokes[index]
        return Extra(at, place.string, pitch, place.position, loud + shape.swell * index / last)

    return Choice(row, extras=Planned(len(strokes), stroke))


def struck_again(chosen: Chosen, note: int, row: Ornament, shape: Restrike, random: Random) -> Choice | None:
    """Return a glide to the neighbouring tone, where the string is struck again, and the way back."""
    setting, place = chosen.setting, chosen.setting.places[note]
    out, at, back = shape.halves(setting.space(note, chosen.free(note)), random)
    each = min(shape.at, 1.0 - shape.at) * setting.gap_ticks(note)
    if not out or max(len(out), len(back)) > MOST_POINTS_A_TICK * each:
        return None
    again = Extra(at, place.string, setting.pitch(note), place.position, shape.velocity, points=back)
    return Choice(row, out, extras=(again,))


def paired(chosen: Chosen, note: int, row: Ornament, shape: Pair, random: Random) -> Choice | None:
    """Return strokes over the note's string and a neighbour in unison."""
    setting, place = chosen.setting, chosen.setting.places[note]
    gap, between = random.uniform(*shape.gap), random.uniform(*shape.between)
    other = _unison_neighbour(chosen, note)
    if other is None or (shape.strokes - 1) * between + gap > chosen.free(note):
        return None
    own = Extra(0.0, place.string, setting.pitch(note), place.position, 1.0)
    first, last = shape.velocity
    extras: list[Extra] = []
    for stroke in range(shape.strokes):
        loud = (first + (last - first) * stroke / max(1, shape.strokes - 1)) / first
        order = (own, other) if stroke % 2 == 0 else (other, own)
        extras += [
            replace(one, seconds=stroke * between + index * gap, velocity=loud) for index, one in enumerate(order)
        ]
    return Choice(row, extras=tuple(extras[1:]), velocity=first)


def _unison_neighbour(chosen: Chosen, note: int) -> Extra | None:
    """Return the neighbouring string that gives the note's pitch: open for a stopped note, stopped for an open one."""
    setting, place = chosen.setting, chosen.setting.places[note]
    pitch, opens = setting.pitch(note), setting.tuning.open_pitches
    for string in (place.string - 1, place.string + 1):
        if not 1 <= string <= len(opens):
            continue
        if place.technique == Technique.STOPPED and opens[string - 1] == pitch:
            return Extra(0.0, string, pitch, 0.0, 1.0)
        if place.technique == Technique.OPEN and _hand_is_free(chosen, note):
            for spot in placements(setting.instrument, setting.tuning, pitch, Technique.STOPPED):
                reach = setting.instrument.hands.everyday[string - 1]
                if spot.string == string and pitch - opens[string - 1] <= reach:
                    return Extra(0.0, string, pitch, spot.position, 1.0, finger=_finger_at(setting, spot.position))
    return None


def _hand_is_free(chosen: Chosen, note: int) -> bool:
    """Return whether the hand that stops has the time to come to an open note and to leave it."""
    setting, before, after = chosen.setting, chosen.setting.before(note), chosen.setting.following(note)
    comes = before is None or (setting.gap(before) >= HURRY * FASTEST_MOVE_SECONDS and before not in chosen.absorbed)
    return comes and (after is None or setting.gap(note) >= HURRY * FASTEST_MOVE_SECONDS)


def _finger_at(setting: Setting, position: float) -> str:
    """Return the first finger that stops at a place."""
    able = (one.name for one in setting.instrument.fingers if one.stops and one.first <= position <= one.last)
    return next(able, "")


def run(chosen: Chosen, note: int, row: Ornament, shape: Run, random: Random) -> Choice | None:
    """Return a sweep over open strings that ends before the note: before its beat, or on it with the note late."""
    setting, before = chosen.setting, chosen.setting.before(note)
    count, gap = random.randint(*shape.count), random.uniform(*shape.gap)
    if before is None or before in chosen.absorbed or (shape.on_beat and not setting.alone(note)):
        return None
    if shape.on_beat:
        room = LATEST_SHARE * chosen.free(note)
    else:
        time = (setting.seconds[note] - setting.seconds[before]) / HURRY
        held = max((busy_until(choice) for choice in chosen.of.get(before, ())), default=0.0)
        room = min(RUN_SHARE * time, time - held - REACTION_SECONDS)
    fitting = int(room / gap)
    strings = _swept(setting, note, shape, min(count, (fitting + 1) // 2 if shape.returns else fitting))
    if len(strings) < shape.count[0]:
        return None
    if shape.returns:
        strings = strings[:0:-1] + strings
    first, last = shape.velocity

    def stroke(index: int) -> Extra:
        share = index / max(1, len(strings) - 1)
        at, pitch = -gap * (len(strings) - index), setting.tuning.open_pitches[strings[index] - 1]
        return Extra(at, strings[index], pitch, 0.0, first + (last - first) * share)

    late = gap * len(strings) if shape.on_beat else 0.0
    return Choice(row, extras=Planned(len(strings), stroke), delay=late)


def _swept(setting: Setting, note: int, shape: Run, most: int) -> list[int]:
    """Return the strings of a run in the order in which they are swept, `most` of them."""
    if most <= 0:
        return []
    opens, leads = setting.tuning.open_pitches, shape.leads
    beside = _beside(opens, setting.places[note].string, shape.direction, leads=leads, among=shape.among)
    struck = [setting.places[other].string for other in setting.strokes[setting.stroke_of[note]]]
    return [string for string in beside if string not in struck][-most:]


@lru_cache(maxsize=4096)
def _beside(
    opens: tuple[int, ...], own: int, direction: int, *, leads: bool, among: tuple[int, int]
) -> tuple[int, ...]:
    """Return the strings that a run to a string may sweep, in the order in which they are swept."""
    upwards = 1 if opens[0] < opens[-1] else -1  # a guqin's string 1 is its lowest, a guzheng's its highest
    rising = sorted(range(1, len(opens) + 1), key=lambda string: (opens[string - 1], upwards * string))
    if leads:
        place = rising.index(own)
        rising = rising[:place] if direction > 0 else rising[place + 1 :]
    low, high = among if among[1] else (1, len(opens))
    return tuple(string for string in rising if low <= string <= high)[::direction]


def busy_until(choice: Choice) -> float:
    """Return the seconds after its note's onset up to which a choice keeps the hands busy."""
    if choice.legs:
        return float("inf")
    ends = [choice.points[-1][0] if choice.points else 0.0]
    ends += [extra.seconds + (extra.points[-1][0] if extra.points else 0.0) for extra in choice.extras]
    return choice.delay + max(ends)
