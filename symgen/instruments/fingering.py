"""Fingering: string, place, finger and stroke for every note of a score, or why there is none.

Notes of one onset form a stroke. Two searches go over the whole piece with the weights of the instrument's
:class:`~symgen.instruments.base.Costs`: first for the hand that stops, over all arrangements that the hands can hold
(:func:`symgen.instruments.rules.arrangements`) and with its place kept in mind while open strings sound; then for the
hand that strikes, over its strokes. What cannot be played is reported with bar, notes, rule and remedy, and the rest
is fingered without it. The searches are kernels (``_search.py``): Python runs them for one piece, machine code for
many.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np

from symgen.instruments import _search
from symgen.instruments._options import Block, Sound, Strikes, block_of, columns, strikes_of, thousandths, ways_to_sound
from symgen.instruments._problems import Problem, why_no_place, why_not_struck, why_too_late
from symgen.instruments.base import Instrument, Placement, Tuning
from symgen.native import compiled, is_available
from symgen.score import Score, Technique
from symgen.units import bar_ticks, ticks_to_seconds

__all__ = ["DEFAULT_QPM", "Fingering", "Problem", "find_problems", "finger"]

DEFAULT_QPM = 60.0
"""Tempo assumed where a score has none: the middle of guqin playing."""

COMPILED_FROM = 8192
"""Notes from which on a piece is worth the loading of compiled kernels."""


@dataclass(frozen=True, slots=True)
class Fingering:
    """Where each note of a score is played.

    Parameters
    ----------
    placements : tuple of Placement or None
        One entry a note of the score; None where the note is part of a problem.
    problems : tuple of Problem
        In order of time.
    """

    placements: tuple[Placement | None, ...]
    problems: tuple[Problem, ...] = ()

    @property
    def playable(self) -> bool:
        """Whether every note has its place."""
        return not self.problems


def finger(score: Score, instrument: Instrument, tuning: Tuning, *, machine_code: bool | None = None) -> Fingering:
    """Find string, place, finger and stroke for every note.

    Parameters
    ----------
    score : Score
        Its tempo map (60 qpm if unknown) tells how much time the hand has.
    instrument, tuning : Instrument, Tuning
        What it is played on.
    machine_code : bool, optional
        Whether compiled kernels do it; the result is the same. By default they do where they are loaded already or
        the piece is long.

    Returns
    -------
    Fingering
        The same for the same input.
    """
    machine_code = _machine_code(score, machine_code)
    found: list[Placement | None] = [None] * len(score)
    piece = _strokes(score, instrument, tuning)
    if piece.notes:
        chosen = _stopping(piece, instrument, machine_code)
        _report_late(piece, chosen, instrument)
        ways = [
            None if choice < 0 else piece.blocks[block].ways[choice]
            for block, choice in zip(piece.block, chosen, strict=True)
        ]
        strikes = _striking(piece, ways, instrument, machine_code)
        for notes, way, names in zip(piece.notes, ways, strikes, strict=True):
            if way is not None:
                for note, place, (stroke, hand) in zip(notes, way, names, strict=True):
                    found[note] = _struck(place, stroke, hand)
    return Fingering(tuple(found), _in_order(piece))


def find_problems(
    score: Score, instrument: Instrument, tuning: Tuning, *, machine_code: bool | None = None
) -> tuple[Problem, ...]:
    """Return the problems that :func:`finger` finds, without a look at the hand that strikes, which has none."""
    piece = _strokes(score, instrument, tuning)
    if piece.notes:
        _report_late(piece, _stopping(piece, instrument, _machine_code(score, machine_code)), instrument)
    return _in_order(piece)


def _in_order(piece: _Piece) -> tuple[Problem, ...]:
    return tuple(sorted(piece.problems, key=lambda problem: problem.notes))


def _machine_code(score: Score, wanted: bool | None) -> bool:
    """Return whether compiled kernels finger a score."""
    if wanted is not None:
        return wanted
    return is_available() and ("numba" in sys.modules or len(score) >= COMPILED_FROM)


@lru_cache(maxsize=16384)
def _struck(place: Placement, stroke: str, hand: str) -> Placement:
    return replace(place, stroke=stroke, hand=hand)


@dataclass(slots=True)
class _Piece:
    """The strokes of a piece: notes, block, onset and latest written end in microseconds, bar and tempo of each."""

    notes: list[tuple[int, ...]] = field(default_factory=list)
    block: list[int] = field(default_factory=list)
    onset: list[int] = field(default_factory=list)
    end: list[int] = field(default_factory=list)
    bars: list[int] = field(default_factory=list)
    qpm: list[float] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def _strokes(score: Score, instrument: Instrument, tuning: Tuning) -> _Piece:
    """Group the notes by onset; note a problem for each note or stroke that cannot be played."""
    notes = score.notes
    tempi = [(tempo.tick, tempo.qpm) for tempo in score.tempi] or [(0, DEFAULT_QPM)]
    seconds = ticks_to_seconds(notes["onset"], tempi, score.ticks_per_quarter)
    ends = ticks_to_seconds(notes["onset"] + notes["duration"], tempi, score.ticks_per_quarter)
    onset, end = (np.rint(1e6 * seconds).astype(np.int64).tolist(), np.rint(1e6 * ends).astype(np.int64).tolist())
    starts = np.flatnonzero(np.diff(notes["onset"], prepend=-1)).tolist()
    sounds = list(zip(notes["pitch"].tolist(), map(_TECHNIQUES.__getitem__, notes["technique"].tolist()), strict=True))
    bars = _bar_numbers(score)
    at = np.searchsorted([tick for tick, _ in tempi], notes["onset"], side="right") - 1
    qpm = np.array([tempo for _, tempo in tempi])[np.clip(at, 0, None)].tolist()
    piece = _Piece()
    known: dict[tuple[Sound, ...], int] = {}
    for start, stop in pairwise([*starts, len(notes)]):
        group = tuple(sounds[start:stop])
        number = known.get(group, -1)
        if number < 0:
            block = block_of(instrument, tuning, group)
            if block is not None:
                known[group] = number = len(piece.blocks)
                piece.blocks.append(block)
        if number >= 0:
            members = tuple(range(start, stop))
        else:
            members, number = _without_the_unplayable(
                piece, known, sounds, range(start, stop), bars, instrument, tuning
            )
            if not members:
                continue
        piece.notes.append(members)
        piece.block.append(number)
        piece.onset.append(onset[start])
        piece.end.append(max(end[start:stop]))
        piece.bars.append(bars[start])
        piece.qpm.append(qpm[start])
    return piece


_TECHNIQUES = list(Technique)


def _without_the_unplayable(
    piece: _Piece,
    known: dict[tuple[Sound, ...], int],
    sounds: Sequence[Sound],
    group: range,
    bars: Sequence[int],
    instrument: Instrument,
    tuning: Tuning,
) -> tuple[tuple[int, ...], int]:
    """Note the problems of a stroke; return the notes that are left and their block."""
    members = []
    for note in group:
        if ways_to_sound(instrument, tuning, *sounds[note]):
            members.append(note)
        else:
            kind, rule, remedy = why_no_place(instrument, tuning, sounds[note])
            piece.problems.append(Problem(bars[note], (note,), rule, remedy, kind))
    chord = tuple(sounds[note] for note in members)
    block = block_of(instrument, tuning, chord) if chord else None
    if block is None:
        if chord:
            kind, rule, remedy = why_not_struck(instrument, tuning, chord)
            piece.problems.append(Problem(bars[members[0]], tuple(members), rule, remedy, kind))
        return (), -1
    if chord not in known:
        known[chord] = len(piece.blocks)
        piece.blocks.append(block)
    return tuple(members), known[chord]


def _bar_numbers(score: Score) -> list[int]:
    """Return the bar of each note, from 1."""
    starts = score.bar_starts()
    if not len(starts):
        return (score.notes["onset"] // bar_ticks(4, 4, score.ticks_per_quarter) + 1).tolist()  # type: ignore[no-any-return]
    return np.searchsorted(starts, score.notes["onset"], side="right").tolist()  # type: ignore[no-any-return]


def _bounds(sizes: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return the first index of each block, and the one after its last."""
    after = np.cumsum(np.array(sizes, dtype=np.int64)).tolist()
    return [stop - size for stop, size in zip(after, sizes, strict=True)], after


