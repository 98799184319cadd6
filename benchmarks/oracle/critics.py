"""The critics: a small ensemble that says after each token how real a sequence is so far."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class CriticConfig:
    """Sizes and learning of the ensemble; it learns only while its accuracy is below ``winning``."""

    members: int = 3
    hidden: int = 32
    dropout: float = 0.4
    smoothing: float = 0.1
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    winning: float = 0.7


class Critic(nn.Module):
    """One member: a GRU over the tokens so far, with a logit at each step, positive for real."""

    def __init__(self, embedding: Tensor, config: CriticConfig) -> None:
        super().__init__()
        self.dropout = config.dropout
        self.embedding = nn.Embedding.from_pretrained(embedding / embedding.std(), freeze=False)
        self.gru = nn.GRU(embedding.shape[1], config.hidden, batch_first=True)
        self.score = nn.Linear(config.hidden, 1)

    def forward(self, sequences: Tensor) -> Tensor:
        """Return logits (B, T) of tokens (B, T), or of mixtures of tokens (B, T, V)."""
        soft = sequences.is_floating_point()
        embedded = sequences @ self.embedding.weight if soft else self.embedding(sequences)
        states, _ = self.gru(functional.dropout(embedded, self.dropout, self.training))
        logits: Tensor = self.score(functional.dropout(states, self.dropout, self.training))[..., 0]
        return logits


class Critics:
    """The ensemble behind one object.

    Parameters
    ----------
    config : CriticConfig
        Sizes and learning.
    embedding : Tensor
        Where the members' embeddings begin, (tokens, width): the generator's, for 10,000 sequences are few.
    """

    def __init__(self, config: CriticConfig, embedding: Tensor) -> None:
        self.config = config
        self.members = nn.ModuleList(Critic(embedding, config) for _ in range(config.members))
        self.optimiser = torch.optim.AdamW(
            self.members.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.accuracy = 0.5

    def scores(self, sequences: Tensor) -> Tensor:
        """Return the mean logit of the members after each token, (B, T)."""
        self.members.eval()
        return torch.stack([member(sequences) for member in self.members]).mean(0)

    def learn(self, real: Tensor, written: Tensor) -> float:
        """Compare real and written sequences (B, T) and learn from them; return how many were told rightly."""
        with torch.no_grad():
            right = torch.cat([self.scores(real)[:, -1] > 0, self.scores(written)[:, -1] <= 0]).float().mean()
        self.accuracy = 0.9 * self.accuracy + 0.1 * float(right)
        if self.accuracy < self.config.winning:
            self.members.train()
            losses = []
            for member in self.members:
                for sequences, label in ((real, 1.0), (written, 0.0)):
                    some = sequences[torch.randperm(len(sequences))[: max(1, len(sequences) // 2)]]
                    logits = member(some)
                    wanted = torch.full_like(logits, abs(label - self.config.smoothing))
                    losses.append(functional.binary_cross_entropy_with_logits(logits, wanted))
            self.optimiser.zero_grad(set_to_none=True)
            torch.stack(losses).sum().backward()  # type: ignore[no-untyped-call]
            self.optimiser.step()
        return float(right)
