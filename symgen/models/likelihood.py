"""Likelihood training of a generator, stage by stage, stoppable at any step.

The state of a run lives in its folder: ``state.safetensors`` (weights, their average, optimiser moments, and an account
of stage, step and best figure), ``best.safetensors`` and ``log.jsonl``. Batches and dropout are seeded by (seed, stage,
step), so a continued run on a CPU repeats an uninterrupted one to the bit.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel

from symgen.errors import CheckpointError
from symgen.files import make_folder
from symgen.models.checkpoint import read_tensors, write_tensors
from symgen.models.generator import Generator
from symgen.models.hardware import CPU, Hardware
from symgen.models.journal import Journal
from symgen.models.losses import (
    bits_by_style,
    set_dropout,
    share_of_loss,
    stage_seed,
    time_words,
    weights_of,
)
from symgen.models.mixture import Mixture
from symgen.models.optimiser import adamw, load_moments, moments_of, moving_average, set_rate
from symgen.models.state import damaged, load_weights, read_state, write_state
from symgen.models.stopping import Stop
from symgen.models.windows import Pieces
from symgen.progress import Progress

_STATE = "state.safetensors"
_BEST = "best.safetensors"
MAX_RETRIES: Final = 3
"""How often a stage goes back to its last good state, each time at half the rate, when its loss is no number."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of likelihood training.

    Parameters
    ----------
    name : str
        Names the stage in logs and seeds.
    steps : int
        Updates.
    shares : mapping of str to float
        Share of each style in the batches.
    judge : str
        Style whose validation pieces decide which weights are kept.
    learning_rate, weight_decay, dropout : float
        AdamW with a warm-up of a tenth, at most 200 updates, then a cosine down to a twentieth.
    prefix_rate : float
        How many times as fast the vectors of the prefix learn. A style that only the later stages know would else be
        told by the music before alone: begun from nothing, a piece drifts into the style of the earlier ones.
    token_dropout : float
        Share of the steps before, and of the tokens that may come again, that are hidden in training.
    stretched : float
        Share of batches in notes twice or half as long.
    stretched_told : float
        Share of their windows that are told how dense they are, see :class:`symgen.models.mixture.Mixture`.
    barred : float
        Share of windows that are told the metre of their own, and of batches whose pieces without bar lines get some.
    grafted : float
        Share of windows that begin with music of another style, which is not learnt.
    batch_steps : int
        Steps in a batch, about.
    evaluate_every, patience : int
        Updates between evaluations; evaluations without a better figure after which the stage ends.
    average : float
        Decay of an exponential moving average of the weights that is judged and kept in their place; 0 for none.
        While it is short the decay is (1 + n) / (10 + n) after n updates, as usual.
    """

    name: str
    steps: int
    shares: Mapping[str, float]
    judge: str
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    dropout: float = 0.1
    prefix_rate: float = 1.0
    token_dropout: float = 0.0
    stretched: float = 0.0
    stretched_told: float = 0.3
    barred: float = 0.0
    grafted: float = 0.0
    batch_steps: int = 4096
    evaluate_every: int = 100
    patience: int = 5
    average: float = 0.0


@dataclass(slots=True)
class State:
    """Where a run stands; everything but the tensors."""

    stage: str = ""
    step: int = 0
    best: float = math.inf
    waited: int = 0
    retries: int = 0
    finished: list[str] = field(default_factory=list)


class Run:
    """A training run and its folder.

    Parameters
    ----------
    model : Generator
        Trained in place, on the hardware's device.
    folder : Path
        Holds the state; an earlier state found there is taken up.
    seed : int
        Seeds batches and dropout.
    hardware : Hardware
        What it runs on.
    stop : Stop, optional
        Asks to stop after an update.

    Raises
    ------
    CheckpointError
        If the state found there is damaged, or of another network.
    """

    def __init__(
        self, model: Generator, folder: Path, seed: int, hardware: Hardware = CPU, stop: Stop | None = None
    ) -> None:
        self.model, self.folder, self.seed, self.hardware = model.to(hardware.device), folder, seed, hardware
        self.stop = stop or Stop()
        self.state = State()
        self.parts: dict[str, Any] = {}
        self.journal = Journal(folder, kept=hardware.first)
        make_folder(folder)
        self.take_up()

    def take_up(self) -> None:
        """Go on from the state in the folder, if there is one."""
        path = self.folder / _STATE
        found = self.hardware.from_first(lambda: read_state(path) if path.exists() else None)
        if found is not None:
            self.parts, account = found
            self.state = _state_of(account, path)
            load_weights(self.model, self.parts.get("model", {}), path)

    def fit(
        self, stage: Stage, mixture: Mixture, validation: Mapping[str, Pieces], judge: str, progress: Progress
    ) -> float:
        """Run a stage from where it stands, keep its best weights, and return its best bits per note.

        Parameters
        ----------
        stage : Stage
            What to do.
        mixture : Mixture
            Batches.
        validation : mapping of str to Pieces
            Held-out pieces by style.
        judge : str
            Style whose held-out pieces decide.
        progress : Progress
            Told of each update.

        Raises
        ------
        CheckpointError
            If the loss is no number even at an eighth of the rate, no evaluation gave a number, or the state found in
            the folder is of another network.
        KeyboardInterrupt
            If the run was asked to stop: the state is saved.
        """
        if stage.name in self.state.finished:
            return self.state.best
        work = Work(self, stage, mixture, validation, judge)
        started, first = time.monotonic(), self.state.step
        message = f"{stage.name}: {stage.steps:,} updates"
        while self.state.step < stage.steps and self.state.waited < stage.patience:
            loss, asked = work.update()
            if not math.isfinite(loss):
                work.roll_back()
                continue
            self.state.step += 1
            seconds = time.monotonic() - started
            if self.state.step % stage.evaluate_every == 0 or self.state.step == stage.steps:
                bits = work.judge(loss, seconds)
                left = seconds / max(1, self.state.step - first) * (stage.steps - self.state.step)
                message = f"{stage.name}: {bits:.3f} bits a note, best {self.state.best:.3f}, {time_words(left)} left"
                work.save()
            progress(message, self.state.step, stage.steps)
            if asked:
                work.save()
                self.end_early(stage.name, self.state.step)
        return self._finish(stage, work)

    def end_early(self, stage: str, update: int) -> None:
        """Say how to go on, for a run that was asked to stop and has saved its state.

        Raises
        ------
        KeyboardInterrupt
            Always, with the words.
        """
        raise KeyboardInterrupt(
            f"stopped after update {update:,} of {stage}; the state is saved in {self.folder}; "
            "the same command again goes on"
        )

    def log(self, **figures: Any) -> None:
        """Append the figures of an update to the run's log."""
        self.journal.add(figures)

    def _finish(self, stage: Stage, work: Work) -> float:
        if not math.isfinite(self.state.best):
            raise CheckpointError(f"{stage.name}: the generator diverged", remedy="train again with another seed")
        path = self.folder / _BEST
        load_weights(self.model, self.hardware.from_first(lambda: read_tensors(path)), path)
        self.state.finished.append(stage.name)
        work.save(whole=False)
        self.parts = {}
        return self.state.best


