"""Standard MIDI files (formats 0, 1 and 2, also inside RIFF) as Scores.

The reader reports what the file says: tempi, metres and keys stay as declared, and stay empty where nothing
is declared. A voice is a track (in format 0, a channel). What a Score has no place for is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from math import lcm

import numpy as np

from symgen.errors import ReadError
from symgen.piece import Reading
from symgen.readers import _smf
from symgen.readers._text import clean_name, decode_texts, title_or_stem
from symgen.score import Key, Metre, NoteArray, Score, Section, Tempo, Text, make_notes
from symgen.stamp import is_stamp, joined
from symgen.units import microseconds_to_qpm, qpm_to_microseconds

NAME = "midi"
SUFFIXES = (".mid", ".midi", ".smf", ".kar", ".rmi")

MAX_QUARTERS = 2**17
"""Longest piece read, in quarter notes: 36 hours at 60 qpm. Beyond it a delta time is damaged."""

DEFAULT_QPM = 120.0
"""Tempo that the standard gives to a file, or the beginning of one, that names none."""

_MAX_LEADING_BYTES = 512
_DEFAULT_METRE = (4, 4)
_TEMPO_RANGE_QPM = (1.0, 2000.0)
_MAX_TIME_BASE = 65535

_TEXT_KINDS = {0x01: "text", 0x02: "copyright", 0x05: "lyric", 0x07: "text"}
_META_NAME, _META_MARKER, META_TEMPO, META_METRE, _META_KEY = 0x03, 0x06, 0x51, 0x58, 0x59
TEXT_METAS = {*_TEXT_KINDS, _META_NAME, _META_MARKER}
_LOST_METAS = {
    0x00: "sequence-number",
    0x04: "instrument-name",
    0x08: "program-name",
    0x09: "device-name",
    0x20: "channel-prefix",
    0x21: "port",
    0x54: "smpte-offset",
    0x7F: "sequencer-specific",
}


def sniff(data: bytes, suffix: str) -> bool:
    """Return whether `data` begins like a MIDI file; with a MIDI suffix a few foreign bytes may stand before it."""
    if data.startswith(b"MThd") or (data.startswith(b"RIFF") and data[8:12] == b"RMID"):
        return True
    return suffix in SUFFIXES and b"MThd" in data[:_MAX_LEADING_BYTES]


def read(data: bytes, name: str) -> list[Reading]:
    """Read a MIDI file: one piece, or in format 2 one a track.

    Parameters
    ----------
    data : bytes
        Content of the file.
    name : str
        File name for errors, and for the title where the file has none.

    Raises
    ------
    ReadError
        If there is no header, no track or no note, or the time division or a time is out of range.
    """
    file = _smf.parse(data, name)
    groups = [[track] for track in file.tracks] if file.format == 2 else [file.tracks]
    readings = []
    for tracks in groups:
        lost: Counter[str] = Counter()
        mended = Counter(file.mended)
        for track in tracks:
            lost.update(track.lost)
        assembly = _Assembly(file, tracks, name, lost, mended)
        if assembly.has_notes or len(groups) == 1:
            readings.append(Reading(assembly.score(), +lost, +mended))
    if not readings:
        raise ReadError(f"{name} holds no notes", expected="at least one pitched note", code="no-music")
    return readings


def record_in(data: bytes, name: str) -> str | None:
    """Return the record of origin that the texts of a MIDI file carry, None if they carry none; see symgen.stamp.

    Raises
    ------
    ReadError
        If that is no MIDI file, or the record is damaged.
    """
    metas = [meta for track in _smf.parse(data, name).tracks for meta in track.metas]
    return joined(raw.decode("latin-1") for _, kind, raw in metas if kind in _TEXT_KINDS)


class _Assembly:
    """The tracks of one piece on their way to a Score."""

    def __init__(
        self,
        file: _smf.MidiFile,
        tracks: list[_smf.Track],
        name: str,
        lost: Counter[str],
        mended: Counter[str],
    ) -> None:
        self.tracks, self.name, self.lost, self.mended = tracks, name, lost, mended
        self.voice_is_channel = file.format != 1 and len(tracks) == 1
        self.ticks_per_quarter, self.fixed_tempo = _time_base(file.division, name)
        self.longest = MAX_QUARTERS * self.ticks_per_quarter
        self.notes = self._notes()

    @property
    def has_notes(self) -> bool:
        return len(self.notes) > 0

    def score(self) -> Score:
        """Return the Score of the tracks."""
        if not self.has_notes:
            percussion = f" but {self.lost['percussion']} on the percussion channel" if self.lost["percussion"] else ""
            damage = f"; it is damaged: {', '.join(sorted(+self.mended))}" if +self.mended else ""
            raise ReadError(
                f"{self.name} holds no notes{percussion}{damage}", expected="at least one pitched note", code="no-music"
            )
        metas = self._metas()
        title, sections, texts = self._words(metas)
        metres = self._metres(metas)
        factor = self._finer(metres)
        score = Score(
            notes=self.notes,
            ticks_per_quarter=self.ticks_per_quarter,
            tempi=self._tempi(metas),
            metres=metres if factor == 1 else (),
            keys=self._keys(metas),
            sections=sections,
            texts=texts,
            title=title,
            end=self._end(),
        )
        if factor <= 1:
            return score
        finer = tuple(replace(metre, tick=metre.tick * factor) for metre in metres)
        return replace(score.resampled(self.ticks_per_quarter * factor), metres=finer)

    def _notes(self) -> NoteArray:
        """Return the notes of all tracks, the voices numbered without gaps."""
        rows = np.concatenate([track.notes for track in self.tracks])
        if not len(rows):
            return make_notes()
        onsets, durations, velocities, keys = rows.T
        last = int((onsets + durations).max())
        if last > self.longest:
            raise ReadError(
                f"{self.name} lasts {last // self.ticks_per_quarter:,} quarter notes",
                expected=f"at most {MAX_QUARTERS:,}",
                code="too-long",
            )
        tracks = np.repeat(np.arange(len(self.tracks)), [len(track.notes) for track in self.tracks])
        voices = np.unique(keys >> 7 if self.voice_is_channel else tracks, return_inverse=True)[1]
        return make_notes(onset=onsets, duration=durations, pitch=keys & 127, velocity=velocities, voice=voices)

    def _metas(self) -> list[tuple[int, int, int, bytes]]:
        """Return (tick, track, type, content) of the meta events within the longest piece, in order of time."""
        found = [(tick, i, kind, raw) for i, track in enumerate(self.tracks) for tick, kind, raw in track.metas]
        self.mended["event-after-end"] += sum(1 for event in found if event[0] > self.longest)
        found = [event for event in found if event[0] <= self.longest]
        self.lost.update(code for _, _, kind, _ in found if (code := lost_meta(kind)) is not None)
        return sorted(found, key=lambda event: event[0])

    def _words(self, metas: list[tuple[int, int, int, bytes]]) -> tuple[str, tuple[Section, ...], tuple[Text, ...]]:
        """Return title, sections and texts; the first track's name is the title."""
        title = ""
        sections, texts = [], []
        for tick, track, kind, text in _decoded(metas):
            if is_stamp(text):  # says how the file was made and is none of the music
                continue
            if kind == _META_NAME and track == 0 and not title:
                title = clean_name(text)
            elif kind == _META_NAME:
                texts.append(Text(tick, clean_name(text), "track"))
            elif kind == _META_MARKER:
                sections.append(Section(tick, clean_name(text)))
            else:
                texts.append(Text(tick, text, _TEXT_KINDS[kind]))
        return title_or_stem(title, self.name), tuple(sections), tuple(texts)

    def _tempi(self, metas: list[tuple[int, int, int, bytes]]) -> tuple[Tempo, ...]:
        raws = [(tick, raw) for tick, _, kind, raw in metas if kind == META_TEMPO]
        if self.fixed_tempo:
            self.mended["smpte-time"] += 1
            self.lost["tempo"] += len(raws)
            return (Tempo(0, self.fixed_tempo),)
        values: dict[int, float] = {}
        for tick, raw in raws:
            microseconds = int.from_bytes(raw, "big")
            if len(raw) != 3 or not microseconds:
                self.mended["bad-tempo"] += 1
                continue
            low, high = _TEMPO_RANGE_QPM
            qpm = shortest_qpm(microseconds)
            self.mended["bad-tempo"] += not low <= qpm <= high
            values[tick] = min(high, max(low, qpm))
        if values and 0 not in values:
            self.mended["assumed-tempo"] += 1
            values[0] = DEFAULT_QPM
        return tuple(Tempo(tick, values[tick]) for tick in sorted(values))

    def _metres(self, metas: list[tuple[int, int, int, bytes]]) -> tuple[Metre, ...]:
        raws = [(tick, raw) for tick, _, kind, raw in metas if kind == META_METRE]
        if self.fixed_tempo:
            self.lost["metre"] += len(raws)
            return ()
        values: dict[int, tuple[int, int]] = {}
        for tick, raw in raws:
            if len(raw) < 2 or not raw[0] or raw[1] > 6:
                self.mended["bad-metre"] += 1
                continue
            values[tick] = (raw[0], 2 ** raw[1])
        if values and 0 not in values:
            self.mended["assumed-metre"] += 1
            values[0] = _DEFAULT_METRE
        return tuple(Metre(tick, *values[tick]) for tick in sorted(values))

    def _keys(self, metas: list[tuple[int, int, int, bytes]]) -> tuple[Key, ...]:
        values: dict[int, Key] = {}
        for tick, _, kind, raw in metas:
            if kind != _META_KEY:
                continue
            fifths = int.from_bytes(raw[:1], "big", signed=True)
            if len(raw) < 2 or abs(fifths) > 7 or raw[1] > 1:
                self.mended["bad-key"] += 1
                continue
            # Minor keys name their relative major: the gong system is the same, its final is yu.
            values[tick] = Key(tick, fifths * 7 % 12, "yu" if raw[1] else None)
        return tuple(values[tick] for tick in sorted(values))

    def _end(self) -> int:
        """Return the last end of a track, unless a damaged delta time has thrown it out."""
        sounding = int((self.notes["onset"] + self.notes["duration"]).max())
        end = max(track.end for track in self.tracks)
        if end > self.longest:
            self.mended["event-after-end"] += 1
            return sounding
        return max(end, sounding)

    def _finer(self, metres: tuple[Metre, ...]) -> int:
        """Return by how much the time base must grow for each bar to be whole ticks; 0 if it cannot."""
        signatures = {(metre.numerator, metre.denominator) for metre in metres}
        bars = [Fraction(4 * self.ticks_per_quarter * numerator, denominator) for numerator, denominator in signatures]
        factor = lcm(*(bar.denominator for bar in bars))
        if self.ticks_per_quarter * factor > _MAX_TIME_BASE:
            self.mended["bad-metre"] += len(metres)
            return 0
        self.mended["finer-time-base"] += factor > 1
        return factor


