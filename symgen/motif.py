"""A motif of a few jianpu digits: how a piece begins, as the composer types it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from symgen.errors import ReadError, TokenError, UsageError
from symgen.grammar.plan import Plan
from symgen.instruments.fingering import finger
from symgen.instruments.rules import playable_pitches
from symgen.readers.jianpu import read
from symgen.score import Metre, Score, Technique
from symgen.script import Again, Fixed, Free, Script, Step, cut, length_of, steps_of
from symgen.sectioning import with_theme
from symgen.theory.degrees import DEGREES, PENTATONIC, pitch_class_name
from symgen.theory.detect import detect_mode
from symgen.tokens import melody
from symgen.tokens.codec import decode, encode
from symgen.tokens.sequence import TokenSequence

_LONGEST = 400
"""Signs of a motif: a melody longer than that is a file to continue."""

_SHOWN = 40
"""Signs of a motif that a message repeats."""

_EXAMPLE = "digits such as 5 6 1' 2' | 3' -"
_MOST_OUTSIDE = 0.34
"""Share of a motif's time outside the pentatonic from which it is in another gong."""

_FEWEST_BARS_TO_RETURN = 12
_OCTAVES = (0, -1, 1, -2, 2)


@dataclass(frozen=True)
class Motif:
    """A motif.

    Parameters
    ----------
    text : str
        As it was typed.
    score : Score
        With gong at middle C.
    steps : tuple of Step
        For a reference gong of middle C, whole beats long.
    """

    text: str
    score: Score
    steps: tuple[Step, ...]


def parse_motif(text: str, metre: Metre) -> Motif:
    """Return the motif that is typed in jianpu.

    Parameters
    ----------
    text : str
        Such as ``5 6 1' 2' | 3' - 2' 1'``; bar lines are for the eye.
    metre : Metre
        Of the piece.

    Raises
    ------
    UsageError
        If it is no jianpu, holds no notes, or lies in another gong system, with the one in which it does.
    """
    if len(text) > _LONGEST:
        raise UsageError(
            f"a motif of {len(text)} signs", expected=f"at most {_LONGEST}", remedy="write a file and continue it"
        )
    text = " ".join(text.split())
    try:
        score = read(f"1=C {metre.numerator}/{metre.denominator}\n{text}\n".encode(), "motif")[0].score
    except ReadError as error:
        raise UsageError(f"the motif {_shown(text)} is no jianpu ({error})", expected=_EXAMPLE) from error
    if not len(score):
        raise UsageError(f"the motif {_shown(text)} holds no notes", expected=_EXAMPLE)
    _check_gong(score, text)
    sequence = encode(replace(score, metres=(metre,)), gong=0)
    quarter = 480
    end = -(-sequence.end // quarter) * quarter
    return Motif(text, score, moved(cut(steps_of(sequence), 0, end), sequence.gong - 60))


def _shown(text: str) -> str:
    """Return a motif as a message repeats it: its beginning, if it is long."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN].rstrip()} …")


def _check_gong(score: Score, text: str) -> None:
    degrees, lengths = score.notes["pitch"] % 12, score.notes["duration"]
    outside = ~np.isin(degrees, PENTATONIC)
    if lengths[outside].sum() <= _MOST_OUTSIDE * lengths.sum():
        return
    other = detect_mode(score).gong
    strangers = f"{int(outside.sum())} of {len(score)} notes are outside of 1 2 3 5 6"
    raise UsageError(
        f"the motif {_shown(text)} does not lie in its gong: {strangers}",
        expected="bian tones (4, #4, 7, b7) in passing only",
        remedy=f"it lies in the gong that is its {DEGREES[other]}: write it from there, and say --gong with that pitch",
    )


def moved(steps: tuple[Step, ...], semitones: int) -> tuple[Step, ...]:
    """Return steps transposed by `semitones` against the reference gong."""
    found = []
    for rhythm_token, tone, sonority in steps:
        if tone != melody.REST:
            tone, _ = melody.melody_token(int(melody.RELATIVE[tone]) + semitones, int(melody.TECHNIQUE[tone]))
        found.append((rhythm_token, tone, sonority))
    return tuple(found)


def begin_with(plan: Plan, motif: Motif) -> Plan:
    """Return a plan for a piece that begins with a motif, and takes it up again half-way if it is long enough.

    The motif stands in the octave nearest to the middle of the style in which it can be played.

    Raises
    ------
    UsageError
        If the piece is too short for it, or no octave of the instrument has it.
    """
    bar = plan.bar
    steps = motif.steps
    length = length_of((Fixed(steps),))
    bars = -(-length // bar)
    if length > plan.total - bar:
        raise UsageError(
            f"a motif of {bars} bars for a piece of {plan.bars}",
            expected="at least a bar after it",
            remedy=f"use --bars {max(2 * bars, bars + 2)}",
        )
    octaves = [moved(steps, 12 * octave) for octave in _OCTAVES]
    octaves.sort(key=lambda one: not _in_reach(one, plan))  # stable: the nearest of those in everyday reach
    opening = next((one for one in octaves if _playable(one, plan)), None)
    if opening is None:
        where = f"in gong {pitch_class_name(plan.gong % 12)} on the {plan.instrument.name}"
        raise UsageError(
            f"the motif {_shown(motif.text)} has no place {where} in tuning {plan.tuning.name}",
            remedy="try another --gong or --tuning, or fewer notes at once",
        )
    if plan.sections:
        return replace(plan, script=with_theme(plan, opening))
    harmonics = tuple((start, end) for start, end in plan.harmonics if start >= length)
    return replace(plan, script=_script(plan, opening, length, bars), harmonics=harmonics)


def _script(plan: Plan, opening: tuple[Step, ...], length: int, bars: int) -> Script:
    total, bar = plan.total, plan.bar
    back = plan.bars // 2 // 4 * 4 or plan.bars // 2
    again = plan.bars >= _FEWEST_BARS_TO_RETURN and bars + 2 <= back and back + bars + 2 <= plan.bars
    if not again or any(start < (back + bars) * bar and end > back * bar for start, end in plan.harmonics):
        return (Fixed(opening), Free(total - length))
    first = back * bar
    return (Fixed(opening), Free(first - length), Again(0, length), Free(total - first - length))


def _in_reach(steps: tuple[Step, ...], plan: Plan) -> bool:
    """Tell whether every tone lies in everyday reach."""
    everyday = {kind: playable_pitches(plan.instrument, plan.tuning, kind, easily=True) for kind in Technique}
    return all(
        plan.gong + int(melody.RELATIVE[tone]) in everyday[Technique(int(melody.TECHNIQUE[tone]))]
        for _, tone, _ in steps
        if tone != melody.REST
    )


def _playable(steps: tuple[Step, ...], plan: Plan) -> bool:
    columns = np.array(steps, dtype=np.int16).T.copy()
    try:
        score = decode(TokenSequence(columns[0], columns[1], columns[2], plan.gong, metres=(plan.metre,)))
    except TokenError:  # beyond what MIDI counts
        return False
    return finger(score, plan.instrument, plan.tuning).playable
