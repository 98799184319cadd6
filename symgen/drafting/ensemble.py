"""Drafts written side by side, each in one or several versions among which an adversary chooses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from symgen.drafting.draft import Draft, Writer
from symgen.grammar.plan import Plan
from symgen.models.contest import Contest, Ear
from symgen.models.runtime import Runtime, one_thread
from symgen.sampling import Sampling
from symgen.script import Step
from symgen.tokens.sequence import TokenSequence

_SHORTEST_MEAN_TICKS = 60
"""A piece without masks ends after as many steps as 32nds would fill it: nothing else stops steps of no length."""


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
    ensemble = Ensemble(runtime, plans, seeds, masks=masks, ear=ear, follow=follow)
    stop = np.inf if masks else max((one.total for one in plans), default=0) // _SHORTEST_MEAN_TICKS
    with one_thread():
        while ensemble.left and ensemble.steps < stop:
            ensemble.advance(how)
            slowest = min(ensemble.writers, key=lambda writer: writer.progress)
            tick(slowest.cursor.grammar.context.time, slowest.cursor.grammar.plan.total)
        return ensemble.drafts()


class Ensemble:
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
            Writer(one, seed if ear is None else (*seed, version), runtime, masks=masks)
            for one, seed in zip(plans, seeds, strict=True)
            for version in range(self._each)
        ]
        # What stands before all that is free is read once for all; but versions are always multiplied together.
        self._alike = ear is None and len(self.writers) > 1 and all(one is plans[0] for one in plans)
        prefixes = [writer.plan.prefix.numbers() for writer in self.writers[: 1 if self._alike else None]]
        self.stream = runtime.start(prefixes, apart=True, together=self._each)
        self.previous = np.array([writer.previous for writer in self.writers], dtype=np.int64).reshape(-1, 3)
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
            self.stream.keep(np.flatnonzero(np.isin(rows, unfinished)))
            self._rows = rows = unfinished
        if self._alike and self.writers[0].cursor.given is None:
            self.stream.keep(np.zeros(len(rows), dtype=np.int64))
            self._alike = False
        self._draw(rows, rows[:1] if self._alike else rows, how)
        for row in left:
            self.previous[row] = self.writers[row].take(self.previous[row])
        if self._contest is None:
            self._tell(left)
        else:
            self._heard += 1
            if self._ear is not None and self._heard % self._ear.every == 0:
                self._compete(self._ear, self._contest)

    def _draw(self, rows: NDArray[np.int64], seen: NDArray[np.int64], how: Sampling) -> None:
        """Draw the next step of the writers `rows`, of whom the stream holds `seen`."""
        held = [self.writers[row] for row in seen.tolist()]
        state = self.stream.advance(self.previous[seen], self.features(seen))
        chosen = None
        for place in range(3) if any(writer.listens for writer in held) else ():
            state, logits = self.stream.logits(place, state, chosen)
            for number, row in enumerate(rows.tolist()):
                if not self.writers[row].finished:
                    self.previous[row, place] = self.writers[row].choose(place, self.previous[row], logits[number], how)
            chosen = self.previous[rows, place]

    def features(self, rows: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """Return what the network is told about the next step of some writers, by default of all that are held."""
        held = self._rows if rows is None else rows
        return np.array([self.writers[row].features() for row in held.tolist()], dtype=np.int64)

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

    def _versions(self, number: int) -> list[Writer]:
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
            self.previous = self.previous[source]
            self.stream.keep(np.searchsorted(self._rows, source[self._rows]))
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
