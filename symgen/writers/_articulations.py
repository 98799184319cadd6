"""Articulation maps: what a sample library wants to be told when the technique changes, from a user's TOML file.

Keyswitches and bend ranges differ from product to product and from user to user, so none is built in: the
map that ships, ``general_midi.toml``, is empty and tells how to write one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from symgen.errors import CorpusError, UsageError
from symgen.files import read_toml
from symgen.performance import PlayedNote
from symgen.score import Technique

OTHER = "other"
"""Key of the entry for techniques that have none of their own."""

MOST_BEND_RANGE = 96
"""Semitones: twice what MPE instruments expect, and the most that any is known to take."""

_FILE_KEYS = {"name", "program", "bend_range", "technique"}
_RANGES = {"program": (0, 127), "bend_range": (1, MOST_BEND_RANGE), "keyswitch": (0, 127), "channel": (1, 16)}
_ENTRY_KEYS = {"keyswitch", "cc", "program", "channel", "bend_range"}


@dataclass(frozen=True, slots=True)
class Articulation:
    """What is sent when a note of a technique follows one of another.

    Parameters
    ----------
    keyswitch : int, optional
        MIDI note number struck just before the note.
    controls : tuple of (int, int)
        Controllers and their values.
    program : int, optional
        Program, 0-based.
    channel : int, optional
        Channel of the technique's notes, 0-based.
    bend_range : int, optional
        Semitones that the bends of this technique are scaled to.
    """

    keyswitch: int | None = None
    controls: tuple[tuple[int, int], ...] = ()
    program: int | None = None
    channel: int | None = None
    bend_range: int | None = None


@dataclass(frozen=True, slots=True)
class ArticulationMap:
    """Articulations of one sample library.

    Parameters
    ----------
    name : str
        Name, for messages.
    entries : mapping of Technique to Articulation
        What each technique needs.
    other : Articulation
        What all other techniques need.
    program, bend_range : int, optional
        Instead of the instrument's program and the layout's bend range.
    """

    name: str
    entries: Mapping[Technique, Articulation] = field(default_factory=lambda: MappingProxyType({}))
    other: Articulation = Articulation()
    program: int | None = None
    bend_range: int | None = None

    def of(self, technique: Technique) -> Articulation:
        """Return what notes of this technique need."""
        return self.entries.get(technique, self.other)

    @property
    def keyswitches(self) -> frozenset[int]:
        """Return all notes that are keyswitches."""
        all_entries = (*self.entries.values(), self.other)
        return frozenset(entry.keyswitch for entry in all_entries if entry.keyswitch is not None)

    @property
    def channels(self) -> frozenset[int]:
        """Return all channels that techniques ask for, 0-based."""
        all_entries = (*self.entries.values(), self.other)
        return frozenset(entry.channel for entry in all_entries if entry.channel is not None)

    def switches(self, notes: Sequence[PlayedNote]) -> Iterator[tuple[int, Articulation, Articulation]]:
        """Yield (onset, articulation before, articulation from here on) at the first note and at every change."""
        before = Articulation()
        for note in notes:
            wanted = self.of(note.technique)
            if wanted != before:
                yield note.onset, before, wanted
                before = wanted


GENERAL_MIDI = ArticulationMap("general_midi")
"""Nothing to switch; what ``general_midi.toml`` holds."""

SHIPPED = Path(__file__).with_name("general_midi.toml")
"""The empty map, to copy and fill in."""


def read_articulations(path: str | Path) -> ArticulationMap:
    """Read an articulation map.

    Raises
    ------
    UsageError
        If the file cannot be read, or holds what no map holds; names the file, the entry and the key.
    """
    path = Path(path)
    try:
        table = read_toml(path, "an articulation map")
    except CorpusError as error:
        raise UsageError(error.found, expected=error.expected, remedy=error.remedy) from error
    _known_keys(path, "the map", table, _FILE_KEYS)
    name = table.get("name", path.stem)
    if not isinstance(name, str):
        raise UsageError(f"{path}: name is {name!r}", expected="text")
    techniques = table.get("technique", {})
    if not isinstance(techniques, dict):
        raise UsageError(f"{path}: technique is {techniques!r}", expected="tables such as [technique.harmonic]")
    entries = {key: _entry(path, key, entry) for key, entry in techniques.items()}
    return ArticulationMap(
        name=name,
        entries=MappingProxyType({Technique[key.upper()]: value for key, value in entries.items() if key != OTHER}),
        other=entries.get(OTHER, Articulation()),
        program=_number(path, "the map", table, "program"),
        bend_range=_number(path, "the map", table, "bend_range"),
    )


def _entry(path: Path, key: str, entry: Any) -> Articulation:
    where = f"[technique.{key}]"
    known = [technique.name.lower() for technique in Technique]
    if key not in (*known, OTHER):
        raise UsageError(f"{path}: {where}", expected=f"one of {', '.join([*known, OTHER])}")
    if not isinstance(entry, dict):
        raise UsageError(f"{path}: {where} is {entry!r}", expected="a table")
    _known_keys(path, where, entry, _ENTRY_KEYS)
    channel = _number(path, where, entry, "channel")
    return Articulation(
        keyswitch=_number(path, where, entry, "keyswitch"),
        controls=_controls(path, where, entry.get("cc", {})),
        program=_number(path, where, entry, "program"),
        channel=None if channel is None else channel - 1,
        bend_range=_number(path, where, entry, "bend_range"),
    )


def _controls(path: Path, where: str, table: Any) -> tuple[tuple[int, int], ...]:
    """Return controllers and values of a table such as ``{ 32 = 5 }``, in order of controller."""
    found = []
    for key, value in table.items() if isinstance(table, dict) else [("", table)]:
        controller = int(key) if key.isascii() and key.isdigit() else -1
        right = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 127
        if not 0 <= controller <= 119 or not right:
            shown = f"{key} = {value!r}" if key else repr(value)
            raise UsageError(f"{path}: {where} cc {shown}", expected="controllers 0..119 with values 0..127")
        found.append((controller, value))
    return tuple(sorted(found))


def _number(path: Path, where: str, table: Mapping[str, Any], key: str) -> int | None:
    value = table.get(key)
    low, high = _RANGES[key]
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise UsageError(f"{path}: {where} {key} = {value!r}", expected=f"a whole number {low}..{high}")
    return value


def _known_keys(path: Path, where: str, table: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(set(table) - known)
    if unknown:
        raise UsageError(f"{path}: {where} has {unknown[0]!r}", expected=f"one of {', '.join(sorted(known))}")
