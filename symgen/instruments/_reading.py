"""Strict reading of TOML tables into dataclasses: each mistake becomes one line with file, line, key and remedy.

The classes of :mod:`symgen.instruments.base` are the schema: a key is a field, its type hint says what it holds.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from types import UnionType
from typing import Any, Literal, NoReturn, get_args, get_origin, get_type_hints

from symgen.errors import UsageError
from symgen.instruments.shapes import CURVES
from symgen.score import Technique

Step = str | int
_TECHNIQUES = {technique.name.lower(): technique for technique in Technique}


@dataclass(frozen=True)
class Source:
    """The text of a TOML file, to tell where in it something stands."""

    path: Path
    text: str

    def line_of(self, where: Sequence[Step]) -> int:
        """Return the line, from 1, of the deepest part of a path of keys and indices that has a line of its own."""
        best, depth = 1, 0
        for number, place in _lines(self.text):
            shared = min(len(place), len(where))
            if shared > depth and list(place[:shared]) == list(where[:shared]):
                best, depth = number, shared
        return best

    def refuse(self, where: Sequence[Step], found: str, expected: str = "", remedy: str = "") -> NoReturn:
        """Raise a UsageError that names file, line and key."""
        raise UsageError(
            f"{self.path}, line {self.line_of(where)}, {_spelt(where)}: {found}" if where else f"{self.path}: {found}",
            expected=expected,
            remedy=remedy,
        )


def _spelt(where: Sequence[Step]) -> str:
    """Return a path of keys as a person writes it; the number of a table counts from 1."""
    text = ""
    for step in where:
        text += f" {step + 1}" if isinstance(step, int) else f".{step}" if text else step
    return text


_HEADER = re.compile(r"\s*(\[\[?)\s*([\w\-. \"']+?)\s*\]\]?\s*(#.*)?$")
_ENTRY = re.compile(r"\s*([\w\-]+|\"[^\"]*\"|'[^']*')\s*=")


def _lines(text: str) -> list[tuple[int, tuple[Step, ...]]]:
    """Return for each header and entry of a TOML text its line and its path."""
    found: list[tuple[int, tuple[Step, ...]]] = []
    table: tuple[Step, ...] = ()
    counts: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            names: tuple[Step, ...] = tuple(part.strip().strip("\"'") for part in header[2].split("."))
            if header[1] == "[[":
                index = counts.get(header[2], 0)
                counts[header[2]] = index + 1
                names = (*names, index)
            table = names
            found.append((number, table))
        elif entry := _ENTRY.match(line):
            found.append((number, (*table, entry[1].strip("\"'"))))
    return found


def parse(path: Path, guide: str = "docs/INSTRUMENTS.md") -> tuple[Source, dict[str, Any]]:
    """Return the text of a TOML file and its tables; `guide` is the page that tells how to write one.

    Raises
    ------
    UsageError
        If it cannot be read or is no TOML, with the line.
    """
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", expected="a TOML file", remedy="check the path") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: byte {error.start} is no UTF-8", expected="a TOML file in UTF-8") from error
    try:
        return Source(path, text), tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = re.sub(r" \(at line (\d+), column (\d+)\)$", "", str(error))
        place = re.search(r"line (\d+), column (\d+)", str(error))
        at = f", line {place[1]}, column {place[2]}" if place else ""
        raise UsageError(f"{path}{at}: {message}", expected="TOML", remedy=f"see {guide}") from error


def known_keys(source: Source, where: Sequence[Step], table: Mapping[str, Any], known: Sequence[str]) -> None:
    """Refuse the first key of a table that is not among the known."""
    for key in table:
        if key not in known:
            source.refuse((*where, key), "unknown key", expected=f"one of {', '.join(known)}")


def build(source: Source, where: Sequence[Step], kind: type[Any], table: Any, **more: Any) -> Any:
    """Return an instance of the dataclass `kind` from a table, every key and type checked.

    Parameters
    ----------
    source, where : Source, sequence of str or int
        File and path of the table, for messages.
    kind : type
        A dataclass.
    table : Any
        What the TOML holds at this place.
    more : Any
        Fields that are known otherwise and are no keys.
    """
    if not isinstance(table, Mapping):
        source.refuse(where, _shown(table), expected="a table")
    hints = get_type_hints(kind)
    own = [spec for spec in fields(kind) if spec.name not in more]
    known_keys(source, where, table, [spec.name for spec in own])
    values = dict(more)
    for spec in own:
        if spec.name in table:
            values[spec.name] = convert(source, (*where, spec.name), hints[spec.name], table[spec.name])
        elif spec.default is MISSING and spec.default_factory is MISSING:
            source.refuse(where, f"{spec.name} is missing", expected=f"{spec.name} = {_wanted(hints[spec.name])}")
    return kind(**values)


def convert(source: Source, where: Sequence[Step], hint: Any, value: Any) -> Any:
    """Return a TOML value as what a type hint says: numbers, words, techniques, tuples, unions of tagged curves."""
    if isinstance(hint, UnionType):
        return _tagged(source, where, value)
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            source.refuse(where, _shown(value), expected=_wanted(hint))
        return value
    if get_origin(hint) is Mapping:
        if not isinstance(value, Mapping):
            source.refuse(where, _shown(value), expected="a table")
        return {key: convert(source, (*where, key), get_args(hint)[1], item) for key, item in value.items()}
    if get_origin(hint) is tuple:
        return _tuple(source, where, hint, value)
    if hint in _SIMPLE:
        expected, accepted = _SIMPLE[hint]
        made = accepted(value)
        if made is None:
            source.refuse(where, _shown(value), expected=expected)
        return made
    return build(source, where, hint, value)


def _tagged(source: Source, where: Sequence[Step], value: Any) -> Any:
    """Return the curve that a table with a ``kind`` describes."""
    if not isinstance(value, Mapping) or value.get("kind") not in CURVES:
        found = value.get("kind", "no kind") if isinstance(value, Mapping) else value
        source.refuse(where, _shown(found), expected=f"a table with kind = one of {', '.join(CURVES)}")
    return build(source, where, CURVES[value["kind"]], {key: part for key, part in value.items() if key != "kind"})


def _tuple(source: Source, where: Sequence[Step], hint: Any, value: Any) -> tuple[Any, ...]:
    parts = get_args(hint)
    endless = parts[-1] is Ellipsis
    if not isinstance(value, list) or not (endless or len(value) == len(parts)):
        source.refuse(where, _shown(value), expected=_wanted(hint))
    hints = [parts[0]] * len(value) if endless else parts
    return tuple(convert(source, where, part, item) for part, item in zip(hints, value, strict=True))


def _number(value: Any) -> float | None:
    whole = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if whole and abs(value) < 1e9 else None  # also refuses nan


_SIMPLE: Mapping[Any, tuple[str, Callable[[Any], Any]]] = {
    str: ("a text", lambda value: value if isinstance(value, str) else None),
    bool: ("true or false", lambda value: value if isinstance(value, bool) else None),
    int: ("a whole number", lambda value: value if type(value) is int and abs(value) < 1e9 else None),
    float: ("a number", _number),
    Technique: (f"one of {', '.join(_TECHNIQUES)}", lambda v: _TECHNIQUES.get(v) if isinstance(v, str) else None),
}
"""Type -> what a message calls it, and what makes it of a TOML value or gives None."""


def _wanted(hint: Any) -> str:
    """Return what a message calls the values of a type hint."""
    if hint in _SIMPLE:
        return _SIMPLE[hint][0]
    if get_origin(hint) is tuple:
        parts = get_args(hint)
        each = _wanted(parts[0])
        return f"a list, each {each}" if parts[-1] is Ellipsis else f"a list of {len(parts)}, each {each}"
    if get_origin(hint) is Literal:
        return f"one of {', '.join(map(str, get_args(hint)))}"
    return "a table"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
