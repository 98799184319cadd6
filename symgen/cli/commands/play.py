"""``symgen play``: a file sent out through a MIDI port."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from symgen import console
from symgen.cli import options
from symgen.errors import UsageError


def play(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="MIDI, or a score in any format.")] = None,
    port: Annotated[str | None, typer.Option(metavar="NAME", help="Output port, or a part of its name.")] = None,
    list_ports: Annotated[bool, typer.Option("--list", help="List the output ports and end.")] = False,
    piece: options.PieceNumber = 1,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Send a piece out as MIDI while it sounds. Ctrl-C ends it, and every note."""
    from symgen.player import PlayRequest, play_file, port_names

    if list_ports:
        names = port_names()
        if as_json:
            console.print_json({"ports": names})
        else:
            console.print_lines(names or ["no MIDI output port"])
        return
    if file is None:
        raise UsageError("no file to play", remedy="name one, or see the ports: symgen play --list")
    with console.Reporter(quiet=quiet) as progress:
        found = play_file(PlayRequest(file, port, piece), progress).as_json()
    if as_json:
        console.print_json(found)
    else:
        if found["dropped"]:
            console.print_notes([f"symgen: note: {found['dropped']} SysEx messages of the file were not sent"])
        console.print_lines([f"{found['messages']} messages in {found['seconds']:.1f} s to {found['port']}"])
