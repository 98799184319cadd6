"""What the networks are told about each step before it is chosen.

Its place in beat, bar and piece, and what followed the last time the music stood where it stands now.
One table and two forms of the same computation: over a whole piece in columns, for training
(:func:`piece_features`), and step by step while composing (:class:`Context`). A test holds them equal.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

import numpy as np
from numpy.typing import NDArray

from symgen.score import Metre
from symgen.tokens import melody, rhythm
from symgen.tokens.sequence import TokenArray, TokenSequence
from symgen.tokens.vocabulary import START
from symgen.units import TICKS_PER_QUARTER, bar_ticks

_MAX_BAR_EIGHTHS = 32
_MAX_LEAP = 24
_MAX_MATCH = 8
_MIN_MATCH = 2
_SPANS = np.array([1, 240, 480, 960, 1440, 1920, 2880, 3840, 5760, 7680, 11520, 15360, 23040, 30720, 61440, 122880])


def _phase_table() -> NDArray[np.int64]:
    """Class of each tick within a quarter: one a 64th place, one a triplet-32nd place, one a quintuplet place."""
    table = np.zeros(TICKS_PER_QUARTER, dtype=np.int64)
    places = [tick for grid in (30, 40, 48) for tick in range(0, TICKS_PER_QUARTER, grid)]
    for number, tick in enumerate(dict.fromkeys(places), start=1):
        table[tick] = number
    return table


_PHASE: Final = _phase_table()

FEATURES: Final[dict[str, int]] = {
    "phase": int(_PHASE.max()) + 1,
    "bar_position": _MAX_BAR_EIGHTHS + 1,
    "remaining": len(_SPANS) + 1,
    "elapsed": len(_SPANS) + 1,
    "leap": 2 * _MAX_LEAP + 2,
    "match_length": _MAX_MATCH + 1,
    "match_rhythm": len(rhythm.VOCABULARY),
    "match_melody": len(melody.VOCABULARY),
}
"""Features of a step in order, each with the number of values it takes.

