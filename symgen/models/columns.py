"""The features of every step of a whole piece at once, in columns, for training."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from symgen.models.features import (
    ECHOES,
    FEATURES,
    HYPERMETRE,
    LEAST_MELODY_MATCH,
    LEAST_RHYTHM_MATCH,
    LONG,
    MAX_BAR_EIGHTHS,
    MAX_LEAP,
    MAX_MATCH,
    MAX_RUN,
    PHASE,
    PLACE,
    RUNS,
    UNKNOWN_BAR,
    span_classes,
)
from symgen.score import Metre
from symgen.tokens import melody, rhythm
from symgen.tokens.sequence import TokenArray, TokenSequence
from symgen.tokens.vocabulary import START
from symgen.units import TICKS_PER_QUARTER, bar_ticks


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
    lengths, followers = _matches(melodies, LEAST_MELODY_MATCH)
    beats, then = _matches(rhythms, LEAST_RHYTHM_MATCH)
    bars, within, numbers = _bars(sequence.metres, times)
    features = np.zeros((len(sequence), len(FEATURES)), dtype=np.int16)

    def put(name: str, values: NDArray[np.int64]) -> None:
        features[:, PLACE[name]] = values

    put("phase", PHASE[times % TICKS_PER_QUARTER])
    if sequence.metres:
        put("bar_position", np.minimum(2 * within // TICKS_PER_QUARTER, MAX_BAR_EIGHTHS - 1) + 1)
        put("bar_of_four", numbers % HYPERMETRE + 1)
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
    for count in ECHOES:
        places, heard = _steps_at(times, times - count * bars)
        put(f"echo{count}_rhythm", np.where(heard, rhythms[places], START))
        put(f"echo{count}_melody", np.where(heard, melodies[places], START))
    since, before = _phrases(times, rhythms)
    put("phrase", span_classes(since))
    put("phrase_before", span_classes(before))
    put("technique_run", np.searchsorted(RUNS, _technique_runs(melodies), side="right"))
    return features


def _bars(
    metres: tuple[Metre, ...], times: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return at each tick the length of the bar, ticks since its line, and bars since the metre began."""
    if not metres:
        return np.full_like(times, UNKNOWN_BAR), np.zeros_like(times), np.zeros_like(times)
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
    starts = np.concatenate([[0], ends[intervals >= LONG]])  # the first phrase begins with the piece
    closed = np.concatenate([[0], np.cumsum(intervals >= LONG)[:-1]]) if len(times) else np.zeros(0, np.int64)
    lengths = np.concatenate([[0], np.diff(starts)])
    return times - starts[closed], lengths[closed]


def _runs_before(again: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the class of how many steps in a row before each were `again`."""
    places = np.arange(len(again))
    last = np.maximum.accumulate(np.where(again, -1, places)) if len(again) else places
    runs = np.minimum(places - last, MAX_RUN)
    classes: NDArray[np.int64] = np.searchsorted(RUNS, np.concatenate([[0], runs[:-1]])[: len(again)], side="right")
    return classes


def _technique_runs(melodies: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many tones before each step had the technique of the last one before it, 64 at most."""
    sounding = melodies != melody.REST
    techniques = melody.TECHNIQUE[melodies[sounding]]
    places = np.arange(len(techniques))
    changed = np.ones(len(techniques), np.bool_)
    changed[1:] = techniques[1:] != techniques[:-1]
    runs = np.minimum(places - np.maximum.accumulate(np.where(changed, places, 0)) + 1, MAX_RUN)
    counts: NDArray[np.int64] = np.concatenate([[0], runs])[np.cumsum(sounding) - sounding]
    return counts


def _leaps(melodies: TokenArray) -> NDArray[np.int64]:
    """Return the class of the leap between the last two tones before each step; 0 before the second tone."""
    sounding = melodies != melody.REST
    leaps = np.clip(np.diff(melody.RELATIVE[melodies[sounding]]), -MAX_LEAP, MAX_LEAP) + MAX_LEAP + 1
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
    for length in range(2, MAX_MATCH + 1):
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
