"""Use case: a request in musical words in, pieces out.

A piece is composed again until it keeps every promise. What is promised is checked on the result and not
only asked of the network: gong and mode as a listener would find them, bars, range, and a fingering for
every note.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from symgen.copying import CopyReport, copy_report
from symgen.errors import PlayabilityError, UsageError
from symgen.files import check_target, make_folder, write_bytes
from symgen.grammar import Plan
from symgen.instruments.fingering import finger
from symgen.instruments.perform import play
from symgen.models.checkpoint import Checkpoint, load_checkpoint
from symgen.performance import Performance
from symgen.planning import ComposeRequest, Wish, check_request, plan_take
from symgen.progress import Progress, silent
from symgen.resources import checkpoints_dir
from symgen.sampling import compose_sequences
from symgen.score import Score, Section, Tempo, make_notes
from symgen.styles import STYLES, Style
from symgen.theory.degrees import pitch_class_name
from symgen.theory.detect import detect_mode
from symgen.tokens.codec import decode
from symgen.tokens.sequence import TokenSequence
from symgen.writers import Options

__all__ = [
    "ComposeRequest",
    "ComposeResult",
    "Take",
    "broken_promises",
    "compose",
    "compose_files",
    "compose_side_by_side",
    "compose_takes",
    "list_styles",
    "plan_of",
]

DEFAULT_CHECKPOINT = "zither"
_ATTEMPTS = 24
_SECTION_BARS = 8


@dataclass(frozen=True, slots=True)
class Take:
    """One composed piece.

    Parameters
    ----------
    score, performance : Score, Performance
        What is written and how it is played.
    tokens : TokenSequence
        As the generator wrote it.
    style, mode, tuning : str
        Style, mode and tuning.
    gong : int
        Pitch class of degree 1.
    metre : str
        Metre.
    tempo : float
        Quarter notes a minute.
    bars : int
        Length.
    seed, take : int
        Seed of the request and number of the take, from 1.
    playable : bool
        Whether every note has its place on the instrument.
    copy : CopyReport or None
        What it shares with the training pieces.
    checkpoint : str
        Digest of the weights.
    path : Path or None
        File it was written to.
    """

    score: Score
    performance: Performance
    tokens: TokenSequence
    style: str
    mode: str
    tuning: str
    gong: int
    metre: str
    tempo: float
    bars: int
    seed: int
    take: int
    playable: bool
    copy: CopyReport | None
    checkpoint: str
    path: Path | None = None

    @property
    def seconds(self) -> float:
        """Length in seconds as performed."""
        return replace(self.score, tempi=self.performance.tempi).seconds

    def as_json(self) -> dict[str, Any]:
        """Return what is known of the take as plain data."""
        return {
            "path": None if self.path is None else str(self.path),
            "seed": self.seed,
            "take": self.take,
            "style": self.style,
            "gong": self.gong,
            "gong_name": pitch_class_name(self.gong),
            "mode": self.mode,
            "tuning": self.tuning,
            "metre": self.metre,
            "tempo": self.tempo,
            "bars": self.bars,
            "notes": len(self.score),
            "seconds": round(self.seconds, 3),
            "playable": self.playable,
            "copy": {} if self.copy is None else self.copy.as_json(),
            "checkpoint": self.checkpoint,
        }


@dataclass(frozen=True, slots=True)
class ComposeResult:
    """The pieces composed, in order of take, and what was assumed or changed before."""

    takes: tuple[Take, ...]
    remarks: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the result as plain data."""
        remarks = {"remarks": list(self.remarks)} if self.remarks else {}
        return {"takes": [take.as_json() for take in self.takes], **remarks}


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


def compose_takes(request: ComposeRequest, progress: Progress = silent) -> ComposeResult:
    """Compose the takes of a request; see :func:`compose`."""
    return ComposeResult(tuple(_takes(check_request(request), request, _checkpoint(request), progress)))


