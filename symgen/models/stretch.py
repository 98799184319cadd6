"""The same music in longer or shorter notes.

Editors write the same piece in quarters or in eighths: what is a beat is their choice. A corpus of a few dozen
pieces grows threefold when it is also learnt in notes twice and half as long.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from symgen.score import Metre
from symgen.tokens import rhythm
from symgen.tokens.prefix import metre_class
from symgen.tokens.sequence import TokenSequence

LARGEST_DENOMINATOR = 64


def stretch(sequence: TokenSequence, numerator: int, denominator: int) -> TokenSequence | None:
    """Return a piece whose notes are `numerator / denominator` times as long, or None if tokens cannot hold it.

    Parameters
    ----------
    sequence : TokenSequence
        The piece.
    numerator, denominator : int
        One of them 1, the other a power of two.
    """
    tokens = []
    intervals, lengths = rhythm.INTERVAL[sequence.rhythm], rhythm.LENGTH[sequence.rhythm]
    for interval, length in zip((intervals * numerator).tolist(), (lengths * numerator).tolist(), strict=True):
        if interval % denominator or length % denominator:
            return None
        token = rhythm.rhythm_token(interval // denominator, length // denominator)
        if token is None:
            return None
        tokens.append(token)
    metres = []
    for metre in sequence.metres:
        beat, rest = divmod(metre.denominator * denominator, numerator)
        tick, left = divmod(metre.tick * numerator, denominator)
        if rest or left or not 1 <= beat <= LARGEST_DENOMINATOR:
            return None
        metres.append(Metre(tick, metre.numerator, beat))
    return replace(
        sequence,
        rhythm=np.array(tokens, dtype=np.int16),
        metres=tuple(metres),
        prefix=replace(sequence.prefix, metre=metre_class(tuple(metres))),
    )
