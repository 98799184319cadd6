"""Snapshots of the adversarial stage: all that a stopped one needs to go on as if it had not been stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from symgen.errors import CheckpointError
from symgen.models.checkpoint import read_tensors, write_tensors
from symgen.models.duel import Duel, Written
from symgen.models.losses import weights_of
from symgen.models.state import damaged
from symgen.models.watch import Watch
from symgen.models.windows import Batch

_STOPPED = "{}.stopped.safetensors"


def snapshots(folder: Path, stage: str) -> list[Path]:
    """Return the snapshots of a stage, the earliest first."""
    return sorted(folder.glob(f"{stage}-*.safetensors"))


def latest(folder: Path, stage: str) -> Path:
    """Return what a stage goes on from: its last snapshot, or where it was stopped after that.

    Updates are undone to snapshots alone, so that a stage that was stopped does what an unstopped one would have done.
    """
    last, stopped = snapshots(folder, stage)[-1], folder / _STOPPED.format(stage)
    if not stopped.exists():
        return last
    done = _account(read_tensors(stopped), stopped).get("done", 0)
    return stopped if isinstance(done, int) and done > int(last.stem.rpartition("-")[2]) else last


def save(duel: Duel, watch: Watch, *, stopped: bool = False) -> None:
    """Write a snapshot, or the state of a stage that was asked to stop between two."""
    tensors: dict[str, Any] = {f"generator.{name}": value for name, value in weights_of(duel.model).items()}
    tensors |= {f"mean.{name}": value.detach().numpy() for name, value in duel.mean.items()}
    tensors |= {f"adversary.{name}": value for name, value in weights_of(duel.adversary.members).items()}
    for prefix, optimiser in _optimisers(duel):
        for number, parameter in enumerate(_parameters(optimiser)):
            for name, value in optimiser.state.get(parameter, {}).items():
                tensors[f"{prefix}.{number}.{name}"] = value.numpy()
    for number, written in enumerate(duel.memory):
        tensors[f"memory.{number}.places"] = np.array(written.places)
        for name in ("steps", "features", "prefix", "mask"):
            tensors[f"memory.{number}.{name}"] = getattr(written.batch, name)
    account = {
        "done": duel.done,
        "weight": duel.weight,
        "learning_rate": duel.stage.learning_rate,
        "accuracy": duel.adversary.accuracy,
        "styles": [written.style for written in duel.memory],
        "watch": {"seen": watch.seen, "breaches": watch.breaches, "first": watch.first, "now": watch.now},
    }
    tensors["account"] = np.frombuffer(json.dumps(account).encode(), dtype=np.uint8)
    name = _STOPPED.format(duel.stage.name) if stopped else f"{duel.stage.name}-{duel.done:05d}.safetensors"
    write_tensors(duel.run.folder / name, tensors)


def restore(duel: Duel, watch: Watch | None, path: Path) -> None:
    """Take up a snapshot; `watch` is left alone if it is None.

    Raises
    ------
    CheckpointError
        If it is damaged, or of other networks.
    """
    tensors = read_tensors(path)
    try:
        for prefix, network in (("generator", duel.model), ("adversary", duel.adversary.members)):
            network.load_state_dict(_part(tensors, prefix))
        duel.mean = _part(tensors, "mean")
        for prefix, optimiser in _optimisers(duel):
            moments = _part(tensors, prefix)
            for number, parameter in enumerate(_parameters(optimiser)):
                names = ("step", "exp_avg", "exp_avg_sq")
                if f"{number}.step" in moments:
                    optimiser.state[parameter] = {name: moments[f"{number}.{name}"] for name in names}
        account = _account(tensors, path)
        duel.memory.clear()
        for number, style in enumerate(account["styles"]):
            parts = [tensors[f"memory.{number}.{name}"] for name in ("steps", "features", "prefix", "mask")]
            places = [(int(piece), int(step)) for piece, step in tensors[f"memory.{number}.places"].tolist()]
            duel.memory.append(Written(style, places, Batch(*parts)))
        duel.done, duel.weight = int(account["done"]), float(account["weight"])
        duel.adversary.accuracy = float(account["accuracy"])
        if watch is not None:
            duel.learn_at(float(account["learning_rate"]) / duel.stage.learning_rate)
            for name, value in account["watch"].items():
                setattr(watch, name, value)
    except (KeyError, IndexError, RuntimeError, ValueError, TypeError, ZeroDivisionError) as error:
        raise CheckpointError(
            f"{path} does not fit the networks of this training ({str(error).splitlines()[0]})",
            remedy=f"remove {path.parent} to begin again",
        ) from error


def _account(tensors: dict[str, Any], path: Path) -> dict[str, Any]:
    try:
        account = json.loads(tensors["account"].tobytes())
    except (KeyError, ValueError, RecursionError) as error:
        raise damaged(path, error) from error
    if not isinstance(account, dict):
        raise damaged(path, f"its account is a {type(account).__name__}")
    return account


def _part(tensors: dict[str, Any], prefix: str) -> dict[str, torch.Tensor]:
    """Return the tensors whose names begin with a prefix, under the rest of their names."""
    first = len(prefix) + 1
    return {n[first:]: torch.from_numpy(v.copy()) for n, v in tensors.items() if n.startswith(prefix + ".")}


def _optimisers(duel: Duel) -> tuple[tuple[str, torch.optim.Optimizer], ...]:
    return (("moment", duel.optimiser), ("adversary_moment", duel.adversary.optimiser))


def _parameters(optimiser: torch.optim.Optimizer) -> list[torch.nn.Parameter]:
    return [parameter for group in optimiser.param_groups for parameter in group["params"]]
