"""Ornaments: what the hands add to the written notes, chosen note by note from the rows of the instrument.

Written techniques stand. What the score does not mark is drawn so that each row comes to its share of the notes
(:mod:`symgen.instruments.choosing`). Nothing here depends on how freely the score is played: times are written ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random

from symgen.instruments.base import Placement
from symgen.instruments.choosing import draw, probabilities
from symgen.instruments.setting import HURRY, REACTION_SECONDS, Setting
from symgen.instruments.shapes import (
    REST,
    Arc,
    Bump,
    Ornament,
    Points,
    Repeat,
    Roll,
    Run,
    Slide,
    Soft,
    Space,
    Travel,
    Vibrato,
)
from symgen.score import Technique
from symgen.theory.degrees import DEGREES

BEYOND_EVERYDAY = 0.3
"""Weight of a press beyond easy reach."""

LONGEST_TRAVEL_SHARE = 0.5
"""A string must not have faded by more than this when a slide makes it sound the next note."""

FASTEST_MOVE_SECONDS = 0.15
"""After a slide the hand needs this long for a stop on another string."""

RUN_SHARE = 0.6
"""A run takes at most this much of the time before its note."""

AFTER_ENTRY_SECONDS = 0.05
"""Rest between a slide into a note and a vibrato on it."""

_STANDING = (Technique.HARMONIC, Technique.GRACE, Technique.GLISSANDO)
"""Marks of notes to which nothing is added."""


@dataclass(frozen=True, slots=True)
class Extra:
    """A stroke that is not written: `seconds` from the onset of its note, negative before it."""

    seconds: float
    string: int
    pitch: int
    position: float
    velocity: float


@dataclass(frozen=True, slots=True)
class Choice:
    """An ornament of one note.

    Parameters
    ----------
    ornament : Ornament
        Its row.
    points : Points
        Bend curve: seconds after the onset of the note, or of `to` if that is given.
    place : Placement, optional
        Where the note is played instead.
    to : int, optional
        Note that is sounded by this one's curve, without a stroke of its own.
    extras : tuple of Extra
        Strokes added.
    delay : float
        Seconds by which the note is struck later than its stroke.
    velocity : float
        Factor on its velocity.
    """

    ornament: Ornament
    points: Points = field(default_factory=list)
    place: Placement | None = None
    to: int | None = None
    extras: tuple[Extra, ...] = ()
    delay: float = 0.0
    velocity: float = 1.0

    @property
    def size(self) -> int:
        """What it adds to the count of its row: notes of a run, else one."""
        return max(1, len(self.extras)) if isinstance(self.ornament.curve, Run) else 1


class Chosen:
    """The choices of a piece, as they grow; asked by :func:`choose` for what is still free."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.of: dict[int, list[Choice]] = {}
        self.absorbed: dict[int, int] = {}
        self._lead: dict[int, float] = {}

    def add(self, note: int, choice: Choice) -> None:
        """Let a note have an ornament."""
        self.of.setdefault(note, []).append(choice)
        if choice.to is not None:
            self.absorbed[choice.to] = note
        if choice.extras and choice.extras[0].seconds < 0.0:
            self._lead[self.setting.stroke_of[note]] = -choice.extras[0].seconds

    def free(self, note: int) -> float:
        """Return the seconds that a curve or further strokes can take, at any speed the piece may be played at."""
        lead = self._lead.get(self.setting.stroke_of[note] + 1, 0.0)
        return self.setting.gap(note) / HURRY - lead - REACTION_SECONDS

    def taken(self, note: int, row: Ornament) -> bool:
        """Return whether what a note has leaves no place for this row."""
        held = [
            choice.ornament for choice in self.of.get(note, ()) if not isinstance(choice.ornament.curve, Run | Roll)
        ]
        if note in self.absorbed:
            return True
        if isinstance(row.curve, Run | Roll):
            return any(type(choice.ornament.curve) is type(row.curve) for choice in self.of.get(note, ()))
        if any(row.alone or other.alone or _phase(other) == _phase(row) for other in held):
            return True
        return isinstance(row.curve, Travel) and bool(held)


def choose(setting: Setting, style: str, seed: int) -> Chosen:
    """Choose the ornaments of a piece.

    Parameters
    ----------
    setting : Setting
        The written notes.
    style : str
        Rows may have other shares in some styles.
    seed : int
        The same seed chooses the same.
    """
    chosen, rows = Chosen(setting), setting.instrument.ornaments
    chances = {row.name: Random(f"{seed}/{row.name}") for row in rows}
    marked = _marked(chosen, rows, chances)
    adding = sum(_share(row, style) for row in rows if isinstance(row.curve, Run))
    for row in rows:
        quota = _share(row, style) * _base(setting, row, adding) - marked.get(row.name, 0)
        if quota <= 0.0:
            continue
        found = [(note, _candidate(chosen, note, row, chances[row.name])) for note in _allowed(chosen, row)]
        options = [(note, choice) for note, choice in found if choice is not None]
        weights = [_weight(setting, note, choice) for note, choice in options]
        sizes = [float(choice.size) for _, choice in options]
        for index in draw(probabilities(weights, sizes, quota), chances[row.name]):
            note, choice = options[index]
            if isinstance(row.curve, Roll):
                _roll_all(chosen, note, row, row.curve)
            elif not _in_the_way(chosen, note, choice):
                chosen.add(note, choice)
    return chosen


