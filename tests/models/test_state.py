"""States on disk: they come back as they were, and whatever else stands in their place is told."""

import contextlib
import json
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from symgen.errors import CheckpointError
from symgen.models.adversarial import fight
from symgen.models.likelihood import Run
from symgen.models.losses import weights_of
from symgen.models.mixture import Mixture
from symgen.models.optimiser import adamw, load_moments, moments_of, set_rate
from symgen.models.snapshots import snapshots
from symgen.models.state import read_state, write_state
from symgen.models.windows import Pieces
from symgen.progress import silent
from tests.models.music import TINY, random_generator, random_tune
from tests.models.test_recipe import PLAIN
from tests.training import ADVERSARIAL

ACCOUNT = {"stage": "a", "step": 3, "best": 1.5, "waited": 0, "retries": 0, "finished": []}


@pytest.fixture(scope="module")
def model():
    """A generator with an optimiser that has made one update."""
    model = random_generator(TINY)
    optimiser = adamw(model, 1e-3, 0.1)
    sum(weight.square().sum() for weight in model.parameters()).backward()
    optimiser.step()
    return model, optimiser


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    """The folder of a run with a state in it."""
    folder = tmp_path_factory.mktemp("run")
    write_state(folder / "state.safetensors", {"model": weights_of(model[0]), "moment": moments_of(model[1])}, ACCOUNT)
    return folder


def test_what_is_written_comes_back(model, folder):
    parts, account = read_state(folder / "state.safetensors")
    assert account == ACCOUNT
    again = adamw(random_generator(TINY, seed=1), 5e-3, 0.1)
    load_moments(again, parts["moment"], folder / "state.safetensors")
    for name, value in moments_of(model[1]).items():
        assert np.array_equal(moments_of(again)[name], value), name
    assert again.param_groups[0]["lr"] == 5e-3


@pytest.mark.parametrize(
    "change",
    [
        lambda moments: moments.pop("3.step"),
        lambda moments: moments.pop("3.exp_avg"),
        lambda moments: moments.update({"3.exp_avg": np.zeros(7, np.float32)}),
        lambda moments: moments.update({"9999.step": np.float32(1)}),
        lambda moments: moments.update({"x": np.float32(1)}),
        lambda moments: moments.update({"3.step": np.array("one")}),
    ],
)
def test_moments_of_other_networks_are_refused(model, folder, change):
    moments = moments_of(model[1])
    change(moments)
    with pytest.raises(CheckpointError, match="optimiser"):
        load_moments(adamw(model[0], 1e-3, 0.1), moments, folder / "state.safetensors")


@given(st.integers(0, 10**6), st.binary(min_size=1, max_size=4), st.booleans())
@settings(max_examples=50, deadline=None)
def test_damaged_bytes_are_told(folder, place, junk, cut):
    data = (folder / "state.safetensors").read_bytes()
    place %= len(data)
    other = folder.parent / "damaged"
    other.mkdir(exist_ok=True)
    damaged = data[:place] + junk + (b"" if cut else data[place + len(junk) :])
    (other / "state.safetensors").write_bytes(damaged)
    try:
        run = Run(random_generator(TINY), other, 0)
    except CheckpointError as error:
        assert damaged != data
        assert f"remove {other} to begin again" in str(error)  # noqa: PT017 - it may be sound by chance
    else:
        assert run.state.step == 3, "what is taken up is what was written"


@given(st.sampled_from(list(ACCOUNT)), PLAIN)
@settings(max_examples=50, deadline=None)
def test_odd_accounts_are_told(folder, model, name, value):
    other = folder.parent / "odd"
    other.mkdir(exist_ok=True)
    with contextlib.suppress(ValueError):
        json.dumps(value, allow_nan=False)
        write_state(other / "state.safetensors", {"model": weights_of(model[0])}, {**ACCOUNT, name: value})
        with contextlib.suppress(CheckpointError):
            Run(model[0], other, 0)


def test_a_pickle_is_not_opened(folder, tmp_path):
    class Trap:
        def __reduce__(self):
            return open, (str(tmp_path / "trapped"), "w")

    (tmp_path / "state.safetensors").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(CheckpointError, match="a complete safetensors file"):
        Run(random_generator(TINY), tmp_path, 0)
    assert not (tmp_path / "trapped").exists()


@pytest.fixture(scope="module")
def fought(tmp_path_factory):
    """A function that runs a duel in a folder, and the bytes of its last snapshot."""
    pieces = {"guqin": Pieces([random_tune(seed, 60) for seed in range(4)])}
    mixture = Mixture(pieces, {"guqin": 1.0}, window=16, steps=64)

    def go_on(folder):
        torch.set_num_threads(1)
        fight(Run(random_generator(TINY), folder, 0), ADVERSARIAL, pieces, pieces, mixture, silent)

    folder = tmp_path_factory.mktemp("fought")
    go_on(folder)
    return go_on, snapshots(folder, ADVERSARIAL.name)[-1]


@given(st.integers(0, 10**6), st.binary(min_size=1, max_size=4), st.booleans())
@settings(max_examples=15, deadline=None)
def test_damaged_snapshots_are_told(fought, place, junk, cut):
    go_on, snapshot = fought
    data = snapshot.read_bytes()
    place %= len(data)
    other = snapshot.parent.parent / "damaged-duel"
    other.mkdir(exist_ok=True)
    (other / snapshot.name).write_bytes(data[:place] + junk + (b"" if cut else data[place + len(junk) :]))
    with contextlib.suppress(CheckpointError):
        go_on(other)


def test_the_prefix_learns_at_a_rate_of_its_own():
    model = random_generator(TINY)
    plain, own = adamw(model, 1e-3, 0.1), adamw(model, 1e-3, 0.1, prefix_rate=40.0)
    for optimiser in (plain, own):
        set_rate(optimiser, 2e-4)
        numbers = [id(parameter) for group in optimiser.param_groups for parameter in group["params"]]
        assert sorted(numbers) == sorted(id(parameter) for parameter in model.parameters())
    rates = {
        name: group["lr"]
        for group in own.param_groups
        for name, parameter in model.named_parameters()
        if any(parameter is one for one in group["params"])
    }
    assert all(rates[name] == pytest.approx(8e-3 if name.startswith("prefix.") else 2e-4) for name in rates)
    assert [group["lr"] for group in plain.param_groups] == [2e-4, 2e-4]
