"""Expression: tempo, onsets and dynamics as a player shapes them, from metre, phrase and section.

Sizes follow what is written about the playing of the instruments (rubato within 8 % of the tempo, onsets a few
milliseconds off, free sections slower); the shapes, a cosine breath for the tempo and a sine arch for the dynamics, are
ours.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import cos, pi, sin
from random import Random
from types import MappingProxyType

from symgen.instruments.base import Instrument, Placement
from symgen.instruments.fingering import DEFAULT_QPM
from symgen.instruments.sections import ROLES, Part, part_at
from symgen.score import DEFAULT_VELOCITY, Metre, Score, Technique, Tempo
from symgen.units import TICKS_PER_QUARTER, bar_ticks, seconds_to_ticks

PHRASE_BARS = 4
"""Length of a phrase where the score marks none."""

MOST_RUBATO = 0.08
"""Largest change of tempo within a phrase, as a share; a section in free time has more."""

FASTEST = 1.12
"""No tempo is more than this times the written one: what is fitted into a note must fit at any speed."""

SLOWEST = 0.6
"""Nor less than this before the closing ritardando."""

SECTION_ENDS = 0.4
"""Share of the closing ritardando that other sections end with."""

STROKES_WEIGH = 0.5
"""Share of the velocity range between the strongest stroke and none at all: players even their fingers out."""

USUAL_STRENGTH = 0.9
"""Strength of an index finger's stroke outwards (tiao 挑), the usual light one."""

HARMONICS_SOFTER = 0.10
"""Share of the velocity range by which harmonics are softer."""

UNISON_SECONDS = 0.015
"""Two strings of one pitch are struck this far apart: one channel cannot start a note twice at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How freely a style is played at ``humanize=1``; all of it but accent and arch shrinks to nothing with humanize.

    Parameters
    ----------
    rubato : float
        Largest change of tempo within a phrase, as a share; never above ``MOST_RUBATO``.
    ritardando : float
        Share of the tempo that is lost by the end of the last bar; sections lose less.
    onset_seconds : float
        Largest displacement of an onset.
    velocity_spread : int
        Largest random change of a velocity.
    accent, arch : float
        Shares of the velocity range that the downbeat and the middle of the phrase add.
    """

    rubato: float
    ritardando: float
    onset_seconds: float = 0.012
    velocity_spread: int = 8
    accent: float = 0.14
    arch: float = 0.22


MANNERS: Mapping[str, Manner] = MappingProxyType(
    {
        "guqin": Manner(rubato=0.08, ritardando=0.40),
        "guzheng": Manner(rubato=0.06, ritardando=0.35),
        "folk": Manner(rubato=0.05, ritardando=0.25, arch=0.15),
    }
)
"""Manner by style."""

OTHER_MANNER = MANNERS["guzheng"]
"""Manner of styles that are trained elsewhere."""


@dataclass(frozen=True)
class Clock:
    """A tempo map at 480 ticks per quarter note."""

    tempi: tuple[Tempo, ...]

    @cached_property
    def _ticks(self) -> list[int]:
        return [tempo.tick for tempo in self.tempi]

    def qpm(self, tick: int) -> float:
        """Return the tempo at `tick`."""
        return self.tempi[max(0, bisect_right(self._ticks, tick) - 1)].qpm

    def ticks(self, seconds: float, at: int) -> int:
        """Return how many ticks `seconds` are at the tempo of the tick `at`."""
        return seconds_to_ticks(seconds, self.qpm(at))

    def ticks_per_second(self, tick: int) -> float:
        """Return the speed at `tick`."""
        return self.qpm(tick) * TICKS_PER_QUARTER / 60.0


def metre_at(score: Score, tick: int) -> Metre:
    """Return the metre that holds at `tick`; 4/4 where none is known."""
    index = bisect_right(score.metres, tick, key=lambda metre: metre.tick) - 1
    return score.metres[index] if index >= 0 else Metre(0, 4, 4)


