"""One voice of a jianpu text while it is read, and the voices side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from symgen.readers import _jianpu_table as table
from symgen.readers._bars import Bar, BarNote
from symgen.readers._repeats import RepeatMarks
from symgen.score import Key

_AFTER_THE_BAR = frozenset({"da_capo", "dal_segno", "fine", "to_coda"})
"""Road signs that may also stand behind the bar line of the bar they close."""


@dataclass(slots=True)
class Voice:
    """What is written so far in one voice.

    Parameters
    ----------
    number : int
        The voice in the Score.
    bar : Bar
        The bar being written.
    bars : list of Bar
        The bars before it.
    time : Fraction
        Quarters from the start of the bar.
    tonic : int
        MIDI note number of an unmarked 1.
    """

    number: int
    bar: Bar = field(default_factory=Bar)
    bars: list[Bar] = field(default_factory=list)
    time: Fraction = Fraction(0)
    tonic: int = 12 * (table.DEFAULT_OCTAVE + 1)
    last: list[BarNote] | None = None
    """The notes written last, [] for a rest, None before the first."""
    last_bar: Bar | None = None
    starts_repeat: bool = False
    endings: frozenset[int] = frozenset()

    def add(self, notes: list[BarNote], length: Fraction, *, ties: bool) -> bool:
        """Put notes that begin together, or a rest, into the bar.

        Returns
        -------
        bool
            Whether every tie that was open found its pitch.
        """
        open_ties = {note.pitch for note in self.last or () if note.ties}
        for note in notes:
            note.duration, note.ties, note.tied = length, ties, note.pitch in open_ties
        self.bar.notes += notes
        self._move(notes, length)
        return open_ties <= {note.pitch for note in notes}

    def hold(self, length: Fraction) -> list[BarNote]:
        """Lengthen the last notes or rest, with a tie if they stand in the bar before; return them as they now are."""
        notes = self.last or []
        if self.last_bar is not self.bar:
            held = [replace(note, onset=self.time, duration=Fraction(0), tied=True) for note in notes]
            for note in notes:
                note.ties = True
            self.bar.notes += held
            notes = held
        for note in notes:
            note.duration += length
        self._move(notes, length)
        return notes

    def _move(self, notes: list[BarNote], length: Fraction) -> None:
        self.last, self.last_bar = notes, self.bar
        self.time += length

    def close_bar(self, *, ends_repeat: bool = False) -> None:
        """Put the bar aside, if anything is in it, and begin the next."""
        bar, times = self.bar, 2 if ends_repeat else 0
        if not self.time and not bar.notes:
            if ends_repeat and self.bars:
                self.bars[-1].repeats = replace(self.bars[-1].repeats, end=times)
            return
        bar.length = self.time
        bar.repeats = replace(bar.repeats, start=self.starts_repeat, end=times, endings=self.endings)
        self.bars.append(bar)
        self.bar, self.time, self.starts_repeat = Bar(metre=bar.metre), Fraction(0), False

    def set_metre(self, metre: tuple[int, int] | None) -> None:
        """Change the metre, which ends a bar that has begun."""
        if self.time:
            self.close_bar()
        self.bar.metre = metre

    def set_road_sign(self, sign: str) -> None:
        """Set a flag of RepeatMarks on the bar it stands in, or behind."""
        behind = sign in _AFTER_THE_BAR and not self.time and self.bars
        bar = self.bars[-1] if behind else self.bar
        flags: dict[str, bool] = {sign: True}
        bar.repeats = replace(bar.repeats, **flags)  # type: ignore[arg-type]


def side_by_side(voices: Sequence[Voice]) -> list[Bar]:
    """Return the bars of all voices together; metres, repeats and keys are those of the first that has them."""
    first, *others = voices
    bars = list(first.bars)
    if bars:
        bars[-1].marks += [(bars[-1].length, mark) for _, mark in first.bar.marks]
    for voice in others:
        bars += [Bar(metre=bar.metre) for bar in voice.bars[len(bars) :]]
        for bar, other in zip(bars, voice.bars, strict=False):
            bar.length = max(bar.length, other.length)
            bar.notes += other.notes
            bar.marks += [(time, mark) for time, mark in other.marks if not isinstance(mark, Key)]
            if bar.repeats == RepeatMarks():
                bar.repeats = other.repeats
    return bars
