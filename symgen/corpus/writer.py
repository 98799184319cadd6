"""Writing a token dataset: piece by piece, aside, and put in place when it is whole.

Memory does not grow with the dataset: tokens and lines go to disk as they come. The new files stand in a folder
of their own until the last of them is written; then they take the place of the old ones, ``dataset.json`` last.
A dataset without that file does not open, so half of one is never taken for a whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from symgen.corpus.dataset import COLUMNS, FORMAT, PIECE_DTYPE, Entry, vocabulary_digests
from symgen.errors import UsageError, WriteError
from symgen.files import make_folder
from symgen.tokens.sequence import FAMILIES, TokenArray, TokenSequence

ASIDE: Final = ".next"
"""Folder in which a dataset is written before it takes its place."""

_LAST = "dataset.json"
ARRAYS: Final[dict[str, np.dtype[Any]]] = {
    **{family.NAME: np.dtype("<i2") for family in FAMILIES},
    "offsets": np.dtype("<i8"),
    "pieces": PIECE_DTYPE,
}
"""Each array of a dataset, by the name of its file without suffix."""

_LINES = ("index", "report")
FILES: Final = (*(f"{name}.npy" for name in ARRAYS), *(f"{name}.jsonl" for name in _LINES), "summary.json", _LAST)
"""Every file of a dataset, in the order in which they take their place."""


def prepare_folder(path: Path) -> None:
    """Make the folder of a dataset, or make sure that writing one there destroys nothing else.

    Raises
    ------
    WriteError
        If there is no folder and none can be made, or it cannot be written to.
    UsageError
        If it holds files that are not a dataset's under the names of a dataset.
    """
    make_folder(path)
    names = {entry.name for entry in path.iterdir()}
    # rhythm.npy takes its place first: without it the others are somebody else's.
    if FILES[0] not in names and (foreign := sorted(names & {name for name in FILES if "json" in name})):
        raise UsageError(
            f"{path} holds a {foreign[0]} that is not a dataset's",
            expected="a dataset, or a folder without such a file",
            remedy="name another with -o",
        )


class DatasetWriter:
    """A dataset on its way to disk; leaving the ``with`` block without an error puts it in place.

    Parameters
    ----------
    path : Path
        Folder of the dataset, made if it is missing.
    settings : str
        Digest of what the conversion depended on besides the files.
    made : mapping, optional
        Part of that in plain words, for whoever has only the dataset: version, style, rules of cleaning.

    Raises
    ------
    WriteError
        If something cannot be written; what stood there before is untouched.
    """

    def __init__(self, path: Path, settings: str, made: Mapping[str, Any] | None = None) -> None:
        self._path, self._aside, self._settings = path, path / ASIDE, settings
        self._made = dict(made or {})
        self._files = ExitStack()
        self._open: dict[str, IO[bytes]] = {}
        self._rows: Counter[str] = Counter()
        self._splits: Counter[str] = Counter()
        self._notes = 0
        self.facts: dict[str, Any] = {}

    def __enter__(self) -> Self:
        make_folder(self._path)
        try:
            shutil.rmtree(self._aside, ignore_errors=True)
            self._aside.mkdir()
            for name in (*(f"{name}.npy" for name in ARRAYS), *(f"{name}.jsonl" for name in _LINES)):
                self._open[name] = self._files.enter_context((self._aside / name).open("wb"))
            for name, dtype in ARRAYS.items():
                self._open[f"{name}.npy"].write(array_head(dtype, 0))
            self._append("offsets", np.zeros(1, np.int64))
        except OSError as error:
            raise self._failed(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        except OSError as failure:
            raise self._failed(failure) from failure
        finally:
            self._files.close()
            shutil.rmtree(self._aside, ignore_errors=True)

    def add(self, entry: Entry, tokens: Iterable[TokenArray]) -> None:
        """Append a piece: its index line, and its rhythm, melody and chord tokens, each of shape (steps,)."""
        try:
            row = np.zeros(1, PIECE_DTYPE)
            row["line"] = self._open["index.jsonl"].tell()
            row["family"] = entry.family if entry.family >= 0 else self._rows["pieces"]
            for name in ("notes", "seconds", "gong"):
                row[name] = getattr(entry, name)
            for name, values in COLUMNS.items():
                row[name] = values.index(getattr(entry, name))
            for family, array in zip(FAMILIES, tokens, strict=True):
                self._append(family.NAME, array)
            self._append("offsets", np.array([self._rows[FAMILIES[0].NAME]]))
            self._append("pieces", row)
            self._line("index.jsonl", entry.as_json())
        except OSError as error:
            raise self._failed(error) from error
        self._splits[entry.split] += 1
        self._notes += entry.notes

    def report(self, line: Mapping[str, Any]) -> None:
        """Append the report line of an input."""
        try:
            self._line("report.jsonl", line)
        except OSError as error:
            raise self._failed(error) from error

    def summarise(self, summary: Mapping[str, Any]) -> None:
        """Write ``summary.json``."""
        try:
            (self._aside / "summary.json").write_bytes(json_text(summary))
        except OSError as error:
            raise self._failed(error) from error

    def _append(self, name: str, array: NDArray[Any]) -> None:
        self._rows[name] += len(array)
        self._open[f"{name}.npy"].write(array.astype(ARRAYS[name], copy=False).tobytes())

    def _line(self, name: str, row: Mapping[str, Any]) -> None:
        self._open[name].write(json_line(row))

    def _finish(self) -> None:
        """Complete the files, say what they hold, and put them in place."""
        for name, dtype in ARRAYS.items():
            file = self._open[f"{name}.npy"]
            file.seek(0)
            file.write(array_head(dtype, self._rows[name]))
        for file in self._open.values():
            file.flush()
            os.fsync(file.fileno())
        self._files.close()
        if not (self._aside / "summary.json").exists():
            self.summarise({})
        self.facts = {
            "format": FORMAT,
            "vocabulary": vocabulary_digests(),
            "names": {name: list(values) for name, values in COLUMNS.items()},
            "settings": self._settings,
            "made": self._made,
            "pieces": self._rows["pieces"],
            "steps": self._rows[FAMILIES[0].NAME],
            "notes": self._notes,
            "splits": dict(self._splits),
            "files": {name: file_digest(self._aside / name) for name in FILES if name != _LAST},
        }
        self.facts["digest"] = facts_digest(self.facts)
        (self._aside / _LAST).write_bytes(json_text(self.facts))
        (self._path / _LAST).unlink(missing_ok=True)  # half of the new among the old must not open
        for name in FILES:
            (self._aside / name).replace(self._path / name)

    def _failed(self, error: OSError) -> WriteError:
        return WriteError(
            f"the dataset {self._path} cannot be written: {error.strerror or error}", remedy="choose another place"
        )


_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029]")
"""Characters that JSON leaves as they are, but that move a terminal's cursor or that ``str.splitlines`` splits at."""


