"""A score made playable on a zither, with an account of what had to be changed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from symgen.errors import PlayabilityError, UsageError
from symgen.files import settle_paths
from symgen.instruments import get_instrument, get_tuning
from symgen.instruments.adapting import Change, Setting, choose_setting, folded, mended
from symgen.instruments.base import Instrument, Tuning
from symgen.instruments.doubling import doubled
from symgen.instruments.fingering import DEFAULT_QPM, Fingering, finger
from symgen.instruments.perform import play
from symgen.performance import Performance
from symgen.score import Score, Tempo
from symgen.styles import STYLES
from symgen.theory.degrees import parse_pitch_class, pitch_class_name
from symgen.theory.detect import detect_mode
from symgen.theory.naming import in_gong
from symgen.units import TICKS_PER_QUARTER
from symgen.writers import DEFAULTS, Options, is_remark

MOST_SEMITONES = 48
CHANGES_SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrangeRequest:
    """What to arrange, and for whom; None leaves a choice to the music.

    Parameters
    ----------
    source : Path
        A score in any format that symgen reads.
    style : str
        guqin or guzheng: how it is played, and on what.
    instrument : str, optional
        Another instrument, by name or as a TOML file, such as guzheng23.
    piece : int
        Which piece of a tune book, from 1.
    tuning : str, optional
        Name of a tuning of the instrument, or a TOML file.
    gong : str, optional
        Pitch of degree 1 in the arrangement.
    transpose : int, optional
        Semitones; not together with `gong`.
    tempo : float, optional
        Quarter notes a minute throughout, 20..300, instead of the written tempo.
    double : bool
        Add double notes by the idiom of the instrument.
    strict : bool
        Refuse what would have to be changed; transposition and tuning are still chosen.
    raw : bool
        Write the score without performance.
    humanize : float
        0 keeps grid and tempo, 1 is the freest.
    humanize_timing, humanize_velocity : float, optional
        The same for onsets and tempo, and for velocities, where they differ from `humanize`.
    seed : int
        Of the performance.
    output : Path, optional
        File or folder; the current folder by default.
    format : str, optional
        Format of the file, by name or suffix; by default the suffix of `output`, or MIDI.
    layout : Options
        How tracks, time signatures, names and articulations are written.
    """

    source: Path
    style: str = "guqin"
    instrument: str | None = None
    piece: int = 1
    tuning: str | None = None
    gong: str | None = None
    transpose: int | None = None
    tempo: float | None = None
    double: bool = False
    strict: bool = False
    raw: bool = False
    humanize: float = 0.5
    humanize_timing: float | None = None
    humanize_velocity: float | None = None
    seed: int = 0
    output: Path | None = None
    format: str | None = None
    layout: Options = DEFAULTS

    def __post_init__(self) -> None:
        settle_paths(self)


@dataclass(frozen=True, slots=True)
class ArrangeResult:
    """An arrangement.

    Parameters
    ----------
    score, performance : Score, Performance
        What is written and how it is played.
    source : str
        File that it comes from.
    style, instrument, tuning : str
        Their names.
    gong, mode : int, str
        Of the arrangement.
    transposed : int
        Semitones.
    written : int
        Notes of the source.
    kept : float
        Share of them that are in the arrangement at their transposed pitch.
    changes : tuple of Change
        In order of time.
    path : Path or None
        File it was written to.
    remarks : tuple of str
        What was assumed before.
    """

    score: Score
    performance: Performance
    source: str
    style: str
    instrument: str
    tuning: str
    gong: int
    mode: str
    transposed: int
    written: int
    kept: float
    changes: tuple[Change, ...]
    path: Path | None = None
    remarks: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return what is known of the arrangement as plain data."""
        return {
            "path": None if self.path is None else str(self.path),
            "source": self.source,
            "style": self.style,
            "instrument": self.instrument,
            "tuning": self.tuning,
            "gong": self.gong,
            "gong_name": pitch_class_name(self.gong),
            "mode": self.mode,
            "transposed": self.transposed,
            "written": self.written,
            "notes": len(self.score),
            "kept": round(self.kept, 4),
            "bars": len(self.score.bar_starts()),
            "seconds": round(replace(self.score, tempi=self.performance.tempi).seconds, 3),
            "playable": True,
            "counts": dict(sorted(Counter(change.kind for change in self.changes).items())),
            "changes": [{"bar": c.bar, "kind": c.kind, "rule": c.rule, "remedy": c.remedy} for c in self.changes],
            **({"remarks": list(self.remarks)} if self.remarks else {}),
        }

    def lines(self) -> list[str]:
        """Return what a person wants to know, a line each."""
        moved = f"transposed by {self.transposed:+d} semitones, " if self.transposed else ""
        lines = [
            str(self.path or self.source),
            f"  {self.instrument}, {moved}gong {pitch_class_name(self.gong)}, {self.mode} mode, tuning {self.tuning}",
            f"  {len(self.score)} notes for {self.written} written ones, {self.kept:.1%} as written, playable",
        ]
        lines += [f"  {change}" for change in self.changes[:CHANGES_SHOWN]]
        more = len(self.changes) - CHANGES_SHOWN
        return [*lines, f"  ... and {more} more changes (--json lists all)"] if more > 0 else lines


