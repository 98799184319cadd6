"""The recipe of a training: its network and its stages, as one TOML file.

A table maps onto a dataclass field by field, so that a new field of a stage can be written in a recipe as soon as it
exists. What is wrong in a file is told in one line: where, what was found, and what was expected.
"""

from __future__ import annotations

import json
import math
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, asdict, dataclass, field, fields, is_dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from symgen.errors import CorpusError, UsageError
from symgen.files import read_toml
from symgen.models.adversarial_stage import AdversarialStage
from symgen.models.checkpoint import FACTS
from symgen.models.features import FEATURES
from symgen.models.generator import GeneratorConfig
from symgen.models.likelihood import Stage
from symgen.tokens.prefix import STYLES

SHIPPED: Final = Path(__file__).with_name("recipe.toml")
"""The recipe that holds where the user names no other."""

KINDS: Final[dict[str, type[Stage] | type[AdversarialStage]]] = {
    "likelihood": Stage,
    "adversarial": AdversarialStage,
}
"""Kind of a stage -> its settings."""

_BOUNDS: Final[dict[str, tuple[float, float]]] = {
    "width": (2, 8192),
    "layers": (1, 256),
    "heads": (1, 256),
    "window": (2, 16384),
    "folds": (2, 64),
    "members": (1, 64),
    "memory": (1, 1e4),
    "takes": (16, 1000),
    "temperature": (0.01, 100),
    "hidden": (1, 8192),
    "steps": (1, 1e9),
    "updates": (1, 1e9),
    "batch_steps": (1, 1e8),
    "evaluate_every": (1, 1e9),
    "patience": (1, 1e9),
    "contexts": (1, 1e6),
    "siblings": (2, 1e4),
    "length": (5, 16384),
    "seen": (1, 16384),
    "heard": (0, 16384),
    "judged": (5, 16384),
    "openings": (0, 1),
    "dropout": (0, 0.95),
    "token_dropout": (0, 0.95),
    "stretched": (0, 1),
    "prefix_rate": (0, 1000),
    "stretched_told": (0, 1),
    "barred": (0, 1),
    "grafted": (0, 1),
    "smoothing": (0, 0.5),
    "average": (0, 0.999999),
    "learning_rate": (0, 10),
}
"""Smallest and largest value of an entry; any other number is at least 0."""
_ANY = (0.0, 1e9)

_STAGE_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

T = TypeVar("T")


@cache
def _shipped() -> Recipe:
    return read_recipe(SHIPPED)


