"""Likelihood training: what a run that was stopped and taken up gives, and that it learns at all."""

import json
import math

import numpy as np
import pytest
import torch

from symgen.errors import CheckpointError
from symgen.models.checkpoint import write_tensors
from symgen.models.generator import Generator, step_log_likelihood
from symgen.models.likelihood import Run, Stage, bits_per_note, set_dropout, stage_seed, weights_of
from symgen.models.windows import Mixture, Pieces
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


def train(folder, pieces, stages=(STAGE, SECOND), stop_at=None, seed=5):
    """Run stages, or stop when `stop_at` = (stage, step) is reported."""
    training, validation = pieces
    torch.manual_seed(0)
    run = Run(Generator(TINY), folder, seed)

    def report(message, done=0, total=0):
        if stop_at is not None and (message.partition(":")[0], done) == stop_at:
            raise Stopped

    for stage in stages:
        run.fit(stage, Mixture(training, stage.shares, window=TINY.window, steps=100), validation, "guqin", report)
    return run


@pytest.mark.parametrize("stop_at", [("first", 4), ("first", 8), ("first", 12), ("second", 4), ("second", 8)])
def test_stopped_and_continued_is_the_same_to_the_bit(tmp_path, pieces, stop_at):
    straight = train(tmp_path / "straight", pieces)
    with pytest.raises(Stopped):
        train(tmp_path / "stopped", pieces, stop_at=stop_at)
    continued = train(tmp_path / "stopped", pieces)
    for name, value in weights_of(straight.model).items():
        assert np.array_equal(value, weights_of(continued.model)[name]), name
    assert straight.state == continued.state


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
    model = Generator(TINY)
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
