"""What a network is told of a step: the same while composing as in training, and what the words mean."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symgen.models.columns import piece_features
from symgen.models.context import Context, Goal
from symgen.models.features import FEATURES
from symgen.score import Metre, Score, make_notes
from symgen.tokens import melody, rhythm
from symgen.tokens.codec import encode
from symgen.tokens.sequence import TokenSequence
from tests.models.music import TWO_FOUR, random_tune

METRES = [(), (Metre(0, 3, 8),), (Metre(0, 4, 4), Metre(3840, 2, 4))]


@given(st.integers(0, 1000), st.sampled_from(METRES), st.integers(1, 40))
@settings(max_examples=30)
def test_step_by_step_is_the_same_as_all_at_once(seed, metres, notes):
    piece = random_tune(seed, notes, metres)
    context = Context(piece.metres, piece.end)
    rows = []
    for tokens in piece.steps().tolist():
        rows.append(context.features())
        context.append(*tokens)
    features = piece_features(piece)
    assert features.tolist() == [list(row) for row in rows]
    assert context.time == rhythm.INTERVAL[piece.rhythm].sum()
    assert (features >= 0).all()
    assert (features.max(axis=0) < np.array(list(FEATURES.values()))).all()


@given(
    st.lists(st.sampled_from([1, 2, 3, 110, len(melody.VOCABULARY) - 1]), max_size=60),
    st.integers(0, 40),
    st.sampled_from([*METRES, (Metre(960, 3, 4), Metre(2000, 6, 8))]),
    st.randoms(use_true_random=False),
)
@settings(max_examples=150)
def test_any_tokens_step_by_step_and_all_at_once(tokens, repeated, metres, random):
    """Few tokens, much repeated, so that runs of every length come again; a metre that begins late."""
    melodies = np.array(tokens + tokens[:repeated] * 2, np.int16)
    rhythms = np.array([random.randrange(1, len(rhythm.VOCABULARY)) for _ in melodies], np.int16)
    chords = np.array([random.randrange(1, 9) for _ in melodies], np.int16)
    piece = TokenSequence(rhythms, melodies, chords, 60, metres=metres)
    context = Context(piece.metres, piece.end)
    features = piece_features(piece)
    assert features.shape == (len(melodies), len(FEATURES))
    for tokens, row in zip(piece.steps().tolist(), features.tolist(), strict=True):
        assert row == list(context.features())
        context.append(*tokens)


@given(st.integers(0, 1000), st.integers(0, 60))
@settings(max_examples=30)
def test_features_know_nothing_of_the_step_itself_or_later(seed, place):
    """All but the distance to the end, which is asked for, follow from earlier steps."""
    piece = random_tune(seed)
    place = min(place, len(piece) - 1)
    other = random_tune(seed + 1)
    mixed = [
        np.concatenate([a[:place], b[: len(piece) - place]])
        for a, b in zip(
            (piece.rhythm, piece.melody, piece.chord), (other.rhythm, other.melody, other.chord), strict=True
        )
    ]
    changed = TokenSequence(*mixed, gong=60, prefix=piece.prefix, metres=piece.metres)
    known = [number for number, name in enumerate(FEATURES) if name != "remaining"]
    assert np.array_equal(piece_features(piece)[: place + 1, known], piece_features(changed)[: place + 1, known])


def tune(*rows, metres=TWO_FOUR):
    """Return features by name of a tune of (length, pitch) rows."""
    onset, notes = 0, []
    for length, pitch in rows:
        notes.append((onset, length, pitch))
        onset += length
    piece = encode(Score(make_notes(notes), metres=metres), gong=0)
    return piece, dict(zip(FEATURES, piece_features(piece).T.tolist(), strict=True))


def test_bars_and_beats():
    _, features = tune((480, 60), (240, 62), (240, 64), (960, 67), (160, 60), (160, 60), (160, 60))
    assert features["bar_position"] == [1, 3, 4, 1, 1, 1, 2]
    phases = features["phase"]
    assert phases[0] == phases[1] == phases[3] == phases[4] != 0
    assert len({phases[0], phases[2], phases[5], phases[6]}) == 4


def test_a_change_of_metre_begins_a_bar():
    _, features = tune(*[(480, 60)] * 5, metres=(Metre(0, 3, 4), Metre(1440, 2, 4)))
    assert features["bar_position"] == [1, 3, 5, 1, 3]


def test_no_metre_is_no_place_in_the_bar():
    piece, features = tune((480, 60), (480, 62), metres=())
    assert features["bar_position"] == [0, 0]
    measured = TokenSequence(piece.rhythm, piece.melody, piece.chord, 60, metres=(Metre(0, 2, 4),))
    assert piece_features(measured)[:, 1].tolist() == [1, 3]


def test_the_end_comes_nearer_and_the_beginning_goes_away():
    _, features = tune(*[(480, 60)] * 12)
    assert features["remaining"] == sorted(features["remaining"], reverse=True)
    assert features["elapsed"] == sorted(features["elapsed"])
    assert features["remaining"][0] > features["remaining"][-1] > 0
    assert Context((), 0).features()[2] == 0  # an unknown length


def test_leaps_are_in_semitones_and_have_a_limit():
    _, features = tune((480, 60), (480, 67), (480, 60), (480, 100), (480, 60))
    unison = 25
    assert features["leap"] == [0, 0, unison + 7, unison - 7, unison + 24]


def test_what_followed_the_last_time():
    """Do re mi sol do re: after the second do re, mi followed, and its rhythm."""
    piece, features = tune((480, 60), (480, 62), (240, 64), (480, 67), (480, 60), (480, 62), (240, 64), (480, 69))
    assert features["match_length"] == [0, 0, 0, 0, 0, 0, 2, 3]
    assert features["match_melody"][6:] == piece.melody[[2, 3]].tolist()
    assert features["match_rhythm"][6:] == piece.rhythm[[2, 3]].tolist()


@pytest.mark.parametrize("length", [2, 5, 8, 12])
def test_a_match_is_at_most_eight_long(length):
    notes = [(480, 60 + i) for i in range(length)]
    _, features = tune(*notes, (480, 40), *notes, (480, 41))
    assert features["match_length"][-1] == min(8, length)


def test_what_stood_at_the_same_place_of_earlier_bars():
    """Bars of two quarters: do re | mi sol | do re; two bars later the first bar echoes."""
    piece, features = tune(*[(480, pitch) for pitch in (60, 62, 64, 67, 60, 62)])
    assert features["echo1_melody"] == [0, 0, *piece.melody[:4].tolist()]
    assert features["echo2_melody"] == [0, 0, 0, 0, *piece.melody[:2].tolist()]
    assert features["echo2_rhythm"][4:] == piece.rhythm[:2].tolist()
    _, shifted = tune((480, 60), (480, 62), (720, 64), (240, 60))
    assert shifted["echo1_melody"][3] == 0  # nothing began at that place of the bar before


def test_a_rhythm_that_comes_again_is_heard_without_its_tones():
    pattern = [480, 240, 240, 960]
    piece, features = tune(*[(length, 60 + step) for step, length in enumerate(pattern * 2)])
    assert features["match_length"] == [0] * 8
    assert features["rhythm_match_length"][7] == 3
    assert features["rhythm_match"][7] == piece.rhythm[3]


def test_phrases_end_with_long_notes():
    _, features = tune((480, 60), (480, 62), (960, 64), (480, 60), (1440, 62), (480, 60))
    since, before = features["phrase"], features["phrase_before"]
    assert since[0] == since[3] == since[5] == 0
    assert since[:3] == sorted(since[:3])
    assert before[:3] == [0, 0, 0]
    assert before[3] == before[5] > 0


def test_bars_are_counted_in_fours():
    _, features = tune(*[(960, 60)] * 6)
    assert features["bar_of_four"] == [1, 2, 3, 4, 1, 2]


def test_how_long_a_technique_has_been_kept():
    rows = [(480 * i, 480, 60, 80, 0, 4 if i < 3 else 0) for i in range(6)]
    piece = encode(Score(make_notes(rows), metres=TWO_FOUR), gong=0)
    runs = piece_features(piece)[:, list(FEATURES).index("technique_run")].tolist()
    assert runs == [0, 1, 2, 3, 1, 2]


def test_what_is_asked_for_is_told_until_the_goal_is_reached():
    context = Context(TWO_FOUR, 0)
    context.dials, context.goal = (3, 0, 7), Goal(960, 5, 110, 112)
    rows = []
    for _ in range(4):
        rows.append(dict(zip(FEATURES, context.copy().features(), strict=True)))
        context.append(rhythm.rhythm_token(480, 480), 110)
    assert [row["density"] for row in rows] == [3] * 4
    assert [row["goal_melody"] for row in rows] == [110, 110, 0, 0]
    assert rows[0]["goal_time"] > rows[1]["goal_time"] > rows[2]["goal_time"] == 0
    assert rows[1]["goal_after"] == 112
