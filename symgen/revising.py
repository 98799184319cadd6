"""What the verbs share that work on music that exists: a request, a task, and drafts until every promise is kept.

A verb says what stands and what is free (a :class:`Task`). Here drafts are written, the one that fits best and keeps
every promise is taken, and what stood is put back to the tick.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from symgen.copying import CopyReport, copy_report
from symgen.delivery import as_played, broken_as_played, piece
from symgen.dials import Dials
from symgen.errors import PlayabilityError, UsageError
from symgen.files import settle_paths
from symgen.grammar import Plan
from symgen.instruments import ships
from symgen.instruments.base import Tuning
from symgen.instruments.fingering import finger
from symgen.instruments.perform import play
from symgen.models.checkpoint import Checkpoint, load_checkpoint
from symgen.models.runtime import Runtime
from symgen.origin import Ancestor, Guarantee, Made, Promise, lineage_of, plain_request
from symgen.performance import late_at_a_seam, spliced
from symgen.planning import TECHNIQUES, check_manner
from symgen.progress import Progress, silent
from symgen.promises import broken_playing, broken_sound, check_copy, check_style
from symgen.resources import DEFAULT_CHECKPOINT, checkpoints_dir
from symgen.sampling import Draft, Sampling, write_drafts
from symgen.score import Score
from symgen.script import Script, cut, steps_of
from symgen.sources import Source
from symgen.take import Take
from symgen.theory.naming import in_gong
from symgen.tokens.codec import decode
from symgen.tokens.prefix import Prefix, metre_class
from symgen.tokens.sequence import TokenSequence
from symgen.units import TICKS_PER_QUARTER, bar_ticks
from symgen.writers import DEFAULTS, Options

if TYPE_CHECKING:
    from symgen.writers import Format

Span = tuple[int, int]
"""A stretch in ticks, from its start up to its end."""

LOOKAHEAD = 24
"""Steps behind a free stretch by which drafts are judged."""

_FINEST = TICKS_PER_QUARTER // 4
_ATTEMPTS = 6
_MOST_DRAFTS = 48
_DRAFTS = 16
"""Of so many drafts the best leads into what stands after it nearly as well as the notes do that people wrote there."""
_HURRIED = 0.75
"""Share of the time of a jump that is left to a hand that plays as freely as players do."""
_MOST_TAKES = 10000


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """What all verbs are asked that work on music that exists; None leaves a choice to the source and the seed.

    Parameters
    ----------
    source : Path, Score or Ancestor
        A file of any format that symgen reads, a score, or a piece of symgen's own by its record.
    piece : int
        Which piece of a tune book, from 1.
    style : str, optional
        guqin, guzheng or folk; by default that of the source.
    tuning : str or Tuning, optional
        A tuning, by name, as a TOML file or as such; by default the one in which the source lies best.
    takes : int
        How many results.
    seed : int, optional
        The same seed gives the same results; drawn if None.
    raw, humanize, humanize_timing, humanize_velocity
        How what is new is played, as in :class:`symgen.planning.ComposeRequest`.
    checkpoint : Path, optional
        Folder of a checkpoint; the shipped one by default.
    density, register, ornament, leaps, surprise : float
        What the new part leans to; see :class:`symgen.dials.Dials`.
    temperature, top_p : float
        How boldly to draw.
    output : Path, optional
        File or folder; the current folder by default.
    format : str, optional
        Format of the files.
    layout : Options
        How tracks, time signatures, names and articulations are written.
    bare : bool
        Write files without the record of their origin.
    max_copy : int, optional
        Most notes in a row, of what is new, that may be shared with the training pieces.
    """

    source: Path | Score | Ancestor
    piece: int = 1
    style: str | None = None
    tuning: str | Tuning | None = None
    takes: int = 1
    seed: int | None = None
    raw: bool = False
    humanize: float = 0.5
    humanize_timing: float | None = None
    humanize_velocity: float | None = None
    checkpoint: Path | None = None
    density: float = 0.5
    register: float = 0.5
    ornament: float = 0.5
    leaps: float = 0.5
    surprise: float = 0.5
    temperature: float = 1.0
    top_p: float = 1.0
    output: Path | None = None
    format: str | None = None
    layout: Options = DEFAULTS
    bare: bool = False
    max_copy: int | None = None

    def __post_init__(self) -> None:
        settle_paths(self)

    @property
    def dials(self) -> Dials:
        """The dials, checked."""
        return Dials(self.density, self.register, self.ornament, self.leaps, self.surprise)


@dataclass(frozen=True, slots=True)
class Task:
    """What one take of a verb is to be.

    Parameters
    ----------
    plan : Plan
        With its script.
    spans : tuple of (int, int)
        Stretches, in ticks, that are taken from the draft; everything else is that of the source.
    mode : str
        The mode that the result has to have.
    drafts : int
        How many drafts are written at a time; the one that leads best into what stands after it is tried first.
    whole : bool
        Whether all of it is played anew, and not only the spans.
    """

    plan: Plan
    spans: tuple[Span, ...]
    mode: str
    drafts: int = _DRAFTS
    whole: bool = False

    def promises(self, source: Source, score: Score) -> tuple[Guarantee, ...]:
        """Return the promises of the verb's own, beside what is found in the result."""
        return (untouched(source, score, self.spans),)

    def new_parts(self, draft: Draft, score: Score) -> list[TokenSequence]:
        """Return what is new, each stretch by itself, for the report of what is copied: the source may be known."""
        spans = sorted(self.spans, key=lambda span: span[0] - span[1]) or [(0, 0)]  # of equals the longest
        return [_stretch(draft.tokens, span) for span in spans]

    def delivered(self, take: Take) -> Take:
        """Return what is handed over of a take: that is what its promises are about."""
        return take


