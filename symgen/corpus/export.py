"""Rows of a dataset into files that other tools read: lines of JSON, or Parquet.

Rows are written as they come, in portions that memory holds whatever the size of the dataset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any, Final, Protocol

from symgen.corpus.fields import FIELDS, TOKENS
from symgen.corpus.writer import json_line
from symgen.errors import CorpusError, WriteError

GROUP_ROWS: Final = 1000
GROUP_STEPS: Final = 500_000
"""A row group of a Parquet file is full with so many rows, or so many steps if these come first."""


class Table(Protocol):
    """A file of rows on its way to disk."""

    def write(self, row: dict[str, Any]) -> None:
        """Append a row."""

    def close(self) -> None:
        """Complete the file."""

    def abandon(self) -> None:
        """Let go of the file, which is incomplete and goes away."""


class JsonLines:
    """One JSON object a line: the same rows are the same bytes."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, row: dict[str, Any]) -> None:
        """Append a row."""
        self._file.write(json_line(row))

    def close(self) -> None:
        """Do nothing more: every line is written."""

    def abandon(self) -> None:
        """Do nothing more: the file goes away."""


class ParquetTable:
    """A Parquet file: the same rows are the same bytes for the same version of pyarrow, whose name the file holds.

    Compression, page format and format version are pinned, and the rows of each group are counted here.
    """

    def __init__(self, file: IO[bytes]) -> None:
        import pyarrow.parquet

        self._schema = schema()
        self._writer = pyarrow.parquet.ParquetWriter(
            file, self._schema, version="2.6", data_page_version="1.0", compression="zstd", compression_level=3
        )
        self._rows: list[dict[str, Any]] = []
        self._steps = 0

    def write(self, row: dict[str, Any]) -> None:
        """Append a row."""
        self._rows.append(row)
        self._steps += len(row[TOKENS[0].name])
        if len(self._rows) >= GROUP_ROWS or self._steps >= GROUP_STEPS:
            self._flush()

    def close(self) -> None:
        """Write the last group and the end of the file."""
        if self._rows:
            self._flush()
        self._writer.close()

    def abandon(self) -> None:
        """Let go of the file, which is incomplete and goes away."""
        with suppress(Exception):
            self._writer.close()
        self._writer.is_open = False  # or it tries again when it is forgotten

    def _flush(self) -> None:
        import pyarrow

        try:
            batch = pyarrow.RecordBatch.from_pylist(self._rows, schema=self._schema)
        except (pyarrow.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise CorpusError(
                f"a row does not fit its columns: {error}", remedy="symgen dataset verify tells what is wrong"
            ) from error
        self._writer.write_batch(batch, row_group_size=len(self._rows))
        self._rows, self._steps = [], 0


def schema() -> Any:
    """Return the pyarrow schema of the columns."""
    import pyarrow

    return pyarrow.schema([(field.name, _arrow(field.type)) for field in FIELDS])


def _arrow(kind: Any) -> Any:
    import pyarrow

    if isinstance(kind, str):
        return getattr(pyarrow, "bool_" if kind == "bool" else kind)()
    if isinstance(kind[0], str):
        return pyarrow.list_(_arrow(kind[0]))
    return pyarrow.list_(pyarrow.struct([(name, _arrow(part)) for name, part in kind]))


FORMATS: Final[dict[str, Callable[[IO[bytes]], Table]]] = {"jsonl": JsonLines, "parquet": ParquetTable}
"""Each format by its name, which is the suffix of its files too."""


def check_format(name: str) -> None:
    """Check that files of a format can be written here.

    Raises
    ------
    WriteError
        If what writes it is not installed.
    """
    if name == "parquet":
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError as error:
            raise WriteError(
                "Parquet needs pyarrow", remedy="pip install 'symgen[parquet]', or --format jsonl"
            ) from error


@contextmanager
def table(format_name: str, file: IO[bytes]) -> Iterator[Table]:
    """Open a table of a format on a file; it is complete when the ``with`` block ends without an error."""
    made = FORMATS[format_name](file)
    try:
        yield made
        made.close()
    except BaseException:
        made.abandon()
        raise
