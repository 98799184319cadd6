from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgen.errors import ScoreError
from symgen.theory.degrees import FIFTH_CHAIN, PENTATONIC
from symgen.theory.sonorities import KINDS, ONE_TONE_KINDS, SHAPES, SONORITIES, members_of, name_sonority

PITCHES = st.lists(st.integers(24, 96), min_size=1, max_size=8)


def prime_form(semitones):
    """Forte's prime form by brute force: the most compact rotation of the set or its inversion."""
    forms = []
    for pcs in (sorted(semitones), sorted(-s % 12 for s in semitones)):
        for start in pcs:
            forms.append(tuple(sorted((s - start) % 12 for s in pcs)))
    return "".join(map(str, min(forms, key=lambda form: (form[-1], form))))


def test_every_subset_of_the_zheng_tones_is_one_row():
    subsets = {frozenset(c) for size in range(2, 6) for c in combinations(PENTATONIC, size)}
    rows = [frozenset(row.members) for row in SONORITIES if not row.bian]
    assert len(subsets) == len(rows) == 26
    assert set(rows) == subsets


@pytest.mark.parametrize("row", SONORITIES, ids=lambda row: f"{row.kind}-{row.root}")
def test_row_is_consistent(row):
    assert prime_form(row.members) == row.set_class
    assert row.members[0] == row.root
    assert SHAPES[row.kind] == row.shape
    assert members_of(row.kind, row.root) == row.members
    sonority = name_sonority([60 + semitone for semitone in row.shape], -row.root % 12)
    assert (sonority.kind, sonority.root, sonority.bass, sonority.distance) == (row.kind, row.root, row.root, 0)
    assert sonority.bian == row.bian


def test_one_kind_is_one_shape():
    shapes = [SHAPES[kind] for kind in KINDS if kind not in ONE_TONE_KINDS and kind != "4"]
    assert len(set(shapes)) == len(shapes)
    assert set(KINDS) == set(SHAPES)


def test_blocks_of_the_chain_of_fifths_are_the_quintal_chords():
    kinds = {2: "5", 3: "Q3", 4: "Q4"}
    for size, kind in kinds.items():
        for start in range(len(FIFTH_CHAIN) - size + 1):
            block = FIFTH_CHAIN[start : start + size]
            sonority = name_sonority([48 + tone for tone in block], 0)
            assert (sonority.kind, sonority.root, sonority.distance) == (kind, block[0], 0) or kind == "5"


@given(PITCHES, st.integers(0, 11), st.integers(-12, 12))
def test_naming_is_closed_under_transposition(pitches, gong, move):
    assert name_sonority(pitches, gong) == name_sonority([p + move for p in pitches], (gong + move) % 12)


@given(PITCHES, st.integers(0, 11))
def test_a_name_is_always_of_the_inventory_and_exact_at_distance_0(pitches, gong):
    sonority = name_sonority(pitches, gong)
    assert sonority.kind in KINDS
    assert sonority.bass == (min(pitches) - gong) % 12
    assert sonority.span == (max(pitches) - min(pitches)) // 12
    exact = set(members_of(sonority.kind, sonority.root)) == {(p - gong) % 12 for p in pitches}
    assert exact == (sonority.distance == 0)


@given(st.sets(st.sampled_from(PENTATONIC), min_size=1), st.integers(0, 11), st.data())
def test_pentatonic_chords_are_exact_in_any_register(degrees, gong, data):
    pitches = [36 + gong + degree + 12 * data.draw(st.integers(0, 3)) for degree in degrees]
    sonority = name_sonority(pitches, gong)
    assert sonority.distance == 0
    assert not sonority.bian


@pytest.mark.parametrize(
    ("pitches", "label", "span"),
    [
        *(([60], "none(1)", 0), ([60, 60], "unison(1)", 0), ([62, 74], "8(2)", 1), ([43, 67], "15(5)", 2)),
        *(([48, 60, 72], "15(1)", 2), ([36, 84], "15(1)", 4)),
        *(([60, 67], "5(1)", 0), ([48, 67], "5(1)", 1), ([55, 60], "4(1)/5", 0), ([64, 69], "4(6)/3", 0)),
        *(([60, 64, 67], "maj(1)", 0), ([64, 67, 72], "maj(1)/3", 0), ([57, 60, 64], "min(6)", 0)),
        *(([62, 69, 76], "Q3(2)", 1), ([60, 62, 64, 67, 69], "gamut(1)", 0), ([65, 72], "5(4)", 0)),
    ],
)
def test_labels_in_c_gong(pitches, label, span):
    sonority = name_sonority(pitches, 0)
    assert (sonority.name, sonority.span) == (label, span)


def test_bian_chords_are_rows_and_marked():
    for pitches, root in (([65, 69, 72], 5), ([67, 71, 74], 7)):
        sonority = name_sonority(pitches, 0)
        assert (sonority.kind, sonority.root, sonority.bian, sonority.distance) == ("maj", root, True, 0)


def test_what_has_no_shape_goes_to_the_nearest_row():
    tritone = name_sonority([65, 71], 0)
    assert tritone.distance > 0
    leading = name_sonority([60, 64, 67, 71], 0)  # a seventh over the gong triad
    assert leading.kind in ("maj", "6", "add9")
    assert leading.distance > 0


def test_no_pitch_and_no_kind_are_refused():
    with pytest.raises(ScoreError, match="without pitches"):
        name_sonority([], 0)
    with pytest.raises(ScoreError, match="sonority kind"):
        members_of("dim", 0)
