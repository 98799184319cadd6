"""ABC notation, single tunes and tune books, as Scores.

Parsed here rather than by way of MIDI, because a tune book holds many tunes, keys have modes, grace notes and
techniques want to stay what they are, and what is lost wants to be counted.
"""

from __future__ import annotations

import re

from symgen.errors import ReadError
from symgen.piece import Reading
from symgen.readers._abc_music import TuneParser
from symgen.readers._abc_play import to_score
from symgen.readers._abc_tunes import Tune, split_tunes
from symgen.readers._text import decode_text, title_or_stem

NAME = "abc"
SUFFIXES = (".abc",)

_SNIFFED_BYTES = 65_536
_FIELD_LINE = re.compile(rb"(?:^|[\r\n])(?:\xef\xbb\xbf)?([XKLMQT]):")
_TUNE_NUMBER = re.compile(rb"(?:^|[\r\n])(?:\xef\xbb\xbf)?X:[ \t]*\d")
_BAR_LINE = re.compile(rb"[\r\n][^\r\n%]*[A-Ga-gz][^\r\n]*\|")


def sniff(data: bytes, suffix: str) -> bool:
    """Return whether `data` has the fields and bar lines of ABC; a tune number is not asked for."""
    head = data[:_SNIFFED_BYTES]
    if b"\x00" in head or head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<", b"!!!", b"**", b"{")):
        return False
    if head.startswith(b"%abc"):
        return True
    found = len(set(_FIELD_LINE.findall(head)))
    needed = 1 if suffix in SUFFIXES else 2
    return found >= needed and (_TUNE_NUMBER.search(head) is not None or _BAR_LINE.search(head) is not None)


def read(data: bytes, name: str) -> list[Reading]:
    """Read the tunes of an ABC file, one Reading a tune in order of the file.

    Parameters
    ----------
    data : bytes
        Content of the file, in any encoding that :mod:`symgen.readers._text` knows.
    name : str
        File name for errors, and for the title of a single tune that has none.

    Raises
    ------
    ReadError
        If no tune holds a note. Tunes without notes are counted at the first tune that has some.
    """
    tunes = split_tunes(decode_text(data)[0].removeprefix("\ufeff"))
    readings, empty = [], 0
    for tune in tunes:
        reading = _reading(tune, name)
        if reading is None:
            empty += 1
        else:
            readings.append(reading)
    if not readings:
        raise ReadError(f"{name} holds no notes in {len(tunes)} ABC tune(s)", expected="music behind the header")
    if empty:
        readings[0].lost["tune-without-notes"] += empty
    return readings


def _reading(tune: Tune, name: str) -> Reading | None:
    music = TuneParser(tune).parse()
    score = to_score(music, title_or_stem(music.title, name), name, tune.lost, tune.mended)
    return Reading(score, +tune.lost, +tune.mended) if len(score) else None
