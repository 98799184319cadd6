"""The optimiser of a generator, the moving average of its weights, and what both remember as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from symgen.models.state import Arrays, damaged


def adamw(
    model: torch.nn.Module, learning_rate: float, weight_decay: float, prefix_rate: float = 1.0
) -> torch.optim.AdamW:
    """Return an AdamW over a network; gains and biases do not decay.

    With another `prefix_rate` than 1 the vectors of the prefix make a group of their own, which does not decay and
    learns so many times as fast: see :func:`set_rate`.
    """
    own = [p for name, p in model.named_parameters() if prefix_rate != 1.0 and name.startswith("prefix.")]
    others = [p for name, p in model.named_parameters() if prefix_rate == 1.0 or not name.startswith("prefix.")]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in others if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in others if p.ndim < 2], "weight_decay": 0.0},
    ]
    if own:
        groups.append({"params": own, "weight_decay": 0.0, "times": prefix_rate})
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.98))


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of all groups of :func:`adamw`."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group.get("times", 1.0)


def moving_average(decay: float) -> Any:
    """Return the rule of an exponential moving average, for :class:`torch.optim.swa_utils.AveragedModel`.

    After n updates its decay is (1 + n) / (10 + n), `decay` at most.
    """

    def update(averaged: Any, current: Any, count: Any) -> None:
        seen = float(count)
        torch._foreach_lerp_(averaged, current, 1 - min(decay, (1 + seen) / (10 + seen)))

    return torch.no_grad()(update)


def moments_of(optimiser: torch.optim.Optimizer) -> Arrays:
    """Return what an optimiser remembers of each parameter, as ``<number of the parameter>.<name>``."""
    return {
        f"{number}.{name}": value.detach().cpu().numpy()
        for number, moments in optimiser.state_dict()["state"].items()
        for name, value in moments.items()
    }


def load_moments(optimiser: torch.optim.Optimizer, moments: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Give an optimiser back what :func:`moments_of` returned; its learning rate and other settings stay as they are.

    Raises
    ------
    CheckpointError
        If that is of other parameters, naming `path`, where it comes from.
    """
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, array in moments.items():
        number, _, name = key.partition(".")
        array = array.reshape(()) if name == "step" and array.size == 1 else array  # it was a row of one before
        fits = number.isdecimal() and int(number) < len(parameters)
        shape = () if name == "step" else tuple(parameters[int(number)].shape) if fits else None
        if not fits or array.shape != shape or array.dtype != np.float32:
            raise damaged(path, f"{key[:40]!r} is of another network's optimiser")
        state.setdefault(int(number), {})[name] = torch.from_numpy(array.copy())
    names = {frozenset(found) for found in state.values()}
    if state and (len(state) != len(parameters) or names != {frozenset({"step", "exp_avg", "exp_avg_sq"})}):
        raise damaged(path, "moments of the optimiser are missing")
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
