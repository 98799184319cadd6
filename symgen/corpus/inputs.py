"""Which files a conversion is to read, and how an earlier one is recognised."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from symgen import readers
from symgen.errors import UsageError


def find_inputs(inputs: Iterable[Path]) -> list[Path]:
    """Return the files to convert: files as they are named, folders' files with a known suffix in order of name.

    Symbolic links are followed, each folder at most once; a path that is reached twice counts once. A
    folder that cannot be listed stands for itself, so that a report can say so.

    Raises
    ------
    UsageError
        If an input does not exist.
    """
    seen: set[str] = set()
    found: dict[str, Path] = {}
    for path in inputs:
        if not os.path.lexists(path):
            raise UsageError(f"no such file or folder: {path}", expected="files or folders of scores")
        for file in _files_in(path, seen) if path.is_dir() else (path,):
            found.setdefault(os.path.abspath(file), file)  # noqa: PTH100 - resolve() would follow links
    return list(found.values())


def _files_in(top: Path, seen: set[str]) -> Iterator[Path]:
    suffixes = {suffix for reader in readers.formats() for suffix in reader.SUFFIXES}
    closed: list[OSError] = []
    for folder, folders, names in os.walk(top, followlinks=True, onerror=closed.append):
        real = os.path.realpath(folder)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        yield from (Path(folder, name) for name in sorted(names) if Path(name).suffix.lower() in suffixes)
    yield from sorted(Path(str(error.filename)) for error in closed)


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file of reasonable size, hexadecimal; "" for what a reader would refuse unread."""
    try:
        if not path.is_file() or path.stat().st_size > readers.MAX_FILE_BYTES:  # a pipe would never end
            return ""
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError):  # ValueError: a null byte in the path
        return ""
