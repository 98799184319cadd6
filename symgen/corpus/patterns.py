"""Patterns of file paths: parts between slashes, with ``*`` and ``?`` inside a part and ``**`` for any parts."""

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
    return "".join(_SIGNS.get(sign, re.escape(sign)) for sign in part)
