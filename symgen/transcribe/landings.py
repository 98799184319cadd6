"""Tones that sound without a stroke of their own: where a slide into a note has landed.

A string that is struck beside its note and slid to it (chuo, zhu, a pressed string let go) is struck at one key and
rests on another. If the network gives the stroke to the first key, or to none, the tone on the second is left
unexplained.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from symgen.transcribe.paths import FULL, HOP_S, PER_SEMITONE, Rolls, Stroke, walk

if TYPE_CHECKING:
    from symgen.transcribe.features import Onsets

SURE, SHORTEST_FRAMES = 0.7, 6
"""Frame activation of an unexplained tone, and how many frames it lasts at least."""

SLIDE_FRAMES = 22
"""A slide into a note takes at most this long, 0.35 s."""

SLIDE_KEYS = 4
"""Semitones that it covers at most."""

CLAIMED_S = 0.05
"""A rise of the spectrum this near to a stroke is that stroke."""

SILENT = 0.3
"""Frame activation of a key on which nothing sounds before a note slides there."""

ORPHAN = 0.0
"""Height of a tone that only sounds: a note slid out to it (:mod:`symgen.transcribe.departures`), or it is none."""

NEW_HEIGHT = 0.5
"""Height of a stroke that only the spectrum and the tone after it tell of."""


def landed(strokes: Sequence[Stroke], rolls: Rolls, tuning: float, onsets: Onsets | None) -> list[Stroke]:
    """Return the strokes in order of time, with unexplained tones given to them or to strokes of their own.

    Parameters
    ----------
    strokes : sequence of Stroke
        With their curves; those that slide are changed.
    rolls : Rolls
        Activations of the whole recording.
    tuning : float
        Semitones by which the recording lies off the keys.
    onsets : Onsets or None
        Rises of the spectrum.
    """
    covered = np.zeros(rolls.frame.shape, dtype=bool)
    for stroke in strokes:
        _cover(covered, stroke)
    found = sorted(strokes, key=_first)
    rises = onsets.times if onsets is not None else np.zeros(0)
    for start, stop, key in _unexplained(rolls, covered):
        if covered[start:stop, key].mean() > 0.5:
            continue
        stop = _next_start(found, key, start, len(rolls.frame))
        parent = _parent(found, rolls, start, key)
        if parent is not None:
            _land(parent, rolls, tuning, start, stop, key)
        else:
            parent = _unheard_stroke(found, rises, rolls, tuning, start, stop, key)
            if (
                parent is None
                and rolls.frame[max(0, start - 14) : max(0, start - 5), key].max(initial=0) < SILENT * FULL
            ):
                parent = _orphan(rolls, tuning, start, stop, key)
            if parent is None:
                continue
            insort(found, parent, key=_first)
        _cover(covered, parent)
    return sorted(found, key=lambda stroke: (stroke.at, stroke.key))


def _cover(covered: NDArray[np.bool_], stroke: Stroke) -> None:
    keys = np.round((np.array(stroke.bins) - 1.0) / PER_SEMITONE).astype(int)
    for away in (-1, 0, 1):
        covered[stroke.frames, np.clip(keys + away, 0, covered.shape[1] - 1)] = True


def _unexplained(rolls: Rolls, covered: NDArray[np.bool_]) -> list[tuple[int, int, int]]:
    """Return (first frame, frame after the last, key) of tones that no curve runs through, in order of time."""
    alone = (rolls.frame >= SURE * FULL) & ~covered
    edges = np.diff(np.pad(alone, ((1, 1), (0, 0))).astype(np.int8), axis=0)
    runs = []
    for key in np.flatnonzero(alone.any(axis=0)).tolist():
        starts, stops = np.flatnonzero(edges[:, key] == 1), np.flatnonzero(edges[:, key] == -1)
        long = stops - starts >= SHORTEST_FRAMES
        runs += [(int(a), int(b), key) for a, b in zip(starts[long], stops[long], strict=True)]
    return sorted(runs)


def _first(stroke: Stroke) -> int:
    return stroke.first


def _between(strokes: Sequence[Stroke], low: int, high: int) -> Sequence[Stroke]:
    """Return the strokes in frames `low` to `high`, both included, of strokes in order of their frames."""
    return strokes[bisect_left(strokes, low, key=_first) : bisect_right(strokes, high, key=_first)]


def _next_start(strokes: Sequence[Stroke], key: int, after: int, end: int) -> int:
    for place in range(bisect_right(strokes, after, key=_first), len(strokes)):
        if strokes[place].key == key:
            return strokes[place].first
    return end


def _parent(strokes: Sequence[Stroke], rolls: Rolls, start: int, key: int) -> Stroke | None:
    """Return the stroke whose own key falls silent as the tone on `key` begins, the latest of several."""
    best: Stroke | None = None
    for stroke in _between(strokes, start - SLIDE_FRAMES, start + 2):
        if not 0 < abs(stroke.key - key) <= SLIDE_KEYS:
            continue
        after = rolls.frame[start + 4 : start + 10, stroke.key]
        silent = len(after) == 0 or after.mean() < 0.4 * FULL
        if silent and (best is None or stroke.first > best.first):
            best = stroke
    return best


def _land(stroke: Stroke, rolls: Rolls, tuning: float, start: int, stop: int, key: int) -> None:
    """Give a stroke the tone on another key: what it was before the tone began stays, as its slide."""
    stroke.cut(bisect_left(stroke.frames, start))
    stroke.add(walk(rolls, start, (key + tuning) * PER_SEMITONE + 1.0, stop, 1))
    stroke.key = key


def _orphan(rolls: Rolls, tuning: float, start: int, stop: int, key: int) -> Stroke:
    """Return a tone that nothing tells of but itself, as a stroke of no height."""
    stroke = Stroke(float(start), key, ORPHAN)
    stroke.add(walk(rolls, start, (key + tuning) * PER_SEMITONE + 1.0, max(stop, start + 1), 1))
    return stroke


def _unheard_stroke(
    strokes: Sequence[Stroke],
    rises: NDArray[np.floating],
    rolls: Rolls,
    tuning: float,
    start: int,
    stop: int,
    key: int,
) -> Stroke | None:
    """Return a stroke where the spectrum rises shortly before the tone and no stroke was found, or None."""
    low, high = np.searchsorted(rises, [(start - SLIDE_FRAMES) * HOP_S, (start + 3) * HOP_S])
    for time in rises[low:high][::-1].tolist():
        first = max(0, round(time / HOP_S))
        if any(abs(stroke.at * HOP_S - time) < CLAIMED_S for stroke in _between(strokes, first - 5, first + 5)):
            continue
        own = (key + tuning) * PER_SEMITONE + 1.0
        back = walk(rolls, max(first, start), own, first - 1, -1)
        forth = walk(rolls, max(first, start) + 1, own, stop, 1)
        path = [*reversed(back), *forth]
        if len(path) < SHORTEST_FRAMES:
            continue
        stroke = Stroke(time / HOP_S, key, NEW_HEIGHT)
        stroke.add(path)
        return stroke
    return None
