"""Statistics of pieces written out by hand, and what holds for every pair of distributions."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgen.metrics.distributions import corrected_kl, distributions_of, jensen_shannon, overlap
from symgen.metrics.line import line_of, phrase_ends
from symgen.metrics.statistics import compare, shares_of, summarise
from symgen.metrics.structure import SIMILARITY, repeats
from symgen.score import Metre, Technique
from symgen.tokens import chord, melody, rhythm
from symgen.tokens.sequence import TokenSequence

from .sources import markov_pieces, piece

COUNTS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 50)).filter(lambda counts: sum(counts.values()) > 0)


def share(sequence: TokenSequence, name: str) -> float:
    counted, among = shares_of(sequence)[name]
    return counted / among


def test_time_on_bian_tones_counts_length_and_chord_tones():
    octave = chord.chord_token((12,))
    fifth_below_7 = chord.chord_token((7,))  # 3 below 7
    assert share(piece([0, 11], [480, 160]), "time on bian tones") == pytest.approx(160 / 640)
    assert share(piece([11], [480], chords=[octave]), "time on bian tones") == 1
    assert share(piece([11], [480], chords=[fifth_below_7]), "time on bian tones") == 0.5
    assert share(piece([1, 0, 0, 0], [480] * 4), "time on other chromatic tones") == 0.25
    assert share(piece([1, 0, 0, 0], [480] * 4), "time on bian tones") == 0


def test_the_line_leaves_out_rests_and_keeps_the_highest_tone_of_an_onset():
    low, high, then = (melody.melody_token(tone, 0)[0] for tone in (-5, 9, 4))
    together, alone = rhythm.rhythm_token(0, 480), rhythm.rhythm_token(480, 480)
    columns = ([together, alone, alone, alone], [low, high, melody.REST, then], [chord.NO_CHORD] * 4)
    line = line_of(TokenSequence(*(np.array(column, np.int16) for column in columns), gong=60))
    assert line.pitch.tolist() == [9, 4]
    assert line.interval.tolist() == [960, 480]


def test_distributions_name_what_a_musician_names():
    found = distributions_of(piece([0, 2, 14, 11, 9], [240, 360, 120, 480, 480]))
    assert found["degree"] == {"1": 1, "2": 2, "7": 1, "6": 1}
    assert found["interval"] == {"2": 2, "12": 1, "3": 1}
    assert found["inter-onset interval"] == {"1/2": 1, "3/4": 1, "1/4": 1, "1": 1}
    assert found["final"] == {"6": 1}
    assert found["degree pair"]["2-2"] == 1


def test_the_final_of_a_fifth_is_its_root():
    sequence = piece([9, 7], [480, 480], chords=[chord.NO_CHORD, chord.chord_token((7,))])
    assert distributions_of(sequence)["final"] == {"1": 1}
    assert distributions_of(sequence)["chord"] == {"fifth": 1}


def test_repeats():
    assert repeats("abcdabcd", 32) == (1, 5)
    assert repeats("abcdabcd", 3) == (0, 5)
    assert repeats("aaaaaa", 1) == (2, 3)
    assert repeats("abc", 32) == (0, 0)


def test_repeated_grams_look_back_as_far_as_they_say():
    verse = [0, 2, 4, 7, 9, 7, 4, 2]
    filling = [12 * octave + tone for octave in (-1, 1) for tone in range(12)] + list(range(-20, -13))
    near, far = piece(verse * 2, [240] * 16), piece([*verse, *filling, *verse], [240] * (16 + len(filling)))
    within, anywhere = "4-grams of tones repeated within 32", "4-grams of tones repeated in the piece"
    assert shares_of(near)[within] == (5, 13)
    assert shares_of(far)[within][0] == 0
    assert shares_of(far)[anywhere][0] == 5
    other_rhythm = piece(verse * 2, [240] * 8 + [480] * 8)
    assert shares_of(other_rhythm)["4-grams of notes repeated within 32"][0] == 0


def test_harmonics_and_their_runs():
    tokens = [melody.melody_token(0, technique)[0] for technique in (0, 3, 3, 0, 3, 3, 3, 3)]
    columns = ([rhythm.rhythm_token(240, 240)] * 8, tokens, [chord.NO_CHORD] * 8)
    sequence = TokenSequence(*(np.array(column, np.int16) for column in columns), gong=60)
    assert Technique.HARMONIC == 3
    assert share(sequence, "notes in harmonics") == 6 / 8
    assert share(sequence, "notes a run of harmonics") == 3


@pytest.mark.parametrize("tones", [[], [None, None], [0], [0, None]])
def test_the_shortest_pieces_have_statistics(tones):
    summary = summarise([piece(tones, [240] * len(tones)), piece([0, 2], [240, 240])])
    assert summary.pieces == 1 + (0 in tones)
    assert all(np.isfinite(values).all() for values in summary.shares.values())


def test_intervals_hold_the_share_and_repeat():
    pieces = markov_pieces(1, 12, 60)
    one, other = summarise(pieces, seed=4), summarise(pieces, seed=4)
    assert one.shares == other.shares
    assert all(low <= value <= high for value, low, high in one.shares.values())


def test_compare_sets_side_by_side():
    one, other = summarise(markov_pieces(1, 10, 200)), summarise(markov_pieces(2, 10, 200))
    alien = summarise(markov_pieces(3, 10, 200, {3: 1.0}))
    found = compare(one, {"like": other, "unlike": alien, "same": one})
    pairs = found["distributions"]["degree pair"]
    assert pairs["like"]["overlap"] > 0.95
    assert pairs["unlike"]["overlap"] < 0.05
    assert pairs["unlike"]["divergence_bits"] > 0.95
    assert pairs["unlike"]["kl_bits"] > 5 > 0.05 > abs(pairs["like"]["kl_bits"])
    assert found["distributions"]["interval"]["same"]["overlap"] == 1
    assert set(pairs) == {"training", "like", "unlike", "same"} == set(found["shares"]["rests"])
    assert "technique" in found["distributions"]
    assert "chord" not in found["distributions"]  # the reference has none


def test_the_correction_takes_off_what_few_pieces_bring():
    rng = np.random.default_rng(0)
    plain, corrected = [], []
    for _ in range(40):
        sides = [[Counter(rng.integers(0, 12, size=30).tolist()) for _ in range(4)] for _ in range(2)]
        counted = [[Counter({str(k): n for k, n in counts.items()}) for counts in side] for side in sides]
        corrected.append(corrected_kl(*counted))
        whole = [sum(side, Counter()) for side in counted]
        plain.append(corrected_kl(*([one] for one in whole)))
    assert np.mean(plain) > 0.05
    assert abs(np.mean(corrected)) < 0.3 * np.mean(plain)


@given(COUNTS, COUNTS)
def test_the_divergence_is_symmetric_and_finite(one, other):
    assert corrected_kl([one], [other]) == pytest.approx(corrected_kl([other], [one]))
    assert corrected_kl([one], [other]) >= 0
    assert corrected_kl([one], [one]) == pytest.approx(0)


def test_phrases_end_with_long_notes():
    line = line_of(piece([0, 2, 4, 2] * 8, [240, 240, 240, 1200] * 8))
    assert phrase_ends(line).tolist() == list(range(3, 32, 4))
    even = line_of(piece([0, 2, 4, 2] * 8, [240] * 32))
    assert phrase_ends(even).tolist() == [31]
    found = distributions_of(piece([0, 2, 4, 2] * 8, [240, 240, 240, 1200] * 8))
    assert found["phrase end"] == {"2": 8}
    assert found["phrase length"] == {"1-4": 8}
    assert found["density"] == {"4": 8}


def test_a_phrase_that_comes_back_varied_is_like_itself():
    rng = np.random.default_rng(0)
    theme = rng.integers(0, 24, size=16).tolist()
    varied = [*theme[:5], 30, *theme[6:]]
    strange = rng.integers(-24, 24, size=32).tolist()
    again = piece([*theme, *strange, *varied], [240] * 64)
    other = piece([*theme, *strange, *rng.integers(-24, 24, size=16).tolist()], [240] * 64)
    assert share(again, SIMILARITY) > share(other, SIMILARITY) + 0.1
    verse = piece(theme * 4, [240] * 64)
    assert share(verse, SIMILARITY) == 1
    assert share(verse, "16-grams of notes repeated in 64") == pytest.approx(33 / 49)
    assert share(verse, "distinct 1-grams of notes in 64") == len(set(theme)) / 64


def test_positions_in_the_bar_follow_the_metres():
    metres = (Metre(0, 3, 4), Metre(1440, 2, 4))
    found = distributions_of(piece([0, 2, 4, 2, 0], [480] * 5, metres=metres))
    assert found["bar position"] == {"0": 2, "1": 2, "2": 1}
    assert not distributions_of(piece([0, 2], [480] * 2, metres=()))["bar position"]


@given(COUNTS, COUNTS)
def test_overlap_and_divergence_are_symmetric_and_bounded(one, other):
    assert overlap(one, other) == pytest.approx(overlap(other, one))
    assert 0 <= overlap(one, other) <= 1 + 1e-9
    assert jensen_shannon(one, other) == pytest.approx(jensen_shannon(other, one))
    assert -1e-9 <= jensen_shannon(one, other) <= 1 + 1e-9
    assert overlap(one, one) == pytest.approx(1)
    assert jensen_shannon(one, one) == pytest.approx(0)


def test_overlap_takes_counts_of_any_size():
    assert overlap({"a": 1, "b": 1}, {"a": 100}) == 0.5
    assert overlap(Counter(a=3), Counter(b=5)) == 0
    assert jensen_shannon({"a": 1}, {"b": 7}) == pytest.approx(1)


def test_nothing_is_unlike_something_and_like_nothing():
    assert (overlap({}, {"a": 1}), overlap({}, {})) == (0, 1)
    assert (jensen_shannon({}, {"a": 1}), jensen_shannon({}, {})) == (1, 0)
