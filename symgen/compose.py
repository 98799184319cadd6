"""Use case: a request in musical words in, pieces out.

A piece is composed again until it keeps every promise. What is promised is checked on the result and not
only asked of the network: gong and mode as a listener would find them, bars, range, and a fingering for
every note.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from symgen.copying import CopyReport, copy_report
from symgen.errors import PlayabilityError, UsageError
from symgen.files import check_target, make_folder
from symgen.grammar import Plan
from symgen.instruments import get_instrument, get_tuning
from symgen.instruments.base import Instrument, Tuning
from symgen.instruments.fingering import finger
from symgen.instruments.perform import perform, plain
from symgen.instruments.rules import serves, tunings_for
from symgen.models.checkpoint import Checkpoint, load_checkpoint
from symgen.performance import Performance
from symgen.progress import Progress, silent
from symgen.resources import checkpoints_dir
from symgen.sampling import Sampling, compose_sequences
from symgen.score import Metre, Score, Section, Technique, Tempo
from symgen.styles import STYLES, Style, get_style
from symgen.theory.degrees import parse_pitch_class, pitch_class_name
from symgen.theory.detect import detect_mode
from symgen.theory.modes import parse_mode
from symgen.tokens.codec import decode
from symgen.tokens.prefix import METRES, Prefix
from symgen.tokens.sequence import TokenSequence
from symgen.units import bar_ticks

DEFAULT_CHECKPOINT = "zither"
_ATTEMPTS = 24
_MOST_BARS = 2000
_SECTION_BARS = 8
_TECHNIQUES = {
    "guqin": frozenset({Technique.PLUCK, Technique.HARMONIC}),
    "guzheng": frozenset({Technique.PLUCK}),
    "voice": frozenset({Technique.PLUCK}),
}


@dataclass(frozen=True, slots=True)
class ComposeRequest:
    """What to compose; None leaves a choice to the style and the seed.

    Parameters
    ----------
    style : str
        guqin, guzheng or folk.
    mode : str, optional
        gong, shang, jue, zhi or yu.
    gong : str or int, optional
        Pitch of degree 1, by name or as a pitch class 0..11.
    tuning : str, optional
        Name of a tuning of the instrument.
    tempo : float, optional
        Quarter notes a minute, 20..300.
    metre : str, optional
        Such as "4/4".
    bars, seconds : int, float, optional
        Length; not both.
    takes : int
        How many pieces.
    seed : int, optional
        The same seed composes the same pieces; drawn if None.
    raw : bool
        Write the quantised score without performance.
    checkpoint : Path, optional
        Folder of a checkpoint; the shipped one by default.
    temperature, top_p : float
        How boldly to draw; see :class:`symgen.sampling.Sampling`.
    output : Path, optional
        File or folder for :func:`compose_files`; the current folder by default.
    """

    style: str
    mode: str | None = None
    gong: str | int | None = None
    tuning: str | None = None
    tempo: float | None = None
    metre: str | None = None
    bars: int | None = None
    seconds: float | None = None
    takes: int = 1
    seed: int | None = None
    raw: bool = False
    checkpoint: Path | None = None
    temperature: float = 1.0
    top_p: float = 0.95
    output: Path | None = None


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
    """The pieces composed, in order of take."""

    takes: tuple[Take, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the result as plain data."""
        return {"takes": [take.as_json() for take in self.takes]}


@dataclass(frozen=True, slots=True)
class _Wish:
    """A request with its fixed parts checked; what is None is drawn for each take."""

    style: Style
    instrument: Instrument
    mode: str | None
    gong: int | None
    tuning: Tuning | None
    metre: Metre
    sampling: Sampling
    seed: int


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
    return ComposeResult(tuple(_takes(_checked(request), request, _checkpoint(request), progress)))


def _checkpoint(request: ComposeRequest) -> Checkpoint:
    return load_checkpoint(request.checkpoint or checkpoints_dir() / DEFAULT_CHECKPOINT)


def _takes(wish: _Wish, request: ComposeRequest, checkpoint: Checkpoint, progress: Progress) -> Iterator[Take]:
    """Yield the takes of a request one after the other."""
    if checkpoint.styles and wish.style.name not in checkpoint.styles:
        raise UsageError(
            f"the checkpoint {checkpoint.path} never learned the style {wish.style.name}",
            expected=f"one of {', '.join(checkpoint.styles)}",
            remedy="name another with --checkpoint",
        )
    runtime = checkpoint.runtime()
    for number in range(1, request.takes + 1):
        rng = np.random.default_rng([wish.seed, number])
        drawn = float(round(rng.uniform(*wish.style.tempo)))  # also if not needed: it leaves the next draws alone
        tempo = drawn if request.tempo is None else request.tempo
        plan = _plan(wish, request, tempo, rng)

        def tick(done: int, total: int, number: int = number) -> None:
            progress(f"composing take {number} of {request.takes}", done, total)

        yield _compose_one(wish, plan, tempo, number, checkpoint, runtime, request.raw, tick)


