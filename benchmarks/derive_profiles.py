"""Fit the weights of the gong detector on research data and print them as a row for ``symgen/theory/detect.py``.

``python benchmarks/derive_profiles.py DATA`` reads ``guqin/xml`` (do is C throughout), ``folk/essen``
(the key line names do) and ``guzheng/abc`` with ``guzheng/expected.tsv`` under DATA.

The model is a conditional logit: evidence(gong) = sum over degrees of weight x share^power, times
n / (n + half_notes), and a softmax over the twelve gongs. Every piece weighs the same within its
corpus, whole and cut into windows of several lengths, so that the posterior is right for excerpts too.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from symgen.errors import ReadError
from symgen.readers import read_pieces
from symgen.score import Score
from symgen.theory.degrees import DEGREES, parse_pitch_class
from symgen.theory.detect import PROFILE, GongProfile

Floats = NDArray[np.float64]

WINDOWS = {"guqin": (0, 128, 64, 32, 16, 8, 4), "folk": (0, 16), "guzheng": (0, 128, 64, 32, 16, 8)}
"""Lengths in notes on which each corpus is trained; 0 is the whole piece."""

CORPUS_WEIGHTS = {"guqin": 0.4, "folk": 0.4, "guzheng": 0.2}
PENALTY = 5e-5
"""Ridge penalty on the weights; ten times more or less changes accuracies by less than 1 %."""


ANTHOLOGY_STEP = 8
"""Every eighth song of the anthology is enough to judge by."""


@dataclass(frozen=True, slots=True)
class Example:
    """A piece with the gong that its edition gives."""

    corpus: str
    name: str
    score: Score
    gong: int

    @property
    def degrees(self) -> NDArray[np.int64]:
        """Degree of every note, shape (n,)."""
        return (self.score.notes["pitch"].astype(np.int64) - self.gong) % 12


@dataclass(frozen=True, slots=True)
class Training:
    """Windows of all pieces: counts of degrees (N, 12), weight (N,) and index of the piece (N,)."""

    counts: Floats
    weights: Floats
    pieces: NDArray[np.int64]


def load(data: Path, corpora: Sequence[str]) -> list[Example]:
    """Return the pieces of the corpora named, in order of their files; end the program where a corpus is missing."""
    examples: list[Example] = []
    for corpus in corpora:
        found = [example for example in LOADERS[corpus](data) if len(example.score)]
        if not found:
            raise SystemExit(f"no pieces of the corpus {corpus} were read under {data}")
        examples += found
    return examples


def _read(file: Path) -> Score | None:
    try:
        return read_pieces(file)[0].score
    except ReadError as error:
        print(f"left out: {error}")
        return None


def _guqin(data: Path) -> Iterator[Example]:
    for file in sorted((data / "guqin" / "xml").glob("*.xml")):
        score = _read(file)
        if score is not None:
            yield Example("guqin", file.stem, score, 0)


def _folk(data: Path) -> Iterator[Example]:
    for file in sorted((data / "folk" / "essen").rglob("*.krn")):
        score = _read(file)
        if score is not None and score.keys:
            yield Example("folk", file.stem, score, score.keys[0].gong)


def _guzheng(data: Path) -> Iterator[Example]:
    with (data / "guzheng" / "expected.tsv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream, delimiter="\t"):
            score = _read(data / "guzheng" / "abc" / row["file"])
            if score is not None:
                yield Example("guzheng", row["file"], score, parse_pitch_class(row["best_pentatonic_fit"]))


def _anthology(data: Path) -> Iterator[Example]:
    for file in sorted((data / "folk" / "anthology").rglob("*.mid"))[::ANTHOLOGY_STEP]:
        score = _read(file)
        if score is not None:
            yield Example("anthology", file.stem, score, 0)


LOADERS = {"guqin": _guqin, "folk": _folk, "guzheng": _guzheng, "anthology": _anthology}


def training(examples: Sequence[Example]) -> Training:
    """Cut the pieces into windows and weigh them: corpora by CORPUS_WEIGHTS, then pieces, then windows equally."""
    counts, weights, pieces = [], [], []
    sizes = {corpus: sum(e.corpus == corpus for e in examples) for corpus in CORPUS_WEIGHTS}
    for index, example in enumerate(examples):
        degrees = example.degrees
        cut = [
            np.bincount(degrees[first : first + (notes or len(degrees))], minlength=12)
            for notes in WINDOWS[example.corpus]
            for first in range(0, max(1, len(degrees) - (notes or len(degrees)) + 1), notes or len(degrees))
        ]
        counts += cut
        weights += [CORPUS_WEIGHTS[example.corpus] / sizes[example.corpus] / len(cut)] * len(cut)
        pieces += [index] * len(cut)
    return Training(np.array(counts, dtype=float), np.array(weights), np.array(pieces))


def features(counts: Floats, power: float, half_notes: float) -> Floats:
    """Return the design of the logit, shape (N, 12 gongs, 12 degrees); gong 0 is the true one."""
    notes = counts.sum(axis=1, keepdims=True)
    tempered = (counts / notes) ** power * (notes / (notes + half_notes))
    turn = (np.arange(12)[None, :] + np.arange(12)[:, None]) % 12
    return tempered[:, turn]


def fit(design: Floats, weights: Floats, start: Floats | None = None, steps: int = 30) -> tuple[Floats, float]:
    """Return (weights of the degrees, mean loss in nats) of the penalised logit by Newton's method."""
    solution = np.zeros(12) if start is None else start.copy()
    weights = weights / weights.sum()
    for _ in range(steps):
        probability = _softmax(design @ solution)
        mean = (probability[:, None, :] @ design)[:, 0]
        gradient = weights @ (mean - design[:, 0]) + 2 * PENALTY * solution
        spread = (design * np.sqrt(weights[:, None] * probability)[:, :, None]).reshape(-1, 12)
        hessian = spread.T @ spread - (mean * weights[:, None]).T @ mean + 2 * PENALTY * np.eye(12)
        step = np.linalg.solve(hessian, gradient)
        solution -= step
        if np.abs(step).max() < 1e-3:
            break
    loss = -float(weights @ np.log(_softmax(design @ solution)[:, 0]))
    return solution, loss


