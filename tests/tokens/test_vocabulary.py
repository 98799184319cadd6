"""The vocabularies: their order is part of every checkpoint and dataset."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgen.errors import TokenError
from symgen.score import Metre, Technique
from symgen.tokens import chord, melody, rhythm
from symgen.tokens.prefix import FIELDS, METRES, Prefix, metre_class
from symgen.tokens.sequence import FAMILIES, TokenSequence
from symgen.tokens.vocabulary import START, Vocabulary

# Changing one of these invalidates every checkpoint and dataset made before: they store the digests and are refused.
DIGESTS = {
    "rhythm": "298e0a52048a66374211137058c942ee3293c99c1c2caa9cb2fe0e9eb8a18146",
    "melody": "a9ed030193b74a898a1154ad95cbe3c9ca87db14d301da88700dae36f4b7c2fa",
    "chord": "23533bb9057186c6d42fe775f18508482f7ae84a61d5e935ba469fa43a5a08ad",
}
# So does the order of these: their places are rows of trained tables.
FIELD_VALUES = {
    "style": "unknown guqin guzheng folk",
    "mode": "unknown gong shang jue zhi yu",
    "metre": "unknown variable 1/4 2/4 3/4 4/4 5/4 6/4 3/8 5/8 6/8 7/8 9/8 2/2",
}


def test_the_order_of_tokens_is_kept():
    assert {family.NAME: family.VOCABULARY.digest for family in FAMILIES} == DIGESTS
    assert {name: " ".join(values) for name, values in FIELDS.items()} == FIELD_VALUES


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.NAME)
def test_a_vocabulary_can_be_written_down(family):
    vocabulary = family.VOCABULARY
    assert vocabulary.names[START] == "<start>"
    assert [vocabulary.number[name] for name in vocabulary.names] == list(range(len(vocabulary)))
    for column in vocabulary.factors.values():
        assert (column.shape, column.min()) == ((len(vocabulary),), 0)
    rows = list(zip(*vocabulary.factors.values(), strict=True))
    assert len(set(rows)) >= len(rows) - 1  # the factors tell tokens apart; chords share <start> and none


def test_rhythm_tokens_say_what_they_are():
    for token, name in enumerate(rhythm.VOCABULARY.names[1:], start=1):
        interval, length = map(int, name.split("/"))
        assert (rhythm.INTERVAL[token], rhythm.LENGTH[token]) == (interval, length)
        assert rhythm.rhythm_token(interval, length) == token
    assert rhythm.rhythm_token(1, 1) is None


@given(st.integers(1, 9000))
def test_nearest_is_nearest(ticks):
    distances = [abs(ticks - value) for value in rhythm.GRID]
    assert rhythm.nearest(ticks) == rhythm.GRID[distances.index(min(distances))]  # the shorter of two
    if ticks >= 30:
        assert rhythm.longest_within(ticks) == max(value for value in rhythm.GRID if value <= ticks)


@given(st.integers(-48, 59), st.sampled_from(Technique))
def test_melody_tokens_say_what_they_are(relative, technique):
    token, folded = melody.melody_token(relative, technique)
    assert not folded
    assert melody.RELATIVE[token] == relative
    assert melody.DEGREE[token] == relative % 12
    assert melody.TECHNIQUE[token] == technique


@pytest.mark.parametrize(
    ("relative", "technique", "name"),
    [
        (0, Technique.PLUCK, "1"),
        (14, Technique.PLUCK, "2'"),
        (-3, Technique.OPEN, "6,@open"),
        (30, Technique.SLIDE_UP, "#4''@slide_up"),
    ],
)
def test_melody_names(relative, technique, name):
    assert melody.VOCABULARY.names[melody.melody_token(relative, technique)[0]] == name


@pytest.mark.parametrize(("relative", "sounding"), [(60, 48), (127, 55), (-49, -37), (-127, -43)])
def test_far_tones_keep_their_degree(relative, sounding):
    token, folded = melody.melody_token(relative, Technique.PLUCK)
    assert folded
    assert melody.RELATIVE[token] == sounding


def test_chords_are_pentatonic():
    pentatonic = {0, 2, 4, 7, 9}
    for token, intervals in enumerate(chord.SONORITIES, start=1):
        assert chord.chord_token(intervals) == token
        assert chord.chord_intervals(token) == intervals
        classes = {-interval % 12 for interval in (0, *intervals)}
        assert any({(c + shift) % 12 for c in classes} <= pentatonic for shift in range(12)), intervals
    assert chord.chord_intervals(START) == ()


@pytest.mark.parametrize("intervals", [(0,), (5,), (7,), (12,), (24,), (5, 12), (7, 12), (12, 24), (3, 8), (4, 7)])
def test_common_sonorities_are_there(intervals):
    assert chord.chord_token(intervals) is not None


@pytest.mark.parametrize("intervals", [(1,), (6,), (11,), (1, 2), (4, 8), (6, 12)])
def test_semitones_and_tritones_are_not(intervals):
    """No two tones of one pentatonic set lie a semitone or a tritone apart."""
    assert chord.chord_token(intervals) is None


class TestPrefix:
    def test_numbers_are_places(self):
        assert Prefix().numbers() == (0, 0, 0)
        assert Prefix("guqin", "yu", "4/4").numbers() == (1, 5, METRES.index("4/4"))

    @pytest.mark.parametrize("wrong", [{"style": "jazz"}, {"mode": "dorian"}, {"metre": "13/16"}])
    def test_values_outside_are_refused(self, wrong):
        (name, value), *_ = wrong.items()
        with pytest.raises(TokenError, match=f"{name} '{value}'; expected one of unknown"):
            Prefix(**wrong)

    @pytest.mark.parametrize(
        ("metres", "expected"),
        [
            ((), "unknown"),
            ((Metre(0, 2, 4),), "2/4"),
            ((Metre(0, 2, 4), Metre(960, 2, 4)), "2/4"),
            ((Metre(0, 2, 4), Metre(960, 3, 4)), "variable"),
            ((Metre(0, 13, 16),), "variable"),
        ],
    )
    def test_metre_class(self, metres, expected):
        assert metre_class(metres) == expected


class TestTokenSequence:
    ONE = np.ones(3, dtype=np.int16)

    @pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.NAME)
    @pytest.mark.parametrize("outside", [-1, 0, "size"])
    def test_tokens_out_of_range_are_named(self, family, outside):
        size = len(family.VOCABULARY)
        wrong = self.ONE.copy()
        wrong[2] = size if outside == "size" else outside
        arrays = {f.NAME: wrong if f is family else self.ONE for f in FAMILIES}
        with pytest.raises(TokenError, match=f"^{family.NAME} token {wrong[2]} at step 2; expected 1 to {size - 1}$"):
            TokenSequence(**arrays, gong=60)

    def test_arrays_of_unequal_length_are_refused(self):
        with pytest.raises(TokenError, match=r"chord tokens have shape \(2,\); expected \(3,\)"):
            TokenSequence(self.ONE, self.ONE, self.ONE[:2], gong=60)

    def test_arrays_of_two_dimensions_are_refused(self):
        with pytest.raises(TokenError, match="rhythm tokens have shape"):
            TokenSequence(self.ONE[None], self.ONE, self.ONE, gong=60)

    def test_equality_is_of_contents(self):
        first = TokenSequence(self.ONE, self.ONE, self.ONE, gong=60)
        assert first == TokenSequence(self.ONE.copy(), self.ONE.copy(), self.ONE.copy(), gong=60)
        assert first != TokenSequence(self.ONE, self.ONE, self.ONE, gong=61)
        assert first != "1"

    def test_time(self):
        """A rest counts by its interval; a last note that rings over the end counts by its length."""
        names = ["240/240", "0/480", "60/1920"]
        tokens = np.array([rhythm.VOCABULARY.number[name] for name in names], dtype=np.int16)
        sounding = TokenSequence(tokens, self.ONE * 60, self.ONE, gong=60)
        assert sounding.onsets().tolist() == [0, 240, 240]
        assert sounding.end == 240 + 1920
        assert TokenSequence(tokens, self.ONE * melody.REST, self.ONE, gong=60).end == 300


def test_a_name_given_twice_is_a_fault_of_the_family():
    with pytest.raises(ValueError, match="names a token twice"):
        Vocabulary("test", ("<start>", "a", "a"), {})
    with pytest.raises(ValueError, match="factor f of vocabulary test has shape"):
        Vocabulary("test", ("<start>", "a"), {"f": np.zeros(3, dtype=np.int64)})
