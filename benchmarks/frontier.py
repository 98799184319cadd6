"""The frontier: whether an adversarial generator is closer to real music than its likelihood alone can get.

``python benchmarks/frontier.py --likelihood CKPT... --adversarial CKPT... DATASET --style guqin -o FOLDER`` puts
generators alone, one a training seed, at every temperature and top-p, and adversarial ones as users get them, heard by
their adversary while they write, on one plot: how often a classifier tells their continuations of held-out pieces
right, against how varied these are. With ``--whole 50`` it asks about windows of so many composed pieces instead. One
checkpoint may stand on both sides. All are asked with the same test seeds, so differences are paired. Cells are written
to ``frontier.json`` one by one, and read from there when the command runs again: it can be stopped at any time.

``python benchmarks/frontier.py --quick CKPT... DATASET`` prints the test of each checkpoint, as for a snapshot.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from symgen.compose import ComposeRequest, compose_side_by_side
from symgen.corpus.dataset import Dataset
from symgen.files import writing
from symgen.listening import load_ear
from symgen.metrics.continuation import Continued, Variety, asked_about, continuation_accuracy, continued
from symgen.metrics.twosample import TwoSampleConfig, TwoSampleResult, paired_difference
from symgen.metrics.windows import Sizes, draw_whole_pieces
from symgen.models.checkpoint import Checkpoint, load_checkpoint, write_json
from symgen.models.windows import Pieces

TEMPERATURES = (0.8, 0.9, 1.0, 1.1)
TOP_PS = (0.9, 0.95, 1.0)
AS_VARIED = 0.95
"""A likelihood point bars an adversarial one if it reaches so much of its distinct 4-grams."""


@dataclass(frozen=True)
class Cell:
    """One generator at one temperature and top-p."""

    kind: str
    checkpoint: str
    temperature: float
    top_p: float
    found: Continued
    seconds: float

    @property
    def setting(self) -> tuple[float, float]:
        """Temperature and top-p."""
        return self.temperature, self.top_p

    def as_json(self) -> dict[str, Any]:
        """Return the cell as plain data."""
        test = {**self.found.test.as_json(), "counts": self.found.test.counts.astype(int).tolist()}
        row = {**self.found.as_json(), "test": test, "seconds": round(self.seconds, 1)}
        return {**row, "kind": self.kind, "checkpoint": self.checkpoint, "setting": list(self.setting)}

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Cell:
        """Return the cell of plain data."""
        test = {**row["test"], "counts": np.array(row["test"]["counts"], dtype=float)}
        test |= {name: tuple(test[name]) for name in ("by_seed", "by_piece")}
        found = Continued(TwoSampleResult(**test), Variety(**row["composed"]), Variety(**row["real"]))
        return cls(row["kind"], row["checkpoint"], *row["setting"], found, row["seconds"])


def words(found: Continued) -> str:
    test, composed, real = found.test, found.composed, found.real
    return (
        f"told right {100 * test.accuracy:.1f} % ({100 * test.low:.1f} to {100 * test.high:.1f}), seeds "
        f"{' '.join(f'{100 * value:.1f}' for value in test.by_seed)}; 4-grams repeated {100 * composed.repeats:.2f} % "
        f"(real {100 * real.repeats:.2f}), distinct {100 * composed.distinct:.1f} % ({100 * real.distinct:.1f}), "
        f"pairs {composed.entropy:.2f} bits ({real.entropy:.2f})"
    )


def quick(arguments: argparse.Namespace) -> None:
    dataset = Dataset(arguments.dataset)
    for checkpoint in arguments.quick:
        started = time.process_time()
        found = continuation_accuracy(
            checkpoint, dataset, arguments.style, arguments.seeds, held_out=arguments.held_out
        )
        print(f"{checkpoint}: {words(found)}; {time.process_time() - started:.0f} s", flush=True)


def measure(arguments: argparse.Namespace) -> list[Cell]:
    """Return every cell, those that are in the folder already as they are."""
    data = Dataset(arguments.dataset)
    training = Pieces(data.sequences(split="train", style=arguments.style))
    unseen = Pieces(s for split in arguments.held_out for s in data.sequences(split=split, style=arguments.style))
    classifier = TwoSampleConfig(seeds=arguments.seeds)
    asked = {
        "style": arguments.style,
        "seeds": arguments.seeds,
        "held_out": list(arguments.held_out),
        "whole": arguments.whole,
        "dataset": [int(training.lengths.sum()), int(unseen.lengths.sum())],
    }
    path = arguments.output / "frontier.json"
    rows = _known(path, asked)
    grid = [(t, p) for t in arguments.temperatures for p in arguments.top_ps]
    wanted = [("likelihood", ckpt, *setting) for ckpt in arguments.likelihood for setting in grid]
    wanted += [("adversarial", ckpt, 1.0, 1.0) for ckpt in arguments.adversarial]
    cells = []
    for kind, folder, temperature, top_p in wanted:
        checkpoint = load_checkpoint(folder)
        digest = checkpoint.digest if kind == "adversarial" else checkpoint.weights_digest
        key = f"{kind} {digest} {temperature} {top_p}"
        if key not in rows:
            started = time.process_time()
            ear = load_ear(checkpoint, arguments.style) if kind == "adversarial" else None
            if arguments.whole:
                how = {"temperature": temperature, "top_p": top_p, "versions": 1 if ear is None else ear.versions}
                pieces = whole_pieces(checkpoint, arguments.style, arguments.whole, how)
                found = asked_about(draw_whole_pieces(training, unseen, pieces, Sizes()), classifier)
            else:
                how = {"temperature": temperature, "top_p": top_p}
                found = continued(checkpoint, training, unseen, classifier, Sizes(), ear=ear, **how)
            cell = Cell(kind, str(folder), temperature, top_p, found, time.process_time() - started)
            rows[key] = cell.as_json()
            write_json(path, {"asked": asked, "cells": rows})
            print(f"{kind} {folder} {temperature} {top_p}: {words(found)}; {cell.seconds:.0f} s", file=sys.stderr)
        cells.append(Cell.of(rows[key]))
    return cells


def whole_pieces(checkpoint: Checkpoint, style: str, count: int, how: Mapping[str, Any]) -> Pieces:
    """Return pieces as users get them, long enough to be cut into windows."""
    wishes = [ComposeRequest(style, seed=n, raw=True, checkpoint=checkpoint.path, **how) for n in range(count)]
    made = [piece for begin in range(0, count, 32) for piece in compose_side_by_side(wishes[begin : begin + 32])]
    return Pieces(piece for piece in made if piece is not None and len(piece) >= Sizes().window + Sizes().seen)


def _known(path: Path, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the cells of an earlier run that asked the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        return {}
    before = json.loads(path.read_text("utf-8"))
    if before["asked"] != dict(asked):
        raise SystemExit(
            f"{path} holds the answers to other questions ({before['asked']}); name another folder with -o"
        )
    return dict(before["cells"])


@dataclass(frozen=True)
class Point:
    """All training seeds at one setting."""

    name: str
    cells: Sequence[Cell]

    @property
    def tests(self) -> list[TwoSampleResult]:
        """One result a training seed."""
        return [cell.found.test for cell in self.cells]

    @property
    def accuracy(self) -> float:
        """Share told right, the mean of the training seeds."""
        return float(np.mean([test.accuracy for test in self.tests]))

    @property
    def distinct(self) -> float:
        """Distinct 4-grams as a share of those of the real windows."""
        return float(np.mean([cell.found.composed.distinct / cell.found.real.distinct for cell in self.cells]))

    @property
    def repeats(self) -> float:
        """4-grams repeated in a window, as a share of those of the real windows."""
        return float(np.mean([cell.found.composed.repeats / cell.found.real.repeats for cell in self.cells]))

    @property
    def entropy(self) -> float:
        """Entropy of pairs of notes, in bits."""
        return float(np.mean([cell.found.composed.entropy for cell in self.cells]))

    @property
    def interval(self) -> tuple[float, float]:
        """95 % of the accuracy, from resampling training seeds, test seeds and pieces."""
        half = np.broadcast_to([0.5, 1.0], self.tests[0].counts.shape)  # what chance would answer
        _, low, high = paired_difference(self.tests, [replace(self.tests[0], counts=half)])
        return 0.5 + low, 0.5 + high


def verdicts(likelihood: Sequence[Point], adversarial: Sequence[Point]) -> list[str]:
    """Return in words whether each adversarial point lies outside of what likelihood reaches, and by how much."""
    best = min(likelihood, key=lambda point: point.accuracy)
    lines = [
        f"The best likelihood point is {best.name}: told right {_percent(best)}, "
        f"distinct {100 * best.distinct:.0f} % of real."
    ]
    for point in adversarial:
        bars = [other for other in likelihood if other.distinct >= AS_VARIED * point.distinct]
        rival = min(bars, key=lambda other: other.accuracy) if bars else None
        text = f"{point.name}: told right {_percent(point)}, distinct {100 * point.distinct:.0f} % of real"
        for label, other in (("the best likelihood point", best), ("the best one as varied as it", rival)):
            if other is None:
                text += f"; {label}: there is none"
                continue
            gain, low, high = paired_difference(other.tests, point.tests)
            kind = (
                "outside the frontier" if low > 0 else "inside the frontier" if high < 0 else "not to be told from it"
            )
            text += f"; against {label} ({other.name}) "
            text += f"{100 * gain:+.1f} points ({100 * low:+.1f} to {100 * high:+.1f}): {kind}"
        lines.append(text + ".")
    if len(likelihood[0].cells) < 3 or (adversarial and len(adversarial[-1].cells) < 3):
        lines.append(
            "Fewer than three training seeds on a side: the intervals do not hold what other seeds would give."
        )
    return lines


def _percent(point: Point) -> str:
    low, high = point.interval
    return f"{100 * point.accuracy:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def points_of(cells: Sequence[Cell]) -> tuple[list[Point], list[Point]]:
    """Return the likelihood points by setting, and the adversarial ones: each checkpoint, then all together."""
    settings = dict.fromkeys(cell.setting for cell in cells if cell.kind == "likelihood")
    likelihood = [
        Point(
            f"temperature {setting[0]:g}, top-p {setting[1]:g}",
            [cell for cell in cells if cell.kind == "likelihood" and cell.setting == setting],
        )
        for setting in settings
    ]
    own = [cell for cell in cells if cell.kind == "adversarial"]
    adversarial = [Point(Path(cell.checkpoint).name, [cell]) for cell in own]
    if len(own) > 1:
        adversarial.append(Point(f"all {len(own)} adversarial", own))
    return likelihood, adversarial


def table(points: Sequence[Point]) -> list[str]:
    lines = ["| point | training seeds | told right | distinct 4-grams, of real | repeats, of real | pairs, bits |"]
    lines.append("|---|---|---|---|---|---|")
    for point in points:
        figures = f"{100 * point.distinct:.0f} % | {100 * point.repeats:.0f} % | {point.entropy:.2f}"
        lines.append(f"| {point.name} | {len(point.cells)} | {_percent(point)} | {figures} |")
    return lines


def draw(likelihood: Sequence[Point], adversarial: Sequence[Point], style: str, path: Path) -> None:
    """Draw quality against diversity; the closer to the lower right, the better."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    matplotlib.rcParams["svg.hashsalt"] = "symgen"
    figure = Figure(figsize=(8, 5.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for points, colour, marker in ((likelihood, "#2f6d9e", "o"), (adversarial, "#b3392b", "D")):
        for point in points:
            low, high = point.interval
            error = [[100 * (point.accuracy - low)], [100 * (high - point.accuracy)]]
            axes.errorbar(
                100 * point.distinct,
                100 * point.accuracy,
                error,
                fmt=marker,
                color=colour,
                ecolor=colour,
                elinewidth=0.8,
            )
            label = point.name.replace("temperature ", "").replace(", top-p ", " / ")
            axes.annotate(
                label, (100 * point.distinct, 100 * point.accuracy), (5, 5), textcoords="offset points", fontsize=7
            )
    axes.axhline(50, color="#888888", linewidth=0.8, linestyle=":")
    axes.set_xlabel("distinct 4-grams, % of real music")
    axes.set_ylabel("told right by the classifier, % (50 is the best)")
    axes.set_title(f"{style}: likelihood by temperature / top-p (blue), adversarial (red); 95 %", fontsize=10)
    suffix = path.suffix.removeprefix(".")
    with writing(path) as file:
        figure.savefig(file, format=suffix, dpi=110, metadata={"Date": None} if suffix == "svg" else None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("quick", "likelihood", "adversarial"):
        parser.add_argument(f"--{name}", type=Path, nargs="+", default=[], metavar="CHECKPOINT")
    parser.add_argument("dataset", type=Path, nargs="?")
    parser.add_argument("--style", default="guqin")
    parser.add_argument("--seeds", type=int, default=5, help="repetitions of the two-sample test")
    parser.add_argument("--whole", type=int, default=0, metavar="N", help="windows of so many composed pieces instead")
    parser.add_argument("--held-out", nargs="+", default=["validation", "test"], metavar="SPLIT")
    parser.add_argument("--temperatures", type=float, nargs="+", default=TEMPERATURES)
    parser.add_argument("--top-ps", type=float, nargs="+", default=TOP_PS)
    parser.add_argument("-o", "--output", type=Path, default=Path("frontier"), help="folder for JSON, SVG and PNG")
    arguments = parser.parse_args()
    if arguments.dataset is None:  # the last of a list of checkpoints: argparse cannot know where the list ends
        given = [name for name in ("quick", "likelihood", "adversarial") if getattr(arguments, name)]
        last = max(given, key=lambda name: sys.argv.index(f"--{name}"), default=None)
        if last is None:
            parser.error("no checkpoints and no dataset")
        arguments.dataset = getattr(arguments, last).pop()
    if arguments.quick:
        quick(arguments)
        return
    if not arguments.likelihood:
        parser.error("no checkpoint of likelihood training")
    likelihood, adversarial = points_of(measure(arguments))
    for suffix in ("svg", "png"):
        draw(likelihood, adversarial, arguments.style, arguments.output / f"frontier.{suffix}")
    lines = [*table([*likelihood, *adversarial]), "", *verdicts(likelihood, adversarial)]
    print("\n".join(lines))
    with writing(arguments.output / "frontier.md") as file:
        file.write(("\n".join(lines) + "\n").encode())


if __name__ == "__main__":
    main()
