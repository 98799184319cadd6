"""Standard MIDI files: bytes in, events out, whatever the bytes.

A pure walk over the chunks that salvages what a damaged file still says and counts each repair. It is
written here because the text of a MIDI file has no declared encoding (only the raw bytes can survive)
and because a library that drops unfinished notes or refuses a cut-off track cannot report it.

The walk over a track and the pairing of its notes are kernels (:mod:`symgen.native`): for a single file
Python reads them, for a batch of files (:mod:`symgen.readers._smf_batch`) they are compiled.
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from symgen.errors import ReadError
from symgen.native import Columns, kernel
from symgen.readers._smf_codes import (
    AFTERTOUCH,
    BAD_DATA,
    CODES,
    CONTROLLER,
    LOST,
    MENDED,
    NO_END,
    PITCH_BEND,
    PROGRAM,
    STRAY_BYTE,
    SYSEX,
    TRUNCATED,
    named_counts,
)
from symgen.readers._smf_notes import KEYS, pair_notes

MAX_EVENTS: Final = 2_000_000
MAX_TRACKS: Final = 65_535
"""No piece has more events or tracks in its file; the caps bound memory and time on hostile files."""

HEADER_BYTES: Final = 14
HEADER_TAG: Final = int.from_bytes(b"MThd", "big")
TRACK_TAG: Final = int.from_bytes(b"MTrk", "big")
META_END_OF_TRACK: Final = 0x2F
_FEW_TRACKS = 4096


@dataclass(frozen=True, slots=True)
class Track:
    """What one track chunk holds.

    Parameters
    ----------
    notes : ndarray of int64, shape (n, 4)
        Onset, duration, velocity, and channel * 128 + pitch of each pitched note, in order of their strikes.
    metas : list of (int, int, bytes)
        Tick, type and raw content of each meta event.
    lost : Counter
        Channel and system events with no place in a Score.
    end : int
        Tick of the end of the track.
    """

    notes: NDArray[np.int64]
    metas: list[tuple[int, int, bytes]]
    lost: Counter[str]
    end: int


@dataclass(frozen=True, slots=True)
class MidiFile:
    """A Standard MIDI file taken apart.

    Parameters
    ----------
    format : int
        0 (one track), 1 (tracks together) or 2 (tracks one after another).
    division : int
        The header's time division, 16 bits unsigned, uninterpreted.
    tracks : list of Track
    mended : Counter
        What was repaired on the way.
    """

    format: int
    division: int
    tracks: list[Track]
    mended: Counter[str]


def parse(data: bytes, name: str) -> MidiFile:
    """Take a Standard MIDI file apart.

    Raises
    ------
    ReadError
        If there is no header or no track, or more than ``MAX_EVENTS`` events or ``MAX_TRACKS`` tracks.
    """
    mended: Counter[str] = Counter()
    start = data.find(b"MThd")
    if start < 0 or len(data) < start + HEADER_BYTES:
        raise ReadError(f"{name} holds no complete MIDI header", expected="MThd and 10 more bytes", code="midi-header")
    length, file_format, track_count, division = struct.unpack_from(">IHHH", data, start + 4)
    if start and not data.startswith(b"RIFF"):
        mended["leading-bytes"] += 1
    first = start + 8 + length
    if length < 6 or data[first : first + 4] != b"MTrk":
        mended["header-length"] += length != 6
        first = data.find(b"MTrk", start + 8)
    tracks = _tracks(data, first, mended, name) if first >= 0 else []
    if not tracks:
        raise ReadError(f"{name} holds no MIDI track", expected="at least one MTrk chunk", code="midi-no-track")
    mended["track-count"] += len(tracks) != track_count
    mended["midi-format"] += file_format > 2
    return MidiFile(file_format, division, tracks, +mended)


def _tracks(data: bytes, position: int, mended: Counter[str], name: str) -> list[Track]:
    """Read chunk after chunk from `position`; find the next track again where a chunk's length lies."""
    tracks: list[Track] = []
    events_left = MAX_EVENTS
    room = _Room.of(len(data) - position)
    while 0 <= position <= len(data) - 8:
        kind = data[position : position + 4]
        (length,) = struct.unpack_from(">I", data, position + 4)
        body = position + 8
        if kind != b"MTrk":
            alien = kind.isalnum() and body + length <= len(data)  # the standard says: pass over unknown chunks
            following = body + length if alien else data.find(b"MTrk", position + 1)
            mended["trailing-bytes"] += following < 0 and not data.startswith(b"RIFF")
            position = following
            continue
        stop = _chunk_end(data, body, length, mended)
        track, position, events_left = _read_track(data, body, stop, events_left, room, mended)
        tracks.append(track)
        if events_left <= 0 or len(tracks) > MAX_TRACKS:
            found = f"{MAX_EVENTS:,} MIDI events" if events_left <= 0 else f"{MAX_TRACKS:,} tracks"
            code = "cap-events" if events_left <= 0 else "cap-tracks"
            raise ReadError(f"{name} holds more than {found}", expected="a piece of music", code=code)
        if position < stop:
            # The end-of-track event came early: either the length lies or there is refuse behind it.
            hidden = data.find(b"MTrk", position, stop)
            mended["data-after-end-of-track" if hidden < 0 else "chunk-length"] += 1
            position = stop if hidden < 0 else hidden
    return tracks


