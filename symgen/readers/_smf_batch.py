"""Many MIDI files at once: sound ones as columns of numbers, the others named for the long way.

Most files of an archive are as the standard wants them. For these three compiled kernels do what
:mod:`symgen.readers.midi` does for one file, with the same results; the rest is left to it. A test holds the
two ways equal over damaged files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from symgen.native import compiled
from symgen.readers import midi
from symgen.readers._smf import walk_files
from symgen.readers._smf_codes import CODES, LOST, MENDED, named_counts
from symgen.readers._smf_maps import map_files
from symgen.readers._smf_notes import pair_files
from symgen.score import Key, Metre, NoteArray, Score, Tempo, make_notes

Ints = NDArray[np.int64]

MAX_BATCH_BYTES = 8 * 2**20
"""A batch beyond this is for the long way: columns are as long as its bytes allow."""


@dataclass(frozen=True, slots=True)
class MidiBatch:
    """What a batch of MIDI files says, one row a note over all sound files.

    Parameters
    ----------
    sound : ndarray of bool, shape (files,)
        Whether a file is here; the others have no notes, and :func:`symgen.readers.midi.read` reads them.
    first_note : ndarray of int64, shape (files + 1,)
        Where each file's notes begin.
    onset, duration, velocity, pitch, voice : ndarray of int64, shape (notes,)
        Sorted as a Score sorts them; ticks in the file's own time base.
    divisions, ends : ndarray of int64, shape (files,)
        Ticks per quarter note; length in ticks.
    """

    data: bytes
    sound: NDArray[np.bool_]
    first_note: Ints
    onset: Ints
    duration: Ints
    velocity: Ints
    pitch: Ints
    voice: Ints
    divisions: Ints
    ends: Ints
    _maps: _Maps

    def notes(self, file: int) -> NoteArray:
        """Return the notes of a file in its own time base, as its Score has them."""
        rows = slice(self.first_note[file], self.first_note[file + 1])
        return make_notes(
            onset=self.onset[rows],
            duration=self.duration[rows],
            pitch=self.pitch[rows],
            velocity=self.velocity[rows],
            voice=self.voice[rows],
        )

    def score(self, file: int, name: str) -> Score:
        """Return a file's Score but for its texts and sections; `name` gives the title where the file says none."""
        return Score.of_sorted(
            self.notes(file),
            ticks_per_quarter=int(self.divisions[file]),
            tempi=self.tempi(file),
            metres=self.metres(file),
            keys=self.keys(file),
            title=midi.title_of(self._maps.texts(file, self.data), name),
            end=int(self.ends[file]),
        )

    def tempi(self, file: int) -> tuple[Tempo, ...]:
        """Return the tempo map of a file, as its Score has it."""
        maps = self._maps
        rows = maps.tempo[maps.first_tempo[file] : maps.first_tempo[file + 1]].tolist()
        return tuple(Tempo(tick, midi.shortest_qpm(microseconds)) for tick, microseconds in rows)

    def metres(self, file: int) -> tuple[Metre, ...]:
        """Return the metre map of a file, as its Score has it."""
        maps = self._maps
        rows = maps.metre[maps.first_metre[file] : maps.first_metre[file + 1]].tolist()
        return tuple(Metre(*row) for row in rows)

    def keys(self, file: int) -> tuple[Key, ...]:
        """Return the keys that a file declares, as its Score has them."""
        maps = self._maps
        rows = maps.key[maps.first_key[file] : maps.first_key[file + 1]].tolist()
        return tuple(Key(tick, gong, "yu" if minor else None) for tick, gong, minor in rows)

    def lost(self, file: int) -> Counter[str]:
        """Return what of a file has no place in a Score."""
        found = Counter(named_counts(self._maps.counts[file], LOST))
        kinds = self._maps.kinds[file]
        for kind in np.flatnonzero(kinds).tolist():
            if (code := midi.lost_meta(kind)) is not None:
                found[code] += int(kinds[kind])
        return found

    def mended(self, file: int) -> Counter[str]:
        """Return what of a file was repaired or assumed."""
        maps = self._maps
        found = Counter(named_counts(maps.counts[file], MENDED))
        if maps.declared[file] != maps.first_track[file + 1] - maps.first_track[file]:
            found["track-count"] = 1
        if _begins_late(maps.meta_ticks(file, midi.META_TEMPO)):
            found["assumed-tempo"] = 1
        if _begins_late(maps.meta_ticks(file, midi.META_METRE)):
            found["assumed-metre"] = 1
        return found


