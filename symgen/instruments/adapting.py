"""Adapting: from music that an instrument cannot play to the nearest that it can, with an account of each change.

In this order: transposition and tuning are chosen for the whole piece (:func:`choose_setting`); lines that leave the
range are folded by octaves, so that they keep their contour (:func:`folded`); chords lose what cannot be struck;
techniques that have no place are left out; a hand that would be too late gets another octave, or a note less
(:func:`mended`). Double notes are added on request (:func:`symgen.instruments.doubling.doubled`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray

from symgen.instruments._options import ways_to_sound
from symgen.instruments._problems import largest_chord
from symgen.instruments.base import Instrument, Tuning
from symgen.instruments.fingering import Fingering, finger
from symgen.instruments.rules import playable_pitches, serves
from symgen.score import Score, Technique
from symgen.theory.degrees import note_name
from symgen.units import bar_ticks

OCTAVES = (-36, -24, -12, 0, 12, 24, 36)
"""Shifts that folding chooses from, in semitones."""

TURN, SHIFT, BREAK, ODD_BREAK, STRETCH = 30, 4, 8, 3, 2
"""What folding weighs: a step that turns round, each octave away from the written one, a change of octave within a
line, one at a rest or phrase, and each note beyond easy reach."""

NEVER, WITHOUT = 10**4, 25
"""What it weighs that no string has a tone, and that one has it, but not as the harmonic that is written."""
MOST_ROUNDS = 12
MOST_SETTINGS = 4
"""Rounds of mending, and settings that are tried with both hands."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Transposition in semitones and tuning of a whole piece.

    Parameters
    ----------
    semitones : int
        Transposition.
    tuning : Tuning
        Tuning.
    share : float
        Share of the notes that then lie in easy reach.
    whole : bool
        Whether each note has a place, one by one.
    """

    semitones: int
    tuning: Tuning
    share: float
    whole: bool


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that had to be changed.

    Parameters
    ----------
    bar : int
        From 1.
    kind : str
        octave, tone, chord, technique, jump or double.
    rule : str
        Why.
    remedy : str
        What was done.
    """

    bar: int
    kind: str
    rule: str
    remedy: str

    def __str__(self) -> str:
        return f"bar {self.bar}: {self.rule}; {self.remedy}"


def choose_setting(
    score: Score,
    instrument: Instrument,
    gong: int,
    *,
    semitones: Sequence[int] = tuple(range(-24, 25)),
    tunings: Sequence[Tuning] | None = None,
) -> Setting:
    """Choose how far to transpose and how to tune: so that all can be played, if there is such a way.

    What counts, in this order: notes that have a place, and one in easy reach; a tuning that serves the gong; the
    key and the octave that are written; notes on open strings; few strings to retune.

    Parameters
    ----------
    score : Score
        At least one note.
    instrument : Instrument
        What it is for.
    gong : int
        Pitch class of degree 1 as written.
    semitones : sequence of int
        Transpositions to choose from.
    tunings : sequence of Tuning, optional
        Tunings to choose from; all by default.
    """
    ranked = _ranked(score, instrument, gong, semitones, tunings or tuple(instrument.tunings.values()))
    if not ranked:
        raise ValueError("no transposition or no tuning to choose from")
    whole = [setting for setting in ranked if setting.whole][:MOST_SETTINGS]
    for setting in whole:
        if finger(_moved_score(score, setting.semitones), instrument, setting.tuning).playable:
            return setting
    return ranked[0]


def _moved_score(score: Score, semitones: int) -> Score:
    notes = score.notes.copy()
    notes["pitch"] = np.clip(notes["pitch"] + semitones, 0, 127)
    return replace(score, notes=notes)


def _ranked(
    score: Score, instrument: Instrument, gong: int, semitones: Sequence[int], tunings: Sequence[Tuning]
) -> list[Setting]:
    """Return all settings, the best first."""
    pitches, harmonic = score.notes["pitch"], score.notes["technique"] == Technique.HARMONIC
    counts = [np.bincount(part, minlength=128).astype(np.float64) for part in (pitches[~harmonic], pitches[harmonic])]
    found = []
    for tuning in tunings:
        masks = _masks(instrument, tuning)
        for shift in semitones:
            shares = _shares(counts, masks, shift)
            new_gong = (gong + shift) % 12
            worth = 6.0 * shares[0] + 6.0 * shares[1] + 0.3 * shares[2]
            worth += 1.0 * serves(instrument, tuning, new_gong)
            worth += 0.1 * (instrument.habitual.get(new_gong) == tuning.name)
            worth -= 0.4 * (shift % 12 != 0) + 0.3 * (shift != 0) + 0.012 * abs(shift)
            worth -= 0.01 * _retuned(instrument, tuning)
            found.append((float(worth), Setting(shift, tuning, float(shares[0]), bool(shares[3] > 1 - 1e-9))))
    return [setting for _, setting in sorted(found, key=lambda pair: -pair[0])]  # stable: the first of equals leads


