"""How often slides, small ornaments and harmonics are named, on clips of instruments that no training hears.

``python benchmarks/techniques.py [--samples FOLDER] [--clips 30]``. Slides and ornaments: modelled guqin and guzheng,
all gestures; a slide leads into its note if it begins 50 cents or more from where the note rests, and out of it if it
rests 50 cents or more away in the end. Harmonics: modelled guqins with and without them, and recorded guzheng notes,
which have none.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from transcription import CLIP_S, FIRST_SEED, REAL, clips_of

from symgen.score import Technique
from symgen.sound.model import HARMONIC, SoundNote
from symgen.sound.pieces import random_music
from symgen.sound.presets import random_instrument
from symgen.sound.render import render, settled
from symgen.sound.room import random_recording
from symgen.transcribe import transcribe
from symgen.transcribe.features import RATE
from symgen.transcribe.notes import HeardNote, Transcription
from symgen.transcribe.source import Sound

SLIDES = (Technique.SLIDE_UP, Technique.SLIDE_DOWN)
WITH = ("harmonics", "melody", "pairs", "slides")
WITHOUT = ("melody", "pairs", "slides")
Clips = Iterator[tuple[np.ndarray, list[SoundNote]]]


def modelled(kind: str, clips: int, gestures: tuple[str, ...] | None) -> Clips:
    """Yield clips of 20 s and their notes at the pitch at which they sound."""
    for seed in range(FIRST_SEED, FIRST_SEED + clips):
        chance = np.random.default_rng([seed, 815])
        model = random_instrument(chance, kind, family="unseen")
        music = random_music(chance, kind, CLIP_S - 3.0, model=model, gestures=gestures)
        place = random_recording(chance)
        sound = render(
            music, model, sample_rate=RATE, seed=seed, seconds=CLIP_S, room=place.room, microphone=place.microphone,
            noise=place.noise,
        )  # fmt: skip
        yield sound, [replace(note, pitch=note.pitch + model.tuning_cents / 100.0) for note in settled(music, model)]


def played_as(note: SoundNote) -> str:
    """Return what the hand does in a note: "slide in", "slide out", "ornament" or "plain"."""
    cents = note.cents(np.arange(0.0, note.duration, 0.01))
    if len(cents) < 3 or np.ptp(cents) < 15.0:
        return "plain"
    if abs(cents[0]) >= 50.0 and abs(cents[-1]) < 30.0:
        return "slide in"
    slides = note.technique in SLIDES and abs(cents[0]) < 30.0
    return "slide out" if slides and abs(cents[-1]) >= 50.0 else "ornament"


def nearest(note: SoundNote, found: Transcription) -> HeardNote | None:
    away = {
        abs(heard.pitch + found.tuning_cents / 100.0 - note.pitch): heard
        for heard in found.heard
        if abs(heard.onset_s - note.onset) < 0.05
    }
    return away[min(away)] if away and min(away) < 0.6 else None


def slides(clips: int) -> None:
    print("| played | notes | heard | as a slide | as vibrato | otherwise |\n|---|---|---|---|---|---|")
    table: dict[str, Counter[str]] = {}
    for kind in ("guqin", "guzheng"):
        for sound, notes in modelled(kind, clips, None):
            found = transcribe(Sound([sound], RATE))
            for note in notes:
                row = table.setdefault(played_as(note), Counter())
                heard = nearest(note, found)
                row["notes"] += 1
                if heard is not None:
                    row["heard"] += 1
                    row["slide"] += heard.technique in SLIDES
                    row["vibrato"] += heard.technique == Technique.VIBRATO
    for name, row in sorted(table.items()):
        rest = row["heard"] - row["slide"] - row["vibrato"]
        print(f"| {name} | {row['notes']} | {row['heard']} | {row['slide']} | {row['vibrato']} | {rest} |", flush=True)


def harmonics(clips: int, samples: Path | None) -> None:
    sets: list[tuple[str, str | None, Clips]] = [
        ("guqin with harmonics", "guqin", modelled("guqin", clips, WITH)),
        ("the same, instrument not told", None, modelled("guqin", clips, WITH)),
        ("guqin without harmonics", "guqin", modelled("guqin", clips, WITHOUT)),
        ("guzheng, all gestures", None, modelled("guzheng", clips, None)),
    ]
    if samples:
        sets.append(("recorded guzheng notes", None, ((c.sound, c.notes) for c in clips_of(REAL, clips, samples))))
    print("| clips | notes | harmonics | named so | right | precision | recall |\n|---|---|---|---|---|---|---|")
    for name, instrument, made in sets:
        right, named, played, count = 0, 0, 0, 0
        for sound, notes in made:
            found = transcribe(Sound([sound], RATE), instrument=instrument)
            touched = [note for note in notes if note.sounds_as == HARMONIC]
            heard = [nearest(note, found) for note in touched]
            right += sum(one is not None and one.technique == Technique.HARMONIC for one in heard)
            named += sum(one.technique == Technique.HARMONIC for one in found.heard)
            played += len(touched)
            count += len(notes)
        precision, recall = (f"{right / of:.2f}" if of else "" for of in (named, played))
        print(f"| {name} | {count} | {played} | {named} | {right} | {precision} | {recall} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=Path, help="folder of recorded notes")
    parser.add_argument("--clips", type=int, default=30)
    options = parser.parse_args()
    slides(options.clips)
    harmonics(options.clips, options.samples)


if __name__ == "__main__":
    main()
