"""Musical dials: density, register, ornament, leaps and surprise, instead of raw sampling numbers.

Each dial goes from 0 to 1, and 0.5 leaves the music as the style has it. A dial names a quantity that can be counted in
the piece; what it asks for is a target for that quantity, so many times as much or so many semitones higher than the
style's habit. :class:`Steering` leans the scores of the network towards the target: a tilt over the tokens
(exponential tilting) whose strength follows from what has been written so far. Without that, the network's own
repetition would undo the tilt or run away with it. Nothing is forbidden here; that is the grammar's business.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from symgen.errors import UsageError
from symgen.models.context import DIALS
from symgen.models.wishes import EDGES
from symgen.tokens import melody, rhythm
from symgen.units import TICKS_PER_QUARTER

Bias = NDArray[np.float32]

_MIDDLE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Dials:
    """What is asked of a piece in musical words, each from 0 to 1; 0.5 is as the style has it.

    Parameters
    ----------
    density : float
        Notes a quarter: 0 half as many, 1 twice as many.
    register : float
        How high: up to an octave lower or higher, as far as the instrument reaches.
    ornament : float
        How much is added in the performance: 0 only what is written, 1 about twice as much.
    leaps : float
        How far the melody moves from tone to tone.
    surprise : float
        How far the music strays from what the network expects.

    Raises
    ------
    UsageError
        If a dial is not a number from 0 to 1.
    """

    density: float = _MIDDLE
    register: float = _MIDDLE
    ornament: float = _MIDDLE
    leaps: float = _MIDDLE
    surprise: float = _MIDDLE

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
                raise UsageError(f"{name} {value!r}", expected="0 to 1")

    def as_json(self) -> dict[str, float]:
        """Return the dials by name."""
        return asdict(self)

    @property
    def steers(self) -> bool:
        """Whether the written music is steered: any dial but that of the ornaments is turned."""
        return (self.density, self.register, self.leaps, self.surprise) != (_MIDDLE,) * 4


NEUTRAL: Final = Dials()
"""As the style has it."""


@dataclass(frozen=True, slots=True)
class Habit:
    """What the pieces of a style have on average when no dial is turned.

    Parameters
    ----------
    density : float
        Onsets a quarter.
    register : float
        Mean semitones above the reference gong.
    leaps : float
        Mean semitones between a tone and the next.
    surprise : float
        Bits a step that the network had not expected.
    """

    density: float
    register: float
    leaps: float
    surprise: float


HABITS: Final[Mapping[str, Habit]] = MappingProxyType(
    {
        "guqin": Habit(1.43, 2.4, 3.2, 5.0),
        "guzheng": Habit(1.55, 4.7, 3.0, 5.0),
        "folk": Habit(1.55, 4.7, 3.0, 5.0),
    }
)
"""Means over 50 pieces composed with the shipped checkpoint; ``benchmarks/dials.py`` counts them again."""


def habit_of(style: str) -> Habit:
    """Return the habit of a style; of one that has not been counted, that of folk songs."""
    return HABITS.get(style, HABITS["folk"])


_OCTAVES: Final = {"density": 1.0, "leaps": 0.7}
"""By how many doublings the end of a dial is away from the habit."""
_REGISTER_SPAN = 12.0
_REGISTER_REACH = 0.6
"""The register moves at most by this share of the way from the habit to the end of what the instrument reaches."""


@dataclass(frozen=True, slots=True)
class Targets:
    """What the dials ask for, in the units of :class:`Habit`; None where a dial is not turned."""

    density: float | None
    register: float | None
    leaps: float | None
    surprise: float


def targets(dials: Dials, habit: Habit, reach: tuple[float, float]) -> Targets:
    """Return what the dials ask for.

    Parameters
    ----------
    dials : Dials
        The dials.
    habit : Habit
        Of the style.
    reach : tuple of float
        Lowest and highest tone that may be written, in semitones above the reference gong.
    """

    def times(name: str, value: float) -> float | None:
        return None if value == _MIDDLE else getattr(habit, name) * 2.0 ** (_OCTAVES[name] * _turn(value))

    turn = _turn(dials.register)
    way = reach[1] - habit.register if turn > 0 else habit.register - reach[0]
    span = max(0.0, min(_REGISTER_SPAN, _REGISTER_REACH * way))
    return Targets(
        density=times("density", dials.density),
        register=None if turn == 0 else habit.register + span * turn,
        leaps=times("leaps", dials.leaps),
        surprise=2.0 * _turn(dials.surprise),
    )


def levels(dials: Dials, habit: Habit, reach: tuple[float, float]) -> tuple[int, ...]:
    """Return the dials as levels that a network was taught, in the order of :data:`symgen.models.context.DIALS`.

    A level is absolute (:data:`symgen.models.wishes.EDGES`), a dial is relative to the style: the level is that of the
    dial's target.

    Returns
    -------
    tuple of int
        1 to 7; 0 where a dial is not turned.
    """
    asked = targets(dials, habit, reach)
    values = {
        "density": asked.density,
        "leaps": asked.leaps,
        "register": None if asked.register is None else asked.register - habit.register,
    }
    return tuple(0 if (value := values[name]) is None else bisect_right(EDGES[name], value) + 1 for name in DIALS)


def _turn(value: float) -> float:
    """Return how far a dial is turned, -1 to 1."""
    return (value - _MIDDLE) / _MIDDLE


class Steering:
    """Leans the scores of one piece in the making towards what the dials ask for.

    Parameters
    ----------
    dials : Dials
        What is asked for.
    habit : Habit
        Of the style.
    reach : tuple of float
        Lowest and highest tone that may be written, in semitones above the reference gong.

    Attributes
    ----------
    levels : tuple of int
        See :func:`levels`.
    temperature : float
        The temperature of drawing is multiplied by it.
    """

    def __init__(self, dials: Dials, habit: Habit, reach: tuple[float, float]) -> None:
        self.levels = levels(dials, habit, reach)
        self._targets = targets(dials, habit, reach)
        self.temperature = 2.0 ** (_SURPRISE_OCTAVES * _turn(dials.surprise))
        self._ahead = {name: _AHEAD[name] * _turn(getattr(dials, name)) for name in ("density", "register", "leaps")}
        self._owed = {"density": 0.0, "register": 0.0, "leaps": 0.0}
        self._last: int | None = None

    def bias(self, place: int) -> Bias | None:
        """Return what is added to the scores of family `place` (0 rhythm, 1 melody, 2 chord), shape (V,).

        None where nothing is.
        """
        if place == 0 and self._targets.density is not None:
            return self._strength("density") * _SHORTNESS
        if place != 1 or self._last is None:
            return None
        found: Bias | None = None
        if self._targets.leaps is not None:
            found = self._strength("leaps") * _moves()[self._last - _LOWEST]
        if self._targets.register is not None:
            tilt = self._strength("register") * _heights()[self._last - _LOWEST]
            found = tilt if found is None else found + tilt
        return found

    def append(self, rhythm_token: int, melody_token: int) -> None:
        """Take up a step that was written: what it has too much or too little of is made good later."""
        quarters = _QUARTERS[rhythm_token]
        sounding = melody_token != melody.REST
        asked, owed = self._targets, self._owed
        if asked.density is not None:
            owed["density"] = _kept(owed["density"] + asked.density * quarters - sounding, "density")
        if not sounding:
            return
        tone = _RELATIVE[melody_token]
        if asked.register is not None:
            owed["register"] = _kept(owed["register"] + asked.register - tone, "register")
        if asked.leaps is not None and self._last is not None:
            move = abs(tone - self._last)
            owed["leaps"] = _kept(owed["leaps"] + asked.leaps - move, "leaps")
        self._last = tone

    def _strength(self, name: str) -> np.float32:
        return np.float32(self._ahead[name] + _GAIN[name] * self._owed[name])


_SURPRISE_OCTAVES = 0.6
_AHEAD: Final = {"density": 1.2, "register": 1.0, "leaps": 0.8}
_GAIN: Final = {"density": 0.15, "register": 0.02, "leaps": 0.03}
_MOST: Final = {"density": 10.0, "register": 120.0, "leaps": 40.0}


def _kept(owed: float, name: str) -> float:
    return max(-_MOST[name], min(_MOST[name], owed))


_STEP = 2.5
_OCTAVE = 12.0
_QUARTERS: Final[list[float]] = (rhythm.INTERVAL / TICKS_PER_QUARTER).tolist()
_RELATIVE: Final[list[int]] = melody.RELATIVE.tolist()
_LOWEST: Final = int(melody.RELATIVE.min())
_SIXTEENTH = TICKS_PER_QUARTER // 4
_WHOLE = 4 * TICKS_PER_QUARTER
_SHORTNESS: Final[Bias] = -np.log2(np.clip(rhythm.INTERVAL, _SIXTEENTH, _WHOLE) / TICKS_PER_QUARTER).astype(np.float32)


def _rises() -> Bias:
    """Return the semitones from each tone, row by row from the lowest, to that of each melody token."""
    tones = np.arange(_LOWEST, melody.RELATIVE.max() + 1)
    return (melody.RELATIVE[None, :] - tones[:, None]).astype(np.float32)


@lru_cache(maxsize=1)
def _moves() -> Bias:
    sizes = np.abs(_rises())
    table = (np.clip(sizes, _STEP, _OCTAVE) - _STEP) / np.float32(_STEP)
    table[:, : melody.REST + 1] = 0
    return table


@lru_cache(maxsize=1)
def _heights() -> Bias:
    table = _rises() / np.float32(_OCTAVE)
    table[:, : melody.REST + 1] = 0
    return table
