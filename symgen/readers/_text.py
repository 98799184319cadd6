"""Text of unknown encoding: names in MIDI files and tune books say nothing about how they are encoded.

UTF-8 proves itself: text of another encoding is almost never valid UTF-8. What remains is decoded with
each candidate, and the result whose characters are most plausible wins: frequent hanzi, kana and accented letters
inside words speak for an encoding, rare hanzi, half-width katakana and control characters against it.
"""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import PurePath

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CANDIDATES = ("gb18030", "cp932", "cp1252", "latin-1")
"""In order of preference where the scores are equal. The last one decodes anything."""

_HANZI_CODECS = {"gb18030": "gb2312", "cp932": "shift_jis"}
"""The older standard inside each double-byte candidate, whose first level holds the frequent characters."""
_FIRST_LEVEL = {"gb18030": (0xB0, 0xD7), "cp932": (0x88, 0x97)}
"""Lead bytes of the first level: GB 2312 rows 16 to 55, JIS X 0208 rows 16 to 47."""

_FREQUENT, _LESS_FREQUENT, _RARE, _DOUBTFUL, _WRONG = 1.0, 0.7, 0.1, -0.5, -2.0
_TOUCHING_LATIN = 0.4
"""A hanzi that touches a Latin letter is more often half of an accented letter than a hanzi."""
PEEKED_BYTES = 2**16
_CONTROLS = bytes({*range(32)} - {*b"\t\n\r\f"})
"""Control characters that text does not hold."""
_SAMPLE_BYTES = 20_000
"""As much text as decides the encoding of a file."""


def decode_text(raw: bytes) -> tuple[str, str]:
    """Decode text of unknown encoding.

    Parameters
    ----------
    raw : bytes
        UTF-8 (with or without a byte order mark), UTF-16 with a mark, GBK or GB 18030, Shift-JIS,
        Windows-1252 or Latin-1.

    Returns
    -------
    text : str
    encoding : str
        Name of a Python codec that gives `text` from `raw`.
    """
    encoding = guess_encoding(raw)
    return raw.decode(encoding, errors="replace"), encoding


def decode_texts(raws: Iterable[bytes]) -> list[str]:
    """Decode the short texts of one file together: what is not UTF-8 shares one encoding where it can.

    A name of two characters is often plausible in several encodings; all names of a file are rarely so.
    """
    raws = list(raws)
    own = {raw: guess_encoding(raw) for raw in set(raws)}
    shared = guess_encoding(b"\n".join(raw for raw in raws if own[raw] in _CANDIDATES))
    return [_decode_short(raw, own[raw], shared) for raw in raws]


def guess_encoding(raw: bytes) -> str:
    """Return the name of the codec that most plausibly decodes `raw`."""
    if raw.isascii():
        return "utf-8"
    for mark, encoding in _BOMS:
        if raw.startswith(mark) and _is_valid(raw, encoding):
            return encoding
    sample = raw[:_SAMPLE_BYTES]
    if _is_valid(raw, "utf-8"):
        return "gb18030" if _is_gbk_by_chance_utf8(sample) and _is_valid(raw, "gb18030") else "utf-8"
    scores = {name: _plausibility(sample, name) for name in _CANDIDATES if _is_valid(raw, name)}
    return max(scores, key=lambda name: scores[name])


def peek(head: bytes) -> str:
    """Return the text that `head`, the beginning of a file, holds; "" if it is none.

    Good enough to tell a format: what is not UTF-8 is taken for GB 18030, in which ASCII stays what it is.
    """
    return _peek(head[:PEEKED_BYTES])


