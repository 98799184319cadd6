"""Peak memory of a conversion of 1 x and of 10 x a corpus: the whole tree of processes, and its first process alone.

    python benchmarks/memory.py DATA

The corpus is the first files of ``folk/anthology``, of the research data DATA; ten times as many are its next ones.
What is summed is the proportional resident size (each shared page counted once) of the process and its children,
looked at every 50 ms, on Linux with psutil.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

MAIN = "from symgen.cli import main; main()"


def peak(paths: list[Path], jobs: int) -> tuple[float, float]:
    """Convert and return the peaks in MiB: of all processes together, and of the first one."""
    with tempfile.TemporaryDirectory() as folder:
        scores = Path(folder, "scores")
        scores.mkdir()
        for number, path in enumerate(paths):
            (scores / f"{number:06}{path.suffix}").symlink_to(path.resolve())
        words = [
            sys.executable,
            "-c",
            MAIN,
            "convert",
            str(scores),
            "-o",
            str(Path(folder, "d")),
            "-j",
            str(jobs),
            "-q",
        ]
        run = subprocess.Popen(words)
        process = psutil.Process(run.pid)
        highest = first = 0.0
        while run.poll() is None:
            try:
                sizes = [p.memory_full_info().pss / 2**20 for p in (process, *process.children(recursive=True))]
            except psutil.Error:
                continue
            highest, first = max(highest, sum(sizes)), max(first, sizes[0])
            time.sleep(0.05)
        if run.returncode not in (0, 1):
            raise SystemExit(f"the conversion ended with {run.returncode}")
        return highest, first


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--files", type=int, default=800, help="files of the smaller corpus")
    parser.add_argument("--jobs", type=int, default=2)
    request = parser.parse_args()
    songs = sorted(request.data.glob("folk/anthology/*/*.mid"))
    print("| files | all processes, MiB | first process, MiB |\n|---|---|---|")
    rows = []
    for count in (request.files, min(10 * request.files, len(songs))):
        rows.append(peak(songs[:count], request.jobs))
        print(f"| {count:,} | {rows[-1][0]:.0f} | {rows[-1][1]:.0f} |", flush=True)
    print(f"ratio: {rows[1][0] / rows[0][0]:.3f} all, {rows[1][1] / rows[0][1]:.3f} first process")


if __name__ == "__main__":
    main()
