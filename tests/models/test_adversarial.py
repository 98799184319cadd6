"""The duel: members judge only what they have not learnt from, and a stopped stage goes on to the bit."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from symgen.errors import CheckpointError, CorpusError, UsageError
from symgen.models.adversarial import fight
from symgen.models.adversarial_stage import AdversarialStage
from symgen.models.discriminator import Adversary, AdversaryConfig, Heard
from symgen.models.duel import Duel
from symgen.models.likelihood import Run
from symgen.models.losses import weights_of
from symgen.models.mixture import Mixture
from symgen.models.rollout import openings
from symgen.models.snapshots import snapshots
from symgen.models.watch import Limits
from symgen.models.windows import Pieces
from symgen.progress import silent
from symgen.tokens.prefix import FIELDS, METRES
from symgen.tokens.sequence import FAMILIES
from tests.models.music import TINY, random_generator, random_tune

ADVERSARY = AdversaryConfig(folds=2, members=1, width=8, hidden=8)
STAGE = AdversarialStage(
    updates=4, shares={"guqin": 1.0}, contexts=3, siblings=2, seen=8, heard=4, length=6, warm_up=2, memory=2,
    evaluate_every=1, learning_rate=1e-3, adversary=ADVERSARY,
)  # fmt: skip


@pytest.fixture(scope="module")
def pieces():
    return Pieces([random_tune(seed, 40) for seed in range(6)])


def heard_of(pieces, numbers, length=10):
    batch = pieces.batch([(number, 4) for number in numbers], length)
    return Heard(
        torch.from_numpy(batch.steps[:, 1:]), torch.from_numpy(batch.features), torch.tensor([n % 2 for n in numbers])
    )


def run_stage(folder, pieces, stage):
    run = Run(random_generator(TINY), folder, 3)
    mixture = Mixture({"guqin": pieces}, {"guqin": 1.0}, window=16, steps=64)
    fight(run, stage, {"guqin": pieces}, {"guqin": pieces}, mixture, silent)
    return weights_of(run.model)


def same(one, other):
    return all(np.array_equal(one[name], other[name]) for name in one)


def test_members_learn_nothing_from_their_own_fold(pieces):
    adversary = Adversary(ADVERSARY, judged=6)
    before = [copy.deepcopy(weights_of(member)) for member in adversary.members]
    heard = heard_of(pieces, [0, 2, 4])  # all of fold 0
    adversary.step(heard, heard)
    assert same(before[0], weights_of(adversary.members[0]))
    assert not same(before[1], weights_of(adversary.members[1]))


def test_verdicts_on_a_beginning_do_not_know_the_end(pieces):
    adversary = Adversary(ADVERSARY, judged=6)
    heard = heard_of(pieces, [0, 1, 2, 3])
    steps, features = heard.steps.clone(), heard.features.clone()
    steps[:, -1], features[:, -1] = 1, 0
    with torch.no_grad():
        one, other = adversary.verdicts(heard), adversary.verdicts(Heard(steps, features, heard.folds))
    assert one[0].shape == (4, 6)
    assert torch.allclose(one[0][:, :-1], other[0][:, :-1], atol=1e-6)
    assert not torch.allclose(one[1], other[1])


def test_soft_tokens_that_are_hard_get_the_same_verdict(pieces):
    adversary = Adversary(ADVERSARY, judged=6)
    heard = heard_of(pieces, [0, 1, 2])
    soft = [functional.one_hot(heard.steps[..., place], len(f.VOCABULARY)).float() for place, f in enumerate(FAMILIES)]
    with torch.no_grad():
        one = adversary.verdicts(heard)
        other = adversary.verdicts(Heard(heard.steps, heard.features, heard.folds, tuple(soft)))
    assert torch.allclose(one[1], other[1], atol=1e-5)


def test_an_adversary_learns_what_is_easy(pieces):
    torch.manual_seed(0)
    adversary = Adversary(replace(ADVERSARY, learning_rate=1e-2, dropout=0.1), judged=6)
    real = heard_of(pieces, [0, 1, 2, 3, 4, 5])
    written = Heard(torch.full_like(real.steps, 2), torch.zeros_like(real.features), real.folds)
    for _ in range(30):
        adversary.step(real, written)
    assert adversary.accuracy_on(real, written) == 1.0


@pytest.mark.parametrize("way", ["policy", "gumbel", "replay"])
@pytest.mark.parametrize("stop", [0, 1, 3])
def test_a_stopped_stage_goes_on_to_the_bit(pieces, tmp_path, way, stop):
    stage = replace(STAGE, way=way)
    whole = run_stage(tmp_path / "whole", pieces, stage)
    run_stage(tmp_path / "stopped", pieces, stage)
    for later in snapshots(tmp_path / "stopped", stage.name)[stop + 1 :]:
        later.unlink()
    assert same(whole, run_stage(tmp_path / "stopped", pieces, stage))
    assert not same(whole, weights_of(random_generator(TINY)))


def test_a_crossed_limit_undoes_updates_and_ends_the_stage(pieces, tmp_path):
    stage = replace(STAGE, updates=12, evaluate_every=4, limits=Limits(divergence=0.0, settle=1))
    weights = run_stage(tmp_path, pieces, stage)
    assert [path.stem for path in snapshots(tmp_path, stage.name)] == ["adversarial-00000"]
    assert same(weights, weights_of(random_generator(TINY)))


def test_a_damaged_snapshot_is_named(pieces, tmp_path):
    run_stage(tmp_path, pieces, replace(STAGE, updates=1))
    last = snapshots(tmp_path, STAGE.name)[-1]
    last.write_bytes(last.read_bytes()[:-9])
    with pytest.raises(CheckpointError, match=last.name):
        run_stage(tmp_path, pieces, STAGE)


def test_pieces_that_are_too_short_and_ways_that_are_none(pieces, tmp_path):
    short = Pieces([random_tune(1, 5)])
    with pytest.raises(CorpusError, match="no training piece has 38 steps"):
        run_stage(tmp_path, short, replace(STAGE, seen=8, length=54, judged=30))
    with pytest.raises(UsageError, match="policy, gumbel, replay"):
        run_stage(tmp_path, pieces, replace(STAGE, way="luck"))


def test_the_adversary_hears_only_training_pieces(pieces, tmp_path):
    """Whatever is compared comes from the pieces the duel was given."""
    duel = Duel(Run(random_generator(TINY), tmp_path, 0), STAGE, {"guqin": pieces})
    duel.warm_up(np.random.default_rng(0), silent)
    real, _ = duel._compared(np.random.default_rng(1))
    known = {row.tobytes() for n in range(len(pieces)) for row in pieces[n].steps.astype(np.int64)}
    assert all(step.numpy().tobytes() in known for window in real.steps for step in window)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_windows_lie_anywhere_in_what_was_written(pieces, tmp_path, share):
    """And beside those of openings stand real ones of the same steps."""
    stage = replace(STAGE, openings=share, length=20, judged=6)
    duel = Duel(Run(random_generator(TINY), tmp_path, 0), stage, {"guqin": pieces})
    rng = np.random.default_rng(0)
    written = duel.write(rng)
    assert written.begun == bool(share)
    assert written.batch.steps.shape == (6, stage.seen + stage.length + 1, 3)
    firsts = {first for _ in range(30) for first in duel._firsts(written, rng)}
    assert min(firsts) == (0 if share else stage.seen - stage.heard)
    assert max(firsts) == stage.seen + stage.length - stage.heard - 6
    real = duel._real(written, 2, 4, rng)
    places = {pieces[n].steps[3:13].astype(np.int64).tobytes() for n in range(len(pieces))}
    assert all(window.numpy().tobytes() in places for window in real.steps) == bool(share)


def test_openings_are_told_one_metre_and_the_length_of_a_piece(pieces):
    prefixes, contexts = openings(pieces, np.array([0, 3]), 2, np.random.default_rng(0))
    assert prefixes.shape == (4, len(FIELDS))
    assert np.array_equal(prefixes[:, :2], pieces.prefixes[[0, 0, 3, 3], :2])
    assert [context.total for context in contexts] == [pieces[0].end] * 2 + [pieces[3].end] * 2
    assert {METRES[number] for number in prefixes[:, 2]} <= {"2/4", "4/4"}
    assert all(len(context.metres) == 1 for context in contexts)
