"""A draft in the making: its script, its grammar, and the chance of its seed."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from symgen.grammar.cursor import Cursor
from symgen.grammar.masks import Mask
from symgen.grammar.plan import Plan
from symgen.grammar.rules import Grammar
from symgen.models.context import Context
from symgen.models.rollout import mask_of
from symgen.models.runtime import Runtime
from symgen.sampling import Sampling, draw, steered
from symgen.script import Step
from symgen.tokens import chord, melody
from symgen.tokens.sequence import FAMILIES, TokenSequence
from symgen.tokens.vocabulary import START


@dataclass(frozen=True, slots=True)
class Draft:
    """What was written by a script.

    Parameters
    ----------
    tokens : TokenSequence
        All steps, the given ones too.
    fit : float
        How well what is free leads into what is given after it: the log-likelihood in nats of the given steps after
        the first free one. 0 where there are none.
    heard : tuple of float
        The log-likelihood in nats of each given step after the first free one.
    worth : float
        The fit, and the odds in nats that people wrote it where an ear hears; more is better.
    """

    tokens: TokenSequence
    fit: float
    heard: tuple[float, ...] = ()
    worth: float = 0.0


class Writer:
    """One draft in the making: its script, its grammar, and the stream of its seed."""

    def __init__(self, plan: Plan, seed: Sequence[int], runtime: Runtime, *, masks: bool) -> None:
        self.plan = plan
        self.cursor = Cursor(Grammar(plan, Context(plan.metre_map, plan.total)))
        self._random = np.random.default_rng(list(seed))
        self._mask = mask_of if masks else _no_mask
        self._free = False
        self._heard: list[float] = []
        self._asks = "density" in getattr(runtime, "features", ())
        while self.cursor.skipped > runtime.window:  # the network would not see them any more
            self.cursor.append(self._given())

    @property
    def previous(self) -> Step:
        """Tokens of the step before, those of the start at the beginning."""
        return self.cursor.steps[-1] if self.cursor.steps else (START, START, START)

    @property
    def finished(self) -> bool:
        """Whether everything that the script says is written."""
        return self.cursor.finished

    @property
    def listens(self) -> bool:
        """Whether what the network says about the next step is of interest."""
        return not self.finished and (self.cursor.given is None or self._free)

    @property
    def progress(self) -> float:
        """Share of the piece that is written."""
        return 1.0 if self.finished else self.cursor.grammar.context.time / self.plan.total

    def features(self) -> tuple[int, ...]:
        """Return what the network is told about the next step."""
        grammar = self.cursor.grammar
        if self._asks and grammar.steering is not None:
            grammar.context.dials = grammar.steering.levels
        return grammar.context.features()

    def choose(self, place: int, step: NDArray[np.int64], logits: NDArray[np.floating], how: Sampling) -> int:
        """Return the token of a family for the next step, whose earlier families are chosen."""
        given = self.cursor.given
        if given is None:
            self._free = True
            mask = self._mask(self.cursor.grammar, place, step)
            if not mask.any():
                time = self.cursor.grammar.context.time
                raise ValueError(f"no {FAMILIES[place].NAME} token may stand at tick {time} of the script")
            steering = self.cursor.grammar.steering
            scores, bold = steered(steering, place, logits, how)
            token = draw(scores, mask, bold, self._random.random())
            if steering is not None:
                steering.hear(place, logits, token)
            return token
        if self._free:
            if place == 0:
                self._heard.append(0.0)
            self._heard[-1] += float(logits[given[place]]) - _log_sum(logits)
        return given[place]

    def take(self, step: NDArray[np.int64]) -> Step:
        """Take up the next step and return it."""
        chosen = self.cursor.given or (int(step[0]), int(step[1]), int(step[2]))
        self.cursor.append(chosen)
        return chosen

    def draft(self) -> Draft:
        """Return what was written."""
        fit = sum(self._heard)
        return Draft(_sequence(self.plan, self.cursor.steps), fit, tuple(self._heard), fit)

    def lately(self, steps: int) -> TokenSequence:
        """Return the last steps."""
        return _sequence(self.plan, self.cursor.steps[-steps:])

    def heir(self, other: Writer) -> Writer:
        """Return a writer who goes on from what this one wrote, with the chance of another."""
        heir = copy.copy(self)
        heir.cursor, heir._heard, heir._random = self.cursor.copy(), self._heard.copy(), other._random
        return heir

    def _given(self) -> Step:
        given = self.cursor.given
        assert given is not None
        return given


def _log_sum(logits: NDArray[np.floating]) -> float:
    """Return the logarithm of the sum of exponentials."""
    exact = logits.astype(np.float64)
    top = float(exact.max())
    return top + float(np.log(np.exp(exact - top).sum()))


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


def _sequence(plan: Plan, taken: Sequence[Step]) -> TokenSequence:
    steps = np.array(taken, dtype=np.int16).reshape(-1, 3)
    return TokenSequence(
        steps[:, 0].copy(), steps[:, 1].copy(), steps[:, 2].copy(), plan.gong, plan.prefix, plan.metre_map
    )
