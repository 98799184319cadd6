"""From seconds to ticks: whether there is a beat, where it lies, and what would be written on it.

The beat is found by dynamic programming over strokes (Ellis 2007) at the period that repeats most in
them, weighted for tempi of this music. If too few strokes then fall on sixteenths and triplets, there is
no beat, and nothing is forced onto a grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from symgen.score import Tempo
from symgen.transcribe.notes import Floats, HeardNote
from symgen.units import TICKS_PER_QUARTER

TEMPO_QPM = (40.0, 120.0)
USUAL_QPM, SPREAD_OCTAVES = 66.0, 0.7
"""Middle and width of the tempo prior, on a scale of octaves."""

FREE_QPM = 60.0
"""Free rhythm is written as played, one quarter note a second."""

FEWEST_STROKES = 12
NEAR_S, ON_GRID = 0.035, 0.72
"""How near to a sixteenth or triplet a stroke has to be, and the share of them that makes a beat."""

TIGHTNESS = 25.0
"""What a beat costs that comes an octave of time early or late, where a loud stroke on a beat earns 1."""

SHORTEST_LEAD_S = 0.06
"""A first beat that comes sooner than this after the start of the recording is the start."""

LOCAL_S, LOCAL_HOP_S = 10.0, 1.0
"""Stretch in which the tempo is taken for constant, and time from one stretch to the next."""

WAYWARD = 40.0
"""What a change of the tempo by an octave between two stretches costs, against a self-similarity of at most 1."""

_STEP_S = 0.01

DIVISIONS: tuple[tuple[int, float], ...] = ((480, 0.0), (240, 0.4), (120, 1.0), (160, 2.0), (60, 3.5), (80, 4.5))
"""Ticks into which a beat can be divided, and what each costs: simple divisions are more likely."""

SIGMA_S = 0.03
"""Spread of a player's strokes around the grid."""


@dataclass(frozen=True, slots=True, eq=False)
class Clock:
    """Ticks and seconds of a recording; tick 0 is its start.

    Parameters
    ----------
    seconds, ticks : ndarray of float64, shape (points,)
        Beats and the ticks they are written on; straight lines between them, and on past the ends.
    has_beat : bool
        False for free rhythm.
    fit : float
        Share of the strokes that fall on sixteenths and triplets of the beat, 0..1.
    """

    seconds: Floats
    ticks: Floats
    has_beat: bool
    fit: float

    def tick(self, seconds: Floats) -> Floats:
        """Return the ticks of times, not rounded."""
        at = np.asarray(seconds, dtype=np.float64)
        inside = np.interp(at, self.seconds, self.ticks)
        last = (self.ticks[-1] - self.ticks[-2]) / (self.seconds[-1] - self.seconds[-2])
        beyond: Floats = np.where(at > self.seconds[-1], self.ticks[-1] + (at - self.seconds[-1]) * last, inside)
        return beyond

    def tempi(self) -> tuple[Tempo, ...]:
        """Return the tempo map: one tempo a beat, where it differs from the one before by half a percent."""
        quarters = np.diff(self.ticks) / TICKS_PER_QUARTER
        speeds = np.clip(60.0 * quarters / np.diff(self.seconds), 1.0, 2000.0)
        found: list[Tempo] = []
        for tick, qpm in zip(self.ticks[:-1].tolist(), speeds.tolist(), strict=True):
            if not found or abs(found[-1].qpm / qpm - 1.0) > 0.005:
                found.append(Tempo(round(tick), round(qpm, 3)))
        return tuple(found)


def free_clock(fit: float = 0.0) -> Clock:
    """Return the clock of free rhythm."""
    return Clock(np.array([0.0, 1.0]), np.array([0.0, 8.0 * FREE_QPM]), has_beat=False, fit=fit)


def clock_of(notes: Sequence[HeardNote], seconds: float) -> Clock:
    """Return the clock of a recording: its beats, or free rhythm.

    Parameters
    ----------
    notes : sequence of HeardNote
        In order of onset.
    seconds : float
        Length of the recording.
    """
    times, weights = strokes_of(notes)
    if len(times) < FEWEST_STROKES:
        return free_clock()
    curve = _stroke_curve(times, weights, seconds)
    period = best_period(curve)
    if period is None:
        return free_clock()
    beats = track(curve, local_periods(curve, period))
    fit = share_on_grid(times, weights, beats)
    if fit < ON_GRID or len(beats) < 4:
        return free_clock(fit)
    return _from_start(beats, float(times[0]), fit)


def strokes_of(notes: Sequence[HeardNote]) -> tuple[Floats, Floats]:
    """Return times and weights of strokes: what begins within 50 ms is one, and runs and tremolos weigh little."""
    times: list[float] = []
    weights: list[float] = []
    for note in notes:
        weight = note.velocity / 127.0
        if times and note.onset_s - times[-1] < 0.05:
            weights[-1] = max(weights[-1], weight)
        else:
            times.append(note.onset_s)
            weights.append(weight)
    return np.array(times), np.array(weights)


