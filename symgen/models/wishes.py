"""What can be asked of a passage, as training sees it in real music: how dense, how leaping, how high, where to.

A piece is cut into passages of four bars of four quarters; each has a level for each dial of
:data:`symgen.models.features.DIALS`. The edges between levels are about equal shares of real passages.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from symgen.models.features import DIALS, GOAL, LEVELS, PLACE, span_classes
from symgen.tokens import melody
from symgen.tokens.sequence import TokenSequence
from symgen.units import TICKS_PER_QUARTER

PASSAGE: Final = 16 * TICKS_PER_QUARTER
"""Ticks of a passage."""

EDGES: Final[dict[str, tuple[float, ...]]] = {
    "density": (0.7, 1.0, 1.25, 1.5, 1.75, 2.1),
    "leaps": (1.6, 2.1, 2.6, 3.1, 3.8, 5.0),
    "register": (-6.0, -3.0, -1.0, 1.0, 3.0, 6.0),
}
"""Edges between the levels: onsets a quarter; mean semitones between tones; mean semitones from the piece's mean."""

_GOAL_COLUMNS: Final = [PLACE[name] for name in GOAL]
_DIAL_COLUMNS: Final = [PLACE[name] for name in DIALS]


def passage_levels(sequence: TokenSequence) -> NDArray[np.int8]:
    """Return the level of each dial in the passage that each step stands in.

    Returns
    -------
    ndarray of int8, shape (steps, len(DIALS))
        1 to 7; 0 where a passage has too few tones to tell.
    """
    times = sequence.onsets()
    levels = np.zeros((len(times), len(DIALS)), dtype=np.int8)
    if not len(times):
        return levels
    passages = times // PASSAGE
    sounding = np.flatnonzero(sequence.melody != melody.REST)
    pitch = melody.RELATIVE[sequence.melody[sounding]].astype(np.float64)
    struck = np.ones(len(sounding), np.bool_)
    struck[1:] = times[sounding][1:] != times[sounding][:-1]
    count = int(passages[-1]) + 1
    number = passages[sounding]
    lengths = np.minimum(PASSAGE, np.maximum(TICKS_PER_QUARTER, sequence.end - PASSAGE * np.arange(count)))
    tones = np.bincount(number, minlength=count)
    moves = np.abs(np.diff(pitch, prepend=pitch[:1]))
    with np.errstate(invalid="ignore"):
        values = {
            "density": np.bincount(number, struck, count) / (lengths / TICKS_PER_QUARTER),
            "leaps": np.bincount(number, moves, count) / tones,
            "register": np.bincount(number, pitch, count) / tones - (pitch.mean() if len(pitch) else 0.0),
        }
    for place, name in enumerate(DIALS):
        classes = np.where(tones >= 4, np.searchsorted(EDGES[name], values[name]) + 1, 0)
        levels[:, place] = classes[passages]
    assert levels.max(initial=0) <= LEVELS
    return levels


def ask_levels(features: NDArray[np.int64], levels: NDArray[np.int8], hidden: NDArray[np.bool_]) -> None:
    """Write the levels of a window into its features (T, F), but for the dials that are hidden."""
    features[:, _DIAL_COLUMNS] = np.where(hidden, 0, levels)


def ask_goal(features: NDArray[np.int64], steps: NDArray[np.integer], times: NDArray[np.int64], place: int) -> None:
    """Write into the features (T, F) of a window that its step `place` is to be reached.

    Parameters
    ----------
    features : ndarray of int64, shape (T, len(FEATURES))
        Changed in place.
    steps : ndarray, shape (T, 3)
        Tokens of the window.
    times : ndarray of int64, shape (T,)
        Onset of each step in ticks.
    place : int
        At least 1 and less than T.
    """
    before = times < times[place]
    after = int(steps[place + 1, 1]) if place + 1 < len(steps) else 0
    row = np.array([0, steps[place, 0], steps[place, 1], after])
    values = np.tile(row, (len(times), 1))
    values[:, 0] = span_classes(times[place] - times)
    features[np.ix_(before, _GOAL_COLUMNS)] = values[before]
