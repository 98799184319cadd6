"""``symgen infill``: some bars of a piece written anew."""

from __future__ import annotations

from typing import Annotated

import typer

from symgen.cli.options import File
from symgen.cli.sharing import TAKES, Shared, sharing, source_options
from symgen.cli.takes import show_takes


@sharing(source_options, *TAKES)
def infill(
    file: File,
    bars: Annotated[str, typer.Option(metavar="A-B", help="First and last bar to write anew, from 1.")],
    *,
    shared: Shared,
) -> None:
    """Write some bars anew. They lead from what stands before to what stands after; nothing else changes."""
    from symgen.verbs.infilling import InfillRequest, infill_files

    show_takes(infill_files, InfillRequest(source=file, bars=bars, **shared.fields), shared)
