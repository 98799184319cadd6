"""The channel messages of one track, in ticks: what a MIDI file and a REAPER project both hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from symgen.writers._articulations import ArticulationMap
from symgen.writers._curves import Pace, wheel
from symgen.writers._layout import Part

SETUP, OFF, WHEEL, SWITCH, ON, END = range(6)
"""Order within a tick: a repeated note is never swallowed, and the wheel stands before a note begins."""

KEYSWITCH_SECONDS = 0.010
"""A keyswitch is struck so long before its note."""

KEYSWITCH_VELOCITY = 100

Event = tuple[int, int, bytes]
"""Tick, order within the tick, and a whole message, its status byte first."""

_STATUS = {"note_off": 0x80, "note_on": 0x90, "control_change": 0xB0, "program_change": 0xC0, "pitchwheel": 0xE0}
_CENTRE = 8192
"""What a wheel at rest sends, in 14 bits."""


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
    events = [(index * apart, SETUP, sent) for index, sent in enumerate(_zone(part))]
    if part.program is not None:
        events.append((0, SETUP, message("program_change", part.channel, part.program)))
    events += _switches(part, articulations, pace)
    spans = [articulations.of(note.technique).bend_range or part.bend_range for note in part.notes]
    moves = wheel(part.notes, spans, pace)
    if moves or part.member:
        registered = _registered(part.channel, 0, (spans or [part.bend_range])[0])
        begin = 5 if part.member else 0  # the zone's message sets its members back
        events += [((begin + index) * apart, SETUP, sent) for index, sent in enumerate(registered)]
        events += _range_changes(part, spans)
    events += [(tick, WHEEL, _wheel(part.channel, value)) for tick, value in moves]
    for note in part.notes:
        end = note.onset + note.duration
        events.append((note.onset, ON, message("note_on", part.channel, note.pitch, note.velocity)))
        events.append((end, OFF, message("note_off", part.channel, note.pitch, 0)))
    return sorted(events, key=lambda event: event[:2])


def message(kind: str, channel: int, *data: int) -> bytes:
    """Return a channel message: thousands stand in a piece, and bytes are twenty times as fast as objects.

    Raises
    ------
    ValueError
        If a value does not fit into seven bits.
    """
    if min(data) < 0 or max(data) > 0x7F or not 0 <= channel < 16:
        raise ValueError(f"{kind} {data} on channel {channel}")
    return bytes((_STATUS[kind] | channel, *data))


def _wheel(channel: int, value: int) -> bytes:
    """Return where the pitch wheel goes, -8192 to 8191."""
    coarse, fine = divmod(value + _CENTRE, 128)
    return message("pitchwheel", channel, fine, coarse)


def _zone(part: Part) -> list[bytes]:
    """Return the MPE Configuration Message of a manager; it has no fine value."""
    messages = _registered(part.channel, 6, part.zone)
    return messages[:3] + messages[4:] if part.zone else []


def _registered(channel: int, parameter: int, value: int) -> list[bytes]:
    """Return the messages that set a registered parameter and let go of it: 101 100 6 38 101 100."""
    controls = ((101, 0), (100, parameter), (6, value), (38, 0), (101, 127), (100, 127))
    return [message("control_change", channel, control, amount) for control, amount in controls]


def _range_changes(part: Part, spans: Iterable[int]) -> Iterator[Event]:
    """Yield new bend ranges at the notes where the articulation map changes them."""
    before = None
    for note, span in zip(part.notes, spans, strict=True):
        if before is not None and span != before:
            for sent in _registered(part.channel, 0, span):
                yield note.onset, SETUP, sent
        before = span


def _switches(part: Part, articulations: ArticulationMap, pace: Pace) -> Iterator[Event]:
    """Yield what the library wants to be told before the first note and at every change of technique."""
    for onset, before, wanted in articulations.switches(part.notes):
        if wanted.program is not None and wanted.program != before.program:
            yield onset, SWITCH, message("program_change", part.channel, wanted.program)
        for control, value in wanted.controls:
            yield onset, SWITCH, message("control_change", part.channel, control, value)
        if wanted.keyswitch is not None and wanted.keyswitch != before.keyswitch:
            begin, end = keyswitch_ticks(onset, pace)
            yield begin, SWITCH, message("note_on", part.channel, wanted.keyswitch, KEYSWITCH_VELOCITY)
            yield end, OFF, message("note_off", part.channel, wanted.keyswitch, 0)


def keyswitch_ticks(onset: int, pace: Pace) -> tuple[int, int]:
    """Return where a keyswitch for a note at `onset` begins and ends."""
    lead = pace.ticks(KEYSWITCH_SECONDS, onset)
    return (onset - lead, onset) if onset >= lead else (0, lead)
