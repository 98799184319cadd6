"""Slides out of a note, on activations made by hand: what nothing struck belongs to the string that slid there."""

import numpy as np
import pytest

from symgen.transcribe import tracking
from symgen.transcribe.features import Onsets
from symgen.transcribe.mono import Contour
from symgen.transcribe.notes import HeardNote
from symgen.transcribe.paths import FULL, HOP_S, KEYS, LOWEST, PER_SEMITONE, Rolls
from symgen.transcribe.refining import refined


def tone(rolls: Rolls, key: int, first: int, last: int, struck: float = 0.0) -> None:
    """Let a key sound from one frame to another, struck with an activation."""
    rolls.frame[first:last, key] = 240
    rolls.contour[first:last, key * PER_SEMITONE + 1] = 200
    rolls.onset[first, key] = round(struck * FULL)
    rolls.onset[first - 1 : first + 2 : 2, key] = round(0.5 * struck * FULL)


def silence(frames: int = 200) -> Rolls:
    return Rolls(*(np.zeros((frames, width), np.uint8) for width in (KEYS, KEYS, KEYS * PER_SEMITONE)))


def heard(rolls: Rolls, *rises: tuple[int, float]) -> list[HeardNote]:
    times = np.array([frame * HOP_S for frame, _ in rises])
    strengths = np.array([strength for _, strength in rises])
    return tracking.notes_of(rolls, None, Onsets(times, strengths, strengths))


@pytest.mark.parametrize("struck", [0.0, 0.6])
def test_a_tone_that_nothing_struck_is_where_the_string_slid(struck: float) -> None:
    rolls = silence()
    tone(rolls, 24, 20, 60, struck=0.95)
    tone(rolls, 19, 66, 120, struck=struck)
    (note,) = heard(rolls, (20, 9.0))
    assert round(note.pitch) == LOWEST + 24
    assert note.bend[1][-1] == pytest.approx(-500, abs=40)
    assert note.offset_s == pytest.approx(120 * HOP_S, abs=0.15)


def test_a_tone_that_is_heard_to_be_struck_is_a_note_of_its_own() -> None:
    rolls = silence()
    tone(rolls, 24, 20, 60, struck=0.95)
    tone(rolls, 19, 66, 120, struck=0.6)
    assert [round(note.pitch) - LOWEST for note in heard(rolls, (20, 9.0), (66, 9.0))] == [24, 19]


def test_a_sure_stroke_is_a_note_even_if_it_is_not_heard() -> None:
    rolls = silence()
    tone(rolls, 24, 20, 60, struck=0.95)
    tone(rolls, 19, 66, 120, struck=0.95)
    assert len(heard(rolls, (20, 9.0))) == 2


def test_the_one_voice_pitch_leads_on_where_the_curve_ends() -> None:
    frames = np.arange(100)
    pitch = np.interp(frames, [0, 40, 55, 100], [60.0, 60.0, 63.0, 63.0])
    note = HeardNote(0.0, 0.64, 60.0, 80, 0.9, bend=(frames[:40] * HOP_S, np.zeros(40)))
    (found,) = refined([note], Contour(pitch, np.full(100, 0.95)))
    assert found.bend[1][-1] == pytest.approx(300, abs=5)
    assert found.offset_s > 1.4
    later = HeardNote(0.66, 1.4, 70.0, 80, 0.9)
    assert refined([note, later], Contour(pitch, np.full(100, 0.95)))[0].offset_s == pytest.approx(0.64)
