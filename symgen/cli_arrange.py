"""The command ``symgen arrange``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from symgen import cli_options, console


def arrange(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A score or recording in any format that symgen reads.")],
    style: Annotated[str, typer.Option("--style", "-s", metavar="guqin|guzheng", help="Whose idiom.")] = "guqin",
    instrument: Annotated[
        str | None, typer.Option(metavar="NAME", help="Another instrument, such as guzheng23, or a TOML file.")
    ] = None,
    tuning: Annotated[str | None, typer.Option(metavar="NAME", help="Tuning, by name or as a TOML file.")] = None,
    gong: Annotated[str | None, typer.Option(metavar="PC", help="Pitch of degree 1 in the arrangement.")] = None,
    transpose: Annotated[
        int | None, typer.Option(metavar="N", help="Semitones; 0 keeps the pitch. [default: as it lies best]")
    ] = None,
    tempo: Annotated[float | None, typer.Option(metavar="QPM", help="Quarter notes per minute.")] = None,
    piece: Annotated[int, typer.Option(metavar="N", min=1, help="Which piece of a tune book.")] = 1,
    double: Annotated[bool, typer.Option("--double", help="Add double notes where players have them.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse a melody that would have to be changed.")] = False,
    raw: cli_options.Raw = False,
    humanize: cli_options.Humanize = 0.5,
    humanize_timing: cli_options.HumanizeTiming = None,
    humanize_velocity: cli_options.HumanizeVelocity = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Seed of the performance.")] = 0,
    output: cli_options.Output = None,
    file_format: cli_options.FileFormat = None,
    layout: cli_options.Layout = "merged",
    time_signatures: cli_options.TimeSignatures = "map",
    names: cli_options.Names = "utf8",
    articulations: cli_options.Articulations = None,
    bend_range: cli_options.BendRange = None,
    as_json: cli_options.Json = False,
    quiet: cli_options.Quiet = False,
) -> None:
    """Make a melody playable. Transposed, tuned, folded by octaves; every change is told."""
    from symgen.arrange import ArrangeRequest, arrange_file

    request = ArrangeRequest(
        source=file,
        style=style,
        instrument=instrument,
        piece=piece,
        tuning=tuning,
        gong=gong,
        transpose=transpose,
        tempo=tempo,
        double=double,
        strict=strict,
        raw=raw,
        humanize=humanize,
        humanize_timing=humanize_timing,
        humanize_velocity=humanize_velocity,
        seed=seed,
        output=output,
        format=file_format,
        layout=cli_options.writer_options(layout, time_signatures, names, articulations, bend_range),
    )
    with console.Reporter(quiet=quiet) as progress:
        result = arrange_file(request, progress)
    if as_json:
        console.print_json(result.as_json())
    else:
        console.print_notes(f"symgen: note: {remark}" for remark in result.remarks)
        console.print_lines(result.lines())
