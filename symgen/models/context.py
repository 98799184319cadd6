"""What the networks are told about each step before it is chosen.

Its place in beat, bar, phrase and piece; what followed the last time the music stood where it stands now, and what
stood at the same place of earlier bars; and what is asked for: density, leaps and register of the passage, and the
notes that are to be reached. One table and two forms of the same computation: over a whole piece in columns, for
training (:func:`piece_features`), and step by step while composing (:class:`Context`). A test holds them equal.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from symgen.score import Metre
from symgen.tokens import chord, melody, rhythm
from symgen.tokens.sequence import TokenArray, TokenSequence
from symgen.tokens.vocabulary import START
from symgen.units import TICKS_PER_QUARTER, bar_ticks

_MAX_BAR_EIGHTHS = 32
_MAX_LEAP = 24
_MAX_MATCH = 8
_LEAST_MELODY_MATCH = 2
_LEAST_RHYTHM_MATCH = 3
_MAX_RUN = 64
_HYPERMETRE = 4
_ECHOES = (1, 2, 4)
_LONG = 2 * TICKS_PER_QUARTER
_UNKNOWN_BAR = 4 * TICKS_PER_QUARTER
_SPANS = np.array([1, 240, 480, 960, 1440, 1920, 2880, 3840, 5760, 7680, 11520, 15360, 23040, 30720, 61440, 122880])
_RUNS = np.array([1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64])
_RUN_CLASSES: Final = len(_RUNS) + 1
LEVELS: Final = 7
"""Levels of a dial, from 1; 0 is unasked."""


def _phase_table() -> NDArray[np.int64]:
    """Class of each tick within a quarter: one a 64th place, one a triplet-32nd place, one a quintuplet place."""
    table = np.zeros(TICKS_PER_QUARTER, dtype=np.int64)
    places = [tick for grid in (30, 40, 48) for tick in range(0, TICKS_PER_QUARTER, grid)]
    for number, tick in enumerate(dict.fromkeys(places), start=1):
        table[tick] = number
    return table


_PHASE: Final = _phase_table()
_SPAN_CLASSES: Final = len(_SPANS) + 1

FEATURES: Final[dict[str, int]] = {
    "phase": int(_PHASE.max()) + 1,
    "bar_position": _MAX_BAR_EIGHTHS + 1,
    "remaining": _SPAN_CLASSES,
    "elapsed": _SPAN_CLASSES,
    "leap": 2 * _MAX_LEAP + 2,
    "match_length": _MAX_MATCH + 1,
    "match_rhythm": len(rhythm.VOCABULARY),
    "match_melody": len(melody.VOCABULARY),
    "match_chord": len(chord.VOCABULARY),
    "match_run": _RUN_CLASSES,
    "copy_run": _RUN_CLASSES,
    "rhythm_match_length": _MAX_MATCH + 1,
    "rhythm_match": len(rhythm.VOCABULARY),
    "rhythm_run": _RUN_CLASSES,
    **{
        f"echo{bars}_{name}": size
        for bars in _ECHOES
        for name, size in (("rhythm", len(rhythm.VOCABULARY)), ("melody", len(melody.VOCABULARY)))
    },
    "bar_of_four": _HYPERMETRE + 1,
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
            int(_PHASE[self.time % TICKS_PER_QUARTER]),
            min(2 * within // TICKS_PER_QUARTER, _MAX_BAR_EIGHTHS - 1) + 1 if self.metres else 0,
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
            number % _HYPERMETRE + 1 if self.metres else 0,
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
        for length in range(_LEAST_MELODY_MATCH, min(_MAX_MATCH, place) + 1):
            self._followers[tuple(self._melodies[place - length :])] = place
        for length in range(_LEAST_RHYTHM_MATCH, min(_MAX_MATCH, place) + 1):
            self._rhythm_followers[tuple(self._rhythms[place - length :])] = place
        self._first_at.setdefault(self.time, place)
        self._rhythms.append(rhythm_token)
        self._melodies.append(melody_token)
        self._chords.append(chord_token)
        if melody_token != melody.REST:
            self._tones.append(_RELATIVE[melody_token])
            technique = _TECHNIQUE[melody_token]
            self._run = min(self._run + 1, _MAX_RUN) if technique == self._technique else 1
            self._technique = technique
        interval = _INTERVAL[rhythm_token]
        self.time += interval
        if interval >= _LONG:
            self._phrase_before, self._phrase = self.time - self._phrase, self.time
        self._match = _longest(self._melodies, self._followers, _LEAST_MELODY_MATCH)
        self._beat = _longest(self._rhythms, self._rhythm_followers, _LEAST_RHYTHM_MATCH)

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
            self._runs[place] = min(self._runs[place] + 1, _MAX_RUN) if again else 0

    def _bar(self) -> tuple[int, int, int]:
        """Return the length of the bar in ticks, ticks since its line, and bars since the metre began."""
        if not self.metres:
            return _UNKNOWN_BAR, 0, 0
        index = bisect_right(self._metre_ticks, self.time) - 1
        bar = self._bars[index]
        number, within = divmod(self.time - self._metre_ticks[index], bar)
        return bar, within, number

    def _echoes(self, bar: int) -> list[int]:
        found = []
        for bars in _ECHOES:
            place = self._first_at.get(self.time - bars * bar)
            found += [START, START] if place is None else [self._rhythms[place], self._melodies[place]]
        return found

    def _leap(self) -> int:
        if len(self._tones) < 2:
            return 0
        leap = self._tones[-1] - self._tones[-2]
        return max(-_MAX_LEAP, min(_MAX_LEAP, leap)) + _MAX_LEAP + 1

    def _goal(self) -> tuple[int, int, int, int]:
        goal = self.goal
        if goal is None or self.time >= goal.tick:
            return 0, START, START, START
        return _span(goal.tick - self.time), goal.rhythm, goal.melody, goal.after


# Lists, not arrays: single values are read from them ten times faster.
_SPAN_LIST: Final = _SPANS.tolist()
_RUN_LIST: Final = _RUNS.tolist()
_INTERVAL: Final = rhythm.INTERVAL.tolist()
_RELATIVE: Final = melody.RELATIVE.tolist()
_TECHNIQUE: Final = melody.TECHNIQUE.tolist()


def span_classes(ticks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the classes of `ticks` that the features of time have."""
    classes: NDArray[np.int64] = np.searchsorted(_SPANS, ticks, side="right")
    return classes


