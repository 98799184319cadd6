"""What is called playable is playable: fingerings stand before a referee that knows only the rules."""

import time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from symgen.instruments import get_instrument, placements, playable_pitches, strikeable
from symgen.instruments.fingering import finger
from symgen.score import Metre, Score, Technique, Tempo, make_notes
from tests.instruments.checker import GUQIN_TUNINGS, GUZHENG_TUNINGS, faults

GUQIN, GUZHENG, VOICE = get_instrument("guqin"), get_instrument("guzheng"), get_instrument("voice")
ZHENGDIAO, D, FREE = GUQIN.tunings["zhengdiao"], GUZHENG.tunings["D"], VOICE.tunings["free"]
SETUPS = [(GUQIN, GUQIN.tunings[name]) for name in GUQIN_TUNINGS]
SETUPS += [(GUZHENG, GUZHENG.tunings[name]) for name in GUZHENG_TUNINGS]


def melody(*pitches, step=480, technique=Technique.PLUCK):
    rows = [(i * step, step, pitch, 80, 0, technique) for i, pitch in enumerate(pitches)]
    return Score(make_notes(rows), metres=(Metre(0, 2, 4),))


def claims(score, fingering):
    for note, place in zip(score.notes, fingering.placements, strict=True):
        if place is not None:
            yield int(note["onset"]), int(note["pitch"]), place.string, place.position, place.technique.name


def strokes(setup):
    instrument, tuning = setup
    pitch = st.integers(min(tuning.open_pitches) - 2, max(tuning.open_pitches) + 14)
    chord = st.lists(pitch, min_size=1, max_size=3 if instrument is GUQIN else 9)
    stroke = st.tuples(
        st.sampled_from([60, 120, 240, 480]), chord, st.sampled_from([Technique.PLUCK, Technique.HARMONIC])
    )
    return st.tuples(st.just(setup), st.lists(stroke, min_size=1, max_size=12))


def score_of(setup, raw, *, keep_playable):
    instrument, tuning = setup
    rows, tick = [], 0
    for step, chord, technique in raw:
        if not keep_playable or strikeable(instrument, tuning, tuple(chord), technique):
            rows += [(tick, step, pitch, 80, 0, technique) for pitch in chord]
        tick += step
    return Score(make_notes(rows), metres=(Metre(0, 2, 4),))


@given(st.sampled_from(SETUPS).flatmap(strokes))
@settings(max_examples=150, deadline=None)
def test_what_can_be_struck_is_fingered_and_passes_the_referee(case):
    setup, raw = case
    score = score_of(setup, raw, keep_playable=True)
    assume(len(score))
    fingering = finger(score, *setup)
    assert fingering.playable
    assert None not in fingering.placements
    assert faults(setup[0].name, setup[1].name, claims(score, fingering)) == []


@given(st.sampled_from(SETUPS).flatmap(strokes))
@settings(max_examples=150, deadline=None)
def test_any_music_is_fingered_or_reported_note_by_note(case):
    setup, raw = case
    score = score_of(setup, raw, keep_playable=False)
    fingering = finger(score, *setup)
    reported = {note for problem in fingering.problems for note in problem.notes}
    assert reported == {i for i, place in enumerate(fingering.placements) if place is None}
    assert fingering.playable == (not reported)
    assert faults(setup[0].name, setup[1].name, claims(score, fingering)) == []
    starts = score.bar_starts().tolist()
    for problem in fingering.problems:
        onset = int(score.notes["onset"][problem.notes[0]])
        assert starts[problem.bar - 1] <= onset < starts[problem.bar - 1] + 960
        assert problem.rule
        assert problem.remedy


@given(st.sampled_from(SETUPS), st.integers(0, 127), st.sampled_from(list(Technique)))
@settings(max_examples=300, deadline=None)
def test_every_placement_of_every_note_is_right(setup, pitch, technique):
    instrument, tuning = setup
    found = placements(instrument, tuning, pitch, technique)
    assert len(set(found)) == len(found)
    for place in found:
        assert (
            faults(instrument.name, tuning.name, [(0, pitch, place.string, place.position, place.technique.name)]) == []
        )
    assert (pitch in playable_pitches(instrument, tuning, technique)) == bool(found)


