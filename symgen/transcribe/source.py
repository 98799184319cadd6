"""Sound on its way in: blocks at any rate become blocks at the rate that everything here hears."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from symgen.errors import ReadError
from symgen.transcribe.features import RATE

Block = NDArray[np.float32]

LOWEST_RATE, HIGHEST_RATE = 1000, 768_000


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """Mono sound in blocks.

    Parameters
    ----------
    blocks : iterable of ndarray of float32, shape (samples,)
        In order of time, of any sizes; full scale is 1.
    rate : int
        Samples per second.
    """

    blocks: Iterable[Block]
    rate: int


def sound_of(source: str | os.PathLike[str] | bytes | Sound) -> Sound:
    """Return a source as blocks of sound.

    Raises
    ------
    ReadError
        As :func:`symgen.transcribe.audio.open_audio` and its `condition`.
    """
    if isinstance(source, Sound):
        return source
    from symgen.transcribe.audio import blocks, open_audio

    return Sound(blocks(open_audio(source), RATE), RATE)


def at_hearing_rate(sound: Sound) -> Iterator[Block]:
    """Yield the sound at :data:`~symgen.transcribe.features.RATE`, without NaN and infinities.

    Raises
    ------
    ReadError
        If the rate is not one of sound.
    """
    if not LOWEST_RATE <= sound.rate <= HIGHEST_RATE:
        raise ReadError(
            f"a rate of {sound.rate} samples per second",
            expected=f"{LOWEST_RATE} to {HIGHEST_RATE}",
            code="sample-rate",
        )
    resampler = None
    if sound.rate != RATE:
        import soxr

        resampler = soxr.ResampleStream(sound.rate, RATE, 1, dtype="float32")
    for block in sound.blocks:
        if not len(block):
            continue
        clean = np.nan_to_num(np.asarray(block, dtype=np.float32), nan=0.0, posinf=0.0, neginf=0.0)
        if resampler is not None:
            clean = resampler.resample_chunk(clean)
        if len(clean):
            yield clean
    if resampler is not None:
        rest = resampler.resample_chunk(np.zeros(0, dtype=np.float32), last=True)
        if len(rest):
            yield rest
