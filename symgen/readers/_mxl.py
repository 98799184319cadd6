"""From the bytes of a MusicXML file, packed or not, to a safe element tree.

A score from the outside may be a bomb: a small archive that unpacks into gigabytes, entities that
expand into each other, or a million nested elements. Everything is counted before it is built (the XML in
:mod:`~symgen.readers._xml`).
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from symgen.errors import ReadError
from symgen.readers._text import PEEKED_BYTES, peek
from symgen.readers._xml import parse_xml

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_UNPACKED_BYTES = 64 * 2**20
"""Of all members together."""
MAX_RATIO = 200
"""Scores compress about 20:1; the longest guqin pieces 45:1."""
MAX_MEMBERS = 1_000

ZIP_MAGIC = b"PK\x03\x04"
_DIRECTORY_MAGIC = b"PK\x01\x02"
_LOCAL_HEADER_BYTES = 30
_CONTAINER = "META-INF/container.xml"
_SCORE_NAME = re.compile(r"\.(?:xml|musicxml)$", re.IGNORECASE)
_FULL_PATH = re.compile(r"""full-path\s*=\s*["']([^"']+)""")
_UNSAFE_NAME = re.compile(r"[\x00-\x1f\x7f]|^[/\\]|^[A-Za-z]:|(?:^|[/\\])\.\.(?:[/\\]|$)")
_SMALL_BYTES = 2**16
"""So little may be packed as tightly as it will."""
_PEEKED_BYTES = 2**14
_PEEKED_MEMBERS = 16


def score_tree(data: bytes, name: str, lost: Counter[str] | None = None) -> Element:
    """Return the root element of a .musicxml, .xml or .mxl file.

    Parameters
    ----------
    data : bytes
        Content of the file.
    name : str
        Its name, for messages.
    lost : Counter, optional
        Takes the count of further scores in an archive.

    Raises
    ------
    ReadError
        If a limit is exceeded, the archive is damaged, the XML is not well formed or declares entities.
    """
    return parse_xml(unpack(data, name, lost) if data.startswith(ZIP_MAGIC) else data, name)


def root_name(head: bytes) -> str:
    """Return the name of the root element of an XML document from its first bytes; "" if it shows none."""
    text, at = peek(head), 0
    while True:
        while text[at : at + 1].isspace():
            at += 1
        if text.startswith("<?", at):
            end = text.find("?>", at) + 1
        elif text.startswith("<!--", at):
            end = text.find("-->", at) + 2
        elif text.startswith("<!", at):
            end = text.find(">", at)
            subset = text.find("[", at, end)
            end = text.find(">", text.find("]", subset)) if subset > 0 else end
        else:
            found = re.compile(r"<([\w.:-]+)").match(text, at)
            return found[1] if found else ""
        if end <= at + 2:
            return ""
        at = end + 1


def holds_score(head: bytes) -> bool:
    """Return whether the zip archive that begins with `head` shows a MusicXML score or a container that names one."""
    for member, content in _first_members(head):
        if member == _CONTAINER:
            paths = _FULL_PATH.findall(peek(content))
            if paths:
                return any(_SCORE_NAME.search(path) for path in paths)
        elif _SCORE_NAME.search(member) and root_name(content) in ("score-partwise", "score-timewise"):
            return True
    return False


def _first_members(head: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield name and first bytes of the XML members that begin within `head`."""
    head, at = head[:PEEKED_BYTES], 0
    for _ in range(_PEEKED_MEMBERS):
        at = head.find(ZIP_MAGIC, at)
        if at < 0:
            return
        method = int.from_bytes(head[at + 8 : at + 10], "little")
        size = int.from_bytes(head[at + 18 : at + 22], "little")
        name_end = at + _LOCAL_HEADER_BYTES + int.from_bytes(head[at + 26 : at + 28], "little")
        start = name_end + int.from_bytes(head[at + 28 : at + 30], "little")
        name = head[at + _LOCAL_HEADER_BYTES : name_end].decode("utf-8", "replace")
        at += len(ZIP_MAGIC)
        if not _SCORE_NAME.search(name):
            continue
        try:
            raw = head[start : start + size]
            stored = method == zipfile.ZIP_STORED
            content = raw if stored else zlib.decompressobj(-15).decompress(head[start:], _PEEKED_BYTES)
        except zlib.error:
            continue
        yield name, content[:_PEEKED_BYTES]


def unpack(data: bytes, name: str, lost: Counter[str] | None = None) -> bytes:
    """Return the score inside an .mxl archive: the container's root file, else the first XML member.

    Raises
    ------
    ReadError
        Naming the limit exceeded, or what is wrong with the archive.
    """
    if data.count(_DIRECTORY_MAGIC) > MAX_MEMBERS:  # before anything is built for each of them
        raise _too_many(data.count(_DIRECTORY_MAGIC), name)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            _check_archive(members, len(data), name)
            wanted = _root_file(archive, members, name)
            if lost is not None:
                lost["further-score"] += sum(1 for m in _scores(members) if m != wanted)
            return _content(archive, members, wanted, name)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        found = f"{name} is a damaged .mxl archive: {str(error)[:200]}"
        raise ReadError(found, expected="a zip archive with a score", code="mxl-damaged") from error


def _too_many(count: int, name: str) -> ReadError:
    limit = f"at most {MAX_MEMBERS:,} (MAX_MEMBERS)"
    return ReadError(f"{name} packs {count:,} files", expected=limit, code="cap-members")


def _check_archive(members: list[zipfile.ZipInfo], packed: int, name: str) -> None:
    """Raise ReadError if what the directory claims is beyond a limit, or its members share bytes."""
    if len(members) > MAX_MEMBERS:
        raise _too_many(len(members), name)
    _check_size(sum(member.file_size for member in members), name)
    ratios = [(m.file_size, m.compress_size, m.filename[:80]) for m in members]
    for size, within, what in (*ratios, (sum(m.file_size for m in members), packed, "its files")):
        if size > MAX_RATIO * max(1, within) and size > _SMALL_BYTES:
            found = f"{name} packs {what} {size // max(1, within):,}:1"
            raise ReadError(found, expected=f"at most {MAX_RATIO}:1 (MAX_RATIO)", code="cap-ratio")
    end, before = 0, ""
    for member in sorted(members, key=lambda member: member.header_offset):
        if member.header_offset < end:
            found = f"{name} packs {member.filename[:80]} over {before[:80]}"
            raise ReadError(found, expected="files one after the other", code="mxl-overlap")
        end = member.header_offset + _LOCAL_HEADER_BYTES + member.compress_size
        before = member.filename


def _content(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], wanted: str, name: str) -> bytes:
    """Return the content of the one member called `wanted`."""
    found = [member for member in members if member.filename == wanted]
    if len(found) > 1:
        raise ReadError(f"{name} packs {len(found)} files {wanted[:80]}", expected="one", code="mxl-duplicate")
    (member,) = found
    if _UNSAFE_NAME.search(wanted):
        raise ReadError(f"{name} packs {wanted[:80]!r}", expected="a plain name", code="mxl-member-name")
    if member.flag_bits & 1:
        raise ReadError(f"{name} packs {wanted[:80]} encrypted", expected="an open archive", code="mxl-encrypted")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # others unpack without a bound
        found_type = f"{name} packs {wanted[:80]} with method {member.compress_type}"
        raise ReadError(found_type, expected="deflate (8) or none (0)", code="mxl-compression")
    with archive.open(member) as stream:
        content = stream.read(MAX_UNPACKED_BYTES + 1)
    _check_size(len(content), name)
    return content


def _root_file(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], name: str) -> str:
    names = [member.filename for member in members]
    if _CONTAINER in names:
        container = parse_xml(_content(archive, members, _CONTAINER, name), name)
        for element in container.iter():
            path = element.get("full-path", "")
            if element.tag.endswith("rootfile") and path in names:
                return path
    scores = _scores(members)
    if not scores:
        found = f"{name} is a zip archive without a score"
        raise ReadError(found, expected="an .mxl archive with an XML member", code="mxl-no-score")
    return scores[0]


def _scores(members: list[zipfile.ZipInfo]) -> list[str]:
    names = [member.filename for member in members]
    return [n for n in names if _SCORE_NAME.search(n) and not n.startswith(("META-INF/", "__MACOSX/"))]


def _check_size(size: int, name: str) -> None:
    if size > MAX_UNPACKED_BYTES:
        raise ReadError(
            f"{name} unpacks to {size:,} bytes or more",
            expected=f"at most {MAX_UNPACKED_BYTES:,} (MAX_UNPACKED_BYTES)",
            code="cap-unpacked",
        )
