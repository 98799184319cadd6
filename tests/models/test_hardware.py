"""Devices and processes: what is not there is refused, and how many share a batch changes nothing."""

import numpy as np
import pytest
import torch

from symgen.errors import CheckpointError, UsageError
from symgen.models.hardware import CPU, Hardware, hardware
from symgen.models.losses import negative_log_likelihood, share_of_loss
from symgen.models.windows import Pieces
from tests.models.music import random_generator, random_tune


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"device": "tpu"}, "device 'tpu'; expected one of auto, cpu, cuda, mps"),
        ({"precision": "int4"}, "precision 'int4'; expected one of auto, float32, bfloat16"),
    ],
)
def test_what_is_no_hardware_is_refused(asked, words):
    with pytest.raises(UsageError, match=words), hardware(**asked):
        pass


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_cuda_device_the_processor_is_taken_and_asking_for_one_is_refused():
    with hardware() as found:
        assert found == CPU
    with pytest.raises(UsageError, match=r"torch finds 0 CUDA devices here.*--device cpu"), hardware("cuda"):
        pass


def test_precision_can_be_asked_for():
    with hardware("cpu", "bfloat16") as found, found.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16
    with hardware("cpu") as found, found.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


@pytest.mark.parametrize(("name", "text"), [("RANK", "first"), ("WORLD_SIZE", "0"), ("LOCAL_RANK", "-1")])
def test_an_odd_environment_is_refused(monkeypatch, name, text):
    monkeypatch.setenv(name, text)
    with pytest.raises(UsageError, match=f"{name} is '{text}'"), hardware("cpu"):
        pass


def test_an_error_is_told_by_the_first_process_alone(monkeypatch):
    monkeypatch.setattr("symgen.models.hardware._join", lambda found: None)
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank, expected in (("0", CheckpointError), ("1", SystemExit)):
        monkeypatch.setenv("RANK", rank)
        with pytest.raises(expected) as caught, hardware("cpu"):
            raise CheckpointError("damaged")
    assert caught.value.code == 1


@pytest.mark.parametrize("ranks", [2, 3, 7])
def test_the_mean_of_the_shares_is_the_whole(ranks):
    """Also where there are more processes than rows."""
    model = random_generator()
    batch = Pieces([random_tune(seed, 20 + seed) for seed in range(5)]).batch([(n, 0) for n in range(5)], 32)
    whole = negative_log_likelihood(model, batch)
    whole.backward()
    expected = {name: weight.grad.clone() for name, weight in model.named_parameters()}
    model.zero_grad()
    shares = [share_of_loss(model, batch, Hardware(rank=rank, ranks=ranks)) for rank in range(ranks)]
    mean = sum(shares) / ranks
    mean.backward()
    assert mean.item() == pytest.approx(whole.item(), rel=1e-5)
    for name, weight in model.named_parameters():
        assert torch.allclose(weight.grad, expected[name], atol=1e-6), name


def test_rows_are_dealt_out_once():
    dealt = [Hardware(rank=rank, ranks=3).rows(8) for rank in range(3)]
    assert sorted(np.concatenate(dealt).tolist()) == list(range(8))
