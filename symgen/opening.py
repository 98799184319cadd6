"""Use case: open one piece of a file, whatever it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from symgen.errors import ReadError, SymgenError, UsageError, one_line
from symgen.piece import Piece
from symgen.progress import Progress, silent
from symgen.readers import midi
from symgen.score import Tempo


def open_piece(path: str | Path, number: int = 1, progress: Progress = silent) -> tuple[Piece, int]:
    """Return one piece of a file, and how many it holds; a recording is heard in a child that can be killed.

    MIDI that names no tempo goes at 120 quarter notes a minute, as its standard says.

    Parameters
    ----------
    path : str or Path
        A file of any format that :mod:`symgen.readers` knows.
    number : int
        Which piece of a tune book, from 1.
    progress : Progress
        Told of the hearing of a recording.

    Raises
    ------
    ReadError
        If the file cannot be read.
    UsageError
        If there is no such piece in it.
    """
    pieces = _pieces_of(Path(path), progress)
    if not 1 <= number <= len(pieces):
        raise UsageError(f"piece {number} of {path}", expected=f"1 to {len(pieces)}")
    return _in_time(pieces[number - 1]), len(pieces)


def _in_time(piece: Piece) -> Piece:
    """Return a piece with the tempo that the standard gives to MIDI which names none; a score on paper may have none.

    The reader itself leaves open what its file leaves open.
    """
    if piece.provenance.format != midi.NAME or piece.score.tempi:
        return piece
    score = replace(piece.score, tempi=(Tempo(0, midi.DEFAULT_QPM),))
    mended = {**piece.mended, "assumed-tempo": piece.mended.get("assumed-tempo", 0) + 1}
    return replace(piece, score=score, mended=mended)


def _pieces_of(path: Path, progress: Progress) -> list[Piece]:
    """Return the pieces of a file; a recording is decoded and heard in a child process that can be killed."""
    from symgen.corpus.inputs import is_recording
    from symgen.readers import read_pieces

    if not path.is_file() or not is_recording(path):
        return read_pieces(path)
    from symgen.isolation import Failure, run_isolated
    from symgen.transcribe.hearing import CAPS

    work = run_isolated(
        "symgen.opening:read_items",
        [str(path)],
        None,
        CAPS,
        warm_up="symgen.transcribe.hearing:warm_up",
        progress=progress,
    )
    (_, outcome), *_ = work
    if isinstance(outcome, Failure):
        raise ReadError(f"{one_line(path.name)} {outcome.detail}", code=outcome.code)
    if isinstance(outcome, SymgenError):
        raise outcome
    pieces: list[Piece] = outcome
    return pieces


def read_items(items: Sequence[str], shared: None, working: Any) -> Iterator[Any]:
    """Read files, the child's side of opening a recording (see :func:`symgen.isolation.run_isolated`).

    Yields
    ------
    tuple of int and list of Piece or SymgenError
        Index of the item; its pieces, or why there are none.
    """
    from symgen.readers import read_pieces

    for index, path in enumerate(items):
        working([index])
        try:
            yield index, read_pieces(path)
        except SymgenError as error:
            yield index, error
