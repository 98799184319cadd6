"""Activations of a recording of any length, window by window.

Samples come in blocks of any size; what comes out does not depend on these sizes, nor on where the windows of the
network begin, for each window is heard with all the frames around it that its outputs depend on. Held in memory at any
time: the signal of one window and its surroundings, about 20 seconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symgen.errors import SymgenError
from symgen.resources import checkpoints_dir
from symgen.transcribe import frontend
from symgen.transcribe.forward import KEYS, LOWEST, Forward
from symgen.transcribe.frontend import HOP, LEVEL_AHEAD, LEVEL_BACK, RATE, REACH
from symgen.transcribe.ringing import kept_spectrum

Array = NDArray[np.float32]

CHECKPOINT = "plucked"
WEIGHTS = "transcriber.safetensors"
"""Name of the file of weights in a checkpoint's folder."""
WINDOW = 512
"""Frames (8.2 s) computed at once."""


class TranscriberError(SymgenError):
    """The transcriber's weights are missing or are not what its card says."""


@dataclass(frozen=True, slots=True, eq=False)
class Activations:
    """What the network heard in consecutive frames, probabilities from 0 to 1.

    Attributes
    ----------
    first : int
        Number of the first frame; frame ``i`` is centred on second ``i * frontend.FRAME_SECONDS`` (16 ms).
    onset : float32, shape (frames, 61)
        A string is struck; the key, MIDI 33 to 93, is the one nearest the note's own pitch even if it begins with a
        slide. Peaks are two or three frames wide.
    frame : float32, shape (frames, 61)
        A key within 0.6 semitones of a sounding pitch; follows bends.
    contour : float32, shape (frames, 183)
        Bins of a third of a semitone: bin ``3 * (key - 33) + 1`` is the key itself, the bins beside it lie a third of
        a semitone below and above; follows bends and tuning.
    loudness : float32, shape (frames,)
        Amplitude of the loudest partial, a full-scale sine being 1; tells silence, whatever the network says.
    spectrum : uint8, shape (frames, frontend.BINS)
        What was heard, fine in pitch, in half decibels (:func:`symgen.transcribe.ringing.kept_spectrum`).
    """

    first: int
    onset: Array
    frame: Array
    contour: Array
    loudness: Array
    spectrum: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.onset)

    @staticmethod
    def join(parts: Iterable[Activations]) -> Activations:
        """Return consecutive `parts` as one; needs at least one part."""
        held = list(parts)
        fields = ("onset", "frame", "contour", "loudness", "spectrum")
        return Activations(held[0].first, *(np.concatenate([getattr(part, name) for part in held]) for name in fields))


