"""The two-sample test says half for one source and tells two sources apart."""

import numpy as np
import pytest
import torch

from symgen.errors import CorpusError
from symgen.metrics.continuation import Variety, continued, variety
from symgen.metrics.grammar import masks_for
from symgen.metrics.twosample import TwoSampleConfig, judge, paired_difference, two_sample
from symgen.metrics.windows import (
    COLUMNS,
    Sizes,
    continuations,
    draw_continuations,
    draw_floor,
    draw_whole_pieces,
    real_windows,
)
from symgen.models.generator import Generator, GeneratorConfig
from symgen.models.losses import weights_of
from symgen.models.runtime import Runtime
from symgen.models.windows import Pieces
from symgen.tokens.prefix import Prefix

from .sources import markov_pieces, piece

SIZES = Sizes(window=16, seen=4, train=128, test=64)
CONFIG = TwoSampleConfig(seeds=2, epochs=8, width=16)

TRAINING = Pieces(markov_pieces(1, 20, 80))
UNSEEN = Pieces(markov_pieces(2, 12, 80))
LIKE = Pieces(markov_pieces(3, 24, 80))
UNLIKE = Pieces(markov_pieces(4, 24, 80, {3: 0.9, 0: 0.1}))


@pytest.fixture(scope="module")
def runtime() -> Runtime:
    torch.manual_seed(0)
    config = GeneratorConfig(width=20, layers=1, heads=2, window=24)
    return Runtime(weights_of(Generator(config)), layers=1, heads=2, width=20, window=24)


def test_one_source_cannot_be_told_apart():
    found = two_sample(draw_whole_pieces(TRAINING, UNSEEN, LIKE, SIZES), CONFIG)
    assert 0.4 < found.accuracy < 0.6
    assert found.low < 0.5 < found.high
    floor = two_sample(draw_floor(TRAINING, UNSEEN, SIZES), CONFIG)
    assert 0.4 < floor.accuracy < 0.6


def test_two_sources_are_told_apart():
    done = []
    found = two_sample(draw_whole_pieces(TRAINING, UNSEEN, UNLIKE, SIZES), CONFIG, done.append)
    assert found.accuracy > 0.9
    assert 0.8 < found.low <= found.accuracy <= found.high <= 1
    assert len(found.by_seed) == 2
    assert found.windows == SIZES.test
    assert done == [1, 2]


def test_an_untrained_generator_is_found_out(runtime: Runtime):
    found = two_sample(draw_continuations(runtime, TRAINING, UNSEEN, SIZES), CONFIG)
    assert found.accuracy > 0.9


def test_draws_keep_pieces_apart():
    train, test = draw_floor(TRAINING, UNSEEN, SIZES)(0)
    for sample in (train, test):
        assert not set(sample.real.pieces) & set(sample.composed.pieces)
    train, test = draw_whole_pieces(TRAINING, UNSEEN, LIKE, SIZES)(0)
    assert not set(train.composed.pieces) & set(test.composed.pieces)
    assert max(train.composed.pieces) < 0 <= min(train.real.pieces)


