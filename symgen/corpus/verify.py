"""A dataset verified: every file read once, every claim of one compared with the others.

Nothing is taken on trust: not that ``dataset.json`` is what was written, nor that the files have the digests it
vouches for, nor that digests put right by hand stand for a dataset that makes sense. Memory holds a block of steps,
a line, and some hundred bytes a piece. :data:`symgen.corpus.findings.CHECKS` lists what is looked at.
"""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from symgen.corpus.dataset import COLUMNS, FORMAT, SPLITS, Dataset, vocabulary_digests
from symgen.corpus.findings import CHECKS, MOST_FAULTS, Findings, differences
from symgen.corpus.hashed import Files
from symgen.corpus.verify_lines import Lines, check_lines
from symgen.corpus.verify_tokens import check_offsets, check_tokens
from symgen.corpus.writer import FILES, facts_digest, json_text
from symgen.errors import CorpusError, SymgenError
from symgen.progress import Progress, silent
from symgen.tokens.codec import decode

SAMPLE: Final = 200
"""Pieces drawn by lot that are turned back into scores; what can be checked of all is checked of all."""

_FACTS = "dataset.json"
_COUNTED = ("pieces", "steps", "notes")


def verify(path: Path, progress: Progress = silent, *, sample: int = SAMPLE) -> Findings:
    """Read a dataset from end to end and return what is wrong with it.

    Parameters
    ----------
    path : Path
        Its folder.
    progress : Progress
        Told of steps and pieces seen.
    sample : int
        Pieces to decode.

    Raises
    ------
    CorpusError
        If there is no dataset at all, or the disk gives an error.
    """
    if not any((path / name).exists() for name in FILES):
        raise CorpusError(
            f"no dataset at {path}", expected="a folder that symgen convert made", remedy="run symgen convert"
        )
    findings = Findings()
    facts = _check_facts(path, findings)
    if facts is None:
        others = [check.name for check in CHECKS if check.name != "facts"]
        findings.skip(*others, reason="dataset.json does not say what there should be")
        return findings
    try:
        with closing(Files(path, facts["files"], findings)) as files:
            _check_all(files, facts, findings, progress)
    except OSError as error:
        raise CorpusError(f"{path} cannot be read: {error.strerror or error}") from error
    progress("decoding")
    _check_decoding(path, sample, findings)
    return findings


def _check_facts(path: Path, findings: Findings) -> dict[str, Any] | None:
    """Return what ``dataset.json`` says; None if there is nothing in it to go by."""
    try:
        data = (path / _FACTS).read_bytes()
        facts = json.loads(data)
    except OSError as error:
        findings.wrong("facts", _FACTS, error.strerror or error, "the file that is written last")
        return None
    except (ValueError, RecursionError) as error:
        findings.wrong("facts", _FACTS, f"{type(error).__name__}: {error}", "an object in JSON")
        return None
    if not isinstance(facts, dict):
        findings.wrong("facts", _FACTS, type(facts).__name__, "an object")
        return None
    usable = True
    names = {name: list(values) for name, values in COLUMNS.items()}
    for name, expected in (("format", FORMAT), ("vocabulary", vocabulary_digests()), ("names", names)):
        if facts.get(name) != expected:
            findings.wrong("facts", f"{_FACTS}, {name}", facts.get(name), expected)
            usable = False
    for name in _COUNTED:
        if type(facts.get(name)) is not int or facts[name] < 0:
            findings.wrong("facts", f"{_FACTS}, {name}", facts.get(name), "a whole number, 0 or more")
            usable = False
    if not isinstance(facts.get("files"), dict):
        findings.wrong("facts", f"{_FACTS}, files", facts.get("files"), "a digest of every file")
        usable = False
    if facts.get("digest") != facts_digest(facts):
        findings.wrong("facts", f"{_FACTS}, digest", facts.get("digest"), facts_digest(facts))
    elif data != json_text(facts):
        findings.wrong("facts", _FACTS, "other spaces or escapes than symgen writes", "the bytes that were written")
    return facts if usable else None


def _check_all(files: Files, facts: dict[str, Any], findings: Findings, progress: Progress) -> None:
    pieces, steps = facts["pieces"], facts["steps"]
    starts, table = files.array("offsets", pieces + 1), files.array("pieces", pieces)
    offsets = starts.all() if starts else None
    rows = table.all() if table else None
    if offsets is None:
        findings.skip("offsets", reason="offsets.npy cannot be read")
    elif not check_offsets(offsets, steps, findings):
        offsets = None
    check_tokens(files, steps, offsets, rows, findings, lambda seen: progress("verifying tokens", seen, steps))
    summary = _read_summary(files, findings)
    lines = check_lines(
        files.open("index.jsonl"),
        files.open("report.jsonl"),
        rows,
        _passed_over(summary),
        findings,
        lambda seen: progress("verifying pieces", seen, pieces),
    )
    _skip_what_rests_on_lines(files, rows, findings)
    files.finish()
    if not findings.are_wrong("identity"):
        _check_identity(lines, findings)
    if not findings.are_wrong("families"):
        _check_families(lines, findings)
    if not findings.are_wrong("splits", "families"):
        _check_splits(lines, findings)
    if not findings.are_wrong("sums"):
        _check_sums(facts, summary, lines, findings)


