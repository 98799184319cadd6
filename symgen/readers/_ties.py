"""Notes that take time from each other: grace notes, and ties."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from symgen.readers._bars import ROUNDING, BarNote

GRACE_UNITS = 256
"""Time units a quarter are a multiple of this wherever there are grace notes."""

_GRACES_A_QUARTER = 8
"""A grace note takes a 32nd from the note it leads to, less where that note is short."""


@dataclass(slots=True)
class PlacedNote:
    """A note at its time in the whole piece: onset and duration in units that :func:`assemble` chooses."""

    onset: int
    duration: int
    source: BarNote


def with_graces(notes: Sequence[PlacedNote], units: int) -> list[PlacedNote]:
    """Give each grace note a little of the time of the note it leads to; nothing else moves.

    Grace notes follow one another in the order of the page. Where nothing follows in their voice, the
    note before gives its end.

    Parameters
    ----------
    notes : sequence of PlacedNote
        In the order of the page; changed in place.
    units : int
        Time units a quarter.
    """
    pending: dict[int, list[PlacedNote]] = {}
    taken: dict[tuple[int, int], int] = {}
    result: list[PlacedNote] = []
    for note in notes:
        voice = note.source.voice
        if note.duration == 0:
            pending.setdefault(voice, []).append(note)
            continue
        place = (voice, note.onset)
        if graces := pending.pop(voice, None):
            length = _grace_length(len(graces), note.duration, units)
            taken[place] = taken.get(place, 0) + _in_a_row(graces, note.onset, length)
            result += graces
        if 0 < taken.get(place, 0) < note.duration:
            note.onset += taken[place]
            note.duration -= taken[place]
        result.append(note)
    for voice, graces in pending.items():
        last = next((note for note in reversed(result) if note.source.voice == voice), None)
        if last is not None:
            length = _grace_length(len(graces), last.duration, units)
            last.duration -= len(graces) * length
            _in_a_row(graces, last.onset + last.duration, length)
            result += graces
    return result


def _in_a_row(graces: Sequence[PlacedNote], onset: int, length: int) -> int:
    """Place grace notes one after the other from `onset` on; return the time they take."""
    for index, grace in enumerate(graces):
        grace.onset, grace.duration = onset + index * length, length
    return len(graces) * length


def _grace_length(count: int, duration: int, units: int) -> int:
    """Return the length of each of `count` grace notes: a 32nd, halved until they take at most half of `duration`."""
    length = units // _GRACES_A_QUARTER
    while 2 * count * length > duration and length > 1:
        length //= 2
    return length


def with_ties(notes: Sequence[PlacedNote], units: int, mended: Counter[str]) -> list[PlacedNote]:
    """Merge tied notes; a tie whose other end is missing becomes a note of its own."""
    held: dict[tuple[int, int, int], PlacedNote] = {}
    result: list[PlacedNote] = []
    for note in sorted(notes, key=lambda n: n.onset):  # stable: the page's order within one onset
        source = note.source
        if source.tied and (key := _tie_start(held, note, units)) is not None:
            held[key].duration = note.onset + note.duration - held[key].onset
            if not source.ties:
                del held[key]
            continue
        mended["tie-without-start"] += source.tied
        result.append(note)
        if source.ties:
            held[source.part, source.voice, source.pitch] = note
    return result


def _tie_start(
    held: Mapping[tuple[int, int, int], PlacedNote], note: PlacedNote, units: int
) -> tuple[int, int, int] | None:
    """Return the key of the held note that `note` continues: of its own voice if there is one, else of its part."""
    source = note.source
    own = (source.part, source.voice, source.pitch)
    others = (key for key in held if key[0] == source.part and key[2] == source.pitch)
    for key in (own, *others):
        before = held.get(key)
        if before is not None and abs(before.onset + before.duration - note.onset) < ROUNDING * units:
            return key
    return None
