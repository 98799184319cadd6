"""Several voices from made-up activations: what the network would say of known notes, with noise on it."""

from collections.abc import Sequence

import numpy as np
import pytest

from symgen.score import Technique
from symgen.transcribe.notes import HeardNote
from symgen.transcribe.paths import HOP_S, LOWEST, Rolls
from symgen.transcribe.techniques import named
from symgen.transcribe.tracking import notes_of
from tests.transcribe.plucks import Pluck, slide, vibrato

KEYS, BINS = 61, 183


def rolls(notes: Sequence[Pluck], noise: float = 0.08, tuning: float = 0.0, seed: int = 1) -> Rolls:
    """Activations of notes: onsets at the note's key, frames and contours along its bend, noise over all."""
    rng = np.random.default_rng(seed)
    frames = int((max(n.onset + n.seconds for n in notes) + 0.5) / HOP_S)
    onset, frame = np.zeros((frames, KEYS)), np.zeros((frames, KEYS))
    contour = np.zeros((frames, BINS))
    seconds = np.arange(frames) * HOP_S
    for note in notes:
        key = round(note.pitch) - LOWEST
        onset[:, key] = np.maximum(onset[:, key], 1 - np.abs(seconds - note.onset) / (1.5 * HOP_S))
        here = (seconds >= note.onset) & (seconds < note.onset + note.seconds)
        since = seconds[here] - note.onset
        pitch = note.pitch + tuning - LOWEST + (note.cents(since) / 100 if note.cents else np.zeros(len(since)))
        frame[here] = np.maximum(frame[here], np.abs(pitch[:, None] - np.arange(KEYS)) < 0.6)
        bump = np.maximum(0, 1 - np.abs(pitch[:, None] - (np.arange(BINS) - 1) / 3) * 2)
        contour[here] = np.maximum(contour[here], bump)
    return Rolls(*(noisy(part, noise, rng) for part in (onset, frame, contour)))


def noisy(part: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    heard = 0.85 * np.maximum(part, 0) + noise * np.abs(rng.standard_normal(part.shape))
    return np.round(255 * np.clip(heard, 0, 1)).astype(np.uint8)


def assert_same(notes: Sequence[Pluck], heard: Sequence[HeardNote], offset: float = 0.08) -> None:
    assert len(heard) == len(notes)
    for note in notes:
        found = min(heard, key=lambda h: abs(h.onset_s - note.onset) + abs(h.pitch - note.pitch))
        assert found.onset_s == pytest.approx(note.onset, abs=0.02)
        assert round(found.pitch) == note.pitch
        assert found.offset_s == pytest.approx(note.onset + note.seconds, abs=offset)


def test_octaves_and_ringing_strings() -> None:
    notes = [Pluck(0.2 + 0.4 * i, 1.5, 50.0 + step) for i, step in enumerate((0, 4, 7, 9, 2, 5))]
    notes += [Pluck(n.onset, n.seconds, n.pitch + 12) for n in notes]
    assert_same(notes, notes_of(rolls(notes)))


def test_repeated_strokes_end_the_one_before() -> None:
    notes = [Pluck(0.2 + 0.2 * i, 0.2, 62.0) for i in range(9)]
    assert_same(notes, notes_of(rolls(notes)))


@pytest.mark.parametrize("tuning", [-0.35, 0.0, 0.2])
def test_slides_belong_to_their_notes(tuning: float) -> None:
    notes = [
        Pluck(0.2, 1.0, 60.0, cents=slide(-200, 0, 0.03, 0.15)),
        Pluck(0.5, 1.5, 48.0),
        Pluck(1.3, 1.0, 62.0, cents=slide(200, 0, 0.03, 0.15)),
        Pluck(2.5, 1.4, 57.0, cents=slide(0, 300, 0.5, 0.3)),
        Pluck(4.0, 1.4, 65.0, cents=slide(0, -200, 0.5, 0.3)),
    ]
    heard = notes_of(rolls(notes, tuning=tuning))
    assert_same(notes, heard)
    for note, found in zip(notes, heard, strict=True):
        if note.cents is not None:
            times = np.arange(note.onset + 0.05, note.onset + note.seconds - 0.05, 0.02)
            true = note.pitch + tuning + note.cents(times - note.onset) / 100
            assert np.abs(found.pitch + np.interp(times, *found.bend) / 100 - true).mean() < 0.12
    up, down = Technique.SLIDE_UP, Technique.SLIDE_DOWN
    assert [note.technique for note in named(heard)] == [up, Technique.PLUCK, down, up, down]


def test_false_strokes_on_the_way_of_a_slide_are_dropped() -> None:
    notes = [Pluck(0.2, 2.0, 50.0, cents=slide(0, 500, 0.6, 0.5))]
    made = rolls(notes)
    at = round((0.2 + 0.6 + 0.2) / HOP_S)
    made.onset[at - 1 : at + 2, 52 - LOWEST] = (50, 140, 50)
    assert_same(notes, notes_of(made))


def test_weak_strokes_on_partials_of_strong_ones_are_dropped() -> None:
    notes = [Pluck(0.2, 1.0, 45.0)]
    made = rolls(notes)
    at = round(0.2 / HOP_S)
    made.onset[at - 1 : at + 2, 57 - LOWEST] = (40, 140, 30)
    made.frame[at : at + 4, 57 - LOWEST] = 90
    assert_same(notes, notes_of(made))


def test_glissando_tremolo_and_vibrato_are_named() -> None:
    strings = [86, 83, 81, 78, 76, 74, 71, 69, 66, 64]
    run = [Pluck(0.2 + 0.05 * i, 0.8, float(pitch)) for i, pitch in enumerate(strings)]
    shake = [Pluck(2.0 + 0.09 * i, 0.09, 69.0) for i in range(12)]
    sway = [Pluck(3.5, 1.5, 62.0, cents=vibrato(40, 5.5))]
    heard = named(notes_of(rolls([*run, *shake, *sway])))
    assert_same([*run, *shake, *sway], heard)
    names = [note.technique for note in heard]
    assert names == [Technique.GLISSANDO] * 10 + [Technique.TREMOLO] * 12 + [Technique.VIBRATO]


def test_silence_holds_no_note() -> None:
    made = rolls([Pluck(0.2, 1.0, 60.0)])
    empty = Rolls(*(np.zeros_like(part) for part in (made.onset, made.frame, made.contour)))
    assert notes_of(empty) == []
    assert notes_of(Rolls.of([])) == []
