"""Instruments from TOML files: the shipped ones of this folder, and a user's own instruments and tunings.

A file with ``name`` describes an instrument, from the ground up or as an extension of another one
(``extends = "guzheng"``: its keys replace those of the other, tunings of the same name too). A file with
``instrument`` adds tunings to an instrument. See ``docs/INSTRUMENTS.md``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any

from symgen.instruments._reading import Source, build, convert, known_keys, parse
from symgen.instruments._tunings import Table, pitch_class_of, pitch_of, tunings_of
from symgen.instruments.base import PLUCKED_WAYS, Costs, Finger, Hands, Instrument, Stroke
from symgen.instruments.shapes import Ornament
from symgen.score import Technique
from symgen.theory.degrees import note_name

_KEYS = (
    "name",
    "chinese",
    "track",
    "program",
    "low",
    "high",
    "default_tuning",
    "velocity",
    "marks",
    "habitual",
    "hands",
    "reach",
    "costs",
    "ring_seconds",
    "ways",
    "harmonics",
    "tunings",
    "fingers",
    "strokes",
    "ornaments",
)
_NEEDED = ("name", "chinese", "track", "program", "low", "high", "default_tuning", "hands", "tunings", "velocity")
FURTHEST_RETUNED = 7
"""Semitones that a string of an own tuning may be from the usual one: further, it hangs loose or breaks."""

_PLACES = ("open", "stopped", "harmonic", "pluck")


def read_folder(folder: Path, known: Mapping[str, Table]) -> tuple[dict[str, Table], list[tuple[Source, Table]]]:
    """Read the TOML files of a folder in order of their names.

    Parameters
    ----------
    folder : Path
        It may be missing.
    known : mapping of str to table
        Tables of instruments that may be extended, by name.

    Returns
    -------
    instruments : dict of str to table
        Tables by name, with all that they extend, and ``source`` for messages.
    tunings : list of (Source, table)
        Files that add tunings.

    Raises
    ------
    UsageError
        For the first mistake.
    """
    files: list[tuple[Source, Table]] = [parse(path) for path in sorted(folder.glob("*.toml"))]
    tunings = [(source, table) for source, table in files if "instrument" in table]
    waiting = [(source, table) for source, table in files if "instrument" not in table]
    found: dict[str, Table] = {}
    while waiting:
        ready = [(s, t) for s, t in waiting if "extends" not in t or t["extends"] in {**known, **found}]
        if not ready:
            source, table = waiting[0]
            source.refuse(
                ("extends",), repr(table["extends"]), expected=f"one of {', '.join(sorted({**known, **found}))}"
            )
        for source, table in ready:
            whole = completed(source, table, {**known, **found})
            if whole["name"] in {**known, **found}:
                source.refuse(("name",), f"{whole['name']!r} is taken", remedy="choose another name")
            found[whole["name"]] = whole
        waiting = [pair for pair in waiting if pair not in ready]
    return found, tunings


def completed(source: Source, table: Table, known: Mapping[str, Table]) -> Table:
    """Return the table of an instrument with all that it takes over from the one it extends."""
    known_keys(source, (), table, ("extends", *_KEYS))
    name = table.get("name")
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        source.refuse(("name",), repr(name), expected="a name of small letters, digits and _")
    base = dict(known[table["extends"]]) if "extends" in table else {}
    whole = base | {key: value for key, value in table.items() if key != "extends"}
    if isinstance(base.get("tunings"), list) and isinstance(table.get("tunings"), list):
        own = {row["name"]: row for row in table["tunings"] if isinstance(row, Mapping) and "name" in row}
        inherited = [own.pop(row["name"], row) for row in base["tunings"]]
        whole["tunings"] = [*inherited, *own.values()]
    rows = table.get("tunings")
    own_rows = {id(row): index for index, row in enumerate(rows)} if isinstance(rows, list) else {}
    merged = whole.get("tunings")
    places = [own_rows.get(id(row)) for row in merged] if isinstance(merged, list) else []
    return whole | {"source": source, "places": places}


def instrument_of(table: Table) -> Instrument:
    """Return the instrument that a completed table describes.

    Raises
    ------
    UsageError
        With file, line, key and what was expected, for the first mistake.
    """
    source: Source = table["source"]
    for key in _NEEDED:
        if key not in table:
            source.refuse((), f"{key} is missing", expected=f"the keys {', '.join(_NEEDED)}")
    tunings = tunings_of(source, table["tunings"], places=table["places"])
    first = next(iter(tunings.values()))
    everyday, extreme = _reach(source, table.get("reach", []), len(first.open_pitches))
    values = {key: convert(source, (key,), str, table[key]) for key in ("name", "chinese", "track", "default_tuning")}
    if not values["track"].isascii():
        source.refuse(("track",), repr(values["track"]), expected="letters of ASCII: names of tracks go into files")
    if values["default_tuning"] not in tunings:
        source.refuse(("default_tuning",), repr(values["default_tuning"]), expected=f"one of {', '.join(tunings)}")
    instrument = Instrument(
        **values,
        tunings=MappingProxyType(tunings),
        program=_within(source, "program", table, 0, 127),
        low=pitch_of(source, ("low",), table["low"]),
        high=pitch_of(source, ("high",), table["high"]),
        velocity=convert(source, ("velocity",), tuple[int, int], table["velocity"]),
        hands=build(source, ("hands",), Hands, table["hands"], everyday=everyday, extreme=extreme),
        harmonics=MappingProxyType(_harmonics(source, table.get("harmonics", []))),
        marks=_marks(source, table.get("marks", [])),
        ways=_ways(source, table.get("ways", {})),
        ring_seconds=_ring(source, table.get("ring_seconds", {})),
        fingers=_rows(source, "fingers", Finger, table),
        strokes=MappingProxyType({row.name: row for row in _rows(source, "strokes", Stroke, table)}),
        ornaments=_rows(source, "ornaments", Ornament, table),
        costs=build(source, ("costs",), Costs, table.get("costs", {})),
        habitual=_habitual(source, table.get("habitual", {}), tunings),
    )
    _check_whole(source, instrument)
    return instrument


def with_tunings(instrument: Instrument, source: Source, table: Table) -> Instrument:
    """Return the instrument with the further tunings of a file; those it has come first.

    Raises
    ------
    UsageError
        As :func:`instrument_of`.
    """
    known_keys(source, (), table, ("instrument", "tunings"))
    added = tunings_of(source, table.get("tunings", []), instrument.tunings)
    usual = instrument.tunings[instrument.default_tuning].open_pitches
    for index, tuning in enumerate(added.values()):
        where = ("tunings", index, "strings")
        if len(tuning.open_pitches) != len(usual):
            source.refuse(
                where,
                f"{len(tuning.open_pitches)} strings",
                expected=f"the {len(usual)} strings of the {instrument.name}",
            )
        for string, (pitch, kept) in enumerate(zip(tuning.open_pitches, usual, strict=True), start=1):
            if abs(pitch - kept) > FURTHEST_RETUNED:
                source.refuse(
                    where,
                    f"string {string} at {note_name(pitch)}",
                    expected=f"at most {FURTHEST_RETUNED} semitones from {note_name(kept)}",
                    remedy="an instrument of its own says so with extends",
                )
    opens = [pitch for tuning in added.values() for pitch in tuning.open_pitches]
    return replace(
        instrument,
        tunings=MappingProxyType({**instrument.tunings, **added}),
        low=min([instrument.low, *opens]),
        high=max([instrument.high, *opens]),
    )


def _within(source: Source, key: str, table: Table, low: int, high: int) -> int:
    value = convert(source, (key,), int, table[key])
    if not low <= value <= high:
        source.refuse((key,), str(value), expected=f"{low} to {high}")
    return int(value)


def _rows(source: Source, key: str, kind: type[Any], table: Table) -> tuple[Any, ...]:
    rows = table.get(key, [])
    if not isinstance(rows, list):
        source.refuse((key,), repr(rows)[:60], expected=f"tables [[{key}]]")
    return tuple(build(source, (key, index), kind, row) for index, row in enumerate(rows))


def _reach(source: Source, rows: Any, strings: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return everyday and extreme reach of each string from rows that name strings as "1-7"."""
    found: dict[int, tuple[int, int]] = {}
    for index, row in enumerate(rows if isinstance(rows, list) else []):
        where = ("reach", index)
        if not isinstance(row, Mapping):
            source.refuse(where, repr(row), expected="a table")
        known_keys(source, where, row, ("strings", "everyday", "extreme"))
        match = re.fullmatch(r"(\d{1,2})(?:-(\d{1,2}))?", str(row.get("strings")))
        if not match:
            source.refuse((*where, "strings"), repr(row.get("strings")), expected='strings as "1-7" or "3"')
        easy = convert(source, (*where, "everyday"), int, row.get("everyday"))
        most = convert(source, (*where, "extreme"), int, row.get("extreme"))
        if not 0 <= easy <= most <= 36:
            source.refuse((*where, "extreme"), f"{easy} and {most}", expected="0 <= everyday <= extreme <= 36")
        for string in range(int(match[1]), int(match[2] or match[1]) + 1):
            found[string] = (easy, most)
    for string in range(1, strings + 1):
        if string not in found:
            source.refuse(("reach",), f"nothing for string {string}", expected="tables [[reach]] for all strings")
    chosen = [found[string] for string in range(1, strings + 1)]
    return tuple(easy for easy, _ in chosen), tuple(most for _, most in chosen)


