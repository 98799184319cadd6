"""The oscillators: a kernel that adds damped, bent, beating partials to a recording.

A partial is one row of numbers. Its samples are made a block at a time: within a block the frequency is constant and
the amplitude a straight line, so a table of one sine and cosine, turned by the phase of the block, is all it takes.
"""

from __future__ import annotations

from math import cos, pi, sin
from typing import Any, Final

import numpy as np

from symgen.native import kernel

BLOCK: Final = 32
"""Samples in a block: 1.5 ms at 22,050 Hz."""

(
    OMEGA,  # radians a sample
    LEVEL,  # amplitude at full swing
    PHASE,  # radians at the start
    EARLY,  # factor of the early decay, a block
    LATE,  # factor of the late decay, a block
    SHARE,  # share of the amplitude that decays early
    BEAT,  # radians a block
    DEPTH,  # depth of the beating
    BEAT_PHASE,  # radians
    ATTACK,  # samples from rest to full swing
    RELEASE,  # factor of the damping, a block, from the sample of damping on
    FLOOR,  # amplitude below which the partial is over
    COLUMNS,
) = range(13)


@kernel
def add_partials(rows: Any, starts: Any, damped: Any, bends: Any, curves: Any, gains: Any, out: Any) -> None:
    """Add partials to a recording.

    Parameters
    ----------
    rows : ndarray of float64, shape (partials, COLUMNS)
        What each partial does.
    starts, damped : ndarray of int64, shape (partials,)
        Sample of the onset, and the sample from which the string is damped.
    bends : ndarray of int64, shape (partials, 2)
        First and last place in `curves` of the partial's bend; -1 for none.
    curves : ndarray of float64, shape (points,)
        Frequencies as multiples of the plain one at the edges of blocks; the last value of a bend holds on.
    gains : ndarray of float32, shape (partials, channels)
        Amplitude in each channel.
    out : ndarray of float32, shape (channels, samples)
        Continued.
    """
    length = out.shape[1]
    cosine, sine = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
    ramp, piece = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
    for index in range(BLOCK):
        ramp[index] = index / BLOCK
    for partial in range(len(starts)):
        row = rows[partial]
        level, share, attack = row[LEVEL], row[SHARE], row[ATTACK]
        early, late, release = share, 1.0 - share, 1.0
        beat_re, beat_im = cos(row[BEAT_PHASE]), sin(row[BEAT_PHASE])
        turn_re, turn_im = cos(row[BEAT]), sin(row[BEAT])
        depth, start_beat = row[DEPTH], 1.0 + row[DEPTH] * beat_re
        phase_re, phase_im = cos(row[PHASE]), sin(row[PHASE])
        step = row[OMEGA]
        bend, last = bends[partial, 0], bends[partial, 1]
        fresh = True
        step_re, step_im = 1.0, 0.0
        before = 0.0
        block, place = 0, starts[partial]
        while place < length:
            if bend >= 0:
                now = row[OMEGA] * 0.5 * (curves[min(bend + block, last)] + curves[min(bend + block + 1, last)])
                fresh = fresh or now != step
                step = now
            if fresh:
                if step >= pi:
                    break
                step_re, step_im = cos(step), sin(step)
                cosine[0], sine[0] = 1.0, 0.0
                size = 1
                while size < BLOCK:  # what is there, turned on by its own length, doubles it
                    c, d = np.float32(step_re), np.float32(step_im)
                    for index in range(size):
                        cosine[size + index] = cosine[index] * c - sine[index] * d
                        sine[size + index] = cosine[index] * d + sine[index] * c
                    step_re, step_im = step_re * step_re - step_im * step_im, 2.0 * step_re * step_im
                    size *= 2
                fresh = False
            early *= row[EARLY]
            late *= row[LATE]
            if depth > 0.0:
                beat_re, beat_im = beat_re * turn_re - beat_im * turn_im, beat_re * turn_im + beat_im * turn_re
            if place + BLOCK > damped[partial]:
                release *= row[RELEASE]
            swing = min(1.0, (block + 1) * BLOCK / attack)
            after = level * swing * release * (early + late) * (1.0 + depth * beat_re) / start_beat
            a, b = np.float32(before * phase_re), np.float32(before * phase_im)
            da, db = np.float32((after - before) * phase_re), np.float32((after - before) * phase_im)
            for index in range(BLOCK):
                piece[index] = (a + da * ramp[index]) * cosine[index] - (b + db * ramp[index]) * sine[index]
            for channel in range(out.shape[0]):
                gain = gains[partial, channel]
                into = out[channel, place : place + BLOCK]
                if len(into) == BLOCK:
                    for index in range(BLOCK):  # a known length runs in a few wide steps
                        into[index] += gain * piece[index]
                else:
                    for index in range(len(into)):
                        into[index] += gain * piece[index]
            phase_re, phase_im = phase_re * step_re - phase_im * step_im, phase_re * step_im + phase_im * step_re
            before = after
            block += 1
            place += BLOCK
            if swing >= 1.0 and level * release * (early + late) < row[FLOOR]:
                break
