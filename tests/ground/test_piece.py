"""Piece and Performance: what stands beside the Score."""

from collections import Counter
from dataclasses import FrozenInstanceError, replace

import pytest

from symgen.errors import ScoreError
from symgen.performance import Bend, Performance, PlayedNote
from symgen.piece import Piece, Provenance, Reading
from symgen.score import Score, Tempo, make_notes

SCORE = Score(make_notes([(0, 480, 60), (480, 480, 62)]), tempi=(Tempo(0, 60.0),))
PERFORMANCE = Performance(
    score=SCORE,
    notes=(
        PlayedNote(onset=0, duration=960, pitch=60, velocity=80, string=3),
        PlayedNote(onset=480, duration=400, pitch=60, velocity=84, string=3, bends=(Bend(0, 0.0), Bend(120, 200.0))),
    ),
    tempi=(Tempo(0, 60.0), Tempo(480, 58.5)),
    instrument="guqin",
    tuning="zhengdiao",
    program=107,
)


def test_a_reading_counts_from_nothing():
    reading = Reading(SCORE)
    reading.lost["slur"] += 1
    assert reading.lost == Counter(slur=1)
    assert not Reading(SCORE).lost


def test_a_piece_is_what_was_read_and_where():
    origin = Provenance(path="a.mid", sha256="0" * 64, format="midi")
    piece = Piece(SCORE, origin, lost={"slur": 1})
    assert (piece.provenance.index, piece.provenance.licence, piece.mended) == (0, "", {})
    with pytest.raises(FrozenInstanceError):
        piece.score = SCORE  # type: ignore[misc]


@pytest.mark.parametrize("tempi", [(), (Tempo(1, 60.0),)])
def test_a_performance_has_a_tempo_from_the_start(tempi: tuple[Tempo, ...]):
    with pytest.raises(ScoreError, match="tempi does not begin at tick 0"):
        replace(PERFORMANCE, tempi=tempi)


def test_a_performance_is_in_order_of_onset():
    with pytest.raises(ScoreError, match="holds onset 0 after 480"):
        replace(PERFORMANCE, notes=PERFORMANCE.notes[::-1])


def test_a_performance_may_be_silent():
    assert replace(PERFORMANCE, notes=()).notes == ()
