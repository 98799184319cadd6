"""XML parsed under limits: no entities, and a bound on depth, elements and text, each counted before it is built."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from xml.parsers import expat  # bare expat, with entity declarations refused below

from symgen.errors import ReadError
from symgen.readers._text import decode_text

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element, TreeBuilder

MAX_DEPTH = 64
"""MusicXML nests about ten elements deep."""
MAX_ELEMENTS = 2_500_000
"""Elements and attributes; about 100,000 notes. So many take about 600 MiB."""
MAX_TEXT = 2**20
"""Characters in one text, or in the attributes of one element."""

_DECLARED = re.compile(rb"""<\?xml[^>]{1,80}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})""")


def parse_xml(content: bytes, name: str) -> Element:
    """Return the root element of an XML document that declares no entities and stays within the limits.

    Documents in an encoding that the parser does not know, or that lie about theirs, are decoded first.

    Raises
    ------
    ReadError
        With line and column where the XML is not well formed.
    """
    try:
        return _Parser(name).parse(content, None)
    except expat.ExpatError as error:
        text, encoding = decode_text(content)
        if encoding.lower().startswith("utf"):
            raise _malformed(error, name) from error
    except (LookupError, ValueError):  # an encoding that expat has no table for, as those of two bytes a character
        text = _as_declared(content)
    try:
        return _Parser(name).parse(text.encode("utf-8", "replace"), "utf-8")
    except expat.ExpatError as error:
        raise _malformed(error, name) from error


def _as_declared(content: bytes) -> str:
    """Return the text in the encoding that it declares, if that decodes it, else in the most plausible one."""
    declared = _DECLARED.match(content)
    try:
        return content.decode(declared[1].decode("ascii")) if declared else decode_text(content)[0]
    except (LookupError, ValueError):
        return decode_text(content)[0]


def _malformed(error: Exception, name: str) -> ReadError:
    found = f"{name} is not well-formed XML: {error}"
    return ReadError(found, expected="a complete MusicXML file", code="xml-malformed")


class _Parser:
    """Builds the tree of one document and counts while it does."""

    def __init__(self, name: str) -> None:
        from xml.etree.ElementTree import TreeBuilder

        self.name = name
        self.builder: TreeBuilder = TreeBuilder()
        self.depth = self.elements = self.characters = 0

    def parse(self, content: bytes, encoding: str | None) -> Element:
        """Return the root element."""
        parser = expat.ParserCreate(encoding)
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._data
        parser.EntityDeclHandler = self._refuse
        parser.UnparsedEntityDeclHandler = self._refuse
        parser.ExternalEntityRefHandler = self._refuse
        parser.Parse(content, True)
        return self.builder.close()

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        self.elements += 1 + len(attributes)
        self.characters = 0
        if self.depth > MAX_DEPTH:
            self._exceeded(f"nests elements deeper than {MAX_DEPTH}", "MAX_DEPTH", code="cap-depth")
        if self.elements > MAX_ELEMENTS:
            self._exceeded(
                f"has more than {MAX_ELEMENTS:,} elements and attributes", "MAX_ELEMENTS", code="cap-elements"
            )
        if attributes and sum(map(len, attributes.values())) > MAX_TEXT:
            self._exceeded(f"has attributes of over {MAX_TEXT:,} characters", "MAX_TEXT", code="cap-text")
        self.builder.start(tag, attributes)

    def _end(self, tag: str) -> None:
        self.depth -= 1
        self.characters = 0
        self.builder.end(tag)

    def _data(self, text: str) -> None:
        self.characters += len(text)
        if self.characters > MAX_TEXT:
            self._exceeded(f"has a text of over {MAX_TEXT:,} characters", "MAX_TEXT", code="cap-text")
        self.builder.data(text)

    def _refuse(self, *_: Any) -> int:
        found = f"{self.name} declares XML entities"
        remedy = "export it again without"
        raise ReadError(found, expected="plain MusicXML", remedy=remedy, code="xml-entities")

    def _exceeded(self, found: str, limit: str, *, code: str) -> None:
        raise ReadError(f"{self.name} {found}", expected=f"a score ({limit})", code=code)
