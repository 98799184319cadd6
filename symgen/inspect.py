"""Inspect: what a score holds, in the words of its tradition, and who can play it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from symgen.instruments.playability import Playability, playability
from symgen.opening import open_piece
from symgen.piece import Piece
from symgen.progress import Progress, silent
from symgen.score import Score
from symgen.theory.degrees import DEGREES, degree_of, note_name, pitch_class_name
from symgen.theory.modes import mode_name
from symgen.writers import bend_ranges

WIDE_BENDS = "a program that ignores it (LMMS) needs it set on these tracks, or a file with --bend-range 2"


@dataclass(frozen=True, slots=True)
class InspectResult:
    """What :func:`inspect_file` found.

    Parameters
    ----------
    path, format, title : str
        The file, the reader that read it, and the title of the piece.
    piece, pieces : int
        Number of this piece within its file, from 1, and how many there are.
    notes : int
        Number of notes.
    bars : int or None
        None where the metre is unknown.
    seconds : float
        Length; an unknown tempo counts as 60 qpm.
    tempo : float or None
        Quarter notes per minute at the start.
    metre : str or None
        Metre at the start, such as "2/4".
    gong : int or None
        Pitch class of degree 1; None for a score without notes.
    mode : str or None
        gong, shang, jue, zhi, yu.
    confidence : float or None
        Posterior probability of the gong, 0 to 1.
    scale : str or None
        Scale type, such as "Pentatonic"; None where the tones fit none.
    degrees : mapping of str to float
        Degree -> share of the sounding time, those that occur, from degree 1 upwards.
    bian_share : float
        Share of the sounding time outside the five zheng tones.
    range : tuple of int or None
        Lowest and highest MIDI note number.
    lost, mended : mapping of str to int
        The report of the reading.
    sections : tuple of (bar, name)
        Bar from 1, 0 where the metre is unknown.
    playability : tuple of Playability
        One an instrument.
    bend_ranges : tuple of str
        Tracks of a MIDI file of ours whose bend range is not the usual one, as ``bend range 12: Guqin 3``.
    """

    path: str
    format: str
    title: str
    piece: int
    pieces: int
    notes: int
    bars: int | None
    seconds: float
    tempo: float | None
    metre: str | None
    gong: int | None
    mode: str | None
    confidence: float | None
    scale: str | None
    degrees: Mapping[str, float]
    bian_share: float
    range: tuple[int, int] | None
    lost: Mapping[str, int]
    mended: Mapping[str, int]
    sections: tuple[tuple[int, str], ...]
    playability: tuple[Playability, ...] = field(default=())
    bend_ranges: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the result as plain values, shares rounded to four digits."""
        values = asdict(self)
        values["seconds"] = round(self.seconds, 3)
        values["bian_share"] = round(self.bian_share, 4)
        values["degrees"] = {degree: round(share, 4) for degree, share in self.degrees.items()}
        values["gong_name"] = None if self.gong is None else pitch_class_name(self.gong)
        values["sections"] = [{"bar": bar, "name": name} for bar, name in self.sections]
        values["playability"] = {p.instrument: p.as_json() for p in self.playability}
        return values

    def facts(self) -> list[tuple[str, str]]:
        """Return names and values for a reader."""
        rows = [("file", self.path + (f" (piece {self.piece} of {self.pieces})" if self.pieces > 1 else ""))]
        rows += [("format", self.format), ("title", self.title or "none")]
        rows += [
            ("length", self._length()),
            ("tempo", f"{self.tempo:g} qpm" if self.tempo else "unknown, 60 qpm assumed"),
        ]
        rows += [("metre", self.metre or "unknown")]
        if self.gong is not None and self.mode is not None and self.range is not None:
            rows += [("gong", f"{pitch_class_name(self.gong)} (confidence {self.confidence:.2f})")]
            rows += [("mode", mode_name(self.gong, self.mode)), ("scale", self.scale or "none of the usual")]
            rows += [("degrees", ", ".join(f"{name} {share:.1%}" for name, share in self.degrees.items()))]
            rows += [("bian tones", f"{self.bian_share:.1%} of the sounding time")]
            rows += [("range", " to ".join(f"{note_name(pitch)} ({pitch})" for pitch in self.range))]
        if self.sections:
            rows += [("sections", ", ".join(f"{name} (bar {bar})" if bar else name for bar, name in self.sections))]
        rows += [("lost", _counts(self.lost)), ("mended", _counts(self.mended))]
        rows += [("bends", f"{wide}; {WIDE_BENDS}") for wide in self.bend_ranges]
        for judged in self.playability:
            rows += [(judged.instrument, line) for line in judged.lines()]
        return rows

    def _length(self) -> str:
        minutes, seconds = divmod(round(self.seconds), 60)
        bars = f", {self.bars} bars" if self.bars is not None else ""
        return f"{self.notes} notes{bars}, {minutes}:{seconds:02}"


