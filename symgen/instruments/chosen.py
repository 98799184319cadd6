"""What is chosen: the ornaments of a piece as they are given out, and what they leave free."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import overload

from symgen.instruments.base import Placement
from symgen.instruments.curves import Arc, Bump, Points, Restrike, Slide, Travel, Vibrato
from symgen.instruments.setting import HURRY, REACTION_SECONDS, Setting
from symgen.instruments.shapes import Ornament, Pair, Repeat, Roll, Run, Soft
from symgen.score import Technique

LEFT_OPEN = frozenset({Technique.PLUCK, Technique.OPEN, Technique.STOPPED})
"""Marks that say nothing of an ornament."""


@dataclass(frozen=True, slots=True)
class Extra:
    """A stroke that is not written: `seconds` from the onset of its note, negative before it.

    `position` is 0 on an open string, else `finger` is there; `points` bend it, in seconds after it.
    """

    seconds: float
    string: int
    pitch: int
    position: float
    velocity: float
    finger: str = ""
    points: Points = field(default_factory=list)


class Planned(Sequence[Extra]):
    """Strokes that are made when somebody asks for them: of a hundred candidates for a run, one is played.

    Parameters
    ----------
    count : int
        How many.
    make : callable
        Gives the stroke of a number, from 0.
    """

    __slots__ = ("_count", "_make")

    def __init__(self, count: int, make: Callable[[int], Extra]) -> None:
        self._count, self._make = count, make

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Extra: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Extra, ...]: ...

    def __getitem__(self, index: int | slice) -> Extra | tuple[Extra, ...]:
        if isinstance(index, slice):
            return tuple(map(self._make, range(self._count)[index]))
        return self._make(range(self._count)[index])


@dataclass(frozen=True, slots=True)
class Choice:
    """An ornament of one note.

    Parameters
    ----------
    ornament : Ornament
        Its row.
    points : Points
        Bend curve: seconds after the onset of the note.
    place : Placement, optional
        Where the note is played instead.
    legs : tuple of (int, Points)
        Notes that are sounded by the curve of this one, without strokes of their own, and the curve that leads to
        each: seconds after its onset, cents from this note's pitch.
    extras : sequence of Extra
        Strokes added.
    delay : float
        Seconds by which the note is struck later than its stroke.
    velocity : float
        Factor on its velocity.
    """

    ornament: Ornament
    points: Points = field(default_factory=list)
    place: Placement | None = None
    legs: tuple[tuple[int, Points], ...] = ()
    extras: Sequence[Extra] = ()
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
        self._unmarked: dict[tuple[Technique, ...], list[int]] = {}

    def unmarked(self, on: tuple[Technique, ...]) -> list[int]:
        """Return the notes of some kinds that the score leaves to the player."""
        if on not in self._unmarked:
            marks, places = self.setting.marks, self.setting.places
            self._unmarked[on] = [
                note
                for note, (mark, place) in enumerate(zip(marks, places, strict=True))
                if place.technique in on and mark in LEFT_OPEN
            ]
        return self._unmarked[on]

    def add(self, note: int, choice: Choice) -> None:
        """Let a note have an ornament."""
        self.of.setdefault(note, []).append(choice)
        for to, _ in choice.legs:
            self.absorbed[to] = note
        if choice.extras and choice.extras[0].seconds + choice.delay < 0.0:
            self._lead[self.setting.stroke_of[note]] = -choice.extras[0].seconds

    def free(self, note: int) -> float:
        """Return the seconds that a curve or further strokes can take, at any speed the piece may be played at."""
        lead = self._lead.get(self.setting.stroke_of[note] + 1, 0.0)
        late = sum(choice.delay for choice in self.of.get(note, ()))
        return self.setting.gap(note) / HURRY - lead - late - REACTION_SECONDS

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


def _phase(row: Ornament) -> str:
    """Return the part of a note that an ornament fills: one of each kind can stand together."""
    if isinstance(row.curve, Slide | Soft):
        return "into"
    within = Vibrato | Bump | Arc | Travel | Restrike | Repeat | Pair
    return "within" if isinstance(row.curve, within) else "stroke"
