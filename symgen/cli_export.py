"""The command ``symgen export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from symgen import cli_options, console


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A piece of symgen's own, or any file that it reads.")],
    output: cli_options.Output = None,
    file_format: cli_options.FileFormat = None,
    raw: cli_options.Raw = False,
    humanize: Annotated[
        float | None, typer.Option(metavar="0..1", help="How freely it is played. [default: as it was]")
    ] = None,
    humanize_timing: cli_options.HumanizeTiming = None,
    humanize_velocity: cli_options.HumanizeVelocity = None,
    layout: cli_options.Layout = "merged",
    time_signatures: cli_options.TimeSignatures = "map",
    names: cli_options.Names = "utf8",
    articulations: cli_options.Articulations = None,
    bend_range: cli_options.BendRange = None,
    piece: Annotated[int, typer.Option(metavar="N", min=1, help="Which piece of a tune book.")] = 1,
    checkpoint: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The checkpoint it was made with, if that does not ship.")
    ] = None,
    bare: Annotated[bool, typer.Option("--bare", help="Write no record of its origin.")] = False,
    as_json: cli_options.Json = False,
    quiet: cli_options.Quiet = False,
) -> None:
    """Write a piece in another format or layout. Or played more or less freely; nothing is composed anew."""
    from symgen.export import ExportRequest, export_file

    request = ExportRequest(
        file=file,
        output=output,
        format=file_format,
        piece=piece,
        raw=raw,
        humanize=humanize,
        humanize_timing=humanize_timing,
        humanize_velocity=humanize_velocity,
        layout=cli_options.writer_options(layout, time_signatures, names, articulations, bend_range),
        bare=bare,
        checkpoint=checkpoint,
    )
    with console.Reporter(quiet=quiet) as progress:
        result = export_file(request, progress)
    if as_json:
        console.print_json(result.as_json())
        return
    console.print_notes(f"symgen: note: {remark}" for remark in result.remarks)
    console.print_lines(result.lines())
