"""The ear: versions that compete while they are written, steered by an adversary."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgen.compose import ComposeRequest, compose, compose_side_by_side
from symgen.drafting.ensemble import write_drafts
from symgen.errors import CheckpointError, UsageError
from symgen.listening import VERSIONS, CriticEar, load_ear, save_ears
from symgen.metrics.critic import COUNT, Critic, Stretches, fit
from symgen.metrics.line import line_of
from symgen.models.checkpoint import EAR, FACTS, load_checkpoint, save_checkpoint
from symgen.models.contest import Contest
from symgen.models.losses import weights_of
from symgen.models.rollout import continue_pieces
from symgen.models.windows import Pieces
from symgen.sampling import Sampling
from symgen.script import Fixed, Free, cut, steps_of
from symgen.tokens import melody
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

    def test_what_was_heard_adds_up_until_it_decides(self):
        contest, odds = Contest([(1,)], 4), np.array([0.6, 0.0, 0.0, 0.0])
        turns = [contest.heirs(0, odds) is None for _ in range(6)]
        assert turns[0]
        assert not all(turns)


class TestWriting:
    def test_what_the_ear_likes_is_what_goes_on(self, runtime):
        plan, seeds = make_plan("guqin", "yu", 8), [(n,) for n in range(6)]
        alone = np.mean([height(draft.tokens) for draft in write_drafts(runtime, plan, seeds, Sampling())])
        heard = write_drafts(runtime, plan, seeds, Sampling(), ear=Heights())
        assert np.mean([height(draft.tokens) for draft in heard]) > alone + 1
        assert all(draft.tokens.end == plan.total for draft in heard)

    def test_a_draft_does_not_depend_on_its_neighbours(self, runtime):
        plans = [make_plan("guqin", "yu", bars) for bars in (4, 8, 6)]
        seeds = [(n,) for n in range(3)]
        together = write_drafts(runtime, plans, seeds, Sampling(), ear=Heights())
        for plan, seed, draft in zip(plans, seeds, together, strict=True):
            (one,) = write_drafts(runtime, [plan], [seed], Sampling(), ear=Heights())
            assert one.tokens == draft.tokens
            assert one.worth == draft.worth

    def test_steps_are_told_once_each_and_in_order(self, runtime):
        told = {0: [], 1: []}
        drafts = write_drafts(
            runtime,
            make_plan("guqin", "yu", 6),
            [(1,), (2,)],
            Sampling(),
            ear=Heights(),
            follow=lambda row, step: told[row].append(step),
        )
        assert [steps_of(draft.tokens) for draft in drafts] == [tuple(told[0]), tuple(told[1])]

    def test_what_stands_still_stands(self, runtime):
        whole = steps_of(write_drafts(runtime, make_plan("guqin", "yu", 8), [(5,)], Sampling())[0].tokens)
        before, after = cut(whole, 0, 3840), cut(whole, 7680, 15360)
        plan = replace(make_plan("guqin", "yu", 8), script=(Fixed(before), Free(3840), Fixed(after)))
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
        relative = melody.RELATIVE
        assert relative[heard.steps[:, 9:, 1]].mean() > relative[alone.steps[:, 9:, 1]].mean()


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
        assert CriticEar(critic).odds([few, many, silence])[[0, 2]].tolist() == [0, 0]
        assert CriticEar(critic).verdicts([silence, silence]).tolist() == [0, 0]

    def test_more_notes_are_no_merit(self, critic):
        ear = CriticEar(Critic(np.zeros(COUNT), 1.0, stretch=32))
        said = ear.verdicts([random_tune(1, 64, style="guqin"), random_tune(2, 128, style="guqin")])
        assert said[0] == said[1] > 0


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
