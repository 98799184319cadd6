"""Requests as plain JSON and back: frozen dataclasses by their type hints, and Scores without loss.

What comes back was in somebody's file, so nothing is guessed: every value is checked against the hint of its field,
unknown fields are refused, and no path is taken from a record unless the caller says so.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import types
import zlib
from collections.abc import Collection, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from symgen.errors import ReadError, SymgenError, UsageError, one_line
from symgen.score import NOTE_DTYPE, Key, Metre, Score, Section, Tempo, Text

__all__ = ["MOST_BYTES", "embed_score", "from_plain", "score_of", "to_plain"]

MOST_BYTES: Final = 16 * 2**20
"""Largest Score that is carried, before compression: more than half a million notes."""

_MAPS: Mapping[str, type[Any]] = {"tempi": Tempo, "metres": Metre, "keys": Key, "sections": Section, "texts": Text}
_SCORE: Final = "score"
_T = TypeVar("_T")


def to_plain(value: Any, leave: Collection[str] = ()) -> Any:
    """Return a value as JSON has it.

    Parameters
    ----------
    value : None, bool, int, float, str, Path, Enum, Score, dataclass, or mappings and sequences of these
        An Enum is its name, a Score what :func:`embed_score` makes of it, a dataclass a mapping of its fields.
    leave : collection of str
        Fields of `value` itself that are left out.

    Raises
    ------
    UsageError
        If a Score is too long, or there is something that JSON has no place for.
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)) and math.isfinite(value):
        return float(value)
    if isinstance(value, Path):
        return value.as_posix()
    if isinstance(value, Score):
        return {_SCORE: embed_score(value)}
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: to_plain(getattr(value, one.name)) for one in fields(value) if one.name not in leave}
    if isinstance(value, Mapping):
        return {str(to_plain(key)): to_plain(part) for key, part in value.items()}
    if isinstance(value, (tuple, list)):
        return [to_plain(part) for part in value]
    if isinstance(value, (set, frozenset)):
        return sorted(to_plain(part) for part in value)
    raise UsageError(f"{type(value).__name__} {str(value)[:40]} has no place in a record of origin")


def from_plain(data: Any, kind: type[_T], *, paths: bool = False) -> _T:
    """Return the value of a type that :func:`to_plain` gave as JSON.

    Parameters
    ----------
    data
        Plain JSON.
    kind : type
        What it has to be; its fields may be of any type that :func:`to_plain` knows, and of unions of these.
    paths : bool
        Whether a text may become a path. Not for what was read from a file: it must not name files of the reader.

    Raises
    ------
    ReadError
        Naming the first place at which the data is not of the type.
    """
    value: _T = _Reading(paths).value(data, kind, "")
    return value


class _Reading:
    """One value on its way from JSON; what does not fit is a ReadError with its place."""

    def __init__(self, paths: bool) -> None:
        self.paths = paths

    def value(self, data: Any, kind: Any, where: str) -> Any:
        """Return `data` as a `kind`."""
        if kind is Any:  # whoever asks for it checks it
            return data
        shape = get_origin(kind)
        if shape in (Union, types.UnionType):
            return self.first_of(data, get_args(kind), where)
        if shape is Literal:
            return data if data in get_args(kind) else _refuse(data, where, f"one of {get_args(kind)}")
        if shape is tuple:
            return self.row(data, get_args(kind), where)
        if shape is frozenset:
            return frozenset(self.row(data, (*get_args(kind), ...), where))
        if shape is not None and issubclass(shape, Mapping):
            return self.table(data, get_args(kind), where)
        if kind is Score and isinstance(data, dict) and isinstance(data.get(_SCORE), str):
            return score_of(data[_SCORE])
        if isinstance(kind, type) and is_dataclass(kind) and kind is not Score:
            return self.record(data, kind, where)
        return self.single(data, kind, where)

    def single(self, data: Any, kind: Any, where: str) -> Any:
        if kind in (None, type(None)) and data is None:
            return None
        if isinstance(kind, type) and issubclass(kind, Enum) and isinstance(data, str) and data in kind.__members__:
            return kind[data]
        if kind is Path and self.paths and isinstance(data, str):
            return Path(data)
        number = isinstance(data, (int, float)) and not isinstance(data, bool) and math.isfinite(data)
        if kind is float and number:  # a whole number stays one: it may have been asked for as such
            return data
        if kind in (bool, int, str) and type(data) is kind:
            return data
        return _refuse(data, where, getattr(kind, "__name__", str(kind)))

    def first_of(self, data: Any, kinds: tuple[Any, ...], where: str) -> Any:
        refusals = []
        for kind in kinds:
            try:
                return self.value(data, kind, where)
            except ReadError as error:
                # the reason that a mapping is no such record tells more than that it is no number
                telling = isinstance(data, dict) and is_dataclass(kind)
                refusals.append((telling, error))
        raise next((error for telling, error in refusals if telling), refusals[-1][1])

    def row(self, data: Any, kinds: tuple[Any, ...], where: str) -> tuple[Any, ...]:
        if not isinstance(data, list):
            return tuple(_refuse(data, where, "a list"))
        if kinds[1:] == (...,):
            kinds = (kinds[0],) * len(data)
        if len(kinds) != len(data):
            _refuse(data, where, f"{len(kinds)} entries")
        return tuple(self.value(part, kind, f"{where}[]") for part, kind in zip(data, kinds, strict=True))

    def table(self, data: Any, kinds: tuple[Any, ...], where: str) -> Mapping[Any, Any]:
        if not isinstance(data, dict):
            _refuse(data, where, "a mapping")
        key_kind, kind = kinds
        made = {}
        for key, part in data.items():
            typed = int(key) if key_kind is int and key.lstrip("-").isascii() and key.lstrip("-").isdigit() else key
            made[self.value(typed, key_kind, where)] = self.value(part, kind, f"{where}.{key}")
        return types.MappingProxyType(made)

    def record(self, data: Any, kind: type[Any], where: str) -> Any:
        if not isinstance(data, dict):
            _refuse(data, where, f"the fields of {kind.__name__}")
        hints = get_type_hints(kind)
        known = {one.name: one for one in fields(kind) if one.init}
        for name in data.keys() - known.keys():
            _refuse(name, where, f"a field of {kind.__name__}")
        for name, one in known.items():
            if name not in data and one.default is MISSING and one.default_factory is MISSING:
                _refuse("nothing", f"{where}.{name}", f"{kind.__name__} with all its fields")
        values = {name: self.value(data[name], hints[name], f"{where}.{name}") for name in data}
        try:
            return kind(**values)
        except SymgenError as error:
            raise ReadError(error.found, expected=error.expected) from error


