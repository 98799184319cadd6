"""How much of a folder of scores gets a fingering, and how fast: by Python, and by compiled kernels.

Run: python benchmarks/fingering.py FOLDER --instrument guqin [--tuning zhengdiao] [--most 20]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from symgen import readers
from symgen.convert import find_inputs
from symgen.instruments import get_instrument, get_tuning
from symgen.instruments.fingering import finger


def main() -> None:
    """Finger every piece with each, the compiled ones also warm, and print shares and speeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--instrument", default="guqin")
    parser.add_argument("--tuning")
    parser.add_argument("--most", type=int, default=20)
    arguments = parser.parse_args()
    instrument = get_instrument(arguments.instrument)
    tuning = get_tuning(instrument, arguments.tuning or instrument.default_tuning)
    scores = [readers.read(path) for path in list(find_inputs([arguments.folder]))[: arguments.most]]
    if instrument.name == "guqin":  # notated on do = C, an octave and more too high or low: onto the strings
        scores = [score.transpose(tuning.open_pitches[0] - int(score.notes["pitch"].min())) for score in scores]
    notes = sum(len(score) for score in scores)
    for name, machine_code in (("Python", False), ("machine code, first", True), ("machine code", True)):
        wall, cpu = time.perf_counter(), time.process_time()
        fingerings = [finger(score, instrument, tuning, machine_code=machine_code) for score in scores]
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(f"{name}: {notes / wall:,.0f} notes a second, {notes / cpu:,.0f} a second of one core")
    placed = sum(place is not None for fingering in fingerings for place in fingering.placements)
    print(f"{placed:,} of {notes:,} notes have a place ({placed / notes:.1%}) in {len(scores)} pieces, {tuning.name}")


if __name__ == "__main__":
    main()
