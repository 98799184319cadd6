"""What symgen composes stands before the whole referee: places, fingers, strokes, slides and jumps."""

from dataclasses import replace

import pytest

from symgen.compose import compose
from tests.instruments.checker import Note, guqin_position, hand_faults, played_faults, sounding_faults
from tests.instruments.claims import played_notes, sounding_notes, written_notes


@pytest.mark.parametrize("style", ["guqin", "guzheng", "folk"])
def test_composed_pieces_can_be_played(style):
    for take in compose(style, bars=12, takes=3, seed=6).takes:
        instrument, tuning = take.performance.instrument, take.tuning
        assert hand_faults(instrument, tuning, written_notes(take)) == []
        assert sounding_faults(instrument, tuning, sounding_notes(take)) == []
        assert played_faults(instrument, tuning, *played_notes(take)) == []


HOW = ("STOPPED", "PLUCK", "thumb", "gou", "right")
RIGHT = Note(0.0, 57, 5, 7.0, *HOW)
WRONG = [
    Note(0.0, 57, 5, 7.0, "STOPPED", "PLUCK", "", "gou", "right"),  # nothing stops it
    Note(0.0, 57, 5, 7.0, "STOPPED", "PLUCK", "little", "gou", "right"),
    Note(0.0, 57, 5, 7.0, "STOPPED", "PLUCK", "thumb", "gou", "left"),
    Note(0.0, 57, 5, 7.0, "STOPPED", "PLUCK", "thumb", "xiaocuo", "right"),  # one string
    Note(0.0, 57, 5, 9.0, *HOW),  # another pitch
    Note(0.0, 50, 7, 0.0, "OPEN", "SLIDE_UP", "", "tiao", "right"),
    Note(0.0, 46, 5, 13.55, "STOPPED", "SLIDE_UP", "ring", "gou", "right"),  # from beyond the nut
]


@pytest.mark.parametrize("note", WRONG)
def test_the_referee_sees_a_wrong_note(note):
    assert hand_faults("guqin", "zhengdiao", [RIGHT]) == []
    assert hand_faults("guqin", "zhengdiao", [note])


@pytest.mark.parametrize(("seconds", "can"), [(0.1, False), (0.2, True)])
def test_the_referee_sees_a_hand_that_is_too_late(seconds, can):
    far = Note(seconds, 67, 4, 4.0, *HOW)
    assert (hand_faults("guqin", "zhengdiao", [RIGHT, far]) == []) == can


def test_the_referee_sees_a_string_that_sounds_twice_and_a_bend_downwards_over_a_bridge():
    twice = [(0, 480, 57, 5, "STOPPED", 0.0, 0.0), (240, 480, 57, 5, "STOPPED", 0.0, 0.0)]
    assert sounding_faults("guqin", "zhengdiao", twice)
    assert sounding_faults("guzheng", "D", [(0, 480, 62, 11, "OPEN", -50.0, 0.0)])
    assert not sounding_faults("guzheng", "D", [(0, 480, 62, 11, "OPEN", 0.0, 50.0)])


def test_the_referee_sees_strokes_that_ornaments_should_not_have():
    def faults(*notes, slides=()):
        return played_faults("guqin", "zhengdiao", list(notes), list(slides))

    opened = Note(0.0, 45, 5, 0.0, "OPEN")
    held = Note(0.0, 48, 5, 12.17, "STOPPED", finger="ring")
    assert not faults(opened)
    assert not faults(held)
    assert faults(replace(opened, pitch=46))
    assert faults(replace(opened, finger="thumb"))
    assert faults(replace(held, finger=""))
    assert faults(replace(held, position=9.0))
    assert faults(*(replace(opened, seconds=0.004 * i, string=i + 1, pitch=p) for i, p in enumerate((36, 38, 41))))
    assert not faults(*(replace(opened, seconds=0.02 * i, string=i + 1, pitch=p) for i, p in enumerate((36, 38, 41))))
    slid = replace(held, seconds=1.0, position=guqin_position(1200))
    near = Note(1.05, 50, 6, 13.1, "STOPPED", finger="ring")
    assert not faults(held, near)
    assert faults(held, near, slides=[slid])


@pytest.mark.parametrize(("cents", "hui"), [(1200, 7.0), (702, 9.0), (300, 12.2), (200, 13.1), (2400, 4.0)])
def test_the_referee_knows_where_a_slide_ends(cents, hui):
    assert guqin_position(cents) == pytest.approx(hui, abs=0.05)
