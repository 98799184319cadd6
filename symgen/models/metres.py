"""The metre of a passage, as training is told it.

Most zither sources change their metre, and some have none: their prefix says "variable" or "unknown". Who composes
asks for one metre, which the generator would then have met in folk song alone. So windows are told the metre that
holds for most of them, and pieces without bar lines are also learnt in the bars that fit them best.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from symgen.score import Metre
from symgen.tokens import chord, melody, rhythm
from symgen.tokens.prefix import METRES, metre_class
from symgen.tokens.sequence import TokenSequence
from symgen.units import TICKS_PER_QUARTER

_LONGEST = 4 * TICKS_PER_QUARTER


def metre_classes(metres: tuple[Metre, ...], onsets: NDArray[np.integer]) -> NDArray[np.int8]:
    """Return the number of the metre class that holds at each onset, in the order of the prefix; 0 if unknown."""
    if not metres:
        return np.zeros(len(onsets), np.int8)
    classes = np.array([METRES.index(metre_class((metre,))) for metre in metres], np.int8)
    places = np.searchsorted([metre.tick for metre in metres], onsets, side="right") - 1
    found: NDArray[np.int8] = classes[np.maximum(places, 0)]
    return found


def commonest_class(classes: NDArray[np.int8]) -> int:
    """Return the metre class of most steps of a window."""
    return int(np.bincount(classes, minlength=1).argmax())


def barred(sequence: TokenSequence, beats: int) -> TokenSequence:
    """Return a piece without bar lines in bars of so many quarters; a piece that has them as it is.

    Of the quarters that can begin a bar the one is taken on which the longest notes and the most chords begin.

    Parameters
    ----------
    sequence : TokenSequence
        The piece.
    beats : int
        Quarters a bar.
    """
    if sequence.metres or not len(sequence):
        return sequence
    begun, on_beat = np.divmod(sequence.onsets(), TICKS_PER_QUARTER)
    weight = np.minimum(rhythm.INTERVAL[sequence.rhythm], _LONGEST) * (1.0 + (sequence.chord != chord.NO_CHORD))
    strong = (on_beat == 0) & (sequence.melody != melody.REST)
    upbeat = int(np.bincount(begun[strong] % beats, weight[strong], beats).argmax())
    metres = [Metre(upbeat * TICKS_PER_QUARTER, beats, 4)]
    if upbeat:
        metres.insert(0, Metre(0, upbeat, 4))
    return replace(sequence, metres=tuple(metres), prefix=replace(sequence.prefix, metre=f"{beats}/4"))
