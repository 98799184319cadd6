"""Drawing one token: what the mask, the temperature, top-p and the uniform number each decide."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from symgen.sampling import Sampling, draw

UNIFORM = st.floats(0, 1, exclude_max=True)
FINITE = st.floats(-50, 50, width=32)
ANY = st.floats(width=32)  # infinities and NaN too: weights of half precision can overflow


@st.composite
def masked(draw_from, elements):
    """Return logits and a mask that allows at least one token."""
    size = draw_from(st.integers(1, 12))
    logits = draw_from(arrays(np.float32, size, elements=elements))
    mask = draw_from(arrays(np.bool_, size))
    mask[draw_from(st.integers(0, size - 1))] = True
    return logits, mask


@given(masked(ANY), st.floats(1e-300, 5), st.floats(0.01, 1), UNIFORM)
def test_a_masked_token_is_never_drawn(case, temperature, top_p, uniform):
    logits, mask = case
    assert mask[draw(logits, mask, Sampling(temperature, top_p), uniform)]


@given(masked(st.sampled_from([-3e38, -1.0, 0.0, 3e38])), UNIFORM)
def test_logits_at_the_edges_of_float(case, uniform):
    logits, mask = case
    chosen = draw(logits, mask, Sampling(1.0, 1.0), uniform)
    assert mask[chosen]
    if logits[mask].max() > 1e38:
        assert logits[chosen] > 1e38


@given(masked(FINITE), UNIFORM)
def test_a_temperature_near_zero_takes_the_best(case, uniform):
    logits, mask = case
    best = np.where(mask, logits, -np.inf)
    assume(np.sort(best)[-1] - (np.sort(best)[-2] if len(best) > 1 else -np.inf) > 1e-3)
    for temperature in (1e-5, 1e-200):
        assert draw(logits, mask, Sampling(temperature, 1.0), uniform) == best.argmax()


@given(masked(FINITE), UNIFORM)
def test_a_small_top_p_takes_the_best(case, uniform):
    logits, mask = case
    chosen = draw(logits, mask, Sampling(1.0, 1e-9), uniform)
    assert logits[chosen] == logits[mask].max()


@given(masked(FINITE), st.floats(0.2, 5), UNIFORM)
def test_the_same_numbers_draw_the_same_token(case, temperature, uniform):
    logits, mask = case
    how = Sampling(temperature, 0.9)
    assert draw(logits, mask, how, uniform) == draw(logits.copy(), mask.copy(), how, uniform)


@given(arrays(np.float32, 12, elements=FINITE), UNIFORM)
def test_no_mask_allows_everything(logits, uniform):
    how = Sampling(1.3, 0.8)
    assert draw(logits, None, how, uniform) == draw(logits, np.ones(12, dtype=np.bool_), how, uniform)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("top_p", [1.0, 0.9, 0.6, 0.3])
def test_the_unit_interval_is_shared_out_by_probability(temperature, top_p):
    """Over a fine comb of uniform numbers each token comes as often as its share of the kept probability."""
    logits = np.array([1.0, -0.5, 2.0, 0.3, 5.0, 0.0, 1.5], dtype=np.float32)
    mask = np.array([1, 1, 1, 1, 0, 1, 1], dtype=np.bool_)
    weights = [np.exp(float(logit) / temperature) * allowed for logit, allowed in zip(logits, mask, strict=True)]
    shares = np.array(weights) / sum(weights)
    ranked = sorted(range(7), key=lambda token: -shares[token])
    kept = next(n for n in range(1, 8) if sum(shares[t] for t in ranked[:n]) >= top_p - 1e-12)
    expected = np.zeros(7)
    expected[ranked[:kept]] = shares[ranked[:kept]] / shares[ranked[:kept]].sum()
    comb = (np.arange(4000) + 0.5) / 4000
    drawn = [draw(logits, mask, Sampling(temperature, top_p), u) for u in comb]
    assert np.abs(np.bincount(drawn, minlength=7) / 4000 - expected).max() < 1e-3
    assert drawn[0] == ranked[0]
    assert drawn[-1] == ranked[kept - 1]
