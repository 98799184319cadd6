"""Modes 调式: a final on one of the five zheng tones of a gong system, and the scales they are sung in.

``mode_name = pitch class of the final + degree of the final + 调式``. The jianpu header is always
``1=gong`` whatever the mode. The measured shares are of the Essen folk songs (2,240 songs from China,
143,360 notes) and of 71 guqin pieces in published jianpu editions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from symgen.errors import UsageError, one_line
from symgen.theory.degrees import DEGREES, PENTATONIC, pitch_class_name


def _shares(**percent: float) -> Mapping[int, float]:
    """Return semitone -> share (0..1) from ``d5=38.0`` for degree 5 at 38 %."""
    return MappingProxyType({DEGREES.index(name[1:]): value / 100 for name, value in percent.items()})


@dataclass(frozen=True, slots=True)
class Mode:
    """One of the five modes.

    Parameters
    ----------
    name, chinese : str
        Pinyin and Chinese name.
    final : int
        Semitones of the final above gong.
    partner : int
        Semitones above gong of the tone that makes the structural pair with the final: a fifth above
        it, or a fourth where the pentatonic holds no fifth (jue).
    aliases : tuple of str
        Further spellings.
    folk_share, guqin_share : float
        Share of pieces that end so, 0..1.
    profile : mapping of int to float
        Semitone above gong -> share of sounding time in folk songs of this mode.
    phrase_ends, first_notes : mapping of int to float
        Semitone above gong -> share of inner phrase ends and of first notes in folk songs of this mode;
        shares not listed were not counted.
    """

    name: str
    chinese: str
    final: int
    partner: int
    aliases: tuple[str, ...]
    folk_share: float
    guqin_share: float
    profile: Mapping[int, float] = field(hash=False)
    phrase_ends: Mapping[int, float] = field(hash=False)
    first_notes: Mapping[int, float] = field(hash=False)


MODES: tuple[Mode, ...] = (
    Mode(
        "gong",
        "宫",
        0,
        7,
        ("宮",),
        0.156,
        34 / 71,
        profile=_shares(d1=28.7, d2=16.1, d3=15.8, d5=23.3, d6=12.4),
        phrase_ends=_shares(d1=36, d5=30, d2=13),
        first_notes=_shares(d1=32, d5=28, d3=18),
    ),
    Mode(
        "shang",
        "商",
        2,
        9,
        (),
        0.115,
        9 / 71,
        profile=_shares(d1=13.6, d2=31.8, d3=12.3, d5=19.1, d6=19.3),
        phrase_ends=_shares(d2=34, d5=26, d6=20),
        first_notes=_shares(d2=44, d6=20, d5=14),
    ),
    Mode(
        "jue",
        "角",
        4,
        9,
        ("jiao",),
        0.024,
        1 / 71,
        profile=_shares(d1=17.2, d2=11.8, d3=25.5, d5=17.4, d6=25.5),
        phrase_ends=_shares(d3=40, d6=28, d2=13),
        first_notes=_shares(d6=30, d3=26),
    ),
    Mode(
        "zhi",
        "徵",
        7,
        2,
        ("征",),
        0.526,
        12 / 71,
        profile=_shares(d1=17.9, d2=20.5, d3=11.7, d5=31.1, d6=15.2),
        phrase_ends=_shares(d5=38, d2=25, d1=17, d6=12),
        first_notes=_shares(d5=37, d2=17, d3=17),
    ),
    Mode(
        "yu",
        "羽",
        9,
        4,
        (),
        0.175,
        15 / 71,
        profile=_shares(d1=15.6, d2=18.0, d3=20.0, d5=12.0, d6=32.9),
        phrase_ends=_shares(d6=45, d3=20, d2=15, d1=11),
        first_notes=_shares(d6=44, d3=23, d2=17),
    ),
)
"""The five modes in order of their finals."""

MODE_BY_NAME: Mapping[str, Mode] = MappingProxyType({mode.name: mode for mode in MODES})
MODE_BY_FINAL: Mapping[int, Mode] = MappingProxyType({mode.final: mode for mode in MODES})


@dataclass(frozen=True, slots=True)
class Approach:
    """The step into the final, as degrees in semitones above gong, with the share of pieces that end so.

    ``folk`` counts the last two notes of folk songs; ``guqin`` the last different degree and the final
    of guqin pieces. 0 where it is below the rows that were counted.
    """

    before: int
    final: int
    folk: float = 0.0
    guqin: float = 0.0


APPROACHES: tuple[Approach, ...] = (
    Approach(9, 7, folk=0.307, guqin=6 / 71),
    Approach(2, 0, folk=0.083, guqin=11 / 71),
    Approach(0, 7, folk=0.067),
    Approach(4, 7, folk=0.061),
    Approach(0, 9, folk=0.060),
    Approach(4, 2, folk=0.053),
    Approach(7, 7, folk=0.051),
    Approach(7, 9, folk=0.047, guqin=4 / 71),
    Approach(9, 9, folk=0.031),
    Approach(0, 2, folk=0.027),
    Approach(7, 0, guqin=18 / 71),
    Approach(9, 2, guqin=7 / 71),
    Approach(9, 0, guqin=5 / 71),
    Approach(4, 9, guqin=5 / 71),
)
"""Cadences: folk song steps down into the final, the qin likes fifths and fourths."""


@dataclass(frozen=True, slots=True)
class ScaleType:
    """A scale of a gong system; `folk_share` is the share of folk songs that use just this set (or a subset)."""

    name: str
    pinyin: str
    chinese: str
    semitones: tuple[int, ...]
    folk_share: float


SCALE_TYPES: tuple[ScaleType, ...] = (
    ScaleType("Pentatonic", "wusheng", "五声", PENTATONIC, 0.507),
    ScaleType("Hexatonic_Qingjue", "liusheng jia qingjue", "六声加清角", (0, 2, 4, 5, 7, 9), 0.098),
    ScaleType("Hexatonic_Biangong", "liusheng jia biangong", "六声加变宫", (0, 2, 4, 7, 9, 11), 0.216),
    ScaleType("Heptatonic_Yayue", "yayue", "雅乐", (0, 2, 4, 6, 7, 9, 11), 0.006),
    ScaleType("Heptatonic_Qingyue", "qingyue", "清乐", (0, 2, 4, 5, 7, 9, 11), 0.108),
    ScaleType("Heptatonic_Yanyue", "yanyue", "燕乐", (0, 2, 4, 5, 7, 9, 10), 0.008),
)
"""The six scale types that annotated collections of Chinese national modes use."""

_SCALE_BY_ADDED = {frozenset(row.semitones) - frozenset(PENTATONIC): row.name for row in SCALE_TYPES}
_MODE_WORDS = {word: mode.name for mode in MODES for word in (mode.name, mode.chinese, *mode.aliases)}

PRESENT = 0.005
"""Share of the weight from which a tone counts as part of the scale; below it is ornament or a slip."""


def parse_mode(text: str) -> str:
    """Return the name of the mode that a text names: pinyin, Chinese, with or without 调 or 调式.

    Raises
    ------
    UsageError
        If it names none of the five.
    """
    word = text.strip().lower().removesuffix("式").removesuffix("调").removesuffix("調").strip()
    name = _MODE_WORDS.get(word)
    if name is None:
        known = ", ".join(f"{mode.name} {mode.chinese}" for mode in MODES)
        raise UsageError(f"{one_line(repr(text))} is no mode", expected=f"one of {known}")
    return name


def scale_type(weights: Sequence[float], present: float = PRESENT) -> str | None:
    """Return the scale type of a distribution over degrees.

    Parameters
    ----------
    weights : sequence of 12 floats
        Weight of each degree by semitone above gong, as durations or counts.
    present : float
        Share of the sum from which a tone counts.

    Returns
    -------
    str or None
        Name in `SCALE_TYPES`. Missing zheng tones do not matter; None if the other tones fit no row or
        all weights are 0.
    """
    total = float(sum(weights))
    if total <= 0:
        return None
    added = {s for s, weight in enumerate(weights) if s not in PENTATONIC and weight / total >= present}
    return _SCALE_BY_ADDED.get(frozenset(added))


def mode_name(gong: int, mode: str) -> str:
    """Return the full name of a mode, as ``"D yu, 1=F (D 羽调式)"`` for gong F and mode yu.

    Parameters
    ----------
    gong : int
        Pitch class of gong.
    mode : str
        Any text that :func:`parse_mode` takes.
    """
    row = MODE_BY_NAME[parse_mode(mode)]
    final = pitch_class_name(gong + row.final)
    return f"{final} {row.name}, 1={pitch_class_name(gong)} ({final} {row.chinese}调式)"


def gong_of(final: int, mode: str) -> int:
    """Return the pitch class of gong from that of the final and the mode."""
    return (final - MODE_BY_NAME[parse_mode(mode)].final) % 12


def final_of(gong: int, mode: str) -> int:
    """Return the pitch class of the final from that of gong and the mode."""
    return (gong + MODE_BY_NAME[parse_mode(mode)].final) % 12
