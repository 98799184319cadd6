"""What the files of a corpus hold, whatever archive or folder they came in."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from symgen.corpus.origin import Contents
from symgen.corpus.patterns import matches_end
from symgen.errors import CorpusError
from symgen.files import file_digest

RECEIPT: Final = "receipt.json"
"""Name of the receipt in the folder of a fetched corpus; no file of the corpus may have it."""


def contents_digest(files: Iterable[Path]) -> str:
    """Return one digest of the names and the bytes of files, the same wherever they lie.

    It is the SHA-256 of one line a file, ``<name> <SHA-256 of its bytes>``, sorted as bytes, each with a line feed.
    The name is the last part of the path in Unicode normal form C, in UTF-8: folders do not count, so that a
    flat copy and a tree agree, and so do file systems that decompose accents.
    """
    lines = sorted(_line(path) for path in files)
    return hashlib.sha256(b"".join(lines)).hexdigest()


def files_of(folder: Path) -> list[Path]:
    """Return the files of a folder and the folders in it, in order of path."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def check_contents(folder: Path, contents: Contents) -> None:
    """Compare the files of a folder with what a declaration says they hold.

    Raises
    ------
    CorpusError
        If files are missing or hold something else; names what was found and what was expected.
    """
    files = [
        path
        for path in files_of(folder)
        if any(matches_end(unicodedata.normalize("NFC", path.as_posix()), name) for name in contents.names)
    ]
    if len(files) != contents.count:
        raise CorpusError(f"{len(files)} of the files that the declaration knows", expected=f"{contents.count} of them")
    found = contents_digest(files)
    if found != contents.sha256:
        raise CorpusError(
            f"contents of {len(files)} files with sha256 {found}",
            expected=contents.sha256,
            remedy="they are not the files that were declared",
        )


def _line(path: Path) -> bytes:
    name = unicodedata.normalize("NFC", path.name)
    return name.encode(errors="backslashreplace") + b" " + file_digest(path).encode() + b"\n"
