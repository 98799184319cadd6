"""How long a composer waits: cold start of compose and --help beside a bare import of torch.

Run: python benchmarks/startup.py [--runs 5]

Each command runs in a fresh process, in turn, so that all of them meet the same load; the ratio of medians
is what counts, seconds belong to the machine.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CALL = "from symgen.cli import main; main()"


def main() -> None:
    """Time the commands in turn and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder, "piece.mid"))
        compose = [CALL, "compose", "--style", "guqin", "--bars", "32", "--quiet", "-o", out]
        commands = {
            'python -c "import torch"': ["import torch"],
            "symgen --help": [CALL, "--help"],
            "symgen compose --style guqin --bars 32": compose,
            "symgen compose --style guqin --bars 32 --raw": [*compose, "--raw"],
        }
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for run in range(runs + 1):
            for name, words in commands.items():
                seeded = [*words, "--seed", str(run)] if "compose" in words else words
                start = time.perf_counter()
                subprocess.run([sys.executable, "-c", *seeded], check=True, capture_output=True)
                if run:  # the first round only warms the file cache
                    seconds[name].append(time.perf_counter() - start)
    reference = statistics.median(next(iter(seconds.values())))
    print("| command | median s | lowest-highest | ratio to import torch |\n|---|---|---|---|")
    for name, values in seconds.items():
        middle = statistics.median(values)
        print(f"| `{name}` | {middle:.2f} | {min(values):.2f}-{max(values):.2f} | {middle / reference:.2f} |")


if __name__ == "__main__":
    main()
