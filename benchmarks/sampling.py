"""How fast pieces are sampled, beside a GPT-2 of the same number of weights on REMI tokens.

``python benchmarks/sampling.py CHECKPOINT --peer PEER/bin/python``, where PEER is an environment of its own with torch,
transformers and miditok. All runs have one thread, and speed is notes a second of processor time: the machine may
be busy. Neither side is helped: symgen samples under its grammar as ``symgen compose`` does, GPT-2 has its cache of
keys and values. Its weights are random, for speed does not depend on them; how many REMI tokens make a note is counted
on the very pieces that were sampled.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROWS = 64
RUNS = 3
STEPS = 256
"""Tokens that GPT-2 writes in a row: about a page of music."""


def symgen_speed(checkpoint: Path, style: str, rows: int, midi: Path | None) -> dict[str, Any]:
    """Return notes a second of pieces sampled side by side, the median of some runs, and write the pieces."""
    import numpy as np

    from symgen import writers
    from symgen.drafting.ensemble import compose_sequences
    from symgen.instruments.perform import plain
    from symgen.models.checkpoint import load_checkpoint
    from symgen.planning.checking import check_request
    from symgen.planning.request import ComposeRequest
    from symgen.planning.taking import plan_take
    from symgen.tokens import melody
    from symgen.tokens.codec import decode

    runtime = load_checkpoint(checkpoint).runtime()
    request = ComposeRequest(style, seed=0)
    wish = check_request(request)
    plan = plan_take(wish, request, 60.0, np.random.default_rng(0))
    compose_sequences(runtime, plan, [(0, 0)], wish.sampling)  # tables of the grammar are worked out once
    speeds, notes = [], 0
    for run in range(RUNS):
        started = time.process_time()
        pieces = compose_sequences(runtime, plan, [(run + 1, row) for row in range(rows)], wish.sampling)
        seconds = time.process_time() - started
        notes = sum(int(np.count_nonzero(piece.melody != melody.REST)) for piece in pieces)
        speeds.append(notes / seconds)
    for number, piece in enumerate(pieces[:16] if midi else ()):
        assert midi is not None
        writers.write(plain(decode(piece), plan.instrument, plan.tuning), midi / f"{number}.mid")
    return {"rows": rows, "notes": notes, "speed": float(np.median(speeds)), "least": min(speeds), "most": max(speeds)}


def count_weights(checkpoint: Path) -> int:
    from symgen.models.checkpoint import load_checkpoint

    return sum(int(value.size) for value in load_checkpoint(checkpoint).weights.values())


def peer(weights: int, midi: Path) -> dict[str, Any]:
    """Return tokens a second of GPT-2 by rows, and REMI tokens a note of the pieces; runs in the peer's environment."""
    import miditok
    import torch
    import transformers

    torch.set_num_threads(1)
    tokenizer = miditok.REMI()
    files = sorted(midi.glob("*.mid"))
    from symusic import Score

    notes = sum(len(track.notes) for file in files for track in Score(str(file)).tracks)
    tokens = sum(len(part.ids) for file in files for part in _parts(tokenizer(str(file))))
    width, layers = _sizes(weights, len(tokenizer))
    config = transformers.GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=1024,
        n_embd=width,
        n_layer=layers,
        n_head=4,
        bos_token_id=1,
        eos_token_id=2,
    )
    torch.manual_seed(0)
    model = transformers.GPT2LMHeadModel(config).eval()
    found: dict[str, Any] = {
        "versions": ", ".join(f"{name} {version(name)}" for name in ("transformers", "miditok", "torch")),
        "weights": sum(p.numel() for p in model.parameters()),
        "sizes": f"{layers} layers, width {width}",
        "tokens a note": tokens / notes,
        "vocabulary": len(tokenizer),
    }
    for rows in (1, ROWS):
        speeds = []
        prompt = torch.ones((rows, 1), dtype=torch.long)
        for run in range(RUNS + 1):
            started = time.process_time()
            model.generate(
                prompt,
                attention_mask=torch.ones_like(prompt),
                do_sample=True,
                top_k=0,
                use_cache=True,
                min_new_tokens=STEPS,
                max_new_tokens=STEPS,
                pad_token_id=0,
            )
            if run:  # the first one warms up
                speeds.append(rows * STEPS / (time.process_time() - started))
        found[str(rows)] = sorted(speeds)[len(speeds) // 2]
    return found


def _parts(tokens: Any) -> list[Any]:
    return tokens if isinstance(tokens, list) else [tokens]


def _sizes(weights: int, vocabulary: int) -> tuple[int, int]:
    """Return width and layers of the GPT-2 that is nearest in weights: 12 C^2 + 13 C a layer, tables, last norm."""
    sizes = [(width, layers) for layers in (4, 5, 6) for width in range(64, 512, 4)]
    return min(sizes, key=lambda s: abs(s[1] * (12 * s[0] ** 2 + 13 * s[0]) + (vocabulary + 1024 + 2) * s[0] - weights))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--style", default="guqin")
    parser.add_argument("--peer", type=Path, help="python of an environment with torch, transformers and miditok")
    parser.add_argument("--as-peer", nargs=2, metavar=("WEIGHTS", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"  # before numpy and torch are imported, which is why functions import them
    if arguments.as_peer:
        weights, folder = arguments.as_peer
        print(json.dumps(peer(int(weights), Path(folder))))
        return
    weights = count_weights(arguments.checkpoint)
    with tempfile.TemporaryDirectory() as folder:
        own = {rows: symgen_speed(arguments.checkpoint, arguments.style, rows, Path(folder)) for rows in (1, ROWS)}
        other: dict[str, Any] = {}
        if arguments.peer:
            command = [str(arguments.peer), __file__, str(arguments.checkpoint), "--as-peer", str(weights), folder]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            other = json.loads(done.stdout.splitlines()[-1])
    print(f"symgen: {weights:,} weights")
    if other:
        sizes = f"{other['weights']:,} weights ({other['sizes']})"
        print(f"GPT-2: {sizes}, REMI vocabulary of {other['vocabulary']}; {other['versions']}")
        print(f"REMI tokens a note: {other['tokens a note']:.2f}")
    print("\n| pieces side by side | notes a second | lowest-highest | GPT-2, notes a second | ratio |")
    print("|---|---|---|---|---|")
    for rows, found in own.items():
        spread = f"{found['least']:,.0f}-{found['most']:,.0f}"
        peer_speed = other[str(rows)] / other["tokens a note"] if other else float("nan")
        cells = (rows, f"{found['speed']:,.0f}", spread, f"{peer_speed:,.0f}", f"{found['speed'] / peer_speed:.1f}")
        print("| " + " | ".join(map(str, cells)) + " |")


if __name__ == "__main__":
    main()
