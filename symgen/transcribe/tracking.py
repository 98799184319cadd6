"""Several voices: from what the network hears to notes, each with the curve of its own string.

A note begins at a peak of the onset activation and nowhere else. From there its pitch is followed through the
contour, forwards until it is heard no more or its string is struck again, and backwards to the stroke, so that
a slide belongs to its note. A weak peak that an already sliding note runs through is that slide.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from symgen.transcribe.mono import velocity_of
from symgen.transcribe.notes import Floats, HeardNote

if TYPE_CHECKING:
    from symgen.transcribe.features import Features
    from symgen.transcribe.mono import Contour
    from symgen.transcribe.runtime import Activations

Bytes = NDArray[np.uint8]

HOP_S = 0.016
LOWEST = 33
PER_SEMITONE = 3

FULL = 255.0
"""Activations are kept as bytes, so that an hour takes 70 MB."""

STRUCK, SUPPORTED = 0.5, 0.3
"""Onset activation that is a stroke, and one that is a stroke if the frame activation rises with it."""

RISE = 0.3
"""Rise of the frame activation over a stroke that supports a weak onset."""

PEAK_FRAMES = 2
"""An onset is the largest within so many frames to both sides: strokes 48 ms apart are two."""

PEAK_MASS = 1.5
"""Sum of the frames of a sure stroke: it is two or three frames wide, however it lies between them."""

SOUNDING, RELEASE_FRAMES = 0.3, 6
"""Frame activation under which a key is silent, and how long it has to be."""

NEAR_KEY = 0.6
"""Semitones within which a pitch is that of a key."""

ANCHOR_S = 0.45
"""A slide has come to its note's own pitch after this."""

STEP_BINS = 3
"""Thirds of a semitone by which a pitch moves in a frame at most: 63 semitones a second."""

HELD = 0.15
"""Contour activation under which a pitch stands still until it is heard again."""

LEAP_BINS, LEAP = 2, 0.35
"""So far in one frame a pitch moves only where it is heard this well: else it is noise, or another string."""

SLIDING = 3.0
"""Semitones a second from which a pitch slides, and a weak stroke on its way is none."""

WEAK = 0.75

HARMONICS = (12, 19, 24, 28)
"""Semitones of the partials that are mistaken for notes."""

GHOST = 0.65
"""Height below which a note on a partial of a stronger stroke has to sound by itself to count."""


@dataclass(frozen=True, slots=True, eq=False)
class Rolls:
    """What the network heard of a whole recording, as bytes 0..255 for 0..1.

    Parameters
    ----------
    onset, frame : ndarray of uint8, shape (frames, keys)
        Stroke and sounding of each key, the first being MIDI :data:`LOWEST`.
    contour : ndarray of uint8, shape (frames, keys * 3)
        Pitch in thirds of a semitone; bin 1 is the first key.
    """

    onset: Bytes
    frame: Bytes
    contour: Bytes

    @staticmethod
    def of(parts: Iterable[Activations]) -> Rolls:
        """Return the activations of consecutive parts, packed as they come."""
        packed = [(_bytes(p.onset), _bytes(p.frame), _bytes(p.contour)) for p in parts]
        if not packed:
            return Rolls(*(np.zeros((0, width), np.uint8) for width in (61, 61, 183)))
        return Rolls(*(np.concatenate([part[i] for part in packed]) for i in range(3)))


def _bytes(values: NDArray[np.float32]) -> Bytes:
    return np.clip(np.round(values * FULL), 0, FULL).astype(np.uint8)


@dataclass(slots=True)
class _Stroke:
    """A peak of the onset activation, and the curve that is followed from it."""

    at: float  # frame with fraction
    key: int
    height: float  # 0..1: the sum of its frames over that of a sure stroke
    frames: list[int]
    bins: list[float]
    heard: list[float]
    stop: int = 0

    @property
    def first(self) -> int:
        return max(0, round(self.at))

    def pitch(self) -> Floats:
        """MIDI pitch with fraction, one a frame."""
        whole: Floats = LOWEST + (np.array(self.bins) - 1.0) / PER_SEMITONE
        return whole


