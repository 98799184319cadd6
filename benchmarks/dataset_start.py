"""How soon a training can draw from a large dataset, and what memory that takes.

``python benchmarks/dataset_start.py`` writes datasets of 1 and 10 million random notes to a temporary folder (some
minutes) and opens each in fresh processes: once with numpy alone, once where torch and all of ``symgen.train`` are
loaded before the clock starts. Time and memory are from ``Dataset(path)`` on, and for the last two rows the time of a
batch is the mean of twenty. Memory is what is resident at the worst moment, less what was resident before (Linux only).
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

NOTES_A_PIECE = 91
STYLES = ("folk",) * 8 + ("guqin",) * 3 + ("guzheng",)
SHARES = {"guqin": 0.55, "guzheng": 0.15, "folk": 0.3}
SPLITS = ("train",) * 17 + ("validation",) * 2 + ("test",)
ROWS = (
    "open", "both splits of all styles ready", "first batch drawn",
    "one more batch, its pieces not ready", "one more batch, its pieces ready",
)  # fmt: skip
BATCHES = 20


def write(path: Path, notes: int) -> int:
    """Write a dataset of random pieces of 10 to 400 steps, with index lines like real ones; return how many."""
    from symgen.corpus.dataset import Entry
    from symgen.corpus.writer import DatasetWriter
    from symgen.tokens.sequence import FAMILIES

    rng = np.random.default_rng(0)
    sizes = [len(family.VOCABULARY) for family in FAMILIES]
    stock = [rng.integers(1, size, 1_000_000).astype(np.int16) for size in sizes]
    with DatasetWriter(path, "benchmark") as writer:
        left, number = notes, 0
        while left > 0:
            length = min(left, 10 + int(min(390.0, rng.exponential(NOTES_A_PIECE - 10))))
            begin = int(rng.integers(0, len(stock[0]) - length))
            entry = Entry(
                path=f"collection/volume {number // 1000}/song {number}.mid", sha256=f"{number:064x}", part=0,
                corpus="benchmark", licence="made here", title=f"Song {number}", style=STYLES[number % len(STYLES)],
                split=SPLITS[number % len(SPLITS)], mode="gong", metre="4/4", gong=60, confidence=0.9,
                metres=[[0, 4, 4]], tempi=[[0, 90.0]], notes=length, seconds=60.0, format="midi", family=number,
                measures={"chromatic": 0.01, "leaps": 0.0, "bars": 0.98, "range": 19.0}, lost={"off-grid-length": 3},
            )  # fmt: skip
            writer.add(entry, [tokens[begin : begin + length] for tokens in stock])
            left, number = left - length, number + 1
    return number


def memory(field: str) -> float:
    """Return a field of the process's memory, as VmRSS or VmHWM, in MiB."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(field + ":")[1].split()[0]) / 1024


def start(path: Path, with_torch: bool) -> dict[str, list[float]]:
    """Open a dataset, make the pools and draw a batch; return for each stage milliseconds and MiB since the start."""
    from symgen.corpus.dataset import Dataset
    from symgen.models.mixture import Mixture
    from symgen.models.windows import pieces_by_style

    if with_torch:
        import symgen.train  # noqa: F401
    Path("/proc/self/clear_refs").write_text("5")  # the highest so far is forgotten
    found: list[list[float]] = []
    before, begin = memory("VmRSS"), time.perf_counter()

    def note() -> None:
        found.append([1000 * (time.perf_counter() - begin), memory("VmHWM") - before])

    dataset = Dataset(path)
    note()
    training = pieces_by_style(dataset, "train")
    _validation = pieces_by_style(dataset, "validation", {"folk": 80})
    mixture = Mixture(training, SHARES, window=128, steps=4096)
    note()
    mixture.batch(np.random.default_rng(0))
    note()
    for _ in range(2):  # the same batches twice
        begin = time.perf_counter()
        for seed in range(1, BATCHES + 1):
            mixture.batch(np.random.default_rng(seed))
        note()
        found[-1][0] /= BATCHES
    return dict(zip(ROWS, found, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--notes", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--start", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--torch", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.start:
        print(json.dumps(start(arguments.start, arguments.torch)))
        return
    print("| notes | pieces | until | ms, torch loaded | MiB, torch loaded | ms, numpy alone | MiB, numpy alone |")
    print("|---|---|---|---|---|---|---|")
    for notes in arguments.notes:
        with tempfile.TemporaryDirectory() as folder:
            pieces = write(Path(folder), notes)
            runs = {way: [measure(Path(folder), way) for _ in range(arguments.runs)] for way in (True, False)}
        for row in ROWS:
            cells = []
            for way in (True, False):
                milliseconds = sorted(run[row][0] for run in runs[way])
                most = max(run[row][1] for run in runs[way])
                cells.append(
                    f"{statistics.median(milliseconds):.1f} ({milliseconds[0]:.1f}-{milliseconds[-1]:.1f}) | {most:.1f}"
                )
            print(f"| {notes:,} | {pieces:,} | {row} | {' | '.join(cells)} |")


def measure(path: Path, with_torch: bool) -> dict[str, list[float]]:
    """Return what :func:`start` finds in a fresh process."""
    command = [sys.executable, __file__, "--start", str(path), *(["--torch"] if with_torch else [])]
    found: dict[str, list[float]] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return found


if __name__ == "__main__":
    main()
