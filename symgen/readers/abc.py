"""ABC notation, single tunes and tune books, as Scores.

Parsed here rather than by way of MIDI, because a tune book holds many tunes, keys have modes, grace notes and
techniques want to stay what they are, and what is lost wants to be counted.
"""

from __future__ import annotations

import re

from symgen.errors import ReadError, ScoreError
from symgen.piece import Reading
from symgen.readers._abc_music import TuneParser
from symgen.readers._abc_play import to_score
from symgen.readers._abc_tunes import FIELD, Tune, is_music, split_tunes
from symgen.readers._text import decode_text, peek, title_or_stem

NAME = "abc"
SUFFIXES = (".abc",)

MAX_TUNES = 50_000
MAX_NOTES = 2_000_000
"""No file holds more tunes and notes; the caps bound memory and time on hostile files."""

MAX_BYTES = 16 * 2**20
"""The largest collections in circulation have a few MiB; text costs more time a byte than the other formats."""

_FIELD_LINE = re.compile(r"^([XKLMQT]):", re.MULTILINE)
_TUNE_NUMBER = re.compile(r"^X:[ \t]*\d", re.MULTILINE)
_NOTE = re.compile(r"[A-Ga-gz]")
_OTHER_FORMATS = ("<", "!!!", "**", "{")
_SEARCHED_LINES = 1_000


def sniff(data: bytes, suffix: str) -> bool:
    """Return whether `data` has the fields and bar lines of ABC.

    With the suffix of ABC one field will do; else music must follow a key.
    """
    text = peek(data).lstrip()
    if not text or text.startswith(_OTHER_FORMATS):
        return False
    if text.startswith("%abc"):
        return True
    fields = set(_FIELD_LINE.findall(text))
    has_number = _TUNE_NUMBER.search(text) is not None
    if suffix in SUFFIXES:
        return bool(fields) and (has_number or _has_notes_before_a_bar_line(text))
    return "K" in fields and (has_number or len(fields) > 1) and _has_music_behind_a_key(text)


def _has_notes_before_a_bar_line(text: str) -> bool:
    lines = (line for line in text.splitlines() if not line.startswith("%"))
    return any(_NOTE.search(line.rpartition("|")[0]) for line in lines)


def _has_music_behind_a_key(text: str) -> bool:
    """Return whether a line of music stands behind a key field, and no more lines are prose than fields and music."""
    found = has_key = False
    balance = 0
    for line in [line for line in text.splitlines() if line.strip()][:_SEARCHED_LINES]:
        is_field = FIELD.match(line) is not None
        good = is_field or line.startswith("%") or is_music(line)
        balance += 1 if good else -1
        has_key = has_key or line.startswith("K:")
        found = found or (good and has_key and not is_field and _NOTE.search(line) is not None)
    return found and balance >= 0


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
        If no tune holds a note, or the file is beyond the caps of this module. Tunes without notes, and
        tunes that are refused beside others that can be read, are counted at the first of these.
    """
    if len(data) > MAX_BYTES:
        limit = f"at most {MAX_BYTES:,} (MAX_BYTES)"
        raise ReadError(f"{name} has {len(data):,} bytes of text", expected=limit, code="too-large")
    tunes = split_tunes(decode_text(data)[0].removeprefix("\ufeff"))
    if len(tunes) > MAX_TUNES:
        limit = f"at most {MAX_TUNES:,} in a file (MAX_TUNES)"
        raise ReadError(f"{name} holds {len(tunes):,} tunes", expected=limit, code="cap-pieces")
    readings: list[Reading] = []
    refused: list[ReadError] = []
    notes = 0
    for tune in tunes:
        try:
            reading = _reading(tune, name)
        except ReadError as error:
            refused.append(error)
            continue
        if reading is not None:
            readings.append(reading)
            notes += len(reading.score)
        if notes > MAX_NOTES:
            found = f"{name} holds more than {MAX_NOTES:,} notes (MAX_NOTES)"
            raise ReadError(found, expected="a smaller book of tunes", code="cap-notes")
    if not readings:
        found = f"{name} holds no notes in {len(tunes)} ABC tune(s)"
        none = ReadError(found, expected="music behind the header", code="no-music")
        raise refused[0] if refused else none
    if empty := len(tunes) - len(readings) - len(refused):
        readings[0].lost["tune-without-notes"] += empty
    if refused:
        readings[0].mended["broken-tune"] += len(refused)
    return readings


def _reading(tune: Tune, name: str) -> Reading | None:
    music = TuneParser(tune, name).parse()
    try:
        score = to_score(music, title_or_stem(music.title, name), name, tune.lost, tune.mended)
    except ScoreError as error:
        found = f"{name} holds no valid score: {error.found}"
        raise ReadError(found, expected=error.expected, code="bad-score") from error
    return Reading(score, +tune.lost, +tune.mended) if len(score) else None
