"""Statistics of token pieces that a musician can read, and how sets of pieces differ in them.

A share is a ratio of sums over all pieces, with a 95 % interval from resampling whole pieces; a distribution is
a table of counts over all pieces (:mod:`symgen.metrics.distributions`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symgen.metrics.distributions import as_shares, corrected_kl, distributions_of, jensen_shannon, overlap
from symgen.metrics.line import Line, line_of
from symgen.metrics.structure import Ratio, ends_on_final, structure_shares
from symgen.score import Technique
from symgen.theory.degrees import BIAN, PENTATONIC
from symgen.tokens import chord, melody, rhythm
from symgen.tokens.sequence import TokenSequence

_RESAMPLES = 400
_FEWEST_A_BIN = 2
_LEAPS = (("repeat", 0, 0), ("second", 1, 2), ("third", 3, 4), ("fourth to sixth", 5, 9), ("seventh to octave", 10, 12))


def shares_of(sequence: TokenSequence, line: Line | None = None) -> dict[str, Ratio]:
    """Return the shares of a piece as pairs of what is counted and what it is counted among."""
    line = line_of(sequence) if line is None else line
    return {
        **_tone_shares(sequence),
        **_leap_shares(line),
        **_harmonic_shares(line),
        "ends on the final of its mode": ends_on_final(sequence, line),
        **structure_shares(line),
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
    distributions : mapping of str to sequence of Counter
        Name -> counts of each piece.
    """

    pieces: int
    notes: int
    shares: Mapping[str, tuple[float, float, float]]
    distributions: Mapping[str, Sequence[Counter[str]]]

    def counts(self, name: str) -> Counter[str]:
        """Return the counts of a distribution over all pieces."""
        whole: Counter[str] = Counter()
        for counts in self.distributions.get(name, ()):
            whole.update(counts)
        return whole


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
    lines = [line_of(piece) for piece in pieces]
    counted = [distributions_of(piece, line) for piece, line in zip(pieces, lines, strict=True)]
    distributions = {name: [row[name] for row in counted] for name in (counted[0] if counted else ())}
    rows = [shares_of(piece, line) for piece, line in zip(pieces, lines, strict=True)]
    shares = {name: pooled(np.array([row[name] for row in rows]), seed) for name in (rows[0] if rows else ())}
    notes = sum(int(np.count_nonzero(piece.melody != melody.REST)) for piece in pieces)
    return Summary(len(pieces), notes, shares, distributions)


def compare(reference: Summary, columns: Mapping[str, Summary]) -> dict[str, Any]:
    """Return sets of pieces side by side as plain data.

    Parameters
    ----------
    reference : Summary
        Real pieces, which the distributions of all columns are compared with.
    columns : mapping of str to Summary
        What is compared: other real pieces, which say what can be had, and composed ones.

    Returns
    -------
    dict
        ``pieces`` and ``notes`` by column; ``shares``: name -> column -> ``[share, low, high]``; ``distributions``:
        name -> column -> ``overlap``, ``kl_bits`` (corrected; None where a side has fewer than two counts a bin, as
        of finals of few pieces: no correction helps there), ``divergence_bits`` (Jensen-Shannon) and
        ``values``, the shares of the commonest; the reference has ``values`` alone. What nobody of the reference
        has, such as positions in bars of pieces without a metre, is left out.
    """
    sets = {"training": reference, **columns}
    found: dict[str, Any] = {
        "pieces": {name: side.pieces for name, side in sets.items()},
        "notes": {name: side.notes for name, side in sets.items()},
        "shares": {
            share: {name: [round(v, 5) for v in side.shares[share]] for name, side in sets.items() if side.pieces}
            for share in reference.shares
        },
        "distributions": {},
    }
    for name in reference.distributions:
        whole = reference.counts(name)
        if whole:
            rows: dict[str, Any] = {"training": {"values": as_shares(whole)}}
            for column, side in columns.items():
                if side.pieces:
                    rows[column] = _difference(name, reference, side)
            found["distributions"][name] = rows
    return found


def _difference(name: str, reference: Summary, side: Summary) -> dict[str, Any]:
    whole, counts = reference.counts(name), side.counts(name)
    enough = min(whole.total(), counts.total()) >= _FEWEST_A_BIN * len({*whole, *counts})
    kl = corrected_kl(reference.distributions[name], side.distributions[name]) if enough else None
    return {
        "overlap": round(overlap(whole, counts), 4),
        "kl_bits": None if kl is None else round(kl, 4),
        "divergence_bits": round(jensen_shannon(whole, counts), 4),
        "values": as_shares(counts),
    }


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
