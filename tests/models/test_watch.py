"""What undoes updates of the generator."""

import numpy as np
import pytest

from symgen.models.watch import Limits, Watch, copied, distinct, run_table
from symgen.models.windows import Pieces
from tests.models.music import random_tune

CALM = {"divergence": 0.05, "entropy": 4.0, "distinct": 0.9, "copied": 0.01}


def first_breach(change, updates=60):
    """Return what was said first when figures change after the first updates."""
    watch = Watch(Limits(settle=5))
    for update in range(updates):
        said = watch.breach("guqin", CALM if update < 10 else {**CALM, **change})
        if said:
            return said
    return ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, ""),
        ({"divergence": 0.9}, "from the anchor"),
        ({"entropy": 1.0}, "entropy fell"),
        ({"distinct": 0.2}, "distinct fell"),
        ({"copied": 0.3}, "copied runs rose"),
        ({"gain": float("nan")}, "not a number"),
    ],
)
def test_limits(change, words):
    said = first_breach(change)
    assert words in said
    assert bool(said) == bool(words)


def test_one_bad_update_is_none():
    watch = Watch(Limits(settle=5))
    figures = [CALM] * 10 + [{**CALM, "entropy": 2.5}] + [CALM] * 10
    assert not any(watch.breach("guqin", one) for one in figures)


def test_styles_are_not_measured_by_each_other():
    """One varies less than the other, and they come in runs: nothing has got worse."""
    watch = Watch(Limits(settle=3))
    plain = {**CALM, "distinct": 0.4, "entropy": 2.0, "copied": 0.2}
    updates = [("guqin", CALM)] * 5 + [("guzheng", plain)] * 30 + [("guqin", CALM)] * 5
    assert not any(watch.breach(style, figures) for style, figures in updates)
    assert "guzheng: distinct fell" in [watch.breach("guzheng", {**plain, "distinct": 0.1}) for _ in range(30)][-1]


def test_undone_twice_is_over():
    watch = Watch(Limits(settle=1))
    watch.breach("guqin", CALM)
    watch.undo()
    assert not watch.over
    watch.undo()
    assert watch.over


def test_copies_are_found_and_transposed_ones_are_the_same_tokens():
    pieces = [random_tune(seed, 60) for seed in range(3)]
    table = run_table(Pieces(pieces[:2]))
    own, other = (piece.steps().astype(np.int64)[None] for piece in (pieces[0], pieces[2]))
    assert copied(own, table) == 1.0
    assert copied(other, table) < 0.2
    assert copied(own[:, :5], table) == 0.0


def test_distinct_counts_runs_once():
    steps = np.zeros((2, 12, 3), np.int64)
    assert distinct(steps) == pytest.approx(1 / 18)
    steps[0, :, 1], steps[1, :, 1] = np.arange(12), np.arange(12) + 100
    assert distinct(steps) == 1.0
