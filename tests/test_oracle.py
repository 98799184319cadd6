"""The synthetic oracle of benchmarks/oracle, small: what it draws follows it, and training helps."""

import math

import numpy as np
import pytest
import torch

from benchmarks.oracle.adversarial import GumbelSoftmax, PolicyGradient, relaxed_sample, train_gumbel, train_policy
from benchmarks.oracle.generator import LanguageModel, negative_log_likelihood, sample
from benchmarks.oracle.likelihood import Likelihood, TokenLoss, new_generator, train_likelihood
from benchmarks.oracle.measure import Point, at_coverage, distinct_pairs, gain, measure, measure_mixture
from benchmarks.oracle.oracle import Setting, Task, draw_task, make_oracle

SMALL = Setting(seed=5, length=6, tokens=12, width=8, training=600, held=100, test=200)


def quiet(message: str) -> None:
    del message


@pytest.fixture(scope="module")
def oracle() -> LanguageModel:
    return make_oracle(SMALL)


@pytest.fixture(scope="module")
def task(oracle: LanguageModel) -> Task:
    return draw_task(oracle, SMALL)


@pytest.fixture(scope="module")
def generator(task: Task) -> LanguageModel:
    config = Likelihood(epochs=10, batch=50, dropout=0.0, prior=1.0, candidates=0, averaging=0.9)
    return train_likelihood(task, config, tokens=12, width=8, seed=0, report=quiet)


class TestTheOracle:
    def test_same_seed_same_weights_and_sequences(self, oracle, task):
        again = make_oracle(SMALL)
        assert all(torch.equal(a, b) for a, b in zip(oracle.parameters(), again.parameters(), strict=True))
        assert torch.equal(draw_task(again, SMALL).training, task.training)
        other = make_oracle(Setting(seed=6, length=6, tokens=12, width=8))
        assert not torch.equal(other.embedding.weight, oracle.embedding.weight)

    def test_weights_are_standard_normal(self):
        oracle = make_oracle(Setting(seed=0))
        for name, weights in oracle.named_parameters():
            if name == "lstm.bias_hh_l0":  # one bias a gate, as in SeqGAN
                assert not weights.any()
            else:
                assert abs(float(weights.mean())) < 5 / math.sqrt(weights.numel()), name
                assert abs(float(weights.std()) - 1) < 5 / math.sqrt(2 * weights.numel()), name

    def test_sizes_are_those_of_the_field(self):
        oracle = make_oracle(Setting())
        assert (oracle.tokens, oracle.width, Setting().length, Setting().training) == (5000, 32, 20, 10_000)

    def test_sequences_kept_back_are_part_of_those_for_training(self, task):
        assert [len(part) for part in (task.training, task.held, task.test)] == [500, 100, 200]


class TestLikelihood:
    def test_of_a_sequence_is_the_product_of_its_conditional_probabilities(self, oracle, task):
        sequence = task.test[:1]
        token, memory, product = torch.zeros(1, 1, dtype=torch.long), None, 1.0
        for wanted in sequence[0].tolist():
            states, memory = oracle.lstm(oracle.embedding(token), memory)
            product *= float(oracle.projection(states[0, 0]).softmax(-1)[wanted])
            token = torch.tensor([[wanted]])
        assert negative_log_likelihood(oracle, sequence) == pytest.approx(-math.log(product) / 6, rel=1e-5)

    def test_probabilities_of_all_sequences_add_up_to_one(self, oracle):
        pairs = torch.cartesian_prod(torch.arange(12), torch.arange(12))
        for temperature in (1.0, 0.6):
            total = oracle.log_likelihoods(pairs, temperature).sum(1).exp().sum()
            assert float(total) == pytest.approx(1.0, rel=1e-4)

    @pytest.mark.parametrize("temperature", [1.0, 0.5])
    def test_samples_follow_the_model(self, oracle, temperature):
        drawn = sample(oracle, 20_000, 2, np.random.default_rng(0), temperature)
        pairs = torch.cartesian_prod(torch.arange(12), torch.arange(12))
        expected = oracle.log_likelihoods(pairs, temperature).sum(1).exp().double().numpy() * len(drawn)
        counted = np.bincount((drawn[:, 0] * 12 + drawn[:, 1]).numpy(), minlength=144)
        kept = expected > 5
        chi_squared = float(((counted - expected) ** 2 / expected)[kept].sum())
        assert chi_squared < kept.sum() + 5 * math.sqrt(2 * kept.sum())

    def test_of_own_samples_is_the_entropy(self, oracle):
        pairs = torch.cartesian_prod(torch.arange(12), torch.arange(12))
        log_likelihood = oracle.log_likelihoods(pairs).sum(1)
        entropy = -float((log_likelihood.exp() * log_likelihood).sum()) / 2
        drawn = sample(oracle, 20_000, 2, np.random.default_rng(1))
        assert negative_log_likelihood(oracle, drawn) == pytest.approx(entropy, abs=0.02)


