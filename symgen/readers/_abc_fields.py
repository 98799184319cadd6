"""Fields of ABC notation: key, metre, unit length and tempo, as the ABC standard 2.1 spells them."""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass, field
from fractions import Fraction

SHARP_ORDER = "FCGDAEB"
"""Letters in the order in which key signatures sharpen them; flats go backwards."""
LETTER_PITCH = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
ACCIDENTALS = {"^^": 2, "^": 1, "": 0, "=": 0, "_": -1, "__": -2}

_TONIC_FIFTHS = {letter: index - 1 for index, letter in enumerate(SHARP_ORDER)}  # F -1, C 0, G 1 ...
_MODES: dict[str, tuple[int, str | None]] = {
    # First three letters -> fifths from the major key on the same tonic, and the gong-system mode of that final.
    "": (0, None),
    "maj": (0, None),
    "ion": (0, "gong"),
    "dor": (-2, "shang"),
    "phr": (-4, "jue"),
    "lyd": (1, None),
    "mix": (-1, "zhi"),
    "m": (-3, "yu"),
    "min": (-3, "yu"),
    "aeo": (-3, "yu"),
    "loc": (-5, None),
}
_KEY = re.compile(r"\s*([A-G])([#b]?)\s*([A-Za-z]*)(.*)", re.DOTALL)
_ACCIDENTAL = re.compile(r"(?<![=\w])(\^\^|\^|__|_|=)([A-Ga-g])(?![\w=])")
_TRANSPOSE = re.compile(r"\b(?:transpose|t)=([+-]?\d{1,2})")
_OCTAVE = re.compile(r"\boctave=([+-]?\d)\b")
_FRACTION = re.compile(r"(\d{1,4})/(\d{1,4})")
_ACCENT_MARKS = {
    "'": "\u0301",
    "`": "\u0300",
    "^": "\u0302",
    '"': "\u0308",
    "~": "\u0303",
    "c": "\u0327",
    "=": "\u0304",
}


@dataclass(frozen=True, slots=True)
class KeyField:
    """A K: field.

    Parameters
    ----------
    accidentals : dict of str to int
        Letter -> semitones, for the letters that the signature alters.
    gong : int or None
        Pitch class of the major tonic; None where the field declares no tonal key.
    mode : str or None
        Mode of the gong system, where the field names one.
    """

    accidentals: dict[str, int] = field(default_factory=dict)
    gong: int | None = None
    mode: str | None = None


def parse_key(text: str) -> KeyField | None:
    """Return the key of a K: field, or None where it names only a clef and the key stays.

    Raises
    ------
    ValueError
        If the text names no key that the standard knows.
    """
    word = text.strip().split(" ")[0] if text.strip() else "none"
    if word.lower() == "none":
        return KeyField(_explicit(text))
    if word in ("HP", "Hp"):
        return KeyField({} if word == "HP" else {"F": 1, "C": 1, "G": 0})
    match = _KEY.fullmatch(text)
    if match is None or _is_clef(text):
        if _is_clef(text) or text.strip()[:1] in ("^", "_", "="):
            return None
        raise ValueError(f"K:{text.strip()} is no key")
    letter, sharp_or_flat, mode_word, rest = match.groups()
    if mode_word.lower() == "exp" or re.match(r"\s*exp\b", rest):
        return KeyField(_explicit(rest))
    offset, mode = _MODES[""] if _is_clef(mode_word + rest) else _mode(mode_word)
    fifths = _TONIC_FIFTHS[letter] + {"#": 7, "b": -7, "": 0}[sharp_or_flat] + offset
    return KeyField(_signature(fifths) | _explicit(rest), fifths * 7 % 12, mode)


def _is_clef(text: str) -> bool:
    clefs = r"\s*(clef=|treble|bass|alto|tenor|perc|middle=|transpose=|octave=|stafflines=|staffscale=)"
    return re.match(clefs, text) is not None


def _mode(word: str) -> tuple[int, str | None]:
    if word in ("", "m"):
        return _MODES[word]
    offset_and_mode = _MODES.get(word[:3].lower())
    if offset_and_mode is None:
        raise ValueError(f"{word} is no mode")
    return offset_and_mode


