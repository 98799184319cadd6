"""How varied bars are written: drafts, and scores made of them, round by round until no bar is faulty.

What breaks a promise is written again with the rest standing; a bar for which nothing is found stays as it was. The
notes of the result are those of the source with other pitches, or at other times, so that what is kept is kept to the
tick even where the source is off the grid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from symgen.drafting.draft import Draft
from symgen.drafting.ensemble import write_drafts
from symgen.errors import PlayabilityError
from symgen.grammar.plan import Plan
from symgen.instruments.rules import placements, playable_pitches
from symgen.models.runtime import Runtime
from symgen.sampling import Sampling
from symgen.score import NoteArray, Score, Technique, make_notes
from symgen.script import Again, Fixed, Script, Segment, Step, cut, rests, steps_of
from symgen.theory.degrees import PENTATONIC
from symgen.tokens import chord, melody, rhythm
from symgen.tokens.codec import encode
from symgen.verbs.sources import Source
from symgen.verbs.task import Span, Task
from symgen.verbs.variation.base import (
    Unit,
    Variation,
    broken_variation,
    free_of,
    kept_strokes,
    off_contour,
    top_of,
    unchanged,
    unplayable,
    within,
)
from symgen.verbs.variation.contours import Bounds, bounds_of
from symgen.verbs.variation.strokes import Bar, Stroke, moves_of

_ATTEMPTS = 8
_ROUNDS = 10
_INSISTS = 3
"""Rounds in which a bar that came out as it was counts as faulty."""
_ALONE = 5
"""Rounds after which a bar for which nothing is found is written anew together with its neighbours."""
_DRAFTS = 6
_MOST_STEPS = 4000
"""Steps of all drafts that are written side by side: of a long piece there are fewer drafts."""
_LOOKAHEAD_BARS = 4
_NEAREST = 5
_MOST_VOICINGS = 400


Content: TypeAlias = list[tuple[int, Step]]
"""What was written for a stretch: ticks from its start, and the step."""


@dataclass(frozen=True)
class _Workshop:
    """What drafts are made into scores with."""

    task: Variation
    source: Source
    plan: Plan

    def script(self, settled: Mapping[int, tuple[Step, ...]], written: Mapping[int, Content]) -> Script:
        """Return what stands and what is free while some units are settled; it ends a little after what is free."""
        bounds = self._bounds({number: written[number] for number in settled})
        open_bars = [bar for bar, number in self.task.owner.items() if number not in settled]
        stop = max(open_bars) + _LOOKAHEAD_BARS
        segments: list[Segment] = []
        source_steps = steps_of(self.source.tokens)
        kept: list[Bar] = []

        def flush() -> None:
            if kept:
                segments.append(Fixed(cut(source_steps, kept[0].start, kept[-1].end)))
                kept.clear()

        for number, bar in enumerate(self.task.bars):
            if bar.start >= self.plan.total or number > stop:
                break
            owner = self.task.owner.get(number, -1)
            if owner < 0:
                kept.append(bar)
                continue
            flush()
            unit = self.task.units[owner]
            if number in unit.copies:
                segments.append(Again(unit.span.start, bar.end - bar.start))
            elif number == unit.first[0]:
                segments += self._segments(unit, settled.get(owner), bounds.get(owner, ()))
        flush()
        return tuple(segments)

    def _segments(self, unit: Unit, settled: tuple[Step, ...] | None, bounds: tuple[Bounds, ...]) -> list[Segment]:
        if settled is not None:
            return [Fixed(settled)]
        found = free_of(unit.span, self.task.keep, self.source.score, self.plan.gong)
        assert found is not None  # only such bars become units
        lead, free = found
        if bounds and free.locks is not None:
            free = replace(free, locks=replace(free.locks, bounds=bounds))
        return [Fixed(tuple(rests(lead))), free] if lead else [free]

    def _bounds(self, written: Mapping[int, Content]) -> dict[int, tuple[Bounds, ...]]:
        """Return within which tones, above the reference gong, units have to stay so that the line can go on."""
        task, notes = self.task, self.source.score.notes
        if "contour" not in task.keep or "pitch" in task.keep:
            return {}
        scale = [p for p in self._reach() if (p - self.plan.gong) % 12 in PENTATONIC and self._inside(p)]
        names, tops, limits = list[int](), list[int](), list[Bounds]()
        first: dict[int, int] = {}
        for number, bar in enumerate(task.bars):
            owner = task.owner.get(number, -1)
            count = len(kept_strokes(bar, task.keep))
            for place, stroke in enumerate(kept_strokes(bar, task.keep)):
                tops.append(top_of(notes, stroke))
                if owner < 0:
                    limits.append((tops[-1], tops[-1]))
                    names.append(len(limits) - 1)
                    continue
                unit = task.units[owner]
                at = (
                    place
                    if number != unit.first[-1] or len(unit.first) == 1
                    else (place + len(kept_strokes(unit.span, task.keep)) - count)
                )
                if number in unit.copies:
                    names.append(first[owner] + at)
                    continue
                first.setdefault(owner, len(limits))
                drawn = [self._tone(step[1]) for _, step in written.get(owner, [])]
                limits.append((drawn[at], drawn[at]) if drawn else (scale[0], scale[-1]))
                names.append(len(limits) - 1)
        drawn_in = bounds_of(names, moves_of(tops), limits, scale)
        return {
            owner: tuple((low - self.plan.gong, high - self.plan.gong) for low, high in drawn_in[start : start + size])
            for owner, start in first.items()
            for size in (len(kept_strokes(task.units[owner].span, task.keep)),)
        }

    def _inside(self, pitch: int) -> bool:
        """Tell whether a tone lies within the range that the line has."""
        limits = self.plan.limits
        return limits is None or limits.low <= pitch - self.plan.gong <= limits.high

    def _reach(self) -> list[int]:
        return sorted(playable_pitches(self.source.instrument, self.source.tuning, easily=True))

    def steps(self, draft: Draft, unit: Unit) -> Content:
        """Return what a draft has in a unit after its leading rest: ticks from its start, and the step."""
        found = free_of(unit.span, self.task.keep, self.source.score, self.plan.gong)
        assert found is not None
        first = unit.span.start + found[0]
        onsets = draft.tokens.onsets()
        low, high = np.searchsorted(onsets, [first, unit.span.end]).tolist()
        part = draft.tokens.steps()[low:high].tolist()
        return [
            (tick - unit.span.start, (r, m, c)) for tick, (r, m, c) in zip(onsets[low:high].tolist(), part, strict=True)
        ]

    def build(self, written: Mapping[int, Content]) -> tuple[Score, set[int]]:
        """Return the source with what was written for units, and the units in which a stroke finds no voicing."""
        notes = self.source.score.notes.copy()
        stays = np.ones(len(notes), dtype=np.bool_)
        added: list[NoteArray] = []
        far = max(self.source.score.end, self.task.bars[-1].end) + 1  # what is not varied stays where it is
        old, new, stuck = [0, far], [0, far], set[int]()
        for number, steps in written.items():
            unit = self.task.units[number]
            for span in (unit.span, *(self.task.bars[copy] for copy in unit.copies)):
                strokes = kept_strokes(span, self.task.keep)
                if "rhythm" in self.task.keep:
                    if not all(
                        self._revoice(notes, stroke, step, unit)
                        for stroke, (_, step) in zip(strokes, steps, strict=True)
                    ):
                        stuck.add(number)
                elif "pitch" in self.task.keep:
                    old += [span.start, *(stroke.tick for stroke in strokes), span.end]
                    new += [span.start, *(span.start + tick for tick, _ in steps), span.end]
                else:
                    rows = [row for stroke in span.strokes for row in stroke.rows]
                    stays[rows] = False
                    added.append(self._decoded(span, steps, notes["velocity"][rows]))
        if "pitch" in self.task.keep:
            notes = self._at_other_times(notes, old, new)
        whole = np.concatenate([notes[stays], *added])
        end = max(self.source.score.end, int((whole["onset"] + whole["duration"]).max(initial=0)))
        return replace(self.source.score, notes=whole, end=end), stuck

    def _at_other_times(self, notes: NoteArray, old: list[int], new: list[int]) -> NoteArray:
        """Return the notes with the strokes of varied bars at new places and everything between them in proportion."""
        order = np.argsort(old, kind="stable")
        before, after = np.array(old)[order], np.array(new)[order]
        varied = within(notes["onset"], self.task.spans)
        moved = notes.copy()
        onset = np.rint(np.interp(notes["onset"], before, after)).astype(np.int64)
        end = np.rint(np.interp(notes["onset"] + notes["duration"], before, after)).astype(np.int64)
        moved["onset"][varied] = onset[varied]
        moved["duration"][varied] = np.maximum(1, end - onset)[varied]
        return moved

    def _decoded(self, span: Bar, steps: Sequence[tuple[int, Step]], velocities: NDArray[np.int16]) -> NoteArray:
        velocity = int(np.median(velocities))
        rows = [
            (span.start + tick, int(rhythm.LENGTH[r]), self._tone(m) - below, velocity, 0, int(melody.TECHNIQUE[m]))
            for tick, (r, m, c) in steps
            if m != melody.REST
            for below in (0, *chord.chord_intervals(c))
        ]
        return make_notes(rows)

    def _tone(self, token: int) -> int:
        return self.plan.gong + int(melody.RELATIVE[token])

    def _revoice(self, notes: NoteArray, stroke: Stroke, step: Step, unit: Unit) -> bool:
        """Give the notes of a stroke the pitches of a step, as many as they are; tell whether hands can strike them."""
        source = self.source.score.notes
        top = self._tone(step[1])
        if step[1] == melody.REST:
            return False
        rows = list(stroke.rows)
        was = source["pitch"][rows].tolist()
        below = self._below(top, was, step, unit.span.start, last=int(source["onset"][-1]) == stroke.tick)
        if below is None:
            return False
        drawn = Technique(int(melody.TECHNIQUE[step[1]]))
        for row, pitch in zip(rows, (top, *below), strict=True):
            notes["pitch"][row] = pitch
            notes["technique"][row] = self._technique(Technique(int(source["technique"][row])), drawn, pitch)
        return True

    def _technique(self, was: Technique, drawn: Technique, pitch: int) -> Technique:
        """Return how a note of another pitch is made: harmonics are the generator's choice, ornaments stay if they can.

        An open string or a stopped one is the choice of the hand.
        """
        if drawn == Technique.HARMONIC or was in (Technique.HARMONIC, Technique.OPEN, Technique.STOPPED):
            return drawn
        return was if placements(self.source.instrument, self.source.tuning, pitch, was) else drawn

    def _below(self, top: int, was: Sequence[int], step: Step, tick: int, *, last: bool) -> tuple[int, ...] | None:
        """Return as many tones below `top` as there were: the generator's, else the nearest to those that were."""
        final = (self.plan.gong + self.plan.final) % 12
        if len(was) == 1:
            return ()
        drawn = tuple(top - interval for interval in chord.chord_intervals(step[2]))
        if len(drawn) == len(was) - 1 and not (last and any(p % 12 != final for p in drawn)):
            return drawn
        shift = self.plan.shift(tick)
        tones = [
            p for p in self._reach() if p < top and self._inside(p) and (p - self.plan.gong - shift) % 12 in PENTATONIC
        ]
        if last:  # a cadence is the final alone, or in octaves
            tones = [p for p in tones if p % 12 == final]
        wanted = [pitch + (top - was[0]) for pitch in was[1:]]
        near = [sorted(tones, key=lambda p, w=w: (abs(p - w), p))[:_NEAREST] for w in wanted]  # type: ignore[misc]
        for found in islice(product(*near), _MOST_VOICINGS):
            if len(set(found)) == len(found) and self.plan.playable((top, *found), Technique.PLUCK):
                return tuple(sorted(found, reverse=True))
        return None


