"""Checkpoints by name, copied, and on a Hub that stands in for the real one."""

import sys
from types import SimpleNamespace

import pytest

import symgen
from symgen.errors import CheckpointError, UsageError
from symgen.models.card import model_card
from symgen.models.checkpoint import from_pretrained, load_checkpoint
from tests.fixtures.make_checkpoint import make


@pytest.fixture
def box(tmp_path):
    folder = make("today", tmp_path / "box")
    (folder / "README.md").write_text("# box\n")
    (folder / "secret.txt").write_text("not a part of it")
    return folder


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """Stand in for huggingface_hub: repositories are folders."""
    root = tmp_path / "hub"

    class HfApi:
        def create_repo(self, repo_id, *, private, exist_ok):
            (root / repo_id).mkdir(parents=True, exist_ok=exist_ok)
            return f"https://hub.example/{repo_id}"

        def upload_folder(self, *, repo_id, folder_path, allow_patterns, commit_message):
            for name in allow_patterns:
                source = tmp_path / folder_path / name
                if source.exists():  # a pattern that matches nothing sends nothing
                    (root / repo_id / name).write_bytes(source.read_bytes())

    def snapshot_download(repo_id, *, revision, allow_patterns):
        if not (root / repo_id).exists():
            raise OSError("404 Client Error.\nRepository Not Found")
        return str(root / repo_id)

    monkeypatch.setitem(
        sys.modules, "huggingface_hub", SimpleNamespace(HfApi=HfApi, snapshot_download=snapshot_download)
    )
    return root


def test_up_and_down_again(box, hub):
    checkpoint = symgen.from_pretrained(box)
    assert checkpoint.push_to_hub("me/box") == "https://hub.example/me/box"
    assert sorted(path.name for path in (hub / "me/box").iterdir()) == [
        "README.md", "checkpoint.json", "corpus.safetensors", "generator.safetensors",
    ]  # fmt: skip
    assert from_pretrained("me/box").digest == checkpoint.digest


def test_what_the_hub_says_is_one_line(hub):
    with pytest.raises(CheckpointError, match=r"me/none cannot be fetched: 404 Client Error\. Repository Not Found"):
        from_pretrained("me/none")


@pytest.mark.parametrize("name", ["box", "a/b/c", "../box", ""])
def test_names_of_no_repository(box, hub, name):
    with pytest.raises(UsageError, match="expected owner/name"):
        load_checkpoint(box).push_to_hub(name)


def test_without_the_extra(box, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    for act in (lambda: from_pretrained("me/box"), lambda: load_checkpoint(box).push_to_hub("me/box")):
        with pytest.raises(UsageError, match=r"pip install 'symgen\[hub\]'"):
            act()


def test_by_the_name_of_one_that_ships(box, monkeypatch):
    monkeypatch.setenv("SYMGEN_CHECKPOINTS", str(box.parent))
    assert from_pretrained("box").path == box
    with pytest.raises(CheckpointError, match=r"no checkpoint bax; expected a folder, owner/name, or one of box"):
        from_pretrained("bax")


def test_a_copy_is_whole(box, tmp_path):
    copy = load_checkpoint(box).save_pretrained(tmp_path / "deep" / "copy")
    assert load_checkpoint(copy).facts == load_checkpoint(box).facts
    assert sorted(path.name for path in copy.iterdir()) == [
        "README.md", "checkpoint.json", "corpus.safetensors", "generator.safetensors",
    ]  # fmt: skip
    assert load_checkpoint(box).save_pretrained(box) == box


def test_the_card_has_what_the_hub_reads_and_what_a_user_needs():
    row = {"title": "Tunes | more", "style": "guqin", "source": "made\nhere", "licence": "CC0: all", "pieces": 1}
    facts = {"data": [{**row, "notes": 1234}], "parameters": 5, "stages": ["a"], "style": "guqin", "seed": 0}
    figures = {"bits_per_note": {"guqin": 4.19123}, "interval": [0.1, 0.25], "name": "x|y"}
    card = model_card("box", {**facts, "version": "1", "figures": figures})
    front = card.split("---\n")[1]
    assert "license: other\n" in front
    assert '- "guqin"\n' in front
    assert "library_name: symgen\n" in front
    assert "| Tunes \\| more | guqin | made here | 1 | 1,234 | CC0: all |" in card
    assert "| Bits per note | |\n|---|---|\n| guqin | 4.191 |" in card
    assert "| interval | 0.1, 0.25 |\n| name | x\\|y |" in card
    assert all(heading in card for heading in ("## Intended use", "## Learned from", "## Figures", "## Limits"))
