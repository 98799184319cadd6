"""Every released version's checkpoint loads and gives the logits that it gave when it was made; damage is told."""

import contextlib
import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symgen.copying import copy_report
from symgen.errors import CheckpointError
from symgen.models.checkpoint import load_checkpoint
from symgen.models.tensors import read_tensors
from tests.fixtures.make_checkpoint import first_logits, make
from tests.models.music import random_tune

FIXTURES = sorted(Path(__file__).parents[1].glob("fixtures/checkpoint-*"))


@pytest.mark.parametrize("folder", FIXTURES, ids=lambda folder: folder.name)
class TestReleased:
    def test_it_gives_the_logits_that_it_gave(self, folder):
        checkpoint = load_checkpoint(folder)
        expected = json.loads((folder / "expected.json").read_text())
        for found, row in zip(first_logits(checkpoint), expected, strict=True):
            assert found == pytest.approx(row, abs=1e-3)

    def test_it_is_small(self, folder):
        assert sum(path.stat().st_size for path in folder.iterdir()) < 100_000

    def test_its_fingerprints_know_what_it_learned_from(self, folder):
        checkpoint = load_checkpoint(folder)
        report = copy_report(random_tune(1), checkpoint.fingerprints, checkpoint.styles["guqin"]["human_longest_run"])
        assert report.shared == 1.0
        assert report.human_longest_run == 9


def test_the_first_release_is_there():
    assert "checkpoint-0.1" in [folder.name for folder in FIXTURES]


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Return the folder of a checkpoint of today's format."""
    return make("today", tmp_path_factory.mktemp("today"))


def use(folder):
    """Do with a checkpoint what composing does."""
    checkpoint = load_checkpoint(folder)
    first_logits(checkpoint)
    copy_report(random_tune(2), checkpoint.fingerprints, checkpoint.styles.get("guqin", {}).get("human_longest_run"))


@given(
    st.sampled_from(["checkpoint.json", "corpus.safetensors", "generator.safetensors"]),
    st.integers(0, 30_000),
    st.binary(min_size=1, max_size=4),
    st.sampled_from(["over", "instead", "cut"]),
)
@settings(max_examples=60, deadline=None)
def test_damaged_bytes_are_no_internal_error(sound, name, place, junk, how):
    folder = sound.parent / "damaged"
    shutil.copytree(sound, folder, dirs_exist_ok=True)
    data = (folder / name).read_bytes()
    place %= len(data)
    rest = {"over": data[place + len(junk) :], "instead": data[place:], "cut": b""}[how]
    (folder / name).write_bytes(data[:place] + junk + rest)
    with contextlib.suppress(CheckpointError):
        use(folder)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(["format", "config", "styles", "fields", "vocabulary", "version", "weights_sha256"]), PLAIN)
@settings(max_examples=60, deadline=None)
def test_odd_facts_are_no_internal_error(sound, name, value):
    folder = sound.parent / "odd"
    shutil.copytree(sound, folder, dirs_exist_ok=True)
    facts = json.loads((folder / "checkpoint.json").read_text())
    facts[name] = value
    (folder / "checkpoint.json").write_text(json.dumps(facts))
    with contextlib.suppress(CheckpointError):
        use(folder)


@given(
    st.sampled_from(["layers", "heads", "width", "window", "features", "copies", "recalls"]),
    PLAIN | st.integers(2**16, 2**80),
)
@settings(max_examples=60, deadline=None)
def test_odd_sizes_are_no_internal_error(sound, name, value):
    folder = sound.parent / "sizes"
    shutil.copytree(sound, folder, dirs_exist_ok=True)
    facts = json.loads((folder / "checkpoint.json").read_text())
    facts["config"][name] = value
    (folder / "checkpoint.json").write_text(json.dumps(facts))
    with contextlib.suppress(CheckpointError):
        use(folder)


def test_one_bit_in_a_tensor_is_seen(sound, tmp_path):
    data = bytearray((sound / "corpus.safetensors").read_bytes())
    data[-1] ^= 1
    (tmp_path / "corpus.safetensors").write_bytes(data)
    with pytest.raises(CheckpointError, match="do not have the digest"):
        read_tensors(tmp_path / "corpus.safetensors")
