"""What the commands say about takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symgen import console
from symgen.cli.table import how_to_keep, take_table

if TYPE_CHECKING:
    from symgen.cli.sharing import Shared
    from symgen.progress import Progress
    from symgen.takes.take import ComposeResult


def show_takes(make: Callable[[Any, Progress], ComposeResult], request: Any, shared: Shared) -> None:
    """Run a verb and print its takes behind what was assumed: JSON, a few lines for one, a row each of several.

    Parameters
    ----------
    make : callable
        Writes the takes of a request as files.
    request : Any
        What `make` takes.
    shared : Shared
        How it is shown.
    """
    with console.Reporter(quiet=shared.quiet) as progress:
        result = make(request, progress).as_json()
    if shared.as_json:
        console.print_json(result)
        return
    console.print_notes(f"symgen: note: {remark}" for remark in result.get("remarks", ()))
    if len(result["takes"]) > 1 and not shared.verbose:
        console.print_lines(take_table(result["takes"]))
        console.print_notes(how_to_keep(result["takes"], str(Path(result["takes"][0]["path"]).parent)))
        return
    for take in result["takes"]:
        standing = describe_standing(take, among=len(result["takes"]))
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
        *describe_guarantees(take.get("guarantees", [])),
        *describe_copy(take["copy"]),
    ]


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
