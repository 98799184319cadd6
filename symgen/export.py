"""Use case: a piece that exists into another format or layout, or played more or less freely, without composing.

A piece of symgen's own is made anew from the record that it carries, and comes out as its verb would have written it
had it been asked for the format, the layout and the playing: what is written is there, not only what was played, and
the new file carries a record of its own. Music of others is written as it is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from symgen import writers
from symgen.errors import UsageError
from symgen.files import check_target, make_folder, settle_paths, write_bytes
from symgen.opening import open_piece
from symgen.origin import Made, Origin, sidecar_of, to_plain, write_piece
from symgen.progress import Progress, silent
from symgen.score import Score
from symgen.takes.delivery import refuse_suffix
from symgen.theory.degrees import pitch_class_name
from symgen.theory.detect import detect_mode
from symgen.theory.naming import in_gong
from symgen.verbs.ancestry import allowing, checkpoint_of, verb_of
from symgen.verbs.remaking import own_take, remade, telling
from symgen.writers import DEFAULTS, Options

if TYPE_CHECKING:
    from symgen.takes.take import Take

__all__ = ["ExportRequest", "ExportResult", "export", "export_file"]

_PLAYING = ("humanize", "humanize_timing", "humanize_velocity")


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What to write, and how.

    Parameters
    ----------
    file : Path
        A piece of symgen's own, or its sidecar; or any file that symgen reads.
    output : Path, optional
        File, whose suffix names the format, or folder; by default the file's name with the suffix of `format`, here.
    format : str, optional
        Format, by name or suffix.
    piece : int
        Which piece of a tune book, from 1.
    raw : bool
        Play what is written, to the letter.
    humanize, humanize_timing, humanize_velocity : float, optional
        How freely it is played, 0..1; by default as it was.
    layout : Options
        How tracks, time signatures, names and articulations are written.
    bare : bool
        Write no record of its origin.
    checkpoint : Path, optional
        Folder of the checkpoint that a piece of symgen's own was made with, if that is not shipped.
    """

    file: Path
    output: Path | None = None
    format: str | None = None
    piece: int = 1
    raw: bool = False
    humanize: float | None = None
    humanize_timing: float | None = None
    humanize_velocity: float | None = None
    layout: Options = DEFAULTS
    bare: bool = False
    checkpoint: Path | None = None

    def __post_init__(self) -> None:
        settle_paths(self)

    @property
    def playing(self) -> dict[str, Any]:
        """What is asked for of the playing; empty if it is to stay as it was."""
        asked = {name: getattr(self, name) for name in _PLAYING if getattr(self, name) is not None}
        if self.raw:
            return {**asked, "raw": True}
        return {**asked, "raw": False} if asked else {}


