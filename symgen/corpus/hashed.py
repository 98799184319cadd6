"""The files of a dataset read once: what passes by is checked, and digested on the way."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from symgen.corpus.findings import Findings
from symgen.corpus.writer import ARRAYS, array_head

BLOCK: Final = 2**18
"""Bytes, and for arrays rows, that are read at a time."""

MOST_LINE: Final = 2**24
"""Bytes of a line beyond which it is taken for none: the longest that symgen writes are some ten thousand."""


class HashedFile:
    """A file that is read from its beginning to its end, with the digest of what was read."""

    def __init__(self, path: Path) -> None:
        self._file: IO[bytes] = path.open("rb")
        self._digest = hashlib.sha256()
        self.size = os.fstat(self._file.fileno()).st_size

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer at the end of the file."""
        data = self._file.read(max(0, min(size, self.size)))
        self._digest.update(data)
        return data

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield the lines that are left, each with the byte at which it begins; overlong ones in pieces."""
        place = self._file.tell()
        while line := self._file.readline(MOST_LINE):
            self._digest.update(line)
            yield place, line
            place += len(line)

    def close(self) -> None:
        """Close the file, whether it was read or not."""
        self._file.close()

    def finish(self) -> str:
        """Read what is left, close the file, and return the digest of all of it, hexadecimal."""
        with self._file:
            while block := self._file.read(BLOCK):
                self._digest.update(block)
        return self._digest.hexdigest()


class Files:
    """The files of a dataset that were opened, each to be compared with the digest that vouches for it.

    Parameters
    ----------
    folder : Path
        The dataset.
    digests : mapping
        File -> SHA-256, as ``dataset.json`` gives it.
    findings : Findings
        Gets the faults.
    """

    def __init__(self, folder: Path, digests: Mapping[str, Any], findings: Findings) -> None:
        self._folder, self._digests, self._findings = folder, digests, findings
        self._open: dict[str, HashedFile] = {}

    def open(self, name: str) -> HashedFile | None:
        """Open a file, or note that it cannot be opened and return None."""
        try:
            self._open[name] = HashedFile(self._folder / name)
        except OSError as error:
            self._findings.wrong("files", name, error.strerror or str(error), "a file")
        return self._open.get(name)

    def has(self, name: str) -> bool:
        """Tell whether a file was opened."""
        return name in self._open

    def array(self, name: str, rows: int) -> ArrayFile | None:
        """Open an array that is to have `rows` rows, or note what is wrong and return None."""
        file = self.open(f"{name}.npy")
        if file is None:
            return None
        array = ArrayFile(file, ARRAYS[name], rows)
        if array.found:
            self._findings.wrong("arrays", f"{name}.npy", array.found, _words(ARRAYS[name], (rows,)))
            return None
        return array

    def finish(self) -> None:
        """Read every file that was opened to its end, and compare the digests."""
        for name, file in self._open.items():
            digest = file.finish()
            if digest != self._digests.get(name):
                self._findings.wrong("files", name, f"SHA-256 {digest}", self._digests.get(name, "none"))

    def close(self) -> None:
        """Close every file."""
        for file in self._open.values():
            file.close()


class ArrayFile:
    """An array read part by part.

    Attributes
    ----------
    found : str
        What is wrong with its head or length, "" if nothing is.
    """

    def __init__(self, file: HashedFile, dtype: np.dtype[Any], rows: int) -> None:
        self._file, self._dtype, self.rows = file, dtype, rows
        head = array_head(dtype, rows)
        begin = file.read(len(head))
        body = file.size - len(begin)
        self.found = ""
        if begin != head:
            self.found = _described(begin)
        elif body != rows * dtype.itemsize:
            self.found = f"{body:,} bytes behind the head, {rows * dtype.itemsize:,} announced"

    def take(self, rows: int = BLOCK) -> NDArray[Any]:
        """Return the next rows."""
        return np.frombuffer(self._file.read(rows * self._dtype.itemsize), self._dtype)

    def all(self) -> NDArray[Any]:
        """Return all rows that are left."""
        return np.frombuffer(self._file.read(self._file.size), self._dtype)


def _described(head: bytes) -> str:
    """Return in words what the head of an array announces."""
    import io

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of heads that old Pythons wrote
            stream = io.BytesIO(head)
            np.lib.format.read_magic(stream)
            shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    except Exception as error:  # noqa: BLE001 - numpy reads the head as Python, which may fail in many ways
        return f"no head of an array: {error}" if head else "an empty file"
    return _words(dtype, shape)


def _words(dtype: np.dtype[Any], shape: tuple[int, ...]) -> str:
    return f"{dtype.name if dtype.names is None else f'rows of {len(dtype.names)} columns'} of shape {shape}"