def _marks(source: Source, values: Any) -> tuple[float, ...]:
    """Return the marks from fractions as "1/8", mark 1 first, the nut last."""
    if not isinstance(values, list):
        source.refuse(("marks",), repr(values)[:60], expected='a list of fractions as "1/8", the nut "1" last')
    marks = []
    for value in values:
        try:
            marks.append(float(Fraction(value)))
        except (ValueError, TypeError, ZeroDivisionError):
            source.refuse(("marks",), repr(value), expected='a fraction of the string as "1/8"')
    if marks and (marks != sorted(set(marks)) or marks[0] <= 0 or marks[-1] != 1.0):
        source.refuse(("marks",), "marks out of order", expected="rising fractions from the bridge, the nut 1 last")
    return tuple(marks)


def _harmonics(source: Source, rows: Any) -> dict[int, tuple[float, ...]]:
    found: dict[int, tuple[float, ...]] = {}
    for index, row in enumerate(rows if isinstance(rows, list) else []):
        where = ("harmonics", index)
        if not isinstance(row, Mapping):
            source.refuse(where, repr(row), expected="a table")
        known_keys(source, where, row, ("semitones", "marks"))
        semitones = convert(source, (*where, "semitones"), int, row.get("semitones"))
        found[semitones] = convert(source, (*where, "marks"), tuple[float, ...], row.get("marks"))
    return found


