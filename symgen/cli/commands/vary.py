"""``symgen vary``: what is new of a piece, and what stays."""

from __future__ import annotations

from typing import Annotated

import typer

from symgen.cli.options import File
from symgen.cli.sharing import TAKES, Shared, sharing, source_options
from symgen.cli.takes import show_takes


@sharing(source_options, *TAKES)
def vary(
    file: File,
    keep: Annotated[
        list[str] | None,
        typer.Option(metavar="rhythm|pitch|contour|form", help="What stays; may be given again. [default: rhythm]"),
    ] = None,
    amount: Annotated[
        float | None,
        typer.Option(metavar="0..1", help="Share of the bars that change. [default: 0.5, or 1 in another mode]"),
    ] = None,
    mode: Annotated[
        str | None, typer.Option(metavar="gong|shang|jue|zhi|yu", help="Another mode. [default: the source's]")
    ] = None,
    gong: Annotated[
        str | None, typer.Option(metavar="PC", help="Another pitch of degree 1. [default: the source's]")
    ] = None,
    *,
    shared: Shared,
) -> None:
    """Vary a piece. Its rhythm, pitches, contour or form stay; equal bars stay equal."""
    from symgen.verbs.varying import VaryRequest, vary_files

    request = VaryRequest(
        source=file, keep=tuple(keep or ("rhythm",)), amount=amount, mode=mode, gong=gong, **shared.fields
    )
    show_takes(vary_files, request, shared)
