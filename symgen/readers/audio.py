"""Sound files, recognised and refused: notes come out of sound by transcription, which is not built yet.

That a file is sound is said plainly, so that a folder of scores and recordings has no unexplained failures.
"""

from __future__ import annotations

import re

from symgen.errors import ReadError
from symgen.piece import Reading

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
    """Refuse a sound file.

    Raises
    ------
    ReadError
        Always, with the code "needs-transcriber".
    """
    kind = _kind(data, "") or "audio"
    raise ReadError(
        f"{name} is a sound file ({kind})",
        expected="a score",
        remedy="transcribe it to notes first: this version has no transcriber",
        code="needs-transcriber",
    )


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
