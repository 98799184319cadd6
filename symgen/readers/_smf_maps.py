"""Tempo, metre and key maps of a batch of MIDI files: a kernel over their meta events."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from symgen.native import Columns, kernel

DEFAULT_TEMPO: Final = 500_000
"""Microseconds per quarter note where a file is silent, as the standard says."""

_SHORTEST_TEMPO = 30_000  # 2000 qpm
_TEMPO, _METRE, _KEY = 0x51, 0x58, 0x59


@kernel
def map_files(
    data: Any,
    sound: Any,
    divisions: Any,
    longest: Any,
    first_meta: Any,
    meta_tick: Columns,
    meta_kind: Columns,
    meta_start: Columns,
    meta_length: Columns,
    order: Columns,
    kinds: Any,
    tempo: Any,
    metre: Any,
    key: Any,
    first_tempo: Any,
    first_metre: Any,
    first_key: Any,
) -> None:
    """Fill the maps of every file of a batch, and mark those unsound whose maps need the long way.

    Parameters
    ----------
    data : ndarray of uint8
        The files' bytes.
    sound : ndarray of bool, shape (files,)
        Set to False where a tempo, metre or key is damaged, a bar is no whole number of ticks, or an event lies
        beyond the longest piece.
    divisions, longest : ndarray of int64, shape (files,)
        Ticks per quarter note; the latest tick.
    first_meta : ndarray of int64, shape (files + 1,)
        Where each file's meta events begin.
    meta_tick, ..., meta_length : ndarray of int64
        As :func:`symgen.readers._smf.walk_track` fills them.
    order : ndarray of int64
        Filled: the meta events of each file in order of time.
    kinds : ndarray of int64, shape (files, 256)
        Filled: how many meta events of each type there are.
    tempo : ndarray of int64, shape (., 2)
        Filled: tick, microseconds per quarter note. A file that begins without one begins with the default.
    metre : ndarray of int64, shape (., 3)
        Filled: tick, numerator, denominator; 4/4 where a file begins without one.
    key : ndarray of int64, shape (., 3)
        Filled: tick, pitch class of gong, 1 for a minor key.
    first_tempo, first_metre, first_key : ndarray of int64, shape (files + 1,)
        Filled: where each file's rows begin.
    """
    tempi, metres, keys = 0, 0, 0
    for file in range(len(sound)):
        first_tempo[file], first_metre[file], first_key[file] = tempi, metres, keys
        if not sound[file]:
            continue
        begin, end = first_meta[file], first_meta[file + 1]
        ordered = True
        for event in range(begin, end):
            order[event] = event
            kinds[file, meta_kind[event]] += 1
            if event > begin and meta_tick[event] < meta_tick[event - 1]:
                ordered = False
        if not ordered:
            order[begin:end] = np.argsort(meta_tick[begin:end], kind="mergesort") + begin
        good = begin == end or meta_tick[order[end - 1]] <= longest[file]
        for place in range(begin, end):
            event = order[place]
            tick, start, length = meta_tick[event], meta_start[event], meta_length[event]
            kind = meta_kind[event]
            if kind == _TEMPO:
                value = 0
                for byte in range(3 if length == 3 else 0):
                    value = value << 8 | int(data[start + byte])
                good = good and value >= _SHORTEST_TEMPO
                if tempi == first_tempo[file] and tick > 0:
                    tempo[tempi, 0], tempo[tempi, 1] = 0, DEFAULT_TEMPO
                    tempi += 1
                if tempi == first_tempo[file] or tempo[tempi - 1, 0] < tick:
                    tempi += 1
                tempo[tempi - 1, 0], tempo[tempi - 1, 1] = tick, value
            elif kind == _METRE:
                good = good and length >= 2
                numerator = int(data[start]) if length >= 2 else 0
                power = int(data[start + 1]) if length >= 2 else 7
                good = good and numerator > 0 and power < 7
                denominator = 1 << min(power, 6)
                good = good and 4 * divisions[file] * numerator % denominator == 0
                if metres == first_metre[file] and tick > 0:
                    metre[metres, 0], metre[metres, 1], metre[metres, 2] = 0, 4, 4
                    metres += 1
                if metres == first_metre[file] or metre[metres - 1, 0] < tick:
                    metres += 1
                metre[metres - 1, 0], metre[metres - 1, 1], metre[metres - 1, 2] = tick, numerator, denominator
            elif kind == _KEY:
                good = good and length >= 2
                fifths = int(data[start]) if length >= 2 else 0
                fifths = fifths - 256 if fifths > 127 else fifths
                minor = int(data[start + 1]) if length >= 2 else 0
                good = good and abs(fifths) <= 7 and minor < 2
                if keys == first_key[file] or key[keys - 1, 0] < tick:
                    keys += 1
                key[keys - 1, 0], key[keys - 1, 1], key[keys - 1, 2] = tick, fifths * 7 % 12, minor
        sound[file] = good
        if not good:
            tempi, metres, keys = first_tempo[file], first_metre[file], first_key[file]
    first_tempo[len(sound)], first_metre[len(sound)], first_key[len(sound)] = tempi, metres, keys
