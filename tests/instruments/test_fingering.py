"""What is called playable is playable: fingerings stand before a referee that knows only the rules."""

from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from symgen.instruments import get_instrument, placements, playable_pitches, strikeable
from symgen.instruments._problems import KINDS
from symgen.instruments.fingering import find_problems, finger
from symgen.score import Metre, Score, Technique, Tempo, make_notes
from symgen.units import ticks_to_seconds
from tests.instruments.checker import GUQIN_TUNINGS, GUZHENG_TUNINGS, Note, faults, hand_faults

GUQIN, GUZHENG, VOICE = get_instrument("guqin"), get_instrument("guzheng"), get_instrument("voice")
ZHENGDIAO, D, FREE = GUQIN.tunings["zhengdiao"], GUZHENG.tunings["D"], VOICE.tunings["free"]
SETUPS = [(GUQIN, GUQIN.tunings[name]) for name in GUQIN_TUNINGS]
MARKS = [Technique.PLUCK, Technique.HARMONIC, Technique.SLIDE_UP, Technique.SLIDE_DOWN, Technique.VIBRATO]
SETUPS += [(GUZHENG, GUZHENG.tunings[name]) for name in GUZHENG_TUNINGS]


def melody(*pitches, step=480, technique=Technique.PLUCK):
    rows = [(i * step, step, pitch, 80, 0, technique) for i, pitch in enumerate(pitches)]
    return Score(make_notes(rows), metres=(Metre(0, 2, 4),))


def whole_claims(score, fingering):
    tempi = [(tempo.tick, tempo.qpm) for tempo in score.tempi] or [(0, 60.0)]
    seconds = ticks_to_seconds(score.notes["onset"], tempi, score.ticks_per_quarter).tolist()
    for note, place, second in zip(score.notes, fingering.placements, seconds, strict=True):
        if place is not None:
            mark = Technique(note["technique"]).name
            how = (place.finger, place.stroke, place.hand)
            yield Note(second, int(note["pitch"]), place.string, place.position, place.technique.name, mark, *how)


def strokes(setup):
    instrument, tuning = setup
    pitch = st.integers(min(tuning.open_pitches) - 2, max(tuning.open_pitches) + 14)
    chord = st.lists(pitch, min_size=1, max_size=3 if instrument is GUQIN else 9)
    stroke = st.tuples(st.sampled_from([30, 60, 120, 240, 480]), chord, st.sampled_from(MARKS))
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
    assert {problem.kind for problem in fingering.problems} <= {"jump"}, "only time can be wanting"
    assert hand_faults(setup[0].name, setup[1].name, list(whole_claims(score, fingering))) == []


@given(st.sampled_from(SETUPS).flatmap(strokes))
@settings(max_examples=150, deadline=None)
def test_any_music_is_fingered_or_reported_note_by_note(case):
    setup, raw = case
    score = score_of(setup, raw, keep_playable=False)
    fingering = finger(score, *setup)
    assert find_problems(score, *setup) == fingering.problems
    reported = {note for problem in fingering.problems for note in problem.notes}
    assert reported == {i for i, place in enumerate(fingering.placements) if place is None}
    assert fingering.playable == (not reported)
    assert hand_faults(setup[0].name, setup[1].name, list(whole_claims(score, fingering))) == []
    starts = score.bar_starts().tolist()
    for problem in fingering.problems:
        onset = int(score.notes["onset"][problem.notes[0]])
        assert starts[problem.bar - 1] <= onset < starts[problem.bar - 1] + 960
        assert problem.rule
        assert problem.remedy
        assert problem.kind in KINDS


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


def test_python_and_machine_code_agree():
    easy = sorted(playable_pitches(GUQIN, ZHENGDIAO, easily=True))
    steps = [easy[(i * i + 3 * i) % len(easy)] for i in range(1500)]
    for instrument, tuning, step in ((GUQIN, ZHENGDIAO, 40), (GUQIN, ZHENGDIAO, 240), (GUZHENG, D, 120)):
        score = melody(*steps, step=step)
        slow = finger(score, instrument, tuning, machine_code=False)
        assert slow == finger(score, instrument, tuning, machine_code=True)
        assert (step == 240) <= slow.playable


