"""How much of a piece was heard before: the longest run that it shares with the training pieces.

Runs are compared in degrees and inter-onset intervals, so transposition does not hide a copy. The
fingerprints of a corpus are the hashes of its runs of eight notes; nothing can be read back from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from symgen.score import Metre
from symgen.tokens import melody
from symgen.tokens.sequence import TokenSequence
from symgen.units import bar_ticks

RUN: Final = 8
"""Notes in a hashed run."""

Hashes = NDArray[np.uint64]

_LONGEST = 1 << 32
"""Above any interval in ticks, so that degree and interval do not run into each other."""

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class CopyReport:
    """What a piece shares with the training pieces.

    Parameters
    ----------
    longest_run : int
        Notes in the longest shared run; 0 if no run of eight is shared.
    longest_run_tick : int
        Tick at which it begins.
    shared : float
        Share of the piece's runs of eight notes that occur in the training pieces, 0..1.
    human_longest_run : int, optional
        The same for pieces that people wrote and the training never saw: the median of their longest runs.
    human_longest_run_p90 : int, optional
        Nine in ten of those pieces share no longer run.
    bar, beat : int, optional
        Where the longest run begins, both counted from 1; None if there is none, or the metre is not known.

    Notes
    -----
    Every eight notes in a row of the run stand in some training piece. That is so for a run that one training piece
    has; several pieces may also have a part each, so that a shared run is at most as long as told. Which pieces they
    are cannot be told: of a training piece only hashes are kept.
    """

    longest_run: int
    longest_run_tick: int
    shared: float
    human_longest_run: int | None = None
    human_longest_run_p90: int | None = None
    bar: int | None = None
    beat: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return asdict(self)


def run_hashes(sequence: TokenSequence, length: int = RUN) -> tuple[Hashes, NDArray[np.int64]]:
    """Return the hash of every run of `length` notes of a piece, and the tick at which each begins.

    Returns
    -------
    hashes : ndarray of uint64, shape (runs,)
        Of the degrees and the intervals between them: how long the last note rings does not count.
    onsets : ndarray of int64, shape (runs,)
    """
    sounding = sequence.melody != melody.REST
    onsets = sequence.onsets()[sounding]
    degrees = melody.DEGREE[sequence.melody[sounding]]
    intervals = np.diff(onsets, append=sequence.end)
    runs = len(degrees) - length + 1
    if runs < 1:
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    hashes = np.zeros(runs, dtype=np.uint64)
    for place in range(length):  # wraps around on purpose: a polynomial hash modulo 2^64
        note = degrees[place : place + runs] * _LONGEST
        if place < length - 1:
            note = note + intervals[place : place + runs]
        hashes = (hashes ^ note.astype(np.uint64)) * _MULTIPLIER
        hashes ^= hashes >> np.uint64(29)
    return hashes, onsets[:runs]


def fingerprints(sequences: Iterable[TokenSequence], length: int = RUN) -> dict[str, Hashes]:
    """Return the fingerprints of a corpus: the sorted hashes of all its runs of `length` notes."""
    parts = [run_hashes(sequence, length)[0] for sequence in sequences]
    return {"runs": np.unique(np.concatenate([np.zeros(0, np.uint64), *parts]))}


def shared_runs(sequence: TokenSequence, known: Hashes, length: int) -> tuple[int, int]:
    """Return how many runs of `length` notes of a piece are among the known ones, ascending, and how many it has."""
    hashes, _ = run_hashes(sequence, length)
    return int(_among(hashes, known).sum()), len(hashes)


def _among(hashes: Hashes, table: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which hashes stand in an ascending table."""
    if not len(table):
        return np.zeros(len(hashes), dtype=np.bool_)
    found: NDArray[np.bool_] = table[np.minimum(np.searchsorted(table, hashes), len(table) - 1)] == hashes
    return found


def copy_report(
    sequence: TokenSequence,
    known: Mapping[str, NDArray[Any]],
    human_longest_run: int | None = None,
    human_longest_run_p90: int | None = None,
) -> CopyReport | None:
    """Compare a piece with the fingerprints of the training pieces; None if there are none to compare with."""
    if "runs" not in known:
        return None
    hashes, onsets = run_hashes(sequence)
    shared = _among(hashes, known["runs"])
    best, begin, length = 0, 0, 0
    for place, hit in enumerate(shared.tolist()):
        length = length + 1 if hit else 0
        if length > best:
            best, begin = length, place - length + 1
    tick = int(onsets[begin]) if best else 0
    bar, beat = _place_of(tick, sequence.metres) if best else (None, None)
    return CopyReport(
        longest_run=best + RUN - 1 if best else 0,
        longest_run_tick=tick,
        shared=round(float(shared.mean()), 4) if len(shared) else 0.0,
        human_longest_run=human_longest_run,
        human_longest_run_p90=human_longest_run_p90,
        bar=bar,
        beat=beat,
    )


def _place_of(tick: int, metres: Sequence[Metre]) -> tuple[int | None, int | None]:
    """Return the bar of a tick and the beat, which is the unit that the time signature counts; both from 1."""
    bars = 0
    for metre, after in zip(metres, [*metres[1:], None], strict=False):
        length = bar_ticks(metre.numerator, metre.denominator)
        if after is None or tick < after.tick:
            whole, rest = divmod(tick - metre.tick, length)
            return bars + whole + 1, rest * metre.numerator // length + 1
        bars += -(-(after.tick - metre.tick) // length)
    return None, None
