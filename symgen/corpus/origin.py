"""Where the files of a corpus come from: an archive on a server, a Python package, or symgen itself.

The tables ``[archive]``, ``[package]``, ``[shipped]`` and ``[files]`` of a declaration, checked when they are read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from symgen.errors import CorpusError

KINDS: Final = ("zip", "tar", "tar.gz", "tar.bz2", "tar.xz")
"""Kinds of archives; each is also the suffix of the file on a mirror."""

AT_MOST: Final = 2 * 2**30
"""Bytes of an archive whose declaration names no size."""

_TABLES: Final = {
    "archive": ("urls", "kind", "size", "sha256", "at_most", "strip", "keep"),
    "package": ("name", "files"),
    "shipped": ("files",),
    "files": ("names", "count", "sha256"),
}
"""Tables that say where a corpus comes from and what it holds, with their entries."""

TABLES: Final = tuple(_TABLES)


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive that a server hands out.

    Parameters
    ----------
    urls : tuple of str
        Addresses of the same archive, tried in order; http or https.
    kind : str
        One of :data:`KINDS`.
    size : int or None
        Bytes, where they are known.
    sha256 : str
        Digest of the archive, hexadecimal; "" where none was published.
    at_most : int
        Bytes beyond which a download is given up where `size` is not known.
    strip : int
        Folders at the top that an unpacked path loses.
    keep : tuple of str
        Patterns of the paths to unpack, as they are after stripping.
    """

    urls: tuple[str, ...]
    kind: str = "zip"
    size: int | None = None
    sha256: str = ""
    at_most: int = AT_MOST
    strip: int = 0
    keep: tuple[str, ...] = ("**/*",)


@dataclass(frozen=True, slots=True)
class Package:
    """An installed Python package that carries the files.

    Parameters
    ----------
    name : str
        Name by which the package is imported.
    files : tuple of str
        Patterns of paths within the package.
    """

    name: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shipped:
    """Files that lie among the declarations.

    Parameters
    ----------
    files : tuple of str
        Patterns of paths within the folder of declarations.
    """

    files: tuple[str, ...]


Origin = Archive | Package | Shipped


@dataclass(frozen=True, slots=True)
class Contents:
    """What certain files of a corpus hold, whatever they were packed in.

    Parameters
    ----------
    names : tuple of str
        Patterns of paths, matched from the right.
    count : int
        How many files match.
    sha256 : str
        Digest of the files (see :func:`symgen.corpus.contents.contents_digest`), hexadecimal.
    """

    names: tuple[str, ...]
    count: int
    sha256: str


def read_origin(tables: Mapping[str, Any], path: Path) -> tuple[Origin | None, Contents | None]:
    """Read the tables of a declaration that tell where its files come from and what they hold.

    Parameters
    ----------
    tables : mapping
        Some of :data:`TABLES`, as TOML gives them.
    path : Path
        The declaration, for messages.

    Raises
    ------
    CorpusError
        Naming the file and the entry that is wrong.
    """
    for name, table in tables.items():
        _check_entries(name, table, path)
    origins = [name for name in ("archive", "package", "shipped") if name in tables]
    if len(origins) > 1:
        raise CorpusError(f"{path}: {origins[0]} and {origins[1]}", expected="one place where the files come from")
    contents = _contents(tables["files"], path) if "files" in tables else None
    if not origins:
        return None, contents
    table = tables[origins[0]]
    if origins[0] == "archive":
        return _archive(table, path), contents
    files = texts(table, "files", path)
    if not files or not all(map(_within, files)):
        raise CorpusError(f"{path}: files is {list(files)!r}", expected="patterns of paths within the folder")
    if origins[0] == "shipped":
        return Shipped(files), contents
    if not re.fullmatch(r"[A-Za-z_]\w*", _text(table, "name", path)):
        raise CorpusError(f"{path}: name is {table.get('name')!r}", expected="the name of a Python package")
    return Package(table["name"], files), contents


def texts(table: Mapping[str, Any], name: str, path: Path) -> tuple[str, ...]:
    """Return a list of texts from a table, empty if it is not there.

    Raises
    ------
    CorpusError
        If it is something else.
    """
    value = table.get(name, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise CorpusError(f"{path}: {name} is {value!r}", expected="a list of texts")
    return tuple(value)


def whole_number(table: Mapping[str, Any], name: str, path: Path) -> int | None:
    """Return a number above zero from a table, None if it is not there.

    Raises
    ------
    CorpusError
        If it is something else.
    """
    value = table.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise CorpusError(f"{path}: {name} is {value!r}", expected="a whole number above 0")
    return value


def _check_entries(name: str, table: Any, path: Path) -> None:
    known = _TABLES[name]
    if not isinstance(table, dict):
        raise CorpusError(f"{path}: {name} is {table!r}", expected=f"a table with {', '.join(known)}")
    if unknown := sorted(set(table) - set(known)):
        raise CorpusError(f"{path}: unknown entry {unknown[0]!r} in {name}", expected=f"one of {', '.join(known)}")


def _archive(table: Mapping[str, Any], path: Path) -> Archive:
    urls = texts(table, "urls", path)
    if not urls:
        raise CorpusError(f"{path}: no urls in archive", expected='urls = ["https://..."]')
    for url in urls:
        if not is_address(url):
            raise CorpusError(f"{path}: url {url!r}", expected="an address that begins with http:// or https://")
    kind = _text(table, "kind", path, "zip")
    if kind not in KINDS:
        raise CorpusError(f"{path}: kind {kind!r}", expected=f"one of {', '.join(KINDS)}")
    keep = texts(table, "keep", path) or ("**/*",)
    if not all(map(_within, keep)):
        raise CorpusError(f"{path}: keep is {list(keep)!r}", expected="patterns of paths within the archive")
    return Archive(
        urls,
        kind,
        whole_number(table, "size", path),
        _digest(table, path),
        whole_number(table, "at_most", path) or AT_MOST,
        _strip(table, path),
        keep,
    )


def _contents(table: Mapping[str, Any], path: Path) -> Contents:
    names, count, digest = texts(table, "names", path), whole_number(table, "count", path), _digest(table, path)
    if not names or count is None or not digest:
        raise CorpusError(f"{path}: files lacks names, count or sha256", expected="all three")
    return Contents(names, count, digest)


def is_address(url: str) -> bool:
    """Tell whether a text is an http or https address with a host."""
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets that hold no address
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and url.isascii() and url.isprintable()


def _strip(table: Mapping[str, Any], path: Path) -> int:
    value = table.get("strip", 0)
    if value not in (0, 1, 2, 3) or isinstance(value, bool):
        raise CorpusError(f"{path}: strip is {value!r}", expected="0, 1, 2 or 3 folders")
    return int(value)


def _digest(table: Mapping[str, Any], path: Path) -> str:
    value = _text(table, "sha256", path)
    if value and not re.fullmatch(r"[0-9a-f]{64}", value):
        raise CorpusError(f"{path}: sha256 is {value!r}", expected="64 hexadecimal digits, small letters")
    return value


def _text(table: Mapping[str, Any], name: str, path: Path, default: str = "") -> str:
    value = table.get(name, default)
    if not isinstance(value, str):
        raise CorpusError(f"{path}: {name} is {value!r}", expected="a text")
    return value


def _within(pattern: str) -> bool:
    parts = pattern.split("/")
    return bool(pattern) and not pattern.startswith("/") and ".." not in parts and "" not in parts