def lost_meta(kind: int) -> str | None:
    """Return the reason code under which a meta event of a type is counted, None if it has a place in a Score."""
    if kind in TEXT_METAS or kind in (META_TEMPO, META_METRE, _META_KEY):
        return None
    return _LOST_METAS.get(kind, "unknown-meta")


def title_of(metas: Iterable[tuple[int, int, int, bytes]], name: str) -> str:
    """Return the title among meta events in order of time: the first track's name, or the stem of the file's name."""
    names = (clean_name(text) for _, track, kind, text in _decoded(metas) if kind == _META_NAME and track == 0)
    return title_or_stem(next((text for text in names if text), ""), name)


def _decoded(metas: Iterable[tuple[int, int, int, bytes]]) -> Iterator[tuple[int, int, int, str]]:
    """Yield (tick, track, type, text) of the texts among meta events; those of one file are decoded together."""
    events = [event for event in metas if event[2] in TEXT_METAS and event[3].strip(b"\x00 ")]
    for (tick, track, kind, _), text in zip(events, decode_texts(event[3] for event in events), strict=True):
        yield tick, track, kind, text.strip("\x00")


def _time_base(division: int, name: str) -> tuple[int, float]:
    """Return ticks per quarter note and, for SMPTE time, the tempo that makes a quarter note one second (else 0)."""
    if division & 0x8000:
        frames = 256 - (division >> 8)
        ticks = frames * (division & 0xFF)
        if frames not in (24, 25, 29, 30) or not ticks:
            raise ReadError(
                f"{name} counts {division & 0xFF} ticks in a frame at {frames} frames a second",
                expected="24, 25, 29 or 30 frames a second",
                code="bad-division",
            )
        # 29 stands for 29.97 drop-frame: 30 frames of 1.001/30 s.
        return (30 * (division & 0xFF), 60 / 1.001) if frames == 29 else (ticks, 60.0)
    if division == 0:
        raise ReadError(
            f"{name} has a time division of 0", expected="1 to 32767 ticks per quarter note", code="bad-division"
        )
    return division, 0.0


@lru_cache(maxsize=4096)
def shortest_qpm(microseconds: int) -> float:
    """Return the tempo with the fewest decimals that is written as `microseconds`: 789474 is 76 qpm, not 75.99995."""
    exact = microseconds_to_qpm(microseconds)
    for decimals in range(4):
        qpm = round(exact, decimals)
        if qpm > 0 and qpm_to_microseconds(qpm) == microseconds:
            return qpm
    return exact
