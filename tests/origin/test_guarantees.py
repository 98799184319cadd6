"""Guarantees: kept by what is right, and each one broken by the change that breaks it."""

from dataclasses import replace

import pytest

from symgen.copying import CopyReport
from symgen.instruments import get_instrument
from symgen.origin import Guarantee, Promise, guarantee, guarantees
from symgen.score import Metre, Score, Tempo, make_notes

GUQIN = get_instrument("guqin")
PROMISE = Promise(GUQIN, GUQIN.tunings["zhengdiao"], 5, "gong", Metre(0, 4, 4), 2)
PITCHES = [53, 55, 57, 60, 62, 60, 57, 53]  # F G A C D C A F
SCORE = Score(
    make_notes([(480 * i, 480, pitch) for i, pitch in enumerate(PITCHES)]),
    tempi=(Tempo(0, 60.0),),
    metres=(Metre(0, 4, 4),),
)


def broken(score, promise=PROMISE, copy=None):
    return {row.name: row.found for row in guarantees(score, promise, copy) if not row.kept}


def test_a_piece_that_is_right_keeps_them_all():
    rows = guarantees(SCORE, PROMISE)
    assert all(row.kept for row in rows)
    assert [row.name for row in rows] == ["gong", "mode", "tuning", "range", "playable", "metre", "bars", "cadence"]
    assert rows[3].found == "F3 to D4"
    assert rows[-1].asked == "F in the last bar"


CHANGES = [
    ({"gong": 0}, {"gong", "mode", "cadence"}),
    ({"mode": "yu"}, {"mode", "cadence"}),
    ({"metre": Metre(0, 3, 4)}, {"metre"}),
    ({"bars": 3}, {"bars"}),
    ({"seconds": 8.0}, set()),
    ({"seconds": 12.0}, set()),  # within a bar
    ({"seconds": 12.1}, {"seconds"}),
    ({"max_copy": 12}, {"longest copy"}),  # not known
]


@pytest.mark.parametrize(("change", "names"), CHANGES, ids=[str(change) for change, _ in CHANGES])
def test_another_promise_is_broken(change, names):
    found = broken(SCORE, replace(PROMISE, **change))
    assert found.keys() - {"mode"} == names - {"mode"}


@pytest.mark.parametrize(("run", "kept"), [(0, True), (12, True), (13, False)])
def test_a_copy_is_bounded(run, kept):
    found = broken(SCORE, replace(PROMISE, max_copy=12), CopyReport(run, 0, 0.1))
    assert ("longest copy" not in found) == kept


def test_notes_that_are_not_on_the_strings():
    low = replace(SCORE, notes=make_notes([(480 * i, 480, p - 36) for i, p in enumerate(PITCHES)]))
    assert {"tuning", "range", "playable"} <= broken(low).keys()


def test_a_final_before_the_last_bar_is_no_cadence():
    early = replace(SCORE, notes=SCORE.notes[:4], end=SCORE.end)
    assert broken(early)["cadence"] == "C in bar 1"
    free = SCORE.notes.copy()
    free["onset"] = free["onset"] + (free["onset"] > 0) * -20  # freely played, a little before the beat
    assert "cadence" not in broken(replace(SCORE, notes=free))


def test_silence_keeps_nothing_but_is_said():
    assert broken(Score(make_notes(), end=3840, metres=SCORE.metres)) == {"music": "none"}


def test_a_verb_adds_rows_of_its_own():
    row = guarantee("bars outside 5 to 8", "untouched", "untouched")
    assert row == Guarantee("bars outside 5 to 8", "untouched", "untouched", kept=True)
    assert guarantee("rhythm", 480, 481).as_json() == {"name": "rhythm", "asked": "480", "found": "481", "kept": False}
