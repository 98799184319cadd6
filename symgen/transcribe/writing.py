"""From heard notes to what is written and to what is played."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from symgen.instruments import get_instrument
from symgen.performance import Bend, Performance, PlayedNote
from symgen.score import Key, Metre, Score, Technique, Tempo, make_notes
from symgen.transcribe.notes import Floats, HeardNote
from symgen.transcribe.timing import Clock, quantised
from symgen.units import TICKS_PER_QUARTER

BEND_LIMIT_CENTS = 200.0
"""A curve within this is a bend of one note; where it leaves it, the sound goes on as another note (see docs)."""

PIECE_CENTS = 300.0
"""Span of a piece of a longer slide: around a whole semitone it then stays within the limit."""

TOGETHER_S = 0.05
"""Strokes this near to each other are one stroke of the hand in the score."""

HELD = 0.5
"""A note that rings for this share of the time to the next stroke is written as held until it."""

SHORTEST_TICKS = 60

LEGATO_VELOCITY = 0.45
"""Velocity of a note that a slide leads to without a stroke, as a share of the stroke's (as a xuyan, DOMAIN)."""


def written(notes: Sequence[HeardNote], clock: Clock, metre: Metre | None, seconds: float) -> Score:
    """Return the score of heard notes.

    A note is written as held until the next stroke of the hand if it rings for half of that time, else as long
    as it rings. The strokes of a tremolo are one note marked TREMOLO.

    Parameters
    ----------
    notes : sequence of HeardNote
        In order of onset.
    clock : Clock
        Its beats.
    metre : Metre or None
        Metre on that beat.
    seconds : float
        Length of the recording.
    """
    lines = tremolos_merged(notes)
    onsets = _spread(lines, clock)
    stops = _next_strokes([note.onset_s for note in lines], onsets, round(float(clock.tick(np.array([seconds]))[0])))
    rows = []
    for note, onset, stop in zip(lines, onsets, stops, strict=True):
        ends = float(clock.tick(np.array([note.offset_s]))[0])
        room = max(1, stop - onset)
        length = room if ends - onset >= HELD * room else _on_grid(ends - onset, clock)
        rows.append((onset, max(1, min(room, length)), _midi(note.pitch), note.velocity, 0, int(note.technique)))
    rows = _one_a_pitch(rows)
    metres = (metre,) if metre is not None and clock.has_beat else ()
    return Score(make_notes(rows), tempi=clock.tempi(), metres=metres)


def _midi(pitch: float) -> int:
    return int(np.clip(np.floor(pitch + 0.5), 0, 127))


def _on_grid(ticks: float, clock: Clock) -> int:
    if not clock.has_beat:
        return max(1, round(ticks))
    return max(SHORTEST_TICKS, round(ticks / SHORTEST_TICKS) * SHORTEST_TICKS)


def _one_a_pitch(rows: list[tuple[int, int, int, int, int, int]]) -> list[tuple[int, int, int, int, int, int]]:
    """Return the rows without a second note of one pitch on one tick."""
    seen: dict[tuple[int, int], tuple[int, int, int, int, int, int]] = {}
    for row in rows:
        seen.setdefault((row[0], row[2]), row)
    return list(seen.values())


def _spread(notes: Sequence[HeardNote], clock: Clock) -> list[int]:
    """Return the tick of each note: its stroke's, and for a run of a glissando a place of its own before the next."""
    groups = _strokes(notes)
    times = np.array([notes[group[0]].onset_s for group in groups])
    ticks = quantised(times, clock) if len(times) else []
    if clock.has_beat:
        ticks = _runs_apart(ticks, [notes[group[0]].technique == Technique.GLISSANDO for group in groups])
    placed = [0] * len(notes)
    for group, tick in zip(groups, ticks, strict=True):
        for index in group:
            placed[index] = tick
    return placed


