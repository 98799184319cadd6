"""Drawing steps from the generator under the masks of a grammar."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from symgen.grammar.cursor import Cursor
from symgen.grammar.masks import Mask
from symgen.grammar.plan import Plan
from symgen.grammar.rules import Grammar
from symgen.models.contest import Contest, Ear
from symgen.models.context import Context
from symgen.models.rollout import mask_of
from symgen.models.runtime import Runtime, one_thread
from symgen.script import Step
from symgen.steering import Steering
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
    ear: Ear | None = None,
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
    ear : Ear, optional
        An adversary that hears several versions of each piece while they are written, and decides which go on.
    """
    return [draft.tokens for draft in write_drafts(runtime, plan, seeds, how, tick, masks=masks, ear=ear)]


def write_drafts(
    runtime: Runtime,
    plan: Plan | Sequence[Plan],
    seeds: Sequence[Sequence[int]],
    how: Sampling,
    tick: Callable[[int, int], None] = lambda done, total: None,
    *,
    masks: bool = True,
    ear: Ear | None = None,
    follow: Callable[[int, Step], None] | None = None,
) -> list[Draft]:
    """Write drafts by the scripts of their plans side by side; see :func:`compose_sequences`.

    Parameters
    ----------
    runtime, plan, seeds, how, tick, masks, ear
        As there.
    follow : callable, optional
        Told the number of the draft and each step of it, the given ones too, as soon as the step is certain: where
        versions compete, once all that are left have it.
    """
    plans = [plan] * len(seeds) if isinstance(plan, Plan) else list(plan)
    ensemble = _Ensemble(runtime, plans, seeds, masks=masks, ear=ear, follow=follow)
    stop = np.inf if masks else max((one.total for one in plans), default=0) // _SHORTEST_MEAN_TICKS
    with one_thread():
        while ensemble.left and ensemble.steps < stop:
            ensemble.advance(how)
            slowest = min(ensemble.writers, key=lambda writer: writer.progress)
            tick(slowest.cursor.grammar.context.time, slowest.cursor.grammar.plan.total)
        return ensemble.drafts()


