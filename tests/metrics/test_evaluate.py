"""Evaluate, end to end, on toy pieces and a generator that was never trained."""

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch

from symgen import evaluate as module
from symgen.corpus.dataset import Entry
from symgen.corpus.writer import write_dataset
from symgen.errors import CheckpointError, CorpusError, UsageError, WriteError
from symgen.evaluate import EvaluateRequest, EvaluateResult, evaluate
from symgen.metrics.report import tables
from symgen.metrics.twosample import TwoSampleConfig
from symgen.metrics.windows import Sizes
from symgen.models.checkpoint import save_checkpoint
from symgen.models.generator import Generator, GeneratorConfig
from symgen.models.losses import weights_of

from .sources import markov_pieces

SPLITS = ["train"] * 8 + ["validation"] * 3 + ["test"] * 3


def entry(number: int, split: str, style: str) -> Entry:
    fields = dict.fromkeys(("path", "sha256", "corpus", "licence", "title"), "")
    return Entry(
        **fields,
        part=number,
        style=style,
        split=split,
        mode="gong",
        metre="4/4",
        gong=60,
        confidence=1.0,
        metres=[[0, 4, 4]],
        tempi=[],
        notes=60,
        seconds=1.0,
    )


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "toy.symgen"
    pieces = zip(SPLITS, markov_pieces(1, len(SPLITS), 60), strict=True)
    write_dataset(path, [(entry(n, split, "folk"), s) for n, (split, s) in enumerate(pieces)], [], "")
    return path


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    config = GeneratorConfig(width=20, layers=1, heads=2, window=32)
    path = tmp_path_factory.mktemp("checkpoint")
    save_checkpoint(path, config=config.as_json(), weights=weights_of(Generator(config)), styles={}, facts={})
    return path


