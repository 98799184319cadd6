"""Several voices: from what the network hears to notes, each with the curve of its own string.

A note begins at a peak of the onset activation and nowhere else. From there its pitch is followed through the
contour, forwards until it is heard no more or its string is struck again, and backwards to the stroke, so that
a slide belongs to its note. A weak peak that an already sliding note runs through is that slide.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from symgen.isolation import alive
from symgen.transcribe.departures import departed, is_heard, parted
from symgen.transcribe.landings import landed
from symgen.transcribe.mono import resting_pitch, velocity_of
from symgen.transcribe.notes import Floats, HeardNote
from symgen.transcribe.paths import (
    FULL,
    HELD,
    HOP_S,
    LOWEST,
    NEAR_KEY,
    PER_SEMITONE,
    Bytes,
    Rolls,
    Stroke,
    extend,
    follow,
)

if TYPE_CHECKING:
    from symgen.transcribe.features import Features, Onsets


STRUCK, SUPPORTED = 0.55, 0.35
"""Onset activation that is a stroke, and one that is a stroke if the frame activation rises with it."""

BELIEVED, CLEAR_DB = 0.25, 5.0
"""Onset activation that is a stroke, with a rising frame, where the spectrum rises by so much (mean over bands)."""

RISE = 0.3
"""Rise of the frame activation over a stroke that supports a weak onset."""

PEAK_FRAMES = 2
"""An onset is the largest within so many frames to both sides: strokes 48 ms apart are two."""

PIECE_FRAMES = 8192
"""Peaks are looked for in pieces of 131 s, so that an hour needs no more memory than a minute."""

PEAK_MASS = 1.5
"""Sum of the frames of a sure stroke: it is two or three frames wide, however it lies between them."""

SLIDING = 3.0
"""Semitones a second from which a pitch slides, and a weak stroke on its way is none."""

WEAK = 0.75

STIRRED = 0.6
"""Height of a stroke that is believed on a sounding string although it is not heard."""

SOUNDS_ON = 0.4
"""Mean frame activation after the stroke of a note that sounds by itself."""

RIGHT = ((0.1, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 1.0), (0.0, 0.15, 0.22, 0.28, 0.45, 0.8, 0.93, 0.98, 1.0))
"""Root of height times contour of a note, and the share of such notes that were right in rendered clips."""

ALIVE_STROKES = 512
"""After so many strokes a sign of life is given: an hour has 13,000, and takes half a minute."""

DOUBLE_S = 0.045
"""Two notes of one pitch this near to each other are one: no string is struck so soon again."""

BRIEF_S, DOUBTFUL = 0.15, 0.6
"""A note that is both shorter and less sure than this is none."""

FEW_FRAMES = 8
"""A note that is at its key for so many frames, or for most of its time, rests there."""

HARMONICS = (12, 19, 24, 28, 31, 34, 36)
"""Semitones of the partials that are mistaken for notes."""

GHOST = 0.65
"""Height below which a note on a partial of a stronger stroke has to sound by itself to count."""


def notes_of(rolls: Rolls, features: Features | None = None, onsets: Onsets | None = None) -> list[HeardNote]:
    """Return the notes of several voices, in order of onset.

    Parameters
    ----------
    rolls : Rolls
        Activations of the whole recording.
    features : Features, optional
        Its levels, for velocities.
    onsets : Onsets, optional
        Rises of its spectrum: where one is, a weaker onset activation is believed.
    """
    strokes = _strokes(rolls, onsets)
    tuning = _grid_offset(rolls, strokes)
    kept: list[Stroke] = []
    sounding: dict[int, Stroke] = {}
    following = _next_on_key(strokes, rolls.onset.shape[1])
    for index, stroke in enumerate(strokes):
        if index % ALIVE_STROKES == 0:
            alive()
        if _slides_through(stroke, sounding.values()) or _is_ghost(stroke, strokes, index, rolls):
            continue
        stirred = None if is_heard(onsets, stroke.at * HOP_S) else _stirred(stroke, sounding.values())
        if stirred is not None:
            if stirred.stop == stroke.first:
                extend(stirred, rolls, following[index])
            continue
        follow(stroke, rolls, tuning, following[index])
        if len(stroke.frames) < 2:
            continue
        for key in [key for key, other in sounding.items() if other.stop <= stroke.first]:
            del sounding[key]
        _end_struck_again(stroke, sounding)
        sounding[stroke.key] = stroke
        kept.append(stroke)
    kept = departed(landed(kept, rolls, tuning, onsets), onsets)
    parted(kept)
    loudest = _loudest(kept, features)
    return _distinct([_note(stroke, tuning, features, loudest) for stroke in kept])


def _distinct(notes: Sequence[HeardNote]) -> list[HeardNote]:
    """Return the notes without doubles, two keys of one slide, and without what is brief as well as doubtful."""
    kept: list[HeardNote] = []
    for note in notes:
        if note.seconds < BRIEF_S and note.confidence < DOUBTFUL:
            continue
        doubles = [
            place
            for place in range(max(0, len(kept) - 8), len(kept))
            if note.onset_s - kept[place].onset_s < DOUBLE_S and abs(note.pitch - kept[place].pitch) < NEAR_KEY
        ]
        if not doubles:
            kept.append(note)
        elif kept[doubles[-1]].confidence < note.confidence:
            kept[doubles[-1]] = note
    return kept


def _strokes(rolls: Rolls, onsets: Onsets | None) -> list[Stroke]:
    """Return the peaks of the onset activation in order of time."""
    onset = rolls.onset
    heard = _rises(onsets, len(onset))
    frames = len(onset)
    if not frames:
        return []
    lowest = np.where(heard, BELIEVED, SUPPORTED) * FULL
    pieces = [_peaks(onset, lowest, start) for start in range(0, frames, PIECE_FRAMES)]
    found, key = (np.concatenate(column) for column in zip(*pieces, strict=True))
    strokes = []
    for frame, place in zip(found.tolist(), key.tolist(), strict=True):
        height = float(onset[frame, place]) / FULL
        if height < (SUPPORTED if heard[frame] else STRUCK) and not _frame_rises(rolls.frame, frame, place):
            continue
        before = float(onset[frame - 1, place]) / FULL if frame else 0.0
        after = float(onset[frame + 1, place]) / FULL if frame + 1 < frames else 0.0
        bow = 2.0 * height - before - after
        fraction = float(np.clip((after - before) / (2.0 * bow), -0.5, 0.5)) if bow > 1e-6 else 0.0
        mass = min(1.0, (before + height + after) / PEAK_MASS)
        strokes.append(Stroke(max(0.0, frame + fraction), place, mass))
    strokes.sort(key=lambda stroke: (stroke.at, stroke.key))
    return strokes


def _peaks(onset: Bytes, lowest: Floats, start: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return frames and keys of the peaks of the onset activation in one piece of a recording."""
    stop = min(len(onset), start + PIECE_FRAMES)
    low, high = max(0, start - PEAK_FRAMES), min(len(onset), stop + PEAK_FRAMES)
    edges = (PEAK_FRAMES - (start - low), PEAK_FRAMES - (high - stop))
    padded = np.pad(onset[low:high], (edges, (1, 1)))
    near = np.lib.stride_tricks.sliding_window_view(padded, 2 * PEAK_FRAMES + 1, axis=0).max(-1)
    here = padded[PEAK_FRAMES:-PEAK_FRAMES, 1:-1]
    beside = np.maximum(near[:, :-2], near[:, 2:])
    earlier = np.lib.stride_tricks.sliding_window_view(padded[:-PEAK_FRAMES], PEAK_FRAMES, axis=0).max(-1)
    first = here > earlier[: len(here), 1:-1]  # of equal neighbours in time the first is the peak
    enough = here >= lowest[start:stop, None]
    found, key = np.nonzero(enough & (here >= near[:, 1:-1]) & (here >= beside) & first)
    return found + start, key


