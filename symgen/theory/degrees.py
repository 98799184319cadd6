"""Degrees: the twelve tones of a gong system, the twelve lü, and the names of pitch classes.

A degree is the number of semitones above gong 宫, 0..11. It is written in jianpu: gong is 1, shang 2,
jue 3, zhi 5, yu 6; everything between is a bian tone or chromatic.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from math import log2
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from symgen.errors import UsageError, one_line


@dataclass(frozen=True, slots=True)
class Degree:
    """One tone of a gong system.

    Parameters
    ----------
    semitone : int
        Semitones above gong, 0..11.
    jianpu : str
        Name in numbered notation.
    pinyin, chinese : str
        Traditional name. Degrees without one of their own follow the rule 变 bian, a semitone below.
    fifths : Fraction
        Frequency ratio to gong by a chain of fifths (3-limit), as open strings are tuned.
    just : Fraction
        Frequency ratio to gong in just intonation (5-limit), as harmonics sound.
    zheng : bool
        True for the five main tones 正音 of the pentatonic.
    bian : bool
        True for the four auxiliary tones 偏音 that heptatonic scales use.
    """

    semitone: int
    jianpu: str
    pinyin: str
    chinese: str
    fifths: Fraction
    just: Fraction
    zheng: bool = False
    bian: bool = False

    @property
    def cents_fifths(self) -> float:
        """Cents above gong by a chain of fifths."""
        return 1200 * log2(self.fifths)

    @property
    def cents_just(self) -> float:
        """Cents above gong in just intonation."""
        return 1200 * log2(self.just)


DEGREE_TABLE: tuple[Degree, ...] = (
    Degree(0, "1", "gong", "宫", Fraction(1), Fraction(1), zheng=True),
    Degree(1, "b2", "bianshang", "变商", Fraction(256, 243), Fraction(16, 15)),
    Degree(2, "2", "shang", "商", Fraction(9, 8), Fraction(9, 8), zheng=True),
    Degree(3, "b3", "bianjue", "变角", Fraction(32, 27), Fraction(6, 5)),
    Degree(4, "3", "jue", "角", Fraction(81, 64), Fraction(5, 4), zheng=True),
    Degree(5, "4", "qingjue", "清角", Fraction(4, 3), Fraction(4, 3), bian=True),
    Degree(6, "#4", "bianzhi", "变徵", Fraction(729, 512), Fraction(45, 32), bian=True),
    Degree(7, "5", "zhi", "徵", Fraction(3, 2), Fraction(3, 2), zheng=True),
    Degree(8, "b6", "bianyu", "变羽", Fraction(128, 81), Fraction(8, 5)),
    Degree(9, "6", "yu", "羽", Fraction(27, 16), Fraction(5, 3), zheng=True),
    Degree(10, "b7", "run", "闰", Fraction(16, 9), Fraction(16, 9), bian=True),
    Degree(11, "7", "biangong", "变宫", Fraction(243, 128), Fraction(15, 8), bian=True),
)

DEGREES: tuple[str, ...] = tuple(row.jianpu for row in DEGREE_TABLE)
"""Jianpu names by semitone above gong."""

PENTATONIC: tuple[int, ...] = tuple(row.semitone for row in DEGREE_TABLE if row.zheng)
"""Semitones of the five zheng tones 1 2 3 5 6."""

BIAN: tuple[int, ...] = tuple(row.semitone for row in DEGREE_TABLE if row.bian)
"""Semitones of the bian tones 4 #4 b7 7."""

FIFTH_CHAIN: tuple[int, ...] = tuple(sorted(PENTATONIC, key=lambda semitone: semitone * 7 % 12))
"""The zheng tones as a chain of fifths, 1-5-2-6-3: neighbours make fifths, any block of it a quartal chord."""


@dataclass(frozen=True, slots=True)
class Lu:
    """One of the twelve lü 律: its pitch class with C = huangzhong, as is usual today."""

    pitch_class: int
    letter: str
    pinyin: str
    chinese: str


