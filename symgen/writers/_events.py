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


_SETUP_TICKS = 11
"""An MPE zone takes 5 messages and a bend range 6."""


def set_up_apart(parts: Iterable[Part]) -> bool:
    """Return whether no bend begins before every set-up message has had a tick of its own.

    Ardour keeps one value a controller and tick: of a registered parameter that is set and let go of within one
    tick it keeps nothing.
    """
    return all(note.onset >= _SETUP_TICKS for part in parts for note in part.notes if note.bends)


def channel_events(part: Part, articulations: ArticulationMap, pace: Pace, *, apart: bool) -> list[Event]:
    """Return set-up, wheel, switches and notes of a track, in order of tick and of what comes first in it.

    Parameters
    ----------
    part : Part
        The track.
    articulations : ArticulationMap
        What changes of technique send.
    pace : Pace
        Tempo map.
    apart : bool
        Give each message of the set-up a tick of its own; see :func:`set_up_apart`.
    """
    events = [(index * apart, SETUP, message) for index, message in enumerate(_zone(part))]
    if part.program is not None:
        events.append((0, SETUP, _message("program_change", part.channel, program=part.program)))
    events += _switches(part, articulations, pace)
    spans = [articulations.of(note.technique).bend_range or part.bend_range for note in part.notes]
    moves = wheel(part.notes, spans, pace)
    if moves or part.member:
        registered = _registered(part.channel, 0, (spans or [part.bend_range])[0])
        begin = 5 if part.member else 0  # the zone's message sets its members back
        events += [((begin + index) * apart, SETUP, message) for index, message in enumerate(registered)]
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


def _zone(part: Part) -> list[Any]:
    """Return the MPE Configuration Message of a manager; it has no fine value."""
    messages = _registered(part.channel, 6, part.zone)
    return messages[:3] + messages[4:] if part.zone else []


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
