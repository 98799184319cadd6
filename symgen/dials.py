"""Musical dials: density, register, ornament, leaps and surprise, instead of raw sampling numbers.

Each dial goes from 0 to 1, and 0.5 leaves the music as the style has it. A dial names a quantity that can be counted in
the piece; what it asks for is a target for that quantity, so many times as much or so many semitones higher than the
style's habit. :mod:`symgen.steering` leads the music there.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Final

from symgen.errors import UsageError
from symgen.models.features import DIALS
from symgen.models.wishes import EDGES

_MIDDLE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Dials:
    """What is asked of a piece in musical words, each from 0 to 1; 0.5 is as the style has it.

    Parameters
    ----------
    density : float
        Notes a quarter: 0 a little over half as many, 1 a little under twice as many.
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
class Usual:
    """Mean and standard deviation of a quantity over the pieces of a style."""

    mean: float
    spread: float


@dataclass(frozen=True, slots=True)
class Habit:
    """What the pieces of a style are like when no dial is turned.

    Parameters
    ----------
    density : Usual
        Onsets a quarter.
    register : Usual
        Mean semitones above the reference gong.
    leaps : Usual
        Mean semitones between a tone and the next.
    surprise : Usual
        Bits a step by the network.
    """

    density: Usual
    register: Usual
    leaps: Usual
    surprise: Usual


HABITS: Final[Mapping[str, Habit]] = MappingProxyType(
    {
        "guqin": Habit(Usual(1.53, 0.31), Usual(3.8, 5.3), Usual(4.77, 0.96), Usual(4.20, 0.37)),
        "guzheng": Habit(Usual(1.58, 0.48), Usual(0.8, 3.6), Usual(4.86, 1.08), Usual(4.12, 0.46)),
        "folk": Habit(Usual(1.78, 0.42), Usual(3.0, 3.5), Usual(2.60, 0.46), Usual(3.38, 0.46)),
    }
)
"""Of 50 pieces composed with the shipped checkpoint; ``benchmarks/dials.py`` counts them again."""


def habit_of(style: str) -> Habit:
    """Return the habit of a style; of one that has not been counted, that of folk songs."""
    return HABITS.get(style, HABITS["folk"])


_DOUBLINGS: Final = {"density": 0.85, "leaps": 0.7, "surprise": 0.7}
"""By how many doublings the end of a dial is away from the habit."""
_REGISTER_SPAN = 12.0
_REGISTER_REACH = 0.6
"""The register moves at most by this share of the way from the habit to the end of what the instrument reaches."""


def targets(dials: Dials, habit: Habit, reach: tuple[float, float]) -> dict[str, float]:
    """Return what the dials ask for in the units of :class:`Habit`, by name.

    Parameters
    ----------
    dials : Dials
        The dials.
    habit : Habit
        Of the style.
    reach : tuple of float
        Lowest and highest tone that may be written, in semitones above the reference gong.
    """
    turn, middle = turn_of(dials.register), habit.register.mean
    way = reach[1] - middle if turn > 0 else middle - reach[0]
    span = max(0.0, min(_REGISTER_SPAN, _REGISTER_REACH * way))
    times = {
        name: getattr(habit, name).mean * 2.0 ** (doublings * turn_of(getattr(dials, name)))
        for name, doublings in _DOUBLINGS.items()
    }
    return times | {"register": middle + span * turn}


def levels(dials: Dials, habit: Habit, reach: tuple[float, float]) -> tuple[int, ...]:
    """Return the dials as levels that a network was taught, in the order of :data:`symgen.models.features.DIALS`.

    A level is absolute (:data:`symgen.models.wishes.EDGES`), a dial is relative to the style: the level is that of the
    dial's target.

    Returns
    -------
    tuple of int
        1 to 7; 0 where a dial is not turned.
    """
    asked = targets(dials, habit, reach)
    asked["register"] -= habit.register.mean
    return tuple(
        0 if turn_of(getattr(dials, name)) == 0 else bisect_right(EDGES[name], asked[name]) + 1 for name in DIALS
    )


def turn_of(value: float) -> float:
    """Return how far a dial is turned, -1 to 1."""
    return (value - _MIDDLE) / _MIDDLE
