"""The two-sample test: whether a classifier can tell composed windows from real ones that it has not seen.

A small convolutional network learns to tell windows of real training pieces from composed ones and is
then asked about windows of unseen real pieces and fresh composed ones (Lopez-Paz and Oquab 2017,
"Revisiting classifier two-sample tests"). Half right is the best a generator can get; what real music
against real music gives is the floor of the test itself. The network is no relative of the
discriminators that train the generator: they are recurrent and never judge here.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from symgen.errors import CorpusError
from symgen.metrics.windows import COLUMNS, Draw, Sample, Windows

Integers = NDArray[np.int64]

Floats = NDArray[np.float64]

FEW_PIECES: Final = 6
"""Unseen pieces below which the interval resamples stretches within them: it then holds for these pieces only."""
STRETCH_STEPS: Final = 64
"""Steps of a stretch, twice a window."""

_RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class TwoSampleConfig:
    """Sizes of the classifier and its training.

    Parameters
    ----------
    seeds : int
        Repetitions, each with fresh windows, its own inner split and its own network.
    epochs, patience : int
        Most passes over the training windows, and passes without a better inner loss before stopping.
    width : int
        Channels of the network.
    dropout, learning_rate, weight_decay : float
        Of its training with AdamW, in batches of 64.
    """

    seeds: int = 5
    epochs: int = 25
    patience: int = 4
    width: int = 48
    dropout: float = 0.3
    learning_rate: float = 2e-3
    weight_decay: float = 0.05


@dataclass(frozen=True, slots=True)
class TwoSampleResult:
    """How well real and composed are told apart.

    Parameters
    ----------
    accuracy, low, high : float
        Share of right answers, the mean of both classes, over all seeds, and its 95 % interval from
        resampling seeds and pieces.
    by_seed : tuple of float
        Accuracy of each seed.
    windows : int
        Windows of each class that were asked about, a seed.
    pieces : int
        Unseen real pieces that they come from.
    unit : str
        What the interval resamples beside seeds: "piece", or with fewer than six pieces "stretch", 64 steps of one.
    by_piece : tuple of float
        Share of right answers on each unseen real piece, with what was composed after it where that is known.
    counts : ndarray of float, shape (2 classes, seeds, units, 2)
        Right answers and questions, for paired comparisons.
    """

    accuracy: float
    low: float
    high: float
    by_seed: tuple[float, ...]
    windows: int
    pieces: int
    unit: str
    by_piece: tuple[float, ...]
    counts: Floats

    def as_json(self) -> dict[str, Any]:
        """Return the result as plain data."""
        return {
            "accuracy": round(self.accuracy, 4),
            "low": round(self.low, 4),
            "high": round(self.high, 4),
            "by_seed": [round(value, 4) for value in self.by_seed],
            "windows": self.windows,
            "pieces": self.pieces,
            "unit": self.unit,
            "by_piece": [round(value, 4) for value in self.by_piece],
        }


def two_sample(draw: Draw, config: TwoSampleConfig, tick: Callable[[int], None] = lambda seed: None) -> TwoSampleResult:
    """Run the test.

    Parameters
    ----------
    draw : callable
        Gives the windows for each seed.
    config : TwoSampleConfig
        Sizes.
    tick : callable
        Told the number of seeds done.
    """
    answers = []
    for seed in range(config.seeds):
        train, test = draw(seed)
        answers.append(_answers(test, judge(train, test, config, seed)))
        tick(seed + 1)
    pieces = sorted({piece for seed in answers for side in seed for piece in side.pieces.tolist() if piece >= 0})
    counts = _counts(answers, by_stretch=len(pieces) < FEW_PIECES)
    by_seed = tuple(float(value) for value in _balanced(counts.sum(axis=-2)))
    low, high = _interval(counts)
    return TwoSampleResult(
        accuracy=float(np.mean(by_seed)),
        low=low,
        high=high,
        by_seed=by_seed,
        windows=len(test.real),
        pieces=len(pieces),
        unit="stretch" if len(pieces) < FEW_PIECES else "piece",
        by_piece=_by_piece(answers, pieces),
        counts=counts,
    )


def paired_difference(ones: Sequence[TwoSampleResult], others: Sequence[TwoSampleResult]) -> tuple[float, float, float]:
    """Return how much larger the accuracy of one set of results is than that of another, with its 95 % interval.

    Parameters
    ----------
    ones, others : sequence of TwoSampleResult
        One result a checkpoint (a training seed), all with the same test seeds and contexts. Test seeds and pieces
        are resampled together for all, checkpoints for each side on its own.

    Raises
    ------
    ValueError
        If the results were not asked about the same pieces with the same seeds.
    """
    tables = [np.stack([result.counts for result in side]) for side in (ones, others)]
    if tables[0].shape[1:4] != tables[1].shape[1:4]:
        raise ValueError(f"results of {tables[0].shape[1:4]} and of {tables[1].shape[1:4]}, not of the same questions")
    _, _, seeds, units, _ = tables[0].shape
    rng = np.random.default_rng(0)
    found = []
    for _ in range(_RESAMPLES):
        some_seeds, some_units = rng.integers(0, seeds, seeds), rng.integers(0, units, units)
        drawn = [table[rng.integers(0, len(table), len(table))] for table in tables]
        sums = [table[:, :, some_seeds][:, :, :, some_units].sum(axis=(0, 2, 3)) for table in drawn]
        if all((total[:, 1] > 0).all() for total in sums):
            found.append(float(_balanced(sums[0]) - _balanced(sums[1])))
    low, high = np.quantile(found, [0.025, 0.975])
    difference = _balanced(tables[0].sum(axis=(0, 2, 3))) - _balanced(tables[1].sum(axis=(0, 2, 3)))
    return float(difference), float(low), float(high)


def judge(train: Sample, test: Sample, config: TwoSampleConfig, seed: int) -> tuple[NDArray[np.bool_], ...]:
    """Train a classifier and return which of the real and of the composed test windows it gets right."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _trained(Classifier(config), train, config, seed)
        real = _scores(network, test.real.values) < 0
        composed = _scores(network, test.composed.values) >= 0
    return real.numpy(), composed.numpy()


