"""Decoders of sound files behind one face: what a file says of itself, and its samples, a chunk at a time.

libsndfile (wav, aiff, flac, ogg, opus, mp3) through soundfile comes first; FFmpeg through PyAV takes what that does
not know (m4a, aac, film) and what it gives up on half-way. Both come as wheels with their libraries inside. Neither
is trusted: readers of untrusted files run in a child that can be killed (:mod:`symgen.isolation`).
"""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
"""Shape (frames, channels)."""

CHUNK_FRAMES = 2**16
"""Frames decoded at a time: 1.5 s at 44.1 kHz, 256 KiB a channel."""

_SNDFILE_FORMATS = frozenset({"WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF", "FLAC", "OGG", "MP3"})
"""What libsndfile may take a file for; its rarer formats have headers that other files show by chance."""

_AV_OPTIONS = {
    "format_whitelist": "aac,mov,mp3,matroska,webm,avi,flac,ogg,wav,aiff,asf,mpegts,mpeg,flv,ac3,eac3,amr,ape,wv,tta",
    "protocol_whitelist": "file",  # play lists, and containers that point elsewhere, lead nowhere
}
_AV_ERRORS = 200
"""Damaged packets that are passed over before a file is given up."""

_ATTACHED_PICTURE = 0x400  # AV_DISPOSITION_ATTACHED_PIC

_SIZE_MENDED = re.compile(r"^\s*(?:data|SSND) : (\d+) \(should be (\d+)\)", re.MULTILINE)
_UNKNOWN_SIZE = 2**31 - 2**20
"""A writer to a pipe does not know the size and puts a number from here on into the header."""

_UNKNOWN_FRAMES = 2**48


class DecodeError(Exception):
    """A decoder cannot open a file."""


@dataclass(slots=True)
class Stream:
    """A file that a decoder has opened.

    Parameters
    ----------
    decoder : str
        "sndfile" or "av".
    rate, channels : int
        Hz, and how many.
    frames : int or None
        As the header says, or as follows from it; None where nothing tells.
    format, subtype : str
        Container and coding, as the decoder names them.
    film : bool
        Whether there are moving pictures too.
    cut : bool
        Whether the header promises more bytes than there are.
    broken : str
        Filled while the chunks are read: why they end early, or what was passed over.
    """

    decoder: str
    rate: int
    channels: int
    frames: int | None
    format: str
    subtype: str
    film: bool = False
    cut: bool = False
    broken: str = ""
    _handle: Any = field(default=None, repr=False)

    def chunks(self) -> Generator[Samples, None, None]:
        """Yield the samples once, ``CHUNK_FRAMES`` at a time, and close the file."""
        pieces = _sndfile_pieces(self) if self.decoder == "sndfile" else _av_pieces(self)
        with contextlib.closing(self):
            yield from regroup(pieces, CHUNK_FRAMES)

    def close(self) -> None:
        """Close the file."""
        self._handle.close()


def regroup(pieces: Iterable[NDArray[np.float32]], size: int) -> Iterator[NDArray[np.float32]]:
    """Yield the same samples in arrays of `size` along the first axis, the last one shorter."""
    held: list[NDArray[np.float32]] = []
    count = 0
    for piece in pieces:
        held.append(piece)
        count += len(piece)
        if count >= size:
            whole = np.concatenate(held) if len(held) > 1 else held[0]
            for start in range(0, count - size + 1, size):
                yield whole[start : start + size]
            held = [whole[count - count % size :].copy()]
            count %= size
    if count:
        yield np.concatenate(held)


def open_stream(source: Path | bytes, decoder: str) -> Stream:
    """Open a file with one decoder.

    Raises
    ------
    DecodeError
        If it is nothing for this decoder.
    ImportError
        If the library is not installed.
    """
    return _open_sndfile(source) if decoder == "sndfile" else _open_av(source)


