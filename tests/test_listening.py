"""The ear: versions that compete while they are written, steered by an adversary."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgen.compose import ComposeRequest, compose, compose_side_by_side
from symgen.dials import Dials
from symgen.drafting.ensemble import Ensemble, write_drafts
from symgen.errors import CheckpointError, UsageError
from symgen.grammar.rules import Grammar
from symgen.listening import VERSIONS, CriticEar, load_ear, save_ears
from symgen.metrics.critic import COUNT, Critic, Stretches, fit
from symgen.metrics.line import line_of
from symgen.models.checkpoint import EAR, FACTS, load_checkpoint, save_checkpoint
from symgen.models.contest import Contest
from symgen.models.context import Context
from symgen.models.losses import weights_of
from symgen.models.rollout import continue_pieces
from symgen.models.windows import Pieces
from symgen.sampling import Sampling
from symgen.score import Metre, Score, make_notes
from symgen.script import Fixed, Free, cut, steps_of
from symgen.tokens import melody
from symgen.tokens.codec import encode
from symgen.tokens.vocabulary import START
from tests.models.music import TINY, random_generator, random_tune
from tests.test_grammar import make_plan


class Heights:
    """An ear to which what is higher is more like people's."""

    versions, every, reach = 4, 4, 16

    def __init__(self, strength=0.2):
        self.strength = strength

    def odds(self, heard):
        return np.array([self.strength * height(one) for one in heard])

    verdicts = odds


def height(tokens):
    sounding = tokens.melody[tokens.melody != melody.REST]
    return float(melody.RELATIVE[sounding].mean()) if len(sounding) else 0.0


RUNTIME = random_generator(TINY)


@pytest.fixture(scope="module")
def runtime():
    from symgen.models.duel import runtime_of

    return runtime_of(RUNTIME)


class TestContest:
    @given(st.integers(0, 99), st.lists(st.floats(-50, 50), min_size=2, max_size=12))
    def test_each_version_has_as_many_heirs_as_its_share(self, seed, odds):
        heirs = Contest([(seed,)], len(odds)).heirs(0, np.array(odds))
        weights = np.exp(np.array(odds) - max(odds))
        share = weights / weights.sum()
        if heirs is None:
            assert 2 / (share * share).sum() >= len(odds)
            return
        counts = np.bincount(heirs, minlength=len(odds))
        assert (np.abs(counts - len(odds) * share) < 1 + 1e-9).all()
        assert all(heirs[version] == version for version in np.flatnonzero(counts))

    def test_equal_versions_all_go_on(self):
        contest = Contest([(1,), (2,)], 8)
        assert contest.heirs(0, np.zeros(8)) is None
        assert contest.heirs(0, np.ones(8)) is None

    def test_after_a_decision_all_begin_anew(self):
        contest = Contest([(1,)], 4)
        assert contest.heirs(0, np.array([9.0, 0, 0, 0])).tolist() == [0, 0, 0, 0]
        assert contest.heirs(0, np.zeros(4)) is None

    def test_what_was_heard_adds_up_until_it_decides(self):
        contest, odds = Contest([(1,)], 4), np.array([0.6, 0.0, 0.0, 0.0])
        turns = [contest.heirs(0, odds) is None for _ in range(6)]
        assert turns[0]
        assert not all(turns)