def arrange_score(score: Score, request: ArrangeRequest) -> ArrangeResult:
    """Arrange a score as a request says; see :func:`symgen.arrange.arrange`."""
    instrument, tuning = _checked(request)
    score = score.resampled(TICKS_PER_QUARTER)
    score = replace(score, texts=tuple(text for text in score.texts if not is_remark(text)))  # of whom it was for
    if not len(score):
        raise UsageError(f"{request.source} holds no notes", expected="a melody")
    if request.tempo is not None or not score.tempi:
        score = replace(score, tempi=(Tempo(0, request.tempo or DEFAULT_QPM),))
    estimate = detect_mode(score)
    setting = choose_setting(
        score,
        instrument,
        estimate.gong,
        semitones=_transpositions(request, estimate.gong, score),
        tunings=None if tuning is None else (tuning,),
    )
    moved = _transposed(score, setting.semitones)
    arranged, fingering, changes = moved, finger(moved, instrument, setting.tuning), list[Change]()
    if request.strict and not fingering.playable:
        _refuse_changes(fingering, setting, request)
    if not fingering.playable:
        arranged, changes = folded(moved, instrument, setting.tuning)
        arranged, fingering, more = mended(arranged, instrument, setting.tuning)
        changes += more
    kept = _kept(moved, arranged)
    if request.double:
        arranged, more = doubled(arranged, instrument, setting.tuning)
        arranged, fingering, mends = mended(arranged, instrument, setting.tuning)
        changes += [*more, *mends]
    gong = (estimate.gong + setting.semitones) % 12
    arranged = in_gong(arranged, gong, estimate.mode)
    performance = play(
        arranged,
        instrument,
        setting.tuning,
        style=request.style,
        seed=request.seed,
        raw=request.raw,
        humanize=request.humanize,
        humanize_timing=request.humanize_timing,
        humanize_velocity=request.humanize_velocity,
        fingering=fingering,
    )
    return ArrangeResult(
        score=arranged,
        performance=performance,
        source=str(request.source),
        style=request.style,
        instrument=instrument.name,
        tuning=setting.tuning.name,
        gong=gong,
        mode=estimate.mode,
        transposed=setting.semitones,
        written=len(score),
        kept=kept,
        changes=tuple(sorted(changes, key=lambda change: change.bar)),
    )


def _checked(request: ArrangeRequest) -> tuple[Instrument, Tuning | None]:
    """Return the instrument and the tuning that are asked for, every part of the request checked."""
    zithers = [name for name, style in STYLES.items() if get_instrument(style.instrument).hands.everyday]
    if request.style not in zithers:
        raise UsageError(f"no zither plays the style {request.style!r}", expected=f"one of {', '.join(zithers)}")
    instrument = get_instrument(request.instrument or STYLES[request.style].instrument)
    if not instrument.hands.everyday:
        raise UsageError(f"the {instrument.name} has no strings", expected="a zither")
    if request.gong is not None and request.transpose is not None:
        raise UsageError("both gong and transpose are given", expected="one of them", remedy="leave one out")
    if request.transpose is not None and abs(request.transpose) > MOST_SEMITONES:
        raise UsageError(f"transpose {request.transpose}", expected=f"-{MOST_SEMITONES} to {MOST_SEMITONES}")
    if request.tempo is not None and not 20 <= request.tempo <= 300:
        raise UsageError(f"tempo {request.tempo:g}", expected="20 to 300")
    for name in ("humanize", "humanize_timing", "humanize_velocity"):
        share = getattr(request, name)
        if share is not None and not 0 <= share <= 1:
            raise UsageError(f"{name.replace('_', '-')} {share:g}", expected="0 to 1")
    return instrument, None if request.tuning is None else get_tuning(instrument, request.tuning)


def _transpositions(request: ArrangeRequest, gong: int, score: Score) -> tuple[int, ...]:
    """Return the transpositions that the request leaves to choose from."""
    if request.transpose is not None:
        return (request.transpose,)
    all_ = range(-MOST_SEMITONES, MOST_SEMITONES + 1)
    if request.gong is None:
        return tuple(all_)
    wanted = parse_pitch_class(request.gong)
    return tuple(shift for shift in all_ if (gong + shift - wanted) % 12 == 0)


def _transposed(score: Score, semitones: int) -> Score:
    """Return the score transposed; a note that would leave MIDI stays in the nearest octave that does not."""
    notes = score.notes.copy()
    pitches = notes["pitch"].astype(int) + semitones
    pitches[pitches < 0] += -(pitches[pitches < 0] // 12) * 12
    pitches[pitches > 127] -= ((pitches[pitches > 127] - 116) // 12) * 12
    notes["pitch"] = pitches
    keys = tuple(replace(key, gong=(key.gong + semitones) % 12) for key in score.keys)
    return replace(score, notes=notes, keys=keys)


def _refuse_changes(fingering: Fingering, setting: Setting, request: ArrangeRequest) -> NoReturn:
    """Raise for the first problem of a fingering."""
    first, more = fingering.problems[0], len(fingering.problems) - 1
    tail = f" (and {more} more)" if more else ""
    moved = f", transposed by {setting.semitones:+d}" if setting.semitones else ""
    raise PlayabilityError(
        f"{request.source}{moved}: bar {first.bar}: {first.rule}{tail}",
        remedy=f"{first.remedy}; without --strict symgen changes what it must",
    )


def _kept(before: Score, after: Score) -> float:
    """Return the share of notes that are in both, at the same time and pitch."""
    ours = Counter(zip(after.notes["onset"].tolist(), after.notes["pitch"].tolist(), strict=True))
    theirs = Counter(zip(before.notes["onset"].tolist(), before.notes["pitch"].tolist(), strict=True))
    return sum((ours & theirs).values()) / len(before)
