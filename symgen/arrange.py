"""Use case: any melody in, the same melody playable on a zither out, with an account of what had to be changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from symgen.arranging import ArrangeRequest, ArrangeResult, arrange_score
from symgen.files import check_target, make_folder, write_bytes
from symgen.progress import Progress, silent
from symgen.score import Score
from symgen.verbs.remaking import as_was_written

__all__ = ["ArrangeRequest", "ArrangeResult", "arrange", "arrange_file"]


def arrange(source: Score | str | Path, style: str = "guqin", **options: Any) -> ArrangeResult:
    """Make music playable on a zither.

    Parameters
    ----------
    source : Score, str or Path
        What is arranged, or a file of any format that symgen reads.
    style : str
        guqin or guzheng.
    **options
        Fields of :class:`symgen.arranging.ArrangeRequest`; nothing is written.

    Raises
    ------
    UsageError
        If the request cannot be met, saying why and what could be.
    ReadError
        If the file cannot be read.
    PlayabilityError
        With ``strict=True``, for the first thing that would have to be changed.
    """
    if isinstance(source, Score):
        return arrange_score(source, ArrangeRequest(source=Path(source.title or "score"), style=style, **options))
    request = ArrangeRequest(source=Path(source), style=style, **options)
    score, remark = as_was_written(request.source, request.piece)
    return replace(arrange_score(score, request), remarks=_remarks(remark))


def arrange_file(request: ArrangeRequest, progress: Progress = silent) -> ArrangeResult:
    """Arrange a piece of a file and write the arrangement.

    An output that ends in a known suffix is the file, anything else a folder, in which the file has the name
    of the source and the instrument. Nothing is written where the arrangement is refused.

    Raises
    ------
    UsageError, ReadError, PlayabilityError
        As :func:`arrange`.
    WriteError
        If the file cannot be written.
    """
    from symgen import writers

    output = request.output or Path()
    is_file = output.suffix.lower() in writers.suffixes()
    writer = writers.choose_format(request.format, output if is_file else None, request.layout)
    if is_file:
        check_target(output)
    progress(f"reading {request.source}")
    score, remark = as_was_written(request.source, request.piece, progress)
    progress("finding places on the strings")
    result = replace(arrange_score(score, request), remarks=_remarks(remark))
    name = f"{request.source.stem}-{result.instrument}{writer.SUFFIXES[0]}"
    path = output if is_file else make_folder(output) / name
    write_bytes(path, writers.encode(result.performance, writer, request.layout))
    return replace(result, path=path)


def _remarks(why: str) -> tuple[str, ...]:
    return (f"{why}: taken as it is played",) if why else ()
