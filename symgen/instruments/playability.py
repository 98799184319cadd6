"""Whether an instrument can play a score as it is written, and where not."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from symgen.instruments import get_instrument, tuning_for, tunings_for
from symgen.instruments.adapting import choose_setting
from symgen.instruments.base import Instrument
from symgen.instruments.fingering import Problem, finger
from symgen.score import Score

INSTRUMENTS = ("guqin", "guzheng")
TUNINGS_TRIED = 3
PROBLEMS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Playability:
    """Whether an instrument can play a score as written, in the tuning that suits it best.

    Parameters
    ----------
    instrument, tuning : str
        Names in :mod:`symgen.instruments`.
    share : float
        Share of the notes that have a place, 0 to 1.
    problems : tuple of Problem
        What cannot be played, in order of time, each with bar, notes, rule and remedy.
    remedy : str
        A transposition and tuning in which all of it can be played; "" if it can be already, or in none.
    """

    instrument: str
    tuning: str
    share: float
    problems: tuple[Problem, ...]
    remedy: str = ""

    @property
    def playable(self) -> bool:
        """Whether every note has a place."""
        return not self.problems

    def as_json(self) -> dict[str, Any]:
        """Return the judgement as plain data."""
        return {
            "playable": self.playable,
            "tuning": self.tuning,
            "share": round(self.share, 4),
            "problems": [str(problem) for problem in self.problems],
            "where": [
                {"bar": p.bar, "kind": p.kind, "notes": list(p.notes), "rule": p.rule, "remedy": p.remedy}
                for p in self.problems
            ],
            "reasons": dict(sorted(Counter(problem.kind for problem in self.problems).items())),
            "remedy": self.remedy,
        }

    def lines(self) -> list[str]:
        """Return what a person wants to know, a line each."""
        if self.playable:
            return [f"playable, tuning {self.tuning}"]
        problems = self.problems
        more = [f"... and {len(problems) - PROBLEMS_SHOWN} more"] if len(problems) > PROBLEMS_SHOWN else []
        head = f"{self.share:.1%} of the notes have a place, tuning {self.tuning}"
        remedy = self.remedy or f"symgen arrange --style {self.instrument} makes it playable"
        return [head, *(f"  {problem}" for problem in problems[:PROBLEMS_SHOWN]), *more, remedy]


def playability(score: Score, gong: int) -> tuple[Playability, ...]:
    """Finger a score on both zithers, each in the tuning that the score states or the best of those that serve."""
    results = []
    for name in INSTRUMENTS:
        instrument = get_instrument(name)
        tunings = tunings_for(instrument, gong)[:TUNINGS_TRIED] or (tuning_for(instrument, gong),)
        tunings = (*(t for t in instrument.tunings.values() if t.name == stated_tuning(score)), *tunings)
        best: Playability | None = None
        for tuning in tunings:
            fingering = finger(score, instrument, tuning)
            placed = sum(placement is not None for placement in fingering.placements)
            found = Playability(name, tuning.name, placed / len(score), fingering.problems)
            if best is None or found.share > best.share:
                best = found
            if best.playable:
                break
        if best is not None:
            results.append(best if best.playable else replace(best, remedy=_where_it_lies(score, instrument, gong)))
    return tuple(results)


def _where_it_lies(score: Score, instrument: Instrument, gong: int) -> str:
    """Return the transposition and tuning in which a score can be played as a whole, "" if the best one fails too."""
    low, high = int(score.notes["pitch"].min()), int(score.notes["pitch"].max())
    shifts = tuple(range(max(-24, -low), min(24, 127 - high) + 1))
    setting = choose_setting(score, instrument, gong, semitones=shifts)
    if not finger(score.transpose(setting.semitones), instrument, setting.tuning).playable:
        return ""
    moved = f"transposed by {setting.semitones:+d} semitones" if setting.semitones else "as written"
    return f"playable {moved} in tuning {setting.tuning.name}"


def stated_tuning(score: Score) -> str | None:
    """Return the tuning that a text of the score states, as ``tuning=manjiao`` in the MIDI that symgen writes."""
    for text in score.texts:
        found = re.search(r"\btuning=([^\s;]+)", text.text)
        if found:
            return found[1]
    return None
