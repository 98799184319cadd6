"""Ears for the tests: pitch, level and contour of a sound, by plain signal processing."""

import numpy as np


def hertz(pitch: float) -> float:
    return 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)


def cents_off(sound: np.ndarray, rate: int, pitch: float) -> float:
    """Return how far the strongest frequency within 80 cents of `pitch` lies from it."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 2**20))
    low, high = (int(hertz(pitch + shift) * 2**20 / rate) for shift in (-0.8, 0.8))
    found = (low + int(np.argmax(spectrum[low : high + 1]))) * rate / 2**20
    return float(1200.0 * np.log2(found / hertz(pitch)))


def contour(sound: np.ndarray, rate: int, pitch: float, reach: float) -> np.ndarray:
    """Return the frequency of the one partial within `reach` semitones of `pitch`, in cents from it, every sample."""
    size = len(sound)
    spectrum = np.fft.fft(sound.astype(float), 2 * size)
    frequency = np.maximum(np.fft.fftfreq(2 * size, 1.0 / rate), 1.0)
    apart = np.abs(12.0 * np.log2(frequency / hertz(pitch))) / reach
    spectrum *= 0.5 + 0.5 * np.cos(np.pi * np.clip(2.0 * apart - 1.0, 0.0, 1.0))  # soft edges ring for a short time
    phase = np.unwrap(np.angle(np.fft.ifft(spectrum)[:size]))
    return 1200.0 * np.log2(np.maximum(np.diff(phase), 1e-9) * rate / (2.0 * np.pi) / hertz(pitch))


def level_db(sound: np.ndarray, rate: int, pitch: float, at: float, seconds: float = 0.2) -> float:
    """Return the level of the partial at `pitch` around the time `at`."""
    count = int(seconds * rate)
    begin = int((at - seconds / 2) * rate)
    piece = sound[begin : begin + count] * np.hanning(count)
    wave = np.exp(-2j * np.pi * hertz(pitch) * np.arange(count) / rate)
    return float(20.0 * np.log10(abs((piece * wave).sum()) / count + 1e-12))


def rms(sound: np.ndarray) -> float:
    return float(np.sqrt((sound.astype(float) ** 2).mean()))
