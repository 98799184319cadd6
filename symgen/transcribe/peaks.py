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

DOUBT = 3
"""Keys to either side that may share the activation of one onset: slides into a note seldom come from further."""
SHARE = 0.4

Array = NDArray[np.float32]


def onsets(activation: Array, threshold: float = 0.5, gap: int = 3) -> NDArray[np.float64]:
    """Return the peaks of an onset activation ``(frames, keys)`` as rows of (frame with fraction, key, height).

    A peak is the greatest within `gap` - 1 frames of its key and no less than its neighbour keys near it. A note that
    begins with a slide often leaves the network in doubt between the keys it passes: where no peak is near, the
    activations of seven keys count together (:data:`SHARE` of the threshold must be in one of them).
    """
    if not len(activation):
        return np.zeros((0, 3))
    clear = _peaks(activation, activation >= threshold, gap)
    taken = np.zeros(activation.shape, bool)
    for at, key, _ in clear:
        frame = round(at)
        taken[max(0, frame - gap) : frame + gap + 1, max(0, int(key) - DOUBT) : int(key) + DOUBT + 1] = True
    left = np.where(taken, 0, activation)
    together = np.lib.stride_tricks.sliding_window_view(np.pad(left, ((0, 0), (DOUBT, DOUBT))), 2 * DOUBT + 1, 1)
    doubtful = (together.sum(-1) >= threshold) & (left >= together.max(-1)) & (left >= SHARE * threshold)
    return np.concatenate([clear, _peaks(left, doubtful, gap)])


def _peaks(activation: Array, candidate: NDArray[np.bool_], gap: int) -> NDArray[np.float64]:
    """Return candidates that are the greatest around them, as rows of (frame with fraction, key, height)."""
    padded = np.pad(activation, ((gap - 1, gap - 1), (0, 0)))
    near = np.lib.stride_tricks.sliding_window_view(padded, 2 * gap - 1, axis=0).max(-1)
    around = np.pad(near, ((0, 0), (1, 1)))
    greatest = (activation >= near) & (activation >= around[:, :-2]) & (activation >= around[:, 2:])
    found, key = np.nonzero(candidate & greatest)
    height = activation[found, key]
    edge = np.pad(activation, ((1, 1), (0, 0)))
    before, after = edge[found, key], edge[found + 2, key]
    bow = 2 * height - before - after
    fraction = np.where(bow > 1e-6, (after - before) / np.maximum(2 * bow, 1e-6), 0.0)
    return np.stack([found + np.clip(fraction, -0.5, 0.5), key, height], axis=1).astype(np.float64)


def deviation(contour: Array, frame: int, key: int, length: int = 20) -> float:
    """Return by how many semitones the contour lies off `key` after an onset, the median of frames, 0 if unknown."""
    low = key * BINS_PER_SEMITONE - 1
    columns = np.arange(max(0, low), min(contour.shape[1], low + 5))
    weights = contour[frame + 2 : frame + 2 + length, columns].astype(np.float64) ** 2
    weights = weights[weights.max(-1, initial=0) > 0.1]
    if not len(weights):
        return 0.0
    return float(np.median((weights * ((columns - 1) / BINS_PER_SEMITONE - key)).sum(-1) / weights.sum(-1)))


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
