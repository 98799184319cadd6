"""The metre that windows are told."""

from dataclasses import replace

import numpy as np
import pytest

from symgen.models.features import PLACE
from symgen.models.metres import barred, commonest_class, metre_classes
from symgen.models.mixture import Mixture
from symgen.models.windows import Pieces
from symgen.score import Metre, Score, make_notes
from symgen.tokens.codec import encode
from symgen.tokens.prefix import FIELDS, METRES, STYLES
from tests.models.music import random_tune

METRE = list(FIELDS).index("metre")
CHANGING = (Metre(0, 2, 4), Metre(960 * 4, 3, 4), Metre(960 * 4 + 1440 * 2, 7, 8))


def test_the_class_that_holds_at_each_onset():
    onsets = np.array([0, 3839, 3840, 6720, 9999])
    assert [METRES[c] for c in metre_classes(CHANGING, onsets)] == ["2/4", "2/4", "3/4", "7/8", "7/8"]
    assert metre_classes((), onsets).tolist() == [0] * 5
    assert METRES[metre_classes((Metre(0, 45, 4),), onsets)[0]] == "variable"


def test_the_commonest_class():
    assert commonest_class(np.array([3, 3, 2], np.int8)) == 3
    assert commonest_class(np.zeros(4, np.int8)) == 0


@pytest.mark.parametrize("beats", [2, 3, 4])
@pytest.mark.parametrize("upbeat", [0, 1])
def test_bars_begin_where_the_long_notes_do(beats, upbeat):
    rows, onset = [], 0
    for quarter in range(40 * beats):
        if (quarter - upbeat) % beats == 0 and quarter >= upbeat:
            rows.append((onset, 480, 60, 80))
        else:
            rows += [(onset, 240, 62, 80), (onset + 240, 240, 64, 80)]
        onset += 480
    sequence = encode(Score(make_notes(rows)), style="guzheng", gong=0)
    made = barred(replace(sequence, metres=()), beats)
    assert made.metres[-1] == Metre(480 * upbeat, beats, 4)
    assert made.prefix.metre == f"{beats}/4"
    assert np.array_equal(made.steps(), sequence.steps())


def test_a_piece_with_bar_lines_keeps_them():
    piece = random_tune(0)
    assert barred(piece, 4) is piece


def pool(metres):
    return Pieces([random_tune(seed, notes=80, metres=metres, style="guzheng") for seed in range(4)])


def test_windows_are_told_their_own_metre():
    """At times that of most of their steps, at other times that of their piece."""
    mixture = Mixture({"guzheng": pool(CHANGING)}, {"guzheng": 1.0}, window=12, steps=120, blank=0.0, barred=0.5)
    told = {METRES[n] for s in range(20) for n in mixture.batch(np.random.default_rng(s)).prefix[:, METRE]}
    assert told == {"variable", "2/4", "3/4", "7/8"}


def test_pieces_without_bar_lines_are_given_some():
    mixture = Mixture({"guzheng": pool(())}, {"guzheng": 1.0}, window=12, steps=120, blank=0.0, barred=0.5)
    told = set()
    for seed in range(20):
        batch = mixture.batch(np.random.default_rng(seed))
        known = batch.features[..., PLACE["bar_position"]][batch.mask] > 0
        names = {METRES[number] for number in batch.prefix[:, METRE]}
        assert known.all() if names != {"unknown"} else not known.any()
        told |= names
    assert told == {"unknown", "2/4", "4/4"}


def test_grafted_windows_begin_with_another_style_that_is_not_learnt():
    """The rest of a window, and what is known of it, are as they were."""
    pools = {
        name: Pieces([random_tune(10 * n + seed, notes=80, style=name) for seed in range(3)])
        for n, name in enumerate(("guqin", "folk"))
    }
    options = {"window": 40, "steps": 200, "blank": 0.0, "asked": 0.0, "aimed": 0.0}
    plain = Mixture(pools, {"guqin": 1.0, "folk": 1.0}, **options)
    grafted = Mixture(pools, {"guqin": 1.0, "folk": 1.0}, **options, grafted=1.0)
    for seed in range(10):
        one, two = (mixture.batch(np.random.default_rng(seed)) for mixture in (plain, grafted))
        first = two.mask.argmax(axis=1)
        assert ((first > 0) | (one.mask.sum(axis=1) < 8)).all()
        assert (first <= one.mask.sum(axis=1) // 2).all()
        for row, begun in enumerate(first.tolist()):
            assert np.array_equal(one.steps[row, begun + 1 :], two.steps[row, begun + 1 :])
            assert np.array_equal(one.features[row, begun:], two.features[row, begun:])
            if not begun:
                continue
            other = pools["folk" if one.prefix[row, 0] == STYLES.index("guqin") else "guqin"]
            seen = two.steps[row, : begun + 1]
            assert any(contains(other[n].steps, seen) for n in range(3))


def contains(steps, part):
    """Tell whether the rows of `part` stand in a row in `steps`."""
    return any(np.array_equal(steps[at : at + len(part)], part) for at in range(len(steps) - len(part) + 1))
