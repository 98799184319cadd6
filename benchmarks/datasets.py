"""How long it takes to open, describe and verify a dataset, and how much memory, for a dataset repeated many times.

    python benchmarks/datasets.py DATASET --times 12

Each measurement runs in a process of its own, on Linux. Times are of the processor, so that other work on the machine
does not count. The repeated dataset is written to a temporary folder and removed.
"""

import argparse
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from symgen.corpus.dataset import Dataset
from symgen.corpus.summary import Summary
from symgen.corpus.writer import DatasetWriter

MEASURE = """
import re, sys, time
from pathlib import Path
from symgen.datasets import describe_dataset, verify_dataset

def peak():  # of this process alone; what resource tells begins with the parent's
    return int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

path = Path(sys.argv[1])
before = peak()
times = []
for _ in range(5):
    begin = time.process_time()
    info = describe_dataset(path)
    times.append(1e3 * (time.process_time() - begin))
opened = peak()
begin = time.process_time()
whole = verify_dataset(path).whole
seconds = time.process_time() - begin
print(f"{info.notes:,} notes, {info.pieces:,} pieces: info {times[0]:.1f} ms at first, then {sorted(times)[2]:.1f} ms,",
      f"{opened - before:.1f} MiB; verify {seconds:.1f} s, {peak():.0f} MiB in all; whole: {whole}")
"""


def repeat(source: Path, target: Path, times: int) -> None:
    """Write a dataset `times` times into one, under other paths, with all that depends on numbers put right."""
    dataset = Dataset(source)
    size = len(dataset)
    summary = Summary({})
    with DatasetWriter(target, "repeated") as writer:
        for turn in range(times):
            first = turn * size
            for number, entry in enumerate(dataset.entries):
                near = None if entry.near is None else [entry.near[0] + first, entry.near[1]]
                copy = replace(entry, path=f"{turn}/{entry.path}", family=entry.family + first, near=near)
                writer.add(copy, dataset.steps(number).T)
                summary.add_piece(first + number, copy)
            for line in dataset.report():
                copied = line | {"path": f"{turn}/{line['path']}"}
                writer.report(copied)
                summary.add_input(copied)
        writer.summarise(summary.as_json())


def main() -> None:
    """Measure the dataset as it is, and repeated."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--times", type=int, default=12)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        repeat(arguments.dataset, Path(folder), arguments.times)
        for path in (arguments.dataset, Path(folder)):
            subprocess.run([sys.executable, "-c", MEASURE, str(path)], check=True)


if __name__ == "__main__":
    main()
