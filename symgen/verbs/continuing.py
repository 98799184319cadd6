"""Use case: go on from where a piece ends, or from any bar of it, to a close of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from symgen.errors import UsageError
from symgen.performance import Performance, PlayedNote
from symgen.progress import Progress, silent
from symgen.score import Score
from symgen.script import Fixed, Free, cut, steps_of
from symgen.takes.take import ComposeResult, Take
from symgen.theory.modes import parse_mode
from symgen.units import TICKS_PER_QUARTER, bar_ticks
from symgen.verbs.hearing import as_heard
from symgen.verbs.request import Revision
from symgen.verbs.reviser import Reviser, source_of
from symgen.verbs.sources import Source, open_source
from symgen.verbs.task import Task, TaskOf, always, plan_for

_MOST_BARS = 2000
_MOST_SECONDS = 3600
_BARS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ContinueRequest(Revision):
    """How to go on.

    Parameters
    ----------
    bars : int, optional
        How many bars to write; 16 if neither bars nor seconds are given.
    seconds : float, optional
        How long the new part is, at the tempo of the source.
    after : int, optional
        Bar of the source, from 1, after which to go on; its last one by default.
    mode : str, optional
        Mode to close in; that of the source by default.
    only : bool
        Leave the source out of the result.
    """

    bars: int | None = None
    seconds: float | None = None
    after: int | None = None
    mode: str | None = None
    only: bool = False


@dataclass(frozen=True, kw_only=True)
class Continuation(Task):
    """What a continuation is to be.

    Parameters
    ----------
    begins : int
        Tick at which the result begins: what stands before it is left out.
    """

    begins: int = 0

    def delivered(self, take: Take) -> Take:
        """Return the take, or its new part."""
        return _without_source(take, self.begins) if self.begins else take


def continue_piece(source: Path | str | Score, **options: Any) -> ComposeResult:
    """Go on from where a piece ends without writing files.

    Parameters
    ----------
    source : Path, str or Score
        A file of any format that symgen reads, or a score.
    **options
        Further fields of :class:`ContinueRequest`.

    Raises
    ------
    UsageError
        If a part of the request cannot be met.
    ReadError
        If the file cannot be read.
    PlayabilityError
        If no draft keeps every promise.
    CheckpointError
        If the checkpoint is missing or damaged.
    """
    return VERB.results(ContinueRequest(source=source_of(source), **options))


def continue_files(request: ContinueRequest, progress: Progress = silent) -> ComposeResult:
    """Go on from where a piece ends and write the results as files; see :func:`continue_piece`."""
    return VERB.files(request, progress)


def _opened(request: ContinueRequest, progress: Progress) -> Source:
    """Return the source up to where the new part begins."""
    options: dict[str, Any] = {"tuning": request.tuning, "piece": request.piece, "checkpoint": request.checkpoint}
    whole = as_heard(open_source(request.source, request.style, progress=progress, **options))
    return _up_to(whole, request.after)


def _task_of(request: ContinueRequest, source: Source) -> TaskOf:
    mode = None if request.mode is None else parse_mode(request.mode)
    start = int(source.bars[-1])
    metre = source.metre_at(max(0, start - 1))
    bar = bar_ticks(metre.numerator, metre.denominator)
    end = start + _bars(request, source, bar) * bar
    script = (Fixed(cut(steps_of(source.tokens), 0, start)), Free(end - start))
    plan = plan_for(source, script, ticks=end, mode=mode, tick=max(0, start - 1))
    task = Continuation(plan, ((start, end),), plan.prefix.mode, drafts=1, begins=start if request.only else 0)
    return always(task)


def _bars(request: ContinueRequest, source: Source, bar: int) -> int:
    """Return how many bars to write."""
    if request.bars is not None and request.seconds is not None:
        raise UsageError("both bars and seconds are given", expected="one length", remedy="leave one out")
    bars = request.bars if request.bars is not None else _BARS
    if request.seconds is not None:
        if not 0 < request.seconds <= _MOST_SECONDS:  # what is no number neither
            raise UsageError(f"seconds {request.seconds:g}", expected=f"more than 0, at most {_MOST_SECONDS}")
        qpm = source.score.tempi[-1].qpm
        bars = round(request.seconds * qpm / 60 * TICKS_PER_QUARTER / bar)
    if not 2 <= bars <= _MOST_BARS:
        raise UsageError(f"{bars} bars to go on for", expected=f"2 to {_MOST_BARS}")
    return bars


def _up_to(source: Source, bar: int | None) -> Source:
    """Return the source up to the end of a bar, from 1."""
    if bar is None or bar == source.count:
        return source
    if not 1 <= bar < source.count:
        raise UsageError(f"after bar {bar} of {source.name}", expected=f"1 to {source.count}")
    end = int(source.bars[bar])
    kept = source.score.notes[source.score.notes["onset"] < end].copy()
    if not len(kept):
        raise UsageError(f"bars 1-{bar} of {source.name} hold no notes", expected="music to go on from")
    kept["duration"] = np.minimum(kept["duration"], end - kept["onset"])
    score = replace(source.score, notes=kept, **_maps_before(source.score, end), end=end)
    return replace(
        source,
        score=score,
        performance=_played_before(source.performance, score, end),
        bars=source.bars[: bar + 1],
    )


def _maps_before(score: Score, end: int) -> dict[str, Any]:
    names = ("tempi", "metres", "keys", "sections", "texts")
    return {name: tuple(event for event in getattr(score, name) if event.tick < end) for name in names}


def _played_before(performance: Performance, score: Score, end: int) -> Performance:
    notes = tuple(note for note in performance.notes if note.written < end)
    tempi = tuple(tempo for tempo in performance.tempi if tempo.tick < end)
    return replace(performance, score=score, notes=notes, tempi=tempi)


def _without_source(take: Take, start: int) -> Take:
    """Return a take that begins where the source ended."""

    def moved(events: tuple[Any, ...]) -> tuple[Any, ...]:
        before = [event for event in events if event.tick <= start]
        kept = [replace(event, tick=event.tick - start) for event in events if event.tick > start]
        return (*(replace(event, tick=0) for event in before[-1:]), *kept)

    notes = take.score.notes[take.score.notes["onset"] >= start].copy()
    notes["onset"] -= start
    maps: dict[str, Any] = {name: moved(getattr(take.score, name)) for name in ("tempi", "metres", "keys")}
    maps |= {
        name: tuple(replace(e, tick=e.tick - start) for e in getattr(take.score, name) if e.tick >= start)
        for name in ("sections", "texts")
    }
    score = replace(take.score, notes=notes, end=take.score.end - start, **maps)
    played = [note for note in take.performance.notes if note.written >= start]
    performance = replace(
        take.performance,
        score=score,
        notes=tuple(_moved_note(note, start) for note in played),
        tempi=moved(take.performance.tempi),
    )
    bars, promise = len(score.bar_starts()), take.promise
    assert promise is not None
    metre = score.metres[0] if len(score.metres) == 1 else None
    promise = replace(promise, bars=bars, metre=metre)
    # Nothing of the source is left that could have stayed as it was.
    return replace(take, score=score, performance=performance, bars=bars, promise=promise, kept=())


def _moved_note(note: PlayedNote, start: int) -> PlayedNote:
    """Return a note `start` ticks earlier; of one that is struck before that, what sounds from there on."""
    early = max(0, start - note.onset)
    bends = note.bends
    if early:
        past = [replace(bend, offset=0) for bend in bends if bend.offset <= early]
        bends = (*past[-1:], *(replace(bend, offset=bend.offset - early) for bend in bends if bend.offset > early))
    return replace(
        note,
        onset=note.onset + early - start,
        duration=max(1, note.duration - early),
        written=note.written - start,
        bends=bends,
    )


VERB: Final = Reviser("continue", ContinueRequest, _opened, _task_of)