class TestIdiom:
    def test_a_free_hand_keeps_its_place(self):
        fingering = finger(melody(57, 50, 57, 50, 48, 57, step=120), GUQIN, ZHENGDIAO)
        held = [(place.string, place.position) for place in fingering.placements if place.finger]
        assert len(held) == 3
        assert len(set(held)) == 1

    def test_a_unison_is_answered_open_and_stopped(self):
        fingering = finger(melody(55, 50, 50, 50, 55), GUQIN, ZHENGDIAO)
        assert {place.technique for place in fingering.placements[1:4]} == {Technique.OPEN, Technique.STOPPED}

    def test_harmonics_of_a_run_lie_at_one_mark(self):
        fingering = finger(melody(48, 50, 53, 55, 57, technique=Technique.HARMONIC), GUQIN, ZHENGDIAO)
        assert {place.position for place in fingering.placements} == {7.0}

    def test_a_slide_and_the_note_it_goes_to_lie_on_one_string(self):
        rows = [(0, 480, 52, 80, 0, Technique.SLIDE_UP), (480, 480, 55, 80, 0, 0)]
        first, second = finger(Score(make_notes(rows)), GUQIN, ZHENGDIAO).placements
        assert first.string == second.string

    def test_fast_repeats_alternate_in_and_out(self):
        fingering = finger(melody(*[62] * 6, step=60), GUZHENG, D)
        names = [place.stroke for place in fingering.placements]
        assert all(one != other for one, other in pairwise(names))

    def test_an_octave_is_struck_by_thumb_and_middle_finger(self):
        score = Score(make_notes([(0, 480, 62), (0, 480, 74), (480, 480, 38), (480, 480, 50)]))
        assert {place.stroke for place in finger(score, GUZHENG, D).placements} == {"dacuo"}

    def test_the_left_hand_takes_what_the_right_cannot_reach(self):
        chord = [(0, 480, pitch) for pitch in (38, 45, 50, 62, 66, 69, 74)]
        hands = {place.string: place.hand for place in finger(Score(make_notes(chord)), GUZHENG, D).placements}
        assert hands[21] == "left"
        assert hands[6] == "right"


class TestRemedies:
    """What is wrong is said with bar, rule and the nearest change that would do."""

    @staticmethod
    def problem(score, instrument=GUQIN, tuning=ZHENGDIAO):
        (problem,) = finger(score, instrument, tuning).problems
        return problem

    def test_a_note_out_of_range(self):
        problem = self.problem(melody(50, 50, 31))
        assert (problem.kind, problem.bar) == ("range", 2)
        assert "below its lowest, C2" in problem.rule
        assert problem.remedy == "the nearest pitch it can play so is 36 (C2), the nearest octave 43 (G2)"

    def test_six_notes_at_once(self):
        problem = self.problem(Score(make_notes([(0, 480, pitch) for pitch in (36, 43, 48, 50, 55, 60)])))
        assert (problem.kind, problem.notes) == ("chord", (0, 1, 2, 3, 4, 5))
        assert "6 notes at once where the guqin strikes at most 2" in problem.rule
        assert problem.remedy == "roll the chord: let the notes follow each other, or play C2 and C4 alone"

    def test_a_slide_on_an_open_string(self):
        problem = self.problem(melody(36, technique=Technique.SLIDE_UP))
        assert problem.kind == "slide"
        assert "lies on an open string" in problem.rule
        assert problem.remedy == "leave the slide up out, or play it at 48 (C3)"

    def test_a_tuning_that_lacks_a_tone(self):
        problem = self.problem(melody(44), GUZHENG, D)
        assert problem.kind == "tone"
        assert "cannot play pitch 44 (Ab2)" in problem.rule
        assert "nearest pitch it can play so is 43 (G2)" in problem.remedy
        assert "; tuning G has it" in problem.remedy

    def test_a_hand_that_is_too_late(self):
        score = melody(*[39, 79] * 2, step=30)
        problems = finger(score, GUQIN, ZHENGDIAO).problems
        assert {problem.kind for problem in problems} == {"jump"}
        assert "more than 1.5 marks take 0.15 s" in problems[0].rule
        assert "qpm or slower" in problems[0].remedy
        assert finger(Score(score.notes, tempi=(Tempo(0, 20.0),)), GUQIN, ZHENGDIAO).playable

    def test_a_harmonic_stands_in_where_nothing_else_gives_the_pitch(self):
        (place,) = finger(melody(86), GUQIN, ZHENGDIAO).placements
        assert (place.technique, place.string, place.position) == (Technique.HARMONIC, 7, 13.0)
