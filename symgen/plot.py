"""Plot: a score as a picture, each note in the line and colour of its degree.

Matplotlib is an extra (``pip install 'symgen[plot]'``). Its usual fonts hold no Chinese characters, so all
words in a picture are ASCII.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from symgen.errors import WriteError
from symgen.files import writing
from symgen.score import NoteArray, Score
from symgen.theory.degrees import DEGREES, PENTATONIC, degree_of
from symgen.units import TICKS_PER_QUARTER, bar_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#b3392b", "#d9a441", "#4f8a5b", "#2f6d9e", "#7a4f94")
"""One for each zheng tone, from gong on."""
BIAN_COLOUR = "#9a9a9a"

BARS_A_SYSTEM = 16
MOST_SYSTEMS = 12
WIDTH_INCHES = 14.0
DPI = 110


def draw(score: Score, gong: int, path: str | Path, *, title: str = "") -> None:
    """Draw a score by degree, with bar lines, broken into systems like a page of music.

    Parameters
    ----------
    score : Score
        What is drawn; bars of 4/4 are counted where the metre is unknown.
    gong : int
        Pitch class of degree 1.
    path : str or Path
        File to write; its suffix (png, svg, pdf) decides the format.
    title : str, optional
        Heading; characters beyond ASCII are left out.

    Raises
    ------
    WriteError
        If matplotlib is missing, the suffix is unknown to it, or the file cannot be written.
    """
    path = Path(path)
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise WriteError("pictures need matplotlib", remedy="pip install 'symgen[plot]'") from error

    edges = _system_edges(score)
    figure = Figure(figsize=(WIDTH_INCHES, 0.9 + 1.7 * (len(edges) - 1)), layout="constrained")
    FigureCanvasAgg(figure)
    widest = int(np.diff(edges).max())
    systems = figure.subplots(len(edges) - 1, 1, squeeze=False, sharey=True)[:, 0]
    bars = _bar_lines(score)
    for axes, start, stop in zip(systems, edges[:-1], edges[1:], strict=True):
        _draw_system(axes, score, gong, bars, (int(start), int(stop)))
        axes.set_xlim(start, start + widest)  # a short last system keeps the scale of the others
    figure.suptitle(_ascii(title))
    _save(figure, path)


def _draw_system(axes: Axes, score: Score, gong: int, bars: np.ndarray[Any, Any], span: tuple[int, int]) -> None:
    """Draw the notes that sound in `span` (ticks), with bar numbers below."""
    start, stop = span
    notes = score.notes
    notes = notes[(notes["onset"] < stop) & (notes["onset"] + notes["duration"] > start)]
    relative = degree_of(notes["pitch"], gong)
    colours = [COLOURS[PENTATONIC.index(tone)] if tone in PENTATONIC else BIAN_COLOUR for tone in relative.tolist()]
    lengths = _drawn_lengths(notes, score.ticks_per_quarter)
    axes.barh(notes["pitch"], lengths, left=notes["onset"], height=0.8, color=colours, alpha=0.9)
    inside = np.flatnonzero((bars >= start) & (bars < stop))
    axes.set_xticks(bars[inside], [str(number + 1) for number in inside])
    axes.grid(axis="x", color="#cccccc", linewidth=0.6)
    axes.set_axisbelow(True)
    lines = _degree_lines(score, gong)
    axes.set_yticks(lines, [DEGREES[degree_of(pitch, gong)] for pitch in lines], fontsize=7)
    for pitch in lines:
        if pitch % 12 == gong:
            axes.axhline(pitch, color="#e4c9c4", linewidth=0.8, zorder=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def _drawn_lengths(notes: NoteArray, ticks_per_quarter: int) -> NDArray[np.int64]:
    """Return the lengths to draw: strings ring on, but the eye follows the melody, so each ends at the next stroke.

    Strokes within a 64th, as of a rolled chord or a human player, count as one.
    """
    onsets = np.unique(notes["onset"])
    following = np.searchsorted(onsets, notes["onset"] + ticks_per_quarter // 16, side="right")
    last = following == len(onsets)
    until = np.where(last, notes["onset"] + notes["duration"], onsets[np.minimum(following, len(onsets) - 1)])
    lengths: NDArray[np.int64] = np.minimum(notes["duration"], until - notes["onset"])
    return lengths


def _degree_lines(score: Score, gong: int) -> list[int]:
    """Return the pitches in the range of the score that are zheng tones; at least one octave's."""
    pitches = score.notes["pitch"].astype(int)
    low, high = (int(pitches.min()), int(pitches.max())) if len(pitches) else (60, 72)
    return [pitch for pitch in range(low - 1, high + 2) if degree_of(pitch, gong) in PENTATONIC]


def _bar_lines(score: Score) -> np.ndarray[Any, Any]:
    bars = score.bar_starts()
    if len(bars):
        return bars
    return np.arange(0, max(score.end, 1), bar_ticks(4, 4, score.ticks_per_quarter), dtype=np.int64)


def _system_edges(score: Score) -> np.ndarray[Any, Any]:
    """Return the ticks where systems begin, and the end of the last one."""
    bars = _bar_lines(score)
    a_system = max(BARS_A_SYSTEM, -(-len(bars) // MOST_SYSTEMS))
    last_bar = int(bars[-1]) if len(bars) else 0
    end = max(score.end, last_bar + 1, TICKS_PER_QUARTER if score.end == 0 else 0)
    return np.append(bars[::a_system], end)


def _ascii(text: str) -> str:
    return " ".join("".join(c for c in text if c.isascii() and c.isprintable()).split())


def _save(figure: Figure, path: Path) -> None:
    """Write the picture whole or not at all."""
    suffix = path.suffix.lower().removeprefix(".") or "png"
    if suffix not in figure.canvas.get_supported_filetypes():
        raise WriteError(f"{path} ends in .{suffix}", expected="a picture: .png, .svg or .pdf")
    with writing(path) as file:
        figure.savefig(file, format=suffix, dpi=DPI)
