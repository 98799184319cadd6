"""The Python in the documents on tokens and datasets runs, and prints what they say."""

import re
from pathlib import Path

import numpy as np
import pytest

from symgen.convert import ConvertRequest, convert
from symgen.tokens import melody
from symgen.tokens.sequence import FAMILIES

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(python|text)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def blocks(name, kind):
    return [text for found, text in BLOCK.findall((ROOT / "docs" / name).read_text("utf-8")) if found == kind]


def test_the_example_of_tokens(capsys):
    (code,), (output,) = blocks("TOKENS.md", "python"), blocks("TOKENS.md", "text")
    names = {}
    exec(code, names)
    assert capsys.readouterr().out == output
    assert names["tokens"].gong == 60
    assert f"`{names['tokens'].prefix}`" in (ROOT / "docs" / "TOKENS.md").read_text("utf-8").replace("\n", " ")


def test_the_sizes_of_the_vocabularies():
    text = (ROOT / "docs" / "TOKENS.md").read_text("utf-8")
    for family in FAMILIES:
        assert f"| {family.NAME} | {len(family.VOCABULARY)} |" in text


@pytest.fixture
def in_folder(tmp_path, monkeypatch):
    """Stand in a folder that holds the dataset of our own tunes."""
    convert(ConvertRequest([ROOT / "corpora" / "tunes"], tmp_path / "data.symgen"))
    monkeypatch.chdir(tmp_path)


def test_the_ways_to_read_a_dataset(in_folder, capsys):
    first, *others = blocks("DATASET.md", "python")
    exec(first, {})
    with_symgen = capsys.readouterr().out
    assert re.match(r"\d+ pieces \d+ notes\n", with_symgen)
    names = {}
    for code in others:
        exec(code, names)
    alone = capsys.readouterr().out
    assert "share of zheng tones" in alone
    assert names["degrees"][[0, 2, 4, 7, 9]].sum() > 0.9


def test_the_arithmetic_of_melody_tokens():
    tokens = np.arange(2, len(melody.VOCABULARY))
    assert np.array_equal((tokens - 2) % 12, melody.DEGREE[tokens])
    assert np.array_equal(12 * ((tokens - 2) // 12 % 9 - 4) + (tokens - 2) % 12, melody.RELATIVE[tokens])
    assert np.array_equal((tokens - 2) // 108, melody.TECHNIQUE[tokens])
