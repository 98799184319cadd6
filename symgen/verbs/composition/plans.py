"""The plan of a take and its tempo, and what is given up when promises are hard to keep."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from symgen.errors import UsageError
from symgen.forms.marks import length_seconds
from symgen.grammar.plan import Plan
from symgen.planning.request import ComposeRequest, Wish
from symgen.planning.taking import plan_take
from symgen.styles import STYLES
from symgen.units import TICKS_PER_QUARTER

ATTEMPTS = 24
"""Tries at a take before it is given up."""
_WIDER = 1.5
"""How much faster or slower than usual a piece may go where that gives it the length that was asked for."""


def planned(wish: Wish, request: ComposeRequest, number: int) -> tuple[Plan, float]:
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


def strict(plan: Plan, attempt: int) -> Plan:
    """Return the plan of an attempt: half-way through, bian tones are given up, so that the gong is certain."""
    return plan if attempt < ATTEMPTS // 2 else replace(plan, bian_share=0.0)
