"""Between which tones a line has to stay so that it can move on as another one does."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import TypeAlias

Bounds: TypeAlias = tuple[int, int]
"""The lowest and the highest pitch that a tone may have; empty if the first is above the second."""

_MOST_PASSES = 64


def bounds_of(
    names: Sequence[int], moves: Sequence[int], bounds: Sequence[Bounds], scale: Sequence[int]
) -> list[Bounds]:
    """Return the bounds within which a line can be written from its first tone to its last without going astray.

    Parameters
    ----------
    names : sequence of int
        For each tone of the line the number of its bounds; tones that have to be equal share one.
    moves : sequence of int
        -1, 0 or 1 for each tone but the first: whether it lies below, on or above the one before it.
    bounds : sequence of (int, int)
        What is known already: a tone that stands has one pitch.
    scale : sequence of int
        The pitches of which new tones are taken, ascending.

    Returns
    -------
    list of (int, int)
        The bounds, drawn in until each tone has one on each side at the right distance (arc consistency of intervals,
        which for a line without equal tones is enough: any tone within its bounds can be gone on from).
    """
    low, high = [lowest for lowest, _ in bounds], [highest for _, highest in bounds]

    def above(pitch: int) -> int:
        place = bisect_right(scale, pitch)
        return scale[place] if place < len(scale) else pitch + 1

    def below(pitch: int) -> int:
        place = bisect_left(scale, pitch)
        return scale[place - 1] if place else pitch - 1

    places = list(range(1, len(names)))
    for _ in range(_MOST_PASSES):
        before = (low.copy(), high.copy())
        for place in (*places, *reversed(places)):
            one, other = names[place - 1], names[place]
            under, over = (other, one) if moves[place - 1] < 0 else (one, other)
            if moves[place - 1]:
                low[over], high[under] = max(low[over], above(low[under])), min(high[under], below(high[over]))
            else:
                low[one] = low[other] = max(low[one], low[other])
                high[one] = high[other] = min(high[one], high[other])
        if before == (low, high):
            break
    return list(zip(low, high, strict=True))
