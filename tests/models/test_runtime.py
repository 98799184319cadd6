"""The generator in numpy says the same as the generator in torch."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from symgen.models.columns import piece_features
from symgen.models.features import FEATURES
from symgen.models.generator import Generator, GeneratorConfig
from symgen.models.losses import weights_of
from symgen.models.runtime import Runtime, softmax
from symgen.tokens.sequence import FAMILIES
from tests.models.music import TINY, random_generator, random_tune


def runtime_of(model):
    config = model.config
    sizes = {"layers": config.layers, "heads": config.heads, "width": config.width, "window": config.window}
    return Runtime(weights_of(model), **sizes)


def torch_logits(model, pieces, start=0, stop=None):
    """Return the three logits (B, T, V) of a window of pieces of equal length."""
    steps = np.stack([np.concatenate([np.zeros((1, 3), np.int16), p.steps()]) for p in pieces]).astype(np.int64)
    features = np.stack([piece_features(piece) for piece in pieces]).astype(np.int64)
    stop = features.shape[1] if stop is None else stop
    prefix = np.array([piece.prefix.numbers() for piece in pieces])
    with torch.no_grad():
        logits = model(
            torch.from_numpy(steps[:, start : stop + 1]),
            torch.from_numpy(features[:, start:stop]),
            torch.from_numpy(prefix),
        )
    return [scores.numpy() for scores in logits]


def numpy_logits(runtime, pieces):
    """Return the same, taken step by step with the true tokens."""
    stream = runtime.start([piece.prefix.numbers() for piece in pieces])
    steps = np.stack([piece.steps() for piece in pieces]).astype(np.int64)
    features = np.stack([piece_features(piece) for piece in pieces]).astype(np.int64)
    previous = np.zeros((len(pieces), 3), dtype=np.int64)
    found = []
    for time in range(steps.shape[1]):
        state, chosen, scores = stream.advance(previous, features[:, time]), None, []
        for place in range(3):
            state, logits = stream.logits(place, state, chosen)
            scores.append(logits)
            chosen = steps[:, time, place]
        found.append(scores)
        previous = steps[:, time]
    return [np.stack([scores[place] for scores in found], axis=1) for place in range(3)]


def cut(pieces, length):
    return [replace(p, rhythm=p.rhythm[:length], melody=p.melody[:length], chord=p.chord[:length]) for p in pieces]


@pytest.mark.parametrize("config", [TINY, GeneratorConfig(width=24, layers=3, heads=3, window=24)], ids=["1", "3"])
def test_inside_the_window_the_logits_are_equal(config):
    model = random_generator(config)
    pieces = cut([random_tune(seed) for seed in range(3)], config.window)
    expected = torch_logits(model, pieces)
    found = numpy_logits(runtime_of(model), pieces)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == theirs.shape
        assert np.ptp(theirs) > 0.5  # numbers that say something
        assert np.abs(ours - theirs).max() < 1e-4


def test_beyond_the_window_the_last_steps_are_seen():
    """With one layer, a step sees the `window` steps up to itself, as torch does in a window that ends with it.

    Rotary positions are relative, so that it does not matter where in the piece the window lies. With more
    layers the runtime sees further than a window in training did, through the keys of earlier steps.
    """
    model = random_generator(TINY)
    (piece,) = cut([random_tune(5, 60)], 80)
    found = numpy_logits(runtime_of(model), [piece])
    for last in (31, 32, 50, 63, 64, 79):
        expected = torch_logits(model, [piece], last + 1 - TINY.window, last + 1)
        for ours, theirs in zip(found, expected, strict=True):
            assert np.abs(ours[0, last] - theirs[0, -1]).max() < 1e-4


def test_what_lies_before_the_window_is_forgotten():
    model = random_generator(TINY)
    first, second = cut([random_tune(5, 60), random_tune(6, 60)], 80)
    runtime = runtime_of(model)
    states = []
    for piece in (first, second):
        stream = runtime.start([piece.prefix.numbers()])
        features = piece_features(first).astype(np.int64)
        for time in range(80):
            source = piece if time < 40 else first
            previous = source.steps()[time - 1 : time].astype(np.int64) if time else np.zeros((1, 3), dtype=np.int64)
            state = stream.advance(previous, features[time : time + 1])
        states.append(state)
    assert np.abs(states[0] - states[1]).max() < 1e-5


def test_rows_of_a_batch_do_not_touch_each_other():
    runtime = runtime_of(random_generator(TINY))
    pieces = cut([random_tune(seed) for seed in range(4)], 40)
    together = numpy_logits(runtime, pieces)
    for row, piece in enumerate(pieces):
        for ours, theirs in zip(together, numpy_logits(runtime, [piece]), strict=True):
            assert np.abs(ours[row] - theirs[0]).max() < 1e-4


def test_half_precision_is_near():
    """Checkpoints hold float16."""
    model = random_generator(TINY)
    pieces = cut([random_tune(1)], 32)
    sizes = {"layers": TINY.layers, "heads": TINY.heads, "width": TINY.width, "window": TINY.window}
    half = Runtime({name: value.astype(np.float16) for name, value in weights_of(model).items()}, **sizes)
    for ours, theirs in zip(numpy_logits(half, pieces), torch_logits(model, pieces), strict=True):
        assert np.abs(ours - theirs).max() < 0.05


def test_a_later_step_changes_nothing_before_it():
    model = random_generator(TINY)
    piece, other = (
        torch.from_numpy(p.steps().astype(np.int64))[None] for p in cut([random_tune(1), random_tune(2)], 32)
    )
    features = torch.zeros((1, 31, len(FEATURES)), dtype=torch.int64)
    prefix = torch.zeros((1, 3), dtype=torch.int64)
    mixed, marked = piece.clone(), features.clone()
    mixed[:, 21:], marked[:, 20:] = other[:, 21:], 1  # step 20 is the one behind place 21
    with torch.no_grad():
        pairs = zip(model(piece, features, prefix), model(mixed, marked, prefix), strict=True)
        for before, after in pairs:
            assert torch.allclose(before[:, :20], after[:, :20], atol=1e-5)
            assert not torch.allclose(before[:, 20:], after[:, 20:], atol=1e-2)


def test_softmax():
    scores = np.array([[0.0, 1e4, 1e4], [-np.inf, 0.0, 0.0]])
    assert softmax(scores).tolist() == [[0.0, 0.5, 0.5]] * 2


def test_new_blocks_begin_as_nothing():
    """At the start the attention and feed-forward layers add nothing, which keeps the first updates calm."""
    model = Generator(TINY).eval()
    pieces = cut([random_tune(1), random_tune(2)], 20)
    one = torch_logits(model, pieces)
    with torch.no_grad():
        for block in model.blocks:
            block.qkv.weight.normal_()
            block.up.weight.normal_()
    for before, after in zip(one, torch_logits(model, pieces), strict=True):
        assert np.array_equal(before, after)


def test_rows_that_are_kept_go_on_as_if_alone():
    runtime = runtime_of(random_generator(TINY))
    rng = np.random.default_rng(0)
    sizes = list(FEATURES.values())
    prefixes = [[1, 1, 2], [2, 3, 4], [3, 2, 5]]
    whole, alone = runtime.start(prefixes), runtime.start(prefixes[1:2])
    rows = np.arange(3)
    for time in range(2 * TINY.window):
        previous = np.stack([rng.integers(0, len(family.VOCABULARY), size=3) for family in FAMILIES], axis=1)
        features = np.stack([rng.integers(0, size, size=3) for size in sizes], axis=1)
        if time == TINY.window // 2:
            whole.keep(np.array([1]))
            rows = np.array([1])
        states = whole.advance(previous[rows], features[rows]), alone.advance(previous[1:2], features[1:2])
        for place in range(3):
            (one, mine), (other, own) = (
                stream.logits(place, state, None if not place else previous[kept, place - 1])
                for stream, state, kept in zip((whole, alone), states, (rows, [1]), strict=True)
            )
            states = one, other
            assert np.allclose(mine[list(rows).index(1)], own[0], atol=1e-4)


WIDE = GeneratorConfig(width=160, layers=2, heads=5, window=32)


def bits_of(runtime, pieces, steps, dropped=None, at=0):
    """Return the logits of each piece as bytes, step by step; the pieces `dropped` leave the batch after step `at`."""
    rows = np.arange(len(pieces))
    stream = runtime.start([piece.prefix.numbers() for piece in pieces], apart=True)
    tokens = np.stack([piece.steps()[:steps] for piece in pieces]).astype(np.int64)
    features = np.stack([piece_features(piece)[:steps] for piece in pieces]).astype(np.int64)
    found = {row: [] for row in rows.tolist()}
    for time in range(steps):
        if dropped and time == at:
            kept = np.flatnonzero(~np.isin(rows, dropped))
            stream.keep(kept)
            rows = rows[kept]
        previous = tokens[rows, time - 1] if time else np.zeros((len(rows), 3), np.int64)
        state, chosen = stream.advance(previous, features[rows, time]), None
        for place in range(3):
            state, logits = stream.logits(place, state, chosen)
            chosen = tokens[rows, time, place]
            for number, row in enumerate(rows.tolist()):
                found[row].append(logits[number].tobytes())
    return found


@pytest.mark.parametrize("count", [2, 3, 5, 13, 16])
@pytest.mark.parametrize(
    "config", [TINY, GeneratorConfig(width=160, layers=2, heads=5, window=32)], ids=["tiny", "160"]
)
def test_apart_a_piece_is_the_same_to_the_last_bit_in_any_batch(config, count):
    """Also as the batch shrinks: who rebuilds take 7 alone gets what came beside fifteen others."""
    runtime = runtime_of(random_generator(config))
    pieces = cut([random_tune(seed) for seed in range(count)], 40)
    together = bits_of(runtime, pieces, 40, dropped=list(range(0, count - 1, 2)), at=20)
    for row, piece in enumerate(pieces):
        alone = bits_of(runtime, [piece], 40)[0]
        assert together[row] == alone[: len(together[row])]
        assert len(together[row]) == (60 if row in range(0, count - 1, 2) else 120)
