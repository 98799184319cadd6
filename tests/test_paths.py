"""Wherever a file is asked for, its name will do as well as its path, and the other way round."""

import importlib
import pkgutil
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path

import pytest

import symgen
from symgen.files import settle_paths


def requests():
    """Return every request of a use case: a dataclass that asks for files."""
    found = {}
    for module in pkgutil.iter_modules(symgen.__path__):
        if module.name in ("__main__", "train", "evaluate") or module.name.startswith("_"):
            continue  # the first runs, the others load torch
        for name, one in vars(importlib.import_module(f"symgen.{module.name}")).items():
            if is_dataclass(one) and isinstance(one, type) and name.endswith(("Request", "Revision")):
                found[f"{one.__module__}.{name}"] = one
    return found


REQUESTS = requests()


def test_there_are_requests():
    assert len(REQUESTS) >= 12


@pytest.mark.parametrize("request_type", REQUESTS.values(), ids=REQUESTS)
def test_every_request_takes_names_for_paths(request_type):
    wanted = {one.name: str(one.type) for one in fields(request_type) if "Path" in str(one.type)}
    assert wanted
    others = {one.name: "x" for one in fields(request_type) if one.name not in wanted and _needed(one)}
    made = request_type(**dict.fromkeys(wanted, "a.mid"), **others)
    for name, hint in wanted.items():
        assert getattr(made, name) == ((Path("a.mid"),) if "[Path" in hint else Path("a.mid"))
    assert request_type(**{name: getattr(made, name) for name in wanted}, **others) == made


def _needed(field):
    from dataclasses import MISSING

    return field.default is MISSING and field.default_factory is MISSING


@dataclass(frozen=True)
class Asked:
    """Hints are text in a module with annotations from the future; so they are here."""

    file: "Path | None" = None
    files: "tuple[Path, ...]" = ()
    name: "str | None" = None
    number: "int" = 0

    def __post_init__(self):
        settle_paths(self)


def test_names_of_files_become_text_and_what_is_none_stays():
    made = Asked(file="a", files=["b", Path("c")], name=Path("own.toml"), number=3)
    assert made == Asked(Path("a"), (Path("b"), Path("c")), "own.toml", 3)
    assert Asked(file="").file is None
    assert Asked() == Asked(None, (), None, 0)


@pytest.mark.parametrize("kind", [str, Path])
def test_functions_take_both(tmp_path, kind):
    from symgen.datasets import is_unfinished
    from symgen.fetch import list_corpora
    from symgen.inspect import inspect_file
    from symgen.score import Metre, Score, Tempo, make_notes
    from symgen.verbs.sources import open_source

    notes = make_notes([(480 * place, 480, pitch) for place, pitch in enumerate((53, 55, 57, 60, 62, 60, 57, 53))])
    file = symgen.write(Score(notes, tempi=(Tempo(0, 60.0),), metres=(Metre(0, 4, 4),)), kind(tmp_path / "a.mid"))
    assert len(symgen.read(kind(file))) == len(notes)
    assert inspect_file(kind(file)).notes == len(notes)
    assert len(open_source(kind(file), "guqin").score) == len(notes)
    assert symgen.arrange(kind(file), raw=True, output=kind(tmp_path)).written == len(notes)
    assert symgen.export(kind(file), output=kind(tmp_path / "b.jianpu")).path == tmp_path / "b.jianpu"
    assert not is_unfinished(kind(tmp_path))
    assert list_corpora(kind(tmp_path))
