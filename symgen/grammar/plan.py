"""A plan: what a piece has to be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from symgen.dials import NEUTRAL, Dials
from symgen.forms import SectionPlan
from symgen.grammar.masks import tone_masks
from symgen.instruments.base import Instrument, Tuning
from symgen.instruments.rules import strikeable
from symgen.score import Metre, Technique
from symgen.script import Free, Script, length_of
from symgen.theory.degrees import PENTATONIC
from symgen.theory.modes import MODE_BY_NAME
from symgen.tokens import melody
from symgen.tokens.prefix import Prefix
from symgen.units import TICKS_PER_QUARTER, bar_ticks


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
        tones = tone_masks(self.instrument, self.tuning, self.gong, (Technique.HARMONIC,), self.final)
        degrees = set(melody.DEGREE[tones.zheng & tones.sounding].tolist())
        return bool(degrees >= set(PENTATONIC) and tones.finals.any() and tones.approaches.any())

    def playable(self, pitches: Iterable[int], technique: int) -> bool:
        """Tell whether the instrument can strike these MIDI notes at once with this technique, in easy reach."""
        return strikeable(self.instrument, self.tuning, tuple(pitches), Technique(technique), easily=True)
