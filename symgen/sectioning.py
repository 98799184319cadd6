"""From the sections of a form to a script: what is new, what comes again, and what is asked of each stretch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from symgen.dials import Dials
from symgen.errors import UsageError
from symgen.forms import SectionPlan
from symgen.forms.modulating import cadence_degrees, section_gong
from symgen.grammar.plan import Plan
from symgen.instruments.rules import serves
from symgen.script import Again, Fixed, Free, Script, Segment, Step, length_of
from symgen.theory.degrees import pitch_class_name


def in_sections(plan: Plan, sections: Sequence[SectionPlan], rng: np.random.Generator) -> Plan:
    """Return a plan whose piece has these sections.

    Themes come back as they were in the bars that are not varied; what is varied is new. Density, register and leaps
    of a section are added to what the plan asks of the whole piece.

    Parameters
    ----------
    plan : Plan
        Of a piece without sections, as long as they are.
    sections : sequence of SectionPlan
        From :func:`symgen.forms.resolve`.
    rng : Generator
        Chooses the bars of a returning theme that are varied.

    Raises
    ------
    UsageError
        If the tuning does not have the tones of a section in another gong.
    """
    bar = plan.bar
    turned = [(one.start * bar, _dials(plan.dials, one)) for one in sections]
    in_harmonics = plan.serves_harmonics()
    harmonics = tuple((one.start * bar, one.stop * bar) for one in sections if one.harmonics and in_harmonics)
    modulations = []
    for one in sections:
        if one.modulation:
            _check_tones(plan, one)
            shift = (section_gong(0, one.modulation) + 5) % 12 - 5
            modulations.append((one.start * bar, one.stop * bar, shift))
    return replace(
        plan,
        script=_script(plan, sections, rng),
        harmonics=harmonics,
        modulations=tuple(modulations),
        dials=turned[0][1],
        turns=tuple(turned[1:]),
        sections=tuple(sections),
    )


def _dials(asked: Dials, section: SectionPlan) -> Dials:
    """Return the dials of the piece moved by those of a section."""

    def both(one: float, other: float) -> float:
        return min(1.0, max(0.0, one + other - 0.5))

    return replace(
        asked,
        density=both(asked.density, section.density),
        register=both(asked.register, section.register),
        leaps=both(asked.leaps, section.leaps),
    )


def _check_tones(plan: Plan, section: SectionPlan) -> None:
    """Refuse a modulation to a gong whose tones the tuning does not have."""
    there = section_gong(plan.gong % 12, section.modulation)
    if serves(plan.instrument, plan.tuning, there):
        return
    both = [
        tuning.name
        for tuning in plan.instrument.tunings.values()
        if serves(plan.instrument, tuning, there) and serves(plan.instrument, tuning, plan.gong % 12)
    ]
    raise UsageError(
        f"tuning {plan.tuning.name} cannot give gong {pitch_class_name(there)}, to which {section.name} modulates",
        expected="a tuning that has the tones of both gongs",
        remedy=f"use --tuning {both[0]}" if both else "use another --gong, or leave the modulation out",
    )


def _script(plan: Plan, sections: Sequence[SectionPlan], rng: np.random.Generator) -> Script:
    """Return what is free and what comes again, section by section."""
    script: list[Segment] = []
    owner = {bar: one for one in sections for bar in range(one.start, one.stop)}
    for one in sections:
        last = one is sections[-1]
        old = _returning(one, owner, rng)
        if last:
            old[-1] = None  # the close is written anew
        script += _segments(plan, one, old)
    return tuple(script)


def _returning(section: SectionPlan, owner: dict[int, SectionPlan], rng: np.random.Generator) -> list[int | None]:
    """Return for each bar of a section the bar whose music comes again, None for what is new."""
    if not section.returns:
        return [None] * section.bars
    bars: list[int | None] = []
    for source in section.source:
        of = owner[source]
        alike = of.harmonics == section.harmonics and of.modulation == section.modulation
        bars.append(source if alike else None)
    varied = round(section.variation * len(bars))
    order = rng.permutation(np.arange(1, len(bars))) if len(bars) > 1 else np.arange(1)
    for place in order[:varied].tolist():  # a theme is known by its first bar
        bars[place] = None
    return bars


def _segments(plan: Plan, section: SectionPlan, old: Sequence[int | None]) -> list[Segment]:
    bar = plan.bar
    found: list[Segment] = []
    begin = 0
    while begin < len(old):
        end = begin + 1
        first = old[begin]
        while end < len(old) and (old[end] is None if first is None else old[end] == first + end - begin):
            end += 1
        ticks = (end - begin) * bar
        if first is None:
            rest = _rest(plan, section) if end == len(old) else None
            found.append(Free(ticks, cadence=rest))
        else:
            found.append(Again(first * bar, ticks))
        begin = end
    return found


def _rest(plan: Plan, section: SectionPlan) -> int | None:
    """Return the degree on which a section comes to rest, None if that is open."""
    degrees = cadence_degrees(section.cadence, plan.prefix.mode, section.modulation)
    return next(iter(degrees)) if len(degrees) == 1 else None


def with_theme(plan: Plan, opening: tuple[Step, ...]) -> Script:
    """Return the script of a plan with sections, its first theme beginning with given steps.

    Raises
    ------
    UsageError
        If the section of the theme is not a bar longer than they are.
    """
    length, bar = length_of((Fixed(opening),)), plan.bar
    section = next((one for one in plan.sections if one.theme), plan.sections[0])
    script: list[Segment] = []
    time = 0
    for segment in plan.script:
        if time == section.start * bar:
            if not isinstance(segment, Free) or segment.ticks < length + bar:
                raise UsageError(
                    f"a motif of {-(-length // bar)} bars for the {section.bars} bars of {section.name}",
                    expected="at least a bar after it",
                    remedy="use more --bars, another --form, or a shorter motif",
                )
            script += [Fixed(opening), replace(segment, ticks=segment.ticks - length)]
        else:
            script.append(segment)
        time += segment.ticks
    return tuple(script)
