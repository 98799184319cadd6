"""Likelihood training of a generator, stage by stage, stoppable at any step.

The state of a run lives in its folder: ``state.safetensors`` (weights, optimiser moments, and
as bytes of JSON the stage, step and best figure), ``best.safetensors`` and ``log.jsonl``. Batches and dropout are
seeded by (seed, stage, step), so a continued run on a CPU repeats an uninterrupted one to the bit.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from symgen.errors import CheckpointError
from symgen.files import make_folder
from symgen.models.checkpoint import read_tensors, write_tensors
from symgen.models.generator import Generator, step_log_likelihood
from symgen.models.windows import Batch, Mixture, Pieces
from symgen.progress import Progress
from symgen.tokens import melody

_STATE = "state.safetensors"


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
    token_dropout : float
        Share of the steps before, and of the tokens that may come again, that are hidden in training.
    stretched : float
        Share of batches in notes twice or half as long.
    batch_steps : int
        Steps in a batch, about.
    evaluate_every, patience : int
        Updates between evaluations; evaluations without a better figure after which the stage ends.
    """

    name: str
    steps: int
    shares: Mapping[str, float]
    judge: str
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    dropout: float = 0.1
    token_dropout: float = 0.0
    stretched: float = 0.0
    batch_steps: int = 4096
    evaluate_every: int = 100
    patience: int = 5


@dataclass(slots=True)
class State:
    """Where a run stands; everything but the tensors."""

    stage: str = ""
    step: int = 0
    best: float = math.inf
    waited: int = 0
    finished: list[str] = field(default_factory=list)


class Run:
    """A training run and its folder.

    Parameters
    ----------
    model : Generator
        Trained in place.
    folder : Path
        Holds the state; an earlier state found there is taken up.
    seed : int
        Seeds batches and dropout.

    Raises
    ------
    CheckpointError
        If the state found there is damaged, or of another network.
    """

    def __init__(self, model: Generator, folder: Path, seed: int) -> None:
        self.model, self.folder, self.seed = model, folder, seed
        self.state = State()
        self.optimiser_state: dict[str, Any] | None = None
        make_folder(folder)
        if (folder / _STATE).exists():
            tensors = read_tensors(folder / _STATE)
            self.state = _read_state(tensors, folder / _STATE)
            self._load({name[6:]: value for name, value in tensors.items() if name.startswith("model.")})
            self.optimiser_state = {name: value for name, value in tensors.items() if name.startswith("moment.")}

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
            Told of each evaluation.

        Raises
        ------
        CheckpointError
            If no evaluation gave a number, or the state found in the folder is of another network.
        """
        if stage.name in self.state.finished:
            return self.state.best
        fresh = self.state.stage != stage.name
        if fresh:
            self.state = State(stage=stage.name, finished=self.state.finished)
        optimiser = self._optimiser(stage, fresh=fresh)
        set_dropout(self.model, stage.dropout, stage.token_dropout)
        started, first = time.monotonic(), self.state.step
        while self.state.step < stage.steps:
            loss = self._update(stage, mixture, optimiser)
            self.state.step += 1
            at_end = self.state.step == stage.steps
            if self.state.step % stage.evaluate_every == 0 or at_end:
                improved = self._judge(stage, validation, judge, loss, time.monotonic() - started)
                left = (time.monotonic() - started) / (self.state.step - first) * (stage.steps - self.state.step)
                message = f"{stage.name}: {self.state.best:.3f} bits a note, {left / 60:.0f} min left"
                progress(message, self.state.step, stage.steps)
                self.state.waited = 0 if improved else self.state.waited + 1
                self._save(optimiser)
                if self.state.waited >= stage.patience:
                    break
        if not math.isfinite(self.state.best):
            raise CheckpointError(f"{stage.name}: the generator diverged", remedy="train again with another seed")
        self._load(read_tensors(self.folder / "best.safetensors"))
        self.state.finished.append(stage.name)
        self._save(None)
        return self.state.best

    def log(self, **figures: Any) -> None:
        """Append a line to the run's log."""
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(figures, sort_keys=True) + "\n")

    def _update(self, stage: Stage, mixture: Mixture, optimiser: torch.optim.Optimizer) -> float:
        step = self.state.step
        seed = stage_seed(self.seed, stage.name, step)
        batch = mixture.batch(np.random.default_rng(seed))
        torch.manual_seed(seed)
        warm = min(200, max(1, stage.steps // 10))
        decay = 0.05 + 0.475 * (1 + math.cos(math.pi * min(1.0, step / stage.steps)))
        for group in optimiser.param_groups:
            group["lr"] = stage.learning_rate * min(1.0, (step + 1) / warm) * decay
        self.model.train()
        loss = negative_log_likelihood(self.model, batch)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        optimiser.step()
        return float(loss.detach())

    def _judge(self, stage: Stage, validation: Mapping[str, Pieces], judge: str, loss: float, seconds: float) -> bool:
        figures = {style: round(bits_per_note(self.model, p), 4) for style, p in validation.items() if len(p)}
        self.log(stage=stage.name, step=self.state.step, loss=round(loss, 4), seconds=round(seconds, 1), bits=figures)
        if not figures[judge] < self.state.best:  # a figure that is no number is no better one either
            return False
        self.state.best = figures[judge]
        write_tensors(self.folder / "best.safetensors", weights_of(self.model))
        return True

    def _optimiser(self, stage: Stage, *, fresh: bool) -> torch.optim.AdamW:
        matrices = [p for p in self.model.parameters() if p.ndim >= 2]
        vectors = [p for p in self.model.parameters() if p.ndim < 2]
        optimiser = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": stage.weight_decay},
                {"params": vectors, "weight_decay": 0.0},
            ],
            lr=stage.learning_rate,
            betas=(0.9, 0.98),
        )
        if not fresh and self.optimiser_state:
            for number, parameter in enumerate([*matrices, *vectors]):
                optimiser.state[parameter] = {
                    name: torch.from_numpy(self.optimiser_state[f"moment.{number}.{name}"].copy())
                    for name in ("step", "exp_avg", "exp_avg_sq")
                }
        return optimiser

    def _save(self, optimiser: torch.optim.AdamW | None) -> None:
        tensors = {f"model.{name}": value for name, value in weights_of(self.model).items()}
        if optimiser is not None:
            parameters = [p for group in optimiser.param_groups for p in group["params"]]
            for number, parameter in enumerate(parameters):
                for name, value in optimiser.state[parameter].items():
                    tensors[f"moment.{number}.{name}"] = value.numpy()
        account = json.dumps({name: getattr(self.state, name) for name in State.__slots__})
        tensors["state"] = np.frombuffer(account.encode(), dtype=np.uint8)  # one file: it cannot be half a state
        write_tensors(self.folder / _STATE, tensors)

    def _load(self, weights: Mapping[str, Any]) -> None:
        try:
            self.model.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in weights.items()})
        except RuntimeError as error:
            raise CheckpointError(
                f"the weights in {self.folder} are of another network ({str(error).splitlines()[0]})",
                remedy=f"remove {self.folder} to begin again",
            ) from error