def _softmax(evidence: Floats) -> Floats:
    powers = np.exp(evidence - evidence.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def fit_profile(data: Training, half_notes: Sequence[float], power: float = PROFILE.power) -> GongProfile:
    """Return the profile with the best of the given `half_notes`, rounded as it ships."""
    best: tuple[float, GongProfile] | None = None
    for half in half_notes:
        solution, loss = fit(features(data.counts, power, half), data.weights)
        profile = GongProfile(tuple(round(float(w), 1) for w in solution), power, half)
        if best is None or loss < best[0]:
            best = (loss, profile)
    assert best is not None
    return best[1]


def leave_one_out(examples: Sequence[Example], folds: int) -> list[GongProfile]:
    """Return for each piece a profile that was fitted without it.

    Fold k leaves out every piece whose place within its corpus is k modulo `folds`; with as many folds
    as guqin pieces this is leave-one-out for guqin and guzheng, and `folds`-fold for folk songs.
    """
    data = training(examples)
    design = features(data.counts, PROFILE.power, PROFILE.half_notes)
    place: dict[str, int] = {}
    fold_of = np.zeros(len(examples), dtype=np.int64)
    for index, example in enumerate(examples):
        fold_of[index] = place.get(example.corpus, 0) % folds
        place[example.corpus] = place.get(example.corpus, 0) + 1
    start, _ = fit(design, data.weights)
    profiles = []
    for fold in range(folds):
        kept = (fold_of != fold)[data.pieces]
        solution, _ = fit(design, data.weights * kept, start, steps=2)
        profiles.append(replace(PROFILE, weights=tuple(solution.tolist())))
    return [profiles[fold] for fold in fold_of]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    arguments = parser.parse_args()
    begin = time.perf_counter()
    examples = load(arguments.data, list(CORPUS_WEIGHTS))
    for corpus in CORPUS_WEIGHTS:
        print(f"{corpus}: {sum(e.corpus == corpus for e in examples)} pieces")
    profile = fit_profile(training(examples), np.arange(1.5, 4.01, 0.5).round(1).tolist())
    for name, weight in zip(DEGREES, profile.weights, strict=True):
        print(f"{name:>3} {weight:6.1f}")
    print(f"{profile}\n{time.perf_counter() - begin:.1f} s")


if __name__ == "__main__":
    main()
