"""Harmonics (fan 泛) told from open and stopped strings of a guqin.

A string that is only touched keeps ringing where a stopped one dies away under the finger, cannot be bent, and lies
high. No single note tells: the evidence of each is weighed by a logistic rule, fitted on modelled clips of the family
"train" by ``benchmarks/harmonics.py``, and a chain of two states (Rabiner 1989) lets notes in a row speak for each
other, for harmonics come in passages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from symgen.score import Technique
from symgen.transcribe.frontend import BINS_PER_SEMITONE, FRAME_SECONDS, LOWEST_PITCH
from symgen.transcribe.notes import Floats, HeardNote

Bytes = NDArray[np.uint8]

SPECTRUM_STEP_DB, SPECTRUM_FLOOR_DB = 0.5, -127.5
"""Levels of a kept spectrum are whole steps above the floor: one byte each."""

FRAMES = (3, 8, 16, 32)
"""Frames after the stroke (48 to 512 ms) at which partials are looked at."""

BENT_CENTS = 14.0
LONGEST_S = 3.0

MEASURES = ("pitch", "bend", "bent", "seconds", "confidence", "first late", "second late", "first early")
"""MIDI pitch; cents between lowest and highest of the curve, to 60 at most; whether that is a bend; sounding length, to
3 s at most; confidence; decibels that partial 1 and partial 2 lose from 128 to 512 ms, and partial 1 from 48 to 256
ms."""

MEANS = (50.993, 19.146, 0.45, 1.137, 0.936, -10.986, -12.676, -3.858)
DEVIATIONS = (7.865, 24.23, 0.498, 0.793, 0.104, 9.546, 9.952, 5.938)
WEIGHTS = (1.779, -2.304, 0.893, 0.503, 0.18, -0.244, 0.88, 0.296)
BIAS = -2.045
"""Of the logistic rule, in the order of :data:`MEASURES`."""

STAYS, BEGINS, EVIDENCE, SURE = 0.85, 0.03, 0.6, -1.0
"""Chance that a harmonic follows on a harmonic, and on another note; weight of the evidence of single notes, which
depend on each other; log odds from which a note is a harmonic."""


def kept_spectrum(magnitude: NDArray[np.float32]) -> Bytes:
    """Return magnitudes ``(frames, bins)`` as bytes, in steps of half a decibel."""
    decibels = 20.0 * np.log10(magnitude + np.float32(1e-7))
    steps = np.round((decibels - SPECTRUM_FLOOR_DB) / SPECTRUM_STEP_DB)
    kept: Bytes = np.clip(steps, 0, 255).astype(np.uint8)
    return kept


def with_harmonics(notes: Sequence[HeardNote], spectrum: Bytes, tuning_cents: float) -> list[HeardNote]:
    """Return the notes, plain ones that sound as harmonics marked so.

    Parameters
    ----------
    notes : sequence of HeardNote
        In order of onset, with their techniques.
    spectrum : ndarray of uint8, shape (frames, bins)
        Of :func:`kept_spectrum`, fine in pitch.
    tuning_cents : float
        What was taken out of the pitches of the notes.
    """
    if not len(notes):
        return []
    odds = chained(evidence(np.array([measures(note, spectrum, tuning_cents) for note in notes])))
    return [
        replace(note, technique=Technique.HARMONIC) if note.technique == Technique.PLUCK and sure > SURE else note
        for note, sure in zip(notes, odds.tolist(), strict=True)
    ]


def measures(note: HeardNote, spectrum: Bytes, tuning_cents: float) -> Floats:
    """Return what is measured of a note, as :data:`MEASURES` says, shape (8,)."""
    start = round(note.onset_s / FRAME_SECONDS)
    pitch = note.pitch + tuning_cents / 100.0
    first = [_level(spectrum, start + frame, pitch) for frame in FRAMES]
    second = [_level(spectrum, start + frame, pitch + 12.0) for frame in FRAMES]
    bend = float(np.ptp(note.bend[1])) if len(note.bend[1]) else 0.0
    return np.array(
        [
            note.pitch,
            min(bend, 60.0),
            float(bend > BENT_CENTS),
            min(note.seconds, LONGEST_S),
            note.confidence,
            first[3] - first[1],
            second[3] - second[1],
            first[2] - first[0],
        ]
    )


def _level(spectrum: Bytes, frame: int, pitch: float) -> float:
    """Return the level in decibels of the loudest of the three bins around a pitch, that of the last frame after it."""
    place = round((pitch - LOWEST_PITCH) * BINS_PER_SEMITONE) + 1
    if not len(spectrum) or not 1 <= place < spectrum.shape[1] - 1:
        return SPECTRUM_FLOOR_DB
    row = spectrum[min(frame, len(spectrum) - 1), place - 1 : place + 2]
    return float(row.max()) * SPECTRUM_STEP_DB + SPECTRUM_FLOOR_DB


def evidence(measured: Floats) -> Floats:
    """Return the log odds of single notes, shape (notes,), from their measures, shape (notes, 8)."""
    odds: Floats = (measured - np.array(MEANS)) / np.array(DEVIATIONS) @ np.array(WEIGHTS) + BIAS
    return odds


def chained(odds: Floats) -> Floats:
    """Return the log odds of notes in a row, by passing the evidence forwards and backwards."""
    steps = np.log(np.array([[1.0 - BEGINS, BEGINS], [1.0 - STAYS, STAYS]]))
    told = np.stack([np.zeros(len(odds)), EVIDENCE * odds], axis=1)
    ahead, back = told.copy(), np.zeros_like(told)
    ahead[0] += np.log([0.88, 0.12])
    for at in range(1, len(told)):
        ahead[at] += np.logaddexp(ahead[at - 1, 0] + steps[0], ahead[at - 1, 1] + steps[1])
    for at in range(len(told) - 2, -1, -1):
        coming = told[at + 1] + back[at + 1]
        back[at] = np.logaddexp(steps[:, 0] + coming[0], steps[:, 1] + coming[1])
    both = ahead + back
    result: Floats = both[:, 1] - both[:, 0]
    return result
