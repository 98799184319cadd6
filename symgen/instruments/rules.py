"""What can be played: places for one note, and what two hands can strike at once.

All functions read the tables of an :class:`~symgen.instruments.base.Instrument` and are cached, since
the sampler asks them for every step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

from symgen.instruments.base import Instrument, Placement, Tuning, fraction_at, position_at
from symgen.score import Technique
from symgen.theory.degrees import PENTATONIC
from symgen.theory.modes import MODE_BY_NAME, parse_mode

SLACK = 1e-9
"""Allowance for rounding where two fractions of a string are compared."""


@lru_cache(maxsize=65536)
def placements(
    instrument: Instrument, tuning: Tuning, pitch: int, technique: Technique = Technique.PLUCK
) -> tuple[Placement, ...]:
    """Return all ways to play one note, the handiest first.

    Parameters
    ----------
    instrument, tuning : Instrument, Tuning
        What is played.
    pitch : int
        Sounding MIDI note number.
    technique : Technique
        As written; it decides which kinds of place count.

    Returns
    -------
    tuple of Placement
        Open strings first, then stops by their height, then harmonics; empty if the note cannot be played.
    """
    if not tuning.open_pitches:
        return (Placement(0, 0.0, Technique.PLUCK),) if instrument.low <= pitch <= instrument.high else ()
    ways = instrument.ways[Technique(technique)]
    found: list[tuple[int, Placement]] = []
    for string, open_pitch in enumerate(tuning.open_pitches, start=1):
        rise = pitch - open_pitch
        if rise == 0 and Technique.OPEN in ways:
            found.append((0, Placement(string, 0.0, Technique.OPEN)))
        if Technique.STOPPED in ways and _can_stop(instrument, string, rise, technique):
            position = position_at(rise, instrument.marks) if instrument.marks else float(rise)
            found.append((rise, Placement(string, position, Technique.STOPPED)))
        if Technique.HARMONIC in ways:
            places = instrument.harmonics.get(rise, ())
            found.extend((rise, Placement(string, place, Technique.HARMONIC)) for place in places)
    return tuple(placement for _, placement in sorted(found, key=lambda item: item[0]))


def _can_stop(instrument: Instrument, string: int, rise: int, technique: Technique) -> bool:
    """Return whether a string can be stopped `rise` semitones up, a slide also a semitone before or beyond."""
    most = instrument.hands.extreme[string - 1]
    if technique == Technique.SLIDE_UP and instrument.marks:
        return 2 <= rise <= most  # it comes from a stop: the open string itself cannot slide
    if technique == Technique.SLIDE_DOWN:
        return 0 < rise < most
    return 0 < rise <= most


def everyday(instrument: Instrument, tuning: Tuning, pitch: int, placement: Placement) -> bool:
    """Return whether a placement lies within easy reach, beyond which playing becomes virtuosic."""
    rise = pitch - tuning.open_pitches[placement.string - 1] if tuning.open_pitches else 0
    if placement.technique == Technique.HARMONIC:
        return rise <= instrument.hands.everyday_harmonic
    return placement.technique != Technique.STOPPED or rise <= instrument.hands.everyday[placement.string - 1]


@lru_cache(maxsize=1024)
def playable_pitches(
    instrument: Instrument,
    tuning: Tuning,
    technique: Technique = Technique.PLUCK,
    *,
    easily: bool = False,
) -> frozenset[int]:
    """Return the MIDI note numbers that can be played with this technique; `easily` keeps to everyday reach."""
    return frozenset(
        pitch
        for pitch in range(128)
        if any(
            not easily or everyday(instrument, tuning, pitch, placement)
            for placement in placements(instrument, tuning, pitch, technique)
        )
    )


def strikeable(
    instrument: Instrument,
    tuning: Tuning,
    pitches: tuple[int, ...],
    technique: Technique = Technique.PLUCK,
    *,
    easily: bool = False,
) -> bool:
    """Return whether `pitches` can be attacked at once with one technique.

    Guqin: one or two strings, two stops no further apart than thumb and ring finger. Guzheng: two hands
    of four notes and eight strings each, at most two pressed strings, and a hand that presses does not
    pluck. Nothing sounds twice from one string. An empty chord can be struck.

    Parameters
    ----------
    instrument, tuning : Instrument, Tuning
        What is played.
    pitches : tuple of int
        MIDI note numbers in any order; a pitch given twice needs two strings.
    technique : Technique
        Holds for all of them.
    easily : bool
        Keep to everyday reach.
    """
    return _strikeable(instrument, tuning, tuple(sorted(pitches)), Technique(technique), easily)


@lru_cache(maxsize=262144)
def _strikeable(
    instrument: Instrument, tuning: Tuning, pitches: tuple[int, ...], technique: Technique, easily: bool
) -> bool:
    if len(pitches) > most_attacks(instrument):
        return False
    choices = [
        [
            p
            for p in placements(instrument, tuning, pitch, technique)
            if not easily or everyday(instrument, tuning, pitch, p)
        ]
        for pitch in pitches
    ]
    return next(arrangements(instrument, choices), None) is not None


def most_attacks(instrument: Instrument) -> int:
    """Return how many notes can be attacked at once at most."""
    return instrument.hands.plucking_hands * instrument.hands.notes_per_hand


def arrangements(instrument: Instrument, choices: Sequence[Sequence[Placement]]) -> Iterator[tuple[Placement, ...]]:
    """Yield every way of striking notes at once, given the placements that each could have.

    Parameters
    ----------
    instrument : Instrument
        Whose hands strike.
    choices : sequence of sequences of Placement, one a note
        As from :func:`placements`.

    Yields
    ------
    tuple of Placement, one a note
    """
    chosen: list[Placement] = []
    used: set[int] = set()

    def place(index: int) -> Iterator[tuple[Placement, ...]]:
        if index == len(choices):
            if plucks_together(instrument, chosen):
                yield tuple(chosen)
            return
        for placement in choices[index]:
            if placement.string in used:
                continue
            chosen.append(placement)
            used.add(placement.string)
            if stops_together(instrument, chosen):
                yield from place(index + 1)
            chosen.pop()
            used.remove(placement.string)

    return place(0)


def stops_together(instrument: Instrument, chosen: Sequence[Placement]) -> bool:
    """Return whether one hand can hold all the stops, presses and touches among `chosen` at once."""
    held = [p for p in chosen if p.technique in (Technique.STOPPED, Technique.HARMONIC)]
    hands = instrument.hands
    if len(held) > hands.stops:
        return False
    if hands.stop_span and len(held) > 1:
        spots = [fraction_at(p.position, instrument.marks) for p in held]
        return max(spots) - min(spots) <= hands.stop_span + SLACK
    if hands.stop_gaps and len(held) > 1:
        strings = sorted(p.string for p in held)
        return all(upper - lower in hands.stop_gaps for lower, upper in pairwise(strings))
    return True


def plucks_together(instrument: Instrument, chosen: Sequence[Placement]) -> bool:
    """Return whether the plucking hands reach all the strings of `chosen` at once.

    Hands do not cross: taken in order of strings, each hand takes a run of neighbours.
    """
    hands = instrument.hands
    busy = hands.stopping_hand_plucks and any(p.technique in (Technique.STOPPED, Technique.HARMONIC) for p in chosen)
    free = hands.plucking_hands - (1 if busy else 0)
    strings = sorted(p.string for p in chosen)
    while strings and free:
        first = strings[0]
        taken = sum(1 for string in strings[: hands.notes_per_hand] if string - first <= hands.strings_per_hand)
        strings = strings[taken:]
        free -= 1
    return not strings


def open_degrees(tuning: Tuning, gong: int) -> tuple[int, ...]:
    """Return the open strings that are zheng tones of `gong`, as semitones above gong, string by string."""
    degrees = ((pitch - gong) % 12 for pitch in tuning.open_pitches)
    return tuple(degree for degree in degrees if degree in PENTATONIC)


@lru_cache(maxsize=4096)
def serves(instrument: Instrument, tuning: Tuning, gong: int) -> bool:
    """Return whether music in the gong system `gong` lies well in a tuning.

    It does where tradition plays it so (``tuning.gongs``), or where at least three of the five zheng tones
    are open strings, among them gong or its fifth, and an everyday stop gives the others. Almost
    anything can be stopped somewhere; what does not ring is not idiomatic.
    """
    if gong % 12 in tuning.gongs or not tuning.open_pitches:
        return True
    degrees = set(open_degrees(tuning, gong))
    easy = {pitch % 12 for pitch in playable_pitches(instrument, tuning, easily=True)}
    reachable = all((gong + tone) % 12 in easy for tone in PENTATONIC)
    return len(degrees) >= 3 and bool(degrees & {0, 7}) and reachable


def tuning_for(instrument: Instrument, gong: int) -> Tuning:
    """Return the best tuning for a gong: the habitual one, else the one with most zheng tones on open strings.

    There always is one; :func:`serves` tells whether it is a good one.
    """
    return max(instrument.tunings.values(), key=lambda tuning: _fitness(instrument, tuning, gong))


def tunings_for(instrument: Instrument, gong: int, mode: str | None = None) -> tuple[Tuning, ...]:
    """Return the tunings that serve `gong`, best first; with a mode, those whose final is an open string lead.

    Parameters
    ----------
    instrument : Instrument
        What is played.
    gong : int
        Pitch class of degree 1.
    mode : str, optional
        gong, shang, jue, zhi or yu.

    Returns
    -------
    tuple of Tuning
        Empty if none serves.

    Raises
    ------
    UsageError
        If there is no such mode.
    """
    final = (gong + MODE_BY_NAME[parse_mode(mode)].final) % 12 if mode is not None else None

    def order(tuning: Tuning) -> tuple[bool, tuple[int, ...]]:
        rings = final is None or any(pitch % 12 == final for pitch in tuning.open_pitches)
        return rings, _fitness(instrument, tuning, gong)

    serving = (tuning for tuning in instrument.tunings.values() if serves(instrument, tuning, gong))
    return tuple(sorted(serving, key=order, reverse=True))


def _fitness(instrument: Instrument, tuning: Tuning, gong: int) -> tuple[int, ...]:
    """Return a key that is largest for the best tuning: habit, service, tones, strings, ease of retuning."""
    degrees = open_degrees(tuning, gong)
    standard = instrument.tunings[instrument.default_tuning].open_pitches
    retuned = sum(1 for ours, theirs in zip(tuning.open_pitches, standard, strict=True) if ours != theirs)
    habit = int(instrument.habitual.get(gong % 12) == tuning.name)
    return habit, int(serves(instrument, tuning, gong)), len(set(degrees)), len(degrees), -retuned
