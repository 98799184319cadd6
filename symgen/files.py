"""Files that appear whole or not at all, and the digest that tells whether one is still as it was."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import IO, Any

from symgen.errors import CorpusError, WriteError


def settle_paths(request: Any) -> None:
    """Make a path of each text that a frozen request has for a file: for its ``__post_init__``.

    Where files are named by text, as a tuning by its name or a TOML file, a path becomes text.

    Parameters
    ----------
    request : dataclass
        Its hints are text, as ``from __future__ import annotations`` leaves them.
    """
    for one in fields(request):
        hint, value = str(one.type), getattr(request, one.name)
        if "[Path" in hint and isinstance(value, (str, Path)):
            settled: Any = (Path(value),)
        elif "[Path" in hint and isinstance(value, (list, tuple)):
            settled = tuple(Path(part) if isinstance(part, str) else part for part in value)
        elif "Path" in hint and isinstance(value, str):
            settled = None if not value and "None" in hint else Path(value)  # an empty text is no folder
        elif "str" in hint and "Path" not in hint and isinstance(value, Path):
            settled = str(value)
        else:
            continue
        object.__setattr__(request, one.name, settled)


@contextmanager
def writing(target: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open a temporary file beside `target`; on success it takes its place, on failure it is removed.

    Parameters
    ----------
    target : path-like
        The file to write or replace. Its folder must exist; a link keeps pointing where it points.

    Yields
    ------
    binary file
        To be written to.

    Raises
    ------
    WriteError
        If the place cannot be written; neither a partial nor a temporary file is left, and a file that
        stood there before is untouched.
    """
    try:
        place = Path(os.path.realpath(target))
        mode = _checked_mode(Path(target), place)
        temporary = place.with_name(f".symgen-{secrets.token_hex(6)}.tmp")
        file = _new_file(temporary, mode)
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        raise _cannot_write(target, error) from error
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(place)
    except BaseException as error:  # also an interrupt must leave nothing behind
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise _cannot_write(target, error) from error
        raise


def write_bytes(target: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` to `target` through a temporary file in the same folder.

    Raises
    ------
    WriteError
        As :func:`writing`.
    """
    with writing(target) as file:
        file.write(data)


def write_text(target: str | os.PathLike[str], text: str) -> None:
    """Write `text` in UTF-8 to `target`, as :func:`write_bytes` does."""
    write_bytes(target, text.encode())


def read_toml(path: Path, expected: str) -> dict[str, Any]:
    """Read a TOML file; `expected` says what it should hold.

    Raises
    ------
    CorpusError
        If there is no such file, it cannot be read, or it is no TOML.
    """
    import tomllib

    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise CorpusError(f"{path}: {error.strerror}", expected=expected, remedy="check the path") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise CorpusError(f"{path}: {error}", expected=expected) from error


def check_target(target: str | os.PathLike[str]) -> None:
    """Check before long work that a file could be written.

    Raises
    ------
    WriteError
        As :func:`writing` would.
    """
    place = Path(os.path.realpath(target))
    _checked_mode(Path(target), place)
    if not os.access(place.parent, os.W_OK | os.X_OK):
        raise WriteError(f"nothing can be written into the folder {place.parent}", remedy="choose another place")


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal.

    Raises
    ------
    OSError
        If it cannot be read: what that means is the caller's to say.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make_folder(folder: str | os.PathLike[str]) -> Path:
    """Make a folder with its parents, if it is not there, and return it.

    Raises
    ------
    WriteError
        If it cannot be made, or nothing can be written into it.
    """
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise WriteError(f"the folder {path} cannot be made: {reason}", remedy="choose another place") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise WriteError(f"nothing can be written into the folder {path}", remedy="choose another place")
    return path


def _checked_mode(target: Path, place: Path) -> int | None:
    """Return the permissions of the file that is to be replaced, None if there is none."""
    if not place.parent.is_dir():
        raise WriteError(f"the folder {target.parent} does not exist", remedy="create it first")
    try:
        status = place.stat()
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(status.st_mode):
        raise WriteError(f"{target} is a folder", expected="the name of a file")
    if not stat.S_ISREG(status.st_mode):
        raise WriteError(f"{target} is no regular file", expected="a file on disk")
    if not os.access(place, os.W_OK):
        raise WriteError(f"{target} cannot be written: it is write-protected", remedy="choose another place")
    return stat.S_IMODE(status.st_mode)


def _cannot_write(target: str | os.PathLike[str], error: Exception) -> WriteError:
    reason = getattr(error, "strerror", None) or str(error)
    return WriteError(f"{os.fspath(target)} cannot be written: {reason}", remedy="choose another place")


def _new_file(file: Path, mode: int | None) -> IO[bytes]:
    """Open a file that must not exist yet, with these permissions or those that the umask gives."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    stream = os.fdopen(descriptor, "wb")
    if mode is not None:
        file.chmod(mode)
    return stream
