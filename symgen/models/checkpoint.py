"""Checkpoints: safetensors and JSON, nothing that runs when it is read.

A checkpoint is a folder::

    checkpoint.json         format, version, sizes, vocabularies, styles, recipe, figures
    generator.safetensors   weights of the generator, float16
    corpus.safetensors      fingerprints of the training pieces, for the copy report
    critic.safetensors      optional: the critics that takes are ranked by
    reference.json          optional: statistics of real pieces, for the same
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
from symgen.files import make_folder, write_bytes, writing
from symgen.models import hub
from symgen.models.features import FEATURES_OF_FORMAT_1
from symgen.models.runtime import Runtime
from symgen.models.tensors import Weights, read_tensors, write_tensors
from symgen.resources import checkpoints_dir
from symgen.tokens.prefix import FIELDS
from symgen.tokens.sequence import FAMILIES

__all__ = [
    "CRITIC",
    "EAR",
    "FACTS",
    "FORMAT",
    "REFERENCE",
    "Checkpoint",
    "from_pretrained",
    "load_checkpoint",
    "read_tensors",
    "save_checkpoint",
    "save_ear",
    "save_fingerprints",
    "write_json",
    "write_tensors",
]

FORMAT: Final = 2
_FORMATS: Final = (1, 2)
"""Formats that can be read."""
FACTS: Final = "checkpoint.json"
"""Name of the file that says what a checkpoint is."""
_WEIGHTS = "generator.safetensors"
_CORPUS = "corpus.safetensors"
CRITIC: Final = "critic.safetensors"
"""What takes are ranked by, see :mod:`symgen.takes.ranking`; a checkpoint need not have it."""
EAR: Final = "ear.safetensors"
"""The adversary that hears what is being composed, see :mod:`symgen.listening`; a checkpoint need not have it."""
REFERENCE: Final = "reference.json"
"""Statistics of real pieces, for the same."""
_EAR_DIGEST: Final = "ear_sha256"
_CARD = "README.md"
_FILES: Final = (FACTS, _WEIGHTS, _CORPUS, _CARD, CRITIC, EAR, REFERENCE)
_PEOPLE = ("human_longest_run", "human_longest_run_p90")
_LARGEST = 65536
"""Largest size that a checkpoint may name: what is beyond would ask for memory that nobody has."""


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
        Style -> ``pieces``, how many it was trained on, ``human_longest_run`` and ``human_longest_run_p90``, see
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
            if max(sizes.values()) > _LARGEST:
                raise ValueError(f"a size of {max(sizes.values()):.3g}")
            return Runtime(self.weights, **sizes, features=self.config["features"], brakes=self.config["brakes"])
        except (KeyError, ValueError, IndexError, TypeError, AttributeError, OverflowError) as error:
            raise CheckpointError(
                f"{self.path}/{_WEIGHTS} does not fit its sizes ({error})", remedy="get the checkpoint again"
            ) from error

    @property
    def digest(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of what composes: the weights, and the ear if there is one."""
        weights, ear = (str(self.facts.get(name, "")) for name in ("weights_sha256", _EAR_DIGEST))
        return (hashlib.sha256(f"{weights} {ear}".encode()).hexdigest() if ear else weights)[:16]

    @property
    def has_ear(self) -> bool:
        """Whether its facts name an adversary that hears; a file that they do not name is none."""
        return _EAR_DIGEST in self.facts

    @property
    def weights_digest(self) -> str:
        """The same of the weights file alone."""
        return str(self.facts.get("weights_sha256", ""))[:16]

    def save_pretrained(self, folder: str | Path) -> Path:
        """Write the checkpoint into another folder, its card with it, and return the folder.

        Raises
        ------
        WriteError
            If it cannot be written.
        CheckpointError
            If a file of it has gone.
        """
        target = make_folder(folder)
        for name in (*_FILES[1:], FACTS):  # the facts last: with them it is a checkpoint
            if (self.path / name).exists():
                try:
                    data = (self.path / name).read_bytes()
                except OSError as error:
                    raise CheckpointError(f"cannot read {self.path / name}: {error.strerror}") from error
                write_bytes(target / name, data)
            else:  # what another checkpoint left there
                (target / name).unlink(missing_ok=True)
        return target

    def push_to_hub(self, repo_id: str, *, private: bool = False, message: str = "Add a symgen checkpoint") -> str:
        """Send the checkpoint and its card to a repository on the Hugging Face Hub and return its address.

        Parameters
        ----------
        repo_id : str
            Owner and name; the repository is made if it is not there.
        private : bool
            Whether a repository that is made is private. The card names the licence wording of every source: read it
            before a checkpoint is published.
        message : str
            Of the commit.

        Raises
        ------
        UsageError
            If the extra ``hub`` is not installed, or that is no name of a repository.
        CheckpointError
            If it cannot be sent.
        """
        there = [name for name in _FILES if (self.path / name).exists()]
        return hub.upload(self.path, repo_id, there, private=private, message=message)


