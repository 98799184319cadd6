"""The table of what a hand that accompanies plays: harmonies of a pentatonic music, and figures that break them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class Manner:
    """How a style accompanies.

    Parameters
    ----------
    auto : str
        What it does unless it is told: "chords", "octaves" or "voice".
    chord_share, most_chord_share : float
        Share of strokes with a chord at density 0.5, as the pieces of the style have it, and at density 1.
    rates : tuple of float
        Strokes a quarter of a second voice at density 0, 0.5 and 1.
    doublings : tuple of int
        Intervals in semitones below the melody, the most usual first.
    loudness : float
        Velocity of the accompaniment as a share of the melody's.
    """

    auto: str
    chord_share: float
    most_chord_share: float
    rates: tuple[float, float, float]
    doublings: tuple[int, ...]
    loudness: float

    def share(self, density: float) -> float:
        """Return the share of strokes with a chord at a density from 0 to 1."""
        return _between((self.chord_share / 4, self.chord_share, self.most_chord_share), density)

    def rate(self, density: float) -> float:
        """Return the strokes a quarter of a second voice at a density from 0 to 1."""
        return _between(self.rates, density)


def _between(values: tuple[float, float, float], density: float) -> float:
    """Return a value between those at 0, 0.5 and 1, in equal ratios for equal steps."""
    low, high, part = (*values[:2], 2 * density) if density <= 0.5 else (*values[1:], 2 * density - 1)
    return float(low * (high / low) ** part)


@dataclass(frozen=True, slots=True)
class Harmony:
    """What sounds under a stretch of melody.

    Parameters
    ----------
    root : int
        Degree in semitones above gong.
    weight : float
        How usual it is.
    tones : tuple of int
        Semitones above the root, from the bass upwards.
    """

    root: int
    weight: float
    tones: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A way of breaking a harmony.

    Parameters
    ----------
    name : str
        Its name.
    styles : tuple of str
        Whose hand plays it.
    ticks : int
        Its length at 480 ticks a quarter.
    strokes : tuple of (int, tuple of int)
        Ticks from its start, and the tones struck then, counted from the bass.
    """

    name: str
    styles: tuple[str, ...]
    ticks: int
    strokes: tuple[tuple[int, tuple[int, ...]], ...]

    @property
    def rate(self) -> float:
        """Strokes a quarter."""
        return 480 * len(self.strokes) / self.ticks


@dataclass(frozen=True, slots=True)
class Table:
    """All of it: manners by style, harmonies and figures."""

    manners: Mapping[str, Manner]
    harmonies: tuple[Harmony, ...]
    figures: tuple[Figure, ...]


@lru_cache(maxsize=1)
def table() -> Table:
    """Return what ``figures.toml`` says."""
    rows = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    harmonies = tuple(Harmony(row["root"], row["weight"], tuple(row["tones"])) for row in rows.pop("harmonies"))
    figures = tuple(
        Figure(
            row["name"],
            tuple(row["styles"]),
            240 * row["eighths"],
            tuple((round(240 * at), tuple(tones)) for at, *tones in row["strokes"]),
        )
        for row in rows.pop("figures")
    )
    manners: dict[str, Manner] = {}
    for style, row in rows.items():
        values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in row.items()}
        manners[style] = Manner(**values)
    return Table(MappingProxyType(manners), harmonies, figures)