def _as_given(value: Any, machine_code: bool) -> Any:
    return np.array(value, dtype=np.int64) if machine_code else value


def _stopping(piece: _Piece, instrument: Instrument, machine_code: bool) -> list[int]:
    """Return the chosen way of each stroke, a number within its block; -1 where the hand would be too late."""
    costs, hands, beam = instrument.costs, instrument.hands, _search.BEAM
    first, after = _bounds([len(block.rows) for block in piece.blocks])
    options = columns([row for block in piece.blocks for row in block.rows], len(_search.OPTION_COLUMNS))
    weights = [thousandths(costs.move), round(100 * hands.jump_marks), round(1e6 * hands.jump_seconds)]
    weights += [thousandths(w) for w in (costs.string_change, costs.same_sound, costs.unison_pair, costs.cut)]
    most = max(len(block.rows) for block in piece.blocks)
    weights += [thousandths(costs.off_string), thousandths(costs.new_mark), beam, most]
    room = most * (beam + 1) + beam
    table = [[0] * room for _ in range(_search.ROWS)]
    spare = [[0] * room for _ in range(_search.ROWS)]
    count = len(piece.block)
    given: list[Any] = [piece.block, piece.onset, piece.end, first, after, [block.pitch for block in piece.blocks]]
    given += [options, weights, table, spare, [[0] * (count * most + 1 + beam) for _ in range(3)]]
    given += [[0] * (count * beam), [0] * (count * beam), [0] * count]
    arguments = [_as_given(value, machine_code) for value in given]
    search = compiled(_search.cheapest_way) if machine_code else _search.cheapest_way
    search(*arguments)
    chosen = arguments[-1].tolist() if machine_code else arguments[-1]
    return [choice - first[block] if choice >= 0 else -1 for block, choice in zip(piece.block, chosen, strict=True)]


