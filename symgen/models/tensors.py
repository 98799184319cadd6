"""Arrays on disk as safetensors files that name the digest of their contents; nothing in one is run when it is read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symgen.errors import CheckpointError
from symgen.files import writing

Weights = Mapping[str, NDArray[Any]]


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """Read a safetensors file.

    Raises
    ------
    CheckpointError
        If it is missing or no safetensors file (a pickle is refused, not read), or its tensors do not have the digest
        that it names.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        data = path.read_bytes()
        tensors = dict(load(data))
        if (digest := _named_digest(data)) not in (None, tensors_digest(tensors)):
            raise ValueError(f"its tensors do not have the digest {str(digest)[:16]}")
        return tensors
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(
            f"cannot read {path}: {error}", expected="a complete safetensors file", remedy="get the checkpoint again"
        ) from error


def write_tensors(path: Path, tensors: Weights) -> None:
    """Write a safetensors file aside and rename it; it names the digest of its tensors."""
    from safetensors.numpy import save

    arrays = {name: np.asarray(value, order="C") for name, value in tensors.items()}
    with writing(path) as file:
        file.write(save(arrays, metadata={"sha256": tensors_digest(arrays)}))


def tensors_digest(tensors: Weights) -> str:
    """Return the SHA-256 of tensors by name, type, shape and contents, hexadecimal."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(f"{name}\n{value.dtype.str} {value.shape}\n".encode(errors="backslashreplace"))
        digest.update(np.asarray(value, order="C").tobytes())
    return digest.hexdigest()


def _named_digest(data: bytes) -> str | None:
    """Return the digest that a sound safetensors file names of its tensors; those of earlier versions name none."""
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    named = header.get("__metadata__", {}).get("sha256")
    return None if named is None else str(named)