class Classifier(nn.Module):
    """Embeddings of what a step shows, two convolutions over steps, mean and maximum, one score.

    Parameters
    ----------
    config : TwoSampleConfig
        Sizes.
    """

    def __init__(self, config: TwoSampleConfig) -> None:
        super().__init__()
        width = config.width
        self.embeddings = nn.ModuleList(nn.Embedding(size, width) for size in COLUMNS.values())
        for table in self.embeddings:
            nn.init.normal_(table.weight, std=0.3)  # type: ignore[arg-type]
        self.first = nn.Conv1d(width, width, kernel_size=5, padding=2)
        self.second = nn.Conv1d(width, width, kernel_size=5, padding=2)
        self.drop = nn.Dropout(config.dropout)
        self.score = nn.Linear(2 * width, 1)

    def forward(self, values: Tensor) -> Tensor:
        """Return a score (B,) for windows (B, T, len(COLUMNS)): above 0 if they seem composed."""
        x = torch.stack([table(values[..., place]) for place, table in enumerate(self.embeddings)]).sum(0)
        x = self.drop(x).transpose(1, 2)  # (B, C, T)
        x = functional.gelu(self.first(x))
        x = x + functional.gelu(self.second(self.drop(x)))
        pooled = torch.cat([x.mean(dim=2), x.amax(dim=2)], dim=1)  # (B, 2 C)
        result: Tensor = self.score(self.drop(pooled))[:, 0]
        return result


