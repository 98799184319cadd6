"""Conversions: each is undone by its inverse, and grows with its argument."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgen.units import (
    TICKS_PER_QUARTER,
    bar_ticks,
    bend_to_cents,
    cents_to_bend,
    microseconds_to_qpm,
    qpm_to_microseconds,
    seconds_to_ticks,
    ticks_to_seconds,
)

QPM = st.floats(4.0, 999.0)


@st.composite
def tempo_maps(draw: st.DrawFn) -> list[tuple[int, float]]:
    ticks = draw(st.lists(st.integers(1, 100_000), unique=True, max_size=6))
    return [(tick, draw(QPM)) for tick in [0, *sorted(ticks)]]


@pytest.mark.parametrize(
    ("numerator", "denominator", "ticks"),
    [(4, 4, 1920), (2, 4, 960), (6, 8, 1440), (5, 16, 600), (1, 64, 30), (3, 1, 5760)],
)
def test_bar_lengths(numerator: int, denominator: int, ticks: int):
    assert bar_ticks(numerator, denominator) == ticks


def test_a_bar_that_is_no_whole_number_of_ticks():
    with pytest.raises(ValueError, match="1/64 is no whole number of ticks at 24"):
        bar_ticks(1, 64, 24)


def test_the_grid_holds_triplets_quintuplets_and_32nds():
    assert all(TICKS_PER_QUARTER % parts == 0 for parts in (3, 5, 6, 8))


@given(QPM)
def test_tempo_survives_midi(qpm: float):
    microseconds = qpm_to_microseconds(qpm)
    assert microseconds_to_qpm(microseconds) == pytest.approx(qpm, rel=qpm / 60e6)
    assert qpm_to_microseconds(microseconds_to_qpm(microseconds)) == microseconds


@given(st.integers(0, 10**7), QPM)
def test_ticks_survive_seconds_at_one_tempo(ticks: int, qpm: float):
    assert seconds_to_ticks(float(ticks_to_seconds(ticks, [(0, qpm)])), qpm) == ticks


def test_seconds_under_a_tempo_map():
    # 480 ticks at 60 qpm last 1 s, then 480 ticks at 120 qpm last 0.5 s
    seconds = ticks_to_seconds([0, 240, 480, 960], [(0, 60.0), (480, 120.0)])
    np.testing.assert_allclose(seconds, [0.0, 0.5, 1.0, 1.5])


@given(tempo_maps(), st.lists(st.integers(0, 200_000), min_size=2, max_size=8))
def test_seconds_grow_with_ticks(tempi: list[tuple[int, float]], ticks: list[int]):
    ordered = sorted(ticks)
    seconds = ticks_to_seconds(ordered, tempi)
    assert np.all(np.diff(seconds)[np.diff(ordered) > 0] > 0)


@given(tempo_maps(), st.integers(0, 200_000))
def test_a_tempo_change_to_the_same_tempo_changes_nothing(tempi: list[tuple[int, float]], tick: int):
    repeated = {tick + 1: qpm for tick, qpm in tempi} | dict(tempi)
    doubled = sorted(repeated.items())
    assert ticks_to_seconds(tick, doubled) == pytest.approx(ticks_to_seconds(tick, tempi))


def test_shape_is_kept():
    assert ticks_to_seconds(np.zeros((2, 3), dtype=np.int64), [(0, 60.0)]).shape == (2, 3)
    assert ticks_to_seconds(480, [(0, 60.0)]).shape == ()


@given(st.integers(-8192, 8191), st.sampled_from([2.0, 12.0, 24.0, 48.0]))
def test_bends_survive_cents(value: int, semitones: float):
    assert cents_to_bend(bend_to_cents(value, semitones), semitones) == value


@given(st.floats(-1e5, 1e5), st.sampled_from([2.0, 12.0, 48.0]))
def test_bends_stay_within_the_wheel(cents: float, semitones: float):
    assert -8192 <= cents_to_bend(cents, semitones) <= 8191