class _Ensemble:
    """All drafts in the making, each in one or several versions, and the stream of the generator that they share."""

    def __init__(
        self,
        runtime: Runtime,
        plans: Sequence[Plan],
        seeds: Sequence[Sequence[int]],
        *,
        masks: bool,
        ear: Ear | None,
        follow: Callable[[int, Step], None] | None,
    ) -> None:
        self._ear, self._follow = ear, follow
        self._each = 1 if ear is None else ear.versions
        self._contest = None if ear is None else Contest(seeds, ear.versions)
        self.writers = [
            _Writer(one, seed if ear is None else (*seed, version), runtime, masks=masks)
            for one, seed in zip(plans, seeds, strict=True)
            for version in range(self._each)
        ]
        # What stands before all that is free is read once for all; but versions are always multiplied together.
        self._alike = ear is None and len(self.writers) > 1 and all(one is plans[0] for one in plans)
        prefixes = [writer.plan.prefix.numbers() for writer in self.writers[: 1 if self._alike else None]]
        self._stream = runtime.start(prefixes, apart=True, together=self._each)
        self._previous = np.array([writer.previous for writer in self.writers], dtype=np.int64).reshape(-1, 3)
        self._rows = np.arange(len(self.writers))  # the writers whom the stream still holds
        self._told = [0] * len(plans)
        self._heard = 0

    @property
    def left(self) -> list[int]:
        """Numbers of the writers who are not done."""
        return [row for row in self._rows.tolist() if not self.writers[row].finished]

    @property
    def steps(self) -> int:
        """Steps of the longest version."""
        return max(len(writer.cursor.steps) for writer in self.writers)

    def advance(self, how: Sampling) -> None:
        """Write one step of every version that is not done."""
        left, rows = self.left, self._rows
        unfinished = rows[np.isin(rows // self._each, [row // self._each for row in left])]
        if 2 * len(unfinished) <= len(rows):  # one piece of many short notes must not cost as much as all
            self._stream.keep(np.flatnonzero(np.isin(rows, unfinished)))
            self._rows = rows = unfinished
        if self._alike and self.writers[0].cursor.given is None:
            self._stream.keep(np.zeros(len(rows), dtype=np.int64))
            self._alike = False
        self._draw(rows, rows[:1] if self._alike else rows, how)
        for row in left:
            self._previous[row] = self.writers[row].take(self._previous[row])
        if self._contest is None:
            self._tell(left)
        else:
            self._heard += 1
            if self._ear is not None and self._heard % self._ear.every == 0:
                self._compete(self._ear, self._contest)

    def _draw(self, rows: NDArray[np.int64], seen: NDArray[np.int64], how: Sampling) -> None:
        """Draw the next step of the writers `rows`, of whom the stream holds `seen`."""
        held = [self.writers[row] for row in seen.tolist()]
        features = np.array([writer.features() for writer in held], dtype=np.int64)
        state = self._stream.advance(self._previous[seen], features)
        chosen = None
        for place in range(3) if any(writer.listens for writer in held) else ():
            state, logits = self._stream.logits(place, state, chosen)
            for number, row in enumerate(rows.tolist()):
                if not self.writers[row].finished:
                    self._previous[row, place] = self.writers[row].choose(
                        place, self._previous[row], logits[number], how
                    )
            chosen = self._previous[rows, place]

    def drafts(self) -> list[Draft]:
        """Return the drafts, of each the version for which most speaks."""
        found = []
        for number in range(len(self._told)):
            among = self._versions(number)
            written = [writer.draft() for writer in among]
            best = 0
            if self._ear is not None:
                verdicts = self._ear.verdicts([draft.tokens for draft in written])
                written = [
                    replace(draft, worth=draft.fit + float(said)) for draft, said in zip(written, verdicts, strict=True)
                ]
                best = max(range(len(written)), key=lambda version: written[version].worth)
                self._tell_of(number, among[best].cursor.steps)
            found.append(written[best])
        return found

    def _versions(self, number: int) -> list[_Writer]:
        return self.writers[number * self._each : (number + 1) * self._each]

    def _compete(self, ear: Ear, contest: Contest) -> None:
        """Let the ear hear the versions of every draft, and go on from those that it takes for people's."""
        source = np.arange(len(self.writers))
        for number in range(len(self._told)):
            among = self._versions(number)
            if any(writer.finished for writer in among):
                continue  # there is no going on from it; the end decides
            odds = ear.odds([writer.lately(ear.reach) for writer in among])
            heirs = contest.heirs(number, odds)
            if heirs is not None:
                first = number * self._each
                source[first : first + self._each] = first + heirs
        if (source != np.arange(len(source))).any():
            self.writers = [
                writer if source[row] == row else self.writers[source[row]].heir(writer)
                for row, writer in enumerate(self.writers)
            ]
            self._previous = self._previous[source]
            self._stream.keep(np.searchsorted(self._rows, source[self._rows]))
        if self._follow is not None:
            for number in range(len(self._told)):
                self._tell_of(number, _in_common([writer.cursor.steps for writer in self._versions(number)]))

    def _tell(self, rows: Sequence[int]) -> None:
        if self._follow is not None:
            for row in rows:
                self._follow(row, self.writers[row].cursor.steps[-1])

    def _tell_of(self, number: int, steps: Sequence[Step]) -> None:
        """Tell the steps of a draft that have not been told."""
        if self._follow is not None:
            for step in steps[self._told[number] :]:
                self._follow(number, step)
            self._told[number] = max(self._told[number], len(steps))


def _in_common(versions: Sequence[Sequence[Step]]) -> Sequence[Step]:
    """Return the steps with which all versions begin."""
    shortest = min(versions, key=len)
    for place, step in enumerate(shortest):
        if any(one[place] != step for one in versions):
            return shortest[:place]
    return shortest


class _Writer:
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
        fit = sum(self._heard)
        return Draft(_sequence(self.plan, self.cursor.steps), fit, tuple(self._heard), fit)

    def lately(self, steps: int) -> TokenSequence:
        """Return the last steps."""
        return _sequence(self.plan, self.cursor.steps[-steps:])

    def heir(self, other: _Writer) -> _Writer:
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
