"""The token dataset on disk, opened for reading.

A dataset is a folder::

    rhythm.npy melody.npy chord.npy   int16, all steps of all pieces, one after the other
    offsets.npy                       int64, where each piece begins, and the end
    pieces.npy                        one row a piece: what is asked of all pieces at once, see PIECE_DTYPE
    index.jsonl                       one piece a line: provenance, licence, style, gong, mode, metre, split, family
    dataset.json                      format, vocabularies, counts, digests of the other files
    report.jsonl, summary.json        one input file a line: what became of it; the same in sums

Opening it reads ``dataset.json`` and maps the arrays, whatever their size; lines of the index are read when they
are asked for. :mod:`symgen.corpus.writer` writes it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, overload

import numpy as np
from numpy.typing import NDArray

from symgen.errors import CorpusError, TokenError
from symgen.score import Metre, Tempo
from symgen.tokens.prefix import FIELDS, Prefix
from symgen.tokens.sequence import FAMILIES, TokenSequence

FORMAT: Final = 2

SPLITS: Final = ("train", "validation", "test")

COLUMNS: Final = {**FIELDS, "split": SPLITS}
"""Names that columns of ``pieces.npy`` hold by number; stored with the dataset and compared when it is opened."""

PIECE_DTYPE: Final = np.dtype(
    [
        ("line", "<i8"),  # where its line of index.jsonl begins, in bytes
        ("notes", "<i4"),
        ("family", "<i4"),  # number of the first piece that is nearly the same; its own if there is none
        ("seconds", "<f4"),
        ("gong", "<i2"),  # MIDI note of the reference gong
        *((name, "u1") for name in COLUMNS),
    ]
)


@dataclass(frozen=True, slots=True)
class Entry:
    """The index line of one piece.

    Parameters
    ----------
    path, sha256, part : str, str, int
        Input file as given, digest of its bytes, and number of the piece within it.
    corpus, licence : str
        Declared corpus and licence wording.
    title, style, split, mode, metre : str
        Title, style, "train" / "validation" / "test", mode, metre class.
    gong : int
        MIDI note of the reference gong.
    confidence : float
        Of the gong, 0..1; 1 where it is declared.
    metres, tempi : list
        ``[tick, numerator, denominator]`` and ``[tick, qpm]``; empty where they are unknown.
    notes, seconds : int, float
        Number of notes, and length at the tempo given (60 qpm if unknown).
    format : str
        Name of the reader.
    key_known : bool
        Whether absolute pitch means anything: False where the source writes every piece in one key.
    family : int
        Number of the first piece of the dataset that is nearly the same music; its own number if there is none.
    near : list or None
        ``[piece, share]``: the piece through which this one belongs to its family, and the share of the shorter
        one's fingerprint that both have.
    flags, measures : list of str, dict
        What cleaning flagged, or the reader doubted, and all that cleaning measured.
    techniques : dict
        Technique -> notes; plain plucks are not counted.
    lost, mended : dict
        Reason code -> count.
    """

    path: str
    sha256: str
    part: int
    corpus: str
    licence: str
    title: str
    style: str
    split: str
    mode: str
    metre: str
    gong: int
    confidence: float
    metres: list[list[int]]
    tempi: list[list[float]]
    notes: int
    seconds: float
    format: str = ""
    key_known: bool = True
    family: int = -1
    near: list[float] | None = None
    flags: list[str] = field(default_factory=list)
    techniques: dict[str, int] = field(default_factory=dict)
    measures: dict[str, float] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)
    mended: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the entry as plain data."""
        return {name: getattr(self, name) for name in self.__slots__}


def vocabulary_digests() -> dict[str, str]:
    """Return the digest of each token family's vocabulary."""
    return {family.NAME: family.VOCABULARY.digest for family in FAMILIES}


class Index(Sequence[Entry]):
    """The entries of a dataset, each read from its line when it is asked for."""

    def __init__(self, path: Path, rows: NDArray[Any]) -> None:
        self._path, self._rows = path, rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, number: int) -> Entry: ...
    @overload
    def __getitem__(self, number: slice) -> tuple[Entry, ...]: ...
    def __getitem__(self, number: int | slice) -> Entry | tuple[Entry, ...]:
        if isinstance(number, slice):
            return tuple(self[place] for place in range(len(self))[number])
        place = int(self._rows["line"][number])
        with self._opened() as lines:
            if not 0 <= place < os.fstat(lines.fileno()).st_size:
                raise CorpusError(f"{self._path} has no byte {place}, where piece {number} begins", remedy=_AGAIN)
            lines.seek(place)
            return self._entry(lines.readline(), range(len(self))[number])

    def __iter__(self) -> Iterator[Entry]:
        with self._opened() as lines:
            number = -1
            for number, line in enumerate(lines):
                yield self._entry(line, number)
        if number + 1 != len(self):
            raise CorpusError(f"{self._path} has {number + 1} lines", expected=str(len(self)), remedy=_AGAIN)

    def _opened(self) -> Any:
        try:
            return self._path.open("rb")
        except OSError as error:
            raise CorpusError(f"{self._path}: {error.strerror}", remedy=_AGAIN) from error

    def _entry(self, line: bytes, number: int) -> Entry:
        try:
            return Entry(**json.loads(line))
        except (ValueError, TypeError, RecursionError) as error:
            raise CorpusError(f"{self._path}, line {number + 1}: {error}", remedy=_AGAIN) from error