@dataclass(frozen=True, slots=True)
class ExportResult:
    """A piece in another form.

    Parameters
    ----------
    file, path : Path
        What was read and what was written.
    format : str
        Of the new file.
    score : Score
        What is written.
    origin : Origin or None
        Record of the new file; None for music of others.
    remarks : tuple of str
        What could not be had as one may expect, a line each.
    """

    file: Path
    path: Path
    format: str
    score: Score
    origin: Origin | None = None
    remarks: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the result as plain data."""
        return {
            "file": str(self.file),
            "path": str(self.path),
            "format": self.format,
            "written": self.origin is not None,
            "notes": len(self.score),
            "bars": len(self.score.bar_starts()),
            "origin": None if self.origin is None else self.origin.as_json(),
            "remarks": list(self.remarks),
        }

    def lines(self) -> Iterator[str]:
        """Yield the lines that tell what came of it."""
        yield str(self.path)
        bars = len(self.score.bar_starts())
        made = "as it is read"
        if self.origin is not None:
            made = f"{self.origin.verb}, seed {self.origin.seed}, take {self.origin.take}, as it was written"
        yield f"  {self.format}, {len(self.score)} notes, {f'{bars} bars' if bars else 'no metre'}; {made}"


def export(file: str | Path, **options: Any) -> ExportResult:
    """Write a piece that exists in another format or layout, or played more or less freely.

    Parameters
    ----------
    file : str or Path
        A piece of symgen's own, its sidecar, or any file that symgen reads.
    **options
        Fields of :class:`ExportRequest`.

    Raises
    ------
    UsageError
        If the output does not fit, or music of others is wanted in a way that needs a player.
    ReadError, WriteError
        If a file cannot be read or written.
    """
    return export_file(ExportRequest(Path(file), **options))


def export_file(request: ExportRequest, progress: Progress = silent) -> ExportResult:
    """Write a piece that exists, as :func:`export` does."""
    _check_playing(request)
    target, writer = _target(request)
    with allowing(request.checkpoint, anyway=False):
        found = own_take(request.file, progress) if request.piece == 1 else ""
        if not isinstance(found, str):
            made = _made(*found, request, writer, telling(progress, request.file.name))
            write_piece(target, made, writer, bare=request.bare)
            return ExportResult(request.file, target, writer.NAME, found[0].score, made.origin)
    return _as_read(request, found, target, writer, progress)


def _check_playing(request: ExportRequest) -> None:
    for name in _PLAYING:
        share = getattr(request, name)
        if share is not None and not 0 <= share <= 1:
            raise UsageError(f"{name.replace('_', '-')} {share:g}", expected="0 to 1")
    if request.raw and len(request.playing) > 1:
        raise UsageError("a raw score and how freely it is played", expected="one of both", remedy="leave --raw out")


def _target(request: ExportRequest) -> tuple[Path, writers.Format]:
    """Return where the new file goes and its format, checked before the work; never over the old one."""
    output = request.output
    if output is None and request.format is None:
        known = " ".join(writers.suffixes())
        raise UsageError("no format is asked for", expected=f"-o FILE with one of {known}, or --format NAME")
    is_file = output is not None and output.suffix.lower() in writers.suffixes()
    writer = writers.choose_format(request.format, output if is_file else None, request.layout)
    if output is not None and not is_file:
        refuse_suffix(output)
    if output is None or not is_file:
        stem = request.file.with_suffix("") if request.file.suffix.lower() == ".json" else request.file
        output = (make_folder(output) if output is not None else Path()) / f"{stem.stem}{writer.SUFFIXES[0]}"
    read = {request.file, sidecar_of(request.file), request.file.with_suffix("")}  # with_suffix: the piece of a sidecar
    for target in (output, sidecar_of(output)):
        if any(one.exists() and target.exists() and target.samefile(one) for one in read):
            raise UsageError(f"{target} would be written over itself", remedy="give another name: -o FILE")
    for target in (output,) if request.bare else (output, sidecar_of(output)):
        check_target(target)
    return output, writer


def _made(take: Take, origin: Origin, request: ExportRequest, writer: writers.Format, progress: Progress) -> Made:
    """Return what goes into the file of a piece of symgen's own."""
    played = _played(origin, request.playing, request.file, progress) if request.playing else origin
    asked = {**played.request, "format": writer.NAME, "layout": to_plain(request.layout)}
    wanted = replace(played, request=asked)
    checkpoint = checkpoint_of(origin, request.file)
    verb = verb_of(origin, request.file)
    took, made = remade(verb, wanted, checkpoint, progress, take=None if request.playing else take)
    if not np.array_equal(took.score.notes, take.score.notes):
        raise UsageError(
            f"{request.file} cannot be played so without breaking what was promised: it would be another piece",
            remedy="use another --humanize, or leave it out",
        )
    record = replace(made.origin, request=asked, lineage=wanted.lineage, checkpoint=origin.checkpoint, copy=origin.copy)
    return Made(made.data, record)


def _played(origin: Origin, playing: Mapping[str, Any], file: Path, progress: Progress) -> Origin:
    """Return the record of a piece that is played otherwise, and so are those that it was made from."""
    asked = {**origin.request, **playing}
    if "perform" in asked:  # to the letter unless somebody plays
        asked["perform"] = not playing["raw"]
    source = origin.request.get("source")
    if not isinstance(source, Mapping) or "record" not in source:
        return replace(origin, request=asked)
    before = _played(Origin.from_json(source["record"]), playing, file, progress)
    checkpoint = checkpoint_of(before, file, further_back=True)
    made = remade(verb_of(before, file), before, checkpoint, progress)[1]
    parent = replace(made.origin, request=before.request, lineage=before.lineage, checkpoint=before.checkpoint)
    return replace(origin, request={**asked, "source": {"record": parent.as_json()}}, lineage=parent.descent())


def _as_read(
    request: ExportRequest, why: str, target: Path, writer: writers.Format, progress: Progress
) -> ExportResult:
    """Write music of others as it is read, or refuse what needs a player."""
    if request.playing or request.layout.layout != DEFAULTS.layout or request.layout.wheel is not None:
        raise UsageError(
            why or f"{request.file} carries no record of symgen: nobody knows on which string a note is played",
            expected="a piece that symgen wrote, or no --layout, --bend-range and --humanize",
            remedy=f"give it a player: symgen arrange {request.file} --style guqin -o {target}",
        )
    piece = open_piece(request.file, request.piece, progress)[0]
    score, said = _in_its_gong(piece.score)
    write_bytes(target, writers.encode(score, writer, request.layout))
    lost = ", ".join(f"{name} {count}" for name, count in sorted(Counter(piece.lost).items()))
    remarks = [f"{why}: written as it is read"] if why else []
    remarks += [f"reading {request.file} lost: {lost}"] if lost else []
    remarks += said
    return ExportResult(request.file, target, writer.NAME, score, None, tuple(remarks))


def _in_its_gong(score: Score) -> tuple[Score, list[str]]:
    """Return a score with the gong that it is heard in, and what its file said instead."""
    if not len(score):
        return score, []
    heard = detect_mode(score)
    named = in_gong(score, heard.gong, heard.mode)
    if not score.keys or score.keys[0].gong == heard.gong:
        return named, []
    keys = [pitch_class_name(one.keys[0].gong) for one in (score, named)]
    return named, [f"the file says 1={keys[0]}, but its notes lie in 1={keys[1]}: written so"]
