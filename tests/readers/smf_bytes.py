"""Bytes of Standard MIDI files, built in sight."""

from __future__ import annotations

import struct

END = b"\x00\xff\x2f\x00"


def variable_length(value: int) -> bytes:
    """Return the MIDI variable-length form of `value`."""
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(0x80 | value & 0x7F)
    return bytes(reversed(groups))


def meta(kind: int, content: bytes, delta: int = 0) -> bytes:
    """Return a meta event after `delta` ticks."""
    return variable_length(delta) + bytes([0xFF, kind]) + variable_length(len(content)) + content


def note(pitch: int, ticks: int, *, velocity: int = 80, channel: int = 0, delta: int = 0) -> bytes:
    """Return a note-on after `delta` ticks and its note-off `ticks` later."""
    on = variable_length(delta) + bytes([0x90 | channel, pitch, velocity])
    return on + variable_length(ticks) + bytes([0x80 | channel, pitch, 0])


def chunk(body: bytes, *, claimed: int | None = None) -> bytes:
    """Return a track chunk; `claimed` is the length its header gives, if not the true one."""
    return b"MTrk" + struct.pack(">I", len(body) if claimed is None else claimed) + body


def smf(*bodies: bytes, division: int = 480, file_format: int = 1, count: int | None = None) -> bytes:
    """Return a MIDI file of track bodies (each without its end-of-track event)."""
    header = struct.pack(">IHHH", 6, file_format, len(bodies) if count is None else count, division)
    return b"MThd" + header + b"".join(chunk(body + END) for body in bodies)