def _rises(onsets: Onsets | None, frames: int) -> NDArray[np.bool_]:
    """Return in which frames the spectrum rises: those within 32 ms of an onset that is clear of itself."""
    near = np.zeros(frames, dtype=bool)
    if onsets is not None:
        for time in onsets.times[onsets.strengths >= CLEAR_DB].tolist():
            middle = round(time / HOP_S)
            near[max(0, middle - 2) : middle + 3] = True
    return near


def _frame_rises(frame: Bytes, at: int, key: int) -> bool:
    before = frame[max(0, at - 4) : max(1, at - 1), key]
    after = frame[at + 1 : at + 6, key]
    if not len(after):
        return False
    return float(after.mean()) - float(before.mean()) > RISE * FULL


def _grid_offset(rolls: Rolls, strokes: Sequence[Stroke]) -> float:
    """Return by how many semitones the recording lies off the keys: the circular mean of the contour at strokes."""
    total = 0j
    for stroke in strokes:
        low = max(0, stroke.key * PER_SEMITONE - 1)
        piece = rolls.contour[stroke.first + 3 : stroke.first + 10, low : low + 5].astype(np.float64) / FULL
        if piece.size and piece.max() > 0.3:
            away = (np.arange(low, low + piece.shape[1]) - 1.0) / PER_SEMITONE - stroke.key
            total += complex((piece**2 * np.exp(2j * np.pi * away)).sum())
    return float(np.angle(total) / (2.0 * np.pi)) if abs(total) > 1e-9 else 0.0


