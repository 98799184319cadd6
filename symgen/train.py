"""Use case: a dataset in, a checkpoint out.

Training is a list of stages: likelihood on folk melody, likelihood on the zither styles with replay, and
the adversarial stage. Every stage can be stopped and is taken up where it stood.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

import torch

from symgen.copying import copy_report, fingerprints
from symgen.corpus.catalogue import read_catalogue
from symgen.corpus.dataset import Dataset
from symgen.errors import CheckpointError, CorpusError, UsageError
from symgen.files import file_digest, make_folder, write_text
from symgen.models.adversarial import fight
from symgen.models.card import model_card
from symgen.models.checkpoint import save_checkpoint, save_fingerprints, write_json
from symgen.models.duel import AdversarialStage, styles_to_play
from symgen.models.generator import Generator, GeneratorConfig
from symgen.models.likelihood import Run, Stage, bits_per_note, weights_of
from symgen.models.windows import Mixture, Pieces, pieces_by_style
from symgen.progress import Progress, silent
from symgen.resources import corpora_dir, version
from symgen.styles import get_style

MIN_PIECES = 5
_JUDGED_FOLK = 80
"""Folk validation pieces that are looked at between updates; all of them would cost more than the updates."""


def _default_stages() -> tuple[Stage, ...]:
    return (
        Stage("folk", steps=1500, shares={"folk": 1.0}, judge="folk", learning_rate=1.5e-3, dropout=0.0),
        Stage(
            "zither",
            steps=300,
            shares={"guqin": 0.55, "guzheng": 0.15, "folk": 0.3},
            judge="guqin",
            learning_rate=6e-4,
            dropout=0.25,
            evaluate_every=25,
            patience=6,
        ),
        Stage(
            "polish",
            steps=150,
            shares={"guqin": 0.5, "guzheng": 0.15, "folk": 0.35},
            judge="guqin",
            learning_rate=2e-4,
            dropout=0.35,
            evaluate_every=25,
            patience=4,
        ),
    )


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train.

    Parameters
    ----------
    stages : tuple of Stage
        Likelihood stages in order; styles that the dataset lacks are left out of their shares.
    adversarial : AdversarialStage or None
        The stage after them.
    config : GeneratorConfig
        Sizes of the generator.
    """

    stages: tuple[Stage, ...] = field(default_factory=_default_stages)
    adversarial: AdversarialStage | None = field(default_factory=AdversarialStage)
    config: GeneratorConfig = field(default_factory=GeneratorConfig)


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """What to train.

    Parameters
    ----------
    dataset : Path
        Made by ``symgen convert``.
    style : str
        Style to learn; its validation pieces decide which weights are kept.
    output : Path
        Folder of the checkpoint.
    run : Path, optional
        Folder of the training state, ``<output>.run`` by default; a run found there is continued if it is one
        of the same dataset, style, seed and network.
    seed : int
        At least 0. Seeds weights, batches and dropout.
    threads : int
        Threads that torch uses; 0 leaves the choice to it.
    recipe : Recipe
        How to train.
    """

    dataset: Path
    style: str
    output: Path
    run: Path | None = None
    seed: int = 0
    threads: int = 0
    recipe: Recipe = field(default_factory=Recipe)


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What was trained.

    Parameters
    ----------
    output : Path
        Folder of the checkpoint.
    bits : dict
        Style -> bits per note on its validation pieces.
    pieces : dict
        Style -> training pieces.
    parameters : int
        Weights of the generator.
    """

    output: Path
    bits: dict[str, float]
    pieces: dict[str, int]
    parameters: int

    def as_json(self) -> dict[str, Any]:
        """Return the result as plain data."""
        return {
            "output": str(self.output),
            "bits_per_note": self.bits,
            "pieces": self.pieces,
            "parameters": self.parameters,
        }


def train(request: TrainRequest, progress: Progress = silent) -> TrainResult:
    """Train a checkpoint, or go on with a training that was stopped.

    Parameters
    ----------
    request : TrainRequest
        What to train.
    progress : Progress
        Told of each evaluation.

    Raises
    ------
    CorpusError
        If the dataset is missing, damaged or too small. A damaged piece is found when a window of it is cut.
    UsageError
        If there is no such style, the dataset holds no piece of it, the folder of the checkpoint holds something
        else, or the folder of the training state that of another training.
    CheckpointError
        If the state of an earlier run is damaged.
    WriteError
        If a folder cannot be written.
    """
    request = _checked(request)
    if request.threads:
        torch.set_num_threads(request.threads)
    dataset = Dataset(request.dataset)
    progress("reading the dataset")
    training = pieces_by_style(dataset, "train")
    validation = pieces_by_style(dataset, "validation", {"folk": _JUDGED_FOLK})
    _check_pieces(request, training, validation)
    make_folder(request.output)
    _claim(_run_folder(request), request, dataset)
    torch.manual_seed(request.seed)
    run = Run(Generator(request.recipe.config), _run_folder(request), request.seed)
    train_likelihood(run, request.recipe, request.style, training, validation, progress)
    if request.recipe.adversarial is not None:
        stage = request.recipe.adversarial
        stage = replace(stage, shares=_present(stage.shares, request.style, training))
        last = request.recipe.stages[-1]
        shares = _present(last.shares, request.style, training)
        replay = Mixture(training, shares, window=request.recipe.config.window, steps=last.batch_steps // 2)
        fight(run, stage, training, validation, replay, progress)
    bits = {style: round(bits_per_note(run.model, pieces), 4) for style, pieces in validation.items() if len(pieces)}
    stages = [*run.state.finished, *([request.recipe.adversarial.name] if request.recipe.adversarial else [])]
    figures = {"bits_per_note": bits}
    export(run.model, dataset, request.output, figures, seed=request.seed, style=request.style, stages=stages)
    return TrainResult(
        output=request.output,
        bits=bits,
        pieces={style: len(pieces) for style, pieces in training.items()},
        parameters=sum(parameter.numel() for parameter in run.model.parameters()),
    )


def train_likelihood(
    run: Run,
    recipe: Recipe,
    style: str,
    training: Mapping[str, Pieces],
    validation: Mapping[str, Pieces],
    progress: Progress,
) -> None:
    """Run the likelihood stages that the dataset has pieces for; validation pieces of `style` judge the last one."""
    for number, stage in enumerate(recipe.stages):
        # The first stage may be of another style altogether; all later ones are about the style itself.
        shares = _present(stage.shares, style if number else None, training)
        last = stage is recipe.stages[-1]
        judge = stage.judge if len(validation.get(stage.judge, ())) and not last else style
        if not shares or not len(validation.get(judge, ())):
            continue
        mixture = Mixture(training, shares, window=recipe.config.window, steps=stage.batch_steps)
        run.fit(stage, mixture, validation, judge, progress)


def _present(shares: Mapping[str, float], style: str | None, training: Mapping[str, Pieces]) -> dict[str, float]:
    """Return the shares of the styles that there are pieces of; `style`, if given, gets the largest."""
    wanted = dict(shares)
    if style is not None:
        largest = max(wanted, key=lambda name: wanted[name])
        wanted[largest], wanted[style] = wanted.get(style, 0.0), wanted[largest]
    return {name: share for name, share in wanted.items() if share > 0 and len(training.get(name, ()))}


def export(
    model: Generator,
    dataset: Dataset,
    output: Path,
    figures: Mapping[str, Any],
    *,
    seed: int,
    style: str,
    stages: Sequence[str],
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
    }
    save_checkpoint(
        output,
        config=model.config.as_json(),
        weights=weights_of(model),
        styles=_style_facts(dataset, known),
        facts=whole,
    )
    write_text(output / "README.md", model_card(output.resolve().name, whole))


def _checked(request: TrainRequest) -> TrainRequest:
    """Return the request with the style by its name, or raise UsageError for what cannot be met."""
    if request.seed < 0:
        raise UsageError(f"seed {request.seed}", expected="0 or more")
    if (request.output / "README.md").exists() and not (request.output / "checkpoint.json").exists():
        raise UsageError(
            f"{request.output} holds a README.md that is not a checkpoint's",
            expected="a checkpoint, or a folder without such a file",
            remedy="name another with -o",
        )
    return replace(request, style=get_style(request.style).name)


def _check_pieces(request: TrainRequest, training: Mapping[str, Pieces], validation: Mapping[str, Pieces]) -> None:
    if request.style not in training:
        raise UsageError(
            f"{request.dataset} holds no {request.style} piece" + (f", only {', '.join(training)}" if training else ""),
            remedy=f"convert the scores with --style {request.style}",
        )
    found = len(training[request.style]) + len(validation.get(request.style, ()))
    if found < MIN_PIECES or not len(validation.get(request.style, ())):
        raise CorpusError(
            f"{request.dataset} holds {found} {request.style} pieces to learn from and to judge by",
            expected=f"at least {MIN_PIECES}, one of them held out",
            remedy="convert more pieces",
        )
    if request.recipe.adversarial is not None:
        stage = request.recipe.adversarial
        styles_to_play(replace(stage, shares=_present(stage.shares, request.style, training)), training)


def _run_folder(request: TrainRequest) -> Path:
    output = request.output.resolve()
    return request.run or output.with_name(output.name + ".run")


def _claim(folder: Path, request: TrainRequest, dataset: Dataset) -> None:
    """Note in the folder of a training what is trained, or make sure that it is the same as before."""
    wanted = {
        "dataset": _index_digest(dataset),
        "style": request.style,
        "seed": request.seed,
        "network": request.recipe.config.as_json(),
    }
    make_folder(folder)
    note = folder / "training.json"
    try:
        found = json.loads(note.read_text("utf-8"))
    except FileNotFoundError:
        write_json(note, wanted)
        return
    except (OSError, ValueError) as error:
        raise CheckpointError(f"cannot read {note}: {error}", remedy=f"remove {folder} to begin again") from error
    other = [name for name, value in wanted.items() if not isinstance(found, dict) or found.get(name) != value]
    if other:
        raise UsageError(
            f"{folder} holds a training with another {' and '.join(other)}",
            expected="the training that was begun there, to go on with",
            remedy="remove it to begin again, or name another checkpoint with -o",
        )


def _index_digest(dataset: Dataset) -> str:
    """Return the digest of the index: what the dataset says, so that a large one need not be read for it."""
    files = dataset.facts.get("files")
    if isinstance(files, dict) and isinstance(digest := files.get("index.jsonl"), str):
        return digest
    index = dataset.path / "index.jsonl"
    try:
        return file_digest(index)
    except OSError as error:
        raise CorpusError(f"{index}: {error.strerror}", remedy="convert the corpus again") from error


def _style_facts(dataset: Dataset, known: Mapping[str, Any]) -> dict[str, Any]:
    """Return for each style how many pieces it has, and how long a run people's unseen pieces share with them."""
    facts = {}
    for style in dataset.styles():
        unseen = [number for split in ("validation", "test") for number in dataset.numbers(split=split, style=style)]
        runs = [copy_report(dataset.sequence(number), known) for number in unseen[:200]]
        facts[style] = {
            "pieces": len(dataset.numbers(split="train", style=style)),
            "human_longest_run": int(median(run.longest_run for run in runs if run)) if runs else None,
        }
    return facts


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