def _ways(source: Source, table: Any) -> Mapping[Technique, tuple[Technique, ...]]:
    if not isinstance(table, Mapping):
        source.refuse(("ways",), repr(table), expected="a table")
    own = {
        convert(source, ("ways", key), Technique, key): convert(source, ("ways", key), tuple[Technique, ...], places)
        for key, places in table.items()
    }
    return MappingProxyType(dict(PLUCKED_WAYS) | own)


def _ring(source: Source, table: Any) -> Mapping[Technique, tuple[float, float]]:
    if not isinstance(table, Mapping):
        source.refuse(("ring_seconds",), repr(table), expected="a table")
    known_keys(source, ("ring_seconds",), table, _PLACES)
    return MappingProxyType(
        {
            Technique[place.upper()]: convert(source, ("ring_seconds", place), tuple[float, float], seconds)
            for place, seconds in table.items()
        }
    )


def _habitual(source: Source, table: Any, tunings: Iterable[str]) -> Mapping[int, str]:
    if not isinstance(table, Mapping):
        source.refuse(("habitual",), repr(table), expected='a table as C = "zhengdiao"')
    for gong, name in table.items():
        if name not in tunings:
            source.refuse(("habitual", gong), repr(name), expected=f"one of {', '.join(tunings)}")
    return MappingProxyType({pitch_class_of(source, ("habitual", gong), gong): name for gong, name in table.items()})


def _check_bounds(source: Source, instrument: Instrument, tuning: str, pitch: int) -> None:
    """Refuse a string that lies outside of the instrument's range, with what has to be written instead."""
    if instrument.low <= pitch <= instrument.high:
        return
    key, bound = ("low", instrument.low) if pitch < instrument.low else ("high", instrument.high)
    opens = [pitch for one in instrument.tunings.values() for pitch in one.open_pitches]
    furthest = min(opens) if key == "low" else max(opens)
    source.refuse(
        (key,),
        f"{note_name(bound)}, but tuning {tuning} has a string {note_name(pitch)}",
        expected="low and high around every string of all tunings, those of an extended instrument too",
        remedy=f'write {key} = "{note_name(furthest)}"',
    )


def _check_whole(source: Source, instrument: Instrument) -> None:
    """Refuse what is wrong between keys."""
    low, high = instrument.velocity
    if not 1 <= low < high <= 127:
        source.refuse(("velocity",), f"[{low}, {high}]", expected="softest below loudest, 1 to 127")
    if not instrument.low <= instrument.high:
        source.refuse(("low",), f"low above high ({instrument.low} and {instrument.high})")
    hands = instrument.hands
    if min(hands.plucking_hands, hands.notes_per_hand) < 1 or min(hands.strings_per_hand, hands.stops) < 0:
        source.refuse(("hands",), "a hand that cannot play", expected="at least one hand and one note a hand")
    if hands.stop_span and not instrument.marks:
        source.refuse(("hands", "stop_span"), "a span without marks", expected="marks, or no stop_span")
    for tuning in instrument.tunings.values():
        for pitch in tuning.open_pitches:
            _check_bounds(source, instrument, tuning.name, pitch)
    places = {Technique.OPEN, Technique.STOPPED, Technique.HARMONIC} if instrument.hands.everyday else {Technique.PLUCK}
    for place in sorted(places - set(instrument.ring_seconds)):
        source.refuse(
            ("ring_seconds",), f"{place.name.lower()} is missing", expected="seconds on the lowest and highest string"
        )
