"""The rules that a composed piece keeps whatever the network would like: masks for its next step.

A network proposes; the grammar strikes out what would break a promise. Asked for are a gong system and
mode, a metre and a number of bars, and an instrument in a tuning; kept are the range and what hands can
strike at once, a bounded share of bian tones, rhythms that come back to the beat, and a cadence on the
final at the end of the last bar.
"""

from __future__ import annotations

import copy

import numpy as np

from symgen.dials import habit_of
from symgen.grammar.masks import (
    CLOSING,
    DEEPEST,
    WITHOUT_CHORD,
    Mask,
    ToneMasks,
    chords_under,
    landing,
    on_grid,
    only,
    tone_masks,
)
from symgen.grammar.plan import Limits, Plan
from symgen.models.context import Context
from symgen.score import Technique
from symgen.script import Free, Landing, Locks
from symgen.steering import Steering
from symgen.theory.degrees import BIAN
from symgen.tokens import chord, melody, rhythm
from symgen.units import TICKS_PER_QUARTER

_MOST_REPEATS = 6
_LONGEST_BIAN = TICKS_PER_QUARTER
_UNLOCKED = Locks()


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
        masks = tone_masks(plan.instrument, plan.tuning, plan.gong, self._techniques, plan.final)
        tones = melody.RELATIVE[masks.zheng & masks.sounding]
        return Steering(plan.dials, habit_of(plan.prefix.style), (int(tones.min()), int(tones.max())))

    def copy(self) -> Grammar:
        """Return an independent grammar of the same plan that stands at the same place."""
        other = copy.copy(self)
        other.context, other._turns = self.context.copy(), self._turns.copy()
        other.steering = None if self.steering is None else self.steering.copy()
        return other

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
        self.landing: Landing | None = None
        if self._locks.count and not self._locks.rhythm:
            self.landing = landing(self.context.time, segment.ticks, self._locks.count)

    def rhythms(self) -> Mask:
        """Return which rhythm tokens may come next, shape (V_rhythm,)."""
        time, locks = self.context.time, self._locks
        if locks.rhythm:
            return only(len(rhythm.VOCABULARY), locks.rhythm[self._place])
        by_count = self.landing is not None
        limit = self._close if self._rest is not None and not by_count else self._stop
        if time == limit and not by_count:
            return CLOSING[self.plan.closing]
        beat_end = time - time % TICKS_PER_QUARTER + TICKS_PER_QUARTER
        allowed = on_grid(time % TICKS_PER_QUARTER, beat_end <= limit)
        if self.landing is not None:
            return allowed & self.landing.lands(locks.count - self._place - 1, time + rhythm.INTERVAL)
        return allowed & (limit - time >= rhythm.INTERVAL)

    def melodies(self, rhythm_token: int) -> Mask:
        """Return which melody tokens may come next, given the rhythm, shape (V_melody,)."""
        if self._locks.melody:
            return only(len(melody.VOCABULARY), self._locks.melody[self._place])
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
            return only(len(chord.VOCABULARY), self._locks.chord[self._place])
        if melody_token == melody.REST:
            return WITHOUT_CHORD
        plan, time = self.plan, self.context.time
        closing = self._left(time, self._stop) == 0
        found = chords_under(plan.instrument, plan.tuning, plan.gong, plan.shift(time), melody_token, closing)
        if plan.limits is None:
            return found
        kept = found & (int(melody.RELATIVE[melody_token]) - plan.limits.low >= DEEPEST)
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

    def _tones(self, time: int) -> ToneMasks:
        plan, techniques = self.plan, self._techniques
        if plan.harmonics:
            if plan.in_harmonics(time):
                techniques = (Technique.HARMONIC,)
            elif plan.leaves_harmonics(time):
                techniques = self._others
        final = plan.final if self._rest is None else self._rest
        return tone_masks(plan.instrument, plan.tuning, plan.gong, techniques, final, plan.shift(time))

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
