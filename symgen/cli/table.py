"""Many takes on one screen: a row each, the best first, with the number that a session knows it by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_FAR = 2.0
"""Standard deviations outside of what real pieces do from which on a measure is named."""


def take_table(takes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a heading and a row for each take.

    Parameters
    ----------
    takes : sequence of mapping
        ``takes`` in the JSON of ``symgen compose``, the best first.
    """
    numbered = all("number" in take for take in takes)
    rows = [("no." if numbered else "take", "file", "score", "music")]
    for take in takes:
        number = str(take["number"] if numbered else take["take"])
        rows.append((number, str(take["path"]), _judged(take), _music(take)))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return [
        f"{number:>{widths[0]}}  {file:<{widths[1]}}  {score:<{widths[2]}}  {music}".rstrip()
        for number, file, score, music in rows
    ]


def how_to_keep(takes: Sequence[Mapping[str, Any]], folder: str) -> Iterator[str]:
    """Yield the line that says how a take is kept, if they are in a session.

    Parameters
    ----------
    takes : sequence of mapping
        As for :func:`take_table`.
    folder : str
        Folder of the session.
    """
    if all("number" in take for take in takes):
        yield f"keep what you like by its number: symgen session {folder} --keep {takes[0]['number']}"
    yield "more of each take: --verbose, or the .json beside it"


def _judged(take: Mapping[str, Any]) -> str:
    """Return how good a take is, in a word or two; nothing where nobody ranked it."""
    if "rank" not in take:
        return ""
    score = take["score"]
    if score["twin"]:
        return f"{score['score']:+.2f} a twin"
    worst = max(score["distances"].items(), key=lambda row: row[1], default=("", 0.0))
    return f"{score['score']:+.2f}" + (f" odd {worst[0]}" if worst[1] >= _FAR else "")


def _music(take: Mapping[str, Any]) -> str:
    minutes, seconds = divmod(round(take["seconds"]), 60)
    words = [f"{take['gong_name']} {take['mode']}", f"{take['bars']} bars", f"{minutes}:{seconds:02}"]
    words += [f"{take['notes']} notes"]
    broken = [row["name"] for row in take.get("guarantees", ()) if not row["kept"]]
    words += [f"NOT KEPT: {', '.join(broken)}"] if broken else []
    words += [] if take["playable"] else ["not playable as it stands"]
    return ", ".join(words)
