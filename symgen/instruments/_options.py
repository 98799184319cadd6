"""What the searches of the fingering choose from: the ways of making a stroke, as columns of numbers.

A block holds the ways of one stroke: for the stopping hand string, place and finger of each note, for the striking
hand the names of strokes. Blocks are made once for each stroke that occurs in an instrument and tuning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from typing import Any

from symgen.instruments.base import Finger, Instrument, Placement, Stroke, Tuning, fraction_at, position_at
from symgen.instruments.rules import arrangements, most_attacks, placements
from symgen.score import Technique

MOST_EXAMINED = 2048
MOST_KEPT = 32
"""Arrangements of one stroke that are looked at, and the cheapest of them that the search keeps."""

SLIDE_SEMITONES = 2
"""From how far a slide into a note is planned to come, where the string has room for it."""

SAME_SPOT = 0.01
"""Two stops of neighbouring strings no further apart than this share of the string lie under one finger."""

Sound = tuple[int, Technique]
_SLIDES = {Technique.SLIDE_UP: 1, Technique.SLIDE_DOWN: -1}
_KINDS = {Technique.OPEN: 1, Technique.STOPPED: 2, Technique.HARMONIC: 4, Technique.PLUCK: 1}
_FREE = Finger(name="", chinese="")


@dataclass(frozen=True, eq=False, slots=True)
class Block:
    """The ways of one stroke, the numbers of ``OPTION_COLUMNS`` of each, and its pitch: -1 if there are several."""

    ways: tuple[tuple[Placement, ...], ...]
    rows: tuple[tuple[int, ...], ...]
    pitch: int
    unison: bool


@dataclass(frozen=True, eq=False, slots=True)
class Strikes:
    """The ways of striking given strings: (stroke, hand) of each note, and the numbers of ``STROKE_COLUMNS``."""

    ways: tuple[tuple[tuple[str, str], ...], ...]
    rows: tuple[tuple[int, ...], ...]


def thousandths(weight: float) -> int:
    """Return a weight as the whole number that the searches use."""
    return round(1000 * weight)


def ways_to_sound(instrument: Instrument, tuning: Tuning, pitch: int, technique: Technique) -> tuple[Placement, ...]:
    """Return the placements of a note; where an unmarked one has none, those of a harmonic."""
    found = placements(instrument, tuning, pitch, technique)
    if not found and technique == Technique.PLUCK:
        return placements(instrument, tuning, pitch, Technique.HARMONIC)
    return found


def can_strike(instrument: Instrument, tuning: Tuning, sounds: Sequence[Sound]) -> bool:
    """Return whether a stroke has any way."""
    if len(sounds) > most_attacks(instrument):
        return False
    choices = [ways_to_sound(instrument, tuning, pitch, technique) for pitch, technique in sounds]
    return next(arrangements(instrument, choices), None) is not None


@lru_cache(maxsize=16384)
def block_of(instrument: Instrument, tuning: Tuning, sounds: tuple[Sound, ...]) -> Block | None:
    """Return the cheapest ways of a stroke, or None if it cannot be struck."""
    if len(sounds) > most_attacks(instrument):
        return None
    choices = [ways_to_sound(instrument, tuning, pitch, technique) for pitch, technique in sounds]
    examined = list(islice(arrangements(instrument, choices), MOST_EXAMINED))
    if not examined:
        return None
    price = {
        (sound, place): _place_cost(instrument, tuning, sound, place)
        for sound, places in zip(sounds, choices, strict=True)
        for place in places
    }
    costs = [sum(map(price.__getitem__, zip(sounds, way, strict=True))) for way in examined]
    cheapest = sorted(range(len(examined)), key=costs.__getitem__)[:MOST_KEPT]  # stable: the handiest first
    found = [way for index in cheapest for way in _fingered(instrument, tuning, sounds, examined[index], costs[index])]
    kept = sorted(found, key=lambda pair: pair[1][0])[:MOST_KEPT]
    unison = len({pitch for pitch, _ in sounds}) == 1
    pitch = sounds[0][0] if len(sounds) == 1 else -1
    return Block(tuple(way for way, _ in kept), tuple(row for _, row in kept), pitch, unison)


def _fingered(
    instrument: Instrument, tuning: Tuning, sounds: Sequence[Sound], arrangement: tuple[Placement, ...], base: float
) -> list[tuple[tuple[Placement, ...], tuple[int, ...]]]:
    """Return an arrangement with every choice of fingers, each with its numbers."""
    held = [index for index, place in enumerate(arrangement) if _is_held(place)]
    found = []
    for fingers in _finger_choices(instrument, [arrangement[index] for index in held]):
        way = list(arrangement)
        for index, finger in zip(held, fingers, strict=True):
            way[index] = replace(way[index], finger=finger.name)
        cost = base + sum(finger.cost for finger in fingers)
        found.append((tuple(way), _numbers(instrument, tuning, sounds, way, fingers, cost)))
    return found


def _is_held(place: Placement) -> bool:
    return place.technique in (Technique.STOPPED, Technique.HARMONIC)


def _finger_choices(instrument: Instrument, held: Sequence[Placement]) -> list[tuple[Finger, ...]]:
    """Return the fingers that can hold these places, one each: of one place all that serve, of two the usual pair."""
    able = [[finger for finger in instrument.fingers if _serves(instrument, finger, place)] for place in held]
    if not held or not all(able):
        return [(_FREE,) * len(held)]
    if len(held) == 1:
        return [(finger,) for finger in able[0]]
    if not instrument.marks:
        return [tuple(instrument.fingers[index % len(instrument.fingers)] for index in range(len(held)))]
    return [_pair(instrument, held, able)]


def _serves(instrument: Instrument, finger: Finger, place: Placement) -> bool:
    used = finger.touches if place.technique == Technique.HARMONIC else finger.stops
    return used and (not instrument.marks or finger.first <= place.position <= finger.last)


def _pair(instrument: Instrument, held: Sequence[Placement], able: Sequence[Sequence[Finger]]) -> tuple[Finger, ...]:
    """Return fingers for two places: one laid across neighbours at one spot, else the first towards the bridge."""
    spots = [fraction_at(place.position, instrument.marks) for place in held]
    near = min(range(len(held)), key=spots.__getitem__)
    neighbours = len(held) == 2 and abs(held[0].string - held[1].string) == 1
    if neighbours and abs(spots[0] - spots[1]) <= SAME_SPOT:
        shared = [finger for finger in able[0] if finger in able[1]]
        if shared:
            return (shared[-1],) * 2
    thumb = able[near][0]
    return tuple(
        thumb if index == near else next((finger for finger in able[index] if finger != thumb), able[index][0])
        for index in range(len(held))
    )


def _place_cost(instrument: Instrument, tuning: Tuning, sound: Sound, place: Placement) -> float:
    """Return what one place costs by itself."""
    pitch, technique = sound
    costs = instrument.costs
    if place.technique == Technique.HARMONIC:
        return costs.as_harmonic if technique != Technique.HARMONIC else 0.0
    if place.technique != Technique.STOPPED:
        return 0.0
    reach = instrument.hands.everyday[place.string - 1]
    rise = pitch - tuning.open_pitches[place.string - 1]
    beyond = max(0, rise - reach) * costs.beyond_everyday
    return costs.stopped + rise * costs.per_semitone + beyond + (costs.near_nut if rise < 2 else 0.0)


def _numbers(
    instrument: Instrument,
    tuning: Tuning,
    sounds: Sequence[Sound],
    way: Sequence[Placement],
    fingers: Sequence[Finger],
    cost: float,
) -> tuple[int, ...]:
    """Return the numbers of one way in the order of ``OPTION_COLUMNS``."""
    held = [place for place in way if _is_held(place)]
    leave = _hand(instrument, tuning, [(place.string, place.position) for place in held], fingers)
    slide = _SLIDES.get(sounds[0][1], 0) if len(sounds) == 1 and held else 0
    entry = leave
    if slide:
        entry = _hand(instrument, tuning, [_slide_begins(instrument, held[0], sounds[0][0], tuning, slide)], fingers)
    marks = [round(100 * place.position) for place in held] if instrument.marks else []
    return (
        thousandths(cost),
        entry,
        leave,
        min(marks, default=0),
        max(marks, default=0),
        sum(1 << place.string for place in held),
        sum(1 << place.string for place in way),
        round(100 * sum(place.string for place in way) / len(way)),
        sum(sorted({_KINDS[place.technique] for place in way})),
        slide,
    )


def _hand(
    instrument: Instrument, tuning: Tuning, places: Sequence[tuple[int, float]], fingers: Sequence[Finger]
) -> int:
    """Return where the stopping hand is, in ten-thousandths of its way; -1 if it is free."""
    if not places:
        return -1
    if not instrument.marks:
        return round(10000 * sum(string for string, _ in places) / len(places) / max(1, len(tuning.open_pitches)))
    spots = [fraction_at(at, instrument.marks) + finger.offset for (_, at), finger in zip(places, fingers, strict=True)]
    return round(10000 * sum(spots) / len(spots))


def _slide_begins(
    instrument: Instrument, place: Placement, pitch: int, tuning: Tuning, slide: int
) -> tuple[int, float]:
    """Return string and place at which a slide into a note begins: two semitones away, or as far as there is room."""
    if not instrument.marks:
        return place.string, place.position
    rise = pitch - tuning.open_pitches[place.string - 1]
    for semitones in range(SLIDE_SEMITONES, 0, -1):
        begins = rise - slide * semitones
        if 0 < begins <= instrument.hands.extreme[place.string - 1]:
            return place.string, position_at(begins, instrument.marks)
    return place.string, place.position


@lru_cache(maxsize=16384)
def strikes_of(instrument: Instrument, strings: tuple[int, ...], pressed: bool, unison: bool) -> Strikes:
    """Return the ways of striking strings at once.

    Parameters
    ----------
    instrument : Instrument
        Its strokes are chosen from.
    strings : tuple of int
        In the order of the notes.
    pressed : bool
        Whether the other hand is at work and cannot strike.
    unison : bool
        Whether all sound one pitch.
    """
    if not instrument.strokes or strings == (0,):
        return Strikes((((("", ""),) * len(strings)),), ((0,) * 6,))
    if len(strings) == 1:
        return _single(instrument, strings[0], pressed)
    hands = _by_hand(instrument, strings, pressed)
    names: dict[int, tuple[str, str]] = {}
    for hand, group in hands.items():
        stroke = _together(instrument, group, unison)
        names |= dict.fromkeys(group, (stroke, hand))
    right = hands["right"]
    anchor = round(100 * sum(right) / len(right))
    return Strikes((tuple(names[string] for string in strings),), ((0, anchor, 100, 0, 0, 0),))


def _single(instrument: Instrument, string: int, pressed: bool) -> Strikes:
    """Return the strokes of one string, with the right hand and, where it strikes too and is free, with the left."""
    playing = [s for s in instrument.strokes.values() if s.plays and len(s.fingers) == 1 and s.gap == (0, 0)]
    fingers = sorted({stroke.fingers[0] for stroke in playing})
    hands = ["right"] if pressed or instrument.hands.plucking_hands < 2 else ["right", "left"]
    rest = instrument.hands.rest
    ways, rows = [], []
    for hand in hands:
        for stroke in playing:
            anchor = string - stroke.offset
            cost = stroke.cost + (instrument.costs.other_hand if hand == "left" else 0.0)
            cost += instrument.costs.off_rest * abs(anchor - rest) if rest else 0.0
            number = fingers.index(stroke.fingers[0])
            ways.append(((stroke.name, hand),))
            rows.append(
                (thousandths(cost), round(100 * anchor), number, int(stroke.outward), int(hand == "left"), string)
            )
    return Strikes(tuple(ways), tuple(rows))


def _by_hand(instrument: Instrument, strings: Sequence[int], pressed: bool) -> dict[str, tuple[int, ...]]:
    """Divide strings between the hands: the right takes those of low numbers, as many as it reaches."""
    hands = instrument.hands
    ordered = sorted(strings)
    reach = [s for s in ordered[: hands.notes_per_hand] if s - ordered[0] <= hands.strings_per_hand]
    if len(reach) == len(ordered) or pressed or hands.plucking_hands < 2:
        return {"right": tuple(ordered)}
    return {"right": tuple(reach), "left": tuple(ordered[len(reach) :])}


def _together(instrument: Instrument, strings: Sequence[int], unison: bool) -> str:
    """Return the stroke of one hand on several strings, or the first that plays on one."""

    def suits(stroke: Stroke) -> bool:
        gap = max(strings) - min(strings)
        if not stroke.plays or (stroke.unison and not unison):
            return False
        if len(strings) == 1:
            return stroke.gap == (0, 0)
        return len(stroke.fingers) == len(strings) and stroke.gap[0] <= gap <= stroke.gap[1] and stroke.gap != (0, 0)

    suiting = [stroke for stroke in instrument.strokes.values() if suits(stroke)]
    return min(suiting, key=lambda stroke: stroke.cost).name if suiting else ""


def columns(rows: Sequence[tuple[int, ...]], width: int) -> Any:
    """Return rows of numbers as columns."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]
