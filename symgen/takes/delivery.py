"""Delivery: takes become files, each with the record of its origin, and a folder of them a session."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from symgen.errors import UsageError
from symgen.files import check_target, make_folder
from symgen.origin import Guarantee, Origin, guarantees, read_back, sidecar_of, write_piece
from symgen.origin import Made as Piece
from symgen.resources import version
from symgen.score import Score
from symgen.takes.session import Made, read_session, record
from symgen.takes.take import ComposeResult, Heard, Take, in_order_of_take
from symgen.writers import DEFAULTS, Options

if TYPE_CHECKING:
    from symgen.writers import Format


_NOT_MUSIC = frozenset({"source", "format", "layout"})
"""Of a request, what a session does not repeat."""


class Delivery(Protocol):
    """What a request says about its files."""

    @property
    def takes(self) -> int:
        """How many pieces."""

    @property
    def output(self) -> Path | None:
        """File or folder."""

    @property
    def format(self) -> str | None:
        """Format of the files."""

    @property
    def layout(self) -> Options:
        """How they are written."""

    @property
    def bare(self) -> bool:
        """Whether they are written without the record of their origin."""


def refuse_suffix(output: Path) -> None:
    """Refuse an output that looks like a file of a format that cannot be written, where no such folder is.

    Raises
    ------
    UsageError
        Naming the suffixes that can be written.
    """
    from symgen import writers

    if _SUFFIX.fullmatch(output.suffix) and not output.is_dir():
        raise UsageError(
            f"{output} has the suffix {output.suffix}",
            expected=f"a folder, or a file ending in one of {' '.join(writers.suffixes())}",
        )


_SUFFIX: Final = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,9}")
"""What looks like the suffix of a file: of a folder v1.2 it does not."""


def deliver(
    request: Delivery,
    verb: str,
    takes: Callable[[], Iterator[Take]],
    name_of: Callable[[Take], str],
    *,
    piece_of: Callable[[Take, Format], Piece],
    order: Callable[[Sequence[Take]], ComposeResult] = in_order_of_take,
    source: Path | None = None,
    remarks: Sequence[str] = (),
) -> ComposeResult:
    """Write takes to files, each as soon as it is there, and keep a session of those that go into a folder.

    Parameters
    ----------
    request : Delivery
        Where to and how.
    verb : str
        What makes them.
    takes : callable
        Checks what can be checked at once and returns the takes, which are made as they are asked for.
    name_of : callable
        Name of a take's file in a folder, without the suffix.
    piece_of : callable
        Gives what goes into the file of a take in a format; see :func:`piece`.
    order : callable
        Puts the takes in order.
    source : Path, optional
        File that they are made from.
    remarks : sequence of str
        What was assumed or changed before.

    Raises
    ------
    UsageError
        If the output does not fit.
    WriteError
        If a file cannot be written; nothing partial is left.
    """
    from symgen import writers

    output = request.output or Path()
    is_file = output.suffix.lower() in writers.suffixes()
    writer = writers.choose_format(request.format, output if is_file else None, request.layout)
    if not is_file:
        refuse_suffix(output)
    if is_file and request.takes > 1:
        raise UsageError(
            f"{request.takes} takes for one file {output}",
            expected="a folder",
            remedy=f"use -o {output.with_suffix('')}",
        )
    if is_file:
        for target in (output,) if request.bare else (output, sidecar_of(output)):
            check_target(target)
    coming = takes()
    if not is_file:
        make_folder(output)
        if request.output is not None:
            read_session(output, missing=True)  # one that cannot be read is told before anything is composed
    written: list[Take] = []
    asked: dict[int, Mapping[str, Any]] = {}
    try:
        for take in coming:
            path = output if is_file else output / f"{name_of(take)}{writer.SUFFIXES[0]}"
            made = piece_of(take, writer)
            write_piece(path, made, writer, bare=request.bare)
            asked[take.take] = made.origin.request
            written.append(replace(take, path=path, guarantees=made.origin.guarantees))
    finally:  # also what was written before an interrupt is in the session
        result = order(written)
        if request.output is not None and not is_file and written:
            in_order = sorted(result.takes, key=lambda take: take.take)
            held = record(output, [_made(take, verb, asked[take.take], source) for take in in_order])
            numbers = [held.number_of(take.path) if take.path else None for take in result.takes]
            numbered = [replace(take, number=no) for take, no in zip(result.takes, numbers, strict=True)]
            result = replace(result, takes=tuple(numbered))
    return replace(result, remarks=tuple(remarks))


def _made(take: Take, verb: str, asked: Mapping[str, Any], source: Path | None) -> Made:
    """Return what the session of its folder says of a take."""
    facts = take.as_json()
    about = {name: facts[name] for name in ("style", "gong_name", "mode", "tuning", "metre", "tempo", "bars", "notes")}
    assert take.path is not None
    return Made(
        path=take.path,
        command=verb,
        source=source,
        rank=facts.get("rank"),
        score=facts.get("score", {}),
        seed=take.seed,
        take=take.take,
        request={name: value for name, value in asked.items() if name not in _NOT_MUSIC and value is not None},
        checkpoint=take.checkpoint,
        about=about,
    )


def piece(
    take: Take, verb: str, request: Mapping[str, Any], writer: Format, layout: Options, lineage: tuple[str, ...] = ()
) -> Piece:
    """Return what goes into the file of a take, and its origin.

    Parameters
    ----------
    take : Take
        What was made.
    verb : str
        What made it.
    request : mapping
        What was asked for, as plain data (:func:`symgen.origin.plain_request`).
    writer, layout : Format, Options
        How it is written.
    lineage : tuple of str
        Of the piece that it was made from.
    """
    data, found, checked_on = _written(take, writer, layout)
    origin = Origin(
        verb=verb,
        request={**request, "format": writer.NAME},
        seed=take.seed,
        take=take.take,
        checkpoint=take.checkpoint_name,
        digest=take.checkpoint,
        version=version(),
        sha256=hashlib.sha256(data).hexdigest(),
        guarantees=found,
        checked_on=checked_on,
        copy=None if take.copy is None else take.copy.as_json(),
        lineage=lineage,
    )
    return Piece(data, origin)


def _written(
    take: Take, writer: Format, layout: Options
) -> tuple[bytes, tuple[Guarantee, ...], Literal["file", "score"]]:
    """Return the bytes of a take, what they keep of its promises, and what that was found in."""
    from symgen import writers
    from symgen.writers import midi

    heard = take.heard
    if heard is not None and heard.performance is take.performance and writer.NAME == midi.NAME and layout == DEFAULTS:
        return heard.data, take.guarantees, "file"
    data = writers.encode(take.performance, writer, layout)
    score, checked_on = read_back(data, writer, take.performance, layout)
    return data, checked(take, score), checked_on


def checked(take: Take, score: Score) -> tuple[Guarantee, ...]:
    """Return what a take promises beside what is found in a score of it."""
    assert take.promise is not None
    return (*guarantees(score, take.promise, take.copy), *take.kept)


def as_played(take: Take) -> Take:
    """Return a take with its guarantees, checked on what is heard of its MIDI file.

    Ornaments can take a short piece out of its gong, and where a bend is wider than its range the note is struck again.
    """
    from symgen.writers import midi

    data = midi.encode(take.performance)
    found = checked(take, read_back(data, midi, take.performance, DEFAULTS)[0])
    return replace(take, guarantees=found, heard=Heard(take.performance, data))


def broken_as_played(take: Take) -> list[str]:
    """Return which guarantees of a take that was checked as it is played are not kept."""
    return [f"as played, {row.name} is {row.found}" for row in take.guarantees if not row.kept]
