"""Use case: vary a piece: its rhythm, pitches, contour or form stay, the rest is new, in another mode if asked."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from symgen.dials import NEUTRAL, Dials
from symgen.errors import UsageError, one_line
from symgen.grammar.plan import Limits
from symgen.instruments.fingering import find_problems
from symgen.instruments.rules import playable_pitches, serves, tunings_for
from symgen.progress import Progress, silent
from symgen.score import Score, Technique
from symgen.takes.take import ComposeResult
from symgen.theory.degrees import PENTATONIC, parse_pitch_class, pitch_class_name
from symgen.theory.modes import final_of, parse_mode
from symgen.theory.modulation import gong_regions
from symgen.verbs.request import Revision
from symgen.verbs.reviser import Reviser, source_of
from symgen.verbs.sources import Source, open_source
from symgen.verbs.task import Span, Task, TaskOf, plan_for
from symgen.verbs.variation.base import KEEPS, Unit, Variation, free_of
from symgen.verbs.variation.redrafting import write_variation
from symgen.verbs.variation.strokes import Bar, bars_of

_AMOUNT = 0.5
_STEP, _FOURTH, _FIFTH, _OCTAVE = 3, 5, 7, 12
"""Semitones; the step is the widest of a scale of five tones."""

_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class VaryRequest(Revision):
    """How to vary a piece.

    Parameters
    ----------
    keep : str or tuple of str
        What stays of the bars that are varied: "rhythm", "pitch", "contour" or "form", or several of them.
    amount : float, optional
        Share of the bars that are varied, 0 to 1; by default half of them, or all in another mode or gong.
    mode : str, optional
        Mode of the result; that of the source by default.
    gong : str or int, optional
        Pitch of degree 1 in the result; what is not varied is transposed. That of the source by default.
    """

    keep: str | tuple[str, ...] = ("rhythm",)
    amount: float | None = None
    mode: str | None = None
    gong: str | int | None = None


def vary(source: Path | str | Score, **options: Any) -> ComposeResult:
    """Vary a piece without writing files.

    Parameters
    ----------
    source : Path, str or Score
        A file of any format that symgen reads, or a score.
    **options
        Further fields of :class:`VaryRequest`.

    Raises
    ------
    UsageError
        If a part of the request cannot be met.
    ReadError
        If the file cannot be read.
    PlayabilityError
        If the source cannot be played as it stands, or nothing keeps every promise.
    CheckpointError
        If the checkpoint is missing or damaged.
    """
    return VERB.results(VaryRequest(source=source_of(source), **options))


def vary_files(request: VaryRequest, progress: Progress = silent) -> ComposeResult:
    """Vary a piece and write the results as files; see :func:`vary`."""
    return VERB.files(request, progress)


def _opened(request: VaryRequest, progress: Progress) -> Source:
    """Return the source, in the gong system that is asked for."""
    keeps_of(request)  # what contradicts itself is said before anything is read
    options: dict[str, Any] = {"tuning": request.tuning, "adapt": False, "progress": progress}
    own: dict[str, Any] = {"piece": request.piece, "checkpoint": request.checkpoint}
    source = open_source(request.source, request.style, **own, **options)
    if request.gong is None or (gong := _gong(request.gong)) == source.gong:
        return source
    if request.tuning is None:
        serving = tunings_for(source.instrument, gong)
        options["tuning"] = serving[0].name if serving else None
    semitones = (gong - source.gong + 5) % 12 - 5
    moved = open_source(source.score.transpose(semitones), source.style.name, **options)
    _check_gong(moved, gong)
    return replace(moved, name=source.name)


def keeps_of(request: VaryRequest) -> frozenset[str]:
    """Return what is kept.

    Raises
    ------
    UsageError
        If there is no such thing, or what is asked for leaves nothing to vary or contradicts itself.
    """
    named = [request.keep] if isinstance(request.keep, str) else list(request.keep)
    keep = frozenset(name.strip().casefold() for name in named)
    unknown = sorted(keep - set(KEEPS))
    if unknown:
        raise UsageError(f"{one_line(unknown[0])} cannot be kept", expected=f"one of {', '.join(KEEPS)}")
    if {"rhythm", "pitch"} <= keep:
        raise UsageError("rhythm and pitch are both kept: nothing is left to vary", remedy="keep one of them")
    if request.amount is not None and not 0 <= request.amount <= 1:
        raise UsageError(f"amount {request.amount:g}", expected="0 to 1")
    if "pitch" in keep and (request.mode is not None or request.gong is not None):
        raise UsageError(
            "the pitches are kept, but another mode or gong is asked for", remedy="keep rhythm and contour instead"
        )
    return keep


def _gong(value: str | int) -> int:
    if isinstance(value, str) and not value.strip().isdecimal():
        return parse_pitch_class(value)
    if not 0 <= int(value) <= 11:
        raise UsageError(f"gong {value}", expected="a pitch by name, or a pitch class 0 to 11")
    return int(value)


def _check_gong(source: Source, gong: int) -> None:
    """Refuse a gong system that the tuning does not give, or that is not heard."""
    if not serves(source.instrument, source.tuning, gong):
        gongs = ", ".join(pitch_class_name(pc) for pc in source.tuning.gongs)
        raise UsageError(
            f"tuning {source.tuning.name} cannot give gong {pitch_class_name(gong)}",
            expected=f"a gong whose tones lie on its strings: {gongs}",
            remedy="leave --tuning out, or use another --gong",
        )


def _check_mode(source: Source, mode: str) -> None:
    """Refuse a mode whose tones are out of reach."""
    reach = {pitch % 12 for pitch in playable_pitches(source.instrument, source.tuning, easily=True)}
    missing = [tone for tone in PENTATONIC if (source.gong + tone) % 12 not in reach]
    if missing:
        final = pitch_class_name(final_of(source.gong, mode))
        others = [tuning.name for tuning in tunings_for(source.instrument, source.gong, mode)]
        raise UsageError(
            f"tuning {source.tuning.name} cannot give {mode} on {final}: it lacks "
            + ", ".join(pitch_class_name(source.gong + tone) for tone in missing),
            remedy=f"use --tuning {others[0]}" if others else "use another --gong",
        )


def _task_of(request: VaryRequest, source: Source) -> TaskOf:
    keep = keeps_of(request)
    mode = source.mode if request.mode is None else parse_mode(request.mode)
    amount = request.amount
    if amount is None:
        amount = 1.0 if request.mode is not None or request.gong is not None else _AMOUNT
    if mode != source.mode and not amount:
        raise UsageError(f"nothing is to be varied, but {mode} mode is asked for", expected="an amount above 0")
    plan_for(source, (), ticks=int(source.bars[-1]))  # refuses bar lines off the grid before any work
    if amount:
        _check_mode(source, mode)
    bars = bars_of(source.score, source.bars)
    groups = _groups(source, bars, keep)
    if amount and not groups:
        raise UsageError(
            f"no bar of {one_line(source.name)} can be varied so",
            expected="notes on a grid of 64ths or triplets",
            remedy="keep something else, or quantise it first",
        )

    def task_of(number: int, rng: np.random.Generator) -> Task:
        chosen = _chosen(groups, amount, rng, last=mode != source.mode)
        task = _task(source, bars, chosen, keep, mode)
        return replace(task, plan=replace(task.plan, limits=limits_of(source, request.dials, keep)))

    return task_of


def _groups(source: Source, bars: Sequence[Bar], keep: frozenset[str]) -> list[list[int]]:
    """Return the bars that can be varied, equal ones together, in order of their first.

    The last bar with notes closes the piece and stands for itself.
    """
    last, out_of_reach = _last(bars), _out_of_reach(source) if "pitch" in keep else frozenset()
    found: dict[Hashable, list[int]] = {}
    for number, bar in enumerate(bars):
        if any(row in out_of_reach for stroke in bar.strokes for row in stroke.rows):
            continue  # its pitches would stay, and nobody could play them at other times either
        if bar.strokes and free_of(bar, keep, source.score, source.tokens.gong) is not None:
            found.setdefault(number if number == last else bar.content, []).append(number)
    return list(found.values())


def _out_of_reach(source: Source) -> frozenset[int]:
    """Return the rows of the notes that cannot be played as they stand."""
    if source.playable:
        return frozenset()
    problems = find_problems(source.score, source.instrument, source.tuning)
    return frozenset(row for problem in problems for row in problem.notes)


def _last(bars: Sequence[Bar]) -> int:
    return max(number for number, bar in enumerate(bars) if bar.strokes)


def _chosen(groups: list[list[int]], amount: float, rng: np.random.Generator, *, last: bool) -> list[list[int]]:
    """Return the groups of bars that are varied: as many bars as `amount` says, spread over the piece."""
    count = sum(map(len, groups))
    wanted = max(1, round(amount * count)) if amount else 0
    start = float(rng.random())
    order = sorted(range(len(groups)), key=lambda n: ((groups[n][0] * _GOLDEN + start) % 1, n))
    if last:
        closing = max(range(len(groups)), key=lambda n: groups[n][-1])
        order.remove(closing)
        order.insert(0, closing)
    taken: list[int] = []
    size = 0
    for place in order:
        more = len(groups[place])
        if amount == 1 or (size < wanted and (not taken or size + more - wanted <= wanted - size)):
            taken.append(place)
            size += more
    return [groups[place] for place in sorted(taken)]


def _task(source: Source, bars: tuple[Bar, ...], chosen: list[list[int]], keep: frozenset[str], mode: str) -> Variation:
    last = _last(bars)
    units = _units(source, bars, chosen, keep, last)
    varied = sorted({bar for group in chosen for bar in group})
    total = bars[last].end if last in varied else int(source.bars[-1])
    plan = plan_for(source, (), ticks=total, mode=mode)
    plan = replace(plan, modulations=_modulations(source, bars[last].start))
    harmonics = _harmonics(bars) if Technique.HARMONIC in plan.techniques and plan.serves_harmonics() else ()
    # Passages in harmonics stay such, and others do not become such: what is drawn without them is stopped or open.
    techniques = plan.techniques - {Technique.HARMONIC}
    return Variation(
        replace(plan, harmonics=harmonics, techniques=techniques),
        _spans(bars, varied),
        mode,
        score=source.score,
        bars=bars,
        units=units,
        keep=keep,
    )


def limits_of(source: Source, dials: Dials, keep: frozenset[str] = frozenset()) -> Limits:
    """Return how far a variation may go: as far as its source, and a step; a dial that is turned lifts its limit.

    Parameters
    ----------
    source : Source
        The music.
    dials : Dials
        ``register`` has to do with the range, ``leaps`` with the widest leap.
    keep : frozenset of str
        A contour that is kept leaves few ways: it may leap an octave, and has a fourth more room instead of a step.
    """
    notes, gong = source.score.notes, source.tokens.gong
    onsets = notes["onset"]
    tops = np.maximum.reduceat(notes["pitch"].astype(int), np.flatnonzero(np.diff(onsets, prepend=-1)))
    least, room = (_OCTAVE, _FOURTH) if "contour" in keep else (_FIFTH, _STEP)
    leap = max(int(np.abs(np.diff(tops)).max(initial=0)) + _STEP, least)
    low, high = int(notes["pitch"].min()) - room, int(notes["pitch"].max()) + room
    if dials.register != NEUTRAL.register:
        low, high = 0, 127
    return Limits(low - gong, high - gong, leap if dials.leaps <= NEUTRAL.leaps else 127)


def _units(
    source: Source, bars: tuple[Bar, ...], chosen: list[list[int]], keep: frozenset[str], last: int
) -> tuple[Unit, ...]:
    """Return what is written in one go: a bar with its copies, or the last two bars where the last is one note."""
    units = {group[0]: Unit(bars[group[0]], (group[0],), tuple(group[1:])) for group in chosen}
    before = last - 1
    if "rhythm" in keep and last in units and len(bars[last].strokes) == 1:
        lone = units.get(before)
        if lone is not None and not lone.copies:
            both = _joined(bars[before], bars[last])
            if free_of(both, keep, source.score, source.tokens.gong) is not None:
                del units[last]
                units[before] = Unit(both, (before, last))
    return tuple(units[first] for first in sorted(units))


def _joined(one: Bar, other: Bar) -> Bar:
    return Bar(one.start, other.end, (*one.strokes, *other.strokes), None, one.harmonics and other.harmonics)


def _spans(bars: Sequence[Bar], varied: Iterable[int]) -> tuple[Span, ...]:
    """Return the stretches that bars cover, neighbours as one."""
    found: list[Span] = []
    for number in varied:
        start, end = bars[number].start, bars[number].end
        if found and found[-1][1] == start:
            start = found.pop()[0]
        found.append((start, end))
    return tuple(found)


def _harmonics(bars: Sequence[Bar]) -> tuple[Span, ...]:
    """Return the passages in harmonics, bars without notes within them included."""
    return _spans(bars, [number for number, bar in enumerate(bars) if bar.harmonics])


def _modulations(source: Source, close: int) -> tuple[tuple[int, int, int], ...]:
    """Return the regions of the source in another gong system, up to the close."""
    regions = gong_regions(source.score)
    ends = [key.tick for key in regions[1:]] + [close]
    found = []
    for key, end in zip(regions, ends, strict=True):
        shift = (key.gong - source.gong + 5) % 12 - 5
        if shift and key.tick < min(end, close):
            found.append((key.tick, min(end, close), shift))
    return tuple(found)


VERB: Final = Reviser("vary", VaryRequest, _opened, _task_of, write_variation)