class Dataset:
    """A dataset opened for reading.

    Parameters
    ----------
    path : str or Path
        Its folder.

    Raises
    ------
    CorpusError
        If there is no dataset, or it is damaged or of another format or vocabulary.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.facts = self._read_facts()
        self.offsets = self._array("offsets", np.dtype(np.int64))
        self.columns = self._array("pieces", PIECE_DTYPE)
        self._tokens = [self._array(family.NAME, np.dtype(np.int16)) for family in FAMILIES]
        if not len(self.offsets) or self.offsets[0] != 0 or (np.diff(self.offsets) < 0).any():
            raise CorpusError(
                f"{self.path}/offsets.npy does not rise from 0", expected="where each piece begins", remedy=_AGAIN
            )
        if len(self.columns) != len(self):
            raise CorpusError(
                f"{self.path}/pieces.npy has {len(self.columns)} rows",
                expected=f"{len(self)}, as offsets.npy says",
                remedy=_AGAIN,
            )
        for family, tokens in zip(FAMILIES, self._tokens, strict=True):
            if tokens.shape != (self.offsets[-1],):
                raise CorpusError(
                    f"{self.path}/{family.NAME}.npy holds {tokens.shape} tokens",
                    expected="as many as offsets.npy says",
                    remedy=_AGAIN,
                )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def entries(self) -> Index:
        """The index, one entry a piece, read line by line."""
        return Index(self.path / "index.jsonl", self.columns)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Steps of each piece, shape (pieces,)."""
        return np.diff(self.offsets)

    def prefix(self, number: int) -> Prefix:
        """Return what holds for the whole of piece `number`, without reading its line of the index."""
        row = self.columns[number]
        try:
            return Prefix(*(values[int(row[name])] for name, values in FIELDS.items()))
        except IndexError as error:
            raise CorpusError(f"{self.path}/pieces.npy, piece {number}: {row}", remedy=_AGAIN) from error

    def steps(self, number: int) -> NDArray[np.int16]:
        """Return the tokens of piece `number`, shape (steps, 3), read from disk and unchecked."""
        begin, end = int(self.offsets[number]), int(self.offsets[number + 1])
        return np.stack([np.asarray(tokens[begin:end]) for tokens in self._tokens], axis=1)

    def sequence(self, number: int) -> TokenSequence:
        """Return the tokens of piece `number` with its metres, tempi and title.

        Raises
        ------
        IndexError
            If there is no such piece.
        CorpusError
            If they are outside the vocabulary, or the index line is damaged.
        """
        number = range(len(self))[number]
        entry = self.entries[number]
        rhythm, melody, chord = np.ascontiguousarray(self.steps(number).T)
        try:
            return TokenSequence(
                rhythm,
                melody,
                chord,
                gong=entry.gong,
                prefix=Prefix(entry.style, entry.mode, entry.metre),
                metres=tuple(Metre(*row) for row in entry.metres),
                tempi=tuple(Tempo(int(tick), qpm) for tick, qpm in entry.tempi),
                title=entry.title,
            )
        except (TokenError, TypeError, ValueError) as error:
            raise CorpusError(f"{self.path}, piece {number}: {error}", remedy=_AGAIN) from error

    def numbers(self, *, split: str | None = None, style: str | None = None) -> list[int]:
        """Return the numbers of the pieces of a split and style."""
        wanted = np.ones(len(self), np.bool_)
        for name, value in (("split", split), ("style", style)):
            if value is not None:
                values = COLUMNS[name]
                wanted &= self.columns[name] == (values.index(value) if value in values else len(values))
        found: list[int] = np.flatnonzero(wanted).tolist()
        return found

    def styles(self) -> list[str]:
        """Return the names of the styles that there are pieces of, in order of the alphabet."""
        values = COLUMNS["style"]
        return sorted(values[number] for number in np.unique(self.columns["style"]) if number < len(values))

    def sequences(self, *, split: str | None = None, style: str | None = None) -> Iterator[TokenSequence]:
        """Yield the pieces of a split and style."""
        for number in self.numbers(split=split, style=style):
            yield self.sequence(number)

    def report(self) -> Iterator[dict[str, Any]]:
        """Yield the lines of the report, one an input.

        Raises
        ------
        CorpusError
            If it cannot be read.
        """
        path = self.path / "report.jsonl"
        try:
            with path.open("rb") as lines:
                for line in lines:
                    yield json.loads(line)
        except (OSError, ValueError) as error:
            raise CorpusError(f"{path}: {error}", remedy=_AGAIN) from error

    def _read_facts(self) -> dict[str, Any]:
        try:
            facts = json.loads((self.path / "dataset.json").read_text("utf-8"))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise CorpusError(
                f"no dataset at {self.path}", expected="a folder that symgen convert made", remedy="run symgen convert"
            ) from error
        except (OSError, ValueError) as error:
            raise CorpusError(f"{self.path}/dataset.json: {error}", remedy=_AGAIN) from error
        if not isinstance(facts, dict) or facts.get("format") != FORMAT:
            found = facts.get("format") if isinstance(facts, dict) else type(facts).__name__
            raise CorpusError(f"{self.path} has dataset format {found}", expected=str(FORMAT), remedy=_AGAIN)
        names = {name: list(values) for name, values in COLUMNS.items()}
        if facts.get("vocabulary") != vocabulary_digests() or facts.get("names") != names:
            raise CorpusError(
                f"{self.path} was made with another vocabulary",
                expected="the vocabulary of this version of symgen",
                remedy=_AGAIN,
            )
        return facts

    def _array(self, name: str, dtype: np.dtype[Any]) -> NDArray[Any]:
        path = self.path / f"{name}.npy"
        try:
            array = np.lib.format.open_memmap(path, mode="r")  # never unpickles, never unzips
        except Exception as error:
            raise CorpusError(f"cannot read {path}: {error}", remedy=_AGAIN) from error
        if array.dtype != dtype or array.ndim != 1:
            raise CorpusError(f"{path} holds {array.dtype}", expected=dtype.name, remedy=_AGAIN)
        return array


_AGAIN = "convert the corpus again"
