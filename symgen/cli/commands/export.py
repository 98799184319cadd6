"""``symgen export``: a piece in another format or layout."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from symgen import console
from symgen.cli import options
from symgen.cli.sharing import Shared, sharing, writing_options


@sharing(writing_options)
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A piece of symgen's own, or any file that it reads.")],
    raw: options.Raw = False,
    humanize: Annotated[
        float | None, typer.Option(metavar="0..1", help="How freely it is played. [default: as it was]")
    ] = None,
    humanize_timing: options.HumanizeTiming = None,
    humanize_velocity: options.HumanizeVelocity = None,
    piece: options.PieceNumber = 1,
    checkpoint: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The checkpoint it was made with, if that does not ship.")
    ] = None,
    bare: options.Bare = False,
    *,
    shared: Shared,
) -> None:
    """Write a piece in another format or layout. Or played more or less freely; nothing is composed anew."""
    from symgen.export import ExportRequest, export_file

    request = ExportRequest(
        file=file,
        piece=piece,
        raw=raw,
        humanize=humanize,
        humanize_timing=humanize_timing,
        humanize_velocity=humanize_velocity,
        bare=bare,
        checkpoint=checkpoint,
        **shared.fields,
    )
    with console.Reporter(quiet=shared.quiet) as progress:
        result = export_file(request, progress)
    if shared.as_json:
        console.print_json(result.as_json())
        return
    console.print_notes(f"symgen: note: {remark}" for remark in result.remarks)
    console.print_lines(result.lines())
