"""What the network heard of a recording, and the curve of one string through it."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from symgen.transcribe.frontend import BINS
from symgen.transcribe.notes import Floats

if TYPE_CHECKING:
    from symgen.transcribe.runtime import Activations

Bytes = NDArray[np.uint8]

Step = tuple[int, float, float]
"""Frame, bin with fraction, activation."""

HOP_S = 0.016

LOWEST, KEYS = 33, 61

PER_SEMITONE = 3

FULL = 255.0
"""Activations are kept as bytes, so that an hour takes 70 MB, and the spectrum 60."""

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


HANDED_FRAMES, LEAST_RISE, HANDED, STRUCK_KEY = 5, 0.35, 0.6, 0.4
"""A key that comes up by so much in so many frames, its onset activation below the last value, has been slid to;
its rise counts by the third value beside the contour."""

FAINT = 0.05
"""Contour activation without which there is no pitch to follow."""

_WEIGHT = np.exp(-0.5 * (np.arange(-STEP_BINS, STEP_BINS + 1) / 1.6) ** 2)


@dataclass(frozen=True, slots=True, eq=False)
class Rolls:
    """What the network heard of a whole recording, as bytes 0..255 for 0..1.

    Parameters
    ----------
    onset, frame : ndarray of uint8, shape (frames, keys)
        Stroke and sounding of each key, the first being MIDI :data:`LOWEST`.
    contour : ndarray of uint8, shape (frames, keys * 3)
        Pitch in thirds of a semitone; bin 1 is the first key.
    spectrum : ndarray of uint8, shape (frames, bins), or None
        What was heard, as :attr:`symgen.transcribe.runtime.Activations.spectrum`.
    """

    onset: Bytes
    frame: Bytes
    contour: Bytes
    spectrum: Bytes | None = None

    @staticmethod
    def of(parts: Iterable[Activations]) -> Rolls:
        """Return the activations of consecutive parts, packed as they come."""
        packed, widths = tuple(bytearray() for _ in range(4)), (KEYS, KEYS, PER_SEMITONE * KEYS, BINS)
        for part in parts:  # they grow where they are: joining them at the end would take twice the memory
            values = (_bytes(part.onset), _bytes(part.frame), _bytes(part.contour), part.spectrum)
            for held, more in zip(packed, values, strict=True):
                held += more.tobytes()
        rolls = (np.frombuffer(held, np.uint8) for held in packed)
        return Rolls(*(roll.reshape(-1, width) for roll, width in zip(rolls, widths, strict=True)))


def _bytes(values: NDArray[np.float32]) -> Bytes:
    return np.clip(np.round(values * FULL), 0, FULL).astype(np.uint8)


@dataclass(slots=True)
class Stroke:
    """A peak of the onset activation, and the curve that is followed from it."""

    at: float  # frame with fraction
    key: int
    height: float  # 0..1: the sum of its frames over that of a sure stroke
    frames: array[int] = field(default_factory=lambda: array("l"))
    bins: array[float] = field(default_factory=lambda: array("d"))
    heard: array[float] = field(default_factory=lambda: array("d"))
    stop: int = 0

    @property
    def first(self) -> int:
        """Frame of the stroke."""
        return max(0, round(self.at))

    def add(self, path: Sequence[Step]) -> None:
        """Let the curve go on along a path."""
        self.frames.extend(frame for frame, _, _ in path)
        self.bins.extend(place for _, place, _ in path)
        self.heard.extend(heard for _, _, heard in path)
        self.stop = self.frames[-1] + 1 if self.frames else self.first

    def cut(self, at: int) -> None:
        """End the curve before its frame `at`, counted from its start."""
        for column in (self.frames, self.bins, self.heard):
            del column[at:]

    def pitch(self, first: int = 0, last: int | None = None) -> Floats:
        """Return the MIDI pitch with fraction of its frames `first` to `last`, counted from the start of the curve."""
        whole: Floats = LOWEST + (np.array(self.bins[first:last]) - 1.0) / PER_SEMITONE
        return whole


def follow(stroke: Stroke, rolls: Rolls, tuning: float, next_on_key: int) -> None:
    """Fill in the curve of a stroke, from its first frame to where it ends."""
    frames = len(rolls.frame)
    first = stroke.first
    limit = min(frames, next_on_key)
    own = (stroke.key + tuning) * PER_SEMITONE + 1.0
    anchor = _anchor(rolls, first, limit, own)
    back = walk(rolls, anchor, own, first - 1, -1)
    there = back[0] if back else (anchor, own, 0.0)
    forth = walk(rolls, there[0] + 1, there[1], limit, 1)
    curve = [*reversed(back), *forth]
    stroke.add(curve)


def extend(stroke: Stroke, rolls: Rolls, limit: int) -> None:
    """Follow a curve on from where it was cut off, up to frame `limit`."""
    stroke.add(walk(rolls, stroke.stop, stroke.bins[-1], min(len(rolls.frame), limit), 1))


def _anchor(rolls: Rolls, first: int, limit: int, own: float) -> int:
    """Return the first frame in which the note sounds at its own pitch, the stroke's own frame if none does."""
    low, high = max(0, round(own) - 1), round(own) + 2
    piece = rolls.contour[first : min(limit, first + round(ANCHOR_S / HOP_S)), low:high]
    if not piece.size:
        return first
    heard = np.flatnonzero(piece.max(axis=1) >= 0.4 * FULL)
    return first + int(heard[0]) if len(heard) else first


