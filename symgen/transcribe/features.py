"""The plain measures of sound: a log-frequency spectrogram, the level, and the onsets that both tell of.

Sound comes in blocks of any size and is not kept: an hour leaves about 60 MB of features. Every frame is
computed from blocks cut at fixed places, so the result does not depend on how the sound came in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

RATE = 16000
"""Samples per second that everything here hears: fundamentals to 2 kHz and the bursts of plucks to 8 kHz."""

HOP, WINDOW = 128, 512
FRAME_S = HOP / RATE
BANDS_PER_OCTAVE = 24
LOWEST_HZ, HIGHEST_HZ = 60.0, 7800.0

DB_STEP, DB_FLOOR = 0.5, -127.0
"""Levels are kept as whole steps of half a decibel above the floor: one byte each."""

BLOCK_FRAMES = 1024
_BLOCK = BLOCK_FRAMES * HOP


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Measures of a recording, one row a frame of :data:`FRAME_S` seconds.

    Parameters
    ----------
    bands : ndarray of uint8, shape (frames, bands)
        Level of each quarter tone band in steps of :data:`DB_STEP` above :data:`DB_FLOOR`.
    level : ndarray of float32, shape (frames,)
        Level in decibels below full scale, root mean square of 16 ms around the frame.
    peak : float
        Largest sample, 0..1 and more where float files run over.
    clipped : float
        Share of samples at the largest value, where that value is held.
    seconds : float
        Length of the recording.
    """

    bands: NDArray[np.uint8]
    level: NDArray[np.float32]
    peak: float
    clipped: float
    seconds: float

    def decibels(self, first: int = 0, last: int | None = None) -> NDArray[np.float32]:
        """Return the levels of frames `first` to `last` in decibels, shape (frames, bands)."""
        return (self.bands[first:last].astype(np.float32) * DB_STEP + DB_FLOOR).astype(np.float32)


def band_hz() -> Floats:
    """Return the centre of each band in Hz."""
    return _bank()[1]


