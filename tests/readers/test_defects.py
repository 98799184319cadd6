"""The table of defects against the sources: every code used has a row, every row is used, the docs show them all."""

from __future__ import annotations

import ast
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from symgen import readers
from symgen.errors import ReadError
from symgen.readers import DEFECTS, NOTATION, _defects

FOLDER = Path(readers.__file__).parent
HEARD = FOLDER.with_name("transcribe")
"""The recordings' reader leaves the sound to this room."""
PATHS = [*sorted(FOLDER.glob("*.py")), *sorted(HEARD.glob("*.py"))]
SOURCES = {str(path.relative_to(FOLDER.parent)).removeprefix("readers/"): path.read_text("utf-8") for path in PATHS}
TREES = {name: ast.parse(text) for name, text in SOURCES.items() if name != "_defects.py"}
DOCS = Path(__file__).parents[2] / "docs/READING.md"
COUNTERS = {"lost", "mended"}
TABLE = re.compile(r"LOSS|LOST|CODES|MENDED")


def strings_in(node: ast.AST) -> Iterator[str]:
    """Yield the strings that an expression for a code may give; a name or a look-up in a table gives none here."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from strings_in(node.body)
        yield from strings_in(node.orelse)
    elif isinstance(node, ast.Call):  # a look-up with a default: TABLE.get(key, "default")
        for argument in node.args[1:]:
            yield from strings_in(argument)
    elif isinstance(node, ast.JoinedStr):
        pytest.fail(f"a code put together from parts: {ast.unparse(node)}")


def values_of_table(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Dict):
        for value in node.values:
            yield from strings_in(value)
    elif isinstance(node, ast.DictComp):
        for part in ast.walk(node):
            if isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value.isupper():
                prefix = next(v.value for v in ast.walk(node.value) if isinstance(v, ast.Constant))
                yield from (prefix + letter for letter in part.value)
    elif isinstance(node, (ast.Tuple, ast.List)):
        for value in node.elts:
            yield from strings_in(value)


def used_codes(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and ast.unparse(node.value).rpartition(".")[2] in COUNTERS:
            yield from strings_in(node.slice)
        elif isinstance(node, ast.keyword) and node.arg == "code":
            yield from strings_in(node.value)
        elif isinstance(node, ast.arguments):
            named = [*node.posonlyargs, *node.args]
            names = [argument.arg for argument in named][len(named) - len(node.defaults) :]
            for name, default in zip(names, node.defaults, strict=True):
                yield from strings_in(default) if name == "code" else ()
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(TABLE.search(ast.unparse(target)) for target in targets):
                yield from values_of_table(node.value)


def test_every_code_that_a_reader_uses_has_a_row():
    used = {code: name for name, tree in TREES.items() for code in used_codes(tree)}
    assert {"truncated-track", "spine-text", "bad-K", "cap-ratio", "jianpu-value", "fermata"} <= set(used)
    assert {code: name for code, name in used.items() if code not in DEFECTS} == {}


def test_every_error_that_a_reader_raises_has_a_code():
    bare = [
        f"{name}:{node.lineno}"
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "ReadError"
        and "code" not in {keyword.arg for keyword in node.keywords}
        and name not in ("midi.py", "_smf.py")
    ]
    assert bare == []


def test_every_row_is_used_by_a_reader_or_left_to_the_conversion():
    given = {c for tree in TREES.values() for c in used_codes(tree)}
    given |= {
        node.value
        for tree in TREES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    unused = {d.code for d in DEFECTS.values() if d.code not in given and _defects.CALLER not in d.formats}
    if "code=" not in SOURCES["midi.py"] + SOURCES["_smf.py"]:  # its errors have no codes yet
        unused = {code for code in unused if DEFECTS[code].formats != ("midi",)}
    assert unused - {ReadError("").code} == set()


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=lambda defect: defect.code)
def test_a_row_says_what_is_done_about_it(defect):
    assert re.fullmatch(r"[a-z0-9]+(-[a-zA-Z0-9]+)*", defect.code)
    assert defect.policy in _defects.POLICIES
    assert set(defect.formats) <= {reader.NAME for reader in readers.formats()} | {_defects.ANY, _defects.CALLER}
    assert list(defect.formats) == sorted(defect.formats)
    assert defect.meaning.endswith(".")
    assert "|" not in defect.meaning


def test_no_code_has_two_rows():
    rows = (*_defects._REFUSED, *_defects._MENDED, *_defects._HEARD, *_defects._NOTATION, *_defects._IGNORED)
    assert len(rows) == len(DEFECTS)


def test_how_notation_is_read_is_no_damage():
    assert {"assumed-tempo", "assumed-metre", "pickup-bar", "repeat-expanded", "irregular-bar"} <= NOTATION
    assert {DEFECTS[code].policy for code in NOTATION} == {"mend"}
    assert not {"truncated-track", "broken-tune"} & NOTATION


def test_the_manual_shows_the_table():
    _, _, rest = DOCS.read_text(encoding="utf-8").partition("<!-- defects -->\n")
    shown = rest.partition("<!-- end of defects -->")[0]
    assert shown == _defects.listing(), "put the output of symgen.readers._defects.listing() between the marks"


def test_a_code_survives_the_way_between_processes():
    error = ReadError("found", expected="expected", remedy="remedy", code="cap-ratio")
    again = pickle.loads(pickle.dumps(error))
    assert (again.code, str(again)) == ("cap-ratio", str(error))
    assert ReadError("found").code in DEFECTS
