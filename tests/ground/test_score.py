"""Score: invariants at construction, and operations that undo each other."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgen.errors import ScoreError
from symgen.score import (
    DEFAULT_VELOCITY,
    MAX_TICKS,
    Key,
    Metre,
    Score,
    Section,
    Technique,
    Tempo,
    Text,
    make_notes,
)

ROWS = st.lists(
    st.tuples(
        st.integers(0, 20_000),  # onset
        st.integers(1, 4_000),  # duration
        st.integers(24, 103),  # pitch
        st.integers(1, 127),  # velocity
        st.integers(0, 3),  # voice
        st.sampled_from(list(Technique)),
    ),
    max_size=24,
)

TUNE = Score(
    make_notes([(0, 480, 67), (480, 240, 69), (720, 240, 72), (960, 960, 67)]),
    tempi=(Tempo(0, 66.0), Tempo(960, 60.0)),
    metres=(Metre(0, 2, 4),),
    keys=(Key(0, 5, "zhi"),),
    sections=(Section(0, "入调"), Section(960, "尾声")),
    texts=(Text(0, "Andante"),),
    title="古琴吟",
)


class TestNotes:
    def test_rows_are_filled_up(self):
        (note,) = make_notes([(0, 480, 60)]).tolist()
        assert note == (0, 480, 60, DEFAULT_VELOCITY, 0, int(Technique.PLUCK))
        (note,) = make_notes([(0, 480, 60, 90, 1, Technique.HARMONIC)]).tolist()
        assert note == (0, 480, 60, 90, 1, 3)

    @given(ROWS)
    def test_rows_and_columns_agree(self, rows: list[tuple[int, ...]]):
        columns = np.array(rows, dtype=np.int64).reshape(-1, 6).T
        names = ("onset", "duration", "pitch", "velocity", "voice", "technique")
        assert np.array_equal(make_notes(rows), make_notes(**dict(zip(names, columns, strict=True))))

    @given(ROWS, st.randoms(use_true_random=False))
    def test_order_of_input_does_not_matter(self, rows: list[tuple[int, ...]], random):
        shuffled = rows.copy()
        random.shuffle(shuffled)
        score = Score(make_notes(rows))
        assert score == Score(make_notes(shuffled))
        assert np.all(np.diff(score.notes["onset"]) >= 0)

    def test_twins_in_all_but_velocity_have_an_order(self):
        twins = [(0, 480, 60, 80), (0, 480, 60, 70)]
        assert Score(make_notes(twins)) == Score(make_notes(twins[::-1]))

    def test_notes_cannot_be_changed(self):
        with pytest.raises(ValueError, match="read-only"):
            TUNE.notes["pitch"] = 60

    def test_the_caller_s_array_stays_the_caller_s(self):
        notes = make_notes([(480, 480, 60), (0, 480, 62)])
        Score(notes)
        notes["pitch"] = 0
        assert notes["onset"].tolist() == [480, 0]

    @pytest.mark.parametrize(
        ("row", "words"),
        [
            ((-1, 480, 60), r"notes\[0\].onset is -1; expected 0 to"),
            ((0, 0, 60), r"notes\[0\].duration is 0; expected 1 to"),
            ((0, 480, 128), r"notes\[0\].pitch is 128; expected 0 to 127"),
            ((0, 480, 60, 0), r"notes\[0\].velocity is 0; expected 1 to 127"),
            ((0, 480, 60, 80, -1), r"notes\[0\].voice is -1"),
            ((0, 480, 60, 80, 0, 10), r"notes\[0\].technique is 10; expected 0 to 9"),
            ((MAX_TICKS + 1, 480, 60), r"notes\[0\].onset is 1099511627777"),
        ],
    )
    def test_values_out_of_range_are_named(self, row: tuple[int, ...], words: str):
        with pytest.raises(ScoreError, match=words):
            Score(make_notes([row]))

    @pytest.mark.parametrize("notes", [[(0, 480, 60)], np.zeros(3), make_notes().reshape(0, 1), None])
    def test_only_a_note_array_is_taken(self, notes):
        with pytest.raises(ScoreError, match="make_notes builds one"):
            Score(notes)


class TestInvariants:
    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"ticks_per_quarter": 0}, "ticks_per_quarter is 0"),
            ({"end": 1}, "end is 1"),
            ({"end": MAX_TICKS + 1}, "end is"),
            ({"tempi": (Tempo(1, 60.0),)}, r"tempi\[0\].tick is 1"),
            ({"tempi": (Tempo(0, 60.0), Tempo(0, 50.0))}, r"tempi\[1\].tick is 0; expected a tick after 0"),
            ({"tempi": (Tempo(0, 0.0),)}, "tempi.qpm is 0.0"),
            ({"tempi": (Tempo(0, float("nan")),)}, "tempi.qpm is nan"),
            ({"metres": (Metre(0, 0, 4),)}, "metres.numerator is 0"),
            ({"metres": (Metre(0, 4, 3),)}, "metres.denominator is 3"),
            ({"metres": (Metre(0, 1, 64),), "ticks_per_quarter": 24}, "no whole number of ticks"),
            ({"keys": (Key(0, 12),)}, "keys.gong is 12"),
            ({"sections": (Section(960, "b"), Section(0, "a"))}, r"sections\[1\].tick is 0"),
            ({"texts": (Text(-1, "a"),)}, "texts.tick is -1"),
        ],
    )
    def test_broken_fields_are_named(self, fields: dict, words: str):
        with pytest.raises(ScoreError, match=words):
            replace(TUNE, **fields)

    def test_an_empty_score_is_a_score(self):
        empty = Score(make_notes())
        assert (len(empty), empty.end, empty.seconds) == (0, 0, 0.0)
        assert empty.bar_starts().size == 0
        assert empty.transpose(12) == empty

    def test_equality_and_hash_take_every_field(self):
        twin = replace(TUNE, notes=TUNE.notes.copy())
        assert twin == TUNE
        assert hash(twin) == hash(TUNE)
        assert replace(TUNE, title="") != TUNE
        assert TUNE.transpose(1) != TUNE
        assert TUNE != "古琴吟"


class TestOperations:
    @given(ROWS, st.integers(-24, 24))
    def test_transposing_is_undone_by_transposing_back(self, rows: list[tuple[int, ...]], semitones: int):
        score = Score(make_notes(rows), keys=(Key(0, 5),))
        moved = score.transpose(semitones)
        assert moved.transpose(-semitones) == score
        assert moved.keys[0].gong == (5 + semitones) % 12
        assert np.array_equal(moved.notes["pitch"], score.notes["pitch"] + semitones)

    def test_transposing_out_of_range_is_refused(self):
        with pytest.raises(ScoreError, match=r"pitch is 12[89]"):
            TUNE.transpose(60)

    @given(ROWS, st.sampled_from([1, 24, 96, 120, 384, 480, 960, 10_080]))
    def test_resampling_loses_no_note_and_at_most_half_a_tick(self, rows: list[tuple[int, ...]], base: int):
        score = Score(make_notes(rows), metres=(Metre(0, 4, 4),))
        other = score.resampled(base)
        assert len(other) == len(score)
        # Notes of one onset may change places, so onsets are compared as a sorted column.
        moved = np.sort(other.notes["onset"]) * 480 / base
        assert np.all(np.abs(moved - score.notes["onset"]) <= 0.5 * 480 / base)

    @given(ROWS, st.integers(1, 21))
    def test_resampling_to_a_finer_base_is_undone(self, rows: list[tuple[int, ...]], factor: int):
        score = replace(TUNE, notes=make_notes(rows), end=25_000)
        assert score.resampled(480 * factor).resampled(480) == score

    def test_seconds_follow_the_tempo_map(self):
        assert TUNE.seconds == pytest.approx(2 * 60 / 66 + 2)
        assert Score(make_notes([(0, 960, 60)])).seconds == pytest.approx(2.0)  # an unknown tempo is 60 qpm

    def test_bars(self):
        assert TUNE.bar_starts().tolist() == [0, 960]
        assert replace(TUNE, metres=()).bar_starts().tolist() == []

    def test_a_metre_change_begins_a_bar(self):
        score = replace(TUNE, metres=(Metre(0, 4, 4), Metre(960, 2, 4)))
        assert score.bar_starts().tolist() == [0, 960]