class _Bytes(io.BytesIO):
    """Bytes as a file for C code: a seek to nowhere ends at the nearest place instead of raising."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        base = {1: self.tell(), 2: self.getbuffer().nbytes}.get(whence, 0)
        return super().seek(max(0, base + offset))


def _open_sndfile(source: Path | bytes) -> Stream:
    import soundfile

    try:
        file = soundfile.SoundFile(_Bytes(source) if isinstance(source, bytes) else os.fspath(source))
    except (soundfile.SoundFileError, OSError) as error:
        raise DecodeError(str(getattr(error, "error_string", error)).rstrip(".")) from error
    if file.format not in _SNDFILE_FORMATS:
        file.close()
        raise DecodeError(f"the format {file.format}")
    sizes = [(int(said), int(found)) for said, found in _SIZE_MENDED.findall(file.extra_info)]
    cut = any(found < said < _UNKNOWN_SIZE for said, found in sizes)
    frames = file.frames if 0 <= file.frames < _UNKNOWN_FRAMES else None
    return Stream("sndfile", file.samplerate, file.channels, frames, file.format, file.subtype, cut=cut, _handle=file)


def _sndfile_pieces(stream: Stream) -> Iterator[Samples]:
    import soundfile

    file = stream._handle
    while True:
        out = np.empty((CHUNK_FRAMES, stream.channels), np.float32)  # never by `frames`, which a header may invent
        try:
            piece = file.read(out=out)
        except (soundfile.SoundFileError, OSError) as error:
            stream.broken = str(error)
            return
        if not len(piece):
            return
        yield piece


def _open_av(source: Path | bytes) -> Stream:
    import av
    from av.error import FFmpegError

    file: Any = _Bytes(source) if isinstance(source, bytes) else source.open("rb")  # a name could be taken for an URL
    try:
        container = av.open(file, metadata_errors="ignore", options=_AV_OPTIONS)
        tracks = container.streams.audio
        if not tracks:
            container.close()
            raise DecodeError("a film without sound" if container.streams.video else "no sound in it")
        track = tracks[0]
        context = track.codec_context
        if context is None or not context.sample_rate or not context.channels:  # None: no decoder for it
            container.close()
            raise DecodeError("a sound track that says nothing of itself")
        context.thread_count = 1
        film = any(not _is_cover(picture) for picture in container.streams.video)
        length = None
        if container.format.name != "aac":  # a bare stream, whose length is guessed from its first bytes
            length = track.duration * track.time_base if track.duration and track.time_base else None
            length = container.duration / 1_000_000 if length is None and container.duration else length
        frames = None if length is None else round(length * context.sample_rate)
        name = container.format.name.partition(",")[0].upper()
        codec = context.name.upper()
        return Stream(
            "av",
            context.sample_rate or 0,
            context.channels,
            frames,
            name,
            codec,
            film,
            _handle=_Closing(container, file),
        )
    except (FFmpegError, OSError, ValueError) as error:
        file.close()
        raise DecodeError(getattr(error, "strerror", None) or str(error)) from error
    except BaseException:
        file.close()
        raise


def _is_cover(picture: Any) -> bool:
    """Return whether a stream of pictures is one attached picture; PyAV gives a flag, or its number."""
    return bool(int(getattr(picture.disposition, "value", picture.disposition)) & _ATTACHED_PICTURE)


@dataclass(slots=True)
class _Closing:
    """A container and the file that it reads from."""

    container: Any
    file: Any

    def close(self) -> None:
        self.container.close()
        self.file.close()


def _av_pieces(stream: Stream) -> Iterator[Samples]:
    import av
    from av.error import FFmpegError

    container = stream._handle.container
    track = container.streams.audio[0]
    resampler = av.AudioResampler(format="flt", layout=track.codec_context.layout, rate=stream.rate)
    packets = container.demux(track)
    errors = 0
    while errors <= _AV_ERRORS:
        try:
            packet = next(packets, None)
            if packet is None:
                return
            frames = [part for frame in packet.decode() for part in resampler.resample(frame)]
        except (FFmpegError, ValueError) as error:
            errors += 1
            stream.broken = getattr(error, "strerror", None) or str(error)
            continue
        for frame in frames:
            yield frame.to_ndarray().reshape(-1, stream.channels)
