"""The rules that a composed piece keeps whatever the network would like: masks over the vocabularies.

A network proposes; the grammar strikes out what would break a promise. Asked for are a gong system and
mode, a metre and a number of bars, and an instrument in a tuning; kept are the range and what hands can
strike at once, a bounded share of bian tones, rhythms that come back to the beat, and a cadence on the
final at the end of the last bar.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from symgen.dials import NEUTRAL, Dials, Steering, habit_of
from symgen.instruments.base import Instrument, Tuning
from symgen.instruments.rules import playable_pitches, strikeable
from symgen.models.context import Context
from symgen.score import Metre, Technique
from symgen.theory.degrees import BIAN, PENTATONIC
from symgen.theory.modes import APPROACHES, MODE_BY_NAME
from symgen.tokens import chord, melody, rhythm
from symgen.tokens.prefix import Prefix
from symgen.units import TICKS_PER_QUARTER, bar_ticks

Mask = NDArray[np.bool_]

_SIXTEENTH = TICKS_PER_QUARTER // 4
_MOST_REPEATS = 6
_LONGEST_BIAN = TICKS_PER_QUARTER
_CLOSING_CHORDS = frozenset({(), (12,), (24,)})


@dataclass(frozen=True)
class Plan:
    """What a piece has to be.

    Parameters
    ----------
    prefix : Prefix
        Style, mode and metre as the network is told.
    gong : int
        MIDI note of the reference gong.
    metre : Metre
        Holds for the whole piece.
    bars : int
        Length.
    instrument, tuning : Instrument, Tuning
        Has to be able to play it.
    techniques : frozenset of Technique
        Techniques that may be written.
    bian_share : float
        Most of the time that tones outside the pentatonic may take.
    harmonics : tuple of (int, int)
        Stretches, in ticks from start up to end, in which only harmonics are written; the bar after one has none.
    dials : Dials
        What the piece leans to.
    """

    prefix: Prefix
    gong: int
    metre: Metre
    bars: int
    instrument: Instrument
    tuning: Tuning
    techniques: frozenset[Technique]
    bian_share: float
    harmonics: tuple[tuple[int, int], ...] = ()
    dials: Dials = NEUTRAL

    @cached_property
    def bar(self) -> int:
        """Length of a bar in ticks."""
        return bar_ticks(self.metre.numerator, self.metre.denominator)

    @cached_property
    def total(self) -> int:
        """Length of the piece in ticks."""
        return self.bar * self.bars

    @cached_property
    def close(self) -> int:
        """Tick of the final note: a beat of the last bar, with at most two beats to ring."""
        beat = TICKS_PER_QUARTER if self.bar % TICKS_PER_QUARTER == 0 else TICKS_PER_QUARTER // 2
        return self.total - min(2 * beat, self.bar)

    @cached_property
    def final(self) -> int:
        """Degree of the final in semitones above gong."""
        return MODE_BY_NAME[self.prefix.mode].final

    def in_harmonics(self, tick: int) -> bool:
        """Tell whether only harmonics are written at `tick`."""
        return any(start <= tick < end for start, end in self.harmonics)

    def leaves_harmonics(self, tick: int) -> bool:
        """Tell whether a stretch of harmonics ended within the last bar before `tick`."""
        return any(end <= tick < end + self.bar for _, end in self.harmonics)

    def serves_harmonics(self) -> bool:
        """Tell whether the tuning has harmonics enough for a passage that ends on the final."""
        tones = _tone_masks(self.instrument, self.tuning, self.gong, (Technique.HARMONIC,), self.final)
        degrees = set(melody.DEGREE[tones.zheng & tones.sounding].tolist())
        return bool(degrees >= set(PENTATONIC) and tones.finals.any() and tones.approaches.any())

    def playable(self, pitches: Iterable[int], technique: int) -> bool:
        """Tell whether the instrument can strike these MIDI notes at once with this technique, in easy reach."""
        return strikeable(self.instrument, self.tuning, tuple(pitches), Technique(technique), easily=True)


class Grammar:
    """Masks for the next step of one piece in the making.

    Parameters
    ----------
    plan : Plan
        What the piece has to be.
    context : Context
        Where the piece stands; :meth:`append` moves it on.

    Attributes
    ----------
    steering : Steering or None
        Leans the network's scores towards what the dials ask for; None if they ask for nothing.
    """

    def __init__(self, plan: Plan, context: Context) -> None:
        self.plan, self.context = plan, context
        self._tones = _tone_masks(plan.instrument, plan.tuning, plan.gong, tuple(sorted(plan.techniques)), plan.final)
        if plan.harmonics:
            others = tuple(sorted(plan.techniques - {Technique.HARMONIC}))
            self._harmonics = _tone_masks(plan.instrument, plan.tuning, plan.gong, (Technique.HARMONIC,), plan.final)
            self._others = _tone_masks(plan.instrument, plan.tuning, plan.gong, others, plan.final)
        self.steering = self._steering() if plan.dials.steers else None
        self._bian_ticks = 0
        self._repeats = 0
        self._last = 0

    def _steering(self) -> Steering:
        tones = melody.RELATIVE[self._tones.zheng & self._tones.sounding]
        plan = self.plan
        return Steering(plan.dials, habit_of(plan.prefix.style), (int(tones.min()), int(tones.max())))

    @property
    def finished(self) -> bool:
        """Whether the piece is complete."""
        return self.context.time >= self.plan.total

    def rhythms(self) -> Mask:
        """Return which rhythm tokens may come next, shape (V_rhythm,)."""
        time, close = self.context.time, self.plan.close
        if time == close:
            return _CLOSING[self.plan.total - close]
        beat_end = time - time % TICKS_PER_QUARTER + TICKS_PER_QUARTER
        allowed = _on_grid(time % TICKS_PER_QUARTER, beat_end <= close)
        return allowed & (close - time >= rhythm.INTERVAL)

    def melodies(self, rhythm_token: int) -> Mask:
        """Return which melody tokens may come next, given the rhythm, shape (V_melody,)."""
        length = int(rhythm.INTERVAL[rhythm_token])
        after = self.context.time + length
        tones = self._tones
        if self.plan.in_harmonics(self.context.time):
            tones = self._harmonics
        elif self.plan.leaves_harmonics(self.context.time):
            tones = self._others
        if self.context.time == self.plan.close:
            return tones.finals
        if after == self.plan.close:
            return tones.approaches
        bian = self._bian_ticks + length <= self.plan.bian_share * after and length <= _LONGEST_BIAN
        allowed = tones.zheng_and_bian if bian else tones.zheng
        if self._last in (0, melody.REST) or length > TICKS_PER_QUARTER:
            allowed = allowed & tones.sounding
        if self._repeats >= _MOST_REPEATS:
            allowed = allowed.copy()
            allowed[self._last] = False
        return allowed

    def chords(self, melody_token: int) -> Mask:
        """Return which chord tokens may come next, given the melody, shape (V_chord,)."""
        if melody_token == melody.REST:
            return _NO_CHORD
        plan = self.plan
        return _chords(plan.instrument, plan.tuning, plan.gong, melody_token, self.context.time == plan.close)

    def append(self, rhythm_token: int, melody_token: int, chord_token: int = chord.NO_CHORD) -> None:
        """Take up the step that was chosen."""
        length = int(rhythm.INTERVAL[rhythm_token])
        if int(melody.DEGREE[melody_token]) in BIAN:
            self._bian_ticks += length
        self._repeats = self._repeats + 1 if melody_token == self._last else 0
        self._last = melody_token
        self.context.append(rhythm_token, melody_token, chord_token)
        if self.steering is not None:
            self.steering.append(rhythm_token, melody_token)


@dataclass(frozen=True, eq=False, slots=True)
class _ToneMasks:
    """Masks over melody tokens that an instrument in a tuning and a final allow."""

    zheng: Mask
    zheng_and_bian: Mask
    sounding: Mask
    finals: Mask
    approaches: Mask


@lru_cache(maxsize=256)
def _tone_masks(
    instrument: Instrument, tuning: Tuning, gong: int, techniques: tuple[Technique, ...], final: int
) -> _ToneMasks:
    playable = np.zeros(len(melody.VOCABULARY), dtype=np.bool_)
    pitches = gong + melody.RELATIVE
    for technique in techniques:
        reachable = list(playable_pitches(instrument, tuning, technique, easily=True))
        playable |= (technique == melody.TECHNIQUE) & np.isin(pitches, reachable)
    rest = np.arange(len(playable)) == melody.REST
    zheng = playable & np.isin(melody.DEGREE, PENTATONIC)
    finals = playable & (final == melody.DEGREE)
    before = {a.before for a in APPROACHES if a.final == final and a.before != final}
    # Jue is too rare for a table of its own: it is approached by its neighbours and its fourth.
    approaches = playable & np.isin(melody.DEGREE, sorted(before) or [2, 7, 9])
    return _ToneMasks(
        zheng=zheng | rest,
        zheng_and_bian=(playable & np.isin(melody.DEGREE, (*PENTATONIC, *BIAN))) | rest,
        sounding=~rest,
        finals=finals,
        approaches=approaches,
    )


@lru_cache(maxsize=65536)
def _chords(instrument: Instrument, tuning: Tuning, gong: int, melody_token: int, closing: bool) -> Mask:
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
        if any((top - interval - gong) % 12 not in PENTATONIC for interval in intervals):
            continue
        pitches = (top, *(top - interval for interval in intervals))
        # Also without the technique, which MIDI does not carry: who reads the file can still play it.
        mask[number] = strikeable(instrument, tuning, pitches, technique, easily=True) and (
            strikeable(instrument, tuning, pitches)
        )
    return mask


_NO_CHORD: Mask = np.arange(len(chord.VOCABULARY)) == chord.NO_CHORD
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


_CLOSING = _Closing()


@lru_cache(maxsize=2 * TICKS_PER_QUARTER)
def _on_grid(place: int, tuplets: bool) -> Mask:
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
