"""The state of a training on disk: networks, optimisers and an account of where it stands, in one file.

It is a safetensors file, written aside and renamed: a state is whole or not there, and nothing in it is run when it is
read. Random streams need no place in it, because every update draws from its own, seeded by (seed, stage, update).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from symgen.errors import CheckpointError
from symgen.models.checkpoint import read_tensors, write_tensors

Arrays = dict[str, NDArray[Any]]

_ACCOUNT = "state"


def write_state(path: Path, parts: Mapping[str, Mapping[str, NDArray[Any]]], account: Mapping[str, Any]) -> None:
    """Write a state.

    Parameters
    ----------
    path : Path
        The file.
    parts : mapping of str to mapping of str to ndarray
        Arrays of each network and optimiser; the name of a part has no dot.
    account : mapping
        Plain data.

    Raises
    ------
    WriteError
        If it cannot be written; the file that stood there is untouched.
    """
    tensors = {f"{part}.{name}": array for part, arrays in parts.items() for name, array in arrays.items()}
    tensors[_ACCOUNT] = np.frombuffer(json.dumps(account).encode(), dtype=np.uint8)
    write_tensors(path, tensors)


def read_state(path: Path) -> tuple[dict[str, Arrays], dict[str, Any]]:
    """Return the parts and the account of a state.

    Raises
    ------
    CheckpointError
        If it is missing or damaged.
    """
    try:
        tensors = read_tensors(path)
    except CheckpointError as error:
        raise CheckpointError(error.found, expected=error.expected, remedy=begin_again(path.parent)) from error
    try:
        account = json.loads(tensors.pop(_ACCOUNT).tobytes())
    except (KeyError, ValueError, RecursionError) as error:
        raise damaged(path, error) from error
    if not isinstance(account, dict):
        raise damaged(path, f"its account is a {type(account).__name__}")
    parts: dict[str, Arrays] = {}
    for name, array in tensors.items():
        part, _, rest = name.partition(".")
        parts.setdefault(part, {})[rest] = array
    return parts, account


def damaged(path: Path, reason: object) -> CheckpointError:
    """Return the error for a state that is damaged."""
    return CheckpointError(
        f"cannot read {path}: {reason}", expected="the state of an earlier run", remedy=begin_again(path.parent)
    )


def begin_again(folder: Path) -> str:
    """Return what to do about a state that cannot be taken up."""
    return f"remove {folder} to begin again"


def load_weights(network: torch.nn.Module, weights: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Give a network its weights.

    Raises
    ------
    CheckpointError
        If they are of another network, naming `path`, where they come from.
    """
    try:
        network.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in weights.items()})
    except (RuntimeError, TypeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise CheckpointError(
            f"the weights in {path} are of another network ({reason})", remedy=begin_again(path.parent)
        ) from error
