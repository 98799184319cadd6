"""Transcribe rendered clips whose notes are known, and print how many notes are found, beside swift-f0 alone.

``python benchmarks/transcription.py [--samples FOLDER] [--clips N] [--mode auto]`` prints for each set of clips the
onset F1 (50 ms, 50 cents), the F1 of onset and offset (mir_eval's 20 % or 50 ms), the mean distance in cents of the
pitch along the notes that bend, and the speed. Three sets are rendered by the model of ``symgen.sound`` with
instruments and rooms that no training sees; the fourth from recorded notes in a folder, named like ``A3.mp3``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from symgen.sound.model import SoundNote
from symgen.sound.pieces import random_music
from symgen.sound.presets import random_instrument
from symgen.sound.render import render, settled
from symgen.sound.room import random_recording
from symgen.sound.samples import load_bank, reachable, render_samples
from symgen.transcribe import transcribe
from symgen.transcribe.features import RATE
from symgen.transcribe.notes import Transcription
from symgen.transcribe.source import Sound

SETS: dict[str, tuple[str, tuple[str, ...]]] = {
    "guqin, slides": ("guqin", ("melody", "slides")),
    "guzheng, octaves and arpeggios": ("guzheng", ("octaves", "arpeggio")),
    "glissando": ("guzheng", ("sweep",)),
    "guzheng, all gestures": ("guzheng", ()),
    "guqin, all gestures": ("guqin", ()),
}
REAL = "recorded notes, octaves, arpeggios, melody"
CLIP_S = 20.0


@dataclass(frozen=True)
class Clip:
    """Sound at 16 kHz and the notes in it, `pitch` as it sounds."""

    sound: np.ndarray
    notes: list[SoundNote]


def modelled(name: str, seed: int) -> Clip:
    chance = np.random.default_rng([seed, 4711])
    kind, gestures = SETS[name]
    model = random_instrument(chance, kind, family="unseen")
    music = random_music(chance, kind, CLIP_S - 3.0, model=model, gestures=gestures or None)
    place = random_recording(chance)
    sound = render(
        music, model, sample_rate=RATE, seed=seed, seconds=CLIP_S, room=place.room, microphone=place.microphone,
        noise=place.noise,
    )  # fmt: skip
    return Clip(sound, [_moved(note, model.tuning_cents / 100.0) for note in settled(music, model)])


def _moved(note: SoundNote, semitones: float) -> SoundNote:
    return SoundNote(note.onset, note.duration, note.pitch + semitones, note.velocity, note.string, bend=note.bend)


def recorded(folder: Path) -> Callable[[int], Clip]:
    """Return a maker of clips from the recorded notes of a folder that no training hears."""
    bank = load_bank(folder, part="test")

    def clip(seed: int) -> Clip:
        chance = np.random.default_rng([seed, 1147])
        music = random_music(chance, "guzheng", CLIP_S - 3.0, gestures=("octaves", "arpeggio", "melody"))
        place = random_recording(chance)
        sound = render_samples(
            music, bank, sample_rate=RATE, seed=seed, seconds=CLIP_S, room=place.room, microphone=place.microphone,
            noise=place.noise,
        )  # fmt: skip
        return Clip(sound, settled(reachable(music, bank), bank))

    return clip


@dataclass(frozen=True)
class Found:
    """Notes of one transcriber: (onset, offset), MIDI pitch with fraction, and the pitch at a time within a note."""

    spans: np.ndarray
    pitches: np.ndarray
    at: Callable[[int, np.ndarray], np.ndarray]


def ours(mode: str) -> Callable[[np.ndarray], Found]:
    return lambda sound: found_of(transcribe(Sound([sound], RATE), mode=mode))


def found_of(found: Transcription) -> Found:
    heard = found.heard
    spans = np.array([[n.onset_s, n.offset_s] for n in heard]).reshape(-1, 2)

    def at(index: int, times: np.ndarray) -> np.ndarray:
        note = heard[index]
        bend = np.interp(times, *note.bend) if len(note.bend[0]) else np.zeros(len(times))
        return note.pitch + (bend + found.tuning_cents) / 100.0

    return Found(spans, np.array([n.pitch + found.tuning_cents / 100.0 for n in heard]), at)


def swift_f0_alone() -> Callable[[np.ndarray], Found]:
    from swift_f0 import SwiftF0, segment_notes

    network = SwiftF0(threads=2)

    def listen(sound: np.ndarray) -> Found:
        notes = segment_notes(network.detect(sound, RATE))
        spans = np.array([[n.start, n.end] for n in notes]).reshape(-1, 2)
        pitches = np.array([69 + 12 * np.log2(n.pitch_hz / 440) for n in notes])
        return Found(spans, pitches, lambda index, times: np.full(len(times), pitches[index]))

    return listen


@dataclass
class Tally:
    """Sums over clips."""

    onset: list[float]
    both: list[float]
    slides: list[float]
    heard_s: float = 0.0
    took_s: float = 0.0


def measure(clip: Clip, listen: Callable[[np.ndarray], Found], tally: Tally) -> None:
    from mir_eval.transcription import match_notes, precision_recall_f1_overlap

    begin = time.perf_counter()
    found = listen(clip.sound)
    tally.took_s += time.perf_counter() - begin
    tally.heard_s += len(clip.sound) / RATE
    spans = np.array([[n.onset, n.onset + n.duration] for n in clip.notes])
    true = 440 * 2 ** ((np.array([n.pitch for n in clip.notes]) - 69) / 12)
    if not len(found.spans):
        tally.onset.append(0.0)
        tally.both.append(0.0)
        return
    hertz = 440 * 2 ** ((found.pitches - 69) / 12)
    tally.onset.append(precision_recall_f1_overlap(spans, true, found.spans, hertz, offset_ratio=None)[2])
    tally.both.append(precision_recall_f1_overlap(spans, true, found.spans, hertz)[2])
    for one, other in match_notes(spans, true, found.spans, hertz, offset_ratio=None, pitch_tolerance=300.0):
        note = clip.notes[one]
        last = min(note.duration, found.spans[other][1] - note.onset)
        times = np.arange(0.06, last - 0.03, 0.02)
        if note.bend is None or np.ptp(note.bend[1]) < 30.0 or len(times) < 5:
            continue
        true_pitch = note.pitch + note.cents(times) / 100.0
        tally.slides.append(float(100.0 * np.abs(found.at(other, note.onset + times) - true_pitch).mean()))


FIRST_SEED = 100
"""Thresholds were chosen on clips with lower seeds."""


def clips_of(name: str, count: int, folder: Path | None) -> Iterator[Clip]:
    maker = recorded(folder) if name == REAL and folder else None
    for seed in range(FIRST_SEED, FIRST_SEED + count):
        yield maker(seed) if maker else modelled(name, seed)


def an_hour() -> None:
    """Let ``symgen transcribe`` hear an hour of guzheng; print how long it took and the largest of its processes."""
    import resource
    import subprocess
    import sys
    import tempfile

    import soundfile

    with tempfile.TemporaryDirectory() as folder:
        minute = np.concatenate([modelled("guzheng, all gestures", FIRST_SEED + seed).sound for seed in range(3)])
        with soundfile.SoundFile(f"{folder}/hour.flac", "w", RATE, 1) as file:
            for _ in range(60):
                file.write(minute)
        code = "from symgen.cli import main; main()"
        begin = time.perf_counter()
        subprocess.run(
            [sys.executable, "-c", code, "transcribe", f"{folder}/hour.flac", "-o", f"{folder}/hour.mid", "-q"],
            check=True,
        )
        took = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"an hour of flac: {took:.0f} s, {3600 / took:.0f} x real time, at most {peak:.0f} MiB in a process")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, help="folder of recorded notes")
    parser.add_argument("--clips", type=int, default=12)
    parser.add_argument("--mode", default="auto")
    parser.add_argument("--sets", default="", help="only sets whose name holds this")
    parser.add_argument("--hour", action="store_true", help="time and memory of an hour of flac instead")
    parser.add_argument("--detail", action="store_true", help="one line for each clip")
    options = parser.parse_args(arguments)
    if options.hour:
        an_hour()
        return
    listeners: dict[str, Any] = {f"symgen ({options.mode})": ours(options.mode), "swift-f0 alone": swift_f0_alone()}
    names = [*SETS, *([REAL] if options.samples else [])]
    print(f"{'set':44} {'transcriber':16} onset F1    +-  +offset  slide cents  x real time")
    for name in (name for name in names if options.sets in name):
        tallies = {who: Tally([], [], []) for who in listeners}
        for seed, clip in enumerate(clips_of(name, options.clips, options.samples)):
            for who, listen in listeners.items():
                measure(clip, listen, tallies[who])
            if options.detail:
                scores = "  ".join(f"{who} {tallies[who].onset[-1]:.3f}" for who in listeners)
                print(f"  clip {seed}: {len(clip.notes)} notes  {scores}")
        for who, tally in tallies.items():
            cents = f"{np.mean(tally.slides):.0f}" if tally.slides else "-"
            speed = tally.heard_s / tally.took_s
            error = np.std(tally.onset) / np.sqrt(len(tally.onset))
            print(
                f"{name:44} {who:16} {np.mean(tally.onset):8.3f} {error:5.3f} {np.mean(tally.both):8.3f}"
                f" {cents:>12} {speed:12.0f}"
            )


if __name__ == "__main__":
    main()
