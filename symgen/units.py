"""Conversions between ticks, quarter notes, seconds, cents and bend values.

Pure functions on numbers; the only module in which one unit turns into another.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

TICKS_PER_QUARTER = 480
"""Time base of everything symgen makes: 480 = 2^5 * 3 * 5 holds 32nds, triplets and quintuplets."""

MICROSECONDS_PER_MINUTE = 60_000_000


def bar_ticks(numerator: int, denominator: int, ticks_per_quarter: int = TICKS_PER_QUARTER) -> int:
    """Return the length in ticks of one bar of `numerator`/`denominator`.

    Raises
    ------
    ValueError
        If the bar is not a whole number of ticks.
    """
    length = Fraction(4 * ticks_per_quarter * numerator, denominator)
    if length.denominator != 1:
        raise ValueError(f"a bar of {numerator}/{denominator} is no whole number of ticks at {ticks_per_quarter}")
    return int(length)


def rescale(ticks: Any, old: Any, new: int = TICKS_PER_QUARTER) -> Any:
    """Return ticks of one time base in another, rounded to the nearest, halves up.

    Parameters
    ----------
    ticks : int or ndarray of int
        Positions, not negative.
    old, new : int or ndarray of int, int
        Ticks per quarter note before and after.
    """
    return (2 * ticks * new + old) // (2 * old)


def qpm_to_microseconds(qpm: float) -> int:
    """Return microseconds per quarter note (the MIDI tempo) for quarter notes per minute."""
    return round(MICROSECONDS_PER_MINUTE / qpm)


def microseconds_to_qpm(microseconds: int) -> float:
    """Return quarter notes per minute for a MIDI tempo in microseconds per quarter note."""
    return MICROSECONDS_PER_MINUTE / microseconds


def ticks_to_seconds(
    ticks: ArrayLike,
    tempi: Sequence[tuple[int, float]],
    ticks_per_quarter: int = TICKS_PER_QUARTER,
) -> NDArray[np.float64]:
    """Convert ticks to seconds under a tempo map.

    Parameters
    ----------
    ticks : array_like of int
        Positions in ticks, any shape, any order.
    tempi : sequence of (tick, qpm)
        Tempo changes in order of time, the first at tick 0.
    ticks_per_quarter : int
        Time base.

    Returns
    -------
    ndarray of float64
        Seconds from tick 0, of the shape of `ticks`.
    """
    change_ticks = np.array([tick for tick, _ in tempi], dtype=np.int64)
    seconds_per_tick = np.array([60.0 / (qpm * ticks_per_quarter) for _, qpm in tempi])
    change_seconds = np.concatenate([[0.0], np.cumsum(np.diff(change_ticks) * seconds_per_tick[:-1])])
    positions = np.asarray(ticks, dtype=np.float64)
    segment = np.clip(np.searchsorted(change_ticks, positions, side="right") - 1, 0, None)
    result: NDArray[np.float64] = (
        change_seconds[segment] + (positions - change_ticks[segment]) * seconds_per_tick[segment]
    )
    return result


def seconds_to_ticks(seconds: float, qpm: float, ticks_per_quarter: int = TICKS_PER_QUARTER) -> int:
    """Return the nearest tick for `seconds` at one constant tempo."""
    return round(seconds * qpm * ticks_per_quarter / 60.0)


def cents_to_bend(cents: float, range_semitones: float) -> int:
    """Return the 14-bit signed pitch-wheel value (-8192..8191) for a bend in cents.

    Values beyond the range are clamped, as a MIDI wheel would.
    """
    return max(-8192, min(8191, round(8192 * cents / (100 * range_semitones))))


def bend_to_cents(value: int, range_semitones: float) -> float:
    """Return the bend in cents of a signed pitch-wheel value (-8192..8191)."""
    return value * 100 * range_semitones / 8192
