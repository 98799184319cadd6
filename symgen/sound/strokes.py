"""Strokes in order: checked once, and where each of them ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from symgen.errors import UsageError
from symgen.sound.model import Rings, SoundNote

MOST_SECONDS = 3600.0
"""Longest recording made in one piece; longer ones are put together by the caller."""


def checked_notes(notes: Sequence[SoundNote]) -> list[SoundNote]:
    """Return the notes in order of onset.

    Raises
    ------
    UsageError
        Naming the first note with a value out of range.
    """
    for index, note in enumerate(notes):
        bounds = (
            ("onset", note.onset, 0.0, MOST_SECONDS),
            ("duration", note.duration, 1e-4, np.inf),
            ("pitch", note.pitch, 0.0, 127.0),
            ("velocity", note.velocity, 1.0, 127.0),
        )
        for name, value, low, high in bounds:
            if not low <= value <= high:
                raise UsageError(f"note {index}: {name} {value}", expected=f"{low:g} to {high:g}")
        if note.bend is not None:
            _check_bend(index, *note.bend)
    return sorted(notes, key=lambda note: (note.onset, note.pitch))


def _check_bend(index: int, seconds: Any, cents: Any) -> None:
    seconds, cents = np.asarray(seconds), np.asarray(cents)
    if seconds.shape != cents.shape or seconds.ndim != 1 or not len(seconds):
        raise UsageError(
            f"note {index}: bend of shapes {seconds.shape} and {cents.shape}", expected="two equal columns"
        )
    if not (np.isfinite(seconds).all() and np.isfinite(cents).all() and (np.diff(seconds) >= 0).all()):
        raise UsageError(f"note {index}: a bend that is not finite or goes back in time", expected="rising seconds")
    if np.abs(cents).max() > 4800.0:
        raise UsageError(f"note {index}: a bend of {np.abs(cents).max():.0f} cents", expected="at most 4800")


def settled(notes: Sequence[SoundNote], model: Rings, decibels: float = 40.0) -> list[SoundNote]:
    """Return the notes in order of onset, each ended where it stops to be heard.

    That is where its string is damped, struck again, or has fallen by `decibels`.
    """
    ordered = sorted(notes, key=lambda note: (note.onset, note.pitch))
    ends = until_struck(ordered)
    found = []
    for note, end in zip(ordered, ends, strict=True):
        seconds = min(end - note.onset, note.duration, model.ring_seconds(note, decibels))
        found.append(replace(note, duration=max(seconds, 1e-3)))
    return found


def until_struck(ordered: Sequence[SoundNote]) -> list[float]:
    """Return when the string of each note is struck again, infinite if it is not."""
    ends = [np.inf] * len(ordered)
    upcoming: dict[tuple[str, int], float] = {}
    for index in range(len(ordered) - 1, -1, -1):
        note = ordered[index]
        key = ("string", note.string) if note.string else ("pitch", round(note.pitch))
        ends[index] = upcoming.get(key, np.inf)
        upcoming[key] = note.onset
    return ends
