"""Which of many takes to hear first: ranked by a critic and by measures, and spread so that no two are twins.

The critic says how much a take is like what people wrote (:mod:`symgen.metrics.critic`), the measures how far its
distributions are from those of real pieces (:mod:`symgen.metrics.reference`). Both stand in the folder of a checkpoint;
where one is missing, the other ranks alone. All of it is numpy: importing torch takes longer than composing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from symgen.copying import run_hashes
from symgen.errors import CheckpointError
from symgen.metrics.critic import Critic, as_tensors, from_tensors
from symgen.metrics.line import Line, line_of
from symgen.metrics.reference import Reference
from symgen.models.checkpoint import CRITIC, REFERENCE, Checkpoint, write_json
from symgen.models.tensors import read_tensors, write_tensors
from symgen.tokens import melody
from symgen.tokens.sequence import TokenSequence

CRITIC_WEIGHT: Final = 1.0
MEASURE_WEIGHT: Final = 0.1
"""What a standard deviation of a measure counts beside one of the critic; see ``benchmarks/takes.py``."""

TWIN_RUNS: Final = 0.2
"""Share of runs of eight notes in common from which on two takes are twins."""
TWIN_PROFILE: Final = 0.93
"""Overlap of profiles from which on two takes are twins."""
DIVERSITY: Final = 1.0
"""What likeness to a take further up costs, a whole profile, in standard deviations of the critic."""
SPREAD: Final = 256
"""Takes that are spread; what ranks after them stays in the order of its scores."""

_PROFILE_EDGES: Final = np.array([121, 241, 361, 481, 961])


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a take stands among those composed with it.

    Parameters
    ----------
    rank : int
        From 1, the best; twins come last.
    score : float
        What is ranked by: standard deviations of takes, more is better.
    critic : float or None
        The critic's part, how much more it is like what people wrote than a take usually is; None without a critic.
    distances : dict of str to float
        How far each measure is outside of what real pieces do, in their standard deviations; 0 is within.
    likeness : float
        Overlap with the most alike take further up, 0..1.
    twin_of : int or None
        Index of the take that it is nearly the same as.
    """

    rank: int
    score: float
    critic: float | None = None
    distances: Mapping[str, float] = field(default_factory=dict)
    likeness: float = 0.0
    twin_of: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return plain data, rounded so that it is the same on machines that differ in the last bit."""
        return {
            "score": round(self.score, 3),
            "critic": None if self.critic is None else round(self.critic, 3),
            "distances": {name: round(value, 3) for name, value in self.distances.items()},
            "likeness": round(self.likeness, 3),
            "twin": self.twin_of is not None,
        }


@dataclass(frozen=True, slots=True)
class Judge:
    """What takes of a style are ranked by.

    Parameters
    ----------
    critic : Critic or None
        Of the style.
    reference : Reference or None
        Of the style.
    """

    critic: Critic | None = None
    reference: Reference | None = None

    def judge(self, sequence: TokenSequence) -> Standing:
        """Return the score of a take and its parts, its rank still 1."""
        line = line_of(sequence)
        if len(line.pitch) < 2:
            return Standing(1, 0.0)
        critic = None if self.critic is None else self.critic.score(line)
        distances = {} if self.reference is None else self.reference.distances(sequence, line)
        score = CRITIC_WEIGHT * (critic or 0.0) - MEASURE_WEIGHT * sum(distances.values())
        return Standing(1, float(score), critic, distances)


def load_judge(checkpoint: Checkpoint, style: str) -> Judge:
    """Return what a checkpoint ranks takes of a style by; empty if it has nothing for it.

    Raises
    ------
    CheckpointError
        If a file of it is damaged.
    """
    tensors, reference = checkpoint.path / CRITIC, checkpoint.path / REFERENCE
    critics = from_tensors(read_tensors(tensors), tensors) if tensors.exists() else {}
    references = _references(reference) if reference.exists() else {}
    return Judge(critics.get(style), references.get(style))


def save_judges(folder: Path, judges: Mapping[str, Judge]) -> None:
    """Write what takes are ranked by, by style, into the folder of a checkpoint."""
    critics = {style: judge.critic for style, judge in judges.items() if judge.critic is not None}
    references = {style: judge.reference for style, judge in judges.items() if judge.reference is not None}
    write_tensors(folder / CRITIC, as_tensors(critics))
    write_json(folder / REFERENCE, {style: reference.as_json() for style, reference in references.items()})


def _references(path: Path) -> dict[str, Reference]:
    try:
        found = json.loads(path.read_text("utf-8"))
        return {style: Reference.from_json(one) for style, one in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(
            f"cannot read {path}: {type(error).__name__}",
            expected="what symgen critic writes",
            remedy="make it again: symgen critic CHECKPOINT --against DATASET, or remove it",
        ) from error


def rank_takes(sequences: Sequence[TokenSequence], judge: Judge) -> list[Standing]:
    """Rank takes: the best first, then those that are both good and unlike what stands before them.

    The order is that of maximal marginal relevance (Carbonell and Goldstein 1998): each place goes to the take with
    the highest score after its likeness to the takes further up is taken off. Twins of one further up come last.

    Parameters
    ----------
    sequences : sequence of TokenSequence
        The takes.
    judge : Judge
        What they are ranked by.

    Returns
    -------
    list of Standing
        One a take, in the order given. Equal takes keep their order.
    """
    judged = [judge.judge(sequence) for sequence in sequences]
    scores = np.round([one.score for one in judged], 6)  # what a rounding error parts is equal
    order = np.argsort(-scores, kind="stable")
    kept, twins = _spread(sequences, scores, order[:SPREAD].tolist())
    places = [*kept, *((index, 0.0, None) for index in order[SPREAD:].tolist()), *twins]
    found = list(judged)
    for rank, (index, likeness, twin_of) in enumerate(places, 1):
        one = judged[index]
        found[index] = Standing(rank, one.score, one.critic, one.distances, likeness, twin_of)
    return found


_Place = tuple[int, float, int | None]


def _spread(
    sequences: Sequence[TokenSequence], scores: NDArray[np.float64], order: Sequence[int]
) -> tuple[list[_Place], list[_Place]]:
    """Return the places of takes that are no twins, and those of twins: index, likeness, whose twin."""
    prints = {index: Print.of(sequences[index]) for index in order}
    nearest: dict[int, tuple[float, int | None]] = dict.fromkeys(order, (0.0, None))
    kept: list[_Place] = []
    twins: list[_Place] = []
    left = list(order)
    while left:
        best = max(left, key=lambda index: (round(float(scores[index]) - DIVERSITY * nearest[index][0], 6), -index))
        left.remove(best)
        kept.append((best, nearest[best][0], None))
        for index in list(left):
            runs, profile = prints[best].likeness(prints[index])
            if runs >= TWIN_RUNS or profile >= TWIN_PROFILE:
                twins.append((index, max(runs, profile), best))
                left.remove(index)
            elif max(runs, profile) > nearest[index][0]:
                nearest[index] = (max(runs, profile), best)
    return kept, sorted(twins, key=lambda place: (-scores[place[0]], place[0]))


@dataclass(frozen=True, slots=True, eq=False)
class Print:
    """What takes are compared by.

    Parameters
    ----------
    runs : ndarray of uint64, shape (runs,)
        Hashes of runs of eight notes in degrees and rhythm, each once.
    profile : ndarray of float64, shape (degrees * intervals * octaves,)
        Shares of notes by degree, interval to the next and octave.
    """

    runs: NDArray[np.uint64]
    profile: NDArray[np.float64]

    @classmethod
    def of(cls, sequence: TokenSequence) -> Print:
        """Return the print of a take."""
        return cls(np.unique(run_hashes(sequence)[0]), _profile(line_of(sequence)))

    def likeness(self, other: Print) -> tuple[float, float]:
        """Return the share of runs in common, of the one with fewer, and the overlap of the profiles, both 0..1."""
        fewer = min(len(self.runs), len(other.runs))
        common = len(np.intersect1d(self.runs, other.runs, assume_unique=True))
        return common / max(1, fewer), float(np.minimum(self.profile, other.profile).sum())


def _profile(line: Line) -> NDArray[np.float64]:
    intervals = len(_PROFILE_EDGES) + 1
    octaves = np.clip(line.pitch // 12 + 3, 0, 7)
    classes = np.searchsorted(_PROFILE_EDGES, line.interval, side="right")
    bins = (octaves * 12 + np.maximum(melody.DEGREE[line.melody], 0)) * intervals + classes
    counts = np.bincount(bins.astype(np.int64), minlength=8 * 12 * intervals)
    result: NDArray[np.float64] = counts / max(1, len(line.pitch))
    return result
