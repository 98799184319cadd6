"""Performing: from what is written to what is played.

:func:`plain` plays a score to the letter. :func:`perform` gives it a player: dynamics from metre and
phrase, a breath of rubato, onsets a few milliseconds off the grid, strings that ring until they are struck
again, and the bends of the left hand. Both finger the score first, so that nothing unplayable comes out.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from symgen.errors import PlayabilityError
from symgen.instruments.base import Instrument, Placement, Tuning
from symgen.instruments.expression import (
    MANNERS,
    OTHER_MANNER,
    Clock,
    end_of_last_bar,
    moved_onsets,
    shaped_tempi,
    shaped_velocities,
)
from symgen.instruments.fingering import DEFAULT_QPM, Fingering, finger
from symgen.instruments.ornaments import Player, add_bends
from symgen.performance import Performance, PlayedNote
from symgen.score import Score, Technique, Tempo
from symgen.units import TICKS_PER_QUARTER


def plain(score: Score, instrument: Instrument, tuning: Tuning, *, fingering: Fingering | None = None) -> Performance:
    """Return the score as written: its onsets, lengths, velocities and tempo, no bends.

    A note ends early only where its own string is struck again.

    Parameters
    ----------
    score : Score
        What is played; it comes out at 480 ticks per quarter note.
    instrument, tuning : Instrument, Tuning
        What it is played on.
    fingering : Fingering, optional
        As from :func:`~symgen.instruments.fingering.finger`, to save doing it again.

    Raises
    ------
    PlayabilityError
        Naming the first bar, the notes and the rule, if something cannot be played.
    """
    score, places = _fingered(score, instrument, tuning, fingering)
    onsets = score.notes["onset"].tolist()
    ends = _until_struck_again(onsets, (score.notes["onset"] + score.notes["duration"]).tolist(), places)
    notes = _played(score, onsets, ends, score.notes["velocity"].tolist(), places)
    tempi = score.tempi or (Tempo(0, DEFAULT_QPM),)
    return Performance(score, tuple(notes), tempi, instrument.name, tuning.name, instrument.program)


def perform(
    score: Score,
    instrument: Instrument,
    tuning: Tuning,
    *,
    style: str,
    seed: int,
    humanize: float = 0.5,
    fingering: Fingering | None = None,
) -> Performance:
    """Return the score as somebody would play it.

    Parameters
    ----------
    score, instrument, tuning, fingering
        As for :func:`plain`.
    style : str
        Chooses the :class:`~symgen.instruments.expression.Manner`.
    seed : int
        The same seed gives the same performance.
    humanize : float
        0 keeps grid and tempo, 1 is the freest; ornaments do not depend on it.

    Raises
    ------
    PlayabilityError
        As :func:`plain`.
    """
    score, places = _fingered(score, instrument, tuning, fingering)
    manner, freedom = MANNERS.get(style, OTHER_MANNER), max(0.0, min(1.0, humanize))
    clock, limit = Clock(shaped_tempi(score, manner, freedom)), end_of_last_bar(score)
    # One stream of chance for each matter: a change in one leaves the others as they were.
    onsets = moved_onsets(score, clock, manner.onset_seconds * freedom, Random(f"{seed}/onsets"), limit)
    velocities = shaped_velocities(score, instrument, places, manner, freedom, Random(f"{seed}/velocities"))
    ends = _ringing(score, instrument, tuning, places, onsets, clock, limit)
    notes = _played(score, onsets, ends, velocities, places)
    marks = [Technique(value) for value in score.notes["technique"].tolist()]
    player = Player(instrument, tuning, clock.ticks_per_second)
    add_bends(notes, score.notes["onset"].tolist(), marks, player, Random(f"{seed}/bends"))
    notes.sort(key=lambda note: (note.onset, note.pitch, note.string))
    return Performance(score, tuple(notes), clock.tempi, instrument.name, tuning.name, instrument.program)


def _fingered(
    score: Score, instrument: Instrument, tuning: Tuning, fingering: Fingering | None
) -> tuple[Score, list[Placement]]:
    """Return the score at 480 ticks and a placement for each note, or raise for the first problem."""
    score = score.resampled(TICKS_PER_QUARTER)
    fingering = fingering or finger(score, instrument, tuning)
    if fingering.problems:
        first, more = fingering.problems[0], len(fingering.problems) - 1
        pitches = " ".join(str(score.notes["pitch"][note]) for note in first.notes)
        tail = f" (and {more} more problems)" if more else ""
        raise PlayabilityError(f"bar {first.bar}, pitch {pitches}: {first.rule}{tail}", remedy=first.remedy)
    return score, [placement for placement in fingering.placements if placement is not None]


def _played(
    score: Score, onsets: Sequence[int], ends: Sequence[int], velocities: Sequence[int], places: Sequence[Placement]
) -> list[PlayedNote]:
    """Return the notes in the order of the score; a written technique stands, an unmarked note shows its place."""
    notes = []
    columns = (score.notes["pitch"].tolist(), score.notes["technique"].tolist())
    for onset, end, velocity, place, pitch, mark in zip(onsets, ends, velocities, places, *columns, strict=True):
        technique = place.technique if mark == Technique.PLUCK else Technique(mark)
        notes.append(PlayedNote(onset, end - onset, pitch, velocity, place.string, place.position, technique))
    return notes


def _until_struck_again(onsets: Sequence[int], ends: Sequence[int], places: Sequence[Placement]) -> list[int]:
    """Return the ends, none later than the next stroke of its string."""
    cut = list(ends)
    last: dict[int, int] = {}
    for index, (onset, place) in enumerate(zip(onsets, places, strict=True)):
        before = last.get(place.string)
        if before is not None and place.string:
            cut[before] = max(onsets[before] + 1, min(cut[before], onset))
        last[place.string] = index
    return cut


def _ringing(
    score: Score,
    instrument: Instrument,
    tuning: Tuning,
    places: Sequence[Placement],
    onsets: Sequence[int],
    clock: Clock,
    limit: int,
) -> list[int]:
    """Return where each note ends: string struck again, hand moved on, ring faded, or the piece over."""
    ends = []
    for onset, length, place in zip(onsets, score.notes["duration"].tolist(), places, strict=True):
        seconds = _ring_seconds(instrument, tuning, place)
        ticks = clock.ticks(seconds, onset) if seconds else length
        ends.append(max(onset + 1, min(limit, onset + ticks)))
    if instrument.marks:
        ends = _until_hand_moves(onsets, ends, places)
    return _until_struck_again(onsets, ends, places)


def _ring_seconds(instrument: Instrument, tuning: Tuning, place: Placement) -> float:
    """Return how long a string is heard, between the values of the lowest and the highest; 0 without strings."""
    if not place.string:
        return 0.0
    lowest, highest = min(tuning.open_pitches), max(tuning.open_pitches)
    share = (tuning.open_pitches[place.string - 1] - lowest) / max(1, highest - lowest)
    low_string, high_string = instrument.ring_seconds[place.technique]
    return low_string + (high_string - low_string) * share


def _until_hand_moves(onsets: Sequence[int], ends: Sequence[int], places: Sequence[Placement]) -> list[int]:
    """Return the ends, with stopped notes ended where the stopping hand is needed for the next stop or touch."""
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
