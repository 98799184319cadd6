"""Use cases: what a dataset holds, whether it is whole, and the same for other tools."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symgen.corpus.card import Card, Tally
from symgen.corpus.catalogue import read_catalogue
from symgen.corpus.dataset import COLUMNS, SPLITS, Dataset, Entry
from symgen.corpus.export import check_format, table
from symgen.corpus.fields import row_of
from symgen.corpus.findings import Outcome
from symgen.corpus.kinds import ENTRY, complaints
from symgen.corpus.store import NAME as WORK
from symgen.corpus.summary import read_summary
from symgen.corpus.target import target_of
from symgen.corpus.verify import verify
from symgen.corpus.writer import ASIDE, FILES
from symgen.errors import CorpusError, SymgenError, UsageError
from symgen.files import settle_paths, writing
from symgen.progress import Progress, silent
from symgen.resources import corpora_dir
from symgen.tokens.sequence import FAMILIES

_EVERY = 256
"""Rows between two words to the user."""

_SIZES = np.array([len(family.VOCABULARY) for family in FAMILIES])


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """What a dataset holds, as its columns and its summary tell it.

    Parameters
    ----------
    path : Path
    pieces, notes, steps : int
    hours : float
    counts : dict
        "splits", "styles", "modes", "metres" -> value -> pieces.
    alike : int
        Pieces that are nearly the same as an earlier one.
    settings : str
        Digest of what the conversion depended on besides the files.
    made : dict
        Part of it in words: version, style, rules of cleaning.
    summary : dict
        What ``summary.json`` holds: inputs, reasons, corpora with their licences. Empty if there is none.
    size_bytes : int
        On disk.
    unfinished : bool
        Whether a conversion was begun here that has not ended.
    """

    path: Path
    pieces: int
    notes: int
    steps: int
    hours: float
    counts: dict[str, dict[str, int]]
    alike: int
    settings: str
    made: dict[str, Any]
    summary: dict[str, Any]
    size_bytes: int
    unfinished: bool

    def as_json(self) -> dict[str, Any]:
        """Return the facts as plain data."""
        told = ("inputs", "status", "failed", "formats", "lost", "mended", "dropped", "flags", "corpora", "passed_over")
        return {
            "dataset": str(self.path),
            "pieces": self.pieces,
            "notes": self.notes,
            "steps": self.steps,
            "hours": self.hours,
            **self.counts,
            "near_duplicates": self.alike,
            **{name: self.summary[name] for name in told if name in self.summary},
            "settings": self.settings,
            "made": self.made,
            "size_bytes": self.size_bytes,
            "unfinished": self.unfinished,
        }


def describe_dataset(path: str | Path) -> DatasetInfo:
    """Tell what a dataset holds, without reading pieces: the time it takes hardly grows with them.

    Raises
    ------
    CorpusError
        If there is none, or it does not open.
    """
    path = Path(path)
    dataset = Dataset(path)
    columns = dataset.columns
    counts = {
        f"{name}s": _named(np.bincount(columns[name], minlength=len(values)), values)
        for name, values in COLUMNS.items()
    }
    made = dataset.facts.get("made")
    return DatasetInfo(
        path=path,
        pieces=len(dataset),
        notes=int(columns["notes"].sum(dtype=np.int64)),
        steps=int(dataset.offsets[-1]),
        hours=round(float(columns["seconds"].sum(dtype=np.float64)) / 3600, 2),
        counts=counts,
        alike=int(np.count_nonzero(columns["family"] != np.arange(len(dataset)))),
        settings=str(dataset.facts.get("settings", "")),
        made=made if isinstance(made, dict) else {},
        summary=read_summary(path),
        size_bytes=sum(file.stat().st_size for name in FILES if (file := path / name).exists()),
        unfinished=is_unfinished(path),
    )


def _named(numbers: Any, values: tuple[str, ...]) -> dict[str, int]:
    if len(numbers) > len(values):
        raise CorpusError(
            f"pieces.npy holds a number {len(numbers) - 1}",
            expected=f"one of {len(values)} names",
            remedy="symgen dataset verify tells where",
        )
    counts = Counter(dict(zip(values, numbers.tolist(), strict=True)))
    return {name: count for name, count in counts.most_common() if count}


def is_unfinished(path: str | Path) -> bool:
    """Tell whether a conversion was begun in a folder that has not ended."""
    return any((Path(path) / name).exists() for name in (WORK, ASIDE))


@dataclass(frozen=True, slots=True)
class Verification:
    """What the verification of a dataset came to.

    Parameters
    ----------
    path : Path
    outcomes : tuple of Outcome
        One a check.
    unfinished : bool
        Whether a conversion was begun here that has not ended; that is no fault of the dataset.
    """

    path: Path
    outcomes: tuple[Outcome, ...]
    unfinished: bool

    @property
    def whole(self) -> bool:
        """Whether every check was made and found nothing."""
        return all(outcome.status == "ok" for outcome in self.outcomes)

    @property
    def exit_code(self) -> int:
        """0 if the dataset is whole, else 1."""
        return 0 if self.whole else 1

    def as_json(self) -> dict[str, Any]:
        """Return the result as plain data."""
        return {
            "dataset": str(self.path),
            "whole": self.whole,
            "unfinished": self.unfinished,
            "checks": [outcome.as_json() for outcome in self.outcomes],
        }


def verify_dataset(path: str | Path, progress: Progress = silent) -> Verification:
    """Read a dataset from end to end and tell what is wrong with it.

    Raises
    ------
    CorpusError
        If there is none, or the disk gives an error.
    """
    path = Path(path)
    findings = verify(path, progress)
    return Verification(path, findings.outcomes(), is_unfinished(path))


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What to export.

    Parameters
    ----------
    dataset : Path
    output : Path
        A folder, which gets one file a split; or one file, by its suffix.
    format : str, optional
        One of :data:`symgen.corpus.export.FORMATS`; by default that of the suffix, else "jsonl".
    split, style : str, optional
        Only pieces of these.
    """

    dataset: Path
    output: Path
    format: str | None = None
    split: str | None = None
    style: str | None = None

    def __post_init__(self) -> None:
        settle_paths(self)


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What was exported.

    Parameters
    ----------
    files : dict of str to Path
        Split -> file; one file for all of them under "".
    card : Path
        The card.
    pieces, notes, steps : int
        Over all files.
    splits : dict
        Split -> pieces.
    """

    files: dict[str, Path]
    card: Path
    pieces: int
    notes: int
    steps: int
    splits: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the result as plain data."""
        return {
            "files": [str(path) for path in self.files.values()],
            "card": str(self.card),
            "pieces": self.pieces,
            "notes": self.notes,
            "steps": self.steps,
            "splits": self.splits,
        }


