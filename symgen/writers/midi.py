"""Standard MIDI files, format 1: a conductor track, and tracks that hold one channel each.

What hosts disagree on is avoided: channels are never mixed in a track (some merge them), text is UTF-8,
names of ours are ASCII, and no pitch overlaps itself on a channel, so that every reader pairs the same
note-ons and note-offs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from struct import pack
from typing import Any

from symgen.errors import WriteError
from symgen.performance import Performance
from symgen.score import Key, Metre, Score, Tempo, Text
from symgen.units import TICKS_PER_QUARTER, qpm_to_microseconds
from symgen.writers._articulations import GENERAL_MIDI
from symgen.writers._curves import Pace
from symgen.writers._events import END, SETUP, Event, channel_events, set_up_apart
from symgen.writers._layout import Part, lay_out
from symgen.writers._options import DEFAULTS, Options
from symgen.writers._page import SIGNATURES, end_of_last_bar, metres_of, remarks_of, score_parts, wide_bends

NAME = "midi"
SUFFIXES = (".mid", ".midi")
OPTIONS = True

_MOST_TICKS = 0x0FFFFFFF  # the longest delta time
_MOST_TICKS_PER_QUARTER = 0x7FFF
_MOST_MICROSECONDS = 0xFFFFFF
_CHARSET = "utf-8"
_META, _END_OF_TRACK, _SET_TEMPO = 0xFF, bytes((0xFF, 0x2F, 0)), bytes((0xFF, 0x51, 3))
_META_TYPES = {"text": "text", "lyric": "lyrics", "copyright": "copyright", "phrase": "cue_marker"}


@dataclass(frozen=True, slots=True)
class _Track:
    """One track with notes, and its names."""

    part: Part
    names: tuple[Text, ...]


def encode(music: Score | Performance, *, track: str | None = None, options: Options = DEFAULTS) -> bytes:
    """Return a MIDI file.

    Parameters
    ----------
    music : Score or Performance
        A Score is written as it stands, voice by voice, without programs and bends. A Performance gives the
        tracks of the layout with their program, its own tempo map, bend curves, and the tuning, gong and mode
        as text.
    track : str, optional
        Name of the first track with notes; a Performance's is else the ASCII name of its instrument.
    options : Options
        Layout, time signatures, names, articulations.

    Returns
    -------
    bytes
        The same for the same music. The time base is 480, or the Score's own where 480 cannot hold it exactly.

    Raises
    ------
    WriteError
        If the music is longer than the format can count, or a keyswitch is also a note.
    """
    if isinstance(music, Performance):
        score, tempi = music.score, music.tempi
        parts = lay_out(music, options, track)
        tracks = [_Track(part, (Text(0, part.name, "track"),)) for part in parts]
        end = end_of_last_bar(score, options, max((n.onset + n.duration for n in music.notes), default=0))
        remarks = (*remarks_of(music), *wide_bends(parts))
    else:
        score = _in_time_base(music)
        tempi = score.tempi
        tracks = _written_tracks(score, track)
        end, remarks = score.end, ()
    if end > _MOST_TICKS:
        raise WriteError(f"the music lasts {end:,} ticks", expected=f"at most {_MOST_TICKS:,} in a MIDI file")
    pace = Pace(tempi, score.ticks_per_quarter)
    articulations = options.articulations if isinstance(music, Performance) else GENERAL_MIDI
    events = [_conductor(score, tempi, remarks, options)]
    apart = set_up_apart(one.part for one in tracks)
    for one in tracks:
        names = [_meta(text.tick, "track_name", name=options.spelled(text.text)) for text in one.names]
        events.append(names + channel_events(one.part, articulations, pace, apart=apart))
    return _file(events, end, score.ticks_per_quarter)


def stamped(data: bytes, texts: Sequence[str]) -> bytes:
    """Return a file of this writer with texts at the beginning of its conductor track."""
    from mido import MetaMessage

    events = b"".join(b"\0" + bytes(MetaMessage("text", text=text).bytes()) for text in texts)
    begin = data.index(b"MTrk") + 8
    length = int.from_bytes(data[begin - 4 : begin], "big") + len(events)
    return data[: begin - 4] + length.to_bytes(4, "big") + events + data[begin:]


def _in_time_base(score: Score) -> Score:
    """Return the score at 480 ticks if that loses nothing or the format cannot count finer."""
    resampled = score.resampled(TICKS_PER_QUARTER)
    exact = resampled.resampled(score.ticks_per_quarter) == score
    return resampled if exact or score.ticks_per_quarter > _MOST_TICKS_PER_QUARTER else score


def _written_tracks(score: Score, track: str | None) -> list[_Track]:
    """Return one track for each voice; its name stands where the score has it, or is the given one."""
    names = [text for text in score.texts if text.kind == "track"]
    if track is not None:
        names = [Text(0, track, "track"), *names[1:]]
    return [_Track(part, tuple(names[index : index + 1])) for index, part in enumerate(score_parts(score))]


def _conductor(score: Score, tempi: Sequence[Tempo], remarks: Sequence[Text], options: Options) -> list[Event]:
    """Return the events of track 0: title, tempo, metre, key, markers and texts."""
    events = [_meta(0, "track_name", name=options.spelled(score.title))] if score.title else []
    events += [_text(remark, options) for remark in remarks]
    events += [_tempo(tempo) for tempo in tempi]
    events += [_metre(metre) for metre in metres_of(score, options)]
    events += [_key(key) for key in score.keys]
    events += [_meta(section.tick, "marker", text=options.spelled(section.name)) for section in score.sections]
    events += [_text(text, options) for text in score.texts if text.kind != "track"]
    return events


def _meta(tick: int, kind: str, **fields: Any) -> Event:
    from mido import MetaMessage
    from mido.midifiles.meta import meta_charset

    with meta_charset(_CHARSET):
        return tick, SETUP, bytes(MetaMessage(kind, **fields).bytes())


def _text(text: Text, options: Options) -> Event:
    return _meta(text.tick, _META_TYPES.get(text.kind, "text"), text=options.spelled(text.text))


def _tempo(tempo: Tempo) -> Event:
    microseconds = min(_MOST_MICROSECONDS, qpm_to_microseconds(tempo.qpm))
    return tempo.tick, SETUP, _SET_TEMPO + microseconds.to_bytes(3, "big")


def _metre(metre: Metre) -> Event:
    """Return the time signature; the click falls on dotted quarters in compound metres."""
    compound = metre.denominator == 8 and metre.numerator % 3 == 0 and metre.numerator > 3
    clocks = 36 if compound else max(1, 96 // metre.denominator)
    fields = {"numerator": metre.numerator, "denominator": metre.denominator, "clocks_per_click": clocks}
    return _meta(metre.tick, "time_signature", **fields)


def _key(key: Key) -> Event:
    return _meta(key.tick, "key_signature", key=SIGNATURES[key.gong])


def _file(tracks: Sequence[list[Event]], end: int, ticks_per_quarter: int) -> bytes:
    """Return the bytes of a format 1 file whose tracks all end at `end`."""
    return _chunk(b"MThd", pack(">HHH", 1, len(tracks), ticks_per_quarter)) + b"".join(
        _chunk(b"MTrk", _track(events, end)) for events in tracks
    )


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + pack(">L", len(data)) + data


def _track(events: list[Event], end: int) -> bytes:
    """Return the events of a track in order of time, a status byte that stands already left out."""
    data, now, running = bytearray(), 0, 0
    last = max([end, *(tick for tick, _, _ in events)])
    for tick, _, message in [*sorted(events, key=lambda event: event[:2]), (last, END, _END_OF_TRACK)]:
        data += _delta(tick - now)
        status, now = message[0], tick
        data += message[1:] if status == running else message
        running = 0 if status == _META else status
    return bytes(data)


@lru_cache(maxsize=4096)
def _delta(ticks: int) -> bytes:
    """Return ticks as a quantity of variable length: seven bits a byte, the high bit of all but the last set."""
    if ticks < 0:
        raise ValueError(f"{ticks} ticks")
    found = [ticks & 0x7F]
    while ticks := ticks >> 7:
        found.append(ticks & 0x7F | 0x80)
    return bytes(reversed(found))
