"""Tables of tunings: strings by name or number, or another tuning with some of its strings moved."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from symgen.errors import UsageError
from symgen.instruments._reading import Source, Step, convert, known_keys
from symgen.instruments.base import Tuning
from symgen.theory.degrees import parse_pitch_class

Table = Mapping[str, Any]

MOST_STRINGS = 62
"""Strings are bits of whole numbers in the searches."""

_TUNING_KEYS = ("name", "chinese", "aliases", "strings", "from", "retune", "gongs", "method")


def tunings_of(
    source: Source,
    rows: Any,
    known: Mapping[str, Tuning] = MappingProxyType({}),
    places: Sequence[int | None] = (),
) -> dict[str, Tuning]:
    """Return tunings by name; a row may start ``from`` an earlier or known one and ``retune`` its strings.

    Parameters
    ----------
    source, rows
        The file and its list of tables.
    known : mapping of str to Tuning
        Tunings that there are already.
    places : sequence of int or None
        Number of each row in the file, None for one from elsewhere; as they come if empty.
    """
    if not isinstance(rows, list) or not rows:
        source.refuse(("tunings",), "no tuning", expected="tables [[tunings]] with name, chinese, strings and gongs")
    made: dict[str, Tuning] = {}
    taken = {name for tuning in known.values() for name in (tuning.name, tuning.chinese, *tuning.aliases)}
    for index, row in enumerate(rows):
        place = places[index] if places else index
        where = ("tunings",) if place is None else ("tunings", place)
        if not isinstance(row, Mapping):
            source.refuse(where, repr(row), expected="a table")
        known_keys(source, where, row, _TUNING_KEYS)
        tuning = _tuning(source, where, row, {**known, **made})
        names = {tuning.name: "name", tuning.chinese: "chinese"} | dict.fromkeys(tuning.aliases, "aliases")
        for name in sorted(names.keys() & taken):
            source.refuse((*where, names[name]), f"the name {name!r} is taken", remedy="choose another name")
        taken |= names.keys()
        made[tuning.name] = tuning
    if len({len(tuning.open_pitches) for tuning in made.values()}) > 1:
        source.refuse(("tunings",), "tunings of different numbers of strings", expected="the same number in each")
    return made


def _tuning(source: Source, where: tuple[Step, ...], row: Table, known: Mapping[str, Tuning]) -> Tuning:
    name = convert(source, (*where, "name"), str, row.get("name"))
    gongs = row.get("gongs")
    if not isinstance(gongs, list) or not gongs:
        source.refuse((*where, "gongs"), repr(gongs), expected='a list of pitches of degree 1, as ["F", "C"]')
    return Tuning(
        name=name,
        chinese=convert(source, (*where, "chinese"), str, row.get("chinese", name)),
        open_pitches=_strings(source, where, row, known),
        gongs=tuple(pitch_class_of(source, (*where, "gongs"), gong) for gong in gongs),
        method=convert(source, (*where, "method"), str, row.get("method", "")),
        aliases=convert(source, (*where, "aliases"), tuple[str, ...], row.get("aliases", [])),
    )


def _strings(source: Source, where: tuple[Step, ...], row: Table, known: Mapping[str, Tuning]) -> tuple[int, ...]:
    """Return the open pitches: a list, or another tuning with the strings of some pitch classes moved."""
    if "strings" in row:
        strings = row["strings"]
        if not isinstance(strings, list) or len(strings) > MOST_STRINGS or "from" in row or "retune" in row:
            source.refuse(
                (*where, "strings"), repr(strings)[:60], expected='a list as ["C2", "D2"], or from and retune instead'
            )
        return tuple(pitch_of(source, (*where, "strings"), pitch) for pitch in strings)
    named, changes = row.get("from"), row.get("retune")
    base = known.get(named) if isinstance(named, str) else None
    if base is None:
        before = ", ".join(known) or "a tuning before it"
        source.refuse((*where, "from"), repr(named), expected=f"strings, or from = one of {before}")
    if not isinstance(changes, Mapping):
        source.refuse((*where, "retune"), repr(changes), expected='semitones by pitch, as { "F#" = 1 }')
    moves = {}
    for letter, change in changes.items():
        moves[pitch_class_of(source, (*where, "retune"), letter)] = convert(source, (*where, "retune"), int, change)
    return tuple(pitch + moves.get(pitch % 12, 0) for pitch in base.open_pitches)


def pitch_of(source: Source, where: Sequence[Step], value: Any) -> int:
    """Return a MIDI note number, given as such or by name (middle C is C4)."""
    if type(value) is int and 0 <= value <= 127:
        return value
    match = re.fullmatch(r"([A-Ga-g][#b♯♭]{0,2})(-?\d)", value) if isinstance(value, str) else None
    if match:
        letter = parse_pitch_class(match[1][0])
        shift = sum({"#": 1, "♯": 1, "b": -1, "♭": -1}[mark] for mark in match[1][1:])
        pitch = 12 * (int(match[2]) + 1) + letter + shift
        if 0 <= pitch <= 127:
            return pitch
    return source.refuse(where, repr(value), expected='a pitch as "C2" or "Bb1" (middle C is C4), or a number 0 to 127')


def pitch_class_of(source: Source, where: Sequence[Step], value: Any) -> int:
    """Return a pitch class, given as such or by its letter."""
    if type(value) is int and 0 <= value <= 11:
        return value
    try:
        return parse_pitch_class(value if isinstance(value, str) else "")
    except UsageError:
        return source.refuse(where, repr(value), expected='a letter as "F" or "Bb", or a pitch class 0 to 11')
