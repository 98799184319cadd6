"""How a note rings, measured in the spectrum: what tells where it ends and whether it is a harmonic.

A string dies away at its own speed, falls at once when the hand damps it, and is lost in noise and in other strings.
Each of these leaves its trace in the level of its partials along the curve of the note.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from symgen.transcribe.frontend import BINS_PER_SEMITONE, FRAME_SECONDS, LOWEST_PITCH
from symgen.transcribe.notes import Floats, HeardNote

Bytes = NDArray[np.uint8]

STEP_DB, FLOOR_DB = 0.5, -127.5
"""Levels of a kept spectrum are whole steps above the floor: one byte each."""

FALLS_DB = (12.0, 18.0, 24.0, 30.0, 36.0, 42.0)
ABOVE_NOISE_DB = 6.0
PARTIALS = (1, 2, 3, 4)
SAME_PITCH = 0.6
"""Semitones within which the next stroke is on the same string, and ends the note at the latest."""

PEAK_FRAMES, HOLD_FRAMES = 12, 4
NOISE_FRAMES = 4096
"""The level under which a bin lies a tenth of the time is taken from so many frames of a recording."""

MEASURES = (
    *("pitch", "bend", "bent", "log seconds", "confidence", "velocity"),
    *(f"partial {k}" for k in range(1, 6)),  # decibels at 128 ms, against the loudest
    *("rise 1", "rise 2"),  # of the first partials, against 96 ms before the stroke
    *("late 1", "late 2", "early 1"),  # decibels lost from 128 to 512 ms, and from 48 to 256 ms
    *("gap", "seconds in gaps", "noise", "repeated"),
    *("log limit", *(f"log fall {fall:.0f}" for fall in FALLS_DB), "log to noise", "over noise", "limited"),
    *("drop", "log drop", "log slope"),
)
"""What is measured of a note; times in seconds, levels in decibels."""


def kept_spectrum(magnitude: NDArray[np.float32]) -> Bytes:
    """Return magnitudes ``(frames, bins)`` as bytes, in steps of half a decibel."""
    steps = np.round((20.0 * np.log10(magnitude + np.float32(1e-7)) - FLOOR_DB) / STEP_DB)
    kept: Bytes = np.clip(steps, 0, 255).astype(np.uint8)
    return kept


def limits(notes: Sequence[HeardNote], seconds: float) -> Floats:
    """Return how long each note can last: until its pitch is struck again, or the recording ends."""
    found, upcoming = np.zeros(len(notes)), list[tuple[float, float]]()
    for index in range(len(notes) - 1, -1, -1):
        note = notes[index]
        same = [at for at, pitch in upcoming if abs(pitch - note.pitch) < SAME_PITCH and at > note.onset_s + 0.03]
        found[index] = max(0.03, min(same, default=max(seconds, note.offset_s)) - note.onset_s)
        upcoming = [(at, pitch) for at, pitch in upcoming if abs(pitch - note.pitch) >= 0.25]
        upcoming.append((note.onset_s, note.pitch))
    return found


def measures(notes: Sequence[HeardNote], spectrum: Bytes, tuning_cents: float, seconds: float) -> Floats:
    """Return the measures of notes, shape ``(notes, len(MEASURES))``.

    Parameters
    ----------
    notes : sequence of HeardNote
        In order of onset, the tuning taken out of their pitches.
    spectrum : ndarray of uint8, shape (frames, bins)
        Of :func:`kept_spectrum`, fine in pitch.
    tuning_cents, seconds : float
        What was taken out, and the length of the recording.
    """
    if not notes or not len(spectrum):
        return np.zeros((len(notes), len(MEASURES)))
    some = spectrum[:: max(1, len(spectrum) // NOISE_FRAMES)]
    noise = np.percentile(some, 10, axis=0) * STEP_DB + FLOOR_DB
    longest = limits(notes, seconds)
    pitches = np.round([note.pitch for note in notes])
    rows = []
    for index, note in enumerate(notes):
        gap = notes[index + 1].onset_s - note.onset_s if index + 1 < len(notes) else 2.0
        repeated = float((pitches == pitches[index]).mean())
        row = [*_curve(note), *_partials(note, spectrum, tuning_cents), min(2.0, gap)]
        row += [min(5.0, note.seconds / max(0.1, gap)), _burst(note, spectrum, tuning_cents), repeated]
        rows.append(row + _decay(note, spectrum, noise, tuning_cents, float(longest[index])))
    return np.array(rows)


def _curve(note: HeardNote) -> list[float]:
    bend = float(np.ptp(note.bend[1])) if len(note.bend[1]) else 0.0
    return [
        note.pitch,
        min(bend, 60.0),
        float(bend > 14.0),
        float(np.log(max(0.03, note.seconds))),
        note.confidence,
        note.velocity / 127.0,
    ]


def _level(spectrum: Bytes, frame: int, pitch: float) -> float:
    """Return the level in decibels of the loudest of three bins around a pitch, at least -100."""
    place = round((pitch - LOWEST_PITCH) * BINS_PER_SEMITONE) + 1
    if not 1 <= place < spectrum.shape[1] - 1:
        return -100.0
    row = spectrum[min(max(0, frame), len(spectrum) - 1), place - 1 : place + 2]
    return max(-100.0, float(row.max()) * STEP_DB + FLOOR_DB)


def _partials(note: HeardNote, spectrum: Bytes, tuning_cents: float) -> list[float]:
    start, pitch = round(note.onset_s / FRAME_SECONDS), note.pitch + tuning_cents / 100.0
    at = [[_level(spectrum, start + frame, pitch + up) for frame in (-6, 3, 8, 16, 32)] for up in (0.0, 12.0)]
    levels = [_level(spectrum, start + 8, pitch + 12.0 * float(np.log2(k))) for k in range(1, 6)]
    relative = [level - max(levels) for level in levels]
    rises = [min(30.0, partial[2] - partial[0]) for partial in at]
    return [*relative, *rises, at[0][4] - at[0][2], at[1][4] - at[1][2], at[0][3] - at[0][1]]


def _burst(note: HeardNote, spectrum: Bytes, tuning_cents: float) -> float:
    """Return the level above MIDI 89 as the string is struck, against its first partial."""
    start, pitch = round(note.onset_s / FRAME_SECONDS), note.pitch + tuning_cents / 100.0
    row = spectrum[min(start + 1, len(spectrum) - 1), (89 - LOWEST_PITCH) * BINS_PER_SEMITONE :]
    return float(row.mean()) * STEP_DB + FLOOR_DB - _level(spectrum, start + 8, pitch)


def _decay(note: HeardNote, spectrum: Bytes, noise: Floats, tuning_cents: float, longest: float) -> list[float]:
    """Return how the first four partials together die away along the curve of the note."""
    first = round(note.onset_s / FRAME_SECONDS)
    last = min(len(spectrum), first + max(3, int(min(longest, 12.0) / FRAME_SECONDS)))
    times = np.arange(first, last) * FRAME_SECONDS
    if len(times) < 3:
        return [float(np.log(longest))] * (2 + len(FALLS_DB)) + [0.0, 1.0, 0.0, float(np.log(longest)), 0.0]
    bend = np.interp(times, *note.bend) if len(note.bend[0]) else np.zeros(len(times))
    pitch = note.pitch + (tuning_cents + bend) / 100.0
    power, under = np.zeros(len(times)), np.zeros(len(times))
    for partial in PARTIALS:
        place = np.round((pitch + 12.0 * np.log2(partial) - LOWEST_PITCH) * BINS_PER_SEMITONE).astype(int) + 1
        inside = (place >= 1) & (place < spectrum.shape[1] - 1)
        place = np.clip(place, 1, spectrum.shape[1] - 2)
        level = spectrum[np.arange(first, last)[:, None], place[:, None] + np.array([-1, 0, 1])].max(axis=1)
        power += np.where(inside, 10.0 ** ((level * STEP_DB + FLOOR_DB) / 10.0), 0.0)
        under += np.where(inside, 10.0 ** (noise[place] / 10.0), 0.0)
    level, floor = 10.0 * np.log10(power + 1e-13), float(np.median(10.0 * np.log10(under + 1e-13)))
    peak = float(level[:PEAK_FRAMES].max())
    thresholds = [*(peak - fall for fall in FALLS_DB), floor + ABOVE_NOISE_DB]
    falls = [float(np.log(np.clip(_first_below(level, at) * FRAME_SECONDS, 0.03, longest))) for at in thresholds]
    limited = float(note.seconds >= longest - 0.05)
    return [float(np.log(longest)), *falls, peak - floor, limited, *_drop_and_slope(level, note.seconds)]


def _first_below(level: Floats, threshold: float) -> int:
    """Return the first frame from which a level stays below a threshold for a while, or its length."""
    below = level < threshold
    below[:8] = False
    held = np.convolve(below, np.ones(HOLD_FRAMES), "valid") >= HOLD_FRAMES
    return int(held.argmax()) if held.any() else len(level)


def _drop_and_slope(level: Floats, seconds: float) -> list[float]:
    """Return the largest fall within 96 ms and when it is, and when the early slope would have taken 40 dB."""
    drop, when = 0.0, seconds
    if len(level) > 16:
        falls = (level[6:] - level[:-6])[4:]
        at = int(falls.argmin())
        drop, when = float(falls[at]), (at + 7) * FRAME_SECONDS
    early = level[4:38]
    slope = float(np.polyfit(np.arange(len(early)) * FRAME_SECONDS, early, 1)[0]) if len(early) > 6 else -60.0
    return [drop, float(np.log(max(0.03, when))), float(np.log(np.clip(40.0 / max(5.0, -slope), 0.1, 8.0)))]
