"""What is watched while generator and adversary fight, and when their last updates are undone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from symgen.models.windows import Pieces

Integers = NDArray[np.int64]
COPY_RUN = 8
"""Melody tokens in a run that counts as copied if a training piece has it."""
_DISTINCT_RUN = 4
_MEMORY = 0.9


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a moving average may go before updates are undone.

    Parameters
    ----------
    divergence : float
        Most nats a step from the anchor.
    entropy, distinct : float
        Least share of what the first updates had.
    copied : float
        Most that the share of copied runs may rise above that of the first updates.
    settle : int
        Updates of a style that make up the first ones.
    """

    divergence: float = 0.25
    entropy: float = 0.75
    distinct: float = 0.85
    copied: float = 0.03
    settle: int = 10


class Watch:
    """Moving averages of what the updates say, and whether one has crossed a limit.

    Each style has its own: guzheng pieces vary less than guqin pieces do, and which of them come first is chance.

    Parameters
    ----------
    limits : Limits
        The limits.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.breaches = 0
        self.seen: dict[str, int] = {}
        self.first: dict[str, dict[str, float]] = {}
        self.now: dict[str, dict[str, float]] = {}

    @property
    def over(self) -> bool:
        """Whether updates were undone twice."""
        return self.breaches >= 2

    def breach(self, style: str, figures: Mapping[str, float]) -> str:
        """Take up the figures of an update of a style and say which limit was crossed; empty if none was."""
        if not all(math.isfinite(value) for value in figures.values()):
            return "a figure is not a number"
        seen = self.seen.get(style, 0)
        first, now = self.first.setdefault(style, {}), self.now.setdefault(style, {})
        for name in ("divergence", "entropy", "distinct", "copied"):
            value = figures[name]
            if seen < self.limits.settle:
                first[name] = (first.get(name, 0.0) * seen + value) / (seen + 1)
                now[name] = first[name]
            else:
                now[name] = _MEMORY * now[name] + (1 - _MEMORY) * value
        self.seen[style] = seen + 1
        crossed = self._crossed(first, now) if seen >= self.limits.settle else ""
        return f"{style}: {crossed}" if crossed else ""

    def undo(self) -> None:
        """Note that updates were undone; averages begin again."""
        self.breaches += 1
        self.now = {style: dict(first) for style, first in self.first.items()}

    def _crossed(self, first: Mapping[str, float], now: Mapping[str, float]) -> str:
        limits = self.limits
        if now["divergence"] > limits.divergence:
            return f"{now['divergence']:.2f} nats a step from the anchor"
        for name, least in (("entropy", limits.entropy), ("distinct", limits.distinct)):
            if now[name] < least * first[name]:
                return f"{name} fell from {first[name]:.3f} to {now[name]:.3f}"
        if now["copied"] > first["copied"] + limits.copied:
            return f"copied runs rose from {first['copied']:.3f} to {now['copied']:.3f}"
        return ""


def distinct(steps: Integers) -> float:
    """Return the share of different runs of four melody tokens among all in windows (B, T, 3)."""
    runs = _runs(steps[..., 1], _DISTINCT_RUN).reshape(-1, _DISTINCT_RUN)
    return len(np.unique(runs, axis=0)) / max(1, len(runs))


def run_table(pieces: Pieces) -> NDArray[np.uint64]:
    """Return the sorted hashes of all runs of rhythm and melody in training pieces."""
    parts = [_hashed(pieces[number].steps[1:].astype(np.int64)[None]) for number in range(len(pieces))]
    return np.unique(np.concatenate([np.zeros(0, np.uint64), *parts]))


def copied(steps: Integers, table: NDArray[np.uint64]) -> float:
    """Return the share of runs in windows (B, T, 3) that training pieces have."""
    hashes = _hashed(steps)
    return float(np.isin(hashes, table).mean()) if len(hashes) else 0.0


def _runs(values: Integers, length: int) -> Integers:
    """Return all runs (B, T - length + 1, length) of values (B, T)."""
    if values.shape[1] < length:
        return np.zeros((len(values), 0, length), np.int64)
    return np.lib.stride_tricks.sliding_window_view(values, length, axis=1)


def _hashed(steps: Integers) -> NDArray[np.uint64]:
    tokens = (steps[..., 0] << 16 | steps[..., 1]).astype(np.uint64)
    runs = _runs(tokens.view(np.int64), COPY_RUN).astype(np.uint64)
    hashes = np.zeros(runs.shape[:-1], np.uint64)
    for place in range(COPY_RUN):  # wraps around on purpose: a polynomial hash modulo 2^64
        hashes = (hashes ^ runs[..., place]) * np.uint64(0x9E3779B97F4A7C15)
        hashes ^= hashes >> np.uint64(29)
    return hashes.reshape(-1)
