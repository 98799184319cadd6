"""The front end: a tone shows where it belongs, at its level, and a stream is heard as a whole file is."""

import numpy as np
import pytest

from symgen.transcribe import frontend


def tone(pitch, seconds=1.0, amplitude=1.0):
    hertz = 440 * 2 ** ((pitch - 69) / 12)
    return (amplitude * np.sin(2 * np.pi * hertz * np.arange(int(seconds * frontend.RATE)) / frontend.RATE)).astype(
        "f4"
    )


@pytest.mark.parametrize("pitch", [40, 51, 52, 60, 68, 69, 75, 93, 105])
def test_a_tone_peaks_at_its_bin_with_its_amplitude(pitch):
    heard = frontend.whole(tone(pitch, amplitude=0.5))
    middle = heard[len(heard) // 2, 0]
    assert abs(frontend.bin_pitches()[middle.argmax()] - pitch) < 0.17
    assert 0.3 < middle.max() < 0.6


def test_a_semitone_apart_is_told_apart_in_the_middle_register():
    heard = frontend.whole(tone(62) + tone(63))[30, 0]
    near = heard[(62 - frontend.LOWEST_PITCH) * 3 + 1 :][:4]
    assert near[1:3].min() < 0.7 * min(near[0], near[3])


def test_the_fast_spectrum_ends_sooner_than_the_fine_one():
    signal = np.concatenate([np.zeros(8000, "f4"), tone(60)])
    heard = frontend.whole(signal).max(-1)
    begun = (heard > 0.1).argmax(0) * frontend.HOP
    assert begun[0] < begun[1] <= 8000
    assert 8000 - begun[1] < 600


def test_frames_do_not_depend_on_where_the_signal_is_cut():
    signal = np.random.default_rng(0).normal(0, 0.1, 30_000).astype("f4")
    whole = frontend.whole(signal)
    part = frontend.magnitudes(signal[10 * frontend.HOP :], frontend.REACH, 40)
    first = 10 + frontend.REACH // frontend.HOP
    np.testing.assert_allclose(part, whole[first : first + 40], atol=1e-6)


def test_gain_does_not_matter_above_the_quiet_level():
    signal = tone(60) + 0.01 * tone(67)
    pictures = []
    for gain in (1.0, 0.05):
        heard = frontend.whole(np.float32(gain) * signal)
        pictures.append(frontend.compress(heard, frontend.running_level(frontend.levels(heard))))
    np.testing.assert_allclose(*pictures, atol=1e-4)


def test_silence_is_zero_and_nothing_leaves_its_range():
    heard = frontend.whole(np.zeros(5000, "f4"))
    quiet = frontend.compress(heard, frontend.running_level(frontend.levels(heard)))
    assert np.abs(quiet).max() < 1e-6
    loud = frontend.compress(np.full((3, 2, frontend.BINS), 1e3, "f4"), np.ones(3, "f4"))
    assert loud.max() == 1.25


def test_the_level_looks_back_and_ahead():
    loudest = np.zeros(1000, "f4")
    loudest[500] = 1.0
    level = frontend.running_level(loudest)
    reached = np.flatnonzero(level == 1.0)
    assert (reached[0], reached[-1]) == (500 - frontend.LEVEL_AHEAD, 500 + frontend.LEVEL_BACK)
    assert level.min() == pytest.approx(frontend.QUIET)


def test_an_empty_recording_has_no_frames():
    assert frontend.whole(np.zeros(0, "f4")).shape == (0, frontend.CHANNELS, frontend.BINS)
