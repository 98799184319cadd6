"""Score to tokens and back.

``decode(encode(score))`` gives back the same notes, metres and tempi whenever every inter-onset interval
and duration is a value of :data:`symgen.tokens.rhythm.GRID`; what is not goes to the nearest value and
is counted, with the error never carried on to later onsets. Tokens hold neither velocity nor voice.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from symgen.errors import TokenError
from symgen.score import Key, NoteArray, Score, make_notes
from symgen.theory.detect import detect_mode, mode_of
from symgen.tokens import chord, melody, rhythm
from symgen.tokens._steps import LOST, most_steps, tables, write_steps
from symgen.tokens.prefix import Prefix, metre_class
from symgen.tokens.sequence import FAMILIES, TokenSequence
from symgen.units import TICKS_PER_QUARTER


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
    steps = _steps(score, reference, lost)
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


def _steps(score: Score, reference: int, lost: Counter[str]) -> NDArray[np.int16]:
    """Return the steps of a score at 480 ticks, shape (steps, 3)."""
    onset, duration, pitch, technique = (
        score.notes[name].tolist() for name in ("onset", "duration", "pitch", "technique")
    )
    room = most_steps(len(score), score.end)
    rhythms, melodies, chords = ([0] * room for _ in FAMILIES)
    counts = [0] * len(LOST)
    count = write_steps(
        onset, duration, pitch, technique, 0, len(score), score.end, reference,
        rhythms, melodies, chords, 0, counts, tables(),
    )  # fmt: skip
    lost.update({code: found for code, found in zip(LOST, counts, strict=True) if found})
    return np.array([rhythms[:count], melodies[:count], chords[:count]], dtype=np.int16).T
