"""Harmonics of a guqin: precision and recall on clips of instruments that no training hears, and the fit of the rule.

``python benchmarks/harmonics.py [--samples FOLDER] [--clips 20]`` prints how many notes are named HARMONIC rightly, how
many falsely, and how many there are, for modelled guqins with and without harmonics, and on recorded guzheng notes,
which have none. ``--fit`` prints the constants of ``symgen/transcribe/harmonics.py``, fitted on clips of the family
"train" with the seeds from 1000 on.
"""

from __future__ import annotations

import argparse
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
from symgen.transcribe import harmonics, transcribe
from symgen.transcribe.features import RATE
from symgen.transcribe.notes import Transcription
from symgen.transcribe.source import Sound
from symgen.transcribe.whole import chosen, heard_of

WITH = ("harmonics", "melody", "pairs", "slides")
WITHOUT = ("melody", "pairs", "slides")


def guqin(seed: int, family: str, gestures: tuple[str, ...]) -> tuple[np.ndarray, list[SoundNote]]:
    """Return a clip of 20 s and its notes at the pitch at which they sound."""
    chance = np.random.default_rng([seed, 4711])
    model = random_instrument(chance, "guqin", family=family)
    music = random_music(chance, "guqin", CLIP_S - 3.0, model=model, gestures=gestures)
    place = random_recording(chance)
    sound = render(
        music, model, sample_rate=RATE, seed=seed, seconds=CLIP_S, room=place.room, microphone=place.microphone,
        noise=place.noise,
    )  # fmt: skip
    return sound, [replace(note, pitch=note.pitch + model.tuning_cents / 100.0) for note in settled(music, model)]


def is_harmonic(onset: float, pitch: float, notes: list[SoundNote]) -> bool | None:
    """Return whether the note played there is a harmonic, None if none was played."""
    found = [note for note in notes if abs(note.onset - onset) < 0.05 and abs(note.pitch - pitch) < 0.5]
    return any(note.sounds_as == HARMONIC for note in found) if found else None


def tally(found: Transcription, notes: list[SoundNote]) -> np.ndarray:
    """Return named rightly, named in all, played."""
    named = [n for n in found.heard if n.technique == Technique.HARMONIC]
    right = sum(bool(is_harmonic(n.onset_s, n.pitch + found.tuning_cents / 100.0, notes)) for n in named)
    return np.array([right, len(named), sum(note.sounds_as == HARMONIC for note in notes)])


def fit(count: int) -> None:
    rows, labels = [], []
    for seed in range(1000, 1000 + count):
        sound, notes = guqin(seed, "train", WITH)
        heard = heard_of(Sound([sound], RATE), "auto")
        raw, _ = chosen(heard, "auto")
        for note in raw:
            label = is_harmonic(note.onset_s, note.pitch, notes)
            if label is not None and heard.rolls is not None and heard.rolls.spectrum is not None:
                rows.append(harmonics.measures(note, heard.rolls.spectrum, 0.0))
                labels.append(float(label))
    measured, wanted = np.array(rows), np.array(labels)
    means, deviations = measured.mean(0), measured.std(0) + 1e-6
    given = np.c_[(measured - means) / deviations, np.ones(len(measured))]
    weight = np.where(wanted == 1, (wanted == 0).sum() / max(1.0, wanted.sum()), 1.0) ** 0.5
    ridge, weights = np.r_[np.ones(given.shape[1] - 1), 0.0], np.zeros(given.shape[1])
    for _ in range(30):  # Newton's steps
        share = 1.0 / (1.0 + np.exp(-np.clip(given @ weights, -30.0, 30.0)))
        slope = given.T @ (weight * (share - wanted)) + ridge * weights
        bow = (given * (weight * share * (1.0 - share) + 1e-6)[:, None]).T @ given + np.diag(ridge + 1e-9)
        weights -= np.linalg.solve(bow, slope)
    print(f"{len(wanted)} notes, {int(wanted.sum())} harmonics")
    for name, values in (("MEANS", means), ("DEVIATIONS", deviations), ("WEIGHTS", weights[:-1])):
        print(f"{name} = {tuple(round(float(value), 3) for value in values)}")
    print(f"BIAS = {weights[-1]:.3f}")


def sets(
    clips: int, samples: Path | None
) -> Iterator[tuple[str, str | None, Iterator[tuple[np.ndarray, list[SoundNote]]]]]:
    seeds = range(FIRST_SEED, FIRST_SEED + clips)
    yield "guqin with harmonics", "guqin", (guqin(seed, "unseen", WITH) for seed in seeds)
    yield "the same, instrument not told", None, (guqin(seed, "unseen", WITH) for seed in seeds)
    yield "guqin without harmonics", "guqin", (guqin(seed, "unseen", WITHOUT) for seed in seeds)
    if samples:
        yield "recorded guzheng notes", None, ((clip.sound, clip.notes) for clip in clips_of(REAL, clips, samples))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=Path, help="folder of recorded notes")
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--fit", action="store_true")
    options = parser.parse_args()
    if options.fit:
        fit(options.clips)
        return
    print("| clips | played | named | right | precision | recall | other notes |\n|---|---|---|---|---|---|---|")
    for name, instrument, clips in sets(options.clips, options.samples):
        total, others = np.zeros(3, int), 0
        for sound, notes in clips:
            total += tally(transcribe(Sound([sound], RATE), instrument=instrument), notes)
            others += sum(note.sounds_as != HARMONIC for note in notes)
        right, named, played = total.tolist()
        precision, recall = (f"{right / of:.2f}" if of else "" for of in (named, played))
        print(f"| {name} | {played} | {named} | {right} | {precision} | {recall} | {others} |", flush=True)


if __name__ == "__main__":
    main()
