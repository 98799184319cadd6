"""A session: what was made in a folder, which of it was liked, and what came of what.

``session.json`` stands beside the files and names each of them once, in the order in which they were made. It is
replaced as a whole under a lock, so that commands at work at the same time lose nothing of each other, and a crash
leaves what was there before. No clock is read: the same commands write the same bytes.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

from symgen.errors import UsageError, WriteError
from symgen.files import file_digest, writing

NAME: Final = "session.json"
FORMAT: Final = 1

_LOCK: Final = ".session.lock"
"""Locked where a folder itself cannot be: on Windows."""
_PATIENCE_SECONDS: Final = 20.0
_PAUSE_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True)
class Entry:
    """One piece of a session.

    Parameters
    ----------
    number : int
        From 1, in the order in which pieces were made; it stays.
    path : str
        File, relative to the session's folder.
    sha256 : str
        Digest of the file as it was written: by it a piece is known as a parent wherever it was moved.
    command : str
        What made it: compose, continue, infill, vary and so on.
    parent : int or None
        Number of the piece that it was made from.
    favourite : bool
        Whether somebody wants to keep it.
    rank : int or None
        Place among the takes made with it, 1 the best.
    score : dict
        What it was ranked by; see :meth:`symgen.takes.ranking.Standing.as_json`.
    seed, take : int or None
        Seed of the request, and number of the take.
    request : dict
        What was asked for.
    checkpoint : str
        Digest of the weights.
    about : dict
        Style, gong, mode, bars and whatever else tells a person what it is.
    """

    number: int
    path: str
    sha256: str
    command: str
    parent: int | None = None
    favourite: bool = False
    rank: int | None = None
    score: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    take: int | None = None
    request: Mapping[str, Any] = field(default_factory=dict)
    checkpoint: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Made:
    """A piece that a command has written, on its way into the session.

    Parameters
    ----------
    path : Path
        The file.
    command : str
        What made it.
    source : Path or None
        File that it was made from.
    rank, score, seed, take, request, checkpoint, about
        As in :class:`Entry`.
    """

    path: Path
    command: str
    source: Path | None = None
    rank: int | None = None
    score: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    take: int | None = None
    request: Mapping[str, Any] = field(default_factory=dict)
    checkpoint: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Session:
    """What a folder holds.

    Parameters
    ----------
    folder : Path
        The folder.
    entries : tuple of Entry
        In the order in which they were made.
    """

    folder: Path
    entries: tuple[Entry, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return plain data, entries in the order of :meth:`tree`."""
        rows = [{**entry.as_json(), "depth": depth, "gone": self.gone(entry)} for entry, depth in self.tree()]
        return {"folder": str(self.folder), "takes": rows}

    def gone(self, entry: Entry) -> bool:
        """Tell whether the file of an entry is no longer there."""
        return not os.path.exists(self.folder / entry.path)  # noqa: PTH110 - also of what no file can be called

    def tree(self) -> list[tuple[Entry, int]]:
        """Return each entry after its parent with its depth: favourites first, then by rank, then as made."""
        known = {entry.number for entry in self.entries}
        children: dict[int | None, list[Entry]] = {}
        for entry in self.entries:  # a parent is always older, so there are no circles
            older = entry.parent if entry.parent in known and (entry.parent or 0) < entry.number else None
            children.setdefault(older, []).append(entry)
        found: list[tuple[Entry, int]] = []
        left = [(entry, 0) for entry in _sorted(children.get(None, ()))[::-1]]
        while left:
            entry, depth = left.pop()
            found.append((entry, depth))
            left.extend((child, depth + 1) for child in _sorted(children.get(entry.number, ()))[::-1])
        return found

    def number_of(self, file: Path) -> int | None:
        """Return the number of the piece in a file, by its place; None if it is none of the session."""
        path = _relative(file, self.folder)
        return next((entry.number for entry in self.entries if entry.path == path), None)

    def parent_of(self, source: Path) -> int | None:
        """Return the number of the piece that a file is, by its content, else by its place; None if it is none."""
        digest = file_digest(source) if source.is_file() else ""
        by_content = [entry.number for entry in self.entries if entry.sha256 == digest]
        name = _relative(source, self.folder)
        return by_content[-1] if by_content else next((e.number for e in self.entries if e.path == name), None)


