"""Pieces made anew from the record of their origin: the verb that made one makes it once more."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from symgen import writers
from symgen.errors import ReadError, SymgenError, one_line
from symgen.opening import open_piece
from symgen.origin import Made, Origin, from_plain, read_origin, stamped
from symgen.progress import Progress, silent
from symgen.score import Score
from symgen.takes.take import Take
from symgen.verbs import Verb
from symgen.verbs.ancestry import allowing, checkpoint_of, verb_of

_BROKEN: Final = (
    ValueError, TypeError, LookupError, ArithmeticError, AttributeError, AssertionError, RecursionError,
)  # fmt: skip
"""What a request that nobody checked may come to, deep within: values that symgen never writes."""


def format_of(origin: Origin, file: Path) -> writers.Format:
    """Return the format of a piece.

    Raises
    ------
    ReadError, UsageError
        If the record names none, or one that is not known.
    """
    name = origin.request.get("format")
    if not isinstance(name, str):
        raise ReadError(f"the record of {file} names no format", expected="a record that symgen wrote")
    return writers.find_format(name)


def remade(
    verb: Verb, origin: Origin, checkpoint: Path, progress: Progress = silent, take: Take | None = None
) -> tuple[Take, Made]:
    """Return the take that a record tells of, and what goes into its file; whatever is wrong with that is a ReadError.

    Parameters
    ----------
    verb : Verb
        What made it.
    origin : Origin
        Its record.
    checkpoint : Path
        Folder of the weights.
    progress : Progress
        Told of the composing.
    take : Take, optional
        The take, if it has been made already: then only its file is.
    """
    try:
        _check_names_no_file(origin.request)
        request = from_plain(dict(origin.request), verb.request)
        request = replace(request, checkpoint=checkpoint, seed=origin.seed)
        took = verb.retake(request, origin.take, progress) if take is None else take
        return took, verb.made(took, request)
    except SymgenError:
        raise
    except _BROKEN as error:
        reason = one_line(f"{type(error).__name__}: {error}"[:120])
        found = f"the request in the record cannot be followed: {reason}"
        raise ReadError(found, expected="a record that symgen wrote") from error


def take_of(origin: Origin, progress: Progress = silent) -> Take:
    """Return the take that a record tells of, made again with the version and the checkpoint that it names.

    It is one that another piece was made from.

    Raises
    ------
    ReadError, UsageError, CheckpointError
        As :func:`symgen.again.again`.
    """
    name = Path(f"the piece of seed {origin.seed}, take {origin.take}, that it was made from,")
    verb = verb_of(origin, name)
    return remade(verb, origin, checkpoint_of(origin, name, further_back=True), progress)[0]


def telling(progress: Progress, name: str) -> Progress:
    """Return what tells of all work on a piece that is made again in the same words, however many it was made from."""

    def tell(message: str, done: int = 0, total: int = 0) -> None:
        del message  # of takes that nobody asked for now
        progress(f"making {one_line(name)} again", done, total)

    return tell


def own_take(
    path: str | Path, progress: Progress = silent, checkpoint: Path | None = None
) -> tuple[Take, Origin] | str:
    """Return the take in a file, with what is written and how it is played apart, or in a line why it cannot be had.

    It can be had if the file carries the record of its origin, nobody changed it since, and the version and the
    checkpoint that made it are here. The line is empty where there is no record, in the file or beside it.

    Parameters
    ----------
    path : str or Path
        A file, or a sidecar.
    progress : Progress
        Told of the composing.
    checkpoint : Path, optional
        A folder that may hold the checkpoint, if that is not the shipped one of its name.
    """
    if checkpoint is None:
        return _own_take(Path(path), progress)
    with allowing(checkpoint, anyway=False):
        return _own_take(Path(path), progress, further_back=True)


def _own_take(path: Path, progress: Progress, *, further_back: bool = False) -> tuple[Take, Origin] | str:
    try:
        carried = read_origin(path)
    except ReadError:
        return ""
    try:
        origin = carried.origin
        verb = verb_of(origin, path)
        checkpoint = checkpoint_of(origin, path, further_back=further_back)
        take, made = remade(verb, origin, checkpoint, telling(progress, path.name))
        content = stamped(made.data, format_of(origin, path), origin)
    except SymgenError as error:
        return str(error)
    if carried.content is None:  # a sidecar, whose piece is gone
        same = hashlib.sha256(content).hexdigest() == carried.sha256
    else:
        same = carried.content in (content, made.data)
    return (take, origin) if same else f"{path} has been changed since symgen wrote it"


def take_in(path: str | Path, progress: Progress = silent) -> tuple[Take, Origin] | None:
    """Return the take in a file; None if that cannot be had. See :func:`own_take`."""
    found = own_take(path, progress)
    return None if isinstance(found, str) else found


def as_was_written(path: str | Path, piece: int = 1, progress: Progress = silent) -> tuple[Score, str]:
    """Return the score of a file, and why it is that which is played and not that which was written, if so.

    Of a piece of symgen's own it is the written one, without what the player made of it.

    Raises
    ------
    ReadError, UsageError
        As :func:`symgen.opening.open_piece`.
    """
    found = own_take(path, progress) if piece == 1 else ""
    if isinstance(found, str):
        return open_piece(path, piece, progress)[0].score, found
    return found[0].score, ""


def _check_names_no_file(part: Any) -> None:
    """Refuse a request that names a file: what symgen writes holds what was in it, and a stranger may name any."""
    if isinstance(part, str) and part.lower().endswith(".toml"):
        raise ReadError(f"the record of origin names the file {part[:60]!r}", expected="what was in it")
    for value in part.values() if isinstance(part, Mapping) else part if isinstance(part, list) else ():
        _check_names_no_file(value)
