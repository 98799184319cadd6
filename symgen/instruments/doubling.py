"""Double notes where players have them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from symgen.instruments._options import can_strike
from symgen.instruments.adapting import Change, bar_numbers
from symgen.instruments.base import Instrument, Tuning
from symgen.instruments.rules import playable_pitches
from symgen.score import Score, Technique
from symgen.theory.degrees import note_name

DOUBLINGS = {"guqin": (-12, 0, -24, -7), "guzheng": (-12,)}
"""Intervals of double notes, the most usual first: of 37,672 guqin events 4.7 % are double notes, of them 47 % octaves,
18 % unisons, 11 % double octaves and 9 % fifths and twelfths; on the guzheng it is the octave of da cuo."""


def doubled(score: Score, instrument: Instrument, tuning: Tuning) -> tuple[Score, list[Change]]:
    """Add double notes where players have them: on long notes at the beginning of bars, and on the last note.

    Each is added only where both hands reach it easily and it cuts nothing that sounds.
    """
    notes, starts = score.notes, set(score.bar_starts().tolist())
    intervals = DOUBLINGS.get(instrument.name, (-12,))
    rows, changes, bars = [], [], bar_numbers(score)
    for index, follows in _single_strokes(notes):
        note = notes[index]
        long_enough = int(note["duration"]) >= score.ticks_per_quarter
        if not (long_enough and (int(note["onset"]) in starts or not follows)):
            continue
        if note["technique"] not in (Technique.PLUCK, Technique.OPEN, Technique.STOPPED):
            continue
        for interval in intervals:
            pair = (int(note["pitch"]), int(note["pitch"]) + interval)
            reachable = min(pair) >= 0 and all(p in playable_pitches(instrument, tuning, easily=True) for p in pair)
            if reachable and can_strike(instrument, tuning, [(pitch, Technique.PLUCK) for pitch in sorted(pair)]):
                added = note.copy()
                added["pitch"], added["technique"] = pair[1], Technique.PLUCK
                rows.append(added)
                rule = f"a long {note_name(pair[0])} on a strong beat"
                other = f"with {note_name(pair[1])}" if interval else "in unison on another string"
                changes.append(Change(bars[index], "double", rule, f"doubled {other}"))
                break
    if not rows:
        return score, []
    return replace(score, notes=np.concatenate([notes, np.array(rows, dtype=notes.dtype)])), changes


def _single_strokes(notes: NDArray[np.void]) -> Iterator[tuple[int, bool]]:
    """Yield notes that are struck alone, and whether others follow."""
    onsets = notes["onset"].tolist()
    for index, onset in enumerate(onsets):
        alone = (index == 0 or onsets[index - 1] < onset) and (index + 1 == len(onsets) or onsets[index + 1] > onset)
        if alone:
            yield index, index + 1 < len(onsets)
