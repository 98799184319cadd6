"""Masks over the vocabularies: what an instrument, a tuning, a beat and a close allow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from symgen.instruments.base import Instrument, Tuning
from symgen.instruments.rules import playable_pitches, strikeable
from symgen.score import Technique
from symgen.script import Landing
from symgen.theory.degrees import BIAN, PENTATONIC
from symgen.theory.modes import APPROACHES
from symgen.tokens import chord, melody, rhythm
from symgen.units import TICKS_PER_QUARTER

Mask = NDArray[np.bool_]
_SIXTEENTH = TICKS_PER_QUARTER // 4
_CLOSING_CHORDS = frozenset({(), (12,), (24,)})


@dataclass(frozen=True, eq=False, slots=True)
class ToneMasks:
    """Masks over melody tokens that an instrument in a tuning and a final allow."""

    zheng: Mask
    zheng_and_bian: Mask
    sounding: Mask
    finals: Mask
    approaches: Mask


@lru_cache(maxsize=256)
def tone_masks(
    instrument: Instrument, tuning: Tuning, gong: int, techniques: tuple[Technique, ...], final: int, shift: int = 0
) -> ToneMasks:
    """Return which melody tokens can be had with some techniques, in a gong system `shift` semitones away."""
    playable = np.zeros(len(melody.VOCABULARY), dtype=np.bool_)
    pitches = gong + melody.RELATIVE
    for technique in techniques:
        reachable = list(playable_pitches(instrument, tuning, technique, easily=True))
        playable |= (technique == melody.TECHNIQUE) & np.isin(pitches, reachable)
    rest = np.arange(len(playable)) == melody.REST
    degree = (melody.DEGREE - shift) % 12
    zheng = playable & np.isin(degree, PENTATONIC)
    finals = playable & (final == melody.DEGREE)
    before = {a.before for a in APPROACHES if a.final == final}
    # Jue is too rare for a table of its own: it is approached by its neighbours and its fourth. The final may be
    # said twice: of the guqin pieces in gong mode seven in eight close so.
    approaches = playable & np.isin(melody.DEGREE, [final, *(sorted(before) or (2, 7, 9))])
    return ToneMasks(
        zheng=zheng | rest,
        zheng_and_bian=(playable & np.isin(degree, (*PENTATONIC, *BIAN))) | rest,
        sounding=~rest,
        finals=finals,
        approaches=approaches,
    )


@lru_cache(maxsize=65536)
def chords_under(
    instrument: Instrument, tuning: Tuning, gong: int, shift: int, melody_token: int, closing: bool
) -> Mask:
    """Return the chords that can be struck under a melody tone, all of their tones zheng tones."""
    top = gong + int(melody.RELATIVE[melody_token])
    technique = Technique(int(melody.TECHNIQUE[melody_token]))
    mask = np.zeros(len(chord.VOCABULARY), dtype=np.bool_)
    mask[chord.NO_CHORD] = True
    if not tuning.open_pitches:  # a voice
        return mask
    for number, intervals in enumerate(chord.SONORITIES[1:], start=chord.NO_CHORD + 1):
        if 0 in intervals:  # two strings on one pitch are one note on the one channel of a MIDI track
            continue
        if closing and intervals not in _CLOSING_CHORDS:
            continue
        if any((top - interval - gong - shift) % 12 not in PENTATONIC for interval in intervals):
            continue
        pitches = (top, *(top - interval for interval in intervals))
        # Also without the technique, which MIDI does not carry: who reads the file can still play it.
        mask[number] = strikeable(instrument, tuning, pitches, technique, easily=True) and (
            strikeable(instrument, tuning, pitches)
        )
    return mask


@lru_cache(maxsize=1024)
def only(size: int, token: int) -> Mask:
    """Return a mask that leaves one token."""
    mask: Mask = np.arange(size) == token
    return mask


@lru_cache(maxsize=256)
def landing(start: int, ticks: int, steps: int) -> Landing:
    """Return from where `steps` steps can fill a stretch exactly."""
    allowed = np.zeros((ticks, int(rhythm.INTERVAL.max()) + 1), dtype=np.bool_)
    for time in range(start, start + ticks):
        place = time % TICKS_PER_QUARTER
        tokens = on_grid(place, time - place + TICKS_PER_QUARTER <= start + ticks)
        allowed[time - start, rhythm.INTERVAL[tokens]] = True
    return Landing(allowed, start, steps)


def lands(start: int, ticks: int, steps: int) -> bool:
    """Tell whether `steps` steps of any length can fill a stretch of `ticks` from `start` on exactly."""
    return bool(landing(start, ticks, steps).lands(steps, np.array([start]))[0])


DEEPEST: NDArray[np.int64] = np.array(
    [max(chord.chord_intervals(token), default=0) for token in range(len(chord.VOCABULARY))]
)
"""How far below its melody tone each chord reaches, in semitones."""

WITHOUT_CHORD: Mask = np.arange(len(chord.VOCABULARY)) == chord.NO_CHORD
_LEGATO: Mask = (rhythm.INTERVAL > 0) & (rhythm.LENGTH <= rhythm.INTERVAL)


class _Closing(dict[int, Mask]):
    """Masks of the one token that fills `length` ticks."""

    def __missing__(self, length: int) -> Mask:
        mask = np.zeros(len(rhythm.VOCABULARY), dtype=np.bool_)
        token = rhythm.rhythm_token(length, length)
        assert token is not None  # the close is a whole number of beats
        mask[token] = True
        self[length] = mask
        return mask


CLOSING = _Closing()


@lru_cache(maxsize=2 * TICKS_PER_QUARTER)
def on_grid(place: int, tuplets: bool) -> Mask:
    """Return the rhythm tokens that may begin `place` ticks after a beat.

    Triplets and quintuplets fill their beat before anything else follows; values finer than a sixteenth
    come back to the sixteenths.
    """
    interval = rhythm.INTERVAL
    allowed = np.zeros(len(interval), dtype=np.bool_)
    if place % 30 == 0:
        lands = (place + interval) % _SIXTEENTH == 0
        within = place % _SIXTEENTH + interval <= _SIXTEENTH
        allowed |= (interval % 30 == 0) & (lands | within)
    if tuplets:
        for grid in (40, 48):
            if place % grid == 0:
                allowed |= (interval % grid == 0) & (place + interval <= TICKS_PER_QUARTER)
    return allowed & _LEGATO
