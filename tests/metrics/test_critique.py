"""Making the critic of a checkpoint, end to end, on toy pieces in the place of composed ones."""

import json
from pathlib import Path

import pytest

from symgen import console
from symgen import critic as module
from symgen.cli import app
from symgen.corpus.dataset import Entry
from symgen.corpus.writer import write_dataset
from symgen.critic import CriticRequest, make_critic
from symgen.errors import CorpusError, UsageError
from symgen.models.checkpoint import CRITIC, FACTS, REFERENCE, load_checkpoint, save_checkpoint
from symgen.models.losses import weights_of
from symgen.takes.ranking import load_judge
from tests.models.music import TINY, random_generator, random_tune

from .sources import markov_pieces

SPLITS = ["train"] * 8 + ["validation"] * 3 + ["test"] * 3


def entry(number: int, split: str) -> Entry:
    words = dict.fromkeys(("path", "sha256", "corpus", "licence", "title"), "")
    facts = {"mode": "gong", "metre": "4/4", "gong": 60, "confidence": 1.0, "metres": [[0, 4, 4]], "tempi": []}
    return Entry(**words, **facts, part=number, style="folk", split=split, notes=60, seconds=1.0)


def dataset_of(path: Path, splits: list[str]) -> Path:
    pieces = zip(splits, markov_pieces(1, len(splits), 80), strict=True)
    write_dataset(path, [(entry(n, split), piece) for n, (split, piece) in enumerate(pieces)], [], "")
    return path


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "checkpoint"
    weights = weights_of(random_generator(TINY))
    styles = {"folk": {"pieces": 8}, "guqin": {"pieces": 0}}
    save_checkpoint(path, config=TINY.as_json(), weights=weights, styles=styles, facts={"kept": 1})
    return path


@pytest.fixture
def seeds(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Put random tunes in the place of composed takes; an untrained generator would take long."""
    asked: list[int] = []

    def compose(requests, progress):
        asked.extend(request.seed for request in requests)
        return [random_tune(request.seed % 1000, 60, style="folk") for request in requests]

    monkeypatch.setattr(module, "compose_side_by_side", compose)
    return asked


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return dataset_of(tmp_path / "toy.symgen", SPLITS)


def test_it_is_made_and_judged_on_what_it_never_saw(checkpoint, dataset, seeds):
    weights = (checkpoint / "generator.safetensors").read_bytes()
    result = make_critic(CriticRequest(checkpoint, dataset, pieces=16))
    folk = result.styles["folk"]
    assert (folk.real, folk.held_out, folk.composed) == (8, 6, 16)
    assert folk.auc > 0.9
    assert folk.low <= folk.auc <= folk.high
    assert result.skipped == {"guqin": "0 training pieces, 5 are needed"}
    assert min(seeds) >= 1 << 40
    judge = load_judge(load_checkpoint(checkpoint), "folk")
    unseen, fresh = markov_pieces(99, 1, 80)[0], random_tune(999, 60, style="folk")
    assert judge.judge(unseen).score > judge.judge(fresh).score
    facts = json.loads((checkpoint / FACTS).read_text())
    assert facts["kept"] == 1
    assert facts["critic"]["folk"]["auc"] == folk.auc
    assert (
        facts["critic"]["generator"] == load_checkpoint(checkpoint).weights_digest != load_checkpoint(checkpoint).digest
    )
    assert (checkpoint / "generator.safetensors").read_bytes() == weights


def test_made_again_it_is_the_same_to_the_byte(checkpoint, dataset, seeds):
    found = []
    for _ in range(2):
        make_critic(CriticRequest(checkpoint, dataset, pieces=16))
        found.append([(checkpoint / name).read_bytes() for name in (CRITIC, REFERENCE, FACTS)])
    assert found[0] == found[1]


def test_too_few_pieces(checkpoint, tmp_path, seeds):
    with pytest.raises(CorpusError, match="folk: 3 training pieces"):
        make_critic(CriticRequest(checkpoint, dataset_of(tmp_path / "small", ["train"] * 3), pieces=16))
    assert not (checkpoint / CRITIC).exists()


@pytest.mark.parametrize("change", [{"pieces": 15}, {"pieces": 1001}, {"seed": -1}, {"seed": 1 << 60}])
def test_what_cannot_be_asked(checkpoint, dataset, change):
    with pytest.raises(UsageError, match=next(iter(change))):
        make_critic(CriticRequest(checkpoint, dataset, **change))


def test_the_command(checkpoint, dataset, seeds, capsys):
    words = ["critic", str(checkpoint), "--against", str(dataset), "--pieces", "16", "-q"]
    assert console.run(app, words) == 0
    out = capsys.readouterr()
    assert "folk" in out.out
    assert "no critic of guqin" in out.err
    assert console.run(app, [*words, "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)["styles"]) == {"folk"}
