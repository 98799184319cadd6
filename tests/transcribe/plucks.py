"""Plucked strings for tests: harmonics that decay, the higher the faster, after a burst of noise."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

RATE = 16000


@dataclass(frozen=True)
class Pluck:
    """A stroke at `onset` seconds; `cents` gives the bend at an array of seconds after it."""

    onset: float
    seconds: float
    pitch: float
    level: float = 0.3
    cents: Callable[[np.ndarray], np.ndarray] | None = None


def slide(start: float, stop: float, begins: float, lasts: float) -> Callable[[np.ndarray], np.ndarray]:
    """From `start` to `stop` cents."""
    return lambda t: start + (stop - start) * np.clip((t - begins) / lasts, 0.0, 1.0)


def vibrato(depth: float, hertz: float, begins: float = 0.15) -> Callable[[np.ndarray], np.ndarray]:
    return lambda t: np.where(t > begins, depth * np.sin(2 * np.pi * hertz * (t - begins)), 0.0)


def pluck(note: Pluck, rng: np.random.Generator, rate: int = RATE) -> np.ndarray:
    """The sound of one stroke, damped within 60 ms at its end."""
    t = np.arange(int(note.seconds * rate)) / rate
    cents = np.zeros(len(t)) if note.cents is None else note.cents(t)
    hz = 440.0 * 2.0 ** ((note.pitch - 69 + cents / 100) / 12)
    phase = 2 * np.pi * np.cumsum(hz) / rate
    ring = 1.2 * 2.0 ** ((60 - note.pitch) / 24)
    sound = np.zeros(len(t))
    for n in range(1, 25):
        if n * hz.max() > 0.45 * rate:
            break
        stretched = n * np.sqrt(1 + 2e-5 * n * n)
        size = np.sin(np.pi * n * 0.13) / n
        sound += size * np.exp(-t / ring * (0.5 + 0.25 * n)) * np.sin(stretched * phase)
    sound *= np.minimum(1.0, t / 0.002) * np.minimum(1.0, (note.seconds - t) / min(0.06, note.seconds / 3))
    burst = rng.standard_normal(len(t)) * np.exp(-t / 0.006) * 0.08
    return note.level * (sound + burst)


def recording(notes: Iterable[Pluck], seconds: float = 0.0, noise: float = 1e-4, seed: int = 1) -> np.ndarray:
    """Mono sound at 16 kHz."""
    notes = list(notes)
    rng = np.random.default_rng(seed)
    total = max([seconds, *(n.onset + n.seconds + 0.3 for n in notes)])
    sound = rng.standard_normal(int(total * RATE)) * noise
    for note in notes:
        first = int(note.onset * RATE)
        heard = pluck(note, rng)
        sound[first : first + len(heard)] += heard[: len(sound) - first]
    return (sound / max(1.0, np.abs(sound).max())).astype(np.float32)


def slow_guqin(seed: int = 3, count: int = 24) -> list[Pluck]:
    """Slow notes in one voice, of which many slide in, slide out or sway."""
    rng = np.random.default_rng(seed)
    scale = np.array([41, 43, 45, 48, 50, 53, 55, 57, 60, 62, 65, 67])
    notes, now, place = [], 0.2, 5
    for _ in range(count):
        place = int(np.clip(place + rng.integers(-2, 3), 0, len(scale) - 1))
        length = float(rng.choice([0.5, 0.75, 1.0, 1.5]))
        kind = rng.integers(0, 6)
        cents = None
        if kind == 0:
            cents = slide(-200, 0, 0.02, 0.15)
        elif kind == 1:
            cents = slide(200, 0, 0.02, 0.12)
        elif kind == 2 and length >= 0.75:
            cents = slide(0, 300, length * 0.55, 0.25)
        elif kind == 3 and length >= 0.75:
            cents = vibrato(35, 4.5)
        notes.append(Pluck(now, length, float(scale[place]), float(rng.uniform(0.15, 0.4)), cents))
        now += length
    return notes
