"""One voice: pitch from swift-f0, strokes from the spectrum, and notes from both.

A note begins where a string is struck, never where the pitch moves: what lies between two strokes is one
note with its curve, be it a slide over a fifth. So repeated strokes of one pitch are notes of their own,
and chuo, zhu and vibrato are none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symgen.errors import SymgenError
from symgen.transcribe.features import FRAME_S, RATE, Features, Onsets
from symgen.transcribe.notes import Floats, HeardNote

PITCH_FRAME_S = 0.016
"""Time between two pitches of swift-f0."""

VOICED, STILL_VOICED = 0.5, 0.25
"""Confidence at which a note is a note, and at which its tail still has a pitch."""

SHORTEST_S = 0.04
GAP_S = 0.12
"""A tail without a pitch for this long is over."""

FADED_DB = 45.0
"""A note this far below its attack is over."""

ATTACK_S = 0.016
"""The burst of a stroke hides the pitch for about this long."""

_BLOCK = 16384


@dataclass(frozen=True, slots=True, eq=False)
class Contour:
    """One pitch a frame of :data:`PITCH_FRAME_S` seconds.

    Parameters
    ----------
    pitch : ndarray of float64, shape (frames,)
        MIDI note numbers with fraction.
    confidence : ndarray of float64, shape (frames,)
        0..1.
    """

    pitch: Floats
    confidence: Floats

    @property
    def times(self) -> Floats:
        """Seconds of each frame."""
        return np.arange(len(self.pitch)) * PITCH_FRAME_S


class PitchListener:
    """Takes sound at 16 kHz in blocks of any size and gives a :class:`Contour` at the end.

    The network hears blocks cut at fixed places with the context it needs, so borders do not matter.
    """

    def __init__(self) -> None:
        self._stream = _swift_f0().stream()
        self._waiting: list[NDArray[np.float32]] = []
        self._held = 0
        self._parts: list[Any] = []

    def push(self, block: NDArray[np.float32]) -> None:
        """Hear a block of mono sound, shape (samples,)."""
        self._waiting.append(block)
        self._held += len(block)
        if self._held < _BLOCK:
            return
        sound = np.concatenate(self._waiting)
        while len(sound) >= _BLOCK:
            self._parts.append(self._stream.push(sound[:_BLOCK], RATE))
            sound = sound[_BLOCK:]
        self._waiting, self._held = [sound.copy()], len(sound)

    def finish(self) -> Contour:
        """Return the contour of all that was heard."""
        if self._held:
            self._parts.append(self._stream.push(np.concatenate(self._waiting), RATE))
            self._parts.append(self._stream.flush())
        if not self._parts:
            return Contour(np.zeros(0), np.zeros(0))
        hertz = np.concatenate([part.pitch_hz for part in self._parts])
        confidence = np.concatenate([part.confidence for part in self._parts])
        heard = np.isfinite(hertz) & (hertz > 0)
        pitch = 69.0 + 12.0 * np.log2(np.where(heard, hertz, 440.0) / 440.0)
        return Contour(pitch, np.where(heard, confidence, 0.0))


def _swift_f0() -> Any:
    try:
        from swift_f0 import SwiftF0
    except ImportError as error:
        raise SymgenError(
            "transcription needs swift-f0", expected="the extra 'audio'", remedy="pip install 'symgen[audio]'"
        ) from error
    return SwiftF0(threads=1, spin=False)


def notes_of(contour: Contour, onsets: Onsets, features: Features) -> list[HeardNote]:
    """Return the notes of one voice.

    Parameters
    ----------
    contour : Contour
        Pitch of the whole recording.
    onsets : Onsets
        Its strokes.
    features : Features
        Its levels.
    """
    starts = _with_late_voices(contour, onsets.times[_believed(contour, onsets)], features)
    stops = np.append(starts, features.seconds)[1:]
    loudest = _reference_level(features, starts)
    notes = []
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        note = _note(contour, features, start, stop, loudest)
        if note is not None:
            notes.append(note)
    return notes


WEAK, UNSWOLLEN_DB = 4.5, 1.5
"""A stroke this weak that makes nothing louder is doubted where the pitch goes on through it."""


def _believed(contour: Contour, onsets: Onsets) -> NDArray[np.bool_]:
    """Return which strokes are strokes: a slide's rubbing and a wide vibrato make small rises within one tone."""
    doubtful = (onsets.strengths < WEAK) & (onsets.swells < UNSWOLLEN_DB)
    believed = ~doubtful
    for index in np.flatnonzero(doubtful):
        at = round(float(onsets.times[index]) / PITCH_FRAME_S)
        first = max(0, at - 3)
        pitch, sure = contour.pitch[first : at + 4], contour.confidence[first : at + 4]
        goes_on = len(pitch) == 7 and float(sure.min()) >= VOICED and float(np.abs(np.diff(pitch)).max()) < 0.6
        believed[index] = not goes_on
    return believed


