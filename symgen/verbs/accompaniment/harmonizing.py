"""Chords under a melody that stands: where the generator would strike them, and which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from symgen.grammar.plan import Plan
from symgen.grammar.rules import Grammar
from symgen.models.context import Context
from symgen.models.runtime import Runtime, softmax
from symgen.sampling import Sampling, draw
from symgen.script import Step
from symgen.tokens import chord, melody, rhythm
from symgen.tokens.vocabulary import START

_STRONG = (2.0, 1.0, 0.0)
"""Nats by which a chord is likelier on the first beat of a bar, on another beat, and elsewhere."""


def chords_for(
    runtime: Runtime,
    plan: Plan,
    steps: Sequence[Step],
    share: float,
    strength: NDArray[np.int64],
    how: Sampling,
    rng: np.random.Generator,
) -> list[int]:
    """Return a chord token for each step of a melody.

    The generator hears the melody once and says at each step how likely a chord is; the likeliest places, strong beats
    before others, get one. Then it hears it again with the chords that it has chosen so far, and chooses the next.

    Parameters
    ----------
    runtime : Runtime
        The generator.
    plan : Plan
        Of the piece.
    steps : sequence of Step
        The melody, all of it. A chord that it has already stays.
    share : float
        Share of the tones that get a chord.
    strength : ndarray of int64, shape (steps,)
        0 on the first beat of a bar, 1 on another beat, 2 elsewhere.
    how : Sampling
        How boldly to draw.
    rng : Generator
        Draws.
    """
    heard = _listen(runtime, plan, steps, set(), how, rng)
    places = [
        place
        for place, (r, m, c) in enumerate(steps)
        if m != melody.REST and c == chord.NO_CHORD and rhythm.INTERVAL[r] and np.isfinite(heard[1][place])
    ]
    weight = {place: heard[1][place] + _STRONG[int(strength[place])] for place in places}
    count = max(1, round(share * sum(step[1] != melody.REST for step in steps)))
    chosen = set(sorted(places, key=lambda place: (-weight[place], place))[:count])
    return _listen(runtime, plan, steps, chosen, how, rng)[0]


def _listen(
    runtime: Runtime,
    plan: Plan,
    steps: Sequence[Step],
    chosen: set[int],
    how: Sampling,
    rng: np.random.Generator,
) -> tuple[list[int], list[float]]:
    """Return the chord of each step, drawn where it is chosen, and the log odds of any chord before it is known."""
    grammar = Grammar(plan, Context(plan.metre_map, plan.total))
    stream = runtime.start([plan.prefix.numbers()])
    previous = np.full((1, 3), START, dtype=np.int64)
    chords: list[int] = []
    odds: list[float] = []
    for place, (r, m, c) in enumerate(steps):
        state = stream.advance(previous, np.array([grammar.context.features()], dtype=np.int64))
        state, _ = stream.logits(0, state, None)
        state, _ = stream.logits(1, state, np.array([r]))
        _, logits = stream.logits(2, state, np.array([m]))
        mask = grammar.chords(m).copy()
        mask[chord.NO_CHORD] = False
        probability = softmax(logits[0].astype(np.float64))
        some, none = float(probability[mask].sum()), float(probability[chord.NO_CHORD])
        odds.append(float(np.log(max(some, 1e-30) / max(none, 1e-30))) if mask.any() else -np.inf)
        token = draw(logits[0], mask, how, rng.random()) if place in chosen and mask.any() else c
        chords.append(token)
        previous = np.array([[r, m, token]])
        grammar.append(r, m, token)
    return chords, odds
