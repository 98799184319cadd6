"""Two adversarial contenders that go on from the likelihood generator.

Both are told real from written by :mod:`benchmarks.oracle.critics`, and both keep a share of likelihood
training. Neither sees the oracle's weights or its likelihood.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.oracle.critics import CriticConfig, Critics
from benchmarks.oracle.generator import START, LanguageModel, sample
from benchmarks.oracle.likelihood import Report, TokenLoss
from benchmarks.oracle.oracle import Task

WARM_UP_STOCK, WARM_UP_BATCH = 4000, 256
"""Sequences that the critics warm up on, and how many of them they see a step."""


@dataclass(frozen=True, slots=True)
class PolicyGradient:
    """Policy gradient with dense rewards, leave-one-out baselines, an anchor and likelihood replay.

    Parameters
    ----------
    updates, warm_up, rounds : int
        Updates of the generator, steps of the critics before the first, and steps of the critics an update.
    batch : int
        Sequences written an update.
    learning_rate, discount : float
        Of Adam, and of later rewards a step.
    divergence : float
        Target of the divergence from the anchor, nats a token; its weight is adapted to keep it.
    replay, dropout : float
        Weight of the likelihood of real sequences, and the dropout in it.
    critics : CriticConfig
        The ensemble.
    """

    updates: int = 100
    warm_up: int = 300
    rounds: int = 2
    batch: int = 200
    learning_rate: float = 2e-3
    discount: float = 0.8
    divergence: float = 0.1
    replay: float = 0.5
    dropout: float = 0.2
    critics: CriticConfig = field(default_factory=CriticConfig)


@dataclass(frozen=True, slots=True)
class GumbelSoftmax:
    """Relativistic training through the Gumbel softmax (as in RelGAN), joint with likelihood."""

    updates: int = 80
    warm_up: int = 300
    rounds: int = 2
    batch: int = 64
    learning_rate: float = 1e-3
    softness: float = 1.0
    adversary: float = 1.0
    dropout: float = 0.2
    critics: CriticConfig = field(default_factory=CriticConfig)


class Duel:
    """What both contenders share: generator, critics, and real sequences for either.

    Parameters
    ----------
    start : LanguageModel
        The likelihood generator; it is left as it is.
    task : Task
        The critics and the replay see its training sequences only.
    config : PolicyGradient or GumbelSoftmax
        What to do.
    seed : int
        Of all chance in it.
    """

    def __init__(
        self, start: LanguageModel, task: Task, config: PolicyGradient | GumbelSoftmax, loss: TokenLoss, seed: int
    ) -> None:
        torch.manual_seed(seed)
        self.rng = np.random.default_rng([seed, 4])
        self.model, self.task, self.config, self.loss = copy.deepcopy(start), task, config, loss
        self.critics = Critics(config.critics, start.embedding.weight.detach())
        parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.optimiser = torch.optim.Adam(parameters, lr=config.learning_rate, betas=(0.9, 0.99))

    def real(self, count: int) -> Tensor:
        """Return some training sequences."""
        return self.task.training[torch.from_numpy(self.rng.integers(len(self.task.training), size=count))]

    def written(self, count: int) -> Tensor:
        """Let the generator write some sequences."""
        return sample(self.model, count, self.task.training.shape[1], self.rng)

    def judge(self, written: Tensor) -> None:
        """Let the critics learn from what was just written and as much that is real."""
        for _ in range(self.config.rounds):
            self.judge_once(written)

    def warm_up(self) -> None:
        """Let the critics learn before the generator moves, from a stock of what it writes as it stands."""
        stock = self.written(WARM_UP_STOCK)
        for _ in range(self.config.warm_up):
            self.judge_once(stock[torch.from_numpy(self.rng.integers(len(stock), size=WARM_UP_BATCH))])

    def judge_once(self, written: Tensor) -> None:
        """Let the critics learn once from what was written and as much that is real."""
        self.critics.learn(self.real(len(written)), written)

    def step(self, loss: Tensor) -> None:
        """Move the generator down a loss."""
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()


def train_policy(
    start: LanguageModel, task: Task, config: PolicyGradient, loss: TokenLoss, *, seed: int, report: Report
) -> LanguageModel:
    """Train a generator by policy gradient, with the starting point as its anchor."""
    duel = Duel(start, task, config, loss, seed)
    duel.warm_up()
    weight = 0.5
    for update in range(config.updates):
        written = duel.written(config.batch)
        ours = duel.model.log_likelihoods(written)
        with torch.no_grad():
            theirs = start.log_likelihoods(written)
            reward = _steps_of(duel.critics.scores(written)) - weight * (ours - theirs)
        policy = -(_advantage(reward, config.discount) * ours).mean()
        duel.step(policy + config.replay * loss(duel.model, duel.real(config.batch), config.dropout))
        divergence = float((ours.detach() - theirs).mean())
        weight *= 1.05 if divergence > config.divergence else 1 / 1.05
        weight = min(max(weight, 0.02), 20.0)
        duel.judge(written)
        if update % 20 == 19:
            report(
                f"policy gradient, update {update + 1}: the critics are right {duel.critics.accuracy:.2f}, "
                f"divergence {divergence:.3f}, its weight {weight:.2f}"
            )
    return duel.model


def train_gumbel(
    start: LanguageModel, task: Task, config: GumbelSoftmax, loss: TokenLoss, *, seed: int, report: Report
) -> LanguageModel:
    """Train a generator against relativistic critics through relaxed samples, jointly with likelihood."""
    duel = Duel(start, task, config, loss, seed)
    duel.warm_up()
    for update in range(config.updates):
        relaxed = relaxed_sample(duel.model, config.batch, task.training.shape[1], config.softness)
        with torch.no_grad():
            real = duel.critics.scores(duel.real(config.batch))
        fooled = functional.softplus(real - duel.critics.scores(relaxed)).mean()
        duel.step(config.adversary * fooled + loss(duel.model, duel.real(2 * config.batch), config.dropout))
        duel.judge(duel.written(2 * config.batch))
        if update % 20 == 19:
            report(
                f"Gumbel softmax, update {update + 1}: the critics are right {duel.critics.accuracy:.2f}, "
                f"relativistic loss {float(fooled.detach()):.3f}"
            )
    return duel.model


def relaxed_sample(model: LanguageModel, count: int, length: int, softness: float) -> Tensor:
    """Draw sequences as one-hot rows (count, length, V) whose gradient is that of the Gumbel softmax."""
    embedded = model.embedding(torch.full((count, 1), START))
    memory: tuple[Tensor, Tensor] | None = None
    drawn = []
    for _ in range(length):
        states, memory = model.lstm(embedded, memory)
        row = functional.gumbel_softmax(model.projection(states[:, 0]), tau=softness, hard=True)
        drawn.append(row)
        embedded = (row @ model.embedding.weight)[:, None]
    return torch.stack(drawn, dim=1)


def _steps_of(scores: Tensor) -> Tensor:
    """Return what each token added to the score so far: (B, T) to (B, T)."""
    return torch.diff(scores, dim=1, prepend=torch.zeros_like(scores[:, :1]))


def _advantage(reward: Tensor, discount: float) -> Tensor:
    """Return discounted rewards to go less the mean of the other sequences' at the same place, scaled; (B, T)."""
    gone = torch.zeros_like(reward[:, 0])
    steps = []
    for now in reward.flip(1).unbind(1):
        gone = now + discount * gone
        steps.append(gone)
    returns = torch.stack(steps[::-1], dim=1)
    others = (returns.sum(0, keepdim=True) - returns) / (len(returns) - 1)
    advantage = returns - others
    return advantage / (advantage.std() + 1e-6)
