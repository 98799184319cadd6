"""The critic: how much more a stretch of music is like what people wrote than like what the generator writes.

A logistic regression on about 500 shares that can be counted in 64 notes: degrees, steps and intervals between
onsets, each alone and in pairs; what comes again and after how many notes; chords and techniques; spread and contour.
It is fitted by Newton's method in numpy, in seconds, and read as log odds (Hastie, Tibshirani and Friedman 2009,
section 4.4), so that two takes which both are told from real music can still be compared. It is no relative of the
discriminators that train a generator, which judge short windows: the generator never learnt to please it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from symgen.errors import CheckpointError
from symgen.metrics.line import Line, line_of
from symgen.score import Technique
from symgen.tokens import chord, melody
from symgen.tokens.sequence import TokenSequence

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

STRETCH: Final = 64
"""Notes of a stretch."""
_OVERLAP: Final = 4
"""Stretches that a note is part of."""
PENALTIES: Final = (0.003, 0.01, 0.03, 0.1, 0.3)
"""Weights of the squared penalty, a stretch, among which cross-fitting chooses."""
FOLDS: Final = 5
FORMAT: Final = 2
_FORMATS: Final = (1, 2)
"""Of files that can be read; the first said nothing of the length of stretches, nor counted all by it."""

_LONGEST: Final = 4096
_ROUNDS: Final = 30
_WIDEST_STEP: Final = 13
_MOVES: Final = np.array([-12, -7, -4, -2, 0, 1, 3, 5, 8, 13])
"""Edges of the classes of moves that are counted in pairs."""
_INTERVALS: Final = np.array([61, 121, 161, 241, 321, 481, 721, 961, 1441, 1921])
"""Edges of the classes of intervals between onsets, in ticks."""
_LAGS: Final = 16
_GRAMS: Final = (3, 4, 6, 8)
_CHORDS: Final = (5, 7, 12, 24)


@dataclass(frozen=True, slots=True, eq=False)
class Critic:
    """A fitted critic of one style.

    Parameters
    ----------
    weights : ndarray of float64, shape (features,)
        Log odds that a unit of each feature adds.
    bias : float
        Log odds of a stretch whose features are all 0.
    centre, spread : float
        Mean and standard deviation of the scores of the generator's own takes: what a good score is measured in.
    stretch : int
        Notes of the stretches that it was fitted to.
    """

    weights: Floats
    bias: float
    centre: float = 0.0
    spread: float = 1.0
    stretch: int = STRETCH

    def log_odds(self, line: Line) -> float:
        """Return the mean log odds of the stretches of a line that people wrote them; above 0 if they seem to."""
        return float(np.mean(features(line, self.stretch) @ self.weights) + self.bias)

    def score(self, line: Line) -> float:
        """Return by how many standard deviations of takes a line is better than the mean take."""
        return (self.log_odds(line) - self.centre) / self.spread


def features(line: Line, stretch: int = STRETCH) -> Floats:
    """Return the features of the stretches of a line, shape (stretches, features); of a short line, of all of it.

    Parameters
    ----------
    line : Line
        The line.
    stretch : int
        Notes of a stretch; they begin a quarter of it apart.
    """
    notes = len(line.pitch)
    length = min(stretch, notes)
    starts = np.arange(0, max(notes - length, 0) + 1, max(1, stretch // _OVERLAP))
    rows = starts[:, None] + np.arange(length)
    return _features({name: column[rows] for name, column in _columns(line).items()})


def last_features(lines: Sequence[Line], stretch: int = STRETCH) -> Floats:
    """Return the features of the last stretch of each line, shape (lines, features); of short lines, of all of them.

    A line has one note at least.
    """
    found = np.zeros((len(lines), COUNT))
    lengths = np.array([min(stretch, len(line.pitch)) for line in lines])
    for length in np.unique(lengths).tolist():
        chosen = np.flatnonzero(lengths == length).tolist()
        columns = [_columns(lines[number]) for number in chosen]
        found[chosen] = _features({name: np.stack([one[name][-length:] for one in columns]) for name in columns[0]})
    return found


def _features(cut: Mapping[str, Integers]) -> Floats:
    return np.concatenate([part(cut) for part in _PARTS], axis=1)


def _columns(line: Line) -> dict[str, Integers]:
    moves = np.diff(line.pitch, prepend=line.pitch[:1])
    return {
        "pitch": line.pitch,
        "tone": line.melody,
        "degree": melody.DEGREE[line.melody].astype(np.int64),
        "step": np.clip(moves, -_WIDEST_STEP, _WIDEST_STEP) + _WIDEST_STEP,
        "move": np.searchsorted(_MOVES, moves, side="right"),
        "interval": np.searchsorted(_INTERVALS, line.interval, side="right"),
        "ticks": line.interval,
        "chord": line.chord,
        "technique": melody.TECHNIQUE[line.melody].astype(np.int64),
    }


def _shares(values: Integers, size: int) -> Floats:
    """Return the square roots of the shares of each value in rows (W, n): rare ones count, common ones do not rule."""
    rows = len(values)
    flat = values + size * np.arange(rows)[:, None]
    counts = np.bincount(flat.ravel(), minlength=rows * size).reshape(rows, size)
    result: Floats = np.sqrt(counts / max(1, values.shape[1]))
    return result


def _alone(cut: Mapping[str, Integers]) -> Floats:
    sizes = {"degree": 12, "step": 2 * _WIDEST_STEP + 1, "interval": len(_INTERVALS) + 1}
    return np.concatenate([_shares(cut[name], size) for name, size in sizes.items()], axis=1)


def _pairs(cut: Mapping[str, Integers]) -> Floats:
    sizes = {"degree": 12, "move": len(_MOVES) + 1, "interval": len(_INTERVALS) + 1}
    return np.concatenate(
        [_shares(cut[name][:, :-1] * size + cut[name][:, 1:], size * size) for name, size in sizes.items()], axis=1
    )


def _lags(cut: Mapping[str, Integers]) -> Floats:
    """Return the share of tones, and of intervals, that are those of 1 to 16 notes before."""
    found = []
    for values in (cut["tone"], cut["ticks"]):
        for lag in range(1, _LAGS + 1):
            same = values[:, lag:] == values[:, :-lag]
            found.append(same.mean(axis=1) if same.size else np.zeros(len(values)))
    return np.stack(found, axis=1)


def _again(cut: Mapping[str, Integers]) -> Floats:
    """Return the shares of grams of tones, and of notes, that stood before in their stretch."""
    found = []
    notes = cut["tone"] * (1 << 20) + cut["ticks"]
    for values in (cut["tone"], notes):
        for gram in _GRAMS:
            hashes = np.zeros((len(values), max(0, values.shape[1] - gram + 1)), np.int64)
            for place in range(gram):
                hashes = hashes * 1000003 + values[:, place : place + hashes.shape[1]]
            ordered = np.sort(hashes, axis=1)
            found.append((ordered[:, 1:] == ordered[:, :-1]).sum(axis=1) / max(1, hashes.shape[1]))
    return np.stack(found, axis=1)


def _colour(cut: Mapping[str, Integers]) -> Floats:
    """Return the shares of chords by their widest tone and of harmonics, and how often the technique changes."""
    chords = cut["chord"]
    depth = _DEPTH[chords]
    kinds = [chords != chord.NO_CHORD, *(depth == wide for wide in _CHORDS)]
    harmonic = cut["technique"] == Technique.HARMONIC
    changes = np.diff(harmonic.astype(np.int64), axis=1) != 0
    found = [kind.mean(axis=1) for kind in (*kinds, harmonic)]
    return np.stack([*found, changes.sum(axis=1) / max(1, chords.shape[1])], axis=1)


_DEPTH: Final = np.array([0, *(max(intervals, default=0) for intervals in chord.SONORITIES)])


def _contour(cut: Mapping[str, Integers]) -> Floats:
    """Return spreads of pitch and time, and how moves follow moves, all about as large as shares are."""
    pitch = cut["pitch"].astype(np.float64)
    moves = np.diff(pitch, axis=1) if pitch.shape[1] > 1 else np.zeros((len(pitch), 1))
    turns = np.sign(moves[:, 1:]) * np.sign(moves[:, :-1])
    after_leap = np.where(np.abs(moves[:, :-1]) > 4, -turns, 0)
    time = np.log2(np.maximum(cut["ticks"], 30) / 480)
    rough = [
        pitch.std(axis=1) / 8,
        np.ptp(pitch, axis=1) / 24,
        np.abs(moves).mean(axis=1) / 8,
        (moves == 0).mean(axis=1),
        (turns < 0).sum(axis=1) / pitch.shape[1],
        after_leap.sum(axis=1) / pitch.shape[1],
        time.mean(axis=1) / 2,
        time.std(axis=1) / 2,
        np.abs(np.diff(time, axis=1)).sum(axis=1) / pitch.shape[1],
        _distinct(cut["tone"]) / 16,
        _distinct(cut["interval"]) / 8,
    ]
    return np.stack(rough, axis=1)


def _distinct(values: Integers) -> Floats:
    ordered = np.sort(values, axis=1)
    result: Floats = 1.0 + (np.diff(ordered, axis=1) != 0).sum(axis=1)
    return result


_PARTS: Final[tuple[Callable[[Mapping[str, Integers]], Floats], ...]] = (
    _alone, _pairs, _lags, _again, _colour, _contour,
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Stretches:
    """Features of pieces with the piece that each row is from.

    Parameters
    ----------
    values : ndarray of float64, shape (rows, features)
        Features.
    pieces : ndarray of int64, shape (rows,)
        Number of the piece.
    stretch : int
        Notes of a stretch.
    """

    values: Floats
    pieces: Integers

    stretch: int = STRETCH

    @classmethod
    def of(cls, sequences: Sequence[TokenSequence], stretch: int = STRETCH) -> Stretches:
        """Return the stretches, of so many notes, of pieces of at least two notes."""
        lines = [(number, line) for number, line in enumerate(map(line_of, sequences)) if len(line.pitch) > 1]
        found = [(number, features(line, stretch)) for number, line in lines]
        numbers = [np.full(len(values), number) for number, values in found]
        return cls(np.concatenate([values for _, values in found]), np.concatenate(numbers), stretch)

    def among(self, chosen: NDArray[np.bool_]) -> Stretches:
        """Return these rows alone."""
        return Stretches(self.values[chosen], self.pieces[chosen], self.stretch)


def fit(real: Stretches, composed: Stretches, seed: int = 0) -> tuple[Critic, float]:
    """Fit a critic, its penalty chosen by cross-fitting over whole pieces.

    Parameters
    ----------
    real, composed : Stretches
        What people wrote, and what the generator wrote.
    seed : int
        Divides the pieces.

    Returns
    -------
    critic : Critic
        Fitted to all.
    auc : float
        The chance that a stretch that people wrote scores above a composed one, neither seen in fitting.
    """
    folds = [_folds(side.pieces, seed + number) for number, side in enumerate((real, composed))]
    best = (-1.0, PENALTIES[-1])
    for penalty in PENALTIES:
        scores = [np.zeros(len(side.values)) for side in (real, composed)]
        for fold in range(FOLDS):
            inside = [side.among(where != fold) for side, where in zip((real, composed), folds, strict=True)]
            if not all(len(side.values) for side in inside):
                continue
            critic = _solve(inside[0], inside[1], penalty)
            for score, side, where in zip(scores, (real, composed), folds, strict=True):
                score[where == fold] = side.values[where == fold] @ critic.weights + critic.bias
        best = max(best, (auc(scores[0], scores[1]), penalty))
    critic = _solve(real, composed, best[1])
    return calibrated(critic, composed), best[0]


def calibrated(critic: Critic, composed: Stretches) -> Critic:
    """Return a critic that measures in standard deviations of these pieces."""
    scores = piece_scores(critic, composed)
    return replace(critic, centre=float(scores.mean()), spread=max(float(scores.std()), 1e-6))


def piece_scores(critic: Critic, stretches: Stretches) -> Floats:
    """Return the mean log odds of each piece."""
    rows = stretches.values @ critic.weights + critic.bias
    return np.array([rows[stretches.pieces == piece].mean() for piece in np.unique(stretches.pieces)])


def auc(higher: Floats, lower: Floats) -> float:
    """Return the chance that one of `higher` is above one of `lower`, ties counted half (Mann and Whitney 1947)."""
    ordered = np.sort(lower)
    below = np.searchsorted(ordered, higher, side="left") + np.searchsorted(ordered, higher, side="right")
    return float(below.mean() / (2 * len(lower)))


def _folds(pieces: Integers, seed: int) -> Integers:
    names = np.unique(pieces)
    fold = np.random.default_rng([seed, 17]).permutation(len(names)) % FOLDS
    result: Integers = fold[np.searchsorted(names, pieces)]
    return result


def _solve(real: Stretches, composed: Stretches, penalty: float) -> Critic:
    """Return the penalised maximum of the likelihood, both sides weighing the same."""
    x = np.concatenate([real.values, composed.values])
    centre = x.mean(axis=0)
    spread = x.std(axis=0) + 0.02  # what never varies stays out
    x = np.concatenate([(x - centre) / spread, np.ones((len(x), 1))], axis=1)
    target = np.concatenate([np.ones(len(real.values)), np.zeros(len(composed.values))])
    share = np.where(target == 1, 0.5 / len(real.values), 0.5 / len(composed.values))
    ridge = np.full(x.shape[1], penalty)
    ridge[-1] = 1e-6
    beta = np.zeros(x.shape[1])
    for _ in range(_ROUNDS):
        chance = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        gradient = x.T @ (share * (target - chance)) - ridge * beta
        curve = (x * (share * chance * (1 - chance))[:, None]).T @ x + np.diag(ridge)
        change = np.linalg.solve(curve, gradient)
        beta += change
        if np.abs(change).max() < 1e-6:
            break
    weights = beta[:-1] / spread
    return Critic(weights, float(beta[-1] - weights @ centre), stretch=real.stretch)


def as_tensors(critics: Mapping[str, Critic]) -> dict[str, NDArray[Any]]:
    """Return critics by style as arrays for a safetensors file."""
    found: dict[str, NDArray[Any]] = {"format": np.array([FORMAT], np.int64)}
    for style, critic in critics.items():
        found[f"{style}.weights"] = critic.weights.astype(np.float32)
        found[f"{style}.scale"] = np.array([critic.bias, critic.centre, critic.spread, critic.stretch])
    return found


def from_tensors(tensors: Mapping[str, NDArray[Any]], path: Path) -> dict[str, Critic]:
    """Return critics by style from the arrays of a file.

    Raises
    ------
    CheckpointError
        If they are of another format or not those of a critic.
    """
    remedy = "make it again: symgen critic CHECKPOINT --against DATASET, or remove it"
    version = tensors.get("format")
    if version is None or version.tolist() not in ([number] for number in _FORMATS):
        expected = f"format {' or '.join(map(str, _FORMATS))}"
        raise CheckpointError(f"{path} holds a critic of another format", expected=expected, remedy=remedy)
    parts = 4 if version.tolist() == [FORMAT] else 3
    found = {}
    for name, weights in tensors.items():
        style, _, what = name.rpartition(".")
        if what == "weights":
            scale = tensors.get(f"{style}.scale", np.zeros(0))
            bias, centre, spread, stretch = (*scale.tolist(), STRETCH)[:4] if scale.shape == (parts,) else (np.nan,) * 4
            sound = weights.shape == (COUNT,) and np.isfinite([*weights, bias, centre, spread]).all() and spread > 0
            if not sound or not 1 <= stretch <= _LONGEST:
                raise CheckpointError(f"{path} holds no critic of {style}", remedy=remedy)
            found[style] = Critic(weights.astype(np.float64), bias, centre, spread, int(stretch))
    return found


def _count() -> int:
    two = np.zeros(2, np.int64)
    return int(features(Line(two + 30, two + chord.NO_CHORD, two + 1, two, two, two + 480)).shape[1])


COUNT: Final = _count()
"""How many features there are."""
