"""What two copies of a tune have in common however they are written down: hashes of its short passages.

A melody is taken as its intervals modulo an octave, notes struck again left out, so that key, wrong octave
dots, syllables and repeated notes change nothing. Two kinds of passage are hashed: twelve intervals without
any rhythm, and five intervals with their rhythm. A copy in another rhythm still shares all of the first kind,
and a copy with notes lost, added or changed still shares many of the second, which are shorter. How the
lengths were chosen is told in ``docs/DUPLICATES.md``.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

PITCH_INTERVALS: Final = 12
"""Intervals in a passage without rhythm. With ten, pairs of songs share a passage five times as often."""

RHYTHM_INTERVALS: Final = 5
"""Intervals in a passage with rhythm. With four, pairs of songs share a passage five times as often; with six,
copies that lost a tenth of their notes are found less often (79 instead of 84 of 100)."""

_LONGEST = 2**28
"""Ticks between two notes count up to here, so that their squares stay within 64 bits."""


def fingerprint(pitch: Any, onset: Any) -> NDArray[np.uint64]:
    """Return the hashes of all passages of a piece.

    Parameters
    ----------
    pitch, onset : array_like of int, shape (notes,)
        MIDI note numbers and onsets in ticks. Of notes struck together the highest is the melody.

    Returns
    -------
    ndarray of uint64, shape (passages,)
        Rising, each once; empty for fewer than six changes of pitch. Equal for equal music in any key, octave
        and tempo, and on any machine. Different passages never have the same hash.
    """
    tones, times = _melody(np.asarray(pitch, dtype=np.int64), np.asarray(onset, dtype=np.int64))
    intervals = (np.diff(tones) % 12).astype(np.uint64)
    with_rhythm = intervals[1:] * np.uint64(8) + _length_classes(np.diff(times))
    melodic = _runs(intervals, PITCH_INTERVALS, 4)[_moving(intervals, PITCH_INTERVALS)]
    rhythmic = _runs(with_rhythm, RHYTHM_INTERVALS, 7)[_moving(intervals[1:], RHYTHM_INTERVALS)]
    return np.unique(mix(np.concatenate((melodic, rhythmic | np.uint64(1 << 63)))))  # melodic ones take 48 bits


def digest(hashes: NDArray[np.uint64]) -> int:
    """Return one number for a whole fingerprint: equal for equal ones, and else as good as never."""
    total = np.add.reduce(mix(hashes ^ np.uint64(0x5851F42D4C957F2D)), dtype=np.uint64)
    return int(mix(np.array([total ^ np.uint64(len(hashes))]))[0])


def mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return 64-bit numbers scattered over their whole range, one to one.

    The finaliser of SplitMix64 (Steele, Lea and Flood, 2014, after Stafford's variant 13).
    """
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _melody(pitch: NDArray[np.int64], onset: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pitch classes and onsets of the highest notes, without those that repeat the one before."""
    if not len(onset):
        return pitch, onset
    if (onset[1:] < onset[:-1]).any():
        order = np.argsort(onset, kind="stable")
        pitch, onset = pitch[order], onset[order]
    first = np.flatnonzero(np.concatenate(([True], onset[1:] != onset[:-1])))
    tones = np.maximum.reduceat(pitch, first) % 12
    changes = np.concatenate(([True], tones[1:] != tones[:-1]))
    return tones[changes], onset[first][changes]


def _length_classes(lengths: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return how each length but the first compares with the one before it.

    0 and 1 much and somewhat shorter, 2 about as long, 3 and 4 somewhat and much longer: the binary logarithm
    of the ratio, rounded. Halves and doubles, dotted notes and triplets stay apart; a human rhythm does not stray
    far. Ratios of whole numbers never meet the bounds, the roots of 2 and 8, so that no rounding decides.
    """
    squares = np.minimum(lengths, _LONGEST) ** 2
    earlier, later = squares[:-1], squares[1:]
    longer = (later > 2 * earlier).astype(np.uint64) + (later > 8 * earlier)
    shorter = (earlier > 2 * later).astype(np.uint64) + (earlier > 8 * later)
    return np.uint64(2) + longer - shorter


def _moving(intervals: NDArray[np.uint64], length: int) -> NDArray[np.bool_]:
    """Tell of every run of `length` intervals whether it goes anywhere.

    A trill or a work cry that goes to and fro between two tones is found everywhere and tells nothing: there,
    over two thirds of the intervals are those of two before.
    """
    if len(intervals) < length:
        return np.zeros(0, dtype=bool)
    returns = np.cumsum(np.concatenate(([False, False, False], intervals[2:] == intervals[:-2])), dtype=np.int64)
    return 3 * (returns[length:] - returns[2 : len(returns) - length + 2]) <= 2 * (length - 2)


def _runs(symbols: NDArray[np.uint64], length: int, bits: int) -> NDArray[np.uint64]:
    """Return every run of `length` symbols of so many bits, packed into one number each."""
    if len(symbols) < length:
        return np.zeros(0, dtype=np.uint64)
    packed, width = symbols, 1
    for digit in f"{length:b}"[1:]:  # double, and add one symbol where the binary digit of the length says so
        packed, width = packed[:-width] | (packed[width:] << np.uint64(bits * width)), 2 * width
        if digit == "1":
            packed, width = packed[:-1] | (symbols[width:] << np.uint64(bits * width)), width + 1
    return packed
