"""The frontier: whether an adversarial generator is closer to real music than its likelihood alone can get.

``python benchmarks/frontier.py --quick CHECKPOINT... DATASET`` prints the continuation test of each checkpoint.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from symgen.corpus.dataset import Dataset
from symgen.metrics.continuation import Continued, continuation_accuracy


def words(found: Continued) -> str:
    test, composed, real = found.test, found.composed, found.real
    return (
        f"told right {100 * test.accuracy:.1f} % ({100 * test.low:.1f} to {100 * test.high:.1f}), seeds "
        f"{' '.join(f'{100 * value:.1f}' for value in test.by_seed)}; 4-grams repeated {100 * composed.repeats:.2f} % "
        f"(real {100 * real.repeats:.2f}), distinct {100 * composed.distinct:.1f} % ({100 * real.distinct:.1f}), "
        f"pairs {composed.entropy:.2f} bits ({real.entropy:.2f})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", type=Path, nargs="+", metavar="CHECKPOINT", required=True)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--style", default="guqin")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--held-out", nargs="+", default=["validation", "test"], metavar="SPLIT")
    arguments = parser.parse_args()
    dataset = Dataset(arguments.dataset)
    for checkpoint in arguments.quick:
        started = time.process_time()
        found = continuation_accuracy(
            checkpoint, dataset, arguments.style, arguments.seeds, held_out=arguments.held_out
        )
        print(f"{checkpoint}: {words(found)}; {time.process_time() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
