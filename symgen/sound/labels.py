"""What a transcriber should hear: targets frame by frame, for known notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from symgen.errors import UsageError
from symgen.score import Technique
from symgen.sound.model import HIGHEST, LOWEST, Rings, SoundNote
from symgen.sound.strokes import checked_notes, settled

BINS_PER_SEMITONE = 3
PITCHES = HIGHEST - LOWEST + 1
"""61 semitones, MIDI 33 to 93."""

CONTOUR_BINS = PITCHES * BINS_PER_SEMITONE
"""183 thirds of a semitone; bin `b` lies at MIDI ``33 + (b - 1) / 3``."""

Rows = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """Targets; frame `i` stands for the time ``i * hop_seconds``.

    Parameters
    ----------
    hop_seconds : float
        Seconds between frames.
    onset : ndarray of float32, shape (frames, 61)
        1 in the frame nearest to an attack, at the semitone of the note, its bend left out.
    note : ndarray of float32, shape (frames, 61)
        1 while the note is heard, at the same semitone.
    contour : ndarray of float32, shape (frames, 183)
        1 at the third of a semitone that sounds, bend and tuning included.
    cents : ndarray of float32, shape (frames, 61)
        Where `note` is 1: what sounds, in cents from the semitone; 0 elsewhere.
    velocity : ndarray of float32, shape (frames, 61)
        Where `onset` is 1: velocity over 127; 0 elsewhere.
    technique : ndarray of int8, shape (frames, 61)
        Where `note` is 1: the :class:`~symgen.notes.Technique`; -1 elsewhere.
    """

    hop_seconds: float
    onset: Rows
    note: Rows
    contour: Rows
    cents: Rows
    velocity: Rows
    technique: NDArray[np.int8]


def labels(
    notes: Sequence[SoundNote],
    seconds: float,
    *,
    hop_seconds: float,
    model: Rings | None = None,
    tuning_cents: float | None = None,
    decibels: float = 40.0,
) -> Labels:
    """Return the targets for a recording of `notes`.

    Parameters
    ----------
    notes : sequence of SoundNote
        In any order. Of notes outside MIDI 33 to 93 nothing is noted.
    seconds : float
        Length of the recording; there are ``floor(seconds / hop_seconds) + 1`` frames.
    hop_seconds : float
        Seconds between frames.
    model : SoundModel or SampleBank, optional
        The instrument that played. It says when a note that nobody damps is no longer heard, and how the strings
        are tuned. Without it the durations of the notes and their nominal pitches hold.
    tuning_cents : float, optional
        The tuning of what is heard, instead of the model's: 0 where a front end has taken it out.

    decibels : float
        A note that has fallen by so much is no longer heard.

    Raises
    ------
    UsageError
        For a note or an argument out of range.
    """
    if not (0.0 < hop_seconds < 10.0 and 0.0 <= seconds < 1e6):
        raise UsageError(f"labels for {seconds} s, every {hop_seconds} s", expected="a hop above 0 and a finite length")
    heard = checked_notes(notes)
    if model is not None:
        heard = settled(heard, model, decibels)
    if tuning_cents is None:
        tuning_cents = model.tuning_cents if model else 0.0
    frames = int(seconds / hop_seconds + 1e-9) + 1
    onset, note_roll, cents, velocity = (np.zeros((frames, PITCHES), np.float32) for _ in range(4))
    contour = np.zeros((frames, CONTOUR_BINS), np.float32)
    technique = np.full((frames, PITCHES), -1, np.int8)
    for note in heard:
        pitch = note.pitch + tuning_cents / 100.0
        first = round(note.onset / hop_seconds)
        last = max(first + 1, int((note.onset + note.duration) / hop_seconds + 1e-9) + 1)
        span = np.arange(first, min(last, frames))
        if not len(span):
            continue
        sounding = pitch + note.cents(span * hop_seconds - note.onset) / 100.0
        fine = np.rint((sounding - LOWEST) * BINS_PER_SEMITONE).astype(np.int64) + 1
        inside = (fine >= 0) & (fine < CONTOUR_BINS)
        contour[span[inside], fine[inside]] = 1.0
        row = round(pitch) - LOWEST
        if not 0 <= row < PITCHES:
            continue
        onset[first, row] = 1.0
        velocity[first, row] = note.velocity / 127.0
        note_roll[span, row] = 1.0
        cents[span, row] = 100.0 * (sounding - round(pitch))
        technique[span, row] = int(Technique(note.technique))
    return Labels(hop_seconds, onset, note_roll, contour, cents, velocity, technique)
