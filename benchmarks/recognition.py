"""Ask of every file under some folders whether it is music, and print what is taken for it.

``python benchmarks/recognition.py FOLDER ...`` prints the number of files, the formats found by suffix, and how many of
the files taken under a usual suffix are also recognised when they are called ``.dat``.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter
from pathlib import Path

from symgen.readers import RECOGNISED_BYTES, formats, recognise


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="+")
    usual = {suffix for reader in formats() for suffix in reader.SUFFIXES}
    taken: Counter[tuple[str, str]] = Counter()
    strange: list[Path] = []
    files = unnamed = 0
    seconds = 0.0
    for folder in parser.parse_args().folder:
        for path in (Path(top, name) for top, _, names in os.walk(folder) for name in names):
            if path.is_symlink() or not path.is_file():
                continue
            with path.open("rb") as stream:
                head = stream.read(RECOGNISED_BYTES)
            files += 1
            begin = time.perf_counter()
            name = recognise(head, path.suffix)
            seconds += time.perf_counter() - begin
            if name:
                taken[name, path.suffix] += 1
                unnamed += recognise(head, ".dat") == name
                if path.suffix.lower() not in usual:
                    strange.append(path)
    print(f"{files:,} files, {seconds / max(1, files) * 1e6:.0f} µs each, {taken.total():,} taken for music")
    print(f"{unnamed:,} of these also when called .dat")
    print(", ".join(f"{name} {suffix or '(none)'} {count:,}" for (name, suffix), count in taken.most_common()))
    for path in strange:
        print(f"without a usual suffix: {path}")


if __name__ == "__main__":
    main()