def export_dataset(request: ExportRequest, progress: Progress = silent) -> ExportResult:
    """Write a dataset as rows that other tools read, with its card.

    Raises
    ------
    UsageError
        If there is no such format, split or style, nothing is to be exported, or the place holds something else.
    CorpusError
        If the dataset does not open or is damaged.
    WriteError
        If something cannot be written; then nothing of it is.
    """
    target = target_of(request.output, request.format)
    check_format(target.format)
    dataset = Dataset(request.dataset)
    numbers = dataset.numbers(split=_known("split", request.split), style=_known("style", request.style))
    if not numbers:
        raise UsageError(f"{request.dataset} holds no such piece", remedy="see symgen dataset info")
    wanted = np.zeros(len(dataset), np.bool_)
    wanted[numbers] = True
    splits = [SPLITS[number] for number in np.unique(dataset.columns["split"][wanted]).tolist()]
    files = target.prepare(request.dataset, splits, request.split)
    tally = Tally()
    with ExitStack() as stack:
        card_file = stack.enter_context(writing(target.card))  # takes its place last
        stack.enter_context(target.without_stale(files))
        tables = {
            split: stack.enter_context(table(target.format, stack.enter_context(writing(path))))
            for split, path in files.items()
        }
        for number, entry in enumerate(dataset.entries):
            if wanted[number]:
                _check_entry(dataset, number, entry)
                steps = _checked_steps(dataset, number)
                tables["" if "" in tables else entry.split].write(row_of(number, entry, steps))
                tally.add(number, entry, len(steps))
            if number % _EVERY == 0:
                progress("exporting", number, len(dataset))
        names = {split: path.name for split, path in files.items()}
        text = Card(
            tally, names, _command(request, target.format), dataset.facts, read_summary(request.dataset), _sources()
        )
        card_file.write(str(text).encode("utf-8"))
    return ExportResult(files, target.card, tally.pieces, tally.notes, tally.steps, dict(tally.counts["split"]))


def _known(field_name: str, value: str | None) -> str | None:
    if value is not None and value not in COLUMNS[field_name]:
        raise UsageError(f"{field_name} {value!r}", expected=f"one of {', '.join(COLUMNS[field_name])}")
    return value


def _check_entry(dataset: Dataset, number: int, entry: Entry) -> None:
    """Check that an index line is well formed, and that ``pieces.npy`` puts it into the same split."""
    found = next(complaints({name: getattr(entry, name) for name in ENTRY}, ENTRY), None)
    if found is None and SPLITS.index(entry.split) != dataset.columns["split"][number]:
        found = ("split", entry.split, "that of pieces.npy")
    if found:
        name, value, expected = found
        raise CorpusError(
            f"{dataset.path}/index.jsonl, line {number + 1}: {name} is {value!r}",
            expected=expected,
            remedy="symgen dataset verify tells all that is wrong",
        )


def _checked_steps(dataset: Dataset, number: int) -> NDArray[np.int16]:
    steps = dataset.steps(number)
    if ((steps < 1) | (steps >= _SIZES)).any():
        raise CorpusError(
            f"{dataset.path}, piece {number} holds tokens outside the vocabulary",
            remedy="symgen dataset verify tells all that is wrong",
        )
    return steps


def _command(request: ExportRequest, kind: str) -> str:
    words = ["symgen dataset export DATASET -o OUT --format", kind]
    for name in ("split", "style"):
        if value := getattr(request, name):
            words += [f"--{name}", value]
    return " ".join(words)


def _sources() -> dict[str, tuple[str, str]]:
    """Return title and source of every corpus that is declared here."""
    with suppress(SymgenError):
        return {corpus.name: (corpus.title, corpus.source) for corpus in read_catalogue(corpora_dir())}
    return {}
