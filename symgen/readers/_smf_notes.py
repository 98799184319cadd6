"""From the strikes of MIDI tracks to notes: kernels that pair note-ons with note-offs."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from symgen.native import Columns, kernel
from symgen.readers._smf_codes import HANGING, OVERLAP, PERCUSSION, STRAY_OFF, ZERO_LENGTH

PERCUSSION_CHANNEL: Final = 9
KEYS: Final = 2048
"""Channel * 128 + pitch is below this."""


@kernel
def pair_notes(
    strike_tick: Columns,
    strike_key: Columns,
    strike_velocity: Columns,
    first: int,
    last: int,
    end: int,
    onset: Columns,
    duration: Columns,
    velocity: Columns,
    key: Columns,
    following: Columns,
    count: int,
    head: Columns,
    tail: Columns,
    ons: Columns,
    offs: Columns,
    counts: Columns,
) -> int:
    """Pair the note-ons and note-offs of one track's strikes `first` to `last`, filling notes from row `count` on.

    On each key first in, first out, as long as every note is ended. Where note-offs are missing, a note ends at
    the latest where its key is struck again, and the last at `end`, the end of the track. `head` (all -1), `tail`,
    `ons` and `offs` (all 0) are columns of ``KEYS`` rows to work with, left as they were found.

    Returns
    -------
    int
        Rows of notes filled.
    """
    begin = count
    for row in range(first, last):
        if strike_velocity[row]:
            ons[strike_key[row]] += 1
        else:
            offs[strike_key[row]] += 1
    for row in range(first, last):
        now, this = strike_tick[row], strike_key[row]
        if this >> 7 == PERCUSSION_CHANNEL:
            counts[PERCUSSION] += 1 if strike_velocity[row] else 0
            continue
        note = head[this]
        if strike_velocity[row] == 0:
            if note < 0:
                counts[STRAY_OFF] += 1
            else:
                duration[note] = now - onset[note]
                head[this] = following[note]
            continue
        if note >= 0 and onset[note] < now:
            counts[OVERLAP] += 1
            if ons[this] > offs[this]:
                while note >= 0:
                    duration[note] = now - onset[note]
                    note = following[note]
                head[this] = -1
        onset[count], duration[count], velocity[count], key[count] = now, -1, strike_velocity[row], this
        following[count] = -1
        if head[this] < 0:
            head[this] = count
        else:
            following[tail[this]] = count
        tail[this] = count
        count += 1
    for row in range(first, last):
        ons[strike_key[row]] = 0
        offs[strike_key[row]] = 0
    for note in range(begin, count):
        if duration[note] < 0:
            counts[HANGING] += 1
            duration[note] = end - onset[note]
            head[key[note]] = -1
        if duration[note] == 0:
            counts[ZERO_LENGTH] += 1
            duration[note] = 1
    return count


@kernel
def pair_files(
    first_track: Any,
    by_channel: Any,
    first_strike: Any,
    track_end: Any,
    strike_tick: Columns,
    strike_key: Columns,
    strike_velocity: Columns,
    onset: Columns,
    duration: Columns,
    velocity: Columns,
    pitch: Columns,
    voice: Columns,
    first_note: Any,
    counts: Any,
) -> None:
    """Pair the notes of every file of a batch, number the voices without gaps, and sort as a Score does.

    Parameters
    ----------
    first_track : ndarray of int64, shape (files + 1,)
        Where each file's tracks begin.
    by_channel : ndarray of bool, shape (files,)
        Whether a voice is a channel, not a track.
    first_strike, track_end : ndarray of int64, shape (tracks + 1,), (tracks,)
        Where each track's strikes begin; the tick of its end.
    onset, duration, velocity, pitch, voice : ndarray of int64, shape (at least as many as strikes,)
        Filled.
    first_note : ndarray of int64, shape (files + 1,)
        Filled: where each file's notes begin.
    counts : ndarray of int64, shape (files, len(CODES))
        Continued.
    """
    head, tail = np.full(KEYS, -1, np.int64), np.zeros(KEYS, np.int64)
    ons, offs = np.zeros(KEYS, np.int64), np.zeros(KEYS, np.int64)
    following = np.empty(len(strike_tick) + 1, np.int64)
    used = np.zeros(16, np.int64)
    count = 0
    for file in range(len(first_track) - 1):
        begin, voices = count, 0
        first_note[file] = begin
        for track in range(first_track[file], first_track[file + 1]):
            before = count
            count = pair_notes(
                strike_tick, strike_key, strike_velocity, first_strike[track], first_strike[track + 1],
                track_end[track], onset, duration, velocity, pitch, following, count,
                head, tail, ons, offs, counts[file],
            )  # fmt: skip
            for note in range(before, count):
                voice[note] = voices
            voices += 1 if count > before else 0
        if by_channel[file]:
            used[:] = 0
            for note in range(begin, count):
                used[pitch[note] >> 7] = 1
            for channel in range(1, 16):
                used[channel] += used[channel - 1]
            for note in range(begin, count):
                voice[note] = used[pitch[note] >> 7] - 1
        for note in range(begin, count):
            pitch[note] &= 127
        sort_notes(onset, duration, velocity, pitch, voice, begin, count)
    first_note[len(first_track) - 1] = count


@kernel
def sort_notes(
    onset: Columns, duration: Columns, velocity: Columns, pitch: Columns, voice: Columns, begin: int, end: int
) -> None:
    """Sort rows `begin` to `end` by onset, voice, pitch, duration and velocity."""
    keys = np.empty(end - begin, np.int64)
    ordered = True
    for row in range(begin, end):
        keys[row - begin] = onset[row] << 23 | voice[row] << 7 | pitch[row]  # fits where a piece is not too long
        if row > begin and keys[row - begin] <= keys[row - begin - 1]:
            ordered = False
    if ordered:
        return
    order = np.argsort(velocity[begin:end], kind="mergesort")  # the last to be sorted by leads
    order = order[np.argsort(duration[begin:end][order], kind="mergesort")]
    order = order[np.argsort(keys[order], kind="mergesort")] + begin
    for column in (onset, duration, velocity, pitch, voice):
        column[begin:end] = column[order]
