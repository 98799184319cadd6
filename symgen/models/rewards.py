"""From the adversary's verdicts to what each step of the generator is worth, and to a gradient through the verdicts.

Two ways, see docs/EXPERIMENTS.md for how they compare:

- *policy*: the verdict after a step less the verdict before it is the step's reward (dense rewards, as in GAIL and
  TextGAIL); what counts is how the rewards to come compare with those of the siblings, continuations of the same
  context (leave-one-out, Kool et al. 2019);
- *gumbel*: the tokens that were drawn become soft, with Gumbel noise that would have drawn them, so that the verdict
  has a gradient with respect to the logits (straight-through Gumbel-softmax, Jang et al. 2017; the noise given the
  draw as in Maddison et al. 2014), and the loss is relativistic (Jolicoeur-Martineau 2018).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def advantages(so_far: Tensor, whole: Tensor, siblings: int, discount: float) -> Tensor:
    """Return what each step is worth beside its siblings.

    Parameters
    ----------
    so_far : Tensor, shape (B, T)
        Verdict on the window up to each step.
    whole : Tensor, shape (B,)
        Verdict on the whole window, which counts as the last step's.
    siblings : int
        Rows in a row that continue the same context.
    discount : float
        Weight of the next step's reward beside this one's: 0 is this step alone, 1 all to come.

    Returns
    -------
    Tensor, shape (B, T)
        In units of their standard deviation.
    """
    verdicts = torch.cat([torch.zeros_like(whole)[:, None], so_far[:, :-1], whole[:, None]], dim=1)
    rewards = verdicts.diff(dim=1)
    worth = torch.empty_like(rewards)
    ahead = torch.zeros_like(whole)
    for step in range(rewards.shape[1] - 1, -1, -1):
        ahead = rewards[:, step] + discount * ahead
        worth[:, step] = ahead
    grouped = worth.view(-1, siblings, worth.shape[1])
    others = (grouped.sum(1, keepdim=True) - grouped) / (siblings - 1)
    advantage = (grouped - others).view_as(worth)
    return advantage / (advantage.std() + 1e-6)


def soft_tokens(logits: Tensor, drawn: Tensor, temperature: float) -> Tensor:
    """Return one-hot vectors of drawn tokens whose gradient is that of a softmax with the noise that drew them.

    Parameters
    ----------
    logits : Tensor, shape (B, T, V)
        Scores.
    drawn : Tensor of int64, shape (B, T)
        Tokens.
    temperature : float
        Of the softmax.

    Returns
    -------
    Tensor, shape (B, T, V)
    """
    with torch.no_grad():
        uniform = torch.rand_like(logits).clamp_(1e-9, 1 - 1e-7)
        free = logits - torch.log(-torch.log(uniform))
        top = torch.logsumexp(logits, -1) - torch.log(-torch.log(uniform[..., 0]))  # the maximum of all
        below = -torch.log(torch.exp(-free) + torch.exp(-top)[..., None])
        noisy = below.scatter(-1, drawn[..., None], top[..., None])
        noise = noisy - logits
    soft = functional.softmax((logits + noise) / temperature, dim=-1)
    hard = functional.one_hot(drawn, logits.shape[-1]).to(soft.dtype)
    return hard + soft - soft.detach()


def relativistic(written: Tensor, real: Tensor) -> Tensor:
    """Return the generator's loss: how much less real the written windows seem than the real ones do on average."""
    return functional.softplus(real.mean() - written).mean()
