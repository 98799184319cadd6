"""Index and report of a dataset verified, line by line, side by side: the report's order is that of the index."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symgen.corpus.catalogue import normalise_title
from symgen.corpus.dataset import COLUMNS, PIECE_DTYPE, Entry
from symgen.corpus.findings import Findings
from symgen.corpus.hashed import HashedFile
from symgen.corpus.kinds import ENTRY, LINE, MAY_LACK, Kind, complaints
from symgen.corpus.summary import Summary
from symgen.corpus.writer import json_line
from symgen.errors import ScoreError
from symgen.score import Metre, Score, Tempo, make_notes

Seen = Callable[[int], None]

_EVERY = 4096
"""Pieces between two words to the user."""


@dataclass(slots=True)
class Lines:
    """What the lines come to: sums, and a few bytes a piece.

    Parameters
    ----------
    summary : Summary
        Over all lines that are well formed.
    pieces, notes, inputs : int
        Number of lines of the index, of their notes, and of lines of the report.
    splits : Counter
        Split -> pieces.
    split, family, near, title, identity, line, path : array
        Of each piece: number of the split, family, nearest piece (-1 if none), hash of corpus and title, hash of
        path and part, and the byte at which its line begins; of each line of the report the hash of its path.
    """

    summary: Summary
    pieces: int = 0
    notes: int = 0
    inputs: int = 0
    splits: Counter[str] = field(default_factory=Counter)
    split: array[int] = field(default_factory=lambda: array("b"))
    family: array[int] = field(default_factory=lambda: array("q"))
    near: array[int] = field(default_factory=lambda: array("q"))
    title: array[int] = field(default_factory=lambda: array("Q"))
    identity: array[int] = field(default_factory=lambda: array("Q"))
    path: array[int] = field(default_factory=lambda: array("Q"))

    def add(self, number: int, entry: Mapping[str, Any]) -> None:
        """Take in the line of a piece."""
        self.notes += entry["notes"]
        self.splits[entry["split"]] += 1
        self.split.append(COLUMNS["split"].index(entry["split"]))
        self.family.append(entry["family"])
        self.near.append(-1 if entry["near"] is None else entry["near"][0])
        self.title.append(_hash(entry["corpus"], normalise_title(entry["title"])))
        self.identity.append(_hash(entry["path"], str(entry["part"])))
        self.summary.add_piece(number, Entry(**entry))


def check_lines(
    index: HashedFile | None,
    report: HashedFile | None,
    rows: NDArray[Any] | None,
    passed_over: Mapping[str, int],
    findings: Findings,
    seen: Seen,
) -> Lines:
    """Check every line of index and report, and compare the index with the rows of ``pieces.npy``.

    Parameters
    ----------
    index, report : HashedFile or None
        None where the file cannot be read.
    rows : ndarray of PIECE_DTYPE, shape (pieces,), or None
        None where they cannot be read.
    passed_over : mapping
        Part of the summary that no line tells.
    findings : Findings
        Gets the faults.
    seen : callable
        Told of the number of pieces seen.
    """
    lines = Lines(Summary(passed_over))
    walk = _Report(report, lines, findings)
    if index is not None:
        for number, (place, line) in enumerate(index.lines()):
            entry = _parsed(line, "index.jsonl", number, ENTRY, "index", findings)
            lines.pieces += 1
            if entry is None:
                walk.give_up()
            else:
                _check_maps(number, entry, findings)
                if rows is not None and number < len(rows):
                    _check_row(number, place, entry, rows, findings)
                lines.add(number, entry)
                walk.add(number, entry)
            if number % _EVERY == 0:
                seen(number)
        if rows is not None and lines.pieces != len(rows):
            findings.wrong("index", "index.jsonl", f"{lines.pieces:,} lines", f"{len(rows):,}, as pieces.npy has rows")
    walk.finish()
    return lines


def _parsed(
    line: bytes, name: str, number: int, kinds: Mapping[str, Kind], check: str, findings: Findings
) -> dict[str, Any] | None:
    """Return what a line holds, or note what is wrong with it and return None."""
    where = f"{name}, line {number + 1}"
    try:
        row = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        findings.wrong(check, where, f"{type(error).__name__}: {error}", "an object in JSON")
        return None
    faults = list(complaints(row, kinds, MAY_LACK if kinds is LINE else frozenset()))
    for field_name, found, expected in faults:
        findings.wrong(check, f"{where}, {field_name}" if field_name else where, found, expected)
    if faults:
        return None
    if line != json_line(row):
        findings.wrong(
            "characters", where, _difference(line, json_line(row)), "keys in order, controls escaped, an end"
        )
    return dict(row)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


def _difference(found: bytes, expected: bytes) -> str:
    """Return what stands where a line first differs from the one that symgen would have written."""
    place = next(
        (i for i, (a, b) in enumerate(zip(found, expected, strict=False)) if a != b), min(len(found), len(expected))
    )
    return f"{found[place : place + 8]!r} at byte {place}"


def _check_maps(number: int, entry: Mapping[str, Any], findings: Findings) -> None:
    """Check that a score can have the metres and tempi."""
    complaint = _complaint_of(tuple(map(tuple, entry["metres"])), tuple(map(tuple, entry["tempi"])))
    if complaint:
        findings.wrong("index", f"index.jsonl, line {number + 1}", complaint, "maps that a score can have")


@lru_cache(maxsize=1024)
def _complaint_of(metres: tuple[Any, ...], tempi: tuple[Any, ...]) -> str:
    try:
        score_metres = tuple(Metre(*row) for row in metres)
        Score(make_notes(), metres=score_metres, tempi=tuple(Tempo(int(tick), qpm) for tick, qpm in tempi), end=1)
    except (ScoreError, TypeError, ValueError) as error:
        return str(error)
    return ""


def _check_row(number: int, place: int, entry: Mapping[str, Any], rows: NDArray[Any], findings: Findings) -> None:
    """Compare a line of the index with its row of ``pieces.npy``."""
    expected = (
        place,
        entry["notes"],
        entry["family"],
        float(np.float32(entry["seconds"])),
        entry["gong"],
        *(values.index(entry[name]) for name, values in COLUMNS.items()),
    )
    found = rows[number].item()
    if found != expected:
        for name, one, two in zip(PIECE_DTYPE.names or (), found, expected, strict=True):
            if one != two:
                findings.wrong("columns", f"pieces.npy, piece {number}, {name}", one, f"{two}, as in the index")


class _Report:
    """The report, read along with the index: the pieces of an input follow one another."""

    def __init__(self, file: HashedFile | None, lines: Lines, findings: Findings) -> None:
        self._lines, self._findings = lines, findings
        self._rows = self._read(file) if file is not None else iter(())
        self._line: dict[str, Any] | None = None  # whose pieces are awaited
        self._awaited = 0
        self._sums: Counter[str] = Counter()
        self._lost = file is None  # no longer in step with the index

    def add(self, number: int, entry: Mapping[str, Any]) -> None:
        """Take in a piece of the index, which is one of the input whose turn it is."""
        if self._lost:
            return
        while self._awaited == 0:
            if not self._next():
                self._lose(f"index.jsonl, line {number + 1}", "a piece of no line of the report")
                return
        assert self._line is not None
        expected = {name: self._line[name] for name in ("path", "sha256", "corpus")}
        if found := next((name for name in expected if entry[name] != expected[name]), None):
            self._lose(f"index.jsonl, line {number + 1}, {found}", entry[found], expected[found])
            return
        self._awaited -= 1
        self._sums.update(_counts_in(entry, dict.fromkeys(entry["flags"], 1)))

    def finish(self) -> None:
        """Read the lines that are left, which have no pieces."""
        while not self._lost and self._awaited == 0 and self._next():
            pass
        if not self._lost and self._awaited:
            self._lose("report.jsonl, " + self._where(), f"{self._awaited} pieces more than the index has")
        for _ in self._rows:
            pass

    def _next(self) -> bool:
        """Close the line at hand and take the next; return whether there is one."""
        self._close()
        self._line = next(self._rows, None)
        if self._line is None:
            return False
        self._awaited = self._line["pieces"]
        return True

    def _close(self) -> None:
        """Compare the sums over the pieces of an input with what its line says."""
        if self._lost or self._line is None or self._line["status"] == "failed":
            return
        says = _counts_in(self._line, self._line["flags"])
        for name in sorted({*says, *self._sums}):
            if says[name] != self._sums[name]:
                where = f"report.jsonl, {self._where()}, {name}"
                self._findings.wrong("report", where, says[name], f"{self._sums[name]}, as in the index")
        self._sums.clear()

    def give_up(self) -> None:
        """Compare no more: a line of the index that nobody can read may belong to any input."""
        self._lost = True

    def _lose(self, where: str, found: str, expected: str = "") -> None:
        self._lost = True
        self._findings.wrong("report", where, f"{found}; what follows was not compared", expected)

    def _where(self) -> str:
        return f"input {self._line['path']}" if self._line else "line 1"

    def _read(self, file: HashedFile) -> Iterator[dict[str, Any]]:
        for number, (_, line) in enumerate(file.lines()):
            self._lines.inputs += 1
            row = _parsed(line, "report.jsonl", number, LINE, "report", self._findings)
            if row is None:
                self._lost = True  # nobody knows how many pieces it had
                continue
            where = f"report.jsonl, line {number + 1}"
            if (row["status"] == "failed") != (row["pieces"] == 0):
                self._findings.wrong("report", where, f"{row['status']} with {row['pieces']} pieces")
            if row["status"] == "failed" and not (row["code"] and row["reason"]):
                self._findings.wrong("report", where, "a failure without a reason", "code and reason")
            self._lines.path.append(_hash(row["path"]))
            self._lines.summary.add_input(row)
            yield row


def _counts_in(row: Mapping[str, Any], flags: Mapping[str, int]) -> Counter[str]:
    """Return what a line counts, of a piece or of an input, by kind and code."""
    counts = Counter({"notes": row["notes"]})
    for name, codes in (("lost", row["lost"]), ("mended", row["mended"]), ("flags", flags)):
        counts.update({f"{name} {code}": count for code, count in codes.items()})
    return counts


def _hash(*parts: str) -> int:
    data = "\n".join(parts).encode(errors="backslashreplace")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")
