"""Records kept on disk by their key, and taken back in order of it, a part at a time."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from symgen.errors import WriteError

_KEY: Final = ("key", "<u8")
_VALUE: Final = ("value", "<u4")

HELD_RECORDS: Final = 2**17
"""Records held in memory before they go to disk: 1.5 MiB, and as much again while they are sorted."""


class Spill:
    """Records of a key and, where wanted, a value, of which only a part is ever in memory.

    Parameters
    ----------
    folder : Path
        Where the file is kept while it is needed. It has no name there and is gone, even after a crash, when
        the process ends (on Windows when it is closed).
    below : int
        Every key is less than this; the parts divide the range from 0 evenly.
    parts : int
        In how many parts the records are taken back.
    valued : bool
        Whether records have a value; without, they take 8 bytes instead of 12.

    Raises
    ------
    WriteError
        Here and in :meth:`add` and :meth:`parts`, if the file cannot be written or read back.
    """

    def __init__(self, folder: Path, below: int, parts: int, *, valued: bool = True) -> None:
        self._folder = folder
        self._record = np.dtype([_KEY, _VALUE] if valued else [_KEY])
        self._bounds = np.array([below * part // parts for part in range(1, parts)], dtype=np.uint64)
        self._held: list[NDArray[np.void]] = []
        self._count = 0
        self._runs: list[NDArray[np.int64]] = []  # of each sorted run: where in the file each part begins, and its end
        self._end = 0
        try:
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by close()
        except OSError as error:
            raise self._fault(error) from error

    def add(self, keys: NDArray[np.uint64], value: int | None = None) -> None:
        """Add records, all with one value."""
        records = np.empty(len(keys), dtype=self._record)
        records["key"] = keys
        if value is not None:
            records["value"] = value
        self._held.append(records)
        self._count += len(records)
        if self._count >= HELD_RECORDS:
            self._write()

    def parts(self) -> Iterator[NDArray[np.void]]:
        """Yield the records of each part, ``key`` and ``value``, in no order: all equal keys stand in one part."""
        self._write()
        for part in range(len(self._bounds) + 1):
            records = [self._read(int(run[part]), int(run[part + 1])) for run in self._runs]
            yield np.concatenate(records) if records else np.empty(0, dtype=self._record)

    def close(self) -> None:
        """Remove the file."""
        self._file.close()

    def __enter__(self) -> Spill:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write(self) -> None:
        if not self._count:
            return
        records = np.concatenate(self._held)
        self._held, self._count = [], 0
        records = records[np.argsort(records["key"], kind="stable")]
        inner = np.searchsorted(records["key"], self._bounds)
        begins = np.concatenate(([0], inner, [len(records)])).astype(np.int64)
        self._runs.append(self._end + begins * self._record.itemsize)
        try:
            self._file.seek(self._end)
            self._file.write(records.tobytes())
            self._file.flush()
        except OSError as error:
            raise self._fault(error) from error
        self._end += records.nbytes

    def _read(self, begin: int, end: int) -> NDArray[np.void]:
        try:
            self._file.seek(begin)
            data = self._file.read(end - begin)
        except OSError as error:
            raise self._fault(error) from error
        return np.frombuffer(data, dtype=self._record)

    def _fault(self, error: OSError) -> WriteError:
        return WriteError(
            f"{self._folder}: no place for temporary records: {error.strerror or error}",
            expected="a folder that can be written, with room for some hundred bytes a note",
            remedy="make room there or choose another output",
        )