def walk(rolls: Rolls, start: int, place: float, stop: int, step: int) -> list[Step]:
    """Return (frame, bin with fraction, activation) along the strongest path from a place, until it is silent.

    A fast slide blurs the contour; then the frame activation of the key that takes over tells where it goes.
    """
    contour, frame = rolls.contour, rolls.frame
    bins, keys = contour.shape[1], frame.shape[1]
    path: list[Step] = []
    silent, speed, sure, lost = 0, 0.0, place, 0
    for at in range(start, stop, step):
        middle = round(place + float(np.clip(speed, -2.0, 2.0)))
        low = min(max(0, middle - STEP_BINS), bins - 2 * STEP_BINS - 1)
        near = contour[at, low : low + 2 * STEP_BINS + 1] / FULL
        handed = _handed_over(rolls, at, low, step)
        best = int(((near + handed) * _WEIGHT).argmax())
        heard = float(near[best])
        backed = min(1.0, heard + float(handed[best]))
        leaps = abs(low + best - round(place)) >= LEAP_BINS
        strays = (backed < SOUNDING or lost > 1) and abs(low + best - sure) > LEAP_BINS
        if backed >= (LEAP if leaps else HELD) and heard >= FAINT and not strays:
            first = max(0, best - 1)
            around = near[first : best + 2]
            new = low + first + float((around * np.arange(len(around))).sum() / around.sum())
            speed = 0.5 * speed + 0.5 * (new - place)
            place = new
        else:
            speed = 0.0
        clear = backed >= SOUNDING and not strays
        sure, lost = (place, 0) if clear else (sure, lost + 1)
        nearest = min(max(0, round((place - 1.0) / PER_SEMITONE)), keys - 1)
        sounds = float(frame[at, nearest]) / FULL
        path.append((at, place, backed))
        silent = silent + 1 if not clear and (lost > RELEASE_FRAMES or sounds < SOUNDING) else 0
        if step > 0 and silent >= RELEASE_FRAMES:
            return path[:-RELEASE_FRAMES] or path[:1]
    return path


def _handed_over(rolls: Rolls, at: int, low: int, step: int) -> Floats:
    """Return for the bins from `low` how much their key has come up since shortly before, unless it was struck."""
    width = 2 * STEP_BINS + 1
    before = at - HANDED_FRAMES * step
    if not 0 <= before < len(rolls.frame):
        return np.zeros(width)
    first = low // PER_SEMITONE
    keys = slice(first, (low + width - 1) // PER_SEMITONE + 1)
    rise = (rolls.frame[at, keys].astype(np.float64) - rolls.frame[before, keys]) / FULL
    struck = rolls.onset[max(0, at - 3) : at + 4, keys].max(axis=0) >= STRUCK_KEY * FULL
    rise[struck | (rise < LEAST_RISE)] = 0.0
    return HANDED * np.repeat(rise, PER_SEMITONE)[low - PER_SEMITONE * first :][:width]
