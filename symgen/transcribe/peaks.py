"""Notes from activations, the plain way: peaks of the onset, ends where the frame falls, pitch from the contour.

The tracker (:mod:`symgen.transcribe.tracking`) does better with slides, doubles and techniques; this is the measure
that training goes by, and what is needed to see what the network alone can do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from symgen.transcribe.frontend import BINS_PER_SEMITONE, FRAME_SECONDS

LOWEST = 33
"""MIDI pitch of the first key."""

Array = NDArray[np.float32]


def onsets(activation: Array, threshold: float = 0.5, gap: int = 3) -> NDArray[np.float64]:
    """Return the peaks of an onset activation ``(frames, keys)`` as rows of (frame with fraction, key, height).

    A peak is the greatest within `gap` - 1 frames of its key and no less than its neighbour keys near it.
    """
    if not len(activation):
        return np.zeros((0, 3))
    padded = np.pad(activation, ((gap - 1, gap - 1), (0, 0)))
    near = np.lib.stride_tricks.sliding_window_view(padded, 2 * gap - 1, axis=0).max(-1)
    found, key = np.nonzero((activation >= threshold) & (activation >= near))
    around = np.pad(near, ((0, 0), (1, 1)))
    height = activation[found, key]
    keep = height >= np.maximum(around[found, key], around[found, key + 2])
    found, key, height = found[keep], key[keep], height[keep]
    edge = np.pad(activation, ((1, 1), (0, 0)))
    before, after = edge[found, key], edge[found + 2, key]
    bow = 2 * height - before - after
    fraction = np.where(bow > 1e-6, (after - before) / np.maximum(2 * bow, 1e-6), 0.0)
    return np.stack([found + np.clip(fraction, -0.5, 0.5), key, height], axis=1).astype(np.float64)


def deviation(contour: Array, frame: int, key: int, length: int = 8) -> float:
    """Return by how many semitones the contour lies off `key` in the frames after an onset."""
    low = key * BINS_PER_SEMITONE - 2
    columns = np.arange(max(0, low), min(contour.shape[1], low + 7))
    weights = contour[frame + 1 : frame + 1 + length, columns].astype(np.float64) ** 2
    if weights.sum() < 1e-3:
        return 0.0
    return float((weights * ((columns - 1) / BINS_PER_SEMITONE - key)).sum() / weights.sum())


def notes(
    onset: Array, frame: Array, contour: Array, threshold: float = 0.5, release: float = 0.3
) -> NDArray[np.float64]:
    """Return notes as rows of (onset seconds, offset seconds, MIDI pitch with fraction, confidence).

    Pitches lie on the recording's own grid of semitones, whose offset from A = 440 Hz is the circular mean of the
    contour's deviations; slides do not move a pitch off the grid.
    """
    peaks = onsets(onset, threshold)
    if not len(peaks):
        return np.zeros((0, 4))
    off = np.array([deviation(contour, int(at), int(key)) for at, key, _ in peaks])
    grid = float(np.angle(np.exp(2j * np.pi * off).mean()) / (2 * np.pi))
    pitch = peaks[:, 1] + np.round(np.clip(off, -0.6, 0.6) - grid) + grid + LOWEST
    rows = []
    for (at, key, height), midi in zip(peaks, pitch, strict=True):
        begin = int(at) + 1
        low, high = max(0, int(key) - 1), int(key) + 2
        silent = np.flatnonzero(frame[begin + 2 :, low:high].max(-1) < release)
        later = peaks[(peaks[:, 1] == key) & (peaks[:, 0] > at), 0]
        end = min(
            begin + 2 + int(silent[0]) if len(silent) else len(frame),
            float(later.min()) if len(later) else len(frame),
        )
        rows.append((at * FRAME_SECONDS, max(end * FRAME_SECONDS, (at + 2) * FRAME_SECONDS), midi, height))
    return np.array(rows)
