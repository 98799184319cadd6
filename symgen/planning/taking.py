"""From a checked request to the plan of one take: what was left open is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from symgen.errors import UsageError
from symgen.forms import SectionPlan
from symgen.forms.marks import length_seconds
from symgen.grammar.plan import Plan
from symgen.instruments.base import Tuning
from symgen.instruments.rules import tunings_for
from symgen.motif import begin_with
from symgen.planning.checking import MOST_BARS, sections_of
from symgen.planning.request import ComposeRequest, Wish
from symgen.score import Metre, Technique
from symgen.sectioning import in_sections
from symgen.styles import Style
from symgen.theory.degrees import pitch_class_name
from symgen.tokens.prefix import Prefix
from symgen.units import TICKS_PER_QUARTER, bar_ticks

_FEWEST_BARS_WITH_HARMONICS = 12

TECHNIQUES: Mapping[str, frozenset[Technique]] = {
    "guqin": frozenset({Technique.PLUCK, Technique.HARMONIC}),
    "guzheng": frozenset({Technique.PLUCK}),
    "voice": frozenset({Technique.PLUCK}),
}
"""Techniques that may be written for each instrument."""


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
        if bars > MOST_BARS:
            raise UsageError(f"{request.seconds:g} seconds are {bars} bars", expected=f"at most {MOST_BARS} bars")
    sections: tuple[SectionPlan, ...] = ()
    if wish.form is not None:
        asked = None
        if request.seconds is not None:  # a section at half the tempo lasts twice as long
            tried = sections_of(wish.form, request, wish.metre, style, wish.modulation, bars)
            asked = max(2, round(tried[-1].stop * request.seconds / _lasting(tried, tempo, wish.metre)))
        sections = sections_of(wish.form, request, wish.metre, style, wish.modulation, asked)
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
