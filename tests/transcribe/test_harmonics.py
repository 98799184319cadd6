"""Harmonics: what single notes tell, and what notes in a row tell together."""

import numpy as np
import pytest

from symgen.score import Technique
from symgen.transcribe import frontend
from symgen.transcribe.harmonics import (
    MEASURES,
    SPECTRUM_FLOOR_DB,
    SPECTRUM_STEP_DB,
    chained,
    kept_spectrum,
    measures,
    with_harmonics,
)
from symgen.transcribe.notes import HeardNote

FRAME = frontend.FRAME_SECONDS


def ringing(pitches: list[float], loss: float, seconds: float = 2.5) -> tuple[list[HeardNote], np.ndarray]:
    """Notes a second apart, and a spectrum in which their first two partials lose `loss` decibels a second."""
    magnitude = np.full((round(len(pitches) / FRAME) + 200, frontend.BINS), 1e-5, "f4")
    for index, pitch in enumerate(pitches):
        start = round(index / FRAME)
        fall = 10 ** (-(20 + loss * np.arange(60) * FRAME) / 20)
        for up in (0, 12):
            magnitude[start : start + 60, round((pitch + up - frontend.LOWEST_PITCH) * 3) + 1] = fall
    notes = [HeardNote(float(at), at + seconds, pitch, 80, 0.95) for at, pitch in enumerate(pitches)]
    return notes, kept_spectrum(magnitude)


def test_a_spectrum_is_kept_to_half_a_decibel():
    magnitude = np.array([[1.0, 0.1, 1e-3, 0.0]], "f4")
    levels = kept_spectrum(magnitude) * SPECTRUM_STEP_DB + SPECTRUM_FLOOR_DB
    assert levels[0, :3] == pytest.approx([0, -20, -60], abs=0.3)
    assert levels[0, 3] == SPECTRUM_FLOOR_DB


def test_the_loss_of_partials_is_measured():
    notes, spectrum = ringing([62.0], loss=10.0)
    told = dict(zip(MEASURES, measures(notes[0], spectrum, 0.0), strict=True))
    assert told["first late"] == pytest.approx(-10 * 24 * FRAME, abs=0.6)
    assert told["first early"] == pytest.approx(-10 * 13 * FRAME, abs=0.6)
    assert (told["pitch"], told["bend"], told["bent"]) == (62.0, 0.0, 0.0)


def test_a_passage_of_high_notes_that_ring_is_harmonics_and_low_strings_are_not():
    high, spectrum = ringing([62.0, 67.0, 69.0, 74.0, 67.0], loss=6.0)
    assert {note.technique for note in with_harmonics(high, spectrum, 0.0)} == {Technique.HARMONIC}
    low, spectrum = ringing([38.0, 43.0, 45.0, 48.0, 43.0], loss=25.0, seconds=0.9)
    assert {note.technique for note in with_harmonics(low, spectrum, 0.0)} == {Technique.PLUCK}
    assert with_harmonics([], spectrum, 0.0) == []


def test_neighbours_speak_for_each_other():
    alone = chained(np.array([-4.0, -4.0, 1.0, -4.0, -4.0]))[2]
    among = chained(np.array([4.0, 4.0, 1.0, 4.0, 4.0]))[2]
    assert alone < 0.0 < among
