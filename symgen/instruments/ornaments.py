"""Ornaments: what the hands add to the written notes, chosen note by note from the rows of the instrument.

Written techniques stand. What the score does not mark is drawn so that each row comes to its share of the notes
(:mod:`symgen.instruments.choosing`). Nothing here depends on how freely the score is played: times are written ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from symgen.instruments.candidates import candidate, least_seconds, roll
from symgen.instruments.choosing import draw, probabilities
from symgen.instruments.chosen import LEFT_OPEN, Choice, Chosen
from symgen.instruments.curves import Arc, Restrike, Slide, Travel, Vibrato
from symgen.instruments.setting import Setting
from symgen.instruments.shapes import Ornament, Repeat, Roll, Run
from symgen.score import Technique
from symgen.theory.degrees import DEGREES

BEYOND_EVERYDAY = 0.3
"""Weight of a press beyond easy reach."""

_STANDING = (Technique.HARMONIC, Technique.GRACE, Technique.GLISSANDO)
"""Marks of notes to which nothing is added."""


MOST_TIMES = 8.0
"""By how much the shares of rows are multiplied at most where the notes leave little room for what is wanted."""

_RISE, _NEARLY = 1.25, 0.9


def choose_much(setting: Setting, style: str, seed: int, ornament: float) -> Chosen:
    """Choose fewer or more ornaments than :func:`choose`.

    Below 0.5 the shares of all rows are scaled. Above, many rows soon have all that fits, so the shares are raised
    until the piece has about the multiple that is wanted.

    Parameters
    ----------
    setting, style, seed
        As for :func:`choose`.
    ornament : float
        0 none but what is marked, 0.5 as :func:`choose`, 1 twice as many.
    """
    times = 2.0 * ornament
    if times <= 1.0:
        return choose(setting, style, seed, amount=times**1.5)
    wanted, amount = _NEARLY * times * _count(choose(setting, style, seed)), times
    while True:
        chosen = choose(setting, style, seed, amount=amount)
        if amount >= MOST_TIMES or _count(chosen) >= wanted:
            return chosen
        amount = min(MOST_TIMES, amount * _RISE)


def _count(chosen: Chosen) -> int:
    """Return how many notes and added strokes are ornamented."""
    return len(chosen.of) + sum(len(choice.extras) for choices in chosen.of.values() for choice in choices)


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
        chance = chances[row.name]
        found = ((note, candidate(chosen, note, row, chance)) for note in _allowed(chosen, row))
        options = [(note, choice) for note, choice in found if choice is not None]
        weights = [_weight(setting, note, choice) for note, choice in options]
        sizes = [float(choice.size) for _, choice in options]
        for index in draw(probabilities(weights, sizes, quota), chance):
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
    return sum(map(setting.kinds.__getitem__, set(row.on))) / max(0.5, 1.0 - adding)


def _marked(chosen: Chosen, rows: Sequence[Ornament], chances: dict[str, Random]) -> dict[str, int]:
    """Give each note that is marked with a technique the first row of it that fits; return how often each was used."""
    used: dict[str, int] = {}
    rows = sorted(rows, key=lambda row: not isinstance(row.curve, Slide | Vibrato))  # what a mark usually means
    for note, mark in enumerate(chosen.setting.marks):
        if mark in LEFT_OPEN or mark in _STANDING:
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
    """Return the unmarked notes that a row may be given to; those that are too short for it are left out."""
    setting = chosen.setting
    gaps, crowds, strokes, stroke_of = setting.gaps, setting.crowds, setting.strokes, setting.stroke_of
    of, absorbed, shortest = chosen.of, chosen.absorbed, least_seconds(row)
    whole = isinstance(row.curve, Run | Roll)
    return [
        note
        for note in chosen.unmarked(row.on)
        if gaps[note] >= shortest
        and (crowds[note] == 1 or (whole and note == strokes[stroke_of[note]][0]))
        and not ((note in of or note in absorbed) and chosen.taken(note, row))
    ]


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
