"""Use case: a dataset in, a checkpoint out.

Training is a list of stages: likelihood on folk melody, likelihood on the zither style with replay, and
the adversarial stage. Every stage can be stopped and is taken up where it stood.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from symgen.corpus.dataset import Dataset
from symgen.errors import CorpusError
from symgen.models.generator import Generator, GeneratorConfig
from symgen.models.likelihood import Run, Stage
from symgen.models.windows import Mixture, Pieces
from symgen.progress import Progress, silent

FOLK = Stage("folk", steps=1500, shares={"folk": 1.0}, judge="folk", learning_rate=1.5e-3, dropout=0.0)
ZITHER = Stage(
    "zither",
    steps=600,
    shares={"guqin": 0.55, "guzheng": 0.15, "folk": 0.3},
    judge="guqin",
    learning_rate=6e-4,
    dropout=0.25,
    evaluate_every=50,
    patience=4,
)

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
    output : Path
        Folder of the checkpoint.
    run : Path, optional
        Folder of the training state, ``<output>.run`` by default; a run found there is continued.
    seed : int
        Seeds weights, batches and dropout.
    threads : int
        Threads that torch uses; 0 leaves the choice to it.
    config : GeneratorConfig
        Sizes of the generator.
    """

    dataset: Path
    output: Path
    run: Path | None = None
    seed: int = 0
    threads: int = 0
    config: GeneratorConfig = field(default_factory=GeneratorConfig)


def load_pools(dataset: Dataset, split: str) -> dict[str, Pieces]:
    """Return the pieces of a split, with their features, by style."""
    styles = sorted({entry.style for entry in dataset.entries})
    return {style: Pieces(dataset.sequences(split=split, style=style)) for style in styles}


def train_likelihood(request: TrainRequest, progress: Progress = silent) -> tuple[Run, Mapping[str, Pieces]]:
    """Run the likelihood stages and return the run and the training pieces."""
    if request.threads:
        torch.set_num_threads(request.threads)
    dataset = Dataset(request.dataset)
    progress("reading the dataset")
    training = load_pools(dataset, "train")
    validation: dict[str, Any] = {}
    for style in training:
        held_out = dataset.sequences(split="validation", style=style)
        validation[style] = Pieces(islice(held_out, _JUDGED_FOLK) if style == "folk" else held_out)
    if sum(map(len, training.values())) < MIN_PIECES:
        raise CorpusError(
            f"{request.dataset} holds {sum(map(len, training.values()))} training pieces",
            expected=f"at least {MIN_PIECES}: fewer cannot be split into pieces to learn from and pieces to judge by",
        )
    torch.manual_seed(request.seed)
    run = Run(Generator(request.config), request.run or request.output.with_suffix(".run"), request.seed)
    for stage in (FOLK, ZITHER):
        mixture = Mixture(training, stage.shares, window=request.config.window, steps=stage.batch_steps)
        run.fit(stage, mixture, validation, progress)
    return run, training
