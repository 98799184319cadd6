"""``symgen inspect``: a score described."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from symgen import console
from symgen.cli.options import File, Json, PieceNumber, Quiet


def inspect(
    file: File,
    piece: PieceNumber = 1,
    plot: Annotated[Path | None, typer.Option(metavar="PNG", help="Draw the piece by degree into this file.")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Describe a score. Gong, mode, degrees, length, what was lost, and who can play it."""
    from symgen.inspect import inspect_file

    with console.Reporter(quiet=quiet) as progress:
        result = inspect_file(file, piece=piece, plot=plot, progress=progress)
    if as_json:
        console.print_json(result.as_json())
    else:
        console.print_facts(result.facts())
