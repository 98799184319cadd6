"""Chord tokens: the sonority that sounds under the melody tone, from a closed inventory.

A chord is written as the intervals in semitones below the melody tone, which is the highest. The
inventory holds every dyad that two zheng tones can form up to three octaves, and every three- and
four-note sonority that fits into one pentatonic set within an octave and a half, with octave
doublings: open fifths, quartal and added-tone chords, the one major and the one minor triad. Tones
that fit no entry become steps of their own at the same onset, so nothing is lost.
"""

from __future__ import annotations

from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from symgen.theory.degrees import PENTATONIC
from symgen.tokens.vocabulary import Vocabulary

NAME: Final = "chord"

NO_CHORD: Final = 1
"""Number of the token for a tone that sounds alone."""

_DYAD_SPAN = 36
_CHORD_SPAN = 19

_CLASSIC_DYADS = (12, 0, 24, 7, 5, 19, 17)
"""Octave, unison, double octave, fifth, fourth, twelfth, eleventh: nine in ten of the guqin's simultaneities."""


def _is_pentatonic(intervals: tuple[int, ...]) -> bool:
    """Tell whether the melody tone and the tones `intervals` below it fit into one pentatonic set."""
    classes = {0, *(-interval % 12 for interval in intervals)}
    return any({(pitch_class + top) % 12 for pitch_class in classes} <= set(PENTATONIC) for top in PENTATONIC)


def _inventory() -> tuple[tuple[int, ...], ...]:
    dyads = [(interval,) for interval in _CLASSIC_DYADS]
    dyads += [(i,) for i in range(1, _DYAD_SPAN + 1) if i not in _CLASSIC_DYADS and _is_pentatonic((i,))]
    span = range(2, _CHORD_SPAN + 1)
    larger = [c for size in (2, 3) for c in combinations(span, size) if _is_pentatonic(c)]
    octaves = [(12, 24)]
    return ((), *dyads, *larger, *octaves)


SONORITIES: Final[tuple[tuple[int, ...], ...]] = _inventory()
"""Intervals below the melody tone, ascending, of each chord from token 1 on; the first is the empty one."""

_NUMBER = {intervals: index + 1 for index, intervals in enumerate(SONORITIES)}
_MAX_INTERVAL = max(max(intervals, default=0) for intervals in SONORITIES)


def _member(place: int) -> NDArray[np.int64]:
    """Return interval + 1 of the `place`-th tone below the melody for each token, 0 where there is none."""
    column = [0] + [c[place] + 1 if place < len(c) else 0 for c in SONORITIES]
    return np.array(column, dtype=np.int64)


VOCABULARY: Final = Vocabulary(
    NAME,
    ("<start>", "none", *tuple("-" + "-".join(map(str, c)) for c in SONORITIES[1:])),
    {"first": _member(0), "second": _member(1), "third": _member(2)},
)


def chord_token(intervals: tuple[int, ...]) -> int | None:
    """Return the token for intervals below the melody tone, ascending, or None if it is no entry."""
    return _NUMBER.get(intervals)


def chord_intervals(token: int) -> tuple[int, ...]:
    """Return the intervals below the melody tone of a chord token; empty for none and ``<start>``."""
    return SONORITIES[token - 1] if token else ()
