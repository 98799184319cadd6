"""The arrays of a dataset verified: a block of steps at a time, whatever pieces they belong to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from symgen.corpus.findings import MOST_FAULTS, Findings
from symgen.corpus.hashed import BLOCK, Files
from symgen.tokens import chord, melody
from symgen.tokens.sequence import FAMILIES

Seen = Callable[[int], None]

_TONES = [chord.chord_intervals(token) for token in range(len(chord.VOCABULARY))]
_SIZE: Final = np.array([1 + len(intervals) for intervals in _TONES])
"""Notes of a step by its chord token, the melody's own with them."""

_DEPTH: Final = np.array([max(intervals, default=0) for intervals in _TONES])
"""Semitones from the melody's tone down to the lowest of the chord."""


def check_offsets(offsets: NDArray[np.int64], steps: int, findings: Findings) -> bool:
    """Check that pieces begin one after the other and fill the arrays; return whether that is so."""
    bad = np.flatnonzero(np.diff(offsets) < 0)
    for number in bad[:MOST_FAULTS].tolist():
        findings.wrong(
            "offsets", f"offsets.npy, piece {number}", f"{offsets[number]} to {offsets[number + 1]}", "an end behind it"
        )
    findings.count_more("offsets", max(0, len(bad) - MOST_FAULTS))
    for where, found, expected in (("beginning", int(offsets[0]), 0), ("end", int(offsets[-1]), steps)):
        if found != expected:
            findings.wrong("offsets", f"offsets.npy, {where}", found, expected)
    return not findings.are_wrong("offsets")


def check_tokens(
    files: Files,
    steps: int,
    offsets: NDArray[np.int64] | None,
    rows: NDArray[Any] | None,
    findings: Findings,
    seen: Seen,
) -> None:
    """Check every token, and that the tokens of a piece make as many notes as they should.

    Parameters
    ----------
    files : Files
        The dataset.
    steps : int
        Steps that it has.
    offsets, rows : ndarray or None
        What ``offsets.npy`` and ``pieces.npy`` hold; None where that is not to be relied on.
    findings : Findings
        Gets the faults.
    seen : callable
        Told of the number of steps seen.
    """
    arrays = [files.array(family.NAME, steps) for family in FAMILIES]
    counter = None
    if all(arrays) and offsets is not None and rows is not None:
        counter = _NoteCounter(offsets, rows, findings)
    for start in range(0, steps if any(arrays) else 0, BLOCK):  # a claim that no file bears out is not gone through
        blocks = [array.take(min(BLOCK, steps - start)) if array else None for array in arrays]
        for family, block in zip(FAMILIES, blocks, strict=True):
            if block is not None:
                _check_block(family, block, start, offsets, findings)
        if findings.are_wrong("tokens"):
            counter = None
        if counter is not None:
            counter.add(start, blocks)
        seen(start)
    if counter is None:
        findings.skip("notes", reason="tokens, offsets.npy or pieces.npy are not to be relied on")
    else:
        counter.finish()


def _check_block(
    family: Any, block: NDArray[np.int16], start: int, offsets: NDArray[np.int64] | None, findings: Findings
) -> None:
    size = len(family.VOCABULARY)
    bad = np.flatnonzero((block < 1) | (block >= size))
    for place in bad[:MOST_FAULTS].tolist():
        step = start + place
        piece = "" if offsets is None else f", piece {int(np.searchsorted(offsets, step, 'right')) - 1}"
        findings.wrong("tokens", f"{family.NAME}.npy, step {step}{piece}", int(block[place]), f"1 to {size - 1}")
    findings.count_more("tokens", max(0, len(bad) - MOST_FAULTS))


class _NoteCounter:
    """Counts the notes of each piece as its steps pass by."""

    def __init__(self, offsets: NDArray[np.int64], rows: NDArray[Any], findings: Findings) -> None:
        self._offsets, self._rows, self._findings = offsets, rows, findings
        self._notes = np.zeros(len(rows), np.int64)

    def add(self, start: int, blocks: Sequence[NDArray[np.int16] | None]) -> None:
        """Take in the tokens of the steps from `start` on, which are all in their vocabularies."""
        _, tones, chords = blocks
        assert tones is not None
        assert chords is not None
        first = int(np.searchsorted(self._offsets, start, "right")) - 1
        last = int(np.searchsorted(self._offsets, start + len(tones), "left"))
        bounds = np.clip(self._offsets[first : last + 1], start, start + len(tones))
        piece = np.repeat(np.arange(first, last), np.diff(bounds))
        sounding = tones != melody.REST
        self._notes[first:last] += np.bincount(
            piece - first, weights=np.where(sounding, _SIZE[chords], 0), minlength=last - first
        ).astype(np.int64)
        top = self._rows["gong"][piece] + melody.RELATIVE[tones]
        bad = np.flatnonzero(sounding & ((top > 127) | (top - _DEPTH[chords] < 0)))
        for place in bad[:MOST_FAULTS].tolist():
            pitch = f"pitch {top[place]}, the lowest {top[place] - _DEPTH[chords[place]]}"
            self._findings.wrong("notes", f"step {start + place}, piece {piece[place]}", pitch, "MIDI notes 0 to 127")
        self._findings.count_more("notes", max(0, len(bad) - MOST_FAULTS))

    def finish(self) -> None:
        """Compare the counts with those of ``pieces.npy``."""
        bad = np.flatnonzero(self._notes != self._rows["notes"])
        for piece in bad[:MOST_FAULTS].tolist():
            notes = f"{self._rows['notes'][piece]} notes"
            self._findings.wrong(
                "notes", f"pieces.npy, piece {piece}", notes, f"{self._notes[piece]}, as its tokens make"
            )
        self._findings.count_more("notes", max(0, len(bad) - MOST_FAULTS))
