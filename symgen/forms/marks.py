"""What sections write into a score: tempi, marks and gong systems."""

from __future__ import annotations

from collections.abc import Sequence

from symgen.forms.base import SectionPlan
from symgen.forms.modulating import section_gong
from symgen.instruments.sections import role_of
from symgen.score import Key, Section, Tempo
from symgen.units import TICKS_PER_QUARTER, bar_ticks

FAN_START = "FAN_START"
"""Mark at which harmonics begin (fanqi 泛起)."""

FAN_END = "FAN_END"
"""Mark at which they end (fanzhi 泛止)."""

BODY, FREE = "rudiao", "sanqi"
"""Roles of sections that have no name of a role: in metre and in free time."""


def tempo_factors(plan: SectionPlan) -> tuple[float, ...]:
    """Return the factor of the piece's tempo in each bar of a section: equal ratios from bar to bar."""
    if plan.bars == 1 or plan.tempo == plan.tempo_end:
        return (plan.tempo,) * plan.bars
    ratio = plan.tempo_end / plan.tempo
    return tuple(plan.tempo * ratio ** (bar / (plan.bars - 1)) for bar in range(plan.bars))


def tempo_map(
    plans: Sequence[SectionPlan], qpm: float, metre: tuple[int, int], ticks_per_quarter: int = TICKS_PER_QUARTER
) -> tuple[Tempo, ...]:
    """Return the tempi of a piece.

    Parameters
    ----------
    plans : sequence of SectionPlan
        From :func:`symgen.forms.resolving.resolve`.
    qpm : float
        The piece's tempo, in quarter notes a minute.
    metre : tuple of int
        Metre of the piece.
    ticks_per_quarter : int
        Time base.

    Returns
    -------
    tuple of Tempo
        One at each section, also where it stays as it was: so a player knows that the piece is planned and adds no
        plan of the style. Within a section one a bar where it changes. Two decimals.
    """
    bar = bar_ticks(*metre, ticks_per_quarter)
    tempi: list[Tempo] = []
    for plan in plans:
        for number, factor in enumerate(tempo_factors(plan)):
            value = round(qpm * factor, 2)
            if number == 0 or value != tempi[-1].qpm:
                tempi.append(Tempo((plan.start + number) * bar, value))
    return tuple(tempi)


def length_seconds(plans: Sequence[SectionPlan], qpm: float, metre: tuple[int, int]) -> float:
    """Return how long a piece lasts at a tempo. It is inverse to `qpm`, so a length asked for gives the tempo."""
    quarters = bar_ticks(*metre) / TICKS_PER_QUARTER
    return sum(quarters * 60.0 / (qpm * factor) for plan in plans for factor in tempo_factors(plan))


def section_marks(
    plans: Sequence[SectionPlan], metre: tuple[int, int], ticks_per_quarter: int = TICKS_PER_QUARTER
) -> tuple[Section, ...]:
    """Return the marks of the sections, and those of passages in harmonics, in order of time.

    A player knows sections by their marks (:mod:`symgen.instruments.sections`) and holds on to one until the next that
    he knows. So a section whose name says nothing to him has a second mark before its own, where it would be played
    wrongly without: SANBAN 散板 if it is in free time, else RUPAI 入拍. Harmonics that end with the piece have no
    mark of their end.
    """
    bar = bar_ticks(*metre, ticks_per_quarter)
    marks: list[Section] = []
    known = BODY
    for plan, before, after in zip(plans, [None, *plans], [*plans[1:], None], strict=False):
        own = role_of(plan.name)
        role = own.name if own else FREE if plan.free else BODY
        if own is None and role != known:
            marks.append(Section(plan.start * bar, "SANBAN" if plan.free else "RUPAI"))
        known = role
        marks.append(Section(plan.start * bar, plan.name))
        if plan.harmonics and not (before and before.harmonics):
            marks.append(Section(plan.start * bar, FAN_START))
        if plan.harmonics and after and not after.harmonics:
            marks.append(Section(plan.stop * bar, FAN_END))
    return tuple(sorted(marks, key=lambda mark: mark.tick))


def key_map(
    plans: Sequence[SectionPlan],
    gong: int,
    mode: str,
    metre: tuple[int, int],
    ticks_per_quarter: int = TICKS_PER_QUARTER,
) -> tuple[Key, ...]:
    """Return the gong systems that a piece passes through, the first at tick 0; neighbours differ.

    Parameters
    ----------
    plans, metre, ticks_per_quarter
        As for :func:`tempo_map`.
    gong : int
        Pitch class of the piece's gong.
    mode : str
        Mode of the piece; regions in another gong name none.
    """
    bar = bar_ticks(*metre, ticks_per_quarter)
    keys: list[Key] = []
    for plan in plans:
        here = section_gong(gong, plan.modulation)
        if not keys or keys[-1].gong != here:
            keys.append(Key(plan.start * bar, here, None if plan.modulation else mode))
    return tuple(keys)