def _bank() -> tuple[NDArray[np.float32], Floats]:
    """Return triangular filters of quarter tones, at least one bin of the transform wide each, and their centres."""
    count = int(BANDS_PER_OCTAVE * np.log2(HIGHEST_HZ / LOWEST_HZ))
    centres = LOWEST_HZ * 2.0 ** (np.arange(-1, count + 1) / BANDS_PER_OCTAVE)
    bins = np.unique(np.round(centres * WINDOW / RATE).astype(int))
    bank = np.zeros((WINDOW // 2 + 1, len(bins) - 2), dtype=np.float32)
    for band, (low, middle, high) in enumerate(zip(bins, bins[1:], bins[2:], strict=False)):
        bank[low : middle + 1, band] = np.linspace(0.0, 1.0, middle - low + 1)
        bank[middle : high + 1, band] = np.linspace(1.0, 0.0, high - middle + 1)
        bank[:, band] /= bank[:, band].sum()
    return bank, bins[1:-1] * RATE / WINDOW


class Listener:
    """Takes sound at :data:`RATE` in blocks of any size and gives :class:`Features` at the end."""

    def __init__(self) -> None:
        self._bank = _bank()[0]
        self._taper = np.hanning(WINDOW + 1)[:-1].astype(np.float32) * (2.0 / WINDOW)
        self._waiting = [np.zeros(WINDOW // 2, dtype=np.float32)]  # so that frame 0 is centred on sample 0
        self._held = WINDOW // 2
        self._samples = 0
        self._peak, self._at_peak = 0.0, 0
        self._bands, self._level = bytearray(), bytearray()  # they grow where they are

    def push(self, block: NDArray[np.float32]) -> None:
        """Hear a block of mono sound, shape (samples,)."""
        self._samples += len(block)
        self._count_peaks(block)
        self._waiting.append(block)
        self._held += len(block)
        need = _BLOCK + WINDOW - HOP
        if self._held < need:
            return
        sound = np.concatenate(self._waiting)
        while len(sound) >= need:
            self._hear(sound[:need], BLOCK_FRAMES)
            sound = sound[_BLOCK:]
        self._waiting, self._held = [sound.copy()], len(sound)

    def finish(self) -> Features:
        """Return the features of all that was heard."""
        frames = self._samples // HOP + 1 - len(self._level) // 4
        rest = np.concatenate([*self._waiting, np.zeros(WINDOW, dtype=np.float32)])
        if frames > 0:
            self._hear(rest[: (frames - 1) * HOP + WINDOW], frames)
        bands = np.frombuffer(self._bands, np.uint8).reshape(-1, self._bank.shape[1])
        level = np.frombuffer(self._level, np.float32)
        share = self._at_peak / max(1, self._samples)
        return Features(bands, level, self._peak, share, self._samples / RATE)

    def _count_peaks(self, block: NDArray[np.float32]) -> None:
        size = np.abs(block)
        peak = float(size.max(initial=0.0))
        if peak > self._peak * 1.0001:
            self._peak, self._at_peak = peak, 0
        self._at_peak += int(((size[1:] >= self._peak * 0.9999) & (size[:-1] >= self._peak * 0.9999)).sum())

    def _hear(self, sound: NDArray[np.float32], frames: int) -> None:
        windows = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[::HOP][:frames]
        power = np.abs(np.fft.rfft(windows * self._taper, axis=1)).astype(np.float32) ** 2
        decibels = 10.0 * np.log10(power @ self._bank + 1e-13)
        steps = np.clip(np.round((decibels - DB_FLOOR) / DB_STEP), 0, 255)
        self._bands += steps.astype(np.uint8).tobytes()
        middle = windows[:, WINDOW // 2 - HOP : WINDOW // 2 + HOP]
        self._level += (10.0 * np.log10((middle**2).mean(axis=1) + 1e-13)).astype(np.float32).tobytes()


@dataclass(frozen=True, slots=True, eq=False)
class Onsets:
    """Strokes: their times in seconds, and how clear each one is (mean rise in decibels over the bands).

    Parameters
    ----------
    times, strengths : ndarray of float64, shape (onsets,)
        In order of time.
    swells : ndarray of float64, shape (onsets,)
        Decibels by which it is louder after the stroke than before.
    """

    times: Floats
    strengths: Floats
    swells: Floats


LAG = 2
"""Frames between the two spectra that are compared: 16 ms, most of the rise of a pluck under this window."""

RANGE_DB = 60.0
"""What is this far below the loudest band of the recording is not heard."""

PICK_S, MEAN_S = 0.032, 0.10
THRESHOLD_DB, ABOVE_MEAN_DB = 1.6, 1.0
LATE_S = 0.002
"""The largest rise comes this much after the stroke, as measured on modelled plucks."""


def flux(features: Features) -> Floats:
    """Return the mean rise of the bands over :data:`LAG` frames in decibels, shape (frames,).

    Each band is compared with the loudest of itself and its neighbours before, so that a slide or a vibrato,
    which moves energy to the next band, is no rise (SuperFlux, Böck and Widmer 2013).
    """
    frames = len(features.level)
    rise = np.zeros(frames)
    if not frames:
        return rise
    floor = float(features.bands.max()) * DB_STEP + DB_FLOOR - RANGE_DB
    for first, last in _pieces(frames, 8192):
        start = max(0, first - LAG)
        heard = np.maximum(features.decibels(start, last), floor)
        before = heard[: len(heard) - LAG] if first else np.concatenate([np.repeat(heard[:1], LAG, 0), heard[:-LAG]])
        if not first:
            before[:LAG] = floor  # what begins with the recording rises out of nothing
        now = heard[LAG:] if first else heard
        before = before[: len(now)]
        widest = before.copy()
        widest[:, 1:] = np.maximum(widest[:, 1:], before[:, :-1])
        widest[:, :-1] = np.maximum(widest[:, :-1], before[:, 1:])
        rise[first:last] = np.maximum(0.0, now - widest).mean(axis=1)
    return rise


def _pieces(total: int, size: int) -> Iterator[tuple[int, int]]:
    for first in range(0, total, size):
        yield first, min(total, first + size)


def running_mean(values: Floats, before: int, after: int) -> Floats:
    """Return the mean of each value with `before` and `after` neighbours, fewer at the ends."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    index = np.arange(len(values))
    low, high = np.maximum(0, index - before), np.minimum(len(values), index + after + 1)
    mean: Floats = (sums[high] - sums[low]) / np.maximum(1, high - low)
    return mean


def running_max(values: Floats, before: int, after: int) -> Floats:
    """Return the largest of each value and its `before` and `after` neighbours."""
    padded = np.concatenate([np.full(before, -np.inf), values, np.full(after, -np.inf)])
    largest: Floats = np.lib.stride_tricks.sliding_window_view(padded, before + after + 1).max(axis=1)
    return largest


def find_onsets(features: Features) -> Onsets:
    """Return the strokes of a recording.

    A stroke is a peak of the flux within 32 ms to both sides, above a threshold and above the mean around it.
    """
    rise = flux(features)
    if not len(rise):
        return Onsets(np.zeros(0), np.zeros(0), np.zeros(0))
    near, around = round(PICK_S / FRAME_S), round(MEAN_S / FRAME_S)
    peaks = rise >= running_max(rise, near, near)
    clear = (rise > THRESHOLD_DB) & (rise > running_mean(rise, around, near) + ABOVE_MEAN_DB)
    chosen = np.flatnonzero(peaks & clear)
    if len(chosen):
        apart = np.concatenate([[True], np.diff(chosen) > near])
        chosen = chosen[apart]
    times = np.maximum(0.0, chosen * FRAME_S - LATE_S)
    return Onsets(times, rise[chosen], _swell(features.level, chosen))


def _swell(level: NDArray[np.float32], frames: NDArray[np.int64]) -> Floats:
    """Return by how many decibels it is louder in the 56 ms after a frame than in the 48 ms before it."""
    padded = np.concatenate([np.full(8, level[0]), level, np.full(8, level[-1])]).astype(np.float64)
    around = np.lib.stride_tricks.sliding_window_view(padded, 16)[frames]
    swell: Floats = around[:, 9:].max(axis=1) - around[:, :6].mean(axis=1)
    return swell