def _strokes(notes: Sequence[HeardNote]) -> list[list[int]]:
    """Return the notes that are struck together; the notes of a glissando never are."""
    groups: list[list[int]] = []
    for index, note in enumerate(notes):
        together = bool(groups) and note.onset_s - notes[groups[-1][0]].onset_s < TOGETHER_S
        runs = Technique.GLISSANDO in (note.technique, notes[groups[-1][0]].technique if groups else None)
        if together and not runs and all(_midi(notes[other].pitch) != _midi(note.pitch) for other in groups[-1]):
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups


def _runs_apart(ticks: list[int], runs: list[bool]) -> list[int]:
    """Return the ticks with runs spread evenly, a 64th apart or more, between the strokes around them."""
    spread = list(ticks)
    index = 0
    while index < len(spread):
        if not runs[index]:
            index += 1
            continue
        stop = index
        while stop < len(spread) and runs[stop]:
            stop += 1
        count = stop - index
        after = spread[stop] if stop < len(spread) else spread[stop - 1] + 60
        before = spread[index - 1] if index else -1
        start = min(spread[index], after - 30 * count)
        start = max(start, before + 30 if before >= 0 else 0, 0)
        step = next((size for size in (120, 80, 60, 40, 30) if start + size * count <= after), 0)
        for place in range(count):
            spread[index + place] = start + step * place if step else start + (after - start) * place // count
        index = stop
    return spread


def _next_strokes(times: list[float], onsets: list[int], end: int) -> list[int]:
    """Return for each note the tick of the next stroke that is not its own, or the end."""
    stops = [max(end, onset + SHORTEST_TICKS) for onset in onsets]
    following = max(end, (onsets[-1] if onsets else 0) + SHORTEST_TICKS)
    for index in range(len(onsets) - 1, -1, -1):
        if index + 1 < len(onsets) and onsets[index + 1] > onsets[index]:
            following = onsets[index + 1]
        stops[index] = following
    return stops


def tremolos_merged(notes: Sequence[HeardNote]) -> list[HeardNote]:
    """Return the notes with each run of tremolo strokes as one note, as yaozhi is written."""
    merged: list[HeardNote] = []
    running: dict[int, int] = {}
    for note in notes:
        pitch = _midi(note.pitch)
        at = running.get(pitch)
        if note.technique == Technique.TREMOLO:
            if at is not None and note.onset_s - merged[at].offset_s < 0.2:
                merged[at] = replace(merged[at], offset_s=max(merged[at].offset_s, note.offset_s))
                continue
            running[pitch] = len(merged)
        elif at is not None:
            del running[pitch]
        merged.append(note)
    return merged


def played(
    notes: Sequence[HeardNote], clock: Clock, score: Score, instrument: str, gong: Key | None
) -> Performance | None:
    """Return what was played: times as heard, on the ticks of the beat, with bends within two semitones.

    Parameters
    ----------
    notes : sequence of HeardNote
        In order of onset.
    clock : Clock
        Its beats.
    score : Score
        What is written.
    instrument : str
        A name in ``symgen.instruments``.
    gong : Key or None
        The gong system found, for the file's remarks.
    """
    if not notes:
        return None
    parts = [part for note in notes for part in in_reach(note)]
    onsets = np.round(clock.tick(np.array([part.onset_s for part in parts]))).astype(int)
    ends = np.round(clock.tick(np.array([part.offset_s for part in parts]))).astype(int)
    sounding = []
    for part, onset, end in zip(parts, onsets.tolist(), ends.tolist(), strict=True):
        pitch = _midi(part.pitch)
        bends = _bends(part, pitch, onset, clock)
        sounding.append(
            PlayedNote(onset, max(1, end - onset), pitch, part.velocity, technique=part.technique, bends=bends)
        )
    sounding.sort(key=lambda note: (note.onset, note.pitch))
    kind = get_instrument(instrument)
    named = score.with_maps(keys=(gong,)) if gong is not None else score
    tempi = clock.tempi() or (Tempo(0, 60.0),)
    return Performance(named, tuple(sounding), tempi, kind.name, "", kind.program)


