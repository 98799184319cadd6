"""Bars: what notated scores have in common.

MusicXML, kern and jianpu all write bars of notes with ties, grace notes, repeats and metres that the
bars may or may not fill. Their readers describe what is on the page as a list of :class:`Bar`;
:func:`~symgen.readers._assemble.assemble` plays it as a Score.

Time inside bars is quarter notes as :class:`~fractions.Fraction`, so nothing is rounded before the end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from symgen.readers._repeats import RepeatMarks
from symgen.score import DEFAULT_VELOCITY, Key, Section, Technique, Tempo, Text

ROUNDING = Fraction(1, 100)
"""Programs that round tuplets leave bars and ties short or long by less than this; a 256th is 1/64."""

Mark = Tempo | Key | Section | Text


@dataclass(slots=True)
class BarNote:
    """A note on the page.

    Parameters
    ----------
    onset, duration : Fraction
        Quarter notes from the start of the bar; a grace note has duration 0.
    pitch : int
        MIDI note number, sounding.
    voice, velocity, technique : int
        As in a Score.
    ties : bool
        Tied to the next note of its pitch and part.
    tied : bool
        Continues the note before.
    part : int
        Ties are looked for among the notes of one part.
    """

    onset: Fraction
    duration: Fraction
    pitch: int
    voice: int = 0
    velocity: int = DEFAULT_VELOCITY
    technique: Technique = Technique.PLUCK
    ties: bool = False
    tied: bool = False
    part: int = 0


@dataclass(slots=True)
class Bar:
    """One written bar.

    Parameters
    ----------
    length : Fraction
        Real length in quarter notes, whatever the metre says.
    metre : (numerator, denominator) or None
        The metre that holds in it; None where it is free or unknown.
    notes : list of BarNote
        In the order of the page.
    marks : list of (Fraction, Mark)
        Position in the bar in quarters, and the mark; its `tick` is set later.
    repeats : RepeatMarks
        Repeat signs, endings and jumps.
    """

    length: Fraction = Fraction(0)
    metre: tuple[int, int] | None = None
    notes: list[BarNote] = field(default_factory=list)
    marks: list[tuple[Fraction, Mark]] = field(default_factory=list)
    repeats: RepeatMarks = field(default_factory=RepeatMarks)
