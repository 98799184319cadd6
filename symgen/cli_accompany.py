"""The command ``symgen accompany``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from symgen.cli_verbs import File, verb


@verb
def accompany(
    file: File,
    shared: dict[str, Any],
    progress: Any,
    kind: Annotated[
        str, typer.Option("--with", metavar="chords|octaves|voice|auto", help="What the melody is given.")
    ] = "auto",
    density: Annotated[float, typer.Option(metavar="0..1", help="How full it is; 0.5 is as the style has it.")] = 0.5,
    perform: Annotated[
        bool, typer.Option("--perform", help="Play all of it freely, the melody too; otherwise to the letter.")
    ] = False,
) -> Any:
    """Give a melody a second voice or chords. The melody itself stays, to the tick."""
    from symgen.accompanying import AccompanyRequest, accompany_files

    request = AccompanyRequest(source=file, kind=kind, density=density, perform=perform, **shared)
    return accompany_files(request, progress)