def _checkpoint(request: ComposeRequest) -> Checkpoint:
    return load_checkpoint(request.checkpoint or checkpoints_dir() / DEFAULT_CHECKPOINT)


def _takes(wish: Wish, request: ComposeRequest, checkpoint: Checkpoint, progress: Progress) -> Iterator[Take]:
    """Yield the takes of a request one after the other."""
    _check_style(wish, checkpoint)
    runtime = checkpoint.runtime()
    for number in range(1, request.takes + 1):
        plan, tempo = _plan_of(wish, request, number)

        def tick(done: int, total: int, number: int = number) -> None:
            progress(f"composing take {number} of {request.takes}", done, total)

        yield _compose_one(wish, plan, tempo, number, checkpoint, runtime, request, tick)


def compose_side_by_side(requests: Sequence[ComposeRequest], progress: Progress = silent) -> list[TokenSequence | None]:
    """Compose the first take of each request as tokens, all at once: for measuring, many times as fast as one by one.

    Parameters
    ----------
    requests : sequence of ComposeRequest
        What to compose, with one checkpoint, temperature and top-p.

    Returns
    -------
    list of TokenSequence or None
        As :func:`compose` gives them, but for a rounding error in a batch; None where no try keeps every promise.

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
        _check_style(wish, checkpoint)
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
    return plan_take(wish, request, tempo, rng), tempo


def _strict(plan: Plan, attempt: int) -> Plan:
    """Return the plan of an attempt: half-way through, bian tones are given up, so that the gong is certain."""
    return plan if attempt < _ATTEMPTS // 2 else replace(plan, bian_share=0.0)


def _check_style(wish: Wish, checkpoint: Checkpoint) -> None:
    if checkpoint.styles and wish.style.name not in checkpoint.styles:
        raise UsageError(
            f"the checkpoint {checkpoint.path} never learned the style {wish.style.name}",
            expected=f"one of {', '.join(checkpoint.styles)}",
            remedy="name another with --checkpoint",
        )


def compose_files(request: ComposeRequest, progress: Progress = silent) -> ComposeResult:
    """Compose the takes of a request and write each to a file.

    With an output that ends in a known suffix and one take, that file is written; otherwise the output is
    a folder, made if it is missing, and files are named ``<style>-<seed>-<take>`` with the suffix of the format.
    Each is written as soon as it is composed, so that what comes after it cannot take it away.

    Raises
    ------
    UsageError, CheckpointError
        As :func:`compose`; also if the suffix of the output is another format's than the one asked for, or the
        format has no place for the layout.
    WriteError
        If a file cannot be written; nothing partial is left.
    """
    wish = check_request(request)

    def takes() -> Iterator[Take]:
        return _takes(wish, request, _checkpoint(request), progress)

    return deliver(request, takes, lambda take: f"{take.style}-{take.seed}-{take.take}")


class Delivery(Protocol):
    """What a request says about its files."""

    @property
    def takes(self) -> int:
        """How many pieces."""

    @property
    def output(self) -> Path | None:
        """File or folder."""

    @property
    def format(self) -> str | None:
        """Format of the files."""

    @property
    def layout(self) -> Options:
        """How they are written."""


def deliver(
    request: Delivery,
    takes: Callable[[], Iterator[Take]],
    name_of: Callable[[Take], str],
    remarks: Sequence[str] = (),
) -> ComposeResult:
    """Write takes to files, each as soon as it is there.

    Parameters
    ----------
    request : Delivery
        Where to and how.
    takes : callable
        Begins the work; called when the output is known to be good.
    name_of : callable
        Name of a take's file in a folder, without the suffix.
    remarks : sequence of str
        What was assumed or changed before.

    Raises
    ------
    UsageError
        If the output does not fit.
    WriteError
        If a file cannot be written; nothing partial is left.
    """
    from symgen import writers

    output = request.output or Path()
    is_file = output.suffix.lower() in writers.suffixes()
    writer = writers.choose_format(request.format, output if is_file else None, request.layout)
    if is_file and request.takes > 1:
        raise UsageError(
            f"{request.takes} takes for one file {output}",
            expected="a folder",
            remedy=f"use -o {output.with_suffix('')}",
        )
    coming = takes()
    if is_file:
        check_target(output)
    else:
        make_folder(output)
    written = []
    for take in coming:
        path = output if is_file else output / f"{name_of(take)}{writer.SUFFIXES[0]}"
        write_bytes(path, writers.encode(take.performance, writer, request.layout))
        written.append(replace(take, path=path))
    return ComposeResult(tuple(written), tuple(remarks))


def list_styles() -> tuple[Style, ...]:
    """Return the styles that can be composed in."""
    return tuple(STYLES.values())


def _compose_one(
    wish: Wish,
    plan: Plan,
    tempo: float,
    number: int,
    checkpoint: Checkpoint,
    runtime: Any,
    request: ComposeRequest,
    tick: Any,
) -> Take:
    """Compose until a piece keeps every promise."""
    reasons: Sequence[str] = ()
    for attempt in range(_ATTEMPTS):
        (tokens,) = compose_sequences(
            runtime, _strict(plan, attempt), [(wish.seed, number, attempt, 0)], wish.sampling, tick
        )
        score = replace(decode(tokens), tempi=(Tempo(0, tempo),), sections=_sections(plan))
        reasons = broken_promises(score, plan)
        if not reasons:
            return _take(wish, plan, tempo, number, checkpoint, tokens, score, request)
    raise PlayabilityError(
        f"no piece keeps every promise after {_ATTEMPTS} tries: {'; '.join(reasons)}",
        remedy="ask for more bars, a lower temperature or another tuning",
    )


def broken_promises(score: Score, plan: Plan) -> list[str]:
    """Return what a piece promises but does not keep; empty if it keeps everything."""
    return broken_sound(score, plan) or broken_playing(score, plan)


def broken_sound(score: Score, plan: Plan) -> list[str]:
    """Return what a piece promises to sound like but does not: gong, mode, length."""
    broken = []
    estimate = detect_mode(score)
    if estimate.gong != plan.gong % 12:
        broken.append(f"sounds in gong {pitch_class_name(estimate.gong)}")
    elif estimate.mode != plan.prefix.mode:
        broken.append(f"sounds in {estimate.mode} mode")
    if score.end != plan.total:
        broken.append(f"is {score.end} ticks long, not {plan.total}")
    return broken


def broken_playing(score: Score, plan: Plan) -> list[str]:
    """Return why a piece cannot be played, as it is written or as it is read back from MIDI."""
    broken = [str(problem) for problem in finger(score, plan.instrument, plan.tuning).problems[:1]]
    if not broken:  # MIDI carries no technique: what is read back has to be playable all the same
        read_back = make_notes(onset=score.notes["onset"], duration=score.notes["duration"], pitch=score.notes["pitch"])
        problems = finger(replace(score, notes=read_back), plan.instrument, plan.tuning).problems
        broken.extend(f"without its techniques, {problem}" for problem in problems[:1])
    return broken


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


def _take(
    wish: Wish,
    plan: Plan,
    tempo: float,
    number: int,
    checkpoint: Checkpoint,
    tokens: TokenSequence,
    score: Score,
    request: ComposeRequest,
) -> Take:
    fingering = finger(score, plan.instrument, plan.tuning)
    performance = play(
        score,
        plan.instrument,
        plan.tuning,
        style=wish.style.name,
        seed=int(np.random.SeedSequence([wish.seed, number, 1 << 16]).generate_state(1)[0]),
        raw=request.raw,
        humanize=request.humanize,
        humanize_timing=request.humanize_timing,
        humanize_velocity=request.humanize_velocity,
        fingering=fingering,
    )
    human = checkpoint.styles.get(wish.style.name, {}).get("human_longest_run")
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
        copy=copy_report(tokens, checkpoint.fingerprints, human),
        checkpoint=checkpoint.digest,
    )
