"""What a conversion comes to: counts, hours, reasons, owners."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from symgen.corpus.dataset import Entry
from symgen.errors import CorpusError


class Summary:
    """Sums over the report lines and pieces of a dataset.

    Parameters
    ----------
    passed_over : mapping of str to int
        Suffix -> files of the input folders that were no music.
    names : sequence of str
        The first of these files.
    """

    def __init__(self, passed_over: Mapping[str, int], names: Sequence[str] = ()) -> None:
        self._passed, self._names = dict(passed_over), list(names)
        self._inputs: Counter[str] = Counter()
        self._counts: dict[str, Counter[str]] = {
            name: Counter()
            for name in ("failed", "formats", "lost", "mended", "dropped", "flags", "techniques", "splits", "modes")
        }
        self._corpora: dict[str, Counter[str]] = {}
        self._licences: dict[str, str] = {}
        self._families: Counter[str] = Counter()
        self._notes, self._seconds = 0, 0.0

    def add_input(self, line: Mapping[str, Any]) -> None:
        """Take in the report line of an input."""
        self._inputs[line["status"]] += 1
        if line["status"] == "failed":
            self._counts["failed"][line["code"]] += 1
        else:
            self._counts["formats"][line["format"]] += 1
        for name in ("lost", "mended", "dropped"):
            self._counts[name].update(line.get(name, {}))

    def add_piece(self, number: int, entry: Entry) -> None:
        """Take in a piece of the dataset."""
        self._notes += entry.notes
        self._seconds += entry.seconds
        self._counts["splits"][entry.split] += 1
        self._counts["modes"][entry.mode] += 1
        self._counts["flags"].update(entry.flags)
        self._counts["techniques"].update(entry.techniques)
        self._families["pieces with a near-duplicate before them"] += entry.family != number
        self._families["tunes"] += entry.family == number
        corpus = self._corpora.setdefault(entry.corpus, Counter())
        corpus.update({"pieces": 1, "notes": entry.notes})
        self._licences[entry.corpus] = entry.licence

    def as_json(self) -> dict[str, Any]:
        """Return the summary as plain data, the same for the same dataset."""
        sums = {name: _by_count(counter) for name, counter in self._counts.items()}
        return {
            "inputs": sum(self._inputs.values()),
            "status": dict(sorted(self._inputs.items())),
            "pieces": sum(self._counts["splits"].values()),
            "notes": self._notes,
            "hours": round(self._seconds / 3600, 2),
            **sums,
            "near_duplicates": dict(self._families),
            "corpora": {
                name: {**counter, "licence": self._licences[name]} for name, counter in sorted(self._corpora.items())
            },
            "passed_over": _by_count(Counter(self._passed)),
            "passed_over_names": self._names,
        }


def _by_count(counter: Counter[str]) -> dict[str, int]:
    return {name: count for name, count in sorted(counter.items(), key=lambda item: (-item[1], item[0])) if count}


def read_summary(path: Path) -> dict[str, Any]:
    """Return what ``summary.json`` of a dataset tells, empty if there is none.

    Raises
    ------
    CorpusError
        If it is no summary.
    """
    try:
        summary = json.loads((path / "summary.json").read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise CorpusError(f"{path}/summary.json: {error}", remedy="convert the corpus again") from error
    if not isinstance(summary, dict) or not all(_is_summed(name, value) for name, value in summary.items()):
        raise CorpusError(f"{path}/summary.json holds no sums", remedy="symgen dataset verify tells what is wrong")
    return summary


def _is_summed(name: str, value: Any) -> bool:
    """Tell whether a value of a summary is what its name promises: a number, counts, or corpora."""
    if name == "corpora":
        rows = value.values() if isinstance(value, dict) else [None]
        return all(isinstance(row, dict) and {key: type(part) for key, part in row.items()} == _CORPUS for row in rows)
    if name == "passed_over_names":
        return isinstance(value, list) and all(isinstance(part, str) for part in value)
    if isinstance(value, dict):
        return all(type(count) is int for count in value.values())
    return type(value) in (int, float) and name in ("inputs", "pieces", "notes", "hours")


_CORPUS = {"pieces": int, "notes": int, "licence": str}
"""What a summary tells of a corpus."""
