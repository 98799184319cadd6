"""Infill against held-out bars: what the bars after a span tell a generator about it, and whether that is heard.

``python benchmarks/infilling.py CHECKPOINT DATASET --style guqin`` cuts spans of 2 to 8 bars out of pieces that the
checkpoint never saw, with what stands before and the 24 steps that stand after, and measures three things.

**Bits a note** (rhythm and melody of the real notes in the span, rests counted with the note before, as elsewhere) for
continuing, p(span | before), and for infilling, p(span | before) p(after | before, span) / p(after | before). The last
factor is a sum over all spans that end where this one does. It is estimated by importance sampling: N spans are drawn
from the generator, which only may not write an interval that goes beyond the end, and each counts with the probability
that it left to such intervals times p(after | before, span). The mean of that is right on average, its logarithm is
too low on average, so that infilling comes out too good ("at best"); with the real span counted as one more draw it
comes out too bad where the generator is right about the music ("at worst"), and can gain no more than log2(N + 1) bits
a span. Both are told; what is true lies between. A generator that knows goals is measured with goals told, too.

**Two-sample test**: windows of 32 steps around the end of the span, real ones and filled ones, drafts written under
the grammar as ``symgen infill`` does and chosen in several ways. The steps after the seam are real in both. 0.5 is
the best that can be reached; what real windows against real ones give is the floor of the test.

**The seam**: bits a step of the first 4 steps after the span.

Intervals resample pieces.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from symgen.corpus.dataset import Dataset
from symgen.drafting.draft import Draft
from symgen.drafting.ensemble import write_drafts
from symgen.grammar.cursor import Cursor
from symgen.grammar.plan import Plan
from symgen.instruments.rules import tunings_for
from symgen.metrics.grammar import endless_plan
from symgen.metrics.statistics import pooled
from symgen.metrics.twosample import TwoSampleConfig, two_sample
from symgen.metrics.windows import Draw, Sample, Windows, windows_of
from symgen.models.checkpoint import load_checkpoint
from symgen.models.columns import piece_features
from symgen.models.context import Context, Goal
from symgen.models.features import FEATURES, PLACE
from symgen.models.runtime import Runtime
from symgen.models.windows import Batch, Pieces
from symgen.sampling import Sampling
from symgen.score import Metre
from symgen.script import Fixed, Free, steps_of
from symgen.tokens import melody, rhythm
from symgen.tokens.prefix import metre_class
from symgen.tokens.sequence import TokenSequence
from symgen.units import TICKS_PER_QUARTER, bar_ticks
from symgen.verbs.revising import LOOKAHEAD

Floats = NDArray[np.float64]

_BARS = (2, 3, 4, 6, 8)
_BEFORE = 32
_LEAST = 4
_SEAM = 4
_PATIENCE = 64
"""A draw of four times as many steps as stood there, and so many more, weighs nothing: rows of no length never end."""
_WINDOW = 32
_SHIFTS = (16, 12, 20)
"""Steps of a window before the seam: the classifier sees each seam three times, at other places."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A span of a piece: steps `first` up to `last` are taken out, from `start` up to `end` ticks."""

    piece: int
    first: int
    last: int
    start: int
    end: int


def bar_starts(piece: TokenSequence) -> NDArray[np.int64]:
    """Return the ticks of the bar lines of a piece, in 4/4 where it has no metre."""
    metres = piece.metres or (Metre(0, 4, 4),)
    ends = [metre.tick for metre in metres[1:]] + [piece.end]
    rows = [
        np.arange(metre.tick, end, bar_ticks(metre.numerator, metre.denominator))
        for metre, end in zip(metres, ends, strict=True)
    ]
    return np.unique(np.concatenate(rows)).astype(np.int64)


