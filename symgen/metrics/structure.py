"""How a melodic line repeats and resembles itself, as pairs of what is counted and what it is counted among."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from symgen.metrics.line import Line, phrase_ends
from symgen.theory.modes import MODE_BY_NAME
from symgen.tokens import melody
from symgen.tokens.sequence import TokenSequence

Ratio = tuple[float, float]

GRAM: Final = 4
"""Notes in a gram whose repetition is counted."""
REACH: Final = 32
"""Notes before a gram within which its like is looked for: as far as the windows of the two-sample test."""
STRETCH: Final = 64
"""Notes in the stretches of which distinct and repeated grams are counted: pieces of any length compare."""
REPEATED: Final = (4, 8, 16)
DISTINCT: Final = (1, 2, 3, 4)
PHRASE: Final = 16
"""Notes of the passages that are compared for self-similarity."""

SIMILARITY: Final = "likeness to an earlier passage"
PHRASE_NOTES: Final = "notes a phrase"


def structure_shares(line: Line) -> dict[str, Ratio]:
    """Return the shares that say how a line repeats itself.

    Repeated in the piece, within 32 notes and, for grams of 4, 8 and 16 notes (tone and interval to the next), in
    stretches of 64 notes; distinct grams of 1 to 4 notes there; and the likeness of passages of 16 notes.
    """
    tones = line.melody.tolist()
    notes = list(zip(tones, line.interval.tolist(), strict=True))
    stretches = [notes[begin : begin + STRETCH] for begin in range(0, len(notes) - STRETCH + 1, STRETCH)]
    found = {
        f"4-grams of tones repeated within {REACH}": repeats(tones, REACH),
        f"4-grams of notes repeated within {REACH}": repeats(notes, REACH),
        "4-grams of tones repeated in the piece": repeats(tones, len(tones)),
        "4-grams of notes repeated in the piece": repeats(notes, len(notes)),
    }
    for gram in REPEATED:
        found[f"{gram}-grams of notes repeated in {STRETCH}"] = _stale(stretches, gram)
    for gram in DISTINCT:
        stale, total = _stale(stretches, gram)
        found[f"distinct {gram}-grams of notes in {STRETCH}"] = (total - stale, total)
    found[SIMILARITY] = _similarity(line)
    ends = phrase_ends(line)
    found[PHRASE_NOTES] = (float(len(tones)), float(len(ends)))
    return found


def ends_on_final(sequence: TokenSequence, line: Line) -> Ratio:
    """Return whether a piece whose mode is known ends on the final of it."""
    mode = MODE_BY_NAME.get(sequence.prefix.mode)
    if mode is None or not len(line.melody):
        return 0.0, 0.0
    return float(int(melody.DEGREE[line.melody[-1]]) == mode.final), 1.0


def repeats(tokens: Sequence[Any], reach: int, gram: int = GRAM) -> Ratio:
    """Return how many grams occurred before, begun at most `reach` places earlier, and of how many."""
    last: dict[tuple[Any, ...], int] = {}
    found = 0
    grams = [tuple(tokens[place : place + gram]) for place in range(len(tokens) - gram + 1)]
    for place, one in enumerate(grams):
        found += one in last and place - last[one] <= reach
        last[one] = place
    return float(found), float(len(grams))


def _stale(stretches: Sequence[Sequence[Any]], gram: int) -> Ratio:
    """Return how many grams occurred before in their stretch, and of how many."""
    counted = [repeats(stretch, STRETCH, gram) for stretch in stretches]
    return float(sum(found for found, _ in counted)), float(sum(total for _, total in counted))


def _similarity(line: Line) -> Ratio:
    """Return for passages of 16 notes, eight apart, the share of equal tones in the most alike earlier one, summed.

    Looked for within stretches of 64 notes, at any distance of 16 notes or more. Tones are compared, not
    intervals in time, so a phrase that comes back varied counts in part: repetition that counts of grams miss.
    """
    total, count = 0.0, 0
    for begin in range(0, len(line.melody) - STRETCH + 1, STRETCH):
        tones = line.melody[begin : begin + STRETCH]
        equal = tones[:, None] == tones[None, :]
        size = STRETCH - PHRASE + 1
        alike = sum(equal[back : back + size, back : back + size].astype(np.int64) for back in range(PHRASE))
        for start in range(PHRASE, size, PHRASE // 2):
            total += float(np.max(alike[start, : start - PHRASE + 1])) / PHRASE
            count += 1
    return total, float(count)
