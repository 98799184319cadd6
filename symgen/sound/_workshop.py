"""Where strokes become partials and noises: rows for the kernel, and bursts that are added at once."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from symgen.native import compiled
from symgen.sound import _strings as col
from symgen.sound.model import HARMONIC, STOPPED, SoundModel, SoundNote
from symgen.sound.strokes import MOST_SECONDS

_TOP_HERTZ = 10_000.0
_QUIET = 10.0 ** (-75.0 / 20.0)
"""A partial this far under its note is left out, or is over."""

_CONTACT = 0.006
"""Seconds before a stroke at which the finger meets a string that still sounds."""

_CUT_RELEASE = 0.05
"""Seconds in which the old tone then falls by 60 dB."""

Samples = NDArray[np.float32]
Bend = tuple[int, int]
_PLAIN = (-1, -1)


@dataclass(slots=True)
class Rows:
    """Partials as they are collected, and the bends they follow."""

    rows: list[NDArray[np.float64]] = field(default_factory=list)
    places: list[NDArray[np.int64]] = field(default_factory=list)
    gains: list[NDArray[np.float32]] = field(default_factory=list)
    curves: list[NDArray[np.float64]] = field(default_factory=list)
    points: int = 0

    def bend(self, curve: NDArray[np.float64]) -> Bend:
        """Add a curve of factors, one a block; return where it lies."""
        self.curves.append(curve)
        self.points += len(curve)
        return self.points - len(curve), self.points - 1

    def add(
        self, rows: NDArray[np.float64], start: int, damp: int, gain: NDArray[np.float32], bend: Bend = _PLAIN
    ) -> None:
        """Add partials that begin and are damped together."""
        self.rows.append(rows)
        self.places.append(np.tile(np.array((start, damp, *bend), np.int64), (len(rows), 1)))
        self.gains.append(np.tile(gain, (len(rows), 1)))

    def sound(self, out: Samples) -> None:
        """Add everything to `out`, shape (channels, samples)."""
        if not self.rows:
            return
        places = np.concatenate(self.places)
        starts, damped = np.ascontiguousarray(places[:, 0]), np.ascontiguousarray(places[:, 1])
        bends = np.ascontiguousarray(places[:, 2:])
        curves = np.concatenate([*self.curves, np.ones(1)])
        compiled(col.add_partials)(
            np.concatenate(self.rows), starts, damped, bends, curves, np.concatenate(self.gains), out
        )


class Workshop:
    """Makes the partials and noises of one instrument at one sample rate."""

    def __init__(self, model: SoundModel, sample_rate: int, chance: np.random.Generator) -> None:
        self.model, self.sample_rate, self.chance = model, sample_rate, chance
        self.block_seconds = col.BLOCK / sample_rate
        self.top = min(_TOP_HERTZ, 0.46 * sample_rate)
        self.collected = Rows()
        self.uneven: dict[int, NDArray[np.float64]] = {}
        self.hiss = band_noise(sample_rate, model.noise_low, model.noise_high, chance)
        self.rub = band_noise(sample_rate, 250.0, 3500.0, chance)
        self.strings = np.array(model.open_pitches, float) + model.tuning_cents / 100.0
        hertz = 440.0 * 2.0 ** ((self.strings - 69.0) / 12.0)
        order = np.arange(1, 11)
        stiff = np.array([model.inharmonicity.at(pitch) for pitch in self.strings])
        self.string_hertz = hertz[:, None] * order * np.sqrt(1.0 + stiff[:, None] * order**2)

    def add(self, note: SoundNote, struck: float, out: Samples) -> None:
        """Add one note: its partials and the ring of other strings are collected, its noises go to `out` at once."""
        model, rate, found = self.model, self.sample_rate, self.collected
        start = round(note.onset * rate)
        cut = struck - _CONTACT < note.onset + note.duration
        end = max(note.onset + 0.002, struck - _CONTACT if cut else note.onset + note.duration)
        damp = round(min(end, 2 * MOST_SECONDS) * rate)
        hertz, level = self.partials(note)
        gain = self.pan(note, out.shape[0])
        loud = 10.0 ** (model.timbres[note.sounds_as].gain_db / 20.0) * (note.velocity / 80.0) ** 2
        release = _CUT_RELEASE if cut else model.timbres[note.sounds_as].release
        bend = self.bend(note, min(end, note.onset + 30.0))
        found.add(self.rows(note, hertz, level * loud, release), start, damp, gain, bend)
        found.add(self.knock(loud), start, damp + rate, gain)
        self.sympathy(note, hertz, level * loud, start, gain)
        self.strike(note, loud, start, gain, out)
        if note.bend is not None and note.sounds_as == STOPPED and model.friction_db > -200.0:
            self.slide(note, loud, start, min(damp, out.shape[1]), gain, out)

    def partials(self, note: SoundNote) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return frequencies and amplitudes of the partials that can be heard, of power 1 together."""
        pluck = self.model.pluck * float(self.chance.uniform(0.85, 1.15))
        hertz, level = self.model.spectrum(note, top=self.top, pluck=pluck)
        level *= self.unevenness(note)[: len(level)]
        level /= np.sqrt((level**2).sum())
        kept = level > _QUIET * level.max()
        return hertz[kept], level[kept]

    def unevenness(self, note: SoundNote) -> NDArray[np.float64]:
        """Return factors on the partials of a string, always the same for a string."""
        key = note.string or 100 + round(note.pitch)
        if key not in self.uneven:
            own = np.random.default_rng([self.model.seed, key])
            self.uneven[key] = 10.0 ** (own.normal(0.0, self.model.unevenness_db, 80) / 20.0)
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
        rows[:, col.EARLY] = self.per_block(late * model.early * np.exp(chance.normal(0.0, 0.4, count)))
        rows[:, col.LATE] = self.per_block(late)
        rows[:, col.SHARE] = np.clip(model.early_shares(hertz) * chance.uniform(0.85, 1.15, count), 0.0, 0.95)
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
        self.collected.add(rows, start, 2**40, gain)

    def bend(self, note: SoundNote, end: float) -> Bend:
        """Add a note's bend to the curves; return where it lies."""
        if note.bend is None:
            return _PLAIN
        blocks = int(min(end - note.onset + 0.3, float(note.bend[0][-1]) + 0.1) / self.block_seconds) + 3
        return self.collected.bend(2.0 ** (note.cents(np.arange(blocks) * self.block_seconds) / 1200.0))

    def pan(self, note: SoundNote, channels: int) -> NDArray[np.float32]:
        """Return a note's gain in each channel: low strings left, high ones right."""
        if channels == 1:
            return np.ones(1, np.float32)
        low, high = min(self.model.open_pitches), max(self.model.open_pitches)
        side = (self.model.open_pitch(note) - low) / max(1, high - low) * 2.0 - 1.0
        angle = (1.0 + self.model.spread * float(np.clip(side, -1.0, 1.0))) * np.pi / 4.0
        return np.array([np.cos(angle), np.sin(angle)], np.float32)

    def strike(self, note: SoundNote, loud: float, start: int, gain: NDArray[np.float32], out: Samples) -> None:
        """Add the noise of nail or flesh: on the string before it lets go, and when it does."""
        model, chance, rate = self.model, self.chance, self.sample_rate
        soft = (note.velocity / 80.0) ** -0.5 * (0.4 if note.sounds_as == HARMONIC else 1.0) * loud
        before = min(start, int(model.contact_seconds * float(chance.uniform(0.2, 1.0)) * rate))
        time = np.arange(before) / rate
        rise = 10.0 ** (model.contact_db / 20.0) * time / max(before / rate, 1e-6)
        time = np.arange(int(2.0 * model.noise_seconds * rate)) / rate
        fall = 10.0 ** (model.noise_db / 20.0 - 3.0 * time / model.noise_seconds) * np.minimum(1.0, time / 0.0006)
        shape = np.concatenate([rise, fall * float(chance.uniform(0.5, 1.5))])
        count = min(len(shape), out.shape[1] - start + before, len(self.hiss))
        if count <= 0:
            return
        at = int(chance.integers(len(self.hiss) - count + 1))
        noise = (self.hiss[at : at + count] * shape[:count] * soft).astype(np.float32)
        out[:, start - before : start - before + count] += gain[:, None] * noise

    def slide(
        self, note: SoundNote, loud: float, start: int, stop: int, gain: NDArray[np.float32], out: Samples
    ) -> None:
        """Add the noise of a finger on a wound string; it grows with the speed of the slide."""
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
