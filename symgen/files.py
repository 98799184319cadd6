"""Writing files so that nothing is ever left half-written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from symgen.errors import WriteError


@contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open a temporary file beside `path`; on success it takes its place, on failure it is removed.

    Parameters
    ----------
    path : path-like
        The file to write or replace. Its folder must exist.

    Yields
    ------
    binary file
        To be written to.

    Raises
    ------
    WriteError
        If the folder is missing, or the file cannot be written or replaced.
    """
    target = Path(path)
    try:
        handle, name = tempfile.mkstemp(prefix=".symgen-", suffix=".part", dir=target.parent)
    except OSError as error:
        raise _write_error(target, error) from error
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _write_error(target, error) from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _write_error(target: Path, error: OSError) -> WriteError:
    reason = error.strerror or str(error)
    return WriteError(
        f"cannot write {target}: {reason}",
        expected="a path in a folder that exists and can be written to",
        remedy="name another path with -o",
    )
