"""The channel messages of one track, in ticks: what a MIDI file and a REAPER project both hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from symgen.writers._articulations import ArticulationMap
from symgen.writers._curves import Pace, wheel
from symgen.writers._layout import Part

SETUP, OFF, WHEEL, SWITCH, ON, END = range(6)
"""Order within a tick: a repeated note is never swallowed, and the wheel stands before a note begins."""

KEYSWITCH_SECONDS = 0.010
"""A keyswitch is struck so long before its note."""

KEYSWITCH_VELOCITY = 100

Event = tuple[int, int, Any]
"""Tick, order within the tick, mido message."""


def channel_events(part: Part, articulations: ArticulationMap, pace: Pace) -> list[Event]:
    """Return set-up, wheel, switches and notes of a track, in order of tick and of what comes first in it."""
    events = [(0, SETUP, message) for message in _setup(part)]
    events += _switches(part, articulations, pace)
    spans = [articulations.of(note.technique).bend_range or part.bend_range for note in part.notes]
    moves = wheel(part.notes, spans, pace)
    if moves or part.member:
        events += [(0, SETUP, message) for message in _registered(part.channel, 0, (spans or [part.bend_range])[0])]
        events += _range_changes(part, spans)
    events += [(tick, WHEEL, _message("pitchwheel", part.channel, pitch=value)) for tick, value in moves]
    for note in part.notes:
        end = note.onset + note.duration
        events.append((note.onset, ON, _message("note_on", part.channel, note=note.pitch, velocity=note.velocity)))
        events.append((end, OFF, _message("note_off", part.channel, note=note.pitch, velocity=0)))
    return sorted(events, key=lambda event: event[:2])


def _message(kind: str, channel: int, **fields: int) -> Any:
    from mido import Message

    return Message(kind, channel=channel, **fields)


def _setup(part: Part) -> Iterator[Any]:
    """Yield the zone that a manager opens, and the program."""
    if part.zone:
        yield from _registered(part.channel, 6, part.zone)[:3]  # MPE Configuration Message: no fine value
        yield from _registered(part.channel, 6, part.zone)[4:]
    if part.program is not None:
        yield _message("program_change", part.channel, program=part.program)


def _registered(channel: int, parameter: int, value: int) -> list[Any]:
    """Return the messages that set a registered parameter and let go of it: 101 100 6 38 101 100."""
    controls = ((101, 0), (100, parameter), (6, value), (38, 0), (101, 127), (100, 127))
    return [_message("control_change", channel, control=control, value=amount) for control, amount in controls]


def _range_changes(part: Part, spans: Iterable[int]) -> Iterator[Event]:
    """Yield new bend ranges at the notes where the articulation map changes them."""
    before = None
    for note, span in zip(part.notes, spans, strict=True):
        if before is not None and span != before:
            for message in _registered(part.channel, 0, span):
                yield note.onset, SETUP, message
        before = span


def _switches(part: Part, articulations: ArticulationMap, pace: Pace) -> Iterator[Event]:
    """Yield what the library wants to be told before the first note and at every change of technique."""
    for onset, before, wanted in articulations.switches(part.notes):
        if wanted.program is not None and wanted.program != before.program:
            yield onset, SWITCH, _message("program_change", part.channel, program=wanted.program)
        for control, value in wanted.controls:
            yield onset, SWITCH, _message("control_change", part.channel, control=control, value=value)
        if wanted.keyswitch is not None and wanted.keyswitch != before.keyswitch:
            begin, end = keyswitch_ticks(onset, pace)
            key = {"note": wanted.keyswitch}
            yield begin, SWITCH, _message("note_on", part.channel, velocity=KEYSWITCH_VELOCITY, **key)
            yield end, OFF, _message("note_off", part.channel, velocity=0, **key)


def keyswitch_ticks(onset: int, pace: Pace) -> tuple[int, int]:
    """Return where a keyswitch for a note at `onset` begins and ends."""
    lead = pace.ticks(KEYSWITCH_SECONDS, onset)
    return (onset - lead, onset) if onset >= lead else (0, lead)
