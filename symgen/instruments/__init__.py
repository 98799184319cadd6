"""Instruments: tunings, placements and the hands that play them.

A module of this folder that exposes ``INSTRUMENT`` is an instrument. The folder is listed to find them.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from unicodedata import normalize

from symgen.errors import UsageError
from symgen.instruments.base import Instrument, Placement, Tuning
from symgen.instruments.rules import (
    placements,
    playable_pitches,
    serves,
    strikeable,
    tuning_for,
    tunings_for,
)

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
    "strikeable",
    "tuning_for",
    "tunings_for",
]


@cache
def instruments() -> tuple[Instrument, ...]:
    """Return all instruments in order of name."""
    found = []
    for module in iter_modules(__path__):
        instrument = getattr(import_module(f"{__name__}.{module.name}"), "INSTRUMENT", None)
        if instrument is not None:
            found.append(instrument)
    return tuple(sorted(found, key=lambda instrument: instrument.name))


def get_instrument(name: str) -> Instrument:
    """Return the instrument of this name, pinyin or Chinese.

    Raises
    ------
    UsageError
        If there is none; lists the known names.
    """
    wanted = _key(name)
    for instrument in instruments():
        if wanted in (_key(instrument.name), instrument.chinese):
            return instrument
    known = ", ".join(instrument.name for instrument in instruments())
    raise UsageError(f"no instrument is called {name!r}", expected=f"one of {known}")


def get_tuning(instrument: Instrument, name: str) -> Tuning:
    """Return the tuning of `instrument` with this name: pinyin, Chinese or an alias.

    Raises
    ------
    UsageError
        If there is none; lists the known names.
    """
    wanted = _key(name)
    for tuning in instrument.tunings.values():
        if wanted in {_key(known) for known in (tuning.name, tuning.chinese, *tuning.aliases)}:
            return tuning
    known = ", ".join(instrument.tunings)
    raise UsageError(f"{instrument.name} has no tuning {name!r}", expected=f"one of {known}")


def _key(name: str) -> str:
    """Return a name as it is compared: composed characters, no case, no spaces or hyphens."""
    return normalize("NFC", name).casefold().replace(" ", "").replace("-", "")
