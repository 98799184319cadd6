"""What the transcriber is taught: targets from labelled notes, disturbed examples, and the loss.

A clip is heard once (:func:`hear`) and kept as magnitudes with its notes; each time it is drawn, another stretch of it
is disturbed in another way (:func:`example`): transposed by thirds of a semitone, filtered, veiled in noise, mixed
with a second clip, partly masked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from symgen.transcribe import frontend
from symgen.transcribe.forward import KEYS, LOWEST

Array = NDArray[np.float32]
PER = frontend.BINS_PER_SEMITONE


class Label(NamedTuple):
    """One note that sounds: seconds, MIDI pitch with fraction, and its bend as seconds since onset and semitones."""

    onset: float
    offset: float
    pitch: float
    times: NDArray[np.float64]
    semitones: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """A rendered clip: magnitudes ``(frames, channels, bins)`` as float16, level ``(frames,)``, and its notes."""

    magnitude: NDArray[np.float16]
    level: Array
    notes: tuple[Label, ...]


def hear(samples: Array, notes: tuple[Label, ...]) -> Clip:
    """Return the clip of a signal at :data:`frontend.RATE`."""
    magnitude = frontend.whole(samples)
    level = frontend.running_level(frontend.levels(magnitude))
    return Clip(magnitude.astype(np.float16), level, notes)


class Targets(NamedTuple):
    """What the outputs should be, 0 to 1: ``(frames, KEYS)``, ``(frames, KEYS)``, ``(frames, KEYS * 3)``."""

    onset: Array
    frame: Array
    contour: Array


def targets(notes: tuple[Label, ...], first: int, frames: int, shift: float = 0.0) -> Targets:
    """Return the targets of frames ``first .. first + frames`` for notes transposed by `shift` semitones.

    An onset belongs to the key nearest the note's own pitch, whatever the bend at that time, and to the frames within
    1.5 hops. Frame and contour follow the bend: the keys within 0.6 semitones, and the bins around the pitch.
    """
    onset, frame = np.zeros((frames, KEYS), np.float32), np.zeros((frames, KEYS), np.float32)
    contour = np.zeros((frames, KEYS * PER), np.float32)
    seconds = (first + np.arange(frames)) * frontend.FRAME_SECONDS
    keys, bins = np.arange(KEYS), (np.arange(KEYS * PER) - 1) / PER
    for note in notes:
        own = note.pitch + shift - LOWEST
        key = round(own)
        if note.offset < seconds[0] or note.onset > seconds[-1] + 0.05:
            continue
        if 0 <= key < KEYS:
            near = 1 - np.abs(seconds - note.onset) / (1.5 * frontend.FRAME_SECONDS)
            onset[:, key] = np.maximum(onset[:, key], near)
        start, stop = np.searchsorted(seconds, [note.onset, note.offset])
        if stop <= start:
            continue
        here = seconds[start:stop] - note.onset
        pitch = own + (np.interp(here, note.times, note.semitones) if len(note.times) else np.zeros(len(here)))
        np.maximum(frame[start:stop], np.abs(pitch[:, None] - keys) < 0.6, out=frame[start:stop])
        bump = np.maximum(0, 1 - np.abs(pitch[:, None] - bins) * PER / 1.5).astype(np.float32)
        np.maximum(contour[start:stop], bump, out=contour[start:stop])
    return Targets(np.maximum(onset, 0), frame, contour)


def _moved(magnitude: Array, bins: int) -> Array:
    """Return `magnitude` moved up by `bins`; what comes in from the edge is silent."""
    out = np.zeros_like(magnitude)
    if bins >= 0:
        out[..., bins:] = magnitude[..., : magnitude.shape[-1] - bins]
    else:
        out[..., :bins] = magnitude[..., -bins:]
    return out


def _curve(rng: np.random.Generator, decibels: float, knots: int) -> Array:
    """Return a smooth random gain over the bins, `decibels` the standard deviation of its knots."""
    values = rng.normal(0, decibels, knots)
    return np.asarray(
        10 ** (np.interp(np.linspace(0, knots - 1, frontend.BINS), np.arange(knots), values) / 20), np.float32
    )


def _cut(clip: Clip, first: int, frames: int, bins: int, rng: np.random.Generator) -> Array:
    """Return a stretch of `clip`, relative to its level, transposed and filtered; silent before and after the clip."""
    wanted = np.arange(first, first + frames)
    inside = (wanted >= 0) & (wanted < len(clip.level))
    stretch = slice(max(0, first), first + frames)
    magnitude = np.zeros((frames, frontend.CHANNELS, frontend.BINS), np.float32)
    magnitude[inside] = clip.magnitude[stretch].astype(np.float32) / clip.level[stretch, None, None]
    magnitude *= _curve(rng, rng.uniform(0, 6), int(rng.integers(2, 10)))
    return _moved(magnitude, bins)


def _drawn(clips: list[Clip], frames: int, bins: int, rng: np.random.Generator) -> tuple[Array, Targets]:
    """Return a stretch of one of the clips, which may begin before it or end after it, and its targets."""
    clip = clips[int(rng.integers(len(clips)))]
    first = int(rng.integers(-OUTSIDE, max(1, len(clip.level) - frames + OUTSIDE)))
    made = targets(clip.notes, first, frames, bins / PER)
    for part in made:
        part[max(0, len(clip.level) - first) :] = 0
    return _cut(clip, first, frames, bins, rng), made


def example(clips: list[Clip], frames: int, rng: np.random.Generator) -> tuple[Array, Targets]:
    """Return one disturbed stretch: what is heard, ``(channels, frames, bins)``, and its targets."""
    bins = int(np.clip(round(rng.normal(0, 4)), -9, 9))
    magnitude, notes = _drawn(clips, frames, bins, rng)
    if rng.random() < 0.1:  # a second clip beneath
        beneath, more = _drawn(clips, frames, bins, rng)
        magnitude = np.hypot(magnitude, beneath * np.float32(rng.uniform(0.3, 1.0)))
        notes = Targets(*(np.maximum(a, b) for a, b in zip(notes, more, strict=True)))
    if rng.random() < 0.5:  # noise of any colour
        veil = np.float32(10 ** rng.uniform(-4.5, -2.0)) * _curve(rng, 8, 4)
        magnitude = np.hypot(magnitude, veil * rng.rayleigh(1, magnitude.shape).astype(np.float32))
    level = np.full(len(magnitude), 10 ** rng.normal(0.0, 0.15), np.float32)
    heard = frontend.compress(magnitude, level).transpose(1, 0, 2)
    if rng.random() < 0.15:  # a masked band
        start, width = int(rng.integers(0, frontend.BINS)), int(rng.integers(3, 30))
        heard[:, :, start : start + width] = 0
    return heard, notes


def batch(clips: list[Clip], size: int, frames: int, rng: np.random.Generator) -> tuple[Tensor, list[Tensor]]:
    """Return `size` examples: input ``(size, channels, frames, bins)`` and three targets ``(size, frames, ...)``."""
    drawn = [example(clips, frames, rng) for _ in range(size)]
    heard = torch.from_numpy(np.stack([one for one, _ in drawn]))
    return heard, [torch.from_numpy(np.stack(part)) for part in zip(*(notes for _, notes in drawn), strict=True)]


OUTSIDE = 40
"""Frames of silence before or after a clip that an example may show, so that ends of recordings are known."""
WEIGHTS = (30.0, 1.0, 1.0)
"""Of the losses of onset, frame and contour: onsets are rare, so their mean is small."""
ONSET_WEIGHT = 4.0
"""A missed onset costs this much more than a false one."""
BORDER = 16
"""Frames at either end of an example that are not judged: what they depend on was cut away."""


def loss(outputs: tuple[Tensor, Tensor, Tensor], wanted: list[Tensor]) -> tuple[Tensor, list[float]]:
    """Return the weighted sum of the mean cross entropies, and the three of them."""
    parts = []
    for index, (logits, target) in enumerate(zip(outputs, wanted, strict=True)):
        logits, target = logits[:, BORDER:-BORDER], target[:, BORDER:-BORDER]
        weight = 1 + (ONSET_WEIGHT - 1) * target if index == 0 else None
        parts.append(torch.nn.functional.binary_cross_entropy_with_logits(logits.float(), target, weight=weight))
    total = torch.stack([factor * part for factor, part in zip(WEIGHTS, parts, strict=True)]).sum()
    return total, [float(part.detach()) for part in parts]
