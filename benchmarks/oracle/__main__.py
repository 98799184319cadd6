"""Train all contenders on some oracles, measure them, and print the table.

``python -m benchmarks.oracle -o FOLDER`` does length 20 on the oracles 0, 1 and 2; ``--length 40`` the longer
sequences. What is finished lies in the folder, and a run that was stopped goes on after the last contender
that was. ``--picture FILE`` draws all lengths that the folder holds.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from benchmarks.oracle.adversarial import GumbelSoftmax, PolicyGradient, train_gumbel, train_policy
from benchmarks.oracle.generator import LanguageModel
from benchmarks.oracle.likelihood import Likelihood, TokenLoss, train_likelihood
from benchmarks.oracle.measure import Point, measure, measure_mixture, measure_real
from benchmarks.oracle.oracle import Setting, Task, draw_task, make_oracle
from benchmarks.oracle.report import NAMES, PUBLISHED, Measured, draw, table
from symgen.models.checkpoint import read_tensors, write_json, write_tensors

LIKELIHOOD = Likelihood()
PLAIN = Likelihood(dropout=0.0, prior=0.0, averaging=0.0)


def show(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.oracle", description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of this run")
    parser.add_argument("--length", type=int, default=20)
    parser.add_argument("--width", type=int, default=32, help="of the oracle")
    parser.add_argument("--generator", type=int, help="width of the generators; the oracle's unless told")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--samples", type=int, default=1000, help="sequences written to measure a point")
    parser.add_argument("--contenders", nargs="+", choices=list(NAMES), default=list(NAMES))
    parser.add_argument("--picture", type=Path, help="draw the folder's runs of this width")
    parser.add_argument("--only-report", action="store_true", help="train nothing")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    width = arguments.generator or arguments.width
    if not arguments.only_report:
        for seed in arguments.seeds:
            setting = Setting(seed=seed, length=arguments.length, width=arguments.width)
            run(setting, folder_of(arguments.output, setting, width), width, arguments.contenders, arguments.samples)
    runs, real = read_runs(arguments.output, arguments.width, width)
    for length in sorted(runs):
        print(f"Length {length}, oracle {arguments.width} wide, generator {width} wide. Published:", end=" ")
        print(", ".join(f"{name} {value:.3f}" for name, value in PUBLISHED.get(length, {}).items()))
        print(table(runs[length], real[length]), end="\n\n")
    if arguments.picture:
        draw(runs, real, arguments.picture)


def folder_of(output: Path, setting: Setting, width: int) -> Path:
    return output / f"length-{setting.length}-oracle-{setting.width}-generator-{width}" / f"seed-{setting.seed}"


def run(setting: Setting, folder: Path, width: int, contenders: list[str], samples: int) -> None:
    """Train and measure the contenders on one oracle; those that the folder holds are taken from there."""
    folder.mkdir(parents=True, exist_ok=True)
    oracle = make_oracle(setting)
    task = draw_task(oracle, setting)
    write_json(folder / "real.json", asdict(measure_real(oracle, task)))
    for name in [name for name in NAMES if name in contenders]:
        if (folder / f"{name}.json").exists():
            continue
        weights, seconds = folder / f"{name}.safetensors", 0.0
        if weights.exists():
            model = load(weights, setting.tokens, width)
        else:
            begin = time.process_time()
            model = contender(name, task, folder, setting, width)
            seconds = time.process_time() - begin
            write_tensors(weights, {key: value.numpy() for key, value in model.state_dict().items()})
        measured = measure_mixture if name == "mixture" else measure
        points = measured(model, oracle, task, samples=samples, seed=setting.seed)
        write_json(folder / f"{name}.json", {"seconds": seconds, "points": [asdict(point) for point in points]})
        show(f"oracle {setting.seed}, {name}: {points[0]}, {seconds:.0f} s of training")


def contender(name: str, task: Task, folder: Path, setting: Setting, width: int) -> LanguageModel:
    """Train one contender; the others go on from the folder's likelihood generator."""
    seed = setting.seed
    if name in ("plain", "likelihood"):
        config = PLAIN if name == "plain" else LIKELIHOOD
        return train_likelihood(task, config, tokens=setting.tokens, width=width, seed=seed, report=show)
    start = load(folder / "likelihood.safetensors", setting.tokens, width)
    if name == "mixture":
        return start
    loss = TokenLoss(task.training, setting.tokens, LIKELIHOOD.candidates)
    if name == "policy":
        return train_policy(start, task, PolicyGradient(), loss, seed=seed, report=show)
    return train_gumbel(start, task, GumbelSoftmax(), loss, seed=seed, report=show)


def load(path: Path, tokens: int, width: int) -> LanguageModel:
    """Return a generator that an earlier run wrote."""
    model = LanguageModel(tokens, width)
    model.load_state_dict({key: torch.from_numpy(np.array(value)) for key, value in read_tensors(path).items()})
    return model


def read_runs(
    output: Path, width: int, generator: int
) -> tuple[dict[int, dict[int, Measured]], dict[int, dict[int, Point]]]:
    """Return what a folder holds: length -> seed -> contender -> points, and length -> seed -> real sequences."""
    runs: dict[int, dict[int, Measured]] = {}
    real: dict[int, dict[int, Point]] = {}
    for folder in sorted(output.glob(f"length-*-oracle-{width}-generator-{generator}/seed-*")):
        files = {name: folder / f"{name}.json" for name in NAMES if (folder / f"{name}.json").exists()}
        if "likelihood" not in files:
            continue
        length, seed = int(folder.parent.name.split("-")[1]), int(folder.name.split("-")[1])
        runs.setdefault(length, {})[seed] = {
            name: [Point(**point) for point in json.loads(path.read_text("utf-8"))["points"]]
            for name, path in files.items()
        }
        real.setdefault(length, {})[seed] = Point(**json.loads((folder / "real.json").read_text("utf-8")))
    return runs, real


if __name__ == "__main__":
    main()