def load(folder: Path | None = None) -> Forward:
    """Return the network with the weights of a folder, by default the shipped ones, ready to hear.

    Raises
    ------
    TranscriberError
        If a file is missing or its content does not fit the network.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    folder = folder or checkpoints_dir() / CHECKPOINT
    try:
        card: dict[str, Any] = json.loads((folder / "checkpoint.json").read_text(encoding="utf-8"))
        if [card["outputs"][name] for name in ("lowest", "keys")] != [LOWEST, KEYS]:
            raise ValueError(f"outputs {card['outputs']}")
        return Forward(load_file(folder / WEIGHTS), card["config"]["dilations"])
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise TranscriberError(
            f"{folder}: {error}", expected=f"checkpoint.json and {WEIGHTS} that fit", remedy="reinstall"
        ) from error


def resampled(blocks: Iterable[Array], rate: int) -> Iterator[Array]:
    """Yield mono float32 `blocks` at :data:`frontend.RATE`.

    Raises
    ------
    TranscriberError
        If the rate differs and soxr is not installed.
    """
    if rate == RATE:
        yield from (np.asarray(block, np.float32) for block in blocks)
        return
    try:
        import soxr
    except ImportError as error:
        raise TranscriberError(
            f"samples at {rate} Hz", expected=f"{RATE} Hz", remedy="pip install 'symgen[audio]'"
        ) from error
    stream = soxr.ResampleStream(rate, RATE, 1, dtype="float32")
    for block in blocks:
        yield stream.resample_chunk(np.ascontiguousarray(block, np.float32))
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def _heard(blocks: Iterable[Array]) -> Iterator[Array]:
    """Yield the magnitudes of all frames, :data:`WINDOW` at a time; the last may be fewer."""
    held = np.zeros(REACH, np.float32)  # its sample REACH is the centre of the next frame
    total = done = 0
    need = REACH + (WINDOW - 1) * HOP + REACH
    waiting: list[Array] = []
    count = len(held)
    for block in blocks:
        if not np.isfinite(block).all():
            block = np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)
        waiting.append(block)
        total += len(block)
        count += len(block)
        if count < need:
            continue
        held, waiting = np.concatenate([held, *waiting]), []
        while len(held) >= need:
            yield frontend.magnitudes(held, REACH, WINDOW)
            done += WINDOW
            held = held[WINDOW * HOP :]
        count = len(held)
    left = -(-total // HOP) - done
    held = np.concatenate([held, *waiting, np.zeros(REACH + HOP, np.float32)])
    if left > 0:
        yield frontend.magnitudes(held, REACH, left)


def _levelled(parts: Iterable[Array]) -> Iterator[tuple[Array, Array, NDArray[np.uint8]]]:
    """Yield (compressed spectra, loudness, spectrum as bytes) once all that the level depends on is heard."""
    held: Array = np.zeros((0, frontend.CHANNELS, frontend.BINS), np.float32)
    past: Array = np.zeros(LEVEL_BACK, np.float32)

    def release(count: int) -> tuple[Array, Array, NDArray[np.uint8]]:
        nonlocal held, past
        loudest = frontend.levels(held)
        known = np.concatenate([past, loudest])
        level = frontend.running_level(known)[LEVEL_BACK : LEVEL_BACK + count]
        ready = frontend.compress(held[:count], level)
        kept = kept_spectrum(held[:count, 0])
        held, past = held[count:], known[count : count + LEVEL_BACK]
        return ready, loudest[:count], kept

    for part in parts:
        held = np.concatenate([held, part])
        if len(held) > LEVEL_AHEAD:
            yield release(len(held) - LEVEL_AHEAD)
    if len(held):
        yield release(len(held))


def activations(
    blocks: Iterable[Array], rate: int = RATE, *, network: Forward | None = None, window: int = WINDOW
) -> Iterator[Activations]:
    """Yield the activations of a recording in consecutive parts.

    Parameters
    ----------
    blocks : iterable of float32, shape (n,)
        Mono samples, in blocks of any size; samples that are not finite count as 0.
    rate : int
        Samples a second of `blocks`; anything but :data:`frontend.RATE` (16 kHz) is resampled with soxr.
    network : Forward, optional
        From :func:`load`; by default the shipped weights.
    window : int
        Frames computed at once. The result does not depend on it.

    Yields
    ------
    Activations
        Frame 0 is centred on the first sample; there are ``ceil(samples at 16 kHz / 256)`` frames in all.
    """
    network = network or load()
    context = network.context
    heard: Array = np.zeros((0, frontend.CHANNELS, frontend.BINS), np.float32)
    loudness: Array = np.zeros(0, np.float32)
    spectrum: NDArray[np.uint8] = np.zeros((0, frontend.BINS), np.uint8)
    left = first = 0  # frames of `heard` that are context already given out; number of the next frame

    def give(count: int) -> Activations:
        nonlocal heard, loudness, spectrum, left, first
        stretch = heard[: left + count + context]
        onset, frame, contour = (part[left : left + count] for part in network(stretch))
        given = slice(left, left + count)
        result = Activations(first, onset, frame, contour, loudness[given], spectrum[given])
        first += count
        drop = max(0, left + count - context)
        heard, loudness, spectrum = heard[drop:], loudness[drop:], spectrum[drop:]
        left += count - drop
        return result

    for ready, loud, kept in _levelled(_heard(resampled(blocks, rate))):
        heard, loudness = np.concatenate([heard, ready]), np.concatenate([loudness, loud])
        spectrum = np.concatenate([spectrum, kept])
        while len(heard) >= left + window + context:
            yield give(window)
    while len(heard) > left:
        yield give(min(window, len(heard) - left))
