"""Use case: a piece made anew from what it carries, byte for byte.

The record in a file, or beside it, holds the request, the seed and the digest of the weights. The verb that made the
piece makes it once more, and the bytes are compared with the digest that the record has of them and with the file.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from symgen import writers
from symgen.errors import CheckpointError, ReadError, SymgenError, UsageError, one_line
from symgen.files import check_target
from symgen.models.checkpoint import FACTS, load_checkpoint
from symgen.origin import Carried, Made, Origin, from_plain, read_origin, sidecar_of, stamped, write_piece
from symgen.progress import Progress, silent
from symgen.resources import DEFAULT_CHECKPOINT, checkpoints_dir, version

if TYPE_CHECKING:
    from symgen.takes.take import Take

__all__ = ["VERBS", "AgainRequest", "AgainResult", "Verb", "again", "make_again", "take_in", "take_of"]


@dataclass(frozen=True, slots=True)
class Verb:
    """Where a verb is at home.

    Parameters
    ----------
    module : str
        It has a function ``retake(request, take, progress)`` that returns a :class:`symgen.takes.take.Take`, and one
        ``made(take, request)`` that returns what goes into its file, a :class:`symgen.origin.Made`.
    request : str
        Class of its request in that module, a frozen dataclass with a field ``checkpoint``.
    """

    module: str
    request: str


VERBS: Mapping[str, Verb] = {
    "compose": Verb("symgen.compose", "ComposeRequest"),
    "continue": Verb("symgen.verbs.continuing", "ContinueRequest"),
    "infill": Verb("symgen.verbs.infilling", "InfillRequest"),
    "vary": Verb("symgen.verbs.varying", "VaryRequest"),
    "accompany": Verb("symgen.verbs.accompanying", "AccompanyRequest"),
}
"""Verbs whose pieces can be made again; a new one is one row."""

_BROKEN: Final = (
    ValueError, TypeError, LookupError, ArithmeticError, AttributeError, AssertionError, RecursionError,
)  # fmt: skip
"""What a request that nobody checked may come to, deep within: values that symgen never writes."""


@dataclass(frozen=True, slots=True)
class AgainRequest:
    """What to make again.

    Parameters
    ----------
    file : Path
        A piece that symgen wrote, or its sidecar.
    output : Path, optional
        File or folder; by default ``<name>-again`` in the current folder.
    checkpoint : Path, optional
        Folder of the checkpoint it was made with, if that is not the shipped one of its name.
    anyway : bool
        Also with another version or another checkpoint, which makes another piece.
    """

    file: Path
    output: Path | None = None
    checkpoint: Path | None = None
    anyway: bool = False


@dataclass(frozen=True, slots=True)
class AgainResult:
    """A piece that was made again.

    Parameters
    ----------
    file, path : Path
        What was read and what was written.
    origin : Origin
        Record of the new file.
    exact : bool
        Whether the music is byte for byte what the record says.
    identical : bool
        Whether the new file is byte for byte the old one; of a piece that is gone its sidecar tells.
    """

    file: Path
    path: Path
    origin: Origin
    exact: bool
    identical: bool

    def as_json(self) -> dict[str, Any]:
        """Return the result as plain data."""
        return {
            "file": str(self.file),
            "path": str(self.path),
            "identical": self.identical,
            "exact": self.exact,
            "origin": self.origin.as_json(),
        }

    @property
    def exit_code(self) -> int:
        """0 if the piece came out as its record says, 1 if not."""
        return 0 if self.exact else 1

    def lines(self) -> Iterator[str]:
        """Yield the lines that tell what came of it."""
        yield str(self.path)
        made = f"{self.origin.verb}, seed {self.origin.seed}, take {self.origin.take}"
        if self.identical:
            yield f"  {made}: identical to {self.file}, byte for byte"
        elif self.exact:
            yield f"  {made}: byte for byte as it was composed; {self.file} has been changed since"
        else:
            yield f"  {made}: another piece than {self.file} says"


def again(file: str | Path, **options: Any) -> AgainResult:
    """Make a piece again and write it.

    Parameters
    ----------
    file : str or Path
        A piece that symgen wrote, or its sidecar.
    **options
        Fields of :class:`AgainRequest`.

    Raises
    ------
    ReadError
        If the file does not say how it was made, or its record is damaged.
    UsageError
        If another version made it, or the output is another format's.
    CheckpointError
        If the checkpoint is gone, or is another one.
    """
    return make_again(AgainRequest(Path(file), **options))


def make_again(request: AgainRequest, progress: Progress = silent) -> AgainResult:
    """Make a piece again, as :func:`again` does."""
    carried = read_origin(request.file)
    origin = carried.origin
    verb = _verb(origin, request)
    checkpoint = _checkpoint(origin, request)
    writer = _writer(origin, request)
    target = _target(carried, writer, request)
    made = _rebuilt(verb, origin, checkpoint, progress)
    exact = made.origin.sha256 == origin.sha256
    name = origin.checkpoint if made.origin.digest == origin.digest else made.origin.checkpoint
    # What was asked stays as it was written: a compressor elsewhere may spell an embedded score in other bytes.
    record = replace(
        made.origin, request=origin.request, lineage=origin.lineage, checkpoint=name, copy=_as_compared(made, origin)
    )
    data = stamped(made.data, writer, record)
    if carried.content is None:
        identical = hashlib.sha256(data).hexdigest() == carried.sha256
    else:
        identical = data == carried.content
    write_piece(target, Made(made.data, record), writer)
    return AgainResult(request.file, target, record, exact or identical, identical)


def _as_compared(made: Made, origin: Origin) -> Mapping[str, Any] | None:
    """Return the copy report beside the runs of people's pieces as known then: weights can be measured anew."""
    if made.origin.copy is None or origin.copy is None:
        return made.origin.copy
    return {**made.origin.copy, **{k: v for k, v in origin.copy.items() if k.startswith("human_")}}