def bar_length(score: Score, tick: int) -> int:
    """Return the ticks of a bar in the metre at `tick`."""
    metre = metre_at(score, tick)
    return bar_ticks(metre.numerator, metre.denominator, score.ticks_per_quarter)


def end_of_last_bar(score: Score) -> int:
    """Return the tick after which nothing may sound."""
    starts = score.bar_starts()
    return max(score.end, int(starts[-1]) + bar_length(score, int(starts[-1]))) if len(starts) else score.end


def phrase_edges(score: Score) -> list[int]:
    """Return the ticks at which phrases begin, and the end of the last.

    Sections and phrase texts begin phrases; what is longer than six bars is divided into spans of about four.
    """
    marks = {0, *(section.tick for section in score.sections)}
    marks |= {text.tick for text in score.texts if text.kind == "phrase"}
    edges = [*sorted(mark for mark in marks if mark < max(1, score.end)), max(1, score.end)]
    divided = []
    for begin, end in pairwise(edges):
        longest = PHRASE_BARS * bar_length(score, begin)
        pieces = max(1, round((end - begin) / longest)) if end - begin > 1.5 * longest else 1
        divided += [begin + (end - begin) * piece // pieces for piece in range(pieces)]
    return [*divided, edges[-1]]


def _progress(tick: int, edges: Sequence[int]) -> float:
    """Return how far the phrase that holds `tick` has gone, 0 to 1."""
    index = min(max(0, bisect_right(edges, tick) - 1), len(edges) - 2)
    begin, end = edges[index], edges[index + 1]
    return min(1.0, (tick - begin) / max(1, end - begin))


def shaped_tempi(score: Score, manner: Manner, freedom: float, sections: Sequence[Part] = ()) -> tuple[Tempo, ...]:
    """Return the written tempo with the tempi of the sections, a breath for each phrase and ritardandi.

    Sections have their own tempo in full from ``freedom=0.5`` on. They are balanced against each other: apart from the
    ritardandi the piece lasts as long as it is written to.

    Parameters
    ----------
    score : Score
        At 480 ticks per quarter note.
    manner : Manner
        How free at most.
    freedom : float
        0 to 1; at 0 the tempo is the written one.
    sections : sequence of Part
        As from :func:`~symgen.instruments.sections.parts`; none for an even tempo.

    Returns
    -------
    tuple of Tempo
        At most one a quarter note, in the last bar of a section one an eighth, with two decimals.
    """
    written = score.tempi or (Tempo(0, DEFAULT_QPM),)
    if not freedom or not score.end:
        return written
    clock, edges = Clock(written), phrase_edges(score)
    roles = list(sections) or [Part(0, ROLES["rudiao"])]
    closes = _closes(score, roles)
    grid = set(range(0, score.end, TICKS_PER_QUARTER)) | {tempo.tick for tempo in written if tempo.tick < score.end}
    grid |= {part.tick for part in roles if part.tick < score.end}
    grid |= {tick for start, end, _ in closes for tick in range(start, end, TICKS_PER_QUARTER // 2)}
    ticks = sorted(grid)
    factors = [part_at(roles, tick).role.tempo ** min(1.0, 2.0 * freedom) for tick in ticks]
    balance = _balance(clock, ticks, score.end, factors)
    tempi: list[Tempo] = []
    for tick, factor in zip(ticks, factors, strict=True):
        free = freedom * part_at(roles, tick).role.freedom
        breath = 1.0 - min(MOST_RUBATO, manner.rubato) * free * cos(2 * pi * _progress(tick, edges))
        even = max(SLOWEST, min(FASTEST, factor * balance * breath))
        late = sum(share * (tick - start) / (end - start) for start, end, share in closes if start <= tick < end)
        qpm = max(1.0, round(clock.qpm(tick) * even * (1.0 - manner.ritardando * freedom * late), 2))
        if not tempi or tempi[-1].qpm != qpm:
            tempi.append(Tempo(tick, qpm))
    return tuple(tempi)


def _closes(score: Score, roles: Sequence[Part]) -> list[tuple[int, int, float]]:
    """Return (begin, end, share of the ritardando) of the last bar of each section."""
    ends = [part.tick for part in roles[1:] if 0 < part.tick < score.end]
    found = [(end, SECTION_ENDS) for end in ends] + [(score.end, 1.0)]
    return [(max(0, end - bar_length(score, max(0, end - 1))), end, share) for end, share in found]


def _balance(clock: Clock, ticks: Sequence[int], end: int, factors: Sequence[float]) -> float:
    """Return the factor that makes a piece at tempo x factors last as long as without them."""
    lengths = [(after - tick) / clock.qpm(tick) for tick, after in pairwise([*ticks, end])]
    shaped = sum(length / factor for length, factor in zip(lengths, factors, strict=True))
    return shaped / sum(lengths) if sum(lengths) > 0 else 1.0


def moved_onsets(score: Score, clock: Clock, most_seconds: float, random: Random, limit: int) -> list[int]:
    """Return the played onsets: strokes move by a few milliseconds, never past a quarter of the gap beside them.

    The first stroke stays where it is, and the notes of a stroke stay together, except for unisons.
    """
    written, pitches = score.notes["onset"].tolist(), score.notes["pitch"].tolist()
    steps = sorted(set(written))
    moved = dict(zip(steps, steps, strict=True))
    for before, tick, after in zip(steps, steps[1:], [*steps[2:], limit], strict=False):
        most = max(0, min(clock.ticks(most_seconds, tick), (after - tick) // 4, (tick - before) // 4))
        moved[tick] = tick + round(random.uniform(-most, most))
    following = {step: moved[later] for step, later in pairwise(steps)}
    onsets = [moved[tick] for tick in written]
    for index in range(1, len(onsets)):
        if (written[index], pitches[index]) == (written[index - 1], pitches[index - 1]):
            gap = following.get(written[index], limit) - onsets[index - 1]
            onsets[index] = onsets[index - 1] + max(0, min(clock.ticks(UNISON_SECONDS, written[index]), gap // 4))
    return onsets


def shaped_velocities(
    score: Score,
    instrument: Instrument,
    places: Sequence[Placement],
    manner: Manner,
    freedom: float,
    random: Random,
    sections: Sequence[Part] = (),
) -> list[int]:
    """Return velocities within the instrument's range.

    From metre, phrase and section, the stroke and the finger that makes it, the kind of place, what is written, and
    chance as far as there is `freedom`.
    """
    low, high = instrument.velocity
    span, edges = high - low, phrase_edges(score)
    bars = score.bar_starts().tolist() or [0]
    velocities: list[int] = []
    for (onset, _, _, written, _, _), place in zip(score.notes.tolist(), places, strict=True):
        beat = bar_ticks(1, metre_at(score, onset).denominator, score.ticks_per_quarter)
        within = onset - bars[max(0, bisect_right(bars, onset) - 1)]
        weight = 1.0 if within == 0 else 0.4 if within % beat == 0 else 0.0
        value = low + span * (0.42 + manner.accent * weight)
        value += manner.arch * span * (sin(pi * _progress(onset, edges)) - 0.5)
        value += span * part_at(sections, onset).role.loudness if sections else 0.0
        value += 0.5 * (written - DEFAULT_VELOCITY) + span * STROKES_WEIGH * (_strength(instrument, place) - 1.0)
        value -= HARMONICS_SOFTER * span if place.technique == Technique.HARMONIC else 0.0
        value += random.uniform(-1.0, 1.0) * manner.velocity_spread * freedom
        velocities.append(max(low, min(high, round(value))))
    return velocities


def _strength(instrument: Instrument, place: Placement) -> float:
    """Return the strength of the stroke a note is played with, of the usual one where it is left open."""
    stroke = instrument.strokes.get(place.stroke)
    return USUAL_STRENGTH if stroke is None else stroke.velocity
