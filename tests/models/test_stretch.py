"""The same music in notes twice and half as long."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from symgen.models.mixture import Mixture
from symgen.models.stretch import stretch
from symgen.models.windows import Pieces
from symgen.score import Metre
from symgen.tokens import rhythm
from tests.models.music import random_tune


@given(st.integers(0, 1000), st.sampled_from([(), (Metre(0, 2, 4),), (Metre(0, 4, 4), Metre(3840, 3, 8))]))
@settings(max_examples=40)
def test_there_and_back(seed, metres):
    piece = random_tune(seed, 20, metres)
    longer = stretch(piece, 2, 1)
    if longer is None:
        return
    assert longer.onsets().tolist() == (2 * piece.onsets()).tolist()
    assert np.array_equal(longer.melody, piece.melody)
    assert [(2 * m.tick, m.numerator) for m in metres] == [(m.tick, m.numerator) for m in longer.metres]
    back = stretch(longer, 1, 2)
    assert back is not None
    assert np.array_equal(back.rhythm, piece.rhythm)
    assert back.metres == piece.metres
    assert back.prefix == piece.prefix


def test_what_no_token_holds_is_left_alone():
    piece = random_tune(0, 20, ())
    shortest = np.full_like(piece.rhythm, rhythm.rhythm_token(30, 30))
    longest = np.full_like(piece.rhythm, rhythm.rhythm_token(7680, 7680))
    for tokens, times in ((shortest, (1, 2)), (longest, (2, 1))):
        made = type(piece)(tokens, piece.melody, piece.chord, 60)
        assert stretch(made, *times) is None
        assert np.array_equal(Pieces([made]).stretched(*times)[0].steps[1:], made.steps())


def test_a_mixture_stretches_some_batches():
    pieces = Pieces([random_tune(seed, 40, (Metre(0, 4, 4),)) for seed in range(3)])
    known = {row.tobytes() for number in range(3) for row in pieces[number].steps.astype(np.int64)}

    def new(share):
        mixture = Mixture({"guqin": pieces}, {"guqin": 1.0}, window=30, steps=90, stretched=share)
        batches = [mixture.batch(np.random.default_rng(seed)) for seed in range(30)]
        return np.mean([any(row.tobytes() not in known for row in b.steps[0, 1:][b.mask[0]]) for b in batches])

    assert new(0.0) == 0.0
    assert 0.2 < new(0.5) < 0.8
    assert new(1.0) > 0.7  # some notes have no half
