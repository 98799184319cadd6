"""What a recording adds: the room, the microphone, the noise, the level.

Room and microphone are one filter, applied a stretch at a time by overlap and add, so that memory stays bounded.
A room is a handful of early reflections and noise that dies away, faster at high frequencies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symgen.errors import UsageError

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Reverberation.

    Parameters
    ----------
    t60 : float
        Seconds in which the sound falls by 60 dB at 500 Hz.
    wet_db : float
        Energy of reflections and tail against the direct sound, in dB.
    predelay : float
        Seconds until the first reflection.
    reflections : int
        Early reflections within 60 ms.
    treble : float
        T60 at 5 kHz over `t60`.
    """

    t60: float = 0.4
    wet_db: float = -12.0
    predelay: float = 0.006
    reflections: int = 8
    treble: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Microphone:
    """Response and level.

    Parameters
    ----------
    hertz, gains_db : tuple of float
        Points of the frequency response, straight lines between them over the logarithm of frequency.
    high_pass, low_pass : float
        Corner frequencies; a low pass at 10 kHz or above the half sample rate does nothing.
    level_db : float
        Peak of the recording in dB below full scale, before `drive`.
    drive : float
        0 for none; how far the loudest samples are pressed by soft clipping.
    """

    hertz: tuple[float, ...] = (100.0, 1000.0, 5000.0)
    gains_db: tuple[float, ...] = (0.0, 0.0, 0.0)
    high_pass: float = 40.0
    low_pass: float = 16_000.0
    level_db: float = -3.0
    drive: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Noise behind the music; levels in dB against the peak of the music, root mean square.

    Parameters
    ----------
    hiss_db, room_db, hum_db : float
        White noise; noise that falls by 6 dB an octave; mains hum with four partials.
    hum_hertz : float
        50 or 60; rounded to whole hertz.
    """

    hiss_db: float = -70.0
    room_db: float = -65.0
    hum_db: float = -90.0
    hum_hertz: float = 50.0


@dataclass(frozen=True, slots=True)
class Recording:
    """How a performance was recorded."""

    room: Room | None
    microphone: Microphone | None
    noise: Noise | None


def random_recording(chance: np.random.Generator) -> Recording:
    """Return a plausible recording: from a dry studio to a telephone in a hall."""
    room = Room(
        t60=float(np.exp(chance.uniform(np.log(0.15), np.log(2.5)))),
        wet_db=float(chance.uniform(-24.0, -3.0)),
        predelay=float(chance.uniform(0.001, 0.02)),
        reflections=int(chance.integers(3, 14)),
        treble=float(chance.uniform(0.3, 0.8)),
    )
    hertz = (60.0, 150.0, 400.0, 1000.0, 2500.0, 6000.0)
    microphone = Microphone(
        hertz=hertz,
        gains_db=tuple(float(gain) for gain in chance.normal(0.0, 3.0, len(hertz))),
        high_pass=float(np.exp(chance.uniform(np.log(20.0), np.log(130.0)))),
        low_pass=float(chance.choice([3500.0, 5500.0, 8000.0, 16_000.0, 16_000.0])),
        level_db=float(chance.uniform(-24.0, -0.5)),
        drive=float(chance.uniform(0.2, 1.5)) if chance.random() < 0.2 else 0.0,
    )
    noise = Noise(
        hiss_db=float(chance.uniform(-85.0, -38.0)),
        room_db=float(chance.uniform(-85.0, -38.0)),
        hum_db=float(chance.uniform(-70.0, -42.0)) if chance.random() < 0.25 else -120.0,
        hum_hertz=float(chance.choice([50.0, 60.0])),
    )
    return Recording(room if chance.random() < 0.85 else None, microphone, noise if chance.random() < 0.9 else None)


def record(
    dry: Samples,
    sample_rate: int,
    chance: np.random.Generator,
    *,
    room: Room | None = None,
    microphone: Microphone | None = None,
    noise: Noise | None = None,
    peak: float = 0.7,
) -> Samples:
    """Return a recording of `dry`.

    Parameters
    ----------
    dry : ndarray of float32, shape (channels, samples)
        What the instrument sounds like.
    sample_rate : int
        Samples a second.
    chance : Generator
        Source of chance for the tail of the room and the noise.
    room, microphone, noise : optional
        What to add; nothing if not given.
    peak : float
        Largest absolute sample where there is no microphone.

    Returns
    -------
    ndarray of float32, same shape
        Without offset, within -1 to 1.
    """
    length = dry.shape[1]
    if not length:
        return dry
    answers = [impulse_response(sample_rate, chance, room, microphone) for _ in range(len(dry))]
    wet = np.stack([convolved(channel, answer) for channel, answer in zip(dry, answers, strict=True)])
    top = float(np.abs(wet).max())
    if top > 0.0:
        wet *= np.float32(1.0 / top)
    if noise is not None:
        for channel in wet:
            channel += noise_samples(noise, length, sample_rate, chance)
        wet *= np.float32(1.0 / max(1.0, float(np.abs(wet).max())))
    if microphone is not None and microphone.drive > 0.0:
        press = 1.0 + 3.0 * microphone.drive
        wet = np.tanh(press * wet) / np.float32(np.tanh(press))
    level = peak if microphone is None else min(0.999, 10.0 ** (microphone.level_db / 20.0))
    return np.asarray(np.clip(wet * np.float32(level), -1.0, 1.0), np.float32)


def impulse_response(
    sample_rate: int, chance: np.random.Generator, room: Room | None, microphone: Microphone | None
) -> Samples:
    """Return the answer of room and microphone to an impulse, at least a high pass at 20 Hz against offset."""
    if room is not None and not (0.0 < room.t60 <= 20.0 and room.predelay >= 0.0):
        raise UsageError(f"a room with T60 {room.t60} s", expected="more than 0 and at most 20 s")
    seconds = 0.02 + (room.predelay + 0.8 * room.t60 if room else 0.0)
    count = int(2 ** np.ceil(np.log2((seconds + 0.06) * sample_rate)))
    answer = np.zeros(count, np.float32)
    answer[0] = 1.0
    if room is not None:
        answer[: int(seconds * sample_rate)] += _reflected(room, seconds, sample_rate, chance)
    spectrum = np.fft.rfft(answer, 2 * count)
    spectrum *= _response(microphone, np.fft.rfftfreq(2 * count, 1.0 / sample_rate), sample_rate)
    # the filter's own ringing before the impulse wraps to the end: it is left out, 1 ms of it would be heard as nothing
    return np.asarray(np.fft.irfft(spectrum)[:count], np.float32)


def _reflected(room: Room, seconds: float, sample_rate: int, chance: np.random.Generator) -> Samples:
    """Return reflections and tail, of the energy that the room asks for."""
    count = int(seconds * sample_rate)
    tail = np.zeros(count, np.float32)
    time = np.arange(count) / sample_rate
    for share, low, high in (
        (1.0, 0.0, 1000.0),
        (0.5 * (1.0 + room.treble), 1000.0, 3500.0),
        (room.treble, 3500.0, 1e9),
    ):
        spectrum = np.fft.rfft(chance.standard_normal(count))
        hertz = np.fft.rfftfreq(count, 1.0 / sample_rate)
        spectrum[(hertz < low) | (hertz >= high)] = 0.0
        tail += np.fft.irfft(spectrum, count) * 10.0 ** (-3.0 * time / (room.t60 * share))
    first = int(room.predelay * sample_rate)
    tail[: min(count, first + 1)] = 0.0
    early = np.zeros(count, np.float32)
    for delay in room.predelay + chance.uniform(0.0, 0.06, room.reflections):
        place = int(delay * sample_rate)
        if place < count:
            early[place] += chance.choice([-1.0, 1.0]) * 10.0 ** (-3.0 * delay / room.t60) * chance.uniform(0.3, 1.0)
    tail /= max(float(np.sqrt((tail**2).sum())), 1e-9)
    early /= max(float(np.sqrt((early**2).sum())), 1e-9)
    return np.asarray((tail + early) * np.float32(10.0 ** (room.wet_db / 20.0) / np.sqrt(2.0)), np.float32)


def _response(microphone: Microphone | None, hertz: NDArray[Any], sample_rate: int) -> NDArray[Any]:
    """Return the complex response at `hertz`: second-order high pass, gains, fourth-order low pass."""
    corner = microphone.high_pass if microphone else 20.0
    s = 1j * np.maximum(hertz, 1e-9) / corner
    response: NDArray[Any] = s**2 / (s**2 + np.sqrt(2.0) * s + 1.0)
    if microphone is None:
        return response
    gains = np.interp(np.log(np.maximum(hertz, 1.0)), np.log(microphone.hertz), microphone.gains_db)
    response = response * 10.0 ** (gains / 20.0)
    if microphone.low_pass < min(10_000.0, 0.5 * sample_rate):
        s = 1j * hertz / microphone.low_pass
        response = response / ((s**2 + 0.7654 * s + 1.0) * (s**2 + 1.8478 * s + 1.0))
    return response


def convolved(signal: Samples, answer: Samples) -> Samples:
    """Return `signal` through a filter, as long as it was, by overlap and add."""
    size = 4 * len(answer)
    step = size - len(answer)
    spectrum = np.fft.rfft(answer, size)
    out = np.zeros(len(signal) + size, np.float32)
    for begin in range(0, len(signal), step):
        piece = np.fft.irfft(np.fft.rfft(signal[begin : begin + step], size) * spectrum, size)
        out[begin : begin + size] += piece
    return out[: len(signal)]


def noise_samples(noise: Noise, length: int, sample_rate: int, chance: np.random.Generator) -> Samples:
    """Return noise for music whose peak is 1."""
    hiss = chance.standard_normal(length, np.float32) * np.float32(10.0 ** (noise.hiss_db / 20.0))
    size = min(length, 8 * sample_rate)
    spectrum = np.fft.rfft(chance.standard_normal(size))
    hertz = np.fft.rfftfreq(size, 1.0 / sample_rate)
    rumble = np.fft.irfft(spectrum / np.maximum(hertz, 40.0), size)
    rumble *= 10.0 ** (noise.room_db / 20.0) / max(float(np.sqrt((rumble**2).mean())), 1e-12)
    hiss += np.resize(rumble.astype(np.float32), length)
    if noise.hum_db > -110.0:
        time = np.arange(sample_rate) / sample_rate  # a second, over and over
        second = np.zeros(sample_rate)
        for order, level in ((1, 1.0), (2, 0.6), (3, 0.3), (5, 0.15)):
            second += level * np.sin(2.0 * np.pi * round(noise.hum_hertz) * order * time + chance.uniform(0.0, 6.28))
        hiss += np.resize((10.0 ** (noise.hum_db / 20.0) * second).astype(np.float32), length)
    return np.asarray(hiss, np.float32)
