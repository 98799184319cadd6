"""From a request in musical words to a plan that the grammar can keep.

Everything that can be refused is refused here, before anything is composed, with the nearest thing that works.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from symgen.copying import RUN
from symgen.dials import Dials
from symgen.errors import UsageError
from symgen.files import settle_paths
from symgen.forms import Form, SectionPlan, form_of, get_modulation, nearest_bars, resolve
from symgen.forms.marks import length_seconds
from symgen.grammar import Plan
from symgen.instruments import get_instrument, get_tuning
from symgen.instruments.base import Instrument, Tuning
from symgen.instruments.rules import serves, tunings_for
from symgen.motif import Motif, begin_with, parse_motif
from symgen.sampling import Sampling
from symgen.score import Metre, Technique
from symgen.sectioning import in_sections
from symgen.styles import Style, get_style
from symgen.theory.degrees import parse_pitch_class, pitch_class_name
from symgen.theory.modes import parse_mode
from symgen.tokens.prefix import METRES, Prefix
from symgen.units import TICKS_PER_QUARTER, bar_ticks
from symgen.writers import DEFAULTS, Options

_MOST_BARS = 2000
_SLOWEST, _FASTEST = 20, 300
_FEWEST_BARS_WITH_HARMONICS = 12
TECHNIQUES: Mapping[str, frozenset[Technique]] = {
    "guqin": frozenset({Technique.PLUCK, Technique.HARMONIC}),
    "guzheng": frozenset({Technique.PLUCK}),
    "voice": frozenset({Technique.PLUCK}),
}
"""Techniques that may be written for each instrument."""


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
    tuning : str or Tuning, optional
        A tuning of the instrument, by name, as a TOML file or as such.
    tempo : float, optional
        Quarter notes a minute, 20..300.
    metre : str, optional
        Such as "4/4".
    bars, seconds : int, float, optional
        Length; not both.
    motif : str, optional
        How the piece begins, in jianpu: ``5 6 1' 2' | 3' - 2' 1'``; with a form, how its first theme does.
    form : str or Form, optional
        Plan of its sections: a name, a TOML file, or a short text such as ``A8 B8 A'8``; see :mod:`symgen.forms`.
    modulate : str, optional
        Modulation of the sections that may go to another gong: qingjue-wei-gong or biangong-wei-jue.
    takes : int
        How many pieces.
    seed : int, optional
        The same seed composes the same pieces; drawn if None.
    raw : bool
        Write the quantised score without performance.
    humanize : float
        How freely it is played, 0 to 1: 0 keeps grid, tempo and even velocities, ornaments are always there.
    humanize_timing, humanize_velocity : float, optional
        The same for onsets and tempo, and for velocities, where they differ from `humanize`.
    checkpoint : Path, optional
        Folder of a checkpoint; the shipped one by default.
    density, register, ornament, leaps, surprise : float
        Dials from 0 to 1, 0.5 as the style has it; see :class:`symgen.dials.Dials`.
    temperature, top_p : float
        How boldly to draw; see :class:`symgen.sampling.Sampling`.
    output : Path, optional
        File or folder for :func:`compose_files`; the current folder by default.
    format : str, optional
        Format of the files, by name or suffix; by default the suffix of `output`, or MIDI.
    layout : Options
        How tracks, time signatures, names and articulations are written.
    max_copy : int, optional
        Most notes in a row that may be shared with the training pieces, 7 or more.
    bare : bool
        Write files without the record of their origin, in them or beside them.
    """

    style: str
    mode: str | None = None
    gong: str | int | None = None
    tuning: str | Tuning | None = None
    tempo: float | None = None
    metre: str | None = None
    bars: int | None = None
    seconds: float | None = None
    motif: str | None = None
    form: str | Form | None = None
    modulate: str | None = None
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
    max_copy: int | None = None
    bare: bool = False

    def __post_init__(self) -> None:
        settle_paths(self)

    @property
    def dials(self) -> Dials:
        """The dials, checked."""
        return Dials(self.density, self.register, self.ornament, self.leaps, self.surprise)


