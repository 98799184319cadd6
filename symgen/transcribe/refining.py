"""The one-voice pitch as a finer pen for the curves of several voices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from symgen.transcribe.notes import Floats, HeardNote

if TYPE_CHECKING:
    from symgen.transcribe.mono import Contour

AGREE_CENTS, AGREE_SURE = 45.0, 0.9
"""One-voice pitch this near to a note's curve, and this sure, is the same string heard finer."""


def refined(notes: Sequence[HeardNote], contour: Contour) -> list[HeardNote]:
    """Return the notes with their curves drawn by the one-voice pitch where that follows the same string.

    The network's bins are a third of a semitone wide; swift-f0 hears a few cents, where one string is loudest.
    """
    times, sure = contour.times, contour.confidence >= AGREE_SURE
    if not len(times):
        return list(notes)
    return [_refined(note, times, contour.pitch, sure) for note in notes]


def _refined(note: HeardNote, times: Floats, pitch: Floats, sure: NDArray[np.bool_]) -> HeardNote:
    at, bend = note.bend
    if len(at) < 3:
        return note
    fine = np.interp(at, times, pitch) - note.pitch
    index = np.minimum(np.round(at / (times[1] - times[0])).astype(int), len(times) - 1) if len(times) > 1 else [0]
    same = sure[index] & (np.abs(fine * 100.0 - bend) <= AGREE_CENTS)
    if same.mean() < 0.5:
        return note
    curve = np.where(same, fine * 100.0, bend)
    resting = same & (np.abs(curve) < 40.0)
    shift = float(np.median(curve[resting])) if resting.sum() > 3 else 0.0
    return replace(note, pitch=note.pitch + shift / 100.0, bend=(at, curve - shift))
