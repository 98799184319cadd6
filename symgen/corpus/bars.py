"""The metre that bar lines tell, in files whose time signatures mark the lines and not the metre.

Programs that write MIDI from a printed page have no event for a bar line. Some repeat the time signature
at each one, whatever the song's metre is: the Anthology's files hold 186,970 signatures, all 4/4. What the
signatures claim is worth nothing then, but the distances between them are the lengths of the bars.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from symgen.score import Metre, NoteArray, Score
from symgen.units import bar_ticks

Ticks = NDArray[np.int64]

FEWEST_LINES: Final = 4
"""Lines, the first at tick 0, that a metre can be recovered from: three bars closed on both sides."""

LEAST_FIT: Final = 0.5
"""Share of bars that must add up; below it the song has no metre that its bar lines tell."""

OWN_METRE: Final = (2, 0.05)
"""Bars, and share of all bars, that a second length needs to be a metre of the song and no slip."""

SIX_EIGHT: Final = 0.6
"""How much more often a bar of three quarters must have an onset in its middle than on its beats to be in 6/8."""

NAMES: Final[dict[Fraction, tuple[int, int]]] = {
    Fraction(1): (1, 4),
    Fraction(3, 2): (3, 8),
    Fraction(2): (2, 4),
    Fraction(5, 2): (5, 8),
    Fraction(3): (3, 4),
    Fraction(7, 2): (7, 8),
    Fraction(4): (4, 4),
    Fraction(9, 2): (9, 8),
    Fraction(5): (5, 4),
    Fraction(6): (6, 4),
}
"""Length of a bar in quarters -> the metre it is usually written in (numerator, denominator).

Longer bars prevail only where a song is free and its lines mark phrases."""


@dataclass(frozen=True, slots=True)
class BarLengths:
    """What the bar lines of a piece tell.

    Parameters
    ----------
    metres : tuple of Metre
        The metre map; empty where the lines tell none. A metre is named again at the first line after a bar
        that does not fill it, so that every line begins a bar of the map.
    prevailing : (numerator, denominator) or None
        The metre that most bars have.
    bars : int
        Bars that are closed on both sides, without the first, which may be a pick-up.
    odd : int
        Of these, bars whose length is none of the song's metres.
    """

    metres: tuple[Metre, ...] = ()
    prevailing: tuple[int, int] | None = None
    bars: int = 0
    odd: int = 0

    @property
    def fit(self) -> float:
        """Share of the bars that add up, 0..1; 0 if there are none."""
        return 1 - self.odd / self.bars if self.bars else 0.0


def bar_lines(score: Score) -> Ticks:
    """Return the ticks of the bar lines that repeated time signatures mark.

    Returns
    -------
    ndarray of int64, shape (lines,)
        The first at 0. Empty if the signatures are no marks: fewer than :data:`FEWEST_LINES`, or not all the same.
    """
    metres = score.metres
    if len(metres) < FEWEST_LINES or len({(metre.numerator, metre.denominator) for metre in metres}) > 1:
        return np.zeros(0, dtype=np.int64)
    sounding = _sounding_end(score.notes)
    return np.array([metre.tick for metre in metres if metre.tick == 0 or metre.tick < sounding], dtype=np.int64)


def recover_metres(score: Score) -> Score:
    """Return a score with the metre its bar lines tell, or none where they tell none.

    Silence after the bar of the last note is cut: some writers end the track late.

    Parameters
    ----------
    score : Score
        With one time signature at each bar line, the same at all. The metre it names is not consulted. What this
        function returns is no such score: its metres stand only where they are needed.

    Returns
    -------
    Score
        Same notes.
    """
    found = bar_lengths(score.notes, bar_lines(score), score.ticks_per_quarter)
    if not found.metres:
        return score.with_maps(metres=())
    last = found.metres[-1]
    length = bar_ticks(last.numerator, last.denominator, score.ticks_per_quarter)
    sounding = _sounding_end(score.notes)
    closes = last.tick + -(-(sounding - last.tick) // length) * length
    return score.with_maps(metres=found.metres, end=min(score.end, closes))


def bar_lengths(notes: NoteArray, lines: Ticks, ticks_per_quarter: int) -> BarLengths:
    """Find the metres of a piece from its bar lines.

    The length that most bars have is the prevailing metre. Another length is a metre of the song if it is a
    whole number of its beats and comes often enough (:data:`OWN_METRE`); a bar of twice or three times
    the prevailing length that comes less often has lost its inner lines. What is left is odd.

    Parameters
    ----------
    notes : ndarray of NOTE_DTYPE, shape (n,)
        They tell 6/8 from 3/4.
    lines : ndarray of int64, shape (lines,)
        Ticks of the bar lines, rising, the first at 0.
    ticks_per_quarter : int
        Time base of both.
    """
    if len(lines) < FEWEST_LINES:
        return BarLengths()
    lengths = np.diff(lines).tolist()
    counts = Counter(lengths[1:])
    names = _names(ticks_per_quarter)
    usual = max(counts, key=lambda length: (counts[length], -length))
    if usual not in names:
        return BarLengths(bars=len(lengths) - 1, odd=len(lengths) - 1)
    own = _own_metres(counts, usual, names, ticks_per_quarter)
    if own[usual] == (3, 4) and _has_two_beats(notes["onset"], lines[:-1][np.array(lengths) == usual], usual):
        own[usual] = (6, 8)
    full = {*own, 2 * usual, 3 * usual}
    odd = sum(count for length, count in counts.items() if length not in full)
    found = BarLengths((), own[usual], len(lengths) - 1, odd)
    if found.fit < LEAST_FIT:
        return replace(found, prevailing=None)
    written = [own.get(length, own[usual]) for length in (*lengths, usual)]
    filled = [length in full for length in lengths]
    return replace(found, metres=tuple(_map(lines.tolist(), written, filled)))


@lru_cache(maxsize=64)
def _names(ticks_per_quarter: int) -> dict[int, tuple[int, int]]:
    """Return :data:`NAMES` by length in ticks, without what is no whole number of them."""
    ticks = {length * ticks_per_quarter: name for length, name in NAMES.items()}
    return {int(length): name for length, name in ticks.items() if length.denominator == 1}


def _own_metres(
    counts: Counter[int], usual: int, names: dict[int, tuple[int, int]], ticks_per_quarter: int
) -> dict[int, tuple[int, int]]:
    """Return the lengths that are metres of the song, each with its name."""
    beat = bar_ticks(1, names[usual][1], ticks_per_quarter)
    fewest = max(OWN_METRE[0], OWN_METRE[1] * counts.total())
    often = [length for length, count in counts.items() if count >= fewest and length in names and length % beat == 0]
    return {length: names[length] for length in (*often, usual)}


def _has_two_beats(onsets: Ticks, starts: Ticks, length: int) -> bool:
    """Tell whether bars of three quarters are of two beats: with an onset in the middle rather than at each third."""
    first, middle, second = (float(np.isin(starts + length * part // 6, onsets).mean()) for part in (2, 3, 4))
    return middle - (first + second) / 2 >= SIX_EIGHT


def _map(lines: Sequence[int], written: Sequence[tuple[int, int]], filled: Sequence[bool]) -> Iterator[Metre]:
    """Yield the metre of each bar where it changes, and where the bar before did not fill its own."""
    for number, (line, metre) in enumerate(zip(lines, written, strict=True)):
        if number == 0 or metre != written[number - 1] or not filled[number - 1]:
            yield Metre(line, *metre)


def _sounding_end(notes: NoteArray) -> int:
    return int((notes["onset"] + notes["duration"]).max()) if len(notes) else 0
