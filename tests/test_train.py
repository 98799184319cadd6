"""Training end to end on a corpus made in sight: dataset in, checkpoint out, stopped and continued."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from symgen.compose import ComposeRequest, compose_takes
from symgen.convert import ConvertRequest, convert
from symgen.corpus.dataset import Dataset
from symgen.errors import CorpusError, UsageError
from symgen.listening import load_ear
from symgen.models.adversarial_stage import AdversarialStage
from symgen.models.card import record_figures
from symgen.models.checkpoint import load_checkpoint
from symgen.models.discriminator import AdversaryConfig
from symgen.models.generator import GeneratorConfig
from symgen.models.likelihood import Stage
from symgen.models.recipe import EarPlan
from symgen.score import Metre, Score, make_notes
from symgen.train import Recipe, TrainRequest, train
from symgen.writers import write

SMALL = GeneratorConfig(width=16, layers=1, heads=2, window=32, dropout=0.0)
DUEL = AdversarialStage(
    updates=3, contexts=3, siblings=2, seen=8, heard=4, length=6, warm_up=2, memory=2, evaluate_every=1,
    shares={"folk": 1.0}, adversary=AdversaryConfig(folds=2, members=1, width=8, hidden=8),
)  # fmt: skip
RECIPE = Recipe(
    ear=None,
    stages=(
        Stage("folk", 4, {"folk": 1.0}, "folk", dropout=0.0, batch_steps=128, evaluate_every=2),
        Stage("zither", 4, {"guqin": 1.0, "folk": 0.5}, "guqin", dropout=0.1, batch_steps=128, evaluate_every=2),
    ),
    adversarial=DUEL,
    config=SMALL,
)


def tune(number: int) -> Score:
    """A walk over the pentatonic on C that ends on its gong."""
    rng = np.random.default_rng(number)
    walk = np.cumsum(rng.integers(-1, 2, size=40)) % 10
    pitches = [60 + 12 * (step // 5) + (0, 2, 4, 7, 9)[step % 5] for step in walk.tolist()] + [60]
    return Score(
        make_notes([(240 * i, 240, pitch) for i, pitch in enumerate(pitches)]),
        metres=(Metre(0, 2, 4),), title=f"tune {number}", end=240 * 44,
    )  # fmt: skip


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    """Twenty folk tunes, some of them held out by a declaration."""
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "scores").mkdir()
    for number in range(20):
        write(tune(number), folder / f"scores/{number}.mid")
    (folder / "corpora").mkdir()
    held_out = json.dumps([f"tune {number}" for number in range(4)])
    (folder / "corpora/walks.toml").write_text(
        f'name = "walks"\nlicence = "made here"\nstyle = "folk"\nmatch = ["scores/*.mid"]\ngong = "C"\n'
        f"[split]\nvalidation = {held_out}\n"
    )
    convert(ConvertRequest([folder / "scores"], folder / "walks.symgen", corpora=folder / "corpora"))
    return folder / "walks.symgen"


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def trained(dataset, tmp_path_factory):
    output = tmp_path_factory.mktemp("trained") / "walks"
    return train(TrainRequest(dataset, "folk", output, recipe=RECIPE, threads=1))  # as many as every test has


def test_a_checkpoint_comes_out_that_composes(trained):
    checkpoint = load_checkpoint(trained.output)
    assert checkpoint.facts["data"][0]["licence"] == "made here"
    assert set(trained.as_json()["bits_per_note"]) == {"folk"}
    request = ComposeRequest("folk", mode="gong", bars=4, seed=3, checkpoint=trained.output, temperature=0.5)
    assert compose_takes(request).takes[0].bars == 4


def test_the_card_names_data_licence_and_limits(trained):
    card = (trained.output / "README.md").read_text("utf-8")
    assert "made here" in card
    assert "## Limits" in card


def test_measured_figures_are_added_to_the_card(trained, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(trained.output, copy)
    card = record_figures(load_checkpoint(copy), {"measured_folk": {"two-sample accuracy": "0.61 (0.55 to 0.67)"}})
    assert "| two-sample accuracy | 0.61 (0.55 to 0.67) |" in card.read_text("utf-8")
    assert load_checkpoint(copy).facts["figures"]["bits_per_note"] == trained.bits


def test_an_adversary_comes_out_that_hears(dataset, tmp_path, trained):
    shutil.copytree(trained.output.with_name("walks.run"), tmp_path / "walks.run")
    result = train(TrainRequest(dataset, "folk", tmp_path / "walks", recipe=replace(RECIPE, ear=EarPlan(16))))
    checkpoint = load_checkpoint(tmp_path / "walks")
    assert set(result.ears) == {"folk"}
    assert load_ear(checkpoint, "folk").versions > 1
    assert checkpoint.weights_digest == load_checkpoint(trained.output).digest != checkpoint.digest
    assert "ear.safetensors" in (tmp_path / "walks" / "README.md").read_text("utf-8")


def test_where_none_can_be_made_the_training_stands(dataset, tmp_path, trained, monkeypatch):
    def refuse(request, progress):
        raise CorpusError("too few", expected="more")

    monkeypatch.setattr("symgen.train.make_critic", refuse)
    shutil.copytree(trained.output.with_name("walks.run"), tmp_path / "walks.run")
    result = train(TrainRequest(dataset, "folk", tmp_path / "walks", recipe=replace(RECIPE, ear=EarPlan(16))))
    assert result.as_json()["no_ear"] == "too few; expected more"
    assert load_ear(load_checkpoint(tmp_path / "walks"), "folk") is None


def test_the_adversary_never_sees_what_is_held_out(dataset):
    held_out = Dataset(dataset).numbers(split="validation")
    assert len(held_out) == 4
    assert not set(held_out) & set(Dataset(dataset).numbers(split="train"))


def test_a_stopped_run_goes_on(dataset, tmp_path):
    """Stopped after likelihood and then in the duel, it ends with a checkpoint and every stage done once."""
    likelihood = replace(RECIPE, adversarial=None)
    train(TrainRequest(dataset, "folk", tmp_path / "out", recipe=likelihood))
    shorter = replace(RECIPE, adversarial=replace(DUEL, updates=1))
    train(TrainRequest(dataset, "folk", tmp_path / "out", recipe=shorter))
    train(TrainRequest(dataset, "folk", tmp_path / "out", recipe=RECIPE))
    lines = [json.loads(line) for line in (tmp_path / "out.run/log.jsonl").read_text().splitlines()]
    assert [line["update"] for line in lines if "gain" in line] == [1, 2, 3]
    assert [line["step"] for line in lines if line["stage"] == "folk"] == [2, 4]


def test_training_twice_gives_the_same_bytes(dataset, tmp_path, trained):
    again = train(TrainRequest(dataset, "folk", tmp_path / "walks", recipe=RECIPE, threads=1))
    for name in ("generator.safetensors", "corpus.safetensors", "checkpoint.json"):
        assert (again.output / name).read_bytes() == (trained.output / name).read_bytes()


def test_a_style_that_is_not_there_is_refused(dataset, tmp_path):
    with pytest.raises(UsageError, match="holds no guqin piece, only folk"):
        train(TrainRequest(dataset, "guqin", tmp_path / "out", recipe=RECIPE))


def test_too_few_pieces_are_refused(tmp_path):
    for number in range(3):
        write(tune(number), tmp_path / f"{number}.mid")
    convert(ConvertRequest([tmp_path / f"{n}.mid" for n in range(3)], tmp_path / "few", style="folk"))
    with pytest.raises(CorpusError, match="at least 5"):
        train(TrainRequest(tmp_path / "few", "folk", tmp_path / "out", recipe=RECIPE))
