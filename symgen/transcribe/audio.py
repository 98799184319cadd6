"""Recordings: what a sound file is, and its sound as one channel at one rate, in bounded memory.

A file is gone through twice. The first time tells what no block can tell alone (:mod:`symgen.transcribe._survey`):
how long it really is, its loudest sample, its mean, which channels sound and whether they cancel each other. So
nothing that is done to the samples depends on where a block begins.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from symgen.errors import ReadError, one_line
from symgen.transcribe._decoders import DecodeError, Stream, open_stream, regroup
from symgen.transcribe._survey import Condition, survey

__all__ = ["BLOCK_RATE", "MAX_BYTES", "Condition", "Recording", "blocks", "open_audio"]

MAX_BYTES = 2 * 2**30
"""No recording is larger: 3 hours of 24-bit stereo at 48 kHz come to 3.1 GB, of CD sound to 1.9 GB."""

MAX_SECONDS = 3 * 3600.0
MAX_CHANNELS = 16
MIN_RATE, MAX_RATE = 8_000, 192_000

BLOCK_RATE = 22_050
"""Hz; the highest partial that tells something about a plucked string is below 10 kHz."""

REMEDY = "install it with: pip install 'symgen[audio]'"


@dataclass(frozen=True)
class Recording:
    """A sound file, as its header describes it.

    Parameters
    ----------
    source : Path or bytes
        The file, or its content.
    name : str
        For messages.
    rate, channels : int
        Samples a second, and channels.
    seconds : float or None
        Length as the header tells it, None where it does not; ``condition.seconds`` is the true one.
    format, subtype : str
        Container and coding, such as "WAV" and "PCM_24".
    film : bool
        Whether it is a film: only its sound is read.
    decoder : str
        Which decoder opened it.
    """

    source: Path | bytes = field(repr=False)
    name: str
    rate: int
    channels: int
    seconds: float | None
    format: str
    subtype: str
    film: bool = False
    decoder: str = "sndfile"

    @cached_property
    def condition(self) -> Condition:
        """What listening through the whole recording once has shown; made when it is first asked for.

        Raises
        ------
        ReadError
            With the code "no-sound", "silent", "only-noise" or "cap-duration".
        """
        return survey(self.source, self.name, self.decoder, MAX_SECONDS)


def open_audio(source: str | os.PathLike[str] | bytes, name: str = "") -> Recording:
    """Open a recording and check what its header says.

    Parameters
    ----------
    source : path or bytes
        A sound file or its content.
    name : str, optional
        What to call it in messages; the file's name by default.

    Raises
    ------
    ReadError
        Whose `code` is a row of :data:`symgen.readers.DEFECTS`: no such file, no sound file, no sound track, a rate,
        a number of channels or a length beyond what is read, or the extra "audio" is not installed.
    """
    name = one_line(name or ("the recording" if isinstance(source, bytes) else Path(source).name))
    place = source if isinstance(source, bytes) else Path(source)
    head = _head(place, name)
    _check_wave(head, name)
    with closing(_open(place, name, head)) as stream:
        return _checked(stream, place, name)


def blocks(recording: Recording, rate: int = BLOCK_RATE, seconds: float = 10.0) -> Iterator[NDArray[np.float32]]:
    """Yield the sound of a recording, one channel at `rate`, in blocks.

    The channels are averaged (if they cancel each other, the loudest is taken alone), the mean is removed, and the
    resampling (soxr, HQ) runs through: blocks laid end to end are the whole recording resampled at once.

    Yields
    ------
    ndarray of float32, shape (n,)
        ``round(rate * seconds)`` samples, the last block fewer.

    Raises
    ------
    ReadError
        As :attr:`Recording.condition`.
    """
    condition = recording.condition
    yield from regroup(_resampled(recording, condition, rate), max(1, round(rate * seconds)))


def _resampled(recording: Recording, condition: Condition, rate: int) -> Iterator[NDArray[np.float32]]:
    from symgen.isolation import alive

    stream = open_stream(recording.source, condition.decoder)
    with closing(stream.chunks()) as chunks:
        if stream.rate == rate:
            for chunk in chunks:
                alive()
                yield condition.mixed(chunk)
            return
        import soxr

        resampler = soxr.ResampleStream(stream.rate, rate, 1, dtype="float32", quality="HQ")
        for chunk in chunks:
            alive()
            yield resampler.resample_chunk(condition.mixed(chunk))
        yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def _head(source: Path | bytes, name: str) -> bytes:
    """Return the first bytes of a file that can be a recording."""
    if isinstance(source, bytes):
        head, size = source[:4096], len(source)
    else:
        try:
            status = source.stat()
            if not stat.S_ISREG(status.st_mode):
                kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
                raise ReadError(f"{name} is {kind}", expected="a sound file", code="not-a-file")
            size = status.st_size
            with source.open("rb") as file:
                head = file.read(4096)
        except FileNotFoundError as error:
            raise ReadError(f"{name} does not exist", remedy="check the path", code="missing-file") from error
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ReadError(f"{name} cannot be read: {reason}", code="unreadable-file") from error
    if not size:
        raise ReadError(f"{name} is empty", expected="a sound file", code="empty-file")
    if size > MAX_BYTES:
        limit = f"at most {MAX_BYTES:,} (audio.MAX_BYTES)"
        raise ReadError(f"{name} has {size:,} bytes", expected=limit, remedy="cut it into parts", code="too-large")
    return head


def _check_wave(head: bytes, name: str) -> None:
    """Refuse a WAVE header of 0 Hz or no channel by that reason: decoders find other words for it."""
    place = head.find(b"fmt ")
    if head[:4] in (b"RIFF", b"RF64") and place >= 0 and len(head) >= place + 16:
        _check_numbers(
            name,
            rate=int.from_bytes(head[place + 12 : place + 16], "little"),
            channels=int.from_bytes(head[place + 10 : place + 12], "little"),
        )


def _check_numbers(name: str, rate: int, channels: int) -> None:
    if not MIN_RATE <= rate <= MAX_RATE:
        found = f"{name} has a sample rate of {rate:,} Hz"
        raise ReadError(found, expected=f"{MIN_RATE:,} to {MAX_RATE:,} Hz", code="sample-rate")
    if not 1 <= channels <= MAX_CHANNELS:
        raise ReadError(f"{name} has {channels:,} channels", expected=f"1 to {MAX_CHANNELS}", code="cap-channels")


def _open(source: Path | bytes, name: str, head: bytes) -> Stream:
    """Open a file with the first decoder that takes it."""
    reasons = []
    for decoder in ("av", "sndfile") if head[4:8] == b"ftyp" else ("sndfile", "av"):
        try:
            return open_stream(source, decoder)
        except DecodeError as error:
            reasons.append(str(error))
        except ImportError as error:
            found = f"{name} cannot be heard: {error.name} is not installed"
            raise ReadError(found, remedy=REMEDY, code="needs-transcriber") from error
        except OSError as error:  # the library inside the wheel is for another system
            raise ReadError(f"{name}: {error}", remedy=REMEDY, code="needs-transcriber") from error
    if "a film without sound" in reasons:
        raise ReadError(f"{name} is a film without sound", expected="a recording", code="no-sound-track")
    # What the decoders say of foreign files ("File does not exist", "Internal error") helps nobody.
    raise ReadError(
        f"{name} cannot be decoded as sound", expected="wav, aiff, flac, ogg, opus, mp3 or m4a", code="undecodable"
    )


def _checked(stream: Stream, source: Path | bytes, name: str) -> Recording:
    _check_numbers(name, stream.rate, stream.channels)
    seconds = None if stream.frames is None else stream.frames / stream.rate
    if seconds is not None and seconds > MAX_SECONDS:
        found = f"{name} lasts {seconds / 3600:,.1f} hours"
        limit = f"at most {MAX_SECONDS / 3600:g} (audio.MAX_SECONDS)"
        raise ReadError(found, expected=limit, remedy="cut it into parts", code="cap-duration")
    facts = (stream.rate, stream.channels, seconds, stream.format, stream.subtype, stream.film, stream.decoder)
    return Recording(source, name, *facts)
