"""What is chosen: the ornaments of a piece as they are given out, and what they leave free."""

from __future__ import annotations

from dataclasses import dataclass, field

from symgen.instruments.base import Placement
from symgen.instruments.curves import Arc, Bump, Points, Slide, Travel, Vibrato
from symgen.instruments.setting import HURRY, REACTION_SECONDS, Setting
from symgen.instruments.shapes import Ornament, Repeat, Roll, Run, Soft


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


def _phase(row: Ornament) -> str:
    """Return the part of a note that an ornament fills: one of each kind can stand together."""
    if isinstance(row.curve, Slide | Soft):
        return "into"
    return "within" if isinstance(row.curve, Vibrato | Bump | Arc | Travel | Repeat) else "stroke"
