"""A piece as jianpu while it is composed: each bar as soon as no later step can change it.

A piece is composed again where it breaks a promise, and what that is shows only at its end. So each try is shown as it
comes, and what became of it is said: a listener sees the music think, and the last try is the piece.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

import numpy as np

from symgen.grammar.plan import Plan
from symgen.score import Key, Metre, Score, make_notes
from symgen.theory.degrees import pitch_class_name
from symgen.tokens import chord, melody, rhythm
from symgen.writers.jianpu import bar_texts, key_text, octave_of

NUMBER_WIDTH: Final = 4


class Listener(Protocol):
    """Told of a piece while it is composed."""

    def begin(self, plan: Plan, tempo: float, take: int, attempt: int) -> None:
        """Hear that a try at a take begins; the first try has number 0."""

    def step(self, rhythm_token: int, melody_token: int, chord_token: int) -> None:
        """Hear a step, in order."""

    def broken(self, reasons: list[str]) -> None:
        """Hear that the try is given up, and why."""


class Jianpu:
    """Writes bars of jianpu as steps come.

    Parameters
    ----------
    emit : callable
        Takes one line at a time: a heading for each try, then a line for each bar, its number in front.
    """

    def __init__(self, emit: Callable[[str], None]) -> None:
        self._emit = emit

    def begin(self, plan: Plan, tempo: float, take: int, attempt: int) -> None:
        """Write the heading of a try."""
        self._plan = plan
        self._time, self._written = 0, 0
        self._notes: list[tuple[int, int, int, int]] = []
        prefix, metre = plan.prefix, plan.metre
        self._octave = octave_of(plan.gong, plan.gong % 12)
        words = [f"take {take}:" if attempt == 0 else "again:", prefix.style, f"{prefix.mode} mode"]
        words += [f"gong {pitch_class_name(plan.gong % 12)}", f"{plan.bars} bars"]
        self._emit(" ".join(words))
        key = key_text(plan.gong % 12, self._octave)
        self._emit(f"{'':{NUMBER_WIDTH}}  {key} {metre.numerator}/{metre.denominator} ♩={tempo:g}")

    def step(self, rhythm_token: int, melody_token: int, chord_token: int) -> None:
        """Take up a step, and write the bars that it completes."""
        if melody_token != melody.REST:
            top, technique = self._plan.gong + int(melody.RELATIVE[melody_token]), int(melody.TECHNIQUE[melody_token])
            for interval in (0, *chord.chord_intervals(chord_token)):
                self._notes.append((self._time, int(rhythm.LENGTH[rhythm_token]), top - interval, technique))
        self._time += int(rhythm.INTERVAL[rhythm_token])
        while (self._written + 1) * self._plan.bar <= self._time:
            self._emit(f"{self._written + 1:>{NUMBER_WIDTH}}  {self._bar(self._written)}")
            self._written += 1

    def broken(self, reasons: list[str]) -> None:
        """Write why a try is given up."""
        self._emit(f"not kept, it {'; '.join(reasons)}")

    def _bar(self, number: int) -> str:
        """Return the text of a bar from what sounds in it, and the bars before through which that already sounded."""
        begin, bar = number * self._plan.bar, self._plan.bar
        sounding = [note for note in self._notes if note[0] < begin + bar and note[0] + note[1] > begin]
        first = min((note[0] for note in sounding), default=begin) // bar * bar
        shown = np.array([(n[0] - first, *n[1:]) for n in sounding], dtype=np.int64).reshape(-1, 4).T
        score = Score(
            make_notes(onset=shown[0], duration=shown[1], pitch=shown[2], technique=shown[3]),
            metres=(Metre(0, self._plan.metre.numerator, self._plan.metre.denominator),),
            keys=(Key(0, self._plan.gong % 12, None),),
            end=max(begin + bar - first, int((shown[0] + shown[1]).max(initial=0))),
        )
        return bar_texts(score, self._octave)[(begin - first) // bar]
