"""What a plucked zither sounds like, as data: strings, pluck, body, hands.

Nothing here makes a sound: :mod:`symgen.sound.render` reads these tables. Presets stand in
:mod:`symgen.sound.presets`.

Physics: partials of a stiff string lie at ``k f0 sqrt(1 + B k^2)``; a string plucked at the fraction `p` of its
length lacks the partials that have a node there (Fletcher and Rossing, The Physics of Musical Instruments, ch. 2);
losses grow with frequency; the two directions in which a string swings decay at two rates and beat (Weinreich 1977).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symgen.errors import UsageError
from symgen.score import Technique

LOWEST, HIGHEST = 33, 93
"""MIDI notes between which the transcriber hears: the guqin a minor third low, the guzheng with its presses."""

OPEN, STOPPED, HARMONIC = 0, 1, 2
"""The three timbres san 散, an 按 and fan 泛."""

TIMBRE_OF: Mapping[Technique, int] = MappingProxyType(
    {
        Technique.PLUCK: OPEN,
        Technique.OPEN: OPEN,
        Technique.STOPPED: STOPPED,
        Technique.HARMONIC: HARMONIC,
        Technique.GRACE: OPEN,
        Technique.SLIDE_UP: STOPPED,
        Technique.SLIDE_DOWN: STOPPED,
        Technique.VIBRATO: STOPPED,
        Technique.TREMOLO: OPEN,
        Technique.GLISSANDO: OPEN,
    }
)
"""Timbre of a technique where nothing more is known."""

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]
"""A bend: seconds since the onset, rising, and cents from the note's pitch; straight lines between, flat outside."""


@dataclass(frozen=True, slots=True, eq=False)
class SoundNote:
    """One attack, in seconds.

    Parameters
    ----------
    onset, duration : float
        Seconds; the string is damped at ``onset + duration`` if it still sounds.
    pitch : float
        MIDI note number, with fraction, that a bend of 0 cents gives.
    velocity : float
        1 to 127.
    string : int
        From 1; a stroke ends what sounds on its string. 0 where it is not known: then the pitch stands for the string.
    technique : Technique
        How the note is made; decides the timbre unless `timbre` does.
    bend : Curve, optional
        The left hand's curve.
    timbre : int, optional
        OPEN, STOPPED or HARMONIC.
    """

    onset: float
    duration: float
    pitch: float
    velocity: float = 80.0
    string: int = 0
    technique: Technique = Technique.PLUCK
    bend: Curve | None = None
    timbre: int | None = None

    @property
    def sounds_as(self) -> int:
        """Return the timbre: OPEN, STOPPED or HARMONIC."""
        return TIMBRE_OF[self.technique] if self.timbre is None else self.timbre

    def cents(self, seconds: ArrayLike) -> NDArray[np.float64]:
        """Return the bend in cents at `seconds` since the onset."""
        if self.bend is None:
            return np.zeros(np.shape(seconds))
        return np.asarray(np.interp(np.asarray(seconds, float), *self.bend))


class Rings(Protocol):
    """What knows how long its notes are heard: a model, or a bank of recorded notes."""

    @property
    def tuning_cents(self) -> float:
        """Return the tuning against A = 440 Hz."""

    def ring_seconds(self, note: SoundNote, decibels: float = 40.0) -> float:
        """Return how long a note is heard if nobody damps it: until it has lost so many decibels."""


@dataclass(frozen=True, slots=True)
class Register:
    """A value that changes with pitch: straight lines between knots, flat beyond them."""

    pitches: tuple[float, ...]
    values: tuple[float, ...]

    def at(self, pitch: float) -> float:
        """Return the value at a MIDI pitch."""
        return float(np.interp(pitch, self.pitches, self.values))

    def times(self, factor: float) -> Register:
        """Return the register with all values multiplied."""
        return Register(self.pitches, tuple(value * factor for value in self.values))


