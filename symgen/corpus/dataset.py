"""The token dataset on disk: memory-mapped arrays, offsets, and one JSON line a piece.

A dataset is a folder::

    rhythm.npy melody.npy chord.npy   int16, all steps of all pieces, one after the other
    offsets.npy                       int64, where each piece begins, and the end
    index.jsonl                       one piece a line: provenance, style, gong, mode, metre, split
    dataset.json                      format version, vocabulary digests, counts
    report.jsonl                      one input file a line: what became of it

Opening it reads only ``dataset.json`` and ``offsets.npy``; the rest is mapped or read when asked for.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np

from symgen.errors import CorpusError, TokenError, UsageError
from symgen.files import make_folder, writing
from symgen.score import Metre, Tempo
from symgen.tokens.prefix import Prefix
from symgen.tokens.sequence import FAMILIES, TokenSequence

FORMAT: Final = 1


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
        ``[tick, numerator, denominator]`` and ``[tick, qpm]``.
    notes, seconds : int, float
        Number of notes, and length at the tempo given (60 qpm if unknown).
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
    lost: dict[str, int] = field(default_factory=dict)
    mended: dict[str, int] = field(default_factory=dict)


def vocabulary_digests() -> dict[str, str]:
    """Return the digest of each token family's vocabulary."""
    return {family.NAME: family.VOCABULARY.digest for family in FAMILIES}


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
        self.offsets = self._array("offsets", np.int64)
        self._tokens = [self._array(family.NAME, np.int16) for family in FAMILIES]
        if not len(self.offsets) or self.offsets[0] != 0 or (np.diff(self.offsets) < 0).any():
            raise CorpusError(
                f"{self.path}/offsets.npy does not rise from 0",
                expected="where each piece begins",
                remedy="convert the corpus again",
            )
        for family, tokens in zip(FAMILIES, self._tokens, strict=True):
            if tokens.shape != (self.offsets[-1],):
                raise CorpusError(
                    f"{self.path}/{family.NAME}.npy holds {tokens.shape} tokens",
                    expected="as many as offsets.npy says",
                    remedy="convert the corpus again",
                )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """The index, one entry a piece."""
        try:
            with (self.path / "index.jsonl").open(encoding="utf-8") as lines:
                entries = tuple(Entry(**json.loads(line)) for line in lines)
        except (OSError, ValueError, TypeError) as error:
            raise CorpusError(f"{self.path}/index.jsonl: {error}", remedy="convert the corpus again") from error
        if len(entries) != len(self):
            raise CorpusError(f"{self.path}/index.jsonl has {len(entries)} lines", expected=str(len(self)))
        return entries

    def sequence(self, number: int) -> TokenSequence:
        """Return the tokens of piece `number`.

        Raises
        ------
        IndexError
            If there is no such piece.
        CorpusError
            If they are outside the vocabulary, or the index line is damaged.
        """
        number = range(len(self))[number]
        entry = self.entries[number]
        begin, end = int(self.offsets[number]), int(self.offsets[number + 1])
        rhythm, melody, chord = (np.array(array[begin:end]) for array in self._tokens)
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
            raise CorpusError(f"{self.path}, piece {number}: {error}", remedy="convert the corpus again") from error

    def numbers(self, *, split: str | None = None, style: str | None = None) -> list[int]:
        """Return the numbers of the pieces of a split and style."""
        return [
            number
            for number, entry in enumerate(self.entries)
            if split in (None, entry.split) and style in (None, entry.style)
        ]

    def sequences(self, *, split: str | None = None, style: str | None = None) -> Iterator[TokenSequence]:
        """Yield the pieces of a split and style."""
        for number in self.numbers(split=split, style=style):
            yield self.sequence(number)

    def _read_facts(self) -> dict[str, Any]:
        try:
            facts = json.loads((self.path / "dataset.json").read_text("utf-8"))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise CorpusError(
                f"no dataset at {self.path}", expected="a folder that symgen convert made", remedy="run symgen convert"
            ) from error
        except (OSError, ValueError) as error:
            raise CorpusError(f"{self.path}/dataset.json: {error}", remedy="convert the corpus again") from error
        if not isinstance(facts, dict) or facts.get("format") != FORMAT:
            found = facts.get("format") if isinstance(facts, dict) else type(facts).__name__
            raise CorpusError(f"{self.path} has dataset format {found}", expected=str(FORMAT))
        if facts.get("vocabulary") != vocabulary_digests():
            raise CorpusError(
                f"{self.path} was made with another vocabulary",
                expected="the vocabulary of this version of symgen",
                remedy="convert the corpus again",
            )
        return facts

    def _array(self, name: str, dtype: type[np.generic]) -> np.ndarray[Any, Any]:
        path = self.path / f"{name}.npy"
        try:
            array = np.lib.format.open_memmap(path, mode="r")  # never unpickles, never unzips
        except (OSError, ValueError, EOFError) as error:
            raise CorpusError(f"cannot read {path}: {error}", remedy="convert the corpus again") from error
        if array.dtype != dtype or array.ndim != 1:
            raise CorpusError(f"{path} holds {array.dtype}", expected=np.dtype(dtype).name)
        return array


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
    # rhythm.npy is the first file that is written: without it the others are somebody else's.
    if f"{FAMILIES[0].NAME}.npy" not in names and (foreign := sorted(names & _OTHER_FILES)):
        raise UsageError(
            f"{path} holds a {foreign[0]} that is not a dataset's",
            expected="a dataset, or a folder without such a file",
            remedy="name another with -o",
        )


