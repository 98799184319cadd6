"""What the networks are told about each step before it is chosen, as a table.

Its place in beat, bar, phrase and piece; what followed the last time the music stood where it stands now, and what
stood at the same place of earlier bars; and what is asked for: density, leaps and register of the passage, and the
notes that are to be reached. The same is computed in two forms: over a whole piece in columns, for training
(:mod:`symgen.models.columns`), and step by step while composing (:mod:`symgen.models.context`). A test holds them
equal.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from symgen.tokens import chord, melody, rhythm
from symgen.units import TICKS_PER_QUARTER

MAX_BAR_EIGHTHS = 32
MAX_LEAP = 24
MAX_MATCH = 8
LEAST_MELODY_MATCH = 2
LEAST_RHYTHM_MATCH = 3
MAX_RUN = 64
HYPERMETRE = 4
ECHOES = (1, 2, 4)
LONG = 2 * TICKS_PER_QUARTER
UNKNOWN_BAR = 4 * TICKS_PER_QUARTER
SPANS = np.array([1, 240, 480, 960, 1440, 1920, 2880, 3840, 5760, 7680, 11520, 15360, 23040, 30720, 61440, 122880])
RUNS = np.array([1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64])
_RUN_CLASSES: Final = len(RUNS) + 1
LEVELS: Final = 7
"""Levels of a dial, from 1; 0 is unasked."""


def _phase_table() -> NDArray[np.int64]:
    """Class of each tick within a quarter: one a 64th place, one a triplet-32nd place, one a quintuplet place."""
    table = np.zeros(TICKS_PER_QUARTER, dtype=np.int64)
    places = [tick for grid in (30, 40, 48) for tick in range(0, TICKS_PER_QUARTER, grid)]
    for number, tick in enumerate(dict.fromkeys(places), start=1):
        table[tick] = number
    return table


PHASE: Final = _phase_table()
_SPAN_CLASSES: Final = len(SPANS) + 1

FEATURES: Final[dict[str, int]] = {
    "phase": int(PHASE.max()) + 1,
    "bar_position": MAX_BAR_EIGHTHS + 1,
    "remaining": _SPAN_CLASSES,
    "elapsed": _SPAN_CLASSES,
    "leap": 2 * MAX_LEAP + 2,
    "match_length": MAX_MATCH + 1,
    "match_rhythm": len(rhythm.VOCABULARY),
    "match_melody": len(melody.VOCABULARY),
    "match_chord": len(chord.VOCABULARY),
    "match_run": _RUN_CLASSES,
    "copy_run": _RUN_CLASSES,
    "rhythm_match_length": MAX_MATCH + 1,
    "rhythm_match": len(rhythm.VOCABULARY),
    "rhythm_run": _RUN_CLASSES,
    **{
        f"echo{bars}_{name}": size
        for bars in ECHOES
        for name, size in (("rhythm", len(rhythm.VOCABULARY)), ("melody", len(melody.VOCABULARY)))
    },
    "bar_of_four": HYPERMETRE + 1,
    "phrase": _SPAN_CLASSES,
    "phrase_before": _SPAN_CLASSES,
    "technique_run": _RUN_CLASSES,
    "density": LEVELS + 1,
    "leaps": LEVELS + 1,
    "register": LEVELS + 1,
    "goal_time": _SPAN_CLASSES,
    "goal_rhythm": len(rhythm.VOCABULARY),
    "goal_melody": len(melody.VOCABULARY),
    "goal_after": len(melody.VOCABULARY),
}
"""Features of a step in order, each with the number of values it takes.

phase: place within the quarter. bar_position: eighths since the bar line, 0 where the metre is unknown.
remaining, elapsed: ticks to the end and from the start of the piece, in about logarithmic classes.
leap: semitones between the last two tones. match_*: how long a run of melody tokens just repeated itself,
and the tokens that followed it the last time (0 where nothing matches). match_run, copy_run: how many steps in a row
have had the melody, and both melody and rhythm, that followed the last time. rhythm_*: the same for rhythm alone.
echo*: the tokens that began at the same place one, two and four bars ago (0 where
nothing did): repetition within reach of a small network, as a copy mechanism would give it. bar_of_four: bars
since the metre began, in fours, 0 where it is unknown. phrase, phrase_before: ticks since the last long note (a
half note or more) ended, and length of the phrase that it closed. technique_run: how many tones have had the
technique of the last. density, leaps, register: what is asked of the passage, in seven levels, 0 for anything.
goal_*: ticks to the notes that are to be reached, the first one's tokens, and the melody token after it.
"""

TOKEN_FEATURES: Final[dict[str, int]] = {
    "match_rhythm": 0, "match_melody": 1, "match_chord": 2, "rhythm_match": 0,
    "echo1_rhythm": 0, "echo1_melody": 1, "echo2_rhythm": 0, "echo2_melody": 1, "echo4_rhythm": 0, "echo4_melody": 1,
    "goal_rhythm": 0, "goal_melody": 1, "goal_after": 1,
}  # fmt: skip
"""Features that are tokens, each with its family's place: they share the embeddings of that family."""

COPIED: Final[tuple[tuple[str, ...], ...]] = tuple(
    tuple(n for n, family in TOKEN_FEATURES.items() if family == place and not n.startswith("goal"))
    for place in range(3)
)
"""By family, the features that name a token which may come again now: the generator can point at it."""
DIALS: Final = ("density", "leaps", "register")
GOAL: Final = ("goal_time", "goal_rhythm", "goal_melody", "goal_after")
FEATURES_OF_FORMAT_1: Final = tuple(FEATURES)[:8]
"""What checkpoints of format 1 know."""
PLACE: Final[dict[str, int]] = {name: place for place, name in enumerate(FEATURES)}
"""Column of each feature."""


def span_classes(ticks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the classes of `ticks` that the features of time have."""
    classes: NDArray[np.int64] = np.searchsorted(SPANS, ticks, side="right")
    return classes
