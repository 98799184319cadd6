"""From the bytes of a MusicXML file, packed or not, to a safe element tree.

A score from the outside may be a bomb: a small archive that unpacks into gigabytes, entities that
expand into each other, or a million nested elements. Everything is counted before it is built.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import TYPE_CHECKING, Any
from xml.parsers import expat  # bare expat, with entity declarations refused below

from symgen.errors import ReadError
from symgen.readers._text import decode_text

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_UNPACKED_BYTES = 64 * 2**20
MAX_RATIO = 200
"""Scores compress about 20:1; the longest guqin pieces 45:1."""
MAX_MEMBERS = 1_000
MAX_DEPTH = 64
"""MusicXML nests about ten elements deep."""
MAX_ELEMENTS = 4_000_000
"""About 200,000 notes."""

ZIP_MAGIC = b"PK\x03\x04"
_CONTAINER = "META-INF/container.xml"


def score_tree(data: bytes, name: str) -> Element:
    """Return the root element of a .musicxml, .xml or .mxl file.

    Raises
    ------
    ReadError
        If a limit is exceeded, the archive is damaged, the XML is not well formed or declares entities.
    """
    return parse_xml(unpack(data, name) if data.startswith(ZIP_MAGIC) else data, name)


def unpack(data: bytes, name: str) -> bytes:
    """Return the score inside an .mxl archive: the container's root file, else the first XML member.

    Raises
    ------
    ReadError
        Naming the limit exceeded, or what is wrong with the archive.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            _check_archive(members, name)
            wanted = _root_file(archive, members, name)
            with archive.open(wanted) as stream:
                return _bounded(stream.read(MAX_UNPACKED_BYTES + 1), name)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise ReadError(f"{name} is a damaged .mxl archive: {error}", expected="a zip archive with a score") from error


def _check_archive(members: list[zipfile.ZipInfo], name: str) -> None:
    if len(members) > MAX_MEMBERS:
        raise ReadError(f"{name} packs {len(members):,} files", expected=f"at most {MAX_MEMBERS:,} (MAX_MEMBERS)")
    for member in members:
        if member.file_size > MAX_UNPACKED_BYTES:
            _bounded_size(member.file_size, name)
        if member.file_size > MAX_RATIO * max(1, member.compress_size) and member.file_size > 2**16:
            raise ReadError(
                f"{name} packs {member.filename} {member.file_size // max(1, member.compress_size):,}:1",
                expected=f"at most {MAX_RATIO}:1 (MAX_RATIO)",
            )


def _root_file(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], name: str) -> str:
    names = [member.filename for member in members]
    if _CONTAINER in names:
        with archive.open(_CONTAINER) as stream:
            container = parse_xml(_bounded(stream.read(MAX_UNPACKED_BYTES + 1), name), name)
        for element in container.iter():
            path = element.get("full-path", "")
            if element.tag.endswith("rootfile") and path in names:
                return path
    scores = [n for n in names if n.lower().endswith((".xml", ".musicxml")) and not n.startswith("META-INF/")]
    if not scores:
        raise ReadError(f"{name} is a zip archive without a score", expected="an .mxl archive with an XML member")
    return scores[0]


def _bounded(content: bytes, name: str) -> bytes:
    if len(content) > MAX_UNPACKED_BYTES:
        _bounded_size(len(content), name)
    return content


def _bounded_size(size: int, name: str) -> None:
    raise ReadError(
        f"{name} unpacks to {size:,} bytes or more",
        expected=f"at most {MAX_UNPACKED_BYTES:,} (MAX_UNPACKED_BYTES)",
    )


def parse_xml(content: bytes, name: str) -> Element:
    """Return the root element of an XML document that declares no entities and stays within the limits.

    Documents in an encoding that the parser does not know, or that lie about theirs, are decoded first.

    Raises
    ------
    ReadError
        With line and column where the XML is not well formed.
    """
    try:
        return _parse(content, None, name)
    except expat.ExpatError as error:
        text, encoding = decode_text(content)
        if encoding.lower().startswith("utf"):
            raise _malformed(error, name) from error
    try:
        return _parse(text.encode("utf-8", "replace"), "utf-8", name)
    except expat.ExpatError as error:
        raise _malformed(error, name) from error


def _malformed(error: expat.ExpatError, name: str) -> ReadError:
    return ReadError(f"{name} is not well-formed XML: {error}", expected="a complete MusicXML file")


def _parse(content: bytes, encoding: str | None, name: str) -> Element:
    from xml.etree.ElementTree import TreeBuilder

    builder = TreeBuilder()
    parser = expat.ParserCreate(encoding)
    parser.buffer_text = True
    depth = count = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, count
        depth += 1
        count += 1
        if depth > MAX_DEPTH:
            raise ReadError(f"{name} nests elements deeper than {MAX_DEPTH}", expected="a score (MAX_DEPTH)")
        if count > MAX_ELEMENTS:
            raise ReadError(f"{name} has more than {MAX_ELEMENTS:,} elements", expected="a score (MAX_ELEMENTS)")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    def refuse(*_: Any) -> int:
        raise ReadError(f"{name} declares XML entities", expected="plain MusicXML", remedy="export it again without")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = refuse
    parser.UnparsedEntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    parser.Parse(content, True)
    return builder.close()
