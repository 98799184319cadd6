"""Scores become tokens and come back: the same notes, and what is not the same is counted."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from symgen.errors import TokenError
from symgen.score import Metre, Score, Technique, Tempo, make_notes
from symgen.theory.detect import detect_mode
from symgen.tokens import chord, melody, rhythm
from symgen.tokens.codec import decode, encode, reference_gong
from symgen.tokens.prefix import Prefix
from symgen.tokens.sequence import FAMILIES, TokenSequence

METRES = st.sampled_from([(), (Metre(0, 4, 4),), (Metre(0, 3, 8),), (Metre(0, 2, 4), Metre(960, 7, 8))])
TEMPI = st.sampled_from([(), (Tempo(0, 60.0),), (Tempo(0, 72.5), Tempo(480, 54.0))])


@st.composite
def grid_scores(draw, low=40, high=88):
    """Four octaves of polyphony; lengths are grid values, intervals those or sums of the longest one and another."""
    gaps = st.one_of(st.sampled_from(rhythm.GRID), st.sampled_from(rhythm.GRID).map(lambda gap: gap + 2 * 7680))
    onset = draw(st.one_of(st.just(0), gaps))
    rows = []
    for _ in range(draw(st.integers(1, 8))):
        for _ in range(draw(st.integers(1, 5))):
            length, technique = draw(st.sampled_from(rhythm.GRID)), draw(st.sampled_from(list(Technique)))
            rows.append((onset, length, draw(st.integers(low, high)), 80, 0, technique))
        last, onset = onset, onset + draw(gaps)
    sounding_end = max(row[0] + row[1] for row in rows)
    end = draw(st.sampled_from([0, onset])) if last + 1 < sounding_end <= onset else 0
    title = draw(st.sampled_from(["", "流水", "a\nb"]))
    return Score(make_notes(rows), metres=draw(METRES), tempi=draw(TEMPI), title=title, end=end)


@given(grid_scores(), st.one_of(st.none(), st.integers(0, 11)))
@settings(max_examples=100)
def test_what_is_on_the_grid_comes_back(score, gong):
    tokens = encode(score, gong=gong)
    back = decode(tokens)
    assert np.array_equal(back.notes, score.notes)
    assert (back.end, back.metres, back.tempi, back.title) == (score.end, score.metres, score.tempi, score.title)
    assert tokens.end == score.end
    assert not tokens.lost


@given(grid_scores(), st.integers(-30, 30), st.integers(0, 11))
def test_transposing_moves_the_gong_alone(score, semitones, gong):
    tokens = encode(score, gong=gong)
    moved = encode(score.transpose(semitones), gong=(gong + semitones) % 12)
    assert moved == replace(tokens, gong=tokens.gong + semitones)


@given(grid_scores(), st.integers(-30, 30))
def test_transposing_moves_the_gong_that_is_found(score, semitones):
    best, second = sorted(detect_mode(score).scores, reverse=True)[:2]
    assume(best - second > 1e-6)  # of two gongs that are equally likely either may be taken
    tokens = encode(score)
    moved = encode(score.transpose(semitones))
    assert moved == replace(tokens, gong=tokens.gong + semitones)


@given(st.lists(st.integers(0, 127), min_size=1, max_size=4), st.integers(0, 11))
def test_no_pitch_is_far_enough_to_leave_the_keyboard(pitches, gong):
    """Tones more than four octaves from the middle are moved by octaves and counted, never lost."""
    score = Score(make_notes([(480 * i, 480, pitch) for i, pitch in enumerate(pitches)]))
    tokens = encode(score, gong=gong)
    back = decode(tokens).notes["pitch"]
    assert np.array_equal(back % 12, score.notes["pitch"] % 12)
    assert np.count_nonzero(back != score.notes["pitch"]) == tokens.lost["octave-folded"]


@pytest.mark.parametrize("gong", range(12))
def test_every_chromatic_pitch_is_representable(gong):
    score = Score(make_notes([(120 * i, 120, pitch) for i, pitch in enumerate(range(21, 109))]))
    tokens = encode(score, gong=gong)
    assert np.array_equal(decode(tokens).notes, score.notes)
    assert not tokens.lost


REAL_DURATIONS = [30, 40, 48, 60, 80, 90, 96, 120, 144, 160, 180, 192, 240, 288, 320, 360, 384, 420, 480, 540, 600]
REAL_DURATIONS += [640, 660, 720, 780, 840, 900, 960, 1020, 1080, 1200, 1320, 1440, 1680, 1800, 1920, 2400, 2880, 3840]
"""Ticks at 480 a quarter, as they occur in guqin, guzheng and folk scores."""


@pytest.mark.parametrize("ticks", REAL_DURATIONS)
def test_durations_of_real_music_are_exact(ticks):
    """As an interval, as a length, and as a length under every common interval."""
    rows = [(0, ticks, 60), (ticks, ticks, 62)]
    rows += [(2 * ticks + 480 * i, length, 64) for i, length in enumerate((ticks, 480, ticks))]
    score = Score(make_notes(rows))
    tokens = encode(score, gong=0)
    assert np.array_equal(decode(tokens).notes, score.notes)
    assert not tokens.lost


def test_three_in_the_time_of_two_at_another_time_base():
    """Triplets of a source with 96 ticks a quarter are exact at 480."""
    score = Score(make_notes([(32 * i, 32, 60 + i) for i in range(6)]), ticks_per_quarter=96)
    tokens = encode(score, gong=0)
    assert decode(tokens).notes["onset"].tolist() == [160 * i for i in range(6)]
    assert not tokens.lost


@pytest.mark.parametrize("parts", [7, 9, 11])
def test_sevenths_and_ninths_are_counted(parts):
    onsets = [round(480 * i / parts) for i in range(parts + 1)]
    score = Score(make_notes([(a, b - a, 60) for a, b in pairwise(onsets)]))
    tokens = encode(score, gong=0)
    assert tokens.lost["off-grid-onset"] > 0
    assert tokens.lost["off-grid-length"] > 0
    errors = np.abs(decode(tokens).notes["onset"] - score.notes["onset"])
    assert errors.max() <= 30


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 5000)), min_size=1, max_size=60))
def test_errors_of_time_never_add_up(pairs):
    """Every onset lies within half a step of the grid (60 up to 3,840 ticks) of where it was."""
    onsets = np.cumsum([gap for gap, _ in pairs])
    score = Score(make_notes(onset=onsets, duration=[length for _, length in pairs], pitch=[60] * len(pairs)))
    tokens = encode(score, gong=0)
    moved = decode(tokens).notes["onset"] - score.notes["onset"]
    assert np.abs(moved).max() <= 30
    wrong_lengths = sum(length not in rhythm.GRID for _, length in pairs)
    assert tokens.lost["off-grid-length"] == wrong_lengths
    if moved.any():
        assert tokens.lost["off-grid-onset"] > 0


class TestSmallPieces:
    """Steps as they are meant to look."""

    @staticmethod
    def names(tokens):
        columns = [[f.VOCABULARY.names[t] for t in getattr(tokens, f.NAME)] for f in FAMILIES]
        return list(zip(*columns, strict=True))

    def test_a_melody_with_a_fifth(self):
        score = Score(make_notes([(0, 480, 60), (480, 240, 67), (480, 240, 60), (720, 240, 74), (960, 960, 69)]))
        tokens = encode(score, style="guqin", gong=0)
        assert tokens.gong == 60
        assert self.names(tokens) == [
            ("480/480", "1", "none"),
            ("240/240", "5", "-7"),
            ("240/240", "2'", "none"),
            ("960/960", "6", "none"),
        ]
        assert tokens.prefix == Prefix("guqin", "yu", "unknown")

    def test_a_rest_before_and_a_note_that_rings_over_the_next(self):
        score = Score(make_notes([(240, 1920, 48), (480, 240, 60, 80, 0, Technique.HARMONIC)]), end=2400)
        tokens = encode(score, gong=0)
        assert self.names(tokens) == [
            ("240/240", "rest", "none"),
            ("240/1920", "1", "none"),  # the reference gong is the one below the median pitch
            ("1920/240", "1'@harmonic", "none"),
        ]

    def test_an_uncommon_pair_takes_a_rest(self):
        tokens = encode(Score(make_notes([(0, 640, 60), (300, 300, 62)])), gong=0)
        assert self.names(tokens)[:2] == [("0/640", "1", "none"), ("300/300", "rest", "none")]

    def test_tones_outside_the_inventory_become_steps_of_their_own(self):
        score = Score(make_notes([(0, 480, pitch) for pitch in (60, 61, 62, 63)]))
        tokens = encode(score, gong=0)
        assert rhythm.INTERVAL[tokens.rhythm].tolist()[:-1] == [0] * (len(tokens) - 1)
        assert decode(tokens).notes["pitch"].tolist() == [60, 61, 62, 63]

    def test_a_unison_of_two_strings(self):
        tokens = encode(Score(make_notes([(0, 480, 60), (0, 480, 60)])), gong=0)
        assert self.names(tokens) == [("480/480", "1", "-0")]


def test_voices_are_merged_and_counted():
    score = Score(make_notes([(0, 480, 60, 80, 0), (480, 480, 62, 80, 1), (960, 480, 64, 80, 2)]))
    assert encode(score, gong=0).lost == {"voice": 2}


@given(st.lists(st.integers(0, 127), min_size=1), st.integers(0, 11))
def test_the_reference_gong_lies_under_the_middle(pitches, gong):
    notes = make_notes([(0, 1, pitch) for pitch in pitches])
    reference = reference_gong(notes, gong)
    assert reference % 12 == gong
    assert 0 <= np.median(pitches) - reference < 12


def test_a_score_without_notes_is_refused():
    with pytest.raises(TokenError, match="no notes; expected at least one"):
        encode(Score(make_notes()))


def test_a_style_that_is_none_is_refused():
    with pytest.raises(TokenError, match="style 'jazz'; expected one of unknown, guqin"):
        encode(Score(make_notes([(0, 480, 60)])), style="jazz")


def test_a_gong_off_the_keyboard_is_refused():
    tokens = encode(Score(make_notes([(0, 480, 60)])), gong=0)
    with pytest.raises(TokenError, match="gong at 124"):
        decode(TokenSequence(tokens.rhythm, tokens.melody + 12, tokens.chord, gong=124))


def test_no_steps_are_no_notes():
    empty = np.zeros(0, dtype=np.int16)
    score = decode(TokenSequence(empty, empty, empty, gong=60))
    assert (len(score), score.end) == (0, 0)


@given(st.data())
def test_any_tokens_are_music(data):
    """Whatever a network writes can be decoded, and what was decoded encodes to the same music."""
    steps = data.draw(st.integers(1, 12))
    columns = [
        data.draw(st.lists(st.integers(1, len(f.VOCABULARY) - 1), min_size=steps, max_size=steps)) for f in FAMILIES
    ]
    sequence = TokenSequence(*(np.array(column, dtype=np.int16) for column in columns), gong=60)
    relative = melody.RELATIVE[sequence.melody]
    lowest = [top - max(chord.chord_intervals(int(c)), default=0) for top, c in zip(relative, columns[2], strict=True)]
    assume(min(lowest) >= -60 and relative.max() <= 67)
    score = decode(sequence)
    assert score.end == sequence.end
    if len(score):
        again = encode(score, gong=0)
        assume(not again.lost)  # sums of intervals at one onset can leave the grid
        assert np.array_equal(decode(again).notes, score.notes)


@pytest.mark.parametrize("gong", range(12))
def test_the_widest_pieces_have_tokens(gong):
    """With most notes at the bottom the reference gong lies below MIDI note 0."""
    score = Score(make_notes([(480 * i, 480, pitch) for i, pitch in enumerate([0, 1, 0, 2, 0, 127, 0])]))
    sequence = encode(score, gong=gong)
    folded = decode(sequence).notes["pitch"]
    assert (folded % 12).tolist() == (score.notes["pitch"] % 12).tolist()
    assert sequence.lost["octave-folded"] == 1
