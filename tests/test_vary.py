"""Varying: what is kept is kept to the tick, what is varied is new, and the mode is the one that was asked for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symgen
from symgen.errors import UsageError
from symgen.instruments import get_instrument, get_tuning
from symgen.instruments.fingering import finger
from symgen.score import Metre, Score, Technique, Tempo, make_notes
from symgen.theory.detect import detect_mode
from symgen.verbs.variation.contours import bounds_of
from symgen.verbs.variation.strokes import bars_of, moves_of, strokes_of
from symgen.verbs.varying import VaryRequest, vary, vary_files

THEME = ((53, 480), (57, 240), (60, 240), (62, 480), (60, 480))
ANSWER = ((57, 480), (55, 480), (53, 240), (50, 240), (48, 480))
CLOSE = ((57, 480), (55, 480), (53, 960))
TUNE = (THEME, ANSWER, THEME, ANSWER, THEME, CLOSE)
"""Pitches and lengths of six bars of 4/4 in gong F, its final F; the second bar comes twice, the first three times."""


def tune(bars=TUNE, start=0, **fields):
    rows, onset = [], start
    for pitch, length in (note for bar in bars for note in bar):
        rows.append((onset, length, pitch))
        onset += length
    return Score(make_notes(rows), tempi=(Tempo(0, 60.0),), metres=(Metre(0, 4, 4),), title="tune", **fields)


def vary_one(source, style="guqin", **options):
    (take,) = vary(source, style=style, **{"seed": 1, **options}).takes
    return take


def times(score):
    return sorted(zip(score.notes["onset"].tolist(), score.notes["duration"].tolist(), strict=True))


def tops(score):
    return [int(score.notes["pitch"][stroke.rows[0]]) for stroke in strokes_of(score.notes)]


def bars_in(score, count=6):
    return [bar.content for bar in bars_of(score, np.arange(0, 1920 * count + 1, 1920))]


def changed(source, result, count=6):
    return [one != other for one, other in zip(bars_in(source, count), bars_in(result, count), strict=True)]


class TestTechniques:
    @pytest.mark.parametrize("seed", range(4))
    def test_no_bar_becomes_harmonics(self, seed):
        take = vary_one(tune(), keep="rhythm", amount=1, mode="yu", seed=seed)
        assert Technique.HARMONIC not in take.score.notes["technique"]

    def test_how_many_bars_changed_is_said(self):
        take = vary_one(tune(), keep="rhythm", amount=1)
        (said,) = (one for one in take.kept if one.name == "varied")
        assert said.found == f"{sum(changed(tune(), take.score))} of 6 bars"


class TestKeep:
    @pytest.mark.parametrize("style", ["guqin", "guzheng", "folk"])
    @pytest.mark.parametrize("amount", [0.3, 1])
    def test_rhythm_stays_to_the_tick(self, style, amount):
        source = tune() if style != "folk" else tune().transpose(12)
        take = vary_one(source, style, keep="rhythm", amount=amount)
        assert times(take.score) == times(source)
        assert not np.array_equal(take.score.notes["pitch"], source.notes["pitch"])
        assert take.playable

    def test_rhythm_off_the_grid_stays_to_the_tick(self):
        source = tune()
        notes = source.notes.copy()
        notes["onset"] += np.arange(len(notes)) % 3
        notes["duration"] -= 7
        source = Score(notes, tempi=source.tempi, metres=source.metres)
        assert times(vary_one(source, amount=1).score) == times(source)

    @pytest.mark.parametrize("amount", [0.3, 1])
    def test_pitches_stay(self, amount):
        source = tune()
        take = vary_one(source, keep="pitch", amount=amount)
        assert take.score.notes["pitch"].tolist() == source.notes["pitch"].tolist()
        assert times(take.score) != times(source)
        assert take.score.end == source.end

    @pytest.mark.parametrize("keep", ["contour", ("contour", "rhythm")])
    @pytest.mark.parametrize("amount", [0.3, 0.6, 1])
    def test_contour_stays(self, keep, amount):
        source = tune()
        take = vary_one(source, keep=keep, amount=amount)
        assert moves_of(tops(take.score)) == moves_of(tops(source))
        assert any(changed(source, take.score))

    def test_form_stays(self):
        source = tune()
        bars = bars_in(vary_one(source, keep="form", amount=1).score)
        assert bars[0] == bars[2] == bars[4]
        assert bars[1] == bars[3]
        assert all(changed(source, vary_one(source, keep="form", amount=1).score))

    @pytest.mark.parametrize("keep", ["rhythm", "pitch", "form"])
    def test_equal_bars_are_varied_alike(self, keep):
        bars = bars_in(vary_one(tune(), keep=keep, amount=1).score)
        assert bars[0] == bars[2] == bars[4]
        assert bars[1] == bars[3]

    def test_chords_keep_as_many_notes(self):
        source = tune()
        low = source.notes[::5].copy()
        low["pitch"] -= 12
        source = Score(np.concatenate([source.notes, low]), tempi=source.tempi, metres=source.metres)
        for keep in ("rhythm", ("rhythm", "contour")):
            take = vary_one(source, keep=keep, amount=1)
            assert times(take.score) == times(source)
            assert take.playable

    def test_techniques_stay_with_the_pitches(self):
        source = tune()
        notes = source.notes.copy()
        notes["technique"][3] = Technique.VIBRATO
        take = vary_one(Score(notes, tempi=source.tempi, metres=source.metres), keep="pitch", amount=1)
        assert take.score.notes["technique"].tolist() == notes["technique"].tolist()

    def test_a_passage_in_harmonics_stays_one(self):
        bars = [((65, 480), (69, 480), (72, 480), (69, 480))] * 2 + list(TUNE)
        source = tune(bars)
        notes = source.notes.copy()
        notes["technique"][:8] = Technique.HARMONIC
        take = vary_one(Score(notes, tempi=source.tempi, metres=source.metres), keep="rhythm", amount=1)
        assert (take.score.notes["technique"][:8] == Technique.HARMONIC).all()

    def test_an_upbeat_and_rests_and_a_tie_stay(self):
        source = tune(start=960)
        notes = source.notes.copy()
        notes["duration"][4] += 240  # sounds on under the next bar
        source = Score(notes, tempi=source.tempi, metres=source.metres)
        for keep in ("rhythm", "pitch", "contour"):
            take = vary_one(source, keep=keep, amount=1)
            assert take.score.notes["onset"][0] == 960
        assert times(vary_one(source, amount=1).score) == times(source)

    def test_triplets_and_a_changing_metre(self):
        rows = [(160 * n, 160, 53 + (0, 4, 7)[n % 3]) for n in range(9)] + [(1440 + 240 * n, 240, 60) for n in range(4)]
        rows += [(2400 + 480 * n, 480, pitch) for n, pitch in enumerate((57, 55, 53))]
        metres = (Metre(0, 3, 4), Metre(1440, 2, 4), Metre(2400, 3, 4))
        source = Score(make_notes(rows), tempi=(Tempo(0, 60.0),), metres=metres)
        assert times(vary_one(source, keep="rhythm", amount=1).score) == times(source)
        assert vary_one(source, keep="form", amount=1).score.metres == metres


class TestAmount:
    def test_nothing_gives_the_piece_back(self):
        source = tune()
        take = vary_one(source, amount=0)
        assert np.array_equal(take.score.notes, source.notes)
        assert take.score.end == source.end

    def test_more_changes_more(self):
        source = tune(TUNE * 3)
        counts = [sum(changed(source, vary_one(source, amount=a).score, 18)) for a in (0, 0.2, 0.5, 1)]
        assert counts == sorted(counts)
        assert counts[0] == 0
        assert counts[-1] >= 17  # a bar may come out as it was

    def test_what_is_not_varied_stays(self):
        source = tune()
        take = vary_one(source, keep="form", amount=0.3)
        moved = changed(source, take.score)
        assert 0 < sum(moved) < 6

    def test_a_seed_gives_the_same_again_and_takes_differ(self):
        one, two = (vary(tune(), style="guqin", seed=7, takes=2, amount=1).takes[n].score for n in (0, 1))
        assert one != two
        assert vary(tune(), style="guqin", seed=7, takes=2, amount=1).takes[1].score == two


class TestMode:
    @pytest.mark.parametrize("mode", ["yu", "zhi", "shang"])
    @pytest.mark.parametrize("style", ["guqin", "guzheng"])
    def test_another_mode_with_rhythm_and_contour(self, mode, style):
        source = tune()
        take = vary_one(source, style, keep=("rhythm", "contour"), mode=mode)
        estimate = detect_mode(take.score)
        assert (estimate.gong, estimate.mode, take.mode) == (5, mode, mode)
        assert times(take.score) == times(source)
        assert moves_of(tops(take.score)) == moves_of(tops(source))

    def test_a_little_of_it_changes_the_close_at_least(self):
        take = vary_one(tune(), mode="yu", amount=0.2)
        assert detect_mode(take.score).mode == "yu"

    def test_another_gong_moves_what_stands(self):
        source = tune()
        take = vary_one(source, gong="C", amount=0.4)
        assert (take.gong, detect_mode(take.score).gong) == (0, 0)
        tuning = get_tuning(get_instrument("guqin"), take.tuning)
        assert finger(take.score, get_instrument("guqin"), tuning).playable
        stands = [not moved for moved in changed(source.transpose(-5), take.score)]
        assert any(stands)


class TestRefusals:
    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"keep": ("rhythm", "pitch")}, "nothing is left"),
            ({"keep": "tempo"}, "one of rhythm"),
            ({"amount": 1.5}, "0 to 1"),
            ({"amount": -0.1}, "0 to 1"),
            ({"amount": float("nan")}, "0 to 1"),
            ({"keep": "pitch", "mode": "yu"}, "keep rhythm and contour"),
            ({"amount": 0, "mode": "yu"}, "above 0"),
            ({"mode": "dorian"}, "is no mode"),
            ({"gong": 12}, "0 to 11"),
            ({"gong": "F#", "tuning": "zhengdiao"}, "cannot give gong"),
        ],
    )
    def test_says_what_does_not_go(self, options, said):
        with pytest.raises(UsageError, match=said):
            vary(tune(), style="guqin", **options)

    def test_a_source_without_notes(self):
        with pytest.raises(UsageError, match="no notes"):
            vary(Score(make_notes()), style="guqin")

    def test_a_style_has_to_be_known(self):
        with pytest.raises(UsageError, match="--style"):
            vary(tune())


def test_files_are_written(tmp_path):
    source = tmp_path / "tune.mid"
    symgen.write(tune(), source)
    result = vary_files(VaryRequest(source=source, style="guqin", seed=3, takes=2, output=tmp_path, raw=True))
    assert [take.path.name for take in result.takes] == ["tune-vary-3-1.mid", "tune-vary-3-2.mid"]
    assert times(symgen.read(result.takes[0].path)) == times(tune())


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([50, 53, 55, 57, 60, 62]), min_size=2, max_size=12),
    st.lists(st.booleans(), min_size=12, max_size=12),
    st.randoms(use_true_random=False),
)
def test_any_tone_within_its_bounds_can_be_gone_on_from(line, stands, random):
    scale = [48, 50, 53, 55, 57, 60, 62, 65, 67, 69, 72]
    moves = moves_of(line)
    limits = [(tone, tone) if fixed else (48, 72) for tone, fixed in zip(line, stands, strict=False)]
    bounds = bounds_of(range(len(line)), moves, limits, scale)
    written = []
    for (low, high), move in zip(bounds, (None, *moves), strict=True):
        able = [t for t in scale if low <= t <= high and (move is None or moves_of([written[-1], t]) == (move,))]
        written.append(random.choice(able))
    assert moves_of(written) == moves
    assert all(one == other for one, other, fixed in zip(line, written, stands, strict=False) if fixed)


def test_nothing_is_varied_if_nothing_is_asked():
    source = tune()
    take = vary_one(source, amount=0)
    assert np.array_equal(take.score.notes, source.notes)
    assert all(row.kept for row in take.guarantees)
