"""The whole way: sound in, a :class:`~symgen.transcribe.notes.Transcription` out."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from symgen.errors import UsageError
from symgen.instruments import get_instrument, instruments
from symgen.progress import Progress, silent
from symgen.score import Key
from symgen.theory.detect import detect_mode
from symgen.transcribe import kinds, mono, runtime, tracking
from symgen.transcribe.features import RATE, Features, Listener, find_onsets
from symgen.transcribe.judging import Judge, JudgeError, ended, load_judge, with_harmonics
from symgen.transcribe.mono import Contour, PitchListener
from symgen.transcribe.notes import LOW_CONFIDENCE, HeardNote, Transcription
from symgen.transcribe.paths import Rolls
from symgen.transcribe.refining import refined
from symgen.transcribe.ringing import Bytes, measures
from symgen.transcribe.source import Block, Sound, at_hearing_rate, sound_of
from symgen.transcribe.techniques import named
from symgen.transcribe.timing import clock_of
from symgen.transcribe.tuning import offset_of, retuned, semitones_low
from symgen.transcribe.writing import metre_of, played, written

if TYPE_CHECKING:
    from symgen.transcribe.forward import Forward

MODES = ("auto", "mono", "poly")

ONE_VOICE_ONLY = "one-voice-only"
"""Flag of a recording in which several voices could not be looked for: the weights are missing."""

WITH_HARMONICS = ("guqin",)
"""Instruments whose harmonics are told: a guzheng's lie on the pitches of its open strings and sound much the same."""


