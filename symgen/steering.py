"""Steering: the scores of the network leaned towards what the dials ask for.

:class:`Steering` tilts the scores over the tokens (exponential tilting) with a strength that follows from what has been
written so far. Without that, the network's own repetition would undo the tilt or run away with it. Nothing is forbidden
here; that is the business of the grammar.
"""

from __future__ import annotations

import copy
import math
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from symgen.dials import Dials, Habit, levels, targets, turn_of
from symgen.tokens import melody, rhythm
from symgen.units import TICKS_PER_QUARTER

Bias = NDArray[np.float32]
"""What is added to scores, shape (V,)."""


class _Account:
    """What a piece owes to a target so far, and how strongly that asks to be made good.

    Parameters
    ----------
    target : float
        What is asked for, per unit (a quarter, a tone, a step).
    slack : float
        By how much a unit the piece may stray unasked: none for a dial that is turned, the usual spread for others.
    ahead : float
        Strength when nothing is owed.
    gain, most : float
        Strength that each thing owed adds, and how much is owed at most.
    """

    __slots__ = ("ahead", "gain", "most", "owed", "slack", "target", "units")

    def __init__(self, target: float, slack: float, ahead: float, gain: float, most: float) -> None:
        self.target, self.slack, self.ahead, self.gain, self.most = target, slack, ahead, gain, most
        self.owed = self.units = 0.0

    def add(self, written: float, units: float = 1.0) -> None:
        """Take up what was written in so many units."""
        self.units += units
        limit = self.slack * self.units + self.most
        self.owed = max(-limit, min(limit, self.owed + self.target * units - written))

    @property
    def strength(self) -> float:
        """How strongly the next choice leans to more, negative to less."""
        free = self.slack * self.units
        return self.ahead + self.gain * (self.owed - max(-free, min(free, self.owed)))


class Steering:
    """Leans the scores of one piece in the making towards what the dials ask for.

    The tilt of a dial that is turned follows from what has been written: an integral controller. The others are held
    within the usual spread of the style, so that they do not drift along.

    Parameters
    ----------
    dials : Dials
        What is asked for.
    habit : Habit
        Of the style.
    reach : tuple of float
        Lowest and highest tone that may be written, in semitones above the reference gong.

    Attributes
    ----------
    levels : tuple of int
        See :func:`levels`.
    """

    def __init__(self, dials: Dials, habit: Habit, reach: tuple[float, float]) -> None:
        self._habit, self._reach = habit, reach
        self._time, self._bits = 0, 0.0
        self._last: int | None = None
        self.turn(dials)

    def copy(self) -> Steering:
        """Return an independent steering that stands at the same place."""
        other = copy.copy(self)
        for name in ("_density", "_register", "_leaps", "_surprise"):
            setattr(other, name, copy.copy(getattr(self, name)))
        return other

    def turn(self, dials: Dials) -> None:
        """Ask for something else from here on; what was owed to the old dials is forgotten."""
        self.levels = levels(dials, self._habit, self._reach)
        asked = targets(dials, self._habit, self._reach)

        def account(name: str) -> _Account:
            turn = turn_of(getattr(dials, name))
            slack = 0.0 if turn else getattr(self._habit, name).spread
            return _Account(asked[name], slack, _AHEAD[name] * turn, _GAIN[name], _MOST[name])

        self._density, self._register = account("density"), account("register")
        self._leaps, self._surprise = account("leaps"), account("surprise")
        self._well = _well(asked["register"], abs(turn_of(dials.register)))

    def bias(self, place: int) -> Bias | None:
        """Return what is added to the scores of family `place` (0 rhythm, 1 melody, 2 chord), shape (V,).

        None where nothing is.
        """
        if place == 0:
            strength = self._density.strength
            if not strength:
                return None
            return np.float32(strength) * (_SHORTNESS if strength > 0 else _on_the_beat(self._time % TICKS_PER_QUARTER))
        if place == 2:
            return None
        found = self._well
        if self._last is None:
            return found
        row = self._last - _LOWEST
        for strength, table in ((self._leaps.strength, _moves()), (self._register.strength, _heights())):
            if strength:
                tilt = np.float32(strength) * table[row]
                found = tilt if found is None else found + tilt
        return found

    def boldness(self, place: int) -> float:
        """Return by what the temperature of family `place` is multiplied; chords are left as they are."""
        if place == 2:
            return 1.0
        return float(2.0 ** max(_TAMEST, min(_BOLDEST, self._surprise.strength)))

    def hear(self, place: int, logits: NDArray[np.floating], token: int) -> None:
        """Take up how little the network expected what was drawn, chords left out."""
        best = logits.max()
        if place < 2 and math.isfinite(best):
            self._bits += float(np.log(np.exp(logits - best).sum()) + best - logits[token]) / _LN2

    def append(self, rhythm_token: int, melody_token: int, *, given: bool = False) -> None:
        """Take up a step that was written: what it has too much or too little of is made good later.

        A step that was `given`, as an opening is, owes nothing.
        """
        sounding = melody_token != melody.REST
        tone, last = _RELATIVE[melody_token], self._last
        self._time += _TICKS[rhythm_token]
        if not given:
            self._surprise.add(self._bits)
            self._density.add(float(sounding), _TICKS[rhythm_token] / TICKS_PER_QUARTER)
            if sounding:
                self._register.add(tone)
            if sounding and last is not None:
                self._leaps.add(abs(tone - last))
        self._bits = 0.0
        self._last = tone if sounding else last


