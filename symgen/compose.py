"""Use case: a request in musical words in, pieces out.

A piece is composed again until it keeps every promise. What is promised is checked on the result and not
only asked of the network: gong and mode as a listener would find them, bars, range, and a fingering for
every note.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import fields, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from symgen.copying import copy_report
from symgen.delivery import as_played, broken_as_played, deliver, piece
from symgen.elsewhere import elsewhere, halves
from symgen.errors import PlayabilityError, UsageError
from symgen.forms.marks import key_map, length_seconds, section_marks, tempo_map
from symgen.grammar import Plan
from symgen.instruments import ships
from symgen.instruments.fingering import COMPILED_FROM, Fingering
from symgen.instruments.perform import play
from symgen.isolation import alive
from symgen.live import Listener
from symgen.models.checkpoint import Checkpoint, load_checkpoint
from symgen.models.runtime import Runtime
from symgen.native import is_available
from symgen.origin import Made, Promise, plain_request
from symgen.performance import Performance
from symgen.planning import ComposeRequest, Wish, check_request, plan_take
from symgen.progress import Progress, silent
from symgen.promises import broken_promises, check_copy, check_style, examine, modulations, too_long_a_copy
from symgen.resources import DEFAULT_CHECKPOINT, checkpoints_dir
from symgen.sampling import compose_sequences, write_drafts
from symgen.score import Score, Section, Tempo
from symgen.script import Step
from symgen.styles import STYLES, Style
from symgen.take import ComposeResult, Take
from symgen.takes import Judge, load_judge, rank_takes
from symgen.tokens.codec import decode
from symgen.tokens.sequence import TokenSequence
from symgen.units import TICKS_PER_QUARTER

if TYPE_CHECKING:
    from symgen.instruments.base import Tuning
    from symgen.writers import Format

__all__ = [
    "ComposeRequest",
    "ComposeResult",
    "Take",
    "broken_promises",
    "compose",
    "compose_files",
    "compose_numbered",
    "compose_side_by_side",
    "compose_takes",
    "list_styles",
    "plan_of",
]

_ATTEMPTS = 24
_SECTION_BARS = 8
_SIDE_BY_SIDE = 16
"""Takes composed in one batch: more take more memory and hardly less time each."""
_OF_FILES = frozenset({"output", "format", "layout"})
"""Fields of a request that say how a piece is written, not what it is."""
_USUAL_BARS = 24
_WIDER = 1.5
"""How much faster or slower than usual a piece may go where that gives it the length that was asked for."""
_WORTH_TWO = 192
"""Bars of all takes together from which on a second process is worth its start."""
_START_BARS = 128
"""Bars that are composed side by side while a second process starts."""


def compose(style: str, **options: Any) -> ComposeResult:
    """Compose pieces without writing files.

    Parameters
    ----------
    style : str
        guqin, guzheng or folk.
    **options
        Fields of :class:`ComposeRequest`.

    Raises
    ------
    UsageError
        If the request cannot be met, saying why and what could be.
    CheckpointError
        If the checkpoint is missing or damaged.
    """
    return compose_takes(ComposeRequest(style, **options))


def compose_takes(
    request: ComposeRequest, progress: Progress = silent, listener: Listener | None = None
) -> ComposeResult:
    """Compose the takes of a request; see :func:`compose`.

    A listener hears them one after the other, every step as it is drawn; see :mod:`symgen.live`.
    """
    checkpoint = _checkpoint(request)
    wish = check_request(request)
    judge = load_judge(checkpoint, wish.style.name)
    return _ranked(list(_takes(wish, request, checkpoint, progress, listener)), judge)


def compose_numbered(request: ComposeRequest, numbers: Sequence[int], progress: Progress = silent) -> list[Take]:
    """Compose only some takes of a request, by their numbers: to the bit what they are among all of them.

    Raises
    ------
    UsageError, CheckpointError
        As :func:`compose`; also if the request has no such take.
    """
    if strange := [number for number in numbers if not 1 <= number <= request.takes]:
        raise UsageError(f"take {strange[0]}", expected=f"1 to {request.takes}")
    wish, checkpoint = check_request(request), _checkpoint(request)
    check_style(wish.style.name, checkpoint)
    runtime = checkpoint.runtime()
    found = {
        take.take: take
        for some in _waves(numbers)
        for take in _wave(wish, request, some, checkpoint, runtime, progress)
    }
    return [found[number] for number in numbers]


def _checkpoint(request: ComposeRequest) -> Checkpoint:
    return load_checkpoint(request.checkpoint or checkpoints_dir() / DEFAULT_CHECKPOINT)


def _ranked(takes: Sequence[Take], judge: Judge) -> ComposeResult:
    """Return takes of one request, the best first."""
    in_order = sorted(takes, key=lambda take: take.take)
    standings = rank_takes([take.tokens for take in in_order], judge)
    ranked = [replace(take, standing=standing) for take, standing in zip(in_order, standings, strict=True)]
    return ComposeResult(tuple(sorted(ranked, key=lambda take: take.standing.rank if take.standing else 0)))


def _takes(
    wish: Wish, request: ComposeRequest, checkpoint: Checkpoint, progress: Progress, listener: Listener | None = None
) -> Iterator[Take]:
    """Yield the takes of a request as they are composed, side by side; which comes first does not matter."""
    check_style(wish.style.name, checkpoint)
    check_copy(request.max_copy, checkpoint)
    runtime = checkpoint.runtime()
    numbers = range(1, request.takes + 1)
    if listener is not None:  # who listens hears one after the other
        for number in numbers:
            yield from _wave(wish, request, [number], checkpoint, runtime, progress, listener)
        return
    bars = request.bars or _USUAL_BARS
    mine, others = halves(numbers, worth=len(numbers) * bars >= _WORTH_TWO, start=_START_BARS / bars)
    with elsewhere(f"{__name__}:compose_part", others, _music(request, wish.seed)) as await_others:
        for some in _waves(mine):
            yield from _wave(wish, request, some, checkpoint, runtime, progress)
        takes: list[Take] = await_others()
        for take in takes:
            yield replace(take, promise=_promise(_plan_of(wish, request, take.take)[0], request))
    done = {take.take for take in takes}
    for some in _waves([number for number in others if number not in done]):  # whatever befell the other process
        yield from _wave(wish, request, some, checkpoint, runtime, progress)


def _pass_on(listener: Listener, row: int, step: Step) -> None:
    del row  # there is one
    listener.step(*step)


def _waves(numbers: Sequence[int]) -> list[Sequence[int]]:
    return [numbers[begin : begin + _SIDE_BY_SIDE] for begin in range(0, len(numbers), _SIDE_BY_SIDE)]


def _wave(
    wish: Wish,
    request: ComposeRequest,
    numbers: Sequence[int],
    checkpoint: Checkpoint,
    runtime: Runtime,
    progress: Progress,
    listener: Listener | None = None,
) -> Iterator[Take]:
    """Compose takes side by side until each keeps every promise; what each is does not depend on the others."""
    planned = {number: _plan_of(wish, request, number) for number in numbers}
    label = f"take {numbers[0]}" if len(numbers) == 1 else f"takes {numbers[0]} to {numbers[-1]}"
    left, reasons = list(numbers), list[str]()
    for attempt in range(_ATTEMPTS):

        def tick(done: int, total: int) -> None:
            progress(f"composing {label} of {request.takes}", done, total)

        plans = [_strict(planned[number][0], attempt) for number in left]
        seeds = [(wish.seed, number, attempt, 0) for number in left]
        again = []
        heard: Callable[[int, Step], None] | None = None
        if listener is not None:
            listener.begin(plans[0], planned[left[0]][1], left[0], attempt)
            heard = partial(_pass_on, listener)
        drafts = write_drafts(runtime, plans, seeds, wish.sampling, tick, follow=heard)
        composed = [draft.tokens for draft in drafts]
        machine_code = True if is_available() and 2 * sum(map(len, composed)) >= COMPILED_FROM else None
        for number, tokens in zip(left, composed, strict=True):
            plan, tempo = planned[number]
            score = dressed(decode(tokens), plan, tempo)
            broken, fingering = examine(score, plan, machine_code)
            broken = broken or too_long_a_copy(tokens, checkpoint, request.max_copy)
            take = None
            if not broken:
                take = as_played(_take(wish, plan, tempo, number, checkpoint, tokens, score, fingering, request))
            broken = broken if take is None else broken_as_played(take)
            if take is None or broken:
                again.append(number)
                reasons = broken
                if listener is not None:
                    listener.broken(broken)
            else:
                yield take
        left = again
        if not left:
            return
    raise PlayabilityError(
        f"no piece keeps every promise after {_ATTEMPTS} tries: {'; '.join(reasons)}",
        remedy="ask for more bars, a lower temperature or another tuning",
    )


def compose_part(items: Sequence[Sequence[int]], music: dict[str, Any], working: Any) -> Iterator[tuple[int, Any]]:
    """Compose some takes of a request in a child process, see :func:`symgen.elsewhere.elsewhere`.

    They come without their promises: an instrument is no thing to send from process to process, and whoever asked
    knows what was asked for.
    """
    request = ComposeRequest(**music)
    wish, checkpoint = check_request(request), _checkpoint(request)
    runtime = checkpoint.runtime()
    for index, numbers in enumerate(items):
        working([index])
        takes: list[Take] = []
        for some in _waves(numbers):
            with suppress(PlayabilityError):  # composed once more by the parent, which raises it
                found = _wave(wish, request, some, checkpoint, runtime, lambda *_: alive())
                takes.extend(replace(take, promise=None) for take in found)
        yield index, takes


def compose_side_by_side(requests: Sequence[ComposeRequest], progress: Progress = silent) -> list[TokenSequence | None]:
    """Compose the first take of each request as tokens, all at once: for measuring, many times as fast as one by one.

    Parameters
    ----------
    requests : sequence of ComposeRequest
        What to compose, with one checkpoint, temperature and top-p.

    Returns
    -------
    list of TokenSequence or None
        As :func:`compose` gives them, but for what only ornaments would break; None where no try keeps every promise.

    Raises
    ------
    UsageError, CheckpointError
        As :func:`compose`; also if the requests differ in checkpoint, temperature or top-p.
    """
    found: list[TokenSequence | None] = [None] * len(requests)
    if not requests:
        return found
    shared = {(one.checkpoint, one.temperature, one.top_p) for one in requests}
    if len(shared) > 1:
        raise UsageError(f"{len(shared)} ways to draw in one batch", expected="one checkpoint, temperature and top-p")
    checkpoint = _checkpoint(requests[0])
    runtime = checkpoint.runtime()
    wishes = [check_request(request) for request in requests]
    plans, tempi = zip(*(_plan_of(wish, one, 1) for wish, one in zip(wishes, requests, strict=True)), strict=True)
    for wish in wishes:
        check_style(wish.style.name, checkpoint)
    left = list(range(len(requests)))
    for attempt in range(_ATTEMPTS):
        if not left:
            break

        def tick(done: int, total: int, attempt: int = attempt, still: int = len(left)) -> None:
            progress(f"composing {still} pieces, try {attempt + 1}", done, total)

        some = [_strict(plans[row], attempt) for row in left]
        seeds = [(wishes[row].seed, 1, attempt, 0) for row in left]
        for row, tokens in zip(left, compose_sequences(runtime, some, seeds, wishes[0].sampling, tick), strict=True):
            if not broken_promises(replace(decode(tokens), tempi=(Tempo(0, tempi[row]),)), plans[row]):
                found[row] = tokens
        left = [row for row in left if found[row] is None]
    return found


def plan_of(request: ComposeRequest) -> Plan:
    """Return the plan of the first take of a request."""
    return _plan_of(check_request(request), request, 1)[0]


def _plan_of(wish: Wish, request: ComposeRequest, number: int) -> tuple[Plan, float]:
    """Return the plan of a take and its tempo."""
    rng = np.random.default_rng([wish.seed, number])
    drawn = float(round(rng.uniform(*wish.style.tempo)))  # also if not needed: it leaves the next draws alone
    tempo = drawn if request.tempo is None else request.tempo
    plan = plan_take(wish, request, tempo, rng)
    return plan, tempo if request.seconds is None else _tempo_for(plan, tempo, request)


def _tempo_for(plan: Plan, tempo: float, request: ComposeRequest) -> float:
    """Return the tempo at which a plan lasts as long as was asked for: the one given if that is within a bar.

    Bars are whole, and a form may have a length of its own.
    """
    assert request.seconds is not None
    metre = (plan.metre.numerator, plan.metre.denominator)
    lasts = (
        length_seconds(plan.sections, tempo, metre) if plan.sections else plan.total / TICKS_PER_QUARTER * 60 / tempo
    )
    if abs(lasts - request.seconds) <= 0.9 * lasts / plan.bars:
        return tempo
    fitting = round(tempo * lasts / request.seconds, 2)
    low, high = STYLES[plan.prefix.style].tempo
    if request.tempo is None and low / _WIDER <= fitting <= high * _WIDER:
        return fitting
    # What is left of 20 to 300 is what can be asked for; the slowest and fastest a style bears lie within.
    advice = f"use --tempo {fitting:g}, or " if request.tempo is not None and 20 <= fitting <= 300 else ""
    raise UsageError(
        f"{request.seconds:g} seconds, but {plan.bars} bars of {metre[0]}/{metre[1]} at tempo {tempo:g}"
        f" last {lasts:.0f}",
        expected="a length that whole bars, and the form if there is one, can have",
        remedy=f"{advice}leave --seconds out",
    )


def _strict(plan: Plan, attempt: int) -> Plan:
    """Return the plan of an attempt: half-way through, bian tones are given up, so that the gong is certain."""
    return plan if attempt < _ATTEMPTS // 2 else replace(plan, bian_share=0.0)


def compose_files(
    request: ComposeRequest, progress: Progress = silent, listener: Listener | None = None
) -> ComposeResult:
    """Compose the takes of a request and write each to a file.

    With an output that ends in a known suffix and one take, that file is written; otherwise the output is
    a folder, made if it is missing, and files are named ``<style>-<seed>-<take>`` with the suffix of the format.
    Unless the request is bare, the record of its origin stands in each file, where the format has a place, and beside
    it as ``<file>.json``. Each is written as soon as it is composed, so that what comes after it cannot take it away.
    A folder that was named keeps them as a session, see :mod:`symgen.session`.

    Raises
    ------
    UsageError, CheckpointError
        As :func:`compose`; also if the suffix of the output is another format's than the one asked for, or the
        format has no place for the layout.
    WriteError
        If a file cannot be written; nothing partial is left.
    """
    wish = check_request(request)
    judges: list[Judge] = []

    def takes() -> Iterator[Take]:
        checkpoint = _checkpoint(request)
        check_style(wish.style.name, checkpoint)
        check_copy(request.max_copy, checkpoint)
        judges.append(load_judge(checkpoint, wish.style.name))  # a damaged one is told before anything is composed
        return _later(lambda: _takes(wish, request, checkpoint, progress, listener))

    def order(written: Sequence[Take]) -> ComposeResult:
        return _ranked(written, judges[0])

    return deliver(
        request,
        "compose",
        takes,
        lambda take: f"{take.style}-{take.seed}-{take.take}",
        piece_of=lambda take, writer: _piece(take, wish, request, writer),
        order=order,
    )


def retake(request: ComposeRequest, take: int, progress: Progress = silent) -> Take:
    """Return a take of a request anew.

    Raises
    ------
    UsageError, CheckpointError
        As :func:`compose`.
    """
    (found,) = compose_numbered(replace(request, takes=max(take, request.takes)), [take], progress)
    return found


def made(take: Take, request: ComposeRequest) -> Made:
    """Return what goes into the file of a take, and its origin; for :mod:`symgen.again`.

    Raises
    ------
    UsageError, WriteError
        As :func:`compose_files`.
    """
    from symgen import writers

    return _piece(take, check_request(request), request, writers.choose_format(request.format, None, request.layout))


def _piece(take: Take, wish: Wish, request: ComposeRequest, writer: Format) -> Made:
    plain = plain_request(request, seed=wish.seed, tuning=_tuning_asked(take, wish, request), form=wish.form)
    return piece(take, "compose", plain, writer, request.layout)


def _tuning_asked(take: Take, wish: Wish, request: ComposeRequest) -> str | Tuning | None:
    """Return the tuning as a record keeps it: by name, or all of it where its name says nothing elsewhere."""
    assert take.promise is not None
    tuning = take.promise.tuning
    if not ships(wish.instrument, tuning):
        return tuning
    return None if request.tuning is None else tuning.name


def _later(begin: Callable[[], Iterator[Take]]) -> Iterator[Take]:
    """Yield takes whose composing begins when the first is asked for."""
    yield from begin()


def _music(request: ComposeRequest, seed: int) -> dict[str, Any]:
    """Return what a request asks of the music, whatever file it is written to, with the seed that it came to."""
    asked = {part.name: getattr(request, part.name) for part in fields(request) if part.name not in _OF_FILES}
    return {**asked, "seed": seed}


def list_styles() -> tuple[Style, ...]:
    """Return the styles that can be composed in."""
    return tuple(STYLES.values())


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


def _take(
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
        promise=_promise(plan, request),
        kept=modulations(score, plan),
    )


def _promise(plan: Plan, request: ComposeRequest) -> Promise:
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