_OTHER_FILES = {"dataset.json", "index.jsonl", "report.jsonl"}


def write_dataset(
    path: Path, pieces: Iterable[tuple[Entry, TokenSequence]], report: Iterable[dict[str, Any]], settings: str
) -> dict[str, Any]:
    """Write a dataset, each file aside and then renamed, ``dataset.json`` last.

    Parameters
    ----------
    path : Path
        Folder, made if it is missing.
    pieces : iterable of (Entry, TokenSequence)
        In order.
    report : iterable of dict
        Lines of ``report.jsonl``.
    settings : str
        Digest of what the conversion depended on besides the files.

    Returns
    -------
    dict
        What ``dataset.json`` holds.
    """
    entries, sequences = [], []
    for entry, sequence in pieces:
        entries.append(entry)
        sequences.append(sequence)
    lengths = [len(sequence) for sequence in sequences]
    arrays = {
        family.NAME: np.concatenate([np.zeros(0, np.int16), *(getattr(s, family.NAME) for s in sequences)])
        for family in FAMILIES
    }
    arrays["offsets"] = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    facts = {
        "format": FORMAT,
        "vocabulary": vocabulary_digests(),
        "settings": settings,
        "pieces": len(entries),
        "steps": int(sum(lengths)),
        "notes": sum(entry.notes for entry in entries),
        "splits": dict(Counter(entry.split for entry in entries)),
    }
    make_folder(path)
    (path / "dataset.json").unlink(missing_ok=True)  # a half-renamed dataset must not open
    for name, array in arrays.items():
        with writing(path / f"{name}.npy") as file:
            np.save(file, array, allow_pickle=False)
    _write_lines(path / "index.jsonl", (asdict(entry) for entry in entries))
    _write_lines(path / "report.jsonl", report)
    with writing(path / "dataset.json") as file:
        file.write((json.dumps(facts, indent=2, sort_keys=True) + "\n").encode())
    return facts


_LINE_ENDS = {ord(end): f"\\u{ord(end):04x}" for end in "\x85\u2028\u2029"}
"""Characters that JSON leaves as they are and that ``str.splitlines`` takes for the end of a line."""


def _write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write one JSON object a line; half a surrogate pair, from a name that is no UTF-8, is escaped as JSON does."""
    with writing(path) as file:
        for row in rows:
            text = json.dumps(row, ensure_ascii=False, sort_keys=True).translate(_LINE_ENDS)
            file.write((text + "\n").encode("utf-8", "backslashreplace"))