def notes_of(rolls: Rolls, features: Features | None = None) -> list[HeardNote]:
    """Return the notes of several voices, in order of onset.

    Parameters
    ----------
    rolls : Rolls
        Activations of the whole recording.
    features : Features, optional
        Its levels, for velocities.
    """
    strokes = _strokes(rolls)
    tuning = _grid_offset(rolls, strokes)
    kept: list[_Stroke] = []
    sounding: dict[int, _Stroke] = {}
    following = _next_on_key(strokes, rolls.onset.shape[1])
    for index, stroke in enumerate(strokes):
        if _slides_through(stroke, sounding.values()) or _is_ghost(stroke, strokes, index, rolls):
            continue
        _follow(stroke, rolls, tuning, following[index])
        if len(stroke.frames) < 2:
            continue
        for key in [key for key, other in sounding.items() if other.stop <= stroke.first]:
            del sounding[key]
        _end_struck_again(stroke, sounding)
        sounding[stroke.key] = stroke
        kept.append(stroke)
    loudest = _loudest(kept, features)
    return [_note(stroke, tuning, features, loudest) for stroke in kept]


def _strokes(rolls: Rolls) -> list[_Stroke]:
    """Return the peaks of the onset activation in order of time."""
    onset = rolls.onset
    frames = len(onset)
    if not frames:
        return []
    padded = np.pad(onset, ((PEAK_FRAMES, PEAK_FRAMES), (1, 1)))
    near = np.lib.stride_tricks.sliding_window_view(padded, 2 * PEAK_FRAMES + 1, axis=0).max(-1)
    here = padded[PEAK_FRAMES:-PEAK_FRAMES, 1:-1]
    beside = np.maximum(near[:, :-2], near[:, 2:])
    earlier = np.lib.stride_tricks.sliding_window_view(padded[:-PEAK_FRAMES], PEAK_FRAMES, axis=0).max(-1)
    first = here > earlier[:frames, 1:-1]  # of equal neighbours in time the first is the peak
    found, key = np.nonzero((here >= SUPPORTED * FULL) & (here >= near[:, 1:-1]) & (here >= beside) & first)
    strokes = []
    for frame, place in zip(found.tolist(), key.tolist(), strict=True):
        height = float(onset[frame, place]) / FULL
        if height < STRUCK and not _frame_rises(rolls.frame, frame, place):
            continue
        before = float(onset[frame - 1, place]) / FULL if frame else 0.0
        after = float(onset[frame + 1, place]) / FULL if frame + 1 < frames else 0.0
        bow = 2.0 * height - before - after
        fraction = float(np.clip((after - before) / (2.0 * bow), -0.5, 0.5)) if bow > 1e-6 else 0.0
        mass = min(1.0, (before + height + after) / PEAK_MASS)
        strokes.append(_Stroke(max(0.0, frame + fraction), place, mass, [], [], []))
    strokes.sort(key=lambda stroke: (stroke.at, stroke.key))
    return strokes


def _frame_rises(frame: Bytes, at: int, key: int) -> bool:
    before = frame[max(0, at - 4) : max(1, at - 1), key]
    after = frame[at + 1 : at + 6, key]
    if not len(after):
        return False
    return float(after.mean()) - float(before.mean()) > RISE * FULL


def _grid_offset(rolls: Rolls, strokes: Sequence[_Stroke]) -> float:
    """Return by how many semitones the recording lies off the keys: the circular mean of the contour at strokes."""
    total = 0j
    for stroke in strokes:
        low = max(0, stroke.key * PER_SEMITONE - 1)
        piece = rolls.contour[stroke.first + 3 : stroke.first + 10, low : low + 5].astype(np.float64) / FULL
        if piece.size and piece.max() > 0.3:
            away = (np.arange(low, low + piece.shape[1]) - 1.0) / PER_SEMITONE - stroke.key
            total += complex((piece**2 * np.exp(2j * np.pi * away)).sum())
    return float(np.angle(total) / (2.0 * np.pi)) if abs(total) > 1e-9 else 0.0


def _next_on_key(strokes: Sequence[_Stroke], keys: int) -> list[int]:
    """Return for each stroke the frame of the next one on its key, or a frame past all."""
    upcoming = [1 << 40] * keys
    following = [0] * len(strokes)
    for index in range(len(strokes) - 1, -1, -1):
        following[index] = upcoming[strokes[index].key]
        upcoming[strokes[index].key] = strokes[index].first
    return following


