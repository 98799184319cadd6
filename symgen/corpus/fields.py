"""What one row of an exported dataset holds: a table, from which files, schemas and the card are made.

Maps of the index, whose keys differ from piece to piece, become lists of pairs here: tools that want every row to
have the same columns of the same types can then read them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from symgen.corpus.dataset import Entry


@dataclass(frozen=True, slots=True)
class Field:
    """A column of the export.

    Parameters
    ----------
    name : str
    type : str or tuple
        "string", "bool", "int16", "int64" or "float64"; a tuple of one of them for a list; a tuple of pairs of
        name and type for a list of records.
    meaning : str
        In words, for the card.
    value : callable
        Entry -> value.
    """

    name: str
    type: Any
    meaning: str
    value: Callable[[Entry], Any]


def _same(name: str, kind: Any, meaning: str) -> Field:
    return Field(name, kind, meaning, lambda entry: getattr(entry, name))


def _counts(name: str, meaning: str) -> Field:
    pairs = (("code", "string"), ("count", "int64"))
    return Field(name, pairs, meaning, lambda entry: _records(pairs, getattr(entry, name).items()))


def _records(pairs: tuple[tuple[str, str], ...], rows: Any) -> list[dict[str, Any]]:
    names = [name for name, _ in pairs]
    return [dict(zip(names, row, strict=True)) for row in rows]


_METRE = (("tick", "int64"), ("numerator", "int64"), ("denominator", "int64"))
_TEMPO = (("tick", "int64"), ("qpm", "float64"))
_VALUE = (("name", "string"), ("value", "float64"))

ABOUT: Final = (
    _same("path", "string", "input file, as it was given"),
    _same("part", "int64", "number of the piece within the file"),
    _same("sha256", "string", "SHA-256 of the file"),
    _same("format", "string", "reader of the file"),
    _same("corpus", "string", "declared corpus, `undeclared` if none owns the file"),
    _same("licence", "string", "licence wording of the corpus"),
    _same("title", "string", "title, or name of the file"),
    _same("style", "string", "style: unknown, guqin, guzheng or folk"),
    _same("split", "string", "train, validation or test"),
    _same("gong", "int16", "MIDI note of the reference gong, from which melody tokens count"),
    _same("mode", "string", "mode: degree of the final"),
    _same("confidence", "float64", "posterior of the gong, 1 where it is declared"),
    _same("key_known", "bool", "false where the source writes every piece in one key: then only degrees mean anything"),
    _same("metre", "string", "metre class"),
    Field(
        "metres",
        _METRE,
        "metres, each from its tick on (480 a quarter); empty where unknown",
        lambda e: _records(_METRE, e.metres),
    ),
    Field(
        "tempi",
        _TEMPO,
        "tempi in quarters a minute; empty where unknown",
        lambda e: _records(_TEMPO, ((tick, float(qpm)) for tick, qpm in e.tempi)),
    ),
    _same("notes", "int64", "number of notes"),
    Field("seconds", "float64", "length at the tempi, at 60 quarters a minute if unknown", lambda e: float(e.seconds)),
    _same("family", "int64", "first piece that is nearly the same music; the piece itself if none is"),
    Field(
        "near_piece",
        "int64",
        "the piece through which it belongs to its family; null if none stands before it",
        lambda e: None if e.near is None else int(e.near[0]),
    ),
    Field(
        "near_share",
        "float64",
        "share of the shorter one's fingerprint that both have",
        lambda e: None if e.near is None else float(e.near[1]),
    ),
    _same("flags", ("string",), "what cleaning flagged, or the reader doubted"),
    _counts("techniques", "notes of each technique; plain plucks are not counted"),
    Field(
        "measures",
        _VALUE,
        "what cleaning measured",
        lambda e: _records(_VALUE, ((name, float(value)) for name, value in e.measures.items())),
    ),
    _counts("lost", "what the source has and the tokens do not"),
    _counts("mended", "what was repaired or assumed"),
)
"""Columns that the index gives, in order."""

PIECE: Final = Field("piece", "int64", "number of the piece in the dataset; `family` refers to it", lambda entry: None)
TOKENS: Final = tuple(
    Field(name, ("int16",), f"{name} tokens, one a step", lambda entry: None) for name in ("rhythm", "melody", "chord")
)
FIELDS: Final = (PIECE, *ABOUT, *TOKENS)
"""Every column, in order."""


def row_of(number: int, entry: Entry, steps: NDArray[np.int16]) -> dict[str, Any]:
    r"""Return the row of piece `number`, with its tokens of shape (steps, 3).

    Its text is UTF-8, which other tools insist on: half a surrogate pair, from a file name that is none, becomes
    the six characters ``\udcff``.
    """
    row: dict[str, Any] = {PIECE.name: number}
    row |= {field.name: _in_utf8(field.value(entry)) for field in ABOUT}
    return row | {field.name: tokens.tolist() for field, tokens in zip(TOKENS, steps.T, strict=True)}


def _in_utf8(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {name: _in_utf8(part) for name, part in value.items()}
    return [_in_utf8(part) for part in value] if isinstance(value, list) else value
