"""What each field of a line of the index and of the report may hold: two tables, and what reads them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from symgen.corpus.dataset import COLUMNS


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value: what it is in words, and whether a value is one."""

    words: str
    holds: Callable[[Any], bool]


_MOST = 2**63
"""Whole numbers stay below it: no field needs more, and arrays hold no more."""


def complaints(
    row: Any, kinds: Mapping[str, Kind], optional: frozenset[str] = frozenset()
) -> Iterator[tuple[str, Any, str]]:
    """Yield (field, what was found, what was expected) for whatever is wrong with a line."""
    if not isinstance(row, dict):
        yield "", type(row).__name__, "an object"
        return
    for name in sorted(row.keys() - kinds.keys()):
        yield name, "a field of its own", "no such field"
    for name, kind in kinds.items():
        if name not in row:
            if name not in optional:
                yield name, "nothing", kind.words
        elif not kind.holds(row[name]):
            yield name, row[name], kind.words


def _is_code(value: Any) -> bool:
    return isinstance(value, str) and value != "" and value.isprintable()


def _is_number(value: Any) -> bool:
    return (type(value) is float and math.isfinite(value)) or (type(value) is int and abs(value) < _MOST)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < _MOST


def _is_row(value: Any, length: int) -> bool:
    return isinstance(value, list) and len(value) == length and all(map(_is_number, value))


_CODE = Kind("printable text", _is_code)
_CODE_OR_NOTHING = Kind("printable text or none", lambda v: v == "" or _is_code(v))
_TEXT = Kind("text", lambda v: isinstance(v, str) and v != "")
_COUNT = Kind("a whole number, 0 or more", _is_count)
_SECONDS = Kind("seconds, 0 or more", lambda v: _is_number(v) and v >= 0)
_DIGEST = Kind("a SHA-256 of 64 digits", lambda v: isinstance(v, str) and re.fullmatch("[0-9a-f]{64}", v) is not None)
_DIGEST_OR_NOTHING = Kind("a SHA-256 or none", lambda v: v == "" or _DIGEST.holds(v))
_COUNTS = Kind(
    "codes with counts, 1 or more",
    lambda v: isinstance(v, dict) and all(map(_is_code, v)) and all(_is_count(n) and n for n in v.values()),
)


def _one_of(values: tuple[str, ...]) -> Kind:
    return Kind(f"one of {', '.join(values)}", lambda v: isinstance(v, str) and v in values)


def _rows(length: int, words: str) -> Kind:
    return Kind(words, lambda v: isinstance(v, list) and all(_is_row(row, length) for row in v))


ENTRY: Final = {
    "path": _TEXT,
    "sha256": _DIGEST,
    "part": _COUNT,
    "corpus": _CODE,
    "licence": Kind("printable text", lambda v: isinstance(v, str) and v.isprintable()),
    "title": _TEXT,
    **{name: _one_of(values) for name, values in COLUMNS.items()},
    "gong": Kind("a MIDI note, 0 to 127", lambda v: type(v) is int and 0 <= v <= 127),
    "confidence": Kind("0 to 1", lambda v: _is_number(v) and 0 <= v <= 1),
    "metres": _rows(3, "rows of tick, numerator, denominator"),
    "tempi": _rows(2, "rows of tick, quarters a minute"),
    "notes": Kind("a whole number, 1 or more", lambda v: _is_count(v) and v > 0),
    "seconds": _SECONDS,
    "format": _CODE,
    "key_known": Kind("true or false", lambda v: isinstance(v, bool)),
    "family": _COUNT,
    "near": Kind("null, or a piece and a share", lambda v: v is None or (_is_row(v, 2) and _is_count(v[0]))),
    "flags": Kind("a list of codes", lambda v: isinstance(v, list) and all(map(_is_code, v))),
    "techniques": _COUNTS,
    "measures": Kind(
        "names with numbers",
        lambda v: isinstance(v, dict) and all(map(_is_code, v)) and all(map(_is_number, v.values())),
    ),
    "lost": _COUNTS,
    "mended": _COUNTS,
}
"""Fields of a line of ``index.jsonl``."""

LINE: Final = {
    "path": _TEXT,
    "status": _one_of(("ok", "salvaged", "failed")),
    "code": _CODE_OR_NOTHING,
    "reason": _CODE_OR_NOTHING,
    "sha256": _DIGEST_OR_NOTHING,
    "format": _CODE_OR_NOTHING,
    "corpus": _CODE_OR_NOTHING,
    "notes": _COUNT,
    "pieces": _COUNT,
    "gong": Kind("a pitch class, 0 to 11, or null", lambda v: v is None or (type(v) is int and 0 <= v <= 11)),
    "mode": Kind("a mode or null", lambda v: v is None or (isinstance(v, str) and v in COLUMNS["mode"])),
    "seconds": _SECONDS,
    "lost": _COUNTS,
    "mended": _COUNTS,
    "flags": _COUNTS,
    "techniques": _COUNTS,
    "dropped": _COUNTS,
}
"""Fields of a line of ``report.jsonl``."""

MAY_LACK: Final = frozenset({"dropped"})
"""Of a file that could not be read, the report does not say what the rules of cleaning dropped."""
