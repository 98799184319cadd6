"""Score to tokens and back.

``decode(encode(score))`` gives back the same notes, metres and tempi whenever every inter-onset interval
and duration is a value of :data:`symgen.tokens.rhythm.GRID`; what is not goes to the nearest value and
is counted, with the error never carried on to later onsets. Tokens hold neither velocity nor voice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from symgen.errors import TokenError
from symgen.score import Key, NoteArray, Score, make_notes
from symgen.theory.detect import detect_mode, mode_of
from symgen.tokens import chord, melody, rhythm
from symgen.tokens.prefix import Prefix, metre_class
from symgen.tokens.sequence import TokenSequence
from symgen.units import TICKS_PER_QUARTER

_Step = tuple[int, int, int]


def encode(score: Score, *, style: str = "unknown", gong: int | None = None) -> TokenSequence:
    """Turn a Score into tokens.

    Parameters
    ----------
    score : Score
        At least one note, any time base.
    style : str
        One of :data:`symgen.tokens.prefix.STYLES`.
    gong : int, optional
        Pitch class of degree 1 if it is known; detected otherwise. The mode follows from the final.

    Returns
    -------
    TokenSequence
        With the notes that could not be held exactly counted in ``lost``.

    Raises
    ------
    TokenError
        If the score has no note.
    """
    if not len(score):
        raise TokenError("the score has no notes", expected="at least one note")
    estimate = detect_mode(score) if gong is None else mode_of(score, gong)
    score = score.resampled(TICKS_PER_QUARTER)
    reference = reference_gong(score.notes, estimate.gong)
    lost: Counter[str] = Counter()
    steps = np.array(list(_steps(score, reference, lost)), dtype=np.int16)
    if score.notes["voice"].any():
        lost["voice"] = int(np.count_nonzero(score.notes["voice"]))
    return TokenSequence(
        rhythm=steps[:, 0].copy(),
        melody=steps[:, 1].copy(),
        chord=steps[:, 2].copy(),
        gong=reference,
        prefix=Prefix(style, estimate.mode, metre_class(score.metres)),
        metres=score.metres,
        tempi=score.tempi,
        title=score.title,
        lost=lost,
    )


def reference_gong(notes: NoteArray, gong: int) -> int:
    """Return the highest MIDI note of pitch class `gong` that is not above the median pitch."""
    median = int(np.floor(np.median(notes["pitch"])))
    return median - (median - gong) % 12


def decode(sequence: TokenSequence) -> Score:
    """Turn tokens back into a Score at 480 ticks a quarter.

    Raises
    ------
    TokenError
        If a pitch leaves 0..127.
    """
    rows = []
    onsets = sequence.onsets()
    for onset, r, m, c in zip(onsets, sequence.rhythm, sequence.melody, sequence.chord, strict=True):
        if m == melody.REST:
            continue
        top = sequence.gong + int(melody.RELATIVE[m])
        for interval in (0, *chord.chord_intervals(int(c))):
            rows.append((int(onset), int(rhythm.LENGTH[r]), top - interval, int(melody.TECHNIQUE[m])))
    columns = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    if columns.size and not (columns[2].min() >= 0 and columns[2].max() <= 127):
        raise TokenError(
            f"pitches {columns[2].min()} to {columns[2].max()} with gong at {sequence.gong}",
            expected="MIDI notes 0 to 127",
        )
    notes = make_notes(onset=columns[0], duration=columns[1], pitch=columns[2], technique=columns[3])
    mode = sequence.prefix.mode
    return Score(
        notes,
        metres=sequence.metres,
        tempi=sequence.tempi,
        keys=(Key(0, sequence.gong % 12, None if mode == "unknown" else mode),),
        title=sequence.title,
        end=sequence.end,
    )


def _steps(score: Score, reference: int, lost: Counter[str]) -> Iterator[_Step]:
    """Yield the steps of a score at 480 ticks; `time` is where the tokens so far have come to."""
    notes = score.notes
    onsets, starts = np.unique(notes["onset"], return_index=True)
    bounds = [*starts.tolist(), len(notes)]
    targets = [*onsets.tolist(), score.end]
    rings = int((notes["onset"] + notes["duration"]).max()) == score.end
    rows = list(zip(notes["duration"].tolist(), notes["pitch"].tolist(), notes["technique"].tolist(), strict=True))
    time = 0
    for interval in _advance(targets[0], lost):
        yield _rest(interval)
        time += interval
    for group in range(len(onsets)):
        members = list(_sonorities(rows[bounds[group] : bounds[group + 1]], reference, lost))
        gap = targets[group + 1] - time
        advance = list(_advance_inside(gap) if group + 1 == len(onsets) and rings else _advance(gap, lost))
        for length, tone, sonority in members[:-1]:
            yield _NOTE[0, length], tone, sonority
        length, tone, sonority = members[-1]
        first = advance[0] if advance else 0
        token = _NOTE.get((first, length)) if len(advance) <= 1 else None
        if token is not None:
            yield token, tone, sonority
        else:
            yield _NOTE[0, length], tone, sonority
            yield from (_rest(interval) for interval in advance)
        time += sum(advance)


_NOTE = {pair: number for number, pair in enumerate(rhythm.PAIRS, start=1)}
_LONGEST = rhythm.GRID[-1]
_SHORTEST = rhythm.GRID[0]


def _rest(interval: int) -> _Step:
    return _NOTE[interval, interval], melody.REST, chord.NO_CHORD


def _advance(gap: int, lost: Counter[str]) -> Iterator[int]:
    """Yield grid values that sum to `gap`, or to the nearest sum the grid allows."""
    while gap > _LONGEST:
        yield _LONGEST
        gap -= _LONGEST
    if gap <= 0 or gap < _SHORTEST // 2:
        if gap:
            lost["off-grid-onset"] += 1
        return
    value = rhythm.nearest(gap)
    if value != gap:
        lost["off-grid-onset"] += 1
    yield value


def _advance_inside(gap: int) -> Iterator[int]:
    """Yield grid values that sum to `gap`, or to a sum below it: the last note rings to the end by its length."""
    while gap > _LONGEST:
        yield _LONGEST
        gap -= _LONGEST
    if gap >= _SHORTEST:
        yield rhythm.longest_within(gap)


def _sonorities(rows: list[tuple[int, int, int]], reference: int, lost: Counter[str]) -> Iterator[tuple[int, int, int]]:
    """Yield (length, melody token, chord token) for the notes of one onset, the highest tone last.

    Notes of one length and technique form a sonority; tones outside the inventory form further ones.
    """
    clusters: dict[tuple[int, int], list[int]] = {}
    for duration, pitch, technique in rows:
        length = rhythm.nearest(duration)
        if length != duration:
            lost["off-grid-length"] += 1
        clusters.setdefault((length, technique), []).append(pitch)
    found = []
    for (length, technique), pitches in clusters.items():
        remaining = sorted(pitches, reverse=True)
        while remaining:
            top, intervals, remaining = _largest_sonority(remaining)
            tone, folded = melody.melody_token(top - reference, technique)
            if folded:
                lost["octave-folded"] += len(intervals) + 1
            token = chord.chord_token(intervals)
            assert token is not None  # _largest_sonority returns inventory entries only
            found.append((top, length, tone, token))
    for _, length, tone, token in sorted(found):
        yield length, tone, token


def _largest_sonority(pitches: list[int]) -> tuple[int, tuple[int, ...], list[int]]:
    """Split pitches (descending) into a top tone with an inventory sonority below it, and the rest."""
    top = pitches[0]
    whole = tuple(top - pitch for pitch in pitches[1:])
    if chord.chord_token(whole) is not None:
        return top, whole, []
    intervals: tuple[int, ...] = ()
    left = []
    for pitch in pitches[1:]:
        extended = (*intervals, top - pitch)
        if chord.chord_token(extended) is not None:
            intervals = extended
        else:
            left.append(pitch)
    return top, intervals, left
