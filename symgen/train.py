"""Use case: a dataset in, a checkpoint out.

Training is a list of stages: likelihood on folk melody, likelihood on the zither styles with replay, and
the adversarial stage. Every stage can be stopped and is taken up where it stood. A recipe says how
(:mod:`symgen.models.recipe`), and hardware where (:mod:`symgen.models.hardware`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from symgen.corpus.dataset import Dataset
from symgen.critic import CriticRequest, make_critic
from symgen.errors import CorpusError, UsageError
from symgen.files import file_digest, make_folder, settle_paths
from symgen.models.adversarial import fight
from symgen.models.adversarial_stage import AdversarialStage, styles_to_play
from symgen.models.claim import claim, claim_recipe
from symgen.models.export import export
from symgen.models.generator import Generator
from symgen.models.hardware import Hardware, hardware
from symgen.models.journal import events_available
from symgen.models.likelihood import Run, Stage
from symgen.models.losses import bits_by_style, weights_of
from symgen.models.mixture import Mixture
from symgen.models.recipe import EarPlan, Recipe, read_recipe
from symgen.models.rehearsal import Estimate, Rehearsal
from symgen.models.snapshots import snapshots
from symgen.models.stopping import stopping
from symgen.models.windows import Pieces, pieces_by_style
from symgen.progress import Progress, silent
from symgen.styles import get_style

__all__ = ["Estimate", "Recipe", "TrainRequest", "TrainResult", "estimate", "export", "train", "train_likelihood"]

MIN_PIECES = 5
_JUDGED_FOLK = 80
"""Folk validation pieces that are looked at between updates; all of them would cost more than the updates."""


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
        of the same dataset, style, seed and network, and its stages go on as they began.
    seed : int
        At least 0. Seeds weights, batches and dropout.
    threads : int
        Threads that torch uses; 0 leaves the choice to it.
    recipe : Recipe or Path, optional
        How to train: itself, its TOML file, or a checkpoint that keeps one; the shipped one by default.
    device, precision : str
        See :func:`symgen.models.hardware.hardware`.
    compiled : bool
        Whether networks are compiled.
    """

    dataset: Path
    style: str
    output: Path
    run: Path | None = None
    seed: int = 0
    threads: int = 0
    recipe: Recipe | Path | None = None
    device: str = "auto"
    precision: str = "auto"
    compiled: bool = False

    def __post_init__(self) -> None:
        settle_paths(self)


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
    ears : dict
        Style -> the chance that a stretch that people wrote seems so to its ear more than one of the generator alone;
        empty where none could be made.
    deaf : str
        Why not.
    """

    output: Path
    bits: dict[str, float]
    pieces: dict[str, int]
    parameters: int
    ears: dict[str, float] = field(default_factory=dict)
    deaf: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the result as plain data."""
        return {
            "output": str(self.output),
            "bits_per_note": self.bits,
            "pieces": self.pieces,
            "parameters": self.parameters,
            "ears": self.ears,
            **({"no_ear": self.deaf} if self.deaf else {}),
        }


def train(request: TrainRequest, progress: Progress = silent) -> TrainResult:
    """Train a checkpoint, or go on with a training that was stopped.

    Under ``torchrun`` every process calls this with the same request and gets the same result; the first one reads,
    writes and tells.

    Parameters
    ----------
    request : TrainRequest
        What to train.
    progress : Progress
        Told of each update.

    Raises
    ------
    CorpusError
        If the dataset is missing, damaged or too small. A damaged piece is found when a window of it is cut.
    UsageError
        If there is no such style, device or recipe, the dataset holds no piece of the style, the folder of the
        checkpoint holds something else, or the folder of the training state that of another training.
    CheckpointError
        If the state of an earlier run is damaged, or the generator diverged.
    WriteError
        If a folder cannot be written; the last state stays as it was.
    KeyboardInterrupt
        If SIGINT or SIGTERM asked to stop; the state is saved, and the words say how to go on.
    """
    with hardware(request.device, request.precision, compiled=request.compiled) as machine, stopping(progress) as stop:
        task = _prepare(request, machine, progress if machine.first else silent)
        if not events_available():
            task.progress("log.jsonl alone is written; the extra symgen[tensorboard] adds event files")
        machine.from_first(lambda: _claim(task))
        run = Run(_generator(task), _run_folder(task.request), request.seed, machine, stop)
        begun = {*run.state.finished, run.state.stage, *_adversarial_begun(task)}
        machine.from_first(lambda: claim_recipe(run.folder, task.recipe, begun))
        try:
            train_likelihood(run, task.recipe, task.request.style, task.training, task.validation, task.progress)
            _adversarial(run, task)
            return machine.from_first(lambda: _finish(run, task))
        finally:
            run.journal.close()


