"""Drawing steps from the generator under the masks of a grammar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from symgen.grammar import Grammar, Mask, Plan
from symgen.models.context import Context
from symgen.models.runtime import Runtime, softmax
from symgen.tokens.sequence import TokenSequence


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
    scores = np.nan_to_num(logits.astype(np.float64), nan=-_HUGE, posinf=_HUGE, neginf=-_HUGE)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)
    with np.errstate(over="ignore"):  # far below the best is -inf, and that is right
        probability = softmax((scores - scores.max()) / how.temperature)
    order = np.argsort(-scores, kind="stable")  # not of the probabilities, which rounding makes equal
    cumulative = np.cumsum(probability[order])
    kept = min(int(np.searchsorted(cumulative, how.top_p)) + 1, int(np.count_nonzero(probability)))
    place = int(np.searchsorted(cumulative[:kept], uniform * cumulative[kept - 1], side="right"))
    return int(order[min(place, kept - 1)])


def compose_sequences(
    runtime: Runtime,
    plan: Plan,
    seeds: Sequence[Sequence[int]],
    how: Sampling,
    tick: Callable[[int, int], None] = lambda done, total: None,
) -> list[TokenSequence]:
    """Compose one piece a seed, all to the same plan, side by side.

    Parameters
    ----------
    runtime : Runtime
        The generator.
    plan : Plan
        What the pieces have to be.
    seeds : sequence of sequences of int
        Seed of each piece; a piece does not depend on its neighbours.
    how : Sampling
        Temperature and top-p.
    tick : callable
        Told how many ticks of how many are composed.
    """
    streams = [np.random.default_rng(list(seed)) for seed in seeds]
    grammars = [Grammar(plan, Context((plan.metre,), plan.total)) for _ in seeds]
    steps: list[list[tuple[int, int, int]]] = [[] for _ in seeds]
    stream = runtime.start([plan.prefix.numbers()] * len(seeds))
    previous = np.zeros((len(seeds), 3), dtype=np.int64)
    while not all(grammar.finished for grammar in grammars):
        features = np.array([grammar.context.features() for grammar in grammars], dtype=np.int64)
        state = stream.advance(previous, features)
        chosen = None
        for place in range(3):
            state, logits = stream.logits(place, state, chosen)
            chosen = np.zeros(len(seeds), dtype=np.int64)
            for row, grammar in enumerate(grammars):
                if not grammar.finished:
                    mask = _mask(grammar, place, previous[row])
                    chosen[row] = draw(logits[row], mask, how, streams[row].random())
                    previous[row, place] = chosen[row]
        for row, grammar in enumerate(grammars):
            if not grammar.finished:
                steps[row].append((int(previous[row, 0]), int(previous[row, 1]), int(previous[row, 2])))
                grammar.append(*previous[row].tolist())
        tick(min(grammar.context.time for grammar in grammars), plan.total)
    return [_sequence(plan, rows) for rows in steps]


def _mask(grammar: Grammar, place: int, chosen: NDArray[np.int64]) -> Mask:
    if place == 0:
        return grammar.rhythms()
    return grammar.melodies(int(chosen[0])) if place == 1 else grammar.chords(int(chosen[1]))


def _sequence(plan: Plan, rows: list[tuple[int, int, int]]) -> TokenSequence:
    steps = np.array(rows, dtype=np.int16)
    return TokenSequence(
        steps[:, 0].copy(), steps[:, 1].copy(), steps[:, 2].copy(), plan.gong, plan.prefix, (plan.metre,)
    )
