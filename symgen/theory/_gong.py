"""The gong detector over many pieces at once: the kernel form of :func:`symgen.theory.detect.gong_log_posteriors`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symgen.native import kernel


@kernel
def find_gongs(
    first_note: Any,
    onset: Any,
    pitch: Any,
    weights: Any,
    power: float,
    half_notes: float,
    posterior: Any,
    median: Any,
    final: Any,
) -> None:
    """Fill what the mode of each piece follows from.

    Parameters
    ----------
    first_note : ndarray of int64, shape (pieces + 1,)
        Where each piece's notes begin.
    onset, pitch : ndarray of int64, shape (notes,)
        In order of onset.
    weights : ndarray of float64, shape (12,)
    power, half_notes : float
        The profile, see :class:`symgen.theory.detect.GongProfile`.
    posterior : ndarray of float64, shape (pieces, 12)
        Filled: probability of each pitch class as gong.
    median : ndarray of int64, shape (pieces,)
        Filled: median pitch, rounded down.
    final : ndarray of int64, shape (pieces,)
        Filled: pitch class of the last note if nothing is struck with it, else -1.
    """
    pitches, classes = np.zeros(128, np.int64), np.zeros(12, np.float64)
    evidence = np.zeros(12, np.float64)
    for piece in range(len(first_note) - 1):
        begin, end = first_note[piece], first_note[piece + 1]
        notes = end - begin
        if notes == 0:
            continue
        pitches[:], classes[:] = 0, 0.0
        for note in range(begin, end):
            pitches[pitch[note]] += 1
        for value in range(128):
            classes[value % 12] += pitches[value]
        low, high, seen = -1, -1, 0  # the two middle notes, or the one
        for value in range(128):
            seen += pitches[value]
            if low < 0 and 2 * seen >= notes:
                low = value
            if high < 0 and 2 * seen > notes:
                high = value
        median[piece] = (low + high) // 2
        strength = notes / (notes + half_notes)
        for tone in range(12):
            classes[tone] = (classes[tone] / notes) ** power * strength if classes[tone] else 0.0
        for gong in range(12):
            evidence[gong] = 0.0
            for tone in range(12):
                evidence[gong] += classes[(tone + gong) % 12] * weights[tone]
        highest = evidence.max()
        total = 0.0
        for gong in range(12):
            total += math.exp(evidence[gong] - highest)
        for gong in range(12):
            posterior[piece, gong] = math.exp(evidence[gong] - highest) / total
        alone = notes == 1 or onset[end - 2] < onset[end - 1]
        final[piece] = pitch[end - 1] % 12 if alone else -1