def write_dataset(
    path: Path, pieces: Iterable[tuple[Entry, TokenSequence]], report: Iterable[dict[str, Any]], settings: str
) -> dict[str, Any]:
    """Write a dataset from pieces and report lines at hand, and return what ``dataset.json`` holds."""
    writer = DatasetWriter(path, settings)
    with writer:
        for entry, sequence in pieces:
            writer.add(entry, (sequence.rhythm, sequence.melody, sequence.chord))
        for line in report:
            writer.report(line)
    return writer.facts


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def facts_digest(facts: Mapping[str, Any]) -> str:
    """Return the digest that ``dataset.json`` holds of everything else in it: no other file vouches for that one."""
    return hashlib.sha256(json_text({name: facts[name] for name in facts if name != "digest"})).hexdigest()


def json_text(value: Mapping[str, Any]) -> bytes:
    """Return a JSON object as a file of its own."""
    text = json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True)
    return (_escaped(text) + "\n").encode("utf-8", "backslashreplace")


def _escaped(text: str) -> str:
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def json_line(row: Mapping[str, Any]) -> bytes:
    """Return a JSON object as one line that nothing in it can break.

    Half a surrogate pair, from a name that is no UTF-8, is escaped as JSON does.
    """
    text = json.dumps(row, ensure_ascii=False, sort_keys=True)
    return (_escaped(text) + "\n").encode("utf-8", "backslashreplace")


def array_head(dtype: np.dtype[Any], rows: int) -> bytes:
    """Return the head of an .npy file; numpy leaves room in it, so that it can be written again for more rows."""
    import io

    head = io.BytesIO()
    facts = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": (rows,)}
    np.lib.format.write_array_header_1_0(head, facts)
    return head.getvalue()
