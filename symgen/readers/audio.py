"""Recordings: notes are heard in the sound by :mod:`symgen.transcribe`, which the extra ``audio`` provides for."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

from symgen.piece import Reading
from symgen.transcribe.audio import MAX_BYTES, open_audio
from symgen.transcribe.hearing import hear, no_notes

__all__ = ["MAX_BYTES", "NAME", "SUFFIXES", "read", "read_file", "sniff"]

NAME = "audio"
SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".aif", ".aiff")

_CONTAINERS = (
    ("WAVE", re.compile(rb"(?:RIFF|RIFX|RF64)....WAVE", re.DOTALL)),
    ("FLAC", re.compile(rb"fLaC")),
    ("Ogg", re.compile(rb"OggS\x00")),
    ("MPEG-4", re.compile(rb"....ftyp(?:M4A|M4B|M4P|F4A)", re.DOTALL)),
    ("AIFF", re.compile(rb"FORM....AIF[FC]", re.DOTALL)),
    ("MP3", re.compile(rb"ID3[\x02-\x04][\x00-\x0a]")),
)
"""Kind of sound and the bytes it begins with."""

_BITRATES = {  # kbit/s, by (MPEG 1?, layer); index 0 is free format, 15 is forbidden
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def sniff(data: bytes, suffix: str) -> bool:
    """Return whether `data` begins like a sound file; a bare stream of MPEG frames must show two in a row."""
    return _kind(data, suffix) is not None


def read(data: bytes, name: str) -> list[Reading]:
    """Return the notes of a recording as one piece.

    Its `flags` say what the transcriber doubts, `lost` and `mended` what the sound was like.

    Raises
    ------
    ReadError
        If it cannot be decoded, holds no sound or no notes, is longer than what is read, or needs a transcriber
        that is not installed.
    """
    return _transcribed(data, name)


def read_file(path: Path, name: str) -> list[Reading]:
    """Return the notes of a recording on disk, as :func:`read` does, without holding it."""
    return _transcribed(path, name)


def _transcribed(source: bytes | Path, name: str) -> list[Reading]:
    recording = open_audio(source, name)
    heard = hear(recording)
    if not len(heard.score):
        raise no_notes(name, heard.unpitched)
    score = heard.score if heard.score.title else replace(heard.score, title=Path(name).stem)
    lost = Counter({"moving-picture": 1} if recording.film else {})
    return [Reading(score, lost, Counter(recording.condition.mended), heard.flags)]


def _kind(data: bytes, suffix: str) -> str | None:
    for kind, magic in _CONTAINERS:
        if magic.match(data):
            return kind
    if data[4:8] == b"ftyp" and suffix in SUFFIXES:  # brands such as isom and mp42 hold video as often
        return "MPEG-4"
    for kind, length_of in (("MP3", _mpeg_frame), ("AAC", _adts_frame)):
        length = length_of(data[:8])
        if length and length_of(data[length : length + 8]):
            return kind
    return None


def _mpeg_frame(head: bytes) -> int:
    """Return the length in bytes of the MPEG audio frame (layer 2 or 3) that begins `head`, 0 if none does."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return 0
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    bitrate, rate, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version not in _RATES or layer not in (2, 3) or bitrate in (0, 15) or rate == 3:
        return 0
    kilobits = _BITRATES[version == 3, layer][bitrate]
    samples = 72 if layer == 3 and version != 3 else 144
    return samples * kilobits * 1000 // _RATES[version][rate] + padding


def _adts_frame(head: bytes) -> int:
    """Return the length in bytes of the ADTS frame of AAC that begins `head`, 0 if none does."""
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0 or head[2] >> 2 & 15 > 12:
        return 0
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return length if length >= 7 else 0
