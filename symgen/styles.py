"""Styles: what a composer expects of each when nothing else is asked for.

Weights are shares of pieces. Guqin keys and finals are counted in 71 pieces of published jianpu editions,
folk finals and metres in 2,240 Essen songs from China; tempi are estimates from score lengths and the
usual length of recordings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from symgen.errors import UsageError


@dataclass(frozen=True, slots=True)
class Style:
    """A style that can be composed in.

    Parameters
    ----------
    name, chinese : str
        Name in prefixes and on the command line, and in Chinese.
    instrument : str
        Name in ``symgen.instruments``.
    gongs : mapping of int to float
        Pitch class of gong -> weight.
    modes : mapping of str to float
        Mode -> weight.
    metre : tuple of int
        Usual metre.
    tempo : tuple of float
        Lowest and highest usual tempo in quarter notes a minute.
    bars : int
        Length if none is asked for.
    register : int
        Lowest MIDI note of the octave in which degree 1 of the piece's middle octave lies.
    bian_share : float
        Most of the sounding time that tones outside the pentatonic may take.
    harmonics : tuple of float
        Share of pieces that have a passage in harmonics in their first tenth, and in their last.
    """

    name: str
    chinese: str
    instrument: str
    gongs: Mapping[int, float]
    modes: Mapping[str, float]
    metre: tuple[int, int]
    tempo: tuple[float, float]
    bars: int
    register: int
    bian_share: float
    harmonics: tuple[float, float] = (0.0, 0.0)

    def as_json(self) -> dict[str, Any]:
        """Return the style as plain data."""
        return {
            "name": self.name,
            "chinese": self.chinese,
            "instrument": self.instrument,
            "metre": "{}/{}".format(*self.metre),
            "tempo": list(self.tempo),
            "bars": self.bars,
        }


_ROWS = (
    Style(
        "guqin",
        "古琴",
        "guqin",
        MappingProxyType({5: 0.62, 0: 0.38}),
        MappingProxyType({"gong": 0.48, "yu": 0.21, "zhi": 0.18, "shang": 0.13}),
        (4, 4),
        (54.0, 72.0),
        32,
        48,
        0.05,
        (32 / 71, 53 / 71),
    ),
    Style(
        "guzheng",
        "古筝",
        "guzheng",
        MappingProxyType({2: 0.7, 7: 0.3}),
        MappingProxyType({"gong": 0.4, "zhi": 0.4, "yu": 0.1, "shang": 0.1}),
        (2, 4),
        (66.0, 92.0),
        32,
        57,
        0.05,
    ),
    Style(
        "folk",
        "民歌",
        "voice",
        MappingProxyType({0: 0.25, 2: 0.25, 5: 0.25, 7: 0.25}),
        MappingProxyType({"zhi": 0.53, "yu": 0.18, "gong": 0.16, "shang": 0.11, "jue": 0.02}),
        (2, 4),
        (72.0, 100.0),
        16,
        60,
        0.04,
    ),
)

STYLES: Mapping[str, Style] = MappingProxyType({style.name: style for style in _ROWS})


def get_style(name: str) -> Style:
    """Return a style by its name or Chinese name.

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    for style in _ROWS:
        if name.strip().casefold() in (style.name, style.chinese):
            return style
    raise UsageError(f"no style named {name!r}", expected=f"one of {', '.join(STYLES)}", remedy="see symgen styles")
