"""What the commands say about takes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from symgen import cli_origin, cli_table, cli_takes, console


def print_takes(result: Mapping[str, Any], *, as_json: bool, verbose: bool = False) -> None:
    """Print the takes of a verb: JSON, a few lines, or a row each of several, and what was assumed before them."""
    if as_json:
        console.print_json(result)
        return
    console.print_notes(f"symgen: note: {remark}" for remark in result.get("remarks", ()))
    if len(result["takes"]) > 1 and not verbose:
        console.print_lines(cli_table.take_table(result["takes"]))
        console.print_notes(cli_table.how_to_keep(result["takes"], str(Path(result["takes"][0]["path"]).parent)))
        return
    for take in result["takes"]:
        standing = cli_takes.describe_standing(take, among=len(result["takes"]))
        console.print_lines([*describe_take(take), *standing])


def pitch_words(gong: int | str) -> str:
    """Return the name of a pitch class, or of a pitch given by name as it is."""
    from symgen.theory.degrees import pitch_class_name

    return pitch_class_name(gong) if isinstance(gong, int) else gong


def describe_take(take: Mapping[str, Any]) -> list[str]:
    """Return the lines that tell a musician about one composed take.

    Parameters
    ----------
    take : mapping
        One of ``takes`` in the JSON of ``symgen compose``.
    """
    first = [take["style"], f"gong {pitch_words(take['gong'])}", f"{take['mode']} mode"]
    if take.get("tuning"):
        first.append(f"tuning {take['tuning']}")
    minutes, seconds = divmod(round(take["seconds"]), 60)
    second = [f"{take['bars']} bars", f"{minutes}:{seconds:02}", f"{take['notes']} notes"]
    second.append("playable" if take["playable"] else "not playable as it stands")
    second.append(f"seed {take['seed']}")
    lines = [str(take["path"]), "  " + ", ".join(first), "  " + ", ".join(second)]
    return [
        *lines,
        *cli_origin.describe_guarantees(take.get("guarantees", [])),
        *cli_origin.describe_copy(take["copy"]),
    ]
