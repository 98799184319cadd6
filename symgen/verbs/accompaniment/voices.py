"""What sounds under a melody: doublings on strong strokes, and a second voice of figures over harmonies.

Everything here only proposes notes. What clashes is not proposed; what hands cannot play is taken out again by
:func:`playable`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from symgen.instruments.fingering import find_problems
from symgen.instruments.rules import playable_pitches, strikeable
from symgen.score import NoteArray, Score, Technique, make_notes
from symgen.theory.degrees import PENTATONIC
from symgen.theory.modes import MODE_BY_NAME
from symgen.units import TICKS_PER_QUARTER
from symgen.verbs.accompaniment.figures import Figure, Harmony, Manner, table
from symgen.verbs.sources import Source
from symgen.verbs.variation.strokes import Stroke, strokes_of

_CLASHES = frozenset({1, 2, 10, 11})
"""Seconds and sevenths in semitones, octaves aside."""
_TRITONE = 6
_ROOM = 3
"""Semitones that a second voice stays below the melody at least."""
_CHANGE = 0.15
"""What a harmony is worth more for not being the one before."""
_MOST_REPAIRS = 200


@dataclass(frozen=True)
class Melody:
    """A melody that is to be accompanied.

    Parameters
    ----------
    source : Source
        The melody; all of its notes.
    """

    source: Source

    @cached_property
    def strokes(self) -> list[Stroke]:
        """Its strokes without grace notes."""
        return [stroke for stroke in strokes_of(self.source.score.notes) if not stroke.grace]

    @cached_property
    def last(self) -> int:
        """Tick of the last stroke."""
        return int(self.source.score.notes["onset"][-1])

    @cached_property
    def final(self) -> int:
        """Degree of the final."""
        return MODE_BY_NAME[self.source.mode].final

    def degree(self, pitch: int) -> int:
        """Return a pitch in semitones above gong."""
        return (pitch - self.source.gong) % 12

    def sounding(self, start: int, end: int) -> NoteArray:
        """Return the notes that sound somewhere from `start` up to `end`."""
        notes = self.source.score.notes
        heard: NoteArray = notes[(notes["onset"] < end) & (notes["onset"] + notes["duration"] > start)]
        return heard

    def strength(self, tick: int) -> int:
        """Return 0 on the first beat of a bar, 1 on another beat, 2 elsewhere."""
        bars = self.source.bars
        within = tick - int(bars[np.searchsorted(bars, tick, side="right") - 1])
        return 0 if within == 0 else 1 if within % TICKS_PER_QUARTER == 0 else 2

    def clashes(self, pitch: int, tick: int) -> bool:
        """Tell whether a tone makes a second, a seventh or a tritone with what sounds of the melody at a tick."""
        at_once = self.sounding(tick, tick + 1)["pitch"].tolist()
        return any((other - pitch) % 12 in _CLASHES | {_TRITONE} for other in at_once)

    def until_it_clashes(self, pitch: int, start: int, end: int) -> int:
        """Return where a tone has to end so that it makes no second with what the melody strikes on a beat."""
        notes = self.source.score.notes
        later = notes[(notes["onset"] > start) & (notes["onset"] < end)]
        for onset, other in zip(later["onset"].tolist(), later["pitch"].tolist(), strict=True):
            if self.strength(onset) < 2 and (other - pitch) % 12 in _CLASHES:
                return int(onset)
        return end


def doubled(melody: Melody, manner: Manner, density: float, rng: np.random.Generator) -> NoteArray:
    """Return tones below the strokes of a melody: octaves and fifths, on strong and long ones first."""
    notes = melody.source.score.notes
    alone = [stroke for stroke in melody.strokes if len(stroke.rows) == 1]
    count = max(1, round(manner.share(density) * len(melody.strokes)))

    def weight(stroke: Stroke) -> float:
        length = min(4.0, float(notes["duration"][stroke.rows[0]]) / TICKS_PER_QUARTER)
        return length - melody.strength(stroke.tick) + float(rng.random())

    rows = []
    for stroke in sorted(alone, key=weight, reverse=True):
        note = notes[stroke.rows[0]]
        found = _below(melody, note, manner.doublings, last=stroke.tick == melody.last)
        if found is not None:
            rows.append((int(note["onset"]), int(note["duration"]), found, _quieter(note["velocity"], manner), 1))
        if len(rows) == count:
            break
    return make_notes(sorted(rows))


def _below(melody: Melody, note: np.void, intervals: Sequence[int], *, last: bool) -> int | None:
    """Return the first tone of the mode below a note that can be struck with it, open strings before others."""
    source = melody.source
    top, technique = int(note["pitch"]), Technique(int(note["technique"]))
    kind = technique if technique == Technique.HARMONIC else Technique.PLUCK
    octaves = [interval for interval in intervals if interval % 12 == 0]
    fitting = [
        top - interval
        for interval in (octaves if last else intervals)
        if melody.degree(top - interval) in PENTATONIC
        and strikeable(source.instrument, source.tuning, (top, top - interval), kind, easily=True)
        and strikeable(source.instrument, source.tuning, (top, top - interval), easily=True)
    ]
    ringing = [pitch for pitch in fitting if pitch in source.tuning.open_pitches]
    return next(iter(ringing or fitting), None)


def _quieter(velocity: int, manner: Manner) -> int:
    return max(1, round(manner.loudness * int(velocity)))


def second_voice(melody: Melody, manner: Manner, density: float, rng: np.random.Generator) -> NoteArray:
    """Return a second voice: a figure over a harmony for each stretch of the melody, as full as `density` says."""
    wanted = manner.rate(density)
    stretches = list(_stretches(melody))
    figures = [figure for figure in table().figures if melody.source.style.name in figure.styles]
    rows: list[tuple[int, ...]] = []
    before = None
    for start, end in stretches:
        if start > melody.last:
            break
        harmony = _harmony(melody, start, end, before, rng)
        figure = _figure(figures, end - start, wanted, rng)
        before = harmony
        if figure is None or rng.random() >= min(1.0, wanted / figure.rate):
            continue
        rows += _laid_out(melody, manner, harmony, figure, start, end)
    return make_notes(rows)


def _stretches(melody: Melody) -> Iterator[tuple[int, int]]:
    """Yield the stretches that have one harmony: bars, those of four quarters or more in halves."""
    bars = melody.source.bars.tolist()
    for start, end in pairwise(bars):
        length = end - start
        if length >= 4 * TICKS_PER_QUARTER and length % 2 == 0:
            middle = start + length // 2
            middle -= (middle - start) % TICKS_PER_QUARTER
            yield from ((start, middle), (middle, end))
        else:
            yield start, end


def _harmony(melody: Melody, start: int, end: int, before: Harmony | None, rng: np.random.Generator) -> Harmony:
    """Return the harmony that suits a stretch of melody best; the final's under the last note."""
    heard = melody.sounding(start, end)
    held = np.minimum(heard["onset"] + heard["duration"], end) - np.maximum(heard["onset"], start)
    length = np.zeros(12)
    for pitch, ticks in zip(heard["pitch"].tolist(), held.tolist(), strict=True):
        length[melody.degree(pitch)] += ticks
    length /= max(1.0, length.sum())
    for pitch in melody.sounding(start, start + 1)["pitch"].tolist():
        length[melody.degree(pitch)] += 0.5

    def worth(harmony: Harmony) -> float:
        tones = {(harmony.root + tone) % 12 for tone in harmony.tones[:3]}
        consonant = sum(length[tone] for tone in tones)
        clashing = sum(length[(harmony.root + second) % 12] for second in _CLASHES)
        change = _CHANGE if before is not None and before.root != harmony.root else 0.0
        return float(consonant - clashing) + 0.3 * harmony.weight + change + 0.2 * float(rng.random())

    rows = table().harmonies
    if start <= melody.last < end:
        return next(harmony for harmony in rows if harmony.root == melody.final)
    return max(rows, key=worth)


