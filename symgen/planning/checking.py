"""Requests checked part by part, before anything is composed: what cannot be met is refused with what could be."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Protocol

from symgen.copying import RUN
from symgen.errors import UsageError
from symgen.forms import Form, SectionPlan, form_of, get_modulation, nearest_bars, resolve
from symgen.instruments import get_instrument, get_tuning
from symgen.instruments.base import Instrument, Tuning
from symgen.instruments.rules import serves, tunings_for
from symgen.models.contest import MOST_VERSIONS
from symgen.motif import parse_motif
from symgen.planning.request import ComposeRequest, Wish
from symgen.sampling import Sampling
from symgen.score import Metre
from symgen.styles import Style, get_style
from symgen.theory.degrees import parse_pitch_class, pitch_class_name
from symgen.theory.modes import parse_mode
from symgen.tokens.prefix import METRES

MOST_BARS = 2000
_SLOWEST, _FASTEST = 20, 300


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
    check_number("bars", request.bars, 2, MOST_BARS, whole=True)
    check_number("seconds", request.seconds, 5, 3600)
    check_number("tempo", request.tempo, _SLOWEST, _FASTEST)
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
        sections_of(form, request, metre, style, modulation)
    wish = Wish(style, instrument, mode, gong, tuning, metre, request.dials, sampling, seed, motif)
    return replace(wish, form=form, modulation=modulation)


def sections_of(
    form: Form, request: ComposeRequest, metre: Metre, style: Style, modulation: int, bars: int | None = None
) -> tuple[SectionPlan, ...]:
    """Return the sections of a piece; its length is the one asked for, or the form's own nearest to the usual."""
    both = (metre.numerator, metre.denominator)
    length = bars or request.bars
    if length is None or request.seconds is not None:
        length = nearest_bars(form, length or style.bars, metre=both)
    found = resolve(form, length, metre=both, style=style, modulation=modulation)
    if found[-1].stop > MOST_BARS:
        raise UsageError(f"form {form.name} in {found[-1].stop} bars", expected=f"at most {MOST_BARS} bars")
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
    def versions(self) -> int | None:
        """Versions that compete."""

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
    check_number("takes", request.takes, 1, 10000, whole=True)
    check_number("temperature", request.temperature, 0.05, 5)
    check_number("top-p", request.top_p, 0.05, 1)
    check_number("versions", request.versions, 1, MOST_VERSIONS, whole=True)
    check_number("seed", request.seed, 0, 2**63 - 1, whole=True)
    if request.max_copy is not None and not (type(request.max_copy) is int and request.max_copy >= RUN - 1):
        raise UsageError(
            f"max-copy {request.max_copy!r}",
            expected=f"a whole number, {RUN - 1} or more",
            remedy=f"runs of fewer than {RUN} notes are not known of the training pieces",
        )
    check_number("humanize", request.humanize, 0, 1)
    check_number("humanize-timing", request.humanize_timing, 0, 1)
    check_number("humanize-velocity", request.humanize_velocity, 0, 1)
    seed = secrets.randbelow(2**31) if request.seed is None else request.seed
    return Sampling(request.temperature, request.top_p), seed


def check_number(name: str, value: float | None, low: float, high: float, *, whole: bool = False) -> None:
    """Refuse a number out of bounds, or with a fraction where it has to be `whole`; None is none."""
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
    check_number("gong", int(value) if isinstance(value, str) else value, 0, 11, whole=True)
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