@dataclass(frozen=True, slots=True)
class _Maps:
    """What stands beside the notes, as the kernels leave it."""

    counts: Ints
    declared: Ints
    first_track: Ints
    first_meta: Ints
    meta_columns: tuple[Ints, ...]
    order: Ints
    kinds: Ints
    tempo: Ints
    metre: Ints
    key: Ints
    first_tempo: Ints
    first_metre: Ints
    first_key: Ints

    def meta_ticks(self, file: int, kind: int) -> Ints:
        """Return the ticks of a file's meta events of a type."""
        if not self.kinds[file, kind]:
            return self.meta_columns[0][:0]
        track = self.first_track[file], self.first_track[file + 1]
        rows = slice(self.first_meta[track[0]], self.first_meta[track[1]])
        ticks: Ints = self.meta_columns[0][rows][self.meta_columns[1][rows] == kind]
        return ticks

    def texts(self, file: int, data: bytes) -> list[tuple[int, int, int, bytes]]:
        """Return (tick, track, type, content) of a file's texts, in order of time."""
        if not self.kinds[file, list(midi.TEXT_METAS)].any():
            return []
        track = self.first_track[file], self.first_track[file + 1]
        rows = self.order[self.first_meta[track[0]] : self.first_meta[track[1]]]
        tracks = np.searchsorted(self.first_meta[track[0] : track[1] + 1], rows, side="right") - 1
        columns = [column[rows].tolist() for column in self.meta_columns]
        return [
            (tick, place, kind, data[start : start + length])
            for place, tick, kind, start, length in zip(tracks.tolist(), *columns, strict=True)
            if kind in midi.TEXT_METAS
        ]


def _begins_late(ticks: Ints) -> bool:
    return len(ticks) > 0 and int(ticks.min()) > 0


def read_batch(files: Sequence[bytes]) -> MidiBatch:
    """Read the sound ones of some MIDI files.

    Parameters
    ----------
    files : sequence of bytes
        Contents, ``MAX_BATCH_BYTES`` together at most.
    """
    data = b"".join(files)
    begins = np.fromiter(accumulate(map(len, files), initial=0), np.int64, len(files) + 1)
    count, size = len(files), len(data)
    array = np.frombuffer(data, np.uint8)
    sound = np.zeros(count, np.bool_)
    formats, divisions, declared = (np.zeros(count, np.int64) for _ in range(3))
    first_track = np.empty(count + 1, np.int64)
    first_strike, first_meta, track_end = (np.empty(size // 8 + 2, np.int64) for _ in range(3))
    strikes = [np.empty(size // 3 + 1, np.int64) for _ in range(3)]
    metas = [np.empty(size // 4 + 1, np.int64) for _ in range(4)]
    counts = np.zeros((count, len(CODES)), np.int64)
    compiled(walk_files)(
        array, begins, sound, formats, divisions, declared, first_track, first_strike, first_meta, track_end,
        *strikes, *metas, counts,
    )  # fmt: skip
    tracks = int(first_track[-1])
    struck, told = int(first_strike[tracks]), int(first_meta[tracks])
    first_strike, first_meta = first_strike[: tracks + 1], first_meta[: tracks + 1]
    strikes = [column[:struck] for column in strikes]
    metas = [column[:told] for column in metas]
    by_channel = (formats != 1) & (np.diff(first_track) == 1)
    notes = [np.empty(struck, np.int64) for _ in range(5)]
    first_note = np.empty(count + 1, np.int64)
    compiled(pair_files)(first_track, by_channel, first_strike, track_end, *strikes, *notes, first_note, counts)
    longest = midi.MAX_QUARTERS * divisions
    ends = _ends(first_note, notes[0] + notes[1], first_track, track_end)
    sound &= (np.diff(first_note) > 0) & (ends <= longest)
    order, kinds = np.empty(told, np.int64), np.zeros((count, 256), np.int64)
    tempo, metre, key = (np.empty((told + 2 * count + 1, width), np.int64) for width in (2, 3, 3))
    firsts = [np.zeros(count + 1, np.int64) for _ in range(3)]
    compiled(map_files)(
        array, sound, divisions, longest, first_meta[first_track], *metas, order, kinds, tempo, metre, key, *firsts
    )
    kept = np.repeat(sound, np.diff(first_note))  # nothing is to be made of the notes of the others
    onset, duration, velocity, pitch, voice = (column[: first_note[-1]][kept] for column in notes)
    first_note = np.concatenate([[0], np.cumsum(np.where(sound, np.diff(first_note), 0))])
    maps = _Maps(counts, declared, first_track, first_meta, tuple(metas), order, kinds, tempo, metre, key, *firsts)
    return MidiBatch(data, sound, first_note, onset, duration, velocity, pitch, voice, divisions, ends, maps)


def _ends(first_note: Ints, note_ends: Ints, first_track: Ints, track_end: Ints) -> Ints:
    """Return the length of each file: the last end of a track or of a note."""
    ends = np.zeros(len(first_note) - 1, np.int64)
    for firsts, values in ((first_note, note_ends), (first_track, track_end)):
        some = np.flatnonzero(np.diff(firsts))
        if len(some):
            ends[some] = np.maximum(ends[some], np.maximum.reduceat(values[: firsts[-1]], firsts[some]))
    return ends
