"""Guarantees: what was asked for beside what is found in the piece as it was written, read back from its bytes.

A verb adds rows of its own to those of :func:`guarantees`: bars outside an infill untouched, a rhythm kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from symgen.copying import CopyReport
from symgen.instruments.base import Instrument, Tuning
from symgen.instruments.fingering import find_problems
from symgen.instruments.rules import playable_pitches
from symgen.score import Metre, Score, Technique, make_notes
from symgen.theory.degrees import pitch_class_name
from symgen.theory.detect import detect_mode
from symgen.theory.modes import MODE_BY_NAME
from symgen.units import bar_ticks

if TYPE_CHECKING:
    from symgen.performance import Performance
    from symgen.writers import Format, Options

__all__ = ["Guarantee", "Promise", "guarantee", "guarantees", "read_back"]


@dataclass(frozen=True, slots=True)
class Guarantee:
    """One promise: its name, what was asked, what was found, and whether that is the same."""

    name: str
    asked: str
    found: str
    kept: bool

    def as_json(self) -> dict[str, Any]:
        """Return the row as plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Promise:
    """What a piece has to be, whether it was asked for or drawn.

    Parameters
    ----------
    instrument, tuning : Instrument, Tuning
        What it is played on.
    gong : int
        Pitch class of degree 1.
    mode : str
        Its mode.
    metre : Metre, optional
        None where it changes or is free.
    bars : int
        Length.
    seconds : float, optional
        Length that was asked for in seconds: kept within one bar.
    max_copy : int, optional
        Most notes in a row that may be shared with the training pieces.
    closes : bool
        Whether its end was written: then it ends on its final in the last bar.
    plays : bool
        Whether it has to be playable: not if it was made from music that is not.
    """

    instrument: Instrument
    tuning: Tuning
    gong: int
    mode: str
    metre: Metre | None
    bars: int
    seconds: float | None = None
    max_copy: int | None = None
    closes: bool = True
    plays: bool = True


def read_back(
    data: bytes, writer: Format, performance: Performance, options: Options
) -> tuple[Score, Literal["file", "score"]]:
    """Return a piece as who opens its file finds it, and what that was taken from.

    Parameters
    ----------
    data : bytes
        Content of the file.
    writer : Format
        Its format. MIDI is read back; of others the written score stands, without the techniques.
    performance, options : Performance, Options
        What was written, and how: keyswitches are no notes, and the single 4/4 that some hosts want is no metre.
    """
    from symgen.readers import midi

    written = performance.score
    if writer.NAME != midi.NAME:
        columns = {name: written.notes[name] for name in ("onset", "duration", "pitch", "velocity", "voice")}
        return replace(written, notes=make_notes(**columns)), "score"
    (reading,) = midi.read(data, "")
    score = reading.score
    if options.articulations.keyswitches:
        switches = np.isin(score.notes["pitch"], sorted(options.articulations.keyswitches))
        score = replace(score, notes=score.notes[~switches])
    if options.time_signatures == "fixed":
        sounding = int((score.notes["onset"] + score.notes["duration"]).max(initial=0))
        score = replace(score, metres=written.metres, end=max(written.end, sounding))
    return score, "file"


def guarantee(name: str, asked: object, found: object) -> Guarantee:
    """Return a row that is kept if what was found is what was asked."""
    return Guarantee(name, str(asked), str(found), str(asked) == str(found))


def guarantees(score: Score, promise: Promise, copy: CopyReport | None = None) -> tuple[Guarantee, ...]:
    """Return what was promised of a piece beside what is found in it.

    Parameters
    ----------
    score : Score
        The piece read back from the file that was written: without techniques, as MIDI has none, and with ornaments
        and timing as played.
    promise : Promise
        What it has to be.
    copy : CopyReport, optional
        What it shares with the training pieces.
    """
    if not len(score):
        return (Guarantee("music", "notes", "none", kept=False),)
    rows = _mode(score, promise)
    rows += _strings(score, promise) if promise.plays else []
    rows += _length(score, promise)
    rows += _close(score, promise) if promise.closes else []
    if promise.max_copy is not None:
        run = None if copy is None else copy.longest_run
        kept = run is not None and run <= promise.max_copy
        rows.append(Guarantee("longest copy", f"at most {promise.max_copy} notes", _copied(run), kept))
    return tuple(rows)


