"""Which files a conversion is to read: files, folders and patterns, each place once, in a fixed order."""

from __future__ import annotations

import glob
import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

from symgen import readers
from symgen.errors import UsageError
from symgen.readers import audio

NO_SUFFIX: Final = "(none)"
"""Under which files without a suffix are counted."""

HIDDEN: Final = "(hidden folders)"
"""Under which folders are counted whose names begin with a dot: nothing is looked for there."""

DATASET_MARK: Final = "dataset.json"
"""A folder that holds this file beside the arrays of a dataset is no input."""


def check_inputs(inputs: Iterable[Path], what: str = "scores") -> None:
    """Make sure that each input is there, or is a pattern that finds something; `what` is looked for.

    Raises
    ------
    UsageError
        Naming the first one that is not.
    """
    for path in inputs:
        if not os.path.lexists(path) and next(_matches(path), None) is None:
            found = f"no file matches {path}" if glob.has_magic(str(path)) else f"no such file or folder: {path}"
            raise UsageError(found, expected=f"files or folders of {what}")


def find_inputs(inputs: Iterable[Path], passed: Counter[str]) -> Iterator[Path]:
    """Yield the files to convert: files as they are named; of folders those that are music, in order of name.

    A file of a folder is music if its suffix says so or its first bytes do. Symbolic links are followed, each folder
    at most once. A folder that cannot be listed stands for itself, so that a report can say so.

    Parameters
    ----------
    inputs : iterable of Path
        Files, folders, and patterns (``*``, ``**``, ``?``, ``[...]``).
    passed : Counter
        Continued: suffix -> files of folders that are no music.
    """
    seen: set[tuple[int, int]] = set()
    for path in inputs:
        for place in (path,) if os.path.lexists(path) else _matches(path):
            if place.is_dir():
                yield from _files_in(place, seen, passed)
            else:
                yield place


def is_recording(path: Path) -> bool:
    """Return whether a file is to be heard: by its suffix, or where that says nothing by its first bytes."""
    suffix = path.suffix.lower()
    if suffix in audio.SUFFIXES:
        return True
    return suffix not in _suffixes() and _recognised(path, suffix) == audio.NAME


@cache
def _suffixes() -> set[str]:
    return {suffix for reader in readers.formats() for suffix in reader.SUFFIXES}


def _matches(pattern: Path) -> Iterator[Path]:
    if glob.has_magic(str(pattern)):
        # Path.glob knows no absolute patterns
        yield from map(Path, sorted(glob.iglob(str(pattern), recursive=True)))  # noqa: PTH207


def _files_in(top: Path, seen: set[tuple[int, int]], passed: Counter[str]) -> Iterator[Path]:
    suffixes = _suffixes()
    closed: list[OSError] = []
    for folder, folders, names in os.walk(top, followlinks=True, onerror=closed.append):
        if not _is_new(folder, seen) or _is_dataset(names):
            folders.clear()
            continue
        hidden = [name for name in folders if name.startswith(".")]  # of version control, of downloads under way
        if hidden:
            passed[HIDDEN] += len(hidden)
        folders[:] = sorted(set(folders).difference(hidden))
        for name in sorted(names):
            path = Path(folder, name)
            suffix = path.suffix.lower()
            if suffix in suffixes or _recognised(path, suffix):
                yield path
            else:
                passed[suffix or NO_SUFFIX] += 1
    yield from sorted(Path(str(error.filename)) for error in closed)


def _is_new(folder: str, seen: set[tuple[int, int]]) -> bool:
    """Return whether a folder was not met before, by whatever name."""
    try:
        status = os.stat(folder)  # noqa: PTH116 - names need not be paths that Path would keep
    except OSError:
        return True  # that it cannot be listed is found out next
    key = (status.st_dev, status.st_ino)
    if key in seen:
        return False
    seen.add(key)
    return True


def _is_dataset(names: Iterable[str]) -> bool:
    return {DATASET_MARK, "index.jsonl", "offsets.npy"} <= set(names)


def _recognised(path: Path, suffix: str) -> str | None:
    """Return the format that the first bytes of a file show, None if they show none."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for
            return None
        with path.open("rb") as file:
            return readers.recognise(file.read(readers.RECOGNISED_BYTES), suffix)
    except (OSError, ValueError):
        return None
