import timeit

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symgen.errors import ScoreError
from symgen.score import Score, Technique, make_notes
from symgen.theory.degrees import PENTATONIC
from symgen.theory.detect import detect_mode, detect_windows, final_tone, mode_of
from symgen.theory.modes import MODES

# Mo li hua 茉莉花, first lines, in jianpu: a zhi tune. Octaves: 8 is an octave above 1.
MO_LI_HUA = [3, 3, 5, 6, 8, 8, 6, 5, 5, 6, 5, 3, 3, 5, 6, 8, 8, 6, 5, 5, 6, 5, 5, 5, 5, 3, 5, 6, 6, 5]
SEMITONES = {1: 0, 2: 2, 3: 4, 5: 7, 6: 9, 8: 12}


def melody(pitches, ticks=240):
    return Score(make_notes([(i * ticks, ticks, pitch) for i, pitch in enumerate(pitches)]))


def mo_li_hua(gong=60):
    return melody([gong + SEMITONES[d] for d in [*MO_LI_HUA, 3, 2, 3, 5, 3, 2, 1, 1, 2, 1, 6, 5]])


def last_chord(*pitches, before=(60, 62, 64)):
    rows = [(i * 240, 240, pitch) for i, pitch in enumerate(before)]
    return make_notes([*rows, *((len(before) * 240, 480, pitch) for pitch in pitches)])


def test_a_known_tune():
    estimate = detect_mode(mo_li_hua())
    assert (estimate.gong, estimate.mode, estimate.final, estimate.scale) == (0, "zhi", 7, "Pentatonic")
    assert estimate.confidence > 0.8
    assert estimate.bian_share == 0.0
    assert estimate.pentatonic_fit == 1.0


@pytest.mark.parametrize("move", range(-12, 12))
def test_transposition_moves_the_gong_and_nothing_else(move):
    still, moved = detect_mode(mo_li_hua()), detect_mode(mo_li_hua(60 + move))
    assert moved.gong == (still.gong + move) % 12
    assert moved.final == (still.final + move) % 12
    assert (moved.mode, moved.scale) == (still.mode, still.scale)
    assert moved.confidence == pytest.approx(still.confidence)
    assert np.roll(still.scores, move) == pytest.approx(moved.scores)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_mode_follows_the_final(mode):
    shape = [0, 2, 4, 7, 9, 7, 4, 2, 0, 2, 4, 7, 9, 12, 9, 7]
    estimate = detect_mode(melody([65 + s for s in shape] * 2 + [65 + mode.final]))
    assert (estimate.gong, estimate.mode) == (5, mode.name)


@given(st.lists(st.integers(0, 127), min_size=1, max_size=60))
@settings(max_examples=60)
def test_estimate_is_a_distribution_whatever_the_notes(pitches):
    estimate = detect_mode(melody(pitches))
    posterior = np.exp(estimate.scores)
    assert posterior.sum() == pytest.approx(1.0)
    assert estimate.confidence == pytest.approx(posterior.max())
    assert estimate.gong == int(np.argmax(estimate.scores))
    assert estimate.mode in {mode.name for mode in MODES}
    assert 0.0 <= estimate.bian_share <= 1.0
    assert 1.0 - estimate.bian_share <= estimate.pentatonic_fit + 1e-9 <= 1.0 + 2e-9
    assert estimate.final == pitches[-1] % 12


def test_few_notes_are_uncertain():
    tune = [60, 62, 64, 67, 69, 72, 69, 67]
    confidences = [detect_mode(melody(tune[:n])).confidence for n in (1, 2, 8)]
    assert confidences[0] < 0.3
    assert confidences[1] < 0.5
    assert sorted(confidences) == confidences


def test_chromatic_music_is_uncertain_and_has_no_scale():
    estimate = detect_mode(melody(range(48, 84)))
    assert estimate.confidence < 0.2
    assert estimate.scale is None


def test_four_tones_without_gong_leave_two_systems_close():
    # 2 3 5 6 of C are 5 6 1 2 of G: both must stand far above the rest.
    posterior = np.exp(detect_mode(melody([62, 64, 67, 69] * 8)).scores)
    assert posterior[[0, 7]].sum() > 0.9
    assert min(posterior[[0, 7]]) > 0.05


@pytest.mark.parametrize("passing", [65, 66, 70, 71])
def test_passing_bian_tones_do_not_move_the_gong(passing):
    line = [60, 64, 67, 69, 72, 69, 67, 64, 62, 60] * 4
    line[13] = line[31] = passing
    estimate = detect_mode(melody(line))
    assert estimate.gong == 0
    assert estimate.bian_share == pytest.approx(2 / 40)


