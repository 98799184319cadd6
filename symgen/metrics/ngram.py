"""Interpolated n-grams: what a table of counts achieves, as the mark that a network has to beat.

A step is predicted as the generator does it: rhythm given the steps before, then melody given the
rhythm and the steps before, so bits per note compare with :func:`symgen.models.losses.bits_per_note`.
Each table backs off along a chain of ever longer contexts with modified Kneser-Ney smoothing (Chen and
Goodman 1999), and the tables of all chains and styles are mixed with weights that expectation maximisation
finds on training pieces held out for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from symgen.errors import CorpusError
from symgen.tokens import melody, rhythm
from symgen.tokens.sequence import TokenSequence
from symgen.units import TICKS_PER_QUARTER

Columns = Mapping[str, NDArray[np.int64]]
Floats = NDArray[np.float64]

_PHASE_TICKS = 10
_ROUNDS = 50
_MOST_STEPS_BACK = 6
_PREDICTED: Final = (rhythm, melody)
_SIZES: Final = {family.NAME: len(family.VOCABULARY) for family in _PREDICTED}


@dataclass(frozen=True, slots=True)
class NGramConfig:
    """What an n-gram sees.

    Parameters
    ----------
    order : int
        Steps of the gram, the predicted one included: a trigram (3) sees the last two steps.
    phase : bool
        Whether it also sees the place in the quarter.
    held_out : float
        Share of the training pieces of the style on which the mixture is weighed, 0..1.
    """

    order: int = 3
    phase: bool = False
    held_out: float = 0.15

    def chains(self, family: str) -> tuple[tuple[str, ...], ...]:
        """Return the chains of columns by which the contexts of a family grow, one table each.

        Rhythm is told best by rhythm, and melody by melody; a second table that takes up whole steps saves 0.08
        bits of melody on guqin and 0.04 on folk pieces (trigrams, on training pieces held out).
        """
        rhythms, melodies = ([f"{name}-{i}" for i in range(1, self.order)] for name in (rhythm.NAME, melody.NAME))
        steps = [name for step in zip(melodies, rhythms, strict=True) for name in step]
        if family == rhythm.NAME:
            chains = [rhythms, steps, ["phase", *rhythms]]
        else:
            chains = [[*melodies, "rhythm", *rhythms[:-1]], [*steps[:1], "rhythm", *steps[1:]]]
            chains.append(["phase", "rhythm", *melodies])
        return tuple(map(tuple, chains if self.phase else chains[:-1]))


class Table:
    """Modified Kneser-Ney estimates of one token family along one chain of contexts.

    Parameters
    ----------
    columns : mapping of str to ndarray of int64, shape (steps,)
        What is known at each step.
    family : str
        The column that is predicted.
    chain : tuple of str
        Columns by which the context grows.
    size : int
        Tokens of the vocabulary; ``<start>``, token 0, is never predicted.
    """

    def __init__(self, columns: Columns, family: str, chain: Sequence[str], size: int) -> None:
        self.family, self.chain, self.size = family, tuple(chain), size
        self._nodes: list[NDArray[np.int64]] = []
        target = columns[family]
        contexts = [np.zeros(len(target), dtype=np.int64)]
        for name in chain:
            known, numbers = np.unique(contexts[-1] * _RADIX + columns[name], return_inverse=True)
            self._nodes.append(known)
            contexts.append(numbers.astype(np.int64))
        self._levels = _levels(contexts, target)

    def probability(self, columns: Columns) -> Floats:
        """Return the probability of the token at each step, shape (steps,)."""
        target = columns[self.family]
        result = np.full(len(target), 1 / (self.size - 1))
        context = np.zeros(len(target), dtype=np.int64)
        result = self._levels[0].interpolate(context, target, result)
        for name, nodes, level in zip(self.chain, self._nodes, self._levels[1:], strict=True):
            context = _find(nodes, np.where(context < 0, -1, context * _RADIX + columns[name]))
            result = level.interpolate(context, target, result)
        return result


class NGram:
    """A mixture of n-gram tables of several styles.

    Parameters
    ----------
    tables : sequence of sequence of Table
        The tables of rhythm, and those of melody.
    weights : sequence of ndarray
        Weight of each of these tables; those of a family sum to 1.
    config : NGramConfig
        What it sees.
    """

    def __init__(self, tables: Sequence[Sequence[Table]], weights: Sequence[Floats], config: NGramConfig) -> None:
        self.tables, self.weights, self.config = tables, weights, config

    def log2(self, sequence: TokenSequence) -> Floats:
        """Return the binary logarithm of the probability of rhythm and melody, shape (steps, 2)."""
        columns = columns_of([sequence])
        parts = [w @ _parts(tables, columns) for w, tables in zip(self.weights, self.tables, strict=True)]
        result: Floats = np.log2(np.stack(parts, axis=1))
        return result

    def bits_per_note(self, sequences: Iterable[TokenSequence]) -> float:
        """Return the bits that rhythm and melody of each sounding step cost, rests counted with them."""
        bits, notes = 0.0, 0
        for sequence in sequences:
            bits -= float(self.log2(sequence).sum())
            notes += int(np.count_nonzero(sequence.melody != melody.REST))
        return bits / max(1, notes)


def fit_ngram(
    pools: Mapping[str, Sequence[TokenSequence]], style: str, config: NGramConfig = NGramConfig(), seed: int = 0
) -> NGram:
    """Count the training pieces of all styles and weigh them for one.

    Parameters
    ----------
    pools : mapping of str to sequence of TokenSequence
        Training pieces by style.
    style : str
        The style that is to be predicted.
    config : NGramConfig
        What the n-gram sees.
    seed : int
        Draws the pieces that are held out while the mixture is weighed; the tables count them again.

    Raises
    ------
    CorpusError
        If the style has fewer than two pieces.
    """
    own = list(pools.get(style, ()))
    if len(own) < 2:
        raise CorpusError(f"{len(own)} training pieces of style {style}", expected="at least 2 to count and to weigh")
    order = np.random.default_rng([seed, len(own)]).permutation(len(own))
    held = max(1, round(config.held_out * len(own)))
    counted, weighed = columns_of(own[i] for i in order[held:]), columns_of(own[i] for i in order[:held])
    others = [columns_of(pool) for name, pool in pools.items() if name != style and len(pool)]
    tables, weights = [], []
    for family in _PREDICTED:
        common = [table for columns in others for table in _tables(columns, family.NAME, config)]
        weights.append(_weigh(_parts([*_tables(counted, family.NAME, config), *common], weighed)))
        tables.append([*_tables(columns_of(own), family.NAME, config), *common])
    return NGram(tables, weights, config)


def columns_of(sequences: Iterable[TokenSequence]) -> Columns:
    """Return what can be known at each step of pieces laid end to end; 0 stands before the first step."""
    pieces = list(sequences)
    columns: dict[str, NDArray[np.int64]] = {}
    for name in (rhythm.NAME, melody.NAME):
        tokens = [getattr(piece, name).astype(np.int64) for piece in pieces]
        for back in range(_MOST_STEPS_BACK):
            label = f"{name}-{back}" if back else name
            columns[label] = np.concatenate([np.zeros(0, np.int64), *(_delayed(t, back) for t in tokens)])
    phases = [piece.onsets() % TICKS_PER_QUARTER // _PHASE_TICKS for piece in pieces]
    columns["phase"] = np.concatenate([np.zeros(0, np.int64), *phases])
    return columns


_RADIX: Final = 1 << 16
"""Larger than every vocabulary: a context number and a token make one key."""


@dataclass(frozen=True, slots=True)
class _Level:
    """The discounted counts of one length of context.

    `grams` are the seen pairs of context and token, ascending, and `counts` their discounted counts; `totals`
    and `left_over` hold for each context the sum of its counts and the mass that its discounts set free.
    """

    grams: NDArray[np.int64]
    counts: Floats
    totals: Floats
    left_over: Floats

    def interpolate(self, context: NDArray[np.int64], target: NDArray[np.int64], shorter: Floats) -> Floats:
        """Return the probabilities of `target` after `context` (-1: never seen), given those of the level below."""
        seen = context >= 0
        place = np.where(seen, context, 0)
        gram = _find(self.grams, np.where(seen, place * _RADIX + target, -1))
        count = np.where(gram >= 0, self.counts[gram], 0.0)
        result: Floats = np.where(seen, (count + self.left_over[place] * shorter) / self.totals[place], shorter)
        return result


def _level(grams: NDArray[np.int64], counts: NDArray[np.int64]) -> _Level:
    """Discount the counts of the grams of one level, by three values estimated from how many occur how often."""
    context = grams // _RADIX
    discount = _discounts(counts)[np.minimum(counts, 3)]
    totals: Floats = np.bincount(context, counts).astype(np.float64)
    left_over: Floats = np.bincount(context, discount).astype(np.float64)
    return _Level(grams, counts - discount, totals, left_over)


def _discounts(counts: NDArray[np.int64]) -> Floats:
    """Return what to take from a count of 0, 1, 2, and 3 or more (Chen and Goodman 1999, equation 26)."""
    once, twice, thrice, four = (max(1, int(np.count_nonzero(counts == n))) for n in (1, 2, 3, 4))
    share = once / (once + 2 * twice)
    found = [1 - 2 * share * twice / once, 2 - 3 * share * thrice / twice, 3 - 4 * share * four / thrice]
    return np.array([0.0, *np.clip(found, 0.05, [0.95, 1.9, 2.85])])


def _levels(contexts: Sequence[NDArray[np.int64]], target: NDArray[np.int64]) -> list[_Level]:
    """Count each level: occurrences at the longest context, below it in how many longer contexts a gram occurs."""
    grams, counts = np.unique(contexts[-1] * _RADIX + target, return_counts=True)
    levels = [_level(grams, counts)]
    for longer, shorter in zip(contexts[:0:-1], contexts[-2::-1], strict=True):
        parent = np.zeros(int(longer.max()) + 1, dtype=np.int64)
        parent[longer] = shorter
        grams, counts = np.unique(parent[grams // _RADIX] * _RADIX + grams % _RADIX, return_counts=True)
        levels.append(_level(grams, counts))
    return levels[::-1]


def _find(known: NDArray[np.int64], keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the place of each key among the ascending known ones, -1 where there is none."""
    place = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.where(known[place] == keys, place, -1)


def _delayed(tokens: NDArray[np.int64], back: int) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(back, np.int64), tokens])[: len(tokens)]


def _tables(columns: Columns, family: str, config: NGramConfig) -> list[Table]:
    return [Table(columns, family, chain, _SIZES[family]) for chain in config.chains(family)]


def _parts(tables: Sequence[Table], columns: Columns) -> Floats:
    """Return the probability of each step under each table, shape (tables, steps)."""
    return np.array([table.probability(columns) for table in tables])


def _weigh(parts: Floats) -> Floats:
    """Return the weights, shape (tables,), under which the mixture finds the steps likeliest."""
    weights = np.full(len(parts), 1 / len(parts))
    for _ in range(_ROUNDS):
        joint = weights[:, None] * parts
        weights = (joint / joint.sum(axis=0)).mean(axis=1)
    return weights
