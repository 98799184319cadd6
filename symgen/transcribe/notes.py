"""What is heard: notes in seconds with their pitch curves, before anything is written down."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symgen.performance import Performance
from symgen.score import Score, Technique

Floats = NDArray[np.floating[Any]]

KINDS = ("guqin", "guzheng", "plucked strings", "not a zither")
"""What a recording can turn out to be."""

LOW_CONFIDENCE = 0.6
"""A transcription below this is flagged "low-confidence": measured on noise, speech and plucked clips."""


def no_bend() -> tuple[Floats, Floats]:
    """Return the curve of a note that stays where it is: no points."""
    return np.zeros(0), np.zeros(0)


@dataclass(frozen=True, slots=True, eq=False)
class HeardNote:
    """One stroke of a string, as heard.

    Parameters
    ----------
    onset_s, offset_s : float
        Seconds from the start of the recording.
    pitch : float
        MIDI note number with its fraction: where the pitch stays longest, tuning offset taken out.
    velocity : int
        1..127, from the level of the attack within the recording.
    confidence : float
        0..1.
    technique : Technique
        What the curve and the neighbours tell; PLUCK where they tell nothing.
    bend : tuple of two ndarrays of float64, shape (points,)
        Seconds from the start of the recording, and cents from `pitch`; empty where the pitch rests.
    """

    onset_s: float
    offset_s: float
    pitch: float
    velocity: int
    confidence: float
    technique: Technique = Technique.PLUCK
    bend: tuple[Floats, Floats] = field(default_factory=no_bend)

    @property
    def seconds(self) -> float:
        """Sounding length in seconds."""
        return self.offset_s - self.onset_s


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Transcription:
    """A recording as notes.

    Parameters
    ----------
    score : Score
        What would be written: quantised where there is a beat, else ticks at 60 qpm as played.
    heard : tuple of HeardNote
        In order of onset; times as played.
    performance : Performance or None
        The notes as played with their bends; None where nothing was heard.
    confidence : float
        0..1, of the whole.
    kind : str
        One of :data:`KINDS`.
    mode_used : str
        "mono" or "poly".
    tuning_cents : float
        How far the recording lies above (or below) a' = 440 Hz on the semitone grid, -50..50; taken out of `heard`.
    gong : int or None
        Pitch class of gong, None where no note was heard.
    mode_name : str or None
        Mode on that gong.
    seconds : float
        Length of the recording.
    flags : tuple of str
        "low-confidence", "free-rhythm", "silence", "not-a-zither", "clipped", "low-tuning",
        "one-voice-only".
    unpitched : str
        Where no note was heard, what the recording sounds like, in a few words.
    """

    score: Score
    heard: tuple[HeardNote, ...]
    performance: Performance | None
    confidence: float
    kind: str
    mode_used: str
    tuning_cents: float
    gong: int | None
    mode_name: str | None
    seconds: float
    flags: tuple[str, ...] = ()
    unpitched: str = ""
