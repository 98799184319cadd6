"""Read every file in a folder and print what came of it.

``python benchmarks/reading.py FOLDER`` prints the number of files, what failed and why, what reading
mended and lost, and the speed.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from pathlib import Path

from symgen.errors import ReadError
from symgen.readers import formats, read_pieces


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--suffix", action="append", help="read only files with this suffix, as .mid (repeatable)")
    arguments = parser.parse_args()
    suffixes = tuple(arguments.suffix or {suffix for reader in formats() for suffix in reader.SUFFIXES})
    files = sorted(f for f in arguments.folder.rglob("*") if f.is_file() and f.suffix.lower() in suffixes)
    counts: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    mended: Counter[str] = Counter()
    failures: list[str] = []
    begin = time.perf_counter()
    for file in files:
        try:
            pieces = read_pieces(file)
        except ReadError as error:
            failures.append(str(error))
            continue
        counts["files ok"] += 1
        for piece in pieces:
            counts[f"pieces {piece.provenance.format}"] += 1
            counts["notes"] += len(piece.score)
            counts["pieces mended"] += bool(piece.mended)
            lost.update(piece.lost)
            mended.update(piece.mended)
    seconds = time.perf_counter() - begin
    print(f"{len(files)} files, {len(failures)} failed, {dict(counts)}")
    per_second = 1 / max(seconds, 1e-9)
    print(f"{seconds:.2f} s, {len(files) * per_second:,.0f} files/s, {counts['notes'] * per_second:,.0f} notes/s")
    print(f"mended {dict(mended.most_common())}")
    print(f"lost {dict(lost.most_common())}")
    for failure in failures:
        print(f"failed: {failure}")


if __name__ == "__main__":
    main()
