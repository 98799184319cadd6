"""Ringing: how long a string is heard, and what ends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from symgen.instruments.base import Instrument, Placement, Tuning
from symgen.performance import PlayedNote
from symgen.score import Technique

OCTAVES_TO_HALVE = 2.0
"""A stopped string fades faster the shorter it is: in half the time two octaves up. An estimate."""


def ring_seconds(instrument: Instrument, tuning: Tuning, place: Placement, pitch: int) -> float:
    """Return how long a note is heard; 0 without strings.

    Between the values of the lowest and the highest string by the open string's pitch; on a stopped string less, the
    shorter the finger makes it. Harmonics and pressed strings sound over their whole length.

    Parameters
    ----------
    instrument, tuning : Instrument, Tuning
        Whose strings.
    place : Placement
        String and kind of place.
    pitch : int
        Sounding MIDI note number.
    """
    return _ring_seconds(instrument, tuning, place.string, place.technique, pitch) if place.string else 0.0


@lru_cache(maxsize=16384)
def _ring_seconds(instrument: Instrument, tuning: Tuning, string: int, technique: Technique, pitch: int) -> float:
    lowest, highest = min(tuning.open_pitches), max(tuning.open_pitches)
    opened = tuning.open_pitches[string - 1]
    share = (opened - lowest) / max(1, highest - lowest)
    low_string, high_string = instrument.ring_seconds[technique]
    seconds = low_string + (high_string - low_string) * share
    if instrument.marks and technique == Technique.STOPPED:
        seconds *= 0.5 ** ((pitch - opened) / (12.0 * OCTAVES_TO_HALVE))
    return seconds


def until_struck_again(onsets: Sequence[int], ends: Sequence[int], places: Sequence[Placement]) -> list[int]:
    """Return the ends, none later than the next stroke of its string; notes are in order of onset."""
    cut = list(ends)
    last: dict[int, int] = {}
    for index, (onset, place) in enumerate(zip(onsets, places, strict=True)):
        before = last.get(place.string)
        if before is not None and place.string:
            cut[before] = max(onsets[before] + 1, min(cut[before], onset))
        last[place.string] = index
    return cut


def until_hand_moves(onsets: Sequence[int], ends: Sequence[int], places: Sequence[Placement]) -> list[int]:
    """Return the ends, with stopped notes ended where the stopping hand is needed for the next stop or touch.

    A finger that leaves a stopped string ends its note, and a pressed one falls back to its open pitch: either way the
    note is over. Notes are in order of onset.
    """
    cut = list(ends)
    holding: list[int] = []
    for index, (onset, place) in enumerate(zip(onsets, places, strict=True)):
        if place.technique not in (Technique.STOPPED, Technique.HARMONIC):
            continue
        if holding and onset > onsets[holding[-1]]:
            for before in holding:
                cut[before] = max(onsets[before] + 1, min(cut[before], onset))
            holding = []
        if place.technique == Technique.STOPPED:
            holding.append(index)
    return cut


def for_one_wheel(notes: Sequence[PlayedNote]) -> list[PlayedNote]:
    """Return the notes as they have to ring where one pitch wheel bends all that sounds.

    What else rings ends where a curve begins, and a note whose curve does not lead back to its pitch ends where the
    next one begins, since the wheel then returns. Where each string has its own channel, none of this is needed.

    Parameters
    ----------
    notes : sequence of PlayedNote
        In order of onset.
    """
    found = list(notes)
    ringing: list[int] = []
    for index, note in enumerate(notes):
        for other in ringing:
            if found[other].bends and found[other].bends[-1].cents:
                found[other] = ended(found[other], note.onset)
        ringing = [other for other in ringing if found[other].onset + found[other].duration > note.onset]
        if note.bends:
            first = note.bends[0]
            begin = note.onset if first.cents else note.onset + first.offset
            for other in ringing:
                found[other] = ended(found[other], begin)
        ringing.append(index)
    return found


def ended(note: PlayedNote, tick: int) -> PlayedNote:
    """Return the note ended at `tick` if it would sound longer."""
    duration = max(1, min(note.duration, tick - note.onset))
    return note if duration == note.duration else replace(note, duration=duration)
