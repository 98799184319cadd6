"""``symgen critic``: what takes are ranked by."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from symgen import console
from symgen.cli import options


def critic(
    checkpoint: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="Folder of the checkpoint.")],
    against: Annotated[Path, typer.Option(metavar="DATASET", help="Folder that symgen convert wrote.")],
    pieces: Annotated[int, typer.Option(metavar="N", help="Takes to compose for each style.")] = 128,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the takes.")] = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Make what takes are ranked by. A critic and statistics of real pieces, beside the weights."""
    from symgen.critic import CriticRequest, make_critic

    request = CriticRequest(checkpoint=checkpoint, against=against, pieces=pieces, seed=seed)
    with console.Reporter(quiet=quiet) as progress:
        found = make_critic(request, progress).as_json()
    if as_json:
        console.print_json(found)
        return
    rows = [
        (style, f"{one['auc']:.3f}", _interval(one), str(one["real"]), str(one["held_out"]), str(one["composed"]))
        for style, one in found["styles"].items()
    ]
    console.print_table(("style", "AUC", "95 %", "real", "held out", "takes"), rows)
    console.print_notes(f"no critic of {style}: {why}" for style, why in found["skipped"].items())


def _interval(verdict: dict[str, Any]) -> str:
    return "" if verdict["low"] is None else f"{verdict['low']:.3f} to {verdict['high']:.3f}"
