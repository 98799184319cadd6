"""Models of a guqin and a guzheng, and other plausible instruments drawn around them.

The guzheng follows 25 recorded notes (MIDI 36 to 84) whose partials were measured with ``benchmarks/sound.py``; its
ring agrees with the 4.67 s that an acoustic study found for a 163 cm instrument. For the guqin no recordings were at
hand: its lengths of ring (open low 6-9 s, open high 4-6 s, stopped 1.5-4 s, harmonics 3-5 s) and the noise of
slides follow what is written (Penttinen et al., JASA 2006), the rest is an estimate; the spread of the random
instruments is wide for that reason.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from symgen.errors import UsageError
from symgen.instruments import get_instrument
from symgen.sound.model import Mode, Register, SoundModel, Timbre, check_kind

_GUZHENG = SoundModel(
    name="guzheng",
    kind="guzheng",
    family="preset",
    open_pitches=(86, 83, 81, 78, 76, 74, 71, 69, 66, 64, 62, 59, 57, 54, 52, 50, 47, 45, 42, 40, 38),
    inharmonicity=Register((36, 48, 60, 72, 84), (1.2e-4, 1.1e-4, 1.0e-4, 1.1e-4, 1.0e-4)),
    tilt=Register((36, 48, 60, 72, 84), (9.0, 9.5, 11.0, 10.0, 9.0)),
    flat_hertz=750.0,
    pluck=0.12,
    comb=0.6,
    unevenness_db=5.5,
    decay=Register((36, 60, 72, 84), (0.0, 0.0, 1.5, 5.0)),
    decay_gain=Register((36, 84), (15.5, 15.5)),
    early=3.0,
    early_db=12.0,
    early_db_per_octave=4.0,
    beat_hertz=1.2,
    beat_depth=0.5,
    attack=0.0015,
    noise_db=-26.0,
    noise_low=1500.0,
    noise_high=7000.0,
    noise_seconds=0.05,
    contact_db=-34.0,
    contact_seconds=0.03,
    body=(Mode(105.0, 6.0, 3.0), Mode(210.0, 8.0, 4.0), Mode(390.0, 8.0, 3.0), Mode(640.0, 6.0, 2.0)),
    knock_db=-30.0,
    friction_db=-np.inf,
    sympathy_db=-34.0,
    timbres=(
        Timbre(),
        Timbre(gain_db=-1.0, damping=1.2, brightness=1.1),
        Timbre(gain_db=-8.0, damping=1.4, brightness=0.9),
    ),
)

_GUQIN = SoundModel(
    name="guqin",
    kind="guqin",
    family="preset",
    open_pitches=(36, 38, 41, 43, 45, 48, 50),
    inharmonicity=Register((34, 43, 51), (9e-5, 6e-5, 4e-5)),
    tilt=Register((36, 48, 60, 84), (10.0, 12.0, 13.0, 12.0)),
    flat_hertz=500.0,
    pluck=0.10,
    comb=0.6,
    unevenness_db=4.0,
    decay=Register((36, 48, 60, 72, 84), (2.5, 4.0, 6.0, 8.0, 10.0)),
    decay_gain=Register((36, 84), (15.0, 15.0)),
    early=2.5,
    early_db=9.0,
    early_db_per_octave=3.0,
    beat_hertz=0.9,
    beat_depth=0.4,
    attack=0.003,
    noise_db=-28.0,
    noise_low=600.0,
    noise_high=4000.0,
    noise_seconds=0.05,
    contact_db=-34.0,
    contact_seconds=0.03,
    body=(Mode(95.0, 7.0, 4.0), Mode(180.0, 8.0, 4.0), Mode(330.0, 8.0, 3.0), Mode(520.0, 6.0, 2.0)),
    knock_db=-24.0,
    friction_db=-30.0,
    sympathy_db=-36.0,
    timbres=(
        Timbre(release=0.2),
        Timbre(gain_db=-3.0, damping=1.9, brightness=1.25, release=0.12),
        Timbre(gain_db=-5.0, damping=1.1, brightness=0.9, release=0.12),
    ),
)

_SILK = replace(
    _GUQIN,
    name="guqin-silk",
    tuning_cents=-200.0,
    tilt=_GUQIN.tilt.times(1.2),
    decay=_GUQIN.decay.times(1.3),
    decay_gain=_GUQIN.decay_gain.times(1.4),
    inharmonicity=_GUQIN.inharmonicity.times(0.6),
    attack=0.004,
    noise_db=-24.0,
    friction_db=-26.0,
)

PRESETS = {model.name: model for model in (_GUQIN, _SILK, _GUZHENG)}
"""The model instruments by name: a guqin with strings of metal and nylon, one with silk, a guzheng."""

_BASES = {"guqin": (_GUQIN, _GUQIN, _SILK), "guzheng": (_GUZHENG,)}

FAMILIES = ("train", "unseen")
_CELLS = {"train": (0, 2, 3, 5), "unseen": (1, 4)}
"""Each parameter's range is cut into six cells; no value of one family can come from the other."""


@dataclass(frozen=True, slots=True)
class Range:
    """A parameter's plausible values, on a straight or a logarithmic scale."""

    low: float
    high: float
    log: bool = False

    def draw(self, chance: np.random.Generator, family: str) -> float:
        """Return a value of the cells that belong to `family`."""
        cells = _CELLS[family]
        share = (cells[int(chance.integers(len(cells)))] + float(chance.random())) / 6.0
        if self.log:
            return float(self.low * (self.high / self.low) ** share)
        return self.low + (self.high - self.low) * share


