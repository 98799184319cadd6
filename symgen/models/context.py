"""The features of the next step of a piece in the making, kept up step by step."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

from symgen.models.features import (
    ECHOES,
    HYPERMETRE,
    LEAST_MELODY_MATCH,
    LEAST_RHYTHM_MATCH,
    LONG,
    MAX_BAR_EIGHTHS,
    MAX_LEAP,
    MAX_MATCH,
    MAX_RUN,
    PHASE,
    RUNS,
    SPANS,
    UNKNOWN_BAR,
)
from symgen.score import Metre
from symgen.tokens import chord, melody, rhythm
from symgen.tokens.vocabulary import START
from symgen.units import TICKS_PER_QUARTER, bar_ticks


@dataclass(frozen=True, slots=True)
class Goal:
    """Notes that are to be reached.

    Parameters
    ----------
    tick : int
        Where the first of them begins.
    rhythm, melody, after : int
        Its tokens, and the melody token of the step after it; 0 if that is unknown.
    """

    tick: int
    rhythm: int
    melody: int
    after: int = START


class Context:
    """The features of the next step of one piece that is being written.

    Parameters
    ----------
    metres : tuple of Metre
        Metre map at 480 ticks; empty if unknown.
    total : int
        Length of the whole piece in ticks, or 0 if unknown.

    Attributes
    ----------
    dials : tuple of int
        Levels of :data:`DIALS` that are asked for from here on, 0 for anything.
    goal : Goal or None
        What is to be reached.
    """

    def __init__(self, metres: tuple[Metre, ...], total: int) -> None:
        self.metres = metres
        self.total = total
        self.time = 0
        self.dials: tuple[int, ...] = (0, 0, 0)
        self.goal: Goal | None = None
        self._metre_ticks = [metre.tick for metre in metres]
        self._bars = [bar_ticks(metre.numerator, metre.denominator) for metre in metres]
        self._rhythms: list[int] = []
        self._melodies: list[int] = []
        self._chords: list[int] = []
        self._tones: list[int] = []
        self._followers: dict[tuple[int, ...], int] = {}
        self._rhythm_followers: dict[tuple[int, ...], int] = {}
        self._first_at: dict[int, int] = {}
        self._phrase, self._phrase_before = 0, 0
        self._technique, self._run = -1, 0
        self._match, self._beat = (0, 0), (0, 0)
        self._runs = [0, 0, 0]

    def features(self) -> tuple[int, ...]:
        """Return the features of the next step, in the order of :data:`FEATURES`."""
        (length, follower), (beat, then) = self._match, self._beat
        bar, within, number = self._bar()
        return (
            int(PHASE[self.time % TICKS_PER_QUARTER]),
            min(2 * within // TICKS_PER_QUARTER, MAX_BAR_EIGHTHS - 1) + 1 if self.metres else 0,
            _span(self.total - self.time) if self.total else 0,
            _span(self.time),
            self._leap(),
            length,
            self._rhythms[follower] if length else START,
            self._melodies[follower] if length else START,
            self._chords[follower] if length else START,
            bisect_right(_RUN_LIST, self._runs[0]),
            bisect_right(_RUN_LIST, self._runs[1]),
            beat,
            self._rhythms[then] if beat else START,
            bisect_right(_RUN_LIST, self._runs[2]),
            *self._echoes(bar),
            number % HYPERMETRE + 1 if self.metres else 0,
            _span(self.time - self._phrase),
            _span(self._phrase_before),
            bisect_right(_RUN_LIST, self._run),
            *self.dials,
            *self._goal(),
        )

    def append(self, rhythm_token: int, melody_token: int, chord_token: int = chord.NO_CHORD) -> None:
        """Take up the step that was chosen."""
        place = len(self._melodies)
        self._count_runs(rhythm_token, melody_token)
        for length in range(LEAST_MELODY_MATCH, min(MAX_MATCH, place) + 1):
            self._followers[tuple(self._melodies[place - length :])] = place
        for length in range(LEAST_RHYTHM_MATCH, min(MAX_MATCH, place) + 1):
            self._rhythm_followers[tuple(self._rhythms[place - length :])] = place
        self._first_at.setdefault(self.time, place)
        self._rhythms.append(rhythm_token)
        self._melodies.append(melody_token)
        self._chords.append(chord_token)
        if melody_token != melody.REST:
            self._tones.append(_RELATIVE[melody_token])
            technique = _TECHNIQUE[melody_token]
            self._run = min(self._run + 1, MAX_RUN) if technique == self._technique else 1
            self._technique = technique
        interval = _INTERVAL[rhythm_token]
        self.time += interval
        if interval >= LONG:
            self._phrase_before, self._phrase = self.time - self._phrase, self.time
        self._match = _longest(self._melodies, self._followers, LEAST_MELODY_MATCH)
        self._beat = _longest(self._rhythms, self._rhythm_followers, LEAST_RHYTHM_MATCH)

    def copy(self) -> Context:
        """Return an independent context that stands at the same place."""
        other = Context(self.metres, self.total)
        other.time, other.dials, other.goal = self.time, self.dials, self.goal
        other._rhythms, other._melodies = self._rhythms.copy(), self._melodies.copy()
        other._tones, other._followers = self._tones.copy(), self._followers.copy()
        other._rhythm_followers, other._first_at = self._rhythm_followers.copy(), self._first_at.copy()
        other._phrase, other._phrase_before = self._phrase, self._phrase_before
        other._technique, other._run = self._technique, self._run
        other._chords, other._match, other._beat = self._chords.copy(), self._match, self._beat
        other._runs = self._runs.copy()
        return other

    def _count_runs(self, rhythm_token: int, melody_token: int) -> None:
        """Count how long the music has done what it did the last time."""
        (length, follower), (beat, then) = self._match, self._beat
        melody_again = bool(length) and self._melodies[follower] == melody_token
        both_again = melody_again and self._rhythms[follower] == rhythm_token
        rhythm_again = bool(beat) and self._rhythms[then] == rhythm_token
        for place, again in enumerate((melody_again, both_again, rhythm_again)):
            self._runs[place] = min(self._runs[place] + 1, MAX_RUN) if again else 0

    def _bar(self) -> tuple[int, int, int]:
        """Return the length of the bar in ticks, ticks since its line, and bars since the metre began."""
        if not self.metres:
            return UNKNOWN_BAR, 0, 0
        index = bisect_right(self._metre_ticks, self.time) - 1
        bar = self._bars[index]
        number, within = divmod(self.time - self._metre_ticks[index], bar)
        return bar, within, number

    def _echoes(self, bar: int) -> list[int]:
        found = []
        for bars in ECHOES:
            place = self._first_at.get(self.time - bars * bar)
            found += [START, START] if place is None else [self._rhythms[place], self._melodies[place]]
        return found

    def _leap(self) -> int:
        if len(self._tones) < 2:
            return 0
        leap = self._tones[-1] - self._tones[-2]
        return max(-MAX_LEAP, min(MAX_LEAP, leap)) + MAX_LEAP + 1

    def _goal(self) -> tuple[int, int, int, int]:
        goal = self.goal
        if goal is None or self.time >= goal.tick:
            return 0, START, START, START
        return _span(goal.tick - self.time), goal.rhythm, goal.melody, goal.after


# Lists, not arrays: single values are read from them ten times faster.
_SPAN_LIST: Final = SPANS.tolist()
_RUN_LIST: Final = RUNS.tolist()
_INTERVAL: Final = rhythm.INTERVAL.tolist()
_RELATIVE: Final = melody.RELATIVE.tolist()
_TECHNIQUE: Final = melody.TECHNIQUE.tolist()


def _span(ticks: int) -> int:
    return bisect_right(_SPAN_LIST, ticks)


def _longest(tokens: list[int], followers: dict[tuple[int, ...], int], least: int) -> tuple[int, int]:
    """Return the length of the longest known run that the music ends with, and the step that followed it."""
    place = len(tokens)
    best = (0, 0)
    for length in range(least, min(MAX_MATCH, place) + 1):  # a run is known only if its endings are
        follower = followers.get(tuple(tokens[place - length :]))
        if follower is None:
            break
        best = (length, follower)
    return best
