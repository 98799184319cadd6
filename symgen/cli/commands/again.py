"""``symgen again``: a piece made again from its record."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from symgen import console
from symgen.cli import options


def again(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A piece that symgen wrote, or its sidecar.")],
    output: options.Output = None,
    checkpoint: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The checkpoint it was made with, if that does not ship.")
    ] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Also with another version or checkpoint: it will be another piece.")
    ] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Make a piece again from what it carries. Byte for byte, and says whether it is."""
    from symgen.again import AgainRequest, make_again

    with console.Reporter(quiet=quiet) as progress:
        result = make_again(AgainRequest(file, output, checkpoint, anyway), progress)
    if as_json:
        console.print_json(result.as_json())
    else:
        console.print_lines(result.lines())
    raise typer.Exit(0 if anyway else result.exit_code)
