from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symgen.errors import ScoreError
from symgen.score import Score, make_notes
from symgen.theory.modulation import Reluctance, gong_regions

PHRASE = [0, 2, 4, 7, 9, 7, 4, 2, 0, -3, -5, -3, 0, 2, 4, 2, 0, 0, 7, 9, 12, 9, 7, 4, 2, 4, 2, 0, -3, 0, 2, 0]


def melody(pitches, ticks=240):
    return Score(make_notes([(i * ticks, ticks, int(pitch)) for i, pitch in enumerate(pitches)]))


def phrases(*gongs):
    return melody([gong + step for gong in gongs for step in PHRASE * 2])


def test_one_gong_is_one_region():
    (key,) = gong_regions(phrases(62, 62, 62))
    assert (key.tick, key.gong, key.mode) == (0, 2, "gong")


def test_a_fifth_up_and_back_is_found_within_a_few_notes():
    keys = gong_regions(phrases(60, 67, 60))
    assert [key.gong for key in keys] == [0, 7, 0]
    assert keys[0].tick == 0
    for key, turn in zip(keys[1:], (64, 128), strict=True):
        assert abs(key.tick / 240 - turn) <= 16


def test_a_passing_bian_tone_is_no_modulation():
    pitches = [60 + step for step in PHRASE * 4]
    pitches[40] = pitches[41] = 71
    assert len(gong_regions(melody(pitches))) == 1


@given(st.lists(st.integers(0, 127), min_size=1, max_size=80))
@settings(max_examples=40)
def test_regions_are_in_order_and_neighbours_differ(pitches):
    keys = gong_regions(melody(pitches))
    assert keys[0].tick == 0
    assert all(a.tick < b.tick and a.gong != b.gong for a, b in pairwise(keys))


@pytest.mark.parametrize("move", [-7, -1, 3, 11])
def test_regions_move_with_the_music(move):
    still, moved = gong_regions(phrases(60, 67, 62, 60)), gong_regions(phrases(*(g + move for g in (60, 67, 62, 60))))
    assert [(k.tick, (k.gong + move) % 12, k.mode) for k in still] == [(k.tick, k.gong, k.mode) for k in moved]


def test_reluctance_decides_how_many():
    tune = phrases(60, 67, 60, 67)
    assert len(gong_regions(tune, Reluctance(fifth=1e-30, other=1e-32))) < len(gong_regions(tune))


def test_a_score_without_notes_is_refused():
    with pytest.raises(ScoreError, match="without notes"):
        gong_regions(Score(make_notes()))