def _verb(origin: Origin, request: AgainRequest) -> Verb:
    """Return what made a piece, if this version may make it again."""
    here, there = version(), one_line(origin.version[:40])
    if origin.version != here and not request.anyway:
        raise UsageError(
            f"{request.file} was made by symgen {there}, this is {here}",
            expected="the same version, whose bytes are the same",
            remedy=f"install symgen {there}, or use --anyway for what {here} makes of the request",
        )
    if origin.verb not in VERBS:
        raise UsageError(
            f"{request.file} was made by {one_line(origin.verb[:40])!r}, which symgen {here} does not know",
            expected=f"one of {', '.join(VERBS)}",
            remedy=f"use symgen {there}",
        )
    return VERBS[origin.verb]


def _checkpoint(origin: Origin, request: AgainRequest) -> Path:
    """Return the folder of the checkpoint that a piece was made with."""
    folder = request.checkpoint or checkpoints_dir() / origin.checkpoint
    wanted = f"{origin.checkpoint} with the digest {origin.digest}"
    if not (folder / FACTS).exists():
        if request.anyway and request.checkpoint is None:
            return checkpoints_dir() / DEFAULT_CHECKPOINT
        raise CheckpointError(
            f"{request.file} was made with the checkpoint {wanted}, and there is none at {folder}",
            remedy="name its folder with --checkpoint DIR, or use --anyway to compose with the shipped one",
        )
    found = load_checkpoint(folder).digest
    if found != origin.digest and not request.anyway:
        raise CheckpointError(
            f"{request.file} was made with the checkpoint {wanted}, {folder} has the digest {found}",
            remedy="name the folder of that one with --checkpoint DIR, or use --anyway to compose with this one",
        )
    return folder


def _writer(origin: Origin, request: AgainRequest) -> writers.Format:
    """Return the format of a piece."""
    name = origin.request.get("format")
    if not isinstance(name, str):
        raise ReadError(f"the record of {request.file} names no format", expected="a record that symgen wrote")
    return writers.find_format(name)


def _target(carried: Carried, writer: writers.Format, request: AgainRequest) -> Path:
    """Return where the new file goes, checked before the work; never over the old one unless that is asked for."""
    suffix = carried.piece.suffix if carried.piece.suffix.lower() in writer.SUFFIXES else writer.SUFFIXES[0]
    output = request.output or Path(f"{carried.piece.stem}-again{suffix}")
    if output.is_dir():
        output = output / f"{carried.piece.stem}{suffix}"
    elif output.suffix.lower() not in writer.SUFFIXES:
        raise UsageError(
            f"{output} for a piece in the format {writer.NAME}",
            expected=f"a folder, or a file that ends in {' or '.join(writer.SUFFIXES)}",
        )
    for target in (output, sidecar_of(output)):
        check_target(target)
    return output


def _rebuilt(verb: Verb, origin: Origin, checkpoint: Path, progress: Progress) -> Made:
    """Return what the verb makes of a record; whatever is wrong with that is a ReadError."""
    return _remade(verb, origin, checkpoint, progress)[1]


def _remade(verb: Verb, origin: Origin, checkpoint: Path, progress: Progress) -> tuple[Take, Made]:
    """Return the take that a record tells of, and what goes into its file."""
    module = importlib.import_module(verb.module)
    try:
        _check_names_no_file(origin.request)
        request = from_plain(dict(origin.request), getattr(module, verb.request))
        request = replace(request, checkpoint=checkpoint, seed=origin.seed)
        take: Take = module.retake(request, origin.take, progress)
        made: Made = module.made(take, request)
    except SymgenError:
        raise
    except _BROKEN as error:
        reason = one_line(f"{type(error).__name__}: {error}"[:120])
        found = f"the request in the record cannot be followed: {reason}"
        raise ReadError(found, expected="a record that symgen wrote") from error
    return take, made


def take_of(origin: Origin, progress: Progress = silent) -> Take:
    """Return the take that a record tells of, made again with the version and the checkpoint that it names.

    Raises
    ------
    ReadError, UsageError, CheckpointError
        As :func:`again`.
    """
    request = AgainRequest(Path(f"the piece of seed {origin.seed}, take {origin.take},"))
    return _remade(_verb(origin, request), origin, _checkpoint(origin, request), progress)[0]


def take_in(path: Path, progress: Progress = silent) -> tuple[Take, Origin] | None:
    """Return the take in a file, with what is written and how it is played apart; None if that cannot be had.

    It can be had if the file carries the record of its origin, nobody changed it since, and the version and the
    checkpoint that made it are here.
    """
    try:
        carried = read_origin(path)
        origin = carried.origin
        request = AgainRequest(path)
        take, made = _remade(_verb(origin, request), origin, _checkpoint(origin, request), progress)
        content = stamped(made.data, _writer(origin, request), origin)
    except SymgenError:
        return None
    return (take, origin) if carried.content in (content, made.data) else None


def _check_names_no_file(part: Any) -> None:
    """Refuse a request that names a file: what symgen writes holds what was in it, and a stranger may name any."""
    if isinstance(part, str) and part.lower().endswith(".toml"):
        raise ReadError(f"the record of origin names the file {part[:60]!r}", expected="what was in it")
    for value in part.values() if isinstance(part, Mapping) else part if isinstance(part, list) else ():
        _check_names_no_file(value)
