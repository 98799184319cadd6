"""What verdicts are worth to the generator."""

import torch

from symgen.models.rewards import advantages, relativistic, soft_tokens


def test_without_discount_each_step_is_worth_what_it_changed():
    """Two siblings: the first convinces at its second step, the second at its third."""
    so_far = torch.tensor([[0.0, 2.0, 2.0], [0.0, 0.0, 2.0]])
    worth = advantages(so_far, torch.tensor([2.0, 2.0]), siblings=2, discount=0.0)
    assert torch.equal(worth[0], -worth[1])
    assert worth[0, 0] == 0
    assert worth[0, 1] > 0 > worth[0, 2]


def test_with_full_discount_all_that_comes_counts():
    so_far = torch.tensor([[0.0, 1.0, 3.0], [0.0, 1.0, 1.0]])
    worth = advantages(so_far, torch.tensor([3.0, 1.0]), siblings=2, discount=1.0)
    assert (worth[0] > 0).all()
    assert (worth.view(1, 2, 3).sum(1).abs() < 1e-6).all()


def test_soft_tokens_are_the_tokens_and_have_a_gradient():
    torch.manual_seed(0)
    logits = torch.randn(3, 5, 7, requires_grad=True)
    drawn = torch.randint(7, (3, 5))
    soft = soft_tokens(logits, drawn, 1.0)
    assert torch.equal(soft.argmax(-1), drawn)
    assert torch.allclose(soft.sum(-1), torch.ones(3, 5))
    (soft * torch.randn(3, 5, 7)).sum().backward()
    assert torch.isfinite(logits.grad).all()
    assert (logits.grad.abs().sum(-1) > 0).all()


def test_soft_tokens_are_finite_for_unlikely_draws():
    logits = torch.tensor([[[80.0, 0.0, -80.0]]], requires_grad=True)
    soft_tokens(logits, torch.tensor([[2]]), 0.5).square().sum().backward()
    assert torch.isfinite(logits.grad).all()


def test_the_noise_given_the_draw_is_the_noise_that_draws():
    """Averaged over draws from the softmax, the soft tokens are those of free Gumbel noise."""
    torch.manual_seed(1)
    logits = torch.tensor([1.0, 0.0, -1.0]).expand(1, 40_000, 3)
    drawn = torch.distributions.Categorical(logits=logits).sample()
    leaf = logits.clone().requires_grad_()
    given = soft_tokens(leaf, drawn, 1.0)
    given[..., 0].sum().backward()
    free = torch.softmax(logits - torch.log(-torch.log(torch.rand_like(logits))), -1)
    expected = (free[..., 0] * (1 - free[..., 0])).mean()  # the gradient of a softmax by its own logit
    assert abs(float(leaf.grad[..., 0].mean() - expected)) < 0.01


def test_sounding_more_real_costs_less():
    real = torch.tensor([1.0, 2.0])
    assert relativistic(torch.tensor([2.0]), real) < relativistic(torch.tensor([0.0]), real)
