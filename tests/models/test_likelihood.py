"""Likelihood training: what a run that was stopped and taken up gives, and that it learns at all."""

import errno
import json
import math
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.optim.swa_utils import AveragedModel

from symgen.errors import CheckpointError, WriteError
from symgen.models import losses
from symgen.models.checkpoint import write_tensors
from symgen.models.generator import Generator, step_log_likelihood
from symgen.models.hardware import CPU, Hardware
from symgen.models.likelihood import Run, Stage
from symgen.models.losses import bits_per_note, set_dropout, stage_seed, weights_of
from symgen.models.mixture import Mixture
from symgen.models.optimiser import moving_average
from symgen.models.state import read_state
from symgen.models.windows import Pieces
from symgen.progress import silent
from tests.models.music import TINY, random_generator, random_tune

STAGE = Stage("first", 12, {"guqin": 1.0}, "guqin", learning_rate=3e-3, batch_steps=100, evaluate_every=4, patience=9)
SECOND = Stage("second", 8, {"guqin": 1.0}, "guqin", dropout=0.0, batch_steps=100, evaluate_every=4, patience=9)


@pytest.fixture(autouse=True)
def one_thread():
    """Sums in one order: what is equal to the bit is equal on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def pieces():
    return {"guqin": Pieces(random_tune(seed, 24) for seed in range(4))}, {"guqin": Pieces([random_tune(9, 24)])}


class Stopped(Exception):  # noqa: N818 - no error: somebody pulls the plug
    pass


def train(folder, pieces, stages=(STAGE, SECOND), stop_at=None, seed=5, hardware=CPU, ask_at=None):
    """Run stages, or stop when `stop_at` = (stage, step) is reported, or ask to stop when `ask_at` is."""
    training, validation = pieces
    torch.manual_seed(0)
    run = Run(Generator(TINY), folder, seed, hardware)

    def report(message, done=0, total=0):
        if stop_at is not None and (message.partition(":")[0], done) == stop_at:
            raise Stopped
        if ask_at is not None and (message.partition(":")[0], done) == ask_at:
            run.stop.asked = True

    for stage in stages:
        run.fit(stage, Mixture(training, stage.shares, window=TINY.window, steps=100), validation, "guqin", report)
    return run


@pytest.fixture(scope="module")
def straight(tmp_path_factory, pieces):
    """A run that nothing stopped, with its folder."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("straight")
    run = train(folder, pieces)
    torch.set_num_threads(threads)
    return run, folder


def log_of(folder):
    """Return the lines of a log without times."""
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "seconds"} for line in lines]


def assert_same(straight, run, folder):
    for name, value in weights_of(straight[0].model).items():
        assert np.array_equal(value, weights_of(run.model)[name]), name
    assert straight[0].state == run.state
    assert log_of(straight[1]) == log_of(folder)


@pytest.mark.parametrize("stop_at", [("first", 3), ("first", 8), ("first", 12), ("second", 1), ("second", 8)])
def test_killed_and_continued_is_the_same_to_the_bit(tmp_path, pieces, straight, stop_at):
    with pytest.raises(Stopped):
        train(tmp_path, pieces, stop_at=stop_at)
    assert_same(straight, train(tmp_path, pieces), tmp_path)


def test_asked_to_stop_and_continued_is_the_same_to_the_bit(tmp_path, pieces, straight):
    """Whatever update it is asked at: the state is saved there, and the words say how to go on."""
    for ask_at in (("first", 1), ("first", 7), ("second", 5)):
        with pytest.raises(KeyboardInterrupt, match=r"stopped after update \d of .*state is saved in .* again goes on"):
            train(tmp_path, pieces, ask_at=ask_at)
        assert read_state(tmp_path / "state.safetensors")[1]["step"] == ask_at[1] + 1
    assert_same(straight, train(tmp_path, pieces), tmp_path)


def test_a_log_that_was_cut_short_is_mended(tmp_path, pieces, straight):
    with pytest.raises(Stopped):
        train(tmp_path, pieces, stop_at=("first", 8))
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"stage": "first", "step": 9')
    assert_same(straight, train(tmp_path, pieces), tmp_path)


def test_a_stage_that_gave_up_stays_so(tmp_path, pieces):
    """Killed after its last evaluation and before its end, it does not learn on."""
    flat = replace(STAGE, learning_rate=0.0, weight_decay=0.0, evaluate_every=2, patience=2)
    with pytest.raises(Stopped):
        train(tmp_path, pieces, (flat,), stop_at=("first", 6))
    assert train(tmp_path, pieces, (flat,)).state.step == 6