def _figure(figures: Sequence[Figure], ticks: int, wanted: float, rng: np.random.Generator) -> Figure | None:
    """Return a figure that fits a stretch of so many ticks, as busy as is wanted or nearly so."""
    fitting = [figure for figure in figures if ticks % figure.ticks == 0] or [f for f in figures if f.ticks <= ticks]
    if not fitting:
        return None

    def distance(figure: Figure) -> float:
        return abs(float(np.log2(figure.rate / wanted)))

    nearest = min(map(distance, fitting))
    near = [figure for figure in fitting if distance(figure) <= nearest + 0.1]
    return near[int(rng.integers(len(near)))]


def _laid_out(
    melody: Melody, manner: Manner, harmony: Harmony, figure: Figure, start: int, end: int
) -> list[tuple[int, ...]]:
    """Return the notes of a figure that stay below the melody and do not clash with it."""
    bass = _bass(melody, harmony, figure, start, end)
    if bass is None:
        return []
    onsets: list[tuple[int, tuple[int, ...]]] = []
    for begin in range(start, end, figure.ticks):
        onsets += [(begin + at, tones) for at, tones in figure.strokes if begin + at < end]
    rows: list[tuple[int, ...]] = []
    for place, (onset, tones) in enumerate(onsets):
        following = onsets[place + 1][0] if place + 1 < len(onsets) else end
        heard = melody.sounding(start, end)
        loud = int(heard["velocity"].max(initial=60))
        for tone in tones:
            pitch = bass + harmony.tones[tone]
            if _fits(melody, pitch, onset, end):
                until = melody.until_it_clashes(pitch, onset, following)
                rows.append((onset, until - onset, pitch, _quieter(loud, manner), 1))
    return rows


