import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgen.errors import UsageError
from symgen.theory.degrees import (
    BIAN,
    DEGREE_TABLE,
    DEGREES,
    FIFTH_CHAIN,
    LU,
    PENTATONIC,
    degree_of,
    parse_pitch_class,
    pitch_class_name,
)


def test_twelve_degrees_in_order():
    assert DEGREES == ("1", "b2", "2", "b3", "3", "4", "#4", "5", "b6", "6", "b7", "7")
    assert [row.semitone for row in DEGREE_TABLE] == list(range(12))
    assert PENTATONIC == (0, 2, 4, 7, 9)
    assert BIAN == (5, 6, 10, 11)


def test_chain_of_fifths_is_1_5_2_6_3():
    assert [DEGREES[semitone] for semitone in FIFTH_CHAIN] == ["1", "5", "2", "6", "3"]


def test_both_tunings_lie_near_their_semitone():
    for row in DEGREE_TABLE:
        assert row.cents_fifths == pytest.approx(100 * row.semitone, abs=12.5)
        assert row.cents_just == pytest.approx(100 * row.semitone, abs=16.5)


def test_cents_of_zheng_tones_by_fifths_and_just():
    assert [round(row.cents_fifths) for row in DEGREE_TABLE if row.zheng] == [0, 204, 408, 702, 906]
    assert [round(row.cents_just) for row in DEGREE_TABLE if row.zheng] == [0, 204, 386, 702, 884]


@given(st.integers(0, 127), st.integers(0, 11), st.integers(-24, 24))
def test_degree_is_invariant_under_transposition(pitch, gong, move):
    degree = degree_of(pitch, gong)
    assert 0 <= degree <= 11
    assert degree == degree_of(pitch + move, (gong + move) % 12)


def test_degree_of_arrays_keeps_the_shape_and_agrees_with_numbers():
    pitches = np.array([[60, 62, 64], [67, 69, 59]])
    assert degree_of(pitches, 0).tolist() == [[0, 2, 4], [7, 9, 11]]
    assert degree_of(pitches[0], np.array([0, 2, 5])).tolist() == [0, 0, 11]
    assert degree_of(np.array([5, 7], dtype=np.int16), 7).tolist() == [10, 0]


@pytest.mark.parametrize(
    ("text", "pc"),
    [
        *(("C", 0), ("c", 0), ("D", 2), ("Bb", 10), ("bB", 10), ("bb", 10), ("B", 11), ("b", 11), ("F#", 6), ("#F", 6)),
        *(("1=F", 5), ("1 = bB", 10), ("1=♭E", 3), ("G♯", 8), ("降B", 10), ("升F", 6), ("Cb", 11), ("B#", 0)),
        *(("C##", 2), ("bbB", 9), ("黄钟", 0), ("仲吕", 5), ("無射", 10), ("huangzhong", 0), ("Ｄ", 2), (" a ", 9)),
    ],
)
def test_pitch_class_is_understood(text, pc):
    assert parse_pitch_class(text) == pc


@pytest.mark.parametrize("text", ["", "H", "1=", "1", "do", "CC", "F#b#", "2=F", "黄", "\x1b[2J", "D\n", "D羽"])
def test_other_text_is_refused_in_one_line(text):
    if text == "D\n":  # white space around a name is nothing
        assert parse_pitch_class(text) == 2
        return
    with pytest.raises(UsageError) as caught:
        parse_pitch_class(text)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("pc", range(12))
def test_every_name_of_a_pitch_class_leads_back(pc):
    for name in (LU[pc].letter, LU[pc].pinyin, LU[pc].chinese, "1=" + LU[pc].letter):
        assert parse_pitch_class(name) == pc
    assert pitch_class_name(pc) == pitch_class_name(pc + 12) == LU[pc].letter
