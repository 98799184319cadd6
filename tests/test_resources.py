"""Where shipped files are looked for."""

from pathlib import Path

import pytest

from symgen import resources

FOLDERS = [
    (resources.checkpoints_dir, resources.CHECKPOINTS_VARIABLE, "checkpoints"),
    (resources.corpora_dir, resources.CORPORA_VARIABLE, "corpora"),
]


@pytest.mark.parametrize(("find", "variable", "name"), FOLDERS)
def test_folders_are_found(find, variable: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(variable, raising=False)
    source_tree = tmp_path / "tree"
    (source_tree / "symgen").mkdir(parents=True)
    monkeypatch.setattr(resources, "__file__", str(source_tree / "symgen" / "resources.py"))
    assert find() == source_tree / name
    (source_tree / "symgen" / name).mkdir()  # as in an installed wheel
    assert find() == source_tree / "symgen" / name
    monkeypatch.setenv(variable, "~/mine")
    assert find() == Path("~/mine").expanduser()


def test_the_source_tree_ships_checkpoints():
    assert resources.checkpoints_dir().is_dir()
