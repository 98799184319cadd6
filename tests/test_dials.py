"""Dials: what is refused, that 0.5 changes nothing, that a turn leans the right way and breaks no promise."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symgen.compose import ComposeRequest, compose_takes, plan_of
from symgen.dials import HABITS, NEUTRAL, Dials, habit_of, levels, targets
from symgen.drafting.ensemble import compose_sequences
from symgen.errors import UsageError
from symgen.grammar.rules import Grammar
from symgen.instruments import get_instrument
from symgen.instruments.perform import play
from symgen.models.checkpoint import save_checkpoint
from symgen.models.context import Context
from symgen.models.features import DIALS, FEATURES_OF_FORMAT_1, PLACE
from symgen.models.losses import weights_of
from symgen.models.runtime import Stream
from symgen.sampling import Sampling, steered
from symgen.score import Score, Tempo, make_notes
from symgen.steering import Steering
from symgen.tokens import chord, melody, rhythm
from tests.models.music import TINY, random_generator

NAMES = tuple(NEUTRAL.as_json())
WRITTEN = ("density", "register", "leaps", "surprise")
ENDS = [{name: value} for name in WRITTEN for value in (0.0, 1.0)]
ENDS += [dict.fromkeys(NAMES, 0.0), dict.fromkeys(NAMES, 1.0)]
REACH = (-20, 30)
PATIENT = settings(max_examples=50, deadline=None)
TURN = st.floats(0, 1)
TONES = [token for token in range(2, len(melody.VOCABULARY)) if melody.TECHNIQUE[token] == 1]
STEPS = st.lists(
    st.tuples(st.sampled_from([rhythm.rhythm_token(t, t) for t in (120, 240, 480, 960)]), st.sampled_from(TONES)),
    max_size=30,
)


def steering(steps=(), style="guqin", **dials):
    """Return a steering that stands after `steps`, each of which the network expected well."""
    made = Steering(Dials(**dials), habit_of(style), REACH)
    for rhythm_token, melody_token in steps:
        made.append(rhythm_token, melody_token)
    return made


class TestWhatIsAsked:
    @PATIENT
    @given(st.sampled_from(NAMES), st.one_of(st.floats(max_value=-1e-9), st.floats(min_value=1.0001), st.just("high")))
    def test_a_value_outside_is_refused_in_one_line(self, name, value):
        with pytest.raises(UsageError) as caught:
            Dials(**{name: value})
        message = str(caught.value)
        assert message.startswith(f"{name} {value!r}")
        assert "0 to 1" in message
        assert "\n" not in message

    @pytest.mark.parametrize("value", [float("nan"), None, True])
    def test_what_is_no_number_is_refused(self, value):
        with pytest.raises(UsageError):
            Dials(density=value)

    @PATIENT
    @given(st.sampled_from(NAMES), TURN)
    def test_dials_come_back_from_plain_data(self, name, value):
        dials = Dials(**{name: value})
        assert Dials(**dials.as_json()) == dials
        assert dials.steers == (name != "ornament" and value != 0.5)

    @PATIENT
    @given(st.sampled_from(sorted(HABITS)), st.sampled_from(WRITTEN), TURN, TURN)
    def test_targets_and_levels_rise_with_the_dial(self, style, name, one, other):
        low, high = (Dials(**{name: value}) for value in sorted((one, other)))
        habit = habit_of(style)
        assert targets(low, habit, REACH)[name] <= targets(high, habit, REACH)[name]
        assert targets(NEUTRAL, habit, REACH)[name] == getattr(habit, name).mean
        if 0.5 not in (one, other):
            assert levels(low, habit, REACH) <= levels(high, habit, REACH)
        assert all(0 <= level <= 7 for level in levels(low, habit, REACH))

    def test_levels_are_unasked_where_a_dial_is_not_turned(self):
        assert levels(NEUTRAL, habit_of("guqin"), REACH) == (0, 0, 0)
        asked = levels(Dials(leaps=1.0), habit_of("guqin"), REACH)
        assert [level > 0 for level in asked] == [name == "leaps" for name in DIALS]

    def test_a_register_stays_within_what_the_instrument_reaches(self):
        for value in (0.0, 1.0):
            assert -1 <= targets(Dials(register=value), habit_of("guqin"), (-1, 4))["register"] <= 4


class TestHowScoresLean:
    @PATIENT
    @given(TURN.filter(lambda value: abs(value - 0.5) > 0.01))
    def test_density_prefers_short_or_long(self, value):
        bias = steering(density=value).bias(0)
        rising = np.diff(bias[np.argsort(rhythm.INTERVAL[1:], kind="stable") + 1])
        assert (rising <= 0).all() if value > 0.5 else (rising >= 0).all()
        assert rising.any()

    @PATIENT
    @given(TURN.filter(lambda value: abs(value - 0.5) > 0.01), st.sampled_from(TONES))
    def test_leaps_prefer_far_or_near(self, value, tone):
        start = steering(leaps=value)
        start.append(1, tone, given=True)
        bias = start.bias(1)
        moves = np.abs(melody.RELATIVE - melody.RELATIVE[tone])[2:]
        rising = np.diff(bias[2:][np.argsort(moves, kind="stable")])
        assert (rising >= 0).all() if value > 0.5 else (rising <= 0).all()

    @PATIENT
    @given(TURN.filter(lambda value: abs(value - 0.5) > 0.01), st.sampled_from(TONES))
    def test_register_pulls_to_its_side(self, value, tone):
        start = steering(register=value)
        start.append(1, tone, given=True)
        bias, target = start.bias(1), targets(Dials(register=value), habit_of("guqin"), REACH)["register"]
        order = np.argsort(melody.RELATIVE[2:], kind="stable") + 2
        heights = melody.RELATIVE[order]
        below = bias[order][heights <= target]
        above = bias[order][heights >= target]
        assert (np.diff(below) >= -1e-5).all() if value > 0.5 else (np.diff(above) <= 1e-5).all()

    @PATIENT
    @given(st.floats(0, 1), st.floats(0, 1))
    def test_surprise_is_bolder_the_further_it_is_turned(self, one, other):
        low, high = (steering(surprise=value).boldness(0) for value in sorted((one, other)))
        assert low <= high
        assert steering(surprise=0.5).boldness(1) == steering(surprise=one).boldness(2) == 1.0

    @PATIENT
    @given(STEPS, TURN)
    def test_what_was_left_out_is_owed(self, steps, value):
        """After long notes shorter ones are asked for more, after high tones lower ones, after leaps steps."""
        long, short = rhythm.rhythm_token(960, 960), rhythm.rhythm_token(120, 120)
        tokens = np.array([rhythm.rhythm_token(t, t) for t in (240, 480)])

        def leaning(last):
            made = steering([*steps, *[(last, TONES[40])] * 4], density=value, leaps=1.0)
            bias = made.bias(0)
            return 0.0 if bias is None else float(bias[tokens[0]] - bias[tokens[1]])

        assert leaning(long) >= leaning(short)

    def test_a_low_density_stays_on_the_beat(self):
        """Off the beat, a note beyond the next beat is not wanted more than one up to it."""
        made = steering([(rhythm.rhythm_token(360, 360), TONES[40])], density=0.0)
        bias = made.bias(0)
        assert bias[rhythm.rhythm_token(480, 480)] == bias[rhythm.rhythm_token(120, 120)]

    @PATIENT
    @given(STEPS)
    def test_a_given_opening_owes_nothing(self, steps):
        made = Steering(Dials(density=1.0), habit_of("guqin"), REACH)
        for step in steps:
            made.append(*step, given=True)
        np.testing.assert_array_equal(made.bias(0), steering(density=1.0).bias(0))

    def test_turning_on_the_way_is_like_starting_so(self):
        made = steering([(1, TONES[40])] * 5, density=0.0)
        made.turn(Dials(density=1.0))
        np.testing.assert_array_equal(made.bias(0), steering(density=1.0).bias(0))

    def test_scores_that_are_no_numbers_are_left_to_the_draw(self):
        made = steering(surprise=1.0)
        for bad in (np.nan, np.inf, -np.inf):
            made.hear(0, np.full(len(rhythm.VOCABULARY), bad, np.float32), 3)
            made.append(3, TONES[0])
        assert 0.5 <= made.boldness(0) <= 2.0


class TestNeutral:
    @pytest.mark.parametrize("style", sorted(HABITS))
    def test_nothing_is_steered(self, style):
        plan = plan_of(ComposeRequest(style, seed=0, bars=4))
        assert Grammar(plan, Context((plan.metre,), plan.total)).steering is None
        logits, how = np.zeros(3, np.float32), Sampling()
        assert steered(None, 0, logits, how) == (logits, how)

    def test_tokens_are_those_of_a_plan_without_dials(self):
        runtime = runtime_of(TINY)
        plan = plan_of(ComposeRequest("guqin", seed=0, bars=4))
        turned = replace(plan, dials=Dials(ornament=1.0))
        assert compose_sequences(runtime, plan, [(1,)], Sampling()) == compose_sequences(
            runtime, turned, [(1,)], Sampling()
        )


def runtime_of(config):
    """Return the runtime of a network of random weights."""
    from symgen.models.runtime import Runtime

    weights = {name: value.numpy() for name, value in random_generator(config).state_dict().items()}
    sizes = {name: getattr(config, name) for name in ("layers", "heads", "width", "window", "features")}
    return Runtime(weights, **sizes)


@pytest.fixture(scope="module")
def runtime():
    return runtime_of(TINY)


class TestTheNetworkIsTold:
    def seen(self, monkeypatch, runtime, dials):
        told = []
        advance = Stream.advance

        def spy(stream, previous, features):
            told.append(features[0, [PLACE[name] for name in DIALS]].tolist())
            return advance(stream, previous, features)

        monkeypatch.setattr(Stream, "advance", spy)
        plan = replace(plan_of(ComposeRequest("guqin", seed=0, bars=4)), dials=dials)
        compose_sequences(runtime, plan, [(1,)], Sampling())
        (once,) = {tuple(row) for row in told}
        return once

    def test_levels_where_it_knows_them(self, monkeypatch, runtime):
        assert self.seen(monkeypatch, runtime, Dials(density=1.0, register=0.0)) == (7, 0, 1)
        assert self.seen(monkeypatch, runtime, NEUTRAL) == (0, 0, 0)

    def test_nothing_where_it_does_not(self, monkeypatch):
        old = replace(TINY, features=FEATURES_OF_FORMAT_1)
        assert self.seen(monkeypatch, runtime_of(old), Dials(density=1.0)) == (0, 0, 0)


class TestAtTheEnds:
    @pytest.mark.parametrize("dials", ENDS, ids=str)
    @pytest.mark.parametrize("style", sorted(HABITS))
    def test_no_mask_is_violated(self, runtime, style, dials):
        plan = plan_of(ComposeRequest(style, seed=3, bars=6, **dials))
        (piece,) = compose_sequences(runtime, plan, [(2,)], Sampling())
        grammar = Grammar(plan, Context((plan.metre,), plan.total))
        for step in piece.steps().tolist():
            assert grammar.rhythms()[step[0]]
            assert grammar.melodies(step[0])[step[1]]
            assert grammar.chords(step[1])[step[2]]
            grammar.append(*step)
        assert grammar.finished

    @pytest.mark.parametrize("dials", ENDS[-2:], ids=str)
    def test_promises_are_kept(self, tmp_path, dials):
        config, weights = TINY.as_json(), weights_of(random_generator(TINY))
        save_checkpoint(tmp_path / "tiny", config=config, weights=weights, styles={"guqin": {}}, facts={})
        request = ComposeRequest("guqin", checkpoint=tmp_path / "tiny", seed=1, bars=6, mode="yu", gong=5, **dials)
        (take,) = compose_takes(request).takes  # raises if a promise is broken
        assert (take.mode, take.gong, take.bars, take.playable) == ("yu", 5, 6, True)

    def test_more_is_written_at_each_setting(self, runtime):
        lengths = []
        for value in (0.0, 0.25, 0.75, 1.0):
            plan = plan_of(ComposeRequest("guzheng", seed=3, bars=16, density=value))
            lengths.append(sum(map(len, compose_sequences(runtime, plan, [(n,) for n in range(3)], Sampling()))))
        assert all(fewer < more for fewer, more in pairwise(lengths))


class TestOrnament:
    def played(self, **options):
        rng = np.random.default_rng(5)
        pitches = rng.choice([62, 64, 66, 69, 71, 74], size=200)
        rows = [(480 * place, 480, int(pitch)) for place, pitch in enumerate(pitches)]
        score = Score(make_notes(rows), tempi=(Tempo(0, 70.0),))
        instrument = get_instrument("guzheng")
        return play(score, instrument, instrument.tunings["D"], style="guzheng", seed=4, **options)

    def test_ornaments_are_scaled(self):
        counts = [sum(bool(n.ornament) for n in self.played(ornament=v).notes) for v in (0.0, 0.25, 0.5, 0.75, 1.0)]
        assert counts[0] == 0
        assert all(fewer < more for fewer, more in pairwise(counts))
        assert 1.6 <= counts[4] / counts[2] <= 2.4

    def test_the_middle_changes_nothing(self):
        assert self.played(ornament=0.5) == self.played()


def test_no_chord_is_steered():
    made = steering([(1, TONES[40])], density=1.0, leaps=1.0, register=1.0, surprise=1.0)
    assert made.bias(2) is None
    assert made.bias(1).shape == melody.RELATIVE.shape
    assert chord.NO_CHORD == 1