def _report_late(piece: _Piece, chosen: Sequence[int], instrument: Instrument) -> None:
    """Note a problem for each stroke that the hand would reach too late."""
    before: list[float] = [0.0]
    since = 0
    for index, choice in enumerate(chosen):
        block = piece.blocks[piece.block[index]]
        if choice >= 0:
            held = [p.position for p in block.ways[choice] if p.technique in (Technique.STOPPED, Technique.HARMONIC)]
            if held:
                before, since = held, piece.onset[index]
            continue
        wanted = [
            [p.position for p in way if p.technique in (Technique.STOPPED, Technique.HARMONIC)] for way in block.ways
        ]
        nearest = min((marks for marks in wanted if marks), key=lambda marks: abs(marks[0] - before[0]))
        seconds = (piece.onset[index] - since) / 1e6
        kind, rule, remedy = why_too_late(instrument, before, nearest, seconds, piece.qpm[index])
        piece.problems.append(Problem(piece.bars[index], piece.notes[index], rule, remedy, kind))


def _striking(
    piece: _Piece, ways: Sequence[tuple[Placement, ...] | None], instrument: Instrument, machine_code: bool
) -> list[tuple[tuple[str, str], ...]]:
    """Return stroke and hand of each note of each stroke."""
    known: dict[Any, int] = {}
    strikes: list[Strikes] = []
    block, onset, until, pressed_until = [], [], [], 0
    for index, way in enumerate(ways):
        if way is None:
            continue
        number, pressed = _strike_number(way, piece.blocks[piece.block[index]].unison, instrument, known, strikes)
        block.append(number)
        onset.append(piece.onset[index])
        until.append(pressed_until)
        if pressed:
            pressed_until = piece.end[index]
    if not block:
        return [()] * len(ways)
    first, after = _bounds([len(strike.rows) for strike in strikes])
    most = max(len(strike.rows) for strike in strikes)
    options = columns([row for strike in strikes for row in strike.rows], len(_search.STROKE_COLUMNS))
    costs = instrument.costs
    weights = [thousandths(costs.shift), thousandths(costs.same_finger), thousandths(costs.repeat), most]
    given: list[Any] = [block, onset, until, first, after, options, weights, [[0] * most, [0] * most]]
    given += [[0] * (len(block) * most), [0] * len(block)]
    arguments = [_as_given(value, machine_code) for value in given]
    search = compiled(_search.cheapest_strokes) if machine_code else _search.cheapest_strokes
    search(*arguments)
    chosen = iter(arguments[-1].tolist() if machine_code else arguments[-1])
    numbers = iter(block)
    return [() if way is None else _named(strikes, first, next(numbers), next(chosen)) for way in ways]


def _named(strikes: Sequence[Strikes], first: Sequence[int], number: int, choice: int) -> tuple[tuple[str, str], ...]:
    return strikes[number].ways[choice - first[number]]


def _strike_number(
    way: tuple[Placement, ...], unison: bool, instrument: Instrument, known: dict[Any, int], strikes: list[Strikes]
) -> tuple[int, bool]:
    """Return the number of the block of strokes for a way, and whether the other hand presses."""
    strings = tuple(place.string for place in way)
    pressed = instrument.hands.stopping_hand_plucks and any(place.finger for place in way)
    key = (strings, pressed, unison)
    if key not in known:
        known[key] = len(strikes)
        strikes.append(strikes_of(instrument, strings, pressed, unison))
    return known[key], pressed
