"""A trained generator as a checkpoint: weights, what they learnt from, fingerprints for the copy report, the card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from symgen.copying import copy_report, fingerprints
from symgen.corpus.catalogue import read_catalogue
from symgen.corpus.dataset import Dataset
from symgen.files import write_text
from symgen.models.card import model_card
from symgen.models.checkpoint import save_checkpoint, save_fingerprints
from symgen.models.generator import Generator
from symgen.models.losses import weights_of
from symgen.resources import corpora_dir, version


def export(
    model: Generator,
    dataset: Dataset,
    output: Path,
    figures: Mapping[str, Any],
    *,
    seed: int,
    style: str,
    stages: Sequence[str],
    recipe: Mapping[str, Any] | None = None,
) -> None:
    """Write a checkpoint with fingerprints of its training pieces and a model card.

    Parameters
    ----------
    model : Generator
        Its weights are written.
    dataset : Dataset
        What it was trained on.
    output : Path
        Folder of the checkpoint.
    figures : mapping
        What was measured.
    seed : int
        Seed of the training.
    style : str
        Style that the training was about.
    stages : sequence of str
        Names of the stages that ran.
    recipe : mapping, optional
        The recipe, in the form of its TOML file.
    """
    known = fingerprints(dataset.sequences(split="train"))
    save_fingerprints(output, known)
    whole = {
        "version": version(),
        "seed": seed,
        "figures": dict(figures),
        "data": _origins(dataset),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "style": style,
        "stages": list(stages),
        **({"recipe": dict(recipe)} if recipe is not None else {}),
    }
    save_checkpoint(
        output,
        config=model.config.as_json(),
        weights=weights_of(model),
        styles=_style_facts(dataset, known),
        facts=whole,
    )
    write_text(output / "README.md", model_card(output.resolve().name, whole))


def _style_facts(dataset: Dataset, known: Mapping[str, Any]) -> dict[str, Any]:
    """Return for each style how many pieces it has, and how long a run people's unseen pieces share with them."""
    facts = {}
    for style in dataset.styles():
        unseen = [number for split in ("validation", "test") for number in dataset.numbers(split=split, style=style)]
        runs = [copy_report(dataset.sequence(number), known) for number in unseen[:200]]
        facts[style] = {
            "pieces": len(dataset.numbers(split="train", style=style)),
            **longest_runs([run.longest_run for run in runs if run]),
        }
    return facts


def longest_runs(runs: Sequence[int]) -> dict[str, int | None]:
    """Return the median and the 90th percentile of the longest runs of pieces; None where there are no pieces."""
    ordered = sorted(runs)
    most = ordered[-(-9 * len(ordered) // 10) - 1] if ordered else None
    return {"human_longest_run": int(median(ordered)) if ordered else None, "human_longest_run_p90": most}


def _origins(dataset: Dataset) -> list[dict[str, Any]]:
    """Return the corpora that training pieces come from, by style, with their licence wording."""
    pieces: Counter[tuple[str, str]] = Counter()
    notes: Counter[tuple[str, str]] = Counter()
    licences: dict[str, str] = {}
    for entry in dataset.entries:
        if entry.split == "train":
            pieces[entry.corpus, entry.style] += 1
            notes[entry.corpus, entry.style] += entry.notes
            licences[entry.corpus] = entry.licence
    declared = {corpus.name: corpus for corpus in read_catalogue(corpora_dir())}
    return [
        {
            "corpus": name,
            "style": style,
            "title": declared[name].title if name in declared else name,
            "source": declared[name].source if name in declared else "",
            "licence": licences[name],
            "pieces": pieces[name, style],
            "notes": notes[name, style],
        }
        for name, style in sorted(pieces)
    ]
