"""What speaks for a token coming again, and what against one more fast note, in numpy, for composing.

The other form of :mod:`symgen.models.recall`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from symgen.tokens import rhythm
from symgen.tokens.vocabulary import START
from symgen.units import TICKS_PER_QUARTER

DEPTHS: Final = 4
"""Agreement with what led to a step: 0, 1, 2, or at least 3 tokens."""

DISTANCES: Final = np.array([2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 65])
"""Edges between the classes of how many steps ago it was."""

RECALLED: Final = (DEPTHS, len(DISTANCES) + 1, 2)
"""Shape of the table: agreement, distance, and whether rhythm or place is the same."""

SATED: Final = 1.0
"""Weight of steps that agree equally well at which they get half of what their gate grants."""


FAST: Final = (rhythm.INTERVAL < TICKS_PER_QUARTER // 4) & (np.arange(len(rhythm.VOCABULARY)) > START)
"""Which rhythm tokens move on by less than a sixteenth."""

BRAKED_STEPS: Final = 32
BRAKED_FROM: Final = 20
"""From so many fast steps among the last ones on, each makes a fast one less likely by one nat.

In no piece of the corpus are more than 25 of 32 steps fast, and in one window of 500 are 20. A generator that has come
so far has left what it learnt from, and without a brake goes on in 64th notes to the end.
"""


def braked(before: NDArray[np.integer]) -> NDArray[np.float32]:
    """Return by how many nats fast rhythm tokens are less likely (B,), for the rhythm tokens before (B, T)."""
    fast = FAST[before[:, -BRAKED_STEPS:]].sum(axis=1)
    less: NDArray[np.float32] = np.maximum(fast - BRAKED_FROM + 1, 0).astype(np.float32)
    return less


def recalled(
    logits: NDArray[np.floating],
    scores: NDArray[np.float32],
    gate: NDArray[np.float32],
    before: NDArray[np.int64],
    alike: NDArray[np.bool_],
    window: int,
) -> NDArray[np.floating]:
    """Return logits (B, V) of one step with what is recalled: :class:`symgen.models.recall.Recall` in numpy.

    Parameters
    ----------
    logits : ndarray, shape (B, V)
        What the network says.
    scores : ndarray of float32, shape (DEPTHS, len(DISTANCES) + 1, 2)
        The table.
    gate : ndarray of float32, shape (B, DEPTHS)
        The gates.
    before : ndarray of int64, shape (B, T + 1)
        The token before each step up to this one.
    alike : ndarray of bool, shape (B, T)
        Whether rhythm or place of an earlier step is the same.
    window : int
        Steps that are looked back at, this one included.
    """
    first = max(0, before.shape[1] - window)
    said = before[:, first + 1 :]
    depth = _agreement_with_last(before, first)
    classes = np.searchsorted(DISTANCES, np.arange(said.shape[1], 0, -1), side="right")
    weight = np.exp(scores[depth, classes, alike[:, first:].astype(np.int64)]) * (said > 0)
    granted = np.exp(gate) / (SATED + _sums(depth, weight, DEPTHS))
    weight = weight * np.take_along_axis(granted, depth, 1)
    top = logits.max(axis=-1, keepdims=True)
    exponent = np.exp(logits - top)
    probability = exponent / exponent.sum(axis=-1, keepdims=True)
    more = _sums(said, weight, logits.shape[1])
    found: NDArray[np.floating] = np.log(probability + more + 1e-12).astype(np.float32)
    return found


def _sums(places: NDArray[np.integer], weight: NDArray[np.floating], size: int) -> NDArray[np.floating]:
    """Return the sums (B, size) of the weights (B, T) that each row has at each of its places (B, T)."""
    flat = places + size * np.arange(len(places))[:, None]
    sums = np.bincount(flat.ravel(), weight.ravel(), minlength=size * len(places)).astype(np.float64)
    return sums.reshape(len(places), size)


def _agreement_with_last(before: NDArray[np.int64], first: int) -> NDArray[np.int64]:
    """Return how many tokens before the last step and before each earlier one from `first` on agree, up to 3."""
    count = before.shape[1]
    depth = np.zeros((len(before), count - 1 - first), np.int64)
    still = np.ones_like(depth, dtype=np.bool_)
    for back in range(DEPTHS - 1):
        if back >= count:
            break
        places = np.arange(first, count - 1) - back
        inside = places >= 0
        agree = np.zeros_like(still)
        agree[:, inside] = before[:, places[inside]] == before[:, count - 1 - back, None]
        still &= agree
        depth += still
    return depth