def _span(ticks: int) -> int:
    return bisect_right(_SPAN_LIST, ticks)


def _longest(tokens: list[int], followers: dict[tuple[int, ...], int], least: int) -> tuple[int, int]:
    """Return the length of the longest known run that the music ends with, and the step that followed it."""
    place = len(tokens)
    best = (0, 0)
    for length in range(least, min(_MAX_MATCH, place) + 1):  # a run is known only if its endings are
        follower = followers.get(tuple(tokens[place - length :]))
        if follower is None:
            break
        best = (length, follower)
    return best


def piece_features(sequence: TokenSequence) -> NDArray[np.int16]:
    """Return the features of each step of a piece; nothing is asked of it but its length.

    Parameters
    ----------
    sequence : TokenSequence
        The piece.

    Returns
    -------
    ndarray of int16, shape (steps, len(FEATURES))
    """
    times, total = sequence.onsets(), sequence.end
    rhythms, melodies, chords = sequence.steps().astype(np.int64).T
    lengths, followers = _matches(melodies, _LEAST_MELODY_MATCH)
    beats, then = _matches(rhythms, _LEAST_RHYTHM_MATCH)
    bars, within, numbers = _bars(sequence.metres, times)
    features = np.zeros((len(sequence), len(FEATURES)), dtype=np.int16)

    def put(name: str, values: NDArray[np.int64]) -> None:
        features[:, PLACE[name]] = values

    put("phase", _PHASE[times % TICKS_PER_QUARTER])
    if sequence.metres:
        put("bar_position", np.minimum(2 * within // TICKS_PER_QUARTER, _MAX_BAR_EIGHTHS - 1) + 1)
        put("bar_of_four", numbers % _HYPERMETRE + 1)
    if total:
        put("remaining", span_classes(total - times))
    put("elapsed", span_classes(times))
    put("leap", _leaps(sequence.melody))
    put("match_length", lengths)
    put("match_rhythm", np.where(lengths > 0, rhythms[followers], START))
    put("match_melody", np.where(lengths > 0, melodies[followers], START))
    put("match_chord", np.where(lengths > 0, chords[followers], START))
    melody_again = (lengths > 0) & (melodies[followers] == melodies)
    put("match_run", _runs_before(melody_again))
    put("copy_run", _runs_before(melody_again & (rhythms[followers] == rhythms)))
    put("rhythm_run", _runs_before((beats > 0) & (rhythms[then] == rhythms)))
    put("rhythm_match_length", beats)
    put("rhythm_match", np.where(beats > 0, rhythms[then], START))
    for count in _ECHOES:
        places, heard = _steps_at(times, times - count * bars)
        put(f"echo{count}_rhythm", np.where(heard, rhythms[places], START))
        put(f"echo{count}_melody", np.where(heard, melodies[places], START))
    since, before = _phrases(times, rhythms)
    put("phrase", span_classes(since))
    put("phrase_before", span_classes(before))
    put("technique_run", np.searchsorted(_RUNS, _technique_runs(melodies), side="right"))
    return features


def _bars(
    metres: tuple[Metre, ...], times: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return at each tick the length of the bar, ticks since its line, and bars since the metre began."""
    if not metres:
        return np.full_like(times, _UNKNOWN_BAR), np.zeros_like(times), np.zeros_like(times)
    ticks = np.array([metre.tick for metre in metres])
    bars = np.array([bar_ticks(metre.numerator, metre.denominator) for metre in metres])
    index = np.searchsorted(ticks, times, side="right") - 1
    numbers, within = np.divmod(times - ticks[index], bars[index])
    return bars[index], within, numbers


def _steps_at(times: NDArray[np.int64], wanted: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the first step that begins at each wanted tick, and whether there is one."""
    if not len(times):
        return np.zeros(0, np.int64), np.zeros(0, np.bool_)
    places = np.minimum(np.searchsorted(times, wanted), len(times) - 1)
    return places, times[places] == wanted


def _phrases(times: NDArray[np.int64], rhythms: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return ticks since the phrase began, and the length of the phrase before, at each step."""
    intervals = rhythm.INTERVAL[rhythms]
    ends = times + intervals
    starts = np.concatenate([[0], ends[intervals >= _LONG]])  # the first phrase begins with the piece
    closed = np.concatenate([[0], np.cumsum(intervals >= _LONG)[:-1]]) if len(times) else np.zeros(0, np.int64)
    lengths = np.concatenate([[0], np.diff(starts)])
    return times - starts[closed], lengths[closed]


def _runs_before(again: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the class of how many steps in a row before each were `again`."""
    places = np.arange(len(again))
    last = np.maximum.accumulate(np.where(again, -1, places)) if len(again) else places
    runs = np.minimum(places - last, _MAX_RUN)
    classes: NDArray[np.int64] = np.searchsorted(_RUNS, np.concatenate([[0], runs[:-1]])[: len(again)], side="right")
    return classes


def _technique_runs(melodies: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many tones before each step had the technique of the last one before it, 64 at most."""
    sounding = melodies != melody.REST
    techniques = melody.TECHNIQUE[melodies[sounding]]
    places = np.arange(len(techniques))
    changed = np.ones(len(techniques), np.bool_)
    changed[1:] = techniques[1:] != techniques[:-1]
    runs = np.minimum(places - np.maximum.accumulate(np.where(changed, places, 0)) + 1, _MAX_RUN)
    counts: NDArray[np.int64] = np.concatenate([[0], runs])[np.cumsum(sounding) - sounding]
    return counts


def _leaps(melodies: TokenArray) -> NDArray[np.int64]:
    """Return the class of the leap between the last two tones before each step; 0 before the second tone."""
    sounding = melodies != melody.REST
    leaps = np.clip(np.diff(melody.RELATIVE[melodies[sounding]]), -_MAX_LEAP, _MAX_LEAP) + _MAX_LEAP + 1
    classes = np.concatenate([np.zeros(2, np.int64), leaps])  # by how many tones there were before
    found: NDArray[np.int64] = classes[np.cumsum(sounding) - sounding]
    return found


def _matches(tokens: NDArray[np.int64], least: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how long a run of tokens before each step was heard before, and the step that then followed it.

    Runs are grouped by sorting, exactly: a run of n is a run of n - 1, by the number of its group, with one token
    before it, and only what was heard twice can be part of a longer run that was.

    Parameters
    ----------
    tokens : ndarray of int64, shape (steps,)
        The tokens.
    least : int
        Shortest run that counts, at least 2.

    Returns
    -------
    lengths, followers : ndarray of int64, shape (steps,)
        Both 0 where nothing matches. The longest run counts, and of its places the last.
    """
    lengths, followers = np.zeros((2, len(tokens)), dtype=np.int64)
    values = int(tokens.max(initial=0)) + 1
    ends = np.arange(len(tokens) - 1)  # where a run ends that a step follows
    groups = tokens[:-1]
    for length in range(2, _MAX_MATCH + 1):
        begun = ends >= length - 1
        ends, groups = ends[begun], groups[begun]
        runs = groups * values + tokens[ends - length + 1]
        order = np.argsort(runs, kind="stable")  # equal runs stay in the order in which they come
        ends, runs = ends[order], runs[order]
        again = np.zeros(len(runs), np.bool_)
        np.equal(runs[1:], runs[:-1], out=again[1:])
        places = np.flatnonzero(again)
        if not len(places):
            break
        if length >= least:
            steps = ends[places] + 1
            lengths[steps], followers[steps] = length, ends[places - 1] + 1
        heard = again.copy()
        heard[places - 1] = True
        ends, groups = ends[heard], np.cumsum(~again, dtype=np.int64)[heard]
    return lengths, followers