def _with_late_voices(contour: Contour, strokes: Floats, features: Features) -> Floats:
    """Return the strokes, and the starts of voiced stretches that no stroke explains (soft strokes, bowed sound)."""
    voiced = contour.confidence >= VOICED
    runs = _runs(voiced)
    extra = []
    for first, last in runs:
        start = first * PITCH_FRAME_S
        if (last - first) * PITCH_FRAME_S < 3 * SHORTEST_S:
            continue
        near = np.searchsorted(strokes, [start - 0.1, start + 0.1])
        sounding = first >= round(GAP_S / PITCH_FRAME_S) and (
            contour.confidence[first - round(GAP_S / PITCH_FRAME_S) : first].max() >= STILL_VOICED
        )
        if near[0] == near[1] and not sounding and _rises(features, start):
            extra.append(start)
    return np.sort(np.concatenate([strokes, extra]))


def _rises(features: Features, start: float) -> bool:
    """Return whether it grows louder by 6 dB around a time: else it is an old tone whose pitch became clear."""
    frame = round(start / FRAME_S)
    before = features.level[max(0, frame - 12) : max(1, frame - 4)]
    after = features.level[frame : frame + 8]
    return len(after) > 0 and (frame < 12 or float(after.max()) > float(before.mean()) + 6.0)


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return first and last (exclusive) index of each stretch of true flags."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _reference_level(features: Features, starts: Floats) -> float:
    """Return the level in decibels of a loud attack of this recording."""
    levels = [_attack_level(features, start) for start in starts.tolist()]
    return float(np.percentile(levels, 90)) if levels else 0.0


def _attack_level(features: Features, start: float) -> float:
    frame = round(start / FRAME_S)
    return float(features.level[frame : frame + round(0.08 / FRAME_S)].max(initial=-130.0))


def velocity_of(level: float, loudest: float) -> int:
    """Return the MIDI velocity of an attack: 96 for a loud one, halved with each 12 dB below it."""
    return int(np.clip(round(96.0 * 2.0 ** ((level - loudest) / 12.0)), 1, 127))


def _note(contour: Contour, features: Features, start: float, stop: float, loudest: float) -> HeardNote | None:
    """Return the note between two strokes, or None if it has no pitch."""
    first, last = round(start / PITCH_FRAME_S), round(stop / PITCH_FRAME_S)
    confidence = contour.confidence[first:last]
    sounding = _until_faded(features, start, stop)
    confidence = confidence[: max(1, round((sounding - start) / PITCH_FRAME_S))]
    if not (confidence >= VOICED).sum() * PITCH_FRAME_S >= SHORTEST_S - 1e-9:
        return None
    end = _end_of_voice(confidence)
    skipped = min(round(ATTACK_S / PITCH_FRAME_S), max(0, end - 3))
    heard = np.flatnonzero(confidence[skipped:end] >= STILL_VOICED) + skipped
    times = (first + heard) * PITCH_FRAME_S
    pitch = folded(contour.pitch[first + heard], confidence[heard])
    keep = smooth_enough(pitch)
    times, pitch, weights = times[keep], pitch[keep], confidence[heard][keep]
    if not len(pitch):
        return None
    nominal = resting_pitch(pitch, weights)
    offset = min(stop, start + end * PITCH_FRAME_S) if end * PITCH_FRAME_S + start < stop - 0.02 else stop
    return HeardNote(
        onset_s=start,
        offset_s=max(start + SHORTEST_S, offset),
        pitch=nominal,
        velocity=velocity_of(_attack_level(features, start), loudest),
        confidence=float(np.clip(weights.mean(), 0.0, 1.0)),
        bend=(times, (pitch - nominal) * 100.0),
    )