def _slides_through(stroke: _Stroke, sounding: Iterable[_Stroke]) -> bool:
    """Return whether a weak stroke is a note that is already sounding, on its way past this key."""
    if stroke.height >= WEAK:
        return False
    for other in sounding:
        at = stroke.first - (other.frames[0] if other.frames else 0)
        if not (4 <= at < len(other.bins) - 1) or other.stop <= stroke.first:
            continue
        pitch = other.pitch()[max(0, at - 6) : at + 4]
        speed = float(np.ptp(pitch)) / (len(pitch) * HOP_S)
        passes = np.abs(pitch - (LOWEST + stroke.key)).min() < 1.0
        if passes and speed > SLIDING:
            return True
    return False


def _is_ghost(stroke: _Stroke, strokes: Sequence[_Stroke], index: int, rolls: Rolls) -> bool:
    """Return whether a weak stroke on a partial of a stronger one is that partial: its key does not go on sounding."""
    if stroke.height >= GHOST:
        return False
    for step in (-1, 1):
        place = index + step
        while 0 <= place < len(strokes) and abs(strokes[place].at - stroke.at) <= 2.0:
            other = strokes[place]
            if stroke.key - other.key in HARMONICS and other.height > 1.25 * stroke.height:
                after = rolls.frame[stroke.first + 2 : stroke.first + 10, stroke.key]
                return bool(len(after) == 0 or after.mean() < 0.6 * FULL)
            place += step
    return False


def _follow(stroke: _Stroke, rolls: Rolls, tuning: float, next_on_key: int) -> None:
    """Fill in the curve of a stroke, from its first frame to where it ends."""
    frames = len(rolls.frame)
    first = stroke.first
    limit = min(frames, next_on_key)
    own = (stroke.key + tuning) * PER_SEMITONE + 1.0
    anchor = _anchor(rolls, first, limit, own)
    back = _walk(rolls, anchor, own, first - 1, -1)
    there = back[0] if back else (anchor, own, 0.0)
    forth = _walk(rolls, there[0] + 1, there[1], limit, 1)
    curve = [*reversed(back), *forth]
    stroke.frames = [frame for frame, _, _ in curve]
    stroke.bins = [place for _, place, _ in curve]
    stroke.heard = [heard for _, _, heard in curve]
    stroke.stop = stroke.frames[-1] + 1 if curve else first


def _anchor(rolls: Rolls, first: int, limit: int, own: float) -> int:
    """Return the first frame in which the note sounds at its own pitch, the stroke's own frame if none does."""
    low, high = max(0, round(own) - 1), round(own) + 2
    piece = rolls.contour[first : min(limit, first + round(ANCHOR_S / HOP_S)), low:high]
    if not piece.size:
        return first
    heard = np.flatnonzero(piece.max(axis=1) >= 0.4 * FULL)
    return first + int(heard[0]) if len(heard) else first


def _walk(rolls: Rolls, start: int, place: float, stop: int, step: int) -> list[tuple[int, float, float]]:
    """Return (frame, bin with fraction, activation) along the strongest path from a place, until it is silent."""
    contour, frame = rolls.contour, rolls.frame
    bins, keys = contour.shape[1], frame.shape[1]
    reach = np.arange(-STEP_BINS, STEP_BINS + 1)
    weight = np.exp(-0.5 * (reach / 1.6) ** 2)
    path: list[tuple[int, float, float]] = []
    silent, speed, sure, lost = 0, 0.0, place, 0
    for at in range(start, stop, step):
        middle = round(place + float(np.clip(speed, -2.0, 2.0)))
        low = min(max(0, middle - STEP_BINS), bins - 2 * STEP_BINS - 1)
        near = contour[at, low : low + 2 * STEP_BINS + 1] * weight
        best = int(near.argmax())
        heard = float(contour[at, low + best]) / FULL
        leaps = abs(low + best - round(place)) >= LEAP_BINS
        strays = (heard < SOUNDING or lost > 1) and abs(low + best - sure) > LEAP_BINS
        if heard >= (LEAP if leaps else HELD) and not strays:
            around = contour[at, max(0, low + best - 1) : low + best + 2].astype(np.float64)
            offsets = np.arange(max(0, low + best - 1), max(0, low + best - 1) + len(around))
            new = float((around * offsets).sum() / around.sum())
            speed = 0.5 * speed + 0.5 * (new - place)
            place = new
        else:
            speed = 0.0
        clear = heard >= SOUNDING and not strays
        sure, lost = (place, 0) if clear else (sure, lost + 1)
        key = (place - 1.0) / PER_SEMITONE
        nearest = min(max(0, round(key)), keys - 1)
        sounds = float(frame[at, nearest]) / FULL
        path.append((at, place, heard))
        silent = silent + 1 if not clear and (lost > RELEASE_FRAMES or sounds < SOUNDING) else 0
        if step > 0 and silent >= RELEASE_FRAMES:
            return path[:-RELEASE_FRAMES] or path[:1]
    return path


