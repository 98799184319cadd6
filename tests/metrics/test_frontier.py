"""The frontier says outside only where it is, goes on where it was stopped, and finds its dataset."""

import json
import sys

import numpy as np
import pytest

from benchmarks import frontier
from symgen.metrics.continuation import Continued, Variety
from symgen.metrics.twosample import TwoSampleResult


def cell(kind: str, name: str, temperature: float, share: float, distinct: float = 0.9, seed: int = 0) -> frontier.Cell:
    """Return a cell whose classifier is right in a share of 25 windows of each of ten pieces, five times, twice."""
    counts = np.full((2, 5, 10, 2), 25.0)
    counts[..., 0] = np.random.default_rng(seed).binomial(25, share, size=(2, 5, 10))
    accuracy = float(counts[..., 0].sum() / counts[..., 1].sum())
    test = TwoSampleResult(accuracy, 0, 1, (accuracy,) * 5, 250, 10, "piece", (accuracy,) * 10, counts)
    return frontier.Cell(
        kind, name, temperature, 1.0, Continued(test, Variety(distinct, 0.02, 9), Variety(0.9, 0.02, 9)), 1
    )


LIKELIHOOD = [cell("likelihood", f"l{s}", t, 0.7 + abs(t - 1), seed=s) for s in range(3) for t in (0.9, 1.0, 1.1)]


@pytest.mark.parametrize(
    ("share", "distinct", "overall", "as_varied"),
    [
        (0.55, 0.9, "outside", "outside"),
        (0.85, 0.9, "inside", "inside"),
        (0.7, 0.9, "not to be told", "not to be told"),
        (0.55, 1.5, "outside", "there is none"),
    ],
)
def test_a_point_is_outside_only_where_it_is(share: float, distinct: float, overall: str, as_varied: str):
    cells = [cell("adversarial", f"a{s}", 1.0, share, distinct, seed=10 + s) for s in range(3)]
    likelihood, adversarial = frontier.points_of([*LIKELIHOOD, *cells])
    assert [len(point.cells) for point in (*likelihood, *adversarial)] == [3, 3, 3, 1, 1, 1, 3]
    *_, line = frontier.verdicts(likelihood, adversarial)
    _, first, second = line.split("; ")
    assert overall in first
    assert as_varied in second


def test_few_training_seeds_are_named():
    likelihood, adversarial = frontier.points_of([LIKELIHOOD[1], cell("adversarial", "a", 1.0, 0.6)])
    assert "Fewer than three" in frontier.verdicts(likelihood, adversarial)[-1]


def test_a_cell_comes_back_from_json_and_is_drawn(tmp_path):
    one = LIKELIHOOD[0]
    again = frontier.Cell.of(json.loads(json.dumps(one.as_json())))
    assert again.as_json() == one.as_json()
    assert np.array_equal(again.found.test.counts, one.found.test.counts)
    likelihood, adversarial = frontier.points_of([again, cell("adversarial", "a", 1.0, 0.6)])
    for name in ("one.svg", "two.svg"):
        frontier.draw(likelihood, adversarial, "guqin", tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_answers_to_other_questions_are_not_mixed_in(tmp_path):
    path = tmp_path / "new" / "frontier.json"
    assert frontier._known(path, {"seeds": 5}) == {}
    path.write_text(json.dumps({"asked": {"seeds": 5}, "cells": {"a": 1}}))
    assert frontier._known(path, {"seeds": 5}) == {"a": 1}
    with pytest.raises(SystemExit, match="other questions"):
        frontier._known(path, {"seeds": 2})


def test_the_dataset_may_stand_last(monkeypatch):
    asked = []
    monkeypatch.setattr(frontier, "quick", lambda arguments: asked.append((arguments.quick, arguments.dataset)))
    monkeypatch.setattr(sys, "argv", ["frontier.py", "--quick", "a", "b", "data"])
    frontier.main()
    monkeypatch.setattr(sys, "argv", ["frontier.py", "data", "--quick", "a", "b"])
    frontier.main()
    assert [(len(checkpoints), dataset.name) for checkpoints, dataset in asked] == [(2, "data"), (2, "data")]