class Work:
    """A likelihood stage at work: what is there only while it runs."""

    def __init__(self, run: Run, stage: Stage, mixture: Mixture, validation: Mapping[str, Pieces], judge: str) -> None:
        self.run, self.stage, self.mixture, self.validation, self.by = run, stage, mixture, validation, judge
        fresh = run.state.stage != stage.name
        if fresh:
            run.state, run.parts = State(stage=stage.name, finished=run.state.finished), {}
        set_dropout(run.model, stage.dropout, stage.token_dropout)
        self.network = run.hardware.prepare(run.model)
        self._take_up()
        run.journal.rewind(stage.name, run.state.step)
        if fresh:
            self.save()  # what a stage begins with can be gone back to

    def _take_up(self) -> None:
        """Make the optimiser and the average, as they stood if the stage goes on."""
        run, path = self.run, self.run.folder / _STATE
        stage = self.stage
        self.optimiser = adamw(run.model, stage.learning_rate, stage.weight_decay, stage.prefix_rate)
        load_moments(self.optimiser, run.parts.get("moment", {}), path)
        self.average = None
        if self.stage.average:
            self.average = AveragedModel(run.model, multi_avg_fn=moving_average(self.stage.average))
            if "average" in run.parts:
                load_weights(self.average, run.parts["average"], path)

    def update(self) -> tuple[float, bool]:
        """Make one update; return its loss in nats a step, no number if it was not made, and whether to stop."""
        run, hardware = self.run, self.run.hardware
        seed = stage_seed(run.seed, self.stage.name, run.state.step)
        batch = self.mixture.batch(np.random.default_rng(seed))
        torch.manual_seed(seed + hardware.rank)
        set_rate(self.optimiser, self._rate())
        run.model.train()
        with hardware.autocast():
            loss = share_of_loss(self.network, batch, hardware)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(run.model.parameters(), 1.0)
        whole, asked = hardware.total(float(loss.detach()) / hardware.ranks, float(run.stop.asked))
        if not math.isfinite(whole) or not math.isfinite(float(norm)):
            return math.nan, asked > 0
        self.optimiser.step()
        if self.average is not None:
            self.average.update_parameters(run.model)
        return whole, asked > 0

    def _rate(self) -> float:
        stage, step = self.stage, self.run.state.step
        warm = min(200, max(1, stage.steps // 10))
        decay = 0.05 + 0.475 * (1 + math.cos(math.pi * min(1.0, step / stage.steps)))
        return stage.learning_rate * min(1.0, (step + 1) / warm) * decay * 0.5**self.run.state.retries

    def judge(self, loss: float, seconds: float) -> float:
        """Measure the weights, or their average, on held-out pieces; keep them if no others were better."""
        run, model = self.run, self.model_judged()
        figures = run.hardware.from_first(lambda: bits_by_style(model, self.validation))
        step, rounded = run.state.step, round(loss, 4)
        run.log(stage=self.stage.name, step=step, loss=rounded, seconds=round(seconds, 1), bits=figures)
        run.state.waited += 1
        if figures[self.by] < run.state.best:  # a figure that is no number is no better one either
            run.state.best, run.state.waited = figures[self.by], 0
            run.hardware.from_first(lambda: write_tensors(run.folder / _BEST, weights_of(model)))
        return figures[self.by]

    def model_judged(self) -> Generator:
        """Return the generator with the weights that count."""
        return self.run.model if self.average is None else cast(Generator, self.average.module)

    def save(self, *, whole: bool = True) -> None:
        """Save the state; at the end of a stage the weights alone are left."""
        run = self.run
        parts = {"model": weights_of(run.model)}
        if whole:
            parts["moment"] = moments_of(self.optimiser)
            if self.average is not None:
                parts["average"] = weights_of(self.average)
        run.hardware.from_first(lambda: write_state(run.folder / _STATE, parts, asdict(run.state)))

    def roll_back(self) -> None:
        """Go back to the last good state, to go on at half the rate.

        Raises
        ------
        CheckpointError
            If that was done :data:`MAX_RETRIES` times in this stage; the state is left as it was.
        """
        run = self.run
        at, retries = run.state.step, run.state.retries + 1
        if retries > MAX_RETRIES:
            raise CheckpointError(
                f"{self.stage.name}: the loss of update {at + 1} is no number, even at an eighth of the rate",
                remedy=f"lower the stage's learning_rate; the last good state is in {run.folder}",
            )
        run.take_up()
        self._take_up()
        run.state.retries = retries
        run.journal.rewind(self.stage.name, run.state.step)
        self.save()
        run.log(stage=self.stage.name, step=run.state.step, rolled_back_from=at, retries=retries)


def _state_of(account: Mapping[str, Any], path: Path) -> State:
    """Return the state that an account tells of, or raise CheckpointError."""
    kinds: dict[str, Any] = {
        "stage": str,
        "step": int,
        "best": (int, float),
        "waited": int,
        "retries": int,
        "finished": list,
    }
    state = {"retries": 0, **account}  # earlier states have none
    for name, kind in kinds.items():
        value = state.get(name)
        if not isinstance(value, kind) or isinstance(value, bool) or (isinstance(value, int) and value < 0):
            raise damaged(path, f"{name} is {str(value)[:40]!r}")
    if set(state) != set(kinds) or not all(isinstance(name, str) for name in state["finished"]):
        raise damaged(path, "its account is of another version")
    return State(**state)
