"""Versions: what it brings and costs that an adversary hears several versions of a piece while they are written.

``python benchmarks/versions.py CHECKPOINT DATASET --style guqin`` composes the same requests with 1, 2, 4, 8 and 16
versions and asks the two-sample test about windows of the pieces (a convolutional classifier, fitted anew to each row);
beside it the repeats, the chords, the runs shared with training pieces, and the time of the processor for a note that
is kept. One version is the generator alone.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from symgen.compose import ComposeRequest, compose_side_by_side
from symgen.corpus.dataset import Dataset
from symgen.metrics.copies import copying
from symgen.metrics.statistics import compare, summarise
from symgen.metrics.twosample import TwoSampleConfig, two_sample
from symgen.metrics.windows import Sizes, draw_floor, draw_whole_pieces
from symgen.models.windows import Pieces
from symgen.tokens.sequence import TokenSequence

_AT_ONCE = 32
_SHARES = ("4-grams of notes repeated within 32", "steps with a chord", "notes in harmonics")


def composed(checkpoint: Path, style: str, count: int, versions: int) -> tuple[list[TokenSequence], float]:
    """Return pieces of all that a style leaves open, and the time of the processor for a note of them."""
    wishes = [ComposeRequest(style, seed=n, raw=True, checkpoint=checkpoint, versions=versions) for n in range(count)]
    started = time.process_time()
    parts = [compose_side_by_side(wishes[begin : begin + _AT_ONCE]) for begin in range(0, count, _AT_ONCE)]
    took = time.process_time() - started
    pieces = [piece for part in parts for piece in part if piece is not None]
    return pieces, took / max(1, sum(map(len, pieces)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--style", default="guqin")
    parser.add_argument("--pieces", type=int, default=50)
    parser.add_argument("--versions", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    options = parser.parse_args()
    data, sizes = Dataset(options.dataset), Sizes()
    training = [piece for piece in data.sequences(split="train", style=options.style) if len(piece)][:400]
    unseen = [p for s in ("validation", "test") for p in data.sequences(split=s, style=options.style) if len(p)][:400]
    real, held = Pieces(training), Pieces(unseen)
    everything = [data.sequence(n) for n in data.numbers(split="train")]
    print("| versions | told from real music | 95 % | " + " | ".join(_SHARES) + " | runs of 12 copied | ms a note |")
    print("|---|---|---|" + "---|" * (len(_SHARES) + 2))
    for versions in (0, *options.versions):
        if versions:
            pieces, seconds = composed(options.checkpoint, options.style, options.pieces, versions)
            long = Pieces(piece for piece in pieces if len(piece) >= sizes.window + sizes.seen)
            draw = draw_whole_pieces(real, held, long, sizes)
        else:
            pieces, seconds = unseen, float("nan")
            draw = draw_floor(real, held, sizes, by_passage=len(unseen) < 6)
        found = two_sample(draw, TwoSampleConfig())
        shares = compare(summarise(training, 0), {"these": summarise(pieces, 0)})["shares"]
        rate = copying(everything, {"these": pieces}, 0)["these"]["12"]["rate"][0]
        cells = [f"{100 * shares[name]['these'][0]:.1f} %" if name in shares else "" for name in _SHARES]
        took = "" if np.isnan(seconds) else f"{1000 * seconds:.2f}"
        name = str(versions) if versions else "real, held out"
        right = [f"{100 * found.accuracy:.1f} %", f"{100 * found.low:.1f} to {100 * found.high:.1f}"]
        print(f"| {' | '.join([name, *right, *cells, f'{100 * rate:.2f} %', took])} |", flush=True)


if __name__ == "__main__":
    main()
