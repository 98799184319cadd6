"""The network of this benchmark, oracle and generator alike: an embedding, one LSTM, a projection to all tokens.

All sequences begin after token 0, which is no part of them. Log-likelihoods are in nats.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

START = 0
"""Stands before the first token, as in SeqGAN."""

ROWS = 250
"""States whose logits are in memory at a time; 250 x 5,000 floats stay in a cache of a few MiB."""


class LanguageModel(nn.Module):
    """An LSTM over tokens with a bias of the LSTM that is counted once, as in SeqGAN's oracle.

    Parameters
    ----------
    tokens : int
        Size of the vocabulary.
    width : int
        Channels of the embedding and units of the LSTM.
    """

    def __init__(self, tokens: int = 5000, width: int = 32) -> None:
        super().__init__()
        self.tokens, self.width = tokens, width
        self.embedding = nn.Embedding(tokens, width)
        self.lstm = nn.LSTM(width, width, batch_first=True)
        self.projection = nn.Linear(width, tokens)
        nn.init.zeros_(self.lstm.bias_hh_l0)
        self.lstm.bias_hh_l0.requires_grad_(False)

    def states(self, sequences: Tensor, dropout: float = 0.0) -> Tensor:
        """Return the state before each token: sequences (B, T) to (B, T, width)."""
        before = functional.pad(sequences[:, :-1], (1, 0), value=START)
        embedded = functional.dropout(self.embedding(before), dropout, training=dropout > 0)
        states: Tensor = self.lstm(embedded)[0]
        return functional.dropout(states, dropout, training=dropout > 0)

    def log_likelihoods(self, sequences: Tensor, temperature: float = 1.0) -> Tensor:
        """Return the log-likelihood of each token after those before it: (B, T) to (B, T).

        At a temperature other than 1 it is that of the tempered distribution, the one that
        :func:`sample` draws from at this temperature.
        """
        states = self.states(sequences).reshape(-1, self.width)
        targets = sequences.reshape(-1)
        parts = [
            -functional.cross_entropy(self.projection(some) / temperature, wanted, reduction="none")
            for some, wanted in zip(states.split(ROWS), targets.split(ROWS), strict=True)
        ]
        return torch.cat(parts).view(sequences.shape)


@torch.no_grad()
def negative_log_likelihood(model: LanguageModel, sequences: Tensor, temperature: float = 1.0) -> float:
    """Return the mean negative log-likelihood of sequences (B, T), nats a token."""
    parts = [model.log_likelihoods(some, temperature).sum(dtype=torch.float64) for some in sequences.split(500)]
    return -float(sum(parts)) / sequences.numel()


@torch.no_grad()
def sample(model: LanguageModel, count: int, length: int, rng: np.random.Generator, temperature: float = 1.0) -> Tensor:
    """Draw sequences (count, length) from a model; the generator of random numbers decides them."""
    written = []
    for begin in range(0, count, 2000):
        rows = min(2000, count - begin)
        token = torch.full((rows, 1), START)
        memory: tuple[Tensor, Tensor] | None = None
        steps = []
        for _ in range(length):
            states, memory = model.lstm(model.embedding(token), memory)
            chance = torch.from_numpy(rng.random((rows, 1), dtype=np.float32))
            token = torch.cat(
                [
                    _draw(model.projection(some) / temperature, luck)
                    for some, luck in zip(states[:, 0].split(ROWS), chance.split(ROWS), strict=True)
                ]
            )
            steps.append(token)
        written.append(torch.cat(steps, dim=1))
    return torch.cat(written)


def _draw(logits: Tensor, chance: Tensor) -> Tensor:
    """Return one token for each row of logits (B, V) by the inverse of its cumulative distribution: (B, 1)."""
    cumulative = logits.softmax(dim=1).cumsum(dim=1)
    found = torch.searchsorted(cumulative, chance * cumulative[:, -1:], right=True)
    return found.clamp_(max=logits.shape[1] - 1)