def test_draws_repeat_with_the_seed_and_the_classifier_too(runtime: Runtime):
    draw = draw_continuations(runtime, TRAINING, UNSEEN, Sizes(window=16, seen=4, train=40, test=20))
    (train, test), (again, _), (other, _) = draw(1), draw(1), draw(2)
    assert np.array_equal(train.composed.values, again.composed.values)
    assert not np.array_equal(train.composed.values, other.composed.values)
    before = torch.get_rng_state()
    one, two = (judge(train, test, CONFIG, seed=5) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert torch.equal(torch.get_rng_state(), before)


def test_continuations_begin_where_the_real_windows_do(runtime: Runtime):
    places = [(0, 4), (3, 40), (3, 40)]
    real = real_windows(TRAINING, places, 16)
    written = continuations(runtime, TRAINING, places, SIZES, np.random.default_rng(0))
    assert real.values.shape == written.values.shape == (3, 16, len(COLUMNS))
    phase = list(COLUMNS).index("phase")
    assert real.values[:, 0, phase].tolist() == written.values[:, 0, phase].tolist()
    assert written.pieces.tolist() == [0, 3, 3]


def test_few_pieces_are_resampled_by_stretch_and_shown_one_by_one():
    few = Pieces(markov_pieces(2, 2, 400))
    found = two_sample(draw_floor(Pieces(markov_pieces(1, 3, 400)), few, SIZES, by_passage=True), CONFIG)
    assert (found.unit, found.pieces, len(found.by_piece)) == ("stretch", 2, 2)
    assert found.counts.shape[2] > 6
    assert 0.3 < found.low < 0.5 < found.high < 0.7


def test_passages_of_the_floor_do_not_meet():
    pieces = Pieces(markov_pieces(1, 3, 600))
    for sample in draw_floor(pieces, pieces, SIZES, by_passage=True)(0):
        held = [
            {
                (piece, step)
                for piece, start in zip(side.pieces, side.starts, strict=True)
                for step in range(start, start + 16)
            }
            for side in (sample.real, sample.composed)
        ]
        assert not held[0] & held[1]


def test_differences_are_paired():
    like = two_sample(draw_whole_pieces(TRAINING, UNSEEN, LIKE, SIZES), CONFIG)
    unlike = two_sample(draw_whole_pieces(TRAINING, UNSEEN, UNLIKE, SIZES), CONFIG)
    assert paired_difference([like], [like]) == (0, 0, 0)
    difference, low, high = paired_difference([unlike, unlike], [like])
    assert difference == pytest.approx(unlike.accuracy - like.accuracy, abs=0.02)
    assert 0.2 < low <= difference <= high
    fewer = two_sample(draw_floor(TRAINING, UNSEEN, SIZES), TwoSampleConfig(seeds=1, epochs=1, width=8))
    with pytest.raises(ValueError, match="not of the same"):
        paired_difference([like], [fewer])


def test_the_grammar_strikes_out_of_continuations_what_it_forbids(runtime: Runtime):
    pieces = markov_pieces(1, 4, 60)
    places = [(0, 10), (1, 20), (3, 30)]
    written = continuations(runtime, Pieces(pieces), places, SIZES, np.random.default_rng(0), masks=masks_for(pieces))
    degrees = written.values[:, :, list(COLUMNS).index("chord")]
    assert set(degrees.ravel().tolist()) == {0}  # a voice sings one tone at a time
    free = continuations(runtime, Pieces(pieces), places, SIZES, np.random.default_rng(0))
    assert set(free.values[:, :, list(COLUMNS).index("chord")].ravel().tolist()) != {0}


def test_where_the_grammar_knows_no_way_on_nothing_is_struck_out(runtime: Runtime):
    off_the_grid = [piece([0, 2] * 20, [30, 40] + [240] * 38, prefix=Prefix("folk"))]  # 70 ticks after the beat
    written = continuations(
        runtime, Pieces(off_the_grid), [(0, 10)], SIZES, np.random.default_rng(0), masks=masks_for(off_the_grid)
    )
    assert (written.values[..., list(COLUMNS).index("length")] > 0).all()


def test_variety_of_windows():
    loop, line = (
        real_windows(Pieces([piece(tones, [240] * 16)]), [(0, 0)], 16) for tones in ([0, 2] * 8, list(range(16)))
    )
    assert variety([line]) == Variety(1, 0, pytest.approx(np.log2(15)))
    assert variety([loop]).repeats == pytest.approx(11 / 13)
    assert variety([loop]).distinct == pytest.approx(2 / 13)


def test_one_call_asks_about_a_generator(runtime: Runtime):
    found = continued(runtime, TRAINING, UNSEEN, TwoSampleConfig(seeds=1, epochs=2, width=8), SIZES)
    assert found.test.accuracy > 0.6
    assert found.as_json()["real"]["repeats"] == pytest.approx(found.real.repeats, abs=1e-4)


def test_contexts_are_those_of_single_walks():
    places = [(3, 40), (0, 4), (3, 7), (3, 40)]
    for place, context in TRAINING.contexts(places).items():
        assert context.features() == TRAINING.context(*place).features()


def test_what_a_step_shows():
    tones: list[int | None] = [0, 2, None, 14, 0, 2, 2, 0]
    windows = real_windows(Pieces([piece(tones, [240] * 8)]), [(0, 0)], 8)
    shown = dict(zip(COLUMNS, windows.values[0].T.tolist(), strict=True))
    assert [leap - 25 if leap else None for leap in shown["leap"]] == [None, 2, None, 12, -14, 2, 0, -2]
    assert shown["since_tone"] == [0, 0, 0, 0, 4, 4, 1, 3]
    assert shown["since_pair"] == [0, 0, 0, 0, 0, 4, 0, 0]
    assert all(max(values) < COLUMNS[name] for name, values in shown.items())


def test_leaps_beyond_the_table_are_held():
    windows = real_windows(Pieces([piece([-48, 59, -48], [240] * 3)]), [(0, 0)], 3)
    leap = windows.values[0, :, list(COLUMNS).index("leap")]
    assert leap.tolist() == [0, 49, 1]


def test_short_pieces_are_refused():
    short = Pieces(markov_pieces(1, 3, SIZES.window))
    with pytest.raises(CorpusError, match="long enough"):
        two_sample(draw_floor(short, UNSEEN, SIZES), CONFIG)


def test_a_single_piece_is_no_corpus():
    single = Pieces(markov_pieces(1, 1, 200))
    with pytest.raises(CorpusError, match="at least two pieces"):
        two_sample(draw_whole_pieces(single, UNSEEN, LIKE, SIZES), CONFIG)
