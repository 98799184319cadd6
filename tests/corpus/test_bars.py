"""The metre of made-up tunes is found again from their bar lines alone."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgen import readers
from symgen.corpus.bars import FEWEST_LINES, NAMES, bar_lengths, bar_lines, recover_metres
from symgen.score import Metre, Score, make_notes
from symgen.tokens.prefix import METRES, metre_class
from symgen.units import bar_ticks

PLAIN = list(NAMES.values())
SIX_EIGHT = (6, 8)


def length_of(metre, tpq=480):
    return bar_ticks(*metre, tpq)


def tune(lengths, *, tpq=480, cuts=None, tail=0, pitches=(60, 62, 64, 67)):
    """Return a score of bars of these lengths in ticks, each marked with 4/4; `cuts` are onsets within each bar."""
    lines = np.concatenate([[0], np.cumsum(lengths)])
    rows = []
    for number, length in enumerate(lengths):
        inside = sorted({0, *(cut for cut in (cuts[number] if cuts else ()) if 0 < cut < length)})
        ends = [*inside[1:], length]
        rows += [
            (int(lines[number]) + a, b - a, pitches[(number + k) % len(pitches)])
            for k, (a, b) in enumerate(zip(inside, ends, strict=True))
        ]
    marks = tuple(Metre(int(line), 4, 4) for line in lines[:-1])
    return Score(make_notes(rows), ticks_per_quarter=tpq, metres=marks, end=int(lines[-1]) + tail)


def kinds(score):
    return {(metre.numerator, metre.denominator) for metre in score.metres}


bars = st.integers(FEWEST_LINES, 24)
rhythms = st.lists(st.lists(st.sampled_from([120, 240, 360, 480, 720, 960]), max_size=4), min_size=24, max_size=24)


@given(st.sampled_from(PLAIN), bars, rhythms, st.integers(0, 480))
def test_a_steady_tune_gives_back_its_metre(metre, count, cuts, tail):
    if metre == (3, 4):
        cuts = [[480, 960]] * 24  # a bar of three quarters with few onsets may be either
    score = tune([length_of(metre)] * count, cuts=cuts, tail=tail)
    found = recover_metres(score)
    assert found.metres == (Metre(0, *metre),)
    assert np.array_equal(found.bar_starts(), bar_lines(score))
    assert np.array_equal(found.notes, score.notes)
    assert found.end == score.end - tail


@given(bars)
def test_six_eight_is_told_from_three_four_by_its_middle(count):
    beats = [[720]] * count
    assert kinds(recover_metres(tune([1440] * count, cuts=beats))) == {SIX_EIGHT}
    thirds = [[480, 960]] * count
    assert kinds(recover_metres(tune([1440] * count, cuts=thirds))) == {(3, 4)}


@given(st.permutations([(2, 4)] * 8 + [(3, 4)] * 3 + [(1, 4)] * 2))
def test_a_changing_metre_is_followed(metres):
    if metres[:2].count((2, 4)) < 2 or (2, 4) not in metres[-2:]:
        metres = [(2, 4), (2, 4), *metres]
    score = tune([length_of(metre) for metre in metres] + [length_of((2, 4))])
    found = recover_metres(score)
    assert metre_class(found.metres) == "variable"
    assert np.array_equal(found.bar_starts(), bar_lines(score))
    at = {metre.tick: (metre.numerator, metre.denominator) for metre in found.metres}
    now = None
    for line, metre in zip(bar_lines(score).tolist(), metres, strict=False):
        now = at.get(line, now)
        assert now == metre


@given(st.sampled_from([60, 240, 480, 720, 900]), bars)
def test_a_pick_up_leaves_the_bar_lines_where_they_stand(pick_up, count):
    score = tune([pick_up] + [960] * count)
    found = recover_metres(score)
    assert metre_class(found.metres) == "2/4"
    assert np.array_equal(found.bar_starts(), bar_lines(score))


@given(st.lists(st.sampled_from([960] * 6 + [420, 1080, 1200, 1380]), min_size=8, max_size=20))
def test_bars_that_do_not_add_up_change_neither_the_metre_nor_later_lines(lengths):
    lengths = [960] * len(lengths) + lengths
    score = tune(lengths)
    found, told = recover_metres(score), bar_lengths(score.notes, bar_lines(score), 480)
    closed = lengths[1:-1]
    slips = [length for length in closed if length != 960]
    assert told.bars == len(closed)
    assert told.odd == len(slips)
    assert told.fit == 1 - len(slips) / len(closed)
    assert kinds(found) == {(2, 4)}
    assert set(bar_lines(score).tolist()) <= set(found.bar_starts().tolist())
    too_long = sum(length > 960 for length in closed)
    assert len(found.bar_starts()) <= len(bar_lines(score)) + too_long + 1


def test_a_lost_line_is_found_again():
    score = tune([960] * 6 + [1920] + [960] * 13)
    found = recover_metres(score)
    assert found.metres == (Metre(0, 2, 4),)
    assert found.bar_starts().tolist() == list(range(0, 21 * 960, 960))
    assert bar_lengths(score.notes, bar_lines(score), 480).odd == 0


@pytest.mark.parametrize(
    "score",
    [
        tune([960] * 8, cuts=[[480]] * 8).resampled(480),
        tune([2048] * 8, tpq=1024),
        tune([192] * 8, tpq=96),
    ],
    ids=["480", "1024", "96"],
)
def test_any_time_base_will_do(score):
    assert recover_metres(score).metres == (Metre(0, 2, 4),)


@pytest.mark.parametrize(
    ("score", "why"),
    [
        (Score(make_notes([(0, 480, 60)] * 9), metres=(Metre(0, 4, 4),)), "one signature marks no lines"),
        (Score(make_notes([(0, 480, 60)])), "no signature at all"),
        (tune([960] * (FEWEST_LINES - 1)), "too few lines"),
        (tune([960 * 14, 960 * 15, 960 * 13, 960 * 15, 960 * 12, 960 * 15]), "lines mark phrases of a free song"),
        (tune([960, 1000, 1040, 1110, 960, 1230, 1320, 970]), "most bars do not add up"),
        (Score(make_notes()), "no note"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_tells_no_metre_is_left_unknown(score, why):
    assert recover_metres(score).metres == ()


def test_signatures_that_differ_are_no_marks():
    metres = (Metre(0, 2, 4), Metre(960, 3, 4), Metre(2400, 2, 4), Metre(3360, 3, 4))
    score = Score(make_notes([(tick, 240, 60) for tick in range(0, 4800, 240)]), metres=metres)
    assert not len(bar_lines(score))


def test_a_line_at_the_end_is_none():
    score = tune([960] * 6, tail=480)
    late = Score(score.notes, metres=(*score.metres, Metre(5760, 4, 4)), end=6240)
    assert np.array_equal(bar_lines(late), bar_lines(score))
    assert recover_metres(late).end == 5760


def test_names_are_lengths():
    assert all(Fraction(4 * n, d) == length for length, (n, d) in NAMES.items())
    assert {f"{n}/{d}" for n, d in NAMES.values()} <= set(METRES)


def test_folk_songs_are_mostly_in_two_four(shared_data):
    folder = shared_data / "folk" / "anthology" / "hebei1"
    paths = sorted(folder.glob("*.mid"))[:150]
    found = [recover_metres(piece.score) for path in paths for piece in readers.read_pieces(path)]
    duple = [score for score in found if score.metres and (2, 4) in kinds(score)]
    assert len(duple) > 0.6 * len(found)
    assert not any((4, 4) in kinds(score) for score in duple if len(kinds(score)) == 1)
