"""Notes become sound: additive synthesis of plucked strings, then a room, a microphone and noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symgen.errors import UsageError
from symgen.native import compiled
from symgen.sound import _strings as col
from symgen.sound.model import HARMONIC, STOPPED, Rings, SoundModel, SoundNote
from symgen.sound.room import Microphone, Noise, Room, record

SAMPLE_RATE = 22_050
MOST_SECONDS = 3600.0
"""Longest recording made in one piece; longer ones are put together by the caller."""

_TOP_HERTZ = 10_000.0
_QUIET = 10.0 ** (-75.0 / 20.0)
"""A partial this far under its note is left out, or is over."""

_CONTACT = 0.006
"""Seconds before a stroke at which the finger meets a string that still sounds."""

_CUT_RELEASE = 0.05
"""Seconds in which the old tone then falls by 60 dB."""

Samples = NDArray[np.float32]


def render(
    notes: Sequence[SoundNote],
    model: SoundModel,
    *,
    sample_rate: int = SAMPLE_RATE,
    seed: int = 0,
    channels: int = 1,
    seconds: float | None = None,
    room: Room | None = None,
    microphone: Microphone | None = None,
    noise: Noise | None = None,
    peak: float = 0.7,
) -> Samples:
    """Return the sound of `notes` on an instrument.

    Parameters
    ----------
    notes : sequence of SoundNote
        In any order. A stroke on a string that still sounds ends the tone before it.
    model : SoundModel
        The instrument.
    sample_rate : int
        Samples a second, 8,000 to 192,000.
    seed : int
        The same seed gives the same samples.
    channels : {1, 2}
        Mono or stereo.
    seconds : float, optional
        Length; if not given, until everything has faded.
    room, microphone, noise : optional
        What else is on a recording; nothing if not given. A microphone sets its own level.
    peak : float
        Largest absolute sample where no microphone sets the level.

    Returns
    -------
    ndarray of float32, shape (samples,) or (samples, 2)
        Finite, within -1 to 1.

    Raises
    ------
    UsageError
        For a note or an argument out of range.
    """
    if not 8000 <= sample_rate <= 192_000:
        raise UsageError(f"sample rate {sample_rate}", expected="8000 to 192000 Hz")
    if channels not in (1, 2):
        raise UsageError(f"{channels} channels", expected="1 or 2")
    if not 0.0 < peak <= 1.0:
        raise UsageError(f"peak {peak}", expected="more than 0 and at most 1")
    checked = checked_notes(notes)
    if seconds is None:
        last = max((note.onset + note.duration for note in settled(checked, model)), default=0.0)
        seconds = last + 0.5 + (0.6 * room.t60 if room else 0.0)
    if not 0.0 <= seconds <= MOST_SECONDS:
        raise UsageError(
            f"a recording of {seconds:.1f} s", expected=f"0 to {MOST_SECONDS:.0f} s", remedy="render parts"
        )
    chance = np.random.default_rng([seed, model.seed])
    out = np.zeros((channels, round(seconds * sample_rate)), np.float32)
    _play(checked, model, sample_rate, chance, out)
    out = record(out, sample_rate, chance, room=room, microphone=microphone, noise=noise, peak=peak)
    return out[0] if channels == 1 else np.ascontiguousarray(out.T)


def checked_notes(notes: Sequence[SoundNote]) -> list[SoundNote]:
    """Return the notes in order of onset.

    Raises
    ------
    UsageError
        Naming the first note with a value out of range.
    """
    for index, note in enumerate(notes):
        bounds = (
            ("onset", note.onset, 0.0, MOST_SECONDS),
            ("duration", note.duration, 1e-4, np.inf),
            ("pitch", note.pitch, 0.0, 127.0),
            ("velocity", note.velocity, 1.0, 127.0),
        )
        for name, value, low, high in bounds:
            if not low <= value <= high:
                raise UsageError(f"note {index}: {name} {value}", expected=f"{low:g} to {high:g}")
        if note.bend is not None:
            _check_bend(index, *note.bend)
    return sorted(notes, key=lambda note: (note.onset, note.pitch))


def _check_bend(index: int, seconds: Any, cents: Any) -> None:
    seconds, cents = np.asarray(seconds), np.asarray(cents)
    if seconds.shape != cents.shape or seconds.ndim != 1 or not len(seconds):
        raise UsageError(
            f"note {index}: bend of shapes {seconds.shape} and {cents.shape}", expected="two equal columns"
        )
    if not (np.isfinite(seconds).all() and np.isfinite(cents).all() and (np.diff(seconds) >= 0).all()):
        raise UsageError(f"note {index}: a bend that is not finite or goes back in time", expected="rising seconds")
    if np.abs(cents).max() > 4800.0:
        raise UsageError(f"note {index}: a bend of {np.abs(cents).max():.0f} cents", expected="at most 4800")


def settled(notes: Sequence[SoundNote], model: Rings, decibels: float = 40.0) -> list[SoundNote]:
    """Return the notes in order of onset, each ended where it stops to be heard.

    That is where its string is damped, struck again, or has fallen by `decibels`.
    """
    ordered = sorted(notes, key=lambda note: (note.onset, note.pitch))
    ends = until_struck(ordered)
    found = []
    for note, end in zip(ordered, ends, strict=True):
        seconds = min(end - note.onset, note.duration, model.ring_seconds(note, decibels))
        found.append(replace(note, duration=max(seconds, 1e-3)))
    return found


def until_struck(ordered: Sequence[SoundNote]) -> list[float]:
    """Return when the string of each note is struck again, infinite if it is not."""
    ends = [np.inf] * len(ordered)
    upcoming: dict[tuple[str, int], float] = {}
    for index in range(len(ordered) - 1, -1, -1):
        note = ordered[index]
        key = ("string", note.string) if note.string else ("pitch", round(note.pitch))
        ends[index] = upcoming.get(key, np.inf)
        upcoming[key] = note.onset
    return ends


@dataclass(slots=True)
class _Rows:
    """Partials as they are collected, and the bends they follow."""

    rows: list[NDArray[np.float64]]
    starts: list[NDArray[np.int64]]
    damped: list[NDArray[np.int64]]
    bends: list[NDArray[np.int64]]
    gains: list[NDArray[np.float32]]
    curves: list[NDArray[np.float64]]

    def add(self, rows: NDArray[np.float64], start: int, damp: int, bend: int, gain: NDArray[np.float32]) -> None:
        """Add the partials of one note."""
        count = len(rows)
        self.rows.append(rows)
        self.starts.append(np.full(count, start))
        self.damped.append(np.full(count, damp))
        self.bends.append(np.full(count, bend))
        self.gains.append(np.broadcast_to(gain, (count, len(gain))))


def _play(
    notes: Sequence[SoundNote], model: SoundModel, sample_rate: int, chance: np.random.Generator, out: Samples
) -> None:
    """Add all notes to `out`, shape (channels, samples)."""
    if not notes or not out.shape[1]:
        return
    found = _Rows([], [], [], [], [], [])
    workshop = _Workshop(model, sample_rate, chance)
    for note, struck in zip(notes, until_struck(notes), strict=True):
        workshop.add(note, struck, found, out)
    longest = max((len(curve) for curve in found.curves), default=2)
    curves = np.ones((max(1, len(found.curves)), longest))
    for index, curve in enumerate(found.curves):
        curves[index, : len(curve)] = curve
        curves[index, len(curve) :] = curve[-1]
    arrays = (found.rows, found.starts, found.damped, found.bends)
    rows, starts, damped, bends = (np.concatenate(list(part)) for part in arrays)
    gains = np.ascontiguousarray(np.concatenate(found.gains), np.float32)
    compiled(col.add_partials)(rows, starts, damped, bends, curves, gains, out)


class _Workshop:
    """Makes the partials and noises of one instrument at one sample rate."""

    def __init__(self, model: SoundModel, sample_rate: int, chance: np.random.Generator) -> None:
        self.model, self.sample_rate, self.chance = model, sample_rate, chance
        self.block_seconds = col.BLOCK / sample_rate
        self.top = min(_TOP_HERTZ, 0.46 * sample_rate)
        self.uneven: dict[int, NDArray[np.float64]] = {}
        self.hiss = band_noise(sample_rate, model.noise_low, model.noise_high, chance)
        self.rub = band_noise(sample_rate, 250.0, 3500.0, chance) if model.friction_db > -200.0 else None
        self.strings = np.array(model.open_pitches, float) + model.tuning_cents / 100.0
        hertz = 440.0 * 2.0 ** ((self.strings - 69.0) / 12.0)
        order = np.arange(1, 11)
        stiff = np.array([model.inharmonicity.at(pitch) for pitch in self.strings])
        self.string_hertz = hertz[:, None] * order * np.sqrt(1.0 + stiff[:, None] * order**2)

    def add(self, note: SoundNote, struck: float, found: _Rows, out: Samples) -> None:
        """Add one note: its partials and the ring of other strings to `found`, its noises to `out`."""
        model, rate = self.model, self.sample_rate
        start = round(note.onset * rate)
        cut = struck - _CONTACT < note.onset + note.duration
        end = max(note.onset + 0.002, struck - _CONTACT if cut else note.onset + note.duration)
        damp = round(min(end, 2 * MOST_SECONDS) * rate)
        hertz, level = self.partials(note)
        gain = self.pan(note, out.shape[0])
        loud = 10.0 ** (model.timbres[note.sounds_as].gain_db / 20.0) * (note.velocity / 80.0) ** 2
        release = _CUT_RELEASE if cut else model.timbres[note.sounds_as].release
        bend = self.bend(note, min(end, note.onset + 30.0), found)
        found.add(self.rows(note, hertz, level * loud, release), start, damp, bend, gain)
        found.add(self.knock(loud), start, damp + rate, -1, gain)
        self.sympathy(note, hertz, level * loud, start, found, gain)
        self.strike(note, loud, start, gain, out)
        if bend >= 0 and self.rub is not None and note.sounds_as == STOPPED:
            self.slide(note, loud, start, min(damp, out.shape[1]), gain, out)

    def partials(self, note: SoundNote) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return frequencies and amplitudes of the partials, the squares of the latter adding up to 1."""
        model, timbre = self.model, self.model.timbres[note.sounds_as]
        pitch = model.sounding_pitch(note)
        first = 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)
        ratio = 2.0 ** ((note.pitch - model.open_pitch(note)) / 12.0)
        shorter = ratio if note.sounds_as == HARMONIC or model.kind == "guqin" else 1.0
        stiff = model.inharmonicity.at(model.open_pitch(note)) * shorter**2
        order = np.arange(1, max(1, min(80, int(self.top / first))) + 1)
        stretch = np.sqrt((1.0 + stiff * order**2) / (1.0 + stiff))
        hertz = first * order * stretch
        hertz = hertz[hertz < self.top] if hertz[0] < self.top else hertz[:1]
        order = order[: len(hertz)]
        harder = 1.0 - model.tilt_per_velocity * (note.velocity - 80.0) / 47.0
        slope = model.tilt.at(pitch) * timbre.brightness * max(0.15, harder)
        fall = -slope * np.maximum(0.0, hertz - max(model.flat_hertz, first)) / 1000.0
        place = model.pluck * float(self.chance.uniform(0.85, 1.15))
        place = place * ratio if note.sounds_as == HARMONIC else min(0.5, place * shorter)
        comb = np.abs(np.sin(np.pi * order * place))
        level = 10.0 ** ((fall + self.unevenness(note)[: len(order)]) / 20.0) * model.body_gain(hertz)
        level *= 1.0 - model.comb + model.comb * comb
        level /= np.sqrt((level**2).sum())
        kept = level > _QUIET * level.max()
        return hertz[kept], level[kept]

    def unevenness(self, note: SoundNote) -> NDArray[np.float64]:
        """Return what the partials of a string differ by in dB, always the same for a string."""
        key = note.string or 100 + round(note.pitch)
        if key not in self.uneven:
            own = np.random.default_rng([self.model.seed, key])
            self.uneven[key] = own.normal(0.0, self.model.unevenness_db, 80)
        return self.uneven[key]

    def rows(
        self, note: SoundNote, hertz: NDArray[np.float64], level: NDArray[np.float64], release: float
    ) -> NDArray[np.float64]:
        """Return the rows of a note's partials."""
        model, chance, count = self.model, self.chance, len(hertz)
        late = model.late_rates(hertz, model.sounding_pitch(note), note.sounds_as)
        rows = np.zeros((count, col.COLUMNS))
        rows[:, col.OMEGA] = 2.0 * np.pi * hertz / self.sample_rate
        rows[:, col.LEVEL] = level
        rows[:, col.PHASE] = chance.uniform(0.0, 2.0 * np.pi, count)
        rows[:, col.EARLY] = self.per_block(late * model.early * chance.uniform(0.7, 1.4, count))
        rows[:, col.LATE] = self.per_block(late)
        rows[:, col.SHARE] = np.clip(model.early_share * chance.uniform(0.7, 1.3, count), 0.0, 0.95)
        rows[:, col.BEAT] = 2.0 * np.pi * model.beat_hertz * chance.uniform(0.2, 1.0, count) * self.block_seconds
        rows[:, col.DEPTH] = model.beat_depth * chance.uniform(0.0, 1.0, count)
        rows[:, col.BEAT_PHASE] = chance.uniform(-1.6, 1.6, count)
        rows[:, col.ATTACK] = max(1.0, model.attack * self.sample_rate)
        rows[:, col.RELEASE] = self.per_block(np.array(60.0 / release))
        rows[:, col.FLOOR] = max(level.max(initial=0.0) * _QUIET * 0.5, 1e-6)
        return rows

    def per_block(self, rates: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the factors a block of rates in dB/s."""
        return np.asarray(10.0 ** (-rates * self.block_seconds / 20.0))

    def knock(self, loud: float) -> NDArray[np.float64]:
        """Return the rows of the body's own sound."""
        body, count = self.model.body, len(self.model.body)
        hertz = np.array([mode.hertz for mode in body]) * self.chance.uniform(0.97, 1.03, count)
        rows = np.zeros((count, col.COLUMNS))
        rows[:, col.OMEGA] = 2.0 * np.pi * hertz / self.sample_rate
        peaks = 10.0 ** (np.array([mode.gain_db for mode in body]) / 20.0)
        level = loud * 10.0 ** (self.model.knock_db / 20.0) * self.chance.uniform(0.5, 1.5, count)
        rows[:, col.LEVEL] = peaks / max(float(np.sqrt((peaks**2).sum())), 1e-9) * level if count else 0.0
        rows[:, col.PHASE] = self.chance.uniform(0.0, 2.0 * np.pi, count)
        rows[:, col.EARLY] = rows[:, col.LATE] = self.per_block(27.3 * hertz / np.array([mode.q for mode in body]))
        rows[:, col.ATTACK] = max(1.0, 0.002 * self.sample_rate)
        rows[:, col.RELEASE] = 1.0
        rows[:, col.FLOOR] = 1e-5
        return rows

    def sympathy(
        self,
        note: SoundNote,
        hertz: NDArray[np.float64],
        level: NDArray[np.float64],
        start: int,
        found: _Rows,
        gain: NDArray[np.float32],
    ) -> None:
        """Add the ring of open strings whose partials meet those of the note."""
        model = self.model
        if model.sympathy_db < -90.0 or not len(hertz):
            return
        nearest = np.abs(self.string_hertz[:, :, None] - hertz).argmin(axis=2)
        apart = 1200.0 * np.log2(self.string_hertz / hertz[nearest])
        rung = level[nearest] * np.exp(-((apart / 10.0) ** 2)) * 10.0 ** (model.sympathy_db / 20.0)
        if 0 < note.string <= len(rung):
            rung[note.string - 1] = 0.0
        flat = rung.ravel()
        best = np.argpartition(flat, -8)[-8:]
        best = best[flat[best] > 2e-5]
        if not len(best):
            return
        strings, tones = best // self.string_hertz.shape[1], self.string_hertz.ravel()[best]
        late = np.array([model.late_rates(tones[i : i + 1], self.strings[s], 0)[0] for i, s in enumerate(strings)])
        rows = np.zeros((len(best), col.COLUMNS))
        rows[:, col.OMEGA] = 2.0 * np.pi * tones / self.sample_rate
        rows[:, col.LEVEL] = flat[best]
        rows[:, col.PHASE] = self.chance.uniform(0.0, 2.0 * np.pi, len(best))
        rows[:, col.EARLY] = rows[:, col.LATE] = self.per_block(late)
        rows[:, col.ATTACK] = 0.12 * self.sample_rate
        rows[:, col.RELEASE] = 1.0
        rows[:, col.FLOOR] = 1e-5
        found.add(rows, start, 2**40, -1, gain)

    def bend(self, note: SoundNote, end: float, found: _Rows) -> int:
        """Add a note's bend to the curves; return its row, -1 for none."""
        if note.bend is None:
            return -1
        blocks = int(min(end - note.onset + 0.3, float(note.bend[0][-1]) + 0.1) / self.block_seconds) + 3
        cents = note.cents(np.arange(blocks) * self.block_seconds)
        found.curves.append(2.0 ** (cents / 1200.0))
        return len(found.curves) - 1

    def pan(self, note: SoundNote, channels: int) -> NDArray[np.float32]:
        """Return a note's gain in each channel: low strings left, high ones right."""
        if channels == 1:
            return np.ones(1, np.float32)
        low, high = min(self.model.open_pitches), max(self.model.open_pitches)
        side = (self.model.open_pitch(note) - low) / max(1, high - low) * 2.0 - 1.0
        angle = (1.0 + self.model.spread * float(np.clip(side, -1.0, 1.0))) * np.pi / 4.0
        return np.array([np.cos(angle), np.sin(angle)], np.float32)

    def strike(self, note: SoundNote, loud: float, start: int, gain: NDArray[np.float32], out: Samples) -> None:
        """Add the noise of nail or flesh."""
        model, rate = self.model, self.sample_rate
        count = min(int(2.0 * model.noise_seconds * rate), out.shape[1] - start, rate // 2)
        if count <= 0:
            return
        at = int(self.chance.integers(len(self.hiss) - count))
        time = np.arange(count) / rate
        shape = 10.0 ** (-3.0 * time / model.noise_seconds) * np.minimum(1.0, time / 0.0006)
        level = loud * 10.0 ** (model.noise_db / 20.0) * (note.velocity / 80.0) ** 0.5
        level *= float(self.chance.uniform(0.5, 1.5)) * (0.4 if note.sounds_as == HARMONIC else 1.0)
        out[:, start : start + count] += gain[:, None] * (self.hiss[at : at + count] * shape * level).astype(np.float32)

    def slide(
        self, note: SoundNote, loud: float, start: int, stop: int, gain: NDArray[np.float32], out: Samples
    ) -> None:
        """Add the noise of a finger on a wound string; it grows with the speed of the slide."""
        assert self.rub is not None
        assert note.bend is not None
        moving = round((note.onset + float(note.bend[0][-1])) * self.sample_rate)
        count = min(stop, moving, out.shape[1]) - start
        if count < 64:
            return
        grid = np.arange(0, count + 256, 256)
        cents = note.cents(grid / self.sample_rate)
        speed = np.abs(np.gradient(cents, 256 / self.sample_rate)) / 1200.0
        level = loud * 10.0 ** (self.model.friction_db / 20.0) * np.minimum(speed, 3.0)
        at = int(self.chance.integers(len(self.rub)))
        noise = np.resize(np.roll(self.rub, -at), count)
        shape = np.interp(np.arange(count), grid, level)
        out[:, start : start + count] += gain[:, None] * (noise * shape).astype(np.float32)


def band_noise(sample_rate: int, low: float, high: float, chance: np.random.Generator) -> NDArray[np.float32]:
    """Return a second of noise between two frequencies, with soft edges, of root mean square 1; it can be looped."""
    spectrum = np.fft.rfft(chance.standard_normal(sample_rate).astype(np.float32))
    hertz = np.fft.rfftfreq(sample_rate, 1.0 / sample_rate)
    spectrum *= 1.0 / np.sqrt(1.0 + (low / np.maximum(hertz, 1.0)) ** 4) / np.sqrt(1.0 + (hertz / high) ** 6)
    noise = np.fft.irfft(spectrum, sample_rate)
    return np.asarray(noise / max(float(np.sqrt((noise**2).mean())), 1e-12), np.float32)