@dataclass(frozen=True, slots=True)
class EarPlan:
    """How the adversary is made that hears pieces while they are composed; see :mod:`symgen.critic`.

    Parameters
    ----------
    takes : int
        Pieces of each style that are composed for it, and as many again for the critic of takes.
    """

    takes: int = 128


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train; without arguments, as symgen does by default.

    Parameters
    ----------
    stages : tuple of Stage
        Likelihood stages in order; styles that the dataset lacks are left out of their shares.
    adversarial : AdversarialStage or None
        The stage after them.
    ear : EarPlan or None
        How the adversary is made that hears what is composed; a checkpoint without one composes alone.
    config : GeneratorConfig
        Sizes of the generator.

    Raises
    ------
    UsageError
        If the adversarial stage plays more steps than the generator sees.
    """

    stages: tuple[Stage, ...] = field(default_factory=lambda: _shipped().stages)
    adversarial: AdversarialStage | None = field(default_factory=lambda: _shipped().adversarial)
    ear: EarPlan | None = field(default_factory=lambda: _shipped().ear)
    config: GeneratorConfig = field(default_factory=lambda: _shipped().config)

    def __post_init__(self) -> None:
        stage = self.adversarial
        if stage is not None and stage.seen + stage.length > self.config.window:
            # Beyond the window what is written and what is learnt from it would be two different generators.
            raise UsageError(
                f"stage {stage.name}: seen and length are {stage.seen + stage.length} steps",
                expected=f"at most the window of the network, {self.config.window}",
            )

    def as_json(self) -> dict[str, Any]:
        """Return the recipe as plain data of the same form as the TOML file, every entry filled in."""
        stages = [{"kind": "likelihood", **asdict(stage)} for stage in self.stages]
        if self.adversarial is not None:
            stages.append({"kind": "adversarial", **asdict(self.adversarial)})
        ear = {} if self.ear is None else {"ear": asdict(self.ear)}
        plain: dict[str, Any] = json.loads(json.dumps({"network": self.config.as_json(), "stage": stages, **ear}))
        return plain


def read_recipe(path: Path) -> Recipe:
    """Read a recipe: a TOML file, or the folder of a checkpoint, which keeps the one that it was trained with.

    Raises
    ------
    UsageError
        Naming the file, the table and the entry that is wrong.
    """
    if path.is_dir():
        return _recipe_of_checkpoint(path)
    try:
        table = read_toml(path, "a recipe in TOML")
    except CorpusError as error:
        raise UsageError(error.found, expected=error.expected, remedy=error.remedy) from error
    return recipe_of(table, str(path))


def recipe_of(table: Mapping[str, Any], where: str) -> Recipe:
    """Return the recipe that a table in the form of the TOML file describes.

    Raises
    ------
    UsageError
        Naming `where`, the table and the entry that is wrong.
    """
    _check_names(table, ["network", "stage", "ear"], where)
    config = build(GeneratorConfig, _table(table.get("network", {}), f"{where}, [network]"), f"{where}, [network]")
    rows = table.get("stage", [])
    if not isinstance(rows, list) or not rows:
        raise UsageError(f"{where} has no stage", expected="tables [[stage]]")
    stages = [_stage(row, f"{where}, stage {number}") for number, row in enumerate(rows, start=1)]
    _check_network(config, f"{where}, [network]")
    _check_order(stages, where)
    last = stages[-1] if isinstance(stages[-1], AdversarialStage) else None
    at = f"{where}, [ear]"
    ear = build(EarPlan, _table(table["ear"], at), at) if "ear" in table else None
    return Recipe(tuple(stage for stage in stages if isinstance(stage, Stage)), last, ear, config)


def build(kind: type[T], table: Mapping[str, Any], where: str) -> T:
    """Return a dataclass with the entries of a table, each checked by the type of its field.

    Raises
    ------
    UsageError
        If an entry is unknown or of another type, out of bounds, or missing.
    """
    known: dict[str, Field[Any]] = {one.name: one for one in fields(cast(Any, kind))}
    _check_names(table, list(known), where)
    hints = typing.get_type_hints(kind)
    values = {name: _value(hints[name], value, name, where) for name, value in table.items()}
    for name, one in known.items():
        if name not in values and one.default is MISSING and one.default_factory is MISSING:
            raise UsageError(f"{where} has no {name}", expected=_words(hints[name]))
    try:
        return kind(**values)
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from error


def _recipe_of_checkpoint(folder: Path) -> Recipe:
    path = folder / FACTS
    try:
        facts = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"no recipe in {folder}: {error}", expected="a TOML file, or a checkpoint") from error
    if not isinstance(facts, dict) or not isinstance(facts.get("recipe"), dict):
        raise UsageError(
            f"{path} keeps no recipe", expected="a checkpoint that symgen train wrote since recipes are kept"
        )
    return recipe_of(facts["recipe"], str(path))


def _stage(row: Any, where: str) -> Stage | AdversarialStage:
    table = dict(_table(row, where))
    kind = table.pop("kind", None)
    if not isinstance(kind, str) or kind not in KINDS:
        raise UsageError(f"{where}: kind is {_shown(kind)}", expected=f"one of {', '.join(KINDS)}")
    if isinstance(table.get("name"), str):
        where = f"{where} ({table['name'][:40]})"
    stage = build(KINDS[kind], table, where)
    if not _STAGE_NAME.fullmatch(stage.name):
        raise UsageError(f"{where}: name is {_shown(stage.name)}", expected="small letters, digits and hyphens")
    if not any(stage.shares.values()):
        raise UsageError(f"{where}: shares name no style", expected="at least one share above 0")
    styles = [*stage.shares, *([stage.judge] if isinstance(stage, Stage) else [])]
    for style in styles:
        if style not in STYLES:
            raise UsageError(f"{where}: style {_shown(style)}", expected=f"one of {', '.join(STYLES)}")
    if isinstance(stage, AdversarialStage) and stage.heard > stage.seen:
        raise UsageError(f"{where}: heard is {stage.heard}", expected=f"at most seen, {stage.seen}")
    return stage


def _check_network(config: GeneratorConfig, where: str) -> None:
    if config.width % (2 * config.heads):
        raise UsageError(f"{where}: width is {config.width}", expected=f"a multiple of twice the {config.heads} heads")
    for name in config.features:
        if name not in FEATURES:
            raise UsageError(f"{where}: feature {_shown(name)}", expected=f"some of {', '.join(FEATURES)}")


def _check_order(stages: list[Stage | AdversarialStage], where: str) -> None:
    if not isinstance(stages[0], Stage):
        raise UsageError(f"{where}: stage 1 is adversarial", expected="a likelihood stage before it")
    early = [stage.name for stage in stages[:-1] if isinstance(stage, AdversarialStage)]
    if early:
        raise UsageError(f"{where}: stages stand behind the adversarial stage {early[0]}", expected="it as the last")
    names = [stage.name for stage in stages]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{where}: {names.count(name)} stages are called {name}", expected="a name for each")


def _check_names(table: Mapping[str, Any], known: list[str], where: str) -> None:
    for name in table:
        if name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0.6)
            remedy = f"did you mean {near[0]}?" if near else ""
            raise UsageError(
                f"{where}: unknown entry {_shown(name)}", expected=f"some of {', '.join(known)}", remedy=remedy
            )


def _value(hint: Any, value: Any, name: str, where: str) -> Any:
    """Return a value as a field of this type holds it."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        (hint,) = (part for part in parts if part is not type(None))
        return None if value is None else _value(hint, value, name, where)
    if is_dataclass(hint) and isinstance(hint, type):
        return build(hint, _table(value, f"{where}, {name}"), f"{where}, {name}")
    if origin is tuple and isinstance(value, (list, tuple)):
        return tuple(_value(parts[0], one, name, where) for one in value)
    if origin is not None and issubclass(origin, Mapping) and isinstance(value, Mapping):
        return {key: _value(parts[1], one, f"{name}.{key[:40]}", where) for key, one in value.items()}
    if hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(_bounded(value, name, where))
    if hint is int and isinstance(value, int) and not isinstance(value, bool):
        return int(_bounded(value, name, where))
    if (hint is bool and isinstance(value, bool)) or (hint is str and isinstance(value, str)):
        return value
    raise UsageError(f"{where}: {name} is {_shown(value)}", expected=_words(hint))


def _bounded(value: float, name: str, where: str) -> float:
    low, high = _BOUNDS.get(name, _ANY)
    if not low <= value <= high:  # nor is what is no number
        bounds = f"a number from {low:g} to {high:g}" if (low, high) != _ANY else "0 or a positive number"
        raise UsageError(f"{where}: {name} is {_shown(value)}", expected=bounds)
    return value


def _table(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise UsageError(f"{where} is {_shown(value)}", expected="a table")
    return value


def _words(hint: Any) -> str:
    """Return the name of a type as a user of TOML knows it."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return _words(next(part for part in parts if part is not type(None)))
    if origin is tuple:
        return f"a list, each {_words(parts[0])}"
    if origin is not None and issubclass(origin, Mapping):
        return f"a table, each entry {_words(parts[1])}"
    words = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
    return words.get(hint, "a table")


def _shown(value: Any) -> str:
    """Return a value from a file, no longer than a line can bear."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 10**30:
        return "a huge number"  # its digits may be more than Python writes out
    if isinstance(value, float) and not math.isfinite(value):
        return "not a number" if math.isnan(value) else "infinite"
    return f"{value!r:.60}"
