"""Where a piece moves to another gong system: xuangong 旋宫 and fandiao 犯调.

A hidden Markov model over the twelve gongs. Each state looks at a short window of notes through the
posterior of :mod:`symgen.theory.detect`; changing the gong costs, a fifth up or down (变宫为角 bian gong
wei jue, 清角为宫 qing jue wei gong) least. The best path gives regions instead of flickering windows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from symgen.errors import ScoreError
from symgen.score import Key, Score
from symgen.theory.detect import PROFILE, Floats, GongProfile, gong_log_posteriors, mode_of_notes


@dataclass(frozen=True, slots=True)
class Reluctance:
    """How readily a piece is thought to change its gong.

    Parameters
    ----------
    window, hop : int
        Notes that one step of the model sees, and notes from step to step.
    weight : float
        How much more than its share of the overlapping windows a step counts: evidence grows more slowly than notes.
    fifth, other : float
        Probability at each step of moving to one of the two neighbours a fifth away, and to each of the
        nine other gongs.
    """

    window: int = 24
    hop: int = 8
    weight: float = 2.0
    fifth: float = 1e-2
    other: float = 1e-4


RELUCTANCE = Reluctance()
"""Chosen on guqin excerpts put one after another a fifth apart (figures in docs/THEORY.md)."""


def gong_regions(score: Score, reluctance: Reluctance = RELUCTANCE, profile: GongProfile = PROFILE) -> tuple[Key, ...]:
    """Return the gong systems that a piece passes through.

    Parameters
    ----------
    score : Score
        At least one note. Declared keys are not consulted.
    reluctance : Reluctance
        Cost of changes.
    profile : GongProfile
        Weights of the detector.

    Returns
    -------
    tuple of Key
        The first at tick 0, each with its gong and the mode of the final of its region; neighbours differ in gong.

    Raises
    ------
    ScoreError
        If the score holds no note.
    """
    notes = score.notes
    if not len(notes):
        raise ScoreError("a score without notes has no gong", expected="at least one note")
    path = _best_path(_evidence(notes["pitch"].astype(np.int64) % 12, reluctance, profile), reluctance)
    turns = [0, *(np.flatnonzero(np.diff(path)) + 1).tolist()]
    keys: dict[int, Key] = {}
    for turn, following in zip(turns, [*turns[1:], None], strict=True):
        first = turn * reluctance.hop
        stop = len(notes) if following is None else following * reluctance.hop
        gong = int(path[turn])
        tick = int(notes["onset"][first]) if turn else 0
        keys[tick] = Key(tick, gong, mode_of_notes(notes[first:stop], gong))
    return tuple(keys.values())


def _evidence(pitch_classes: NDArray[np.int64], reluctance: Reluctance, profile: GongProfile) -> Floats:
    """Return the log evidence for each gong at each step, shape (steps, 12)."""
    n = len(pitch_classes)
    running = np.zeros((n + 1, 12))
    np.cumsum(np.eye(12)[pitch_classes], axis=0, out=running[1:])
    centres = np.arange(0, n, reluctance.hop) + reluctance.hop // 2
    begin = np.clip(centres - reluctance.window // 2, 0, max(0, n - reluctance.window))
    counts = running[np.minimum(begin + reluctance.window, n)] - running[begin]
    part = min(1.0, reluctance.weight * reluctance.hop / reluctance.window)
    evidence: Floats = gong_log_posteriors(counts, profile) * part
    return evidence


def _best_path(evidence: Floats, reluctance: Reluctance) -> NDArray[np.int64]:
    """Return the most probable gong at each step (Viterbi), shape (steps,)."""
    away = np.subtract.outer(np.arange(12), np.arange(12)) % 12
    move = np.log(np.where(np.isin(away, (5, 7)), reluctance.fifth, reluctance.other))
    np.fill_diagonal(move, np.log1p(-2 * reluctance.fifth - 9 * reluctance.other))
    best = evidence[0]
    came_from = np.zeros(evidence.shape, dtype=np.int64)
    for step in range(1, len(evidence)):
        ways = best[:, None] + move
        came_from[step] = ways.argmax(axis=0)
        best = ways.max(axis=0) + evidence[step]
    path = np.zeros(len(evidence), dtype=np.int64)
    path[-1] = best.argmax()
    for step in range(len(evidence) - 1, 0, -1):
        path[step - 1] = came_from[step, path[step]]
    return path
