"""Patterns of file paths: parts between slashes, with ``*`` and ``?`` inside a part and ``**`` for any parts."""

from __future__ import annotations

from pathlib import PurePath


def matches_end(path: str, pattern: str) -> bool:
    """Tell whether the last parts of a path match a pattern."""
    return _match(_parts(path), _parts(pattern), whole=False)


def matches_whole(path: str, pattern: str) -> bool:
    """Tell whether a path matches a pattern from its first part to its last."""
    return _match(_parts(path), _parts(pattern), whole=True)


def _parts(path: str) -> tuple[str, ...]:
    return tuple(reversed(PurePath(path).parts))


def _match(parts: tuple[str, ...], pattern: tuple[str, ...], *, whole: bool) -> bool:
    """Match part by part from the right."""
    if not pattern:
        return not (whole and parts)
    if pattern[0] == "**":
        return any(_match(parts[skip:], pattern[1:], whole=whole) for skip in range(len(parts) + 1))
    matched = bool(parts) and PurePath(parts[0]).match(pattern[0])
    return matched and _match(parts[1:], pattern[1:], whole=whole)
