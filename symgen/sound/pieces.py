"""Pieces as sounding notes: from a Score or a Performance to strokes in seconds, with exact onsets and bends.

:func:`from_performance` lets a composition be heard as it is played. :func:`from_score` is for training: it takes any
notes, playable or not, and plays them freely, with the ornaments, octaves and runs that a written score leaves out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from symgen.errors import UsageError
from symgen.performance import Performance, PlayedNote
from symgen.score import Score, Technique
from symgen.sound.hands import ORNAMENTS, Ornament, choose, curve
from symgen.sound.invent import clean, random_music
from symgen.sound.model import HARMONIC, OPEN, STOPPED, Curve, SoundModel, SoundNote
from symgen.units import TICKS_PER_QUARTER, ticks_to_seconds

__all__ = ["fitting_transposition", "from_performance", "from_score", "random_music"]

_RINGS = 30.0
_HARMONICS = (12, 19, 24, 28, 31, 36)
_PRESS = 3
_BENT = (Technique.SLIDE_UP, Technique.SLIDE_DOWN, Technique.VIBRATO)
_QPM = {"guqin": (42.0, 76.0), "guzheng": (56.0, 132.0)}
"""Tempo where a score tells none: slow sections to climax."""


def from_performance(performance: Performance) -> list[SoundNote]:
    """Return a performance in seconds: strings, techniques and bends as they are played."""
    tempi = [(tempo.tick, tempo.qpm) for tempo in performance.tempi]

    def seconds(ticks: Iterable[int]) -> NDArray[np.float64]:
        return ticks_to_seconds(list(ticks), tempi, TICKS_PER_QUARTER)

    found = []
    for note in performance.notes:
        begin, end = seconds((note.onset, note.onset + note.duration))
        bend: Curve | None = None
        if note.bends:
            times = seconds(note.onset + point.offset for point in note.bends) - begin
            bend = times, np.array([point.cents for point in note.bends], float)
        found.append(
            SoundNote(float(begin), max(1e-3, float(end - begin)), float(note.pitch), float(note.velocity), note.string,
                      note.technique, bend, _timbre(note, performance.instrument))
        )  # fmt: skip
    return found


def _timbre(note: PlayedNote, instrument: str) -> int:
    """Return how a played note sounds; a string pressed behind its bridge sounds as an open one."""
    if note.technique == Technique.HARMONIC:
        return HARMONIC
    return STOPPED if instrument == "guqin" and note.position > 0.0 else OPEN


def from_score(
    score: Score,
    model: SoundModel,
    chance: np.random.Generator,
    *,
    qpm: float | None = None,
    transpose: int | None = None,
    density: float = 1.0,
    freedom: float = 1.0,
) -> list[SoundNote]:
    """Return a score as somebody might play it, whether or not it can be played to the letter.

    Parameters
    ----------
    score : Score
        Any notes. What lies outside the instrument is moved by octaves.
    model : SoundModel
        The instrument; its strings are used.
    chance : Generator
        Source of chance; the same state gives the same notes.
    qpm : float, optional
        A constant tempo instead of the score's own (or of one drawn, where it has none).
    transpose : int, optional
        Semitones; if not given, those that put most notes on open strings.
    density : float
        Factor on the usual shares of ornaments; 0 for none but those that are written.
    freedom : float
        0 keeps tempo, onsets and velocities; 1 moves them as a player does.

    Returns
    -------
    list of SoundNote
        In order of onset; durations say when a string is damped.

    Raises
    ------
    UsageError
        If a tempo or a factor is out of range.
    """
    if not (0.0 <= density <= 10.0 and 0.0 <= freedom <= 3.0 and (qpm is None or 10.0 <= qpm <= 400.0)):
        raise UsageError(
            f"density {density}, freedom {freedom}, qpm {qpm}", expected="0 to 10, 0 to 3 and 10 to 400 qpm"
        )
    if not len(score):
        return []
    if transpose is None:
        transpose = fitting_transposition(score, model)
    times = _clock(score, model.kind, chance, qpm, freedom)
    onsets = times(score.notes["onset"])
    lengths = times(score.notes["onset"] + score.notes["duration"]) - onsets
    hands = _Hands(model, chance, density)
    for row, onset, length in zip(score.notes.tolist(), onsets.tolist(), lengths.tolist(), strict=True):
        _, _, pitch, velocity, _, technique = row
        moved = max(0.0, onset + freedom * float(chance.normal(0.0, 0.006)))
        loud = float(np.clip(velocity + freedom * chance.normal(0.0, 7.0), 15.0, 127.0))
        hands.play(pitch + transpose, moved, max(0.03, length), loud, Technique(technique))
    return clean(hands.notes)


def fitting_transposition(score: Score, model: SoundModel) -> int:
    """Return the semitones, -6 to 18, that put most of a score within reach and on open strings."""
    pitches, counts = np.unique(score.notes["pitch"].astype(int), return_counts=True)
    low, high = _range(model)
    classes = np.zeros(12)
    classes[[pitch % 12 for pitch in model.open_pitches]] = 1.0

    def worth(shift: int) -> float:
        moved = pitches + shift
        inside = (moved >= low) & (moved <= high)
        return float((counts * (2.0 * inside + classes[moved % 12] * inside)).sum()) - 1e-3 * abs(shift)

    return max(range(-18, 19), key=worth)


def _range(model: SoundModel) -> tuple[int, int]:
    return min(model.open_pitches), max(model.open_pitches) + (30 if model.kind == "guqin" else 2)


def _clock(
    score: Score, kind: str, chance: np.random.Generator, qpm: float | None, freedom: float
) -> Callable[[NDArray[np.int64]], NDArray[np.float64]]:
    """Return a function from ticks to seconds, with a tempo that wanders a little."""
    if qpm is None and not score.tempi:
        low, high = _QPM[kind]
        qpm = float(np.exp(chance.uniform(np.log(low), np.log(high))))
    tempi = [(0, qpm)] if qpm is not None else [(tempo.tick, tempo.qpm) for tempo in score.tempi]
    edges = np.arange(0, score.end + 2 * score.ticks_per_quarter, score.ticks_per_quarter)
    plain = ticks_to_seconds(edges, tempi, score.ticks_per_quarter)
    drift = np.zeros(len(edges) - 1)
    for index in range(1, len(drift)):
        drift[index] = 0.85 * drift[index - 1] + 0.02 * freedom * float(chance.normal())
    warped = np.concatenate([[0.0], np.cumsum(np.diff(plain) * np.exp(np.clip(drift, -0.15, 0.15)))])
    return lambda ticks: np.asarray(np.interp(ticks, edges, warped))


class _Hands:
    """Puts notes on strings and adds what players add."""

    def __init__(self, model: SoundModel, chance: np.random.Generator, density: float) -> None:
        self.model, self.chance, self.density = model, chance, density
        self.notes: list[SoundNote] = []
        self.last = len(model.open_pitches) // 2
        self.stopped: int | None = None  # place in `notes` of the note the left hand holds

    def play(self, pitch: int, onset: float, length: float, velocity: float, technique: Technique) -> None:
        """Play one written note."""
        low, high = _range(self.model)
        while pitch < low:
            pitch += 12
        while pitch > high:
            pitch -= 12
        if technique == Technique.HARMONIC:
            self.harmonic(pitch, onset, velocity)
        elif technique == Technique.TREMOLO:
            self.tremolo(pitch, onset, length, velocity)
        else:
            self.pluck(pitch, onset, length, velocity, technique)
            if self.model.kind == "guzheng" and self.chance.random() < 0.03 * self.density:
                self.embellish(pitch, onset, velocity)

    def pluck(self, pitch: int, onset: float, length: float, velocity: float, technique: Technique) -> None:
        """Play a note on an open, pressed or stopped string, with its ornament."""
        string, above = self.string_for(pitch, must_bend=technique in _BENT)
        kind, chance = self.model.kind, self.chance
        stopped = kind == "guqin" and above > 0
        ornament = None
        if technique in _BENT:
            ornament = _of_technique(kind, technique, chance, length)
        elif technique in (Technique.PLUCK, Technique.STOPPED) and (stopped or kind == "guzheng"):
            ornament = choose(chance, kind, length, self.density)
        if ornament is not None and kind == "guqin" and not stopped:
            ornament = None
        bend = None
        if ornament is not None:
            lowest, highest = (-100.0 * max(0.0, above - 0.5), 1200.0) if stopped else (0.0, 100.0 * (_PRESS - above))
            bend = curve(chance, ornament, max(0.4, length), lowest, highest)
        rings = _RINGS
        if stopped:
            self.lift(onset)
            self.stopped = len(self.notes)
            rings = length + float(chance.uniform(0.0, 3.0))
        shown = ornament.technique if ornament else technique
        if shown == Technique.PLUCK:
            shown = Technique.STOPPED if above > 0 else Technique.OPEN
        timbre = STOPPED if stopped else OPEN
        self.notes.append(SoundNote(onset, rings, float(pitch), velocity, string, shown, bend, timbre))

    def lift(self, onset: float) -> None:
        """End the stopped note that sounds, most of the times, since the finger is needed elsewhere."""
        if self.stopped is not None and self.chance.random() < 0.8:
            held = self.notes[self.stopped]
            if onset - held.onset > 0.05:
                self.notes[self.stopped] = replace(held, duration=min(held.duration, onset - held.onset))
        self.stopped = None

    def string_for(self, pitch: int, *, must_bend: bool = False) -> tuple[int, int]:
        """Return a string and the semitones a note lies above it: open if it can be, else the handiest."""
        reach = 24 if self.model.kind == "guqin" else _PRESS
        best, cost = 0, np.inf
        for place, opened in enumerate(self.model.open_pitches):
            above = pitch - opened
            if above < 0:
                continue
            weight = abs(place - self.last) * 0.2 + 0.05 * above + (0.0 if above == 0 else 1.0)
            weight += 4.0 if above == 0 and must_bend and self.model.kind == "guqin" else 0.0
            weight += 3.0 * max(0, above - reach) + (2.0 if above == 1 and self.model.kind == "guqin" else 0.0)
            if weight < cost:
                best, cost = place, weight
        self.last = best
        return best + 1, pitch - self.model.open_pitches[best]

    def harmonic(self, pitch: int, onset: float, velocity: float) -> None:
        """Play a note as a harmonic, on the string that has it where one has."""
        choices = [
            (abs(pitch - opened - up), string, opened + up)
            for string, opened in enumerate(self.model.open_pitches, start=1)
            for up in (_HARMONICS if self.model.kind == "guqin" else _HARMONICS[:1])
        ]
        _, string, _ = min(choices)
        self.notes.append(SoundNote(onset, _RINGS, float(pitch), velocity, string, Technique.HARMONIC, None, HARMONIC))

    def tremolo(self, pitch: int, onset: float, length: float, velocity: float) -> None:
        """Play a note as yaozhi: 10 to 16 strokes a second."""
        string, _ = self.string_for(pitch)
        rate, at = float(self.chance.uniform(10.0, 16.0)), 0.0
        while at < length:
            loud = float(np.clip(velocity - 8.0 + self.chance.normal(0.0, 6.0), 15.0, 127.0))
            self.notes.append(SoundNote(onset + at, _RINGS, float(pitch), loud, string, Technique.TREMOLO, None, OPEN))
            at += float(self.chance.uniform(0.9, 1.1)) / rate

    def embellish(self, pitch: int, onset: float, velocity: float) -> None:
        """Add a lower octave, or a run of the thumb that leads to the note."""
        rising = sorted(self.model.open_pitches)
        if self.chance.random() < 0.5 and pitch - 12 in self.model.open_pitches:
            string = self.model.open_pitches.index(pitch - 12) + 1
            at = onset + abs(float(self.chance.normal(0.0, 0.005)))
            self.notes.append(
                SoundNote(at, _RINGS, pitch - 12.0, max(15.0, velocity - 5.0), string, Technique.OPEN, None, OPEN)
            )
            return
        run = [opened for opened in rising if pitch < opened <= pitch + 24][: int(self.chance.integers(4, 9))]
        gap = float(self.chance.uniform(0.02, 0.045))
        for index, opened in enumerate(run, start=1):
            if onset - index * gap > 0.0:
                string = self.model.open_pitches.index(opened) + 1
                self.notes.append(
                    SoundNote(onset - index * gap, _RINGS, float(opened), max(15.0, velocity - 12.0), string,
                              Technique.GLISSANDO, None, OPEN)
                )  # fmt: skip


def _of_technique(kind: str, technique: Technique, chance: np.random.Generator, length: float) -> Ornament:
    """Return an ornament that counts as `technique`, the shortest where a note is too short for any."""
    rows: Sequence[Ornament] = [row for row in ORNAMENTS[kind] if row.technique == technique]
    fitting = [row for row in rows if row.shortest <= length] or [min(rows, key=lambda row: row.shortest)]
    weights = np.array([row.share for row in fitting])
    return fitting[int(chance.choice(len(fitting), p=weights / weights.sum()))]
