"""What a recording is: a guqin, a guzheng, some other plucked strings, or no zither at all.

Plain measures, made to be right on what is clearly something else (noise, speech, silence, bowed and blown
tones) and cautious between the two zithers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from symgen.transcribe.features import FRAME_S, Features, band_hz
from symgen.transcribe.mono import VOICED, Contour
from symgen.transcribe.notes import HeardNote

LOW_STRING = 50.0
"""Open strings of a guqin lie at this MIDI note or lower, and ring on like those of a guzheng."""

RINGING, RINGING_PER_LOW, UNSURE = 2.0, 4.0, 0.2
"""So many strings sound at once where a guzheng is played (mean over the time in which any does), and so many more if
all notes are low; nearer than the last value nothing is decided by it. Set on 24 renders of real pieces (modelled
guqins and guzhengs, recorded guzheng notes), all of which it tells; of 24 further ones it tells 23."""

GUQIN_HIGHEST_MIDDLE, GUQIN_SLOW = 68.0, 2.2
"""A guqin's median note lies no higher, harmonics and all, and few pieces have more notes a second."""

SILENT_PEAK = 1e-3
"""A recording whose largest sample is below this (-60 dB) is silence."""

CLIPPED_SHARE = 1e-3
"""Share of samples held at the largest value from which a recording counts as clipped."""

FEWEST_NOTES = 3

DECAY_DB = 1.5
"""A plucked note has lost this much between 60 ms and 300 ms after its stroke (or until the next one)."""

NOT_A_ZITHER = 0.6
"""Below this, what is heard is no zither."""

GUQIN_MIDDLE, GUQIN_LOW_MIDDLE, GUQIN_LOW, GUQIN_RATE = 60.0, 57.0, 48.0, 3.0
GUZHENG_MIDDLE, GUZHENG_RATE = 62.0, 3.5
"""A guqin's median note (MIDI) lies below the second value, or below the first with notes below the third, and it
plays fewer notes a second than the fourth; a guzheng's median lies higher, or it plays faster."""


BURSTS = 0.35
"""Share of frames within 25 dB of the loudest below which sound without notes is bursts rather than noise."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a recording is.

    Parameters
    ----------
    kind : str
        One of :data:`symgen.transcribe.notes.KINDS`.
    zither : float
        0..1, how much it behaves like plucked strings.
    flags : tuple of str
        "silence", "not-a-zither", "clipped".
    """

    kind: str
    zither: float
    flags: tuple[str, ...]


