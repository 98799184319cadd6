"""Fingering: a string and a place for every note of a score, or why there is none.

Notes of one onset form a stroke. Each stroke has a set of arrangements that the hands can strike at once
(:func:`symgen.instruments.rules.arrangements`); a Viterbi search over the strokes takes the way of least
cost through them, with the weights of the instrument's :class:`~symgen.instruments.base.Costs`. What
cannot be played is reported with bar, notes, rule and remedy, and the rest is fingered without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, pairwise

import numpy as np
from numpy.typing import NDArray

from symgen.instruments.base import Instrument, Placement, Tuning, fraction_at
from symgen.instruments.rules import arrangements, most_attacks, placements
from symgen.score import Score, Technique
from symgen.units import bar_ticks, ticks_to_seconds

DEFAULT_QPM = 60.0
"""Tempo assumed where a score has none: the middle of guqin playing."""

MOST_EXAMINED = 2048
MOST_KEPT = 32
"""Arrangements of one stroke that are looked at, and the cheapest of them that the search keeps."""

Floats = NDArray[np.float64]
Sound = tuple[int, Technique]


@dataclass(frozen=True, slots=True)
class Problem:
    """Music that cannot be played as written.

    Parameters
    ----------
    bar : int
        Bar number from 1; bars of 4/4 are counted where the metre is unknown.
    notes : tuple of int
        Indices into ``score.notes``.
    rule : str
        What the instrument cannot do.
    remedy : str
        What would make it playable.
    """

    bar: int
    notes: tuple[int, ...]
    rule: str
    remedy: str

    def __str__(self) -> str:
        return f"bar {self.bar}: {self.rule}; {self.remedy}"


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


def finger(score: Score, instrument: Instrument, tuning: Tuning) -> Fingering:
    """Find string and place for every note.

    Parameters
    ----------
    score : Score
        Its tempo map (60 qpm if unknown) tells how much time the hand has.
    instrument, tuning : Instrument, Tuning
        What it is played on.

    Returns
    -------
    Fingering
        The same for the same input.
    """
    found: list[Placement | None] = [None] * len(score)
    problems: list[Problem] = []
    strokes = _strokes(score, instrument, tuning, problems)
    for stroke, choice in zip(strokes, _cheapest_way(strokes, instrument), strict=True):
        for note, placement in zip(stroke.notes, stroke.options.choices[choice], strict=True):
            found[note] = placement
    problems.sort(key=lambda problem: problem.notes)
    return Fingering(tuple(found), tuple(problems))


@dataclass(frozen=True, eq=False, slots=True)
class _Options:
    """The arrangements of one stroke, with what the costs need to know of them; n is their number.

    `hand` holds the place of the stopping hand (share of the string, or of the strings; NaN if it is
    free), `mark` the same in marks, `string` the mean string,`strings` the strings struck.
    """

    sounds: tuple[Sound, ...]
    choices: tuple[tuple[Placement, ...], ...]
    cost: Floats  # (n,)
    hand: Floats  # (n,)
    mark: Floats  # (n,)
    string: Floats  # (n,)
    strings: tuple[frozenset[int], ...]


@dataclass(frozen=True, slots=True)
class _Stroke:
    """Notes struck at once: indices, onset and latest written end in seconds, and their options."""

    notes: tuple[int, ...]
    onset: float
    end: float
    options: _Options


def _strokes(score: Score, instrument: Instrument, tuning: Tuning, problems: list[Problem]) -> list[_Stroke]:
    """Group the notes by onset; append a problem for each note or stroke that cannot be played."""
    notes = score.notes
    tempi = [(tempo.tick, tempo.qpm) for tempo in score.tempi] or [(0, DEFAULT_QPM)]
    onsets = ticks_to_seconds(notes["onset"], tempi, score.ticks_per_quarter).tolist()
    ends = ticks_to_seconds(notes["onset"] + notes["duration"], tempi, score.ticks_per_quarter).tolist()
    starts = np.flatnonzero(np.diff(notes["onset"], prepend=-1)).tolist()
    sounds = list(zip(notes["pitch"].tolist(), map(Technique, notes["technique"].tolist()), strict=True))
    bars = _bar_numbers(score)
    strokes = []
    for start, stop in pairwise([*starts, len(notes)]):
        group = [i for i in range(start, stop) if placements(instrument, tuning, *sounds[i])]
        for note in sorted(set(range(start, stop)) - set(group)):
            problems.append(_unplayable(int(bars[note]), note, sounds[note], instrument, tuning))
        if not group:
            continue
        options = _options(instrument, tuning, tuple(sounds[i] for i in group))
        if options is None:
            problems.append(_unstrikeable(int(bars[start]), tuple(group), instrument))
            continue
        strokes.append(_Stroke(tuple(group), onsets[start], max(ends[i] for i in group), options))
    return strokes


def _bar_numbers(score: Score) -> NDArray[np.int64]:
    """Return the bar of each note, from 1."""
    onsets = score.notes["onset"]
    if score.metres:
        return np.searchsorted(score.bar_starts(), onsets, side="right")
    return onsets // bar_ticks(4, 4, score.ticks_per_quarter) + 1


def _unplayable(bar: int, note: int, sound: Sound, instrument: Instrument, tuning: Tuning) -> Problem:
    """Describe a note that no string gives."""
    pitch, technique = sound
    within = [p for p in range(128) if placements(instrument, tuning, p, technique)]
    way = "" if technique == Technique.PLUCK else f" as {technique.name.lower()}"
    rule = f"{instrument.name} in tuning {tuning.name} cannot play pitch {pitch}{way}"
    if not within:
        return Problem(bar, (note,), rule, "give the note another technique")
    nearest = min(within, key=lambda p: (abs(p - pitch), p))
    return Problem(bar, (note,), rule, f"the nearest pitch it can play so is {nearest}")


def _unstrikeable(bar: int, group: tuple[int, ...], instrument: Instrument) -> Problem:
    """Describe notes that can each be played but not at once."""
    most = most_attacks(instrument)
    if len(group) > most:
        rule = f"{len(group)} notes at once where the {instrument.name} strikes at most {most}"
        return Problem(bar, group, rule, "roll the chord: let the notes follow each other")
    rule = f"no hand position of the {instrument.name} strikes these {len(group)} notes at once"
    return Problem(bar, group, rule, "let the notes follow each other, or move one to an open string's pitch")


@lru_cache(maxsize=16384)
def _options(instrument: Instrument, tuning: Tuning, sounds: tuple[Sound, ...]) -> _Options | None:
    """Return the cheapest arrangements of a stroke, or None if it cannot be struck."""
    if len(sounds) > most_attacks(instrument):
        return None
    choices = [placements(instrument, tuning, pitch, technique) for pitch, technique in sounds]
    examined = list(islice(arrangements(instrument, choices), MOST_EXAMINED))
    if not examined:
        return None

    def cost(arrangement: tuple[Placement, ...]) -> float:
        pairs = zip(sounds, arrangement, strict=True)
        return sum(_place_cost(instrument, tuning, pitch, placement) for (pitch, _), placement in pairs)

    kept = sorted(examined, key=cost)[:MOST_KEPT]
    hands = [_hand(instrument, tuning, arrangement) for arrangement in kept]
    return _Options(
        sounds=sounds,
        choices=tuple(kept),
        cost=np.array([cost(arrangement) for arrangement in kept]),
        hand=np.array([hand for hand, _ in hands]),
        mark=np.array([mark for _, mark in hands]),
        string=np.array([sum(p.string for p in arrangement) / len(arrangement) for arrangement in kept]),
        strings=tuple(frozenset(p.string for p in arrangement) for arrangement in kept),
    )


def _place_cost(instrument: Instrument, tuning: Tuning, pitch: int, placement: Placement) -> float:
    """Return what one placement costs by itself."""
    if placement.technique != Technique.STOPPED:
        return 0.0
    costs, reach = instrument.costs, instrument.hands.everyday[placement.string - 1]
    rise = pitch - tuning.open_pitches[placement.string - 1]
    beyond = max(0, rise - reach) * costs.beyond_everyday
    return costs.stopped + rise * costs.per_semitone + beyond + (costs.near_nut if rise < 2 else 0.0)


def _hand(instrument: Instrument, tuning: Tuning, arrangement: Sequence[Placement]) -> tuple[float, float]:
    """Return where the stopping hand is, as a share of its way and in marks; NaN where it is free."""
    held = [p for p in arrangement if p.technique in (Technique.STOPPED, Technique.HARMONIC)]
    if not held:
        return float("nan"), float("nan")
    if instrument.marks:
        spots = [fraction_at(p.position, instrument.marks) for p in held]
        return sum(spots) / len(spots), sum(p.position for p in held) / len(held)
    return sum(p.string for p in held) / len(held) / len(tuning.open_pitches), 0.0


@lru_cache(maxsize=32768)
def _transition(
    instrument: Instrument, earlier: _Options, later: _Options
) -> tuple[Floats, Floats, NDArray[np.bool_], NDArray[np.bool_]]:
    """Return costs between two strokes that do not depend on time, and what weighs with time.

    Returns
    -------
    fixed : ndarray of float64, shape (n_earlier, n_later)
        String change and repeated sounds.
    move : ndarray of float64, same shape
        Way of the stopping hand, in tenths.
    jump, shared : ndarray of bool, same shape
        Whether the hand jumps to another string beyond the limit; whether a string is struck again.
    """
    costs, hands = instrument.costs, instrument.hands
    fixed = costs.string_change * np.abs(earlier.string[:, None] - later.string[None, :])
    shared = np.array([[not a.isdisjoint(b) for b in later.strings] for a in earlier.strings], dtype=np.bool_)
    if earlier.sounds == later.sounds:
        same = np.array([[a == b for b in later.choices] for a in earlier.choices])
        fixed = fixed + costs.same_sound * same
    move = np.nan_to_num(10.0 * np.abs(earlier.hand[:, None] - later.hand[None, :]))
    jump = np.nan_to_num(np.abs(earlier.mark[:, None] - later.mark[None, :])) > hands.jump_marks
    return fixed, move, jump & ~shared & (hands.jump_marks > 0), shared


def _cheapest_way(strokes: Sequence[_Stroke], instrument: Instrument) -> list[int]:
    """Return the index of the chosen arrangement of each stroke (Viterbi)."""
    if not strokes:
        return []
    costs, limit = instrument.costs, instrument.hands.jump_seconds
    total = strokes[0].options.cost
    came_from: list[NDArray[np.int64]] = []
    for before, now in pairwise(strokes):
        fixed, move, jump, shared = _transition(instrument, before.options, now.options)
        seconds = max(now.onset - before.onset, 1e-3)
        way = total[:, None] + fixed + move * (costs.move / max(seconds, 0.1))
        if seconds < limit:
            way = way + costs.hurried_jump * jump
        if before.end > now.onset + 1e-6:
            way = way + costs.cut * shared
        best = way.argmin(axis=0)
        came_from.append(best)
        total = way[best, np.arange(len(best))] + now.options.cost
    choice = int(total.argmin())
    choices = [choice]
    for best in reversed(came_from):
        choice = int(best[choice])
        choices.append(choice)
    return choices[::-1]
