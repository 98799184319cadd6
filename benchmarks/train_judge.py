"""Teach the judge of ends and harmonics (``symgen/transcribe/judging.py``) on clips whose notes are known.

``rows OUT.npz --seed N [--clips 60] [--samples FOLDER] [--pieces FOLDER ...] [--family train]`` renders clips, hears
them, and keeps the measures of each note that is found beside its true length and whether it is a harmonic (-1: not of
a guqin). ``fit ROWS.npz ... --out FOLDER`` writes ``judge.safetensors``; ``try ROWS.npz ... --judge FOLDER`` prints how
often ends are right (20 %, 50 ms), as the tracker found them and as judged, and precision and recall of harmonics.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from symgen.score import Score
from symgen.sound.model import HARMONIC, SoundNote
from symgen.sound.pieces import from_score, random_music
from symgen.sound.presets import preset, random_instrument
from symgen.sound.render import render, settled
from symgen.sound.room import random_recording
from symgen.sound.samples import SampleBank, load_bank, reachable, render_samples
from symgen.transcribe.features import RATE
from symgen.transcribe.judging import WEIGHTS, load_judge, with_harmonics
from symgen.transcribe.ringing import MEASURES, measures
from symgen.transcribe.source import Sound
from symgen.transcribe.techniques import named
from symgen.transcribe.tuning import offset_of, retuned
from symgen.transcribe.whole import chosen, heard_of

SECONDS = 24.0
SETS: Sequence[tuple[str, tuple[str, ...] | None]] = (
    ("guqin", ("harmonics", "melody", "pairs", "slides")),
    ("guzheng", None),
    ("guqin", None),
    ("guzheng", ("octaves", "arpeggio", "melody", "sweep")),
)
"""What is played by turns, where no piece is."""

Clip = tuple[str, np.ndarray, list[SoundNote]]


def modelled(chance: np.random.Generator, index: int, family: str, scores: dict[str, list[Score]]) -> Clip:
    """Return invented music, and every other time an excerpt of a piece if there are any, on a modelled instrument."""
    kind, gestures = SETS[index // 2 % len(SETS)]
    model = random_instrument(chance, kind, family=family)
    if index % 2 and scores.get(kind):
        music = excerpt(chance, from_score(scores[kind][int(chance.integers(len(scores[kind])))], model, chance))
    else:
        music = random_music(chance, kind, SECONDS - 3.0, model=model, gestures=gestures)
    place, seed = random_recording(chance), int(chance.integers(2**31))
    sound = render(
        music, model, sample_rate=RATE, seed=seed, seconds=SECONDS, room=place.room, microphone=place.microphone,
        noise=place.noise,
    )  # fmt: skip
    return kind, sound, [replace(note, pitch=note.pitch + model.tuning_cents / 100.0) for note in settled(music, model)]


def recorded(chance: np.random.Generator, index: int, bank: SampleBank, scores: dict[str, list[Score]]) -> Clip:
    """Return the same on recorded guzheng notes."""
    if index % 2 and scores.get("guzheng"):
        score = scores["guzheng"][int(chance.integers(len(scores["guzheng"])))]
        music = excerpt(chance, from_score(score, preset("guzheng"), chance))
    else:
        music = random_music(chance, "guzheng", SECONDS - 3.0, gestures=("octaves", "arpeggio", "melody", "sweep"))
    notes = settled(reachable(music, bank), bank)
    place, seed = random_recording(chance), int(chance.integers(2**31))
    sound = render_samples(
        notes, bank, sample_rate=RATE, seed=seed, seconds=SECONDS, room=place.room, microphone=place.microphone,
        noise=place.noise,
    )  # fmt: skip
    return "guzheng", sound, notes


def excerpt(chance: np.random.Generator, notes: list[SoundNote]) -> list[SoundNote]:
    start = float(chance.uniform(0.0, max(0.1, notes[-1].onset - SECONDS)))
    return [replace(n, onset=n.onset - start + 0.1) for n in notes if start <= n.onset < start + SECONDS - 3.0]


def clips(options: argparse.Namespace) -> Iterator[Clip]:
    from symgen.readers import read_pieces

    scores: dict[str, list[Score]] = {}
    for folder in options.pieces:
        kind = "guqin" if "guqin" in str(folder) else "guzheng"
        paths = sorted(path for path in folder.rglob("*.*") if path.suffix in (".xml", ".abc", ".mid"))
        paths = paths[(1 if options.family == "unseen" else 0) :: 2]  # no piece is in both families
        scores.setdefault(kind, []).extend(read_pieces(path)[0].score for path in paths)
    part = "training" if options.family == "train" else "test"
    bank = load_bank(options.samples, part=part) if options.samples else None
    for index in range(options.clips):
        chance = np.random.default_rng([options.seed, index])
        if bank is not None and index % 4 == 3:
            yield recorded(chance, index // 4, bank, scores)
        else:
            yield modelled(chance, index, options.family, scores)


def rows(options: argparse.Namespace) -> None:
    from mir_eval.transcription import match_notes

    kept: list[tuple[np.ndarray, np.ndarray, np.ndarray, int, int]] = []
    for kind, sound, notes in clips(options):
        heard = heard_of(Sound([sound], RATE), "auto")
        raw, _ = chosen(heard, "auto")
        if len(raw) < 3 or not notes or heard.rolls is None or heard.rolls.spectrum is None:
            continue
        tuning = offset_of(raw).cents
        found = named(retuned(raw, tuning))
        measured = measures(found, heard.rolls.spectrum, tuning, heard.features.seconds)
        spans = np.array([[n.onset, n.onset + n.duration] for n in notes])
        given = np.array([[n.onset_s, n.offset_s] for n in found])
        true = 440 * 2 ** ((np.array([n.pitch for n in notes]) - 69) / 12)
        hertz = 440 * 2 ** ((np.array([n.pitch + tuning / 100 for n in found]) - 69) / 12)
        wanted = np.full((len(found), 3), -1.0)  # length, harmonic, plain
        wanted[:, 2] = [note.technique == 0 for note in found]
        for one, other in match_notes(spans, true, given, hertz, offset_ratio=None):
            wanted[other, 0] = notes[one].duration
            wanted[other, 1] = float(notes[one].sounds_as == HARMONIC) if kind == "guqin" else -1.0
        played = sum(note.sounds_as == HARMONIC for note in notes) if kind == "guqin" else 0
        kept.append((measured, wanted, given, played, kind == "guqin"))
    np.savez(
        options.out,
        measured=np.concatenate([row[0] for row in kept]),
        wanted=np.concatenate([row[1] for row in kept]),
        spans=np.concatenate([row[2] for row in kept]),
        counts=np.array([[len(row[0]), row[3], row[4]] for row in kept]),
    )
    print(f"{options.out}: {len(kept)} clips, {sum(len(row[0]) for row in kept)} notes")


def gathered(paths: Sequence[Path]) -> dict[str, np.ndarray]:
    held = [np.load(path) for path in paths]
    return {name: np.concatenate([one[name] for one in held]) for name in ("measured", "wanted", "spans", "counts")}


def fit(options: argparse.Namespace) -> None:
    import torch
    from safetensors.numpy import save_file
    from torch import nn

    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    data = gathered(options.rows)
    measured, wanted = data["measured"], data["wanted"]
    means, deviations = measured.mean(0), measured.std(0) + 1e-6
    given = torch.tensor((measured - means) / deviations, dtype=torch.float32)
    length = torch.tensor(np.log(np.maximum(0.02, wanted[:, 0])), dtype=torch.float32)
    before = torch.tensor(measured[:, MEASURES.index("log seconds")], dtype=torch.float32)
    harmonic = torch.tensor(wanted[:, 1], dtype=torch.float32)
    arrays = {"means": means, "deviations": deviations}
    for name, known in (("end", wanted[:, 0] > 0), ("harmonic", wanted[:, 1] >= 0)):
        index = torch.tensor(np.flatnonzero(known))
        network = nn.Sequential(nn.Linear(len(MEASURES), options.width), nn.Tanh(), nn.Linear(options.width, 1))
        optimiser = torch.optim.AdamW(network.parameters(), lr=1e-2, weight_decay=0.05)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, options.steps)
        for step in range(options.steps):
            some = index[torch.randint(len(index), (2048,))]
            out = network(given[some] + 0.1 * torch.randn(len(some), len(MEASURES)))[:, 0]
            if name == "end":  # what is far off anyway counts no more than what is off
                away = (before[some] + out - length[some]).abs()
                loss = (away / (away + 0.25)).mean() if step > options.steps // 5 else away.mean()
            else:
                loss = nn.functional.binary_cross_entropy_with_logits(out, harmonic[some])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        print(f"{name}: {len(index)} notes, loss {loss.item():.3f}")
        arrays |= {f"{name}.{part}": value.detach().numpy() for part, value in network.state_dict().items()}
    path = options.out / WEIGHTS
    save_file({key: np.ascontiguousarray(value, np.float32) for key, value in arrays.items()}, path)
    path.chmod(0o644)


def attempt(options: argparse.Namespace) -> None:
    from symgen.score import Technique
    from symgen.transcribe.notes import HeardNote

    judge, data = load_judge(options.judge), gathered(options.rows)
    measured, wanted = data["measured"], data["wanted"]
    known, true = wanted[:, 0] > 0, wanted[:, 0]
    longest = np.exp(measured[:, MEASURES.index("log limit")])
    for name, seconds in (
        ("tracker", np.exp(measured[:, MEASURES.index("log seconds")])),
        ("judge", np.minimum(judge.seconds(measured), longest)),
    ):
        right = np.abs(seconds - true) <= np.maximum(0.05, 0.2 * true)
        print(f"ends right, {name}: {right[known].mean():.3f} of {known.sum()}")
    total, first = np.zeros(3, int), 0
    for count, played, guqin in data["counts"].tolist():
        part = slice(first, first + count)
        first += count
        if not guqin:
            continue
        plain = (Technique.PLUCK if value else Technique.VIBRATO for value in wanted[part, 2])
        notes = [HeardNote(0.0, 1.0, 60.0, 80, 1.0, technique) for technique in plain]
        chosen_ = np.array([n.technique == Technique.HARMONIC for n in with_harmonics(notes, measured[part], judge)])
        total += (int((chosen_ & (wanted[part, 1] == 1)).sum()), int(chosen_.sum()), played)
    right, given, played = total.tolist()
    print(
        f"harmonics: precision {right / max(1, given):.3f} of {given}, recall {right / max(1, played):.3f} of {played}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("rows")
    one.add_argument("out", type=Path)
    one.add_argument("--seed", type=int, default=1)
    one.add_argument("--clips", type=int, default=60)
    one.add_argument("--family", choices=("train", "unseen"), default="train")
    one.add_argument("--samples", type=Path)
    one.add_argument("--pieces", type=Path, nargs="*", default=[])
    two = commands.add_parser("fit")
    two.add_argument("rows", type=Path, nargs="+")
    two.add_argument("--out", type=Path, required=True)
    two.add_argument("--width", type=int, default=24)
    two.add_argument("--steps", type=int, default=3000)
    two.add_argument("--seed", type=int, default=0)
    three = commands.add_parser("try")
    three.add_argument("rows", type=Path, nargs="+")
    three.add_argument("--judge", type=Path)
    options = parser.parse_args()
    {"rows": rows, "fit": fit, "try": attempt}[options.command](options)


if __name__ == "__main__":
    main()
