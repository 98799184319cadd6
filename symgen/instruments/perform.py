"""Performing: from what is written to what is played.

:func:`plain` plays a score to the letter. :func:`perform` gives it a player: dynamics from metre, phrase and section, a
breath of rubato, onsets a few milliseconds off the grid, strings that ring until they are struck again, the bends of
the left hand and the runs and repeated strokes of the right. Both finger the score first, so that nothing unplayable
comes out. The written score stays beside what is played.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from symgen.errors import PlayabilityError
from symgen.instruments.base import Instrument, Placement, Tuning
from symgen.instruments.chosen import Choice, Chosen, Extra
from symgen.instruments.curves import Points
from symgen.instruments.expression import (
    MANNERS,
    OTHER_MANNER,
    Clock,
    end_of_last_bar,
    moved_onsets,
    shaped_tempi,
    shaped_velocities,
)
from symgen.instruments.fingering import DEFAULT_QPM, Fingering, finger
from symgen.instruments.ornaments import choose_much
from symgen.instruments.ringing import ring_seconds, until_hand_moves, until_struck_again
from symgen.instruments.sections import parts
from symgen.instruments.setting import set_out
from symgen.instruments.shapes import Pair, Run, Soft
from symgen.performance import Bend, Performance, PlayedNote
from symgen.score import Score, Technique, Tempo
from symgen.units import TICKS_PER_QUARTER


def plain(score: Score, instrument: Instrument, tuning: Tuning, *, fingering: Fingering | None = None) -> Performance:
    """Return the score as written: its onsets, lengths, velocities and tempo, no bends.

    A note ends early only where its own string is struck again.

    Parameters
    ----------
    score : Score
        What is played; it comes out at 480 ticks per quarter note.
    instrument, tuning : Instrument, Tuning
        What it is played on.
    fingering : Fingering, optional
        As from :func:`~symgen.instruments.fingering.finger`, to save doing it again.

    Raises
    ------
    PlayabilityError
        Naming the first bar, the notes and the rule, if something cannot be played.
    """
    score, places = _fingered(score, instrument, tuning, fingering)
    onsets = score.notes["onset"].tolist()
    ends = until_struck_again(onsets, (score.notes["onset"] + score.notes["duration"]).tolist(), places)
    columns = (score.notes[name].tolist() for name in ("pitch", "velocity", "technique"))
    notes = [
        _note(onset, end - onset, pitch, velocity, place, Technique(mark), written=onset)
        for onset, end, place, pitch, velocity, mark in zip(onsets, ends, places, *columns, strict=True)
    ]
    tempi = score.tempi or (Tempo(0, DEFAULT_QPM),)
    return Performance(
        score, tuple(notes), tempi, instrument.name, tuning.name, instrument.program, tuning.open_pitches
    )


def literal(score: Score, instrument: Instrument, tuning: Tuning) -> Performance:
    """Return the score as written, without asking who could play it: no note has a string."""
    score = score.resampled(TICKS_PER_QUARTER)
    columns = (score.notes[name].tolist() for name in ("onset", "duration", "pitch", "velocity", "technique"))
    notes = [
        PlayedNote(onset, duration, pitch, velocity, technique=Technique(mark), written=onset)
        for onset, duration, pitch, velocity, mark in zip(*columns, strict=True)
    ]
    tempi = score.tempi or (Tempo(0, DEFAULT_QPM),)
    return Performance(score, tuple(notes), tempi, instrument.name, tuning.name, instrument.program)


def play(
    score: Score,
    instrument: Instrument,
    tuning: Tuning,
    *,
    style: str,
    seed: int,
    raw: bool = False,
    ornament: float = 0.5,
    humanize: float = 0.5,
    humanize_timing: float | None = None,
    humanize_velocity: float | None = None,
    fingering: Fingering | None = None,
) -> Performance:
    """Return the score as :func:`plain` plays it if it is wanted raw, else as :func:`perform` does."""
    if raw:
        return plain(score, instrument, tuning, fingering=fingering)
    return perform(
        score,
        instrument,
        tuning,
        style=style,
        seed=seed,
        ornament=ornament,
        humanize=humanize,
        humanize_timing=humanize_timing,
        humanize_velocity=humanize_velocity,
        fingering=fingering,
    )


def perform(
    score: Score,
    instrument: Instrument,
    tuning: Tuning,
    *,
    style: str,
    seed: int,
    ornament: float = 0.5,
    humanize: float = 0.5,
    humanize_timing: float | None = None,
    humanize_velocity: float | None = None,
    fingering: Fingering | None = None,
) -> Performance:
    """Return the score as somebody would play it.

    Parameters
    ----------
    score, instrument, tuning, fingering
        As for :func:`plain`.
    style : str
        Chooses the :class:`~symgen.instruments.expression.Manner`, the plan of sections and the shares of ornaments.
    seed : int
        The same seed gives the same performance.
    ornament : float
        How much is added to what the score marks: 0 nothing, 0.5 the shares of the instrument's rows, 1 about twice
        as much, as far as it fits.
    humanize : float
        0 keeps grid and tempo, 1 is the freest; ornaments do not depend on it.
    humanize_timing, humanize_velocity : float, optional
        The same for onsets and tempo, and for velocities, where they differ from `humanize`.

    Returns
    -------
    Performance
        Its ``score`` is the written one. Runs, tremolo and sweeps add notes, and a slide to the next note sounds it
        without a stroke of its own; nothing else changes the notes that are struck.

    Raises
    ------
    PlayabilityError
        As :func:`plain`.
    """
    score, places = _fingered(score, instrument, tuning, fingering)
    manner = MANNERS.get(style, OTHER_MANNER)
    timing = _share(humanize if humanize_timing is None else humanize_timing)
    loudness = _share(humanize if humanize_velocity is None else humanize_velocity)
    limit = end_of_last_bar(score)
    setting = set_out(score, instrument, tuning, places, limit)
    chosen = choose_much(setting, style, seed, _share(ornament))
    sections = parts(score, style, setting.phrases)
    clock = Clock(shaped_tempi(score, manner, timing, sections))
    # One stream of chance for each matter: a change in one leaves the others as they were.
    onsets = moved_onsets(score, clock, manner.onset_seconds * timing, Random(f"{seed}/onsets"), limit)
    chance = Random(f"{seed}/velocities")
    velocities = shaped_velocities(score, instrument, places, manner, loudness, chance, sections)
    sounds = _sounds(chosen, onsets, velocities, clock)
    notes = _ended(sounds, instrument, tuning, clock, limit)
    return Performance(
        score, tuple(notes), clock.tempi, instrument.name, tuning.name, instrument.program, tuning.open_pitches
    )


def _share(humanize: float) -> float:
    return max(0.0, min(1.0, humanize))


def _fingered(
    score: Score, instrument: Instrument, tuning: Tuning, fingering: Fingering | None
) -> tuple[Score, list[Placement]]:
    """Return the score at 480 ticks and a placement for each note, or raise for the first problem."""
    score = score.resampled(TICKS_PER_QUARTER)
    fingering = fingering or finger(score, instrument, tuning)
    if fingering.problems:
        first, more = fingering.problems[0], len(fingering.problems) - 1
        pitches = " ".join(str(score.notes["pitch"][note]) for note in first.notes)
        tail = f" (and {more} more problems)" if more else ""
        raise PlayabilityError(f"bar {first.bar}, pitch {pitches}: {first.rule}{tail}", remedy=first.remedy)
    return score, [placement for placement in fingering.placements if placement is not None]


def _note(
    onset: int,
    duration: int,
    pitch: int,
    velocity: int,
    place: Placement,
    mark: Technique,
    bends: tuple[Bend, ...] = (),
    written: int = -1,
    ornament: str = "",
) -> PlayedNote:
    """Return a played note; a written technique stands, an unmarked note shows its place."""
    technique = place.technique if mark == Technique.PLUCK else mark
    return PlayedNote(
        onset,
        duration,
        pitch,
        velocity,
        place.string,
        place.position,
        technique,
        bends,
        finger=place.finger,
        stroke=place.stroke,
        hand=place.hand,
        ornament=ornament,
        written=written,
    )


@dataclass(frozen=True, slots=True)
class _Sound:
    """One stroke before it is known when it ends: ticks, place, what it counts as, its bends and its written length."""

    onset: int
    pitch: int
    velocity: int
    place: Placement
    mark: Technique
    length: int
    bends: tuple[Bend, ...] = ()
    ornament: str = ""
    written: int = -1


def _sounds(chosen: Chosen, onsets: Sequence[int], velocities: Sequence[int], clock: Clock) -> list[_Sound]:
    """Return all strokes, those added among them, in order of onset."""
    setting = chosen.setting
    low, high = setting.instrument.velocity
    lengths = setting.score.notes["duration"].tolist()
    sounds: list[_Sound] = []
    earliest = 0
    for note, (onset, velocity) in enumerate(zip(onsets, velocities, strict=True)):
        if note in chosen.absorbed:
            continue
        choices = chosen.of.get(note, [])
        place = _place_of(setting.places[note], choices, setting.instrument)
        speed = clock.ticks_per_second(onset)
        start = onset + sum(round(choice.delay * speed) for choice in choices)
        loud = velocity
        for choice in choices:
            loud = round(loud * choice.velocity)
        mark = next((c.ornament.technique for c in choices if _names_the_note(c)), setting.marks[note])
        names = "+".join(c.ornament.name for c in choices if c.delay or not isinstance(c.ornament.curve, Run))
        bends = _bends(choices, start, onsets, clock)
        loud = max(low, min(high, loud))
        pitch, written = setting.pitch(note), setting.onset(note)
        sound = _Sound(start, pitch, loud, place, mark, lengths[note], bends, names, written)
        new = [sound, *_added(choices, sound, earliest, clock, setting.instrument)] if choices else [sound]
        earliest = max(earliest, *(one.onset + 1 for one in new))
        sounds += new
    return sorted(sounds, key=lambda sound: (sound.onset, sound.pitch, sound.place.string))


def _place_of(place: Placement, choices: Sequence[Choice], instrument: Instrument) -> Placement:
    """Return where and with which stroke a note is played that has these ornaments."""
    place = next((choice.place for choice in choices if choice.place), place)
    for choice in choices:
        if isinstance(choice.ornament.curve, Soft):
            place = replace(place, hand="left", stroke="")
        elif isinstance(choice.ornament.curve, Pair):
            place = replace(place, stroke=_stroke_of(choice, instrument))
    return place


def _stroke_of(choice: Choice, instrument: Instrument) -> str:
    """Return the stroke that an ornament is struck with, nothing if the instrument has none of its name."""
    name = choice.ornament.stroke or choice.ornament.name
    return name if name in instrument.strokes else ""


def _names_the_note(choice: Choice) -> bool:
    """Return whether an ornament says how its note is made, and not only what stands before it."""
    return not isinstance(choice.ornament.curve, Run) and choice.ornament.technique != Technique.PLUCK


def _bends(choices: Sequence[Choice], start: int, onsets: Sequence[int], clock: Clock) -> tuple[Bend, ...]:
    """Return one curve of all the bends of a note, in ticks."""
    curves = sorted((choice.points for choice in choices if choice.points), key=lambda points: points[0][0])
    placed = [(start, points) for points in curves]
    placed += [(onsets[to], points) for choice in choices for to, points in choice.legs]
    return _curve([(origin - start, origin, points) for origin, points in placed], clock)


def _curve(placed: Sequence[tuple[int, int, Points]], clock: Clock) -> tuple[Bend, ...]:
    """Return curves joined: (ticks after the note, tick whose tempo holds, points), each point on a tick of its own."""
    kept: list[Bend] = []
    for shift, origin, points in placed:
        speed = clock.ticks_per_second(origin)
        for at, cents in points:
            offset = shift + round(at * speed)
            kept.append(Bend(max(offset, kept[-1].offset + 1) if kept else offset, cents))
    return tuple(kept)


def _fitted(bends: tuple[Bend, ...], duration: int) -> tuple[Bend, ...]:
    """Return a curve that is over within `duration` ticks: where ticks are long, rounding may have stretched it."""
    places = range(duration - len(bends), duration)
    if places.start < 0:
        return ()
    return tuple(Bend(min(bend.offset, latest), bend.cents) for bend, latest in zip(bends, places, strict=True))


def _added(
    choices: Sequence[Choice], sound: _Sound, earliest: int, clock: Clock, instrument: Instrument
) -> list[_Sound]:
    """Return the strokes that the ornaments of a note add before or after it, each a tick or more from the next.

    None comes before the tick `earliest`, the one after all that was struck before.
    """
    found: list[_Sound] = []
    softest, loudest = instrument.velocity
    for choice in choices:
        speed = clock.ticks_per_second(sound.onset)
        run = isinstance(choice.ornament.curve, Run)
        at = sound.onset
        for count, extra in enumerate(choice.extras):
            left = len(choice.extras) - count
            wanted = sound.onset + round(extra.seconds * speed)
            at = max(earliest + count, min(wanted, sound.onset - left)) if run else max(at + 1, wanted)
            loud = max(softest, min(loudest, round(sound.velocity * extra.velocity)))
            place = replace(_place_of_extra(sound.place, extra), stroke=_stroke_of(choice, instrument))
            bends = _curve([(0, at, extra.points)], clock)
            mark = choice.ornament.technique
            found.append(_Sound(at, extra.pitch, loud, place, mark, 0, bends, choice.ornament.name, sound.written))
    return found


def _place_of_extra(place: Placement, extra: Extra) -> Placement:
    """Return where a stroke that is not written is played: where its note is, or on another string."""
    if (extra.string, extra.position) == (place.string, place.position):
        return place
    kind = Technique.STOPPED if extra.position else Technique.OPEN
    finger = extra.finger if extra.position else ""
    return replace(place, string=extra.string, position=extra.position, technique=kind, finger=finger)


def _ended(
    sounds: Sequence[_Sound], instrument: Instrument, tuning: Tuning, clock: Clock, limit: int
) -> list[PlayedNote]:
    """Return the notes with their ends: string struck again, hand moved on, ring faded, or the piece over."""
    onsets, places = [sound.onset for sound in sounds], [sound.place for sound in sounds]
    ends = []
    for sound in sounds:
        seconds = ring_seconds(instrument, tuning, sound.place, sound.pitch)
        ticks = clock.ticks(seconds, sound.onset) if seconds else sound.length
        ends.append(max(sound.onset + 1, min(limit, sound.onset + ticks)))
    ends = until_struck_again(onsets, until_hand_moves(onsets, ends, places), places)
    notes = []
    for sound, end in zip(sounds, ends, strict=True):
        duration = end - sound.onset
        bends = _fitted(sound.bends, duration)
        struck = (sound.onset, duration, sound.pitch, sound.velocity)
        notes.append(_note(*struck, sound.place, sound.mark, bends, sound.written, sound.ornament))
    return notes
