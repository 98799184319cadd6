"""Measure how well changes of gong are found: guqin excerpts put one after another, a fifth apart or not.

``python benchmarks/modulation.py DATA`` reads ``guqin/xml`` under DATA (do is C throughout) and prints the
share of notes whose gong is right, for regions and for separate windows, and the number of regions found.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from derive_profiles import Example, load
from numpy.typing import NDArray

from symgen.score import Score
from symgen.theory.detect import detect_windows
from symgen.theory.modulation import gong_regions

LENGTHS = (48, 64, 96, 128)
"""Notes of an excerpt."""

EXCERPTS = 3
WINDOW = 48


def medley(examples: list[Example], rng: np.random.Generator) -> tuple[Score, NDArray[np.int64]]:
    """Return excerpts of different pieces one after another, and the gong of every note."""
    parts, truth, start, gong = [], [], 0, 0
    for _ in range(EXCERPTS):
        length = int(rng.choice(LENGTHS))
        long_enough = [e for e in examples if len(e.score) > length]
        notes = long_enough[rng.integers(len(long_enough))].score.notes
        first = int(rng.integers(len(notes) - length))
        part = notes[first : first + length].copy()
        part["onset"] += start - part["onset"][0]
        part["pitch"] += gong
        start = int((part["onset"] + part["duration"]).max())
        parts.append(part)
        truth += [gong % 12] * length
        gong += int(rng.choice([7, -7, 0])) if abs(gong) < 7 else -gong
    return Score(np.concatenate(parts)), np.array(truth)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--medleys", type=int, default=200)
    arguments = parser.parse_args()
    examples = load(arguments.data, ("guqin",))
    rng = np.random.default_rng(arguments.seed)
    right = windows = notes = found = real = 0
    for _ in range(arguments.medleys):
        score, truth = medley(examples, rng)
        keys = gong_regions(score)
        place = np.searchsorted([key.tick for key in keys], score.notes["onset"], side="right") - 1
        right += int((np.array([key.gong for key in keys])[place] == truth).sum())
        for index, window in enumerate(detect_windows(score, WINDOW)):
            windows += int((truth[index * WINDOW : (index + 1) * WINDOW] == window.estimate.gong).sum())
        notes += len(truth)
        found += len(keys)
        real += 1 + int(np.count_nonzero(np.diff(truth)))
    regions = [len(gong_regions(example.score)) for example in examples]
    print(f"{arguments.medleys} medleys, {notes} notes, seed {arguments.seed}")
    print(f"right notes: regions {100 * right / notes:.1f} %, windows of {WINDOW} {100 * windows / notes:.1f} %")
    print(f"regions: {found} found, {real} real; in {len(regions)} real pieces {sum(regions)}")


if __name__ == "__main__":
    main()
