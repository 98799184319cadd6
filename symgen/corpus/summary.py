"""What a conversion comes to: counts, hours, reasons, owners."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from symgen.corpus.dataset import Entry


class Summary:
    """Sums over the report lines and pieces of a dataset.

    Parameters
    ----------
    passed_over : mapping of str to int
        Suffix -> files of the input folders that were no music.
    """

    def __init__(self, passed_over: Mapping[str, int]) -> None:
        self._passed = dict(passed_over)
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
        }


def _by_count(counter: Counter[str]) -> dict[str, int]:
    return {name: count for name, count in sorted(counter.items(), key=lambda item: (-item[1], item[0])) if count}