def transcribe(
    source: str | os.PathLike[str] | bytes | Sound,
    mode: str = "auto",
    instrument: str | None = None,
    progress: Progress = silent,
) -> Transcription:
    """Return the notes of a recording.

    Parameters
    ----------
    source : path, bytes or Sound
        A sound file, its bytes, or mono blocks at a rate.
    mode : str
        "mono" for one voice, "poly" for several, "auto" to let the recording decide.
    instrument : str, optional
        Name in ``symgen.instruments``; what the recording sounds like if not given.
    progress : Progress
        Told of seconds heard.

    Raises
    ------
    UsageError
        If there is no such mode or instrument.
    ReadError
        If the source is no sound.
    """
    if mode not in MODES:
        raise UsageError(f"mode {mode!r}", expected=", ".join(MODES))
    if instrument is not None:
        instrument = get_instrument(instrument).name
    heard = heard_of(sound_of(source), mode, progress)
    progress("finding the notes")
    raw, used = chosen(heard, mode)
    progress("looking at how they ring")
    spectrum = heard.rolls.spectrum if heard.rolls is not None else None
    found = finished(raw, heard.features, heard.contour, mode_used=used, instrument=instrument, spectrum=spectrum)
    return found if heard.rolls is not None or mode == "mono" else replace(found, flags=(*found.flags, ONE_VOICE_ONLY))


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What the ears made of a recording: `rolls` is None where the network was not asked or is not there."""

    features: Features
    contour: Contour
    rolls: Rolls | None


def heard_of(sound: Sound, mode: str, progress: Progress = silent) -> Heard:
    """Return what each ear made of the sound, which goes by once."""
    listener, pitch = Listener(), PitchListener()

    def passing() -> Iterator[Block]:
        heard = 0
        for block in at_hearing_rate(sound):
            listener.push(block)
            pitch.push(block)
            heard += len(block)
            progress("listening", heard // RATE)
            yield block

    network = None if mode == "mono" else _network(needed=mode == "poly")
    rolls = None
    if network is None:
        deque(passing(), maxlen=0)
    else:
        rolls = Rolls.of(runtime.activations(passing(), RATE, network=network))
    return Heard(listener.finish(), pitch.finish(), rolls)


def _network(*, needed: bool) -> Forward | None:
    try:
        return runtime.load()
    except runtime.TranscriberError:
        if needed:
            raise
        return None


def _judge() -> Judge | None:
    """Return the judge of ends and harmonics, None where a folder of checkpoints has none."""
    try:
        return load_judge()
    except JudgeError:
        return None


MANY_VOICES = 0.05
"""Share of strokes at or over which another string sounds, from which a recording has several voices."""


def chosen(heard: Heard, mode: str) -> tuple[list[HeardNote], str]:
    """Return the notes of the mode that is asked for or that fits, and that mode, "mono" or "poly"."""
    onsets = find_onsets(heard.features)
    if heard.rolls is not None:
        several = tracking.notes_of(heard.rolls, heard.features, onsets)
        if mode == "poly" or share_of_several(several) >= MANY_VOICES:
            return refined(several, heard.contour), "poly"
    return mono.notes_of(heard.contour, onsets, heard.features), "mono"


def share_of_several(notes: Sequence[HeardNote]) -> float:
    """Return the share of strokes during whose first 150 ms another pitch sounds."""
    if not notes:
        return 0.0
    several, open_until = 0, 0.0
    for earlier, later in pairwise(notes):
        open_until = max(open_until, earlier.offset_s)
        several += later.onset_s + 0.15 < open_until or later.onset_s - earlier.onset_s < 0.03
    return several / len(notes)


def finished(
    raw: list[HeardNote],
    features: Features,
    contour: Contour | None,
    *,
    mode_used: str,
    instrument: str | None,
    spectrum: Bytes | None = None,
) -> Transcription:
    """Return the transcription of notes as they came from a tracker: tuned, named, timed and judged.

    Parameters
    ----------
    raw : list of HeardNote
        In order of onset, with the pitches that were heard.
    features : Features
        Of the same recording.
    contour : Contour or None
        Its one-voice pitch where there is one.
    mode_used : str
        "mono" or "poly".
    instrument : str or None
        As for :func:`transcribe`.
    spectrum : ndarray of uint8, shape (frames, bins), optional
        Of the same recording, as in :class:`symgen.transcribe.paths.Rolls`: tells where notes end, and harmonics.
    """
    tuning = offset_of(raw)
    heard = named(retuned(raw, tuning.cents))
    one_voice = contour if mode_used == "mono" else None
    verdict = kinds.judged(heard, features, one_voice, overlaps=spectrum is not None)
    judge = _judge() if spectrum is not None else None
    if judge is not None and spectrum is not None:
        measured = measures(heard, spectrum, tuning.cents, features.seconds)
        heard = ended(heard, measured, judge, features.seconds)
        if (instrument or verdict.kind) in WITH_HARMONICS:
            heard = with_harmonics(heard, measured, judge)
    clock = clock_of(heard, features.seconds)
    metre = metre_of(heard, clock)
    score = written(heard, clock, metre, features.seconds)
    estimate = detect_mode(score) if len(score) else None
    key = Key(0, estimate.gong, estimate.mode) if estimate else None
    known = {kind.name for kind in instruments()}
    name = instrument or (verdict.kind if verdict.kind in known else "guzheng")
    confidence = _overall(heard, verdict.zither)
    flags = list(verdict.flags)
    flags += ["free-rhythm"] if heard and not clock.has_beat else []
    flags += ["low-confidence"] if confidence < LOW_CONFIDENCE else []
    if name == "guqin" and semitones_low(heard, get_instrument(name).low):
        flags.append("low-tuning")
    return Transcription(
        score=score,
        heard=tuple(heard),
        performance=played(heard, clock, score, name, key),
        confidence=confidence,
        kind=verdict.kind,
        mode_used=mode_used,
        tuning_cents=tuning.cents,
        gong=estimate.gong if estimate else None,
        mode_name=estimate.mode if estimate else None,
        seconds=features.seconds,
        flags=tuple(dict.fromkeys(flags)),
        unpitched="" if heard else kinds.unpitched(features),
    )


def _overall(heard: list[HeardNote], zither: float) -> float:
    """Return the confidence of the whole: that of its notes by length, times that of hearing a zither at all."""
    if not heard:
        return 0.0
    lengths = np.array([min(1.0, note.seconds) for note in heard])
    sure = float(np.average([note.confidence for note in heard], weights=lengths))
    return round(sure * zither, 3)