def _read_state(tensors: Mapping[str, Any], path: Path) -> State:
    try:
        return State(**json.loads(tensors["state"].tobytes()))
    except (KeyError, ValueError, TypeError) as error:
        raise CheckpointError(
            f"cannot read {path}: {error}",
            expected="the state of an earlier run",
            remedy=f"remove {path.parent} to begin again",
        ) from error


def stage_seed(seed: int, stage: str, step: int) -> int:
    """Return the seed of one step of one stage."""
    return int(np.random.SeedSequence([seed, *stage.encode(), step]).generate_state(1)[0])


def set_dropout(model: Generator, dropout: float, tokens: float = 0.0) -> None:
    """Set the dropout of every layer of a generator, and of the tokens it sees."""
    model.dropout, model.token_dropout = dropout, tokens
    for block in model.blocks:
        block.dropout = dropout  # type: ignore[assignment]


def weights_of(model: torch.nn.Module) -> dict[str, Any]:
    """Return the weights of a network as numpy arrays."""
    return {name: value.detach().cpu().numpy() for name, value in model.state_dict().items()}


def tensors_of(batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return steps, features, prefix and mask of a batch as tensors."""
    return (
        torch.from_numpy(batch.steps),
        torch.from_numpy(batch.features),
        torch.from_numpy(batch.prefix),
        torch.from_numpy(batch.mask),
    )


def negative_log_likelihood(model: Generator, batch: Batch) -> Tensor:
    """Return the mean negative log-likelihood in nats a step."""
    steps, features, prefix, mask = tensors_of(batch)
    likelihood = step_log_likelihood(model(steps, features, prefix), steps[:, 1:]).sum(-1)
    return -(likelihood * mask).sum() / mask.sum()


@torch.no_grad()
def bits_per_note(model: Generator, pieces: Pieces) -> float:
    """Return the bits that rhythm and melody of each sounding step cost, rests counted with the note before."""
    model.eval()
    nats, notes = 0.0, 0
    for batch in pieces.whole(model.config.window):
        steps, features, prefix, mask = tensors_of(batch)
        likelihood = step_log_likelihood(model(steps, features, prefix), steps[:, 1:])[..., :2].sum(-1)
        nats -= float((likelihood * mask).sum())
        notes += int((mask & (steps[:, 1:, 1] != melody.REST)).sum())
    return nats / math.log(2) / max(1, notes)
