"""Records on their way: into a file and the sidecar beside it, and back out of either."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from symgen import readers, writers
from symgen.errors import ReadError, one_line
from symgen.files import write_bytes, write_text
from symgen.origin.record import Made, Origin
from symgen.stamp import MOST_CHARACTERS, joined, pieces_of, texts_in
from symgen.writers import wav

SIDECAR: Final = ".json"
"""What a sidecar's name has behind that of its piece: ``a.mid.json``, so that ``a.mid`` and ``a.rpp`` do not clash."""

MOST_SOUND_BYTES: Final = 272 * 2**20
"""Largest file of sound that is looked into: as long as the writer's longest."""


@dataclass(frozen=True, slots=True)
class Carried:
    """A record that was found.

    Parameters
    ----------
    origin : Origin
        The record.
    piece : Path
        File of the piece; it need not be there if a sidecar was named.
    content : bytes or None
        What it holds, None if it is not there.
    inside : bool
        Whether the record stood in the piece itself.
    sha256 : str
        Of the piece as it was written, as a sidecar has it; "" where the record stood in the piece.
    """

    origin: Origin
    piece: Path
    content: bytes | None
    inside: bool
    sha256: str = ""


def sidecar_of(piece: Path) -> Path:
    """Return where the sidecar of a piece lies."""
    return piece.with_name(piece.name + SIDECAR)


def stamped(data: bytes, writer: writers.Format, origin: Origin) -> bytes:
    """Return the content of a file with the record in it, where its format has a place."""
    return writers.stamped(data, writer, pieces_of(origin.as_text()))


def write_sidecar(piece: Path, data: bytes, origin: Origin) -> Path:
    """Write the record beside its piece, `data` being what that holds, and return where.

    Raises
    ------
    WriteError
        If it cannot be written.
    """
    whole = {"file": piece.name, "file_sha256": hashlib.sha256(data).hexdigest(), "origin": origin.as_json()}
    target = sidecar_of(piece)
    write_text(target, json.dumps(whole, indent=1, allow_nan=False) + "\n")
    return target


def write_piece(piece: Path, made: Made, writer: writers.Format, *, bare: bool = False) -> None:
    """Write a piece with its record in it and beside it, or neither.

    Raises
    ------
    WriteError
        If it cannot be written.
    """
    if bare:
        write_bytes(piece, made.data)
        return
    data = stamped(made.data, writer, made.origin)
    write_bytes(piece, data)
    write_sidecar(piece, data, made.origin)


def read_origin(path: Path) -> Carried:
    """Return the record of a piece, from the piece itself or from its sidecar; `path` names either.

    Raises
    ------
    ReadError
        If there is no such file, neither of them has a record, or the record is damaged.
    """
    path = Path(path)
    if path.suffix.lower() == SIDECAR:
        piece = path.with_suffix("")
        return _beside(path, piece, _content(piece) if piece.is_file() else None)
    data = _content(path)
    record = _record_in(data, path.name)
    if record is not None:
        return Carried(Origin.from_text(record), path, data, inside=True)
    beside = sidecar_of(path)
    if not beside.is_file():
        raise ReadError(
            f"{path} does not say how it was made",
            expected=f"a record of symgen in it, or {beside.name} beside it",
            remedy="only what symgen wrote without --bare can be made again",
        )
    return _beside(beside, path, data)


def lineage_of(path: Path) -> tuple[str, ...]:
    """Return the lineage of what is made from a file: empty if that does not say how it was made itself."""
    try:
        return read_origin(path).origin.descent()
    except ReadError:
        return ()


def _content(path: Path) -> bytes:
    """Return what a file holds; one of more than ``MAX_FILE_BYTES`` is refused, one of sound at more than that."""
    most = MOST_SOUND_BYTES if path.suffix.lower() in wav.SUFFIXES else readers.MAX_FILE_BYTES
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except FileNotFoundError as error:
        raise ReadError(f"{path} does not exist", remedy="check the path", code="missing-file") from error
    except (OSError, ValueError) as error:
        raise ReadError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(data) > most:
        raise ReadError(f"{path} is too large", expected=f"at most {most:,} bytes", code="too-large")
    return data


def _record_in(data: bytes, name: str) -> str | None:
    """Return the record in a file: MIDI by its events, everything else as the text that it is."""
    from symgen.readers import midi

    if midi.sniff(data, Path(name).suffix.lower()):
        return midi.record_in(data, name)
    return joined(texts_in(data))


def _beside(sidecar: Path, piece: Path, content: bytes | None) -> Carried:
    """Return the record of a sidecar."""
    data = _content(sidecar)
    if len(data) > MOST_CHARACTERS:
        raise ReadError(f"{sidecar} is too large for a record of origin", code="too-large")
    try:
        whole: Any = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        found = f"{sidecar} is damaged: {one_line(str(error)[:80])}"
        raise ReadError(found, expected="the JSON of a sidecar") from error
    if not isinstance(whole, dict) or not isinstance(whole.get("file_sha256"), str):
        raise ReadError(f"{sidecar} is no sidecar of symgen", expected="JSON with file, file_sha256 and origin")
    return Carried(Origin.from_json(whole.get("origin")), piece, content, inside=False, sha256=whole["file_sha256"])
