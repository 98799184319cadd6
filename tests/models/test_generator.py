"""The generator points at what came before, and forgets only while it learns."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from symgen.models.duel import runtime_of
from symgen.models.evidence import FAST
from symgen.models.features import COPIED, FEATURES, PLACE
from symgen.models.generator import Generator, GeneratorConfig
from symgen.models.recall import agreement
from symgen.tokens.prefix import FIELDS
from tests.models.music import TINY, random_generator

PREFIX = torch.zeros((1, len(FIELDS)), dtype=torch.int64)


def features_of(**values):
    features = torch.zeros((1, 3, len(FEATURES)), dtype=torch.int64)
    for name, value in values.items():
        features[..., PLACE[name]] = value
    return features


def test_a_pointer_raises_the_token_it_points_at():
    model = random_generator(replace(TINY, recalls=False))
    steps = torch.randint(1, 200, (1, 4, 3))
    with torch.no_grad():
        for head in model.heads.values():
            head.copy.weight.zero_()
            head.copy.bias.fill_(3.0)
        pointed = features_of(match_melody=140, echo1_rhythm=20)
        logits = model(steps, pointed, PREFIX)
        for head in model.heads.values():
            head.copy.bias.zero_()
        plain = model(steps, pointed, PREFIX)
    rhythm, melody = ((one - other)[0, 0] for one, other in zip(logits[:2], plain[:2], strict=True))
    assert torch.allclose(rhythm[20], torch.tensor(3.0), atol=1e-4)
    assert torch.allclose(melody[140], torch.tensor(3.0), atol=1e-4)
    assert abs(rhythm.sum() - 3.0) < 1e-2  # no other token, and <start> least of all
    assert abs(melody.sum() - 3.0) < 1e-2


def test_two_pointers_at_one_token_add_up():
    model = random_generator(replace(TINY, recalls=False))
    for head in model.heads.values():
        torch.nn.init.zeros_(head.copy.weight)
        torch.nn.init.ones_(head.copy.bias)
    steps = torch.ones((1, 4, 3), dtype=torch.int64)
    both = model(steps, features_of(match_melody=140, echo1_melody=140), PREFIX)[1]
    for head in model.heads.values():
        torch.nn.init.zeros_(head.copy.bias)
    none = model(steps, features_of(match_melody=140, echo1_melody=140), PREFIX)[1]
    assert torch.allclose((both - none)[0, 0, 140], torch.tensor(2.0), atol=1e-4)


def test_a_generator_without_pointers_has_none():
    model = Generator(GeneratorConfig(width=16, layers=1, heads=2, window=8, copies=False, recalls=False))
    assert not any("copy.weight" in name or "recall" in name for name in model.state_dict())
    assert all(COPIED)


def test_what_is_recalled_has_been_said():
    """With open gates, what the last steps said is likelier than it was, and nothing else is."""
    model = random_generator()
    steps = torch.randint(2, 200, (1, 12, 3))
    features = torch.zeros((1, 11, len(FEATURES)), dtype=torch.int64)
    quiet = model(steps, features, PREFIX)[1].softmax(-1)
    with torch.no_grad():
        model.heads["melody"].recall.gate.bias.fill_(2.0)
    loud = model(steps, features, PREFIX)[1].softmax(-1)
    for step in range(11):
        said = set(steps[0, 1 : step + 1, 1].tolist())
        risen = set(torch.nonzero(loud[0, step] > quiet[0, step] + 1e-5)[:, 0].tolist())
        assert risen <= said
        assert bool(risen) == bool(said)


def test_agreement_counts_what_led_to_a_step():
    before = torch.tensor([[5, 6, 7, 5, 6, 7, 9]])
    depth = agreement(before)[0]
    assert depth[3, :3].tolist() == [1, 0, 0]
    assert depth[5, 2] == 3
    assert depth[4, 1] == 2
    assert not depth[6, :6].any()


def test_tokens_are_forgotten_only_while_learning():
    model = random_generator(TINY)
    model.dropout = 0.0
    for block in model.blocks:
        block.dropout = 0.0
    model.token_dropout = 0.5
    steps, features = torch.randint(1, 200, (1, 4, 3)), features_of(match_melody=140)
    kept = features.clone()
    learning = [model.train()(steps, features, PREFIX)[0] for _ in range(4)]
    playing = [model.eval()(steps, features, PREFIX)[0] for _ in range(4)]
    assert any(not torch.equal(learning[0], one) for one in learning)
    assert all(torch.equal(playing[0], one) for one in playing)
    assert torch.equal(features, kept)


@pytest.mark.parametrize("brakes", [True, False])
def test_many_fast_notes_brake(brakes):
    """From the twentieth fast step of 32 on a fast one is less likely by a nat for each; slow ones keep their odds."""
    torch.manual_seed(0)
    model = Generator(replace(TINY, brakes=brakes, recalls=False, copies=False)).eval()
    plain = Generator(replace(TINY, brakes=False, recalls=False, copies=False)).eval()
    plain.load_state_dict(model.state_dict())
    slow, fast = (int(np.flatnonzero(value == FAST)[-1]) for value in (False, True))
    steps = torch.full((1, 31, 3), 120)
    steps[0, :, 0] = torch.tensor([slow] * 5 + [fast] * 26)
    features = torch.zeros((1, 30, len(FEATURES)), dtype=torch.int64)
    less = plain(steps, features, PREFIX)[0] - model(steps, features, PREFIX)[0]
    expected = [max(0, time - 23) if brakes else 0 for time in range(30)]
    assert less[0, :, fast].round(decimals=3).tolist() == expected
    assert not less[0, :, slow].any()
    runtime = runtime_of(model)
    stream = runtime.start(PREFIX.tolist())
    for time in range(30):
        state = stream.advance(steps[:, time].numpy(), features[:, time].numpy())
        found = stream.logits(0, state, None)[1]
        assert np.allclose(found, model(steps, features, PREFIX)[0][:, time].detach().numpy(), atol=1e-4)
