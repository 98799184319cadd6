"""``symgen continue``: on from where a piece ends."""

from __future__ import annotations

from typing import Annotated

import typer

from symgen.cli.options import File
from symgen.cli.sharing import TAKES, Shared, sharing, source_options
from symgen.cli.takes import show_takes


@sharing(source_options, *TAKES)
def continue_(
    file: File,
    bars: Annotated[int | None, typer.Option(metavar="N", help="How many bars to write. [default: 16]")] = None,
    seconds: Annotated[float | None, typer.Option(metavar="S", help="How long the new part is, instead.")] = None,
    after: Annotated[int | None, typer.Option(metavar="BAR", help="Go on after this bar. [default: the last]")] = None,
    mode: Annotated[
        str | None, typer.Option(metavar="gong|shang|jue|zhi|yu", help="Mode to close in. [default: the source's]")
    ] = None,
    only: Annotated[bool, typer.Option("--only", help="Leave the source out of the result.")] = False,
    *,
    shared: Shared,
) -> None:
    """Go on from where a piece ends, or from any of its bars, to a close."""
    from symgen.verbs.continuing import ContinueRequest, continue_files

    request = ContinueRequest(
        source=file, bars=bars, seconds=seconds, after=after, mode=mode, only=only, **shared.fields
    )
    show_takes(continue_files, request, shared)