def write_variation(
    task: Task, source: Source, runtime: Runtime, sampling: Sampling, seed: tuple[int, int]
) -> tuple[Draft, Score]:
    """Return a variation that keeps every promise, as tokens and as a score.

    Raises
    ------
    PlayabilityError
        If none is found.
    """
    assert isinstance(task, Variation)
    reasons: list[str] = []
    for attempt in range(_ATTEMPTS):
        plan = (
            task.plan if attempt < _ATTEMPTS // 2 else replace(task.plan, bian_share=0.0, modulations=(), limits=None)
        )
        score = _written(_Workshop(task, source, plan), runtime, sampling, (*seed, attempt))
        reasons = broken_variation(score, task, source)
        if not reasons:
            return Draft(encode(score, style=source.style.name, gong=source.gong), 0.0), score
    raise PlayabilityError(
        f"no variation keeps every promise: {'; '.join(reasons)}",
        remedy="keep less, or try another --seed or --amount",
    )


def _written(shop: _Workshop, runtime: Runtime, sampling: Sampling, seed: tuple[int, ...]) -> Score:
    """Write drafts round by round until no bar is faulty; what is faulty to the end stays as it was."""
    task, count = shop.task, len(shop.task.units)
    settled: dict[int, tuple[Step, ...]] = {}
    written: dict[int, Content] = {}
    drafts = max(1, min(_DRAFTS, _MOST_STEPS // max(1, len(shop.source.tokens))))
    for turn in range(_ROUNDS if count else 0):
        plan = replace(shop.plan, script=shop.script(settled, written))
        seeds = [(*seed, turn, place) for place in range(drafts)]
        ranked: list[tuple[int, float, int, Draft, dict[int, Content], Score, set[int]]] = []
        for draft in write_drafts(runtime, plan, seeds, sampling):
            tried = {n: written[n] if n in settled else shop.steps(draft, task.units[n]) for n in range(count)}
            score, bad = shop.build(tried)
            bad |= _owners(task, off_contour(score, task))
            ranked.append((len(bad), -draft.fit, len(ranked), draft, tried, score, bad))
        _, _, _, draft, written, score, bad = min(ranked)
        bad |= _owners(task, unplayable(score, task, shop.source))
        if turn < _INSISTS:
            bad |= _owners(task, unchanged(score, task))
        if not bad:
            return score
        again = bad | {n + way for n in bad for way in (-1, 1)} if turn + 1 >= _ALONE else bad
        steps = steps_of(draft.tokens)
        settled = {n: settled.get(n) or cut(steps, *_ticks(task.units[n])) for n in range(count) if n not in again}
    return _without_the_faulty(shop, {n: written[n] for n in settled})


def _without_the_faulty(shop: _Workshop, written: Mapping[int, Content]) -> Score:
    """Return what is left when faulty bars go back to what they were, until none is."""
    task = shop.task
    while True:
        score, bad = shop.build(written)
        bad |= _owners(task, off_contour(score, task)) | _owners(task, unplayable(score, task, shop.source))
        if not bad or not written:
            return score
        nearest = min(written, key=lambda n: min(abs(n - other) for other in bad))
        gone = bad & set(written) or {nearest}  # a hand comes too late because of what it did before
        written = {n: steps for n, steps in written.items() if n not in gone}


def _ticks(unit: Unit) -> Span:
    return unit.span.start, unit.span.end


def _owners(task: Variation, bars: set[int]) -> set[int]:
    return {task.owner[bar] for bar in bars if bar in task.owner}
