"""The front of the package: lazy names, and one name that is both a function and a module."""

from pathlib import Path

import pytest

import symgen

COMPOSE = """
from dataclasses import dataclass

@dataclass(frozen=True)
class ComposeRequest:
    style: str = "guqin"

def compose(style="guqin", *, bars=8):
    return f"{bars} bars of {style}"
"""

USES = (
    "import symgen; assert symgen.compose(style='guqin', bars=8) == '8 bars of guqin'",
    "from symgen.compose import ComposeRequest; assert ComposeRequest().style == 'guqin'",
    "from symgen import compose; assert compose('guzheng', bars=2) == '2 bars of guzheng'",
    "import symgen.compose; assert symgen.compose.ComposeRequest().style == 'guqin'",
    "from symgen.compose import compose as inner; assert inner(bars=1) == '1 bars of guqin'",
)

EVERY_ORDER = """
import itertools, sys
folder, *uses = sys.argv[1:]
for order in itertools.permutations(uses):
    for name in [name for name in sys.modules if name.partition(".")[0] == "symgen"]:
        del sys.modules[name]
    import symgen
    symgen.__path__.insert(0, folder)
    for use in order:
        exec(use, {})
print("done")
"""


def test_compose_is_a_function_and_a_module_in_any_order(python, tmp_path: Path):
    stub = tmp_path / "stub"
    stub.mkdir()
    (stub / "compose.py").write_text(COMPOSE, encoding="utf-8")
    result = python("-c", EVERY_ORDER, str(stub), *USES)
    assert (result.stdout, result.stderr) == ("done\n", "")


def test_every_public_name_is_listed():
    assert set(symgen.__all__) <= set(dir(symgen))
    assert sorted(symgen.__all__) == symgen.__all__


def test_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'composse'"):
        _ = symgen.composse


def test_version():
    assert symgen.__version__[0].isdigit()


def test_names_are_the_rooms_own():
    from symgen.errors import SymgenError
    from symgen.score import Score

    assert symgen.Score is Score
    assert symgen.SymgenError is SymgenError
