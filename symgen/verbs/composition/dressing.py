"""From the tokens of a draft to a take: tempi and marks, how it is played, what is known of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from symgen.copying import copy_report
from symgen.forms.marks import key_map, section_marks, tempo_map
from symgen.grammar.plan import Plan
from symgen.instruments.fingering import Fingering
from symgen.instruments.perform import play
from symgen.models.checkpoint import Checkpoint
from symgen.origin import Promise
from symgen.performance import Performance
from symgen.planning.request import ComposeRequest, Wish
from symgen.score import Score, Section, Tempo
from symgen.takes.promises import modulations
from symgen.takes.take import Take
from symgen.tokens.sequence import TokenSequence

_SECTION_BARS = 8


def dressed(score: Score, plan: Plan, tempo: float) -> Score:
    """Return a score with the tempi, marks and gong systems of its plan."""
    if not plan.sections:
        return replace(score, tempi=(Tempo(0, tempo),), sections=_sections(plan))
    metre = (plan.metre.numerator, plan.metre.denominator)
    return replace(
        score,
        tempi=tempo_map(plan.sections, tempo, metre),
        sections=section_marks(plan.sections, metre),
        keys=key_map(plan.sections, plan.gong % 12, plan.prefix.mode, metre),
    )


def _sections(plan: Plan) -> tuple[Section, ...]:
    """Mark the sections 段, eight bars each, and the passages in harmonics (泛起, 泛止).

    A rest shorter than half a section joins the one before.
    """
    count = max(1, (plan.bars + _SECTION_BARS // 2) // _SECTION_BARS)
    marks = [Section(index * _SECTION_BARS * plan.bar, f"DUAN {index + 1}") for index in range(count)]
    for start, end in plan.harmonics:
        marks.append(Section(start, "FAN_START"))
        if end < plan.total:
            marks.append(Section(end, "FAN_END"))
    return tuple(sorted(marks, key=lambda mark: mark.tick))


def _in_time(performance: Performance, seconds: float) -> Performance:
    """Return a performance at a pace at which it lasts so long: who plays freely takes a little longer than written."""
    played = replace(performance.score, tempi=performance.tempi).seconds
    return replace(performance, tempi=tuple(replace(one, qpm=one.qpm * played / seconds) for one in performance.tempi))


def take_of(
    wish: Wish,
    plan: Plan,
    tempo: float,
    number: int,
    checkpoint: Checkpoint,
    tokens: TokenSequence,
    score: Score,
    fingering: Fingering,
    request: ComposeRequest,
) -> Take:
    """Return a take: its score as it is played, and all that is known of it."""
    performance = play(
        score,
        plan.instrument,
        plan.tuning,
        style=wish.style.name,
        seed=int(np.random.SeedSequence([wish.seed, number, 1 << 16]).generate_state(1)[0]),
        raw=request.raw,
        ornament=request.ornament,
        humanize=request.humanize,
        humanize_timing=request.humanize_timing,
        humanize_velocity=request.humanize_velocity,
        fingering=fingering,
    )
    if request.seconds is not None:
        performance = _in_time(performance, score.seconds)
    people = checkpoint.styles.get(wish.style.name, {})
    human = (people.get("human_longest_run"), people.get("human_longest_run_p90"))
    return Take(
        score=score,
        performance=performance,
        tokens=tokens,
        style=wish.style.name,
        mode=plan.prefix.mode,
        tuning=plan.tuning.name,
        gong=plan.gong % 12,
        metre=plan.prefix.metre,
        tempo=tempo,
        bars=plan.bars,
        seed=wish.seed,
        take=number,
        playable=fingering.playable,
        copy=copy_report(tokens, checkpoint.fingerprints, *human),
        checkpoint=checkpoint.digest,
        checkpoint_name=checkpoint.path.resolve().name,
        promise=promise_of(plan, request),
        kept=modulations(score, plan),
    )


def promise_of(plan: Plan, request: ComposeRequest) -> Promise:
    """Return what a take of a plan has to be."""
    return Promise(
        instrument=plan.instrument,
        tuning=plan.tuning,
        gong=plan.gong % 12,
        mode=plan.prefix.mode,
        metre=plan.metre,
        bars=plan.bars,
        seconds=request.seconds,
        max_copy=request.max_copy,
    )
