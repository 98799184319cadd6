"""How notes ring, where they end, and which are harmonics."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgen.score import Technique
from symgen.transcribe import frontend
from symgen.transcribe.judging import Judge, JudgeError, chained, ended, load_judge, with_harmonics
from symgen.transcribe.notes import HeardNote
from symgen.transcribe.ringing import FLOOR_DB, MEASURES, STEP_DB, kept_spectrum, limits, measures

FRAME = frontend.FRAME_SECONDS
SECONDS = 8.0


def ringing(pitch: float, loss: float, damped: float = 6.0) -> tuple[HeardNote, np.ndarray]:
    """A note at second 1 whose four partials lose `loss` decibels a second until it is damped, and its spectrum."""
    magnitude = np.full((round(SECONDS / FRAME), frontend.BINS), 1e-5, "f4")
    frames = np.arange(round(damped / FRAME))
    for up in (0.0, 12.0, 19.02, 24.0):
        place = round((pitch + up - frontend.LOWEST_PITCH) * 3) + 1
        start = round(1.0 / FRAME)
        magnitude[start : start + len(frames), place] = 10 ** (-(20 + loss * frames * FRAME) / 20)
    return HeardNote(1.0, 2.5, pitch, 80, 0.95), kept_spectrum(magnitude)


def told(note: HeardNote, spectrum: np.ndarray) -> dict[str, float]:
    return dict(zip(MEASURES, measures([note], spectrum, 0.0, SECONDS)[0], strict=True))


def silent_judge(**changed: float) -> Judge:
    """A judge that changes nothing, but for the biases that are given."""
    count = len(MEASURES)
    networks = {
        f"{name}.{part}": value
        for name in ("end", "harmonic")
        for part, value in (
            ("0.weight", np.zeros((3, count))),
            ("0.bias", np.zeros(3)),
            ("2.weight", np.zeros((1, 3))),
            ("2.bias", np.array([changed.get(name, 0.0)])),
        )
    }
    return Judge.of(networks | {"means": np.zeros(count), "deviations": np.ones(count)})


def test_a_spectrum_is_kept_to_half_a_decibel():
    magnitude = np.array([[1.0, 0.1, 1e-3, 0.0]], "f4")
    levels = kept_spectrum(magnitude) * STEP_DB + FLOOR_DB
    assert levels[0, :3] == pytest.approx([0, -20, -60], abs=0.3)
    assert levels[0, 3] == FLOOR_DB


@pytest.mark.parametrize("loss", [10.0, 25.0])
def test_the_decay_of_a_string_is_measured(loss):
    found = told(*ringing(62.0, loss))
    assert found["late 1"] == pytest.approx(-loss * 24 * FRAME, abs=0.6)
    assert np.exp(found["log slope"]) == pytest.approx(40 / loss, rel=0.1)
    assert np.exp(found["log fall 24"]) == pytest.approx(24 / loss, rel=0.1)
    assert (found["pitch"], found["bend"], found["bent"]) == (62.0, 0.0, 0.0)


def test_a_string_that_is_damped_drops():
    found = told(*ringing(62.0, 5.0, damped=1.2))
    assert found["drop"] < -30.0
    assert np.exp(found["log drop"]) == pytest.approx(1.2, abs=0.08)


def test_a_note_lasts_until_its_pitch_is_struck_again():
    notes = [HeardNote(at, at + 0.5, pitch, 80, 0.9) for at, pitch in ((0.0, 60.0), (1.0, 64.0), (2.5, 60.1))]
    assert limits(notes, 9.0).tolist() == [2.5, 8.0, 6.5]


def test_the_judge_moves_ends_but_not_past_the_next_stroke():
    _, spectrum = ringing(62.0, 10.0)
    again = HeardNote(4.0, 5.0, 62.0, 80, 0.9)
    curve = (np.array([1.0, 1.5, 2.4]), np.array([0.0, 30.0, 90.0]))
    notes = [HeardNote(1.0, 2.5, 62.0, 80, 0.95, bend=curve), again]
    measured = measures(notes, spectrum, 0.0, SECONDS)
    same = ended(notes, measured, silent_judge(), SECONDS)
    assert [note.offset_s for note in same] == pytest.approx([2.5, 5.0])
    longer = ended(notes, measured, silent_judge(end=3.0), SECONDS)
    assert [note.offset_s for note in longer] == pytest.approx([4.0, 8.0])
    shorter = ended(notes, measured, silent_judge(end=np.log(0.5)), SECONDS)[0]
    assert shorter.offset_s == pytest.approx(1.75)
    assert shorter.bend[0][-1] == pytest.approx(1.75)
    assert shorter.bend[1][-1] == pytest.approx(np.interp(1.75, *curve))


@given(st.lists(st.floats(-20, 20), min_size=1, max_size=30))
def test_neighbours_speak_for_each_other(odds):
    together = chained(np.array(odds))
    assert np.isfinite(together).all()
    more = chained(np.array(odds) + 1.0)
    assert (more >= together - 1e-9).all()


def test_only_plain_notes_become_harmonics():
    note, spectrum = ringing(69.0, 6.0)
    bent = HeardNote(1.5, 2.5, 67.0, 80, 0.9, Technique.VIBRATO)
    measured = measures([note, bent], spectrum, 0.0, SECONDS)
    found = with_harmonics([note, bent], measured, silent_judge(harmonic=8.0))
    assert [one.technique for one in found] == [Technique.HARMONIC, Technique.VIBRATO]
    assert with_harmonics([note, bent], measured, silent_judge(harmonic=-8.0)) == [note, bent]
    assert with_harmonics([], np.zeros((0, len(MEASURES))), silent_judge()) == []


def test_missing_weights_are_one_clear_line(tmp_path):
    with pytest.raises(JudgeError, match=r"judge\.safetensors"):
        load_judge(tmp_path)
    (tmp_path / "judge.safetensors").write_bytes(b"no weights")
    with pytest.raises(JudgeError):
        load_judge(tmp_path)


def test_silence_and_notes_at_the_very_end_are_measured():
    empty = np.zeros((0, frontend.BINS), np.uint8)
    assert measures([], empty, 0.0, 0.0).shape == (0, len(MEASURES))
    spectrum = np.zeros((10, frontend.BINS), np.uint8)
    last = HeardNote(0.15, 0.2, 90.0, 80, 0.9)
    assert np.isfinite(measures([last], spectrum, 0.0, 0.16)).all()
