"""Writers: Scores and Performances out, as files.

Each module of this folder whose name does not begin with an underscore writes one format and exposes
what :class:`Format` names; the folder is listed to find them, so a new format is one new file. Writer
modules load their libraries inside functions: importing this package is cheap.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
from functools import cache
from pathlib import Path
from typing import Protocol, cast

from symgen.errors import WriteError
from symgen.files import write_bytes
from symgen.performance import Performance
from symgen.score import Score


class Format(Protocol):
    """What a writer module exposes.

    Attributes
    ----------
    NAME : str
        Name of the format.
    SUFFIXES : tuple of str
        Suffixes that ask for it, lower case, with the dot; the first is the usual one.
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


def write(music: Score | Performance, path: str | os.PathLike[str]) -> Path:
    """Write music to a file whose suffix names the format.

    The file appears whole or not at all: it is written beside its place, flushed to disk and moved there.

    Parameters
    ----------
    music : Score or Performance
        What is written or what is played.
    path : str or path-like
        Where to; an existing file is replaced, a missing folder is not made.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    WriteError
        If the suffix is unknown, the format cannot hold the music, or the place cannot be written.
    """
    target = Path(path)
    suffix = target.suffix.lower()
    writer = next((writer for writer in formats() if suffix in writer.SUFFIXES), None)
    if writer is None:
        found = f"the suffix {suffix!r}" if suffix else "no suffix"
        raise WriteError(f"{target} has {found}", expected=f"one of {' '.join(suffixes())}")
    write_bytes(target, writer.encode(music))
    return target
