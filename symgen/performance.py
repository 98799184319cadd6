"""Performance: music as it is played.

Each note has a string, a place on it, a technique, a bend curve, a sounding length and a velocity.
The written :class:`~symgen.score.Score` stays beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from symgen.errors import ScoreError
from symgen.score import Score, Technique, Tempo


@dataclass(frozen=True, slots=True)
class Bend:
    """One control point of a bend curve: `cents` from the note's pitch, `offset` ticks after its onset."""

    offset: int
    cents: float


@dataclass(frozen=True, slots=True)
class PlayedNote:
    """One attack.

    Parameters
    ----------
    onset, duration : int
        Ticks; the duration is the sounding length until the string is damped or plucked again.
    pitch : int
        MIDI note number that a bend of 0 cents gives.
    velocity : int
        1..127.
    string : int
        String number from 1, as the instrument counts; 0 where the instrument has no strings (voice).
    position : float
        Guqin: hui.fen of the stopping finger, 0.0 for an open string. Guzheng: semitones pressed.
    technique : Technique
        How the note is made.
    bends : tuple of Bend
        Bend curve in order of time, empty for none; straight lines between control points.
    finger, stroke, hand : str
        As of the :class:`~symgen.instruments.base.Placement`: the finger that stops or presses, the stroke, the
        striking hand; "" where unknown.
    ornament : str
        What the hands do to the note beyond striking it, by the names of the instrument's ornaments; several are
        joined by "+".
    """

    onset: int
    duration: int
    pitch: int
    velocity: int
    string: int = 0
    position: float = 0.0
    technique: Technique = Technique.PLUCK
    bends: tuple[Bend, ...] = ()
    finger: str = ""
    stroke: str = ""
    hand: str = ""
    ornament: str = ""


@dataclass(frozen=True, slots=True)
class Performance:
    """A Score as it is played on an instrument.

    Parameters
    ----------
    score : Score
        What is written; its metres, keys, sections and texts hold for the performance too.
    notes : tuple of PlayedNote
        In order of onset.
    tempi : tuple of Tempo
        Tempo map of the performance, the first at tick 0.
    instrument, tuning : str
        Names in ``symgen.instruments``.
    program : int
        General MIDI program, 0-based.
    open_pitches : tuple of int
        The open strings of the tuning, string 1 first; empty where they are not known or there are none.
    """

    score: Score
    notes: tuple[PlayedNote, ...]
    tempi: tuple[Tempo, ...]
    instrument: str
    tuning: str
    program: int
    open_pitches: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.tempi or self.tempi[0].tick != 0:
            raise ScoreError("Performance.tempi does not begin at tick 0", expected="a tempo from the start")
        for earlier, later in pairwise(self.notes):
            if later.onset < earlier.onset:
                raise ScoreError(
                    f"Performance.notes holds onset {later.onset} after {earlier.onset}", expected="order of onset"
                )
