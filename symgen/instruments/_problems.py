"""What cannot be played, in words: the rule that fails and the nearest change that would be playable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

from symgen.instruments._options import Sound, can_strike, ways_to_sound
from symgen.instruments.base import Instrument, Tuning
from symgen.instruments.rules import most_attacks, placements
from symgen.score import Technique
from symgen.theory.degrees import note_name

KINDS = ("range", "tone", "slide", "harmonic", "chord", "hands", "jump")
"""Kinds of problems: below or above all strings, no string gives the tone, no string gives it as a slide or as a
harmonic, more notes at once than can be struck, notes that no position of the hands joins, a hand that is too late."""


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
    kind : str
        One of :data:`KINDS`.
    """

    bar: int
    notes: tuple[int, ...]
    rule: str
    remedy: str
    kind: str = ""

    def __str__(self) -> str:
        return f"bar {self.bar}: {self.rule}; {self.remedy}"


@lru_cache(maxsize=4096)
def why_no_place(instrument: Instrument, tuning: Tuning, sound: Sound) -> tuple[str, str, str]:
    """Return kind, rule and remedy of a note that has no place."""
    pitch, technique = sound
    plain = (Technique.PLUCK, Technique.OPEN, Technique.STOPPED, Technique.GRACE)
    way = "" if technique in plain[:1] else f" as {technique.name.lower().replace('_', ' ')}"
    rule = f"{instrument.name} in tuning {tuning.name} cannot play pitch {pitch} ({note_name(pitch)}){way}"
    within = _sounding(instrument, tuning, technique)
    if technique != Technique.PLUCK and ways_to_sound(instrument, tuning, pitch, Technique.PLUCK):
        return _without_technique(instrument, tuning, sound, rule)
    if not within:
        return "tone", rule, "give the note another technique"
    nearest = min(within, key=lambda p: (abs(p - pitch), p))
    remedy = f"the nearest pitch it can play so is {nearest} ({note_name(nearest)})"
    octave = _nearest_octave(within, pitch)
    if octave is not None and octave != nearest:
        remedy += f", the nearest octave {octave} ({note_name(octave)})"
    if not min(within) <= pitch <= max(within):
        edge = "below" if pitch < min(within) else "above"
        limit = min(within) if pitch < min(within) else max(within)
        return "range", f"{rule}: {edge} its {'lowest' if edge == 'below' else 'highest'}, {note_name(limit)}", remedy
    others = [t.name for t in instrument.tunings.values() if ways_to_sound(instrument, t, pitch, technique)]
    if others:
        remedy += f"; tuning {others[0]} has it"
    return "tone", rule, remedy


def _without_technique(instrument: Instrument, tuning: Tuning, sound: Sound, rule: str) -> tuple[str, str, str]:
    """Describe a note that could be played, but not with its technique."""
    pitch, technique = sound
    within = _sounding(instrument, tuning, technique)
    octave = _nearest_octave(within, pitch)
    other = "" if octave is None else f", or play it at {octave} ({note_name(octave)})"
    if technique in (Technique.SLIDE_UP, Technique.SLIDE_DOWN, Technique.VIBRATO):
        if placements(instrument, tuning, pitch, Technique.OPEN):
            rule += ": it lies on an open string, and no other string can be stopped for it"
        return "slide", rule, f"leave the {technique.name.lower().replace('_', ' ')} out{other}"
    if technique == Technique.HARMONIC:
        return "harmonic", rule, f"play it open or stopped{other}"
    return "tone", rule, f"give the note another technique{other}"


@lru_cache(maxsize=1024)
def _sounding(instrument: Instrument, tuning: Tuning, technique: Technique) -> frozenset[int]:
    """Return all pitches that have a place."""
    return frozenset(p for p in range(128) if ways_to_sound(instrument, tuning, p, technique))


def _nearest_octave(within: frozenset[int], pitch: int) -> int | None:
    same = [p for p in within if (p - pitch) % 12 == 0]
    return min(same, key=lambda p: (abs(p - pitch), p)) if same else None


def why_not_struck(instrument: Instrument, tuning: Tuning, sounds: Sequence[Sound]) -> tuple[str, str, str]:
    """Return kind, rule and remedy of notes that can each be played but not at once."""
    names = " ".join(note_name(pitch) for pitch, _ in sounds)
    kept = largest_chord(instrument, tuning, tuple(sounds))
    left = " and ".join(note_name(sounds[index][0]) for index in kept)
    remedy = f"let the notes follow each other, or play {left} alone"
    most = most_attacks(instrument)
    if len(sounds) > most:
        rule = f"{len(sounds)} notes at once where the {instrument.name} strikes at most {most} ({names})"
        return "chord", rule, f"roll the chord: {remedy}"
    return (
        "hands",
        f"no hand position of the {instrument.name} strikes these {len(sounds)} notes at once ({names})",
        remedy,
    )


@lru_cache(maxsize=4096)
def largest_chord(instrument: Instrument, tuning: Tuning, sounds: tuple[Sound, ...]) -> tuple[int, ...]:
    """Return indices of the most notes that can be struck at once; highest and lowest are kept before the rest."""
    order = sorted(range(len(sounds)), key=lambda index: -sounds[index][0])
    order = [order[0], *order[:0:-1]]  # highest, lowest, and from there upwards
    for size in range(min(len(order), most_attacks(instrument)), 0, -1):
        for chosen in _subsets(order, size):
            ordered = tuple(sorted(chosen))
            if can_strike(instrument, tuning, [sounds[index] for index in ordered]):
                return ordered
    return ()


_MOST_SUBSETS = 64


def _subsets(order: Sequence[int], size: int) -> Iterator[tuple[int, ...]]:
    """Yield subsets with the first of `order` in them, then others, not too many."""
    for number, chosen in enumerate(combinations(order, size)):
        if number >= _MOST_SUBSETS:
            return
        yield chosen


def why_too_late(
    instrument: Instrument, before: Sequence[float], after: Sequence[float], seconds: float, qpm: float
) -> tuple[str, str, str]:
    """Return kind, rule and remedy of a hand that would have to jump too fast.

    Parameters
    ----------
    instrument : Instrument
        Whose limit is broken.
    before, after : sequence of float
        Marks that the hand holds, and the nearest that it would have to hold.
    seconds : float
        Time that it has.
    qpm : float
        Tempo there.
    """
    hands = instrument.hands
    rule = (
        f"the hand cannot jump from mark {before[0]:g} to mark {after[0]:g} on another string in {seconds:.2f} s: "
        f"more than {hands.jump_marks:g} marks take {hands.jump_seconds:g} s"
    )
    slower = int(qpm * seconds / hands.jump_seconds)
    return "jump", rule, f"play it at {max(1, slower)} qpm or slower, or move the note by an octave"