def gaps_of(pieces: Sequence[TokenSequence], each: int, rng: np.random.Generator) -> list[Gap]:
    """Draw `each` spans of every piece that begin and end with a step on a bar line, on sixteenths."""
    found = []
    for number, piece in enumerate(pieces):
        onsets, lines = piece.onsets(), bar_starts(piece)
        usable = []
        for place, bars in ((p, b) for p in range(len(lines)) for b in _BARS if p + b < len(lines)):
            start, end = int(lines[place]), int(lines[place + bars])
            first, last = np.searchsorted(onsets, [start, end]).tolist()
            fits = first >= _BEFORE and last - first >= _LEAST and last + LOOKAHEAD <= len(onsets)
            exact = fits and onsets[first] == start and onsets[last] == end
            if exact and start % (TICKS_PER_QUARTER // 4) == 0 and end % (TICKS_PER_QUARTER // 4) == 0:
                usable.append(Gap(number, first, last, start, end))
        found += [usable[row] for row in rng.permutation(len(usable))[:each]]
    return found


# --- Bits a note ---


@dataclass(frozen=True, slots=True)
class Weighed:
    """What the generator says of a gap, in nats.

    span: log p(real span | before). after: log p(after | before, span) of the real span, then of each draw. mass: what
    each draw left to intervals that land. seam: bits of each of the first steps after the real span, chords included.
    """

    notes: int
    span: float
    after: Floats
    mass: Floats
    seam: Floats

    def gain(self, *, with_real: bool) -> float:
        """Return how many nats the span gets cheaper by what stands after it."""
        weights = self.after[1:] + self.mass
        weights = np.append(weights, self.after[0]) if with_real else weights
        return float(self.after[0] - _log_mean(weights))


def _log_mean(values: Floats) -> float:
    top = values.max()
    return float(top + np.log(np.mean(np.exp(values - top))))


def weigh(
    runtime: Runtime, pieces: Pieces, gap: Gap, drafts: int, rng: np.random.Generator, *, aimed: bool = False
) -> Weighed:
    """Return what a generator says of a gap, with goals told if `aimed`."""
    ready, seen = pieces[gap.piece], min(gap.first, runtime.window)
    begin, real = gap.first - seen, ready.steps[1:].astype(np.int64)
    target = real[gap.last]
    goal = Goal(gap.end, int(target[0]), int(target[1]), int(real[gap.last + 1][1])) if aimed else None
    context = Context(ready.metres, ready.end)
    stream = runtime.start(pieces.prefixes[[gap.piece]].tolist())
    previous = ready.steps[begin].astype(np.int64)[None]
    for step in range(gap.first):
        if step >= begin:
            context.goal = goal
            stream.advance(previous, np.array([context.features()]))
            previous = real[step][None]
        context.append(*real[step].tolist())
    context.goal = goal
    rows = 1 + drafts
    stream.keep(np.zeros(rows, dtype=np.int64))
    contexts = [context.copy() for _ in range(rows)]
    previous = np.repeat(previous, rows, axis=0)
    forced = [real[gap.first : gap.last + LOOKAHEAD].tolist()] + [[] for _ in range(drafts)]
    places = np.zeros(rows, dtype=np.int64)  # of the next given step
    ends = np.array([gap.last - gap.first + LOOKAHEAD] + [LOOKAHEAD] * drafts)
    span, seam = 0.0, []
    after, mass = np.zeros(rows), np.zeros(rows)
    steps, most = 0, 4 * (gap.last - gap.first) + _PATIENCE
    while (places < ends).any():
        steps += 1
        state = stream.advance(previous, np.array([one.features() for one in contexts]))
        chosen = None
        for place in range(3):
            state, logits = stream.logits(place, state, chosen)
            logs = _log_softmax(logits)
            for row in range(rows):
                if places[row] >= ends[row]:
                    continue
                given = forced[row]
                if not given:  # a draw
                    left = gap.end - contexts[row].time if place == 0 else None
                    token, kept = _drawn(logs[row], left, rng)
                    mass[row] += kept
                    previous[row, place] = token
                    continue
                token = given[places[row]][place]
                previous[row, place] = token
                value = float(logs[row, token])
                in_span = row == 0 and places[0] < gap.last - gap.first
                if place < 2 and in_span:
                    span += value
                elif place < 2:
                    after[row] += value
                if row == 0 and not in_span:
                    seam.append(value)
            chosen = previous[:, place]
        for row, one in enumerate(contexts):
            if places[row] >= ends[row]:
                continue
            one.append(*previous[row].tolist())
            if forced[row]:
                places[row] += 1
            elif one.time >= gap.end:
                forced[row] = real[gap.last : gap.last + LOOKAHEAD].tolist()
            elif gap.end - one.time < rhythm.GRID[0] or steps >= most:  # no interval is so short
                mass[row], places[row] = -np.inf, ends[row]
    notes = int((real[gap.first : gap.last, 1] != melody.REST).sum())
    return Weighed(notes, span, after, mass[1:], -np.array(seam[: 3 * _SEAM]).reshape(-1, 3).sum(1) / np.log(2))


def _log_softmax(logits: NDArray[np.float32]) -> Floats:
    exact = logits.astype(np.float64)
    exact -= exact.max(axis=1, keepdims=True)
    result: Floats = exact - np.log(np.exp(exact).sum(axis=1, keepdims=True))
    return result


def _drawn(logs: Floats, left: int | None, rng: np.random.Generator) -> tuple[int, float]:
    """Draw a token, of rhythms one that leaves no less than nothing, and return the log of the share of such ones."""
    allowed = np.arange(len(logs)) > 0
    if left is not None:
        allowed &= left >= rhythm.INTERVAL
    shares = np.where(allowed, np.exp(logs), 0.0)
    total = shares.sum()
    token = min(int(np.searchsorted(np.cumsum(shares), rng.random() * total, side="right")), len(logs) - 1)
    return token, float(np.log(total))


def told(runtime: Runtime) -> dict[str, bool]:
    """Return what a generator can be told, by what is added to the names of the rows: goals or not."""
    return {"": False, ", goals told": True} if "goal_time" in runtime.features else {"": False}


def numbered(gaps: Sequence[Gap], each: int) -> dict[int, Gap]:
    """Return the first `each` gaps of every piece, by their numbers."""
    places = [sum(other.piece == gap.piece for other in gaps[:number]) for number, gap in enumerate(gaps)]
    return {number: gap for number, (gap, place) in enumerate(zip(gaps, places, strict=True)) if place < each}


def bits(
    runtime: Runtime, pieces: Pieces, some: Mapping[int, Gap], drafts: int, seed: int
) -> dict[str, dict[str, float]]:
    """Return bits a note with 95 % intervals by row, and the bits of the seams of real spans; tell them at once."""
    gaps = list(some.values())
    found: dict[str, dict[str, float]] = {}
    first: list[Weighed] = []
    for suffix, aimed in told(runtime).items():
        weighed = [
            weigh(runtime, pieces, gap, drafts, np.random.default_rng([seed, 1, number]), aimed=aimed)
            for number, gap in some.items()
        ]
        first = first or weighed
        spans, plain = (np.array([one.span for one in some]) for some in (weighed, first))
        for name, gains in {
            "continuing": np.zeros(len(weighed)),
            "infilling, at worst": np.array([one.gain(with_real=True) for one in weighed]),
            "infilling, at best": np.array([one.gain(with_real=False) for one in weighed]),
        }.items():
            found[name + suffix] = _by_piece(gaps, weighed, -(spans + gains), -plain, seed)
            _tell(name + suffix, found[name + suffix])
        found["seam, real" + suffix] = seams(gaps, [one.seam for one in weighed], seed)
        _tell("seam, real" + suffix, found["seam, real" + suffix])
    return found


def _by_piece(
    gaps: Sequence[Gap], weighed: Sequence[Weighed], nats: Floats, plain: Floats, seed: int
) -> dict[str, float]:
    """Return bits a note, and how many fewer than continuing, each with its interval from resampling pieces."""
    numbers = sorted({gap.piece for gap in gaps})
    place = np.array([numbers.index(gap.piece) for gap in gaps])
    notes = np.bincount(place, [one.notes for one in weighed])
    sums = [np.bincount(place, values / np.log(2)) for values in (nats, plain - nats)]
    value, low, high = pooled(np.stack([sums[0], notes], axis=1), seed)
    fewer, least, most = pooled(np.stack([sums[1], notes], axis=1), seed)
    return {"bits": value, "low": low, "high": high, "fewer": fewer, "fewer_low": least, "fewer_high": most}


# --- Two-sample test ---


def plan_of(piece: TokenSequence, gap: Gap) -> Plan:
    """Return the plan by which ``symgen infill`` writes a gap."""
    metres = piece.metres or (Metre(0, 4, 4),)
    metre = [one for one in metres if one.tick <= gap.start][-1]
    steps = steps_of(piece)
    plan = endless_plan(replace(piece.prefix, metre=metre_class((metre,))))
    return replace(
        plan,
        gong=piece.gong,
        tuning=tunings_for(plan.instrument, piece.gong)[0],
        metre=metre,
        metres=metres,
        ticks=piece.end,
        script=(
            Fixed(steps[: gap.first]),
            Free(gap.end - gap.start),
            Fixed(steps[gap.last : gap.last + LOOKAHEAD]),
        ),
    )


@dataclass(frozen=True, slots=True)
class Filled:
    """A gap, and what was written for it."""

    gap: Gap
    drafts: list[Draft]


def fill(
    runtime: Runtime, pieces: Sequence[TokenSequence], gaps: Sequence[Gap], drafts: int, seed: int, *, aimed: bool
) -> list[Filled]:
    """Write drafts for gaps, with goals told if `aimed`."""
    found = []
    for number, gap in enumerate(gaps):
        seeds = [(seed, number, place) for place in range(drafts)]
        with nullcontext() if aimed else patch.object(Cursor, "_goal", lambda cursor, segment: None):
            drafted = write_drafts(runtime, plan_of(pieces[gap.piece], gap), seeds, Sampling())
        found.append(Filled(gap, drafted))
    return found


Choice = Callable[[Filled], int]


def _first(filled: Filled) -> int:
    return 0


def _best(filled: Filled, among: int) -> int:
    return int(np.argmax([draft.fit for draft in filled.drafts[:among]]))


def _in_proportion(filled: Filled, among: int) -> int:
    fits = np.array([draft.fit for draft in filled.drafts[:among]])
    shares = np.exp(fits - fits.max())
    rng = np.random.default_rng([filled.gap.piece, filled.gap.first, filled.gap.last])
    return int(rng.choice(among, p=shares / shares.sum()))


def choices(drafts: int) -> dict[str, Choice]:
    """Return ways to choose a draft, by name."""
    found: dict[str, Choice] = {"continuing: the first draft": _first}
    for among in (4, 8, 16, 32):
        if among <= drafts:
            found[f"best of {among}"] = partial(_best, among=among)
    found[f"one of {drafts} in proportion to exp(fit)"] = partial(_in_proportion, among=drafts)
    return found


def windows(rows: Sequence[tuple[Gap, TokenSequence, int]]) -> Windows:
    """Return the windows around the seams of (gap, music, step of the seam)."""
    steps = np.zeros((len(rows) * len(_SHIFTS), _WINDOW + 1, 3), dtype=np.int64)
    features = np.zeros((len(steps), _WINDOW, len(FEATURES)), dtype=np.int64)
    places = []
    for number, (gap, music, seam) in enumerate(rows):
        known = piece_features(music)[:, PLACE["phase"]]
        for turn, before in enumerate(_SHIFTS):
            row, begin = number * len(_SHIFTS) + turn, seam - before
            steps[row, 1:] = music.steps()[begin : begin + _WINDOW]
            features[row, :, PLACE["phase"]] = known[begin : begin + _WINDOW]
            places.append((gap.piece, gap.last))
    prefix = np.zeros((len(steps), 1), dtype=np.int64)
    batch = Batch(steps, features, prefix, np.ones((len(steps), _WINDOW), dtype=np.bool_))
    return windows_of(batch, _WINDOW, places)


def filled_windows(filled: Sequence[Filled], choice: Choice) -> Windows:
    """Return the windows around the seams of the drafts that are chosen."""
    rows = []
    for one in filled:
        tokens = one.drafts[choice(one)].tokens
        rows.append((one.gap, tokens, len(tokens) - LOOKAHEAD))
    return windows(rows)


def _some(windows: Windows, rows: NDArray[np.bool_]) -> Windows:
    return Windows(windows.values[rows], windows.pieces[rows], windows.starts[rows])


def draw_filled(real: Sequence[Windows], other: Sequence[Windows]) -> Draw:
    """Return how to draw real windows and filled ones, of training pieces and of unseen ones."""

    def draw(seed: int) -> tuple[Sample, Sample]:
        return Sample(real[0], other[0]), Sample(real[1], other[1])

    return draw


def draw_real(real: Sequence[Windows]) -> Draw:
    """Return how to draw real windows for both classes; no piece is in both."""

    def draw(seed: int) -> tuple[Sample, Sample]:
        rng = np.random.default_rng([seed, 3])
        samples = []
        for side in real:
            numbers = np.unique(side.pieces)
            half = np.isin(side.pieces, rng.permutation(numbers)[: len(numbers) // 2])
            samples.append(Sample(_some(side, half), _some(side, ~half)))
        return samples[0], samples[1]

    return draw


def seams(gaps: Sequence[Gap], values: Sequence[Floats], seed: int) -> dict[str, float]:
    """Return the mean bits a step of the first steps after a span, with its interval from resampling pieces."""
    numbers = sorted({gap.piece for gap in gaps})
    place = np.array([numbers.index(gap.piece) for gap in gaps])
    sums = np.bincount(place, [float(np.sum(value)) for value in values])
    mean, low, high = pooled(np.stack([sums, _SEAM * np.bincount(place).astype(float)], axis=1), seed)
    return {"seam": mean, "seam_low": low, "seam_high": high}


def fillings(
    runtime: Runtime, sides: Sequence[Sequence[TokenSequence]], gaps: Sequence[Sequence[Gap]], drafts: int, seed: int
) -> dict[str, list[list[Filled]]]:
    """Return what is written for the gaps of training and of unseen pieces, by what was told."""
    found = {}
    for suffix, aimed in told(runtime).items():
        started = time.process_time()
        found[suffix] = [
            fill(runtime, side, some, drafts, seed + lane, aimed=aimed)
            for lane, (side, some) in enumerate(zip(sides, gaps, strict=True))
        ]
        print(f"{time.process_time() - started:.0f} s for {drafts} drafts of {sum(map(len, gaps))} gaps{suffix}")
    return found


def judged(
    sides: Sequence[Sequence[TokenSequence]], filled: dict[str, list[list[Filled]]], seed: int, tests: int
) -> dict[str, dict[str, float]]:
    """Return the two-sample test and the seam of every way to choose a draft, and of real music; tell them at once."""
    gaps = [[one.gap for one in some] for some in next(iter(filled.values()))]
    real = [windows([(g, side[g.piece], g.last) for g in some]) for side, some in zip(sides, gaps, strict=True)]
    found: dict[str, dict[str, float]] = {}

    def tell(name: str, draw: Draw, seam: dict[str, float]) -> None:
        found[name] = dict(seam)
        if tests:
            test = two_sample(draw, TwoSampleConfig(seeds=tests))
            found[name] |= {"accuracy": test.accuracy, "low": test.low, "high": test.high}
        _tell(name, found[name])

    tell("real", draw_real(real), {})
    for suffix, lanes in filled.items():
        for name, choice in choices(len(lanes[0][0].drafts)).items():
            other = [filled_windows(some, choice) for some in lanes]
            heard = [-np.array(one.drafts[choice(one)].heard[:_SEAM]) / np.log(2) for one in lanes[1]]
            tell(name + suffix, draw_filled(real, other), seams(gaps[1], heard, seed))
    return found


def measure(runtime: Runtime, dataset: Dataset, style: str, asked: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Return all figures by row, and print them as they come."""
    sides = [
        [dataset.sequence(n) for split in splits for n in dataset.numbers(split=split, style=style)[: asked.pieces]]
        for splits in (("train",), ("validation", "test"))
    ]
    rng = np.random.default_rng([asked.seed, 0])
    gaps = [gaps_of(side, each, rng) for side, each in zip(sides, (asked.train, asked.each), strict=True)]
    print(f"{len(gaps[1])} gaps of {len({g.piece for g in gaps[1]})} unseen pieces, {len(gaps[0])} of training pieces")
    found = bits(runtime, Pieces(sides[1]), numbered(gaps[1], asked.weighed), asked.weigh, asked.seed)
    return found | judged(sides, fillings(runtime, sides, gaps, asked.drafts, asked.seed), asked.seed, asked.tests)


def _tell(name: str, row: dict[str, float]) -> None:
    print(f"{name:<40}", *(f"{key} {value:.3f}" for key, value in row.items()), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--style", default="guqin")
    parser.add_argument("--pieces", type=int, default=200, help="most pieces of a split")
    parser.add_argument("--each", type=int, default=8, help="spans of an unseen piece")
    parser.add_argument("--train", type=int, default=3, help="spans of a training piece, for the classifier")
    parser.add_argument("--weighed", type=int, default=4, help="spans of an unseen piece whose bits are measured")
    parser.add_argument("--weigh", type=int, default=24, help="draws for p(after | before)")
    parser.add_argument("--drafts", type=int, default=8)
    parser.add_argument("--tests", type=int, default=3, help="classifiers a row; 0 leaves the test out")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    runtime = load_checkpoint(asked.checkpoint).runtime()
    found = measure(runtime, Dataset(asked.dataset), asked.style, asked)
    print(json.dumps({name: {key: round(value, 4) for key, value in row.items()} for name, row in found.items()}))


if __name__ == "__main__":
    main()