class TestGuqin:
    def test_range(self):
        assert min(playable_pitches(GUQIN, ZHENGDIAO)) == 36
        assert max(playable_pitches(GUQIN, ZHENGDIAO, easily=True)) == 74
        assert max(playable_pitches(GUQIN, ZHENGDIAO)) == 81
        assert max(playable_pitches(GUQIN, ZHENGDIAO, Technique.HARMONIC)) == 86

    def test_harmonics_are_a_closed_set(self):
        expected = {s + rise for s in ZHENGDIAO.open_pitches for rise in (12, 19, 24, 28, 31, 36)}
        assert playable_pitches(GUQIN, ZHENGDIAO, Technique.HARMONIC) == expected

    def test_open_unisons_of_the_handbooks(self):
        places = {(p.string, round(p.position)) for p in placements(GUQIN, ZHENGDIAO, 50)}
        assert {(7, 0), (5, 10), (4, 9)} <= places  # 7 open = 5 at hui 10 = 4 at hui 9

    @pytest.mark.parametrize(
        ("pitches", "can"),
        [
            ((36,), True),
            ((36, 48), True),
            ((50, 50), True),
            ((36, 50), True),
            ((53, 65), True),
            ((36, 38, 41), False),
            ((), True),
            ((39, 40), True),
            ((37, 61), False),
        ],
    )
    def test_what_two_hands_strike_at_once(self, pitches, can):
        assert strikeable(GUQIN, ZHENGDIAO, pitches) == can

    def test_three_notes_at_once_are_reported_with_bar_and_rule(self):
        score = Score(
            make_notes([(0, 480, 50), (960, 480, 36), (960, 480, 43), (960, 480, 48)]), metres=(Metre(0, 2, 4),)
        )
        (problem,) = finger(score, GUQIN, ZHENGDIAO).problems
        assert (problem.bar, problem.notes) == (2, (1, 2, 3))
        assert "3 notes at once" in problem.rule
        assert "roll" in problem.remedy

    def test_a_pitch_below_the_strings_is_reported_with_the_nearest(self):
        (problem,) = finger(melody(50, 35, 50), GUQIN, ZHENGDIAO).problems
        assert (problem.bar, problem.notes) == (1, (1,))
        assert "36" in problem.remedy

    def test_open_strings_are_taken_where_they_lie(self):
        fingering = finger(melody(36, 38, 41, 43, 45, 48, 50), GUQIN, ZHENGDIAO)
        assert [place.string for place in fingering.placements] == [1, 2, 3, 4, 5, 6, 7]

    def test_the_hand_stays_near_when_time_is_short(self):
        fingering = finger(melody(60, 62, 60, 62, 65, 62, 60, step=60), GUQIN, ZHENGDIAO)
        marks = [place.position for place in fingering.placements]
        assert max(marks) - min(marks) <= 1.5


class TestGuzheng:
    @pytest.mark.parametrize(
        ("pitches", "can"),
        [
            ((62, 74), True),
            ((38, 45, 50, 62, 66, 69, 74), True),
            ((38, 42, 45, 50, 74, 76, 78, 81), True),
            ((38, 40, 42, 45, 74, 76, 78, 81), True),
            ((38, 40, 42, 45, 47, 74, 76, 78), False),
            ((38, 40, 42, 45, 47, 50, 52, 54, 57), False),
            ((38, 62, 86), False),
            ((67, 38), False),
            ((67, 79), True),
            ((67, 72), True),
            ((43, 67), False),
        ],
    )
    def test_what_two_hands_strike_at_once(self, pitches, can):
        assert strikeable(GUZHENG, D, pitches) == can

    def test_low_strings_are_pressed_a_semitone_at_most(self):
        assert {39, 41, 43} <= playable_pitches(GUZHENG, D)
        assert placements(GUZHENG, D, 44) == ()


class TestVoice:
    def test_sings_one_note_at_a_time(self):
        assert strikeable(VOICE, FREE, (60,))
        assert not strikeable(VOICE, FREE, (60, 64))
        assert playable_pitches(VOICE, FREE) == frozenset(range(53, 85))
        assert finger(melody(53, 84), VOICE, FREE).playable
        assert not finger(melody(52), VOICE, FREE).playable


def test_without_notes_nothing_is_wrong():
    fingering = finger(Score(make_notes()), GUQIN, ZHENGDIAO)
    assert fingering.playable
    assert fingering.placements == ()


def test_speed():
    easy = sorted(playable_pitches(GUQIN, ZHENGDIAO, easily=True))
    score = melody(*(easy[(i * i + 3 * i) % len(easy)] for i in range(10_000)), step=240)
    score = Score(score.notes, tempi=(Tempo(0, 90.0),))
    begin = time.perf_counter()
    finger(score, GUQIN, ZHENGDIAO)
    assert len(score) / (time.perf_counter() - begin) > 5_000
