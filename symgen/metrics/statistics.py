"""Statistics of token pieces that a musician can read, and how two sets of pieces differ in them.

The melodic line of a piece is the last struck step of each onset, which the tokens keep for the highest
tone. A share is a ratio of sums over all pieces, with a 95 % interval from resampling whole pieces; a
distribution is a table of counts over all pieces. Two distributions are compared by their overlap,
1 minus the total variation distance, and by the Jensen-Shannon divergence in bits, which is symmetric
and bounded by 1. (What mgeval calls a KL distance is neither a divergence nor comparable between features.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from symgen.score import Technique
from symgen.theory.degrees import BIAN, DEGREES, PENTATONIC, degree_of
from symgen.theory.detect import final_tone
from symgen.tokens import chord, melody, rhythm
from symgen.tokens.codec import decode
from symgen.tokens.sequence import TokenSequence
from symgen.units import TICKS_PER_QUARTER

Integers = NDArray[np.int64]
Ratio = tuple[float, float]

GRAM: Final = 4
"""Notes in a gram whose repetition is counted."""
REACH: Final = 32
"""Notes before a gram within which its like is looked for: as far as the windows of the two-sample test."""
STRETCH: Final = 128
"""Notes in the stretches of which distinct grams are counted: pieces of any length compare."""

_RESAMPLES = 400
_WIDEST = 24
_DYADS = {0: "unison", 5: "fourth", 7: "fifth", 12: "octave", 17: "eleventh", 19: "twelfth", 24: "double octave"}
_LEAPS = (("repeat", 0, 0), ("second", 1, 2), ("third", 3, 4), ("fourth to sixth", 5, 9), ("seventh to octave", 10, 12))


@dataclass(frozen=True, slots=True)
class Line:
    """The melodic line of a piece: one row a note, rests left out.

    Parameters
    ----------
    melody, chord : ndarray of int64, shape (notes,)
        Tokens.
    pitch : ndarray of int64, shape (notes,)
        Semitones above the reference gong.
    interval : ndarray of int64, shape (notes,)
        Ticks to the next note, of the last one to the end of the piece.
    """

    melody: Integers
    chord: Integers
    pitch: Integers
    interval: Integers


def line_of(sequence: TokenSequence) -> Line:
    """Return the melodic line of a piece."""
    sounding = np.flatnonzero(sequence.melody != melody.REST)
    onsets = sequence.onsets()[sounding]
    last = np.append(np.diff(onsets) > 0, True) if len(onsets) else np.zeros(0, np.bool_)
    chosen, onsets = sounding[last], onsets[last]
    tokens = sequence.melody[chosen].astype(np.int64)
    interval = np.diff(onsets, append=sequence.end) if len(onsets) else np.zeros(0, np.int64)
    return Line(tokens, sequence.chord[chosen].astype(np.int64), melody.RELATIVE[tokens], interval)


def shares_of(sequence: TokenSequence) -> dict[str, Ratio]:
    """Return the shares of a piece as pairs of what is counted and what it is counted among."""
    line = line_of(sequence)
    return {**_tone_shares(sequence), **_leap_shares(line), **_harmonic_shares(line), **_repeat_shares(line)}


def distributions_of(sequence: TokenSequence) -> dict[str, Counter[str]]:
    """Return the distributions of a piece, each a table of counts by readable names."""
    line = line_of(sequence)
    moves = np.abs(np.diff(line.pitch)).tolist()
    degrees = melody.DEGREE[line.melody].tolist()
    return {
        "degree": Counter(DEGREES[degree] for degree in degrees),
        "degree pair": Counter(f"{DEGREES[a]}-{DEGREES[b]}" for a, b in pairwise(degrees)),
        "interval": Counter(str(move) if move <= _WIDEST else f"over {_WIDEST}" for move in moves),
        "inter-onset interval": Counter(_quarters(ticks) for ticks in line.interval[:-1].tolist()),
        "chord": Counter(_chord_kind(token) for token in line.chord[line.chord != chord.NO_CHORD].tolist()),
        "final": _final(sequence),
    }


@dataclass(frozen=True, slots=True)
class Summary:
    """The statistics of a set of pieces.

    Parameters
    ----------
    pieces, notes : int
        How many.
    shares : mapping of str to tuple of float
        Name -> share, and the ends of its 95 % interval (over pieces).
    distributions : mapping of str to Counter
        Name -> counts.
    """

    pieces: int
    notes: int
    shares: Mapping[str, tuple[float, float, float]]
    distributions: Mapping[str, Counter[str]]

    def as_json(self) -> dict[str, Any]:
        """Return the statistics as plain data; the commonest 24 values of each distribution as shares."""
        return {
            "pieces": self.pieces,
            "notes": self.notes,
            "shares": {name: [round(value, 5) for value in values] for name, values in self.shares.items()},
            "distributions": {name: _as_shares(counts) for name, counts in self.distributions.items()},
        }


def summarise(sequences: Iterable[TokenSequence], seed: int = 0) -> Summary:
    """Return the statistics of a set of pieces.

    Parameters
    ----------
    sequences : iterable of TokenSequence
        The pieces; those without a note are left out.
    seed : int
        Draws the resamples for the intervals.
    """
    pieces = [piece for piece in sequences if np.any(piece.melody != melody.REST)]
    distributions: dict[str, Counter[str]] = {}
    for piece in pieces:
        for name, counts in distributions_of(piece).items():
            distributions.setdefault(name, Counter()).update(counts)
    rows = [shares_of(piece) for piece in pieces]
    shares = {name: pooled(np.array([row[name] for row in rows]), seed) for name in (rows[0] if rows else ())}
    notes = sum(int(np.count_nonzero(piece.melody != melody.REST)) for piece in pieces)
    return Summary(len(pieces), notes, shares, distributions)


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


def compare(real: Summary, composed: Summary) -> dict[str, Any]:
    """Return the two sets of pieces side by side as plain data.

    Returns
    -------
    dict
        ``shares``: name -> ``real`` and ``composed``, each ``[share, low, high]``; ``distributions``: name ->
        ``overlap``, ``divergence_bits`` and the shares of the commonest values in ``real`` and ``composed``.
    """
    return {
        "pieces": {"real": real.pieces, "composed": composed.pieces},
        "notes": {"real": real.notes, "composed": composed.notes},
        "shares": {
            name: {"real": _rounded(values), "composed": _rounded(composed.shares[name])}
            for name, values in real.shares.items()
            if name in composed.shares
        },
        "distributions": {
            name: {
                "overlap": round(overlap(counts, composed.distributions[name]), 4),
                "divergence_bits": round(jensen_shannon(counts, composed.distributions[name]), 4),
                "real": _as_shares(counts),
                "composed": _as_shares(composed.distributions[name]),
            }
            for name, counts in real.distributions.items()
            if name in composed.distributions
        },
    }


def repeats(tokens: Sequence[Any], reach: int) -> Ratio:
    """Return how many grams of four occurred before, begun at most `reach` places earlier, and of how many."""
    last: dict[tuple[Any, ...], int] = {}
    found = 0
    grams = [tuple(tokens[place : place + GRAM]) for place in range(len(tokens) - GRAM + 1)]
    for place, gram in enumerate(grams):
        found += gram in last and place - last[gram] <= reach
        last[gram] = place
    return float(found), float(len(grams))


def _tone_shares(sequence: TokenSequence) -> dict[str, Ratio]:
    """Return the shares of sounding time by kind of tone, chord tones included, and of steps with a chord."""
    sounding = sequence.melody != melody.REST
    tokens, chords = sequence.melody[sounding], sequence.chord[sounding]
    length = rhythm.LENGTH[sequence.rhythm[sounding]].astype(np.float64)
    time = np.zeros(12)
    np.add.at(time, melody.DEGREE[tokens], length)
    for member in chord.VOCABULARY.factors.values():
        below = member[chords]
        held = below > 0
        np.add.at(time, (melody.DEGREE[tokens] - below + 1)[held] % 12, length[held])
    other = sorted(set(range(12)) - set(PENTATONIC) - set(BIAN))
    whole = float(time.sum())
    return {
        "time on bian tones": (float(time[list(BIAN)].sum()), whole),
        "time on other chromatic tones": (float(time[other].sum()), whole),
        "steps with a chord": (float(np.count_nonzero(chords != chord.NO_CHORD)), float(len(chords))),
        "rests": (float(np.count_nonzero(~sounding)), float(len(sequence))),
    }


def _leap_shares(line: Line) -> dict[str, Ratio]:
    moves = np.abs(np.diff(line.pitch))
    rows = (*_LEAPS, ("more than an octave", 13, 127))
    counted = {f"moves: {name}": float(np.count_nonzero((moves >= low) & (moves <= high))) for name, low, high in rows}
    rising = float(np.count_nonzero(np.diff(line.pitch) > 0))
    return {name: (value, float(len(moves))) for name, value in {**counted, "moves upward": rising}.items()}


def _harmonic_shares(line: Line) -> dict[str, Ratio]:
    harmonic = melody.TECHNIQUE[line.melody] == Technique.HARMONIC
    runs = np.count_nonzero(np.diff(harmonic.astype(np.int8), prepend=0) == 1)
    count = float(np.count_nonzero(harmonic))
    return {"notes in harmonics": (count, float(len(harmonic))), "notes a run of harmonics": (count, float(runs))}


def _repeat_shares(line: Line) -> dict[str, Ratio]:
    tones = line.melody.tolist()
    notes = list(zip(tones, line.interval.tolist(), strict=True))
    stretches = [notes[begin : begin + STRETCH] for begin in range(0, len(notes) - STRETCH + 1, STRETCH)]
    stale = [repeats(stretch, STRETCH) for stretch in stretches]
    grams = sum(total for _, total in stale)
    return {
        f"4-grams of tones repeated within {REACH}": repeats(tones, REACH),
        f"4-grams of notes repeated within {REACH}": repeats(notes, REACH),
        "4-grams of tones repeated in the piece": repeats(tones, len(tones)),
        "4-grams of notes repeated in the piece": repeats(notes, len(notes)),
        f"distinct 4-grams of notes in {STRETCH}": (grams - sum(found for found, _ in stale), grams),
    }


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


def pooled(ratios: NDArray[np.float64], seed: int) -> tuple[float, float, float]:
    """Return the ratio of sums of pairs, one row a piece, with its 95 % interval from resampling pieces.

    Parameters
    ----------
    ratios : ndarray of float, shape (pieces, 2)
        What is counted, and what it is counted among.
    seed : int
        Draws the resamples.
    """
    drawn = np.random.default_rng(seed).integers(0, len(ratios), size=(_RESAMPLES, len(ratios)))
    counted, among = ratios[drawn].sum(axis=1).T
    low, high = np.quantile(counted / np.maximum(among, 1), [0.025, 0.975])
    counted, among = ratios.sum(axis=0)
    return float(counted / max(among, 1)), float(low), float(high)


def _aligned(one: Mapping[str, float], other: Mapping[str, float]) -> NDArray[np.float64]:
    names = sorted({*one, *other})
    table = np.array([[float(side.get(name, 0)) for name in names] for side in (one, other)])
    result: NDArray[np.float64] = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    return result


def _relative_entropy(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    held = p > 0
    return float((p[held] * np.log2(p[held] / q[held])).sum())


def _as_shares(counts: Counter[str], most: int = 24) -> dict[str, float]:
    total = max(1, counts.total())
    return {name: round(count / total, 5) for name, count in counts.most_common(most)}


def _rounded(values: Iterable[float]) -> list[float]:
    return [round(value, 5) for value in values]
