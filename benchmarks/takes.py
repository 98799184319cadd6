"""Takes: whether the ranking helps, and what many takes cost beside one.

``python benchmarks/takes.py rank CHECKPOINT DATASET --style guqin`` composes 50 requests of 16 takes and compares the
best take of each with its first, which is a random one, and with the last in rank, by what the ranking does not know:
the two-sample test (a convolutional classifier, fitted anew to each column), bits a note of a trigram counted in real
pieces, and what is shared with the training pieces.

``python benchmarks/takes.py speed`` times one take of 64 bars and sixteen of both styles, as commands and after the
start, and tells medians, lowest and highest of five rounds. On a busy machine only the time of the processor says
something.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from symgen.compose import ComposeRequest, compose_side_by_side, compose_takes
from symgen.copying import copy_report
from symgen.corpus.dataset import Dataset
from symgen.metrics.ngram import fit_ngram
from symgen.metrics.twosample import TwoSampleConfig, two_sample
from symgen.metrics.windows import Sizes, draw_floor, draw_whole_pieces
from symgen.models.checkpoint import Checkpoint, load_checkpoint
from symgen.models.windows import Pieces
from symgen.takes.ranking import Judge, load_judge, rank_takes
from symgen.tokens.sequence import TokenSequence

_AT_ONCE = 96
_SEEDS = 1 << 41
"""No seed that the critic learnt from."""


def composed(checkpoint: Path, style: str, sets: int, takes: int) -> list[list[TokenSequence]]:
    """Return `sets` times `takes` pieces; a take of a set is a request of its own seed."""
    requests = [ComposeRequest(style, seed=_SEEDS + n, checkpoint=checkpoint) for n in range(sets * takes)]
    found: list[TokenSequence | None] = []
    for begin in range(0, len(requests), _AT_ONCE):
        found += compose_side_by_side(requests[begin : begin + _AT_ONCE])
        print(f"{len(found)} of {len(requests)} composed", file=sys.stderr)
    rows = [found[begin : begin + takes] for begin in range(0, len(found), takes)]
    return [[take for take in row if take is not None] for row in rows]


def columns(rows: Sequence[Sequence[TokenSequence]], judge: Judge) -> dict[str, list[TokenSequence]]:
    """Return a take of each row by how it was chosen."""
    judges = {
        "best": judge,
        "best, critic alone": Judge(judge.critic),
        "best, measures alone": Judge(None, judge.reference),
    }
    found: dict[str, list[TokenSequence]] = {"first (random)": [row[0] for row in rows]}
    for name, one in judges.items():
        ranks = [[standing.rank for standing in rank_takes(row, one)] for row in rows]
        found[name] = [row[rank.index(1)] for row, rank in zip(rows, ranks, strict=True)]
        if name == "best":
            found["last"] = [row[rank.index(len(row))] for row, rank in zip(rows, ranks, strict=True)]
    return found


def rank(checkpoint: Checkpoint, dataset: Dataset, style: str, sets: int, takes: int) -> dict[str, dict[str, float]]:
    """Return what is measured of each column."""
    found = columns(composed(checkpoint.path, style, sets, takes), load_judge(checkpoint, style))
    training = [dataset.sequence(n) for n in dataset.numbers(split="train", style=style)[:400]]
    unseen = [dataset.sequence(n) for s in ("validation", "test") for n in dataset.numbers(split=s, style=style)[:200]]
    ngram = fit_ngram({style: training}, style)
    sizes, few = Sizes(), len(unseen) < 6
    table: dict[str, dict[str, float]] = {}
    for name, pieces in {"real": unseen, **found}.items():
        usable = [piece for piece in pieces if len(piece) >= sizes.window + sizes.seen]
        draw = (
            draw_floor(Pieces(training), Pieces(unseen), sizes, by_passage=few)
            if name == "real"
            else draw_whole_pieces(Pieces(training), Pieces(unseen), Pieces(usable), sizes)
        )
        test = two_sample(draw, TwoSampleConfig())
        copies = [copy_report(piece, checkpoint.fingerprints) for piece in pieces]
        bits = [ngram.bits_per_note([piece]) for piece in pieces]
        table[name] = {
            "two-sample": test.accuracy, "low": test.low, "high": test.high,
            "bits": statistics.mean(bits), "bits error": float(np.std(bits) / len(bits) ** 0.5),
            "longest copy": statistics.median(one.longest_run for one in copies if one),
            "copied": statistics.mean(one.shared for one in copies if one),
        }  # fmt: skip
        print(f"{name:<22}", *(f"{key} {value:.3f}" for key, value in table[name].items()), flush=True)
    return table


def speed(checkpoint: Path | None, styles: Sequence[str], rounds: int) -> dict[str, dict[str, list[float]]]:
    """Return seconds of one take of 64 bars and of sixteen, and their ratio, each round another seed.

    ``call`` is :func:`compose_takes` once all is loaded, ``command`` the whole program with its start; ``cpu`` is time
    of the processor, of this process for a call and of all processes for a command. ``reckoned`` is what a command
    lasts where two cores are free, from the time of the processor: the start comes before the second process and the
    rest is halved.
    """
    found: dict[str, dict[str, list[float]]] = {}
    for style in styles:
        compose_takes(ComposeRequest(style, bars=64, takes=16, seed=_SEEDS, checkpoint=checkpoint))  # all is loaded
        one, sixteen = (_timed(checkpoint, style, takes, rounds) for takes in (1, 16))
        for times in (one, sixteen):
            starts = [a - b for a, b in zip(one["command, cpu"], one["call, cpu"], strict=True)]
            times["command, reckoned"] = [
                cpu if times is one else (cpu + start) / 2
                for cpu, start in zip(times["command, cpu"], starts, strict=True)
            ]
        ratios = {kind: [b / a for a, b in zip(one[kind], sixteen[kind], strict=True)] for kind in one}
        found |= {f"{style}, one take": one, f"{style}, sixteen": sixteen, f"{style}, ratio": ratios}
    print("| style | time | one take | sixteen takes | ratio |\n|---|---|---|---|---|")
    for style in styles:
        for kind in found[f"{style}, ratio"]:
            cells = [_spread(found[f"{style}, {what}"][kind]) for what in ("one take", "sixteen", "ratio")]
            print(f"| {style} | {kind} | {' | '.join(cells)} |")
    return found


def _timed(checkpoint: Path | None, style: str, takes: int, rounds: int) -> dict[str, list[float]]:
    """Return seconds of each round by kind."""
    times: dict[str, list[float]] = {"call": [], "call, cpu": [], "command": [], "command, cpu": []}
    for seed in range(rounds):
        begun, used = time.perf_counter(), time.process_time()
        compose_takes(ComposeRequest(style, bars=64, takes=takes, seed=seed, checkpoint=checkpoint))
        times["call"].append(time.perf_counter() - begun)
        times["call, cpu"].append(time.process_time() - used)
        with tempfile.TemporaryDirectory() as folder:
            words = [sys.executable, "-m", "symgen", "compose", "-s", style, "--bars", "64", "--takes", str(takes)]
            words += ["--seed", str(seed), "-q", "-o", folder]
            words += ["--checkpoint", str(checkpoint)] if checkpoint else []
            begun, used = time.perf_counter(), _children()
            subprocess.run(words, check=True, stdout=subprocess.DEVNULL, env=os.environ)
            times["command"].append(time.perf_counter() - begun)
            times["command, cpu"].append(_children() - used)
    return times


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def _children() -> float:
    """Return seconds of processor time of all processes started here that have ended, theirs with them."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("rank", "speed"))
    parser.add_argument("checkpoint", nargs="?", type=Path)
    parser.add_argument("dataset", nargs="?", type=Path)
    parser.add_argument("--style", default="guqin")
    parser.add_argument("--styles", default="guqin,guzheng", help="for speed")
    parser.add_argument("--sets", type=int, default=50)
    parser.add_argument("--takes", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    if asked.what == "speed":
        speed(asked.checkpoint, asked.styles.split(","), asked.rounds)
        return
    found = rank(load_checkpoint(asked.checkpoint), Dataset(asked.dataset), asked.style, asked.sets, asked.takes)
    print(json.dumps({name: {key: round(value, 4) for key, value in row.items()} for name, row in found.items()}))


if __name__ == "__main__":
    main()
