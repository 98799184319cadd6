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

MAX_TUNES = 50_000
MAX_NOTES = 2_000_000
"""No file holds more tunes and notes; the caps bound memory and time on hostile files."""

MAX_BYTES = 16 * 2**20
"""The largest collections in circulation have a few MiB; text costs more time a byte than the other formats."""

_SNIFFED_BYTES = 65_536
_FIELD_LINE = re.compile(rb"(?:^|[\r\n])(?:\xef\xbb\xbf)?([XKLMQT]):")
_TUNE_NUMBER = re.compile(rb"(?:^|[\r\n])(?:\xef\xbb\xbf)?X:[ \t]*\d")
_NOTE_BEFORE_BAR_LINE = re.compile(rb"[A-Ga-gz]")


def sniff(data: bytes, suffix: str) -> bool:
    """Return whether `data` has the fields and bar lines of ABC; a tune number is not asked for."""
    head = data[:_SNIFFED_BYTES]
    if b"\x00" in head or head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<", b"!!!", b"**", b"{")):
        return False
    if head.startswith(b"%abc"):
        return True
    found = len(set(_FIELD_LINE.findall(head)))
    needed = 1 if suffix in SUFFIXES else 2
    return found >= needed and (_TUNE_NUMBER.search(head) is not None or _has_music(head))


def _has_music(head: bytes) -> bool:
    lines = (line for line in head.splitlines() if not line.startswith(b"%"))
    return any(_NOTE_BEFORE_BAR_LINE.search(line.rpartition(b"|")[0]) for line in lines)


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
        If no tune holds a note, or the file is beyond the caps of this module. Tunes without notes are
        counted at the first tune that has some.
    """
    if len(data) > MAX_BYTES:
        raise ReadError(f"{name} has {len(data):,} bytes of text", expected=f"at most {MAX_BYTES:,}")
    tunes = split_tunes(decode_text(data)[0].removeprefix("\ufeff"))
    if len(tunes) > MAX_TUNES:
        raise ReadError(f"{name} holds {len(tunes):,} tunes", expected=f"at most {MAX_TUNES:,} in a file")
    readings, empty, notes = [], 0, 0
    for tune in tunes:
        reading = _reading(tune, name)
        if reading is None:
            empty += 1
        else:
            readings.append(reading)
            notes += len(reading.score)
        if notes > MAX_NOTES:
            raise ReadError(f"{name} holds more than {MAX_NOTES:,} notes", expected="a smaller book of tunes")
    if not readings:
        raise ReadError(f"{name} holds no notes in {len(tunes)} ABC tune(s)", expected="music behind the header")
    if empty:
        readings[0].lost["tune-without-notes"] += empty
    return readings


def _reading(tune: Tune, name: str) -> Reading | None:
    music = TuneParser(tune, name).parse()
    score = to_score(music, title_or_stem(music.title, name), name, tune.lost, tune.mended)
    return Reading(score, +tune.lost, +tune.mended) if len(score) else None
