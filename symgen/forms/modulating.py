"""Gong systems of sections: which tones are zheng where a section has moved by a fifth, and whether it sounds so.

All degrees are semitones above the gong of the piece, also in a section that has another gong.
"""

from __future__ import annotations

from dataclasses import dataclass

from symgen.errors import UsageError
from symgen.forms.base import Cadence, SectionPlan
from symgen.score import Score
from symgen.theory.degrees import BIAN, DEGREES, PENTATONIC
from symgen.theory.detect import FIFTH, detect_mode
from symgen.theory.modes import MODE_BY_NAME
from symgen.units import bar_ticks


def section_gong(gong: int, modulation: int) -> int:
    """Return the pitch class of gong in a section that has moved by `modulation` fifths."""
    return (gong + FIFTH * modulation) % 12


def zheng_degrees(modulation: int) -> frozenset[int]:
    """Return the degrees that are zheng tones there: after a fifth up 7 in place of 1, after a fifth down 4 of 3."""
    return frozenset(section_gong(degree, modulation) for degree in PENTATONIC)


def bian_degrees(modulation: int) -> frozenset[int]:
    """Return the degrees that are bian tones there."""
    return frozenset(section_gong(degree, modulation) for degree in BIAN)


def exchanged(modulation: int) -> dict[int, int]:
    """Return the degree that each tone which is no longer zheng is replaced by.

    Replacing exactly these and keeping the melody otherwise is the whole modulation. After one fifth up that is
    1 -> 7, after one down 3 -> 4.
    """
    here, there = zheng_degrees(0), zheng_degrees(modulation)
    new = sorted(there - here)
    return {old: min(new, key=lambda tone: min((tone - old) % 12, (old - tone) % 12)) for old in sorted(here - there)}


def cadence_degrees(cadence: Cadence, mode: str, modulation: int = 0) -> frozenset[int]:
    """Return the degrees on which a section may close.

    Parameters
    ----------
    cadence : str
        "final": the final of the mode. "fifth": the tone that makes a pair with it, a fifth above, or of jue, which
        has no fifth in the pentatonic, a fourth. "open": any zheng tone. Or a degree in jianpu.
    mode : str
        Mode of the piece.
    modulation : int
        Steps in the circle of fifths. A tone that is no zheng tone there gives way to the one that replaces it.

    Raises
    ------
    UsageError
        If there is no such mode or cadence.
    """
    if mode not in MODE_BY_NAME:
        raise UsageError(f"no mode is called {mode!r}", expected=f"one of {', '.join(MODE_BY_NAME)}")
    if cadence == "open":
        return zheng_degrees(modulation)
    if cadence == "final":
        tone = MODE_BY_NAME[mode].final
    elif cadence == "fifth":
        tone = MODE_BY_NAME[mode].partner
    elif cadence in DEGREES:
        tone = DEGREES.index(cadence)
    else:
        raise UsageError(f"no cadence is called {cadence!r}", expected="final, fifth, open, or one of 1 2 3 5 6")
    return frozenset({exchanged(modulation).get(tone, tone)})


@dataclass(frozen=True, slots=True)
class SectionHearing:
    """In which gong a section was planned and in which it is heard.

    Parameters
    ----------
    plan : SectionPlan
        The section.
    gong : int
        Pitch class planned.
    heard : int or None
        Pitch class heard; None if nothing sounds.
    confidence : float
        Posterior probability of `heard`, 0 to 1.
    """

    plan: SectionPlan
    gong: int
    heard: int | None
    confidence: float

    @property
    def kept(self) -> bool:
        """True if it is heard as planned."""
        return self.heard == self.gong


def hear_section(score: Score, plan: SectionPlan, gong: int, metre: tuple[int, int]) -> SectionHearing:
    """Return in which gong the notes that begin in a section are heard.

    Parameters
    ----------
    score : Score
        The piece.
    plan : SectionPlan
        A section of it.
    gong : int
        Pitch class of the piece's gong.
    metre : tuple of int
        Metre of the piece.
    """
    bar = bar_ticks(*metre, score.ticks_per_quarter)
    onset = score.notes["onset"]
    notes = score.notes[(onset >= plan.start * bar) & (onset < plan.stop * bar)]
    planned = section_gong(gong, plan.modulation)
    if not len(notes):
        return SectionHearing(plan, planned, None, 0.0)
    estimate = detect_mode(Score(notes, ticks_per_quarter=score.ticks_per_quarter))
    return SectionHearing(plan, planned, estimate.gong, estimate.confidence)