def estimate(request: TrainRequest, progress: Progress = silent) -> Estimate:
    """Say how long a training will take and how much memory, from a few updates of each stage; nothing is kept.

    Raises
    ------
    SymgenError
        As :func:`train`.
    """
    with hardware(request.device, request.precision, compiled=request.compiled) as machine:
        task = _prepare(request, machine, progress if machine.first else silent)
        rehearsal = Rehearsal(_generator(task), request.seed, machine, task.progress)
        stages = _stages(task.recipe, task.request.style, task.training, task.validation)
        for stage, mixture, judge in stages:
            rehearsal.likelihood(stage, mixture, task.validation, judge)
        if task.recipe.adversarial is not None:
            rehearsal.adversarial(*_duel_of(task.recipe, task.recipe.adversarial, task))
        return rehearsal.estimate(task.recipe, {style: len(pieces) for style, pieces in task.training.items()})


def train_likelihood(
    run: Run,
    recipe: Recipe,
    style: str,
    training: Mapping[str, Pieces],
    validation: Mapping[str, Pieces],
    progress: Progress,
) -> None:
    """Run the likelihood stages that the dataset has pieces for; validation pieces of `style` judge the last one."""
    for stage, mixture, judge in _stages(recipe, style, training, validation):
        run.fit(stage, mixture, validation, judge, progress)


@dataclass(frozen=True, slots=True)
class _Task:
    """A request that was looked through, and what it reads."""

    request: TrainRequest
    recipe: Recipe
    dataset: Dataset
    training: dict[str, Pieces]
    validation: dict[str, Pieces]
    progress: Progress


def _prepare(request: TrainRequest, machine: Hardware, progress: Progress) -> _Task:
    """Look a request through and open what it names; nothing is written."""
    recipe = request.recipe if isinstance(request.recipe, Recipe) else None
    if recipe is None:
        recipe = read_recipe(request.recipe) if isinstance(request.recipe, Path) else Recipe()
    request = _checked(request)
    if request.threads:
        torch.set_num_threads(request.threads)
    dataset = Dataset(request.dataset)
    progress("reading the dataset")
    training = pieces_by_style(dataset, "train")
    validation = pieces_by_style(dataset, "validation", {"folk": _JUDGED_FOLK})
    task = _Task(request, recipe, dataset, training, validation, progress)
    _check_pieces(task)
    return task


def _generator(task: _Task) -> Generator:
    torch.manual_seed(task.request.seed)
    return Generator(task.recipe.config)


def _stages(
    recipe: Recipe, style: str, training: Mapping[str, Pieces], validation: Mapping[str, Pieces]
) -> list[tuple[Stage, Mixture, str]]:
    """Return the likelihood stages that there are pieces for, each with its batches and the style that judges it."""
    found = []
    for number, stage in enumerate(recipe.stages):
        # The first stage may be of another style altogether; all later ones are about the style itself.
        shares = _present(stage.shares, style if number else None, training)
        last = stage is recipe.stages[-1]
        judge = stage.judge if len(validation.get(stage.judge, ())) and not last else style
        if shares and len(validation.get(judge, ())):
            mixture = Mixture(
                training, shares,
                window=recipe.config.window, steps=stage.batch_steps,
                stretched=stage.stretched, stretched_told=stage.stretched_told,
                barred=stage.barred, grafted=stage.grafted,
            )  # fmt: skip
            found.append((stage, mixture, judge))
    return found


def _present(shares: Mapping[str, float], style: str | None, training: Mapping[str, Pieces]) -> dict[str, float]:
    """Return the shares of the styles that there are pieces of; `style`, if given, gets the largest."""
    wanted = dict(shares)
    if style is not None:
        largest = max(wanted, key=lambda name: wanted[name])
        wanted[largest], wanted[style] = wanted.get(style, 0.0), wanted[largest]
    return {name: share for name, share in wanted.items() if share > 0 and len(training.get(name, ()))}


