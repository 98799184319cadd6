"""What a piece and those it was made from may be made anew with, and how many of them there may be.

A record holds its request, and where a piece was made from another one, the record of that. Whoever makes a piece anew
may say once which checkpoint and which version it may be made with; that holds for every piece on the way back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from symgen.errors import CheckpointError, UsageError, one_line
from symgen.models.checkpoint import FACTS, load_checkpoint
from symgen.origin import Origin
from symgen.resources import DEFAULT_CHECKPOINT, checkpoints_dir, version
from symgen.verbs import VERBS, Verb, verb_named

MOST_GENERATIONS: Final = 16
"""Pieces that stand in a record one within the other; each of them is composed again."""


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
    return verb_named(origin.verb)


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