def compose_files(request: ComposeRequest, progress: Progress = silent) -> ComposeResult:
    """Compose the takes of a request and write each to a file.

    With an output that ends in a known suffix and one take, that file is written; otherwise the output is
    a folder, made if it is missing, and files are named ``<style>-<seed>-<take>.mid``. Each is written as soon
    as it is composed, so that what comes after it cannot take it away.

    Raises
    ------
    UsageError, CheckpointError
        As :func:`compose`.
    WriteError
        If a file cannot be written; nothing partial is left.
    """
    from symgen import writers

    wish = _checked(request)
    output = request.output or Path()
    is_file = output.suffix.lower() in writers.suffixes()
    if is_file and request.takes > 1:
        raise UsageError(
            f"{request.takes} takes for one file {output}",
            expected="a folder",
            remedy=f"use -o {output.with_suffix('')}",
        )
    checkpoint = _checkpoint(request)
    if is_file:
        check_target(output)
    else:
        make_folder(output)
    written = []
    for take in _takes(wish, request, checkpoint, progress):
        path = output if is_file else output / f"{take.style}-{take.seed}-{take.take}.mid"
        written.append(replace(take, path=writers.write(take.performance, path)))
    return ComposeResult(tuple(written))


def list_styles() -> tuple[Style, ...]:
    """Return the styles that can be composed in."""
    return tuple(STYLES.values())


def _checked(request: ComposeRequest) -> _Wish:
    """Return the request with every part checked, or raise UsageError for the first that cannot be met."""
    style = get_style(request.style)
    instrument = get_instrument(style.instrument)
    mode = None if request.mode is None else parse_mode(request.mode)
    gong = None if request.gong is None else _gong(request.gong)
    tuning = None if request.tuning is None else get_tuning(instrument, request.tuning)
    if request.bars is not None and request.seconds is not None:
        raise UsageError("both bars and seconds are given", expected="one length", remedy="leave one out")
    _check("bars", request.bars, 2, _MOST_BARS, whole=True)
    _check("seconds", request.seconds, 5, 3600)
    _check("takes", request.takes, 1, 10000, whole=True)
    _check("tempo", request.tempo, 20, 300)
    _check("temperature", request.temperature, 0.05, 5)
    _check("top-p", request.top_p, 0.05, 1)
    _check("seed", request.seed, 0, 2**63 - 1, whole=True)
    metre = _metre(request.metre, style)
    if tuning is not None and gong is not None and not serves(instrument, tuning, gong):
        _refuse_tuning(instrument, tuning, gong, mode)
    seed = secrets.randbelow(2**31) if request.seed is None else request.seed
    return _Wish(style, instrument, mode, gong, tuning, metre, Sampling(request.temperature, request.top_p), seed)


def _check(name: str, value: float | None, low: float, high: float, *, whole: bool = False) -> None:
    if value is None:
        return
    if not isinstance(value, (int, float)) or not low <= value <= high or (whole and value != int(value)):
        kind = "a whole number, " if whole else ""
        raise UsageError(f"{name} {value!r}", expected=f"{kind}{low} to {high}")


def _gong(value: str | int) -> int:
    if isinstance(value, str) and not value.strip().isdecimal():
        return parse_pitch_class(value)
    _check("gong", int(value) if isinstance(value, str) else value, 0, 11, whole=True)
    return int(value)


def _metre(text: str | None, style: Style) -> Metre:
    if text is None:
        return Metre(0, *style.metre)
    parts = text.strip().split("/")
    known = [metre for metre in METRES if "/" in metre]
    if text.strip() not in known:
        raise UsageError(f"metre {text!r}", expected=f"one of {', '.join(known)}")
    return Metre(0, int(parts[0]), int(parts[1]))


def _refuse_tuning(instrument: Instrument, tuning: Tuning, gong: int, mode: str | None) -> None:
    others = tunings_for(instrument, gong, mode)
    gongs = ", ".join(pitch_class_name(pc) for pc in tuning.gongs)
    remedy = f"use --tuning {others[0].name}, or --gong with one of {gongs}" if others else f"use --gong with {gongs}"
    raise UsageError(
        f"tuning {tuning.name} cannot give gong {pitch_class_name(gong)}",
        expected=f"a gong whose tones lie on its strings: {gongs}",
        remedy=remedy,
    )