def _duel_of(
    recipe: Recipe, stage: AdversarialStage, task: _Task
) -> tuple[AdversarialStage, Mapping[str, Pieces], Mapping[str, Pieces], Mixture]:
    """Return what the adversarial stage is run with: itself, pieces to play and to judge by, and what is replayed."""
    style, last = task.request.style, recipe.stages[-1]
    stage = replace(stage, shares=_present(stage.shares, style, task.training))
    shares = _present(last.shares, style, task.training)
    sizes = {"window": recipe.config.window, "steps": last.batch_steps // 2}
    replay = Mixture(task.training, shares, **sizes, barred=last.barred)
    return stage, task.training, task.validation, replay


def _adversarial(run: Run, task: _Task) -> None:
    """Run the adversarial stage, on the processor: most of its time goes into writing, which numpy does there.

    Of several processes the first one does it, and the others wait for its weights.
    """
    if task.recipe.adversarial is None:
        return
    stage, training, validation, replay = _duel_of(task.recipe, task.recipe.adversarial, task)
    run.model.to("cpu")
    run.hardware.from_first(lambda: fight(run, stage, training, validation, replay, task.progress))
    weights = run.hardware.from_first(lambda: weights_of(run.model))
    run.model.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    run.model.to(run.hardware.device)


def _adversarial_begun(task: _Task) -> list[str]:
    stage = task.recipe.adversarial
    return [stage.name] if stage is not None and snapshots(_run_folder(task.request), stage.name) else []


def _finish(run: Run, task: _Task) -> TrainResult:
    """Measure what was trained and write it as a checkpoint."""
    request = task.request
    bits = bits_by_style(run.model, task.validation)
    stages = [*run.state.finished, *([task.recipe.adversarial.name] if task.recipe.adversarial else [])]
    figures, recipe = {"bits_per_note": bits}, task.recipe.as_json()
    export(
        run.model, task.dataset, request.output, figures,
        seed=request.seed, style=request.style, stages=stages, recipe=recipe,
    )  # fmt: skip
    result = TrainResult(
        output=request.output,
        bits=bits,
        pieces={style: len(pieces) for style, pieces in task.training.items()},
        parameters=sum(parameter.numel() for parameter in run.model.parameters()),
    )
    return result if task.recipe.ear is None else _with_ear(result, task, task.recipe.ear, run)


_EAR_SEEDS = 1 << 32


def _with_ear(result: TrainResult, task: _Task, plan: EarPlan, run: Run) -> TrainResult:
    """Make the adversary that hears what the checkpoint composes; one that cannot be made is no failed training."""
    wanted = CriticRequest(result.output, task.dataset.path, pieces=plan.takes, seed=task.request.seed % _EAR_SEEDS)

    def heeding(message: str, done: int = 0, total: int = 0) -> None:
        task.progress(message, done, total)
        if run.stop.asked:
            raise KeyboardInterrupt("stopped while the ear was made: the weights stand; the same command makes it anew")

    try:
        made = make_critic(wanted, heeding)
    except CorpusError as error:
        return replace(result, deaf=str(error))
    return replace(result, ears=made.ears)


def _checked(request: TrainRequest) -> TrainRequest:
    """Return the request with the style by its name, or raise UsageError for what cannot be met."""
    if request.seed < 0:
        raise UsageError(f"seed {request.seed}", expected="0 or more")
    if request.threads < 0:
        raise UsageError(f"threads {request.threads}", expected="0 or more")
    if (request.output / "README.md").exists() and not (request.output / "checkpoint.json").exists():
        raise UsageError(
            f"{request.output} holds a README.md that is not a checkpoint's",
            expected="a checkpoint, or a folder without such a file",
            remedy="name another with -o",
        )
    return replace(request, style=get_style(request.style).name)


def _check_pieces(task: _Task) -> None:
    """Check that there is enough to learn from and to judge by."""
    request, training, validation = task.request, task.training, task.validation
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
    if task.recipe.adversarial is not None:
        stage = task.recipe.adversarial
        styles_to_play(replace(stage, shares=_present(stage.shares, request.style, training)), training)


def _claim(task: _Task) -> None:
    """Make the folder of the checkpoint, and claim that of the training."""
    make_folder(task.request.output)
    wanted = {
        "dataset": _index_digest(task.dataset),
        "style": task.request.style,
        "seed": task.request.seed,
        "network": task.recipe.config.as_json(),
    }
    claim(_run_folder(task.request), wanted)


def _run_folder(request: TrainRequest) -> Path:
    output = request.output.resolve()
    return request.run or output.with_name(output.name + ".run")


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
