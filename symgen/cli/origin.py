"""The commands ``symgen again`` and ``symgen about``, and how a take's promises are told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from symgen import console
from symgen.cli import options


def again(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A piece that symgen wrote, or its sidecar.")],
    output: options.Output = None,
    checkpoint: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The checkpoint it was made with, if that does not ship.")
    ] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Also with another version or checkpoint: it will be another piece.")
    ] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Make a piece again from what it carries. Byte for byte, and says whether it is."""
    from symgen.again import AgainRequest, make_again

    with console.Reporter(quiet=quiet) as progress:
        result = make_again(AgainRequest(file, output, checkpoint, anyway), progress)
    if as_json:
        console.print_json(result.as_json())
    else:
        console.print_lines(result.lines())
    raise typer.Exit(0 if anyway else result.exit_code)


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


MaxCopy = Annotated[
    int | None,
    typer.Option(metavar="N", help="Share no more than N notes in a row with the training pieces; 7 or more."),
]
Bare = Annotated[bool, typer.Option("--bare", help="Write no record of its origin, in the file or beside it.")]


def describe_copy(copied: Mapping[str, Any]) -> list[str]:
    """Return the lines that tell how much of a take was heard before.

    Parameters
    ----------
    copied : mapping
        ``copy`` of a take in the JSON of ``symgen compose``.
    """
    if not copied:
        return []
    if not copied["longest_run"]:
        return ["  shares no run of eight notes with the pieces it learnt from"]
    place = "" if copied.get("bar") is None else f", from bar {copied['bar']} beat {copied['beat']}"
    line = f"  shares at most {copied['longest_run']} notes in a row with the pieces it learnt from{place}"
    if (median := copied.get("human_longest_run")) is None:
        return [line]
    most = copied.get("human_longest_run_p90")
    beyond = "" if most is None else f", nine in ten at most {most}"
    return [line, f"    pieces by people share {median} (median{beyond})"]


def describe_guarantees(rows: list[Mapping[str, Any]]) -> list[str]:
    """Return the lines that tell what was promised and kept: one, and one more for each that was not.

    Parameters
    ----------
    rows : list of mapping
        ``guarantees`` of a take in the JSON of ``symgen compose``.
    """
    kept = [f"{row['name']} {row['found']}" for row in rows if row["kept"]]
    broken = [f"  NOT KEPT: {row['name']} {row['asked']}: {row['found']}" for row in rows if not row["kept"]]
    return ([f"  checked: {', '.join(kept)}"] if kept else []) + broken
