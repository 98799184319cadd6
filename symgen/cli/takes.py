"""Commands around takes: the critic that ranks them, and the session that keeps them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from symgen import console
from symgen.cli import options

if TYPE_CHECKING:
    from symgen.live import Jianpu

Live = Annotated[bool, typer.Option("--live", help="Print jianpu bar by bar as it is composed.")]


def listener(*, as_json: bool) -> Jianpu:
    """Return what prints a piece while it is composed: on stdout, or on stderr where stdout is for JSON."""
    from symgen.live import Jianpu

    def emit(line: str) -> None:
        if as_json:
            console.print_notes([line])
        else:
            console.print_lines([line])
            sys.stdout.flush()

    return Jianpu(emit)


def critic(
    checkpoint: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="Folder of the checkpoint.")],
    against: Annotated[Path, typer.Option(metavar="DATASET", help="Folder that symgen convert wrote.")],
    pieces: Annotated[int, typer.Option(metavar="N", help="Takes to compose for each style.")] = 128,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the takes.")] = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Make what takes are ranked by. A critic and statistics of real pieces, beside the weights."""
    from symgen.critique import CriticRequest, make_critic

    request = CriticRequest(checkpoint=checkpoint, against=against, pieces=pieces, seed=seed)
    with console.Reporter(quiet=quiet) as progress:
        found = make_critic(request, progress).as_json()
    if as_json:
        console.print_json(found)
        return
    rows = [
        (style, f"{one['auc']:.3f}", _interval(one), str(one["real"]), str(one["held_out"]), str(one["composed"]))
        for style, one in found["styles"].items()
    ]
    console.print_table(("style", "AUC", "95 %", "real", "held out", "takes"), rows)
    console.print_notes(f"no critic of {style}: {why}" for style, why in found["skipped"].items())


def _interval(verdict: dict[str, Any]) -> str:
    return "" if verdict["low"] is None else f"{verdict['low']:.3f} to {verdict['high']:.3f}"


def describe_standing(take: dict[str, Any], among: int) -> list[str]:
    """Return the line that says why a take stands where it stands; none for a single take.

    Parameters
    ----------
    take : dict
        One of ``takes`` in the JSON of ``symgen compose``.
    among : int
        How many takes there are.
    """
    if among < 2 or "rank" not in take:
        return []
    score, parts = take["score"], []
    if score["critic"] is not None:
        parts.append(f"critic {score['critic']:+.2f}")
    off = [f"{name} {away:.1f}" for name, away in score["distances"].items() if away >= 0.05]
    parts += [f"off in {', '.join(off)}"] if off else []
    parts += ["nearly the same as one further up"] if score["twin"] else []
    return [
        f"  rank {take['rank']} of {among}" + (f", score {score['score']:+.2f}: {'; '.join(parts)}" if parts else "")
    ]


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
