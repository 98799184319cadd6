"""What a conversion has done so far: one SQLite file beside the dataset it is to become.

Every batch of results is one transaction, so a run that is killed at any moment loses at most the batches at
work, and the next run goes on from there. Nothing but one batch is ever held in memory. When the dataset is
written the file is removed: what an archive keeps is the dataset, the same to the byte however it came about.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from symgen.errors import UsageError, WriteError
from symgen.tokens.sequence import FAMILIES, TokenArray

NAME: Final = ".work.sqlite"
"""Name of the file in the folder of a dataset."""

_TABLES = """
CREATE TABLE IF NOT EXISTS settings (digest TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS inputs (number INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE, key BLOB NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS passed (suffix TEXT NOT NULL PRIMARY KEY, files INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS results (path BLOB PRIMARY KEY, sha256 TEXT NOT NULL, line TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS pieces (
    path BLOB NOT NULL, part INTEGER NOT NULL, entry TEXT NOT NULL, tokens BLOB NOT NULL, hashes BLOB NOT NULL,
    PRIMARY KEY (path, part)
);
"""

_CHUNK = 128
"""Rows that are fetched at a time: nothing is written while a cursor is open, and little is held."""


@dataclass(frozen=True, slots=True)
class StoredPiece:
    """A converted piece as it is kept and sent about: plain data.

    Parameters
    ----------
    entry : dict
        Fields of an index line but those that depend on the other pieces.
    tokens : tuple of ndarray of int16, shape (steps,)
        Rhythm, melody and chord.
    hashes : ndarray of uint64
        Fingerprint, see :mod:`symgen.corpus.families`.
    """

    entry: dict[str, Any]
    tokens: tuple[TokenArray, ...]
    hashes: NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one input.

    Parameters
    ----------
    line : dict
        Its line of the report.
    sha256 : str
        Digest of the bytes that were read, "" if they were not, or if the next run is to try again.
    pieces : list of StoredPiece
    """

    line: dict[str, Any]
    sha256: str = ""
    pieces: list[StoredPiece] = field(default_factory=list)


class Store:
    """The work file of a conversion.

    Parameters
    ----------
    folder : Path
        Folder of the dataset.
    settings : str
        Digest of all that results depend on besides the files; results of other settings are dropped.

    Raises
    ------
    WriteError
        If it cannot be written: no space, no permission.
    UsageError
        If another run is at work in the same folder.
    """

    def __init__(self, folder: Path, settings: str) -> None:
        self.path = folder / NAME
        with self._errors():
            self._base = sqlite3.connect(self.path, isolation_level=None, timeout=2.0, check_same_thread=False)
            self._base.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._base.execute("PRAGMA journal_mode = WAL")
            self._base.execute("PRAGMA synchronous = NORMAL")
            self._base.executescript(_TABLES)
            with self._transaction():
                if self._base.execute("SELECT digest FROM settings").fetchall() != [(settings,)]:
                    for table in ("settings", "results", "pieces"):
                        self._base.execute(f"DELETE FROM {table}")  # noqa: S608 - names of our own
                    self._base.execute("INSERT INTO settings VALUES (?)", (settings,))

    def close(self, *, remove: bool = False) -> None:
        """Close the file, and remove it once the dataset is written."""
        self._base.close()
        if remove:
            for name in (NAME, f"{NAME}-wal", f"{NAME}-shm"):
                self.path.with_name(name).unlink(missing_ok=True)

    def list_inputs(self, paths: Iterable[Path]) -> int:
        """Note the inputs of this run in order, each place once, and return how many they are."""
        with self._errors(), self._transaction():
            self._base.execute("DELETE FROM inputs")
            rows = ((os.fsencode(path), os.path.abspath(path)) for path in paths)  # noqa: PTH100 - links stay links
            self._base.executemany(
                "INSERT OR IGNORE INTO inputs (path, key) VALUES (?, ?)",
                ((path, os.fsencode(key)) for path, key in rows),
            )
        return int(self._base.execute("SELECT count(*) FROM inputs").fetchone()[0])

    def pass_over(self, suffixes: dict[str, int]) -> None:
        """Note how many files of which suffix were no music."""
        with self._errors(), self._transaction():
            self._base.execute("DELETE FROM passed")
            self._base.executemany("INSERT INTO passed VALUES (?, ?)", sorted(suffixes.items()))

    def passed_over(self) -> dict[str, int]:
        """Return suffix -> files that were no music."""
        return dict(self._base.execute("SELECT suffix, files FROM passed ORDER BY suffix").fetchall())

    def todo(self) -> Iterator[tuple[Path, str]]:
        """Yield each input in order, with the digest of the bytes of which the store has a result, or ""."""
        query = "SELECT number, inputs.path, coalesce(sha256, '') FROM inputs LEFT JOIN results USING (path)"
        for _, path, sha256 in self._rows(query):
            yield Path(os.fsdecode(path)), sha256

    def missing(self) -> int:
        """Return how many inputs have no result yet."""
        query = "SELECT count(*) FROM inputs LEFT JOIN results USING (path) WHERE sha256 IS NULL"
        return int(self._base.execute(query).fetchone()[0])

    def has_results(self) -> bool:
        """Return whether anything is done yet."""
        return self._base.execute("SELECT 1 FROM results LIMIT 1").fetchone() is not None

    def put(self, results: Iterable[tuple[Path, FileResult]]) -> None:
        """Keep the results of a batch, all or none."""
        with self._errors(), self._transaction():
            for path, result in results:
                name = os.fsencode(path)
                self._base.execute("DELETE FROM pieces WHERE path = ?", (name,))
                self._base.execute(
                    "INSERT OR REPLACE INTO results VALUES (?, ?, ?)", (name, result.sha256, _dump(result.line))
                )
                self._base.executemany(
                    "INSERT INTO pieces VALUES (?, ?, ?, ?, ?)",
                    (
                        (
                            name,
                            part,
                            _dump(piece.entry),
                            b"".join(t.tobytes() for t in piece.tokens),
                            piece.hashes.tobytes(),
                        )
                        for part, piece in enumerate(result.pieces)
                    ),
                )

    def lines(self) -> Iterator[dict[str, Any]]:
        """Yield the report line of each input in order."""
        for _, line in self._rows("SELECT number, line FROM inputs JOIN results USING (path)"):
            yield json.loads(line)

    def pieces(self) -> Iterator[StoredPiece]:
        """Yield the pieces of the inputs, in order."""
        query = "SELECT number, part, entry, tokens, hashes FROM inputs JOIN pieces USING (path)"
        for _, _, entry, tokens, hashes in self._rows(query, "number", "part"):
            array = np.frombuffer(tokens, np.int16).reshape(len(FAMILIES), -1)
            yield StoredPiece(json.loads(entry), tuple(array), np.frombuffer(hashes, np.uint64))

    def _rows(self, query: str, *order: str) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query whose first columns are its order, in portions."""
        keys = order or ("number",)
        columns, marks = ", ".join(keys), ", ".join("?" * len(keys))
        last: tuple[Any, ...] = (-1,) * len(keys)
        while rows := self._base.execute(
            f"SELECT * FROM ({query}) WHERE ({columns}) > ({marks}) ORDER BY {columns} LIMIT {_CHUNK}",  # noqa: S608
            last,
        ).fetchall():
            yield from rows
            last = rows[-1][: len(keys)]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._base.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self._base.in_transaction:  # a full disk has ended it already
                self._base.execute("ROLLBACK")
            raise
        self._base.execute("COMMIT")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn what SQLite says into one line."""
        try:
            yield
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise UsageError(
                    f"another conversion is at work in {self.path.parent}",
                    remedy="wait for it, or name another folder with -o",
                ) from error
            raise WriteError(
                f"{self.path} cannot be written: {error}",
                remedy="make room and run the same command again: what is done is kept",
            ) from error
        except sqlite3.DatabaseError as error:
            raise WriteError(
                f"{self.path} is damaged: {error}", remedy="remove it and run the same command again"
            ) from error


def _dump(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=True, sort_keys=True)
