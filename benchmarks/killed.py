"""Kill a conversion at random moments, let it go on, and compare the result with that of an undisturbed run.

    python benchmarks/killed.py DATA --kills 20

Each round starts from nothing, kills the run with SIGKILL after a random part of the time that the undisturbed run
took (the whole process group, or its parent alone), once to three times, lets it come to its end and compares every
file of the dataset byte by byte. Prints a line a round and ends with exit code 1 if one differed.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MAIN = "from symgen.cli import main; main()"


def start(data: list[Path], output: Path, jobs: int) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-c", MAIN, "convert", *map(str, data), "-o", str(output), "--jobs", str(jobs), "--quiet"]
    return subprocess.Popen(words, start_new_session=True)


def same(one: Path, other: Path) -> bool:
    names = sorted(path.name for path in one.iterdir())
    if names != sorted(path.name for path in other.iterdir()):
        return False
    return not any(filecmp.cmpfiles(one, other, names, shallow=False)[1:])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    request = parser.parse_args()
    chance = random.Random(request.seed)
    kills = failures = 0
    with tempfile.TemporaryDirectory() as folder:
        straight, broken = Path(folder, "straight"), Path(folder, "broken")
        begin = time.monotonic()
        start(request.data, straight, request.jobs).wait()
        whole = time.monotonic() - begin
        print(f"undisturbed: {whole:.1f} s")
        while kills < request.kills:
            shutil.rmtree(broken, ignore_errors=True)
            moments = []
            for _ in range(min(chance.randint(1, 3), request.kills - kills)):
                run = start(request.data, broken, request.jobs)
                moments.append(chance.uniform(0.2, whole))
                time.sleep(moments[-1])
                if run.poll() is None:
                    os.killpg(run.pid, signal.SIGKILL) if chance.random() < 0.5 else run.kill()
                    kills += 1
                run.wait()
            code = start(request.data, broken, request.jobs).wait()
            good = code in (0, 1) and same(straight, broken)
            failures += not good
            shown = ", ".join(f"{moment:.1f}" for moment in moments)
            print(f"killed after {shown} s: {'same bytes' if good else 'DIFFERENT'}", flush=True)
    print(f"{kills} kills, {failures} differences")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