def _stroke_curve(times: Floats, weights: Floats, seconds: float) -> Floats:
    """Return strokes as bumps of 20 ms on a grid of 10 ms."""
    curve = np.zeros(int(max(seconds, times[-1]) / _STEP_S) + 8)
    np.add.at(curve, np.round(times / _STEP_S).astype(int), 0.4 + 0.6 * weights)
    reach = np.arange(-6, 7)
    bump = np.exp(-0.5 * (reach / 2.0) ** 2)
    return np.convolve(curve, bump, mode="same")


def best_period(curve: Floats) -> int | None:
    """Return the beat in steps of 10 ms: the lag that repeats most, and its double and half, under the prior."""
    size = 1 << int(np.ceil(np.log2(2 * len(curve))))
    centred = curve - curve.mean()
    spectrum = np.fft.rfft(centred, size)
    similar = np.fft.irfft(np.abs(spectrum) ** 2)[: len(curve)]
    if similar[0] <= 0.0:
        return None
    similar = similar / similar[0]
    shortest, longest = round(60.0 / TEMPO_QPM[1] / _STEP_S), round(60.0 / TEMPO_QPM[0] / _STEP_S)
    lags = np.arange(shortest, min(longest, len(curve) // 3) + 1, dtype=np.float64)
    if not len(lags):
        return None
    prior = np.exp(-0.5 * (np.log2(60.0 / (lags * _STEP_S) / USUAL_QPM) / SPREAD_OCTAVES) ** 2)

    def at(index: Floats) -> Floats:
        inside: Floats = np.interp(index, np.arange(len(similar)), similar, right=0.0)
        return inside

    strength = at(lags) + 0.5 * at(2.0 * lags) + 0.25 * at(3.0 * lags) + 0.5 * at(lags / 2.0)
    return int(lags[int(np.argmax(np.maximum(strength, 0.0) * prior))])


def local_periods(curve: Floats, period: int) -> Floats:
    """Return the beat around each step, in steps: the smoothest path through how similar each stretch is to itself.

    Parameters
    ----------
    curve : ndarray, shape (steps,)
        Strokes on steps of 10 ms.
    period : int
        Beat of the whole, in steps; what is looked for is between 0.7 and 1.4 of it.
    """
    lags = np.unique(np.round(period * 2.0 ** np.linspace(-0.5, 0.5, 61)).astype(int))
    width, hop = round(LOCAL_S / _STEP_S), round(LOCAL_HOP_S / _STEP_S)
    padded = np.pad(curve, (width // 2, width // 2 + 4 * int(lags[-1])))
    centres = np.arange(0, len(curve), hop)
    taper = np.hanning(width)
    strength = np.empty((len(centres), len(lags)))
    for row, centre in enumerate(centres.tolist()):
        piece = padded[centre : centre + width]
        weighed = piece * taper
        size = float(weighed @ piece) + 1e-9
        for column, lag in enumerate(lags.tolist()):
            one, two = padded[centre + lag : centre + lag + width], padded[centre + 2 * lag : centre + 2 * lag + width]
            strength[row, column] = (float(weighed @ one) + 0.5 * float(weighed @ two)) / size
    change = -WAYWARD * np.log2(lags[:, None] / lags[None, :]) ** 2
    start = -2.0 * np.log2(lags / period) ** 2
    total, before = strength[0] + start, np.zeros(strength.shape, dtype=np.int64)
    for row in range(1, len(centres)):
        options = total[:, None] + change
        before[row] = options.argmax(axis=0)
        total = options.max(axis=0) + strength[row] + start
    path = np.empty(len(centres), dtype=np.int64)
    path[-1] = int(total.argmax())
    for row in range(len(centres) - 1, 0, -1):
        path[row - 1] = before[row, path[row]]
    whole: Floats = np.interp(np.arange(len(curve)), centres, lags[path].astype(np.float64))
    return whole


def track(curve: Floats, periods: Floats) -> Floats:
    """Return the times of beats in seconds: strokes on beats count, steps away from the period there cost."""
    low, high = max(1, round(float(periods.min()) * 0.7)), round(float(periods.max()) * 1.45)
    lags = np.arange(low, high + 1)
    logs = np.log2(lags)
    total = curve.copy()
    before = np.full(len(curve), -1, dtype=np.int64)
    for at in range(low, len(curve)):
        count = min(len(lags), at - low + 1)
        cost = -TIGHTNESS * (logs[:count] - np.log2(periods[at])) ** 2
        value = total[at - lags[:count]] + cost
        best = int(value.argmax())
        if value[best] > 0.0:
            total[at] = curve[at] + value[best]
            before[at] = at - lags[best]
    tail = max(0, len(curve) - high)
    at = tail + int(total[tail:].argmax())
    beats = []
    while at >= 0:
        beats.append(at)
        at = int(before[at])
    return np.array(beats[::-1], dtype=np.float64) * _STEP_S


def share_on_grid(times: Floats, weights: Floats, beats: Floats) -> float:
    """Return the share of strokes near a sixteenth or triplet, corrected so that chance gives about 0."""
    if len(beats) < 2:
        return 0.0
    inside = (times >= beats[0] - 0.05) & (times <= beats[-1] + 0.05)
    if inside.sum() < FEWEST_STROKES:
        return 0.0
    at = np.interp(times[inside], beats, np.arange(len(beats)))
    period = float(np.median(np.diff(beats)))
    off_beat = np.abs(at - np.round(at)) * period > 0.02
    near = min(NEAR_S, period / 16.0)
    hit = _hits(at, period, near, off_beat)
    if off_beat.mean() < 0.1:
        return float(hit.mean()) if _evenness(beats) else 0.0
    chance = near / (period / 8.0)
    free = max(0.0, (float(hit[off_beat].mean()) - chance) / (1.0 - chance))
    return float(1.0 - off_beat.mean() * (1.0 - free)) if free > 0.2 else free


def _hits(at: Floats, period: float, near: float, off_beat: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which strokes lie near a sixteenth, or, in beats where that fits better, near a third of a beat."""
    hits = [np.abs(at * parts - np.round(at * parts)) / parts * period <= near for parts in (4, 3)]
    beat = np.floor(at + 1e-6).astype(int)
    counts = [np.bincount(beat, weights=hit & off_beat) for hit in hits]
    many = np.bincount(beat, weights=off_beat) >= 2
    threes = (many & (counts[1] > counts[0]))[beat]
    return np.where(threes, hits[1], hits[0])


def _evenness(beats: Floats) -> bool:
    """Return whether strokes that all fall on beats do so because they are even, not because beats follow them."""
    return bool(np.std(np.log2(np.diff(beats))) < 0.12)


def _from_start(beats: Floats, first_stroke: float, fit: float) -> Clock:
    """Return a clock whose tick 0 is second 0; what time is left before the beat of the first stroke is one beat."""
    period = float(np.median(np.diff(beats[:9])))
    lead: list[float] = []
    at = float(beats[0])
    while at > first_stroke + 0.06 and at - period > 0.0:
        at -= period
        lead.insert(0, at)
    points = np.concatenate([lead, beats])
    points = points[points > SHORTEST_LEAD_S] if points[0] > SHORTEST_LEAD_S else points[1:]
    seconds = np.concatenate([[0.0], points])
    ticks = np.arange(len(seconds)) * float(TICKS_PER_QUARTER)
    before = TICKS_PER_QUARTER * (1.0 - (seconds[1] - first_stroke) / period)
    if SHORTEST_LEAD_S < first_stroke < seconds[1] - 0.06 and before >= 1.0:  # an upbeat, at its true distance
        seconds, ticks = np.insert(seconds, 1, first_stroke), np.insert(ticks, 1, round(before))
    return Clock(seconds, ticks, has_beat=True, fit=fit)


def quantised(times: Floats, clock: Clock) -> list[int]:
    """Return the tick that each stroke would be written on.

    Every beat takes the division that its strokes fit, simple ones first; strokes that are more than 50 ms
    apart do not share a tick unless nothing finer fits. In free rhythm times are only rounded.

    Parameters
    ----------
    times : ndarray of float64, shape (strokes,)
        Seconds in order.
    """
    exact = clock.tick(times)
    if not clock.has_beat:
        return [int(tick) for tick in np.round(exact)]
    beat_of = np.floor((exact + 30.0) / TICKS_PER_QUARTER).astype(int)
    written = np.zeros(len(exact), dtype=np.int64)
    for beat in np.unique(beat_of):
        rows = np.flatnonzero(beat_of == beat)
        inside = exact[rows] - beat * TICKS_PER_QUARTER
        start = float(np.interp(beat * TICKS_PER_QUARTER, clock.ticks, clock.seconds))
        after = float(np.interp((beat + 1) * TICKS_PER_QUARTER, clock.ticks, clock.seconds))
        seconds_per_tick = max(1e-4, (after - start) / TICKS_PER_QUARTER) if after > start else 60 / USUAL_QPM / 480
        written[rows] = beat * TICKS_PER_QUARTER + _divided(inside, times[rows], seconds_per_tick)
    return [int(tick) for tick in np.maximum(0, written)]


def _divided(inside: Floats, times: Floats, seconds_per_tick: float) -> Floats:
    best, chosen = np.inf, np.round(inside)
    apart = np.diff(times) > 0.05
    for size, price in DIVISIONS:
        placed = np.round(inside / size) * size
        away = (placed - inside) * seconds_per_tick / SIGMA_S
        merged = int(((np.diff(placed) == 0) & apart).sum())
        cost = 0.5 * float((away**2).sum()) + price + 6.0 * merged
        if cost < best - 1e-9:
            best, chosen = cost, placed
    return chosen
