"""Notes: one structured numpy array, checked and put in order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symgen.errors import ScoreError


class Technique(IntEnum):
    """How a note is made, as far as its source really tells."""

    PLUCK = 0
    """Struck; nothing more is known."""
    OPEN = 1
    """San 散, open string."""
    STOPPED = 2
    """An 按, stopped or pressed string."""
    HARMONIC = 3
    """Fan 泛, harmonic."""
    GRACE = 4
    """Grace note; its ticks are taken from a neighbour."""
    SLIDE_UP = 5
    """Chuo 绰 or shanghua 上滑音: the pitch rises into or out of the note."""
    SLIDE_DOWN = 6
    """Zhu 注 or xiahua 下滑音: the pitch falls into or out of the note."""
    VIBRATO = 7
    """Yin 吟, nao 猱 or chanyin 颤音."""
    TREMOLO = 8
    """Yaozhi 摇指 or lun 轮."""
    GLISSANDO = 9
    """Huazhi 花指, guazou 刮奏, gun 滚, fu 拂."""


NOTE_DTYPE = np.dtype(
    [
        ("onset", np.int64),  # ticks from the start
        ("duration", np.int64),  # ticks, > 0
        ("pitch", np.int16),  # MIDI note number, 0..127
        ("velocity", np.int16),  # 1..127
        ("voice", np.int16),  # 0.. within the piece
        ("technique", np.int16),  # Technique
    ]
)

DEFAULT_VELOCITY = 80
MAX_TICKS = 2**40
"""No piece is longer: at 480 ticks and 60 qpm this is 72 years; it only stops overflow."""
NoteArray = NDArray[np.void]

_FIELD_RANGES = {
    "onset": (0, MAX_TICKS),
    "duration": (1, MAX_TICKS),
    "pitch": (0, 127),
    "velocity": (1, 127),
    "voice": (0, 32767),
    "technique": (0, len(Technique) - 1),
}


def make_notes(
    rows: Iterable[Sequence[int]] = (),
    *,
    onset: Any = None,
    duration: Any = None,
    pitch: Any = None,
    velocity: Any = DEFAULT_VELOCITY,
    voice: Any = 0,
    technique: Any = Technique.PLUCK,
) -> NoteArray:
    """Build a note array from rows ``(onset, duration, pitch[, velocity[, voice[, technique]]])`` or from columns.

    Parameters
    ----------
    rows : iterable of sequences of int
        One row a note; used when `onset` is None.
    onset, duration, pitch : array_like of int, shape (n,)
        Columns in ticks, ticks and MIDI note numbers.
    velocity, voice, technique : int or array_like of int, shape (n,)
        Further columns.

    Returns
    -------
    ndarray of NOTE_DTYPE, shape (n,)
        Unsorted and unchecked: :class:`Score` does both.
    """
    if onset is None:
        defaults = (DEFAULT_VELOCITY, 0, int(Technique.PLUCK))
        full = [tuple(row) + defaults[len(row) - 3 :] for row in rows]
        return np.array(full, dtype=NOTE_DTYPE)
    notes = np.zeros(len(onset), dtype=NOTE_DTYPE)
    columns = {"onset": onset, "duration": duration, "pitch": pitch}
    columns |= {"velocity": velocity, "voice": voice, "technique": technique}
    for name, values in columns.items():
        notes[name] = values
    return notes


def checked_notes(notes: NoteArray) -> NoteArray:
    """Return the notes sorted and read-only, or raise ScoreError for the first value out of range."""
    if not isinstance(notes, np.ndarray) or notes.dtype != NOTE_DTYPE or notes.ndim != 1:
        found = getattr(notes, "dtype", type(notes).__name__)
        raise ScoreError(
            f"Score.notes is {found}", expected="a one-dimensional array of NOTE_DTYPE (make_notes builds one)"
        )
    for name, (low, high) in _FIELD_RANGES.items():
        column = notes[name]
        bad = np.flatnonzero((column < low) | (column > high))
        if len(bad):
            raise ScoreError(f"Score.notes[{bad[0]}].{name} is {column[bad[0]]}", expected=f"{low} to {high}")
    order = np.lexsort(
        tuple(notes[name] for name in ("velocity", "technique", "duration", "pitch", "voice", "onset"))  # last leads
    )
    ordered = notes[order]
    ordered.flags.writeable = False
    return ordered