Write: TypeAlias = Callable[[Task, Source, Runtime, Sampling, tuple[int, int]], tuple[Draft, Score]]
"""Does a task on a source with a seed; returns what was written and the result."""


def plan_for(source: Source, script: Script, *, ticks: int, mode: str | None = None, tick: int = 0) -> Plan:
    """Return the plan by which a source is worked on.

    Parameters
    ----------
    source : Source
        The music.
    script : Script
        What stands and what is free.
    ticks : int
        Length of the result.
    mode : str, optional
        Mode of the result; that of the source by default.
    tick : int
        Where the free part begins: its metre is what the generator is told.
    """
    for place in source.bars.tolist():
        if place % _FINEST:
            raise UsageError(
                f"{source.name} has a bar line {place} ticks from its start",
                expected="bar lines on sixteenths of the beat",
            )
    metre = source.metre_at(tick)
    told = metre_class((metre,))
    bar = bar_ticks(metre.numerator, metre.denominator)
    return Plan(
        prefix=Prefix(source.style.name, mode or source.mode, told),
        gong=source.tokens.gong,
        metre=metre,
        bars=max(1, round(ticks / bar)),
        ticks=ticks,
        instrument=source.instrument,
        tuning=source.tuning,
        techniques=TECHNIQUES[source.instrument.name],
        bian_share=source.style.bian_share,
        script=script,
        metres=source.score.metres,
    )


def recorded(take: Take, verb: str, request: Revision, given: Score | Ancestor, writer: Format | None = None) -> Made:
    """Return what goes into the file of a take, and its origin: it holds the source, so that it can be made again.

    Parameters
    ----------
    take : Take
        What was made.
    verb : str
        What made it.
    request : Revision
        What was asked for.
    given : Score or Ancestor
        What is kept of the source.
    writer : Format, optional
        How it is written; by default as the request says.
    """
    from symgen import writers

    if writer is None:
        writer = writers.choose_format(request.format, None, request.layout)
    assert take.promise is not None
    tuning = take.promise.tuning
    kept = tuning.name if ships(take.promise.instrument, tuning) else tuning
    plain = plain_request(request, seed=take.seed, source=given, style=take.style, tuning=kept, piece=1)
    lineage = lineage_of(request.source) if isinstance(request.source, Path) else ()
    return piece(take, verb, plain, writer, request.layout, lineage)