def _signature(fifths: int) -> dict[str, int]:
    """Return the letters that `fifths` sharps (or flats, if negative) alter; beyond seven they double."""
    order = SHARP_ORDER if fifths > 0 else SHARP_ORDER[::-1]
    altered: dict[str, int] = {}
    for index in range(abs(fifths)):
        letter = order[index % 7]
        altered[letter] = altered.get(letter, 0) + (1 if fifths > 0 else -1)
    return altered


def _explicit(text: str) -> dict[str, int]:
    return {letter.upper(): ACCIDENTALS[sign] for sign, letter in _ACCIDENTAL.findall(text)}


def parse_transposition(text: str) -> int | None:
    """Return the semitones that ``transpose=`` and ``octave=`` of a K: or V: field add, None if it has neither."""
    transpose, octave = _TRANSPOSE.search(text), _OCTAVE.search(text)
    if transpose is None and octave is None:
        return None
    return (int(transpose[1]) if transpose else 0) + 12 * (int(octave[1]) if octave else 0)


def parse_metre(text: str) -> tuple[int, int] | None:
    """Return numerator and denominator of an M: field, None for a free metre.

    Raises
    ------
    ValueError
        If the text is no metre, or one that a Score cannot hold.
    """
    word = text.strip()
    if word.lower() in ("", "none"):
        return None
    if word in ("C", "c"):
        return 4, 4
    if word in ("C|", "c|"):
        return 2, 2
    match = re.fullmatch(r"\(?([\d+\s]{1,40}?)\)?\s*/\s*(\d{1,3})", word)
    if match is None:
        raise ValueError(f"M:{word} is no metre")
    numerator = sum(int(part) for part in match[1].split("+") if part.strip())
    denominator = int(match[2])
    if not 1 <= numerator <= 255 or denominator not in (1, 2, 4, 8, 16, 32, 64):
        raise ValueError(f"M:{word} is out of range")
    return numerator, denominator


def default_unit(metre: tuple[int, int] | None) -> Fraction:
    """Return the unit note length where no L: field stands: 1/16 in metres below 3/4, else 1/8."""
    short = metre is not None and Fraction(*metre) < Fraction(3, 4)
    return Fraction(1, 16) if short else Fraction(1, 8)


def parse_unit(text: str) -> Fraction:
    """Return the unit note length of an L: field in whole notes.

    Raises
    ------
    ValueError
        If the text is no length between 1/1024 and 4.
    """
    match = re.fullmatch(r"\s*(\d{1,4})(?:\s*/\s*(\d{1,4}))?\s*", text)
    unit = Fraction(int(match[1]), int(match[2] or 1) or 1) if match else Fraction(0)
    if not Fraction(1, 1024) <= unit <= 4:
        raise ValueError(f"L:{text.strip()} is no unit length")
    return unit


def parse_tempo(text: str, unit: Fraction) -> float | None:
    """Return quarter notes per minute of a Q: field, None where it holds only words.

    ``1/4=76``, ``3/8=60`` and ``1/4 3/8=40`` name the beat; ``76`` and ``C=76`` of older files count unit lengths.

    Raises
    ------
    ValueError
        If the text is no tempo from 1 to 2000.
    """
    words = re.sub(r'"[^"]*"', " ", text).strip()
    if not words:
        return None
    beat, _, rate = words.rpartition("=")
    if not re.fullmatch(r"\s*\d{1,5}(\.\d{1,6})?\s*", rate):
        raise ValueError(f"Q:{words} is no tempo")
    length = sum((Fraction(int(n), int(d) or 1) for n, d in _FRACTION.findall(beat)), Fraction(0))
    if not length:
        multiple = re.fullmatch(r"\s*C?(\d{0,2})\s*", beat)
        length = unit * int((multiple[1] if multiple else "") or 1)
    qpm = float(4 * length) * float(rate)
    if not 1 <= qpm <= 2000:
        raise ValueError(f"Q:{words} is out of range")
    return qpm


def plain_text(text: str) -> str:
    r"""Return a text field without ABC's spellings of special characters: ``\'e``, ``\u00e9``, ``&eacute;``."""
    text = re.sub(r"\\u([0-9A-Fa-f]{4})", lambda match: _character(int(match[1], 16)), text)
    text = re.sub(
        r"""\\(['`^"~c=])([A-Za-z])""",
        lambda match: unicodedata.normalize("NFC", match[2] + _ACCENT_MARKS[match[1]]),
        text,
    )
    return html.unescape(text).strip()


def _character(code: int) -> str:
    return "" if 0xD800 <= code <= 0xDFFF else chr(code)
