"""Pieces that were made from pieces: a whole chain comes out again byte for byte, or one line says why not."""

from dataclasses import replace

import pytest

import symgen
from symgen import writers
from symgen.again import AgainRequest, make_again
from symgen.compose import ComposeRequest, compose_files
from symgen.errors import CheckpointError, UsageError
from symgen.models.checkpoint import load_checkpoint, save_checkpoint
from symgen.models.losses import weights_of
from symgen.origin import Origin, read_origin, stamped
from symgen.score import make_notes
from symgen.verbs.ancestry import MOST_GENERATIONS, generations
from symgen.verbs.continuing import ContinueRequest, continue_files
from symgen.verbs.infilling import InfillRequest, infill_files
from symgen.verbs.remaking import own_take
from symgen.verbs.varying import VaryRequest, vary_files
from tests.models.music import TINY, random_generator


def save_tiny(folder, seed=0):
    weights = weights_of(random_generator(TINY, seed=seed))
    save_checkpoint(folder, config=TINY.as_json(), weights=weights, styles={"guqin": {}}, facts={})
    return folder


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """Return the one shipped checkpoint, of random weights."""
    return save_tiny(tmp_path_factory.mktemp("checkpoints") / "tiny")


@pytest.fixture(autouse=True)
def _there(shipped, monkeypatch):
    monkeypatch.setenv("SYMGEN_CHECKPOINTS", str(shipped.parent))


@pytest.fixture(scope="module")
def chain(shipped, tmp_path_factory):
    """Return four pieces, each made from the one before."""
    folder, patch = tmp_path_factory.mktemp("chain"), pytest.MonkeyPatch()
    paths = [folder / f"{number}.mid" for number in range(4)]
    asked = [{"checkpoint": shipped, "seed": number, "output": path} for number, path in enumerate(paths)]
    with patch.context() as context:
        context.setenv("SYMGEN_CHECKPOINTS", str(shipped.parent))
        compose_files(ComposeRequest("guqin", bars=8, gong="F", mode="gong", **asked[0]))
        infill_files(InfillRequest(source=paths[0], bars="3-4", **asked[1]))
        vary_files(VaryRequest(source=paths[1], keep="rhythm", amount=0.4, **asked[2]))
        continue_files(ContinueRequest(source=paths[2], bars=4, only=True, **asked[3]))
    return paths


def with_parent(file, target, **entries):
    """Write a piece whose record has other entries for what it was made from."""
    origin = read_origin(file).origin
    record = {**origin.request["source"]["record"], **entries}
    changed = replace(origin, request={**origin.request, "source": {"record": record}})
    midi = writers.find_format("mid")
    target.write_bytes(stamped(midi.encode(symgen.read(file)), midi, changed))
    return target


class TestAChain:
    @pytest.mark.parametrize("place", range(4))
    def test_comes_out_again_byte_for_byte(self, chain, tmp_path, place):
        result = symgen.again(chain[place], output=tmp_path / "b.mid")
        assert (result.identical, result.exact) == (True, True)
        origin = read_origin(chain[place]).origin
        assert generations(origin) == place + 1
        assert len(origin.lineage) == place

    def test_in_another_format(self, chain, tmp_path):
        symgen.export(chain[3], output=tmp_path / "a.rpp")
        assert symgen.again(tmp_path / "a.rpp", output=tmp_path / "b.rpp").identical

    def test_needs_none_of_its_files(self, chain, tmp_path):
        (tmp_path / "alone").mkdir()
        alone = tmp_path / "alone" / "x.mid"
        alone.write_bytes(chain[3].read_bytes())
        assert symgen.again(alone, output=tmp_path / "b.mid").identical


class TestWhatAncestorsMayBeMadeWith:
    def test_another_version_further_back(self, chain, tmp_path):
        file = with_parent(chain[1], tmp_path / "a.mid", symgen="0.0.9")
        with pytest.raises(UsageError, match=r"that it was made from, was made by symgen 0\.0\.9") as caught:
            make_again(AgainRequest(file, tmp_path / "b.mid"))
        assert "\n" not in str(caught.value)
        assert make_again(AgainRequest(file, tmp_path / "b.mid", anyway=True)).exact

    def test_a_checkpoint_that_is_not_shipped(self, chain, shipped, tmp_path, monkeypatch):
        monkeypatch.setenv("SYMGEN_CHECKPOINTS", str(tmp_path))
        with pytest.raises(CheckpointError, match="--checkpoint DIR"):
            make_again(AgainRequest(chain[2], tmp_path / "b.mid"))
        assert make_again(AgainRequest(chain[2], tmp_path / "b.mid", checkpoint=shipped)).identical

    @pytest.mark.parametrize("both", [True, False])
    def test_a_folder_that_is_named_is_that_of_one_or_of_both(self, shipped, tmp_path, both):
        other = save_tiny(tmp_path / "other", seed=5)
        first, second = other if both else shipped, other
        source, file = tmp_path / "a.mid", tmp_path / "b.mid"
        compose_files(ComposeRequest("guqin", bars=4, seed=1, checkpoint=first, output=source))
        infill_files(InfillRequest(source=source, bars="2-3", seed=1, checkpoint=second, output=file))
        assert generations(read_origin(file).origin) == 2
        with pytest.raises(CheckpointError):
            make_again(AgainRequest(file, tmp_path / "c.mid"))
        assert make_again(AgainRequest(file, tmp_path / "c.mid", checkpoint=other)).identical

    def test_anyway_composes_all_of_it_with_what_is_named(self, chain, tmp_path):
        other = save_tiny(tmp_path / "other", seed=5)
        result = make_again(AgainRequest(chain[1], tmp_path / "b.mid", checkpoint=other, anyway=True))
        assert result.origin.digest == load_checkpoint(other).digest
        assert not result.exact


class TestHowFarBack:
    def nested(self, count):
        facts = {"seed": 1, "take": 1, "checkpoint": "tiny", "digest": "", "version": symgen.__version__, "sha256": ""}
        origin = Origin("compose", {"format": "midi"}, **facts)
        for _ in range(count - 1):
            origin = Origin("infill", {"source": {"record": origin.as_json()}, "format": "midi"}, **facts)
        return origin

    def test_too_far_is_one_line(self, tmp_path):
        midi = writers.find_format("mid")
        file = tmp_path / "a.mid"
        file.write_bytes(stamped(midi.encode(symgen.Score(make_notes())), midi, self.nested(MOST_GENERATIONS + 1)))
        with pytest.raises(UsageError) as caught:
            make_again(AgainRequest(file, tmp_path / "b.mid"))
        assert f"made in {MOST_GENERATIONS + 1} steps" in str(caught.value)
        assert f"expected at most {MOST_GENERATIONS}" in str(caught.value)
        assert "symgen export" in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_what_goes_on_beyond_it_carries_the_music_itself(self, chain, shipped, tmp_path, monkeypatch):
        for module in ("symgen.verbs.ancestry", "symgen.verbs.sources"):
            monkeypatch.setattr(f"{module}.MOST_GENERATIONS", 2)
        asked = {"checkpoint": shipped, "seed": 8, "output": tmp_path / "a.mid"}
        result = infill_files(InfillRequest(source=chain[1], bars="5-6", **asked))
        assert "was made in 2 steps" in result.remarks[0]
        assert generations(read_origin(tmp_path / "a.mid").origin) == 1
        before, after = own_take(chain[1])[0].score.notes, result.takes[0].score.notes
        assert before[before["onset"] < 7680].tolist() == after[after["onset"] < 7680].tolist()
        assert symgen.again(tmp_path / "a.mid", output=tmp_path / "b.mid").identical