_COMMON = {
    "inharmonicity": Range(0.4, 2.5, log=True),  # factors on the preset
    "tilt": Range(0.6, 1.6, log=True),
    "decay": Range(0.6, 1.8, log=True),
    "decay_gain": Range(0.6, 1.8, log=True),
    "flat_hertz": Range(0.5, 2.0, log=True),
    "comb": Range(0.2, 0.95),  # values
    "unevenness_db": Range(2.0, 7.0),
    "early": Range(1.7, 5.0),
    "early_db": Range(5.0, 17.0),
    "early_db_per_octave": Range(1.0, 5.0),
    "beat_hertz": Range(0.3, 2.5),
    "beat_depth": Range(0.1, 0.8),
    "tilt_per_velocity": Range(0.2, 0.6),
    "contact_db": Range(-50.0, -24.0),
    "contact_seconds": Range(0.005, 0.045),
    "knock_db": Range(-40.0, -18.0),
    "sympathy_db": Range(-50.0, -24.0),
    "spread": Range(0.1, 0.8),
}
_OF_KIND = {
    "guzheng": {
        "pluck": Range(0.05, 0.28),
        "attack": Range(0.0008, 0.003, log=True),
        "noise_db": Range(-40.0, -14.0),
        "noise_low": Range(800.0, 2500.0, log=True),
        "noise_high": Range(4000.0, 9000.0, log=True),
        "noise_seconds": Range(0.015, 0.08, log=True),
    },
    "guqin": {
        "pluck": Range(0.05, 0.22),
        "attack": Range(0.0015, 0.007, log=True),
        "noise_db": Range(-42.0, -16.0),
        "noise_low": Range(300.0, 1500.0, log=True),
        "noise_high": Range(2500.0, 7000.0, log=True),
        "noise_seconds": Range(0.02, 0.09, log=True),
        "friction_db": Range(-42.0, -18.0),
    },
}
_FACTORS = ("inharmonicity", "tilt", "decay", "decay_gain", "flat_hertz")
_A4 = Range(430.0, 445.0)
_SEMITONES = {"guqin": (-3, 1), "guzheng": (-1, 1)}


def preset(name: str) -> SoundModel:
    """Return the model instrument of a name in :data:`PRESETS`.

    Raises
    ------
    UsageError
        If there is none.
    """
    if name not in PRESETS:
        raise UsageError(f"no sound model is called {name!r}", expected="one of " + ", ".join(PRESETS))
    return PRESETS[name]


def random_instrument(
    chance: np.random.Generator, kind: str, *, family: str = "train", tuning: str | None = None
) -> SoundModel:
    """Return a plausible other instrument: other strings, nails, body, room between bridge and hand, and pitch.

    Parameters
    ----------
    chance : Generator
        Source of chance; the same state gives the same instrument.
    kind : {"guqin", "guzheng"}
        What to vary.
    family : {"train", "unseen"}
        No parameter in the tables of this module takes, in one family, a value that it can take in the other.
    tuning : str, optional
        Name of a tuning; drawn if not given.

    Raises
    ------
    UsageError
        If `kind`, `family` or `tuning` is unknown.
    """
    bases = _BASES[check_kind(kind)]
    base = bases[int(chance.integers(len(bases)))]
    if family not in FAMILIES:
        raise UsageError(f"no family of instruments is called {family!r}", expected=" or ".join(FAMILIES))
    drawn = {name: span.draw(chance, family) for name, span in (_COMMON | _OF_KIND[kind]).items()}
    fields: dict[str, Any] = dict(drawn)
    for name in _FACTORS:
        plain = getattr(base, name)
        fields[name] = plain.times(drawn[name]) if isinstance(plain, Register) else plain * drawn[name]
    tunings = get_instrument(kind).tunings
    if tuning is not None and tuning not in tunings:
        raise UsageError(f"{kind} has no tuning {tuning!r}", expected="one of " + ", ".join(tunings))
    chosen = tuning or list(tunings)[int(min(chance.geometric(0.35) - 1, len(tunings) - 1))]
    open_, stopped, touched = base.timbres
    low, high = _SEMITONES[kind]
    semitones = int(chance.integers(low, high + 1)) if chance.random() < 0.5 else 0
    a4 = _A4.draw(chance, family)
    count = len(tunings[chosen].open_pitches)
    return replace(
        base,
        **fields,
        name=f"{kind}-{family}",
        family=family,
        open_pitches=tunings[chosen].open_pitches,
        tuning_cents=100.0 * semitones + 1200.0 * float(np.log2(a4 / 440.0)),
        string_cents=tuple(float(cents) for cents in chance.normal(0.0, 2.5, count)),
        body=tuple(_other_mode(mode, chance) for mode in base.body),
        timbres=(_other_timbre(open_, chance), _other_timbre(stopped, chance), _other_timbre(touched, chance)),
        seed=int(chance.integers(2**31)),
    )


def _other_mode(mode: Mode, chance: np.random.Generator) -> Mode:
    """Return a resonance somewhere near `mode`."""
    return Mode(
        mode.hertz * float(chance.uniform(0.8, 1.25)),
        mode.q * float(chance.uniform(0.6, 2.0)),
        mode.gain_db + float(chance.uniform(-4.0, 4.0)),
    )


def _other_timbre(timbre: Timbre, chance: np.random.Generator) -> Timbre:
    """Return a timbre somewhere near `timbre`."""
    return Timbre(
        gain_db=timbre.gain_db + float(chance.uniform(-2.0, 2.0)),
        damping=max(0.7, timbre.damping * float(chance.uniform(0.8, 1.3))),
        brightness=timbre.brightness * float(chance.uniform(0.85, 1.2)),
        release=timbre.release * float(chance.uniform(0.5, 2.0)),
    )
