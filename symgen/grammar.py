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
from symgen.forms import SectionPlan
from symgen.instruments.base import Instrument, Tuning
from symgen.instruments.rules import playable_pitches, strikeable
from symgen.models.context import Context, Goal
from symgen.score import Metre, Technique
from symgen.script import Fixed, Free, Landing, Locks, Script, Segment, Step, cut, length_of
from symgen.theory.degrees import BIAN, PENTATONIC
from symgen.theory.modes import APPROACHES, MODE_BY_NAME
from symgen.tokens import chord, melody, rhythm
from symgen.tokens.prefix import Prefix
from symgen.tokens.vocabulary import START
from symgen.units import TICKS_PER_QUARTER, bar_ticks

Mask = NDArray[np.bool_]

_SIXTEENTH = TICKS_PER_QUARTER // 4
_MOST_REPEATS = 6
_LONGEST_BIAN = TICKS_PER_QUARTER
_CLOSING_CHORDS = frozenset({(), (12,), (24,)})


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a line may go.

    Parameters
    ----------
    low, high : int
        Lowest and highest tone, in semitones above the reference gong.
    leap : int
        Widest leap, in semitones.
    """

    low: int
    high: int
    leap: int


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
    script : tuple of Segment
        What stands, what is free and what comes again; empty for a piece that is all free. It may end before the piece
        does: the rest is not looked at.
    metres : tuple of Metre
        The metre map of music that changes metre; empty if `metre` holds for the whole piece.
    modulations : tuple of (int, int, int)
        Stretches, in ticks from start up to end, in another gong system, with its distance in semitones.
    ticks : int
        Length in ticks where it is not that of the bars; 0 where it is.
    dials : Dials
        What the piece leans to.
    turns : tuple of (int, Dials)
        Ticks, ascending, at which the dials are turned to something else.
    sections : tuple of SectionPlan
        Of a form; empty for a piece without.
    limits : Limits, optional
        Within which tones and leaps the line stays where it can.
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
    script: Script = ()
    metres: tuple[Metre, ...] = ()
    modulations: tuple[tuple[int, int, int], ...] = ()
    ticks: int = 0
    dials: Dials = NEUTRAL
    turns: tuple[tuple[int, Dials], ...] = ()
    sections: tuple[SectionPlan, ...] = ()
    limits: Limits | None = None

    @cached_property
    def bar(self) -> int:
        """Length of a bar in ticks."""
        return bar_ticks(self.metre.numerator, self.metre.denominator)

    @cached_property
    def total(self) -> int:
        """Length of the piece in ticks: that of its bars, or `ticks` where it is given."""
        return self.ticks or self.bar * self.bars

    @cached_property
    def segments(self) -> Script:
        """The script, with the one free segment of a piece that has none."""
        return self.script or (Free(self.total),)

    @cached_property
    def metre_map(self) -> tuple[Metre, ...]:
        """The metre map."""
        return self.metres or (self.metre,)

    @cached_property
    def closes(self) -> bool:
        """Whether the end of the piece is written anew, with its cadence."""
        return isinstance(self.segments[-1], Free) and length_of(self.segments) == self.total

    @cached_property
    def close(self) -> int:
        """Tick of the final note: a beat of the last bar, with at most two beats to ring."""
        return self.total - self.closing

    @cached_property
    def closing(self) -> int:
        """Length of a closing note in ticks."""
        beat = TICKS_PER_QUARTER if self.bar % TICKS_PER_QUARTER == 0 else TICKS_PER_QUARTER // 2
        return min(2 * beat, self.bar)

    @cached_property
    def final(self) -> int:
        """Degree of the final in semitones above gong."""
        return MODE_BY_NAME[self.prefix.mode].final

    def shift(self, tick: int) -> int:
        """Return the distance in semitones of the gong system at `tick` from that of the piece."""
        return next((shift for start, end, shift in self.modulations if start <= tick < end), 0)

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
        self._techniques = tuple(sorted(plan.techniques))
        self._others = tuple(sorted(plan.techniques - {Technique.HARMONIC}))
        self._rest: int | None = plan.final
        self._turns = list(reversed(plan.turns))
        steers = plan.dials.steers or any(dials.steers for _, dials in plan.turns)
        self.steering = self._steering() if steers else None
        self._bian_ticks = 0
        self._repeats = 0
        self._last = 0
        self._sounded = 0
        self.enter(Free(plan.total))

    def _steering(self) -> Steering:
        plan = self.plan
        masks = _tone_masks(plan.instrument, plan.tuning, plan.gong, self._techniques, plan.final)
        tones = melody.RELATIVE[masks.zheng & masks.sounding]
        return Steering(plan.dials, habit_of(plan.prefix.style), (int(tones.min()), int(tones.max())))

    @property
    def finished(self) -> bool:
        """Whether the piece is complete."""
        return self.context.time >= self.plan.total

    def enter(self, segment: Free) -> None:
        """Begin to write a free segment where the piece stands."""
        self._locks = segment.locks or _UNLOCKED
        self._place = 0
        self._stop = self.context.time + segment.ticks
        ends = self._stop == self.plan.total
        self._rest = self.plan.final if ends else segment.cadence
        self._close = self._stop - self.plan.closing
        self._landing: Landing | None = None
        if self._locks.count and not self._locks.rhythm:
            self._landing = _landing(self.context.time, segment.ticks, self._locks.count)

    def rhythms(self) -> Mask:
        """Return which rhythm tokens may come next, shape (V_rhythm,)."""
        time, locks = self.context.time, self._locks
        if locks.rhythm:
            return _only(len(rhythm.VOCABULARY), locks.rhythm[self._place])
        by_count = self._landing is not None
        limit = self._close if self._rest is not None and not by_count else self._stop
        if time == limit and not by_count:
            return _CLOSING[self.plan.closing]
        beat_end = time - time % TICKS_PER_QUARTER + TICKS_PER_QUARTER
        allowed = _on_grid(time % TICKS_PER_QUARTER, beat_end <= limit)
        if self._landing is not None:
            return allowed & self._landing.lands(locks.count - self._place - 1, time + rhythm.INTERVAL)
        return allowed & (limit - time >= rhythm.INTERVAL)

    def melodies(self, rhythm_token: int) -> Mask:
        """Return which melody tokens may come next, given the rhythm, shape (V_melody,)."""
        if self._locks.melody:
            return _only(len(melody.VOCABULARY), self._locks.melody[self._place])
        length = int(rhythm.INTERVAL[rhythm_token])
        time, after = self.context.time, self.context.time + length
        tones = self._tones(time)
        left = self._left(time, after)
        if left == 0 and tones.finals.any():
            allowed = tones.finals
        elif left <= 1 and tones.approaches.any():  # a rest that is asked for may have no harmonic, a close has one
            allowed = tones.approaches
        else:
            bian = self._bian_ticks + length <= self.plan.bian_share * after and length <= _LONGEST_BIAN
            allowed = tones.zheng_and_bian if bian else tones.zheng
            if self._last in (0, melody.REST) or length > TICKS_PER_QUARTER or self._locks.count:
                allowed = allowed & tones.sounding
            if self._repeats >= _MOST_REPEATS and not self._locks.moves:
                allowed = allowed.copy()
                allowed[self._last] = False
        if self.plan.limits is not None:
            allowed = self._limited(allowed, self.plan.limits, tones.finals if left == 1 else None)
        return self._moving(allowed) if self._locks.moves else allowed

    def chords(self, melody_token: int) -> Mask:
        """Return which chord tokens may come next, given the melody, shape (V_chord,)."""
        if self._locks.chord:
            return _only(len(chord.VOCABULARY), self._locks.chord[self._place])
        if melody_token == melody.REST:
            return _NO_CHORD
        plan, time = self.plan, self.context.time
        closing = self._left(time, self._stop) == 0
        found = _chords(plan.instrument, plan.tuning, plan.gong, plan.shift(time), melody_token, closing)
        if plan.limits is None:
            return found
        kept = found & (int(melody.RELATIVE[melody_token]) - plan.limits.low >= _DEEPEST)
        return kept if kept.any() else found

    def append(
        self, rhythm_token: int, melody_token: int, chord_token: int = chord.NO_CHORD, *, given: bool = False
    ) -> None:
        """Take up the step that was chosen, or that was `given`."""
        length = int(rhythm.INTERVAL[rhythm_token])
        if (int(melody.DEGREE[melody_token]) - self.plan.shift(self.context.time)) % 12 in BIAN:
            self._bian_ticks += length
        self._repeats = self._repeats + 1 if melody_token == self._last else 0
        self._last = melody_token
        if melody_token != melody.REST:
            self._sounded = melody_token
        self._place += 1
        self.context.append(rhythm_token, melody_token, chord_token)
        if self.steering is not None:
            self.steering.append(rhythm_token, melody_token, given=given)
            while self._turns and self._turns[-1][0] <= self.context.time:
                self.steering.turn(self._turns.pop()[1])

    def _left(self, time: int, after: int) -> int:
        """Return how many steps follow until the final: 0 for the final itself, 1 for its approach, 2 for others."""
        if self._rest is None:
            return 2
        if self._locks.count:
            return min(2, self._locks.count - 1 - self._place)
        return 0 if time == self._close else 1 if after == self._close else 2

    def _tones(self, time: int) -> _ToneMasks:
        plan, techniques = self.plan, self._techniques
        if plan.harmonics:
            if plan.in_harmonics(time):
                techniques = (Technique.HARMONIC,)
            elif plan.leaves_harmonics(time):
                techniques = self._others
        final = plan.final if self._rest is None else self._rest
        return _tone_masks(plan.instrument, plan.tuning, plan.gong, techniques, final, plan.shift(time))

    def _limited(self, allowed: Mask, limits: Limits, ahead: Mask | None) -> Mask:
        """Return the tones within the limits, or within the range alone, or all of them where else none is left."""
        tones = np.arange(len(allowed)) > melody.REST
        inside = ~tones | ((limits.low <= melody.RELATIVE) & (limits.high >= melody.RELATIVE))
        near = inside
        if self._sounded:
            near = inside & (~tones | (abs(melody.RELATIVE - melody.RELATIVE[self._sounded]) <= limits.leap))
        if ahead is not None:  # the last but one leads to a final that is not too far
            finals = melody.RELATIVE[ahead & inside & tones]
            there = np.abs(melody.RELATIVE[:, None] - finals[None, :]).min(axis=1, initial=127) <= limits.leap
            near = near & (~tones | there)
        for mask in (near, inside):
            kept = allowed & mask
            if (self._as_locked(kept) & tones).any():
                return kept
        return allowed

    def _as_locked(self, allowed: Mask) -> Mask:
        """Return the tones that lie as the locks say, which may be none."""
        if not self._locks.moves:
            return allowed
        if self._locks.bounds:
            low, high = self._locks.bounds[self._place]
            allowed = allowed & (np.clip(melody.RELATIVE, low, high) == melody.RELATIVE)
        move = self._locks.moves[self._place]
        if move == Locks.ANY or not self._sounded:
            return allowed
        moves: Mask = np.sign(melody.RELATIVE - melody.RELATIVE[self._sounded]) == move
        return allowed & moves

    def _moving(self, allowed: Mask) -> Mask:
        """Return the tones that lie as the lock says, or all if there are none."""
        if self._locks.bounds:
            low, high = self._locks.bounds[self._place]
            within = allowed & (np.clip(melody.RELATIVE, low, high) == melody.RELATIVE)
            allowed = within if within[melody.REST + 1 :].any() else allowed
        move = self._locks.moves[self._place]
        if move == Locks.ANY or not self._sounded:
            return allowed
        moves = np.sign(melody.RELATIVE - melody.RELATIVE[self._sounded]) == move
        kept = allowed & moves & (np.arange(len(allowed)) > melody.REST)
        return kept if kept.any() else allowed


class Cursor:
    """Where a piece stands in its script: which steps are given, and when it is done.

    Parameters
    ----------
    grammar : Grammar
        Of the piece, at its beginning.
    """

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar
        self.steps: list[Step] = []
        self._left = list(reversed(grammar.plan.segments))
        self._given: list[Step] = []
        self._stop = 0
        self._advance()

    @property
    def finished(self) -> bool:
        """Whether everything that the script says is written."""
        return not self._left and not self._given and self.grammar.context.time >= self._stop

    @property
    def given(self) -> Step | None:
        """The next step if it stands already, None if it is free."""
        return self._given[-1] if self._given else None

    @property
    def skipped(self) -> int:
        """How many given steps are ahead."""
        return len(self._given)

    def append(self, step: Step) -> None:
        """Take up the next step, the given one or the one that was chosen."""
        given = bool(self._given)
        if given:
            self._given.pop()
        self.steps.append(step)
        self.grammar.append(*step, given=given)
        self._advance()

    def _advance(self) -> None:
        """Go on to the next segment where one is over."""
        time = self.grammar.context.time
        while self._left and not self._given and time >= self._stop:
            segment = self._left.pop()
            self._stop = time + segment.ticks
            self.grammar.context.goal = self._goal(segment)
            if isinstance(segment, Free):
                self.grammar.enter(segment)
            elif isinstance(segment, Fixed):
                self._given = list(reversed(segment.steps))
            else:
                self._given = list(reversed(cut(self.steps, segment.start, segment.start + segment.ticks)))

    def _goal(self, segment: Segment) -> Goal | None:
        """Return what the next free stretch, or the one that begins here, leads to: the first given steps after it."""
        tick, free = self.grammar.context.time, False
        for one in (segment, *reversed(self._left)):
            if free and isinstance(one, Fixed) and one.steps:
                after = one.steps[1][1] if len(one.steps) > 1 else START
                return Goal(tick, one.steps[0][0], one.steps[0][1], after)
            if free and not isinstance(one, Free):
                return None
            free = isinstance(one, Free)
            tick += one.ticks
        return None


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
    instrument: Instrument, tuning: Tuning, gong: int, techniques: tuple[Technique, ...], final: int, shift: int = 0
) -> _ToneMasks:
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
    return _ToneMasks(
        zheng=zheng | rest,
        zheng_and_bian=(playable & np.isin(degree, (*PENTATONIC, *BIAN))) | rest,
        sounding=~rest,
        finals=finals,
        approaches=approaches,
    )


@lru_cache(maxsize=65536)
def _chords(instrument: Instrument, tuning: Tuning, gong: int, shift: int, melody_token: int, closing: bool) -> Mask:
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
def _only(size: int, token: int) -> Mask:
    """Return a mask that leaves one token."""
    mask: Mask = np.arange(size) == token
    return mask


@lru_cache(maxsize=256)
def _landing(start: int, ticks: int, steps: int) -> Landing:
    """Return from where `steps` steps can fill a stretch exactly."""
    allowed = np.zeros((ticks, int(rhythm.INTERVAL.max()) + 1), dtype=np.bool_)
    for time in range(start, start + ticks):
        place = time % TICKS_PER_QUARTER
        tokens = _on_grid(place, time - place + TICKS_PER_QUARTER <= start + ticks)
        allowed[time - start, rhythm.INTERVAL[tokens]] = True
    return Landing(allowed, start, steps)


def lands(start: int, ticks: int, steps: int) -> bool:
    """Tell whether `steps` steps of any length can fill a stretch of `ticks` from `start` on exactly."""
    return bool(_landing(start, ticks, steps).lands(steps, np.array([start]))[0])


_UNLOCKED = Locks()
_DEEPEST: NDArray[np.int64] = np.array(
    [max(chord.chord_intervals(token), default=0) for token in range(len(chord.VOCABULARY))]
)
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
