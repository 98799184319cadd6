"""The melodic line of a piece, and the phrases that it falls into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from symgen.tokens import melody
from symgen.tokens.sequence import TokenSequence

Integers = NDArray[np.int64]

_NEIGHBOURS: Final = 8
_LONGER: Final = 2.0
_SHORTEST_PHRASE: Final = 3


@dataclass(frozen=True, slots=True)
class Line:
    """The melodic line of a piece: one row a note, rests left out.

    Parameters
    ----------
    melody, chord, rhythm : ndarray of int64, shape (notes,)
        Tokens.
    pitch : ndarray of int64, shape (notes,)
        Semitones above the reference gong.
    onset : ndarray of int64, shape (notes,)
        Ticks.
    interval : ndarray of int64, shape (notes,)
        Ticks to the next note, of the last one to the end of the piece.
    """

    melody: Integers
    chord: Integers
    rhythm: Integers
    pitch: Integers
    onset: Integers
    interval: Integers


def line_of(sequence: TokenSequence) -> Line:
    """Return the melodic line of a piece: of each onset the last struck step, the highest tone in tokens."""
    sounding = np.flatnonzero(sequence.melody != melody.REST)
    onsets = sequence.onsets()[sounding]
    last = np.append(np.diff(onsets) > 0, True) if len(onsets) else np.zeros(0, np.bool_)
    chosen, onsets = sounding[last], onsets[last]
    tokens, chords, rhythms = (
        column[chosen].astype(np.int64) for column in (sequence.melody, sequence.chord, sequence.rhythm)
    )
    interval = np.diff(onsets, append=sequence.end) if len(onsets) else np.zeros(0, np.int64)
    return Line(tokens, chords, rhythms, melody.RELATIVE[tokens], onsets, interval)


def phrase_ends(line: Line) -> Integers:
    """Return the notes that end a phrase, the last one of the piece with them.

    A phrase of three notes or more ends with a note whose interval to the next is at least twice the mean of the
    eight around it: the long notes and rests by which the grouping rules of Lerdahl and Jackendoff (1983, rule
    of proximity) hear a boundary, and Cambouropoulos (2001) finds one. Approximate, and the same for all music here.
    """
    notes = len(line.interval)
    if not notes:
        return np.zeros(0, np.int64)
    padded = np.pad(
        line.interval.astype(np.float64), _NEIGHBOURS // 2, mode="reflect" if notes > _NEIGHBOURS else "edge"
    )
    total = np.convolve(padded, np.ones(_NEIGHBOURS + 1), mode="valid")
    long = line.interval >= _LONGER * (total - line.interval) / _NEIGHBOURS
    ends: list[int] = []
    for note in np.flatnonzero(long[:-1]).tolist():
        if note - (ends[-1] if ends else -1) >= _SHORTEST_PHRASE:
            ends.append(note)
    return np.array([*ends, notes - 1], dtype=np.int64)
