"""Instruments: tunings, placements and the hands that play them.

A TOML file of this folder is an instrument, and so is one in a user's own folder (:func:`own_folder`); both
folders are listed to find them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from unicodedata import normalize

from symgen.errors import UsageError
from symgen.instruments import tables
from symgen.instruments._reading import parse
from symgen.instruments.base import Instrument, Placement, Tuning
from symgen.instruments.rules import (
    placements,
    playable_pitches,
    serves,
    strikeable,
    tuning_for,
    tunings_for,
)
from symgen.resources import own_instruments_dir

__all__ = [
    "Instrument",
    "Placement",
    "Tuning",
    "get_instrument",
    "get_tuning",
    "instruments",
    "placements",
    "playable_pitches",
    "serves",
    "ships",
    "strikeable",
    "tuning_for",
    "tunings_for",
]


def instruments() -> tuple[Instrument, ...]:
    """Return all instruments in order of name: the shipped ones, and those of a user's own folder.

    Raises
    ------
    UsageError
        If a table has a mistake: its file, line and key, and what was expected.
    """
    return tuple(_instruments(own_instruments_dir()).values())


@cache
def _shipped() -> dict[str, Mapping[str, Any]]:
    found, _ = tables.read_folder(Path(__path__[0]), {})
    return found


@cache
def _shipped_instrument(name: str) -> Instrument:
    return tables.instrument_of(_shipped()[name])


@cache
def _instruments(own: Path) -> dict[str, Instrument]:
    """Return the instruments by name, with those and the tunings of the folder `own`."""
    found = {name: _shipped_instrument(name) for name in _shipped()}
    added, tunings = tables.read_folder(own, _shipped())
    found |= {name: tables.instrument_of(table) for name, table in added.items()}
    for source, table in tunings:
        name = table["instrument"]
        if name not in found:
            source.refuse(("instrument",), repr(name), expected=f"one of {', '.join(sorted(found))}")
        found[name] = tables.with_tunings(found[name], source, table)
    return dict(sorted(found.items()))


def get_instrument(name: str) -> Instrument:
    """Return the instrument of this name, pinyin or Chinese, or of a TOML file.

    Raises
    ------
    UsageError
        If there is none; lists the known names. If a table has a mistake: file, line and key.
    """
    if name.endswith(".toml"):
        return _from_file(Path(name))
    wanted = _key(name)
    for instrument in instruments():
        if wanted in (_key(instrument.name), instrument.chinese):
            return instrument
    known = ", ".join(instrument.name for instrument in instruments())
    raise UsageError(f"no instrument is called {name!r}", expected=f"one of {known}")


@cache
def _from_file(path: Path) -> Instrument:
    source, table = parse(path)
    if "instrument" in table:
        source.refuse(("instrument",), "a file of tunings", expected="a file of an instrument, with name")
    extended = table.get("extends")
    if extended is not None and extended not in _shipped():
        source.refuse(("extends",), repr(extended), expected=f"one of {', '.join(sorted(_shipped()))}")
    return tables.instrument_of(tables.completed(source, table, _shipped()))


def get_tuning(instrument: Instrument, name: str) -> Tuning:
    """Return the tuning of `instrument` with this name: pinyin, Chinese or an alias; or the first of a TOML file.

    Raises
    ------
    UsageError
        If there is none; lists the known names. If a table has a mistake: file, line and key.
    """
    if name.endswith(".toml"):
        return _tuning_from_file(instrument, Path(name))
    wanted = _key(name)
    for tuning in instrument.tunings.values():
        if wanted in {_key(known) for known in (tuning.name, tuning.chinese, *tuning.aliases)}:
            return tuning
    known = ", ".join(instrument.tunings)
    raise UsageError(f"{instrument.name} has no tuning {name!r}", expected=f"one of {known}, or a TOML file")


def ships(instrument: Instrument, tuning: Tuning) -> bool:
    """Return whether a tuning comes with symgen, so that its name says all of it anywhere."""
    shipped = _shipped_instrument(instrument.name).tunings if instrument.name in _shipped() else {}
    return shipped.get(tuning.name) == tuning


def _tuning_from_file(instrument: Instrument, path: Path) -> Tuning:
    source, table = parse(path)
    if table.get("instrument") not in (instrument.name, instrument.chinese):
        source.refuse(("instrument",), repr(table.get("instrument")), expected=f"instrument = {instrument.name!r}")
    more = tables.with_tunings(instrument, source, table)
    return next(tuning for name, tuning in more.tunings.items() if name not in instrument.tunings)


def _key(name: str) -> str:
    """Return a name as it is compared: composed characters, no case, no spaces or hyphens."""
    return normalize("NFC", name).casefold().replace(" ", "").replace("-", "")
