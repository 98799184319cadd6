"""Measure a checkpoint against a dataset and print the tables for docs/BENCHMARKS.md.

``python benchmarks/evaluation.py CHECKPOINT DATASET`` measures; ``--before OTHER`` sets an earlier checkpoint
beside it, as the one before the adversarial stage. ``--frontier`` repeats the continuation test of the
earlier checkpoint over temperatures and top-p: an adversarial gain counts only outside of what they reach.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from symgen.corpus.dataset import Dataset
from symgen.evaluate import EvaluateRequest, evaluate
from symgen.metrics.twosample import TwoSampleConfig, two_sample
from symgen.metrics.windows import Sizes, draw_continuations
from symgen.models.checkpoint import load_checkpoint
from symgen.models.windows import Pieces
from symgen.sampling import Sampling

TEMPERATURES = (0.8, 0.9, 1.0, 1.1)
TOP_PS = (0.9, 0.95, 1.0)


def show(message: str, done: int = 0, total: int = 0) -> None:
    print(f"{message} ({done}/{total})" if total else message, file=sys.stderr)


def frontier(checkpoint: Path, dataset: Path, style: str, seeds: int) -> str:
    """Return the accuracy of the continuation test by temperature and top-p."""
    data = Dataset(dataset)
    training = Pieces(data.sequences(split="train", style=style))
    unseen = Pieces(s for split in ("validation", "test") for s in data.sequences(split=split, style=style))
    runtime = load_checkpoint(checkpoint).runtime()
    lines = ["| temperature | " + " | ".join(f"top-p {p}" for p in TOP_PS) + " |", "|---|" + "---|" * len(TOP_PS)]
    for temperature in TEMPERATURES:
        cells = []
        for top_p in TOP_PS:
            draw = draw_continuations(runtime, training, unseen, Sizes(), temperature=temperature, top_p=top_p)
            found = two_sample(draw, TwoSampleConfig(seeds=seeds))
            cells.append(f"{100 * found.accuracy:.1f} % ({100 * found.low:.1f} to {100 * found.high:.1f})")
            show(f"temperature {temperature}, top-p {top_p}: {cells[-1]}")
        lines.append(f"| {temperature} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--style", default="guqin")
    parser.add_argument("--before", type=Path, help="an earlier checkpoint")
    parser.add_argument("--pieces", type=int, default=50, help="pieces to compose")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=5, help="repetitions of the two-sample test")
    parser.add_argument("--temperature", type=float, default=Sampling().temperature)
    parser.add_argument("--top-p", type=float, default=Sampling().top_p)
    parser.add_argument("--frontier", action="store_true", help="test the earlier checkpoint over temperatures")
    parser.add_argument("-o", "--output", type=Path, help="folder for JSON and HTML as well")
    arguments = parser.parse_args()
    result = evaluate(
        EvaluateRequest(
            arguments.checkpoint,
            arguments.dataset,
            style=arguments.style,
            pieces=arguments.pieces,
            seed=arguments.seed,
            before=arguments.before,
            sampling=Sampling(arguments.temperature, arguments.top_p),
            classifier=TwoSampleConfig(seeds=arguments.seeds),
            output=arguments.output,
        ),
        show,
    )
    print(result.as_markdown())
    if arguments.frontier:
        earlier = arguments.before or arguments.checkpoint
        print(frontier(earlier, arguments.dataset, arguments.style, arguments.seeds))


if __name__ == "__main__":
    main()
