"""The likelihood baseline: maximum likelihood with dropout, weight decay, averaged weights and early stopping.

With 40 occurrences of a token on average, an unregularised LSTM is at its best after a few passes and no better
than token frequencies soon after, so the regularisation is what is tuned.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.oracle.generator import LanguageModel, negative_log_likelihood
from benchmarks.oracle.oracle import Task

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Likelihood:
    """How a generator is trained by maximum likelihood.

    Parameters
    ----------
    epochs : int
        Passes at most; training stops once ``patience`` passes brought nothing on the sequences held back.
    batch : int
        Sequences a step.
    learning_rate : float
        Of Adam, falling to a fiftieth along a cosine.
    dropout : float
        On embeddings and on states.
    prior : float
        Weight of the Gaussian prior N(0, 1) on each weight, 1 being its share by Bayes.
    candidates : int
        Tokens drawn a step for the sampled softmax; 0 takes the full one.
    averaging : float
        Decay a step of the averaged weights that are evaluated and returned.
    patience : int
        Passes without gain before training stops.
    """

    epochs: int = 14
    batch: int = 200
    learning_rate: float = 0.01
    dropout: float = 0.2
    prior: float = 4.0
    candidates: int = 300
    averaging: float = 0.98
    patience: int = 4


class TokenLoss:
    """Cross entropy over many tokens, against a sample of them where that is enough.

    Candidates come from the training data's frequencies to the power 0.75; their logits are corrected by how
    often they are drawn (Bengio and Senecal, 2008), so that the full softmax is what is learnt.

    Parameters
    ----------
    sequences : Tensor
        Training sequences (B, T).
    tokens : int
        Size of the vocabulary.
    candidates : int
        Tokens drawn a step; 0 for the full softmax.
    """

    def __init__(self, sequences: Tensor, tokens: int, candidates: int) -> None:
        counts = torch.bincount(sequences.reshape(-1), minlength=tokens).float() + 0.5
        self.log_frequency = (counts / counts.sum()).log()
        self.proposal = counts**0.75 / (counts**0.75).sum()
        self.candidates = candidates

    def __call__(self, model: LanguageModel, sequences: Tensor, dropout: float = 0.0) -> Tensor:
        """Return the mean loss of sequences (B, T) in nats a token."""
        states = model.states(sequences, dropout).reshape(-1, model.width)
        targets = sequences.reshape(-1)
        if not self.candidates:
            return functional.cross_entropy(model.projection(states), targets)
        weight, bias = model.projection.weight, model.projection.bias
        drawn = torch.multinomial(self.proposal, self.candidates, replacement=True)
        correction = (self.candidates * self.proposal[drawn]).log()
        others = torch.addmm(bias[drawn] - correction, states, weight[drawn].t())
        others = others.masked_fill(drawn[None] == targets[:, None], -math.inf)
        wanted = (states * weight[targets]).sum(1) + bias[targets]
        return (torch.logaddexp(others.logsumexp(1), wanted) - wanted).mean()


def new_generator(tokens: int, width: int, loss: TokenLoss, seed: int) -> LanguageModel:
    """Return a generator that knows the frequencies of tokens and nothing else."""
    torch.manual_seed(seed)
    model = LanguageModel(tokens, width)
    with torch.no_grad():
        model.embedding.weight.normal_(0.0, 0.1)
        model.projection.weight.normal_(0.0, 0.1)
        model.projection.bias.copy_(loss.log_frequency - loss.log_frequency.mean())
    return model


def train_likelihood(
    task: Task, config: Likelihood, *, tokens: int, width: int, seed: int, report: Report
) -> LanguageModel:
    """Train a generator on a task and return its best averaged weights, chosen on the sequences held back."""
    loss = TokenLoss(task.training, tokens, config.candidates)
    model = new_generator(tokens, width, loss, seed)
    average = copy.deepcopy(model)
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.Adam(parameters, lr=config.learning_rate, betas=(0.9, 0.99))
    rng = np.random.default_rng([seed, 3])
    best, best_weights, best_epoch, step = math.inf, copy.deepcopy(average.state_dict()), 0, 0
    for epoch in range(config.epochs):
        order = torch.from_numpy(rng.permutation(len(task.training)))
        for rows in order.split(config.batch):
            step += 1
            share = step / (config.epochs * math.ceil(len(order) / config.batch))
            rate = config.learning_rate * (0.02 + 0.49 * (1 + math.cos(math.pi * share)))
            for group in optimiser.param_groups:
                group["lr"] = rate
            value = loss(model, task.training[rows], config.dropout)
            penalty = torch.stack([p.square().sum() for p in parameters]).sum()
            optimiser.zero_grad(set_to_none=True)
            (value + 0.5 * config.prior * penalty / task.training.numel()).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            _follow(average, model, min(config.averaging, step / (step + 9)))
        held = negative_log_likelihood(average, task.held)
        report(f"likelihood, pass {epoch + 1}: {held:.3f} nats a token on what is held back")
        if held < best:
            best, best_weights, best_epoch = held, copy.deepcopy(average.state_dict()), epoch
        if epoch - best_epoch >= config.patience:
            break
    average.load_state_dict(best_weights)
    return average


@torch.no_grad()
def _follow(average: LanguageModel, model: LanguageModel, decay: float) -> None:
    for slow, fast in zip(average.parameters(), model.parameters(), strict=True):
        slow.lerp_(fast, 1 - decay)