LU: tuple[Lu, ...] = (
    Lu(0, "C", "huangzhong", "黄钟"),
    Lu(1, "C#", "dalu", "大吕"),
    Lu(2, "D", "taicu", "太簇"),
    Lu(3, "Eb", "jiazhong", "夹钟"),
    Lu(4, "E", "guxian", "姑洗"),
    Lu(5, "F", "zhonglu", "仲吕"),
    Lu(6, "F#", "ruibin", "蕤宾"),
    Lu(7, "G", "linzhong", "林钟"),
    Lu(8, "Ab", "yize", "夷则"),
    Lu(9, "A", "nanlu", "南吕"),
    Lu(10, "Bb", "wuyi", "无射"),
    Lu(11, "B", "yingzhong", "应钟"),
)

_LU_ALIASES = {"黃鐘": 0, "大呂": 1, "太蔟": 2, "夾鐘": 3, "仲呂": 5, "中吕": 5, "蕤賓": 6, "林鐘": 7, "夷則": 8}
_LU_ALIASES |= {"南呂": 9, "無射": 10, "應鐘": 11, "dalv": 1, "zhonglv": 5, "nanlv": 9}
_LU_NAMES = {name: lu.pitch_class for lu in LU for name in (lu.pinyin, lu.chinese)} | _LU_ALIASES
_LETTERS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_ACCIDENTALS = {"#": 1, "♯": 1, "升": 1, "b": -1, "♭": -1, "降": -1, "♮": 0}


@overload
def degree_of(pitch: int, gong: int) -> int: ...
@overload
def degree_of(pitch: NDArray[Any], gong: int | NDArray[Any]) -> NDArray[Any]: ...
def degree_of(pitch: int | NDArray[Any], gong: int | NDArray[Any]) -> int | NDArray[Any]:
    """Return the degree of a pitch in a gong system.

    Parameters
    ----------
    pitch : int or ndarray of int
        MIDI note numbers or pitch classes.
    gong : int or ndarray of int
        Pitch class of gong; broadcast against `pitch`.

    Returns
    -------
    int or ndarray of int
        Semitones above gong, 0..11, of the shape of the arguments.
    """
    if isinstance(pitch, np.ndarray) or isinstance(gong, np.ndarray):
        return np.mod(np.subtract(pitch, gong), 12)
    return int((pitch - gong) % 12)


def pitch_class_name(pc: int) -> str:
    """Return the usual letter name of a pitch class, as "Bb"; any integer counts modulo 12."""
    return LU[pc % 12].letter


def note_name(pitch: int) -> str:
    """Return the name of a MIDI note, as "Bb3"; middle C is C4."""
    return f"{pitch_class_name(pitch)}{pitch // 12 - 1}"


def parse_pitch_class(text: str) -> int:
    """Return the pitch class 0..11 that a text names.

    Letters with their accidentals before or after ("D", "Bb", "bB", "F#", "降B"), jianpu headers
    ("1=F") and the names of the lü ("黄钟", "huangzhong") are understood, in any case.

    Raises
    ------
    UsageError
        If the text names no pitch class.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    name = plain.removeprefix("1").lstrip().removeprefix("=").strip() if plain.startswith("1") else plain
    known = _LU_NAMES.get(name.lower())
    if known is not None:
        return known
    found = _letter_pitch_class(name)
    if found is None:
        raise UsageError(
            f"{one_line(repr(text))} names no pitch", expected='a letter as "D", "Bb" or "F#", "1=F", or a lü as "黄钟"'
        )
    return found


def _letter_pitch_class(name: str) -> int | None:
    """Return the pitch class of a letter with accidentals on one side of it, or None."""
    for letter, marks in ((name[:1], name[1:]), (name[-1:], name[:-1])):
        shifts = [_ACCIDENTALS.get(mark.lower()) for mark in marks]
        step = _LETTERS.get(letter.lower())
        if step is not None and len(marks) <= 2 and None not in shifts:
            return (step + sum(shift or 0 for shift in shifts)) % 12
    return None