def given_in(request: Revision) -> Score | Ancestor:
    """Return what a record kept of the source of a request.

    Raises
    ------
    UsageError
        If the request names a file.
    """
    if isinstance(request.source, Path):
        raise UsageError(f"the source {request.source} is a file", expected="the music itself")
    return request.source


def revise(
    request: Revision,
    source: Source,
    task_of: Callable[[int, np.random.Generator], Task],
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

    def takes() -> Iterator[Take]:
        for number in range(1, request.takes + 1) if only is None else (only,):
            progress(f"writing take {number}" + (f" of {request.takes}" if only is None else ""))
            task = task_of(number, np.random.default_rng([seed, number]))
            task = replace(task, plan=replace(task.plan, dials=dials))
            job = _Job(request, source, task, checkpoint, runtime, sampling)
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
    attempts = max(2, _MOST_DRAFTS // task.drafts)
    for attempt in range(attempts):
        plan = task.plan if attempt < attempts // 2 else replace(task.plan, bian_share=0.0)
        seeds = [(*seed, attempt, place) for place in range(task.drafts)]
        drafts = write_drafts(job.runtime, plan, seeds, job.sampling)
        for draft in sorted(drafts, key=lambda one: -one.fit):  # stable: of equals the first
            score = put_together(job.source.score, task, draft)
            reasons = broken(score, task, job.source)
            if reasons:
                continue
            take, reasons = job.take(draft, score, seed)
            if not reasons:
                return take
    raise PlayabilityError(
        f"nothing keeps every promise after {attempts * task.drafts} drafts: {'; '.join(reasons)}",
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
    outside = kept.notes[~_within(kept.notes["onset"], task.spans)]
    new = written[_within(written["onset"], task.spans)].copy()
    new["velocity"] = int(np.median(outside["velocity"])) if len(outside) else new["velocity"]
    new["duration"] = np.minimum(new["duration"], task.plan.total - new["onset"])
    end = max(task.plan.total, int((outside["onset"] + outside["duration"]).max(initial=0)))
    return replace(kept, notes=np.concatenate([outside, new]), end=end)


def broken(score: Score, task: Task, source: Source) -> list[str]:
    """Return what a result promises but does not keep; empty if it keeps everything."""
    plan = replace(task.plan, prefix=replace(task.plan.prefix, mode=task.mode), ticks=score.end)
    found = broken_sound(score, plan) or broken_playing(_for_hands(score, task, source), plan)
    before, after = (one.notes[~_within(one.notes["onset"], task.spans)] for one in (source.score, score))
    if not np.array_equal(before, after):
        found.append("has other notes where nothing was to change")
    return found


def _for_hands(score: Score, task: Task, source: Source) -> Score:
    """Return what has to be playable: all of it, or the new notes alone where the source is not."""
    if source.playable or task.whole:
        return score
    return replace(score, notes=score.notes[_within(score.notes["onset"], task.spans)])


def _within(ticks: np.ndarray, spans: Sequence[Span]) -> np.ndarray:
    """Return which ticks lie in one of the spans."""
    inside = np.zeros(len(ticks), dtype=np.bool_)
    for start, end in spans:
        inside |= (ticks >= start) & (ticks < end)
    return inside


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


def _stretch(tokens: TokenSequence, span: Span) -> TokenSequence:
    """Return the steps of a stretch."""
    columns = np.array(cut(steps_of(tokens), *span), dtype=np.int16).reshape(-1, 3).T.copy()
    return replace(tokens, rhythm=columns[0], melody=columns[1], chord=columns[2], metres=())


def untouched(source: Source, score: Score, spans: Sequence[Span]) -> Guarantee:
    """Return the promise that nothing changes outside of the spans."""
    before, after = (one.notes[~_within(one.notes["onset"], spans)] for one in (source.score, score))
    same = np.array_equal(before, after)
    asked = f"{len(before)} notes as they were"
    return Guarantee("everything else", asked, asked if same else "changed", same)
