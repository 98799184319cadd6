"""The one-voice pitch as a finer pen for the curves of several voices.

The network's bins are a third of a semitone wide, and it loses the first moments of a slide; swift-f0 hears a few
cents wherever one string is the loudest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from symgen.transcribe.notes import Floats, HeardNote

if TYPE_CHECKING:
    from symgen.transcribe.mono import Contour

AGREE_CENTS, SURE = 60.0, 0.85
"""One-voice pitch this near to a note's curve, and this sure, is the same string heard finer."""

HIDDEN_FRAMES = 1
"""Frames of 16 ms that the burst of a stroke hides."""

STEP_CENTS = 130.0
"""How far the one-voice pitch may move in a frame where only it follows the string."""

BACK_FRAMES, SLID_CENTS = 6, 50.0
"""A curve is followed beyond its end from one of its last frames, if it slides so far from there."""

FEWEST_FRAMES = 5
"""Frames that have to agree before the one-voice pitch is taken at all."""


def refined(notes: Sequence[HeardNote], contour: Contour) -> list[HeardNote]:
    """Return the notes with their curves drawn by the one-voice pitch where that follows the same string.

    Parameters
    ----------
    notes : sequence of HeardNote
        With the curves that the network gives.
    contour : Contour
        One-voice pitch of the same recording.
    """
    if len(contour.pitch) < 2:
        return list(notes)
    nexts = [*(note.onset_s for note in notes[1:]), len(contour.pitch) * float(contour.times[1])]
    return [_slid_away(_refined(note, contour), contour, until) for note, until in zip(notes, nexts, strict=True)]


def _slid_away(note: HeardNote, contour: Contour, until: float) -> HeardNote:
    """Return a note followed beyond the end of its curve where the one-voice pitch slides on from there.

    The network loses a string that slides away fast; while nothing else is struck, up to second `until`, what goes on
    smoothly from the same pitch is the same string.
    """
    at, bend = note.bend
    step = float(contour.times[1])
    if len(at) < 3:
        return note
    begin = round(float(at[-1]) / step)
    first, last = max(0, begin - BACK_FRAMES), min(len(contour.pitch), int(until / step))
    fine = (contour.pitch[first:last] - note.pitch) * 100.0
    sure = contour.confidence[first:last] >= SURE
    if last - begin < FEWEST_FRAMES or begin - first < 1:
        return note
    old = np.arange(first, begin) * step
    same = np.flatnonzero(
        sure[: begin - first] & (np.abs(fine[: begin - first] - np.interp(old, at, bend)) <= AGREE_CENTS)
    )
    if not len(same):
        return note
    place = int(same[-1])
    end = place + 1
    while end < len(fine) and sure[end] and abs(fine[end] - fine[end - 1]) <= STEP_CENTS:
        end += 1
    path = fine[place + 1 : end]
    if len(path) < FEWEST_FRAMES or np.abs(path - fine[place]).max() < SLID_CENTS:
        return note
    times = np.arange(first + place + 1, first + end) * step
    earlier = at < times[0]
    curve = (np.concatenate([at[earlier], times]), np.concatenate([bend[earlier], path]))
    return replace(note, offset_s=max(note.offset_s, float(times[-1])), bend=curve)


def _refined(note: HeardNote, contour: Contour) -> HeardNote:
    at, bend = note.bend
    if len(at) < 3:
        return note
    step = float(contour.times[1])
    first, last = round(note.onset_s / step) + HIDDEN_FRAMES, min(len(contour.pitch) - 1, int(at[-1] / step))
    if last - first < 3:
        return note
    times = np.arange(first, last + 1) * step
    fine = (contour.pitch[first : last + 1] - note.pitch) * 100.0
    sure = contour.confidence[first : last + 1] >= SURE
    curve = np.interp(times, at, bend)
    known = times >= at[0] - 0.5 * step
    same = known & sure & (np.abs(fine - curve) <= AGREE_CENTS)
    if same.sum() < FEWEST_FRAMES:
        return note
    followed = _grown(fine, sure, same)
    curve = np.where(followed, fine, curve)
    begin = int(np.argmax(followed | known))
    resting = same & (np.abs(curve) < 40.0)
    shift = float(np.median(curve[resting])) if resting.sum() > 3 else 0.0
    return replace(note, pitch=note.pitch + shift / 100.0, bend=(times[begin:], curve[begin:] - shift))


def _grown(fine: Floats, sure: NDArray[np.bool_], same: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the frames that the one-voice pitch reaches from where it agrees, going on smoothly both ways.

    It leaps where it goes over to another string, by the distance of two strings at least.
    """
    followed = same.copy()
    for indices in (range(1, len(fine)), range(len(fine) - 2, -1, -1)):
        back = -1 if indices.step > 0 else 1
        for at in indices:
            if not followed[at] and followed[at + back] and sure[at]:
                followed[at] = abs(fine[at] - fine[at + back]) <= STEP_CENTS
    return followed
