"""What the wheel carries: the settings name folders that exist, and Python files alone are code."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


@pytest.mark.parametrize("folder", PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"])
def test_folders_that_ship_exist(folder: str):
    assert (ROOT / folder).is_dir()
    assert not (ROOT / "symgen" / folder).exists(), "the folder in the source tree would hide behind the packed one"


def test_make_installs_the_torch_that_the_project_asks_for():
    (torch,) = [text for text in PROJECT["project"]["dependencies"] if text.startswith("torch")]
    assert f"TORCH  := {torch}\n" in (ROOT / "Makefile").read_text("utf-8")


def test_everything_for_development_is_in_one_extra():
    extras = PROJECT["project"]["optional-dependencies"]
    assert set(extras["plot"]) <= set(extras["dev"]), "tests draw pictures"
