"""Distributions of token pieces by names that a musician reads, and how two of them differ.

Two are compared by their overlap, 1 minus the total variation distance; by the Jensen-Shannon divergence in
bits (Lin 1991), bounded by 1; and by a symmetric Kullback-Leibler divergence, corrected in three ways where the
figure that toolboxes of the field give under that name goes wrong: the bins are the same for both sides, no bin is
empty (half a count is added to each, the prior of Jeffreys), and the bias of small samples is taken off by the
jackknife over whole pieces (Quenouille 1956; Efron 1982, chapter 2), for notes of one piece are no independent draws.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from symgen.metrics.line import Line, line_of, phrase_ends
from symgen.score import Technique
from symgen.theory.degrees import DEGREES, degree_of
from symgen.theory.detect import final_tone
from symgen.tokens import chord, melody, rhythm
from symgen.tokens.codec import decode
from symgen.tokens.sequence import TokenSequence
from symgen.units import TICKS_PER_QUARTER, bar_ticks

Floats = NDArray[np.float64]

_WIDEST = 24
_DYADS = {0: "unison", 5: "fourth", 7: "fifth", 12: "octave", 17: "eleventh", 19: "twelfth", 24: "double octave"}
_SPAN: Final = 4 * TICKS_PER_QUARTER
_REGISTER_STEP: Final = 3
_PHRASE_CLASSES: Final = (4, 6, 8, 12, 16, 24, 32, 48)
_PRIOR: Final = 0.5


def distributions_of(sequence: TokenSequence, line: Line | None = None) -> dict[str, Counter[str]]:
    """Return the distributions of a piece, each a table of counts by readable names.

    density: notes begun within four quarters. register: semitones from the median of the piece, in thirds of an
    octave's half. bar position: quarters since the bar line, where the metre is known. phrase length: notes, in
    classes. phrase end: degree. last move: mode, last degree but one and last, that is the cadence.
    """
    line = line_of(sequence) if line is None else line
    moves = np.abs(np.diff(line.pitch)).tolist()
    degrees = [DEGREES[degree] for degree in melody.DEGREE[line.melody].tolist()]
    ends = phrase_ends(line)
    return {
        "degree": Counter(degrees),
        "degree pair": Counter(f"{a}-{b}" for a, b in pairwise(degrees)),
        "interval": Counter(str(move) if move <= _WIDEST else f"over {_WIDEST}" for move in moves),
        "inter-onset interval": Counter(_quarters(ticks) for ticks in line.interval[:-1].tolist()),
        "duration": Counter(_quarters(ticks) for ticks in rhythm.LENGTH[line.rhythm].tolist()),
        "density": Counter(map(str, _densities(line))),
        "register": Counter(map(str, _registers(line))),
        "bar position": Counter(map(_quarters, _bar_positions(sequence, line))),
        "chord": Counter(_chord_kind(token) for token in line.chord[line.chord != chord.NO_CHORD].tolist()),
        "technique": Counter(Technique(kind).name.lower() for kind in melody.TECHNIQUE[line.melody].tolist()),
        "phrase length": Counter(_phrase_class(length) for length in np.diff(ends, prepend=-1).tolist()),
        "phrase end": Counter(degrees[end] for end in ends.tolist()),
        "final": _final(sequence),
        "last move": Counter([f"{sequence.prefix.mode} {'-'.join(degrees[-2:])}"] if len(degrees) > 1 else []),
    }


def overlap(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Return the common mass of two distributions given as counts, 0..1: 1 minus total variation.

    Nothing has nothing in common with something, and all with nothing.
    """
    if not any(one.values()) and not any(other.values()):
        return 1.0
    p, q = _aligned(one, other)
    return float(np.minimum(p, q).sum())


