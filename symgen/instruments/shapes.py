"""Ornaments as rows: the shapes of what hands add to a note, and to which notes they add it.

A shape is a dataclass with a row in :data:`CURVES`; its fields are the keys of the table ``curve`` in a TOML file.
Those that bend the pitch stand in :mod:`symgen.instruments.curves`; those here add strokes, spread them or soften them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from symgen.instruments.curves import Arc, Bump, Restrike, Slide, Span, Travel, Vibrato
from symgen.score import Technique


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """Further strokes of the same string while the note lasts (yaozhi 摇指, lun 轮, suo 锁).

    Parameters
    ----------
    gap : (float, float)
        Seconds from stroke to stroke.
    count : (int, int)
        Strokes altogether, the written one among them; the note's length decides between them.
    velocity : float
        Factor on the velocity of the further strokes.
    swell : float
        Share of the velocity that is gained from the second stroke to the last.
    spread : float
        Largest random change of a stroke's velocity.
    """

    gap: Span
    count: tuple[int, int] = (2, 400)
    velocity: float = 0.9
    swell: float = 0.0
    spread: float = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A sweep over neighbouring open strings that leads to a note (huazhi 花指, guazou 刮奏, saoxian 扫弦, gunfu 滚拂).

    Parameters
    ----------
    count : (int, int)
        Strings swept.
    gap : (float, float)
        Seconds from string to string.
    direction : {-1, 1}
        Falling or rising in pitch.
    velocity : (float, float)
        Factors on the velocity of the note it leads to, for the first string and the last.
    among : (int, int)
        Strings it may sweep, counted from 1; (0, 0) for all.
    leads : bool
        True where it ends beside the string of the note; else it ends where `among` ends.
    on_beat : bool
        True where it begins when the note is written and the note comes after it, late; else it is over before it.
    returns : bool
        True where it first goes the other way over the same strings.
    """

    count: tuple[int, int]
    gap: Span
    direction: int
    velocity: Span
    among: tuple[int, int] = (0, 0)
    leads: bool = True
    on_beat: bool = False
    returns: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Roll:
    """A chord struck note after note (payin 琶音).

    Parameters
    ----------
    gap : (float, float)
        Seconds from note to note.
    count : (int, int)
        Notes of a chord that is rolled.
    direction : {-1, 1}
        From the highest note down, or from the lowest up.
    """

    gap: Span
    count: tuple[int, int]
    direction: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Soft:
    """A note that the left hand sounds by itself (daiqi 带起, qiaqi 掐起, yan 罨).

    Parameters
    ----------
    semitones : (int, int)
        Distance from the note before, on the same string; negative is down.
    velocity : (float, float)
        Factor on the velocity.
    to : tuple of str
        "open" or "stopped": what the note may be.
    """

    semitones: tuple[int, int]
    velocity: Span
    to: tuple[str, ...] = ("open", "stopped")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Fingers drawn over the string of the note and a neighbour that has the same pitch (bo 拨, la 剌, bola 拨剌).

    One of the two strings is open and the other one stopped.

    Parameters
    ----------
    strokes : int
        How often both strings are struck, each time in the other direction.
    gap : (float, float)
        Seconds from string to string.
    between : (float, float)
        Seconds from stroke to stroke.
    velocity : (float, float)
        Factors on the velocity of the first stroke and the last.
    """

    strokes: int
    gap: Span
    between: Span
    velocity: Span


Shape = Slide | Vibrato | Bump | Arc | Travel | Restrike | Repeat | Run | Roll | Soft | Pair

CURVES: Mapping[str, type[Any]] = MappingProxyType({kind.__name__.lower(): kind for kind in Shape.__args__})
"""What ``kind`` of a curve in a TOML file means; the fields of the class are the further keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ornament:
    """What a hand does to some notes.

    Parameters
    ----------
    name, chinese : str
        Its names.
    hand : str
        "left" or "right".
    technique : Technique
        What a note with it counts as, and the mark that asks for it; PLUCK where the notes stay what they are.
    on : tuple of Technique
        OPEN or STOPPED: the notes it can be given to.
    share : float
        Share of all notes of these kinds that have it; of a run, share of all notes that are notes of it; of a roll,
        share of the chords.
    styles : mapping of str to float
        Other shares in some styles.
    degrees : mapping of str to float
        How welcome it is on degrees of the scale, 1.0 where none is given: 1 to 7, with # or b.
    seconds : float
        It is given to notes with at least this much time before the next stroke.
    alone : bool
        True where a note with it has no other ornament of the note itself.
    stroke : str
        Stroke that the strings are struck with; by default the one of the same name, if there is one.
    curve : one of ``CURVES``
        Its shape.
    """

    name: str
    chinese: str
    hand: str = "left"
    technique: Technique
    on: tuple[Technique, ...]
    share: float
    styles: Mapping[str, float] = field(default_factory=dict)
    degrees: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    alone: bool = False
    stroke: str = ""
    curve: Shape
