"""Losses of a generator on batches, its figure on held-out pieces, and small things that both kinds of stage need."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from symgen.models.generator import Generator, step_log_likelihood
from symgen.models.hardware import Hardware
from symgen.models.windows import Batch, Pieces
from symgen.tokens import melody


def set_dropout(model: Generator, dropout: float, tokens: float = 0.0) -> None:
    """Set the dropout of every layer of a generator, and of the tokens it sees."""
    model.dropout, model.token_dropout = dropout, tokens
    for block in model.blocks:
        block.dropout = dropout  # type: ignore[assignment]


def weights_of(model: torch.nn.Module) -> dict[str, Any]:
    """Return the weights of a network as numpy arrays."""
    return {name: value.detach().cpu().numpy() for name, value in model.state_dict().items()}


def tensors_of(batch: Batch, device: torch.device | None = None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return steps, features, prefix and mask of a batch as tensors, on a device if one is named."""
    arrays = (batch.steps, batch.features, batch.prefix, batch.mask)
    steps, features, prefix, mask = (torch.from_numpy(array).to(device) for array in arrays)
    return steps, features, prefix, mask


def negative_log_likelihood(model: torch.nn.Module, batch: Batch) -> Tensor:
    """Return the mean negative log-likelihood in nats a step."""
    steps, features, prefix, mask = tensors_of(batch, device_of(model))
    likelihood = step_log_likelihood(model(steps, features, prefix), steps[:, 1:]).sum(-1)
    return -(likelihood * mask).sum() / mask.sum()


def share_of_loss(model: torch.nn.Module, batch: Batch, hardware: Hardware) -> Tensor:
    """Return this process's share of the negative log-likelihood of a batch, times the number of processes.

    The mean of it over all processes, which is what DistributedDataParallel makes of gradients, is the loss of the
    whole batch.
    """
    if hardware.ranks == 1:
        return negative_log_likelihood(model, batch)
    rows = hardware.rows(len(batch.steps))
    weight = hardware.ranks * int(batch.mask[rows].sum()) / int(batch.mask.sum())
    if not len(rows):
        rows, weight = np.zeros(1, dtype=np.int64), 0.0  # it takes part in the averaging without a row of its own
    part = Batch(batch.steps[rows], batch.features[rows], batch.prefix[rows], batch.mask[rows])
    return weight * negative_log_likelihood(model, part)


def device_of(model: torch.nn.Module) -> torch.device:
    """Return where a network lies."""
    return next(model.parameters()).device


@torch.no_grad()
def bits_per_note(model: Generator, pieces: Pieces) -> float:
    """Return the bits that rhythm and melody of each sounding step cost, rests counted with the note before."""
    model.eval()
    nats, notes = 0.0, 0
    for batch in pieces.whole(model.config.window):
        steps, features, prefix, mask = tensors_of(batch, device_of(model))
        likelihood = step_log_likelihood(model(steps, features, prefix), steps[:, 1:])[..., :2].sum(-1)
        nats -= float((likelihood * mask).sum())
        notes += int((mask & (steps[:, 1:, 1] != melody.REST)).sum())
    return nats / math.log(2) / max(1, notes)


def stage_seed(seed: int, stage: str, step: int) -> int:
    """Return the seed of one step of one stage."""
    return int(np.random.SeedSequence([seed, *stage.encode(), step]).generate_state(1)[0])


def time_words(seconds: float) -> str:
    """Return a length of time in words: minutes, and hours if there are any."""
    minutes = math.ceil(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def bits_by_style(model: Generator, pieces: Mapping[str, Pieces]) -> dict[str, float]:
    """Return the bits per note of each style that has pieces, to four places."""
    return {style: round(bits_per_note(model, some), 4) for style, some in pieces.items() if len(some)}
