"""``symgen evaluate``: a checkpoint measured against a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from symgen import console
from symgen.cli.options import Json, Quiet


def evaluate(
    checkpoint: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="Folder of the checkpoint.")],
    against: Annotated[Path, typer.Option(metavar="DATASET", help="Folder that symgen convert wrote.")],
    style: Annotated[str, typer.Option("--style", "-s", metavar="NAME", help="Style to measure.")] = "guqin",
    pieces: Annotated[int, typer.Option(metavar="N", help="How many pieces to compose for it.")] = 50,
    before: Annotated[Path | None, typer.Option(metavar="DIR", help="An earlier checkpoint to compare with.")] = None,
    two_sample: Annotated[bool, typer.Option(help="Run the two-sample test, the longest part.")] = True,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the composed pieces.")] = 0,
    card: Annotated[bool, typer.Option("--card", help="Add the main figures to the checkpoint's card.")] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="PATH", help="A .json file or a folder; HTML goes beside.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure a checkpoint against a dataset. Likelihood, two-sample test, statistics, copying."""
    from symgen.evaluate import EvaluateRequest
    from symgen.evaluate import evaluate as run_evaluate

    request = EvaluateRequest(
        checkpoint=checkpoint,
        against=against,
        style=style,
        pieces=pieces,
        before=before,
        two_sample=two_sample,
        seed=seed,
        card=card,
        output=output,
    )
    with console.Reporter(quiet=quiet) as progress:
        result = run_evaluate(request, progress)
    if as_json:
        console.print_json(result.as_json())
    else:
        console.print_lines(result.as_markdown().splitlines())