def _bends(note: HeardNote, pitch: int, onset: int, clock: Clock) -> tuple[Bend, ...]:
    times, cents = note.bend
    if not len(times):
        return ()
    ticks = np.round(clock.tick(times)).astype(int) - onset
    from_written = np.clip(cents + (note.pitch - pitch) * 100.0, -BEND_LIMIT_CENTS, BEND_LIMIT_CENTS)
    curve: dict[int, float] = {}
    for tick, value in zip(ticks.tolist(), from_written.tolist(), strict=True):
        curve[max(0, tick)] = round(value, 1)
    return tuple(Bend(tick, value) for tick, value in curve.items())


def in_reach(note: HeardNote) -> list[HeardNote]:
    """Return a note as pieces whose curves stay within two semitones: a long slide is handed on, softly struck.

    The first piece is the stroke; a piece begins where the curve leaves the reach of the one before.
    """
    times, cents = note.bend
    if not len(times) or np.abs(cents).max() <= BEND_LIMIT_CENTS:
        return [note]
    grid = np.arange(times[0], times[-1] + 0.008, 0.016)
    curve = np.interp(grid, times, cents)
    pieces: list[tuple[int, int, float]] = []
    first = 0
    for at in range(1, len(curve) + 1):
        if at == len(curve) or np.ptp(curve[first : at + 1]) > PIECE_CENTS:
            middle = 0.5 * (float(curve[first:at].min()) + float(curve[first:at].max()))
            pieces.append((first, at, _centre(curve[first:at], middle)))
            first = at
    found = []
    for place, (start, stop, centre) in enumerate(pieces):
        onset = note.onset_s if place == 0 else float(grid[start])
        offset = note.offset_s if place == len(pieces) - 1 else float(grid[stop])
        found.append(
            replace(
                note,
                onset_s=onset,
                offset_s=max(offset, onset + 0.01),
                pitch=note.pitch + centre / 100.0,
                velocity=note.velocity if place == 0 else max(1, round(note.velocity * LEGATO_VELOCITY)),
                bend=(grid[start:stop], curve[start:stop] - centre),
            )
        )
    return found


def _centre(curve: Floats, middle: float) -> float:
    """Return whole semitones around which a piece of a curve stays in reach: where it rests, if that will do."""
    for value in (0.0, float(np.median(curve)), middle):
        centre = round(value / 100.0) * 100.0
        if np.abs(curve - centre).max() <= BEND_LIMIT_CENTS:
            return centre
    return round(middle / 100.0) * 100.0


def metre_of(notes: Sequence[HeardNote], clock: Clock) -> Metre | None:
    """Return 3/4 where every third beat is clearly heavier than every second one, else 2/4; None without a beat.

    A beat weighs as much as its strokes are loud and as the time until the next is long.
    """
    if not clock.has_beat or len(notes) < 2:
        return None
    beats = int(clock.ticks[-1] // TICKS_PER_QUARTER) + 1
    weight = np.zeros(beats)
    gaps = [min(2.0, later.onset_s - now.onset_s) for now, later in pairwise(notes)] + [1.0]
    at = clock.tick(np.array([note.onset_s for note in notes])) / TICKS_PER_QUARTER
    for place, gap, note in zip(at.tolist(), gaps, notes, strict=True):
        beat = round(place)
        if abs(place - beat) < 0.1 and beat < beats:
            weight[beat] += note.velocity / 127.0 + gap
    contrast = {}
    for size in (2, 3):
        means = np.array([weight[phase::size].mean() if len(weight[phase::size]) else 0.0 for phase in range(size)])
        contrast[size] = (means.max() - means.mean()) / max(1e-9, weight.std()) * np.sqrt(beats / size)
    return Metre(0, 3 if contrast[3] > contrast[2] + 2.0 else 2, 4)