def _fits(melody: Melody, pitch: int, onset: int, end: int) -> bool:
    """Tell whether a tone may be struck at a moment: below the melody, of the mode, on an open string, no clash."""
    if onset > melody.last or (onset == melody.last and melody.degree(pitch) != melody.final):
        return False
    above = melody.sounding(onset, end)["pitch"]
    low_enough = not len(above) or pitch <= int(above.min()) - _ROOM
    in_mode = melody.degree(pitch) in PENTATONIC
    return low_enough and in_mode and pitch in melody.source.tuning.open_pitches and not melody.clashes(pitch, onset)


def _bass(melody: Melody, harmony: Harmony, figure: Figure, start: int, end: int) -> int | None:
    """Return the bass from which most of a figure can be played, the highest of several."""
    used = {tone for _, tones in figure.strokes for tone in tones}
    roots = [p for p in melody.source.tuning.open_pitches if melody.degree(p) == harmony.root]

    def worth(bass: int) -> tuple[int, int]:
        return sum(_fits(melody, bass + harmony.tones[tone], start, end) for tone in used), bass

    best = max(roots, key=worth, default=None)
    return best if best is not None and worth(best)[0] else None


def together(melody: Melody, added: NoteArray) -> Score:
    """Return the melody as voice 0 and what is added as voice 1."""
    notes = melody.source.score.notes.copy()
    notes["voice"] = 0
    end = max(melody.source.score.end, int((added["onset"] + added["duration"]).max(initial=0)))
    return replace(melody.source.score, notes=np.concatenate([notes, added]), end=end)


def playable(melody: Melody, added: NoteArray) -> NoteArray:
    """Return what is added without the tones that keep hands from playing it and the melody together."""
    source = melody.source
    for _ in range(_MOST_REPAIRS):
        score = together(melody, added)
        faulty = _faulty(score, source)
        if not len(faulty) or not len(added):
            break
        drop = np.isin(added["onset"], faulty)
        if not drop.any():  # a hand that comes too late: what it did before goes
            earlier = added["onset"][added["onset"] < faulty.min()]
            drop = added["onset"] == (earlier.max() if len(earlier) else added["onset"][0])
        added = added[~drop]
    return added


def _faulty(score: Score, source: Source) -> NDArray[np.int64]:
    """Return the ticks at which something cannot be played, with techniques or, as MIDI has it, without."""
    if not source.playable:  # what stood already is not judged
        reach = playable_pitches(source.instrument, source.tuning)
        score = replace(score, notes=score.notes[np.isin(score.notes["pitch"], sorted(reach))])
    plain = score.notes.copy()
    plain["technique"] = Technique.PLUCK
    for notes in (score.notes,) if np.array_equal(score.notes, plain) else (score.notes, plain):
        held = replace(score, notes=notes)
        problems = find_problems(held, source.instrument, source.tuning)
        if problems:
            return np.unique(held.notes["onset"][[note for problem in problems for note in problem.notes]])
    return np.zeros(0, dtype=np.int64)
