"""What symgen composes stands before the whole referee: places, fingers, strokes, slides and jumps."""

import pytest

from symgen.compose import compose
from symgen.instruments import get_instrument
from symgen.instruments.fingering import finger
from symgen.score import Technique
from symgen.units import ticks_to_seconds
from tests.instruments.checker import Note, hand_faults, sounding_faults


@pytest.mark.parametrize("style", ["guqin", "guzheng", "folk"])
def test_composed_pieces_can_be_played(style):
    for take in compose(style, bars=12, takes=3, seed=6, raw=True).takes:
        instrument = get_instrument(take.performance.instrument)
        places = finger(take.score, instrument, instrument.tunings[take.tuning]).placements
        seconds = ticks_to_seconds(take.score.notes["onset"], [(t.tick, t.qpm) for t in take.score.tempi]).tolist()
        notes = []
        for note, place, second in zip(take.score.notes, places, seconds, strict=True):
            how = (Technique(note["technique"]).name, place.finger, place.stroke, place.hand)
            notes.append(Note(second, int(note["pitch"]), place.string, place.position, place.technique.name, *how))
        assert hand_faults(instrument.name, take.tuning, notes) == []


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