class TestAverage:
    STAGE = replace(STAGE, average=0.9)

    def test_it_is_what_is_judged_and_kept(self, tmp_path, pieces):
        run = train(tmp_path / "average", pieces, (self.STAGE,))
        raw = train(tmp_path / "raw", pieces, (STAGE,))
        assert run.state.best != raw.state.best
        assert bits_per_note(run.model, pieces[1]["guqin"]) == pytest.approx(run.state.best, abs=1e-3)

    def test_it_moves_as_it_should(self, pieces, tmp_path):
        """Weights of 1, 2, 3 with decays 2/11 and 3/12 after the first."""
        model = Generator(TINY)
        average = AveragedModel(model, multi_avg_fn=moving_average(0.9))
        for value in (1.0, 2.0, 3.0):
            with torch.no_grad():
                for weight in model.parameters():
                    weight.fill_(value)
            average.update_parameters(model)
        expected = 3 + 3 / 12 * (2 + 2 / 11 * (1 - 2) - 3)
        assert next(average.module.parameters()).flatten()[0].item() == pytest.approx(expected)

    @pytest.mark.parametrize("stop_at", [("first", 3), ("first", 8)])
    def test_killed_and_continued_is_the_same_to_the_bit(self, tmp_path, pieces, stop_at):
        whole = train(tmp_path / "whole", pieces, (self.STAGE,))
        with pytest.raises(Stopped):
            train(tmp_path / "killed", pieces, (self.STAGE,), stop_at=stop_at)
        again = train(tmp_path / "killed", pieces, (self.STAGE,))
        assert_same((whole, tmp_path / "whole"), again, tmp_path / "killed")


class TestALossThatIsNoNumber:
    def test_it_goes_back_and_on_at_half_the_rate(self, tmp_path, pieces, monkeypatch):
        bad = [6]  # the sixth loss

        def loss(model, batch, real=losses.negative_log_likelihood):
            bad[0] -= 1
            return real(model, batch) * (math.nan if bad[0] == 0 else 1.0)

        monkeypatch.setattr(losses, "negative_log_likelihood", loss)
        run = train(tmp_path, pieces, (STAGE,))
        assert run.state.retries == 1
        assert run.state.step == 12
        assert {"stage": "first", "step": 4, "rolled_back_from": 5, "retries": 1} in log_of(tmp_path)

    def test_it_gives_up_and_leaves_the_last_good_state(self, tmp_path, pieces, monkeypatch):
        with pytest.raises(Stopped):
            train(tmp_path, pieces, (STAGE,), stop_at=("first", 8))
        monkeypatch.setattr(losses, "negative_log_likelihood", lambda model, batch: match_nan(model))
        with pytest.raises(CheckpointError, match=r"loss of update 9 is no number.*lower the stage's learning_rate"):
            train(tmp_path, pieces, (STAGE,))
        parts, account = read_state(tmp_path / "state.safetensors")
        assert account["step"] == 8
        assert all(np.isfinite(value).all() for value in parts["model"].values())


def match_nan(model):
    return sum(weight.sum() for weight in model.parameters()) * math.nan


@pytest.mark.parametrize("name", ["state.safetensors", "best.safetensors", "log.jsonl"])
def test_a_full_disk_is_told_and_leaves_the_last_good_state(tmp_path, pieces, straight, monkeypatch, name):
    with pytest.raises(Stopped):
        train(tmp_path, pieces, stop_at=("first", 8))
    before = (tmp_path / "state.safetensors").read_bytes()
    real = Path.open, os.fsync

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        if name == "log.jsonl":
            patch.setattr(Path, "open", lambda path, mode="r", **k: full() if "a" in mode else real[0](path, mode, **k))
        else:
            patch.setattr(os, "fsync", full)
        with pytest.raises(WriteError, match="No space left on device"):
            train(tmp_path, pieces)
    assert (tmp_path / "state.safetensors").read_bytes() == before
    assert not list(tmp_path.glob("*.tmp"))
    assert_same(straight, train(tmp_path, pieces), tmp_path)


def test_bfloat16_learns_and_keeps_float32(tmp_path, pieces):
    half = Hardware(precision=torch.bfloat16)
    stage = replace(STAGE, steps=2, evaluate_every=1)
    run = train(tmp_path, pieces, (stage,), hardware=half)
    assert {value.dtype for value in weights_of(run.model).values()} == {np.dtype(np.float32)}
    whole = train(tmp_path / "float32", pieces, (stage,))
    halves, wholes = weights_of(run.model), weights_of(whole.model)
    assert any(not np.array_equal(halves[name], wholes[name]) for name in wholes)
    assert run.state.best == pytest.approx(whole.state.best, rel=1e-2)


