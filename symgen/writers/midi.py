"""Standard MIDI files, format 1: a conductor track, and one track with one channel for each voice.

What hosts disagree on is avoided: channels are never mixed in a track (some merge them), bends stay within
two semitones (some ignore the bend range), text is UTF-8, names of ours are ASCII, and no pitch overlaps
itself on a channel, so that every reader pairs the same note-ons and note-offs.
"""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil
from typing import Any

from symgen.errors import WriteError
from symgen.instruments.ringing import for_one_wheel
from symgen.performance import Bend, Performance, PlayedNote
from symgen.score import Key, Metre, Score, Tempo, Text
from symgen.units import TICKS_PER_QUARTER, bar_ticks, cents_to_bend, qpm_to_microseconds

NAME = "midi"
SUFFIXES = (".mid", ".midi")

BEND_RANGE_SEMITONES = 2
"""The range that instruments have before they are told anything: where the RPN is ignored, nothing is lost."""

BEND_STEP_SECONDS, BEND_STEP_CENTS = 0.005, 5.0
"""Finest steps of a bend curve: denser messages choke old interfaces and nobody hears them."""

_PERCUSSION_CHANNEL = 9
_MOST_TICKS = 0x0FFFFFFF  # the longest delta time
_MOST_TICKS_PER_QUARTER = 0x7FFF
_MOST_MICROSECONDS = 0xFFFFFF
_SIGNATURES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
"""Major key signature of each gong, the one with fewer accidentals."""

_META_TYPES = {"text": "text", "lyric": "lyrics", "copyright": "copyright", "phrase": "cue_marker"}
_SETUP, _OFF, _WHEEL, _ON, _END = range(5)
_RPN_BEND_RANGE = ((101, 0), (100, 0), (6, BEND_RANGE_SEMITONES), (38, 0), (101, 127), (100, 127))

Event = tuple[int, int, Any]  # tick, order within the tick, message


@dataclass(frozen=True, slots=True)
class _Part:
    """One track: its notes without overlaps of a pitch, in order of onset."""

    notes: tuple[PlayedNote, ...]
    names: tuple[Text, ...] = ()
    program: int | None = None
    events: list[Event] = field(default_factory=list)


def encode(music: Score | Performance, *, track: str | None = None) -> bytes:
    """Return a MIDI file.

    Parameters
    ----------
    music : Score or Performance
        A Score is written as it stands, voice by voice, without programs and bends. A Performance gives one
        track with its program, its own tempo map, bend curves, and the tuning, gong and mode as text.
    track : str, optional
        Name of the first track with notes; a Performance's is else the ASCII name of its instrument.

    Returns
    -------
    bytes
        The same for the same music. The time base is 480, or the Score's own where 480 cannot hold it exactly.

    Raises
    ------
    WriteError
        If the music is longer than the format can count.
    """
    if isinstance(music, Performance):
        score, tempi = music.score, music.tempi
        parts = [_performed_part(music, track)]
        end = _end_of_last_bar(score, max((n.onset + n.duration for n in music.notes), default=0))
        remarks = [_remark(music)]
    else:
        score = _in_time_base(music)
        tempi = score.tempi
        parts = _written_parts(score, track)
        end, remarks = score.end, []
    if end > _MOST_TICKS:
        raise WriteError(f"the music lasts {end:,} ticks", expected=f"at most {_MOST_TICKS:,} in a MIDI file")
    tracks = [_conductor(score, tempi, remarks)]
    tracks += [_part_events(part, index, tempi, score.ticks_per_quarter) for index, part in enumerate(parts)]
    return _file(tracks, end, score.ticks_per_quarter)


def _in_time_base(score: Score) -> Score:
    """Return the score at 480 ticks if that loses nothing or the format cannot count finer."""
    resampled = score.resampled(TICKS_PER_QUARTER)
    exact = resampled.resampled(score.ticks_per_quarter) == score
    return resampled if exact or score.ticks_per_quarter > _MOST_TICKS_PER_QUARTER else score


def _written_parts(score: Score, track: str | None) -> list[_Part]:
    """Return one part for each voice, named in order; names beyond the voices keep tracks without notes."""
    names = [text for text in score.texts if text.kind == "track"]
    if track is not None:
        names = [Text(0, track, "track"), *names[1:]]
    voices = []
    for voice in sorted(set(score.notes["voice"].tolist())):
        rows = score.notes[score.notes["voice"] == voice]
        columns = (rows[name].tolist() for name in ("onset", "duration", "pitch", "velocity"))
        voices.append([PlayedNote(*row) for row in zip(*columns, strict=True)])
    voices += [[]] * (max(1, len(names)) - len(voices))
    return [_Part(_without_overlaps(notes), tuple(names[i : i + 1])) for i, notes in enumerate(voices)]


