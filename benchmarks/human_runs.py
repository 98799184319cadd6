"""Tell how long the runs are that people's unseen pieces share with the training pieces of a dataset.

Run: python benchmarks/human_runs.py DATASET [--write CHECKPOINT]

What `symgen train` writes into a checkpoint, for checkpoints that were trained before it did: median and 90th
percentile by style, at most 200 held-out pieces each, against the training pieces of the dataset.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from symgen.copying import copy_report, fingerprints
from symgen.corpus.dataset import Dataset
from symgen.models.checkpoint import FACTS, load_checkpoint, write_json
from symgen.models.export import longest_runs


def main() -> None:
    """Count, print a table, and add it to a checkpoint if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--write", type=Path, metavar="CHECKPOINT")
    arguments = parser.parse_args()
    dataset = Dataset(arguments.dataset)
    known = fingerprints(dataset.sequences(split="train"))
    print("| style | pieces | median | nine in ten at most |\n|---|---|---|---|")
    found = {}
    for style in dataset.styles():
        unseen = [number for split in ("validation", "test") for number in dataset.numbers(split=split, style=style)]
        reports = [copy_report(dataset.sequence(number), known) for number in unseen[:200]]
        found[style] = longest_runs([report.longest_run for report in reports if report])
        median, most = found[style].values()
        print(f"| {style} | {len(reports)} | {median} | {most} |")
    if arguments.write:
        load_checkpoint(arguments.write)  # refuses what is damaged
        facts = json.loads((arguments.write / FACTS).read_text("utf-8"))
        for style, about in facts["styles"].items():
            about["human_longest_run_p90"] = found.get(style, {}).get("human_longest_run_p90")
        write_json(arguments.write / FACTS, facts)


if __name__ == "__main__":
    main()
