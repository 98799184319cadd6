"""Measure a checkpoint against a dataset and print the tables for docs/BENCHMARKS.md.

``python benchmarks/evaluation.py CHECKPOINT DATASET`` measures; ``--before OTHER`` sets an earlier checkpoint
beside it, as the one before the adversarial stage. Whether an adversarial stage gains what temperature and top-p
do not is for ``benchmarks/frontier.py``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from symgen.evaluate import EvaluateRequest, evaluate
from symgen.metrics.twosample import TwoSampleConfig
from symgen.sampling import Sampling


def show(message: str, done: int = 0, total: int = 0) -> None:
    print(f"{message} ({done}/{total})" if total else message, file=sys.stderr)


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


if __name__ == "__main__":
    main()
