"""Scripts: what stands, what is free, what comes again."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgen.drafting.ensemble import write_drafts
from symgen.grammar.masks import lands
from symgen.models.features import GOAL, PLACE, span_classes
from symgen.models.runtime import Runtime
from symgen.sampling import Sampling
from symgen.script import Again, Fixed, Free, Locks, cut, length_of, rests, steps_of
from symgen.tokens import melody, rhythm
from tests.models.music import TINY, random_generator
from tests.test_grammar import RandomRuntime, make_plan

STEPS = st.lists(
    st.tuples(st.integers(1, len(rhythm.VOCABULARY) - 1), st.integers(1, 400), st.integers(1, 5)), max_size=20
)


def ticks(steps):
    return sum(int(rhythm.INTERVAL[step[0]]) for step in steps)


def onsets(steps):
    intervals = [int(rhythm.INTERVAL[step[0]]) for step in steps]
    return (np.cumsum(intervals) - intervals).tolist()


@given(STEPS, st.integers(0, 60), st.integers(1, 120))
def test_a_cut_is_as_long_as_its_stretch(steps, start, length):
    assert ticks(cut(steps, 120 * start, 120 * (start + length))) == 120 * length


@given(STEPS, st.integers(0, 2), st.integers(1, 20))
def test_a_cut_has_the_tones_that_begin_in_it(steps, start, length):
    begin, end = 1920 * start, 1920 * (start + length)
    there = [s[1] for s, at in zip(steps, onsets(steps), strict=True) if begin <= at < end and s[1] != melody.REST]
    assert [step[1] for step in cut(steps, begin, end) if step[1] != melody.REST] == there


@given(st.integers(2, 400))
def test_rests_fill_sixteenths_exactly(sixteenths):
    assert ticks(rests(120 * sixteenths)) == 120 * sixteenths


def test_locks_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match=r"\[1, 2\]"):
        Locks(rhythm=(1,), melody=(2, 3))


def written(plan, seed=0, **options):
    (draft,) = write_drafts(RandomRuntime(seed), plan, [(seed,)], Sampling(), **options)
    return draft


def scripted(script, name="guqin", bars=8, seed=0):
    plan = make_plan(name, "yu", bars)
    return written(replace(plan, script=script), seed)


BAR = 1920
WHOLE = steps_of(written(make_plan("guqin", "yu", 8)).tokens)


def test_what_is_fixed_comes_out_and_the_free_stretch_lands():
    before, after = cut(WHOLE, 0, 3 * BAR), cut(WHOLE, 5 * BAR, 8 * BAR)
    draft = scripted((Fixed(before), Free(2 * BAR), Fixed(after)), seed=3)
    steps = steps_of(draft.tokens)
    assert cut(steps, 0, 3 * BAR) == before
    assert cut(steps, 5 * BAR, 8 * BAR) == after
    assert draft.fit < 0
    assert cut(steps, 3 * BAR, 5 * BAR) != cut(WHOLE, 3 * BAR, 5 * BAR)


def test_nothing_behind_the_free_stretch_fits_it_neither_well_nor_badly():
    assert scripted((Fixed(cut(WHOLE, 0, 4 * BAR)), Free(4 * BAR))).fit == 0


def test_a_stretch_comes_again_as_it_was_written():
    script = (Free(2 * BAR), Free(2 * BAR), Again(0, 2 * BAR), Free(2 * BAR))
    steps = steps_of(scripted(script, seed=5).tokens)
    assert cut(steps, 4 * BAR, 6 * BAR) == cut(steps, 0, 2 * BAR)
    assert length_of(script) == ticks(steps) == 8 * BAR


@pytest.mark.parametrize("seed", range(5))
def test_a_locked_rhythm_stays_and_the_last_tone_is_the_final(seed):
    kept = tuple(step[0] for step in WHOLE)
    steps = steps_of(scripted((Free(8 * BAR, Locks(rhythm=kept)),), seed=seed).tokens)
    assert tuple(step[0] for step in steps) == kept
    assert melody.DEGREE[steps[-1][1]] == 9


@pytest.mark.parametrize("seed", range(5))
def test_locked_tones_stay_and_fill_the_stretch(seed):
    bar = cut(WHOLE, BAR, 2 * BAR)
    tones = tuple(step[1] for step in bar)
    assert lands(BAR, BAR, len(tones))
    script = (Fixed(cut(WHOLE, 0, BAR)), Free(BAR, Locks(melody=tones)), Free(6 * BAR))
    steps = cut(steps_of(scripted(script, seed=seed).tokens), BAR, 2 * BAR)
    assert tuple(step[1] for step in steps) == tones


@pytest.mark.parametrize("seed", range(5))
def test_locked_moves_go_the_same_way(seed):
    moves = tuple([1, -1] * 4)
    kept = tuple([rhythm.rhythm_token(240, 240)] * 8)
    script = (Fixed(cut(WHOLE, 0, BAR)), Free(BAR, Locks(rhythm=kept, moves=moves)), Free(6 * BAR))
    steps = steps_of(scripted(script, seed=seed).tokens)
    tones = [int(melody.RELATIVE[s[1]]) for s in cut(steps, BAR, 2 * BAR)]
    # where nothing in reach lies on that side, the tone is free: most keep their way
    kept_way = [np.sign(b - a) == move for a, b, move in zip(tones, tones[1:], moves[1:], strict=False)]
    assert sum(kept_way) >= len(kept_way) - 1


def test_more_notes_than_a_bar_can_hold_do_not_land():
    assert lands(0, BAR, 1)
    assert lands(0, BAR, 64)
    assert not lands(0, BAR, 100)


def test_every_step_is_told_as_it_is_written():
    told = []
    draft = written(make_plan("guqin", "yu", 4), follow=lambda row, step: told.append((row, step)))
    assert [step for _, step in told] == list(steps_of(draft.tokens))
    assert {row for row, _ in told} == {0}


def test_a_long_opening_costs_no_more_than_what_the_network_sees():
    class Counting(RandomRuntime):
        window, calls = 16, 0

        def advance(self, previous, features):
            Counting.calls += 1
            return super().advance(previous, features)

    plan = replace(make_plan("guqin", "yu", 8), script=(Fixed(WHOLE), Free(BAR)), ticks=9 * BAR)
    write_drafts(Counting(1), plan, [(1,)], Sampling())
    assert Counting.calls <= 16 + 40


@pytest.mark.parametrize("seed", range(4))
def test_a_stretch_with_a_cadence_comes_to_rest_on_its_degree(seed):
    script = (Free(4 * BAR, cadence=7), Free(4 * BAR))
    steps = cut(steps_of(scripted(script, seed=seed).tokens), 0, 4 * BAR)
    assert melody.DEGREE[steps[-1][1]] == 7
    assert rhythm.INTERVAL[steps[-1][0]] == 960


def tiny_runtime():
    """Return a small network of random weights that knows all features."""
    weights = {name: value.numpy() for name, value in random_generator(TINY).state_dict().items()}
    sizes = {name: getattr(TINY, name) for name in ("layers", "heads", "width", "window")}
    return Runtime(weights, **sizes, features=TINY.features)


MIDDLE = (Fixed(cut(WHOLE, 0, 3 * BAR)), Free(2 * BAR), Fixed(cut(WHOLE, 5 * BAR, 8 * BAR)))


@pytest.mark.parametrize("script", [MIDDLE, MIDDLE[1:]])
def test_a_draft_is_the_same_alone_and_among_others(script):
    plan = replace(make_plan("guqin", "yu", 8), script=script, ticks=length_of(script))
    seeds = [(1, place) for place in range(3)]
    runtime = tiny_runtime()
    together = write_drafts(runtime, plan, seeds, Sampling())
    apart = [write_drafts(runtime, plan, [seed], Sampling())[0] for seed in seeds]
    assert [steps_of(draft.tokens) for draft in together] == [steps_of(draft.tokens) for draft in apart]
    assert [draft.fit for draft in together] == [draft.fit for draft in apart]


def test_what_stands_before_is_read_once_for_all_drafts():
    rows = []

    class Counting(RandomRuntime):
        def advance(self, previous, features):
            rows.append(len(previous))
            return super().advance(previous, features)

    plan = replace(make_plan("guqin", "yu", 8), script=MIDDLE)
    write_drafts(Counting(1), plan, [(1,), (2,), (3,)], Sampling())
    before = len(MIDDLE[0].steps)
    assert rows[:before] == [1] * before
    assert rows[before] == 3


def test_the_fit_is_the_sum_of_what_is_heard_of_each_given_step():
    draft = scripted(MIDDLE, seed=3)
    assert len(draft.heard) == len(MIDDLE[2].steps)
    assert sum(draft.heard) == draft.fit


def goals_told(script):
    """Return tick and goal columns of each step that a generator is told of while a script is written."""
    told = []

    class Listening(RandomRuntime):
        def advance(self, previous, features):
            told.append(tuple(features[0, [PLACE[name] for name in GOAL]].tolist()))
            return super().advance(previous, features)

    plan = replace(make_plan("guqin", "yu", 8), script=script)
    (draft,) = write_drafts(Listening(1), plan, [(1,)], Sampling())
    return list(zip(draft.tokens.onsets().tolist(), told, strict=True))


def test_a_generator_is_told_which_notes_come_after_the_free_stretch():
    (first, second), end = MIDDLE[2].steps[:2], 5 * BAR
    for tick, goal in goals_told(MIDDLE):
        known = (int(span_classes(np.array([end - tick]))[0]), first[0], first[1], second[1])
        assert goal == (known if tick < end else (0, 0, 0, 0))


def test_of_two_free_stretches_the_nearer_goal_is_told():
    script = (Free(BAR), Fixed(cut(WHOLE, BAR, 2 * BAR)), Free(BAR), Fixed(cut(WHOLE, 3 * BAR, 4 * BAR)))
    told = {tick // BAR: goal[1:] for tick, goal in reversed(goals_told(script))}  # at the beginning of each bar
    goals = [(*one.steps[0][:2], one.steps[1][1] if one.steps[1:] else 0) for one in (script[1], script[3])]
    assert told == {0: goals[0], 1: goals[1], 2: goals[1], 3: (0, 0, 0)}


@pytest.mark.parametrize("script", [(Free(8 * BAR),), (Free(2 * BAR), Again(0, 2 * BAR), Free(2 * BAR))])
def test_where_nothing_stands_after_a_free_stretch_there_is_no_goal(script):
    assert {goal for _, goal in goals_told(script)} == {(0, 0, 0, 0)}