class TestTraining:
    def test_likelihood_beats_frequencies_and_stays_above_the_entropy(self, oracle, task, generator):
        frequencies = new_generator(12, 8, TokenLoss(task.training, 12, 0), 0)
        learnt = negative_log_likelihood(generator, task.test)
        assert learnt < negative_log_likelihood(frequencies, task.test) - 0.05
        assert learnt > negative_log_likelihood(oracle, task.test) - 0.02

    def test_same_seed_same_generator(self, task):
        config = Likelihood(epochs=1, candidates=5)
        first, second = (
            train_likelihood(task, config, tokens=12, width=8, seed=3, report=quiet).state_dict() for _ in range(2)
        )
        assert all(torch.equal(first[name], second[name]) for name in first)

    def test_sampled_softmax_is_near_the_full_one(self, task, generator):
        torch.manual_seed(0)
        sampled, full = TokenLoss(task.training, 12, 2000), TokenLoss(task.training, 12, 0)
        assert sampled(generator, task.test).item() == pytest.approx(full(generator, task.test).item(), abs=0.1)

    def test_relaxed_samples_are_tokens_with_a_gradient(self, generator):
        drawn = relaxed_sample(generator, 3, 6, softness=1.0)
        assert torch.equal(drawn.argmax(-1), drawn.round().argmax(-1))
        assert torch.allclose(drawn.sum(-1), torch.ones(3, 6))
        (drawn * torch.arange(12.0)).sum().backward()
        assert bool(generator.embedding.weight.grad.any())

    def test_the_adversarial_stages_move_the_generator_and_leave_its_start_alone(self, task, generator):
        before = {name: value.clone() for name, value in generator.state_dict().items()}
        loss = TokenLoss(task.training, 12, 0)
        policy = train_policy(generator, task, PolicyGradient(updates=3, warm_up=5), loss, seed=0, report=quiet)
        gumbel = train_gumbel(generator, task, GumbelSoftmax(updates=3, warm_up=5), loss, seed=0, report=quiet)
        for moved in (policy, gumbel):
            assert not torch.equal(moved.embedding.weight, generator.embedding.weight)
            assert negative_log_likelihood(moved, task.test) < math.log(12)
        assert all(torch.equal(before[name], value) for name, value in generator.state_dict().items())


class TestMeasures:
    def test_a_lower_temperature_writes_what_the_model_itself_finds_likely(self, oracle, task):
        points = measure(oracle, oracle, task, samples=500, seed=0)
        assert points[0].nll_oracle == pytest.approx(points[0].nll_gen, abs=0.1)
        assert points[-1].nll_oracle < points[0].nll_oracle
        assert points[-1].nll_gen > points[0].nll_gen
        assert points[-1].distinct < points[0].distinct

    def test_a_mixture_costs_little_coverage_whatever_its_sharp_part(self, oracle, task):
        plain = negative_log_likelihood(oracle, task.test)
        points = measure_mixture(oracle, oracle, task, samples=500, seed=0)
        for point in points:
            assert point.nll_gen <= plain - math.log(1 - point.share) / 6 + 1e-5
        assert [point.nll_oracle for point in points] == sorted((p.nll_oracle for p in points), reverse=True)

    def test_gain_is_measured_at_equal_coverage(self):
        frontier = [Point(1.0, 9.0, 7.0, 1.0), Point(0.5, 7.0, 9.0, 1.0)]
        assert gain(frontier, frontier) == 0
        assert gain([Point(1.0, 7.5, 8.0, 1.0)], frontier) == pytest.approx(0.5)
        assert gain([Point(1.0, 8.5, 8.0, 1.0)], frontier) == pytest.approx(-0.5)
        assert math.isnan(gain([Point(1.0, 1.0, 9.5, 1.0)], frontier))

    def test_points_between_those_measured_and_at_the_ends(self):
        points = [Point(1.0, 9.0, 7.0, 0.8), Point(0.5, 7.0, 9.0, 0.4)]
        assert at_coverage(points, 8.0) == Point(0.75, 8.0, 8.0, pytest.approx(0.6))
        assert at_coverage(points, 9.5) == points[1]

    def test_distinct_pairs(self):
        assert distinct_pairs(np.array([[0, 1, 0, 1]]), 2) == pytest.approx(2 / 3)