def _performed_part(performance: Performance, track: str | None) -> _Part:
    """Return the one part of a performance."""
    name = track if track is not None else performance.instrument.capitalize()
    return _Part(_without_overlaps(for_one_wheel(performance.notes)), (Text(0, name, "track"),), performance.program)


def _without_overlaps(notes: Iterable[PlayedNote]) -> tuple[PlayedNote, ...]:
    """Return the notes with each ended where its pitch sounds again; equal onsets of a pitch become one note."""
    by_pitch: dict[int, list[PlayedNote]] = {}
    for note in notes:
        earlier = by_pitch.setdefault(note.pitch, [])
        if earlier and earlier[-1].onset == note.onset:
            same = earlier.pop()
            longest, loudest = max(same.duration, note.duration), max(same.velocity, note.velocity)
            note = _changed(same if same.bends else note, longest, loudest)
        elif earlier and earlier[-1].onset + earlier[-1].duration > note.onset:
            earlier[-1] = _changed(earlier[-1], note.onset - earlier[-1].onset, earlier[-1].velocity)
        earlier.append(note)
    merged = [note for same_pitch in by_pitch.values() for note in same_pitch]
    return tuple(sorted(merged, key=lambda note: (note.onset, note.pitch)))


def _changed(note: PlayedNote, duration: int, velocity: int) -> PlayedNote:
    return PlayedNote(
        note.onset, duration, note.pitch, velocity, note.string, note.position, note.technique, note.bends
    )


def _end_of_last_bar(score: Score, sounding: int) -> int:
    """Return the tick at which the bar of the score's end is over, or later if something still sounds."""
    starts = score.bar_starts()
    if not len(starts):
        return max(score.end, sounding)
    last = int(starts[-1])
    metre = max((metre for metre in score.metres if metre.tick <= last), key=lambda metre: metre.tick)
    return max(score.end, sounding, last + bar_ticks(metre.numerator, metre.denominator, score.ticks_per_quarter))


def _remark(performance: Performance) -> str:
    """Return what a performer wants to know first: 1=F; tuning=zhengdiao; mode=yu."""
    key = performance.score.keys[0] if performance.score.keys else None
    facts = [f"1={_SIGNATURES[key.gong]}"] if key else []
    facts += [f"tuning={performance.tuning}"] if performance.tuning else []
    facts += [f"mode={key.mode}"] if key and key.mode else []
    return "; ".join(facts)


def _conductor(score: Score, tempi: Sequence[Tempo], remarks: Sequence[str]) -> list[Event]:
    """Return the events of track 0: title, tempo, metre, key, markers and texts."""
    events = [_meta(0, "track_name", name=_clean(score.title))] if score.title else []
    events += [_meta(0, "text", text=remark) for remark in remarks if remark]
    events += [_tempo(tempo) for tempo in tempi]
    events += [_metre(metre) for metre in score.metres]
    events += [_key(key) for key in score.keys]
    events += [_meta(section.tick, "marker", text=_clean(section.name)) for section in score.sections]
    for text in score.texts:
        if text.kind != "track":
            events.append(_meta(text.tick, _META_TYPES.get(text.kind, "text"), text=_clean(text.text)))
    return events


def _meta(tick: int, kind: str, **fields: Any) -> Event:
    from mido import MetaMessage

    return tick, _SETUP, MetaMessage(kind, **fields)


def _tempo(tempo: Tempo) -> Event:
    microseconds = min(_MOST_MICROSECONDS, qpm_to_microseconds(tempo.qpm))
    return _meta(tempo.tick, "set_tempo", tempo=microseconds)


