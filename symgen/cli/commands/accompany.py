"""The command ``symgen accompany``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from symgen.cli.verbs import File, verb


@verb
def accompany(
    file: File,
    shared: dict[str, Any],
    progress: Any,
    kind: Annotated[
        str, typer.Option("--with", metavar="chords|octaves|voice|auto", help="What the melody is given.")
    ] = "auto",
    perform: Annotated[
        bool, typer.Option("--perform", help="Play all of it freely, the melody too; otherwise to the letter.")
    ] = False,
) -> Any:
    """Give a melody a second voice or chords. The melody itself stays, to the tick."""
    from symgen.verbs.accompanying import AccompanyRequest, accompany_files

    request = AccompanyRequest(source=file, kind=kind, perform=perform, **shared)
    return accompany_files(request, progress)
