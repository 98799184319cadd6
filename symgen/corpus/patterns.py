"""Patterns of file paths: parts between slashes; ``*``, ``?`` and ``[...]`` inside a part, ``**`` for any parts."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import PurePath


def matches_end(path: str, pattern: str) -> bool:
    """Tell whether the last parts of a path match a pattern."""
    return _expression(pattern).search(_rooted(path)) is not None


def matches_whole(path: str, pattern: str) -> bool:
    """Tell whether a path matches a pattern from its first part to its last."""
    return _expression(pattern).fullmatch(_rooted(path)) is not None


def _rooted(path: str) -> str:
    return path if path.startswith("/") else "/" + path


_SIGNS = {"*": "[^/]*", "?": "[^/]"}


@lru_cache(maxsize=256)
def _expression(pattern: str) -> re.Pattern[str]:
    """Return a pattern as an expression over paths that begin with a slash."""
    parts = [r"(?:/[^/]+)*?" if part == "**" else "/" + _part(part) for part in PurePath(pattern).parts]
    return re.compile("".join(parts) + r"\Z")


def _part(part: str) -> str:
    """Return the expression of one part."""
    pieces = re.split(r"(\[!?\]?[^]]*\])", part)  # every second one is a choice of signs
    return "".join(_choice(piece) if place % 2 else _plain(piece) for place, piece in enumerate(pieces))


def _plain(text: str) -> str:
    return "".join(_SIGNS.get(sign, re.escape(sign)) for sign in text)


def _choice(text: str) -> str:
    inside = text[1:-1].replace("\\", r"\\").replace("[", r"\[").replace("]", r"\]")
    return f"[^{inside[1:]}/]" if inside.startswith("!") else f"[{inside.replace('^', chr(92) + '^')}]"
