"""What a variation of a piece is: what of each varied bar is locked, and what the result has to keep of the source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from symgen.grammar.masks import lands
from symgen.instruments.fingering import find_problems
from symgen.origin import Guarantee
from symgen.score import NoteArray, Score, Technique
from symgen.script import Fixed, Free, Locks, rests
from symgen.takes.promises import broken_sound
from symgen.tokens import chord, melody, rhythm
from symgen.verbs.sources import Source
from symgen.verbs.task import Span, Task, untouched
from symgen.verbs.variation.strokes import Bar, Stroke, bars_of, moves_of

_FEWEST = 2
"""Strokes of a bar whose rhythm can be new while its pitches stay."""

KEEPS: Final = ("rhythm", "pitch", "contour", "form")
"""What can be kept of a varied bar."""


@dataclass(frozen=True)
class Unit:
    """What is written in one go.

    Parameters
    ----------
    span : Bar
        A bar, or the last two as one.
    first : tuple of int
        The bars it is made of, from 0.
    copies : tuple of int
        Bars equal to it, which become what it becomes.
    """

    span: Bar
    first: tuple[int, ...]
    copies: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Variation(Task):
    """How a source is to be varied.

    Parameters
    ----------
    score : Score
        The source.
    bars : tuple of Bar
        Its bars.
    units : tuple of Unit
        What of it is written anew, in order of time.
    keep : frozenset of str
        What stays of these bars.
    """

    score: Score
    bars: tuple[Bar, ...]
    units: tuple[Unit, ...]
    keep: frozenset[str]

    def promises(self, source: Source, score: Score) -> tuple[Guarantee, ...]:
        """Return that nothing else changed, what of the bars to be varied did, and that what is kept of them stayed."""
        broken = broken_variation(score, self, source)
        names = " and ".join(sorted(self.keep))
        asked = f"{names} of {len(self.owner)} bars as they were"
        bars = len(self.owner)
        changed = f"{bars - len(unchanged(score, self))} of {bars} bars"
        return (
            untouched(source, score, self.spans),
            Guarantee("varied", f"{bars} bars", changed, True),  # a bar that cannot be played otherwise stays
            Guarantee("kept", asked, "; ".join(broken) or asked, not broken),
        )

    @cached_property
    def lines(self) -> NDArray[np.int64]:
        """Tick of each bar line, and of the last bar's end."""
        return np.array([*(bar.start for bar in self.bars), self.bars[-1].end])

    @cached_property
    def owner(self) -> Mapping[int, int]:
        """Which unit a bar belongs to, by number of the bar from 0."""
        return {bar: number for number, unit in enumerate(self.units) for bar in (*unit.first, *unit.copies)}


def free_of(span: Bar, keep: frozenset[str], score: Score, reference: int) -> tuple[int, Free] | None:
    """Return the ticks before the first stroke that stay a rest, and what is free of a bar.

    Parameters
    ----------
    span : Bar
        The bar.
    keep : frozenset of str
        What is locked.
    score : Score
        The source.
    reference : int
        MIDI note of the reference gong.

    Returns
    -------
    (int, Free) or None
        None if there is nothing in it, or it cannot be written with these locks.
    """
    length = span.end - span.start
    if not span.strokes:
        return None
    if not keep & {"rhythm", "pitch", "contour"}:
        return (0, Free(length)) if length % 30 == 0 and span.start % 30 == 0 else None
    strokes = kept_strokes(span, keep)
    onsets = span.onsets(strokes)
    if onsets is None or ("pitch" in keep and len(strokes) < _FEWEST):
        return None
    lead = onsets[0]
    if Fixed(tuple(rests(lead))).ticks != lead:
        return None
    if "rhythm" not in keep and not lands((span.start + lead) % 480, length - lead, len(strokes)):
        return None
    return lead, Free(length - lead, _locks(strokes, onsets, length, keep, score, reference))


def kept_strokes(span: Bar, keep: frozenset[str]) -> tuple[Stroke, ...]:
    """Return the strokes that have a counterpart in the variation: where values are new, grace notes have none."""
    return span.strokes if "rhythm" in keep else span.mains


def _locks(
    strokes: Sequence[Stroke],
    onsets: Sequence[int],
    length: int,
    keep: frozenset[str],
    score: Score,
    reference: int,
) -> Locks:
    rhythms: tuple[int, ...] = ()
    if "rhythm" in keep:
        values = np.diff([*onsets, length]).tolist()
        rhythms = tuple(rhythm.rhythm_token(value, value) or 0 for value in values)
    tones = [_tokens(stroke, score, reference) for stroke in strokes] if "pitch" in keep else []
    moves: tuple[int, ...] = ()
    if "contour" in keep and "pitch" not in keep:
        tops = [top_of(score.notes, stroke) for stroke in strokes]
        before = _sounded_before(score, strokes[0].tick)
        moves = (Locks.ANY if before is None else moves_of([before, tops[0]])[0], *moves_of(tops))
    return Locks(
        rhythm=rhythms, melody=tuple(tone for tone, _ in tones), chord=tuple(sound for _, sound in tones), moves=moves
    )


def top_of(notes: NoteArray, stroke: Stroke) -> int:
    """Return the highest pitch of a stroke."""
    return int(notes["pitch"][stroke.rows[0]])


def _sounded_before(score: Score, tick: int) -> int | None:
    """Return the highest note of the last stroke before a tick."""
    earlier = score.notes[score.notes["onset"] < tick]
    return int(earlier["pitch"][earlier["onset"] == earlier["onset"][-1]].max()) if len(earlier) else None


