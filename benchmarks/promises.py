"""Do composed files keep what was asked for? Random requests, judged by what is read back from the MIDI.

Run: python benchmarks/promises.py [--requests 80] [--seed 1]
"""

from __future__ import annotations

import argparse
import random
import tempfile
from pathlib import Path

import symgen
from symgen.compose import ComposeRequest, compose_files
from symgen.instruments import get_instrument
from symgen.instruments.fingering import finger
from symgen.styles import get_style


def main() -> None:
    """Compose, read back, compare; print how many requests were kept and what was not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=80)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng, kept = random.Random(arguments.seed), 0
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "piece.mid")
        for number in range(arguments.requests):
            request = ComposeRequest(
                rng.choice(["guqin", "guqin", "guzheng", "folk"]),
                mode=rng.choice([None, "gong", "shang", "jue", "zhi", "yu"]),
                bars=rng.choice([4, 8, 16, 32]),
                metre=rng.choice([None, "2/4", "3/4", "4/4", "6/8", "5/8"]),
                seed=number,
                raw=True,
                output=target,
            )
            take = compose_files(request).takes[0]
            score = symgen.read(target)  # what is written: hands add runs and slide over strokes
            estimate = symgen.detect_mode(score)
            instrument = get_instrument(get_style(take.style).instrument)
            found = {
                "gong": estimate.gong == take.gong,
                "mode": estimate.mode == take.mode,
                "notes": len(score) == len(take.score),
                "playable": finger(score, instrument, instrument.tunings[take.tuning]).playable,
            }
            kept += all(found.values())
            if not all(found.values()):
                print(request, [name for name, held in found.items() if not held])
    print(f"{kept} of {arguments.requests} kept")


if __name__ == "__main__":
    main()