class TestWriting:
    def test_what_the_ear_likes_is_what_goes_on(self, runtime):
        plan, seeds = make_plan("guqin", "yu", bars=8), [(n,) for n in range(6)]
        alone = np.mean([height(draft.tokens) for draft in write_drafts(runtime, plan, seeds, Sampling())])
        heard = write_drafts(runtime, plan, seeds, Sampling(), ear=Heights())
        assert np.mean([height(draft.tokens) for draft in heard]) > alone + 1
        assert all(draft.tokens.end == plan.total for draft in heard)

    def test_a_draft_does_not_depend_on_its_neighbours(self, runtime):
        plans = [make_plan("guqin", "yu", bars=bars) for bars in (4, 8, 6)]
        seeds = [(n,) for n in range(3)]
        together = write_drafts(runtime, plans, seeds, Sampling(), ear=Heights())
        for plan, seed, draft in zip(plans, seeds, together, strict=True):
            (one,) = write_drafts(runtime, [plan], [seed], Sampling(), ear=Heights())
            assert one.tokens == draft.tokens
            assert one.worth == draft.worth

    def test_an_heir_goes_on_from_what_it_inherited(self, runtime):
        """The scores of every row are those of a stream that was told the steps of its writer and nothing else."""
        plan = make_plan("guqin", "yu", bars=60)
        ensemble = Ensemble(runtime, [plan], [(4,)], masks=True, ear=Heights(1.0), follow=None)
        for _ in range(24):
            ensemble.advance(Sampling())
        state = ensemble.stream.advance(ensemble.previous, features := ensemble.features())
        found = ensemble.stream.logits(0, state, None)[1]
        for row, writer in enumerate(ensemble.writers):
            stream, context = runtime.start([plan.prefix.numbers()]), Context(plan.metre_map, plan.total)
            before = (START, START, START)
            for step in writer.cursor.steps:
                stream.advance(np.array([before]), np.array([context.features()]))
                context.append(*step)
                before = step
            assert tuple(features[row]) == context.features()
            alone = stream.logits(0, stream.advance(np.array([before]), np.array([context.features()])), None)[1]
            np.testing.assert_allclose(found[row], alone[0], rtol=1e-4, atol=1e-4)
        assert len({tuple(writer.cursor.steps) for writer in ensemble.writers}) > 1

    def test_dials_are_inherited_too(self, runtime):
        plan = replace(make_plan("guqin", "yu", bars=60), dials=Dials(density=0.9, register=0.7))
        ensemble = Ensemble(runtime, [plan], [(4,)], masks=True, ear=Heights(1.0), follow=None)
        for _ in range(24):
            ensemble.advance(Sampling())
        steerings = [writer.cursor.grammar.steering for writer in ensemble.writers]
        assert len({id(one) for one in steerings}) == len(steerings)
        for writer in ensemble.writers:
            again = Grammar(plan, Context(plan.metre_map, plan.total)).steering
            for step in writer.cursor.steps:
                again.append(step[0], step[1])
            assert again.bias(0).tolist() == writer.cursor.grammar.steering.bias(0).tolist()

    def test_steps_are_told_once_each_and_in_order(self, runtime):
        told = {0: [], 1: []}
        drafts = write_drafts(
            runtime,
            make_plan("guqin", "yu", bars=6),
            [(1,), (2,)],
            Sampling(),
            ear=Heights(),
            follow=lambda row, step: told[row].append(step),
        )
        assert [steps_of(draft.tokens) for draft in drafts] == [tuple(told[0]), tuple(told[1])]

    def test_what_stands_still_stands(self, runtime):
        whole = steps_of(write_drafts(runtime, make_plan("guqin", "yu", bars=8), [(5,)], Sampling())[0].tokens)
        before, after = cut(whole, 0, 3840), cut(whole, 7680, 15360)
        plan = replace(make_plan("guqin", "yu", bars=8), script=(Fixed(before), Free(3840), Fixed(after)))
        (draft,) = write_drafts(runtime, plan, [(3,)], Sampling(), ear=Heights())
        steps = steps_of(draft.tokens)
        assert (cut(steps, 0, 3840), cut(steps, 7680, 15360)) == (before, after)
        assert draft.worth == pytest.approx(draft.fit + 0.2 * height(draft.tokens), rel=1e-6)

    def test_continuations_are_heard_too(self, runtime):
        pieces = Pieces([random_tune(n, 60, style="guqin") for n in range(4)])
        places = [(piece, 20) for piece in range(4)]
        wanted = {"seen": 8, "length": 24}
        alone = continue_pieces(runtime, pieces, places, **wanted, rng=np.random.default_rng(0))
        heard = continue_pieces(runtime, pieces, places, **wanted, rng=np.random.default_rng(0), ear=Heights(0.5))
        assert heard.steps.shape == alone.steps.shape
        np.testing.assert_array_equal(heard.steps[:, :9], alone.steps[:, :9])
        for steps, features, (piece, start) in zip(heard.steps, heard.features, places, strict=True):
            context = pieces.contexts([(piece, start)])[piece, start].copy()
            for step, told in zip(steps[9:], features[8:], strict=True):
                assert context.features() == tuple(told)
                context.append(*step.tolist())
        relative = melody.RELATIVE
        assert relative[heard.steps[:, 9:, 1]].mean() > relative[alone.steps[:, 9:, 1]].mean()


def tune_of(notes, ticks):
    rows = [(ticks * n, ticks, 60 + (0, 2, 4, 7, 9)[n % 5]) for n in range(notes)]
    return encode(Score(make_notes(rows), metres=(Metre(0, 4, 4),)), style="guqin", gong=0)


@pytest.fixture(scope="module")
def critic():
    real, composed = ([random_tune(n + 50 * side, 70, style="guqin") for n in range(8)] for side in (0, 1))
    return fit(Stretches.of(real, 32), Stretches.of(composed, 32))[0]


