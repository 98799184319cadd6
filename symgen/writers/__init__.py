"""Writers: Scores and Performances out, as files.

Each module of this folder whose name does not begin with an underscore writes one format and exposes
what :class:`Format` names; the folder is listed to find them, so a new format is one new file. Writer
modules load their libraries inside functions: importing this package is cheap.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol, cast

from symgen.errors import UsageError, WriteError
from symgen.files import write_bytes
from symgen.performance import Performance
from symgen.score import Score
from symgen.writers._articulations import GENERAL_MIDI, ArticulationMap, read_articulations
from symgen.writers._options import DEFAULTS, LAYOUTS, NAMES, TIME_SIGNATURES, Options
from symgen.writers._page import bend_ranges, is_remark

__all__ = [
    "DEFAULTS",
    "GENERAL_MIDI",
    "LAYOUTS",
    "NAMES",
    "TIME_SIGNATURES",
    "ArticulationMap",
    "Format",
    "Options",
    "bend_ranges",
    "check_options",
    "choose_format",
    "encode",
    "find_format",
    "formats",
    "is_remark",
    "read_articulations",
    "stamped",
    "suffixes",
    "write",
]


class Format(Protocol):
    """What a writer module exposes.

    Attributes
    ----------
    NAME : str
        Name of the format.
    SUFFIXES : tuple of str
        Suffixes that ask for it, lower case, with the dot; the first is the usual one.

    A format for DAWs sets ``OPTIONS = True`` and its ``encode`` takes a keyword ``options``, an :class:`Options`;
    one that has no pitch wheel sets ``WHEEL = False`` too. A format that has a place for a record of origin has
    ``stamped(data, texts)``, which puts texts into its own bytes.
    """

    @property
    def NAME(self) -> str:  # noqa: N802 - a constant of the module
        """Name of the format."""

    @property
    def SUFFIXES(self) -> tuple[str, ...]:  # noqa: N802 - a constant of the module
        """Suffixes, lower case, with the dot."""

    def encode(self, music: Score | Performance) -> bytes:
        """Return the content of a file that holds `music`; the same bytes for the same music."""


@cache
def formats() -> tuple[Format, ...]:
    """Return the writer modules of this folder in order of their names."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
    return tuple(cast(Format, importlib.import_module(f"{__name__}.{name}")) for name in names)


def suffixes() -> tuple[str, ...]:
    """Return all suffixes that :func:`write` knows."""
    return tuple(suffix for writer in formats() for suffix in writer.SUFFIXES)


def find_format(name: str) -> Format:
    """Return the format of this name or suffix, with or without the dot.

    Raises
    ------
    UsageError
        If there is none; lists the known names.
    """
    wanted = name.lower().removeprefix(".")
    for writer in formats():
        if wanted == writer.NAME or f".{wanted}" in writer.SUFFIXES:
            return writer
    known = ", ".join(writer.SUFFIXES[0].removeprefix(".") for writer in formats())
    raise UsageError(f"no format is called {name!r}", expected=f"one of {known}")


def check_options(writer: Format, options: Options) -> None:
    """Check that a format has a place for what is asked of it.

    Raises
    ------
    UsageError
        If it has not; names the formats that have.
    """
    if options != DEFAULTS and not getattr(writer, "OPTIONS", False):
        known = " or ".join(one.SUFFIXES[0] for one in formats() if getattr(one, "OPTIONS", False))
        raise UsageError(
            f"{writer.NAME} has no layout, time signatures, names or articulations to choose",
            remedy=f"leave the option out, or write {known}",
        )
    if options.bend_range is not None and not getattr(writer, "WHEEL", True):
        raise UsageError(
            f"{writer.NAME} has no bend range: its curves stand on the notes as they are",
            remedy="leave --bend-range out",
        )


def choose_format(name: str | None, file: Path | None, options: Options = DEFAULTS) -> Format:
    """Return the format that is asked for by name or by the suffix of a file, MIDI where neither says.

    Raises
    ------
    UsageError
        If there is none, the file has another one's suffix, or the format has no place for the options.
    """
    writer = find_format(name or (file.suffix if file else "mid"))
    if file and file.suffix.lower() not in writer.SUFFIXES:
        remedy = f"use -o {file.with_suffix(writer.SUFFIXES[0])}"
        raise UsageError(f"--format {name} for the file {file}", expected="one format", remedy=remedy)
    check_options(writer, options)
    return writer


def encode(music: Score | Performance, writer: Format, options: Options = DEFAULTS) -> bytes:
    """Return the content of a file.

    Raises
    ------
    UsageError
        As :func:`check_options`.
    WriteError
        If the format cannot hold the music.
    """
    check_options(writer, options)
    if getattr(writer, "OPTIONS", False):
        data: bytes = cast(Any, writer).encode(music, options=options)
        return data
    return writer.encode(music)


def stamped(data: bytes, writer: Format, texts: Sequence[str]) -> bytes:
    """Return the content of a file of this format with the texts of a stamp in it, or as it is if it has no place."""
    put = getattr(writer, "stamped", None)
    return data if put is None else cast(bytes, put(data, texts))


def write(music: Score | Performance, path: str | os.PathLike[str], *, options: Options = DEFAULTS) -> Path:
    """Write music to a file whose suffix names the format.

    The file appears whole or not at all: it is written beside its place, flushed to disk and moved there.

    Parameters
    ----------
    music : Score or Performance
        What is written or what is played.
    path : str or path-like
        Where to; an existing file is replaced, a missing folder is not made.
    options : Options
        Layout, time signatures, names and articulations, for MIDI, DAWproject and REAPER.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    WriteError
        If the suffix is unknown, the format cannot hold the music, or the place cannot be written.
    UsageError
        If options are asked for that the format has no place for.
    """
    target = Path(path)
    suffix = target.suffix.lower()
    writer = next((writer for writer in formats() if suffix in writer.SUFFIXES), None)
    if writer is None:
        found = f"the suffix {suffix!r}" if suffix else "no suffix"
        raise WriteError(f"{target} has {found}", expected=f"one of {' '.join(suffixes())}")
    write_bytes(target, encode(music, writer, options))
    return target
