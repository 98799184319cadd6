"""A variation stays in the range of its source and leaps no further, or a step, unless a dial is turned."""

import numpy as np
import pytest

from symgen.dials import Dials
from symgen.score import Metre, Score, Tempo, make_notes
from symgen.verbs.sources import open_source
from symgen.verbs.varying import limits_of, vary

NARROW = (
    53,
    55,
    57,
    60,
    62,
    60,
    57,
    55,
    53,
    55,
    57,
    60,
    57,
    55,
    53,
    53,
    55,
    57,
    60,
    62,
    60,
    57,
    55,
    57,
    55,
    53,
    53,
    53,
)
"""Within a sixth, by thirds at most: gong on F, in crotchets."""


def tune():
    notes = make_notes([(480 * place, 480, pitch) for place, pitch in enumerate(NARROW)])
    return Score(notes, tempi=(Tempo(0, 60.0),), metres=(Metre(0, 4, 4),), title="tune")


def line(score):
    return [int(score.notes["pitch"][score.notes["onset"] == onset].max()) for onset in np.unique(score.notes["onset"])]


@pytest.mark.parametrize("style", ["guqin", "guzheng"])
@pytest.mark.parametrize(("keep", "room", "leap"), [("rhythm", 3, 7), (("rhythm", "contour"), 5, 12), ("form", 3, 7)])
def test_in_another_mode_too(style, keep, room, leap):
    (take,) = vary(tune(), style=style, keep=keep, mode="yu", seed=3).takes
    tones = line(take.score)
    assert min(NARROW) - room <= take.score.notes["pitch"].min()
    assert max(tones) <= max(NARROW) + room
    assert np.abs(np.diff(tones)).max() <= leap
    assert take.mode == "yu"


def test_limits_are_those_of_the_source_and_a_step():
    source = open_source(tune(), "guqin")
    limits = limits_of(source, Dials())
    assert (limits.low, limits.high, limits.leap) == (50 - source.tokens.gong, 65 - source.tokens.gong, 7)


def test_a_dial_that_is_turned_lifts_its_limit():
    source = open_source(tune(), "guqin")
    assert limits_of(source, Dials(register=0.9)).high >= 65
    assert limits_of(source, Dials(register=0.9)).leap == 7
    assert limits_of(source, Dials(leaps=0.9)).leap > 48
    assert limits_of(source, Dials(leaps=0.2)).leap == 7
