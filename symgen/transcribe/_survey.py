"""The first of two ways through a recording: what only the whole of it can tell."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symgen.errors import ReadError
from symgen.isolation import alive
from symgen.transcribe._decoders import DecodeError, Samples, Stream, open_stream

SILENT = 1e-4
"""Peak of a silent recording, -80 dB below full scale: 16 bits have their last one at -90 dB."""

_FULL = 0.9985
"""From here on a sample of whole numbers counts as clipped where its neighbours do too."""

_TOO_LOUD = 8.0
"""Peak from which floating-point samples are not meant as parts of full scale: they are scaled down."""

_BEYOND = 1e10
"""Numbers from here on are damage; whole numbers of 32 bits read as they are come to 2e9."""

_OUT_OF_PHASE = 0.2
"""Channels cancel each other if their mean has less than this share of the energy that unrelated ones leave in it."""

_INAUDIBLE = 1e-6
"""A channel with less than this share of the energy of the loudest does not sound."""

_CUT_SECONDS, _CUT_SHARE = 0.5, 0.01
"""By so much the sound may be shorter than its header says: encoders round, and mp3 tells lengths by guess."""

_FRAME_SECONDS = 0.1
_BINS, _RATIO = 8, 1.25
"""Least width of a band, and its upper over its lower edge where that is wider."""

_NOISE = 0.5
"""Flatness from which a recording is noise: a minute of white or pink noise has 0.55, a note of a guzheng every three
seconds in white noise 30 dB below its peak 0.43 or less. What is louder than its tones may be left to confidence."""

_QUIETEST = 5
"""The percentile of the frames that decides: music has rests, and tones that end, but not everywhere."""

_LEAST_FRAMES = 5


@dataclass(frozen=True, slots=True)
class Condition:
    """What a recording is like.

    Parameters
    ----------
    seconds : float
        Length of what could be decoded.
    decoder : str
        The decoder that got furthest.
    weights : ndarray of float64, shape (channels,)
        By which the channels become one.
    mean, scale : float
        What is taken away from each sample, and by what it is multiplied then.
    peak : float
        Loudest sample of any channel, as it is in the file, without the mean.
    clipped : float
        Share of the frames that are clipped.
    flatness : float
        0 for tones, about 0.56 for noise: spectral flatness within narrow bands, each with the weight of its
        energy, in the least flat frames.
    mended : Counter
        Reason code -> how often: "sound-cut-off", "damaged-sound", "no-number", "out-of-phase", "clipped", "loud".
    """

    seconds: float
    decoder: str
    weights: NDArray[np.float64]
    mean: float
    scale: float
    peak: float
    clipped: float
    flatness: float
    mended: Counter[str] = field(default_factory=Counter)

    def mixed(self, chunk: Samples) -> NDArray[np.float32]:
        """Return samples of all channels as one channel."""
        chunk, _ = _cleaned(chunk)
        mono = chunk[:, 0] if len(self.weights) == 1 else chunk @ self.weights
        out: NDArray[np.float32] = ((mono - self.mean) * self.scale).astype(np.float32)
        return out


def _cleaned(chunk: Samples) -> tuple[Samples, int]:
    """Return samples with 0 for those that are no number or beyond all sound, and how many these are."""
    sane = np.abs(chunk) <= _BEYOND
    count = chunk.size - int(np.count_nonzero(sane))
    return (np.where(sane, chunk, np.float32(0)), count) if count else (chunk, 0)


def survey(source: Path | bytes, name: str, decoder: str, max_seconds: float) -> Condition:
    """Listen through a recording once.

    Where the decoder gives up early, the other one tries, and the one that gets further is taken.

    Raises
    ------
    ReadError
        With the code "no-sound", "silent", "only-noise" or "cap-duration".
    """
    sums = _listen(source, name, decoder, max_seconds)
    if sums.stream.broken:
        try:
            other = _listen(source, name, "av" if decoder == "sndfile" else "sndfile", max_seconds)
        except (DecodeError, ImportError, OSError):
            other = sums
        same = (other.stream.rate, other.stream.channels) == (sums.stream.rate, sums.stream.channels)
        sums = other if same and other.frames > sums.frames else sums
    return _judged(sums, name)


def _listen(source: Path | bytes, name: str, decoder: str, max_seconds: float) -> _Sums:
    stream = open_stream(source, decoder)
    sums = _Sums(stream)
    with closing(stream.chunks()) as chunks:
        for chunk in chunks:
            alive()
            sums.add(chunk)
            if sums.frames > max_seconds * stream.rate:
                found = f"{name} lasts more than {max_seconds / 3600:g} hours"
                raise ReadError(found, remedy="cut it into parts", code="cap-duration")
    return sums


class _Sums:
    """Sums over the chunks of a stream."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.frames = self.clipped = self.no_number = 0
        self.total = np.zeros(stream.channels)
        self.low = np.full(stream.channels, np.inf)
        self.high = np.full(stream.channels, -np.inf)
        self.products = np.zeros((stream.channels, stream.channels))
        self.flatness: list[float] = []
        self._frame = 2 ** round(np.log2(_FRAME_SECONDS * stream.rate))
        self._window = np.hanning(self._frame).astype(np.float32)
        self._edges = _band_edges(self._frame // 4)

    def add(self, chunk: Samples) -> None:
        """Take in a chunk."""
        chunk, replaced = _cleaned(chunk)
        self.no_number += replaced
        rows = np.ascontiguousarray(chunk.T)  # numpy is ten times as fast along long rows
        self.frames += len(chunk)
        self.total += rows.sum(axis=1, dtype=np.float64)
        low, high = rows.min(axis=1), rows.max(axis=1)
        self.low, self.high = np.minimum(self.low, low), np.maximum(self.high, high)
        loudest = max(-float(low.min()), float(high.max()))
        exact = rows if loudest < _TOO_LOUD else rows.astype(np.float64)
        self.products += exact @ exact.T
        if loudest >= _FULL:
            hot = np.abs(rows) >= _FULL
            self.clipped += int(np.count_nonzero((hot[:, 2:] & hot[:, 1:-1] & hot[:, :-2]).any(axis=0)))
        for start in range(0, len(chunk) - self._frame + 1, max(self._frame, len(chunk) // 2)):
            self._look(chunk[start : start + self._frame])

    def _look(self, frame: Samples) -> None:
        """Note how flat the spectrum of a frame is within narrow bands, in its loudest channel.

        Geometric over arithmetic mean of the power in a band, the bands weighted by their power: a slope of the
        whole spectrum (pink noise, a hum filter) does not count, and where there is a tone its band decides.
        """
        ranges = np.ptp(frame, axis=0)
        if ranges.max() < 2 * SILENT:
            return
        sound = frame[:, int(np.argmax(ranges))] / ranges.max()
        power = np.abs(np.fft.rfft((sound - sound.mean()) * self._window)) ** 2 + 1e-20
        sizes = np.diff(self._edges)
        means = np.add.reduceat(power, self._edges)[:-1] / sizes
        logs = np.add.reduceat(np.log(power), self._edges)[:-1] / sizes
        self.flatness.append(float(np.exp(logs) @ sizes / (means @ sizes)))


def _band_edges(end: int) -> NDArray[np.int64]:
    """Return the first bins of the bands and the one behind the last."""
    edges = [4]
    while edges[-1] + _BINS <= end:
        edges.append(max(edges[-1] + _BINS, int(edges[-1] * _RATIO)))
    return np.array(edges)


def _judged(sums: _Sums, name: str) -> Condition:
    stream, frames = sums.stream, sums.frames
    if not frames:
        reason = f" ({stream.broken})" if stream.broken else ""
        raise ReadError(f"{name} holds no sound{reason}", expected="at least one sample", code="no-sound")
    means = sums.total / frames
    peak = float(np.max(np.maximum(sums.high - means, means - sums.low)))
    if peak < SILENT:
        found = f"{name} is silent: its peak is {20 * np.log10(max(peak, 1e-10)):.0f} dB"
        raise ReadError(found, expected="-80 dB or more", code="silent")
    flatness = float(np.percentile(sums.flatness, _QUIETEST)) if len(sums.flatness) >= _LEAST_FRAMES else 0.0
    if flatness > _NOISE:
        raise ReadError(f"{name} holds noise and no tones", expected="a recording of music", code="only-noise")
    mended: Counter[str] = Counter()
    weights = _weights(sums.products - frames * np.outer(means, means), mended)
    scale = 1.0
    clipped = sums.clipped / frames
    if stream.subtype in ("FLOAT", "DOUBLE") and peak > 1.001:
        clipped = 0.0
    if peak > _TOO_LOUD:
        scale = 1 / peak
        mended["loud"] += 1
    if clipped > 0.001:
        mended["clipped"] += 1
    if sums.no_number:
        mended["no-number"] += sums.no_number
    if stream.cut or _is_short(stream, frames):
        mended["sound-cut-off"] += 1
    elif stream.broken:
        mended["damaged-sound"] += 1
    mean = float(means @ weights)
    return Condition(frames / stream.rate, stream.decoder, weights, mean, scale, peak, clipped, flatness, mended)


def _is_short(stream: Stream, frames: int) -> bool:
    if stream.frames is None:
        return False
    return stream.frames - frames > max(_CUT_SECONDS * stream.rate, _CUT_SHARE * stream.frames)


def _weights(products: Any, mended: Counter[str]) -> NDArray[np.float64]:
    """Return the weights of the channels: the mean of those that sound, or one alone if they cancel each other."""
    energy = np.diagonal(products)
    sounding = energy > _INAUDIBLE * energy.max()
    count = int(np.count_nonzero(sounding))
    weights: NDArray[np.float64] = sounding / max(1, count)
    unrelated = float(energy[sounding].sum()) / max(1, count * count)
    if count > 1 and weights @ products @ weights < _OUT_OF_PHASE * unrelated:
        mended["out-of-phase"] += 1
        weights = np.zeros(len(energy))
        weights[int(np.argmax(energy))] = 1.0
    return weights
