"""A task: what of a source stands and what is free, as a verb says it for one take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from symgen.drafting.draft import Draft
from symgen.errors import UsageError
from symgen.grammar.plan import Plan
from symgen.origin import Guarantee
from symgen.planning.taking import TECHNIQUES
from symgen.score import Score
from symgen.script import Script, cut, steps_of
from symgen.takes.take import Take
from symgen.tokens.prefix import Prefix, metre_class
from symgen.tokens.sequence import TokenSequence
from symgen.units import TICKS_PER_QUARTER, bar_ticks
from symgen.verbs.sources import Source

Span = tuple[int, int]
"""A stretch in ticks, from its start up to its end."""
_DRAFTS = 16
"""Of so many drafts the best leads into what stands after it nearly as well as the notes do that people wrote there."""
_FINEST = TICKS_PER_QUARTER // 4


@dataclass(frozen=True, slots=True)
class Task:
    """What one take of a verb is to be.

    Parameters
    ----------
    plan : Plan
        With its script.
    spans : tuple of (int, int)
        Stretches, in ticks, that are taken from the draft; everything else is that of the source.
    mode : str
        The mode that the result has to have.
    drafts : int
        How many drafts are written at a time; the one that leads best into what stands after it is tried first.
    whole : bool
        Whether all of it is played anew, and not only the spans.
    """

    plan: Plan
    spans: tuple[Span, ...]
    mode: str
    drafts: int = _DRAFTS
    whole: bool = False

    def promises(self, source: Source, score: Score) -> tuple[Guarantee, ...]:
        """Return the promises of the verb's own, beside what is found in the result."""
        return (untouched(source, score, self.spans),)

    def new_parts(self, draft: Draft, score: Score) -> list[TokenSequence]:
        """Return what is new, each stretch by itself, for the report of what is copied: the source may be known."""
        spans = sorted(self.spans, key=lambda span: span[0] - span[1]) or [(0, 0)]  # of equals the longest
        return [stretch(draft.tokens, span) for span in spans]

    def delivered(self, take: Take) -> Take:
        """Return what is handed over of a take: that is what its promises are about."""
        return take


TaskOf: TypeAlias = Callable[[int, np.random.Generator], Task]
"""Gives the task of a take by its number, from 1, and its own chance."""


def always(task: Task) -> TaskOf:
    """Return what gives every take the same task: takes differ by their drafts alone."""
    return lambda number, rng: task


def plan_for(source: Source, script: Script, *, ticks: int, mode: str | None = None, tick: int = 0) -> Plan:
    """Return the plan by which a source is worked on.

    Parameters
    ----------
    source : Source
        The music.
    script : Script
        What stands and what is free.
    ticks : int
        Length of the result.
    mode : str, optional
        Mode of the result; that of the source by default.
    tick : int
        Where the free part begins: its metre is what the generator is told.
    """
    for place in source.bars.tolist():
        if place % _FINEST:
            raise UsageError(
                f"{source.name} has a bar line {place} ticks from its start",
                expected="bar lines on sixteenths of the beat",
            )
    metre = source.metre_at(tick)
    told = metre_class((metre,))
    bar = bar_ticks(metre.numerator, metre.denominator)
    return Plan(
        prefix=Prefix(source.style.name, mode or source.mode, told),
        gong=source.tokens.gong,
        metre=metre,
        bars=max(1, round(ticks / bar)),
        ticks=ticks,
        instrument=source.instrument,
        tuning=source.tuning,
        techniques=TECHNIQUES[source.instrument.name],
        bian_share=source.style.bian_share,
        script=script,
        metres=source.score.metres,
    )


def stretch(tokens: TokenSequence, span: Span) -> TokenSequence:
    """Return the steps of a stretch of tokens."""
    columns = np.array(cut(steps_of(tokens), *span), dtype=np.int16).reshape(-1, 3).T.copy()
    return replace(tokens, rhythm=columns[0], melody=columns[1], chord=columns[2], metres=())


def within(ticks: np.ndarray, spans: Sequence[Span]) -> np.ndarray:
    """Return which ticks lie in one of the spans."""
    inside = np.zeros(len(ticks), dtype=np.bool_)
    for start, end in spans:
        inside |= (ticks >= start) & (ticks < end)
    return inside


def untouched(source: Source, score: Score, spans: Sequence[Span]) -> Guarantee:
    """Return the promise that nothing changes outside of the spans."""
    before, after = (one.notes[~within(one.notes["onset"], spans)] for one in (source.score, score))
    same = np.array_equal(before, after)
    asked = f"{len(before)} notes as they were"
    return Guarantee("everything else", asked, asked if same else "changed", same)