def _refuse(found: Any, where: str, expected: str) -> Any:
    shown = one_line(str(found)[:60])
    raise ReadError(f"the record of origin has {shown!r} for {where.lstrip('.') or 'the request'}", expected=expected)


def embed_score(score: Score) -> str:
    """Return a Score as base64 of its compressed maps and columns; :func:`score_of` gives the same Score back.

    Raises
    ------
    UsageError
        If it is longer than ``MOST_BYTES``.
    """
    head = {
        "notes": len(score),
        "ticks_per_quarter": int(score.ticks_per_quarter),
        "title": score.title,
        "end": int(score.end),
        **{name: [list(to_plain(event).values()) for event in getattr(score, name)] for name in _MAPS},
    }
    columns = []
    for name in NOTE_DTYPE.names or ():
        column = score.notes[name]
        if name == "onset":  # differences repeat themselves and are compressed well
            column = np.diff(column, prepend=0)
        columns.append(column.astype(NOTE_DTYPE[name].newbyteorder("<")).tobytes())
    raw = json.dumps(head, separators=(",", ":"), allow_nan=False).encode() + b"\n" + b"".join(columns)
    if len(raw) > MOST_BYTES:
        raise UsageError(
            f"the source, {len(score):,} notes, is too long to be carried in the file",
            expected=f"at most {MOST_BYTES // 2**20} MiB",
            remedy="use --bare, or a part of it",
        )
    return base64.b64encode(zlib.compress(raw, 9)).decode("ascii")


def score_of(text: str) -> Score:
    """Return the Score that :func:`embed_score` made a text of.

    Raises
    ------
    ReadError
        If that is none, or it would be larger than ``MOST_BYTES``; no more than that is ever unpacked.
    """
    raw = _unpacked(text)
    head, _, body = raw.partition(b"\n")
    try:
        facts = json.loads(head)
        count = facts.pop("notes")
        if type(count) is not int or count * NOTE_DTYPE.itemsize != len(body):
            raise ValueError(f"{len(body)} bytes of notes for {str(count)[:20]}")
        notes, at = np.zeros(count, NOTE_DTYPE), 0
        for name in NOTE_DTYPE.names or ():
            column = NOTE_DTYPE[name].newbyteorder("<")
            notes[name] = np.frombuffer(body, column, count, at)
            at += count * column.itemsize
        notes["onset"] = np.cumsum(notes["onset"])
        values: dict[str, Any] = {name: from_plain(facts.pop(name), kind) for name, kind in _FACTS.items()}
        for name, kind in _MAPS.items():
            values[name] = tuple(_event(row, kind) for row in facts.pop(name))
        if facts:
            raise ValueError(f"{len(facts)} unknown entries")
        return Score(notes, **values)
    except ReadError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:  # ScoreError too
        raise ReadError(f"the source carried in the record is damaged: {one_line(str(error)[:120])}") from error


_FACTS: Mapping[str, type[Any]] = {"ticks_per_quarter": int, "title": str, "end": int}


def _event(row: Any, kind: type[Any]) -> Any:
    names = [one.name for one in fields(kind)]
    return from_plain(dict(zip(names, row, strict=True)), kind)


def _unpacked(text: str) -> bytes:
    try:
        unpacker = zlib.decompressobj()
        raw = unpacker.decompress(base64.b64decode(text, validate=True), MOST_BYTES + 1)
    except (binascii.Error, zlib.error, ValueError) as error:
        raise ReadError(f"the source carried in the record is damaged: {error}", remedy="get the file again") from error
    if len(raw) > MOST_BYTES:
        raise ReadError("the source carried in the record is too long", expected=f"at most {MOST_BYTES // 2**20} MiB")
    if not unpacker.eof or unpacker.unused_data:
        raise ReadError("the source carried in the record is cut short", remedy="get the file again")
    return raw
