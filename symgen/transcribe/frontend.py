"""What the transcriber's network hears: two log-frequency spectra, one fine in pitch and one fine in time.

The signal at 16 kHz is cut into frames 16 ms apart, each centred on ``frame * HOP`` samples. Three windows, long in
the bass and short in the treble, give the spectrum that is fine in pitch; a window of 64 ms gives the one that is fine
in time. Both are projected to three bins a semitone, divided by the level of the recording around the frame, and
compressed to 0..1 over 80 dB. Every value depends on a bounded stretch of signal only, so an endless stream gives
the same values as a whole file.

The stacking of harmonics that Bittner et al. (2022, "A lightweight instrument-agnostic model for polyphonic note
transcription and multipitch estimation") found so effective is a matter of indices on these bins, and is done in the
network (:mod:`symgen.transcribe.network`).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
"""Samples a second of everything the network hears."""
HOP = 256
"""Samples between two frames: 16 ms."""
FRAME_SECONDS = HOP / RATE
BINS_PER_SEMITONE = 3
LOWEST_PITCH = 27
"""MIDI pitch at the middle of the first three bins."""
SEMITONES = 87
"""The axis reaches MIDI 113, 5.6 kHz."""
BINS = SEMITONES * BINS_PER_SEMITONE
CHANNELS = 2
"""Fine in pitch, fine in time."""
REACH = 4_096
"""Samples before and after its centre that a frame hears: half of the longest window."""
LEVEL_BACK, LEVEL_AHEAD = 375, 125
"""Frames before and after (6 s and 2 s) among which the loudest sets the level."""
QUIET = 1e-4
"""No level is lower than this, so that silence and hiss stay small."""
RANGE_DECADES = 4.0

_FINE = ((8_192, LOWEST_PITCH, 52), (4_096, 52, 69), (2_048, 69, LOWEST_PITCH + SEMITONES))
"""Length of window, first and last + 1 MIDI pitch it serves."""
_FAST = ((1_024, LOWEST_PITCH, LOWEST_PITCH + SEMITONES),)

Array = NDArray[np.float32]


def bin_pitches() -> Array:
    """Return the MIDI pitch of each bin, a third of a semitone apart, shape ``(BINS,)``."""
    return (LOWEST_PITCH + (np.arange(BINS, dtype=np.float32) - 1) / BINS_PER_SEMITONE).astype(np.float32)


@cache
def _band(length: int, low: int, high: int) -> tuple[slice, Array, NDArray[np.int64], Array]:
    """Return the bins of the transform used, the window, and the projection: for each log bin its bins and weights.

    The projection is sparse, and gathering it is faster than a product of matrices, whose threads wait for each other.
    """
    window = np.hanning(length + 1)[:-1]
    window = (window * 2 / window.sum()).astype(np.float32)  # a sine of amplitude 1 shows as 1
    first, last = (low - LOWEST_PITCH) * BINS_PER_SEMITONE, (high - LOWEST_PITCH) * BINS_PER_SEMITONE
    pitches = bin_pitches()[first:last].astype(np.float64)
    centres = 440 * 2 ** ((pitches - 69) / 12) * length / RATE  # in bins of the transform
    widths = np.maximum(1.0, centres * (2 ** (1 / (12 * BINS_PER_SEMITONE)) - 1))
    grid = np.arange(length // 2 + 1)
    kernel = np.maximum(0, 1 - np.abs(grid[:, None] - centres) / widths)
    used = slice(int((centres - widths).min()), min(len(grid), int((centres + widths).max()) + 2))
    kernel = kernel[used]
    kernel /= np.clip(kernel.sum(0), 1e-9, 2.0)  # a sine fills three bins of the transform, which add up to 2
    reach = int((kernel > 0).sum(0).max())
    starts = np.minimum((kernel > 0).argmax(0), len(kernel) - reach)
    index = starts[:, None] + np.arange(reach)
    return used, window, index, np.ascontiguousarray(kernel[index, np.arange(len(starts))[:, None]], dtype=np.float32)


def magnitudes(samples: Array, first: int, frames: int) -> Array:
    """Return log-frequency magnitudes of frames that lie inside `samples`.

    Parameters
    ----------
    samples : float32, shape (n,)
        Mono signal at :data:`RATE`.
    first : int
        Sample at the centre of the first frame; ``first >= REACH``.
    frames : int
        Number of frames; ``first + (frames - 1) * HOP + REACH <= n``.

    Returns
    -------
    float32, shape (frames, CHANNELS, BINS)
        A sine of amplitude 1 shows as about 1.
    """
    out = np.empty((frames, CHANNELS, BINS), np.float32)
    for channel, bands in enumerate((_FINE, _FAST)):
        for length, low, high in bands:
            used, window, index, weights = _band(length, low, high)
            left, right = ((pitch - LOWEST_PITCH) * BINS_PER_SEMITONE for pitch in (low, high))
            for start in range(0, frames, 32):  # in pieces that stay in the cache
                count = min(32, frames - start)
                begin = first + start * HOP - length // 2
                stretch = samples[begin : begin + (count - 1) * HOP + length]
                cut = np.lib.stride_tricks.sliding_window_view(stretch, length)[::HOP]
                spectrum = np.abs(np.fft.rfft(cut * window, axis=1)[:, used])
                out[start : start + count, channel, left:right] = np.einsum("tbk,bk->tb", spectrum[:, index], weights)
    return out


def levels(magnitude: Array) -> Array:
    """Return the loudest bin of each frame, shape ``(frames,)``, from which :func:`compress` takes the level."""
    return np.asarray(magnitude[:, 0].max(-1), np.float32)


def running_level(loudest: Array, back: int = LEVEL_BACK, ahead: int = LEVEL_AHEAD) -> Array:
    """Return the level at each frame: the greatest of `loudest` from `back` frames before to `ahead` after.

    Parameters
    ----------
    loudest : float32, shape (frames,)
    back, ahead : int
        Frames that do not exist at either end count as silent.

    Returns
    -------
    float32, shape (frames,)
        At least :data:`QUIET`.
    """
    padded = np.concatenate([np.zeros(back, np.float32), loudest, np.zeros(ahead, np.float32)])
    greatest = np.lib.stride_tricks.sliding_window_view(padded, back + ahead + 1).max(-1)
    return np.asarray(np.maximum(greatest, np.float32(QUIET)), np.float32)


def compress(magnitude: Array, level: Array) -> Array:
    """Return `magnitude` relative to `level` on a logarithmic scale: 1 at the level, 0 from 80 dB below it.

    Parameters
    ----------
    magnitude : float32, shape (frames, CHANNELS, BINS)
    level : float32, shape (frames,)
    """
    relative = magnitude / level[:, None, None] + np.float32(10**-RANGE_DECADES)
    return np.asarray(np.minimum(np.log10(relative) / np.float32(RANGE_DECADES) + 1, 1.25), np.float32)


def whole(samples: Array) -> Array:
    """Return the magnitudes of a whole recording held in memory, shape ``(frames, CHANNELS, BINS)``.

    Frame ``i`` is centred on sample ``i * HOP``; there are ``ceil(n / HOP)`` frames.
    """
    frames = -(-len(samples) // HOP)
    padded = np.concatenate([np.zeros(REACH, np.float32), samples, np.zeros(REACH + HOP, np.float32)])
    return magnitudes(padded.astype(np.float32, copy=False), REACH, frames)