def unpitched(features: Features) -> str:
    """Return in a few words what a recording without notes sounds like."""
    if features.peak < SILENT_PEAK or not len(features.level):
        return "silence"
    if float((features.level > features.level.max() - 25.0).mean()) < BURSTS:
        return "short bursts without a pitch"
    power = (10.0 ** (features.decibels()[:: max(1, len(features.bands) // 4096)] / 10.0)).mean(axis=0)
    hertz = band_hz()
    below = np.cumsum(power * np.gradient(hertz))  # power of a band is that of its bins, the mean
    edge = float(np.interp(0.9 * below[-1], below, hertz))
    return f"noise, nine tenths of it below {round(edge, -2 if edge > 300.0 else -1):,.0f} Hz"


def judged(
    notes: Sequence[HeardNote], features: Features, contour: Contour | None, *, overlaps: bool = False
) -> Verdict:
    """Return what a recording is.

    Parameters
    ----------
    notes : sequence of HeardNote
        In order of onset.
    features : Features
        Of the recording.
    contour : Contour or None
        Its one-voice pitch, if there is one.
    overlaps : bool
        Whether strings that ring over each other would have been heard.
    """
    flags = ["clipped"] if features.clipped > CLIPPED_SHARE and features.peak > 0.5 else []
    if features.peak < SILENT_PEAK:
        return Verdict("not a zither", 0.0, ("silence", "not-a-zither"))
    if len(notes) < FEWEST_NOTES:
        sure = 0.5 if len(notes) and _decaying(notes, features) > 0.5 else 0.0
        if sure == 0.0:
            return Verdict("not a zither", 0.0, (*flags, "not-a-zither"))
        return Verdict("plucked strings", sure, tuple(flags))
    zither = _zither(notes, features, contour)
    if zither < NOT_A_ZITHER:
        return Verdict("not a zither", zither, (*flags, "not-a-zither"))
    return Verdict(_which(notes, overlaps=overlaps), zither, tuple(flags))


def _zither(notes: Sequence[HeardNote], features: Features, contour: Contour | None) -> float:
    """Return how much the notes are those of plucked strings: they decay, rest on a pitch, and fill the sound."""
    measures = [_resting(notes), _pitched(notes, features, contour)]
    votes = _decays(notes, features)
    if len(votes) >= FEWEST_NOTES or len(votes) == len(notes):
        measures.append(float(np.mean(votes)))
    return float(np.clip(np.prod([max(0.0, m) for m in measures]) ** (1.0 / len(measures)), 0.0, 1.0))


def _decaying(notes: Sequence[HeardNote], features: Features) -> float:
    """Return the share of notes that begin loud and grow softer, 0 where nothing tells."""
    votes = _decays(notes, features)
    return float(np.mean(votes)) if votes else 0.0


def _decays(notes: Sequence[HeardNote], features: Features) -> list[bool]:
    """Return whether each note begins loud and grows softer, for those that nothing else is struck soon after."""
    votes = []
    stops = [*(note.onset_s for note in notes[1:]), features.seconds]
    for note, stop in zip(notes, stops, strict=True):
        alone = min(0.35, stop - note.onset_s, max(0.12, note.seconds))
        first = round(note.onset_s / FRAME_S)
        level = features.level[first : min(len(features.level), first + round(alone / FRAME_S))]
        if len(level) < 14:
            continue
        third = len(level) // 3
        before = features.level[max(0, first - 6) : max(1, first - 2)]
        falls = float(level[:third].max()) - float(level[-third:].mean()) > DECAY_DB * alone / 0.35
        struck = int(level.argmax()) <= max(12, third) and float(level.max()) > float(before.mean()) + 0.5
        votes.append(falls and struck)
    return votes


def _resting(notes: Sequence[HeardNote]) -> float:
    """Return the share of time in which pitches stay within a third of a tone of where they rest."""
    still, total = 0.0, 0.0
    for note in notes:
        times, cents = note.bend
        share = 1.0
        if len(times) > 1:
            grid = np.arange(times[0], times[-1], 0.016)
            share = float((np.abs(np.interp(grid, times, cents)) < 66.0).mean()) if len(grid) else 1.0
        still += note.seconds * share
        total += note.seconds
    return still / total if total else 0.0


def _pitched(notes: Sequence[HeardNote], features: Features, contour: Contour | None) -> float:
    """Return how clear the pitch of what sounds is: the share of loud frames with one, else the notes' confidence."""
    if contour is None or not len(contour.pitch):
        return float(np.mean([note.confidence for note in notes]))
    level = np.interp(contour.times, np.arange(len(features.level)) * FRAME_S, features.level)
    loud = level > level.max() - 35.0
    return float((contour.confidence[loud] >= VOICED).mean()) if loud.any() else 0.0


def _ringing(notes: Sequence[HeardNote]) -> float:
    """Return how many strings sound at once beyond what low open strings explain."""
    spans = np.array([(note.onset_s, note.offset_s) for note in notes])
    ends = np.maximum.accumulate(spans[:, 1])
    silent = np.maximum(0.0, spans[1:, 0] - ends[:-1]).sum()
    sounding = float(ends[-1] - spans[0, 0] - silent)
    low = float(np.mean([note.pitch < LOW_STRING for note in notes]))
    return float(np.diff(spans, axis=1).sum()) / max(sounding, 0.1) - RINGING_PER_LOW * low


def _which(notes: Sequence[HeardNote], *, overlaps: bool) -> str:
    pitches = np.array([note.pitch for note in notes])
    span = max(1.0, notes[-1].onset_s - notes[0].onset_s)
    rate = len(notes) / span
    middle = float(np.median(pitches))
    beyond = _ringing(notes) - RINGING if overlaps else 0.0
    if beyond > UNSURE:
        return "guzheng"
    if beyond < -UNSURE and rate < GUQIN_SLOW and middle <= GUQIN_HIGHEST_MIDDLE:
        return "guqin"
    low = middle < GUQIN_LOW_MIDDLE or (middle < GUQIN_MIDDLE and float(pitches.min()) < GUQIN_LOW)
    if low and rate < GUQIN_RATE:
        return "guqin"
    if middle > GUZHENG_MIDDLE or rate > GUZHENG_RATE:
        return "guzheng"
    return "plucked strings"
