"""The house of docs/ARCHITECTURE.md, enforced: who may import whom, and what loads when.

Reads the imports from the source with `ast`, those inside functions too, so it takes no time and
needs none of the libraries. Imports under ``if TYPE_CHECKING`` count as imports.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

FLOORS = (
    (  # 0 ground
        "errors",
        "files",
        "native",
        "units",
        "progress",
        "resources",
        "_isolated",
        "_children",
        "isolation",
        "elsewhere",
        "_census",
        "_cluster",
        "engine",
        "notes",
        "score",
        "piece",
        "performance",
        "stamp",
    ),
    ("theory", "instruments", "styles", "forms", "sound", "transcribe"),  # 1 music
    ("readers", "writers", "exchange"),  # 2 formats
    ("tokens", "bulk", "corpus", "copying"),  # 3 encoding
    (
        "models",
        "dials",
        "steering",
        "script",
        "grammar",
        "sectioning",
        "motif",
        "sampling",
        "drafting",
        "planning",
        "metrics",
        "listening",
    ),  # 4 learning
    (
        "plot",
        "opening",
        "player",
        "live",
        "origin",
        "takes",
        "arranging",
        "verbs",
        "arrange",
        "compose",
        "again",
        "export",
        "critic",
        "fetch",
        "datasets",
        "convert",
        "transcription",
        "train",
        "evaluate",
        "inspect",
        "about",
        "doctor",
    ),  # 5 use cases
    ("console", "cli", "__main__", "studio"),  # 6 doors
)
"""Rooms from the ground up, and on each floor from left to right. A room imports only what stands before it."""

HEAVY = {"torch", "music21", "symusic", "matplotlib", "mido", "pretty_midi", "rich", "typer"}
"""Never loaded by importing a package."""

TORCH_ROOMS = {"models", "sampling", "metrics", "transcribe", "train", "evaluate"}
"""Rooms whose modules (not their ``__init__``) import torch at the top; elsewhere it is imported inside functions."""

ORDER = {room: (floor, place) for floor, rooms in enumerate(FLOORS) for place, room in enumerate(rooms)}


@dataclass(frozen=True)
class Import:
    """`importer` imports `target` at `line`; `lazy` if inside a function or for type checking only."""

    importer: str
    target: str
    line: int
    lazy: bool


def room_of(module: str) -> str:
    """Return the room of ``symgen.room[.module]``; the package itself is the room ``""``."""
    return module.partition(".")[2].partition(".")[0]


@cache
def modules(package: Path = ROOT / "symgen") -> dict[str, Path]:
    """Return every module of the package by its dotted name."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports_in(source: str, importer: str, *, is_package: bool = False) -> Iterator[Import]:
    """Yield the imports of one module, names imported from a package as ``package.name``."""

    def visit(node: ast.AST, lazy: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            inside = lazy or isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield Import(importer, alias.name, child.lineno, lazy)
            elif isinstance(child, ast.ImportFrom):
                base = child.module or ""
                if child.level:  # relative
                    parents = importer.split(".")
                    kept = parents[: len(parents) - child.level + is_package]
                    base = ".".join([*kept, base] if base else kept)
                for alias in child.names:
                    yield Import(importer, f"{base}.{alias.name}", child.lineno, lazy)
            elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                for part in child.body:
                    yield from visit(ast.Module([part], []), lazy=True)
                for part in child.orelse:
                    yield from visit(ast.Module([part], []), lazy)
            else:
                yield from visit(child, inside)

    yield from visit(ast.parse(source), lazy=False)


@cache
def all_imports() -> tuple[Import, ...]:
    """Return the imports of all modules of symgen."""
    return tuple(
        found
        for name, path in modules().items()
        for found in imports_in(path.read_text("utf-8"), name, is_package=path.name == "__init__.py")
    )


def known_module(target: str) -> str:
    """Return the module that `target` names: itself, or the module that holds the imported name."""
    return target if target in modules() else target.rpartition(".")[0]


def layer_fault(importer: str, target: str) -> str | None:
    """Return why `importer` may not import `target`, or None."""
    here, there = room_of(importer), room_of(target)
    if here in ("", there):  # the package itself is the front of the house: it may show every room
        return None
    if there == "":
        return f"{importer} imports the package symgen itself; import the room that defines the name"
    if ORDER[there] < ORDER[here]:
        return None
    (floor, _), (other, _) = ORDER[here], ORDER[there]
    return f"{importer} (floor {floor}) imports {target} (floor {other}): only floors below and rooms to the left"


def test_every_module_has_a_room():
    homeless = sorted({room_of(name) for name in modules()} - {""} - set(ORDER))
    assert not homeless, (
        f"no floor for {homeless}: add the room to FLOORS in {Path(__file__).name} and to docs/ARCHITECTURE.md"
    )


def test_imports_go_down_or_left():
    faults = [
        f"{fault} (line {found.line})"
        for found in all_imports()
        if found.target.split(".")[0] == "symgen" and (fault := layer_fault(found.importer, known_module(found.target)))
    ]
    assert not faults, "\n".join(faults)


def test_the_plan_of_the_house_is_the_house():
    """Each floor stands once in docs/ARCHITECTURE.md with its rooms in order, those with an underscore left out."""
    plan = (ROOT / "docs" / "ARCHITECTURE.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d) [^|]+ \| ([^|]+) \|", plan, re.MULTILINE)
    shown = [(int(number), re.findall(r"`(\w+)`", rooms)) for number, rooms in rows]
    hidden = {room for rooms in FLOORS for room in rooms if room.startswith("_")} - {"__main__"}
    assert shown == [(n, [room for room in FLOORS[n] if room not in hidden]) for n in reversed(range(len(FLOORS)))]


def test_no_circles():
    edges: dict[str, set[str]] = {name: set() for name in modules()}
    for found in all_imports():
        target = known_module(found.target)
        if target in edges and target != found.importer and found.importer != "symgen":
            edges[found.importer].add(target)
    assert find_circle(edges) is None


def find_circle(edges: dict[str, set[str]]) -> list[str] | None:
    """Return one circle of a graph as a path, or None."""
    done: set[str] = set()

    def walk(node: str, path: list[str]) -> list[str] | None:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return None
        for target in sorted(edges[node]):
            if circle := walk(target, [*path, node]):
                return circle
        done.add(node)
        return None

    return next((circle for node in sorted(edges) if (circle := walk(node, []))), None)


def loaded_by(module: str) -> dict[str, list[str]]:
    """Return each outside library loaded by importing `module`, with the chain of modules that leads to it."""
    chains: dict[str, list[str]] = {}
    seen: set[str] = set()

    def walk(name: str, chain: list[str]) -> None:
        parts = name.split(".")
        for package in (".".join(parts[:end]) for end in range(1, len(parts) + 1)):
            if package in seen or package not in modules():
                continue
            seen.add(package)
            for found in all_imports():
                if found.importer != package or found.lazy:
                    continue
                if found.target.split(".")[0] == "symgen":
                    walk(known_module(found.target), [*chain, package])
                else:
                    chains.setdefault(found.target.split(".")[0], [*chain, package])

    walk(module, [])
    return chains


@pytest.mark.parametrize("package", [name for name, path in modules().items() if path.name == "__init__.py"])
def test_packages_load_nothing_heavy(package: str):
    heavy = {library: " -> ".join(chain) for library, chain in loaded_by(package).items() if library in HEAVY}
    assert not heavy, f"importing {package} loads {heavy}: import it inside the function that needs it"


def test_torch_stands_at_the_top_only_where_networks_are():
    faults = [
        f"{found.importer} line {found.line}"
        for found in all_imports()
        if found.target.split(".")[0] == "torch"
        and not found.lazy
        and (room_of(found.importer) not in TORCH_ROOMS or modules()[found.importer].name == "__init__.py")
    ]
    assert not faults, f"torch is imported at the top of {faults}: import it inside functions, or add to TORCH_ROOMS"


def test_importing_symgen_loads_no_library_at_all(python):
    code = "import sys; before = set(sys.modules); import symgen; print(*sorted(set(sys.modules) - before))"
    result = python("-c", code)
    assert result.returncode == 0, result.stderr
    assert {name.split(".")[0] for name in result.stdout.split()} & (HEAVY | {"numpy"}) == set()


class TestTheTestItself:
    """A guard that cannot fail guards nothing."""

    def test_layer_faults(self):
        assert layer_fault("symgen.tokens.codec", "symgen.theory.degrees") is None
        assert layer_fault("symgen.writers.midi", "symgen.readers.midi") is None
        assert layer_fault("symgen", "symgen.cli") is None
        assert layer_fault("symgen.readers.midi", "symgen.writers.midi")
        assert layer_fault("symgen.theory.modes", "symgen.tokens")
        assert layer_fault("symgen.score", "symgen.cli")
        assert layer_fault("symgen.compose", "symgen")

    def test_imports_are_found_wherever_they_stand(self):
        source = """
import torch.nn as nn
from symgen.theory import modes
if TYPE_CHECKING:
    from symgen import tokens
else:
    import rich
class A:
    import mido
    def f(self):
        from ..readers import midi
try:
    import scipy
except ImportError: ...
"""
        found = {(i.target, i.lazy) for i in imports_in(source, "symgen.models.generator")}
        assert found == {
            ("torch.nn", False),
            ("symgen.theory.modes", False),
            ("symgen.tokens", True),
            ("rich", False),
            ("mido", False),
            ("symgen.readers.midi", True),
            ("scipy", False),
        }

    def test_relative_imports_of_a_package(self):
        (found,) = imports_in("from .codec import encode", "symgen.tokens", is_package=True)
        assert found.target == "symgen.tokens.codec.encode"

    def test_circles_are_found(self):
        assert find_circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
        assert find_circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) is None
