"""Drafts of a task until one keeps every promise, and what stood put back to the tick."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from symgen.copying import CopyReport, copy_report
from symgen.drafting.draft import Draft
from symgen.drafting.ensemble import write_drafts
from symgen.errors import PlayabilityError
from symgen.instruments.fingering import finger
from symgen.instruments.perform import play
from symgen.listening import load_ear
from symgen.models.checkpoint import Checkpoint, load_checkpoint
from symgen.models.contest import Ear
from symgen.models.runtime import Runtime
from symgen.origin import Promise
from symgen.performance import late_at_a_seam, spliced
from symgen.planning.checking import check_manner
from symgen.progress import Progress, silent
from symgen.resources import DEFAULT_CHECKPOINT, checkpoints_dir
from symgen.sampling import Sampling
from symgen.score import Score
from symgen.takes.delivery import as_played, broken_as_played
from symgen.takes.promises import broken_playing, broken_sound, check_copy, check_style
from symgen.takes.take import Take
from symgen.theory.naming import in_gong
from symgen.tokens.codec import decode
from symgen.tokens.sequence import TokenSequence
from symgen.verbs.request import Revision
from symgen.verbs.sources import Source
from symgen.verbs.task import Task, TaskOf, within

LOOKAHEAD = 24
"""Steps behind a free stretch by which drafts are judged."""
_ATTEMPTS = 6
_MOST_DRAFTS = 48
_HURRIED = 0.75
"""Share of the time of a jump that is left to a hand that plays as freely as players do."""
_MOST_TAKES = 10000
Write: TypeAlias = Callable[[Task, Source, Runtime, Sampling, tuple[int, int]], tuple[Draft, Score]]
"""Does a task on a source with a seed; returns what was written and the result."""


def revise(
    request: Revision,
    source: Source,
    task_of: TaskOf,
    progress: Progress = silent,
    write: Write | None = None,
    only: int | None = None,
) -> Iterator[Take]:
    """Return the takes of a request on a source, which are made as they are asked for.

    Parameters
    ----------
    request : Revision
        What was asked for.
    source : Source
        What it is about.
    task_of : callable
        Gives the task of a take by its number, from 1, and its own chance.
    progress : Progress
        Told of the takes.
    write : callable, optional
        Does a task; by default the best of several drafts that keep every promise is put into the source.
    only : int, optional
        The one take that is made, by its number: what it is does not depend on the others.

    Raises
    ------
    UsageError
        If a part of the request cannot be met.
    PlayabilityError
        If no draft keeps every promise.
    CheckpointError
        If the checkpoint is missing or damaged.
    """
    (sampling, seed), dials = check_manner(request), request.dials
    checkpoint = load_checkpoint(request.checkpoint or checkpoints_dir() / DEFAULT_CHECKPOINT)
    check_style(source.style.name, checkpoint)
    check_copy(request.max_copy, checkpoint)
    runtime = checkpoint.runtime()
    ear = load_ear(checkpoint, source.style.name, request.versions)

    def takes() -> Iterator[Take]:
        for number in range(1, request.takes + 1) if only is None else (only,):
            progress(f"writing take {number}" + (f" of {request.takes}" if only is None else ""))
            task = task_of(number, np.random.default_rng([seed, number]))
            task = replace(task, plan=replace(task.plan, dials=dials))
            job = _Job(request, source, task, checkpoint, runtime, sampling, ear)
            yield _best(job, (seed, number)) if write is None else _written(job, (seed, number), write)

    return takes()


@dataclass(frozen=True, slots=True)
class _Job:
    """All that one take is made of, but its seed."""

    request: Revision
    source: Source
    task: Task
    checkpoint: Checkpoint
    runtime: Runtime
    sampling: Sampling
    ear: Ear | None

    def take(self, draft: Draft, score: Score, seed: tuple[int, int]) -> tuple[Take, list[str]]:
        """Return a take as it is played, and what it breaks so."""
        score = in_gong(score, self.source.gong, self.task.mode)
        take = _take(self.request, self.source, self.task, draft, score, self.checkpoint, seed)
        late = self._late(take)
        take = as_played(self.task.delivered(take))
        return take, broken_as_played(take) or late

    def _late(self, take: Take) -> list[str]:
        """Return that the hand comes too late from what stands to what is new, or back."""
        hands, spans = self.source.instrument.hands, self.task.spans
        if self.task.whole or not take.playable or not hands.jump_seconds:
            return []
        late = late_at_a_seam(take.performance, spans, hands.jump_marks, _HURRIED * hands.jump_seconds)
        return ["the hand comes too late where the new part begins or ends"] if late else []


def _best(job: _Job, seed: tuple[int, int]) -> Take:
    """Return the take of the draft that fits best among those that keep every promise."""
    reasons: Sequence[str] = ()
    task = job.task
    drafted = max(1, task.drafts // (1 if job.ear is None else job.ear.versions))  # each of them in several versions
    attempts = max(2, _MOST_DRAFTS // task.drafts)
    for attempt in range(attempts):
        plan = task.plan if attempt < attempts // 2 else replace(task.plan, bian_share=0.0)
        seeds = [(*seed, attempt, place) for place in range(drafted)]
        drafts = write_drafts(job.runtime, plan, seeds, job.sampling, ear=job.ear)
        for draft in sorted(drafts, key=lambda one: -one.worth):  # stable: of equals the first
            score = put_together(job.source.score, task, draft)
            reasons = broken(score, task, job.source)
            if reasons:
                continue
            take, reasons = job.take(draft, score, seed)
            if not reasons:
                return take
    raise PlayabilityError(
        f"nothing keeps every promise after {attempts * drafted} drafts: {'; '.join(reasons)}",
        remedy="ask for more bars, another seed or a lower temperature",
    )


def _written(job: _Job, seed: tuple[int, int], write: Write) -> Take:
    """Return a take that a verb writes in its own way, and that keeps its promises as it is played too."""
    reasons: Sequence[str] = ()
    for attempt in range(_ATTEMPTS):
        number = seed[1] + attempt * _MOST_TAKES  # the seeds of no other take
        draft, score = write(job.task, job.source, job.runtime, job.sampling, (seed[0], number))
        take, reasons = job.take(draft, score, seed)
        if not reasons:
            return take
    raise PlayabilityError(
        f"nothing keeps every promise after {_ATTEMPTS} tries: {'; '.join(reasons)}",
        remedy="keep less, or try another --seed",
    )


def put_together(kept: Score, task: Task, draft: Draft) -> Score:
    """Return the source with the spans of a task as the draft has them, everything else to the tick as it was."""
    written = decode(draft.tokens).notes
    outside = kept.notes[~within(kept.notes["onset"], task.spans)]
    new = written[within(written["onset"], task.spans)].copy()
    new["velocity"] = int(np.median(outside["velocity"])) if len(outside) else new["velocity"]
    new["duration"] = np.minimum(new["duration"], task.plan.total - new["onset"])
    end = max(task.plan.total, int((outside["onset"] + outside["duration"]).max(initial=0)))
    return replace(kept, notes=np.concatenate([outside, new]), end=end)


def broken(score: Score, task: Task, source: Source) -> list[str]:
    """Return what a result promises but does not keep; empty if it keeps everything."""
    plan = replace(task.plan, prefix=replace(task.plan.prefix, mode=task.mode), ticks=score.end)
    found = broken_sound(score, plan) or broken_playing(_for_hands(score, task, source), plan)
    before, after = (one.notes[~within(one.notes["onset"], task.spans)] for one in (source.score, score))
    if not np.array_equal(before, after):
        found.append("has other notes where nothing was to change")
    return found


def _for_hands(score: Score, task: Task, source: Source) -> Score:
    """Return what has to be playable: all of it, or the new notes alone where the source is not."""
    if source.playable or task.whole:
        return score
    return replace(score, notes=score.notes[within(score.notes["onset"], task.spans)])


def _take(
    request: Revision,
    source: Source,
    task: Task,
    draft: Draft,
    score: Score,
    checkpoint: Checkpoint,
    seed: tuple[int, int],
) -> Take:
    in_hand = _for_hands(score, task, source)
    fingering = finger(in_hand, source.instrument, source.tuning)
    performance = play(
        in_hand,
        source.instrument,
        source.tuning,
        style=source.style.name,
        seed=int(np.random.SeedSequence([*seed, 1 << 16]).generate_state(1)[0]),
        raw=request.raw,
        ornament=request.ornament,
        humanize=request.humanize,
        humanize_timing=request.humanize_timing,
        humanize_velocity=request.humanize_velocity,
        fingering=fingering,
    )
    if not task.whole:
        performance = spliced(source.performance, replace(performance, score=score), task.spans)
    people = checkpoint.styles.get(source.style.name, {})
    human = (people.get("human_longest_run"), people.get("human_longest_run_p90"))
    metre = task.plan.metre
    plays = source.playable or task.whole
    return Take(
        score=score,
        performance=performance,
        tokens=draft.tokens,
        style=source.style.name,
        mode=task.mode,
        tuning=source.tuning.name,
        gong=source.gong,
        metre=f"{metre.numerator}/{metre.denominator}",
        tempo=score.tempi[0].qpm,
        bars=len(score.bar_starts()),
        seed=seed[0],
        take=seed[1],
        playable=plays,
        copy=_copied(task.new_parts(draft, score), checkpoint, *human),
        checkpoint=checkpoint.digest,
        checkpoint_name=checkpoint.path.resolve().name,
        promise=Promise(
            instrument=source.instrument,
            tuning=source.tuning,
            gong=source.gong,
            mode=task.mode,
            metre=score.metres[0] if len(score.metres) == 1 else None,
            bars=len(score.bar_starts()),
            max_copy=request.max_copy,
            closes=not task.whole and _closes(task, score),
            plays=plays,
        ),
        kept=task.promises(source, score),
    )


def _closes(task: Task, score: Score) -> bool:
    """Tell whether the end is written, and that in the last bar: music that is varied may end in bars of rest."""
    written = max((end for _, end in task.spans), default=0)
    return written >= task.plan.total > int(score.bar_starts()[-1])


def _copied(parts: Sequence[TokenSequence], checkpoint: Checkpoint, *human: int | None) -> CopyReport | None:
    """Return what the new stretch that shares most shares; each is judged by itself, for the source may be known."""
    reports = [copy_report(part, checkpoint.fingerprints, *human) for part in parts]
    return max((one for one in reports if one is not None), key=lambda one: one.longest_run, default=None)
