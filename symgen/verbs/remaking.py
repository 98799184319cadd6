"""Pieces made anew from the record of their origin: the verb that made one makes it once more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from symgen import writers
from symgen.errors import CheckpointError, ReadError, SymgenError, UsageError, one_line
from symgen.models.checkpoint import FACTS, load_checkpoint
from symgen.origin import Made, Origin, from_plain, read_origin, stamped
from symgen.progress import Progress, silent
from symgen.resources import DEFAULT_CHECKPOINT, checkpoints_dir, version
from symgen.takes.take import Take
from symgen.verbs import VERBS, Verb, verb_named

_BROKEN: Final = (
    ValueError, TypeError, LookupError, ArithmeticError, AttributeError, AssertionError, RecursionError,
)  # fmt: skip
"""What a request that nobody checked may come to, deep within: values that symgen never writes."""


def verb_of(origin: Origin, file: Path, *, anyway: bool = False) -> Verb:
    """Return what made a piece, if this version may make it again.

    Raises
    ------
    UsageError
        If another version made it, unless that does not matter, or a verb that is not known here.
    """
    here, there = version(), one_line(origin.version[:40])
    if origin.version != here and not anyway:
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
    return verb_named(origin.verb)


def checkpoint_of(origin: Origin, file: Path, given: Path | None = None, *, anyway: bool = False) -> Path:
    """Return the folder of the checkpoint that a piece was made with, or of another one where that does not matter.

    Raises
    ------
    CheckpointError
        If it is gone, or is another one.
    """
    folder = given or checkpoints_dir() / origin.checkpoint
    wanted = f"{origin.checkpoint} with the digest {origin.digest}"
    if not (folder / FACTS).exists():
        if anyway and given is None:
            return checkpoints_dir() / DEFAULT_CHECKPOINT
        raise CheckpointError(
            f"{file} was made with the checkpoint {wanted}, and there is none at {folder}",
            remedy="name its folder with --checkpoint DIR, or use --anyway to compose with the shipped one",
        )
    found = load_checkpoint(folder).digest
    if found != origin.digest and not anyway:
        raise CheckpointError(
            f"{file} was made with the checkpoint {wanted}, {folder} has the digest {found}",
            remedy="name the folder of that one with --checkpoint DIR, or use --anyway to compose with this one",
        )
    return folder


def format_of(origin: Origin, file: Path) -> writers.Format:
    """Return the format of a piece."""
    name = origin.request.get("format")
    if not isinstance(name, str):
        raise ReadError(f"the record of {file} names no format", expected="a record that symgen wrote")
    return writers.find_format(name)


def remade(verb: Verb, origin: Origin, checkpoint: Path, progress: Progress) -> tuple[Take, Made]:
    """Return the take that a record tells of, and what goes into its file.

    Raises
    ------
    ReadError
        If the record cannot be followed, whatever is wrong with it.
    """
    try:
        _check_names_no_file(origin.request)
        request = from_plain(dict(origin.request), verb.request)
        request = replace(request, checkpoint=checkpoint, seed=origin.seed)
        retaken = verb.retake(request, origin.take, progress)
        return retaken, verb.made(retaken, request)
    except SymgenError:
        raise
    except _BROKEN as error:
        reason = one_line(f"{type(error).__name__}: {error}"[:120])
        found = f"the request in the record cannot be followed: {reason}"
        raise ReadError(found, expected="a record that symgen wrote") from error


def take_of(origin: Origin, progress: Progress = silent) -> Take:
    """Return the take that a record tells of, made again with the version and the checkpoint that it names.

    Raises
    ------
    ReadError, UsageError, CheckpointError
        As :func:`symgen.again.again`.
    """
    file = Path(f"the piece of seed {origin.seed}, take {origin.take},")  # as errors call it
    return remade(verb_of(origin, file), origin, checkpoint_of(origin, file), progress)[0]


def take_in(path: Path, progress: Progress = silent) -> tuple[Take, Origin] | None:
    """Return the take in a file, with what is written and how it is played apart; None if that cannot be had.

    It can be had if the file carries the record of its origin, nobody changed it since, and the version and the
    checkpoint that made it are here.
    """
    try:
        carried = read_origin(path)
        origin = carried.origin
        take, made = remade(verb_of(origin, path), origin, checkpoint_of(origin, path), progress)
        content = stamped(made.data, format_of(origin, path), origin)
    except SymgenError:
        return None
    return (take, origin) if carried.content in (content, made.data) else None


def _check_names_no_file(part: Any) -> None:
    """Refuse a request that names a file: what symgen writes holds what was in it, and a stranger may name any."""
    if isinstance(part, str) and part.lower().endswith(".toml"):
        raise ReadError(f"the record of origin names the file {part[:60]!r}", expected="what was in it")
    for value in part.values() if isinstance(part, Mapping) else part if isinstance(part, list) else ():
        _check_names_no_file(value)
