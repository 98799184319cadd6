"""Train, measure and export the transcriber's network on clips of ``transcriber_clips.py``.

``train STATE --clips FOLDER`` learns from ``model_*.npz`` and ``recorded_*.npz`` there, tries itself on ``val_*.npz``
now and then, and can be stopped and started again; what comes into the folder meanwhile is used. ``--minutes`` is the
time in which the rate of learning falls to nothing, so that a slower machine takes fewer steps, not longer.
``measure STATE|CHECKPOINT --clips FOLDER`` prints onset F1 (50 ms, 50 cents, mir_eval) by style and threshold.
``export STATE OUT`` writes the checkpoint that symgen ships. ``speed CHECKPOINT`` says how many seconds of audio are
heard in a second on one thread, by the front end and in all.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import mir_eval
import numpy as np
import torch
from safetensors.torch import load_file, save_file
from transcriber_clips import load

from symgen.transcribe import frontend, peaks, runtime
from symgen.transcribe.forward import KEYS, LOWEST
from symgen.transcribe.network import Config, Transcriber
from symgen.transcribe.training import Clip, Label, batch, loss

THRESHOLDS = (0.3, 0.4, 0.5, 0.6)
CROP = 256
"""Frames (4.1 s) of an example."""
Found = dict[tuple[str, float], list[tuple[float, float, float]]]


def hertz(pitch: np.ndarray) -> np.ndarray:
    return 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)


def score(clip: Clip, found: np.ndarray, *, offsets: bool = False) -> tuple[float, float, float]:
    """Return precision, recall and F1 of found notes; with `offsets`, ends count too (20 % of the length, 50 ms).

    Two strings struck in unison within 50 ms are one note here: no ear tells them apart.
    """
    last = len(clip.level) * frontend.FRAME_SECONDS - 0.05
    wanted: list[Label] = []
    for note in sorted(clip.notes, key=lambda note: note.onset):
        same = [one for one in wanted if note.onset - one.onset < 0.05 and abs(note.pitch - one.pitch) < 0.5]
        if note.onset < last and not same:
            wanted.append(note)
    if not wanted or not len(found):
        return (float(not wanted), float(not len(found)), float(not wanted and not len(found)))
    spans = np.array([[note.onset, max(note.offset, note.onset + 0.01)] for note in wanted])
    pitches = hertz(np.array([note.pitch for note in wanted]))
    precision, recall, f1, _ = mir_eval.transcription.precision_recall_f1_overlap(
        spans, pitches, found[:, :2], hertz(found[:, 2]), offset_ratio=0.2 if offsets else None
    )
    return precision, recall, f1


def hear(network: Transcriber, clip: Clip) -> list[np.ndarray]:
    """Return onset, frame and contour of a whole clip."""
    heard = frontend.compress(clip.magnitude.astype(np.float32), clip.level).transpose(1, 0, 2)
    with torch.inference_mode():
        given = torch.from_numpy(np.ascontiguousarray(heard))[None].contiguous(memory_format=torch.channels_last)
        return [torch.sigmoid(part.float())[0].contiguous().numpy() for part in network(given)]


def measure(
    network: Transcriber,
    clips: list[tuple[str, Clip]],
    thresholds: tuple[float, ...] = THRESHOLDS,
    *,
    offsets: bool = False,
) -> dict[str, dict[float, list[float]]]:
    """Return mean precision, recall and F1 by style and threshold."""
    network.eval()
    found: Found = {}
    for style, clip in clips:
        heard = hear(network, clip)
        for threshold in thresholds:
            notes = peaks.notes(*heard, threshold=threshold)
            found.setdefault((style, threshold), []).append(score(clip, notes, offsets=offsets))
    network.train()
    styles = sorted({style for style, _ in found})
    return {
        style: {at: [round(float(v), 3) for v in np.mean(found[style, at], axis=0)] for at in thresholds}
        for style in styles
    }


def show(table: dict[str, dict[float, list[float]]]) -> None:
    for style, rows in table.items():
        print(
            f"  {style:10}",
            "  ".join(f"{at}: P {p:.3f} R {r:.3f} F {f:.3f}" for at, (p, r, f) in rows.items()),
            flush=True,
        )


class Shelf:
    """The clips of a folder; new files are taken up, and files that are gone are given up."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.held: dict[Path, list[Clip]] = {}

    def clips(self) -> list[Clip]:
        """Return all clips that the folder holds now."""
        present = sorted([*self.folder.glob("model_*[0-9].npz"), *self.folder.glob("recorded_*[0-9].npz")])
        for path in present:
            if path not in self.held:
                self.held[path] = [clip for _, clip in load(path)]
                print(f"took up {path.name}", flush=True)
        self.held = {path: clips for path, clips in self.held.items() if path in present}
        return [clip for clips in self.held.values() for clip in clips]


def rate(step: int, share: float, highest: float) -> float:
    """Return the rate of learning: up over 60 steps, then down a cosine over the share of the time that is spent."""
    down = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, share)))
    return highest * min(1.0, (step + 1) / 60) * down


