"""A checkpoint comes back as it was saved; a damaged or foreign one is refused and nothing in it is run."""

import json
import pickle

import numpy as np
import pytest

from symgen.copying import fingerprints
from symgen.errors import CheckpointError
from symgen.models.checkpoint import load_checkpoint, save_checkpoint, save_fingerprints
from symgen.models.losses import weights_of
from tests.models.music import TINY, random_generator, random_tune


@pytest.fixture
def model():
    return random_generator(TINY)


@pytest.fixture
def folder(tmp_path, model):
    """Return the folder of a small checkpoint."""
    save_checkpoint(
        tmp_path / "tiny",
        config=TINY.as_json(),
        weights=weights_of(model),
        styles={"guqin": {"pieces": 1, "human_longest_run": 9}},
        facts={"seed": 3, "data": [{"corpus": "流水"}]},
    )
    save_fingerprints(tmp_path / "tiny", fingerprints([random_tune(1)]))
    return tmp_path / "tiny"


def test_what_is_saved_comes_back(folder, model):
    checkpoint = load_checkpoint(folder)
    weights = weights_of(model)
    assert set(checkpoint.weights) == set(weights)
    for name, value in weights.items():
        assert np.array_equal(checkpoint.weights[name], value.astype(np.float16))
    assert checkpoint.config == TINY.as_json()
    assert checkpoint.styles == {"guqin": {"pieces": 1, "human_longest_run": 9}}
    assert checkpoint.facts["data"] == [{"corpus": "流水"}]
    assert np.array_equal(checkpoint.fingerprints["runs"], fingerprints([random_tune(1)])["runs"])
    assert len(checkpoint.digest) == 16
    assert checkpoint.runtime().window == TINY.window


def test_the_same_weights_have_the_same_digest(folder, model, tmp_path):
    save_checkpoint(tmp_path / "again", config=TINY.as_json(), weights=weights_of(model), styles={}, facts={})
    assert load_checkpoint(tmp_path / "again").digest == load_checkpoint(folder).digest
    assert load_checkpoint(tmp_path / "again").fingerprints == {}
    other = weights_of(random_generator(TINY, seed=1))
    save_checkpoint(tmp_path / "other", config=TINY.as_json(), weights=other, styles={}, facts={})
    assert load_checkpoint(tmp_path / "other").digest != load_checkpoint(folder).digest


class Trap:
    """Unpickled, this would leave a file behind."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def edit(change):
    """Return a damage that changes the facts in place."""

    def damage(folder):
        path = folder / "checkpoint.json"
        facts = json.loads(path.read_text("utf-8"))
        change(facts)
        path.write_text(json.dumps(facts), "utf-8")

    return damage


def cut(name, size):
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:size])


def other_weights(folder):
    data = bytearray((folder / "generator.safetensors").read_bytes())
    data[-1] ^= 1
    (folder / "generator.safetensors").write_bytes(data)


def pickled(folder):
    """A pickle under the name of the weights, with the right digest."""
    import hashlib

    data = pickle.dumps(Trap(folder / "trapped"))
    (folder / "generator.safetensors").write_bytes(data)
    edit(lambda facts: facts.update(weights_sha256=hashlib.sha256(data).hexdigest()))(folder)


def pickled_corpus(folder):
    (folder / "corpus.safetensors").write_bytes(pickle.dumps(Trap(folder / "trapped")))


DAMAGES = {
    "cut weights": (cut("generator.safetensors", -5), "does not have the digest"),
    "one bit": (other_weights, "does not have the digest"),
    "no weights": (lambda folder: (folder / "generator.safetensors").unlink(), "cannot read .*generator.safetensors"),
    "pickle": (pickled, "cannot read .*a complete safetensors file"),
    "cut fingerprints": (cut("corpus.safetensors", -3), "cannot read .*corpus.safetensors"),
    "pickled fingerprints": (pickled_corpus, "cannot read .*corpus.safetensors"),
    "no facts": (lambda folder: (folder / "checkpoint.json").unlink(), "no checkpoint at"),
    "cut facts": (cut("checkpoint.json", 50), "cannot read .*checkpoint.json"),
    "binary facts": (lambda folder: (folder / "checkpoint.json").write_bytes(b"\xff\xfe"), "cannot read"),
    "a list": (lambda folder: (folder / "checkpoint.json").write_text("[1]"), "checkpoint format list; expected 1"),
    "newer format": (edit(lambda facts: facts.update(format=3)), "checkpoint format 3; expected 1 or 2"),
    "no format": (edit(lambda facts: facts.pop("format")), "checkpoint format None"),
    "no config": (edit(lambda facts: facts.pop("config")), "has no 'config'"),
    "config that is none": (edit(lambda facts: facts.update(config=[1])), "has no 'config'"),
    "no digest": (edit(lambda facts: facts.pop("weights_sha256")), "does not have the digest"),
    "other words": (edit(lambda facts: facts["vocabulary"]["melody"].reverse()), "another melody vocabulary"),
    "fewer words": (edit(lambda facts: facts["vocabulary"].pop("chord")), "another chord vocabulary"),
    "no words": (edit(lambda facts: facts.update(vocabulary=None)), "has no 'vocabulary'"),
    "other modes": (edit(lambda facts: facts["fields"]["mode"].append("dorian")), "another mode vocabulary"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_refused_in_one_line(folder, name):
    damage, words = DAMAGES[name]
    damage(folder)
    with pytest.raises(CheckpointError, match=words) as caught:
        load_checkpoint(folder)
    assert "\n" not in str(caught.value)
    assert not (folder / "trapped").exists()


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(CheckpointError, match=r"no checkpoint at .*nowhere.*name one with --checkpoint"):
        load_checkpoint(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "change",
    [{"layers": 2}, {"width": 32}, {"heads": 5}, {"heads": 0}, {"window": 0}, {"width": "wide"}, {"layers": None}],
    ids=str,
)
def test_sizes_that_do_not_fit_the_weights(folder, change):
    edit(lambda facts: facts["config"].update(change))(folder)
    with pytest.raises(CheckpointError, match="does not fit its sizes"):
        load_checkpoint(folder).runtime()


def test_a_missing_size(folder):
    edit(lambda facts: facts["config"].pop("heads"))(folder)
    with pytest.raises(CheckpointError, match="does not fit its sizes"):
        load_checkpoint(folder).runtime()


@pytest.mark.parametrize(
    "change", [lambda value: {}, lambda value: {"features.leap": value[:-1]}], ids=["none", "short"]
)
def test_weights_of_another_network(model, tmp_path, change):
    weights = weights_of(model)
    weights |= change(weights.pop("features.leap"))
    save_checkpoint(tmp_path / "other", config=TINY.as_json(), weights=weights, styles={}, facts={})
    with pytest.raises(CheckpointError, match="does not fit its sizes"):
        load_checkpoint(tmp_path / "other").runtime()
