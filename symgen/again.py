"""Use case: a piece made anew from what it carries, byte for byte.

The record in a file, or beside it, holds the request, the seed and the digest of the weights. The verb that made the
piece makes it once more, and the bytes are compared with the digest that the record has of them and with the file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from symgen import writers
from symgen.errors import UsageError
from symgen.files import check_target, settle_paths
from symgen.origin import Carried, Made, Origin, read_origin, sidecar_of, stamped, write_piece
from symgen.progress import Progress, silent
from symgen.verbs.ancestry import allowing, checkpoint_of, verb_of
from symgen.verbs.remaking import format_of, remade, telling

__all__ = ["AgainRequest", "AgainResult", "again", "make_again"]


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

    def __post_init__(self) -> None:
        settle_paths(self)


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
    with allowing(request.checkpoint, anyway=request.anyway):
        verb, checkpoint = verb_of(origin, request.file), checkpoint_of(origin, request.file)
        writer = format_of(origin, request.file)
        target = _target(carried, writer, request)
        _, made = remade(verb, origin, checkpoint, telling(progress, request.file.name))
    exact = made.origin.sha256 == origin.sha256
    name = origin.checkpoint if made.origin.digest == origin.digest else made.origin.checkpoint
    # What was asked stays as it was written: a compressor elsewhere may spell an embedded score in other bytes.
    record = replace(
        made.origin, request=origin.request, lineage=origin.lineage, checkpoint=name, copy=as_compared(made, origin)
    )
    data = stamped(made.data, writer, record)
    if carried.content is None:
        identical = hashlib.sha256(data).hexdigest() == carried.sha256
    else:
        identical = data == carried.content
    write_piece(target, Made(made.data, record), writer)
    return AgainResult(request.file, target, record, exact or identical, identical)


def as_compared(made: Made, origin: Origin) -> Mapping[str, Any] | None:
    """Return the copy report beside the runs of people's pieces as known then: weights can be measured anew."""
    if made.origin.copy is None or origin.copy is None:
        return made.origin.copy
    return {**made.origin.copy, **{k: v for k, v in origin.copy.items() if k.startswith("human_")}}


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
