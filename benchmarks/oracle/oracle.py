"""The oracle: a random LSTM, and what is drawn from it.

As in SeqGAN, each weight and bias comes from N(0, 1), embedding and projection too. What differs from the
published runs: the weights are those of our seeds, not of the file that SeqGAN ships, so entropies differ by
some tenths of a nat.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from benchmarks.oracle.generator import LanguageModel, sample


@dataclass(frozen=True, slots=True)
class Setting:
    """One oracle and how much is drawn from it.

    Parameters
    ----------
    seed : int
        Of the weights and of all that is drawn.
    length : int
        Tokens a sequence.
    tokens, width : int
        Size of the oracle.
    training, held : int
        Sequences that a generator may learn from, and how many of those it keeps back for stopping early.
    test : int
        Further sequences that no training sees; NLL_gen is measured on them.
    """

    seed: int = 0
    length: int = 20
    tokens: int = 5000
    width: int = 32
    training: int = 10_000
    held: int = 500
    test: int = 1_000


@dataclass(frozen=True, slots=True)
class Task:
    """What is known of an oracle: sequences to learn from, held back, and for the test, each (B, T)."""

    training: Tensor
    held: Tensor
    test: Tensor


def make_oracle(setting: Setting) -> LanguageModel:
    """Return the oracle of a setting; the same setting gives the same weights."""
    rng = np.random.default_rng([setting.seed, 1])
    oracle = LanguageModel(setting.tokens, setting.width)
    with torch.no_grad():
        for parameter in oracle.parameters():
            if parameter.requires_grad:
                parameter.copy_(torch.from_numpy(rng.standard_normal(tuple(parameter.shape), dtype=np.float32)))
            parameter.requires_grad_(False)
    return oracle


def draw_task(oracle: LanguageModel, setting: Setting) -> Task:
    """Draw the sequences of a setting from its oracle."""
    rng = np.random.default_rng([setting.seed, 2])
    drawn = sample(oracle, setting.training + setting.test, setting.length, rng)
    learnt = setting.training - setting.held
    return Task(drawn[:learnt], drawn[learnt : setting.training], drawn[setting.training :])
