"""Pieces of symgen's own made anew from their records, and those that they were made from: what files are taken up by.

A record holds its request, and where a piece was made from another one, the record of that. Whoever makes a piece anew
may say once which checkpoint and which version it may be made with; that holds for every piece on the way back.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from symgen import writers
from symgen.errors import CheckpointError, ReadError, SymgenError, UsageError, one_line
from symgen.models.checkpoint import FACTS, load_checkpoint
from symgen.opening import open_piece
from symgen.origin import Made, Origin, from_plain, read_origin, stamped
from symgen.progress import Progress, silent
from symgen.resources import DEFAULT_CHECKPOINT, checkpoints_dir, version

if TYPE_CHECKING:
    from symgen.score import Score
    from symgen.take import Take

__all__ = [
    "MOST_GENERATIONS",
    "VERBS",
    "Verb",
    "allowing",
    "as_was_written",
    "checkpoint_of",
    "generations",
    "own_take",
    "remade",
    "take_in",
    "take_of",
    "telling",
    "verb_of",
    "writer_of",
]

MOST_GENERATIONS: Final = 16
"""Pieces that stand in a record one within the other; each of them is composed again."""


@dataclass(frozen=True, slots=True)
class Verb:
    """Where a verb is at home.

    Parameters
    ----------
    module : str
        It has a function ``retake(request, take, progress)`` that returns a :class:`symgen.take.Take`, and one
        ``made(take, request)`` that returns what goes into its file, a :class:`symgen.origin.Made`.
    request : str
        Class of its request in that module, a frozen dataclass with a field ``checkpoint``.
    """

    module: str
    request: str


VERBS: Mapping[str, Verb] = {
    "compose": Verb("symgen.compose", "ComposeRequest"),
    "continue": Verb("symgen.continuing", "ContinueRequest"),
    "infill": Verb("symgen.infill", "InfillRequest"),
    "vary": Verb("symgen.varying", "VaryRequest"),
    "accompany": Verb("symgen.accompanying", "AccompanyRequest"),
}
"""Verbs whose pieces can be made again; a new one is one row."""

_BROKEN: Final = (
    ValueError, TypeError, LookupError, ArithmeticError, AttributeError, AssertionError, RecursionError,
)  # fmt: skip
"""What a request that nobody checked may come to, deep within: values that symgen never writes."""


@dataclass(frozen=True, slots=True)
class _Allowed:
    """What pieces may be made anew with: another folder of weights, another version."""

    checkpoint: Path | None = None
    anyway: bool = False


_NOTHING_ELSE: Final = _Allowed()
_ALLOWED: ContextVar[_Allowed] = ContextVar("allowed", default=_NOTHING_ELSE)


@contextmanager
def allowing(checkpoint: Path | None, *, anyway: bool) -> Iterator[None]:
    """Let pieces be made anew with a checkpoint, or with whatever is here, those they were made from too.

    Parameters
    ----------
    checkpoint : Path, optional
        Folder of a checkpoint.
    anyway : bool
        Also with another version or another checkpoint.
    """
    before = _ALLOWED.set(_Allowed(checkpoint, anyway))
    try:
        yield
    finally:
        _ALLOWED.reset(before)


def ancestors(origin: Origin) -> Iterator[Mapping[str, Any]]:
    """Yield the records that stand in a record, one within the other, the parent first, as they are found."""
    request: Any = origin.request
    while isinstance(request, Mapping) and isinstance(request.get("source"), Mapping):
        record = request["source"].get("record")
        if not isinstance(record, Mapping):
            return
        yield record
        request = record.get("request")


def generations(origin: Origin) -> int:
    """Return how many pieces have to be composed for one, itself among them."""
    return 1 + sum(1 for _ in ancestors(origin))


def verb_of(origin: Origin, file: Path) -> Verb:
    """Return what made a piece, if this version may make it again.

    Raises
    ------
    UsageError
        If another version made it, by a verb that is not known, or in too many steps.
    """
    here, there = version(), one_line(origin.version[:40])
    if origin.version != here and not _ALLOWED.get().anyway:
        raise UsageError(
            f"{file} was made by symgen {there}, this is {here}",
            expected="the same version, whose bytes are the same",
            remedy=f"install symgen {there}, or use --anyway for what {here} makes of the request",
        )
    if origin.verb not in VERBS:
        raise UsageError(
            f"{file} was made by {one_line(origin.verb[:40])!r}, which symgen {here} does not know",
            expected=f"one of {', '.join(VERBS)}",
            remedy=f"use symgen {there}",
        )
    if (steps := generations(origin)) > MOST_GENERATIONS:
        raise UsageError(
            f"{file} was made in {steps} steps, each of which would be composed again",
            expected=f"at most {MOST_GENERATIONS}",
            remedy="take it as it is: symgen export FILE --bare writes it without its record",
        )
    return VERBS[origin.verb]


def checkpoint_of(origin: Origin, file: Path, *, further_back: bool = False) -> Path:
    """Return the folder of the checkpoint that a piece was made with.

    Parameters
    ----------
    origin : Origin
        Its record.
    file : Path
        Its name, for messages.
    further_back : bool
        Whether it is one that another piece was made from: then a folder that was named may be meant for that one.

    Raises
    ------
    CheckpointError
        If it is gone, or is another one.
    """
    allowed = _ALLOWED.get()
    named, shipped = allowed.checkpoint, checkpoints_dir() / origin.checkpoint
    if named is not None and not allowed.anyway and _meant_for_others(named, shipped, origin, further_back):
        named = None
    folder = named or shipped
    wanted = f"{origin.checkpoint} with the digest {origin.digest}"
    if not (folder / FACTS).exists():
        if allowed.anyway and named is None:
            return checkpoints_dir() / DEFAULT_CHECKPOINT
        raise CheckpointError(
            f"{file} was made with the checkpoint {wanted}, and there is none at {folder}",
            remedy="name its folder with --checkpoint DIR, or use --anyway to compose with the shipped one",
        )
    found = load_checkpoint(folder).digest
    if found != origin.digest and not allowed.anyway:
        raise CheckpointError(
            f"{file} was made with the checkpoint {wanted}, {folder} has the digest {found}",
            remedy="name the folder of that one with --checkpoint DIR, or use --anyway to compose with this one",
        )
    return folder


def _meant_for_others(named: Path, shipped: Path, origin: Origin, further_back: bool) -> bool:
    """Tell whether a folder that was named is that of other pieces on the way back, and this one's is shipped."""
    if not all((folder / FACTS).exists() for folder in (named, shipped)):
        return False
    digest = load_checkpoint(named).digest
    if digest == origin.digest or load_checkpoint(shipped).digest != origin.digest:
        return False
    made_with = [record.get("checkpoint") for record in ancestors(origin)]
    return further_back or any(isinstance(one, Mapping) and one.get("digest") == digest for one in made_with)


def writer_of(origin: Origin, file: Path) -> writers.Format:
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
    module = importlib.import_module(verb.module)
    try:
        _check_names_no_file(origin.request)
        request = from_plain(dict(origin.request), getattr(module, verb.request))
        request = replace(request, checkpoint=checkpoint, seed=origin.seed)
        took: Take = module.retake(request, origin.take, progress) if take is None else take
        made: Made = module.made(took, request)
    except SymgenError:
        raise
    except _BROKEN as error:
        reason = one_line(f"{type(error).__name__}: {error}"[:120])
        found = f"the request in the record cannot be followed: {reason}"
        raise ReadError(found, expected="a record that symgen wrote") from error
    return took, made


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
        content = stamped(made.data, writer_of(origin, path), origin)
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