def _metre(metre: Metre) -> Event:
    """Return the time signature; the click falls on dotted quarters in compound metres."""
    compound = metre.denominator == 8 and metre.numerator % 3 == 0 and metre.numerator > 3
    clocks = 36 if compound else max(1, 96 // metre.denominator)
    fields = {"numerator": metre.numerator, "denominator": metre.denominator, "clocks_per_click": clocks}
    return _meta(metre.tick, "time_signature", **fields)


def _key(key: Key) -> Event:
    return _meta(key.tick, "key_signature", key=_SIGNATURES[key.gong])


def _clean(text: str) -> str:
    """Return text that can be encoded: lone surrogates, as odd file names leave them, become question marks."""
    return text.encode("utf-8", errors="replace").decode("utf-8")


def _part_events(part: _Part, index: int, tempi: Sequence[Tempo], ticks_per_quarter: int) -> list[Event]:
    """Return the events of one track: name, program, bend range, notes and bend curves."""
    from mido import Message

    channel = index % 15
    channel += channel >= _PERCUSSION_CHANNEL
    events = [_meta(text.tick, "track_name", name=_clean(text.text)) for text in part.names]
    if part.program is not None:
        events.append((0, _SETUP, Message("program_change", channel=channel, program=part.program)))
    bends = _wheel(part.notes, tempi, ticks_per_quarter)
    if bends:
        for control, value in _RPN_BEND_RANGE:
            events.append((0, _SETUP, Message("control_change", channel=channel, control=control, value=value)))
    for tick, value in bends:
        events.append((tick, _WHEEL, Message("pitchwheel", channel=channel, pitch=value)))
    for note in part.notes:
        struck = {"channel": channel, "note": note.pitch}
        events.append((note.onset, _ON, Message("note_on", velocity=note.velocity, **struck)))
        events.append((note.onset + note.duration, _OFF, Message("note_off", velocity=0, **struck)))
    return events


def _wheel(notes: Sequence[PlayedNote], tempi: Sequence[Tempo], ticks_per_quarter: int) -> list[tuple[int, int]]:
    """Return (tick, value) of the pitch wheel: every curve ends, and the wheel rests, before the next note."""
    onsets = sorted({note.onset for note in notes})
    moves: list[tuple[int, int]] = []
    for note in notes:
        if not note.bends or (moves and moves[-1][0] > note.onset):
            continue
        following = bisect_right(onsets, note.onset)
        end = note.onset + note.duration
        stop = min(end, onsets[following]) if following < len(onsets) else end
        step = _step_ticks(note.onset, tempi, ticks_per_quarter)
        points = _sampled(note.bends, stop - note.onset, step)
        curve = [(note.onset + tick, cents_to_bend(cents, BEND_RANGE_SEMITONES)) for tick, cents in points]
        value = 0
        for tick, next_value in [*curve, (stop, 0)]:
            if next_value != value:
                moves.append((tick, next_value))
                value = next_value
    return moves


def _step_ticks(tick: int, tempi: Sequence[Tempo], ticks_per_quarter: int) -> int:
    """Return the fewest ticks between two bend messages at `tick`."""
    index = bisect_right([tempo.tick for tempo in tempi], tick) - 1
    qpm = tempi[max(0, index)].qpm if tempi else 120.0
    return max(1, ceil(BEND_STEP_SECONDS * qpm * ticks_per_quarter / 60.0))


def _sampled(bends: Sequence[Bend], length: int, step: int) -> list[tuple[int, float]]:
    """Return (offset, cents) along straight lines between control points, no denser than the steps allow.

    The curve holds its first value before the first point; points at or past `length` are left out.
    """
    samples = [(bends[0].offset, bends[0].cents)]
    for earlier, later in pairwise(bends):
        span = max(1, later.offset - earlier.offset)
        pieces = max(1, span // step)
        for piece in range(1, pieces + 1):
            share = piece / pieces
            offset = earlier.offset + round(span * share)
            samples.append((offset, earlier.cents + (later.cents - earlier.cents) * share))
    kept = samples[:1]
    for offset, cents in samples[1:]:
        at_rest = cents == 0.0 and kept[-1][1] != 0.0
        if offset - kept[-1][0] >= step and (abs(cents - kept[-1][1]) >= BEND_STEP_CENTS or at_rest):
            kept.append((offset, cents))
    if kept[-1][1] != samples[-1][1]:
        kept.append((max(samples[-1][0], kept[-1][0] + step), samples[-1][1]))
    return [(offset, cents) for offset, cents in kept if offset < length]


def _file(tracks: Iterable[list[Event]], end: int, ticks_per_quarter: int) -> bytes:
    """Return the bytes of a format 1 file whose tracks all end at `end`."""
    from mido import MetaMessage, MidiFile, MidiTrack

    file = MidiFile(type=1, ticks_per_beat=ticks_per_quarter, charset="utf-8")
    for events in tracks:
        track = MidiTrack()
        now = 0
        last = max([end, *(tick for tick, _, _ in events)])
        for tick, _, message in sorted([*events, (last, _END, MetaMessage("end_of_track"))], key=lambda e: e[:2]):
            message.time = tick - now
            track.append(message)
            now = tick
        file.tracks.append(track)
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()