def _until_faded(features: Features, start: float, stop: float) -> float:
    """Return the second at which the note lies far below its attack, or `stop`."""
    first, last = round(start / FRAME_S), round(stop / FRAME_S)
    level = features.level[first:last]
    if not len(level):
        return stop
    peak = float(level[: round(0.1 / FRAME_S) + 1].max())
    faded = np.flatnonzero(level < peak - FADED_DB)
    faded = faded[faded > round(0.05 / FRAME_S)]
    return start + float(faded[0]) * FRAME_S if len(faded) else stop


def _end_of_voice(confidence: Floats) -> int:
    """Return the frame after the last one with a pitch, before the first long gap."""
    voiced = np.flatnonzero(confidence >= STILL_VOICED)
    gaps = np.flatnonzero(np.diff(voiced) * PITCH_FRAME_S > GAP_S)
    # What sounds only after a long gap within the first moments is the note itself, heard late.
    late = gaps[voiced[gaps] * PITCH_FRAME_S > GAP_S]
    return int(voiced[late[0]] if len(late) else voiced[-1]) + 1


def folded(pitch: Floats, weights: Floats) -> Floats:
    """Return the pitches with jumps of an octave or a twelfth undone: no string leaps so far and back.

    The octave in which the note stays longest, by weight, is kept.
    """
    if len(pitch) < 2:
        return pitch
    steps = np.diff(pitch)
    octaves = np.round(steps / 12.0)
    jumps = np.where((np.abs(steps - 12.0 * octaves) < 1.0) & (octaves != 0), octaves, 0.0)
    level = np.concatenate([[0.0], np.cumsum(jumps)])
    values, index = np.unique(level, return_inverse=True)
    home = values[np.argmax(np.bincount(index, weights=weights))]
    whole: Floats = pitch - 12.0 * (level - home)
    return whole


SPEED_LIMIT = 1.6
"""Semitones in one frame of 16 ms: no hand slides at 100 semitones a second."""


def smooth_enough(pitch: Floats) -> NDArray[np.bool_]:
    """Return which frames belong to the longest smooth curve: the rest are mistakes of the pitch network."""
    if len(pitch) < 3:
        return np.ones(len(pitch), dtype=bool)
    parts = np.concatenate([[0], np.cumsum(np.abs(np.diff(pitch)) > SPEED_LIMIT)])
    sizes = np.bincount(parts)
    main = pitch[parts == int(sizes.argmax())]
    good = [part for part in range(len(sizes)) if _joins(pitch[parts == part], main)]
    return np.isin(parts, good)


def _joins(part: Floats, main: Floats) -> bool:
    """Return whether a piece of a curve lies within a slide's reach of the main piece, and is no blip."""
    return bool(len(part) >= 3 and np.abs(np.median(part) - np.median(main)) < 10.0) or part is main


WIDTH = 0.4
"""Semitones: the kernel under which a vibrato is one resting place, and two neighbouring tones are two."""


def resting_pitch(pitch: Floats, weights: Floats) -> float:
    """Return the pitch at which the note rests: the first place where it stays long.

    A curve that slides into a note rests at its end, one that slides out of it at its start. Places are
    peaks of the time spent around each pitch; the earliest of those that hold at least half as much as
    the longest is taken.
    """
    low, high = float(pitch.min()), float(pitch.max())
    if high - low < WIDTH:
        return float(np.average(pitch, weights=weights))
    grid = np.arange(low - WIDTH, high + WIDTH, 0.05)
    near = np.exp(-0.5 * ((pitch[:, None] - grid[None, :]) / (WIDTH / 2)) ** 2) * weights[:, None]
    time = near.sum(axis=0)
    peaks = np.flatnonzero((time[1:-1] >= time[:-2]) & (time[1:-1] > time[2:])) + 1
    if not len(peaks):
        peaks = np.array([int(time.argmax())])
    long = peaks[time[peaks] >= 0.5 * time.max()]
    first = [float(np.average(np.arange(len(pitch)), weights=near[:, peak] + 1e-9)) for peak in long]
    place = grid[long[int(np.argmin(first))]]
    around = np.abs(pitch - place) <= WIDTH
    return float(np.average(pitch[around], weights=weights[around])) if around.any() else float(place)
