"""Ornaments: what the hands add to the written notes, chosen note by note from the rows of the instrument.

Written techniques stand. What the score does not mark is drawn so that each row comes to its share of the notes
(:mod:`symgen.instruments.choosing`). Nothing here depends on how freely the score is played: times are written ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from symgen.instruments.candidates import candidate, roll
from symgen.instruments.choosing import draw, probabilities
from symgen.instruments.chosen import Choice, Chosen
from symgen.instruments.curves import Arc, Restrike, Slide, Travel, Vibrato
from symgen.instruments.setting import Setting
from symgen.instruments.shapes import Ornament, Repeat, Roll, Run
from symgen.score import Technique
from symgen.theory.degrees import DEGREES

BEYOND_EVERYDAY = 0.3
"""Weight of a press beyond easy reach."""

_STANDING = (Technique.HARMONIC, Technique.GRACE, Technique.GLISSANDO)
"""Marks of notes to which nothing is added."""


def choose(setting: Setting, style: str, seed: int, *, amount: float = 1.0) -> Chosen:
    """Choose the ornaments of a piece.

    Parameters
    ----------
    setting : Setting
        The written notes.
    style : str
        Rows may have other shares in some styles.
    seed : int
        The same seed chooses the same.
    amount : float
        The shares of all rows are multiplied by it; what the score marks stays.
    """
    chosen, rows = Chosen(setting), setting.instrument.ornaments
    chances = {row.name: Random(f"{seed}/{row.name}") for row in rows}
    marked = _marked(chosen, rows, chances)
    adding = sum(amount * _share(row, style) for row in rows if isinstance(row.curve, Run))
    for row in rows:
        quota = amount * _share(row, style) * _base(setting, row, adding) - marked.get(row.name, 0)
        if quota <= 0.0:
            continue
        found = [(note, candidate(chosen, note, row, chances[row.name])) for note in _allowed(chosen, row)]
        options = [(note, choice) for note, choice in found if choice is not None]
        weights = [_weight(setting, note, choice) for note, choice in options]
        sizes = [float(choice.size) for _, choice in options]
        for index in draw(probabilities(weights, sizes, quota), chances[row.name]):
            note, choice = options[index]
            if isinstance(row.curve, Roll):
                _roll_all(chosen, note, row, row.curve)
            elif not _in_the_way(chosen, note, choice):
                chosen.add(note, choice)
    return chosen


def _share(row: Ornament, style: str) -> float:
    return row.styles.get(style, row.share)


def _base(setting: Setting, row: Ornament, adding: float) -> float:
    """Return the number of notes that a share is one of: those that sound, with what runs will add to them."""
    if isinstance(row.curve, Roll):
        return float(sum(len(stroke) >= row.curve.count[0] for stroke in setting.strokes))
    return sum(place.technique in row.on for place in setting.places) / max(0.5, 1.0 - adding)


def _marked(chosen: Chosen, rows: Sequence[Ornament], chances: dict[str, Random]) -> dict[str, int]:
    """Give each note that is marked with a technique the first row of it that fits; return how often each was used."""
    used: dict[str, int] = {}
    rows = sorted(rows, key=lambda row: not isinstance(row.curve, Slide | Vibrato))  # what a mark usually means
    for note, mark in enumerate(chosen.setting.marks):
        if mark in (Technique.PLUCK, Technique.OPEN, Technique.STOPPED, *_STANDING):
            continue
        for row in rows:
            if row.technique != mark or isinstance(row.curve, Travel) or not chosen.setting.alone(note):
                continue
            choice = candidate(chosen, note, row, chances[row.name], marked=True)
            if choice is not None:
                chosen.add(note, choice)
                used[row.name] = used.get(row.name, 0) + 1
                break
    return used


def _allowed(chosen: Chosen, row: Ornament) -> list[int]:
    """Return the unmarked notes that a row may be given to."""
    setting = chosen.setting
    found = []
    for note, mark in enumerate(setting.marks):
        if setting.kind(note) not in row.on or mark not in (Technique.PLUCK, Technique.OPEN, Technique.STOPPED):
            continue
        alone = setting.alone(note)
        first = note == setting.strokes[setting.stroke_of[note]][0]
        if chosen.taken(note, row) or not (alone or (first and isinstance(row.curve, Run | Roll))):
            continue
        found.append(note)
    return found


def _in_the_way(chosen: Chosen, note: int, choice: Choice) -> bool:
    """Return whether something chosen in the same draw has taken the place meanwhile."""
    if chosen.taken(note, choice.ornament):
        return True
    return any(to in chosen.of or to in chosen.absorbed for to, _ in choice.legs)


def _weight(setting: Setting, note: int, choice: Choice) -> float:
    """Return how welcome an ornament is: by degree, length, place in the bar and reach."""
    row, weight = choice.ornament, 1.0
    degree = setting.degree(note)
    if row.degrees and degree is not None:
        weight *= row.degrees.get(DEGREES[degree], 1.0)
    if isinstance(row.curve, Run):
        begins_phrase = setting.onset(note) in setting.phrases
        return weight * setting.beat(note) * (2.0 if begins_phrase else 1.0)
    if isinstance(row.curve, Vibrato | Repeat | Arc | Restrike):
        weight *= min(3.0, max(1.0, setting.gap(note) / max(0.1, row.seconds)))
    place = choice.place or setting.places[note]
    if choice.points and place.string and not setting.instrument.marks:
        opened = setting.tuning.open_pitches[place.string - 1]
        highest = 100.0 * (setting.pitch(note) - opened) + max(cents for _, cents in choice.points)
        if highest > 100.0 * setting.instrument.hands.everyday[place.string - 1]:
            weight *= BEYOND_EVERYDAY
    return weight


def _roll_all(chosen: Chosen, note: int, row: Ornament, shape: Roll) -> None:
    """Roll a whole chord."""
    for other in chosen.setting.strokes[chosen.setting.stroke_of[note]]:
        choice = roll(chosen.setting, other, row, shape)
        if choice is not None:
            chosen.add(other, choice)