@pytest.fixture
def composer(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Put toy pieces in the place of compose, every fifth unplayable; an untrained generator would take long."""
    seeds: list[int] = []

    def compose(requests, progress):
        progress("composing")
        seeds.extend(request.seed for request in requests)
        return [None if r.seed % 5 == 4 else markov_pieces(r.seed, 1, 60)[0] for r in requests]

    def compose_free(runtime, plans, seeds, how, *, masks, ear):
        assert not masks
        assert ear is None
        return [markov_pieces(number, 1, 60)[0] for _, number in seeds]

    monkeypatch.setattr(module, "compose_side_by_side", compose)
    monkeypatch.setattr(module, "compose_sequences", compose_free)
    return seeds


@pytest.fixture
def request_(checkpoint: Path, dataset: Path, composer: list[int]) -> EvaluateRequest:
    return EvaluateRequest(
        checkpoint,
        dataset,
        style="folk",
        pieces=10,
        seed=3,
        sizes=Sizes(window=16, seen=4, train=48, test=24),
        classifier=TwoSampleConfig(seeds=1, epochs=2, width=8),
    )


def test_everything_is_measured_and_written(request_: EvaluateRequest, composer: list[int], tmp_path: Path):
    told: list[str] = []
    request = replace(request_, output=tmp_path / "report", before=request_.checkpoint)
    result = evaluate(request, lambda message, done=0, total=0: told.append(message))
    assert set(result.bits) == {
        "checkpoint",
        "before",
        "interpolated trigram",
        "interpolated 5-gram with beat phase",
    }
    bits = {name: row["bits"] for name, row in result.bits.items()}
    assert bits["checkpoint"] == bits["before"] > bits["interpolated trigram"]
    assert all(row["low"] <= row["bits"] <= row["high"] for row in result.bits.values())
    assert result.bits["before"]["more"] == 0
    assert result.bits["interpolated trigram"]["more_high"] < 0
    assert set(result.two_sample) == {
        "real against real",
        "continuations, checkpoint",
        "continuations, before",
        "continuations under the grammar",
        "composed pieces",
        "composed pieces, no grammar",
    }
    assert composer == [30_000 + number for number in range(10)]
    assert result.composed["grammar"]["made"] == 8
    assert result.composed["free"]["made"] == 10
    sides = {"held-out", "grammar", "free"}
    assert set(result.copying) == sides
    for row in result.statistics["distributions"].values():
        assert set(row) == {"training", *sides}
    for row in result.statistics["shares"].values():
        assert set(row) == {"training", *sides}
    assert result.two_sample["real against real"]["pieces"] == 6
    assert result.forbidden["rhythm"] < 1
    assert any("composing" in message for message in told)
    written, page = result.files
    assert json.loads(written.read_text("utf-8")) == result.as_json()
    assert "<svg" in page.read_text("utf-8")


def test_without_the_two_sample_test(request_: EvaluateRequest, tmp_path: Path):
    result = evaluate(replace(request_, two_sample=False, output=tmp_path / "a.json"))
    assert result.two_sample == {}
    assert [path.name for path in result.files] == ["a.json", "a.html"]
    assert all(path.exists() for path in result.files)
    assert "Two-sample" not in result.as_markdown()


def test_markdown_is_made_of_whole_tables(request_: EvaluateRequest):
    result = evaluate(replace(request_, two_sample=False))
    for block in result.as_markdown().split("\n\n"):
        if block.startswith("|"):
            assert len({line.count("|") for line in block.splitlines()}) == 1
    assert "interpolated trigram" in result.as_markdown()
    titles = [table.title for table in tables(result.as_json())]
    assert len(set(titles)) == len(titles)
    assert {"Bits a note", "Structure", "Distributions: overlap", "Distributions: corrected KL", "Copying"} <= set(
        titles
    )


def test_the_page_says_what_it_contains_and_loads_nothing(request_: EvaluateRequest):
    result = evaluate(replace(request_, two_sample=False))
    page = result.as_html()
    for number, table in enumerate(tables(result.as_json())):
        assert f'href="#part{number}"' in page
        assert f'id="part{number}"' in page
        assert table.title in page
    assert "prefers-color-scheme: dark" in page
    assert not any(word in page for word in ("http:", "https:", "src=", "url(", "@import", "<script"))


def test_the_page_holds_no_markup_from_outside():
    result = EvaluateResult(
        about={
            "checkpoint": "<script>alert(1)</script>",
            "style": "folk",
            "pieces": {"training": 2, "unseen": 2},
            "temperature": 1.0,
            "top_p": 1.0,
            "seed": 0,
            "seconds": 1.0,
        },
        bits={"a|b": dict.fromkeys(("bits", "low", "high", "more", "more_low", "more_high"), 1.0)},
        two_sample={},
        composed={"grammar": {"made": 0, "asked": 2, "seconds": 1.0}},
        statistics={},
        copying={},
    )
    page = result.as_html()
    assert "<script" not in page
    ElementTree.fromstring(page.removeprefix("<!doctype html>").replace('<meta charset="utf-8">', ""))
    assert "a\\|b" in result.as_markdown()


def test_nothing_composed_is_no_failure(request_: EvaluateRequest, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "compose_side_by_side", lambda requests, progress: [None] * len(requests))
    result = evaluate(replace(request_, two_sample=False, pieces=2))
    assert result.composed["grammar"]["made"] == 0
    assert "grammar" not in result.copying
    assert "composed: 0 of 2" in result.as_markdown()


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"style": "guqin"}, CorpusError, "0 training pieces of style guqin"),
        ({"style": "opera"}, UsageError, "opera"),
        ({"pieces": 1}, UsageError, "2 to 1000"),
        ({"seed": -1}, UsageError, "seed -1"),
        ({"checkpoint": Path("nowhere")}, CheckpointError, "no checkpoint"),
        ({"before": Path("nowhere")}, CheckpointError, "no checkpoint"),
        ({"against": Path("nowhere")}, CorpusError, "no dataset"),
    ],
    ids=str,
)
def test_wrong_requests_are_refused(request_: EvaluateRequest, tmp_path: Path, changes, error, words: str):
    with pytest.raises(error, match=words):
        evaluate(replace(request_, output=tmp_path / "new", **changes))
    assert list(tmp_path.iterdir()) == []


def test_an_output_that_cannot_be_is_refused_before_anything_is_measured(request_: EvaluateRequest, tmp_path: Path):
    (tmp_path / "file").write_text("")
    for place in ("file/folder", "none/evaluation.json"):
        with pytest.raises(WriteError):
            evaluate(replace(request_, output=tmp_path / place))


def test_weights_of_other_sizes_are_refused(request_: EvaluateRequest, checkpoint: Path, tmp_path: Path):
    (tmp_path / "generator.safetensors").write_bytes((checkpoint / "generator.safetensors").read_bytes())
    facts = json.loads((checkpoint / "checkpoint.json").read_text("utf-8"))
    facts["config"]["width"] = 40
    (tmp_path / "checkpoint.json").write_text(json.dumps(facts))
    with pytest.raises(CheckpointError, match="do not fit"):
        evaluate(replace(request_, checkpoint=tmp_path))
