"""Training end to end, on toy pieces and a tiny network: own corpora, resuming, refusals."""

import hashlib
import json
from dataclasses import replace

import pytest
import torch

from symgen.errors import CheckpointError, CorpusError, UsageError, WriteError
from symgen.models.checkpoint import load_checkpoint
from symgen.train import TrainRequest, train
from tests.models.music import TINY
from tests.training import RECIPE, dataset


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def request_(tmp_path):
    return TrainRequest(dataset(tmp_path / "own.symgen"), "guqin", tmp_path / "own", recipe=RECIPE)


@pytest.mark.parametrize("style", ["guqin", "guzheng", "folk"])
def test_a_corpus_of_one_style_is_enough(tmp_path, style):
    data = dataset(tmp_path / "own.symgen", style)
    result = train(TrainRequest(data, style, tmp_path / "own", recipe=RECIPE))
    assert result.pieces == {style: 4}
    checkpoint = load_checkpoint(tmp_path / "own")
    assert checkpoint.styles[style]["pieces"] == 4
    assert len(checkpoint.fingerprints["runs"])
    assert "# own" in (tmp_path / "own" / "README.md").read_text("utf-8")


def test_run_again_it_has_nothing_to_do(request_):
    first = train(request_)
    weights = (request_.output / "generator.safetensors").read_bytes()
    assert train(request_) == first
    assert (request_.output / "generator.safetensors").read_bytes() == weights


def test_the_style_judges_the_last_stage(request_, monkeypatch, tmp_path):
    judges = []
    monkeypatch.setattr(
        "symgen.models.likelihood.Run.fit", lambda self, stage, mix, val, judge, tell: judges.append(judge)
    )
    data = dataset(tmp_path / "zheng.symgen", "guzheng")
    train(replace(request_, dataset=data, style="guzheng", recipe=replace(RECIPE, adversarial=None)))
    assert set(judges) == {"guzheng"}


def test_the_dataset_is_known_by_its_index(request_):
    """By the digest that it holds of it; one that holds none is read for it."""
    train(replace(request_, recipe=replace(RECIPE, adversarial=None)))
    note = json.loads((request_.output.parent / "own.run" / "training.json").read_text())
    assert note["dataset"] == hashlib.sha256((request_.dataset / "index.jsonl").read_bytes()).hexdigest()
    facts = json.loads((request_.dataset / "dataset.json").read_text())
    del facts["files"]
    (request_.dataset / "dataset.json").write_text(json.dumps(facts))
    train(replace(request_, recipe=replace(RECIPE, adversarial=None)))  # the same training, not another


class TestRefused:
    @pytest.mark.parametrize("change", [{"seed": 1}, {"recipe": replace(RECIPE, config=replace(TINY, layers=2))}])
    def test_the_state_of_another_training(self, request_, change):
        train(request_)
        with pytest.raises(UsageError, match=r"holds a training with another (seed|network)"):
            train(replace(request_, **change))

    def test_the_state_of_a_training_on_other_pieces(self, request_, tmp_path):
        train(request_)
        with pytest.raises(UsageError, match="another dataset"):
            train(replace(request_, dataset=dataset(tmp_path / "other.symgen", seed=50)))

    def test_a_damaged_snapshot(self, request_):
        train(request_)
        snapshot = max((request_.output.parent / "own.run").glob("adversarial-*"))
        snapshot.write_bytes((request_.output.parent / "own.run" / "best.safetensors").read_bytes())
        with pytest.raises(CheckpointError, match="does not fit"):
            train(request_)

    def test_short_pieces(self, request_, tmp_path):
        with pytest.raises(CorpusError, match="no training piece has 32 steps"):
            train(replace(request_, dataset=dataset(tmp_path / "short.symgen", notes=10)))
        assert not request_.output.exists()

    @pytest.mark.parametrize("style", ["unknown", "jazz", "folk"])
    def test_style(self, request_, style):
        with pytest.raises(UsageError, match=style):
            train(replace(request_, style=style))

    def test_seed(self, request_):
        with pytest.raises(UsageError, match="seed -1"):
            train(replace(request_, seed=-1))

    def test_a_folder_with_somebody_elses_readme(self, request_):
        request_.output.mkdir()
        (request_.output / "README.md").write_text("mine")
        with pytest.raises(UsageError, match="not a checkpoint's"):
            train(request_)
        assert (request_.output / "README.md").read_text() == "mine"

    def test_an_output_that_is_a_file(self, request_):
        request_.output.write_text("mine")
        with pytest.raises(WriteError, match="cannot be made"):
            train(request_)