def from_pretrained(name_or_path: str | Path, *, revision: str | None = None) -> Checkpoint:
    """Return a checkpoint by the path of its folder, the name of one that ships, or its repository on the Hub.

    Parameters
    ----------
    name_or_path : str or Path
        A folder; a name such as ``zither``; or ``owner/name``, fetched through the extra ``hub``.
    revision : str, optional
        Branch, tag or commit of the repository.

    Raises
    ------
    CheckpointError
        If there is none, or it is damaged, of a newer version or of another vocabulary.
    UsageError
        If the extra is needed and not installed.
    """
    folder, name = Path(name_or_path), str(name_or_path)
    if folder.exists():
        return load_checkpoint(folder)
    if (checkpoints_dir() / name / FACTS).exists():
        return load_checkpoint(checkpoints_dir() / name)
    if hub.REPOSITORY.fullmatch(name):
        return load_checkpoint(hub.download(name, _FILES, revision))
    shipped = sorted(path.parent.name for path in checkpoints_dir().glob(f"*/{_WEIGHTS}"))
    raise CheckpointError(
        f"no checkpoint {name}", expected=f"a folder, owner/name, or one of {', '.join(shipped) or 'none that ship'}"
    )


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
    if _EAR_DIGEST in facts and facts[_EAR_DIGEST] != _digest(folder / EAR):
        raise CheckpointError(
            f"{folder / EAR} does not have the digest that {FACTS} names",
            expected="the file that was saved with it",
            remedy="get the checkpoint again, or make it again: symgen critic CHECKPOINT --against DATASET",
        )
    corpus = folder / _CORPUS
    config, weights = _of_today(facts["config"], read_tensors(weights_path))
    if not all(np.isfinite(value).all() for value in weights.values()):
        raise CheckpointError(f"{weights_path} holds what is no number", remedy="get the checkpoint again")
    return Checkpoint(
        path=folder,
        config=config,
        weights=weights,
        styles=facts["styles"],
        fingerprints=_fingerprints(corpus) if corpus.exists() else {},
        facts=facts,
    )


def save_checkpoint(
    path: Path, *, config: Mapping[str, Any], weights: Weights, styles: Mapping[str, Any], facts: Mapping[str, Any]
) -> None:
    """Write a checkpoint without fingerprints or card; ``checkpoint.json`` is written last.

    Ear and critic of weights that stood there before are taken away.
    """
    make_folder(path)
    for name in (EAR, CRITIC):
        (path / name).unlink(missing_ok=True)
    write_tensors(path / _WEIGHTS, {name: value.astype(np.float16) for name, value in weights.items()})
    whole = {
        "format": FORMAT,
        "config": dict(config),
        "vocabulary": {family.NAME: list(family.VOCABULARY.names) for family in FAMILIES},
        "vocabulary_sha256": {family.NAME: family.VOCABULARY.digest for family in FAMILIES},
        "fields": {name: list(values) for name, values in FIELDS.items()},
        "styles": dict(styles),
        "weights_sha256": _digest(path / _WEIGHTS),
        **facts,
    }
    write_json(path / FACTS, whole)


