"""How well free continuations pass for what really followed: one call for a snapshot, a cell of the frontier.

Continuations of the same real contexts are compared for any generator, temperature and top-p: the draws of
contexts, the inner splits and the classifier's first weights depend on the seed alone, so results are paired.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from symgen.corpus.dataset import Dataset
from symgen.metrics.twosample import TwoSampleConfig, TwoSampleResult, two_sample
from symgen.metrics.windows import COLUMNS, Draw, Sample, Sizes, Windows, draw_continuations
from symgen.models.checkpoint import Checkpoint, load_checkpoint
from symgen.models.contest import Ear
from symgen.models.runtime import Runtime
from symgen.models.windows import Pieces

HELD_OUT = ("validation", "test")
_GRAM = 4
_TONE = [list(COLUMNS).index(name) for name in ("degree", "octave", "technique")]
_NOTE = [*_TONE, list(COLUMNS).index("interval")]


@dataclass(frozen=True, slots=True)
class Variety:
    """How varied windows are, each figure a share of grams or bits.

    Parameters
    ----------
    distinct : float
        Different 4-grams of notes (tone and interval to the next) among all 4-grams of the windows of a seed whose
        places do not overlap.
    repeats : float
        4-grams of notes that stood before in the same window.
    entropy : float
        Entropy of the pairs of notes, in bits.
    """

    distinct: float
    repeats: float
    entropy: float

    def as_json(self) -> dict[str, float]:
        """Return the figures as plain data."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Continued:
    """What one generator writes after real contexts, beside what really followed.

    Parameters
    ----------
    test : TwoSampleResult
        How well a classifier tells the two apart.
    composed, real : Variety
        Of the continuations asked about, and of the real windows in their places.
    """

    test: TwoSampleResult
    composed: Variety
    real: Variety

    def as_json(self) -> dict[str, Any]:
        """Return the figures as plain data."""
        return {"test": self.test.as_json(), "composed": self.composed.as_json(), "real": self.real.as_json()}


def continuation_accuracy(
    generator: Runtime | Checkpoint | str | Path,
    dataset: Dataset | str | Path,
    style: str = "guqin",
    seeds: int = 5,
    *,
    temperature: float = 1.0,
    top_p: float = 1.0,
    held_out: Sequence[str] = HELD_OUT,
    sizes: Sizes | None = None,
    classifier: TwoSampleConfig | None = None,
    tick: Callable[[int], None] = lambda seed: None,
) -> Continued:
    """Ask whether continuations of real contexts can be told from what really followed.

    Parameters
    ----------
    generator : Runtime, Checkpoint or path
        What writes: a folder of a checkpoint, or anything with ``start`` as :class:`Runtime` has it.
    dataset : Dataset or path
        Real pieces.
    style : str
        Style of the pieces.
    seeds : int
        Repetitions, each with fresh contexts and a classifier of its own.
    temperature, top_p : float
        As in :class:`symgen.sampling.Sampling`.
    held_out : sequence of str
        Splits whose pieces the classifier is asked about. To choose among snapshots name "validation" alone, so
        that the test pieces stay unseen.
    sizes, classifier : Sizes, TwoSampleConfig, optional
        Windows and classifier; `seeds` goes before the classifier's own.
    tick : callable
        Told the number of seeds done.

    Raises
    ------
    CorpusError
        If the dataset has too few pieces of the style, or none that is long enough.
    """
    data = dataset if isinstance(dataset, Dataset) else Dataset(dataset)
    training = Pieces(data.sequences(split="train", style=style))
    unseen = Pieces(s for split in held_out for s in data.sequences(split=split, style=style))
    judge = replace(classifier or TwoSampleConfig(), seeds=seeds)
    return continued(
        generator, training, unseen, judge, sizes or Sizes(), temperature=temperature, top_p=top_p, tick=tick
    )


def continued(
    generator: Runtime | Checkpoint | str | Path,
    training: Pieces,
    unseen: Pieces,
    classifier: TwoSampleConfig,
    sizes: Sizes,
    *,
    temperature: float = 1.0,
    top_p: float = 1.0,
    ear: Ear | None = None,
    tick: Callable[[int], None] = lambda seed: None,
) -> Continued:
    """Return the same for pieces that are at hand, which an `ear` may hear; see :func:`continuation_accuracy`."""
    draw = draw_continuations(
        _runtime(generator), training, unseen, sizes, temperature=temperature, top_p=top_p, ear=ear
    )
    return asked_about(draw, classifier, tick)


def asked_about(draw: Draw, classifier: TwoSampleConfig, tick: Callable[[int], None] = lambda seed: None) -> Continued:
    """Return how well windows are told from real ones, and how varied those are that were asked about."""
    asked: list[Sample] = []
    test = two_sample(_noting(draw, asked), classifier, tick)
    composed, real = ([getattr(sample, side) for sample in asked] for side in ("composed", "real"))
    return Continued(test, variety(composed), variety(real))


def variety(samples: Sequence[Windows]) -> Variety:
    """Return how varied the windows of some samples are, the mean of the samples.

    Distinct grams and pairs are counted over windows whose places do not overlap, the first come first: real windows
    that do share their notes, which continuations of overlapping contexts do not.
    """
    found = np.array([_variety(sample) for sample in samples]).mean(axis=0)
    return Variety(*map(float, found))


def _variety(sample: Windows) -> tuple[float, float, float]:
    """Return the share of distinct grams, that of repeated ones within windows, and the entropy of pairs in bits."""
    grams: Counter[tuple[Any, ...]] = Counter()
    pairs: Counter[tuple[Any, ...]] = Counter()
    repeated, among = 0, 0
    apart = _apart(sample)
    for place, window in enumerate(sample.values[:, :, _NOTE].tolist()):
        notes = list(map(tuple, window))
        own = [tuple(notes[begin : begin + _GRAM]) for begin in range(len(notes) - _GRAM + 1)]
        repeated += len(own) - len(set(own))
        among += len(own)
        if place in apart:
            grams.update(own)
            pairs.update(pairwise(notes))
    shares = np.array(list(pairs.values())) / max(1, pairs.total())
    return len(grams) / max(1, grams.total()), repeated / max(1, among), float(-(shares * np.log2(shares)).sum())


def _apart(sample: Windows) -> set[int]:
    """Return which windows are kept if each that overlaps one before it is left out."""
    length = sample.values.shape[1]
    taken: dict[int, list[int]] = {}
    kept = set()
    for place, (piece, start) in enumerate(zip(sample.pieces.tolist(), sample.starts.tolist(), strict=True)):
        others = taken.setdefault(piece, [])
        if all(abs(start - other) >= length for other in others):
            others.append(start)
            kept.add(place)
    return kept


def _noting(draw: Draw, asked: list[Sample]) -> Draw:
    """Return the draw, noting the windows that are asked about."""

    def noted(seed: int) -> tuple[Sample, Sample]:
        train, test = draw(seed)
        asked.append(test)
        return train, test

    return noted


def _runtime(generator: Runtime | Checkpoint | str | Path) -> Runtime:
    if isinstance(generator, (str, Path)):
        generator = load_checkpoint(generator)
    return generator.runtime() if isinstance(generator, Checkpoint) else generator