phase: place within the quarter. bar_position: eighths since the bar line, 0 where the metre is unknown.
remaining, elapsed: ticks to the end and from the start of the piece, in about logarithmic classes.
leap: semitones between the last two tones. match_*: how long a run of melody tokens just repeated itself,
and the rhythm and melody tokens that followed it the last time (0 where nothing matches): repetition
within reach of a small network, as a copy mechanism would give it.
"""


class Context:
    """The features of the next step of one piece that is being written.

    Parameters
    ----------
    metres : tuple of Metre
        Metre map at 480 ticks; empty if unknown.
    total : int
        Length of the whole piece in ticks, or 0 if unknown.
    """

    def __init__(self, metres: tuple[Metre, ...], total: int) -> None:
        self.metres = metres
        self.total = total
        self.time = 0
        self._metre_ticks = [metre.tick for metre in metres]
        self._bars = [bar_ticks(metre.numerator, metre.denominator) for metre in metres]
        self._rhythms: list[int] = []
        self._melodies: list[int] = []
        self._tones: list[int] = []
        self._followers: dict[tuple[int, ...], int] = {}

    def features(self) -> tuple[int, ...]:
        """Return the features of the next step, in the order of :data:`FEATURES`."""
        length, follower = self._match()
        return (
            int(_PHASE[self.time % TICKS_PER_QUARTER]),
            self._bar_position(),
            self._span(self.total - self.time) if self.total else 0,
            self._span(self.time),
            self._leap(),
            length,
            self._rhythms[follower] if length else START,
            self._melodies[follower] if length else START,
        )

    def append(self, rhythm_token: int, melody_token: int) -> None:
        """Take up the step that was chosen."""
        place = len(self._melodies)
        for length in range(_MIN_MATCH, min(_MAX_MATCH, place) + 1):
            self._followers[tuple(self._melodies[place - length :])] = place
        self._rhythms.append(rhythm_token)
        self._melodies.append(melody_token)
        if melody_token != melody.REST:
            self._tones.append(int(melody.RELATIVE[melody_token]))
        self.time += int(rhythm.INTERVAL[rhythm_token])

    def copy(self) -> Context:
        """Return an independent context that stands at the same place."""
        other = Context(self.metres, self.total)
        other.time = self.time
        other._rhythms, other._melodies = self._rhythms.copy(), self._melodies.copy()
        other._tones, other._followers = self._tones.copy(), self._followers.copy()
        return other

    def _match(self) -> tuple[int, int]:
        """Return the length of the longest known run that the music ends with, and the step that followed it."""
        place = len(self._melodies)
        for length in range(min(_MAX_MATCH, place), _MIN_MATCH - 1, -1):
            follower = self._followers.get(tuple(self._melodies[place - length :]))
            if follower is not None:
                return length, follower
        return 0, 0

    def _bar_position(self) -> int:
        if not self.metres:
            return 0
        index = bisect_right(self._metre_ticks, self.time) - 1
        within = (self.time - self._metre_ticks[index]) % self._bars[index]
        return min(2 * within // TICKS_PER_QUARTER, _MAX_BAR_EIGHTHS - 1) + 1

    @staticmethod
    def _span(ticks: int) -> int:
        return int(np.searchsorted(_SPANS, ticks, side="right"))

    def _leap(self) -> int:
        if len(self._tones) < 2:
            return 0
        leap = self._tones[-1] - self._tones[-2]
        return max(-_MAX_LEAP, min(_MAX_LEAP, leap)) + _MAX_LEAP + 1


def piece_features(sequence: TokenSequence) -> NDArray[np.int16]:
    """Return the features of each step of a piece.

    Parameters
    ----------
    sequence : TokenSequence
        The piece.

    Returns
    -------
    ndarray of int16, shape (steps, len(FEATURES))
    """
    times, total = sequence.onsets(), sequence.end
    lengths, followers = _matches(sequence.melody.astype(np.int64))
    matched = lengths > 0
    features = np.empty((len(sequence), len(FEATURES)), dtype=np.int16)
    features[:, 0] = _PHASE[times % TICKS_PER_QUARTER]
    features[:, 1] = _bar_positions(sequence.metres, times)
    features[:, 2] = np.searchsorted(_SPANS, total - times, side="right") if total else 0
    features[:, 3] = np.searchsorted(_SPANS, times, side="right")
    features[:, 4] = _leaps(sequence.melody)
    features[:, 5] = lengths
    features[:, 6] = np.where(matched, sequence.rhythm[followers], START)
    features[:, 7] = np.where(matched, sequence.melody[followers], START)
    return features


def _bar_positions(metres: tuple[Metre, ...], times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the eighths since the bar line at each tick, from 1 on; 0 where the metre is unknown."""
    if not metres:
        return np.zeros_like(times)
    ticks = np.array([metre.tick for metre in metres])
    bars = np.array([bar_ticks(metre.numerator, metre.denominator) for metre in metres])
    index = np.searchsorted(ticks, times, side="right") - 1
    within = (times - ticks[index]) % bars[index]
    positions: NDArray[np.int64] = np.minimum(2 * within // TICKS_PER_QUARTER, _MAX_BAR_EIGHTHS - 1) + 1
    return positions


def _leaps(melodies: TokenArray) -> NDArray[np.int64]:
    """Return the class of the leap between the last two tones before each step; 0 before the second tone."""
    sounding = melodies != melody.REST
    leaps = np.clip(np.diff(melody.RELATIVE[melodies[sounding]]), -_MAX_LEAP, _MAX_LEAP) + _MAX_LEAP + 1
    classes = np.concatenate([np.zeros(2, np.int64), leaps])  # by how many tones there were before
    found: NDArray[np.int64] = classes[np.cumsum(sounding) - sounding]
    return found


def _matches(melodies: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how long a run of melody tokens before each step was heard before, and the step that then followed it.

    Runs are grouped by sorting, exactly: a run of n is a run of n - 1, by the number of its group, with one token
    before it, and only what was heard twice can be part of a longer run that was.

    Returns
    -------
    lengths, followers : ndarray of int64, shape (steps,)
        Both 0 where nothing matches. The longest run counts, and of its places the last.
    """
    lengths, followers = np.zeros((2, len(melodies)), dtype=np.int64)
    tokens = int(melodies.max(initial=0)) + 1
    ends = np.arange(len(melodies) - 1)  # where a run ends that a step follows
    groups = melodies[:-1]
    for length in range(2, _MAX_MATCH + 1):
        begun = ends >= length - 1
        ends, groups = ends[begun], groups[begun]
        runs = groups * tokens + melodies[ends - length + 1]
        order = np.argsort(runs, kind="stable")  # equal runs stay in the order in which they come
        ends, runs = ends[order], runs[order]
        again = np.zeros(len(runs), np.bool_)
        np.equal(runs[1:], runs[:-1], out=again[1:])
        places = np.flatnonzero(again)
        if not len(places):
            break
        if length >= _MIN_MATCH:
            steps = ends[places] + 1
            lengths[steps], followers[steps] = length, ends[places - 1] + 1
        heard = again.copy()
        heard[places - 1] = True
        ends, groups = ends[heard], np.cumsum(~again, dtype=np.int64)[heard]
    return lengths, followers
