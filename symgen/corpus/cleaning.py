"""Cleaning by named rules: which pieces are flagged, which are dropped, and by what.

A rule compares one measure (:mod:`symgen.corpus.measures`) with one threshold. All rules stand in a TOML
file, the shipped one beside this module or the user's own, so nothing is ever dropped for a hidden reason.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from symgen.corpus.measures import NAMES, VERSION
from symgen.errors import CorpusError
from symgen.files import read_toml
from symgen.tokens.prefix import STYLES

ACTIONS: Final = ("flag", "drop", "off")
"""What a rule does with a piece it holds for: call it so, leave it out too, or nothing."""

COMPARISONS: Final = ("above", "below")

SHIPPED: Final = Path(__file__).with_name("cleaning.toml")
"""The rules that hold where the user names no others."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule for one style.

    Parameters
    ----------
    flag : str
        What a piece is called for which it holds.
    measure : str
        One of :data:`symgen.corpus.measures.NAMES`.
    comparison : str
        "above" or "below", both strictly.
    threshold : float
        In the unit of the measure.
    action : str
        One of :data:`ACTIONS`.
    """

    flag: str
    measure: str
    comparison: str
    threshold: float
    action: str

    def holds(self, measures: Mapping[str, float]) -> bool:
        """Tell whether a piece of these measures is to be flagged."""
        value = measures[self.measure]
        return value > self.threshold if self.comparison == "above" else value < self.threshold


@dataclass(frozen=True, slots=True)
class CleaningRules:
    """Rules for every style, in the order of their file.

    Parameters
    ----------
    rules : tuple of Rule
        For styles that have none of their own.
    styles : dict
        Style -> its rules, as many and in the same order.
    """

    rules: tuple[Rule, ...] = ()
    styles: dict[str, tuple[Rule, ...]] = field(default_factory=dict)

    @property
    def flags(self) -> tuple[str, ...]:
        """Names of all flags, in the order of the file."""
        return tuple(rule.flag for rule in self.rules)

    @property
    def digest(self) -> str:
        """SHA-256 of the rules and of how measures are defined, hexadecimal."""
        facts = [VERSION, NAMES, asdict(self)]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def of(self, style: str) -> tuple[Rule, ...]:
        """Return the rules for a style."""
        return self.styles.get(style, self.rules)

    def judge(self, measures: Mapping[str, float], style: str = "unknown") -> tuple[list[str], str | None]:
        """Judge a piece.

        Parameters
        ----------
        measures : mapping
            As :func:`symgen.corpus.measures.measure` gives them.
        style : str
            Style of the piece.

        Returns
        -------
        flags : list of str
            All that hold, in the order of the file.
        dropped_by : str or None
            The first of them that leaves the piece out, if one does.
        """
        held = [rule for rule in self.of(style) if rule.action != "off" and rule.holds(measures)]
        return [rule.flag for rule in held], next((rule.flag for rule in held if rule.action == "drop"), None)


def read_rules(path: Path = SHIPPED) -> CleaningRules:
    """Read a file of rules.

    Raises
    ------
    CorpusError
        Naming the file, the flag and the entry that is wrong.
    """
    table = read_toml(path, "rules of cleaning in TOML")
    if unknown := sorted(set(table) - {"flag"}):
        raise CorpusError(f"{path}: unknown entry {unknown[0]!r}", expected="tables [flag.NAME]")
    flags = _table(table.get("flag", {}), f"{path}: flag")
    own = {flag: _table(entries, f"{path}, flag {flag!r}") for flag, entries in flags.items()}
    overrides = {flag: _overrides(entries, f"{path}, flag {flag!r}") for flag, entries in own.items()}
    rules = {flag: _rule(flag, entries, f"{path}, flag {flag!r}") for flag, entries in own.items()}
    named = {style for changes in overrides.values() for style in changes}
    styles = {
        style: tuple(
            _rule(flag, _merged(own[flag], overrides[flag].get(style, {})), f"{path}, flag {flag!r}, style {style}")
            for flag in own
        )
        for style in STYLES
        if style in named
    }
    return CleaningRules(tuple(rules.values()), styles)


_FLAG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_ENTRIES = ("measure", *COMPARISONS, "action")


def _overrides(entries: dict[str, Any], where: str) -> dict[str, dict[str, Any]]:
    """Return what differs by style, taken out of the entries of a flag."""
    styles = _table(entries.pop("style", {}), f"{where}: style")
    if unknown := sorted(set(styles) - set(STYLES)):
        raise CorpusError(f"{where}: style {unknown[0]!r}", expected=f"one of {', '.join(STYLES)}")
    return {style: _table(changes, f"{where}, style {style}") for style, changes in styles.items()}


def _merged(entries: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return the entries of a flag with the changes for a style; a comparison takes the place of the other."""
    kept = {name: v for name, v in entries.items() if name not in COMPARISONS or not changes.keys() & set(COMPARISONS)}
    return kept | changes


def _rule(flag: str, entries: dict[str, Any], where: str) -> Rule:
    if not _FLAG.fullmatch(flag):
        raise CorpusError(f"{where}: no name for a flag", expected="small letters, digits and hyphens")
    if unknown := sorted(set(entries) - set(_ENTRIES)):
        raise CorpusError(
            f"{where}: unknown entry {unknown[0]!r}", expected=f"one of {', '.join((*_ENTRIES, 'style'))}"
        )
    measure, action = entries.get("measure"), entries.get("action", "flag")
    if measure not in NAMES:
        raise CorpusError(f"{where}: measure {measure!r}", expected=f"one of {', '.join(NAMES)}")
    if action not in ACTIONS:
        raise CorpusError(f"{where}: action {action!r}", expected=f"one of {', '.join(ACTIONS)}")
    given = [name for name in COMPARISONS if name in entries]
    if len(given) != 1:
        raise CorpusError(f"{where} has {' and '.join(given) or 'no threshold'}", expected="one of above, below")
    threshold = entries[given[0]]
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not math.isfinite(threshold):
        raise CorpusError(f"{where}: {given[0]} is {threshold!r}", expected="a number")
    return Rule(flag, measure, given[0], float(threshold), action)


def _table(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise CorpusError(f"{where} is {value!r}", expected="a table")
    return dict(value)