@dataclass(frozen=True, slots=True)
class Wish:
    """A request with its fixed parts checked; what is None is drawn for each take.

    Parameters
    ----------
    style, instrument : Style, Instrument
        What is composed in, and for.
    mode, gong, tuning : str, int, Tuning or None
        What was asked for.
    metre : Metre
        Of the whole piece.
    dials : Dials
        What the piece leans to.
    sampling : Sampling
        How boldly to draw.
    seed : int
        As asked for, or drawn.
    motif : Motif or None
        How it begins.
    form : Form or None
        Plan of its sections.
    modulation : int
        Of the sections that may modulate, in steps of the circle of fifths.
    """

    style: Style
    instrument: Instrument
    mode: str | None
    gong: int | None
    tuning: Tuning | None
    metre: Metre
    dials: Dials
    sampling: Sampling
    seed: int
    motif: Motif | None = None
    form: Form | None = None
    modulation: int = 0


def check_request(request: ComposeRequest) -> Wish:
    """Return the request with every part checked.

    Raises
    ------
    UsageError
        For the first part that cannot be met, saying what could be.
    """
    style = get_style(request.style)
    instrument = get_instrument(style.instrument)
    mode = None if request.mode is None else parse_mode(request.mode)
    gong = None if request.gong is None else _gong(request.gong)
    tuning = None if request.tuning is None else tuning_of(instrument, request.tuning)
    if request.bars is not None and request.seconds is not None:
        raise UsageError("both bars and seconds are given", expected="one length", remedy="leave one out")
    _check("bars", request.bars, 2, _MOST_BARS, whole=True)
    _check("seconds", request.seconds, 5, 3600)
    _check("tempo", request.tempo, _SLOWEST, _FASTEST)
    sampling, seed = check_manner(request)
    metre = _metre(request.metre, style)
    if tuning is not None and gong is not None and not serves(instrument, tuning, gong):
        _refuse_tuning(instrument, tuning, gong, mode)
    motif = None if request.motif is None else parse_motif(request.motif, metre)
    form = form_of(request.form) if isinstance(request.form, str) else request.form
    if request.modulate is not None and form is None:
        raise UsageError(
            f"modulate {request.modulate} without a form",
            expected="a form with sections that may modulate",
            remedy="add --form; symgen forms lists them",
        )
    modulation = 0 if request.modulate is None else get_modulation(request.modulate).steps
    if form is not None:  # what does not suit is said before anything is composed
        _sections(form, request, metre, style, modulation)
    wish = Wish(style, instrument, mode, gong, tuning, metre, request.dials, sampling, seed, motif)
    return replace(wish, form=form, modulation=modulation)


def _sections(
    form: Form, request: ComposeRequest, metre: Metre, style: Style, modulation: int, bars: int | None = None
) -> tuple[SectionPlan, ...]:
    """Return the sections of a piece; its length is the one asked for, or the form's own nearest to the usual."""
    both = (metre.numerator, metre.denominator)
    length = bars or request.bars
    if length is None or request.seconds is not None:
        length = nearest_bars(form, length or style.bars, metre=both)
    found = resolve(form, length, metre=both, style=style, modulation=modulation)
    if found[-1].stop > _MOST_BARS:
        raise UsageError(f"form {form.name} in {found[-1].stop} bars", expected=f"at most {_MOST_BARS} bars")
    return found


class Manner(Protocol):
    """What every request says about how many takes there are and how they are drawn and played."""

    @property
    def takes(self) -> int:
        """How many."""

    @property
    def seed(self) -> int | None:
        """Seed, drawn if None."""

    @property
    def temperature(self) -> float:
        """Temperature."""

    @property
    def top_p(self) -> float:
        """Top-p."""

    @property
    def max_copy(self) -> int | None:
        """Most notes in a row shared with the training pieces."""

    @property
    def humanize(self) -> float:
        """How freely it is played."""

    @property
    def humanize_timing(self) -> float | None:
        """Onsets and tempo alone."""

    @property
    def humanize_velocity(self) -> float | None:
        """Velocities alone."""


def check_manner(request: Manner) -> tuple[Sampling, int]:
    """Return how boldly a request draws, and its seed.

    Raises
    ------
    UsageError
        For the first part that is out of bounds.
    """
    _check("takes", request.takes, 1, 10000, whole=True)
    _check("temperature", request.temperature, 0.05, 5)
    _check("top-p", request.top_p, 0.05, 1)
    _check("seed", request.seed, 0, 2**63 - 1, whole=True)
    if request.max_copy is not None and not (type(request.max_copy) is int and request.max_copy >= RUN - 1):
        raise UsageError(
            f"max-copy {request.max_copy!r}",
            expected=f"a whole number, {RUN - 1} or more",
            remedy=f"runs of fewer than {RUN} notes are not known of the training pieces",
        )
    _check("humanize", request.humanize, 0, 1)
    _check("humanize-timing", request.humanize_timing, 0, 1)
    _check("humanize-velocity", request.humanize_velocity, 0, 1)
    seed = secrets.randbelow(2**31) if request.seed is None else request.seed
    return Sampling(request.temperature, request.top_p), seed


