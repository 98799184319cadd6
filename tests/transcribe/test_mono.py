"""One voice: strokes become notes, moves of the pitch do not, and borders of blocks do not matter."""

import numpy as np
import pytest

from symgen.score import Technique
from symgen.transcribe import transcribe
from symgen.transcribe.notes import HeardNote, Transcription
from symgen.transcribe.source import Sound
from tests.transcribe.plucks import RATE, Pluck, recording, slide, slow_guqin, vibrato

pytest.importorskip("swift_f0")


def heard_in(notes: list[Pluck], **options: float) -> Transcription:
    return transcribe(Sound([recording(notes, **options)], RATE), mode="mono")


def matched(notes: list[Pluck], heard: tuple[HeardNote, ...]) -> int:
    """Number of notes whose onset is found within 50 ms and pitch within 50 cents."""
    return sum(any(abs(h.onset_s - n.onset) < 0.05 and abs(h.pitch - n.pitch) < 0.5 for h in heard) for n in notes)


@pytest.fixture(scope="module")
def guqin() -> tuple[list[Pluck], Transcription]:
    notes = slow_guqin()
    return notes, heard_in(notes)


def test_every_stroke_is_one_note(guqin: tuple[list[Pluck], Transcription]) -> None:
    notes, found = guqin
    assert len(found.heard) == len(notes)
    assert matched(notes, found.heard) == len(notes)


def test_techniques_follow_the_curves(guqin: tuple[list[Pluck], Transcription]) -> None:
    notes, found = guqin
    for note, heard in zip(notes, found.heard, strict=True):
        if note.cents is None:
            assert heard.technique == Technique.PLUCK
            continue
        cents = note.cents(np.array([0.0, note.seconds]))
        if abs(cents[0]) > 100:
            assert heard.technique == (Technique.SLIDE_UP if cents[0] < 0 else Technique.SLIDE_DOWN)
        elif abs(cents[1]) > 100:
            assert heard.technique == (Technique.SLIDE_UP if cents[1] > 0 else Technique.SLIDE_DOWN)
        else:
            assert heard.technique == Technique.VIBRATO


def test_bend_curves_follow_the_string(guqin: tuple[list[Pluck], Transcription]) -> None:
    notes, found = guqin
    errors = []
    for note, heard in zip(notes, found.heard, strict=True):
        times = np.arange(note.onset + 0.06, note.onset + note.seconds - 0.08, 0.01)
        true = note.pitch * 100 + (note.cents(times - note.onset) if note.cents else 0.0)
        curve = np.interp(times, *heard.bend) if len(heard.bend[0]) else 0.0
        errors.append(np.abs(heard.pitch * 100 + curve - true).mean())
    assert np.mean(errors) < 12.0  # cents


def test_blocks_of_any_size_give_the_same_notes() -> None:
    sound = recording(slow_guqin(seed=5, count=8))
    whole = transcribe(Sound([sound], RATE), mode="mono")
    for size in (1000, 16384, 50001):
        blocks = [sound[at : at + size] for at in range(0, len(sound), size)]
        pieces = transcribe(Sound(blocks, RATE), mode="mono")
        assert [(n.onset_s, n.offset_s, n.pitch, n.velocity) for n in pieces.heard] == [
            (n.onset_s, n.offset_s, n.pitch, n.velocity) for n in whole.heard
        ]


def test_repeated_strokes_of_one_pitch_are_notes() -> None:
    notes = [Pluck(0.3 + 0.3 * i, 0.3, 57.0) for i in range(8)]
    found = heard_in(notes)
    assert len(found.heard) == 8
    assert matched(notes, found.heard) == 8


def test_a_long_slide_is_one_note_and_two_reachable_bends() -> None:
    found = heard_in([Pluck(0.3, 2.0, 48.0, cents=slide(0, 700, 0.6, 0.5)), Pluck(2.4, 1.0, 50.0), Pluck(3.4, 1.0, 48)])
    first = found.heard[0]
    assert len(found.heard) == 3
    assert round(first.pitch) == 48
    assert first.technique == Technique.SLIDE_UP
    assert first.bend[1].max() == pytest.approx(700, abs=25)
    assert found.performance is not None
    assert len(found.performance.notes) > 3
    assert all(abs(bend.cents) <= 200 for note in found.performance.notes for bend in note.bends)


def test_dynamics_are_heard() -> None:
    found = heard_in([Pluck(0.3 + 0.7 * i, 0.7, 55.0, level=level) for i, level in enumerate((0.4, 0.1, 0.4, 0.1))])
    loud, soft, *_ = [note.velocity for note in found.heard]
    assert loud > soft + 20


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 96000])
def test_other_rates_are_heard_too(rate: int) -> None:
    soxr = pytest.importorskip("soxr")
    notes = slow_guqin(seed=8, count=6)
    sound = soxr.resample(recording(notes), RATE, rate)
    found = transcribe(Sound([sound], rate), mode="mono")
    assert matched(notes, found.heard) == len(notes)


@pytest.mark.parametrize("cents", [-35.0, 0.0, 28.0, 47.0])
def test_the_tuning_offset_is_found_and_taken_out(cents: float) -> None:
    notes = slow_guqin(seed=6, count=10)
    moved = [Pluck(n.onset, n.seconds, n.pitch + cents / 100, n.level, n.cents) for n in notes]
    found = heard_in(moved)
    assert found.tuning_cents == pytest.approx(cents, abs=5)
    assert matched(notes, found.heard) == len(notes)


@pytest.mark.parametrize("hertz", [3.5, 5.0, 7.5])
def test_vibrato_of_many_speeds(hertz: float) -> None:
    sway = vibrato(30, hertz)
    notes = [Pluck(0.2 + i * 1.5, 1.5, pitch, cents=sway) for i, pitch in enumerate((50.0, 57.0, 62.0))]
    assert [note.technique for note in heard_in(notes).heard] == [Technique.VIBRATO] * 3