def _chunk_end(data: bytes, body: int, length: int, mended: Counter[str]) -> int:
    """Return where a track chunk really ends."""
    stop = body + length
    if stop > len(data):
        mended["truncated-track"] += 1
        return len(data)
    if stop < len(data) and data[stop - 3 : stop] != b"\xff\x2f\x00" and data[stop : stop + 4] != b"MTrk":
        following = data.find(b"MTrk", stop)
        if not data[stop : stop + 4].isalnum():
            mended["chunk-length"] += 1
            return following if following >= 0 else len(data)
    return stop


@dataclass(frozen=True, slots=True)
class _Room:
    """Columns for the events of a track, used again for each: a track can claim to be as long as the file."""

    strikes: tuple[list[int], list[int], list[int]]
    metas: tuple[list[int], list[int], list[int], list[int]]

    @classmethod
    def of(cls, size: int) -> _Room:
        """Return room for `size` bytes: a strike takes three of them, a meta event four."""
        strikes, metas = min(size // 3 + 1, MAX_EVENTS), min(size // 4 + 1, MAX_EVENTS)
        one, two, three = ([0] * strikes for _ in range(3))
        first, second, third, fourth = ([0] * metas for _ in range(4))
        return cls((one, two, three), (first, second, third, fourth))


def _read_track(
    data: bytes, body: int, stop: int, events_left: int, room: _Room, mended: Counter[str]
) -> tuple[Track, int, int]:
    """Return a track, the position behind its last event, and how many events may still come."""
    ticks, struck_keys, forces = room.strikes
    meta_ticks, kinds, starts, sizes = room.metas
    counts = [0] * len(CODES)
    position, end, events_left, struck, told = walk_track(
        data, body, stop, events_left, ticks, struck_keys, forces, 0, meta_ticks, kinds, starts, sizes, 0, counts
    )
    if stop == len(data):  # the chunk's length has told it already
        counts[TRUNCATED] = 0
    onsets, durations, velocities, keys, following = ([0] * struck for _ in range(5))
    head, tail, ons, offs = [-1] * KEYS, [0] * KEYS, [0] * KEYS, [0] * KEYS
    count = pair_notes(
        ticks, struck_keys, forces, 0, struck, end, onsets, durations, velocities, keys, following, 0,
        head, tail, ons, offs, counts,
    )  # fmt: skip
    mended.update(named_counts(counts, MENDED))
    track = Track(
        notes=np.array([onsets, durations, velocities, keys], dtype=np.int64).T[:count],
        metas=[
            (meta_ticks[meta], kinds[meta], data[starts[meta] : starts[meta] + sizes[meta]]) for meta in range(told)
        ],
        lost=Counter(named_counts(counts, LOST)),
        end=end,
    )
    return track, position, events_left


@kernel
def walk_track(
    data: Any,
    position: int,
    stop: int,
    events_left: int,
    strike_tick: Columns,
    strike_key: Columns,
    strike_velocity: Columns,
    struck: int,
    meta_tick: Columns,
    meta_kind: Columns,
    meta_start: Columns,
    meta_length: Columns,
    told: int,
    counts: Columns,
) -> tuple[int, int, int, int, int]:
    """Walk over the events of a track, filling columns from `struck` and `told` on.

    A strike is a note-on or, with velocity 0, a note-off; its key is channel * 128 + pitch.

    Returns
    -------
    position, end, events_left, struck, told : int
        Position behind the last event, tick of the end, events that may still come, and filled rows.
    """
    tick = 0
    status = 0
    ended = False
    cut = False
    while position < stop and not ended and not cut:
        events_left -= 1
        if events_left <= 0:
            return position, tick, events_left, struck, told
        delta = 0
        for _ in range(4):
            if position >= stop:
                cut = True
                break
            byte = int(data[position])
            position += 1
            delta = delta << 7 | byte & 0x7F
            if byte < 0x80:
                break
        if cut:
            break
        tick += delta
        if position >= stop:
            cut = True
            break
        byte = int(data[position])
        if byte >= 0xF0:  # meta, system exclusive, or a system event that has no place in a file
            position += 1
            if byte != 0xFF and byte != 0xF0 and byte != 0xF7:
                counts[STRAY_BYTE] += 1
                if byte == 0xF1 or byte == 0xF3:
                    position += 1
                elif byte == 0xF2:
                    position += 2
                if byte < 0xF7:
                    status = 0
                continue
            kind = -1
            if byte == 0xFF:
                if position >= stop:
                    cut = True
                    break
                kind = int(data[position])
                position += 1
            else:
                status = 0  # system exclusive ends running status
            length = 0
            for _ in range(4):
                if position >= stop:
                    cut = True
                    break
                byte = int(data[position])
                position += 1
                length = length << 7 | byte & 0x7F
                if byte < 0x80:
                    break
            if kind == META_END_OF_TRACK:
                position = min(position + length, stop)
                ended = True
                cut = False
            elif cut or position + length > stop:
                cut = True
            elif kind >= 0:
                meta_tick[told], meta_kind[told] = tick, kind
                meta_start[told], meta_length[told] = position, length
                told += 1
                position += length
            else:
                counts[SYSEX] += 1
                position += length
            continue
        if byte >= 0x80:
            status = byte
            position += 1
        elif status == 0:
            counts[STRAY_BYTE] += 1
            position += 1
            continue
        kind = status & 0xF0
        size = 1 if kind == 0xC0 or kind == 0xD0 else 2
        if position + size > stop:
            cut = True
            break
        first = int(data[position])
        second = int(data[position + 1]) if size == 2 else 0
        position += size
        if first >= 0x80 or second >= 0x80:
            counts[BAD_DATA] += 1
        elif kind <= 0x90:
            strike_tick[struck] = tick
            strike_key[struck] = (status & 0x0F) << 7 | first
            strike_velocity[struck] = second if kind == 0x90 else 0
            struck += 1
        elif kind == 0xB0:
            counts[CONTROLLER] += 1
        elif kind == 0xC0:
            counts[PROGRAM] += 1
        elif kind == 0xE0:
            counts[PITCH_BEND] += 1
        else:
            counts[AFTERTOUCH] += 1
    if cut:
        counts[TRUNCATED] += 1
        position = stop
    if not ended:
        counts[NO_END] += 1
        position = stop
    return position, tick, events_left, struck, told


@kernel
def walk_files(
    data: Any,
    begins: Any,
    sound: Any,
    formats: Any,
    divisions: Any,
    declared: Any,
    first_track: Any,
    first_strike: Any,
    first_meta: Any,
    track_end: Any,
    strike_tick: Columns,
    strike_key: Columns,
    strike_velocity: Columns,
    meta_tick: Columns,
    meta_kind: Columns,
    meta_start: Columns,
    meta_length: Columns,
    counts: Any,
) -> None:
    """Walk over the tracks of a batch of files, as long as their chunks follow one another as they should.

    Parameters
    ----------
    data : ndarray of uint8
        The files' bytes, one after the other.
    begins : ndarray of int64, shape (files + 1,)
        Where each file begins.
    sound : ndarray of bool, shape (files,)
        Filled: False for a file whose chunks need :func:`parse`, or that is of format 2 or counts in seconds.
    formats, divisions, declared : ndarray of int64, shape (files,)
        Filled from the headers; `declared` is the number of tracks.
    first_track : ndarray of int64, shape (files + 1,)
        Filled: where each file's tracks begin.
    first_strike, first_meta, track_end : ndarray of int64, at least as many rows as there can be tracks, and one
        Filled: where each track's strikes and meta events begin; the tick of its end.
    strike_tick, ..., meta_length : ndarray of int64
        Filled as :func:`walk_track` does.
    counts : ndarray of int64, shape (files, len(CODES))
        Continued.
    """
    tracks, struck, told = 0, 0, 0
    for file in range(len(begins) - 1):
        position, stop = begins[file], begins[file + 1]
        first_track[file] = tracks
        if stop - position < HEADER_BYTES + 8 or word(data, position) != HEADER_TAG or word(data, position + 4) != 6:
            continue
        formats[file] = word(data, position + 6) & 0xFFFF  # the header's fields have two bytes
        declared[file] = word(data, position + 8) & 0xFFFF
        divisions[file] = word(data, position + 10) & 0xFFFF
        good = formats[file] < 2 and 0 < divisions[file] < 0x8000
        position += HEADER_BYTES
        events_left = MAX_EVENTS
        before = (tracks, struck, told)
        while good and position <= stop - 8:
            length = word(data, position + 4)
            good = word(data, position) == TRACK_TAG and position + 8 + length <= stop
            if not good:
                break
            position += 8
            end = position + length
            first_strike[tracks], first_meta[tracks] = struck, told
            position, track_end[tracks], events_left, struck, told = walk_track(
                data, position, end, events_left, strike_tick, strike_key, strike_velocity, struck,
                meta_tick, meta_kind, meta_start, meta_length, told, counts[file],
            )  # fmt: skip
            tracks += 1
            good = position == end and events_left > 0 and tracks - before[0] <= _FEW_TRACKS
            good = good and counts[file, NO_END] == 0
        if not good or position != stop or tracks == before[0]:
            tracks, struck, told = before
            counts[file] = 0
            continue
        sound[file] = True
    first_track[len(begins) - 1] = tracks
    first_strike[tracks], first_meta[tracks] = struck, told


@kernel
def word(data: Any, position: int) -> int:
    """Return four bytes as a whole number, the first one leading."""
    value = 0
    for place in range(4):
        value = value << 8 | int(data[position + place])
    return value
