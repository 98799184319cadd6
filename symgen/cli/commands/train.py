"""``symgen train``: a checkpoint from a dataset."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from symgen import console
from symgen.cli.options import Json, Quiet


def train(
    dataset: Annotated[Path, typer.Argument(metavar="DATASET", help="Folder that symgen convert wrote.")],
    style: Annotated[str, typer.Option("--style", "-s", metavar="NAME", help="Name of the style to learn.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="CHECKPOINT", help="Folder of the checkpoint.")],
    recipe: Annotated[
        Path | None, typer.Option(metavar="TOML", help="Another recipe; or a checkpoint, for the one that it keeps.")
    ] = None,
    run: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the training's state. CHECKPOINT.run by default.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the training.")] = 0,
    threads: Annotated[int, typer.Option(metavar="N", help="Threads of the processor; 0 leaves it to torch.")] = 0,
    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda|mps", help="What it runs on.")] = "auto",
    precision: Annotated[
        str, typer.Option(metavar="auto|float32|bfloat16", help="Of matrix products. auto: bfloat16 on CUDA.")
    ] = "auto",
    compiled: Annotated[bool, typer.Option("--compile", help="Compile the networks by torch.compile.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only estimate time and memory; write nothing.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Learn a style from a dataset. Run again, it goes on where it stopped."""
    from symgen.train import TrainRequest

    request = TrainRequest(
        dataset=dataset,
        style=style,
        output=output,
        run=run,
        seed=seed,
        threads=threads,
        recipe=recipe,
        device=device,
        precision=precision,
        compiled=compiled,
    )
    with console.Reporter(quiet=quiet) as progress:
        if dry_run:
            from symgen.train import estimate

            found = estimate(request, progress).as_json()
        else:
            from symgen.train import train as run_train

            found = run_train(request, progress).as_json()
    if os.environ.get("RANK", "0") != "0":
        return  # one of several processes that torchrun started; the first prints
    if dry_run and not as_json:
        _print_estimate(found)
    else:
        _print_summary(found, as_json=as_json)


def _print_summary(summary: Mapping[str, Any], *, as_json: bool) -> None:
    """Print a summary: JSON, or names and values in two columns."""
    if as_json:
        console.print_json(summary)
    else:
        console.print_facts([(name.replace("_", " "), _words(value)) for name, value in summary.items()])


def _print_estimate(estimate: Mapping[str, Any]) -> None:
    """Print what a training will take: a table of its stages, and the whole."""
    rows = [
        (row["stage"], row["kind"], f"{row['updates']:,}", f"{row['update_seconds']:.3g}", _minutes(row["seconds"]))
        for row in estimate["stages"]
    ]
    console.print_table(("stage", "kind", "updates", "seconds each", "at most"), rows)
    memory = estimate["memory_bytes"]
    facts = {
        "whole": f"{_minutes(estimate['seconds'])} at most; stages end early when they get no better",
        "memory": f"{memory / 2**30:.2f} GiB" if memory else "not known",
        "pieces": console.named_counts(estimate["pieces"]),
        "parameters": f"{estimate['parameters']:,}",
        "hardware": estimate["hardware"],
    }
    console.print_lines([""])
    console.print_facts(list(facts.items()))


def _minutes(seconds: float) -> str:
    hours, minutes = divmod(math.ceil(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_words(part)}" for name, part in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(_words(part) for part in value) or "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
