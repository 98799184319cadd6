"""Ornaments as data: the shapes of bend curves, and to which notes they are given.

A shape is a dataclass with a row in :data:`CURVES`; its fields are the keys of the table ``curve`` in a TOML file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from symgen.score import Technique


@dataclass(frozen=True, slots=True, kw_only=True)
class Slide:
    """``kind = "slide"``: a glide into a note from `cents` away (low, high) in `seconds` (low, high)."""

    cents: tuple[float, float]
    seconds: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vibrato:
    """``kind = "vibrato"``: an oscillation of the pitch after the attack.

    Parameters
    ----------
    cents : (float, float)
        Depth, low and high.
    hertz : (float, float)
        Turns a second.
    delay : (float, float)
        Seconds from the attack to the first turn.
    until : float
        Share of the note after which the pitch is at rest again.
    upward : bool
        True where the pitch can only rise (a string pressed behind its bridge).
    decays : bool
        True where the turns grow smaller.
    """

    cents: tuple[float, float]
    hertz: tuple[float, float]
    delay: tuple[float, float]
    until: float
    upward: bool
    decays: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ornament:
    """A bend curve that the stopping hand gives to notes.

    Parameters
    ----------
    name, chinese : str
        Its names.
    technique : Technique
        SLIDE_UP, SLIDE_DOWN or VIBRATO: a note so marked always takes it.
    on : tuple of Technique
        OPEN or STOPPED: the notes it can be given to.
    share : float
        Share of the long unmarked notes it is given to.
    seconds : float
        A note must sound at least this long.
    curve : Slide or Vibrato
        Its shape.
    """

    name: str
    chinese: str
    technique: Technique
    on: tuple[Technique, ...]
    share: float
    seconds: float
    curve: Slide | Vibrato


CURVES: Mapping[str, type[Any]] = MappingProxyType({"slide": Slide, "vibrato": Vibrato})
"""What ``kind`` of a curve in a table means; each is a class whose fields are the further keys."""