def jensen_shannon(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Return the Jensen-Shannon divergence of two distributions given as counts, in bits, 0..1 (Lin 1991)."""
    if not any(one.values()) or not any(other.values()):
        return float(any(one.values()) or any(other.values()))
    p, q = _aligned(one, other)
    middle = (p + q) / 2
    return float((_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2)


def corrected_kl(ones: Sequence[Mapping[str, float]], others: Sequence[Mapping[str, float]]) -> float:
    """Return the symmetric Kullback-Leibler divergence of two sets of pieces, in bits, corrected as the module says.

    Parameters
    ----------
    ones, others : sequence of mapping of str to float
        Counts of each piece; the distribution of a set is that of their sum.

    Returns
    -------
    float
        The mean of both directions. What is no more than the noise of so many pieces comes out around 0, below it
        as often as above.
    """
    names = sorted({name for side in (ones, others) for counts in side for name in counts})
    if not names or not ones or not others:
        return 0.0
    tables = [
        np.array([[counts.get(name, 0) for name in names] for counts in side], dtype=float) for side in (ones, others)
    ]
    p, q = (table.sum(axis=0) for table in tables)
    whole = float(_symmetric_kl(p, q))
    bias = 0.0
    for side, (table, left) in enumerate(zip(tables, (p - tables[0], q - tables[1]), strict=True)):
        if len(table) > 1:
            without = _symmetric_kl(left, q) if side == 0 else _symmetric_kl(p, left)
            bias += (len(table) - 1) * float(np.mean(without) - whole)
    return whole - bias


def _symmetric_kl(p: Floats, q: Floats) -> Floats:
    """Return the mean of both directions for counts (..., bins)."""
    p, q = ((side + _PRIOR) / (side + _PRIOR).sum(axis=-1, keepdims=True) for side in (p, q))
    found: Floats = 0.5 * ((p - q) * np.log2(p / q)).sum(axis=-1)
    return found


def as_shares(counts: Counter[str], most: int = 24) -> dict[str, float]:
    """Return the commonest values as shares of all."""
    total = max(1, counts.total())
    return {name: round(count / total, 5) for name, count in counts.most_common(most)}


def _densities(line: Line) -> Iterable[int]:
    """Return the notes begun in each four quarters up to the last note's."""
    if not len(line.onset):
        return []
    found: list[int] = np.bincount(line.onset // _SPAN).tolist()
    return found


def _registers(line: Line) -> Iterable[int]:
    if not len(line.pitch):
        return []
    away = line.pitch - int(np.median(line.pitch))
    found: list[int] = (np.round(away / _REGISTER_STEP).astype(int) * _REGISTER_STEP).tolist()
    return found


def _bar_positions(sequence: TokenSequence, line: Line) -> Iterable[int]:
    if not sequence.metres:
        return []
    ticks = np.array([metre.tick for metre in sequence.metres])
    bars = np.array([bar_ticks(metre.numerator, metre.denominator) for metre in sequence.metres])
    index = np.maximum(0, np.searchsorted(ticks, line.onset, side="right") - 1)
    found: list[int] = ((line.onset - ticks[index]) % bars[index]).tolist()
    return found


def _phrase_class(length: int) -> str:
    low = 1
    for high in _PHRASE_CLASSES:
        if length <= high:
            return f"{low}-{high}"
        low = high + 1
    return f"over {_PHRASE_CLASSES[-1]}"


def _final(sequence: TokenSequence) -> Counter[str]:
    final = final_tone(decode(sequence).notes)
    return Counter([DEGREES[degree_of(final, sequence.gong)]])


def _quarters(ticks: int) -> str:
    return str(Fraction(ticks, TICKS_PER_QUARTER))


def _chord_kind(token: int) -> str:
    intervals = chord.chord_intervals(token)
    if len(intervals) > 1:
        return f"{len(intervals) + 1} tones"
    return _DYADS.get(intervals[0], "other dyad")


def _aligned(one: Mapping[str, float], other: Mapping[str, float]) -> Floats:
    names = sorted({*one, *other})
    table = np.array([[float(side.get(name, 0)) for name in names] for side in (one, other)])
    result: Floats = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    return result


def _relative_entropy(p: Floats, q: Floats) -> float:
    held = p > 0
    return float((p[held] * np.log2(p[held] / q[held])).sum())