def _shares(
    counts: Sequence[NDArray[np.float64]], masks: Sequence[NDArray[np.float64]], shift: int
) -> NDArray[np.float64]:
    """Return the shares of notes that :func:`_masks` tells apart, after a transposition."""
    moved = [_moved(part, shift) for part in counts]
    found = [mask @ part for mask, part in zip(masks, moved, strict=True)]
    shares: NDArray[np.float64] = sum(found) / sum(part.sum() for part in counts)
    return shares


def _moved(counts: NDArray[np.float64], shift: int) -> NDArray[np.float64]:
    """Return counts by pitch after a transposition; what leaves 0..127 is lost."""
    moved = np.zeros_like(counts)
    if shift >= 0:
        moved[shift:] = counts[: len(counts) - shift]
    else:
        moved[:shift] = counts[-shift:]
    return moved


def _masks(instrument: Instrument, tuning: Tuning) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return masks of pitches for plain notes and for harmonics, shape (4, 128): in easy reach, in any, open, any way.

    The last counts a plain note that only a harmonic gives.
    """
    masks = np.zeros((2, 4, 128))
    for mask, technique in zip(masks, (Technique.PLUCK, Technique.HARMONIC), strict=True):
        mask[0, sorted(playable_pitches(instrument, tuning, technique, easily=True))] = 1
        mask[1, sorted(playable_pitches(instrument, tuning, technique))] = 1
        mask[3] = mask[1]
    masks[0, 2, list(tuning.open_pitches)] = 1
    masks[0, 3] = np.maximum(masks[0, 3], masks[1, 1])
    return masks[0], masks[1]


def _retuned(instrument: Instrument, tuning: Tuning) -> int:
    standard = instrument.tunings[instrument.default_tuning].open_pitches
    return sum(1 for ours, theirs in zip(tuning.open_pitches, standard, strict=True) if ours != theirs)


def folded(score: Score, instrument: Instrument, tuning: Tuning) -> tuple[Score, list[Change]]:
    """Move lines that leave the instrument by octaves; where no octave has a tone, take the nearest tone.

    Each stroke moves as one. Over the whole piece the cheapest way is taken (Viterbi): up stays up and down stays
    down where it can, and octaves change at rests rather than within a line.
    """
    notes = score.notes.copy()
    strokes = [list(group) for _, group in groupby(range(len(notes)), key=notes["onset"].tolist().__getitem__)]
    tops = [int(notes["pitch"][stroke].max()) for stroke in strokes]
    possible = playable_pitches(instrument, tuning)
    harmonic = [notes["technique"][stroke[0]] == Technique.HARMONIC for stroke in strokes]
    costs = [_shift_costs(instrument, tuning, *pair) for pair in zip(tops, harmonic, strict=True)]
    shifts = _cheapest_shifts(costs, tops, _rests(score, strokes))
    bars, changes = bar_numbers(score), []
    touched = possible | playable_pitches(instrument, tuning, Technique.HARMONIC)
    for stroke, shift, touch in zip(strokes, shifts, harmonic, strict=True):
        for index in stroke:
            written = int(notes["pitch"][index])
            pitch = _nearest(written + shift, written, touched if touch else possible)
            if pitch != written:
                notes["pitch"][index] = pitch
                kind = "octave" if (pitch - written) % 12 == 0 else "tone"
                rule = f"{note_name(written)} is not on the {instrument.name} in tuning {tuning.name}"
                if written in possible:
                    rule = f"the line around {note_name(written)} leaves the {instrument.name} in tuning {tuning.name}"
                changes.append(Change(bars[index], kind, rule, f"played as {note_name(pitch)}"))
    return replace(score, notes=notes), changes


@lru_cache(maxsize=4096)
def _shift_costs(instrument: Instrument, tuning: Tuning, pitch: int, harmonic: bool) -> tuple[int, ...]:
    """Return what each of :data:`OCTAVES` costs a note: its size, a stretch, or the loss of the tone."""
    technique = Technique.HARMONIC if harmonic else Technique.PLUCK
    possible = playable_pitches(instrument, tuning, technique)
    easy = playable_pitches(instrument, tuning, technique, easily=True)
    return tuple(
        SHIFT * abs(shift) // 12
        + (0 if pitch + shift in easy else STRETCH if pitch + shift in possible else WITHOUT if harmonic else NEVER)
        for shift in OCTAVES
    )


def _rests(score: Score, strokes: Sequence[Sequence[int]]) -> list[bool]:
    """Return for each stroke whether it begins a line: after a rest, or at a phrase or section."""
    ends = (score.notes["onset"] + score.notes["duration"]).tolist()
    onsets = score.notes["onset"].tolist()
    marks = {section.tick for section in score.sections} | {t.tick for t in score.texts if t.kind == "phrase"}
    begins = [True]
    for before, now in pairwise(strokes):
        gap = onsets[now[0]] - max(ends[index] for index in before)
        begins.append(gap >= score.ticks_per_quarter // 4 or onsets[now[0]] in marks)
    return begins


def _cheapest_shifts(costs: Sequence[Sequence[int]], tops: Sequence[int], rests: Sequence[bool]) -> list[int]:
    """Return the shift of each stroke (Viterbi over :data:`OCTAVES`)."""
    if not costs:
        return []
    total = np.array(costs[0], dtype=np.int64)
    shifts = np.array(OCTAVES)
    apart = np.abs(shifts[:, None] - shifts[None, :]) // 12
    parents = []
    for index in range(1, len(costs)):
        step = tops[index] - tops[index - 1]
        moved = step + shifts[None, :] - shifts[:, None]
        turned = (np.sign(moved) != np.sign(step)) & (apart > 0)
        price = total[:, None] + apart * (ODD_BREAK if rests[index] else BREAK) + TURN * (turned & (not rests[index]))
        parents.append(price.argmin(axis=0))
        total = price.min(axis=0) + np.array(costs[index])
    choice = int(total.argmin())
    found = [choice]
    for parent in reversed(parents):
        choice = int(parent[choice])
        found.append(choice)
    return [OCTAVES[number] for number in reversed(found)]


def _nearest(pitch: int, written: int, possible: frozenset[int]) -> int:
    """Return `pitch` if it can be played, else its nearest octave, else the nearest pitch of all."""
    if pitch in possible:
        return pitch
    same = [p for p in possible if (p - written) % 12 == 0]
    return min(same or possible, key=lambda p: (abs(p - pitch), p))


def mended(score: Score, instrument: Instrument, tuning: Tuning) -> tuple[Score, Fingering, list[Change]]:
    """Change what cannot be played until all can, and finger it.

    Returns
    -------
    score : Score
        Playable.
    fingering : Fingering
        Without problems.
    changes : list of Change
        What was done, in order of time.
    """
    changes: list[Change] = []
    for turn in range(MOST_ROUNDS):
        fingering = finger(score, instrument, tuning)
        if fingering.playable:
            break
        score, done = _one_round(score, fingering, instrument, tuning, gently=turn < MOST_ROUNDS // 2)
        changes += done
    return score, fingering, sorted(changes, key=lambda change: change.bar)


def _one_round(
    score: Score, fingering: Fingering, instrument: Instrument, tuning: Tuning, *, gently: bool
) -> tuple[Score, list[Change]]:
    """Mend every problem of a fingering once; a hand that is too late by another octave if `gently`, else by a rest."""
    notes, left_out, changes = score.notes.copy(), set(), []
    for problem in fingering.problems:
        sounds = [(int(notes["pitch"][i]), Technique(int(notes["technique"][i]))) for i in problem.notes]
        remedy = ""
        if problem.kind in ("chord", "hands"):
            kept = largest_chord(instrument, tuning, tuple(sounds))
            gone = [i for place, i in enumerate(problem.notes) if place not in kept]
            left_out |= set(gone)
            kind, remedy = "chord", "left out " + " ".join(note_name(int(notes["pitch"][i])) for i in gone)
        elif problem.kind == "jump":
            kind, remedy = "jump", _hurried(notes, problem.notes, instrument, tuning, left_out, gently=gently)
        elif sounds[0][1] != Technique.PLUCK and ways_to_sound(instrument, tuning, sounds[0][0], Technique.PLUCK):
            notes["technique"][list(problem.notes)] = Technique.PLUCK
            kind, remedy = "technique", f"played without {sounds[0][1].name.lower().replace('_', ' ')}"
        else:
            pitch = _nearest(sounds[0][0], sounds[0][0], playable_pitches(instrument, tuning))
            notes["pitch"][list(problem.notes)] = pitch
            notes["technique"][list(problem.notes)] = Technique.PLUCK
            kind, remedy = "octave", f"played as {note_name(pitch)}"
        changes.append(Change(problem.bar, kind, problem.rule, remedy))
    kept_notes = np.delete(notes, sorted(left_out)) if left_out else notes
    return replace(score, notes=kept_notes), changes


def _hurried(
    notes: NDArray[np.void],
    indices: Sequence[int],
    instrument: Instrument,
    tuning: Tuning,
    left_out: set[int],
    *,
    gently: bool,
) -> str:
    """Give a stroke that comes too fast the octave nearest to the note before it, or leave it out."""
    first = indices[0]
    before = int(notes["pitch"][first - 1]) if first else int(notes["pitch"][first])
    written = int(notes["pitch"][first])
    possible = playable_pitches(instrument, tuning)
    octaves = [p for p in possible if (p - written) % 12 == 0 and p != written]
    if gently and len(indices) == 1 and octaves:
        pitch = min(octaves, key=lambda p: (p not in tuning.open_pitches, abs(p - before), p))
        if abs(pitch - before) < abs(written - before) or pitch in tuning.open_pitches:
            notes["pitch"][first] = pitch
            return f"played as {note_name(pitch)}"
    left_out |= set(indices)
    return "left out " + " ".join(note_name(int(notes["pitch"][i])) for i in indices)


def bar_numbers(score: Score) -> list[int]:
    """Return the bar of each note, from 1; bars of 4/4 where the metre is unknown."""
    starts = score.bar_starts()
    if len(starts):
        return np.searchsorted(starts, score.notes["onset"], side="right").tolist()  # type: ignore[no-any-return]
    return (score.notes["onset"] // bar_ticks(4, 4, score.ticks_per_quarter) + 1).tolist()  # type: ignore[no-any-return]
