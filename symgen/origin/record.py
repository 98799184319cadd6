"""The record of where a piece comes from: what was asked, what it was made with, and what was checked on it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from symgen.errors import ReadError, one_line
from symgen.origin.guarantees import Guarantee
from symgen.origin.plain import from_plain, to_plain

FORMAT: Final = 1
"""Format of the record."""

_NAME = re.compile(r"[^\x00-\x1f/\\]{1,200}")
_DIGEST = re.compile(r"[0-9a-f]{0,64}")
_GENERATIONS = 64
_UNSAFE = re.compile("[<>&\x7f]")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a piece comes from, enough to make it again.

    Parameters
    ----------
    verb : str
        What made it: compose, continue, infill, vary, accompany.
    request : mapping
        The request as plain JSON (:func:`symgen.origin.plain.to_plain`), every field that matters for the bytes: names
        of files are not among them, and what they held is there instead.
    seed, take : int
        Seed, drawn or asked for, and number of the take, from 1.
    checkpoint, digest : str
        Name of the checkpoint's folder, and digest of its weights.
    version : str
        Of symgen.
    sha256 : str
        Of the file before the record was put into it, hexadecimal.
    guarantees : tuple of Guarantee
        What was promised and what was found.
    checked_on : str
        What they were checked on: "file", read back from its bytes, or "score", where nothing reads the format back.
    copy : mapping
        The copy report, as :meth:`symgen.copying.CopyReport.as_json` gives it.
    lineage : tuple of str
        Digests of the records of the piece it was made from, of the one that was made from, and so on.
    """

    verb: str
    request: Mapping[str, Any]
    seed: int
    take: int
    checkpoint: str
    digest: str
    version: str
    sha256: str
    guarantees: tuple[Guarantee, ...] = ()
    checked_on: str = "file"
    copy: Mapping[str, Any] | None = None
    lineage: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the record as plain data."""
        return {
            "symgen-origin": FORMAT,
            "symgen": self.version,
            "verb": self.verb,
            "seed": self.seed,
            "take": self.take,
            "checkpoint": {"name": self.checkpoint, "digest": self.digest},
            "request": dict(self.request),
            "guarantees": [row.as_json() for row in self.guarantees],
            "checked_on": self.checked_on,
            "copy": None if self.copy is None else dict(self.copy),
            "lineage": list(self.lineage),
            "sha256": self.sha256,
        }

    def as_text(self) -> str:
        """Return the record as one line of ASCII, the same for the same record."""
        text = json.dumps(self.as_json(), separators=(",", ":"), allow_nan=False)
        return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)

    @property
    def name(self) -> str:
        """First 32 hexadecimal digits of the SHA-256 of the record: what descendants call it by."""
        return hashlib.sha256(self.as_text().encode("ascii")).hexdigest()[:32]

    def descent(self) -> tuple[str, ...]:
        """Return the lineage of a piece that is made from this one."""
        return (self.name, *self.lineage)[:_GENERATIONS]

    @classmethod
    def from_text(cls, text: str) -> Origin:
        """Return the record of a text.

        Raises
        ------
        ReadError
            If it is damaged, or of a newer format.
        """
        try:
            data = json.loads(text, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            raise ReadError(f"the record of origin is damaged: {one_line(str(error)[:80])}") from error
        return cls.from_json(data)

    @classmethod
    def from_json(cls, data: Any) -> Origin:
        """Return the record that :meth:`as_json` gave.

        Raises
        ------
        ReadError
            Naming the first entry that is wrong.
        """
        found = _Entries(data)
        if (number := found.take("symgen-origin", int)) != FORMAT:
            raise ReadError(
                f"the record of origin has format {number}",
                expected=str(FORMAT),
                remedy=f"use symgen {one_line(str(found.entries.get('symgen'))[:20])}",
            )
        made_with = _Entries(found.take("checkpoint", dict[str, str]))
        origin = cls(
            verb=found.take("verb", str),
            request=found.mapping("request"),
            seed=found.take("seed", int),
            take=found.take("take", int),
            checkpoint=made_with.take("name", str),
            digest=made_with.take("digest", str),
            version=found.take("symgen", str),
            sha256=found.take("sha256", str),
            guarantees=found.take("guarantees", tuple[Guarantee, ...]),
            checked_on=found.take("checked_on", str),
            copy=None if found.entries.get("copy") is None else found.mapping("copy"),
            lineage=found.take("lineage", tuple[str, ...]),
        )
        _check(origin)
        return origin


@dataclass(frozen=True, slots=True)
class Made:
    """A piece on its way into a file: its bytes without a record, and the record."""

    data: bytes
    origin: Origin


@dataclass(frozen=True, slots=True)
class Ancestor:
    """A piece of symgen's own that another one is made from: its record, from which it can be made again.

    Parameters
    ----------
    record : mapping
        As :meth:`Origin.as_json` gives it. Not as text: quoted in the record of each descendant once more, it would
        double in length with every generation.
    """

    record: Mapping[str, Any]

    @property
    def origin(self) -> Origin:
        """The record, checked."""
        return Origin.from_json(self.record)


class _Entries:
    """The entries of a record that was read."""

    def __init__(self, data: Any) -> None:
        if not isinstance(data, Mapping):
            raise ReadError(f"the record of origin is {type(data).__name__}", expected="a JSON object")
        self.entries = data

    def take(self, name: str, kind: Any) -> Any:
        """Return an entry of a type."""
        if name not in self.entries:
            raise ReadError(f"the record of origin has no {name}", expected="a record that symgen wrote")
        try:
            return from_plain(self.entries[name], kind)
        except ReadError as error:
            raise ReadError(f"{error.found}, in {name}", expected=error.expected) from error

    def mapping(self, name: str) -> dict[str, Any]:
        """Return an entry that is an object, whatever it holds."""
        value = self.entries.get(name)
        if not isinstance(value, dict):
            raise ReadError(f"the record of origin has no {name}", expected="a record that symgen wrote")
        return value


def _check(origin: Origin) -> None:
    digests: Iterable[str] = (origin.digest, origin.sha256, *origin.lineage)
    name = origin.checkpoint
    if not _NAME.fullmatch(name) or name.startswith("."):
        raise ReadError(f"the record of origin names the checkpoint {name[:40]!r}", expected="the name of a folder")
    if len(origin.lineage) > _GENERATIONS or not all(map(_DIGEST.fullmatch, digests)):
        raise ReadError("the record of origin has a digest that is none", expected="hexadecimal digits")
    for what, number, low in (("seed", origin.seed, 0), ("take", origin.take, 1)):
        if not low <= number < 2**63:
            raise ReadError(f"the record of origin has the {what} {str(number)[:30]}", expected=f"{low} or more")
    try:
        origin.as_text()
    except (ValueError, RecursionError) as error:  # 1e999 is JSON, and more than a number holds
        raise ReadError("the record of origin cannot be written down again", expected="finite numbers") from error


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number")


def plain_request(request: Any, **kept: Any) -> dict[str, Any]:
    """Return a request as a record keeps it: without what does not matter for the bytes, and with what was resolved.

    Parameters
    ----------
    request : dataclass
        The request of a verb. The fields of ``NOT_KEPT`` are left out.
    **kept
        Fields as they turned out, such as a seed that was drawn, or a tuning instead of the name of its file.
    """
    plain: dict[str, Any] = to_plain(request, leave=NOT_KEPT)
    return plain | {name: to_plain(value) for name, value in kept.items()}


NOT_KEPT: Final = frozenset({"output", "takes", "checkpoint", "bare", "lineage"})
"""Fields of requests that do not matter for the bytes, or that stand in the record elsewhere."""
