"""Measure gong and mode detection on research data.

``python benchmarks/detection.py DATA`` prints, for every corpus, how often the gong is right for whole
pieces and for windows that do not overlap, where the errors lie on the circle of fifths, whether the
confidence is honest, and how the modes are distributed. Every piece is transposed at random and judged
with weights that were fitted without it; the anthology takes no part in fitting.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from derive_profiles import Example, leave_one_out, load

from symgen.theory.detect import PROFILE, GongProfile, ModeEstimate, detect_mode, detect_windows
from symgen.theory.modes import MODES

WINDOWS = (0, 128, 64, 32, 16)
"""Notes a window; 0 is the whole piece."""

TRAINED = ("guqin", "folk", "guzheng")


@dataclass(frozen=True, slots=True)
class Trial:
    """One estimate beside the truth."""

    corpus: str
    name: str
    window: int
    truth: int
    estimate: ModeEstimate

    @property
    def fifths(self) -> int:
        """Error as steps on the circle of fifths, -5..6; 0 is right."""
        return ((self.estimate.gong - self.truth) * 7 + 5) % 12 - 5


MOVES = range(-6, 6)
"""Semitones of transposition to choose from."""


def trials(examples: Sequence[Example], profiles: Sequence[GongProfile], seed: int) -> list[Trial]:
    """Return all estimates of all pieces, each piece moved by a random interval within its range."""
    rng = np.random.default_rng(seed)
    found = []
    for example, profile in zip(examples, profiles, strict=True):
        pitches = example.score.notes["pitch"]
        moves = [m for m in MOVES if pitches.min() + m >= 0 and pitches.max() + m <= 127]
        move = int(rng.choice(moves))
        score, truth = example.score.transpose(move), (example.gong + move) % 12
        for window in WINDOWS:
            estimates = (
                [w.estimate for w in detect_windows(score, window, profile=profile)][: len(score) // window]
                if window
                else [detect_mode(score, profile)]
            )
            found += [Trial(example.corpus, example.name, window, truth, estimate) for estimate in estimates]
    return found


def accuracy_table(found: Sequence[Trial]) -> str:
    """Return a markdown table: share of right gongs by corpus and window, with the number of windows."""
    heads = ["whole piece" if window == 0 else f"{window} notes" for window in WINDOWS]
    lines = ["| corpus | " + " | ".join(heads) + " |", "|---|" + "---|" * len(heads)]
    for corpus in dict.fromkeys(t.corpus for t in found):
        cells = []
        for window in WINDOWS:
            errors = [t.fifths for t in found if t.corpus == corpus and t.window == window]
            right = sum(error == 0 for error in errors)
            cells.append(f"{100 * right / len(errors):.1f} % ({right} of {len(errors)})" if errors else "-")
        lines.append(f"| {corpus} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def error_table(found: Sequence[Trial]) -> str:
    """Return where the errors lie: steps on the circle of fifths from the true gong, counts."""
    steps = list(range(-5, 7))
    lines = ["| fifths from the truth | " + " | ".join(f"{s:+d}" for s in steps) + " |", "|---|" + "---|" * 12]
    for corpus in dict.fromkeys(t.corpus for t in found):
        for window in (0, 64):
            counts = Counter(t.fifths for t in found if t.corpus == corpus and t.window == window)
            name = f"{corpus}, {'whole' if window == 0 else window}"
            lines.append(f"| {name} | " + " | ".join(str(counts[s]) for s in steps) + " |")
    return "\n".join(lines)


def calibration_table(found: Sequence[Trial]) -> str:
    """Return stated confidence against accuracy, windows pooled, and the expected calibration error."""
    edges = [0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.001]
    lines = ["| corpus | confidence | mean | right | estimates |", "|---|---|---|---|---|"]
    for corpus in dict.fromkeys(t.corpus for t in found):
        confidence = np.array([t.estimate.confidence for t in found if t.corpus == corpus])
        right = np.array([t.fifths == 0 for t in found if t.corpus == corpus])
        gap = 0.0
        for low, high in pairwise(edges):
            inside = (confidence >= low) & (confidence < high)
            if inside.any():
                mean, share = confidence[inside].mean(), right[inside].mean()
                gap += inside.mean() * abs(mean - share)
                row = f"{low:.2f}-{min(high, 1):.2f} | {mean:.3f} | {share:.3f} | {inside.sum()}"
                lines.append(f"| {corpus} | {row} |")
        lines.append(f"| {corpus} | expected calibration error | | {gap:.3f} | {len(right)} |")
    return "\n".join(lines)


def mode_table(found: Sequence[Trial]) -> str:
    """Return the modes of whole pieces, all and where the gong is right."""
    lines = ["| corpus | " + " | ".join(mode.name for mode in MODES) + " |", "|---|" + "---|" * len(MODES)]
    for corpus in dict.fromkeys(t.corpus for t in found):
        modes = [t.estimate.mode for t in found if t.corpus == corpus and t.window == 0 and t.fifths == 0]
        shares = [f"{100 * modes.count(mode.name) / len(modes):.1f} %" for mode in MODES]
        lines.append(f"| {corpus} | " + " | ".join(shares) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--seed", type=int, default=20261122, help="of the transpositions")
    arguments = parser.parse_args()
    begin = time.perf_counter()
    trained = load(arguments.data, TRAINED)
    profiles = leave_one_out(trained, sum(e.corpus == "guqin" for e in trained))
    untouched = load(arguments.data, ("anthology",))
    loaded = time.perf_counter()
    found = trials([*trained, *untouched], [*profiles, *[PROFILE] * len(untouched)], arguments.seed)
    for table in (accuracy_table, error_table, calibration_table, mode_table):
        print(table(found), end="\n\n")
    for trial in found:
        if trial.window == 0 and trial.fifths and trial.corpus in ("guqin", "guzheng"):
            print(f"wrong: {trial.name}, {trial.fifths:+d} fifths, confidence {trial.estimate.confidence:.2f}")
    end = time.perf_counter()
    print(f"seed {arguments.seed}, reading and fitting {loaded - begin:.1f} s, ", end="")
    print(f"{len(found)} estimates {end - loaded:.1f} s")


if __name__ == "__main__":
    main()
