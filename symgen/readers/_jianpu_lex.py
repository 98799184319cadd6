"""Jianpu text into tokens that know their place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from symgen.errors import ReadError
from symgen.readers import _jianpu_table as table


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file, line and column counted from 1."""

    name: str
    line: int
    column: int

    def error(self, found: str, expected: str, code: str = "jianpu-value") -> ReadError:
        """Return the error for what was found here."""
        place = f"{self.name}, line {self.line}, column {self.column}"
        return ReadError(f"{place}: {found}", expected=expected, code=code)


@dataclass(frozen=True, slots=True)
class Token:
    """A sign of music, or a whole field line.

    Parameters
    ----------
    kind : str
        "field" or a name of a group in the pattern of signs.
    text : str
        The sign; for a field its value.
    place : Place
        Where it begins.
    field : str
        What kind of field, one of the values of ``FIELDS``; "" for signs.
    label : str
        A field's name as written.
    """

    kind: str
    text: str
    place: Place
    field: str = ""
    label: str = ""


def _any_of(signs: object) -> str:
    return "[" + re.escape("".join(str(sign) for sign in signs)) + "]"  # type: ignore[attr-defined]


_ACCIDENTAL = _any_of(table.ACCIDENTALS)
SUFFIX = _any_of([*table.OCTAVES, *table.TECHNIQUES, table.UNDERLINE, table.DOT, table.TIE, table.FERMATA])

_SIGNS = re.compile(
    "|".join(
        f"(?P<{name}>{pattern})"
        for name, pattern in {
            "key": r"1\s*=\s*[#b♯♭]?[A-G][#b♯♭]?(?:\d(?![\d/]))?",
            "metre": r"\d{1,3}/\d{1,2}",
            "tempo": r"(?:♩\.?|♪\.?|qpm|q)\s*=\s*\d{1,4}(?:\.\d{1,4})?",
            "note": f"{_ACCIDENTAL}*[0-7]{SUFFIX}*",
            "chord": r"\[",
            "chord_end": rf"\]{SUFFIX}*",
            "grace": r"\{",
            "grace_end": r"\}",
            "tuplet": r"\(\s*\d{1,2}(?:/\d{1,2})?\s*:(?![|‖])",
            "slur": r"\(",
            "arc_end": r"\)",
            "extend": r"-",
            "bar": r":?(?:\|\]|\|\||\||‖):?",
            "road": r"<[^<>]*>",
            "space": r"\s+",
        }.items()
    )
)
_PEEKED_LINES, _PEEKED_CHARACTERS = 100, 400
_PEEKED_NOTES = 2
_FIELD = re.compile(r"\s*([^\W\d_]+(?: [^\W\d_]+)?)\s*:(?![|‖])(.*)")


def tokens(text: str, name: str) -> Iterator[Token]:
    """Yield the tokens of a jianpu text.

    Raises
    ------
    ReadError
        With line and column of the first character that means nothing.
    """
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.partition("//")[0].translate(table.FULL_WIDTH)
        if field := _FIELD.match(line):
            yield _field(field, raw, Place(name, number, field.start(1) + 1))
            continue
        position = 0
        while position < len(line):
            place = Place(name, number, position + 1)
            sign = _SIGNS.match(line, position)
            if sign is None:
                found = f"{raw[position]!r} is no sign of jianpu"
                raise place.error(found, "a note, a bar line or a setting", code="jianpu-sign")
            if sign.lastgroup != "space":
                yield Token(str(sign.lastgroup), sign[0], place)
            position = sign.end()


def _field(match: re.Match[str], raw: str, place: Place) -> Token:
    label = match[1]
    kind = table.FIELDS.get(label.lower())
    if kind is None:
        known = "one of " + ", ".join(sorted(table.FIELDS))
        raise place.error(f"{label[:40]!r} is no known field", known, code="jianpu-field")
    value = raw.partition("//")[0][match.start(2) : match.end(2)].strip()  # as typed, full width or not
    return Token("field", value, place, kind, label)


def mostly_jianpu(text: str) -> bool:
    """Return whether most of the first lines of a text are jianpu, and notes and a bar line are among them.

    Prose and programs hold a stray `1=A` now and then, but no line after line of signs.
    """
    good = bad = notes = bars = 0
    for line in [line for line in text.splitlines() if line.strip()][:_PEEKED_LINES]:
        try:
            kinds = [token.kind for token in tokens(line[:_PEEKED_CHARACTERS], "")]
        except ReadError:
            bad += 1
            continue
        good += bool(kinds)
        notes += kinds.count("note")
        bars += kinds.count("bar")
    return good > bad and notes >= _PEEKED_NOTES and (bars > 0 or bad == 0)
