"""MIDI to tokens for thousands of files: what reader, detector and codec do for one file, by compiled kernels.

The result is the same as ``encode(read(file))`` gives; a test holds the two equal over damaged files. Files that
are not sound, and the rare one whose mode hangs on more than its last note, go the long way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from symgen.native import compiled, is_available
from symgen.readers._smf_batch import MAX_BATCH_BYTES, MidiBatch, read_batch
from symgen.score import Score, rescaled
from symgen.theory._gong import find_gongs
from symgen.theory.detect import PROFILE, mode_of_notes
from symgen.theory.modes import MODE_BY_FINAL
from symgen.tokens import rhythm
from symgen.tokens._steps import LOST, tables, write_files
from symgen.tokens.prefix import Prefix, metre_class
from symgen.tokens.sequence import TokenSequence
from symgen.units import TICKS_PER_QUARTER, rescale

__all__ = ["MAX_BATCH_BYTES", "Bulk", "MidiBatch", "encode_batch", "is_available", "read_batch", "tokenise", "warm_up"]

Ints = NDArray[np.int64]

_TIE = 1e-9
"""Two gongs nearer than this in probability are for the long way: the last digit of a sum must not decide."""


@dataclass(frozen=True, slots=True)
class Bulk:
    """A batch of MIDI files as tokens.

    Parameters
    ----------
    midi : MidiBatch
        Notes and maps; ``midi.sound`` tells which files are here.
    gong : ndarray of int64, shape (files,)
        Pitch class of gong.
    confidence : ndarray of float64, shape (files,)
        Posterior probability of the gong.
    final : ndarray of int64, shape (files,)
        Pitch class of the final, -1 where it takes a closer look.
    reference : ndarray of int64, shape (files,)
        MIDI note of the reference gong.
    first_step : ndarray of int64, shape (files + 1,)
        Where each file's steps begin.
    rhythm, melody, chord : ndarray of int16, shape (steps,)
        Tokens of all sound files, one after the other.
    counts : ndarray of int64, shape (files, len(LOST))
        What encoding lost.
    """

    midi: MidiBatch
    gong: Ints
    confidence: NDArray[np.float64]
    final: Ints
    reference: Ints
    first_step: Ints
    rhythm: NDArray[np.int16]
    melody: NDArray[np.int16]
    chord: NDArray[np.int16]
    counts: Ints

    def mode(self, file: int) -> str:
        """Return the mode of a file."""
        final = int(self.final[file])
        mode = MODE_BY_FINAL.get((final - int(self.gong[file])) % 12) if final >= 0 else None
        return mode.name if mode is not None else mode_of_notes(self.midi.notes(file), int(self.gong[file]))

    def sequence(self, file: int, score: Score, style: str = "unknown") -> TokenSequence:
        """Return the tokens of a sound file as :func:`symgen.tokens.codec.encode` gives them of its Score."""
        rows = slice(self.first_step[file], self.first_step[file + 1])
        metres = rescaled(score.metres, score.ticks_per_quarter, TICKS_PER_QUARTER)
        lost = Counter({code: int(n) for code, n in zip(LOST, self.counts[file], strict=True) if n})
        voices = np.count_nonzero(self.midi.voice[self.midi.first_note[file] : self.midi.first_note[file + 1]])
        if voices:
            lost["voice"] = int(voices)
        return TokenSequence(
            self.rhythm[rows],
            self.melody[rows],
            self.chord[rows],
            gong=int(self.reference[file]),
            prefix=Prefix(style, self.mode(file), metre_class(metres)),
            metres=metres,
            tempi=rescaled(score.tempi, score.ticks_per_quarter, TICKS_PER_QUARTER),
            title=score.title,
            lost=lost,
        )


def tokenise(files: Sequence[bytes]) -> Bulk:
    """Read and encode the sound ones of some MIDI files, ``MAX_BATCH_BYTES`` together at most."""
    return encode_batch(read_batch(files))


def encode_batch(midi: MidiBatch, gongs: Sequence[int | None] | None = None, ends: Ints | None = None) -> Bulk:
    """Encode the sound files of a batch.

    Parameters
    ----------
    midi : MidiBatch
        As :func:`symgen.readers._smf_batch.read_batch` gives it; ``sound`` is set to False where the gong hangs on
        the last digit of a sum.
    gongs : sequence of int or None, optional
        Pitch class of gong of each file where it is known; detected otherwise.
    ends : ndarray of int64, shape (files,), optional
        Length of each file in its own ticks, where it is not to be that of the file.
    """
    count = len(midi.sound)
    posterior = np.zeros((count, 12))
    median, final = np.zeros(count, np.int64), np.zeros(count, np.int64)
    compiled(find_gongs)(
        midi.first_note, midi.onset, midi.pitch, np.array(PROFILE.weights), PROFILE.power, PROFILE.half_notes,
        posterior, median, final,
    )  # fmt: skip
    gong = posterior.argmax(axis=1)
    known = np.array([-1 if g is None else g for g in gongs or [None] * count], dtype=np.int64)
    highest = np.sort(posterior, axis=1)[:, -2:]
    midi.sound[:] &= (known >= 0) | (highest[:, 1] - highest[:, 0] > _TIE)
    gong = np.where(known >= 0, known, gong)
    reference = median - (median - gong) % 12
    bases = np.repeat(midi.divisions, np.diff(midi.first_note))
    onset, note_ends = rescale(midi.onset, bases), rescale(midi.onset + midi.duration, bases)
    duration = np.maximum(1, note_ends - onset)
    lengths = _lengths(midi, midi.ends if ends is None else ends, onset + duration)
    room = 2 * len(onset) + int(lengths.sum()) // rhythm.GRID[-1] + 4 * count
    rhythms, melodies, chords = (np.empty(room, np.int16) for _ in range(3))
    first_step, counts = np.zeros(count + 1, np.int64), np.zeros((count, len(LOST)), np.int64)
    compiled(write_files)(
        midi.first_note, onset, duration, midi.pitch, np.zeros(len(onset), np.int64), lengths, reference,
        rhythms, melodies, chords, first_step, counts, tables(),
    )  # fmt: skip
    steps = first_step[-1]
    confidence = posterior[np.arange(count), gong]
    return Bulk(
        midi, gong, confidence, final, reference, first_step, rhythms[:steps], melodies[:steps], chords[:steps], counts
    )


def _lengths(midi: MidiBatch, ends: Ints, note_ends: Ints) -> Ints:
    """Return the length of each file in the time base of tokens."""
    lengths: Ints = rescale(ends, np.maximum(1, midi.divisions))
    some = np.flatnonzero(np.diff(midi.first_note))
    if len(some):
        lengths[some] = np.maximum(lengths[some], np.maximum.reduceat(note_ends, midi.first_note[some]))
    lengths[np.diff(midi.first_note) == 0] = 0  # files that are left out
    return lengths


def warm_up() -> None:
    """Compile the kernels, or load them from where an earlier process left them."""
    header = b"MThd\0\0\0\6\0\0\0\1\1\xe0"
    tokenise([header + b"MTrk\0\0\0\x0d\0\x90\x3c\x40\x60\x80\x3c\0\0\xff\x2f\0\0"])