def test_a_compiled_network_is_what_is_called(tmp_path, pieces, monkeypatch):
    calls = []

    class Compiled(torch.nn.Module):
        def __init__(self, inner, **settings):
            super().__init__()
            self.inner = inner

        def forward(self, *given):
            calls.append(self.training)
            return self.inner(*given)

    monkeypatch.setattr(torch, "compile", Compiled)
    train(tmp_path, pieces, (replace(STAGE, steps=3),), hardware=Hardware(compiled=True))
    assert len(calls) == 3


def test_a_finished_run_has_nothing_to_do(tmp_path, pieces):
    first = train(tmp_path, pieces)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    again = train(tmp_path, pieces)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert again.state == first.state


def test_seeds_differ_and_agree(tmp_path, pieces):
    runs = [train(tmp_path / str(i), pieces, (STAGE,), seed=seed) for i, seed in enumerate((1, 1, 2))]
    weights = [weights_of(run.model)["blocks.0.qkv.weight"] for run in runs]
    assert np.array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])
    assert stage_seed(1, "a", 2) == stage_seed(1, "a", 2) != stage_seed(1, "b", 2)


def test_it_learns_and_keeps_the_best(tmp_path, pieces):
    torch.manual_seed(0)
    before = bits_per_note(Generator(TINY), pieces[1]["guqin"])
    long = Stage(
        "long", 80, {"guqin": 1.0}, "guqin", learning_rate=1e-2, dropout=0.0, batch_steps=200, evaluate_every=10
    )
    run = train(tmp_path, pieces, (long,))
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert run.state.best == min(line["bits"]["guqin"] for line in lines)
    assert run.state.best < before - 3
    assert bits_per_note(run.model, pieces[1]["guqin"]) == pytest.approx(run.state.best, abs=1e-3)


def test_it_stops_when_it_gets_no_better(tmp_path, pieces):
    """A learning rate of 0 gains nothing: after `patience` evaluations without a better figure it is over."""
    flat = Stage(
        "flat", 100, {"guqin": 1.0}, "guqin", learning_rate=0.0, weight_decay=0.0, evaluate_every=2, patience=3
    )
    run = train(tmp_path, pieces, (flat,))
    assert run.state.step == 8
    assert run.state.finished == ["flat"]


def test_a_damaged_state_is_refused(tmp_path, pieces):
    with pytest.raises(Stopped):
        train(tmp_path, pieces, stop_at=("first", 8))
    (tmp_path / "state.safetensors").write_bytes(b"\x80\x04cut")
    with pytest.raises(CheckpointError, match=r"cannot read .*state\.safetensors"):
        train(tmp_path, pieces)


@pytest.mark.parametrize("text", ["", "[]", '{"stage": 1}', '{"nothing": 1}', "\xff"])
def test_a_damaged_account_of_the_state_is_refused(tmp_path, pieces, text):
    write_tensors(tmp_path / "state.safetensors", {"state": np.frombuffer(text.encode("latin-1"), dtype=np.uint8)})
    with pytest.raises(CheckpointError, match=r"cannot read .*state\.|of another network"):
        train(tmp_path, pieces)


def test_bits_are_those_of_rhythm_and_melody():
    """A network without knowledge pays the logarithm of the sizes of both vocabularies for each note."""
    model = Generator(replace(TINY, recalls=False))
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()
    tune = random_tune(1)
    steps, notes = len(tune), int((tune.melody != 1).sum())
    assert bits_per_note(model, Pieces([tune])) == pytest.approx(math.log2(279 * 1082) * steps / notes, rel=1e-5)


def test_step_log_likelihood_is_that_of_the_chosen_tokens():
    logits = tuple(torch.randn(2, 3, size) for size in (5, 7, 4))
    steps = torch.stack([torch.randint(0, size, (2, 3)) for size in (5, 7, 4)], dim=-1)
    found = step_log_likelihood(logits, steps)
    assert found.shape == (2, 3, 3)
    for b, t, place in np.ndindex(2, 3, 3):
        expected = torch.log_softmax(logits[place][b, t], -1)[steps[b, t, place]]
        assert found[b, t, place].item() == pytest.approx(expected.item(), abs=1e-5)


def test_dropout_is_set_everywhere_and_off_while_judging(tmp_path):
    model = random_generator(TINY)
    set_dropout(model, 0.9)
    assert {model.dropout, *(block.dropout for block in model.blocks)} == {0.9}
    tune = Pieces([random_tune(1)])
    model.train()
    assert bits_per_note(model, tune) == bits_per_note(model, tune)
    silent("nothing is printed")
