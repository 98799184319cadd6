"""Whether each dial moves what it names, and little else.

``python benchmarks/dials.py [--style guqin] [--pieces 50] [--dials density,leaps] [--json FILE]``: for each dial,
pieces are composed at 0, 0.25, 0.5, 0.75 and 1 with the other dials at 0.5, and five quantities of each piece are
counted: onsets a quarter, mean pitch in MIDI notes, ornaments a written note, mean semitones between tones, and bits a
step by the network itself, which knows nothing of the dials. Printed are the rank correlation (Spearman) between the
setting and the quantity that the dial names, over all pieces; its mean at each setting; and how far the means of the
other quantities move between 0 and 1, in standard deviations between pieces at 0.5. The seeds are the same at each
setting. ``--unchecked`` counts first tries, which may break a promise that ``symgen compose`` keeps, and no ornaments.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SETTINGS = (0.0, 0.25, 0.5, 0.75, 1.0)
_AT_ONCE = 25
NAMES = ("density", "register", "ornament", "leaps", "surprise")
Table = dict[str, NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Options:
    """How many pieces, by which checkpoint, and whether the first try counts whatever it breaks."""

    pieces: int
    checkpoint: Path | None
    unchecked: bool

    @cached_property
    def runtime(self) -> Any:
        """The network."""
        from symgen.models.checkpoint import load_checkpoint
        from symgen.resources import DEFAULT_CHECKPOINT, checkpoints_dir

        return load_checkpoint(self.checkpoint or checkpoints_dir() / DEFAULT_CHECKPOINT).runtime()


def bits_a_step(runtime: Any, sequences: Sequence[Any]) -> NDArray[np.float64]:
    """Return the bits a step of each piece by the network, its masks and dials left out."""
    from symgen.models.columns import piece_features
    from symgen.models.runtime import softmax

    steps = [sequence.steps().astype(np.int64) for sequence in sequences]
    told = [piece_features(sequence).astype(np.int64) for sequence in sequences]
    longest = max(map(len, steps))
    tokens = np.ones((len(steps), longest, 3), dtype=np.int64)
    features = np.zeros((len(steps), longest, told[0].shape[1]), dtype=np.int64)
    for row, (own, seen) in enumerate(zip(steps, told, strict=True)):
        tokens[row, : len(own)], features[row, : len(own)] = own, seen
    stream = runtime.start([sequence.prefix.numbers() for sequence in sequences])
    bits = np.zeros((len(steps), longest))
    previous, rows = np.zeros((len(steps), 3), dtype=np.int64), np.arange(len(steps))
    for step in range(longest):
        state, chosen = stream.advance(previous, features[:, step]), None
        for place in range(3):
            state, logits = stream.logits(place, state, chosen)
            chosen = tokens[:, step, place]
            bits[:, step] -= np.log2(softmax(logits.astype(np.float64))[rows, chosen])
        previous = tokens[:, step]
    return np.array([bits[row, : len(own)].mean() for row, own in enumerate(steps)])


def ornaments_a_note(request: Any, sequence: Any) -> float:
    """Return how many played notes carry or are an ornament, for each written note."""
    from symgen.compose import plan_of
    from symgen.instruments.perform import play
    from symgen.score import Tempo
    from symgen.styles import get_style
    from symgen.tokens.codec import decode

    plan, style = plan_of(request), get_style(request.style)
    score = replace(decode(sequence), tempi=(Tempo(0, sum(style.tempo) / 2),))
    played = play(
        score, plan.instrument, plan.tuning, style=style.name, seed=request.seed, ornament=request.dials.ornament
    )
    return sum(bool(note.ornament) for note in played.notes) / len(score)


def quantities(options: Options, requests: Sequence[Any], sequences: Sequence[Any]) -> Table:
    """Return the five quantities of each piece."""
    from symgen.tokens import melody
    from symgen.units import TICKS_PER_QUARTER

    found: dict[str, list[float]] = {name: [] for name in NAMES}
    for request, sequence in zip(requests, sequences, strict=True):
        sounding = sequence.melody != melody.REST
        pitches = sequence.gong + melody.RELATIVE[sequence.melody[sounding]]
        onsets = np.unique(sequence.onsets()[sounding])
        found["density"].append(len(onsets) / (sequence.end / TICKS_PER_QUARTER))
        found["register"].append(float(pitches.mean()))
        found["leaps"].append(float(np.abs(np.diff(pitches)).mean()))
        found["ornament"].append(np.nan if options.unchecked else ornaments_a_note(request, sequence))
    found["surprise"] = bits_a_step(options.runtime, sequences).tolist()
    return {name: np.array(values) for name, values in found.items()}


@lru_cache(maxsize=1)
def untouched(style: str, options: Options) -> list[Any]:
    """Return the pieces of a style with all dials at 0.5, which those of any setting of the ornaments are too."""
    return composed(style, {}, options)


def composed(style: str, dials: Mapping[str, float], options: Options) -> list[Any]:
    """Return pieces as tokens, None for each that could not be composed."""
    from symgen.compose import ComposeRequest, compose_side_by_side, plan_of
    from symgen.drafting.ensemble import compose_sequences
    from symgen.listening import load_ear
    from symgen.models.checkpoint import load_checkpoint
    from symgen.resources import DEFAULT_CHECKPOINT, checkpoints_dir
    from symgen.sampling import Sampling

    asked = [ComposeRequest(style, seed=seed, checkpoint=options.checkpoint, **dials) for seed in range(options.pieces)]
    if not options.unchecked:
        return compose_side_by_side(asked)
    plans, seeds = [plan_of(one) for one in asked], [(one.seed, 1, 0, 0) for one in asked]
    ear = load_ear(load_checkpoint(options.checkpoint or checkpoints_dir() / DEFAULT_CHECKPOINT), style)
    return [
        piece
        for begin in range(0, len(plans), _AT_ONCE)
        for piece in compose_sequences(
            options.runtime, plans[begin : begin + _AT_ONCE], seeds[begin : begin + _AT_ONCE], Sampling(), ear=ear
        )
    ]


def measured(style: str, dial: str, setting: float, options: Options) -> tuple[Table, int]:
    """Return the quantities of pieces at one setting of one dial, and how many could not be composed."""
    from symgen.compose import ComposeRequest

    same = dial == "ornament" or setting == 0.5
    found = untouched(style, options) if same else composed(style, {dial: setting}, options)
    asked = [ComposeRequest(style, seed=seed, **{dial: setting}) for seed in range(options.pieces)]
    made = [(one, tokens) for one, tokens in zip(asked, found, strict=True) if tokens is not None]
    return quantities(options, *zip(*made, strict=True)), options.pieces - len(made)


def ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rank of each value, equal ones sharing the mean of theirs: Pearson of ranks is Spearman."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    means: NDArray[np.float64] = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return means


def report(dial: str, by_setting: dict[float, Table]) -> dict[str, Any]:
    """Return rank correlation, means and the movement of the other quantities."""
    settings = np.concatenate([np.full(len(table[dial]), value) for value, table in by_setting.items()])
    values = np.concatenate([table[dial] for table in by_setting.values()])
    spread = {name: float(by_setting[0.5][name].std(ddof=1)) for name in NAMES}
    moved = {
        name: float((by_setting[1.0][name].mean() - by_setting[0.0][name].mean()) / spread[name]) for name in NAMES
    }
    return {
        "correlation": float(np.corrcoef(ranks(settings), ranks(values))[0, 1]),
        "means": [float(table[dial].mean()) for table in by_setting.values()],
        "spreads": [float(table[dial].std(ddof=1)) for table in by_setting.values()],
        "moved": moved,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--style", action="append", default=[])
    parser.add_argument("--pieces", type=int, default=50)
    parser.add_argument("--dials", default=",".join(NAMES))
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--unchecked", action="store_true", help="the first tries, unperformed: five times as fast")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    options = Options(asked.pieces, asked.checkpoint, asked.unchecked)
    found: dict[str, Any] = {}
    head = "| Style | Dial | Correlation | Means at 0, .25, .5, .75, 1 | " + " | ".join(NAMES) + " | Not composed |"
    print(head + "\n|" + "---|" * (head.count("|") - 1), flush=True)
    for style in asked.style or ["guqin", "guzheng"]:
        started = time.perf_counter()
        middle, _ = measured(style, "density", 0.5, options)
        for dial in asked.dials.split(","):
            tables, missing = {}, 0
            for setting in SETTINGS:
                tables[setting], left = (middle, 0) if setting == 0.5 else measured(style, dial, setting, options)
                missing += left
            row = found[f"{style}/{dial}"] = report(dial, tables) | {"not_composed": missing}
            means = " ".join(f"{mean:.2f}" for mean in row["means"])
            moves = " | ".join(f"{row['moved'][name]:+.1f}" for name in NAMES)
            print(f"| {style} | {dial} | {row['correlation']:.3f} | {means} | {moves} | {missing} |", flush=True)
            if asked.json:
                asked.json.write_text(json.dumps(found, indent=1))
        habit = {
            name: (round(float(middle[name].mean()), 3), round(float(middle[name].std(ddof=1)), 3)) for name in NAMES
        }
        print(
            f"\n{style}: mean and standard deviation at 0.5 {habit}; {time.perf_counter() - started:.0f} s\n",
            flush=True,
        )


if __name__ == "__main__":
    main()