def _copied(run: int | None) -> str:
    if run is None:
        return "not known"
    return f"{run} notes" if run else "no run of eight notes"


def _mode(score: Score, promise: Promise) -> list[Guarantee]:
    """Return gong and mode, as a listener finds them."""
    estimate = detect_mode(score)
    return [
        guarantee("gong", pitch_class_name(promise.gong), pitch_class_name(estimate.gong)),
        guarantee("mode", promise.mode, estimate.mode),
    ]


def _strings(score: Score, promise: Promise) -> list[Guarantee]:
    """Return range, tuning and playability."""
    instrument, tuning = promise.instrument, promise.tuning
    pitches = sorted(set(score.notes["pitch"].tolist()))
    # MIDI does not say which notes are harmonics, and they reach higher.
    there = playable_pitches(instrument, tuning) | playable_pitches(instrument, tuning, Technique.HARMONIC)
    off = [pitch for pitch in pitches if pitch not in there]
    problems = find_problems(score, instrument, tuning)
    low, high = min(there, default=0), max(there, default=127)
    return [
        guarantee("tuning", tuning.name, tuning.name if not off else f"{_pitch(off[0])}, which it does not have"),
        Guarantee(
            "range",
            f"within {_pitch(low)} to {_pitch(high)}",
            f"{_pitch(pitches[0])} to {_pitch(pitches[-1])}",
            low <= pitches[0] <= pitches[-1] <= high,
        ),
        Guarantee("playable", "every note", str(problems[0]) if problems else "every note", not problems),
    ]


def _length(score: Score, promise: Promise) -> list[Guarantee]:
    """Return metre and bars, and seconds where they were asked for."""
    rows = []
    if promise.metre is not None:
        metres = " ".join(f"{one.numerator}/{one.denominator}" for one in score.metres) or "none"
        rows.append(guarantee("metre", f"{promise.metre.numerator}/{promise.metre.denominator}", metres))
    if score.metres or promise.metre is None:
        bars = len(score.bar_starts())
    else:
        bars = round(score.end / _bar(promise.metre, score))
    rows.append(guarantee("bars", promise.bars, bars))
    if promise.seconds is not None:
        off = abs(score.seconds - promise.seconds)
        within = score.seconds / max(1, bars)
        rows.append(
            Guarantee("seconds", f"{promise.seconds:g} within a bar", f"{score.seconds:.1f}", bool(off <= within))
        )
    return rows


def _bar(metre: Metre, score: Score) -> int:
    return bar_ticks(metre.numerator, metre.denominator, score.ticks_per_quarter)


def _close(score: Score, promise: Promise) -> list[Guarantee]:
    """Return the cadence: the final, alone or in octaves, struck last, in the last bar."""
    final = (promise.gong + MODE_BY_NAME[promise.mode].final) % 12
    asked = f"{pitch_class_name(final)} in the last bar"
    onset = int(score.notes["onset"].max())
    last = sorted({int(pitch) % 12 for pitch in score.notes["pitch"][score.notes["onset"] == onset]})
    starts: Sequence[int] = score.bar_starts().tolist() or [0]
    early = score.ticks_per_quarter // 4  # who plays freely is not on the bar line to the tick
    number = int(np.searchsorted(starts, onset + early, "right"))
    place = "the last bar" if number == len(starts) else f"bar {number}"
    return [guarantee("cadence", asked, f"{' '.join(map(pitch_class_name, last))} in {place}")]


def _pitch(pitch: int) -> str:
    return f"{pitch_class_name(pitch % 12)}{pitch // 12 - 1}"
