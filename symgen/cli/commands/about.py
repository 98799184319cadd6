"""``symgen about``: what a checkpoint learnt from."""

from __future__ import annotations

from typing import Annotated

import typer

from symgen import console
from symgen.cli import options


def about(
    checkpoint: Annotated[
        str | None, typer.Argument(metavar="[CHECKPOINT]", help="Folder or name of a checkpoint.")
    ] = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Say what a checkpoint learnt from. And what that means for using what it composes."""
    from symgen.about import about as what_is_known

    del quiet  # there is no progress; every command takes the option
    found = what_is_known(checkpoint)
    if as_json:
        console.print_json(found.as_json())
    else:
        console.print_lines(found.lines())
