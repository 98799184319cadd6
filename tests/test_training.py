"""A training as a user runs it: recipes, estimates, interrupts in every stage, several processes."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from symgen.cli import main
from symgen.errors import UsageError, WriteError
from symgen.models.checkpoint import load_checkpoint
from symgen.models.recipe import read_recipe
from symgen.models.snapshots import snapshots
from symgen.train import TrainRequest, estimate, train
from tests.training import RECIPE, TOML, dataset, recipe_file


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return dataset(tmp_path_factory.mktemp("data") / "own.symgen")


@pytest.fixture
def request_(data, tmp_path):
    return TrainRequest(data, "guqin", tmp_path / "own", recipe=recipe_file(tmp_path), device="cpu")


@pytest.fixture(scope="module")
def straight(data, tmp_path_factory):
    """Return the weights of a training that nothing stopped, as bytes."""
    folder = tmp_path_factory.mktemp("straight")
    train(TrainRequest(data, "guqin", folder / "own", recipe=recipe_file(folder), device="cpu", threads=1))
    return (folder / "own/generator.safetensors").read_bytes()


def words(request):
    return ["train", str(request.dataset), "-s", "guqin", "-o", str(request.output), "--recipe", str(request.recipe)]


class Stopped(Exception):  # noqa: N818 - somebody pulls the plug
    pass


def test_the_checkpoint_keeps_its_recipe_and_it_trains_the_same(request_, straight, tmp_path):
    train(request_)
    kept = load_checkpoint(request_.output).facts["recipe"]
    assert kept == read_recipe(request_.recipe).as_json()
    again = replace(request_, output=tmp_path / "again", recipe=request_.output)
    train(again)
    assert (again.output / "generator.safetensors").read_bytes() == straight


@pytest.mark.parametrize("place", range(8))
def test_killed_anywhere_it_goes_on_to_the_same_bits(request_, straight, place):
    """Each message is a place to die at: updates of likelihood, writing and warming up, updates of the duel."""
    told = []

    def die(message, done=0, total=0):
        told.append(message)
        if len(told) == 3 + place:
            raise Stopped

    with pytest.raises(Stopped):
        train(request_, die)
    train(request_)
    assert (request_.output / "generator.safetensors").read_bytes() == straight


@pytest.mark.parametrize("where", ["first", "adversarial: writing", "adversarial: the adversary is right"])
def test_interrupted_it_saves_and_says_how_to_go_on(request_, straight, where):
    def interrupt(message, done=0, total=0):
        if message.startswith(where) and done == 1:
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt, match=r"stopped after update \d of .*; the same command again goes on"):
        train(request_, interrupt)
    assert signal.getsignal(signal.SIGINT) == before
    train(request_)
    assert (request_.output / "generator.safetensors").read_bytes() == straight


def test_a_second_interrupt_breaks_off(request_):
    def interrupt(message, done=0, total=0):
        if message.startswith("first") and done == 1:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt) as caught:
        train(request_, interrupt)
    assert str(caught.value) == ""


def test_on_the_command_line_an_interrupt_is_130_and_one_line(request_, tmp_path):
    endless = TOML.replace("steps = 4", "steps = 100000").replace("evaluate_every = 2", "evaluate_every = 9999")
    recipe_file(tmp_path, endless)
    environment = os.environ | {"PYTHONPATH": str(Path.cwd()), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "symgen", *words(request_), "--device", "cpu"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        next(line for line in process.stderr if line.startswith("first"))
        process.send_signal(signal.SIGINT)
        said = process.stderr.read().splitlines()
    assert process.returncode == 130
    assert "stopped after update" in said[-1]
    assert (tmp_path / "own.run" / "state.safetensors").exists()


def test_a_full_disk_in_the_duel_leaves_the_last_snapshot(request_, straight, monkeypatch):
    real, left = os.fsync, [100]

    def fill(message, done=0, total=0):
        if message.startswith("adversarial: the adversary is right") and done == 1:
            left[0] = 0

    def fsync(file):
        if left[0] <= 0:
            raise OSError(28, os.strerror(28))
        real(file)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        with pytest.raises(WriteError, match="No space left on device"):
            train(request_, fill)
    assert [path.stem for path in snapshots(request_.output.parent / "own.run", "adversarial")] == ["adversarial-00000"]
    train(request_)
    assert (request_.output / "generator.safetensors").read_bytes() == straight


class TestRecipesOfOneTraining:
    def test_a_stage_that_has_begun_goes_on_as_it_began(self, request_, tmp_path):
        train(request_)
        recipe_file(tmp_path, TOML.replace("average = 0.9", "average = 0.8"))
        with pytest.raises(UsageError, match="another average in the stage first"):
            train(request_)
        recipe_file(tmp_path, TOML.replace("siblings = 2", "siblings = 3"))
        with pytest.raises(UsageError, match="another siblings in the stage adversarial"):
            train(request_)
        recipe_file(tmp_path, TOML.replace('name = "first"', 'name = "second"'))
        with pytest.raises(UsageError, match="another kind in the stage first"):
            train(request_)

    def test_the_duel_can_be_made_longer(self, request_, tmp_path):
        train(request_)
        recipe_file(tmp_path, TOML.replace("updates = 3", "updates = 4"))
        train(request_)
        assert load_checkpoint(request_.output).facts["recipe"]["stage"][1]["updates"] == 4

    @pytest.mark.parametrize("text", ["[1]", "{", "[" * 100_000, '{"recipe": 3}', "\xff"])
    def test_a_damaged_note(self, request_, text):
        train(request_)
        (request_.output.parent / "own.run" / "training.json").write_bytes(text.encode("latin-1"))
        with pytest.raises(Exception, match=r"training.json|holds a training with another dataset"):
            train(request_)


class TestEstimate:
    def test_it_says_how_long_and_writes_nothing(self, request_, tmp_path):
        found = estimate(request_)
        assert [row.stage for row in found.stages] == ["first", "adversarial"]
        assert all(row.seconds > row.update_seconds > 0 for row in found.stages)
        assert found.memory_bytes is None or found.memory_bytes > 2**20
        assert json.loads(json.dumps(found.as_json()))["recipe"]["network"]["width"] == 16
        assert sorted(path.name for path in tmp_path.iterdir()) == ["recipe.toml"]

    def test_on_the_command_line(self, request_, capsys, monkeypatch):
        monkeypatch.setattr(sys, "argv", ["symgen", *words(request_), "--dry-run", "-q"])
        with pytest.raises(SystemExit) as end:
            main()
        assert end.value.code == 0
        out = capsys.readouterr().out
        assert "adversarial" in out
        assert "1 min at most" in out


def test_twenty_pieces_are_enough(tmp_path):
    """With the shipped recipe, its lengths cut down."""
    stages = tuple(replace(stage, steps=1, batch_steps=60) for stage in RECIPE.stages)
    small = replace(RECIPE, stages=stages, adversarial=replace(RECIPE.adversarial, updates=1))
    data = dataset(tmp_path / "twenty.symgen", splits=("train",) * 18 + ("validation",) * 2)
    assert train(TrainRequest(data, "guqin", tmp_path / "own", recipe=small)).pieces == {"guqin": 18}


def test_two_processes_train_what_one_does(request_, straight, tmp_path):
    """Rank 0 alone writes; the weights are those of one process, but for rounding."""
    environment = os.environ | {"PYTHONPATH": str(Path.cwd()), "OMP_NUM_THREADS": "1"}
    recipe_file(tmp_path, TOML.replace("batch_steps = 100", "batch_steps = 100\ndropout = 0.0"))
    train(replace(request_, output=tmp_path / "one"))
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--rdzv-backend", "c10d"]
    command += ["--rdzv-endpoint", "localhost:0", "-m", "symgen", *words(request_), "--device", "cpu", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    both = json.loads(done.stdout)  # printed once
    one = load_checkpoint(tmp_path / "one").facts["figures"]["bits_per_note"]
    assert both["bits_per_note"]["guqin"] == pytest.approx(one["guqin"], abs=0.02)
    lines = [json.loads(line) for line in (tmp_path / "own.run/log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if line["stage"] == "first"] == [2, 4]
