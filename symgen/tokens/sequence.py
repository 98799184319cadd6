"""TokenSequence: one step an event, three aligned tokens a step."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from symgen.errors import TokenError
from symgen.score import Metre, Tempo
from symgen.tokens import chord, melody, rhythm
from symgen.tokens.prefix import Prefix

TokenArray = NDArray[np.int16]

FAMILIES = (rhythm, melody, chord)
"""The token families in the order in which a step is generated."""


@dataclass(frozen=True, eq=False)
class TokenSequence:
    """A piece as tokens.

    Parameters
    ----------
    rhythm, melody, chord : ndarray of int16, shape (steps,)
        One token of each family a step.
    gong : int
        MIDI note number of the reference gong: degree 1 in octave 0. Transposing changes only this.
    prefix : Prefix
        What conditions the piece.
    metres, tempi : tuple
        Metre and tempo maps in ticks of 1/480 quarter.
    title : str
        Title, "" if unknown.
    lost : Counter
        Reason code -> notes that the tokens hold only approximately.

    Raises
    ------
    TokenError
        If the arrays differ in length or hold a number outside the vocabulary.
    """

    rhythm: TokenArray
    melody: TokenArray
    chord: TokenArray
    gong: int
    prefix: Prefix = field(default_factory=Prefix)
    metres: tuple[Metre, ...] = ()
    tempi: tuple[Tempo, ...] = ()
    title: str = ""
    lost: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        for family in FAMILIES:
            tokens = getattr(self, family.NAME)
            size = len(family.VOCABULARY)
            if tokens.ndim != 1 or len(tokens) != len(self.rhythm):
                raise TokenError(
                    f"{family.NAME} tokens have shape {tokens.shape}", expected=f"({len(self.rhythm)},) like rhythm"
                )
            if len(tokens) and not (tokens.min() > 0 and tokens.max() < size):
                bad = int(np.flatnonzero((tokens < 1) | (tokens >= size))[0])
                raise TokenError(f"{family.NAME} token {int(tokens[bad])} at step {bad}", expected=f"1 to {size - 1}")

    def __len__(self) -> int:
        return len(self.rhythm)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TokenSequence):
            return NotImplemented
        same_steps = all(np.array_equal(getattr(self, f.NAME), getattr(other, f.NAME)) for f in FAMILIES)
        return same_steps and (self.gong, self.prefix, self.metres, self.tempi, self.title) == (
            other.gong,
            other.prefix,
            other.metres,
            other.tempi,
            other.title,
        )

    __hash__ = None  # type: ignore[assignment]

    def steps(self) -> NDArray[np.int16]:
        """Return the tokens as one array of shape (steps, 3): rhythm, melody, chord."""
        return np.stack([self.rhythm, self.melody, self.chord], axis=1)

    def onsets(self) -> NDArray[np.int64]:
        """Return the tick at which each step begins, shape (steps,)."""
        intervals = rhythm.INTERVAL[self.rhythm]
        return np.cumsum(intervals) - intervals

    @property
    def end(self) -> int:
        """Length in ticks: the sum of all intervals, or the end of the last sounding note if that is later."""
        if not len(self):
            return 0
        sounding = self.melody != melody.REST
        ends = (self.onsets() + rhythm.LENGTH[self.rhythm])[sounding]
        return max(int(rhythm.INTERVAL[self.rhythm].sum()), int(ends.max(initial=0)))
