"""``symgen accompany``: a second voice or chords below a melody."""

from __future__ import annotations

from typing import Annotated

import typer

from symgen.cli.options import File
from symgen.cli.sharing import TAKES, Shared, sharing, source_options
from symgen.cli.takes import show_takes


@sharing(source_options, *TAKES)
def accompany(
    file: File,
    kind: Annotated[
        str, typer.Option("--with", metavar="chords|octaves|voice|auto", help="What the melody is given.")
    ] = "auto",
    perform: Annotated[
        bool, typer.Option("--perform", help="Play all of it freely, the melody too; otherwise to the letter.")
    ] = False,
    *,
    shared: Shared,
) -> None:
    """Give a melody a second voice or chords. The melody itself stays, to the tick."""
    from symgen.verbs.accompanying import AccompanyRequest, accompany_files

    request = AccompanyRequest(source=file, kind=kind, perform=perform, **shared.fields)
    show_takes(accompany_files, request, shared)
