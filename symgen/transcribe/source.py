"""Sound on its way in: blocks at any rate become blocks at the rate that everything here hears."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symgen.errors import ReadError, SymgenError
from symgen.transcribe.features import RATE

Block = NDArray[np.float32]

LOWEST_RATE, HIGHEST_RATE = 1000, 768_000
_BLOCK_S = 1.0


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


def sound_of(source: Path | str | bytes | Sound) -> Sound:
    """Return a source as blocks of sound: a path or the bytes of a file are decoded with soundfile.

    Raises
    ------
    ReadError
        If it is no sound file.
    """
    if isinstance(source, Sound):
        return source
    return _decoded(source)


def _decoded(source: Path | str | bytes) -> Sound:
    try:
        import soundfile
    except ImportError as error:
        raise SymgenError(
            "reading sound needs soundfile", expected="the extra 'audio'", remedy="pip install 'symgen[audio]'"
        ) from error
    try:
        file = soundfile.SoundFile(io.BytesIO(source) if isinstance(source, bytes) else str(source))
    except (soundfile.LibsndfileError, OSError) as error:
        raise ReadError(f"no sound can be decoded: {error}", expected="a sound file", code="undecodable") from error
    return Sound(_file_blocks(file), int(file.samplerate))


def _file_blocks(file: Any) -> Iterator[Block]:
    with file:
        for block in file.blocks(blocksize=max(1024, int(file.samplerate * _BLOCK_S)), dtype="float32", always_2d=True):
            yield block.mean(axis=1, dtype=np.float32)


def at_hearing_rate(sound: Sound) -> Iterator[Block]:
    """Yield the sound at :data:`~symgen.transcribe.features.RATE`, without NaN and infinities.

    Raises
    ------
    ReadError
        If the rate is not one of sound.
    """
    if not LOWEST_RATE <= sound.rate <= HIGHEST_RATE:
        raise ReadError(
            f"a rate of {sound.rate} samples per second", expected=f"{LOWEST_RATE} to {HIGHEST_RATE}", code="bad-rate"
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