def _trained(network: Classifier, sample: Sample, config: TwoSampleConfig, seed: int) -> Classifier:
    """Train with early stopping on a fifth of the pieces of each class."""
    inner, held = zip(*(_split(side, seed) for side in (sample.real, sample.composed)), strict=True)
    values, labels = _labelled(inner)
    held_values, held_labels = _labelled(held)
    rng = np.random.default_rng([seed, 5])
    optimiser = torch.optim.AdamW(network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    best, waited, weights = float("inf"), 0, copy.deepcopy(network.state_dict())
    for _ in range(config.epochs):
        network.train()
        for rows in torch.split(torch.from_numpy(rng.permutation(len(values))), 64):
            loss = functional.binary_cross_entropy_with_logits(network(values[rows]), labels[rows])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        found = float(functional.binary_cross_entropy_with_logits(_scores(network, held_values), held_labels))
        if found < best:
            best, waited, weights = found, 0, copy.deepcopy(network.state_dict())
        else:
            waited += 1
            if waited >= config.patience:
                break
    network.load_state_dict(weights)
    return network


@torch.no_grad()
def _scores(network: Classifier, values: Tensor | Integers) -> Tensor:
    network.eval()
    tensor = values if isinstance(values, Tensor) else torch.from_numpy(values)
    return torch.cat([network(part) for part in torch.split(tensor, 512)])


def _labelled(sides: Sequence[Integers]) -> tuple[Tensor, Tensor]:
    """Return windows of both sides and their labels, 1 for composed."""
    values = torch.from_numpy(np.concatenate(sides))
    labels = torch.cat([torch.full((len(side),), float(label)) for label, side in enumerate(sides)])
    return values, labels


def _split(windows: Windows, seed: int) -> tuple[Integers, Integers]:
    """Split windows into four fifths and a fifth by piece; the same pieces split alike in both classes."""
    pieces = np.unique(windows.pieces)
    if len(pieces) < 2:
        raise CorpusError("all windows come from one piece", expected="at least two pieces to learn from")
    held = np.random.default_rng([seed, 4]).permutation(pieces)[: max(1, len(pieces) // 5)]
    inside = np.isin(windows.pieces, held)
    return windows.values[~inside], windows.values[inside]


@dataclass(frozen=True, slots=True)
class _Answers:
    """The answers about one class of windows: where each window is from, and whether it was told right."""

    pieces: Integers
    stretches: Integers
    right: NDArray[np.bool_]


def _answers(test: Sample, right: Sequence[NDArray[np.bool_]]) -> tuple[_Answers, ...]:
    """Return the answers about the real and about the composed windows."""
    return tuple(
        _Answers(side.pieces, side.starts // STRETCH_STEPS, hits)
        for side, hits in zip((test.real, test.composed), right, strict=True)
    )


def _counts(answers: Sequence[tuple[_Answers, ...]], *, by_stretch: bool) -> Floats:
    """Return right answers and questions by class, seed and unit, shape (2, seeds, units, 2)."""
    keys = [
        [list(zip(side.pieces.tolist(), (side.stretches * by_stretch).tolist(), strict=True)) for side in seed]
        for seed in answers
    ]
    numbers = {unit: n for n, unit in enumerate(sorted({key for seed in keys for side in seed for key in side}))}
    counts = np.zeros((2, len(answers), len(numbers), 2))
    for seed, sides in enumerate(answers):
        for label, side in enumerate(sides):
            units = np.array([numbers[key] for key in keys[seed][label]])
            np.add.at(counts[label, seed, :, 0], units, side.right)
            np.add.at(counts[label, seed, :, 1], units, 1)
    return counts


def _by_piece(answers: Sequence[tuple[_Answers, ...]], pieces: Sequence[int]) -> tuple[float, ...]:
    """Return the share of right answers on each piece, the mean of the classes that it has."""
    shares = []
    for piece in pieces:
        sides = [
            np.concatenate([side.right[side.pieces == piece] for side in label]) for label in zip(*answers, strict=True)
        ]
        shares.append(float(np.mean([side.mean() for side in sides if len(side)])))
    return tuple(shares)


def _balanced(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean over both classes of right / all, for counts of shape (2 classes, ..., 2)."""
    result: NDArray[np.float64] = (counts[..., 0] / np.maximum(counts[..., 1], 1)).mean(axis=0)
    return result


def _interval(counts: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % interval of the accuracy from resampling seeds and pieces."""
    rng = np.random.default_rng(0)
    _, seeds, pieces, _ = counts.shape
    found = []
    for _ in range(_RESAMPLES):
        drawn = counts[:, rng.integers(0, seeds, seeds)][:, :, rng.integers(0, pieces, pieces)].sum(axis=(1, 2))
        if (drawn[:, 1] > 0).all():
            found.append(float(_balanced(drawn)))
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)