def _plan(wish: _Wish, request: ComposeRequest, tempo: float, rng: np.random.Generator) -> Plan:
    """Fix for one take what the request leaves open."""
    style = wish.style
    drawn = _weighted(style.modes, rng)  # also if not needed: it leaves the next draw alone
    mode = drawn if wish.mode is None else wish.mode
    gong, tuning = _key(wish, rng)
    bars = request.bars if request.bars is not None else style.bars
    if request.seconds is not None:
        quarters = bar_ticks(wish.metre.numerator, wish.metre.denominator, 1920) / 1920
        bars = max(2, round(request.seconds * tempo / 60 / quarters))
        if bars > _MOST_BARS:
            raise UsageError(f"{request.seconds:g} seconds are {bars} bars", expected=f"at most {_MOST_BARS} bars")
    return Plan(
        prefix=Prefix(style.name, mode, f"{wish.metre.numerator}/{wish.metre.denominator}"),
        gong=style.register + (gong - style.register) % 12,
        metre=wish.metre,
        bars=bars,
        instrument=wish.instrument,
        tuning=tuning,
        techniques=_TECHNIQUES[wish.instrument.name],
        bian_share=style.bian_share,
    )


def _key(wish: _Wish, rng: np.random.Generator) -> tuple[int, Tuning]:
    """Return the pitch class of gong and the tuning of a take."""
    if wish.gong is not None:
        if wish.tuning is not None:
            return wish.gong, wish.tuning
        serving = tunings_for(wish.instrument, wish.gong)
        if not serving:
            gongs = sorted({gong for tuning in wish.instrument.tunings.values() for gong in tuning.gongs})
            raise UsageError(
                f"no tuning of the {wish.instrument.name} gives gong {pitch_class_name(wish.gong)}",
                expected=f"one of {', '.join(map(pitch_class_name, gongs))}",
            )
        return wish.gong, serving[0]
    gong = int(_weighted(wish.style.gongs, rng))
    if wish.tuning is not None:
        return gong if gong in wish.tuning.gongs else wish.tuning.gongs[0], wish.tuning
    return gong, tunings_for(wish.instrument, gong)[0]


def _weighted(weights: Mapping[Any, float], rng: np.random.Generator) -> Any:
    names = list(weights)
    shares = np.array([weights[name] for name in names])
    return names[int(np.searchsorted(np.cumsum(shares / shares.sum()), rng.random(), side="right"))]


def _compose_one(
    wish: _Wish,
    plan: Plan,
    tempo: float,
    number: int,
    checkpoint: Checkpoint,
    runtime: Any,
    raw: bool,
    tick: Any,
) -> Take:
    """Compose until a piece keeps every promise."""
    reasons: Sequence[str] = ()
    for attempt in range(_ATTEMPTS):
        # Half-way through, bian tones are given up: with the five zheng tones alone the gong is certain.
        strict = plan if attempt < _ATTEMPTS // 2 else replace(plan, bian_share=0.0)
        (tokens,) = compose_sequences(runtime, strict, [(wish.seed, number, attempt, 0)], wish.sampling, tick)
        score = replace(decode(tokens), tempi=(Tempo(0, tempo),), sections=_sections(plan))
        reasons = broken_promises(score, plan)
        if not reasons:
            return _take(wish, plan, tempo, number, checkpoint, tokens, score, raw)
    raise PlayabilityError(
        f"no piece keeps every promise after {_ATTEMPTS} tries: {'; '.join(reasons)}",
        remedy="ask for more bars, a lower temperature or another tuning",
    )


def broken_promises(score: Score, plan: Plan) -> list[str]:
    """Return what a piece promises but does not keep; empty if it keeps everything."""
    broken = []
    estimate = detect_mode(score)
    if estimate.gong != plan.gong % 12:
        broken.append(f"sounds in gong {pitch_class_name(estimate.gong)}")
    elif estimate.mode != plan.prefix.mode:
        broken.append(f"sounds in {estimate.mode} mode")
    if score.end != plan.total:
        broken.append(f"is {score.end} ticks long, not {plan.total}")
    broken.extend(str(problem) for problem in finger(score, plan.instrument, plan.tuning).problems[:1])
    return broken


def _sections(plan: Plan) -> tuple[Section, ...]:
    """Mark the sections 段, eight bars each; a rest shorter than half of that joins the one before."""
    count = max(1, (plan.bars + _SECTION_BARS // 2) // _SECTION_BARS)
    return tuple(Section(index * _SECTION_BARS * plan.bar, f"DUAN {index + 1}") for index in range(count))


def _take(
    wish: _Wish,
    plan: Plan,
    tempo: float,
    number: int,
    checkpoint: Checkpoint,
    tokens: TokenSequence,
    score: Score,
    raw: bool,
) -> Take:
    fingering = finger(score, plan.instrument, plan.tuning)
    if raw:
        performance = plain(score, plan.instrument, plan.tuning, fingering=fingering)
    else:
        seed = int(np.random.SeedSequence([wish.seed, number, 1 << 16]).generate_state(1)[0])
        performance = perform(
            score, plan.instrument, plan.tuning, style=wish.style.name, seed=seed, fingering=fingering
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
