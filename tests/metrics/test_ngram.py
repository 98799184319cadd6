"""An n-gram is a distribution, and approaches the entropy of a source that it can hold."""

import numpy as np
import pytest

from symgen.errors import CorpusError
from symgen.metrics.ngram import NGramConfig, Table, columns_of, fit_ngram
from symgen.tokens import melody, rhythm

from .sources import ENTROPY, MOVES, markov_pieces, piece

TRAINING = markov_pieces(seed=1, count=40, steps=500)
UNSEEN = markov_pieces(seed=2, count=10, steps=500)


@pytest.mark.parametrize("config", [NGramConfig(2), NGramConfig(3), NGramConfig(5, phase=True)], ids=str)
def test_approaches_the_entropy_of_a_markov_source(config: NGramConfig):
    bits = fit_ngram({"folk": TRAINING}, "folk", config).bits_per_note(UNSEEN)
    assert ENTROPY - 0.05 < bits < ENTROPY + 0.12


def test_a_unigram_does_not():
    assert fit_ngram({"folk": TRAINING}, "folk", NGramConfig(1)).bits_per_note(UNSEEN) > ENTROPY + 0.5


@pytest.mark.parametrize("family", [rhythm, melody], ids=lambda family: family.NAME)
@pytest.mark.parametrize("phase", [False, True])
@pytest.mark.parametrize("place", [0, 1, 2, 7])
def test_probabilities_sum_to_one(family, phase: bool, place: int):
    size = len(family.VOCABULARY)
    for chain in NGramConfig(3, phase).chains(family.NAME):
        table = Table(columns_of(TRAINING[:2]), family.NAME, chain, size)
        unseen = columns_of(UNSEEN[:1])
        here = {name: np.full(size - 1, column[place]) for name, column in unseen.items()}
        here[family.NAME] = np.arange(1, size)
        probability = table.probability(here)
        assert probability.sum() == pytest.approx(1)
        assert (probability > 0).all()


def test_a_context_never_seen_falls_back():
    model = fit_ngram({"folk": TRAINING}, "folk")
    odd = piece([1, 3, 6, 8] * 3, [30, 48, 7680, 40] * 3)
    assert np.isfinite(model.log2(odd)).all()
    assert model.bits_per_note([odd]) > 10


def test_contexts_do_not_reach_over_the_edges_of_pieces():
    columns = columns_of([piece([0, 2], [240, 480]), piece([4, 7], [120, 120])])
    first = [columns["melody-1"][place] for place in (0, 2)]
    assert first == [0, 0]
    assert columns["melody-1"][3] == columns["melody"][2]
    assert columns["phase"].tolist() == [0, 24, 0, 12]


def test_rests_cost_bits_but_are_no_notes():
    model = fit_ngram({"folk": TRAINING}, "folk")
    rested = piece([0, None, 2], [240, 240, 240])
    assert model.bits_per_note([rested]) == pytest.approx(-model.log2(rested).sum() / 2)


def test_another_style_helps_only_as_far_as_it_is_alike():
    other = markov_pieces(seed=3, count=40, steps=500, moves={1: 0.05, 2: 0.05, 3: 0.9})
    few = TRAINING[:4]
    alone, with_like, with_other = (
        fit_ngram(pools, "folk").bits_per_note(UNSEEN)
        for pools in ({"folk": few}, {"folk": few, "guqin": TRAINING[4:]}, {"folk": few, "guqin": other})
    )
    assert with_like < alone
    assert with_other < alone + 0.05


def test_weights_are_a_distribution_and_repeat_with_the_seed():
    pools = {"folk": TRAINING[:6], "guqin": markov_pieces(4, 4, 100, {**MOVES})}
    one, other = (fit_ngram(pools, "folk", seed=3) for _ in range(2))
    for weights, again in zip(one.weights, other.weights, strict=True):
        assert weights.sum() == pytest.approx(1)
        assert weights.tolist() == again.tolist()


@pytest.mark.parametrize("pools", [{}, {"folk": TRAINING[:1]}, {"guqin": TRAINING}])
def test_too_few_pieces_are_refused(pools):
    with pytest.raises(CorpusError, match="at least 2"):
        fit_ngram(pools, "folk")
