"""``symgen arrange``: a melody made playable."""

from __future__ import annotations

from typing import Annotated

import typer

from symgen import console
from symgen.cli.options import File, PieceNumber
from symgen.cli.sharing import Shared, playing_options, sharing, writing_options


@sharing(playing_options, writing_options)
def arrange(
    file: File,
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
    piece: PieceNumber = 1,
    double: Annotated[bool, typer.Option("--double", help="Add double notes where players have them.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse a melody that would have to be changed.")] = False,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Seed of the performance.")] = 0,
    *,
    shared: Shared,
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
        seed=seed,
        **shared.fields,
    )
    with console.Reporter(quiet=shared.quiet) as progress:
        result = arrange_file(request, progress)
    if shared.as_json:
        console.print_json(result.as_json())
    else:
        console.print_notes(f"symgen: note: {remark}" for remark in result.remarks)
        console.print_lines(result.lines())
