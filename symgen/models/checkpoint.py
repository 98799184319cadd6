"""Checkpoints: safetensors and JSON, nothing that runs when it is read.

A checkpoint is a folder::

    checkpoint.json         format, version, sizes, vocabularies, styles, training, figures
    generator.safetensors   weights of the generator, float16
    corpus.safetensors      fingerprints of the training pieces, for the copy report
    README.md               model card
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from symgen.errors import CheckpointError
from symgen.files import make_folder, writing
from symgen.models.context import FEATURES_OF_FORMAT_1
from symgen.models.runtime import Runtime
from symgen.tokens.prefix import FIELDS
from symgen.tokens.sequence import FAMILIES

FORMAT: Final = 2
_FORMATS: Final = (1, 2)
"""Formats that can be read."""
FACTS: Final = "checkpoint.json"
"""Name of the file that says what a checkpoint is."""
_WEIGHTS = "generator.safetensors"
_CORPUS = "corpus.safetensors"

Weights = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Checkpoint:
    """A generator ready to compose.

    Parameters
    ----------
    path : Path
        Its folder.
    config : dict
        Sizes: width, layers, heads, window.
    weights : mapping of str to ndarray
        The generator's weights.
    styles : dict
        Style -> ``pieces``, how many it was trained on, and ``human_longest_run``, see
        :class:`symgen.copying.CopyReport`.
    fingerprints : mapping of str to ndarray
        See :mod:`symgen.copying`.
    facts : dict
        The whole of ``checkpoint.json``.
    """

    path: Path
    config: dict[str, Any]
    weights: Weights
    styles: dict[str, Any]
    fingerprints: Weights = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def runtime(self) -> Runtime:
        """Return the generator laid out for stepping.

        Raises
        ------
        CheckpointError
            If the weights are not those of a generator of these sizes.
        """
        try:
            sizes = {name: int(self.config[name]) for name in ("layers", "heads", "width", "window")}
            return Runtime(self.weights, **sizes, features=self.config["features"])
        except (KeyError, ValueError, IndexError, TypeError) as error:
            raise CheckpointError(
                f"{self.path}/{_WEIGHTS} does not fit its sizes ({error})", remedy="get the checkpoint again"
            ) from error

    @property
    def digest(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of the weights file."""
        return str(self.facts.get("weights_sha256", ""))[:16]


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint.

    Raises
    ------
    CheckpointError
        If it is missing, cut short, of a newer format or of another vocabulary.
    """
    folder = Path(path)
    facts = _read_facts(folder)
    weights_path = folder / _WEIGHTS
    digest = facts.get("weights_sha256")
    if digest != _digest(weights_path):
        raise CheckpointError(
            f"{weights_path} does not have the digest that {FACTS} names",
            expected="the file that was saved with it",
            remedy="get the checkpoint again",
        )
    corpus = folder / _CORPUS
    config, weights = _of_today(facts["config"], read_tensors(weights_path))
    return Checkpoint(
        path=folder,
        config=config,
        weights=weights,
        styles=facts["styles"],
        fingerprints=read_tensors(corpus) if corpus.exists() else {},
        facts=facts,
    )


def save_checkpoint(
    path: Path, *, config: Mapping[str, Any], weights: Weights, styles: Mapping[str, Any], facts: Mapping[str, Any]
) -> None:
    """Write a checkpoint without fingerprints or card; ``checkpoint.json`` is written last."""
    make_folder(path)
    write_tensors(path / _WEIGHTS, {name: value.astype(np.float16) for name, value in weights.items()})
    whole = {
        "format": FORMAT,
        "config": dict(config),
        "vocabulary": {family.NAME: list(family.VOCABULARY.names) for family in FAMILIES},
        "fields": {name: list(values) for name, values in FIELDS.items()},
        "styles": dict(styles),
        "weights_sha256": _digest(path / _WEIGHTS),
        **facts,
    }
    write_json(path / FACTS, whole)


def save_fingerprints(path: Path, fingerprints: Weights) -> None:
    """Write the fingerprints of the training pieces into a checkpoint's folder, made if it is missing."""
    make_folder(path)
    write_tensors(path / _CORPUS, fingerprints)


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """Read a safetensors file.

    Raises
    ------
    CheckpointError
        If it is missing or no safetensors file (a pickle is refused, not read).
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return dict(load_file(path))
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        raise CheckpointError(
            f"cannot read {path}: {error}", expected="a complete safetensors file", remedy="get the checkpoint again"
        ) from error


def write_tensors(path: Path, tensors: Weights) -> None:
    """Write a safetensors file aside and rename it."""
    from safetensors.numpy import save

    with writing(path) as file:
        file.write(save({name: np.asarray(value, order="C") for name, value in tensors.items()}))


def write_json(path: Path, value: Any) -> None:
    """Write JSON aside and rename it."""
    with writing(path) as file:
        file.write((json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode())


def _read_facts(folder: Path) -> dict[str, Any]:
    path = folder / FACTS
    try:
        facts = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise CheckpointError(
            f"no checkpoint at {folder}",
            expected=f"a folder with {FACTS} and {_WEIGHTS}",
            remedy="name one with --checkpoint, or run symgen doctor",
        ) from error
    except (OSError, ValueError) as error:
        raise CheckpointError(f"cannot read {path}: {error}", remedy="get the checkpoint again") from error
    if not isinstance(facts, dict) or facts.get("format") not in _FORMATS:
        found = facts.get("format") if isinstance(facts, dict) else type(facts).__name__
        raise CheckpointError(
            f"{path} has checkpoint format {found}",
            expected=" or ".join(map(str, _FORMATS)),
            remedy="use the symgen that made it",
        )
    for name in ("config", "styles", "vocabulary", "fields"):
        if not isinstance(facts.get(name), dict):
            raise CheckpointError(f"{path} has no {name!r}", remedy="get the checkpoint again")
    expected = {family.NAME: family.VOCABULARY.names for family in FAMILIES} | FIELDS
    found = facts["vocabulary"] | facts["fields"]
    for name, words in expected.items():
        if found.get(name) != list(words):
            raise CheckpointError(
                f"{path} has another {name} vocabulary",
                expected="that of this version of symgen",
                remedy="use the symgen that made it, or train again",
            )
    return facts


def _of_today(config: dict[str, Any], weights: Weights) -> tuple[dict[str, Any], Weights]:
    """Return sizes and weights under the names of today; format 1 did not say what its generator is told."""
    if "features" in config:
        return config, weights
    renamed = {name: value for name, value in weights.items() if name != "match_gain"}
    for name, gain in zip(("match_rhythm", "match_melody"), weights.get("match_gain", ()), strict=False):
        renamed[f"gains.{name}"] = gain
    return {**config, "features": list(FEATURES_OF_FORMAT_1), "copies": False}, renamed


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(
            f"cannot read {path}: {error.strerror}", expected="the weights", remedy="get the checkpoint again"
        ) from error