def _sorted(entries: Sequence[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: (not entry.favourite, entry.rank or 1, entry.number))


def read_session(folder: str | Path, *, missing: bool = False) -> Session:
    """Read the session of a folder.

    Parameters
    ----------
    folder : str or Path
        The folder.
    missing : bool
        Whether a folder without a session is an empty one.

    Raises
    ------
    UsageError
        If there is none, or it is damaged or of a newer version; the file is left as it is.
    """
    place = Path(folder)
    path = place / NAME
    try:
        found = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        if missing:
            return Session(place)
        raise UsageError(
            f"{place} holds no session", expected=NAME, remedy=f"compose into it: symgen compose -o {place}"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(path, str(error)) from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise _damaged(path, f"format {found.get('format') if isinstance(found, dict) else type(found).__name__}")
    try:
        entries = tuple(_entry(row) for row in found["takes"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(path, f"{type(error).__name__} {error}") from error
    numbers = [entry.number for entry in entries]
    if numbers != sorted(set(numbers)):
        raise _damaged(path, "numbers out of order")
    return Session(place, entries)


def record(folder: str | Path, made: Sequence[Made]) -> Session:
    """Add pieces to the session of a folder, and return it.

    A file that is already in it was written again: it keeps its number, and its mark if its content is the same.

    Raises
    ------
    UsageError
        If the session is damaged, or another command holds it for 20 s.
    WriteError
        If it cannot be written.
    """
    with _locked(Path(folder)):
        session = read_session(folder, missing=True)
        for one in made:
            session = _added(session, one)
        _write(session)
    return session


def mark(folder: str | Path, keep: Collection[int] = (), drop: Collection[int] = ()) -> Session:
    """Mark pieces as favourites or take the mark off, by their numbers, and return the session.

    Raises
    ------
    UsageError
        If there is no such session or no piece of such a number, or one is to be kept and dropped; nothing is changed.
    """
    read_session(folder)  # what is not there is told as that
    with _locked(Path(folder)):
        session = read_session(folder)
        known = {entry.number for entry in session.entries}
        for number in (*keep, *drop):
            if number not in known:
                raise UsageError(
                    f"no piece {number} in {folder}",
                    expected=f"1 to {max(known)}" if known else "a piece",
                    remedy=f"see symgen session {folder}",
                )
        if both := sorted(set(keep) & set(drop)):
            raise UsageError(f"piece {both[0]} is to be kept and dropped", expected="one of both")
        marked = {**dict.fromkeys(keep, True), **dict.fromkeys(drop, False)}
        entries = tuple(replace(e, favourite=marked.get(e.number, e.favourite)) for e in session.entries)
        session = Session(session.folder, entries)
        _write(session)
    return session


def _added(session: Session, made: Made) -> Session:
    path, digest = _relative(made.path, session.folder), file_digest(made.path)
    before = next((entry for entry in session.entries if entry.path == path), None)
    number = before.number if before else max((entry.number for entry in session.entries), default=0) + 1
    parent = None if made.source is None else session.parent_of(made.source)
    same = {part.name: getattr(made, part.name) for part in fields(made) if part.name not in ("path", "source")}
    entry = Entry(
        number=number,
        path=path,
        sha256=digest,
        parent=parent if parent != number else before.parent if before else None,
        favourite=bool(before and before.favourite and before.sha256 == digest),
        **same,
    )
    others = [one for one in session.entries if one.number != number]
    return Session(session.folder, tuple(sorted([*others, entry], key=lambda one: one.number)))


def _write(session: Session) -> None:
    whole = {"format": FORMAT, "takes": [entry.as_json() for entry in session.entries]}
    with writing(session.folder / NAME) as file:
        file.write((json.dumps(whole, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode())


_KINDS: Final[Mapping[str, tuple[type, ...]]] = {
    "number": (int,), "path": (str,), "sha256": (str,), "command": (str,), "parent": (int, type(None)),
    "favourite": (bool,), "rank": (int, type(None)), "score": (dict,), "seed": (int, type(None)),
    "take": (int, type(None)), "request": (dict,), "checkpoint": (str,), "about": (dict,),
}  # fmt: skip


def _entry(row: Any) -> Entry:
    for name, kinds in _KINDS.items():
        if not isinstance(row[name], kinds):
            raise TypeError(f"{name} is {type(row[name]).__name__}")
    if not isinstance(row["score"].get("score", 0.0), (int, float)):
        raise TypeError("score is no number")
    return Entry(**{name: row[name] for name in _KINDS})


def _damaged(path: Path, why: str) -> UsageError:
    return UsageError(
        f"{path} cannot be read ({why})",
        expected="the session of this version of symgen",
        remedy="mend it, or move it away: the pieces beside it are untouched",
    )


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the session of a folder for this process alone; the lock ends with the process, however that ends."""
    try:
        handle = os.open(folder, os.O_RDONLY) if os.name == "posix" else os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise WriteError(f"cannot write into {folder}: {error.strerror}", remedy="choose another folder") from error
    try:
        until = time.monotonic() + _PATIENCE_SECONDS
        while not _lock(handle):
            if time.monotonic() > until:
                raise UsageError(f"another command holds the session of {folder}", remedy="wait for it, or end it")
            time.sleep(_PAUSE_SECONDS)
        yield
    finally:
        os.close(handle)


def _lock(handle: int) -> bool:
    """Try to lock what is open, until it is closed; True also where a file system has no locks."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK, errno.EDEADLK)
    return True
