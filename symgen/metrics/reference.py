"""What pieces of a style have in common, small enough to stand beside the weights, and how far a piece is off.

A piece is compared with the pooled counts of real pieces: by the Jensen-Shannon divergence for distributions and by
the difference for shares. Real pieces differ from their own pool too, so a distance is told in standard deviations of
theirs, and what is within the mean of real pieces counts as none: a take is not better for being more average than
music is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from symgen.metrics.distributions import distributions_of, jensen_shannon
from symgen.metrics.line import Line, line_of
from symgen.metrics.structure import GRAM, REACH, repeats
from symgen.tokens.sequence import TokenSequence

DISTRIBUTIONS: Final[Mapping[str, str]] = {
    "degrees": "degree",
    "rhythm": "inter-onset interval",
    "leaps": "interval",
    "cadences": "phrase end",
    "register": "register",
}
"""Measure -> the distribution of :func:`symgen.metrics.distributions.distributions_of` that it compares."""

REPETITION: Final = "repetition"
MEASURES: Final = (*DISTRIBUTIONS, REPETITION)

BY_MODE: Final = frozenset({"degrees", "cadences"})
"""Measures that depend on the mode and are compared within it, where enough pieces have it."""
FEWEST_OF_A_MODE: Final = 4
EXCERPT: Final = 256
"""Notes of the excerpts of real pieces that distances are scaled by: about the length of a take."""


@dataclass(frozen=True, slots=True)
class Scale:
    """What is usual among real pieces: mean and standard deviation of a distance."""

    mean: float
    spread: float


@dataclass(frozen=True, slots=True)
class Reference:
    """Counts and scales of the real pieces of a style.

    Parameters
    ----------
    pools : mapping of str to mapping
        ``measure`` or ``measure mode`` -> pooled counts, as shares.
    repetition : float
        Mean share of 4-note grams that stood within the 32 notes before.
    scales : mapping of str to Scale
        Of each measure.
    """

    pools: Mapping[str, Mapping[str, float]]
    repetition: float
    scales: Mapping[str, Scale]

    def distances(self, sequence: TokenSequence, line: Line | None = None) -> dict[str, float]:
        """Return how far a piece is off in each measure, in standard deviations of real pieces; 0 is as usual."""
        raw = _raw(self, *_counted(sequence, line))
        return {
            name: max(0.0, (value - self.scales[name].mean) / self.scales[name].spread) for name, value in raw.items()
        }

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "pools": {name: dict(pool) for name, pool in self.pools.items()},
            "repetition": self.repetition,
            "scales": {name: [scale.mean, scale.spread] for name, scale in self.scales.items()},
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Reference:
        """Return what :meth:`as_json` wrote.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it is something else.
        """
        scales = {name: Scale(*map(float, found["scales"][name])) for name in MEASURES}
        pools = {name: {key: float(n) for key, n in pool.items()} for name, pool in found["pools"].items()}
        if min(scale.spread for scale in scales.values()) <= 0 or not set(DISTRIBUTIONS) <= set(pools):
            raise ValueError("no sizes of measures")
        return cls(pools, float(found["repetition"]), scales)


def reference_of(sequences: Sequence[TokenSequence]) -> Reference:
    """Count real pieces, two at least.

    Scales come from excerpts of :data:`EXCERPT` notes, each compared with the pool of the other pieces.

    Raises
    ------
    ValueError
        If there are fewer than two pieces with notes.
    """
    lines = [(sequence, line_of(sequence)) for sequence in sequences]
    lines = [(sequence, line) for sequence, line in lines if len(line.pitch) > GRAM]
    if len(lines) < 2:
        raise ValueError(f"{len(lines)} pieces to take the measure of")
    counted = [_counted(sequence, line) for sequence, line in lines]
    raw: dict[str, list[float]] = {name: [] for name in MEASURES}
    whole = _pooled(counted)
    for number, (sequence, line) in enumerate(lines):
        others = _pooled([one for place, one in enumerate(counted) if place != number])
        for start in range(0, max(1, len(line.pitch) - EXCERPT // 2), EXCERPT):
            part = _counted(sequence, _excerpt(line, start))
            for name, value in _raw(others, *part).items():
                raw[name].append(value)
    scales = {name: Scale(float(np.mean(one)), max(float(np.std(one)), 1e-3)) for name, one in raw.items()}
    return Reference(whole.pools, whole.repetition, scales)


_Counts = tuple[Mapping[str, Counter[str]], float, str]


def _counted(sequence: TokenSequence, line: Line | None = None) -> _Counts:
    """Return the distributions of a piece, its share of repetition, and its mode."""
    line = line_of(sequence) if line is None else line
    counts = distributions_of(sequence, line)
    found, total = repeats(list(zip(line.melody.tolist(), line.interval.tolist(), strict=True)), REACH)
    return counts, found / max(total, 1.0), sequence.prefix.mode


def _excerpt(line: Line, start: int) -> Line:
    cut: Callable[[Any], Any] = lambda column: column[start : start + EXCERPT]  # noqa: E731
    onset = cut(line.onset)
    return Line(
        cut(line.melody), cut(line.chord), cut(line.rhythm), cut(line.pitch), onset - onset[0], cut(line.interval)
    )


def _pooled(counted: Iterable[_Counts]) -> Reference:
    """Return the pools of pieces, each piece weighing the same; without scales."""
    sums: dict[str, Counter[str]] = {}
    pieces: Counter[str] = Counter()
    shares = []
    for counts, share, mode in counted:
        shares.append(share)
        pieces[mode] += 1
        for measure, name in DISTRIBUTIONS.items():
            keys = [measure, f"{measure} {mode}"] if measure in BY_MODE else [measure]
            for key in keys:
                pool = sums.setdefault(key, Counter())
                for value, count in counts[name].items():
                    pool[value] += count / max(1, counts[name].total())  # type: ignore[assignment]
    kept = {key: pool for key, pool in sums.items() if " " not in key or pieces[key.split()[1]] >= FEWEST_OF_A_MODE}
    pools = {
        key: {value: round(count / max(1e-9, sum(pool.values())), 6) for value, count in sorted(pool.items())}
        for key, pool in kept.items()
    }
    return Reference(pools, float(np.mean(shares)), {})


def _raw(reference: Reference, counts: Mapping[str, Counter[str]], share: float, mode: str) -> dict[str, float]:
    """Return the distances of a piece, not scaled."""
    found = {}
    for measure, name in DISTRIBUTIONS.items():
        pool = reference.pools.get(f"{measure} {mode}", reference.pools[measure])
        total = max(1, counts[name].total())
        shares = {value: count / total for value, count in counts[name].items()}
        found[measure] = jensen_shannon(shares, pool)
    found[REPETITION] = abs(share - reference.repetition)
    return found