def test_the_weaker_of_one_and_seven_is_the_bian_tone():
    # 1 2 3 5 6 7 of C holds G gong too (4 5 6 1 2 3): weight decides.
    one_heavy = [60, 60, 60, 62, 64, 67, 69, 71] * 4
    seven_heavy = [60, 71, 71, 62, 64, 67, 67, 69, 71] * 4
    assert detect_mode(melody(one_heavy)).gong == 0
    assert detect_mode(melody(seven_heavy)).gong == 7


def test_octave_doubling_changes_nothing():
    tune = mo_li_hua()
    low = tune.notes.copy()
    low["pitch"] -= 12
    doubled = Score(np.concatenate([tune.notes, low]))
    one, two = detect_mode(tune), detect_mode(doubled)
    assert (two.gong, two.mode, two.final) == (one.gong, one.mode, one.final)


def test_declared_keys_are_not_consulted():
    tune = mo_li_hua()
    assert detect_mode(tune) == detect_mode(Score(tune.notes, title="1=G"))


@pytest.mark.parametrize(
    ("chord", "final"),
    [
        *(((60, 67), 0), ((55, 60), 0), ((50, 69), 2), ((52, 69), 9), ((48, 60, 72), 0), ((60, 64, 67), 0)),
        *(((64, 67, 72), 0), ((57, 64, 72), 9), ((57, 60), 9), ((60, 69), 0), ((62, 64), 2), ((69,), 9)),
    ],
)
def test_final_is_the_root_of_a_last_fifth_or_else_the_lowest_tone(chord, final):
    assert final_tone(last_chord(*chord)) == final


def test_grace_notes_are_no_finals():
    notes = make_notes([(0, 480, 60), (480, 10, 62, 80, 0, Technique.GRACE)])
    assert final_tone(notes) == 0
    assert final_tone(notes[1:]) == 2


def test_given_gong_decides_the_mode():
    tune = melody([60, 62, 64, 67, 69, 67, 64, 62] * 4 + [62])
    free = detect_mode(tune)
    assert (free.gong, free.mode) == (0, "shang")
    given_gong = mode_of(tune, 5)
    assert (given_gong.gong, given_gong.mode) == (5, "yu")
    assert given_gong.confidence < free.confidence
    assert given_gong.scores == free.scores
    assert mode_of(tune, free.gong) == free


def test_bian_final_takes_the_mode_whose_tones_prevail():
    yu_like = [69, 69, 69, 64, 62, 60, 69, 67, 69, 64] * 4 + [65]
    estimate = mode_of(melody(yu_like), 0)
    assert (estimate.final, estimate.mode) == (5, "yu")


def test_windows_cover_the_notes_in_order():
    tune = melody([60 + PENTATONIC[i % 5] for i in range(150)])
    windows = detect_windows(tune, 64)
    assert [(w.start, w.stop) for w in windows] == [(0, 64 * 240), (64 * 240, 128 * 240), (128 * 240, tune.end)]
    overlapping = detect_windows(tune, 64, hop=32)
    assert [w.start // 240 for w in overlapping] == [0, 32, 64, 96]
    assert overlapping[-1].stop == tune.end
    assert len(detect_windows(tune, 500)) == 1
    assert detect_windows(tune, 500)[0].estimate == detect_mode(tune)
    assert [w.start // 240 for w in detect_windows(tune, 2, hop=149)] == [0, 149]


def test_windows_find_a_modulation():
    c_gong, g_gong = [60, 62, 64, 67, 69] * 16, [67, 69, 71, 74, 76] * 16
    found = [w.estimate.gong for w in detect_windows(melody(c_gong + g_gong), 40)]
    assert found == [0, 0, 7, 7]


@pytest.mark.parametrize("call", [detect_mode, detect_windows, lambda score: mode_of(score, 0)])
def test_a_score_without_notes_is_refused(call):
    with pytest.raises(ScoreError, match="without notes"):
        call(Score(make_notes()))


def test_wrong_arguments_are_refused():
    tune = mo_li_hua()
    for notes, hop in ((0, None), (8, 0), (-1, 4)):
        with pytest.raises(ScoreError, match="at least 1"):
            detect_windows(tune, notes, hop)
    with pytest.raises(ScoreError, match="pitch class"):
        mode_of(tune, 12)


def test_500_notes_take_about_a_fifth_of_a_millisecond():
    rng = np.random.default_rng(0)
    tune = melody(rng.choice([60, 62, 64, 67, 69, 71], 500).tolist())
    fastest = min(timeit.repeat(lambda: detect_mode(tune), number=5, repeat=10)) / 5
    assert fastest < 0.005, "0.16 ms on an idle core; the margin is for a busy machine"
