"""Sources of toy pieces whose true entropy is known."""

import numpy as np

from symgen.score import Metre
from symgen.tokens import chord, melody, rhythm
from symgen.tokens.prefix import Prefix
from symgen.tokens.sequence import TokenSequence

LENGTHS = {120: 0.25, 240: 0.5, 480: 0.25}
"""Note lengths in ticks, drawn independently of everything: 1.5 bits."""

MOVES = {1: 0.7, 2: 0.2, 0: 0.1}
"""Steps along the five zheng tones from one tone to the next: a first-order Markov chain."""

ENTROPY = -sum(p * np.log2(p) for table in (LENGTHS, MOVES) for p in table.values())
"""Bits a note of :func:`markov_piece`, but for the first note."""

TONES = (0, 2, 4, 7, 9)


def piece(tones: list[int | None], ticks: list[int], **fields) -> TokenSequence:
    """Return a piece of plucked tones in semitones above gong, None a rest, each as long as its interval."""
    tokens = [melody.REST if tone is None else melody.melody_token(tone, 0)[0] for tone in tones]
    lengths = [rhythm.rhythm_token(length, length) for length in ticks]
    chords = fields.pop("chords", [chord.NO_CHORD] * len(tokens))
    fields.setdefault("gong", 60)
    columns = (np.array(column, dtype=np.int16) for column in (lengths, tokens, chords))
    return TokenSequence(*columns, **fields)


def markov_piece(rng: np.random.Generator, steps: int, moves: dict[int, float] = MOVES) -> TokenSequence:
    """Return a piece of the source."""
    ticks = rng.choice(list(LENGTHS), p=list(LENGTHS.values()), size=steps).tolist()
    degrees = np.cumsum(rng.choice(list(moves), p=list(moves.values()), size=steps)) % len(TONES)
    return piece(
        [TONES[degree] for degree in degrees],
        ticks,
        prefix=Prefix("folk", "gong", "4/4"),
        metres=(Metre(0, 4, 4),),
    )


def markov_pieces(seed: int, count: int, steps: int, moves: dict[int, float] = MOVES) -> list[TokenSequence]:
    rng = np.random.default_rng(seed)
    return [markov_piece(rng, steps, moves) for _ in range(count)]
