"""Layouts: which notes of a performance go on which track and channel.

``merged`` puts all on one wheel; ``strings`` gives a track and a channel to each string, so that the others keep
ringing while one is bent; ``mpe`` does so within a zone of MIDI Polyphonic Expression. No track ever holds two
channels: some hosts merge the channels of a track, and none loses anything if there is only one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from symgen.errors import UsageError, WriteError
from symgen.instruments import get_instrument
from symgen.instruments.ringing import ended, for_one_wheel
from symgen.performance import Performance, PlayedNote
from symgen.writers._articulations import MOST_BEND_RANGE
from symgen.writers._curves import deepest, within
from symgen.writers._options import Options

MERGED_BEND_RANGE = 2
"""The range that instruments have before they are told anything: where the RPN is ignored, nothing is lost."""

BEND_RANGES = (2, 12, 24, 48)
"""Ranges tried in turn by the layout strings: each track has the first one that holds all of its curves."""

MPE_BEND_RANGE = 48
"""What receivers of MIDI Polyphonic Expression expect on member channels."""

PERCUSSION_CHANNEL = 9
MPE_MANAGER = 0
_CHANNELS = tuple(channel for channel in range(16) if channel != PERCUSSION_CHANNEL)


@dataclass(frozen=True, slots=True)
class Part:
    """One track with notes on one channel.

    Parameters
    ----------
    name : str
        Name of the track.
    channel : int
        0-based.
    notes : tuple of PlayedNote
        In order of onset; no pitch overlaps itself.
    program : int or None
        General MIDI program, 0-based.
    bend_range : int
        Semitones of the pitch wheel.
    zone : int
        Member channels of the MPE zone that this track sets up as its manager; 0 for other tracks.
    member : bool
        Whether the channel is a member of an MPE zone, whose receivers want the bend range in any case.
    """

    name: str
    channel: int
    notes: tuple[PlayedNote, ...]
    program: int | None = None
    bend_range: int = MERGED_BEND_RANGE
    zone: int = 0
    member: bool = False


def lay_out(performance: Performance, options: Options, name: str | None = None) -> list[Part]:
    """Return the tracks of a performance for MIDI, the one that sets up first.

    Parameters
    ----------
    performance : Performance
        What is played.
    options : Options
        The layout, and the articulation map with its program and bend range.
    name : str, optional
        Name of the tracks; the instrument's by default.

    Raises
    ------
    WriteError
        If a keyswitch is also a note of the music.
    """
    _check_keyswitches(performance.notes, options)
    name = performance.instrument.capitalize() if name is None else name
    program = options.articulations.program
    program = performance.program if program is None else program
    parts = {"merged": _merged, "strings": _strings, "mpe": _mpe}[options.layout](performance, options, name)
    for part in parts:  # what a curve out of range is struck again as counts too
        _check_keyswitches(part.notes, options)
    return [replace(part, program=program, notes=without_overlaps(part.notes)) for part in parts]


def _merged(performance: Performance, options: Options, name: str) -> list[Part]:
    """Return one track; one more for each channel that the articulation map asks for."""
    span = options.wheel or MERGED_BEND_RANGE
    by_channel: dict[int, list[PlayedNote]] = {}
    for note in _within(performance, options, span):
        by_channel.setdefault(options.articulations.of(note.technique).channel or 0, []).append(note)
    alone = len(by_channel) <= 1
    return [
        Part(name if alone else f"{name} ch {channel + 1}", channel, tuple(for_one_wheel(notes)), bend_range=span)
        for channel, notes in sorted(by_channel.items() or {0: []}.items())
    ]


def _strings(performance: Performance, options: Options, name: str) -> list[Part]:
    """Return a track a string; with more strings than channels, one for what is not bent and one a bend voice.

    Each has the narrowest range that holds its curves: where a host ignores the range, what stays within the usual
    two semitones is right.
    """
    played = _within(performance, options, options.wheel or _range_for(performance.notes))
    if 0 < string_count(performance) <= len(_CHANNELS):
        return [
            _ranged(Part(f"{name} {string}", _CHANNELS[string - 1], tuple(notes)), options)
            for string, notes in by_string(played).items()
        ]
    plain = tuple(note for note in played if not _needs_voice(note))
    bent = [note for note in played if _needs_voice(note)]
    voices = _voices(bent, len(_CHANNELS) - 1, apart=True)
    parts = [Part(name, 0, plain), *(Part(f"{name} bend {i}", _CHANNELS[i], tuple(v)) for i, v in enumerate(voices, 1))]
    return [_ranged(part, options) for part in parts]


def _ranged(part: Part, options: Options) -> Part:
    """Return the part with the bend range that is asked for, or that its curves need."""
    return replace(part, bend_range=options.wheel or _range_for(part.notes))


def _mpe(performance: Performance, options: Options, name: str) -> list[Part]:
    """Return the manager's track, then a track for each member channel of the lower zone."""
    span = options.wheel or MPE_BEND_RANGE
    played, strings = _within(performance, options, span), string_count(performance)
    members = _CHANNELS[1:]
    if 0 < strings <= len(members):
        zone = members[strings - 1]
        held = {members[string - 1]: notes for string, notes in by_string(played).items()}
    else:
        zone = members[-1]
        held = {members[index]: notes for index, notes in enumerate(_voices(played, len(members)))}
    manager = Part(f"{name} MPE", MPE_MANAGER, (), zone=zone)
    return [manager] + [
        Part(f"{name} MPE {channel + 1}", channel, tuple(notes), bend_range=span, member=True)
        for channel, notes in held.items()
    ]