# Strength is counted in logits: a doubling of the interval, an octave higher, a step's width (2.5 semitones) more of
# leap; for surprise in doublings of the temperature. Found by trying on 12 pieces; docs/EXPERIMENTS.md has the others.
_AHEAD: Final = {"density": 1.2, "register": 1.0, "leaps": 0.8, "surprise": 0.4}
"""Strength at the end of a dial when nothing is owed."""
_GAIN: Final = {"density": 0.15, "register": 0.02, "leaps": 0.05, "surprise": 0.03}
"""Strength that is added by each onset, semitone or bit owed."""
_MOST: Final = {"density": 10.0, "register": 120.0, "leaps": 40.0, "surprise": 30.0}
"""Onsets, semitones or bits that are owed at most: what cannot be had must not pile up."""
_DEPTH: Final = 1.0
"""Logits that an octave's square costs away from the register at the end of its dial, twice over."""
_TAMEST, _BOLDEST = -0.8, 0.7
"""Least and most doublings of the temperature."""
_LN2 = math.log(2.0)
_STEP = 2.5
_OCTAVE = 12.0
_RELATIVE: Final[list[int]] = melody.RELATIVE.tolist()
_TICKS: Final[list[int]] = rhythm.INTERVAL.tolist()
_LOWEST: Final = int(melody.RELATIVE.min())
_SIXTEENTH = TICKS_PER_QUARTER // 4
_WHOLE = 4 * TICKS_PER_QUARTER
_SHORTNESS: Final[Bias] = -np.log2(np.clip(rhythm.INTERVAL, _SIXTEENTH, _WHOLE) / TICKS_PER_QUARTER).astype(np.float32)


@lru_cache(maxsize=TICKS_PER_QUARTER)
def _on_the_beat(phase: int) -> Bias:
    """Return the shortness of each rhythm token, `phase` ticks after a beat, where long notes are wanted.

    A note is wanted long from beat to beat: what it has beyond does not count, or syncopes would be all there is.
    """
    interval = rhythm.INTERVAL
    within = np.minimum(interval, TICKS_PER_QUARTER - phase)
    whole = interval // TICKS_PER_QUARTER * TICKS_PER_QUARTER
    counted = within if phase else np.where(interval > TICKS_PER_QUARTER, whole, within)
    return -np.log2(np.clip(counted, _SIXTEENTH, _WHOLE) / TICKS_PER_QUARTER).astype(np.float32)


def _well(target: float, depth: float) -> Bias | None:
    """Return the pull towards a register, which grows with the square of the distance."""
    if not depth:
        return None
    away = ((melody.RELATIVE - target) / _OCTAVE).astype(np.float32)
    well: Bias = np.float32(-0.5 * _DEPTH * depth) * away * away
    well[: melody.REST + 1] = well[melody.REST + 1 :].max()
    return well


def _rises() -> Bias:
    """Return the semitones from each tone, row by row from the lowest, to that of each melody token."""
    tones = np.arange(_LOWEST, melody.RELATIVE.max() + 1)
    return (melody.RELATIVE[None, :] - tones[:, None]).astype(np.float32)


@lru_cache(maxsize=1)
def _moves() -> Bias:
    """Return how much of a leap it is from each tone to each token; a repeated tone and a rest count as a step."""
    table: Bias = (np.clip(np.abs(_rises()), _STEP, _OCTAVE) - np.float32(_STEP)) / np.float32(_STEP)
    table[:, : melody.REST + 1] = 0
    return table


@lru_cache(maxsize=1)
def _heights() -> Bias:
    """Return by how many octaves each token is above each tone; a rest is level with it."""
    table: Bias = _rises() / np.float32(_OCTAVE)
    table[:, : melody.REST + 1] = 0
    return table
