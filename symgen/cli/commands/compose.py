"""``symgen compose``: pieces from a request in musical words."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from symgen import console
from symgen.cli.sharing import TAKES, Shared, sharing
from symgen.cli.takes import show_takes

if TYPE_CHECKING:
    from symgen.live import Jianpu


@sharing(*TAKES)
def compose(
    style: Annotated[str, typer.Option("--style", "-s", metavar="NAME", help="Style; see symgen styles.")],
    mode: Annotated[str | None, typer.Option(metavar="gong|shang|jue|zhi|yu", help="Mode: the final's degree.")] = None,
    gong: Annotated[str | None, typer.Option(metavar="PC", help="Pitch of degree 1: F, Bb, or 0 to 11.")] = None,
    tuning: Annotated[
        str | None, typer.Option(metavar="NAME", help="Tuning of the instrument, by name or as a TOML file.")
    ] = None,
    tempo: Annotated[float | None, typer.Option(metavar="QPM", help="Quarter notes per minute.")] = None,
    metre: Annotated[str | None, typer.Option(metavar="N/D", help="Metre, such as 4/4.")] = None,
    bars: Annotated[int | None, typer.Option(metavar="N", help="Length in bars.")] = None,
    seconds: Annotated[float | None, typer.Option(metavar="S", help="Length in seconds, instead of bars.")] = None,
    motif: Annotated[str | None, typer.Option(metavar="JIANPU", help="How it begins: \"5 6 1' 2' | 3' -\".")] = None,
    form: Annotated[
        str | None, typer.Option(metavar="FORM", help='Sections: a name, a TOML file, or "A8 B8 A\'8"; symgen forms.')
    ] = None,
    modulate: Annotated[
        str | None, typer.Option(metavar="NAME", help="qingjue-wei-gong or biangong-wei-jue, where the form may.")
    ] = None,
    takes: Annotated[int, typer.Option(metavar="N", help="How many pieces to compose.")] = 1,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Seed: the same one composes the same piece.")] = None,
    live: Annotated[bool, typer.Option("--live", help="Print jianpu bar by bar as it is composed.")] = False,
    *,
    shared: Shared,
) -> None:
    """Compose pieces and write them as MIDI, DAW projects or notation."""
    from symgen.compose import ComposeRequest, compose_files

    request = ComposeRequest(
        style=style,
        mode=mode,
        gong=gong,
        tuning=tuning,
        tempo=tempo,
        metre=metre,
        bars=bars,
        seconds=seconds,
        motif=motif,
        form=form,
        modulate=modulate,
        takes=takes,
        seed=seed,
        **shared.fields,
    )
    if live:
        heard = _listener(as_json=shared.as_json)
        show_takes(partial(compose_files, listener=heard), request, replace(shared, quiet=True))
    else:
        show_takes(compose_files, request, shared)


def _listener(*, as_json: bool) -> Jianpu:
    """Return what prints a piece while it is composed: on stdout, or on stderr where stdout is for JSON."""
    from symgen.live import Jianpu

    def emit(line: str) -> None:
        if as_json:
            console.print_notes([line])
        else:
            console.print_lines([line])
            sys.stdout.flush()

    return Jianpu(emit)