def _within(performance: Performance, options: Options, span: int) -> list[PlayedNote]:
    """Return the notes, those struck again whose curve leaves the range that the map or the layout gives them."""
    notes: list[PlayedNote] = []
    for note in performance.notes:
        notes += within(note, options.articulations.of(note.technique).bend_range or span)
    return sorted(notes, key=lambda note: (note.onset, note.pitch))


def string_count(performance: Performance) -> int:
    """Return how many strings the instrument has; 0 for one without, or if any note has no string."""
    highest = max((note.string for note in performance.notes), default=0)
    if any(not note.string for note in performance.notes):
        return 0
    try:
        tunings = get_instrument(performance.instrument).tunings
    except UsageError:  # an instrument of the user's
        return highest
    tuning = tunings.get(performance.tuning) or next(iter(tunings.values()))
    return max(highest, len(tuning.open_pitches))


def by_string(notes: Iterable[PlayedNote]) -> dict[int, list[PlayedNote]]:
    """Return the notes of each string in order of string; a note ends where its string is struck again."""
    strings: dict[int, list[PlayedNote]] = {}
    for note in notes:
        earlier = strings.setdefault(note.string, [])
        if earlier and note.string and earlier[-1].onset == note.onset:
            earlier.pop()  # a string sounds once at a time
        elif earlier and note.string:
            earlier[-1] = ended(earlier[-1], note.onset)
        earlier.append(note)
    return dict(sorted(strings.items()))


def _needs_voice(note: PlayedNote) -> bool:
    """Return whether the left hand changes the pitch; a pressed guzheng string may also be in unison with another."""
    return bool(note.bends) or (note.position > 0 and bool(note.string))


def _voices(notes: Sequence[PlayedNote], most: int, *, apart: bool = False) -> list[list[PlayedNote]]:
    """Return the notes dealt to voices in which one sounds at a time.

    A note takes the voice that has been silent longest, so that what still rings of it is bent by nobody else; if
    all sound and no more can be had, the one that would end first is ended. With `apart`, curves that need a wider
    range than others have voices of their own, as long as there are voices left.
    """
    voices: list[list[PlayedNote]] = []
    for note in notes:
        free = [voice for voice in voices if _end(voice[-1]) <= note.onset]
        alike = [voice for voice in free if _range_for(voice[:1]) == _range_for((note,))]
        free = alike if apart and (alike or len(voices) < most) else free
        if free:
            min(free, key=lambda voice: _end(voice[-1])).append(note)
        elif len(voices) < most:
            voices.append([note])
        else:
            voice = min(voices, key=lambda voice: (voice[-1].onset == note.onset, _end(voice[-1])))
            voice[-1] = ended(voice[-1], note.onset)
            voice.append(note)
    return voices


def _range_for(notes: Sequence[PlayedNote]) -> int:
    depth = deepest(notes)
    return next((span for span in BEND_RANGES if depth <= 100 * span), MOST_BEND_RANGE)


def _end(note: PlayedNote) -> int:
    return note.onset + note.duration


def without_overlaps(notes: Iterable[PlayedNote]) -> tuple[PlayedNote, ...]:
    """Return the notes with each ended where its pitch sounds again; equal onsets of a pitch become one note."""
    by_pitch: dict[int, list[PlayedNote]] = {}
    for note in notes:
        earlier = by_pitch.setdefault(note.pitch, [])
        if earlier and earlier[-1].onset == note.onset:
            same = earlier.pop()
            longest, loudest = max(same.duration, note.duration), max(same.velocity, note.velocity)
            note = replace(same if same.bends else note, duration=longest, velocity=loudest)
        elif earlier:
            earlier[-1] = ended(earlier[-1], note.onset)
        earlier.append(note)
    merged = [note for same_pitch in by_pitch.values() for note in same_pitch]
    return tuple(sorted(merged, key=lambda note: (note.onset, note.pitch)))


def _check_keyswitches(notes: Iterable[PlayedNote], options: Options) -> None:
    clash = sorted(options.articulations.keyswitches & {note.pitch for note in notes})
    if clash:
        raise WriteError(
            f"keyswitch {clash[0]} of the articulation map {options.articulations.name} is also a note of the music",
            expected="keyswitches outside of the instrument's range",
            remedy="move the keyswitches of the library by an octave",
        )
