"""A motif in jianpu: it opens the piece as it was typed, and what cannot be is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgen.compose import compose
from symgen.errors import UsageError
from symgen.motif import parse_motif
from symgen.score import Metre
from symgen.theory.detect import detect_mode

FOUR = Metre(0, 4, 4)


def opening(take, notes):
    rows = take.score.notes[:notes]
    return [(int(row["onset"]), int(row["pitch"])) for row in rows]


def test_the_piece_begins_with_the_motif_and_takes_it_up_again():
    (take,) = compose("guqin", motif="5 6 1' 2' | 3' - 2' 1'", gong="F", mode="yu", bars=16, seed=1).takes
    expected = [(0, 60), (480, 62), (960, 65), (1440, 67), (1920, 69), (2880, 67), (3360, 65)]
    assert opening(take, 7) == expected
    later = take.score.notes[take.score.notes["onset"] >= 8 * 1920][:7]
    assert [(int(row["onset"]) - 8 * 1920, int(row["pitch"])) for row in later] == expected
    assert (detect_mode(take.score).gong, detect_mode(take.score).mode) == (5, "yu")
    assert take.playable


@pytest.mark.parametrize("style", ["guqin", "guzheng", "folk"])
@pytest.mark.parametrize("metre", ["2/4", "3/4", "6/8"])
def test_in_every_style_and_metre(style, metre):
    (take,) = compose(style, motif="1 2_ 3_ | 5 -", metre=metre, bars=6, seed=2).takes
    onsets = take.score.notes["onset"]
    assert [on for on, _ in opening(take, 4)] == [0, 480, 720, 960]
    assert onsets[4] >= 1920


def test_chords_rests_triplets_and_harmonics_are_understood():
    motif = parse_motif("[1, 5] 0 (3: 1_ 2_ 3_) 5o", FOUR)
    (take,) = compose("guqin", motif=motif.text, bars=4, seed=3, gong="F").takes
    assert [on for on, _ in opening(take, 6)] == [0, 0, 960, 1120, 1280, 1440]


def test_a_motif_out_of_reach_is_put_where_it_can_be_played():
    (take,) = compose("guqin", motif="1''' 2''' 3''' 5'''", bars=4, seed=1).takes
    assert take.playable
    assert [pitch % 12 for _, pitch in opening(take, 4)] == [(take.gong + d) % 12 for d in (0, 2, 4, 7)]


@pytest.mark.parametrize(
    ("motif", "message"),
    [
        ("", "holds no music"),
        ("0 0", "holds no notes"),
        ("1 2 8", "is no jianpu"),
        ("4 7 4 7", "does not lie in its gong"),
        ("1 " * 300, "at most 400"),
        ("1 - - - | " * 5 + "1", "use --bars 12"),
        ("[1 2 3 5 6 1' 2' 3']", "has no place"),
    ],
)
def test_motifs_that_cannot_be(motif, message):
    with pytest.raises(UsageError, match=message):
        compose("guqin", motif=motif, bars=4, seed=1)


@given(st.text(alphabet="01234567 |-_.,'#b()[]{}:~^osauvdtg3\n", max_size=40))
def test_whatever_is_typed_is_a_motif_or_one_line(text):
    try:
        motif = parse_motif(text, FOUR)
    except UsageError as error:
        lines = str(error).splitlines()
    else:
        lines = [motif.text]
        assert motif.steps
    assert len(lines) == 1


def test_a_long_motif_is_named_by_its_beginning():
    long = " ".join(["4 7"] * 60)
    with pytest.raises(UsageError) as caught:
        parse_motif(long, Metre(0, 4, 4))
    assert "the motif '4 7 4 7" in str(caught.value)
    assert "…" in str(caught.value)
    assert len(str(caught.value)) < 400
