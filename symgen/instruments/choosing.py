"""Choosing: which notes take an ornament, so that its share of the notes comes out as it is documented.

A share is one of all notes, but only some notes are long enough, or lie where the hand can do it. Drawing each of
those with the share itself would give too little. So each note that can take the ornament gets a probability in
proportion to its weight, the probabilities of a piece add up to what the share asks for, and notes are drawn from them
systematically: one random number, then every whole step of their running sum (Madow 1949). The count of a piece is
right to one, and over many pieces the share is the documented one.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

_ROUNDS = 24


def probabilities(weights: Sequence[float], sizes: Sequence[float], quota: float) -> list[float]:
    """Return a probability for each candidate so that the expected size of what is drawn is `quota`.

    Parameters
    ----------
    weights : sequence of float
        How welcome each candidate is; 0 is never drawn.
    sizes : sequence of float
        What each candidate adds to the count if it is drawn.
    quota : float
        Wanted; if all candidates together are less, all are drawn.

    Returns
    -------
    list of float
        In proportion to the weights, except for those that reach 1.
    """
    found = [0.0] * len(weights)
    open_ones = [i for i, weight in enumerate(weights) if weight > 0.0]
    left = quota
    for _ in range(_ROUNDS):
        total = sum(weights[i] * sizes[i] for i in open_ones)
        if left <= 0.0 or total <= 0.0:
            break
        chances = {i: left * (weights[i] / total) for i in open_ones}  # in this order: weights may be tiny
        full = [i for i in open_ones if chances[i] >= 1.0]
        if not full:
            for i in open_ones:
                found[i] = chances[i]
            break
        for i in full:
            found[i] = 1.0
        left -= sum(sizes[i] for i in full)
        open_ones = [i for i in open_ones if found[i] < 1.0]
    return found


def draw(chances: Sequence[float], random: Random) -> list[int]:
    """Return the candidates that a systematic draw takes, in order; each with its own probability.

    Parameters
    ----------
    chances : sequence of float
        As from :func:`probabilities`, in order of time, so that what is drawn is spread over the piece.
    random : random.Random
        Called once.
    """
    mark, total, taken = random.random(), 0.0, []
    for index, chance in enumerate(chances):
        total += chance
        if chance > 0.0 and total > mark:
            taken.append(index)
            mark += 1.0
    return taken
