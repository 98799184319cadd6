"""Tune books: ABC text apart into tunes, and each tune into the lines of its header and body.

Real files break the letter of the standard: they begin without an X: line, lack K:, or hold blank lines
inside a tune. What is clearly music is kept, and each such repair is counted.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

FIELD = re.compile(r"([A-Za-z+]):(?![|:])(.*)", re.DOTALL)
"""A field line; ``G:|`` is a note before a repeat sign."""
_TUNE_START = re.compile(r"X:\s*\d*")
_INLINE_FIELD = re.compile(r"\[[A-Za-z]:")
_WORDS = re.compile(r"[A-Za-z]{4,}")
_MUSIC_LETTERS = re.compile(r"[A-Ga-gxzZHLMOPSTuv]*")


@dataclass(slots=True)
class Tune:
    """One tune.

    Parameters
    ----------
    lines : list of str
        Lines of header and body, without comments and blank lines; fields still as ``K:D``.
    lost, mended : Counter
        What finding them lost and repaired.
    """

    lines: list[str] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)
    mended: Counter[str] = field(default_factory=Counter)


def split_tunes(text: str) -> list[Tune]:
    """Return the tunes of a file, each with the defaults of the file's header before it."""
    lines = [line.rstrip() for line in re.split(r"\r\n|\r|\n", text)]
    starts = [index for index, line in enumerate(lines) if _TUNE_START.match(line)]
    if not starts:
        tune = _tune(lines)
        tune.mended["missing-X"] += 1
        return [tune]
    defaults = [line for line in lines[: starts[0]] if (match := FIELD.match(line)) and match[1] in "LMQ"]
    stops = [*starts[1:], len(lines)]
    tunes = [_tune(lines[start:stop]) for start, stop in zip(starts, stops, strict=True)]
    for tune in tunes:
        tune.lines[:0] = defaults
    return tunes


def _tune(lines: list[str]) -> Tune:
    """Collect the lines of one tune, passing over blank lines and free text."""
    tune = Tune()
    after_blank = False
    for line in lines:
        if not line.strip():
            after_blank = bool(tune.lines)
            continue
        if line.startswith("%"):
            tune.lost["directive"] += line.startswith("%%")
            continue
        line = _without_comment(line)
        if after_blank:
            if not _belongs(line):
                tune.lost["free-text"] += 1
                continue
            tune.mended["blank-line"] += 1
            after_blank = False
        if line.strip():
            tune.lines.append(line)
    return tune


def _without_comment(line: str) -> str:
    return re.sub(r"(?<!\\)%.*", "", line)


def _belongs(line: str) -> bool:
    """Return whether a line behind a blank line goes on with the tune: a field, or music and not prose."""
    if FIELD.match(line) or _INLINE_FIELD.match(line):
        return True
    return is_music(line)


def is_music(line: str) -> bool:
    """Return whether a line has a bar line and no words that are not made of the letters of music."""
    bare = re.sub(r'"[^"]*"|![^!]*!', "", line)
    return "|" in bare and all(_MUSIC_LETTERS.fullmatch(word) for word in _WORDS.findall(bare))
