"""Which files a conversion is to read: files, folders and patterns, each place once, in a fixed order."""

from __future__ import annotations

import glob
import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from symgen import readers
from symgen.corpus.patterns import matches_whole
from symgen.corpus.store import NAME as WORK_FILE
from symgen.corpus.writer import ASIDE, FILES
from symgen.errors import UsageError, one_line
from symgen.readers import audio

NO_SUFFIX: Final = "(none)"
"""Under which files without a suffix are counted."""

HIDDEN: Final = "(hidden folders)"
"""Under which folders are counted whose names begin with a dot: nothing is looked for there."""

MOST_NAMES: Final = 200
"""Names of what was passed over that are kept."""

_MARKS = frozenset({"index.jsonl", "offsets.npy"})
_OWN = frozenset({*FILES, WORK_FILE, f"{WORK_FILE}-wal", f"{WORK_FILE}-shm", ASIDE})
"""What a dataset consists of, and a conversion leaves beside it: no input, and nothing that was passed over."""


@dataclass(slots=True)
class PassedOver:
    """What stands in the folders of a conversion and is no music.

    Parameters
    ----------
    counts : Counter
        Suffix -> files.
    names : list of str
        The first :data:`MOST_NAMES` of them.
    """

    counts: Counter[str] = field(default_factory=Counter)
    names: list[str] = field(default_factory=list)

    def add(self, kind: str, path: Path) -> None:
        """Count a file or folder."""
        self.counts[kind] += 1
        if len(self.names) < MOST_NAMES:
            self.names.append(one_line(str(path)))


def check_inputs(inputs: Iterable[Path], what: str = "scores") -> None:
    """Make sure that each input is there, or is a pattern that finds something; `what` is looked for.

    Raises
    ------
    UsageError
        Naming the first one that is not.
    """
    for path in inputs:
        if not _is_there(path) and next(_matches(path), None) is None:
            found = f"no file matches {path}" if glob.has_magic(str(path)) else f"no such file or folder: {path}"
            raise UsageError(found, expected=f"files or folders of {what}")


def find_inputs(inputs: Iterable[Path], passed: PassedOver | None = None) -> Iterator[Path]:
    """Yield the files to convert: files as they are named; of folders those that are music, in order of name.

    A file of a folder is music if its suffix says so or its first bytes do. Symbolic links are followed, each folder
    at most once. A folder that cannot be listed stands for itself, so that a report can say so. A dataset that lies
    in a folder is neither music nor anything else.

    Parameters
    ----------
    inputs : iterable of Path
        Files, folders, and patterns (``*``, ``**``, ``?``, ``[...]``).
    passed : PassedOver, optional
        Told of what is no music.
    """
    seen: set[tuple[int, int]] = set()
    told = PassedOver() if passed is None else passed
    for path in inputs:
        for place in (path,) if _is_there(path) else _matches(path):
            if place.is_dir():
                yield from _files_in(place, seen, told)
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


def _is_there(path: Path) -> bool:
    """Return whether there is such a file, or may be: it lies in a folder that does not let itself be looked into."""
    try:
        path.lstat()
    except PermissionError:
        return not glob.has_magic(str(path))
    except (OSError, ValueError):  # ValueError: a null byte in the path
        return False
    return True


def _matches(pattern: Path) -> Iterator[Path]:
    """Yield what matches a pattern, in order of name; ``**`` comes into each folder once, whatever links there are."""
    text = str(pattern)
    if not glob.has_magic(text):
        return
    if "**" not in pattern.parts:
        yield from map(Path, sorted(glob.iglob(text)))  # noqa: PTH207 - Path.glob knows no absolute patterns
        return
    depth = next(place for place, part in enumerate(pattern.parts) if glob.has_magic(part))
    root, rest = Path(*pattern.parts[:depth]), "/".join(pattern.parts[depth:])
    seen: set[tuple[int, int]] = set()
    for folder, folders, names in os.walk(root, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if not _is_new(folder, seen):
            folders.clear()
            continue
        for name in sorted([*folders, *names]):
            place = Path(folder, name)
            if name.startswith(".") and not pattern.name.startswith("."):  # as the shell does
                continue
            if matches_whole(place.relative_to(root).as_posix(), rest):
                yield place


def _files_in(top: Path, seen: set[tuple[int, int]], passed: PassedOver) -> Iterator[Path]:
    suffixes = _suffixes()
    closed: list[OSError] = []
    for folder, folders, names in os.walk(top, followlinks=True, onerror=closed.append):
        if not _is_new(folder, seen):
            folders.clear()
            continue
        own = _OWN if _OWN.intersection(names) >= _MARKS or WORK_FILE in names else frozenset()
        for name in sorted(folders):
            if name.startswith(".") and name not in own:  # of version control, of downloads under way
                passed.add(HIDDEN, Path(folder, name))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(set(names) - own):
            path = Path(folder, name)
            suffix = path.suffix.lower()
            if suffix in suffixes or _recognised(path, suffix):
                yield path
            else:
                passed.add(one_line(suffix) or NO_SUFFIX, path)
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


def _recognised(path: Path, suffix: str) -> str | None:
    """Return the format that the first bytes of a file show, None if they show none."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for
            return None
        with path.open("rb") as file:
            return readers.recognise(file.read(readers.RECOGNISED_BYTES), suffix)
    except (OSError, ValueError):
        return None
