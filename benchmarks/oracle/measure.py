"""Both figures of a generator over temperatures, and what lies outside of the baseline's frontier."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from benchmarks.oracle.generator import LanguageModel, negative_log_likelihood, sample
from benchmarks.oracle.oracle import Task

TEMPERATURES = (1.0, 0.85, 0.7, 0.6, 0.55, 0.5)
SHARP = 0.4
"""Temperature of the sharp part of a mixture."""
SHARES = (0.25, 0.5, 0.75, 0.9)
"""How much of a mixture is sharp."""


@dataclass(frozen=True, slots=True)
class Point:
    """One generator at one temperature.

    Parameters
    ----------
    temperature : float
        At which it was sampled, and at which its own likelihood was taken.
    nll_oracle : float
        Mean negative log-likelihood of its samples under the oracle, nats a token: quality.
    nll_gen : float
        That of unseen oracle sequences under the generator: coverage.
    distinct : float
        Share of different pairs of neighbouring tokens among all pairs in the samples: variety.
    share : float
        Share of the sequences that are drawn at this temperature; the others are drawn at 1.
    """

    temperature: float
    nll_oracle: float
    nll_gen: float
    distinct: float
    share: float = 1.0


def measure_real(oracle: LanguageModel, task: Task) -> Point:
    """Return what a perfect generator would reach: the oracle itself, on its unseen sequences."""
    nll = negative_log_likelihood(oracle, task.test)
    return Point(1.0, nll, nll, distinct_pairs(task.test.numpy(), oracle.tokens))


def measure(model: LanguageModel, oracle: LanguageModel, task: Task, *, samples: int, seed: int) -> list[Point]:
    """Return the points of a generator over :data:`TEMPERATURES`.

    This is the one place, beside the drawing of sequences, where the oracle is asked.
    """
    points = []
    for temperature in TEMPERATURES:
        rng = np.random.default_rng([seed, 5])
        written = sample(model, samples, task.test.shape[1], rng, temperature)
        quality = negative_log_likelihood(oracle, written)
        coverage = negative_log_likelihood(model, task.test, temperature)
        points.append(Point(temperature, quality, coverage, distinct_pairs(written.numpy(), model.tokens)))
    return points


def measure_mixture(model: LanguageModel, oracle: LanguageModel, task: Task, *, samples: int, seed: int) -> list[Point]:
    """Return the points of a generator that draws a temperature for each sequence: :data:`SHARP`, or else 1.

    The probability of a sequence is then exactly the weighted mean of both, so that NLL_gen is at most
    ``-log(1 - share) / length`` above that at temperature 1, however poor the sharp part.
    """
    rng = np.random.default_rng([seed, 6])
    length = task.test.shape[1]
    both = [sample(model, samples, length, rng, temperature) for temperature in (1.0, SHARP)]
    quality = [negative_log_likelihood(oracle, written) for written in both]
    with torch.no_grad():
        known = [model.log_likelihoods(task.test, temperature).sum(1) for temperature in (1.0, SHARP)]
    points = []
    for share in SHARES:
        mixed = torch.logaddexp(known[0] + math.log(1 - share), known[1] + math.log(share))
        sharp = round(share * samples)
        written = torch.cat([both[0][: samples - sharp], both[1][:sharp]])
        points.append(
            Point(
                SHARP,
                (1 - share) * quality[0] + share * quality[1],
                -float(mixed.mean()) / length,
                distinct_pairs(written.numpy(), model.tokens),
                share,
            )
        )
    return points


def distinct_pairs(sequences: np.ndarray[tuple[int, ...], np.dtype[np.int64]], tokens: int) -> float:
    """Return the share of different pairs of neighbours in sequences (B, T)."""
    pairs = sequences[:, :-1] * tokens + sequences[:, 1:]
    return len(np.unique(pairs)) / pairs.size


def gain(points: list[Point], frontier: list[Point]) -> float:
    """Return by how much points lie below a frontier's NLL_oracle at equal NLL_gen, in nats, their mean.

    Positive is outside of the frontier, which is taken to be straight between its points. Points whose NLL_gen
    the frontier does not reach are left out; NaN if that is all of them.
    """
    low, high = (pick(point.nll_gen for point in frontier) for pick in (min, max))
    gains = [at_coverage(frontier, p.nll_gen).nll_oracle - p.nll_oracle for p in points if low <= p.nll_gen <= high]
    return float(np.mean(gains)) if gains else float("nan")


def at_coverage(points: list[Point], limit: float) -> Point:
    """Return the point of a generator at an NLL_gen of `limit`, between those measured, or the nearest of them."""
    along = sorted(points, key=lambda point: point.nll_gen)
    coverage = [point.nll_gen for point in along]
    return Point(
        *(
            float(np.interp(limit, coverage, [getattr(point, name) for point in along]))
            for name in ("temperature", "nll_oracle", "nll_gen", "distinct", "share")
        )
    )