def _next_on_key(strokes: Sequence[Stroke], keys: int) -> list[int]:
    """Return for each stroke the frame of the next one on its key, or a frame past all."""
    upcoming = [1 << 40] * keys
    following = [0] * len(strokes)
    for index in range(len(strokes) - 1, -1, -1):
        following[index] = upcoming[strokes[index].key]
        upcoming[strokes[index].key] = strokes[index].first
    return following


def _slides_through(stroke: Stroke, sounding: Iterable[Stroke]) -> bool:
    """Return whether a weak stroke is a note that is already sounding, on its way past this key."""
    if stroke.height >= WEAK:
        return False
    for other in sounding:
        at = stroke.first - (other.frames[0] if other.frames else 0)
        if not (4 <= at < len(other.bins) - 1) or other.stop <= stroke.first:
            continue
        pitch = other.pitch(max(0, at - 6), at + 4)
        speed = float(np.ptp(pitch)) / (len(pitch) * HOP_S)
        passes = np.abs(pitch - (LOWEST + stroke.key)).min() < 1.0
        if passes and speed > SLIDING:
            return True
    return False


def _is_ghost(stroke: Stroke, strokes: Sequence[Stroke], index: int, rolls: Rolls) -> bool:
    """Return whether a weak stroke on a partial of a stronger one is that partial: its key does not go on sounding."""
    if stroke.height >= GHOST:
        return False
    for step in (-1, 1):
        place = index + step
        while 0 <= place < len(strokes) and abs(strokes[place].at - stroke.at) <= 2.0:
            other = strokes[place]
            if stroke.key - other.key in HARMONICS and other.height > 1.25 * stroke.height:
                after = rolls.frame[stroke.first + 2 : stroke.first + 10, stroke.key]
                return bool(len(after) == 0 or after.mean() < SOUNDS_ON * FULL)
            place += step
    return False


def _stirred(stroke: Stroke, sounding: Iterable[Stroke]) -> Stroke | None:
    """Return the sounding string that an unheard stroke is, stirred by a vibrato or a slide; None if it is a stroke."""
    if stroke.height >= STIRRED:
        return None
    for other in sounding:
        at = stroke.first - other.frames[0]
        if 3 <= at <= len(other.bins) and abs(LOWEST + stroke.key - float(other.pitch(at - 1, at)[0])) < NEAR_KEY:
            return other
    return None


def _end_struck_again(stroke: Stroke, sounding: dict[int, Stroke]) -> None:
    """End the notes whose string this stroke strikes: those that are near its key when it comes."""
    for key, other in list(sounding.items()):
        at = stroke.first - other.frames[0]
        if not 0 < at < len(other.bins):
            continue
        pitch = LOWEST + (other.bins[at] - 1.0) / PER_SEMITONE
        if key == stroke.key or abs(pitch - LOWEST - stroke.key) < NEAR_KEY:
            other.cut(at)
            other.stop = stroke.first
            del sounding[key]


def _loudest(strokes: Sequence[Stroke], features: Features | None) -> float:
    if features is None or not strokes:
        return 0.0
    return float(np.percentile([_level(stroke, features) for stroke in strokes], 90))


def _level(stroke: Stroke, features: Features) -> float:
    frame = round(stroke.at * HOP_S / 0.008)
    return float(features.level[frame : frame + 10].max(initial=-130.0))


def _note(stroke: Stroke, tuning: float, features: Features | None, loudest: float) -> HeardNote:
    """Return the heard note of a stroke: it rests at its key's own pitch if it stays there for a while."""
    pitch, heard = stroke.pitch(), np.array(stroke.heard)
    own = LOWEST + stroke.key + tuning
    audible = heard >= HELD
    there = (np.abs(pitch - own) <= NEAR_KEY) & audible
    nominal = own
    if there.sum() >= min(FEW_FRAMES, 0.4 * audible.sum()):
        nominal = float(np.median(pitch[there])) if there.any() else own
    elif audible.any():
        nominal = resting_pitch(pitch[audible], heard[audible])
    sure = heard[: round(0.4 / HOP_S)]
    height = stroke.height
    velocity = velocity_of(_level(stroke, features), loudest) if features is not None else round(40 + 60 * height)
    times = np.array(stroke.frames)[audible] * HOP_S
    onset = stroke.at * HOP_S
    return HeardNote(
        onset_s=onset,
        offset_s=max(onset + 0.03, stroke.stop * HOP_S),
        pitch=nominal,
        velocity=velocity,
        confidence=float(np.interp(np.sqrt(height * (float(sure.mean()) if len(sure) else 0.0)), *RIGHT)),
        bend=(times, (pitch[audible] - nominal) * 100.0),
    )
