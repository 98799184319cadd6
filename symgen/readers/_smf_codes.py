"""What the kernels that read MIDI files count: reason codes by their place in an array of counts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

MENDED: Final = (
    "truncated-track",
    "missing-end-of-track",
    "stray-byte",
    "bad-data-byte",
    "stray-note-off",
    "overlap",
    "hanging-note",
    "zero-length",
)
LOST: Final = ("aftertouch", "controller", "program", "pitch-bend", "sysex", "percussion")
CODES: Final = (*MENDED, *LOST)

TRUNCATED, NO_END, STRAY_BYTE, BAD_DATA, STRAY_OFF, OVERLAP, HANGING, ZERO_LENGTH = range(len(MENDED))
AFTERTOUCH, CONTROLLER, PROGRAM, PITCH_BEND, SYSEX, PERCUSSION = range(len(MENDED), len(CODES))


def named_counts(counts: Iterable[int], names: Iterable[str]) -> dict[str, int]:
    """Return code -> count for the `names` among what the kernels counted, zeros left out."""
    wanted = set(names)
    return {code: int(count) for code, count in zip(CODES, counts, strict=True) if count and code in wanted}