def _check(name: str, value: float | None, low: float, high: float, *, whole: bool = False) -> None:
    if value is None:
        return
    if not isinstance(value, (int, float)) or not low <= value <= high or (whole and value != int(value)):
        kind = "a whole number, " if whole else ""
        raise UsageError(f"{name} {value!r}", expected=f"{kind}{low} to {high}")


def tuning_of(instrument: Instrument, tuning: str | Tuning) -> Tuning:
    """Return a tuning by name, or one that is given as such if it fits the instrument."""
    if isinstance(tuning, str):
        return get_tuning(instrument, tuning)
    strings = len(instrument.tunings[instrument.default_tuning].open_pitches)
    low, high = instrument.low, instrument.high
    fits = len(tuning.open_pitches) == strings and all(low <= pitch <= high for pitch in tuning.open_pitches)
    if not fits or not tuning.gongs or not all(0 <= gong <= 11 for gong in tuning.gongs):
        raise UsageError(
            f"the tuning {tuning.name!r} does not fit the {instrument.name}",
            expected=f"{strings} strings from {low} to {high}, and at least one gong 0 to 11",
        )
    return tuning


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


def plan_take(wish: Wish, request: ComposeRequest, tempo: float, rng: np.random.Generator) -> Plan:
    """Fix for one take what the request leaves open.

    Parameters
    ----------
    wish, request : Wish, ComposeRequest
        What was asked for, checked and as it came.
    tempo : float
        Quarter notes a minute of this take.
    rng : Generator
        Draws mode, gong and tuning where they are open.

    Raises
    ------
    UsageError
        If no tuning of the instrument gives the gong, or the piece would be too long.
    """
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
    sections: tuple[SectionPlan, ...] = ()
    if wish.form is not None:
        asked = None
        if request.seconds is not None:  # a section at half the tempo lasts twice as long
            tried = _sections(wish.form, request, wish.metre, style, wish.modulation, bars)
            asked = max(2, round(tried[-1].stop * request.seconds / _lasting(tried, tempo, wish.metre)))
        sections = _sections(wish.form, request, wish.metre, style, wish.modulation, asked)
        bars = sections[-1].stop
    plan = Plan(
        prefix=Prefix(style.name, mode, f"{wish.metre.numerator}/{wish.metre.denominator}"),
        gong=style.register + (gong - style.register) % 12,
        metre=wish.metre,
        bars=bars,
        instrument=wish.instrument,
        tuning=tuning,
        techniques=TECHNIQUES[wish.instrument.name],
        bian_share=style.bian_share,
        dials=wish.dials,
    )
    plan = replace(plan, harmonics=_harmonic_passages(plan, style, rng))
    if sections:
        plan = in_sections(plan, sections, rng)
    return plan if wish.motif is None else begin_with(plan, wish.motif)


def _lasting(sections: Sequence[SectionPlan], tempo: float, metre: Metre) -> float:
    """Return how many seconds sections last at a tempo."""
    return length_seconds(sections, tempo, (metre.numerator, metre.denominator))


def _harmonic_passages(plan: Plan, style: Style, rng: np.random.Generator) -> tuple[tuple[int, int], ...]:
    """Draw passages in harmonics for the opening and the close, as often as the style's pieces have them.

    Guqin pieces tend to begin and above all to end so (fanyin 泛音): of 71, 32 have harmonics in their first tenth
    and 53 in their last; half of the passages are longer than 7 quarters, one in ten is longer than 32.
    """
    opens, closes = rng.random(2) < np.array(style.harmonics)
    bars = [max(1, round(quarters * TICKS_PER_QUARTER / plan.bar)) for quarters in rng.integers(7, 17, size=2).tolist()]
    if plan.bars < _FEWEST_BARS_WITH_HARMONICS or not (opens or closes) or not plan.serves_harmonics():
        return ()
    passages = []
    if opens:
        passages.append((0, min(bars[0] * plan.bar, plan.total)))
    if closes:
        passages.append((max(0, plan.total - bars[1] * plan.bar), plan.total))
    return tuple(passages)


def _key(wish: Wish, rng: np.random.Generator) -> tuple[int, Tuning]:
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
