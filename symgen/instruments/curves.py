"""Curves: what a hand does to the pitch of a sounding note, as small rows of numbers.

A shape is a dataclass; its fields are the keys of the table ``curve`` of an ornament in a TOML file. Its curve is a
list of (seconds, cents), joined by straight lines, that begins with the attack or later and ends at rest. Nothing here
knows an instrument; :class:`Space` says what the hand can do at a note.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, exp, pi, sin
from random import Random
from typing import Literal

Span = tuple[float, float]
"""Lowest and highest value; what is played lies between."""

Points = list[tuple[float, float]]
"""Seconds after the attack, cents from the note's pitch."""

POINTS_A_TURN = 12
"""Control points of one turn of a vibrato; straight lines between them stay within 4 % of the sine."""

POINTS_A_GLIDE = 6
"""Straight pieces of one glide."""

LEAST_CENTS = 15.0
"""A slide or a wave that room or place makes smaller than this, and smaller than its row asks for, is left out."""

SOONEST = 0.25
"""A vibrato begins before this share of the free time is over."""

REST = 0.95
"""Share of the free time after which every curve is at rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """What the hand can do at one note.

    Parameters
    ----------
    seconds : float
        Time until the next stroke, or until the note has faded.
    down, up : float
        Cents that the pitch can be bent, both positive.
    step_down, step_up : float
        Cents to the neighbouring tones of the scale, both positive.
    width : float
        Factor on the depth of a vibrato: fretless strings are swung over a part of their length, which is fewer
        cents where the marks lie close.
    """

    seconds: float
    down: float
    up: float
    step_down: float = 200.0
    step_up: float = 200.0
    width: float = 1.0

    def reach(self, sign: float) -> float:
        """Return the cents that can be bent upwards (`sign` > 0) or downwards."""
        return self.up if sign > 0 else self.down

    def step(self, sign: float) -> float:
        """Return the cents to the next tone of the scale upwards or downwards."""
        return self.step_up if sign > 0 else self.step_down


@dataclass(frozen=True, slots=True, kw_only=True)
class Slide:
    """A glide into the note's pitch (chuo 绰, zhu 注, dou 逗, shanghua 上滑音, xiahua 下滑音).

    Parameters
    ----------
    cents : (float, float)
        Where it comes from; both below or both above 0.
    seconds : (float, float)
        Length of the glide.
    delay : (float, float)
        Seconds that the first pitch is held before it glides.
    source : str
        "drawn": from a pitch between `cents`; "scale": from the neighbouring tone of the scale, if it lies between
        them; "rest": from the string at rest, if it lies between them.
    """

    cents: Span
    seconds: Span
    delay: Span = (0.0, 0.0)
    source: Literal["drawn", "scale", "rest"] = "drawn"

    def size(self, space: Space, random: Random) -> float:
        """Return where the glide begins in cents, 0 where it has no room."""
        sign = 1.0 if self.cents[1] > 0 else -1.0
        low, high = sorted(abs(cents) for cents in self.cents)
        drawn = random.uniform(low, high)
        if self.source == "drawn":
            size = min(drawn, space.reach(sign))
            return sign * size if size >= min(low, max(LEAST_CENTS, low / 2)) else 0.0
        size = space.step(sign) if self.source == "scale" else space.reach(sign)
        return sign * size if low <= size <= min(high, space.reach(sign)) else 0.0

    def points(self, space: Space, random: Random) -> Points:
        """Return the curve, empty where it has no room."""
        cents, delay = self.size(space, random), random.uniform(*self.delay)
        length = random.uniform(*self.seconds)
        if not cents or space.seconds <= 0.0:
            return []
        pressed = min(1.0, 0.5 * space.seconds / (delay + length))
        delay, length = delay * pressed, length * pressed
        ease = _smooth if self.delay[1] else _arriving
        glide = [(delay + length * x, round(cents * (1.0 - ease(x)), 2)) for x in _ramp()]
        return [(0.0, cents), *glide] if delay else glide


@dataclass(frozen=True, slots=True, kw_only=True)
class Vibrato:
    """An oscillation after the attack (yin 吟, nao 猱, dingyin 定吟, chanyin 颤音, rou 揉).

    Parameters
    ----------
    cents : (float, float)
        Depth from the pitch.
    hertz : (float, float)
        Turns a second.
    delay : (float, float)
        Seconds from the attack to the first turn.
    until : float
        Share of the note after which the pitch is at rest again.
    side : {-1, 0, 1}
        Below the pitch only, to both sides, or above it only (a string pressed behind its bridge).
    turns : (float, float)
        Fewest and most turns.
    decays : bool
        True where the turns grow smaller.
    """

    cents: Span
    hertz: Span
    delay: Span
    until: float
    side: int = 0
    turns: Span = (2, 99)
    decays: bool = False

    def points(self, space: Space, random: Random) -> Points:
        """Return whole turns between the delay and the point of rest, empty where there is no room for them."""
        depth = random.uniform(*self.cents) * space.width
        hertz, begin = random.uniform(*self.hertz), random.uniform(*self.delay)
        most = random.randint(round(self.turns[0]), round(self.turns[1]))
        room = min(space.down, space.up) if self.side == 0 else space.reach(self.side)
        depth = min(depth, room)
        begin = min(begin, SOONEST * space.seconds)
        time = space.seconds * min(self.until, REST) - begin
        if time <= 0.0:
            return []
        hertz = min(self.hertz[1], max(hertz, self.turns[0] / time * (1.0 + 1e-9)))  # short notes are swung faster
        turns = min(most, int(time * hertz))
        if depth < min(LEAST_CENTS, self.cents[0]) or turns < self.turns[0]:
            return []
        count = turns * POINTS_A_TURN
        points = [(begin, 0.0)]
        for step in range(1, count):
            phase = 2 * pi * step / POINTS_A_TURN
            swing = self.side * (1.0 - cos(phase)) / 2 if self.side else sin(phase)
            fade = exp(-1.5 * step / count) if self.decays else 1.0
            points.append((begin + step / (POINTS_A_TURN * hertz), round(depth * fade * swing, 2)))
        return [*points, (begin + count / (POINTS_A_TURN * hertz), 0.0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bump:
    """Quick movements away and back after the attack (zhuang 撞, huan 唤, dianyin 点音).

    Parameters
    ----------
    cents : (float, float)
        Height.
    seconds : (float, float)
        Length of one movement.
    delay : (float, float)
        Seconds from the attack to the first.
    signs : tuple of int
        1 for a movement up, -1 for one down, in order.
    """

    cents: Span
    seconds: Span
    delay: Span
    signs: tuple[int, ...] = (1,)

    def points(self, space: Space, random: Random) -> Points:
        """Return the curve, empty where it has no room."""
        height = random.uniform(*self.cents)
        length, at = random.uniform(*self.seconds), random.uniform(*self.delay)
        height = min([height, *(space.reach(sign) for sign in self.signs)])
        if height < min(self.cents[0], max(LEAST_CENTS, self.cents[0] / 2)):
            return []
        if at + length * len(self.signs) > REST * space.seconds:
            return []
        points = [(at, 0.0)]
        for sign in self.signs:
            steps = range(1, 2 * POINTS_A_GLIDE + 1)
            turn = [(at + length * i / steps[-1], round(sign * height * sin(pi * i / steps[-1]), 2)) for i in steps]
            points += [*turn[:-1], (turn[-1][0], 0.0)]
            at += length
        return points


@dataclass(frozen=True, slots=True, kw_only=True)
class Arc:
    """Slow movements to a neighbouring tone and back (jinfu 进复, tuifu 退复, wanglai 往来, huihua 回滑音).

    Parameters
    ----------
    sign : {1, -1}
        Up or down.
    cents : (float, float)
        The neighbouring tone must lie so far away.
    seconds : (float, float)
        Length of one glide.
    begin, until : float
        Shares of the note between which the movement takes place.
    cycles : (int, int)
        How often.
    """

    sign: int
    cents: Span
    seconds: Span
    begin: float = 0.25
    until: float = 0.85
    cycles: tuple[int, int] = (1, 1)

    def points(self, space: Space, random: Random) -> Points:
        """Return the curve, empty where it has no room."""
        glide, cycles = random.uniform(*self.seconds), random.randint(*self.cycles)
        size = space.step(self.sign)
        begin, end = self.begin * space.seconds, min(self.until, REST) * space.seconds
        each = (end - begin) / cycles
        if not self.cents[0] <= size <= min(self.cents[1], space.reach(self.sign)) or each < 2.5 * self.seconds[0]:
            return []
        glide = min(glide, each / 2.5)
        hold = each / 2 if cycles == 1 else each / 2 - glide / 4
        points: Points = []
        for cycle in range(cycles):
            out, back = begin + cycle * each, begin + cycle * each + hold
            points += [(out + glide * x, round(self.sign * size * _smooth(x), 2)) for x in _ramp()]
            points += [(back + glide * x, round(self.sign * size * (1.0 - _smooth(x)), 2)) for x in _ramp()]
        return points


@dataclass(frozen=True, slots=True, kw_only=True)
class Travel:
    """A slide after the attack that sounds the next written note without a new stroke (shang 上, xia 下, tang 淌).

    Parameters
    ----------
    semitones : (int, int)
        Distance to the next note; negative is down.
    seconds : (float, float)
        Length of the glide; it begins where the next note is written.
    notes : (int, int)
        How many notes are sounded so, one after the other (ershang 二上, sanxia 三下).
    """

    semitones: tuple[int, int]
    seconds: Span
    notes: tuple[int, int] = (1, 1)

    def travel(self, semitones: int, seconds: float, random: Random) -> Points:
        """Return the curve from the onset of the next note on, which lasts `seconds`; empty where it has no room."""
        glide = min(random.uniform(*self.seconds), 0.5 * seconds)
        if not self.semitones[0] <= semitones <= self.semitones[1] or glide <= 0.0:
            return []
        return [(glide * x, round(100.0 * semitones * _smooth(x), 2)) for x in _ramp()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Restrike:
    """A glide to the neighbouring tone, a second stroke there, and a glide back (fenkai 分开).

    Parameters
    ----------
    sign : {1, -1}
        Up or down.
    cents : (float, float)
        The neighbouring tone must lie so far away.
    seconds : (float, float)
        Length of one glide.
    at : float
        Share of the note after which the string is struck again.
    velocity : float
        Factor on the velocity of the second stroke.
    """

    sign: int
    cents: Span
    seconds: Span
    at: float = 0.5
    velocity: float = 0.9

    def halves(self, space: Space, random: Random) -> tuple[Points, float, Points]:
        """Return the curve of the first stroke, the seconds to the second, and its curve; empty without room."""
        glide, size = random.uniform(*self.seconds), space.step(self.sign)
        lengths = (self.at * space.seconds, (1.0 - self.at) * space.seconds)
        shortest = min(lengths)
        if not self.cents[0] <= size <= min(self.cents[1], space.reach(self.sign)) or shortest < 2.5 * self.seconds[0]:
            return [], 0.0, []
        glide = min(glide, shortest / 2.5)
        top = self.sign * size
        out = [(REST * lengths[0] - glide * (1.0 - x), round(top * _smooth(x), 2)) for x in _ramp()]
        begin = (REST * lengths[1] - glide) / 2
        back = [(begin + glide * x, round(top * (1.0 - _smooth(x)), 2)) for x in _ramp()]
        return out, lengths[0], [(0.0, top), *back]


def _ramp() -> list[float]:
    return [step / POINTS_A_GLIDE for step in range(POINTS_A_GLIDE + 1)]


def _smooth(x: float) -> float:
    """Return a half cosine from 0 to 1."""
    return (1.0 - cos(pi * x)) / 2


def _arriving(x: float) -> float:
    """Return a rise from 0 to 1 that slows down as it arrives."""
    return 1.0 - (1.0 - x) ** 2
