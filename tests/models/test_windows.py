"""Windows cut from pieces: what is in them, and that the same seed cuts the same ones."""

import numpy as np
import pytest

from symgen.models.context import FEATURES, piece_features
from symgen.models.windows import Mixture, Pieces
from tests.models.music import random_tune

REMAINING = list(FEATURES).index("remaining")


@pytest.fixture(scope="module")
def pools():
    """Return pieces of two styles, of very different lengths."""
    return {
        style: Pieces(random_tune(seed, notes, style=style) for seed, notes in enumerate((1, 5, 20, 60), start))
        for style, start in (("guqin", 0), ("folk", 10))
    }


def test_a_window_holds_the_steps_of_its_piece():
    tune = random_tune(1)
    batch = Pieces([tune]).batch([(0, 0), (0, 10), (0, len(tune) - 3)], window=8)
    assert batch.mask.tolist() == [[True] * 8, [True] * 8, [True] * 3 + [False] * 5]
    assert batch.steps[0, 0].tolist() == [0, 0, 0]
    assert np.array_equal(batch.steps[0, 1:], tune.steps()[:8])
    assert np.array_equal(batch.steps[1], tune.steps()[9:18])
    assert np.array_equal(batch.features[1], piece_features(tune)[10:18])
    assert not batch.steps[2, 4:].any()
    assert batch.prefix.tolist() == [list(tune.prefix.numbers())] * 3


def test_whole_pieces_are_covered_once(pools):
    pieces = pools["guqin"]
    batches = list(pieces.whole(16, rows=3))
    assert sum(int(batch.mask.sum()) for batch in batches) == pieces.lengths.sum()
    assert max(batch.mask.shape[1] for batch in batches) == 16
    seen = np.sort(np.concatenate([batch.steps[:, 1:][batch.mask][:, 1] for batch in batches]))
    assert np.array_equal(seen, np.sort(np.concatenate([steps[1:, 1] for steps in pieces.steps])))


def test_places_are_drawn_by_length(pools):
    pieces = pools["guqin"]
    drawn = pieces.draw(np.random.default_rng(0), 4000)
    assert all(0 <= step < pieces.lengths[piece] for piece, step in drawn)
    counts = np.bincount([piece for piece, _ in drawn], minlength=4) / 4000
    assert np.abs(counts - pieces.lengths / pieces.lengths.sum()).max() < 0.03


def test_places_with_room_on_both_sides(pools):
    pieces = pools["guqin"]
    drawn = pieces.places(np.random.default_rng(0), 300, before=10, after=12)
    assert len(drawn) == 300
    assert all(10 <= step <= pieces.lengths[piece] - 12 for piece, step in drawn)
    assert {step for _, step in drawn} >= {10}
    assert pieces.places(np.random.default_rng(0), 5, before=500, after=500) == []
    assert Pieces([]).places(np.random.default_rng(0), 5, before=1, after=1) == []


def test_the_context_of_a_place_is_that_of_the_piece(pools):
    pieces = pools["folk"]
    for step in (0, 1, 17):
        assert list(pieces.context(2, step).features()) == pieces.features[2][step].tolist()


def batches(pools, seed, **options):
    mixture = Mixture(pools, {"guqin": 0.7, "folk": 0.3}, window=24, steps=200, **options)
    return [mixture.batch(np.random.default_rng([seed, number])) for number in range(40)]


def test_the_same_seed_draws_the_same_batches(pools):
    for one, two in zip(batches(pools, 3), batches(pools, 3), strict=True):
        for name in ("steps", "features", "prefix", "mask"):
            assert np.array_equal(getattr(one, name), getattr(two, name))
    sizes = [[batch.steps.tobytes() for batch in batches(pools, seed)] for seed in (3, 4)]
    assert sizes[0] != sizes[1]


def test_a_batch_is_of_one_style_and_of_bounded_size(pools):
    found = batches(pools, 0)
    assert all(len(set(batch.prefix[:, 0].tolist())) == 1 for batch in found)
    assert all(batch.mask.size <= 200 or len(batch.mask) == 1 for batch in found)
    assert all(batch.mask.shape[1] <= 24 and batch.mask.any(axis=1).all() for batch in found)
    share = np.mean([batch.prefix[0, 0] == 1 for batch in found])
    assert 0.5 < share < 0.9


def test_windows_need_not_be_the_last_few_steps(pools):
    """A start near the end of a piece is moved back by half a window, so that short windows stay rare."""
    pieces = {"guqin": pools["guqin"]}
    mixture = Mixture(pieces, {"guqin": 1.0}, window=24, steps=200)
    lengths = [n for i in range(60) for n in mixture.batch(np.random.default_rng(i)).mask.sum(axis=1)]
    assert np.mean(np.array(lengths) >= 12) > 0.8


def test_what_is_asked_is_hidden_now_and_then(pools):
    found = batches(pools, 1, blank=0.5)
    prefixes = np.concatenate([batch.prefix for batch in found])
    assert (prefixes[:, 0] > 0).all()  # the style never
    for field in (1, 2):
        assert 0.3 < np.mean(prefixes[:, field] == 0) < 0.7
    hidden = [not row.any() for batch in found for row in batch.features[:, :, REMAINING]]
    assert 0.3 < np.mean(hidden) < 0.7
    shown = batches(pools, 1, blank=0.0)
    assert all((batch.prefix > 0).all() for batch in shown)
    assert not (pools["guqin"].features[3][:, REMAINING] == 0).any()  # the pieces themselves stay as they are


def test_styles_without_pieces_take_no_share(pools):
    mixture = Mixture({**pools, "guzheng": Pieces([])}, {"guqin": 0.5, "guzheng": 0.5}, window=24, steps=100)
    assert mixture.names == ["guqin"]
    assert mixture.shares.tolist() == [1.0]
