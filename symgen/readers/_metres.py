"""The metres of bars that may or may not fill them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from symgen.readers._bars import ROUNDING, Bar

_LARGEST_NUMERATOR = 255
_DENOMINATORS = (4, 8, 16, 32, 64)


def metre_length(metre: tuple[int, int]) -> Fraction:
    """Return the length in quarters of a bar of `metre`."""
    return Fraction(4 * metre[0], metre[1])


def mend_rounding(bar: Bar, mended: Counter[str]) -> None:
    """Give a bar that misses its metre by a rounding error the length of the metre."""
    if bar.metre is None or bar.length == (full := metre_length(bar.metre)):
        return
    if abs(bar.length - full) < ROUNDING:
        bar.length = full
        mended["rounded-bar"] += 1


def metre_changes(played: Sequence[Bar], mended: Counter[str]) -> list[tuple[int, tuple[int, int]]]:
    """Return (index of the bar, metre) wherever the metre changes.

    A bar that its metre does not describe gets the metre of its real length, so that the bars after it
    stay on their bar lines. Lengths that no metre can name (a bar of triplets that stops short) are
    joined to the bar that follows. A short last bar needs no such help.
    """
    if all(bar.metre is None for bar in played):
        return []
    changes: list[tuple[int, tuple[int, int]]] = []
    first: int | None = None  # the bar at which the lengths not yet named begin
    length = Fraction(0)
    for index, bar in enumerate(played):
        if bar.length == 0:
            continue
        first = index if first is None else first
        length += bar.length
        metre = _metre(bar, length, is_last=index == len(played) - 1)
        mended["irregular-bar"] += bar.metre is not None and metre != bar.metre
        if metre is None:
            continue
        if not changes or changes[-1][1] != metre:
            changes.append((first, metre))
        first, length = None, Fraction(0)
    return changes


def _metre(bar: Bar, length: Fraction, *, is_last: bool) -> tuple[int, int] | None:
    """Return the metre of a bar of `length` quarters: its own if that fits, else the one of its length, if any."""
    if bar.metre is None:
        return _metre_of(length, _DENOMINATORS[0])
    full = metre_length(bar.metre)
    if length == full or (is_last and length < full):
        return bar.metre
    return _metre_of(length, bar.metre[1])


def _metre_of(length: Fraction, denominator: int) -> tuple[int, int] | None:
    """Return the metre of a bar of `length` quarters, in `denominator`s if they fit, or None if none can name it."""
    for unit in (denominator, *(d for d in _DENOMINATORS if d > denominator)):
        count = length * unit / 4
        if count.denominator == 1 and 1 <= count <= _LARGEST_NUMERATOR:
            return int(count), unit
    return None
