"""What symgen claims of a take, in the words of the referee: where each note is fingered, how it is played."""

from __future__ import annotations

from dataclasses import replace

from symgen.compose import Take
from symgen.instruments import get_instrument
from symgen.instruments.fingering import finger
from symgen.performance import PlayedNote
from symgen.score import Technique
from symgen.units import ticks_to_seconds
from tests.instruments.checker import Note, guqin_position


def written_notes(take: Take) -> list[Note]:
    """Return the notes of a take as its score is fingered."""
    instrument = get_instrument(take.performance.instrument)
    fingering = finger(take.score, instrument, instrument.tunings[take.tuning])
    tempi = [(tempo.tick, tempo.qpm) for tempo in take.score.tempi]
    seconds = ticks_to_seconds(take.score.notes["onset"], tempi).tolist()
    notes = []
    for note, place, second in zip(take.score.notes, fingering.placements, seconds, strict=True):
        assert place is not None, f"{take.style}, seed {take.seed}, take {take.take}: a note has no place"
        how = (Technique(note["technique"]).name, place.finger, place.stroke, place.hand)
        notes.append(Note(second, int(note["pitch"]), place.string, place.position, place.technique.name, *how))
    return notes


def kind_of(take: Take, note: PlayedNote) -> str:
    """Return OPEN, STOPPED or HARMONIC: what the string of a played note does, whatever ornament names it."""
    if not note.string or note.technique.name == "HARMONIC":
        return note.technique.name
    opens = get_instrument(take.performance.instrument).tunings[take.tuning].open_pitches
    return "OPEN" if opens[note.string - 1] == note.pitch else "STOPPED"


def sounding_notes(take: Take) -> list[tuple[int, int, int, int, str, float, float]]:
    """Return the notes of a take as they are performed, in the form that the referee asks for."""
    rows = []
    for note in take.performance.notes:
        cents = [bend.cents for bend in note.bends]
        low, high = min(cents, default=0.0), max(cents, default=0.0)
        end = note.onset + note.duration
        rows.append((note.onset, end, note.pitch, note.string, kind_of(take, note), low, high))
    return rows


def played_notes(take: Take) -> tuple[list[Note], list[Note]]:
    """Return all strokes of a take in seconds, and the places on the guqin to which the hand slides without one."""
    played, opens = take.performance, get_instrument(take.performance.instrument).tunings[take.tuning].open_pitches
    tempi = [(tempo.tick, tempo.qpm) for tempo in played.tempi]
    strokes, slides = [], []
    for note in played.notes:
        second, arrival = ticks_to_seconds(
            [note.onset, note.onset + (note.bends[-1].offset if note.bends else 0)], tempi
        ).tolist()
        kind = kind_of(take, note)
        position = 0.0 if kind == "OPEN" else note.position
        strokes.append(Note(second, note.pitch, note.string, position, kind, finger=note.finger))
        if note.bends and note.bends[-1].cents and played.instrument == "guqin":
            rise = 100.0 * (note.pitch - opens[note.string - 1]) + note.bends[-1].cents
            slides.append(replace(strokes[-1], seconds=arrival, position=guqin_position(rise)))
    return strokes, slides
