"""Use case: write some bars of a piece anew, so that they lead from what stands before to what stands after."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from symgen.errors import UsageError
from symgen.progress import Progress, silent
from symgen.score import Score
from symgen.script import Fixed, Free, Script, cut, steps_of
from symgen.takes.take import ComposeResult
from symgen.verbs.hearing import as_heard
from symgen.verbs.request import Revision
from symgen.verbs.reviser import Reviser, source_of
from symgen.verbs.revising import LOOKAHEAD
from symgen.verbs.sources import Source, open_source
from symgen.verbs.task import Span, Task, TaskOf, always, plan_for


@dataclass(frozen=True, slots=True, kw_only=True)
class InfillRequest(Revision):
    """What to write anew.

    Parameters
    ----------
    bars : str or tuple of int
        First and last bar, from 1, as "5-8" or (5, 8); one bar as "5".
    """

    bars: str | tuple[int, int]


def infill(source: Path | str | Score, bars: str | tuple[int, int], **options: Any) -> ComposeResult:
    """Write some bars of a piece anew without writing files; nothing outside of them changes.

    Parameters
    ----------
    source : Path, str or Score
        A file of any format that symgen reads, or a score.
    bars : str or tuple of int
        First and last bar, from 1, as "5-8" or (5, 8).
    **options
        Further fields of :class:`InfillRequest`.

    Raises
    ------
    UsageError
        If there are no such bars, or another part of the request cannot be met.
    ReadError
        If the file cannot be read.
    PlayabilityError
        If the source cannot be played as it stands, or no draft keeps every promise.
    CheckpointError
        If the checkpoint is missing or damaged.
    """
    return VERB.results(InfillRequest(source=source_of(source), bars=bars, **options))


def infill_files(request: InfillRequest, progress: Progress = silent) -> ComposeResult:
    """Write some bars of a piece anew and write the results as files; see :func:`infill`."""
    return VERB.files(request, progress)


def _opened(request: InfillRequest, progress: Progress) -> Source:
    options: dict[str, Any] = {"tuning": request.tuning, "piece": request.piece, "checkpoint": request.checkpoint}
    return as_heard(open_source(request.source, request.style, adapt=False, progress=progress, **options))


def _task_of(request: InfillRequest, source: Source) -> TaskOf:
    span = span_of(source, *parse_bars(request.bars))
    steps = steps_of(source.tokens)
    script: Script = (Free(span[1] - span[0]),)
    if span[0]:
        script = (Fixed(cut(steps, 0, span[0])), *script)
    if span[1] < source.bars[-1]:
        script = (*script, Fixed(cut(steps, span[1], int(source.bars[-1]))[:LOOKAHEAD]))
    plan = plan_for(source, script, ticks=int(source.bars[-1]), tick=span[0])
    task = Task(plan, (span,), source.mode)
    return always(task)


def parse_bars(bars: str | tuple[int, int]) -> tuple[int, int]:
    """Return first and last bar, from 1.

    Raises
    ------
    UsageError
        If that is no range of bars.
    """
    if isinstance(bars, str):
        found = re.fullmatch(r"\s*(\d{1,6})\s*(?:[-–:]\s*(\d{1,6})\s*)?", bars, re.ASCII)
        if found is None:
            raise UsageError(f"bars {bars!r}", expected="a range such as 5-8")
        first = int(found[1])
        last = int(found[2]) if found[2] else first
    elif _are_two(bars):
        first, last = bars
    else:
        raise UsageError(f"bars {bars!r}"[:80], expected="a range such as 5-8, or the first and the last bar")
    if not 1 <= first <= last:
        raise UsageError(f"bars {first}-{last}", expected="the first bar, from 1, then the last")
    return first, last


def _are_two(bars: Any) -> bool:
    """Tell whether something is two whole numbers."""
    pair = isinstance(bars, (tuple, list)) and len(bars) == 2
    return pair and all(isinstance(bar, (int, np.integer)) and not isinstance(bar, bool) for bar in bars)


def span_of(source: Source, first: int, last: int) -> Span:
    """Return the ticks of bars `first` to `last`, from 1.

    Raises
    ------
    UsageError
        If the piece has no such bars.
    """
    if last > source.count:
        near = f"{max(1, source.count - (last - first))}-{source.count}"
        raise UsageError(
            f"bars {first}-{last} of {source.name}", expected=f"1 to {source.count}", remedy=f"use --bars {near}"
        )
    return int(source.bars[first - 1]), int(source.bars[last])


VERB: Final = Reviser("infill", InfillRequest, _opened, _task_of)