def _skip_what_rests_on_lines(files: Files, rows: NDArray[Any] | None, findings: Findings) -> None:
    """Leave out the checks for which lines would have to be whole that are not."""
    if rows is None:
        findings.skip("columns", reason="pieces.npy cannot be read")
    if not files.has("index.jsonl"):
        findings.skip("index", "columns", "characters", reason="index.jsonl cannot be read")
    if not files.has("report.jsonl"):
        findings.skip("report", "characters", reason="report.jsonl cannot be read")
    if findings.are_wrong("index"):
        findings.skip("identity", "families", "splits", "sums", reason="the index is wrong")
    if findings.are_wrong("report"):
        findings.skip("identity", "sums", reason="the report is wrong")


def _read_summary(files: Files, findings: Findings) -> Any:
    """Return what ``summary.json`` holds, None if it cannot be read."""
    file = files.open("summary.json")
    if file is None:
        findings.skip("sums", reason="summary.json cannot be read")
        return None
    try:
        return json.loads(file.read(file.size))
    except (ValueError, RecursionError) as error:
        findings.wrong("sums", "summary.json", f"{type(error).__name__}: {error}", "an object in JSON")
        return None


def _passed_over(summary: Any) -> dict[str, int]:
    """Return the one part of a summary that neither index nor report tells, if it is well formed."""
    counts = summary.get("passed_over") if isinstance(summary, dict) else None
    if isinstance(counts, dict) and all(type(count) is int and count > 0 for count in counts.values()):
        return counts
    return {}


def _check_identity(lines: Lines, findings: Findings) -> None:
    for name, words, hashes in (("index", "piece", lines.identity), ("report", "input", lines.path)):
        numbers = np.array(hashes, np.uint64)
        order = np.argsort(numbers, kind="stable")
        same = np.flatnonzero(numbers[order][1:] == numbers[order][:-1])
        for place in same[:MOST_FAULTS].tolist():
            earlier, later = order[place] + 1, order[place + 1] + 1
            findings.wrong("identity", f"{name}.jsonl, line {later}", f"the {words} of line {earlier} again")
        findings.count_more("identity", max(0, len(same) - MOST_FAULTS))


def _check_families(lines: Lines, findings: Findings) -> None:
    family, near = np.array(lines.family), np.array(lines.near)
    number = np.arange(len(family))
    ahead = family > number
    family = np.where(ahead, number, family)
    _tell(findings, "families", ahead, "family", np.array(lines.family), "this piece or an earlier one")
    headless = family[family] != family
    _tell(findings, "families", headless, "family", family, "a piece whose family has its own number")
    later = near >= number
    _tell(findings, "families", later, "near", near, "an earlier piece")
    linked = (near >= 0) & ~later
    stranger = linked & (family[np.where(linked, near, 0)] != family)
    _tell(findings, "families", stranger, "near", near, "a piece of the same family")


def _check_splits(lines: Lines, findings: Findings) -> None:
    split, family = np.array(lines.split), np.array(lines.family)
    _tell(findings, "splits", split[family] != split, "split", split, "the split of the first piece of its family")
    if not len(split):
        return
    _, first, group = np.unique(np.array(lines.title, np.uint64), return_index=True, return_inverse=True)
    _tell(findings, "splits", split[first[group]] != split, "split", split, "that of the corpus's first of this title")


def _tell(findings: Findings, check: str, bad: NDArray[Any], name: str, values: NDArray[Any], expected: str) -> None:
    places = np.flatnonzero(bad)
    for number in places[:MOST_FAULTS].tolist():
        value = SPLITS[values[number]] if name == "split" else int(values[number])
        findings.wrong(check, f"index.jsonl, line {number + 1}, {name}", value, expected)
    findings.count_more(check, max(0, len(places) - MOST_FAULTS))


def _check_sums(facts: dict[str, Any], summary: Any, lines: Lines, findings: Findings) -> None:
    """Compare the sums in ``dataset.json`` and ``summary.json`` with those of the lines."""
    counted = {"pieces": lines.pieces, "notes": lines.notes, "splits": dict(lines.splits)}
    claimed = {name: facts.get(name) for name in counted}
    if not isinstance(summary, dict):
        findings.wrong("sums", "summary.json", type(summary).__name__, "an object")
        summary = lines.summary.as_json()
    for file, found, expected in ((_FACTS, claimed, counted), ("summary.json", summary, lines.summary.as_json())):
        for name in differences(found, expected):
            findings.wrong("sums", f"{file}, {name}", found.get(name), expected.get(name))


def _check_decoding(path: Path, sample: int, findings: Findings) -> None:
    try:
        dataset = Dataset(path)
    except CorpusError as error:
        findings.skip("decoding", reason=str(error))
        return
    lot = np.random.default_rng(0).permutation(len(dataset))[:sample]
    for number in sorted(lot.tolist()):
        try:
            score = decode(dataset.sequence(number))
        except (SymgenError, ValueError, TypeError) as error:
            findings.wrong("decoding", f"piece {number}", f"{type(error).__name__}: {error}", "a score")
            continue
        if len(score) != dataset.columns["notes"][number]:
            notes = f"{dataset.columns['notes'][number]} notes, as pieces.npy says"
            findings.wrong("decoding", f"piece {number}", f"{len(score)} notes", notes)
