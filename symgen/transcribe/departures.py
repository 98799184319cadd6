"""Tones that a string has slid out to: where a shang, a xia or a pressed string arrives after its stroke.

A fast slide blurs the contour, and the curve of its note ends there. The tone on which the finger arrives then looks
like a stroke of its own, but nothing is struck: the spectrum does not rise, and it grows no louder.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np

from symgen.transcribe.features import Onsets
from symgen.transcribe.landings import ORPHAN
from symgen.transcribe.paths import HOP_S, LOWEST, NEAR_KEY, PER_SEMITONE, Stroke

CLEAR_S, WEAK_RISE_DB, UNSWOLLEN_DB = 0.045, 4.5, 1.5
"""A stroke is heard where, this near to it, the spectrum rises strongly, or rises and grows louder."""

BEFORE, AFTER = 14, 8
"""Frames before and after a tone within which the curve of the note that slid there ends."""

NEAREST, FARTHEST = 0.8, 12.0
"""Semitones of such a slide."""

HELD_FRAMES = 7
"""A note is that old when it slides away: before that it slides in (:mod:`symgen.transcribe.landings`)."""

STRUCK_SURELY, LONELY_FRAMES = 0.85, 8
"""Height of a stroke that is one although it is not heard, as in sweeps, and how far off other strokes are from a
tone that is none."""

DOUBTFUL, PLAIN_DB = 0.55, 9.0
"""A stroke under this height is proved only by a rise of this many decibels: a string can grow louder where it
arrives."""

LED_FRAMES = 8
"""So soon after a stroke a curve that it draws over has arrived."""

DIPS = 0.55
"""A curve that goes on in the ring of the room has still lost this much of its activation when its string slides."""


def is_heard(onsets: Onsets | None, time: float, plainly_db: float = 0.0) -> bool:
    """Return whether the spectrum rises clearly at a time in seconds, as far as is known, and by so much at least."""
    if onsets is None:
        return True
    low, high = np.searchsorted(onsets.times, [time - CLEAR_S, time + CLEAR_S])
    strong = (onsets.strengths[low:high] >= WEAK_RISE_DB) | (onsets.swells[low:high] >= UNSWOLLEN_DB)
    return bool((strong & (onsets.strengths[low:high] >= plainly_db)).any())


def departed(strokes: Sequence[Stroke], onsets: Onsets | None) -> list[Stroke]:
    """Return the strokes in order of time, those that nothing struck given to the notes that slid to them.

    A tone that nothing tells of but itself (:data:`symgen.transcribe.landings.ORPHAN`) is left out if none did.

    Parameters
    ----------
    strokes : sequence of Stroke
        With their curves, in order of time; those that slide are changed.
    onsets : Onsets or None
        Rises of the spectrum; without them nothing is known of what was struck.
    """
    kept: list[Stroke] = []
    for index, stroke in enumerate(strokes):
        sure = stroke.height >= STRUCK_SURELY or not _is_lonely(strokes, index)
        rise = 0.0 if stroke.height >= DOUBTFUL else PLAIN_DB
        struck = sure or is_heard(onsets, stroke.at * HOP_S, rise)
        source = None if struck else _source(stroke, kept)
        if source is not None:
            _join(source, stroke)
        elif stroke.height > ORPHAN:
            kept.append(stroke)
    return kept


def _is_lonely(strokes: Sequence[Stroke], index: int) -> bool:
    """Return whether no other stroke is near to one."""
    near = [*strokes[max(0, index - 4) : index], *strokes[index + 1 : index + 5]]
    return all(abs(other.at - strokes[index].at) > LONELY_FRAMES for other in near if other.height > ORPHAN)


def _source(tone: Stroke, kept: Sequence[Stroke]) -> Stroke | None:
    """Return the note that slid to a tone: of those that end as it begins, the nearest in time, then in pitch."""
    best: tuple[float, float] | None = None
    found = None
    place = LOWEST + (tone.bins[min(4, len(tone.bins) - 1)] - 1.0) / PER_SEMITONE
    for note in reversed(kept[-32:]):
        if not note.bins or note.first > tone.first - HELD_FRAMES or note.stop < tone.first - BEFORE:
            continue
        at = min(bisect_left(note.frames, tone.first), len(note.bins) - 1)
        away = abs(place - float(note.pitch(at, at + 1)[0]))
        if not NEAREST <= away <= FARTHEST or (note.stop > tone.first + AFTER and not _dips(note, at)):
            continue
        rank = (float(abs(tone.first - note.stop)) if note.stop <= tone.first + AFTER else 1e3, away)
        if best is None or rank < best:
            best, found = rank, note
    return found


def _dips(note: Stroke, at: int) -> bool:
    before, around = np.array(note.heard[max(0, at - 25) : at - 10]), np.array(note.heard[max(0, at - 6) : at + 5])
    return bool(len(before) > 3 and len(around) and around.min() < DIPS * before.mean())


def _join(note: Stroke, tone: Stroke) -> None:
    """Let the curve of a note lead over to a tone and go on as that does."""
    first = tone.frames[0]
    note.cut(max(1, bisect_left(note.frames, first)))
    last, place = note.frames[-1], note.bins[-1]
    gap = range(last + 1, first)
    between = np.interp(gap, [last, first], [place, tone.bins[0]])
    note.add([(frame, float(at), 0.3) for frame, at in zip(gap, between, strict=True)])
    note.add(list(zip(tone.frames, tone.bins, tone.heard, strict=True)))


def parted(strokes: Sequence[Stroke]) -> None:
    """End each curve that goes over to a neighbouring tone as that is struck: there its own string was struck anew.

    A guzheng string that is pressed as it is struck again sounds a semitone or two from where it was, and the curve
    of the stroke before would lead over to it.

    Parameters
    ----------
    strokes : sequence of Stroke
        In order of time; curves are cut.
    """
    for index, stroke in enumerate(strokes):
        for note in strokes[max(0, index - 24) : index]:
            at = bisect_left(note.frames, stroke.first)
            if not 2 <= at < len(note.frames) - LED_FRAMES:
                continue
            away = np.abs(note.pitch(at - 2, at + LED_FRAMES + 1) - LOWEST - stroke.key)
            if away[0] >= NEAREST and away[-1] < NEAR_KEY:
                note.cut(at)
                note.stop = stroke.first
