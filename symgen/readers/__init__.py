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
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import BinaryIO, Protocol, TypeGuard, cast

from symgen.errors import ReadError
from symgen.isolation import alive
from symgen.piece import Piece, Provenance, Reading
from symgen.readers._defects import DEFECTS, NOTATION, Defect
from symgen.score import Score

__all__ = [
    "DEFECTS",
    "MAX_FILE_BYTES",
    "NOTATION",
    "RECOGNISED_BYTES",
    "Defect",
    "FileFormat",
    "Format",
    "formats",
    "load",
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


class FileFormat(Format, Protocol):
    """What a reader module exposes whose files are too large to be held: it reads them where they lie."""

    @property
    def MAX_BYTES(self) -> int:  # noqa: N802 - a constant of the module
        """How large a file may be."""

    def read_file(self, path: Path, name: str) -> list[Reading]:
        """Return the pieces in a file, as :meth:`Format.read` does."""


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
    content, digest = load(Path(path))
    return pieces_in(content, path, digest=digest, source=source, licence=licence)


def pieces_in(
    content: bytes | Path, path: str | os.PathLike[str], *, digest: str = "", source: str = "", licence: str = ""
) -> list[Piece]:
    """Read every piece in the content of a file that is at hand, as :func:`read_pieces` does.

    Parameters
    ----------
    content : bytes or Path
        Content of the file, or where it lies, as :func:`load` gives it.
    path : str or path-like
        Its path, for the provenance, the suffix and messages.
    digest : str, optional
        SHA-256 of the content, hexadecimal, if it is known.
    source, licence : str, optional
        Corpus and licence wording for the provenance.
    """
    file = Path(path)
    if isinstance(content, Path):
        with _opened(content, str(file)) as (stream, _):
            head = stream.read(RECOGNISED_BYTES)
            digest = digest or _digest_of(stream, head)
    else:
        head = content[:RECOGNISED_BYTES]
        digest = digest or hashlib.sha256(content).hexdigest()
    reader = _reader_for(head, file)
    readings = _read_with(reader, content, file.name)
    return [
        Piece(
            score=reading.score,
            provenance=Provenance(os.fspath(path), digest, reader.NAME, index, source, licence),
            lost=dict(reading.lost),
            mended=dict(reading.mended),
            flags=reading.flags,
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


def load(file: Path, shown: str = "") -> tuple[bytes | Path, str]:
    """Return the content of a file and its SHA-256 in hexadecimal; `shown` is its name in errors if not its path.

    For the content of a recording, which may be too large to be held, its path stands.

    Raises
    ------
    ReadError
        If there is no such file, it cannot be read, is empty, or larger than ``MAX_FILE_BYTES`` (a recording:
        ``MAX_BYTES`` of its reader).
    """
    shown = shown or str(file)
    with _opened(file, shown) as (stream, size):
        head = stream.read(RECOGNISED_BYTES)
        if not head:
            raise ReadError(f"{shown} is empty", expected=f"a file in one of the formats {_known()}", code="empty-file")
        reader = _from_disk(head, file.suffix.lower())
        most, name = (MAX_FILE_BYTES, "MAX_FILE_BYTES") if reader is None else (reader.MAX_BYTES, "MAX_BYTES")
        if size > most:
            raise ReadError(f"{shown} has {size:,} bytes", expected=f"at most {most:,} ({name})", code="too-large")
        if reader is not None:
            return file, _digest_of(stream, head)
        data = head + stream.read(MAX_FILE_BYTES + 1 - len(head))
    return data, hashlib.sha256(data).hexdigest()


@contextmanager
def _opened(file: Path, shown: str) -> Iterator[tuple[BinaryIO, int]]:
    """Open a regular file, with its size; whatever prevents that is a ReadError."""
    try:
        status = file.stat()
        if stat.S_ISDIR(status.st_mode):
            raise ReadError(
                f"{shown} is a folder", expected="a file", remedy="name the files inside it", code="not-a-file"
            )
        if not stat.S_ISREG(status.st_mode):
            raise ReadError(f"{shown} is no regular file", expected="a file on disk", code="not-a-file")
        with file.open("rb") as stream:
            yield stream, status.st_size
    except FileNotFoundError as error:
        raise ReadError(f"{shown} does not exist", remedy="check the path", code="missing-file") from error
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        found = f"{shown} cannot be read: {getattr(error, 'strerror', None) or error}"
        raise ReadError(found, code="unreadable-file") from error


def _from_disk(head: bytes, suffix: str) -> FileFormat | None:
    """Return the reader that takes a file where it lies, None where the content is to be handed over."""
    return next((reader for reader in formats() if _is_file_format(reader) and reader.sniff(head, suffix)), None)


def _is_file_format(reader: Format) -> TypeGuard[FileFormat]:
    return hasattr(reader, "read_file")


def _digest_of(stream: BinaryIO, head: bytes) -> str:
    """Return the SHA-256 of `head` and all that follows in a stream."""
    digest = hashlib.sha256(head)
    while part := stream.read(2**20):
        alive()
        digest.update(part)
    return digest.hexdigest()


def _reader_for(head: bytes, file: Path) -> Format:
    """Return the reader whose format the content shows."""
    name = recognise(head, file.suffix)
    for reader in formats():
        if name == reader.NAME:
            return reader
    raise ReadError(f"{file} is of no known format", expected=f"one of {_known()}", code="unknown-format")


def _read_with(reader: Format, content: bytes | Path, name: str) -> list[Reading]:
    """Let `reader` read, and turn whatever else a third-party parser may raise into ReadError."""
    try:
        if isinstance(content, bytes):
            readings = reader.read(content, name)
        else:
            readings = cast(FileFormat, reader).read_file(content, name)
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
