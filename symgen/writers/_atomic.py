"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

from symgen.errors import WriteError


def write_bytes(target: Path, data: bytes) -> None:
    """Write `data` to `target` through a temporary file in the same folder.

    Raises
    ------
    WriteError
        If the place cannot be written; neither a partial nor a temporary file is left, and a file that
        stood there before is untouched.
    """
    try:
        place = Path(os.path.realpath(target))  # a link keeps pointing where it points
        mode = _checked_mode(target, place)
        temporary = place.with_name(f".symgen-{secrets.token_hex(6)}.tmp")
        try:
            _write_new(temporary, data, mode)
            temporary.replace(place)
        except BaseException:  # also an interrupt must leave nothing behind
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise WriteError(f"{target} cannot be written: {reason}", remedy="choose another place") from error


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


def _write_new(file: Path, data: bytes, mode: int | None) -> None:
    """Write a file that must not exist yet and wait until it is on disk."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    with os.fdopen(descriptor, "wb") as stream:
        if mode is not None:
            file.chmod(mode)
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