def _end_struck_again(stroke: _Stroke, sounding: dict[int, _Stroke]) -> None:
    """End the notes whose string this stroke strikes: those that are near its key when it comes."""
    for key, other in list(sounding.items()):
        at = stroke.first - other.frames[0]
        if not 0 < at < len(other.bins):
            continue
        pitch = LOWEST + (other.bins[at] - 1.0) / PER_SEMITONE
        if key == stroke.key or abs(pitch - LOWEST - stroke.key) < NEAR_KEY:
            del other.frames[at:], other.bins[at:], other.heard[at:]
            other.stop = stroke.first
            del sounding[key]


def _loudest(strokes: Sequence[_Stroke], features: Features | None) -> float:
    if features is None or not strokes:
        return 0.0
    return float(np.percentile([_level(stroke, features) for stroke in strokes], 90))


def _level(stroke: _Stroke, features: Features) -> float:
    frame = round(stroke.at * HOP_S / 0.008)
    return float(features.level[frame : frame + 10].max(initial=-130.0))


def _note(stroke: _Stroke, tuning: float, features: Features | None, loudest: float) -> HeardNote:
    """Return the heard note of a stroke: it rests at its key's own pitch if it is ever heard there."""
    pitch, heard = stroke.pitch(), np.array(stroke.heard)
    own = LOWEST + stroke.key + tuning
    there = (np.abs(pitch - own) <= NEAR_KEY) & (heard >= HELD)
    nominal = float(np.average(pitch[there], weights=heard[there])) if there.any() else own
    steady = pitch[there]
    if len(steady) > 4:
        nominal = float(np.median(steady))
    sure = heard[: round(0.4 / HOP_S)]
    height = stroke.height
    velocity = velocity_of(_level(stroke, features), loudest) if features is not None else round(40 + 60 * height)
    audible = heard >= HELD
    times = np.array(stroke.frames)[audible] * HOP_S
    onset = stroke.at * HOP_S
    return HeardNote(
        onset_s=onset,
        offset_s=max(onset + 0.03, stroke.stop * HOP_S),
        pitch=nominal,
        velocity=velocity,
        confidence=float(np.clip(np.sqrt(height * max(0.05, float(sure.mean()) if len(sure) else 0.0)), 0.0, 1.0)),
        bend=(times, (pitch[audible] - nominal) * 100.0),
    )


AGREE_CENTS, AGREE_SURE = 45.0, 0.9
"""One-voice pitch this near to a note's curve, and this sure, is the same string heard finer."""


def refined(notes: Sequence[HeardNote], contour: Contour) -> list[HeardNote]:
    """Return the notes with their curves drawn by the one-voice pitch where that follows the same string.

    The network's bins are a third of a semitone wide; swift-f0 hears a few cents, where one string is loudest.
    """
    times, sure = contour.times, contour.confidence >= AGREE_SURE
    if not len(times):
        return list(notes)
    return [_refined(note, times, contour.pitch, sure) for note in notes]


def _refined(note: HeardNote, times: Floats, pitch: Floats, sure: NDArray[np.bool_]) -> HeardNote:
    at, bend = note.bend
    if len(at) < 3:
        return note
    fine = np.interp(at, times, pitch) - note.pitch
    index = np.minimum(np.round(at / (times[1] - times[0])).astype(int), len(times) - 1) if len(times) > 1 else [0]
    same = sure[index] & (np.abs(fine * 100.0 - bend) <= AGREE_CENTS)
    if same.mean() < 0.5:
        return note
    curve = np.where(same, fine * 100.0, bend)
    resting = same & (np.abs(curve) < 40.0)
    shift = float(np.median(curve[resting])) if resting.sum() > 3 else 0.0
    return replace(note, pitch=note.pitch + shift / 100.0, bend=(at, curve - shift))