@dataclass(frozen=True, slots=True)
class Mode:
    """A resonance of the body: `hertz`, quality factor `q`, and `gain_db` at its peak over the plain board."""

    hertz: float
    q: float
    gain_db: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Timbre:
    """How one of the three timbres differs from an open string.

    Parameters
    ----------
    gain_db : float
        Level.
    damping : float
        Factor on the rates of decay: a fingertip takes energy from the string.
    brightness : float
        Factor on the slope of the spectrum; above 1 is duller.
    release : float
        Seconds in which the string falls by 60 dB when it is damped.
    """

    gain_db: float = 0.0
    damping: float = 1.0
    brightness: float = 1.0
    release: float = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundModel:
    """One instrument, as it sounds.

    Parameters
    ----------
    name, kind, family : str
        Name; "guqin" or "guzheng"; "preset", "train" or "unseen".
    open_pitches : tuple of int
        MIDI notes of the open strings, string 1 first, before `tuning_cents`.
    tuning_cents : float
        The whole instrument against A = 440 Hz.
    string_cents : tuple of float
        Each string against the tuning.
    inharmonicity : Register
        B of a sounding length, by pitch of the open string; a stopped string is shorter, and its B larger.
    tilt : Register
        Fall of the spectrum in dB per octave at velocity 80, by pitch.
    flat_hertz : float
        The fall begins at this frequency (or at the fundamental, if that is higher).
    tilt_per_velocity : float
        Share of the fall that the velocities from 80 to 127 take away.
    pluck : float
        Place of the pluck as a fraction of the open string from the bridge.
    comb : float
        Depth of the comb that the pluck leaves, 0 to 1.
    unevenness_db : float
        Standard deviation of the level of single partials, fixed for a string.
    decay, decay_gain : Register
        Late rate of decay in dB/s of a partial near 0 Hz, and what it gains up to 1 kHz, by pitch; the gain grows
        with the power 0.65 of frequency, as it does in 25 recorded notes.
    early : float
        Early rate of decay over the late one.
    early_db, early_db_per_octave : float
        What the early decay takes from a partial at 1 kHz altogether, and how much more an octave higher, in dB.
    beat_hertz, beat_depth : float
        Largest rate and depth of the beating between both directions of the string.
    attack : float
        Seconds from rest to full swing.
    noise_db, noise_low, noise_high, noise_seconds : float
        Noise of nail or flesh: level under the tone, band in Hz, seconds to fall by 60 dB.
    contact_db, contact_seconds : float
        Noise of the nail that touches the string before it lets go: level under the tone, longest time.
    body : tuple of Mode
        Resonances.
    knock_db : float
        Level of the body's own sound when a string is plucked, under the tone.
    friction_db : float
        Noise of a slide of 12 semitones a second under the tone; -inf for none.
    sympathy_db : float
        Level of other open strings that ring with a note, under the tone; -inf for none.
    timbres : tuple of Timbre
        OPEN, STOPPED and HARMONIC.
    spread : float
        Width of the strings in the stereo image, 0 to 1.
    """

    name: str
    kind: str
    family: str
    open_pitches: tuple[int, ...]
    tuning_cents: float = 0.0
    string_cents: tuple[float, ...] = ()
    inharmonicity: Register
    tilt: Register
    flat_hertz: float
    tilt_per_velocity: float = 0.4
    pluck: float
    comb: float
    unevenness_db: float
    decay: Register
    decay_gain: Register
    early: float
    early_db: float
    early_db_per_octave: float
    beat_hertz: float
    beat_depth: float
    attack: float
    noise_db: float
    noise_low: float
    noise_high: float
    noise_seconds: float
    contact_db: float
    contact_seconds: float
    body: tuple[Mode, ...]
    knock_db: float
    friction_db: float
    sympathy_db: float
    timbres: tuple[Timbre, Timbre, Timbre]
    spread: float = 0.4
    seed: int = field(default=0)

    def open_pitch(self, note: SoundNote) -> float:
        """Return the nominal pitch of the open string a note is played on; without strings, that of the note."""
        return float(self.open_pitches[note.string - 1]) if 0 < note.string <= len(self.open_pitches) else note.pitch

    def sounding_pitch(self, note: SoundNote) -> float:
        """Return the MIDI pitch, with fraction, at which a note sounds when its bend is 0."""
        own = self.string_cents[note.string - 1] if 0 < note.string <= len(self.string_cents) else 0.0
        return note.pitch + (self.tuning_cents + own) / 100.0

    def body_gain(self, hertz: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the amplitude with which the body radiates each frequency; under its first mode it does so badly."""
        gain = np.ones_like(hertz)
        for mode in self.body:
            detune = mode.q * (hertz / mode.hertz - mode.hertz / np.maximum(hertz, 1.0))
            gain += (10.0 ** (mode.gain_db / 20.0) - 1.0) / np.sqrt(1.0 + detune**2)
        lowest = min((mode.hertz for mode in self.body), default=0.0)
        return np.asarray(np.maximum(gain, 0.05) / np.sqrt(1.0 + (lowest / np.maximum(hertz, 1.0)) ** 2))

    def spectrum(
        self, note: SoundNote, *, top: float = 10_000.0, pluck: float | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the frequencies of a note's partials up to `top` and their amplitudes, whose squares add up to 1.

        `pluck` is where this one is plucked, if not where the instrument usually is. The unevenness of single strings
        is left out.
        """
        timbre, pitch = self.timbres[note.sounds_as], self.sounding_pitch(note)
        first = 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)
        ratio = 2.0 ** ((note.pitch - self.open_pitch(note)) / 12.0)
        shorter = ratio if note.sounds_as == HARMONIC or self.kind == "guqin" else 1.0
        stiff = self.inharmonicity.at(self.open_pitch(note)) * shorter**2
        order = np.arange(1, max(1, min(_MOST_PARTIALS, int(top / first))) + 1)
        hertz = first * order * np.sqrt((1.0 + stiff * order**2) / (1.0 + stiff))
        hertz = hertz[: max(1, int(np.searchsorted(hertz, top)))]
        order = order[: len(hertz)]
        harder = max(0.15, 1.0 - self.tilt_per_velocity * (note.velocity - 80.0) / 47.0)
        slope = self.tilt.at(pitch) * timbre.brightness * harder
        level = 10.0 ** (-slope * np.log2(np.maximum(1.0, hertz / max(self.flat_hertz, first))) / 20.0)
        place = self.pluck if pluck is None else pluck
        place = place * ratio if note.sounds_as == HARMONIC else min(0.5, place * shorter)
        level *= (1.0 - self.comb + self.comb * np.abs(np.sin(np.pi * order * place))) * self.body_gain(hertz)
        return hertz, level / np.sqrt((level**2).sum())

    def late_rates(self, hertz: NDArray[np.float64], pitch: float, timbre: int) -> NDArray[np.float64]:
        """Return the late rates of decay in dB/s of partials at `hertz` of a note at `pitch`."""
        plain = self.decay.at(pitch) + self.decay_gain.at(pitch) * (hertz / 1000.0) ** _LOSS_POWER
        return np.asarray(plain * self.timbres[timbre].damping)

    def early_shares(self, hertz: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the share of the amplitude of partials at `hertz` that decays early, 0 to 0.95."""
        taken = self.early_db + self.early_db_per_octave * np.log2(hertz / 1000.0)
        return np.asarray(np.clip(1.0 - 10.0 ** (-np.maximum(taken, 0.0) / 20.0), 0.0, 0.95))

    def ring_seconds(self, note: SoundNote, decibels: float = 40.0) -> float:
        """Return how long a note is heard if nobody damps it: until the sum of its partials has lost `decibels`."""
        return _ring(self, note.string, round(note.pitch, 1), note.sounds_as, decibels)


_MOST_PARTIALS = 80
_LOSS_POWER = 0.65


@lru_cache(maxsize=4096)
def _ring(model: SoundModel, string: int, pitch: float, timbre: int, decibels: float) -> float:
    note = SoundNote(0.0, 1.0, pitch, string=string, timbre=timbre)
    hertz, level = model.spectrum(note)
    late = model.late_rates(hertz, model.sounding_pitch(note), timbre)
    share = model.early_shares(hertz)
    time = np.geomspace(0.02, 60.0, 200)[:, None]
    swing = level * (
        share * 10.0 ** (-late * model.early * time / 20.0) + (1.0 - share) * 10.0 ** (-late * time / 20.0)
    )
    lost = -10.0 * np.log10(np.maximum((swing**2).sum(axis=1), 1e-30))
    return float(np.interp(decibels, lost, time[:, 0]))


def check_kind(kind: str) -> str:
    """Return `kind` if it names an instrument that can be modelled.

    Raises
    ------
    UsageError
        If not.
    """
    if kind not in ("guqin", "guzheng"):
        raise UsageError(f"no sound model is called {kind!r}", expected="guqin or guzheng")
    return kind
