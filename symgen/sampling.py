"""Drawing steps from the generator under the masks of a grammar."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from symgen.dials import Steering
from symgen.grammar import Grammar, Mask, Plan
from symgen.models.context import Context
from symgen.models.rollout import mask_of
from symgen.models.runtime import Runtime, softmax
from symgen.tokens import chord, melody
from symgen.tokens.sequence import FAMILIES, TokenSequence
from symgen.tokens.vocabulary import START


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


_SHORTEST_MEAN_TICKS = 60
"""A piece without masks ends after as many steps as 32nds would fill it: nothing else stops steps of no length."""

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


def compose_sequences(
    runtime: Runtime,
    plan: Plan | Sequence[Plan],
    seeds: Sequence[Sequence[int]],
    how: Sampling,
    tick: Callable[[int, int], None] = lambda done, total: None,
    *,
    masks: bool = True,
) -> list[TokenSequence]:
    """Compose one piece a seed side by side.

    Parameters
    ----------
    runtime : Runtime
        The generator.
    plan : Plan or sequence of Plan
        What the pieces have to be: one plan for all, or one each.
    seeds : sequence of sequences of int
        Seed of each piece; a piece does not depend on its neighbours.
    how : Sampling
        Temperature and top-p.
    tick : callable
        Told how many ticks of how many are composed.
    masks : bool
        Whether the grammar strikes out what would break the plan. Without it the generator is told the plan and
        writes what it likes, until the planned length is reached or passed: for measuring what the grammar does.
    """
    plans = [plan] * len(seeds) if isinstance(plan, Plan) else list(plan)
    streams = [np.random.default_rng(list(seed)) for seed in seeds]
    grammars = [Grammar(plan, Context((plan.metre,), plan.total)) for plan in plans]
    for grammar in grammars:
        if grammar.steering is not None and "density" in runtime.features:
            grammar.context.dials = grammar.steering.levels
    steps: list[list[tuple[int, int, int]]] = [[] for _ in seeds]
    stream = runtime.start([plan.prefix.numbers() for plan in plans])
    mask = mask_of if masks else _no_mask
    previous = np.zeros((len(seeds), 3), dtype=np.int64)
    most = np.inf if masks else max(plan.total for plan in plans) // _SHORTEST_MEAN_TICKS
    rows = np.arange(len(seeds))  # the pieces that the stream still holds
    while (left := [row for row in rows.tolist() if not grammars[row].finished]) and max(map(len, steps)) < most:
        if 2 * len(left) <= len(rows):  # one piece of many short notes must not cost as much as all
            stream.keep(np.flatnonzero(np.isin(rows, left)))
            rows = np.array(left)
        features = np.array([grammars[row].context.features() for row in rows.tolist()], dtype=np.int64)
        state = stream.advance(previous[rows], features)
        chosen = None
        for place in range(3):
            state, logits = stream.logits(place, state, chosen)
            chosen = np.zeros(len(rows), dtype=np.int64)
            for number, row in enumerate(rows.tolist()):
                if not grammars[row].finished:
                    allowed = mask(grammars[row], place, previous[row])
                    scores, boldness = steered(grammars[row].steering, place, logits[number], how)
                    chosen[number] = draw(scores, allowed, boldness, streams[row].random())
                    if (steering := grammars[row].steering) is not None:
                        steering.hear(place, logits[number], int(chosen[number]))
                    previous[row, place] = chosen[number]
        for row in left:
            steps[row].append((int(previous[row, 0]), int(previous[row, 1]), int(previous[row, 2])))
            grammars[row].append(*previous[row].tolist())
        slowest = min(grammars, key=lambda grammar: grammar.context.time / grammar.plan.total)
        tick(slowest.context.time, slowest.plan.total)
    return [_sequence(plan, taken) for plan, taken in zip(plans, steps, strict=True)]


_DEPTH = np.array([0, *(max(intervals, default=0) for intervals in chord.SONORITIES)])
"""Semitones from the melody tone down to the lowest of each chord token."""
_HIGHEST = 127

_NOT_START: Mapping[int, Mask] = {
    place: np.arange(len(family.VOCABULARY)) > START for place, family in enumerate(FAMILIES)
}


def _no_mask(grammar: Grammar, place: int, chosen: NDArray[np.int64]) -> Mask:
    """Return a mask that forbids only what cannot be written: the token before the first step, no MIDI notes."""
    allowed = _NOT_START[place]
    if place:
        pitch = grammar.plan.gong + (melody.RELATIVE if place == 1 else melody.RELATIVE[chosen[1]] - _DEPTH)
        allowed = allowed & (pitch >= 0) & (pitch <= _HIGHEST)
    return allowed


def _sequence(plan: Plan, taken: list[tuple[int, int, int]]) -> TokenSequence:
    steps = np.array(taken, dtype=np.int16)
    return TokenSequence(
        steps[:, 0].copy(), steps[:, 1].copy(), steps[:, 2].copy(), plan.gong, plan.prefix, (plan.metre,)
    )
