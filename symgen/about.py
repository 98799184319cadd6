"""Use case: what a checkpoint learnt from, and what that means for who uses what it composes, in plain words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from symgen.errors import CheckpointError
from symgen.models.card import LIMITS
from symgen.models.checkpoint import Checkpoint, from_pretrained
from symgen.resources import checkpoints_dir

DEFAULT: Final = "zither"

_WORDINGS: tuple[tuple[str, str], ...] = (
    (r"none stated|^$|not known", "states no licence: nobody gave a permission that could be quoted"),
    (r"no commercial|non-?commercial|CC-BY-NC", "rules commercial use of its encodings out"),
    (r"commercial use requires", "asks for permission before commercial use"),
    (r"academic|research", "is given for study and research"),
    (r"public domain|CC0", "is free of rights"),
)
"""What a wording of a licence comes to; all that fit are told."""

_MEANING = (
    "A checkpoint holds weights and one-way hashes, and no encoding of a piece.",
    "The wordings above are those of the collections that it learnt from; they bind who uses the collections. Whether "
    "they reach to what a model composes that learnt from them is not settled law, and symgen does not settle it.",
    "symgen claims no right in what it composes. Each piece comes with a copy report: look at it before you publish, "
    "and use --max-copy for a piece that shares no long run with the training pieces.",
    "A traditional tune that many people sing is in many collections: a shared run need not be anybody's work.",
    "Who needs other ground trains on an own corpus: symgen convert, then symgen train.",
)

_MEASURES: tuple[tuple[str, str], ...] = (
    ("bits a note, checkpoint", "bits a note of unseen pieces"),
    ("two-sample accuracy, real against real", "a judge tells real from real"),
    ("two-sample accuracy, composed pieces", "a judge tells composed from real (0.5 is guessing)"),
    ("8-note runs copied", "runs of 8 notes that are in training pieces"),
    ("16-note runs copied", "runs of 16 notes that are in training pieces"),
)
"""Figures that tell a user most, in other words."""


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a checkpoint.

    Parameters
    ----------
    name, digest, version : str
        Name, digest of its weights, and the symgen that trained it.
    parameters : int
        Weights.
    styles : mapping
        Style -> pieces it learnt from and the longest runs that people's pieces share.
    sources : tuple of mapping
        Corpora with their licence wording, and what that comes to.
    measured : mapping
        Style -> what was measured, in words -> figure.
    meaning, limits : tuple of str
        What that means for who uses the result, and what it cannot do.
    """

    name: str
    digest: str
    version: str
    parameters: int
    styles: Mapping[str, Any]
    sources: tuple[Mapping[str, Any], ...]
    measured: Mapping[str, Mapping[str, str]]
    meaning: tuple[str, ...]
    limits: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        return {
            "name": self.name,
            "digest": self.digest,
            "version": self.version,
            "parameters": self.parameters,
            "styles": {name: dict(facts) for name, facts in self.styles.items()},
            "sources": [dict(row) for row in self.sources],
            "measured": {style: dict(figures) for style, figures in self.measured.items()},
            "meaning": list(self.meaning),
            "limits": list(self.limits),
        }

    def lines(self) -> Iterator[str]:
        """Yield it in plain words."""
        yield f"{self.name}: {self.parameters:,} weights, digest {self.digest}, trained by symgen {self.version}"
        yield ""
        yield "It learnt from"
        for row in self.sources:
            counts = f"{row['pieces']:,} pieces, {row['notes']:,} notes"
            yield f"  {row['title']}: {counts} of {row['style']} ({row['source'] or 'source not known'})"
            yield f"    licence wording: {row['licence'] or 'none'}"
            yield from (f"    it {words}" for words in row["means"])
        yield from ("  nothing that it names",) if not self.sources else ()
        yield from ("", "What that means for using what it composes", *(f"  {words}" for words in self.meaning))
        yield from ("", "What was measured")
        for style, figures in self.measured.items():
            yield f"  {style}"
            yield from (f"    {words}: {figure}" for words, figure in figures.items())
        yield from ("  nothing",) if not self.measured else ()
        for style, facts in self.styles.items():
            if words := _human(facts):
                yield f"  {style}: {words}"
        yield from ("", "What it cannot do", *(f"  {words}" for words in self.limits))


def about(checkpoint: str | Path | None = None) -> About:
    """Return what is known of a checkpoint.

    Parameters
    ----------
    checkpoint : str or Path, optional
        Its folder, or the name of one that ships; the usual one by default.

    Raises
    ------
    CheckpointError
        If there is none, or it is damaged.
    """
    found = from_pretrained(checkpoint or checkpoints_dir() / DEFAULT)
    try:
        return _about(found)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(f"{found.path} does not say what it learnt from ({error})") from error


def _about(checkpoint: Checkpoint) -> About:
    facts = checkpoint.facts
    return About(
        name=checkpoint.path.resolve().name,
        digest=checkpoint.digest,
        version=str(facts.get("version", "unknown")),
        parameters=int(facts.get("parameters", 0)),
        styles=checkpoint.styles,
        sources=tuple({**row, "means": _means(str(row["licence"]))} for row in facts.get("data", ())),
        measured=_measured(facts.get("figures", {})),
        meaning=_MEANING,
        limits=tuple(" ".join(limit.split()) for limit in LIMITS),
    )


def _means(licence: str) -> list[str]:
    """Return what a wording comes to, in plain words."""
    found = [words for pattern, words in _WORDINGS if re.search(pattern, licence, re.IGNORECASE)]
    return found or ["has conditions of its own: read them"]


def _measured(figures: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return the figures that tell most, by style."""
    found = {}
    for group, values in figures.items():
        if group.startswith("measured_") and isinstance(values, Mapping):
            rows = {words: str(values[name]) for name, words in _MEASURES if name in values}
            found[group.removeprefix("measured_")] = rows
    return found


def _human(facts: Mapping[str, Any]) -> str:
    """Return how long the runs are that people's pieces share with the training pieces."""
    median, most = facts.get("human_longest_run"), facts.get("human_longest_run_p90")
    if median is None:
        return ""
    beyond = "" if most is None else f", nine in ten at most {most}"
    return f"pieces by people, kept out of training, share a run of {median} notes with it (median{beyond})"
