"""What is said of a checkpoint: every source with its wording, what was measured, and what is not known."""

import json

import pytest

from symgen import console
from symgen.about import about
from symgen.cli import app
from symgen.errors import CheckpointError
from symgen.models.checkpoint import save_checkpoint
from symgen.models.losses import weights_of
from tests.models.music import TINY, random_generator

SOURCES = [
    ("none stated; scans", ["states no licence: nobody gave a permission that could be quoted"]),
    ("academic research, no commercial use", ["rules commercial use of its encodings out", "is given for study and"]),
    ("CC0", ["is free of rights"]),
    ("beer licence", ["has conditions of its own: read them"]),
]


@pytest.fixture
def checkpoint(tmp_path):
    """Return a checkpoint with sources of all kinds."""
    rows = [
        {"title": f"Tunes {n}", "style": "folk", "source": "here", "licence": licence, "pieces": 1000, "notes": 20000}
        for n, (licence, _) in enumerate(SOURCES)
    ]
    figures = {"measured_folk": {"8-note runs copied": "real 0.03; composed 0.04", "other": "1"}}
    facts = {"data": rows, "figures": figures, "parameters": 1234, "version": "0.1.0"}
    styles = {"folk": {"pieces": 9, "human_longest_run": 8, "human_longest_run_p90": 29}}
    weights = weights_of(random_generator(TINY))
    save_checkpoint(tmp_path / "tiny", config=TINY.as_json(), weights=weights, styles=styles, facts=facts)
    return tmp_path / "tiny"


def test_all_that_is_known(checkpoint):
    found = about(checkpoint)
    assert (found.name, found.parameters) == ("tiny", 1234)
    for row, (licence, words) in zip(found.sources, SOURCES, strict=True):
        assert row["licence"] == licence
        assert all(any(word in said for said in row["means"]) for word in words)
    lines = "\n".join(found.lines())
    assert "Tunes 0: 1,000 pieces, 20,000 notes of folk (here)" in lines
    assert "licence wording: academic research, no commercial use" in lines
    assert "runs of 8 notes that are in training pieces: real 0.03; composed 0.04" in lines
    assert "share a run of 8 notes with it (median, nine in ten at most 29)" in lines
    assert "does not settle it" in lines


def test_a_checkpoint_that_says_little(tmp_path):
    weights = weights_of(random_generator(TINY))
    save_checkpoint(tmp_path, config=TINY.as_json(), weights=weights, styles={"folk": {}}, facts={})
    lines = list(about(tmp_path).lines())
    assert "  nothing that it names" in lines
    assert "  nothing" in lines


@pytest.mark.parametrize("facts", [{"data": 5}, {"data": [{}]}, {"data": ["x"]}, {"figures": 3}, {"parameters": "a"}])
def test_damaged_facts_are_one_line(tmp_path, facts):
    weights = weights_of(random_generator(TINY))
    save_checkpoint(tmp_path, config=TINY.as_json(), weights=weights, styles={"folk": {}}, facts=facts)
    with pytest.raises(CheckpointError, match="does not say what it learnt from"):
        about(tmp_path)


def test_the_command(checkpoint, capsys):
    assert console.run(app, ["about", str(checkpoint)]) == 0
    assert capsys.readouterr().out.startswith("tiny: 1,234 weights, digest ")
    assert console.run(app, ["about", str(checkpoint), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["sources"]) == 4
    assert console.run(app, ["about", "no such one"]) == 1


def test_the_one_that_ships():
    assert any("licence wording" in line for line in about().lines())
