"""Where a recording lies beside the semitone grid of a' = 440 Hz, and taking that out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from symgen.transcribe.notes import HeardNote

FEWEST_SECONDS = 1.0
"""Less stable sound than this says nothing about a tuning."""

AGREEMENT = 0.35
"""Length of the mean vector (0 none, 1 all the same) under which notes do not share one grid."""

STABLE_CENTS = 25.0
"""A frame this near to where its note rests counts."""


@dataclass(frozen=True, slots=True)
class TuningOffset:
    """How a recording is tuned.

    Parameters
    ----------
    cents : float
        Above (below) the semitone grid, -50..50; 0 where `agreement` is too low to say.
    agreement : float
        0..1, how well the notes share one grid.
    """

    cents: float
    agreement: float


def offset_of(notes: Sequence[HeardNote]) -> TuningOffset:
    """Return the tuning offset of notes: the circular mean of their resting pitches on the semitone.

    Every note counts with the time that it stays where it rests, so slides and wide vibrato count little.
    """
    weights = np.array([_stable_seconds(note) * note.confidence for note in notes])
    if not len(notes) or weights.sum() < FEWEST_SECONDS:
        return TuningOffset(0.0, 0.0)
    angles = 2.0 * np.pi * np.array([note.pitch for note in notes])
    mean = complex((weights * np.exp(1j * angles)).sum() / weights.sum())
    agreement = abs(mean)
    cents = float(np.angle(mean)) / (2.0 * np.pi) * 100.0 if agreement >= AGREEMENT else 0.0
    return TuningOffset(round(cents, 1), round(agreement, 3))


def retuned(notes: Sequence[HeardNote], cents: float) -> list[HeardNote]:
    """Return the notes with `cents` taken out of their pitches; their curves are relative and stay."""
    return [replace(note, pitch=note.pitch - cents / 100.0) for note in notes]


def semitones_low(notes: Sequence[HeardNote], lowest: int) -> int:
    """Return how far the lowest string lies below the lowest one that any tuning of the instrument has.

    Only that can be told from sound alone: an instrument that is low as a whole sounds like a piece in a
    lower key as long as its lowest string is not heard. 0 where nothing lies too low, or all of it does.

    Parameters
    ----------
    notes : sequence of HeardNote
        At least two of the lowest pitch are asked for.
    lowest : int
        MIDI number of the lowest open string of any tuning.
    """
    pitches = np.array([round(note.pitch) for note in notes if note.confidence >= 0.5], dtype=int)
    below = np.flatnonzero(np.bincount(pitches[pitches >= 0], minlength=128)[:lowest] >= 2)
    if not len(below) or lowest - int(below[0]) > 3:
        return 0
    return lowest - int(below[0])


def _stable_seconds(note: HeardNote) -> float:
    times, cents = note.bend
    if not len(times):
        return note.seconds
    return note.seconds * float((np.abs(cents) <= STABLE_CENTS).mean())
