"""Drawing a token from the scores of the generator, as boldly as is asked and as the dials lean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from symgen.grammar.masks import Mask
from symgen.steering import Steering


@dataclass(frozen=True, slots=True)
class Sampling:
    """How boldly to draw.

    Parameters
    ----------
    temperature : float
        Logits are divided by it: above 1 is bolder.
    top_p : float
        Only the likeliest tokens that together hold this share of the probability are kept.
    """

    temperature: float = 1.0
    top_p: float = 1.0


_COLDEST = 1e-100
"""A temperature at which no difference of scores overflows."""

_HUGE = 1e300
"""Stands for infinite scores, whose differences are no numbers."""


def draw(logits: NDArray[np.floating], mask: Mask | None, how: Sampling, uniform: float) -> int:
    """Draw one token.

    Parameters
    ----------
    logits : ndarray, shape (V,)
        Scores.
    mask : ndarray of bool, shape (V,), or None
        Which tokens are allowed; at least one is.
    how : Sampling
        Temperature and top-p.
    uniform : float
        A number from [0, 1): the same one draws the same token.
    """
    allowed = None if mask is None else mask.nonzero()[0]  # a tenth of a vocabulary, and all that need be sorted
    scores = (logits if allowed is None else logits[allowed]).astype(np.float64)
    best = np.maximum.reduce(scores)
    if best < np.inf and np.minimum.reduce(scores) > -np.inf and how.temperature > _COLDEST:  # all are numbers
        probability = _shares((scores - best) / how.temperature)
    else:
        scores = np.nan_to_num(scores, nan=-_HUGE, posinf=_HUGE, neginf=-_HUGE)
        with np.errstate(over="ignore"):  # far below the best is -inf, and that is right
            probability = _shares((scores - scores.max()) / how.temperature)
    order = (-scores).argsort(kind="stable")  # not of the probabilities, which rounding makes equal
    cumulative = np.add.accumulate(probability[order])
    kept = min(int(cumulative.searchsorted(how.top_p)) + 1, int(np.count_nonzero(probability)))
    place = int(cumulative[:kept].searchsorted(uniform * cumulative[kept - 1], side="right"))
    drawn = order[min(place, kept - 1)]
    return int(drawn if allowed is None else allowed[drawn])


def _shares(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the softmax of scores of which the best is 0."""
    exponent = np.exp(scores)
    result: NDArray[np.float64] = exponent / np.add.reduce(exponent)
    return result


def steered(
    steering: Steering | None, place: int, logits: NDArray[np.floating], how: Sampling
) -> tuple[NDArray[np.floating], Sampling]:
    """Return the scores of family `place` and how to draw from them, as the dials want it."""
    if steering is None:
        return logits, how
    bias, boldness = steering.bias(place), steering.boldness(place)
    if boldness != 1.0:
        how = Sampling(how.temperature * boldness, how.top_p)
    return logits if bias is None else logits + bias, how
