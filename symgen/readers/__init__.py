"""Readers: files in, Scores out.

Each module of this folder whose name does not begin with an underscore reads one format and exposes
what :class:`Format` names; the folder is listed to find them, so a new format is one new file. The
content of a file decides which reader takes it, and its suffix only breaks ties. Reader modules load
their libraries inside functions: importing this package is cheap.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import pkgutil
import stat
import warnings
from functools import cache
from pathlib import Path
from typing import Protocol, cast

from symgen.errors import ReadError
from symgen.piece import Piece, Provenance, Reading
from symgen.readers._defects import DEFECTS, NOTATION, Defect
from symgen.score import Score

__all__ = [
    "DEFECTS",
    "MAX_FILE_BYTES",
    "NOTATION",
    "RECOGNISED_BYTES",
    "Defect",
    "Format",
    "file_bytes",
    "formats",
    "pieces_in",
    "read",
    "read_pieces",
    "recognise",
]

MAX_FILE_BYTES = 64 * 2**20
"""No score is larger: the longest MIDI files known are a few MiB. A cap keeps a wrong file from filling memory."""

RECOGNISED_BYTES = 2**16
"""So much of a file shows its format."""


class Format(Protocol):
    """What a reader module exposes.

    Attributes
    ----------
    NAME : str
        Name of the format, as provenance and errors give it.
    SUFFIXES : tuple of str
        Usual suffixes, lower case, with the dot.
    """

    @property
    def NAME(self) -> str:  # noqa: N802 - a constant of the module
        """Name of the format."""

    @property
    def SUFFIXES(self) -> tuple[str, ...]:  # noqa: N802 - a constant of the module
        """Usual suffixes, lower case, with the dot."""

    def sniff(self, data: bytes, suffix: str) -> bool:
        """Return whether a file that begins with `data` is of this format; `suffix` (lower case) only breaks ties."""

    def read(self, data: bytes, name: str) -> list[Reading]:
        """Return the pieces in `data`, at least one, or raise ReadError; `name` is the file's name for messages."""


@cache
def formats() -> tuple[Format, ...]:
    """Return the reader modules of this folder in order of their names."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
    return tuple(cast(Format, importlib.import_module(f"{__name__}.{name}")) for name in names)


def recognise(head: bytes, suffix: str = "") -> str | None:
    """Return the name of the format that a file's first bytes show, None if they show none.

    Prose, programs, tables, pictures and archives of other kinds are no music, whatever their suffix. A
    usual suffix lets a damaged or terse file pass that would need to show more without.

    Parameters
    ----------
    head : bytes
        The first ``RECOGNISED_BYTES`` of the file, or all of it.
    suffix : str, optional
        Suffix of its name, with the dot.
    """
    suffix = suffix.lower()
    willing = [reader for reader in formats() if reader.sniff(head, suffix)]
    own = (reader for reader in willing if suffix in reader.SUFFIXES)
    chosen = next(own, willing[0] if willing else None)
    return chosen.NAME if chosen else None


def read_pieces(path: str | os.PathLike[str], *, source: str = "", licence: str = "") -> list[Piece]:
    """Read every piece in a file.

    Parameters
    ----------
    path : str or path-like
        A file of any known format; its content decides which.
    source, licence : str, optional
        Corpus and licence wording for the provenance.

    Returns
    -------
    list of Piece
        At least one; tune books hold several.

    Raises
    ------
    ReadError
        If the file is missing, no regular file, empty, larger than ``MAX_FILE_BYTES``, of no known
        format, or not what its format promises.
    """
    return pieces_in(file_bytes(Path(path)), path, source=source, licence=licence)


def pieces_in(
    data: bytes, path: str | os.PathLike[str], *, digest: str = "", source: str = "", licence: str = ""
) -> list[Piece]:
    """Read every piece in the content of a file that is at hand, as :func:`read_pieces` does.

    Parameters
    ----------
    data : bytes
        Content of the file.
    path : str or path-like
        Its path, for the provenance, the suffix and messages.
    digest : str, optional
        SHA-256 of `data`, hexadecimal, if it is known.
    source, licence : str, optional
        Corpus and licence wording for the provenance.
    """
    file = Path(path)
    reader = _reader_for(data, file)
    readings = _read_with(reader, data, file.name)
    digest = digest or hashlib.sha256(data).hexdigest()
    return [
        Piece(
            score=reading.score,
            provenance=Provenance(os.fspath(path), digest, reader.NAME, index, source, licence),
            lost=dict(reading.lost),
            mended=dict(reading.mended),
        )
        for index, reading in enumerate(readings)
    ]


def read(path: str | os.PathLike[str]) -> Score:
    """Read the first piece of a file as a Score.

    Warns
    -----
    UserWarning
        If the file holds several pieces; :func:`read_pieces` gives them all.

    Raises
    ------
    ReadError
        As :func:`read_pieces`.
    """
    pieces = read_pieces(path)
    if len(pieces) > 1:
        message = f"{Path(path).name} holds {len(pieces)} pieces; this is the first, read_pieces gives them all"
        warnings.warn(message, UserWarning, stacklevel=2)
    return pieces[0].score


def file_bytes(file: Path, shown: str = "") -> bytes:
    """Return the content of a regular file of reasonable size; `shown` is its name in errors if not its path.

    Raises
    ------
    ReadError
        If there is no such file, it cannot be read, is empty, or larger than ``MAX_FILE_BYTES``.
    """
    shown = shown or str(file)
    try:
        status = file.stat()
        if stat.S_ISDIR(status.st_mode):
            raise ReadError(
                f"{shown} is a folder", expected="a file", remedy="name the files inside it", code="not-a-file"
            )
        if not stat.S_ISREG(status.st_mode):
            raise ReadError(f"{shown} is no regular file", expected="a file on disk", code="not-a-file")
        if status.st_size > MAX_FILE_BYTES:
            limit = f"at most {MAX_FILE_BYTES:,} (MAX_FILE_BYTES)"
            raise ReadError(f"{shown} has {status.st_size:,} bytes", expected=limit, code="too-large")
        with file.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise ReadError(f"{shown} does not exist", remedy="check the path", code="missing-file") from error
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        found = f"{shown} cannot be read: {getattr(error, 'strerror', None) or error}"
        raise ReadError(found, code="unreadable-file") from error
    if not data:
        raise ReadError(f"{shown} is empty", expected=f"a file in one of the formats {_known()}", code="empty-file")
    return data


def _reader_for(data: bytes, file: Path) -> Format:
    """Return the reader whose format the content shows."""
    name = recognise(data[:RECOGNISED_BYTES], file.suffix)
    for reader in formats():
        if name == reader.NAME:
            return reader
    raise ReadError(f"{file} is of no known format", expected=f"one of {_known()}", code="unknown-format")


def _read_with(reader: Format, data: bytes, name: str) -> list[Reading]:
    """Let `reader` read, and turn whatever else a third-party parser may raise into ReadError."""
    try:
        readings = reader.read(data, name)
    except ReadError:
        raise
    except MemoryError as error:
        raise ReadError(f"{name} takes more memory to read than there is", code="cap-memory") from error
    except Exception as error:
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise ReadError(f"{name} cannot be read as {reader.NAME}: {reason}", code="parser-failed") from error
    if not readings:
        expected = f"a {reader.NAME} file with at least one piece"
        raise ReadError(f"{name} holds no music", expected=expected, code="no-music")
    return readings


def _known() -> str:
    return ", ".join(f"{reader.NAME} ({' '.join(reader.SUFFIXES)})" for reader in formats())
