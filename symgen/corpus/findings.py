"""What is looked at when a dataset is verified, and what was found wrong: a table of checks, and faults by check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from symgen.errors import one_line

MOST_FAULTS: Final = 20
"""Faults of one check that are told one by one; the others are counted."""

_MOST_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class Check:
    """A row of :data:`CHECKS`: its name, and what holds in a dataset that is whole."""

    name: str
    states: str


CHECKS: Final = (
    Check("facts", "dataset.json is whole, and of this format and vocabulary"),
    Check("files", "every file is there, with the bytes that dataset.json vouches for"),
    Check("arrays", "every array has the type and length that dataset.json says"),
    Check("offsets", "pieces follow one another from the first step to the last"),
    Check("tokens", "every token is one of its vocabulary"),
    Check("notes", "the tokens of a piece make the notes that pieces.npy counts, each within MIDI's range"),
    Check("index", "every line of the index is a piece: all fields, each of its kind"),
    Check("characters", "lines are written as symgen writes them: no control character, nothing twice"),
    Check("columns", "pieces.npy says of every piece what the index says"),
    Check("identity", "no piece of a file, and no file of the report, is there twice"),
    Check("families", "a family is named after its first piece, and near-duplicates are of one family"),
    Check("splits", "families, and pieces of one title in a corpus, stand in one split"),
    Check("report", "every line of the report is whole, and its pieces and notes are those of the index"),
    Check("sums", "dataset.json and summary.json give the sums of index and report"),
    Check("decoding", "pieces drawn by lot turn back into scores"),
)
"""Every check, in the order in which it is reported."""

STATUSES: Final = ("ok", "wrong", "not checked")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong.

    Parameters
    ----------
    where : str
        File, and line, piece or step in it.
    found, expected : str
        What stands there, and what should.
    """

    where: str
    found: str
    expected: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.found}" + (f"; expected {self.expected}" if self.expected else "")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a check came to.

    Parameters
    ----------
    check : Check
    status : str
        One of :data:`STATUSES`.
    count : int
        Number of faults.
    faults : tuple of Fault
        The first :data:`MOST_FAULTS` of them.
    reason : str
        Why it was not checked, "" if it was.
    """

    check: Check
    status: str
    count: int = 0
    faults: tuple[Fault, ...] = ()
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the outcome as plain data."""
        return {
            "check": self.check.name,
            "states": self.check.states,
            "status": self.status,
            "count": self.count,
            "faults": [{"where": f.where, "found": f.found, "expected": f.expected} for f in self.faults],
            "reason": self.reason,
        }


class Findings:
    """Collects faults by check; of very many only the first are kept."""

    def __init__(self) -> None:
        self._faults: dict[str, list[Fault]] = {check.name: [] for check in CHECKS}
        self._counts = dict.fromkeys(self._faults, 0)
        self._skipped: dict[str, str] = {}

    def wrong(self, check: str, where: str, found: Any, expected: Any = "") -> None:
        """Note a fault; values are shortened, and safe to show."""
        self._counts[check] += 1
        if len(self._faults[check]) < MOST_FAULTS:
            self._faults[check].append(Fault(one_line(where), _short(found), _short(expected)))

    def count_more(self, check: str, count: int) -> None:
        """Note that there are so many faults more of a kind that was told."""
        self._counts[check] += count

    def skip(self, *checks: str, reason: str) -> None:
        """Note that checks could not be made; the first reason of each stands."""
        for check in checks:
            self._skipped.setdefault(check, reason)

    def are_wrong(self, *checks: str) -> bool:
        """Tell whether one of these checks found a fault or could not be made."""
        return any(self._counts[check] or check in self._skipped for check in checks)

    def outcomes(self) -> tuple[Outcome, ...]:
        """Return the outcome of every check, in the order of the table."""
        return tuple(self._outcome(check) for check in CHECKS)

    def _outcome(self, check: Check) -> Outcome:
        count, reason = self._counts[check.name], self._skipped.get(check.name, "")
        status = "wrong" if count else "not checked" if reason else "ok"
        return Outcome(check, status, count, tuple(self._faults[check.name]), reason)


def differences(found: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    """Return the names under which two mappings differ, in order."""
    return [
        name
        for name in sorted({*found, *expected})
        if name not in found or name not in expected or not _same(found[name], expected[name])
    ]


def _same(one: Any, two: Any) -> bool:
    """Tell whether two values are equal as JSON, where 1 is not true."""
    return bool(one == two) and isinstance(one, bool) == isinstance(two, bool)


def _short(value: Any) -> str:
    text = one_line(value if isinstance(value, str) else repr(value))
    return text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 1] + "…"