@lru_cache(maxsize=2)  # the readers of text look at one file in turn
def _peek(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return head.decode("utf-16", "ignore").removeprefix("\ufeff")
    if b"\0" in head or len(head.translate(None, _CONTROLS)) < 0.98 * len(head):
        return ""
    last = head.rfind(b"\n") + 1 if len(head) == PEEKED_BYTES else 0
    whole = head[:last] if last else head  # a character may be cut in two at the end
    encoding = "utf-8-sig" if _is_valid(whole, "utf-8") else "gb18030"
    return whole.decode(encoding, "replace")


def clean_name(text: str) -> str:
    """Return a name without the null bytes and blanks that pad fixed-width fields."""
    return text.strip("\x00 \t\r\n")


def title_or_stem(title: str, name: str) -> str:
    """Return `title`, or the stem of the file name `name` where the file gives none."""
    return clean_name(title) or PurePath(name).stem


def _decode_short(raw: bytes, own: str, shared: str) -> str:
    """Decode as the file's other texts are, where this one is not UTF-8 by itself and the shared encoding fits."""
    encoding = shared if own in _CANDIDATES and _is_valid(raw, shared) else own
    return raw.decode(encoding, errors="replace")


def _is_valid(raw: bytes, encoding: str) -> bool:
    try:
        raw.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _is_gbk_by_chance_utf8(sample: bytes) -> bool:
    """Return whether valid UTF-8 is GBK after all: a few pairs of hanzi read as letters of several scripts.

    Of 7,273 song titles in GBK, 23 are valid UTF-8 (measured on the Anthology of Chinese Folk Songs).
    """
    found = {character for character in sample.decode("utf-8", errors="ignore") if not character.isascii()}
    if not found or max(found) > "\u07ff":  # three bytes in a row are no accident
        return False
    letters = (
        character for character in found if unicodedata.category(character) not in ("So", "Sc", "Pi", "Pf", "Po")
    )
    scripts = {unicodedata.name(letter, "?").partition(" ")[0] for letter in letters}
    if len(scripts) < 2 and not scripts & {"MODIFIER", "COMBINING", "ARMENIAN"}:
        return False
    return _plausibility(sample, "gb18030") >= _LESS_FREQUENT


def _plausibility(sample: bytes, encoding: str) -> float:
    """Return the mean weight of the characters beyond ASCII, at most 1."""
    text = sample.decode(encoding, errors="ignore")
    weights = []
    for index, character in enumerate(text):
        if character.isascii():
            continue
        neighbours = text[max(0, index - 1) : index] + text[index + 1 : index + 2]
        weights.append(_weight(character, neighbours, encoding))
    return sum(weights) / len(weights) if weights else _WRONG


def _weight(character: str, neighbours: str, encoding: str) -> float:
    """Return how much a character beyond ASCII speaks for `encoding`."""
    touches_latin = any(neighbour.isascii() and neighbour.isalpha() for neighbour in neighbours)
    if encoding in _HANZI_CODECS:
        weight = _east_asian_weight(character, encoding)
        return weight * _TOUCHING_LATIN if touches_latin and weight > 0 else weight
    category = unicodedata.category(character)
    if category.startswith("C"):
        return _WRONG
    if not category.startswith("L"):
        return _RARE if character in "©®°’‘“”–—«»¡¿ß" else _DOUBTFUL
    if touches_latin:
        return _FREQUENT
    return _RARE if neighbours.isascii() else _DOUBTFUL


@lru_cache(maxsize=8192)
def _east_asian_weight(character: str, encoding: str) -> float:
    code = ord(character)
    if 0x3041 <= code <= 0x30FE:  # hiragana and katakana; both codings hold them
        return _FREQUENT
    if 0xFF61 <= code <= 0xFF9F:  # half-width katakana: what other encodings look like in Shift-JIS
        return _DOUBTFUL
    if 0xE000 <= code <= 0xF8FF or unicodedata.category(character).startswith("C"):
        return _WRONG
    if not 0x4E00 <= code <= 0x9FFF:  # punctuation, full-width letters, hanzi beyond the basic block
        return _LESS_FREQUENT if 0x3000 <= code <= 0x303F or 0xFF01 <= code <= 0xFF5E else _RARE
    try:
        lead = character.encode(_HANZI_CODECS[encoding])[0]
    except UnicodeEncodeError:
        return _RARE
    low, high = _FIRST_LEVEL[encoding]
    return _FREQUENT if low <= lead <= high else _LESS_FREQUENT
