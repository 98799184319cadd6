"""Render clips that teach and test the transcriber: ``python benchmarks/transcriber_clips.py OUT.npz --seed 1``.

``--source model`` invents music and plays it on random instruments of ``--family train`` or ``unseen``: a third slow
guqin with slides, a third guzheng in octaves and arpeggios, a third glissandi. ``--source recorded`` plays it with
recorded notes of a folder, ``--samples``, of ``--part training`` or ``test``; with ``--pieces`` it plays excerpts of
scores instead of invented music. Every clip lasts 12 s and has its own room, microphone and noise.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from symgen.sound.invent import random_music
from symgen.sound.model import SoundModel, SoundNote
from symgen.sound.pieces import from_score
from symgen.sound.presets import preset, random_instrument
from symgen.sound.render import render, settled
from symgen.sound.room import random_recording
from symgen.sound.samples import SampleBank, load_bank, reachable, render_samples
from symgen.transcribe.frontend import RATE
from symgen.transcribe.training import Clip, Label, hear

SECONDS = 12.0
STYLES = ("guqin", "guzheng", "glissando")
GESTURES = {
    ("guqin", "train"): None,
    ("guzheng", "train"): None,
    ("glissando", "train"): ["sweep", "chords", "melody", "tremolo"],
    ("guqin", "unseen"): ["melody", "slides", "pairs", "harmonics"],
    ("guzheng", "unseen"): ["octaves", "arpeggio", "melody", "two hands"],
    ("glissando", "unseen"): ["sweep"],
}
"""What is played by style; None is all there is."""


def labelled(notes: list[SoundNote], pitch: dict[int, float] | SoundModel) -> tuple[Label, ...]:
    """Return labels of settled notes; a model adds its tuning."""
    none = np.zeros(0)
    rows = []
    for note in notes:
        own = pitch.sounding_pitch(note) if isinstance(pitch, SoundModel) else note.pitch
        bend = (note.bend[0], note.bend[1] / 100.0) if note.bend is not None else (none, none)
        rows.append(Label(note.onset, note.onset + note.duration, own, *bend))
    return tuple(rows)


def modelled(chance: np.random.Generator, style: str, family: str) -> tuple[NDArray[np.float32], tuple[Label, ...]]:
    """Return invented music on a random instrument."""
    kind = "guqin" if style == "guqin" else "guzheng"
    plain = family == "train" and chance.random() < 0.1
    model = preset(kind) if plain else random_instrument(chance, kind, family=family)
    music = random_music(chance, kind, SECONDS - 0.3, model=model, gestures=GESTURES[style, family])
    notes = settled(music, model)
    made = random_recording(chance)
    samples = render(
        notes, model, sample_rate=RATE, seed=int(chance.integers(2**31)), seconds=SECONDS,
        room=made.room, microphone=made.microphone, noise=made.noise,
    )  # fmt: skip
    return samples, labelled(notes, model)


def recorded(
    chance: np.random.Generator, bank: SampleBank, scores: list[object]
) -> tuple[NDArray[np.float32], tuple[Label, ...]]:
    """Return invented music, or an excerpt of a score, on recorded notes."""
    shift = float(np.clip(chance.normal(0.0, 0.3), -0.5, 0.5))  # the recording's tuning
    if scores:
        music = from_score(scores[int(chance.integers(len(scores)))], preset("guzheng"), chance, density=0.5)  # type: ignore[arg-type]
        start = float(chance.uniform(0.0, max(0.1, music[-1].onset - SECONDS)))
        music = [
            replaced(note, note.onset - start + 0.05) for note in music if start <= note.onset < start + SECONDS - 0.3
        ]
    else:
        style = ("guzheng", "glissando")[int(chance.integers(2))]
        model = random_instrument(chance, "guzheng")
        music = random_music(chance, "guzheng", SECONDS - 0.3, model=model, gestures=GESTURES[style, "train"])
    tuned = [replaced(note, note.onset, note.pitch + shift) for note in music]
    notes = settled(reachable(tuned, bank), bank)
    made = random_recording(chance)
    samples = render_samples(
        notes, bank, sample_rate=RATE, seed=int(chance.integers(2**31)), seconds=SECONDS,
        room=made.room, microphone=made.microphone, noise=made.noise,
    )  # fmt: skip
    return samples, labelled(notes, {})


def replaced(note: SoundNote, onset: float, pitch: float | None = None) -> SoundNote:
    """Return the note at another time and pitch."""
    return SoundNote(
        onset, note.duration, note.pitch if pitch is None else pitch, note.velocity, note.string, note.technique,
        note.bend, note.timbre,
    )  # fmt: skip


def save(path: Path, clips: list[tuple[str, Clip]]) -> None:
    """Write clips as arrays; notes become rows of (clip, onset, offset, pitch, first point, last point + 1)."""
    rows, times, semitones, points = [], [], [], 0
    for index, (_, clip) in enumerate(clips):
        for note in clip.notes:
            rows.append((index, note.onset, note.offset, note.pitch, points, points + len(note.times)))
            points += len(note.times)
            times.append(note.times)
            semitones.append(note.semitones)
    aside = path.with_suffix(".part.npz")
    np.savez(
        aside,
        style=np.array([style for style, _ in clips]),
        magnitude=np.stack([clip.magnitude for _, clip in clips]),
        level=np.stack([clip.level for _, clip in clips]),
        notes=np.array(rows, float).reshape(-1, 6),
        times=np.concatenate([*times, np.zeros(0)]),
        semitones=np.concatenate([*semitones, np.zeros(0)]),
    )
    aside.replace(path)


def load(path: Path) -> list[tuple[str, Clip]]:
    """Return the clips that :func:`save` wrote, each with its style."""
    with np.load(path) as held:
        data = {name: held[name] for name in held.files}
    found = []
    for index, style in enumerate(data["style"]):
        notes = tuple(
            Label(onset, offset, pitch, data["times"][int(a) : int(b)], data["semitones"][int(a) : int(b)])
            for _, onset, offset, pitch, a, b in data["notes"][data["notes"][:, 0] == index]
        )
        found.append((str(style), Clip(data["magnitude"][index], data["level"][index], notes)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--source", choices=("model", "recorded"), default="model")
    parser.add_argument("--family", choices=("train", "unseen"), default="train")
    parser.add_argument("--style", choices=STYLES, help="one style only")
    parser.add_argument("--samples", type=Path)
    parser.add_argument("--part", choices=("training", "test"), default="training")
    parser.add_argument("--pieces", type=Path)
    options = parser.parse_args()
    bank = load_bank(options.samples, part=options.part) if options.source == "recorded" else None
    scores: list[object] = []
    if options.pieces:
        from symgen.readers import read

        scores = [read(path) for path in sorted(options.pieces.rglob("*.abc"))]
    clips, began = [], time.process_time()
    for index in range(options.count):
        chance = np.random.default_rng([options.seed, index])
        style = options.style or STYLES[index % 3]
        if bank is not None:
            style, (samples, notes) = "recorded", recorded(chance, bank, scores)
        else:
            samples, notes = modelled(chance, style, options.family)
        clips.append((style, hear(samples, notes)))
    save(options.out, clips)
    spent = time.process_time() - began
    print(f"{options.out}: {len(clips)} clips, {sum(len(c.notes) for _, c in clips)} notes, {spent:.1f} s of processor")


if __name__ == "__main__":
    main()
