"""``symgen session``: what a folder holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from symgen import console
from symgen.cli import options


def session(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder that pieces were composed into.")],
    keep: Annotated[
        list[int] | None, typer.Option(metavar="N", help="Mark piece N as a favourite; again for more.")
    ] = None,
    drop: Annotated[list[int] | None, typer.Option(metavar="N", help="Take the mark off piece N.")] = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """List what was composed into a folder. Favourites, ranks, and what came of what."""
    from symgen.takes.session import mark, read_session

    del quiet  # there is no progress; every command takes the option
    found = mark(folder, keep or (), drop or ()) if keep or drop else read_session(folder)
    if as_json:
        console.print_json(found.as_json())
    else:
        console.print_lines(describe_session(found.as_json()["takes"]))


def describe_session(takes: list[dict[str, Any]]) -> list[str]:
    """Return a line for each piece of a session, those made from one another below it.

    Parameters
    ----------
    takes : list of dict
        ``takes`` in the JSON of ``symgen session``.
    """
    if not takes:
        return ["no pieces"]
    width = max(len(str(take["number"])) for take in takes)
    names = [f"{'   ' * (take['depth'] - 1) + '└─ ' if take['depth'] else ''}{take['path']}" for take in takes]
    longest = max(map(len, names))
    return [
        f"{take['number']:>{width}} {'★' if take['favourite'] else ' '} {name:<{longest}}  {_facts(take)}".rstrip()
        for take, name in zip(takes, names, strict=True)
    ]


def _facts(take: dict[str, Any]) -> str:
    about, score = take["about"], take["score"].get("score")
    words = [take["command"] if take["depth"] or take["command"] != "compose" else ""]
    words += [f"rank {take['rank']}" if take["rank"] else "", "" if score is None else f"{score:+.2f}"]
    words += [f"gong {about['gong_name']}" if "gong_name" in about else ""]
    words += [f"{about['mode']} mode" if "mode" in about else "", f"{about['bars']} bars" if "bars" in about else ""]
    return ", ".join(word for word in [*words, "file is gone" if take["gone"] else ""] if word)
