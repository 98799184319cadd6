"""Compose, make again elsewhere, and compare byte for byte; and count what the files keep of what they promise.

Run: python benchmarks/again.py [--requests 60] [--seed 1] [--python PATH ...]

Random requests over styles, modes, metres, lengths, formats, layouts, own tunings and articulations are composed here.
Each is made again by `symgen.again` in one new process for every interpreter named, this one by default; an
interpreter needs symgen's dependencies but torch.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

OWN_TUNING = """
instrument = "guqin"
[[tunings]]
name = "mine"
strings = ["C2", "D2", "F2", "G2", "Bb2", "C3", "D3"]
gongs = ["Bb", "F"]
"""
OWN_LIBRARY = """
name = "library"
[technique.harmonic]
keyswitch = 12
[technique.other]
keyswitch = 13
"""
FORMATS = ("mid", "mid", "mid", "musicxml", "jianpu", "rpp", "dawproject")
OPTIONS = {"mid", "rpp", "dawproject"}


def random_request(rng: random.Random, number: int, folder: Path) -> Any:
    """Return a request; not every one can be met."""
    from symgen.compose import ComposeRequest
    from symgen.writers import GENERAL_MIDI, Options, read_articulations

    style = rng.choice(["guqin", "guqin", "guzheng", "folk"])
    suffix = rng.choice(FORMATS)
    layout = Options()
    if suffix in OPTIONS:
        shape = rng.choice(["merged", "strings", "mpe"])
        library = read_articulations(folder / "library.toml") if rng.random() < 0.2 else GENERAL_MIDI
        layout = Options(shape, rng.choice(["map", "map", "fixed"]), rng.choice(["utf8", "ascii"]), library)
    bars = rng.choice([None, 4, 8, 12, 16, 24])
    return ComposeRequest(
        style,
        mode=rng.choice([None, "gong", "shang", "jue", "zhi", "yu"]),
        gong=rng.choice([None, None, "F", "C", "D", "G", "Bb"]),
        tuning=str(folder / "mine.toml") if style == "guqin" and rng.random() < 0.2 else None,
        tempo=rng.choice([None, None, 60, 92.5, 144]),
        metre=rng.choice([None, None, "2/4", "3/4", "4/4", "6/8", "5/8"]),
        bars=bars,
        seconds=None if bars else rng.choice([10.0, 20.0, 33.3, 60.0]),
        seed=number,
        raw=rng.random() < 0.2,
        humanize=rng.choice([0.0, 0.5, 1.0]),
        temperature=rng.choice([0.9, 1.0, 1.1]),
        top_p=rng.choice([0.9, 1.0]),
        max_copy=rng.choice([None, None, 12]),
        layout=layout,
        output=folder / f"{number}.{suffix}",
    )


def compose_all(folder: Path, requests: int, seed: int) -> list[Path]:
    """Compose into a folder and print what was kept and what was refused; return the files."""
    from symgen.compose import compose_files
    from symgen.errors import PlayabilityError, UsageError

    (folder / "mine.toml").write_text(OWN_TUNING, encoding="utf-8")
    (folder / "library.toml").write_text(OWN_LIBRARY, encoding="utf-8")
    rng, files = random.Random(seed), []
    refused: collections.Counter[str] = collections.Counter()
    rows: collections.Counter[str] = collections.Counter()
    broken: collections.Counter[str] = collections.Counter()
    for number in range(requests):
        try:
            request = random_request(rng, number, folder)
            (take,) = compose_files(request).takes
        except UsageError:
            refused["wishes that contradict each other"] += 1
            continue
        except PlayabilityError:
            refused["no piece after all tries"] += 1
            continue
        files.append(request.output)
        for row in take.guarantees:
            rows[row.name] += 1
            if not row.kept:
                broken[row.name] += 1
                print(f"not kept: {row} of {request}")
    print(f"{len(files)} of {requests} composed, refused {dict(refused)}")
    print(f"guarantees: {dict(rows)}, broken {sum(broken.values())} {dict(broken)}")
    return files


def make_again(folder: Path) -> None:
    """Make every piece of a folder again, and print what came of it as JSON: what the new processes do."""
    import numpy

    import symgen

    target, differ = folder / "again", []
    target.mkdir(exist_ok=True)
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.suffix not in (".json", ".toml"))
    begin = time.perf_counter()
    for file in files:
        result = symgen.again(file, output=target / file.name)
        if not (result.identical and (target / file.name).read_bytes() == file.read_bytes()):
            differ.append(file.name)
    here = f"Python {platform.python_version()}, numpy {numpy.__version__}"
    print(json.dumps({"here": here, "files": len(files), "differ": differ, "s": time.perf_counter() - begin}))


def main() -> None:
    """Compose here, make again there, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--python", nargs="*", default=[sys.executable], metavar="PATH")
    parser.add_argument("--rebuild", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.rebuild:
        make_again(arguments.rebuild)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compose_all(folder, arguments.requests, arguments.seed)
        for file in folder.glob("*.toml"):
            file.unlink()  # the pieces carry what was in them
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[1])}
        for python in arguments.python:
            words = [python, __file__, "--rebuild", name]
            run = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
            if run.returncode:
                print(f"{python} failed: {run.stderr.strip().splitlines()[-1]}")
                continue
            found = json.loads(run.stdout.splitlines()[-1])
            same = found["files"] - len(found["differ"])
            print(f"{found['here']}: {same} of {found['files']} identical, {found['s']:.0f} s {found['differ']}")


if __name__ == "__main__":
    main()