def _tokens(stroke: Stroke, score: Score, reference: int) -> tuple[int, int]:
    """Return melody and chord token of a stroke; what no chord token holds is left out for the generator."""
    top = score.notes[stroke.rows[0]]
    below = sorted({int(top["pitch"]) - int(score.notes["pitch"][row]) for row in stroke.rows[1:]})
    token, _ = melody.melody_token(int(top["pitch"]) - reference, int(top["technique"]))
    return token, chord.chord_token(tuple(below)) or chord.NO_CHORD


def within(ticks: np.ndarray, spans: Sequence[Span]) -> np.ndarray:
    """Return which ticks lie in one of the spans, which are in order and apart."""
    bounds = np.array(spans, dtype=np.int64).reshape(-1)
    inside: np.ndarray = np.searchsorted(bounds, ticks, side="right") % 2 == 1
    return inside


def broken_variation(score: Score, task: Variation, source: Source) -> list[str]:
    """Return what a variation promises but does not keep; empty if it keeps everything."""
    plan = replace(task.plan, prefix=replace(task.plan.prefix, mode=task.mode), ticks=score.end)
    found = broken_sound(score, plan)
    found += [f"cannot be played in bar {bar + 1}" for bar in sorted(unplayable(score, task, source))[:1]]
    return found + broken_keeping(score, task)


def broken_keeping(score: Score, task: Variation) -> list[str]:
    """Return what was to be kept of the source and is not."""
    found, before = [], task.score
    outside, after = (one.notes[~within(one.notes["onset"], task.spans)] for one in (before, score))
    if not np.array_equal(outside, after):
        found.append("has other notes where nothing was to change")
    if "rhythm" in task.keep and not _same(before.notes, score.notes, ("onset", "duration", "voice", "velocity")):
        found.append("has another rhythm")
    if "pitch" in task.keep and _line(before.notes) != _line(score.notes):
        found.append("has other pitches")
    found += [f"moves the other way in bar {bar + 1}" for bar in sorted(off_contour(score, task))[:1]]
    return found + [f"does not repeat itself in bar {bar + 1}" for bar in unrepeated(score, task)[:1]]


def _same(one: NoteArray, other: NoteArray, names: tuple[str, ...]) -> bool:
    """Return whether two scores hold the same values, whatever else their notes have."""
    rows = [sorted(zip(*(notes[name].tolist() for name in names), strict=True)) for notes in (one, other)]
    return rows[0] == rows[1]


def _line(notes: NoteArray) -> list[tuple[int, int]]:
    """Return pitches and techniques in order of time, from below within a moment."""
    order = np.lexsort((notes["technique"], notes["pitch"], notes["onset"]))
    return list(zip(notes["pitch"][order].tolist(), notes["technique"][order].tolist(), strict=True))


def off_contour(score: Score, task: Variation) -> set[int]:
    """Return the bars, from 0, in which the line moves otherwise than in the source, at either end of the move."""
    if "contour" not in task.keep or "pitch" in task.keep:
        return set()
    found: set[int] = set()
    last: tuple[int, int, int] | None = None  # bar and highest note of the last stroke, as it was and as it is
    for number, (was, now) in enumerate(zip(task.bars, bars_of(score, task.lines), strict=True)):
        old, new = (kept_strokes(bar, task.keep) for bar in (was, now))
        if len(old) != len(new):
            return found | {number}
        for one, other in zip(old, new, strict=True):
            here = (number, top_of(task.score.notes, one), top_of(score.notes, other))
            if last is not None and moves_of([last[1], here[1]]) != moves_of([last[2], here[2]]):
                found |= {last[0], number}
            last = here
    return found


def unrepeated(score: Score, task: Variation) -> list[int]:
    """Return the varied bars, from 0, that equal another one in the source but not in the result."""
    contents = _contents(score, task)
    return [copy for unit in task.units for copy in unit.copies if contents[copy] != contents[unit.first[0]]]


def unchanged(score: Score, task: Variation) -> set[int]:
    """Return the varied bars, from 0, that are in the result what they were."""
    before, after = _contents(task.score, task), _contents(score, task)
    return {bar for bar in task.owner if before[bar] == after[bar]}


def _contents(score: Score, task: Variation) -> list[list[tuple[int, ...]]]:
    return [_content(score.notes, start, end) for start, end in pairwise(task.lines.tolist())]


def _content(notes: NoteArray, start: int, end: int) -> list[tuple[int, ...]]:
    """Return what begins in a bar, as far as it sounds there."""
    part = notes[slice(*np.searchsorted(notes["onset"], [start, end]).tolist())]
    ends = np.minimum(part["onset"] + part["duration"], end) - start
    return sorted(zip((part["onset"] - start).tolist(), ends.tolist(), part["pitch"].tolist(), strict=True))


def unplayable(score: Score, task: Variation, source: Source) -> set[int]:
    """Return the varied bars, from 0, that the hands cannot play, or not without the techniques that MIDI lacks."""
    notes = score.notes if source.playable else score.notes[within(score.notes["onset"], task.spans)]
    plain = notes.copy()
    plain["technique"] = Technique.PLUCK
    readings = (notes,) if np.array_equal(notes, plain) else (notes, plain)
    starts = [bar.start for bar in task.bars]
    for some in readings:
        held = replace(score, notes=some)
        problems = find_problems(held, source.instrument, source.tuning)
        found = {
            int(np.searchsorted(starts, held.notes["onset"][note], side="right")) - 1
            for problem in problems
            for note in problem.notes
        }
        if found:
            return {_varied_near(task, bar) for bar in found}
    return set()


def _varied_near(task: Variation, bar: int) -> int:
    """Return the varied bar nearest to a bar, the one before it of two."""
    return min(task.owner, key=lambda other: (abs(other - bar), other))