class TestCriticEar:
    def test_a_stretch_counts_by_its_new_part(self, critic):
        tune = random_tune(3, 32, style="guqin")
        notes = len(line_of(tune).pitch)
        ear = CriticEar(replace(critic, stretch=notes), every=4)
        assert ear.odds([tune])[0] == pytest.approx(4 / notes * ear.critic.log_odds(line_of(tune)))

    def test_it_says_nothing_of_a_few_notes(self, critic):
        few, many = random_tune(1, 8, style="guqin"), random_tune(1, 64, style="guqin")
        silence = replace(few, melody=np.full_like(few.melody, melody.REST))
        assert CriticEar(critic).odds([few, silence]).tolist() == [0, 0]
        assert len(set(CriticEar(critic).odds([few, many, silence]).tolist())) == 1
        assert CriticEar(critic).verdicts([silence, silence]).tolist() == [0, 0]

    @pytest.mark.parametrize("bias", [-1.0, 1.0])
    def test_the_number_of_notes_is_no_merit(self, bias):
        """Of two pieces of one length in time, one with twice as many notes; also where each is asked about alone."""
        ear = CriticEar(Critic(np.zeros(COUNT), bias, stretch=32))
        few, many = (tune_of(notes, 960 * 64 // notes) for notes in (64, 128))
        assert few.end == many.end
        said = ear.verdicts([few, many])
        assert said[0] == said[1] == ear.verdicts([few])[0] == ear.verdicts([many])[0]
        assert np.sign(said[0]) == bias

    def test_silence_does_not_win(self):
        ear = CriticEar(Critic(np.zeros(COUNT), -1.0, stretch=32))
        tune = tune_of(64, 480)
        silence = replace(tune, melody=np.full_like(tune.melody, melody.REST))
        assert ear.odds([tune, silence]).tolist() == [-0.25, -0.25]
        assert ear.verdicts([tune, silence])[1] == ear.verdicts([tune, silence])[0] < 0


@pytest.fixture
def checkpoint(tmp_path, critic):
    path = tmp_path / "tiny"
    styles = {"guqin": {}, "folk": {}}
    save_checkpoint(path, config=TINY.as_json(), weights=weights_of(RUNTIME), styles=styles, facts={})
    return path


class TestInTheCheckpoint:
    def test_it_changes_the_digest_and_goes_along(self, checkpoint, critic, tmp_path):
        before = load_checkpoint(checkpoint)
        save_ears(before, {"guqin": critic})
        after = load_checkpoint(checkpoint)
        assert after.digest != before.digest == after.weights_digest
        read = load_ear(load_checkpoint(after.save_pretrained(tmp_path / "copy")), "guqin")
        np.testing.assert_allclose(read.critic.weights, critic.weights, rtol=1e-6, atol=1e-7)
        assert (read.versions, read.critic.stretch) == (VERSIONS, 32)
        save_ears(after, {})
        assert load_checkpoint(checkpoint).digest == before.digest

    def test_a_file_that_the_facts_do_not_name_is_none(self, checkpoint, critic, tmp_path):
        bare = load_checkpoint(checkpoint).save_pretrained(tmp_path / "bare")
        save_ears(load_checkpoint(checkpoint), {"guqin": critic})
        (bare / EAR).write_bytes((checkpoint / EAR).read_bytes())
        assert load_ear(load_checkpoint(bare), "guqin") is None
        load_checkpoint(bare).save_pretrained(checkpoint)
        assert load_ear(load_checkpoint(checkpoint), "guqin") is None

    def test_new_weights_have_no_old_ear(self, checkpoint, critic):
        save_ears(load_checkpoint(checkpoint), {"guqin": critic})
        save_checkpoint(checkpoint, config=TINY.as_json(), weights=weights_of(RUNTIME), styles={"guqin": {}}, facts={})
        assert not (checkpoint / EAR).exists()
        assert load_ear(load_checkpoint(checkpoint), "guqin") is None

    def test_who_has_none(self, checkpoint, critic):
        assert load_ear(load_checkpoint(checkpoint), "guqin") is None
        save_ears(load_checkpoint(checkpoint), {"guqin": critic})
        assert load_ear(load_checkpoint(checkpoint), "folk") is None
        assert load_ear(load_checkpoint(checkpoint), "guqin", versions=1) is None
        assert load_ear(load_checkpoint(checkpoint), "guqin", versions=3).versions == 3

    @pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"\0" * 99)])
    def test_a_damaged_one_is_told_in_a_line(self, checkpoint, critic, damage):
        save_ears(load_checkpoint(checkpoint), {"guqin": critic})
        damage(checkpoint / EAR)
        with pytest.raises(CheckpointError, match=r"ear\.safetensors"):
            load_checkpoint(checkpoint)

    def test_facts_are_kept(self, checkpoint, critic):
        facts = (checkpoint / FACTS).read_bytes()
        save_ears(load_checkpoint(checkpoint), {"guqin": critic})
        save_ears(load_checkpoint(checkpoint), {})
        assert (checkpoint / FACTS).read_bytes() == facts

    def test_composing_with_it(self, checkpoint, critic):
        save_ears(load_checkpoint(checkpoint), {"guqin": critic})
        options = {"bars": 4, "seed": 3, "checkpoint": checkpoint, "raw": True}
        found = [compose("guqin", **options, versions=versions).takes[0] for versions in (None, VERSIONS, 1, 2)]
        assert found[0].tokens == found[1].tokens
        assert len({take.tokens.melody.tobytes() for take in found}) > 1
        (beside,) = compose_side_by_side([ComposeRequest("guqin", **options)])
        assert beside == found[0].tokens

    @pytest.mark.parametrize("versions", [0, 65, 1.5])
    def test_what_cannot_be_asked(self, checkpoint, versions):
        with pytest.raises(UsageError, match="versions"):
            compose("guqin", bars=2, checkpoint=checkpoint, versions=versions)
