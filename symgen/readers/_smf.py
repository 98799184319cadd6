"""Standard MIDI files: bytes in, events out, whatever the bytes.

A pure walk over the chunks that salvages what a damaged file still says and counts each repair. It is
written here because the text of a MIDI file has no declared encoding (only the raw bytes can survive)
and because a library that drops unfinished notes or refuses a cut-off track cannot report it.
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass, field

from symgen.errors import ReadError

MAX_EVENTS = 2_000_000
MAX_TRACKS = 65_535
"""No piece has more events or tracks in its file; the caps bound memory and time on hostile files."""

_HEADER_BYTES = 14
_NOTE_OFF, _NOTE_ON, _META, _SYSEX, _ESCAPE = 0x80, 0x90, 0xFF, 0xF0, 0xF7
_DATA_BYTES = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}
_SYSTEM_DATA_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1}
META_END_OF_TRACK = 0x2F

_LOST_BY_STATUS = {
    0xA0: "aftertouch",
    0xB0: "controller",
    0xC0: "program",
    0xD0: "aftertouch",
    0xE0: "pitch-bend",
}


@dataclass(slots=True)
class Track:
    """What one track chunk holds.

    Parameters
    ----------
    strikes : dict of int to list of (int, int)
        Channel * 128 + pitch -> (tick, velocity) of each note-on in order; velocity 0 is a note-off.
    metas : list of (int, int, bytes)
        Tick, type and raw content of each meta event.
    lost : Counter
        Channel and system events with no place in a Score.
    end : int
        Tick of the end of the track.
    """

    strikes: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    metas: list[tuple[int, int, bytes]] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)
    end: int = 0


@dataclass(slots=True)
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
    if start < 0 or len(data) < start + _HEADER_BYTES:
        raise ReadError(f"{name} holds no complete MIDI header", expected="MThd and 10 more bytes")
    length, file_format, track_count, division = struct.unpack_from(">IHHH", data, start + 4)
    if start and not data.startswith(b"RIFF"):
        mended["leading-bytes"] += 1
    first = start + 8 + length
    if length < 6 or data[first : first + 4] != b"MTrk":
        mended["header-length"] += length != 6
        first = data.find(b"MTrk", start + 8)
    tracks = _tracks(data, first, mended, name) if first >= 0 else []
    if not tracks:
        raise ReadError(f"{name} holds no MIDI track", expected="at least one MTrk chunk")
    mended["track-count"] += len(tracks) != track_count
    return MidiFile(file_format, division, tracks, +mended)


def _tracks(data: bytes, position: int, mended: Counter[str], name: str) -> list[Track]:
    """Read chunk after chunk from `position`; find the next track again where a chunk's length lies."""
    tracks = []
    events_left = MAX_EVENTS
    while 0 <= position <= len(data) - 8:
        kind = data[position : position + 4]
        (length,) = struct.unpack_from(">I", data, position + 4)
        body = position + 8
        if kind != b"MTrk":
            alien = kind.isalnum() and body + length <= len(data)  # the standard says: pass over unknown chunks
            position = body + length if alien else data.find(b"MTrk", position + 1)
            continue
        stop = _chunk_end(data, body, length, mended)
        walk = _TrackWalk(data, body, stop, mended, events_left)
        track, position = walk.run()
        events_left = walk.events_left
        tracks.append(track)
        if events_left <= 0 or len(tracks) > MAX_TRACKS:
            found = f"{MAX_EVENTS:,} MIDI events" if events_left <= 0 else f"{MAX_TRACKS:,} tracks"
            raise ReadError(f"{name} holds more than {found}", expected="a piece of music")
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


class _TrackWalk:
    """One pass over the events of a track."""

    def __init__(self, data: bytes, start: int, stop: int, mended: Counter[str], events_left: int) -> None:
        self.data, self.position, self.stop = data, start, stop
        self.mended = mended
        self.events_left = events_left
        self.track = Track()

    def run(self) -> tuple[Track, int]:
        """Return the track and the position behind its last event."""
        try:
            ended = self._events()
        except IndexError:  # the bytes end inside an event
            ended = False
            self.position = self.stop
            self.mended["truncated-track"] += self.stop < len(self.data)  # else the chunk's length has told it
        if not ended:
            self.mended["missing-end-of-track"] += 1
        return self.track, self.position

    def _events(self) -> bool:
        """Walk to the end-of-track event; return False if it never comes."""
        data, stop, strikes = self.data, self.stop, self.track.strikes
        position, tick, status = self.position, 0, 0
        while position < stop:
            self.events_left -= 1
            if self.events_left <= 0:
                return True
            delta = data[position]
            position += 1
            if delta >= 0x80:
                delta, position = _variable_length(data, position - 1)
            tick += delta
            self.track.end = tick
            byte = data[position]
            if byte >= 0x80:
                position += 1
                if byte >= _SYSEX:
                    position, ended = self._system_event(data, position, byte, tick)
                    if ended:
                        self.position = position
                        return True
                    status = status if byte > _ESCAPE else 0  # system exclusive ends running status
                    continue
                status = byte
            elif not status:
                self.mended["stray-byte"] += 1
                position += 1
                continue
            kind = status & 0xF0
            first = data[position]
            second = data[position + 1] if kind not in (0xC0, 0xD0) else 0
            position += _DATA_BYTES[kind]
            if position > stop:
                raise IndexError
            if first >= 0x80 or second >= 0x80:
                self.mended["bad-data-byte"] += 1
            elif kind <= _NOTE_ON:
                key = (status & 0x0F) << 7 | first
                velocity = second if kind == _NOTE_ON else 0
                if key in strikes:
                    strikes[key].append((tick, velocity))
                else:
                    strikes[key] = [(tick, velocity)]
            else:
                self.track.lost[_LOST_BY_STATUS[kind]] += 1
        self.position = stop
        return False

    def _system_event(self, data: bytes, position: int, byte: int, tick: int) -> tuple[int, bool]:
        """Read a meta, system exclusive or misplaced system event; return the position and whether the track ends."""
        if byte == _META:
            kind = data[position]
            length, position = _variable_length(data, position + 1)
            if kind == META_END_OF_TRACK:
                return min(position + length, self.stop), True
            if position + length > self.stop:
                raise IndexError
            self.track.metas.append((tick, kind, data[position : position + length]))
            return position + length, False
        if byte in (_SYSEX, _ESCAPE):
            length, position = _variable_length(data, position)
            if position + length > self.stop:
                raise IndexError
            self.track.lost["sysex"] += 1
            return position + length, False
        self.mended["stray-byte"] += 1
        return position + _SYSTEM_DATA_BYTES.get(byte, 0), False


def _variable_length(data: bytes, position: int) -> tuple[int, int]:
    """Return a variable-length quantity of at most four bytes and the position behind it."""
    value = 0
    for _ in range(4):
        byte = data[position]
        position += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            break
    return value, position
