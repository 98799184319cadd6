"""What is no zither is called so, and nothing fails on it."""

import numpy as np
import pytest

from symgen.transcribe import transcribe
from symgen.transcribe.source import Sound
from tests.transcribe.plucks import RATE, Pluck, recording, slow_guqin

pytest.importorskip("swift_f0")


def speech() -> np.ndarray:
    """Syllables: a gliding buzz through a filter that moves, with swells instead of strokes."""
    rng = np.random.default_rng(4)
    t = np.arange(RATE * 12) / RATE
    hertz = 130 + 35 * np.interp(t, np.arange(60) / 4, rng.standard_normal(60)) + 10 * np.sin(2 * np.pi * 1.3 * t)
    phase = 2 * np.pi * np.cumsum(hertz) / RATE
    vowel = np.interp(t, np.arange(120) / 8, rng.uniform(0.2, 2.5, 120))
    buzz = sum(np.sin(n * phase) * np.exp(-(((n * hertz - 500 * vowel) / 700) ** 2)) for n in range(1, 30))
    swell = np.clip(np.interp(t, np.arange(100) / 8, rng.uniform(-0.4, 1.0, 100)), 0, 1)
    return 0.2 * buzz * swell


def flute() -> np.ndarray:
    """Tones that swell and are held."""
    t = np.arange(RATE) / RATE
    tone = np.minimum(1, t / 0.15) * np.minimum(1, (1 - t) / 0.1)
    sway = 0.3 * np.sin(2 * np.pi * 5 * t)
    return np.concatenate(
        [0.3 * tone * np.sin(2 * np.pi * 440 * 2 ** (step / 12) * t + sway) for step in (0, 2, 4, 7) * 3]
    )


NOT_ZITHERS = {
    "empty": np.zeros(0),
    "one sample": np.ones(1),
    "silence": np.zeros(RATE * 3),
    "white noise": 0.2 * np.random.default_rng(1).standard_normal(RATE * 10),
    "hum": 0.3 * np.sin(2 * np.pi * 50 * np.arange(RATE * 5) / RATE),
    "not numbers": np.full(RATE, np.nan),
    "speech": speech(),
    "flute": flute(),
}


@pytest.mark.parametrize("name", NOT_ZITHERS)
def test_what_is_no_zither_is_said_to_be_none(name: str) -> None:
    found = transcribe(Sound([NOT_ZITHERS[name].astype(np.float32)], RATE))
    assert found.kind == "not a zither"
    assert "not-a-zither" in found.flags
    assert "low-confidence" in found.flags


def test_slow_low_strings_are_a_guqin() -> None:
    found = transcribe(Sound([recording(slow_guqin(seed=20))], RATE), mode="mono")
    assert found.kind == "guqin"
    assert found.confidence > 0.8
    assert "low-confidence" not in found.flags


def test_fast_high_strings_are_a_guzheng() -> None:
    scale = [62, 64, 66, 69, 71, 74, 76, 78, 81]
    notes = [Pluck(0.2 + 0.15 * i, 0.4, float(scale[i * 4 % 9])) for i in range(40)]
    assert transcribe(Sound([recording(notes)], RATE), mode="mono").kind == "guzheng"


def test_clipping_is_flagged() -> None:
    sound = np.clip(recording(slow_guqin(count=8)) * 6, -0.9, 0.9)
    assert "clipped" in transcribe(Sound([sound], RATE), mode="mono").flags