def train(options: argparse.Namespace) -> None:
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    config = Config(width=options.width)
    network = Transcriber(config).to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), lr=options.rate, weight_decay=1e-2)
    step, spent = 0, 0.0
    if options.state.exists():
        held = torch.load(options.state, weights_only=True)
        network.load_state_dict(held["network"])
        optimiser.load_state_dict(held["optimiser"])
        step, spent = held["step"], held["spent"]
    elif options.start:
        network.load_state_dict(network_of(options.start)[0].state_dict())
    chance = np.random.default_rng([options.seed, step])
    shelf = Shelf(options.clips)
    tests = [one for path in sorted(options.clips.glob("val_*.npz")) for one in load(path)[:: options.sparse]]
    parts: list[list[float]] = []
    total, before = 60.0 * options.minutes, time.monotonic()
    print(f"{sum(weights.numel() for weights in network.parameters())} weights, {len(tests)} clips to try", flush=True)
    while spent < total:
        if step % 50 == 0 or not shelf.held:
            clips = shelf.clips()
        heard, wanted = batch(clips, options.batch, CROP, chance)
        for group in optimiser.param_groups:
            group["lr"] = rate(step, spent / total, options.rate)
        with torch.autocast("cpu", torch.bfloat16, enabled=options.half):
            outputs = network(heard.contiguous(memory_format=torch.channels_last))
        value, three = loss(outputs, wanted)
        optimiser.zero_grad()
        value.backward()
        norm = torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        if torch.isfinite(norm):
            optimiser.step()
        parts.append(three)
        step, now = step + 1, time.monotonic()
        spent, before = spent + now - before, now
        if step % 50 == 0:
            print(f"{step} {np.round(1000 * np.mean(parts, axis=0), 2)} {spent / 60:.1f} min", flush=True)
            parts = []
        if step % options.every == 0 or spent >= total:
            aside = options.state.with_suffix(".part")
            torch.save({"network": network.state_dict(), "optimiser": optimiser.state_dict(), "step": step,
                        "spent": spent, "config": config.as_dict()}, aside)  # fmt: skip
            aside.replace(options.state)
            show(measure(network, tests, (0.4, 0.5)))


def network_of(path: Path) -> tuple[Transcriber, dict[str, Any]]:
    """Return the network of a state of training or of a checkpoint's folder."""
    if path.is_dir():
        config = json.loads((path / "checkpoint.json").read_text(encoding="utf-8"))["config"]
        network = Transcriber(Config(config["width"], tuple(config["dilations"])))
        network.load_state_dict(load_file(path / runtime.WEIGHTS), strict=False)  # counts of steps are not kept
        return network.eval().to(memory_format=torch.channels_last), {}
    held = torch.load(path, weights_only=True)
    config = held["config"]
    network = Transcriber(Config(config["width"], tuple(config["dilations"])))
    network.load_state_dict(held["network"])
    return network.eval().to(memory_format=torch.channels_last), held


def export(options: argparse.Namespace) -> None:
    network, held = network_of(options.state)
    options.out.mkdir(parents=True, exist_ok=True)
    weights = {
        name: value.detach().float().contiguous()
        for name, value in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    save_file(weights, options.out / runtime.WEIGHTS)
    (options.out / runtime.WEIGHTS).chmod(0o644)
    card = {
        "format": 1,
        "kind": "transcriber",
        "config": network.config.as_dict(),
        "frontend": {
            "rate": frontend.RATE,
            "hop": frontend.HOP,
            "bins": frontend.BINS,
            "lowest": frontend.LOWEST_PITCH,
        },
        "outputs": {"lowest": LOWEST, "keys": KEYS, "bins_per_semitone": frontend.BINS_PER_SEMITONE},
        "trained": {"steps": held.get("step"), "minutes": round(held.get("spent", 0.0) / 60, 1)},
    }
    (options.out / "checkpoint.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


def speed(options: argparse.Namespace) -> None:
    network = runtime.load(options.state)
    noise = np.random.default_rng(0).normal(0, 0.1, 120 * frontend.RATE).astype(np.float32)
    frontend.whole(noise[: frontend.RATE])
    for name, clock in (("wall", time.perf_counter), ("processor", time.process_time)):
        began = clock()
        frontend.whole(noise)
        middle = clock()
        for _ in runtime.activations([noise], network=network):
            pass
        ended = clock()
        print(
            f"{name}: front end {120 / (middle - began):.0f} x real time, in all {120 / (ended - middle):.0f} x",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("train")
    one.add_argument("state", type=Path)
    one.add_argument("--clips", type=Path, required=True)
    one.add_argument("--minutes", type=float, default=37.0)
    one.add_argument("--width", type=int, default=32)
    one.add_argument("--batch", type=int, default=8)
    one.add_argument("--rate", type=float, default=3e-3)
    one.add_argument("--every", type=int, default=200)
    one.add_argument("--sparse", type=int, default=2)
    one.add_argument("--threads", type=int, default=1)
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--start", type=Path, help="checkpoint whose weights to begin with")
    one.add_argument(
        "--half", action="store_true", help="bfloat16: faster where the processor knows it; width 32, not 24"
    )
    two = commands.add_parser("measure")
    two.add_argument("state", type=Path)
    two.add_argument("--clips", type=Path, required=True)
    two.add_argument("--offsets", action="store_true")
    four = commands.add_parser("speed")
    four.add_argument("state", type=Path)
    three = commands.add_parser("export")
    three.add_argument("state", type=Path)
    three.add_argument("out", type=Path)
    options = parser.parse_args()
    if options.command == "train":
        train(options)
    elif options.command == "measure":
        clips = [pair for path in sorted(options.clips.glob("val_*.npz")) for pair in load(path)]
        show(measure(network_of(options.state)[0], clips, offsets=options.offsets))
    elif options.command == "export":
        export(options)
    else:
        speed(options)


if __name__ == "__main__":
    main()
