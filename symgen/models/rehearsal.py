"""How long a training will take, and how much memory: a few real updates of each stage, timed and thrown away."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
import torch

from symgen.models.adversarial_stage import AdversarialStage
from symgen.models.duel import Duel
from symgen.models.generator import Generator
from symgen.models.hardware import Hardware
from symgen.models.likelihood import Run, Stage, Work
from symgen.models.losses import bits_per_note
from symgen.models.mixture import Mixture
from symgen.models.recipe import Recipe
from symgen.models.windows import Pieces
from symgen.progress import Progress

_UPDATES: Final = 6
"""Updates of a stage that are timed; the first reads pieces and sets up kernels, and is left out."""
_SECONDS: Final = 30.0
"""So long at most."""


@dataclass(frozen=True, slots=True)
class StageEstimate:
    """What a stage will take.

    Parameters
    ----------
    stage, kind : str
        Its name and kind.
    updates : int
        At most; early stopping may end it before.
    update_seconds : float
        Median time of an update.
    seconds : float
        Of the whole stage, with its evaluations.
    """

    stage: str
    kind: str
    updates: int
    update_seconds: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a training will take.

    Parameters
    ----------
    stages : tuple of StageEstimate
        The stages that there are pieces for.
    pieces : dict
        Style -> training pieces.
    parameters : int
        Weights of the generator.
    memory_bytes : int or None
        Most memory that was in use: of the CUDA device, or of the process; None where that cannot be told.
    hardware : str
        Device, precision and number of processes.
    recipe : dict
        The recipe with every entry filled in.
    """

    stages: tuple[StageEstimate, ...]
    pieces: dict[str, int]
    parameters: int
    memory_bytes: int | None
    hardware: str
    recipe: dict[str, Any]

    @property
    def seconds(self) -> float:
        """Time of all stages."""
        return sum(stage.seconds for stage in self.stages)

    def as_json(self) -> dict[str, Any]:
        """Return the estimate as plain data."""
        return {**asdict(self), "stages": [asdict(stage) for stage in self.stages], "seconds": round(self.seconds, 1)}


class Rehearsal:
    """Rehearses stages one after the other, on weights that nobody keeps.

    Parameters
    ----------
    model : Generator
        Fresh; it is spoiled.
    seed : int
        Seeds batches.
    hardware : Hardware
        What the training will run on.
    progress : Progress
        Told which stage is rehearsed.
    """

    def __init__(self, model: Generator, seed: int, hardware: Hardware, progress: Progress) -> None:
        self._model, self._seed, self._hardware, self._progress = model, seed, hardware, progress
        self._found: list[StageEstimate] = []

    def likelihood(self, stage: Stage, mixture: Mixture, validation: Mapping[str, Pieces], judge: str) -> None:
        """Rehearse a likelihood stage."""
        self._progress(f"rehearsing {stage.name}")
        with tempfile.TemporaryDirectory(prefix="symgen-") as folder:
            run = Run(self._model, Path(folder), self._seed, self._hardware)
            work = Work(run, stage, mixture, validation, judge)
            each = _timed(work.update)
            begun = time.perf_counter()
            work.judge(0.0, 0.0)
            judged = time.perf_counter() - begun
            run.journal.close()
        seconds = stage.steps * each + math.ceil(stage.steps / stage.evaluate_every) * judged
        self._note(stage.name, "likelihood", stage.steps, each, seconds)

    def adversarial(
        self,
        stage: AdversarialStage,
        training: Mapping[str, Pieces],
        validation: Mapping[str, Pieces],
        replay: Mixture,
    ) -> None:
        """Rehearse the adversarial stage, on the processor as it is run."""
        self._progress(f"rehearsing {stage.name}")
        rng = np.random.default_rng(self._seed)
        with tempfile.TemporaryDirectory(prefix="symgen-") as folder:
            run = Run(self._model.to("cpu"), Path(folder), self._seed)
            duel = Duel(run, stage, training)
            written = duel.write(rng)
            write = _timed(lambda: duel.write(rng), 2)
            judge = _timed(lambda: duel.judge(rng), 2)
            update = _timed(lambda: duel.update(written, replay.batch(rng), rng), 2)
            begun = time.perf_counter()
            for pieces in validation.values():
                if len(pieces):
                    bits_per_note(run.model, pieces)
            evaluation = time.perf_counter() - begun
        each = write + judge + update
        ahead = stage.memory * write + stage.warm_up * judge / max(1, stage.rounds)
        evaluations = math.ceil(stage.updates / stage.evaluate_every) * evaluation
        self._note(stage.name, "adversarial", stage.updates, each, ahead + stage.updates * each + evaluations)

    def estimate(self, recipe: Recipe, pieces: dict[str, int]) -> Estimate:
        """Return what was found."""
        hardware = self._hardware
        words = [str(hardware.device), str(hardware.precision).removeprefix("torch.")]
        words += ["compiled"] * hardware.compiled + [f"{hardware.ranks} processes"] * (hardware.ranks > 1)
        return Estimate(
            stages=tuple(self._found),
            pieces=pieces,
            parameters=sum(parameter.numel() for parameter in self._model.parameters()),
            memory_bytes=_memory(hardware.device),
            hardware=", ".join(words),
            recipe=recipe.as_json(),
        )

    def _note(self, name: str, kind: str, updates: int, each: float, seconds: float) -> None:
        self._found.append(StageEstimate(name, kind, updates, round(each, 4), round(seconds, 4)))


def _timed(act: Callable[[], object], most: int = _UPDATES) -> float:
    """Return the median time of an act in seconds, its first time left out."""
    times: list[float] = []
    begun = time.perf_counter()
    while len(times) <= most and time.perf_counter() - begun < _SECONDS:
        before = time.perf_counter()
        act()
        times.append(time.perf_counter() - before)
    return median(times[1:] or times)


def _memory(device: torch.device) -> int | None:
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    try:
        import resource
        import sys
    except ImportError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most