def _phase(row: Ornament) -> str:
    """Return the part of a note that an ornament fills: one of each kind can stand together."""
    if isinstance(row.curve, Slide | Soft):
        return "into"
    return "within" if isinstance(row.curve, Vibrato | Bump | Arc | Travel | Repeat) else "stroke"


def _share(row: Ornament, style: str) -> float:
    return row.styles.get(style, row.share)


def _base(setting: Setting, row: Ornament, adding: float) -> float:
    """Return the number of notes that a share is one of: those that sound, with what runs will add to them."""
    if isinstance(row.curve, Roll):
        return float(sum(len(stroke) >= row.curve.count[0] for stroke in setting.strokes))
    return sum(place.technique in row.on for place in setting.places) / max(0.5, 1.0 - adding)


def _marked(chosen: Chosen, rows: Sequence[Ornament], chances: dict[str, Random]) -> dict[str, int]:
    """Give each note that is marked with a technique the first row of it that fits; return how often each was used."""
    used: dict[str, int] = {}
    rows = sorted(rows, key=lambda row: not isinstance(row.curve, Slide | Vibrato))  # what a mark usually means
    for note, mark in enumerate(chosen.setting.marks):
        if mark in (Technique.PLUCK, Technique.OPEN, Technique.STOPPED, *_STANDING):
            continue
        for row in rows:
            if row.technique != mark or isinstance(row.curve, Travel) or not chosen.setting.alone(note):
                continue
            choice = _candidate(chosen, note, row, chances[row.name], marked=True)
            if choice is not None:
                chosen.add(note, choice)
                used[row.name] = used.get(row.name, 0) + 1
                break
    return used


def _allowed(chosen: Chosen, row: Ornament) -> list[int]:
    """Return the unmarked notes that a row may be given to."""
    setting = chosen.setting
    found = []
    for note, mark in enumerate(setting.marks):
        if setting.kind(note) not in row.on or mark not in (Technique.PLUCK, Technique.OPEN, Technique.STOPPED):
            continue
        alone = setting.alone(note)
        first = note == setting.strokes[setting.stroke_of[note]][0]
        if chosen.taken(note, row) or not (alone or (first and isinstance(row.curve, Run | Roll))):
            continue
        found.append(note)
    return found


def _in_the_way(chosen: Chosen, note: int, choice: Choice) -> bool:
    """Return whether something chosen in the same draw has taken the place meanwhile."""
    if chosen.taken(note, choice.ornament):
        return True
    return choice.to is not None and (choice.to in chosen.of or choice.to in chosen.absorbed)


def _weight(setting: Setting, note: int, choice: Choice) -> float:
    """Return how welcome an ornament is: by degree, length, place in the bar and reach."""
    row, weight = choice.ornament, 1.0
    degree = setting.degree(note)
    if row.degrees and degree is not None:
        weight *= row.degrees.get(DEGREES[degree], 1.0)
    if isinstance(row.curve, Run):
        begins_phrase = setting.onset(note) in setting.phrases
        return weight * setting.beat(note) * (2.0 if begins_phrase else 1.0)
    if isinstance(row.curve, Vibrato | Repeat | Arc):
        weight *= min(3.0, max(1.0, setting.gap(note) / max(0.1, row.seconds)))
    place = choice.place or setting.places[note]
    if choice.points and place.string and not setting.instrument.marks:
        opened = setting.tuning.open_pitches[place.string - 1]
        highest = 100.0 * (setting.pitch(note) - opened) + max(cents for _, cents in choice.points)
        if highest > 100.0 * setting.instrument.hands.everyday[place.string - 1]:
            weight *= BEYOND_EVERYDAY
    return weight


def _candidate(chosen: Chosen, note: int, row: Ornament, random: Random, *, marked: bool = False) -> Choice | None:
    """Return the ornament as this note would have it, None where it has no room."""
    setting, shape = chosen.setting, row.curve
    if setting.onset(note) == 0 and not isinstance(shape, Roll | Soft | Repeat):
        return None  # bend ranges are only being set there, and nothing can stand before it
    if isinstance(shape, Run):
        return _run(chosen, note, row, shape, random)
    if isinstance(shape, Roll):
        return _roll(setting, note, row, shape)
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
    if not points:
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
    return Choice(row, points, to=to) if points else None


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


def _roll_all(chosen: Chosen, note: int, row: Ornament, shape: Roll) -> None:
    """Roll a whole chord."""
    for other in chosen.setting.strokes[chosen.setting.stroke_of[note]]:
        choice = _roll(chosen.setting, other, row, shape)
        if choice is not None:
            chosen.add(other, choice)


def _roll(setting: Setting, note: int, row: Ornament, shape: Roll) -> Choice | None:
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
