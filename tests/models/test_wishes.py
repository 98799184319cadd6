"""What training says was asked for: levels of passages, and notes to be reached."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symgen.models.columns import piece_features
from symgen.models.context import Context, Goal
from symgen.models.features import DIALS, FEATURES, GOAL, LEVELS, PLACE
from symgen.models.mixture import Mixture
from symgen.models.windows import Pieces
from symgen.models.wishes import PASSAGE, ask_goal, passage_levels
from symgen.score import Metre, Score, make_notes
from symgen.tokens.codec import encode
from tests.models.music import random_tune


def passages(*rows):
    """Return the levels of a piece by dial, one of each passage, from (length, leap, pitch) of each passage."""
    notes, onset = [], 0
    for length, leap, pitch in rows:
        for step in range(PASSAGE // length):
            notes.append((onset, length, pitch + leap * (step % 2)))
            onset += length
    piece = encode(Score(make_notes(notes), metres=(Metre(0, 4, 4),)), gong=0)
    levels = passage_levels(piece)
    firsts = np.searchsorted(piece.onsets(), np.arange(len(rows)) * PASSAGE)
    return {name: levels[firsts, place].tolist() for place, name in enumerate(DIALS)}


@pytest.mark.parametrize(
    ("dial", "rows"),
    [
        ("density", [(960, 2, 60), (480, 2, 60), (240, 2, 60)]),
        ("leaps", [(480, 2, 60), (480, 3, 60), (480, 12, 60)]),
        ("register", [(480, 2, 48), (480, 2, 60), (480, 2, 72)]),
    ],
)
def test_more_of_it_is_a_higher_level(dial, rows):
    levels = passages(*rows)[dial]
    assert levels == sorted(set(levels))
    assert 1 <= levels[0] < levels[-1] <= LEVELS


def test_a_passage_of_few_tones_tells_nothing():
    assert passages((PASSAGE // 2, 2, 60))["density"] == [0]


@given(st.integers(0, 500), st.integers(1, 30))
@settings(max_examples=25)
def test_a_goal_in_training_is_the_goal_while_composing(seed, place):
    piece = random_tune(seed, 30)
    place = min(place, len(piece) - 2)
    times, steps = piece.onsets(), piece.steps()
    features = piece_features(piece).astype(np.int64)
    ask_goal(features, steps, times, place)
    context = Context(piece.metres, piece.end)
    context.goal = Goal(int(times[place]), *steps[place, :2].tolist(), int(steps[place + 1, 1]))
    for row, tokens in zip(features.tolist(), steps.tolist(), strict=True):
        assert row == list(context.features())
        context.append(*tokens)


def test_batches_ask_now_and_then():
    pieces = Pieces([random_tune(seed, 60) for seed in range(4)])
    asked = Mixture({"guqin": pieces}, {"guqin": 1.0}, window=40, steps=400, asked=0.5, aimed=0.5)
    silent = Mixture({"guqin": pieces}, {"guqin": 1.0}, window=40, steps=400, asked=0.0, aimed=0.0)
    told = [PLACE[name] for name in (*DIALS, *GOAL)]
    shares = np.mean(
        [
            (asked.batch(np.random.default_rng(seed)).features[..., told] > 0).any(axis=1).mean(axis=0)
            for seed in range(20)
        ],
        axis=0,
    )
    assert ((shares > 0.2) & (shares < 0.8)).all()
    assert not silent.batch(np.random.default_rng(0)).features[..., told].any()
    assert not pieces.batch([(0, 0)], 40).features[..., told].any()
    assert max(told) < len(FEATURES)
