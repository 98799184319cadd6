"""Sound: WAV files, 16 bits in stereo, of a modelled guqin or guzheng in a small room.

A performance sounds as it is played, on its own strings; a score as it is written. The same music gives the same
bytes with the same numpy on the same kind of processor: elsewhere a sample may be rounded the other way.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from symgen.errors import UsageError, WriteError
from symgen.instruments.fingering import DEFAULT_QPM
from symgen.performance import Performance
from symgen.score import Score, Technique
from symgen.sound.model import SoundModel, SoundNote
from symgen.units import ticks_to_seconds

NAME = "wav"
SUFFIXES = (".wav",)

SAMPLE_RATE = 44_100
CHANNELS = 2
MOST_SECONDS = 1500.0
"""25 minutes are 265 MB, and what a record of origin is still looked for in."""

_BYTES = 2
_PEAK = 0.8
_HEADER = 12


def encode(music: Score | Performance) -> bytes:
    """Return a WAV file.

    Raises
    ------
    WriteError
        If there is nothing to hear, or more than ``MOST_SECONDS`` of it.
    """
    from symgen.sound.render import render
    from symgen.sound.room import Room

    notes, model = _notes(music), _model(music)
    if not notes:
        raise WriteError("the music holds no notes", expected="something to hear")
    seconds = max(note.onset + note.duration for note in notes)
    if seconds > MOST_SECONDS:
        raise WriteError(f"{seconds:.0f} s of sound", expected=f"at most {MOST_SECONDS:.0f} s", remedy="write a part")
    room = Room(t60=0.8, wet_db=-16.0)
    try:
        sound = render(notes, model, sample_rate=SAMPLE_RATE, channels=CHANNELS, room=room, peak=_PEAK)
    except UsageError as error:
        raise WriteError(error.found, expected=error.expected, remedy=error.remedy) from error
    samples = np.round(sound * 32767.0).astype("<i2").tobytes()
    kind = struct.pack(
        "<HHIIHH", 1, CHANNELS, SAMPLE_RATE, SAMPLE_RATE * CHANNELS * _BYTES, CHANNELS * _BYTES, 8 * _BYTES
    )
    return _riff(_chunk(b"fmt ", kind) + _chunk(b"data", samples))


def stamped(data: bytes, texts: Sequence[str]) -> bytes:
    """Return a file of this writer with texts as comments (ICMT) in front of the sound."""
    comments = b"".join(_chunk(b"ICMT", text.encode("ascii") + b"\0") for text in texts)
    return _riff(_chunk(b"LIST", b"INFO" + comments) + data[_HEADER:])


def _riff(chunks: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _model(music: Score | Performance) -> SoundModel:
    """Return the instrument that is heard: that of the performance with its strings, or the one that a track names."""
    from symgen.sound.presets import preset

    if isinstance(music, Performance):
        model = preset(_kind(music.instrument))
        return replace(model, open_pitches=music.open_pitches) if music.open_pitches else model
    tracks = " ".join(text.text for text in music.texts if text.kind == "track")
    return preset(_kind(tracks))


def _kind(name: str) -> str:
    return "guqin" if "guqin" in name.casefold() else "guzheng"


def _notes(music: Score | Performance) -> list[SoundNote]:
    from symgen.sound.pieces import from_performance

    if isinstance(music, Performance):
        return from_performance(music)
    tempi = [(tempo.tick, tempo.qpm) for tempo in music.tempi] or [(0, DEFAULT_QPM)]
    onsets = music.notes["onset"]
    times = [ticks_to_seconds(ticks.tolist(), tempi, music.ticks_per_quarter).tolist()
             for ticks in (onsets, onsets + music.notes["duration"])]  # fmt: skip
    columns = (music.notes[name].tolist() for name in ("pitch", "velocity", "technique"))
    return [
        SoundNote(begin, max(1e-3, end - begin), float(pitch), float(velocity), technique=Technique(mark))
        for begin, end, pitch, velocity, mark in zip(*times, *columns, strict=True)
    ]
