"""What the hands did, told from curves and neighbours.

The curve of one note gives slides and vibrato; the strokes around it give tremolo and glissando. What
nothing tells of stays a plain stroke.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from symgen.score import Technique
from symgen.transcribe.notes import Floats, HeardNote, no_bend

REST_CENTS = 12.0
"""A curve that stays within this is the error of the pitch network, not a bend."""

FEW_FRAMES = 3
"""So many frames beyond rest make a bend, however long the note then rests."""

SLIDE_CENTS = 50.0
"""A beginning or an end this far from where the note rests is a slide."""

EDGE_S = 0.032
"""The beginning and the end of a curve."""

VIBRATO_HZ = (2.5, 9.0)
"""From a normal yin, 3-4 Hz, to a fast chanyin (docs/INSTRUMENTS.md); tests ask for 4-8 Hz."""

VIBRATO_CENTS = 15.0
"""Least depth to each side."""

VIBRATO_TURNS = 2.0
"""Fewest turns that make a vibrato: one alone is a tap or a slide there and back."""

PERIODICITY = 0.5
"""Least correlation of a vibrato with itself one turn later."""

TREMOLO_S, TREMOLO_STROKES = 1.0 / 6.0, 4
"""Longest time between the strokes of a yaozhi, and the fewest of them."""

GLISSANDO_S, GLISSANDO_STROKES = 0.125, 4
"""Longest time between the strokes of a huazhi, and the fewest of them."""

GLISSANDO_STEPS = (1, 4)
"""Semitones from one string to the next in any tuning, and with a string missed."""

SMOOTH_CENTS = 4.0
"""A curve is drawn with as few straight lines as stay this near."""

_GRID_S = 0.016


def named(notes: Sequence[HeardNote]) -> list[HeardNote]:
    """Return the notes with their techniques, and their curves drawn with few points.

    Parameters
    ----------
    notes : sequence of HeardNote
        In order of onset.
    """
    drawn = [_with_curve(note) for note in notes]
    marks = {index: Technique.GLISSANDO for run in glissandi(drawn) for index in run}
    marks |= {index: Technique.TREMOLO for run in tremolos(drawn) for index in run}
    return [replace(note, technique=marks[i]) if i in marks else note for i, note in enumerate(drawn)]


def _with_curve(note: HeardNote) -> HeardNote:
    times, cents = note.bend
    if len(times) < 4 or np.sort(np.abs(cents))[-FEW_FRAMES] <= REST_CENTS:
        return replace(note, bend=no_bend())
    calm = _calmed(cents)
    if np.abs(calm).max() <= REST_CENTS:
        return replace(note, bend=no_bend())
    kept = drawn_with_few(times, calm)
    technique = curve_technique(times, calm) if note.technique == Technique.PLUCK else note.technique
    return replace(note, bend=(times[kept], calm[kept]), technique=technique)


def _calmed(cents: Floats) -> Floats:
    """Return the curve without single frames that leap: the median of three."""
    if len(cents) < 3:
        return cents
    padded = np.concatenate([cents[:1], cents, cents[-1:]])
    calm: Floats = np.median(np.stack([padded[:-2], padded[1:-1], padded[2:]]), axis=0)
    return calm


def curve_technique(times: Floats, cents: Floats) -> Technique:
    """Return the technique that a curve shows: VIBRATO, SLIDE_UP, SLIDE_DOWN or PLUCK.

    Parameters
    ----------
    times, cents : ndarray of float64, shape (points,)
        Seconds, and cents from where the note rests.
    """
    grid = np.arange(times[0], times[-1] + 1e-9, _GRID_S)
    curve = np.interp(grid, times, cents)
    turning = vibrato_share(curve)
    if turning >= 0.4:
        return Technique.VIBRATO
    edge = max(1, round(EDGE_S / _GRID_S))
    into, out_of = -float(np.mean(curve[:edge])), float(np.mean(curve[-edge:]))
    move = into if abs(into) >= SLIDE_CENTS else out_of
    if abs(move) >= SLIDE_CENTS:
        return Technique.SLIDE_UP if move > 0 else Technique.SLIDE_DOWN
    return Technique.VIBRATO if turning > 0.0 else Technique.PLUCK


def vibrato_share(curve: Floats) -> float:
    """Return the share of a curve, one value each 16 ms, that sways with one speed and some depth, 0..1."""
    window, hop = round(0.48 / _GRID_S), round(0.08 / _GRID_S)
    if len(curve) < window:
        window = len(curve)
    if window < round(VIBRATO_TURNS / VIBRATO_HZ[1] / _GRID_S):
        return 0.0
    starts = list(range(0, max(1, len(curve) - window + 1), hop))
    swaying = [_sways(curve[start : start + window]) for start in starts]
    return float(np.mean(swaying))


def _sways(piece: Floats) -> bool:
    line = np.polyval(np.polyfit(np.arange(len(piece)), piece, 2), np.arange(len(piece)))
    left = piece - line
    power = float(left @ left)
    if np.sqrt(2.0 * power / len(left)) < VIBRATO_CENTS or power <= 0.0:
        return False
    lags = np.arange(
        round(1.0 / VIBRATO_HZ[1] / _GRID_S), min(len(left) // 2, round(1.0 / VIBRATO_HZ[0] / _GRID_S)) + 1
    )
    if not len(lags):
        return False
    similar = [_similarity(left[:-lag], left[lag:]) for lag in lags.tolist()]
    crossings = int((np.diff(np.signbit(left).astype(np.int8)) != 0).sum())
    return max(similar) >= PERIODICITY and crossings >= 2 * VIBRATO_TURNS - 1


def _similarity(one: Floats, other: Floats) -> float:
    size = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / size if size > 0.0 else 0.0


def drawn_with_few(times: Floats, cents: Floats, tolerance: float = SMOOTH_CENTS) -> list[int]:
    """Return the points that draw a curve within `tolerance` cents (Douglas and Peucker 1973), ends included."""
    kept, stack = {0, len(times) - 1}, [(0, len(times) - 1)]
    while stack:
        first, last = stack.pop()
        if last - first < 2:
            continue
        line = np.interp(times[first : last + 1], times[[first, last]], cents[[first, last]])
        away = np.abs(cents[first : last + 1] - line)
        worst = int(away.argmax())
        if away[worst] > tolerance:
            kept.add(first + worst)
            stack += [(first, first + worst), (first + worst, last)]
    return sorted(kept)


def tremolos(notes: Sequence[HeardNote]) -> list[list[int]]:
    """Return the runs of fast strokes on one pitch, as indices in order of time."""
    return _runs(notes, TREMOLO_S, TREMOLO_STROKES, lambda steps, step: step == 0)


def glissandi(notes: Sequence[HeardNote]) -> list[list[int]]:
    """Return the runs of fast strokes over neighbouring strings in one direction, as indices in order of time."""

    def goes_on(steps: list[int], step: int) -> bool:
        low, high = GLISSANDO_STEPS
        return low <= abs(step) <= high and all((step > 0) == (earlier > 0) for earlier in steps[-1:])

    return _runs(notes, GLISSANDO_S, GLISSANDO_STROKES, goes_on)


def _runs(notes: Sequence[HeardNote], longest: float, fewest: int, goes_on: object) -> list[list[int]]:
    """Return chains of notes, each the next that fits within `longest` seconds after the one before."""
    assert callable(goes_on)
    used: set[int] = set()
    runs = []
    for first in range(len(notes)):
        if first in used:
            continue
        chain, steps = [first], [0][:0]
        at = first + 1
        while at < len(notes):
            gap = notes[at].onset_s - notes[chain[-1]].onset_s
            if gap > longest:
                break
            step = round(notes[at].pitch) - round(notes[chain[-1]].pitch)
            if gap > 0.012 and at not in used and goes_on(steps, step):
                chain.append(at)
                steps.append(step)
            at += 1
        if len(chain) >= fewest:
            used.update(chain)
            runs.append(chain)
    return runs