def save_ear(path: Path, tensors: Weights | None) -> None:
    """Write what hears for a checkpoint into its folder and say so in its facts; None takes it away.

    Raises
    ------
    CheckpointError
        If there is no checkpoint.
    WriteError
        If it cannot be written.
    """
    facts = {name: value for name, value in _read_facts(path).items() if name != _EAR_DIGEST}
    if "figures" in facts:  # what was measured is no longer what composes
        facts["figures"] = {name: value for name, value in facts["figures"].items() if not name.startswith("measured_")}
    write_json(path / FACTS, facts)  # whatever happens between the two, the facts name no ear that is not there
    (path / EAR).unlink(missing_ok=True)
    if tensors is not None:
        write_tensors(path / EAR, tensors)
        write_json(path / FACTS, facts | {_EAR_DIGEST: _digest(path / EAR)})


def save_fingerprints(path: Path, fingerprints: Weights) -> None:
    """Write the fingerprints of the training pieces into a checkpoint's folder, made if it is missing."""
    make_folder(path)
    write_tensors(path / _CORPUS, fingerprints)


def _fingerprints(path: Path) -> dict[str, NDArray[Any]]:
    found = read_tensors(path)
    runs = found.get("runs", np.zeros(0, np.uint64))
    if runs.ndim != 1 or runs.dtype != np.uint64 or (runs[1:] <= runs[:-1]).any():
        raise CheckpointError(f"{path} holds no sorted fingerprints", remedy="get the checkpoint again")
    return found


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
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"cannot read {path}: {error}", remedy="get the checkpoint again") from error
    if not isinstance(facts, dict) or isinstance(facts.get("format"), bool) or facts.get("format") not in _FORMATS:
        raise _other_format(facts, path)
    for name in ("config", "styles", "vocabulary", "fields"):
        if not isinstance(facts.get(name), dict):
            raise CheckpointError(f"{path} has no {name!r}", remedy="get the checkpoint again")
    for style, about in facts["styles"].items():
        people = [about.get(name) for name in _PEOPLE] if isinstance(about, dict) else [about]
        if not isinstance(about, dict) or not all(run is None or type(run) is int for run in people):
            raise CheckpointError(
                f"{path} says nothing sensible of the style {style}", remedy="get the checkpoint again"
            )
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


def _other_format(facts: Any, path: Path) -> CheckpointError:
    found = facts.get("format") if isinstance(facts, dict) else type(facts).__name__
    newer = isinstance(found, int) and found > FORMAT
    by = facts.get("version") if isinstance(facts, dict) else None
    return CheckpointError(
        f"{path} has checkpoint format {str(found)[:40]}",
        expected=" or ".join(map(str, _FORMATS)),
        remedy=f"install symgen {by if isinstance(by, str) else 'anew'}, or newer" if newer else "train it again",
    )


def _of_today(config: dict[str, Any], weights: Weights) -> tuple[dict[str, Any], Weights]:
    """Return sizes and weights under the names of today; format 1 did not say what its generator is told."""
    if "features" in config:
        return config, weights
    renamed = {name: value for name, value in weights.items() if name != "match_gain"}
    for name, gain in zip(("match_rhythm", "match_melody"), weights.get("match_gain", ()), strict=False):
        renamed[f"gains.{name}"] = gain
    return {
        **config,
        "features": list(FEATURES_OF_FORMAT_1),
        "copies": False,
        "recalls": False,
        "brakes": False,
    }, renamed


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(
            f"cannot read {path}: {error.strerror}", expected="the weights", remedy="get the checkpoint again"
        ) from error