def inspect_file(
    path: str | Path, *, piece: int = 1, plot: str | Path | None = None, progress: Progress = silent
) -> InspectResult:
    """Read a file and describe one piece of it.

    Parameters
    ----------
    path : str or Path
        A file of any format that :mod:`symgen.readers` knows.
    piece : int
        Which piece of a tune book, from 1.
    plot : str or Path, optional
        Also draw the piece into this file (see :mod:`symgen.plot`).
    progress : Progress
        Told what is being done.

    Raises
    ------
    ReadError
        If the file cannot be read.
    UsageError
        If there is no such piece in it.
    WriteError
        If the picture cannot be drawn.
    """
    progress(f"reading {path}")
    opened, count = open_piece(Path(path), piece, progress)
    progress("looking at modes and fingerings")
    result = describe(opened, pieces=count)
    if plot is not None:
        from symgen.plot import draw

        progress(f"drawing {plot}")
        draw(opened.score, result.gong or 0, plot, title=result.title or Path(path).stem)
    return result


def describe(piece: Piece, *, pieces: int = 1) -> InspectResult:
    """Describe a piece that has been read; `pieces` is how many its file holds."""
    from symgen.theory.detect import detect_mode

    score, origin = piece.score, piece.provenance
    estimate = detect_mode(score) if len(score) else None
    shares = degree_shares(score, estimate.gong) if estimate else {}
    pitches = score.notes["pitch"]
    return InspectResult(
        path=origin.path,
        format=origin.format,
        title=score.title,
        piece=origin.index + 1,
        pieces=pieces,
        notes=len(score),
        bars=len(score.bar_starts()) if score.metres else None,
        seconds=score.seconds,
        tempo=score.tempi[0].qpm if score.tempi else None,
        metre=f"{score.metres[0].numerator}/{score.metres[0].denominator}" if score.metres else None,
        gong=estimate.gong if estimate else None,
        mode=estimate.mode if estimate else None,
        confidence=round(estimate.confidence, 4) if estimate else None,
        scale=estimate.scale if estimate else None,
        degrees=shares,
        bian_share=estimate.bian_share if estimate else 0.0,
        range=(int(pitches.min()), int(pitches.max())) if len(score) else None,
        lost=dict(piece.lost),
        mended=dict(piece.mended),
        sections=_sections(score),
        playability=playability(score, estimate.gong) if estimate else (),
        bend_ranges=bend_ranges(score.texts),
    )


def degree_shares(score: Score, gong: int) -> dict[str, float]:
    """Return the share of the sounding time of each degree that occurs, from degree 1 upwards.

    Parameters
    ----------
    score : Score
        At least one note.
    gong : int
        Pitch class of degree 1.
    """
    relative = degree_of(score.notes["pitch"], gong)
    sounding = np.bincount(relative, weights=score.notes["duration"], minlength=12)
    total = float(sounding.sum())
    return {DEGREES[tone]: float(ticks) / total for tone, ticks in enumerate(sounding) if ticks > 0}


def _sections(score: Score) -> tuple[tuple[int, str], ...]:
    bars = score.bar_starts()
    return tuple((int(np.searchsorted(bars, s.tick, side="right")), s.name) for s in score.sections)


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in sorted(counts.items())) or "nothing"
