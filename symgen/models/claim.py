"""The note in the folder of a training that says what is trained there, so that nothing else goes on with its state."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from symgen.errors import CheckpointError, UsageError
from symgen.files import make_folder
from symgen.models.checkpoint import write_json
from symgen.models.recipe import Recipe
from symgen.models.state import begin_again

NOTE: Final = "training.json"
_CHANGEABLE: Final = ("updates", "evaluate_every", "limits")
"""Entries of an adversarial stage that may change once it has begun: it can be made longer, and watched otherwise."""


def claim(folder: Path, wanted: Mapping[str, Any]) -> None:
    """Note what is trained in a folder, or make sure that it is what was begun there.

    Parameters
    ----------
    folder : Path
        Folder of the training's state, made if it is not there.
    wanted : mapping
        What a training is known by.

    Raises
    ------
    UsageError
        If something else was begun there.
    CheckpointError
        If the note is damaged.
    WriteError
        If it cannot be written.
    """
    make_folder(folder)
    found = _read(folder / NOTE)
    if found is None:
        write_json(folder / NOTE, dict(wanted))
        return
    other = [name for name, value in wanted.items() if found.get(name) != value]
    if other:
        raise _another(folder, " and ".join(other))


def claim_recipe(folder: Path, recipe: Recipe, begun: Iterable[str]) -> None:
    """Note the recipe of a training whose folder is claimed, or make sure that stages go on as they began.

    Stages that have not begun may be changed, added or left out. One that has may not: the checkpoint would name
    settings that its weights were not trained with.

    Parameters
    ----------
    folder : Path
        Folder of the training's state.
    recipe : Recipe
        The recipe.
    begun : iterable of str
        Names of the stages that have begun.

    Raises
    ------
    UsageError
        If a stage that has begun is another in this recipe.
    CheckpointError
        If the note is damaged.
    WriteError
        If it cannot be written.
    """
    found, plain = _read(folder / NOTE) or {}, recipe.as_json()
    if found.get("recipe") == plain:
        return
    before, now = _stages(found.get("recipe")), _stages(plain)
    for name in begun:
        if name not in before:
            continue  # begun by a symgen that noted no recipe
        changed = _changed(before[name], now.get(name, {}))
        if changed:
            raise _another(folder, f"{changed[0]} in the stage {name}")
    write_json(folder / NOTE, {**found, "recipe": plain})


def _changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the entries of a stage that have changed, and must not; its kind if it is no longer there."""
    free = _CHANGEABLE if before.get("kind") == "adversarial" else ()
    names = ["kind", *now, *before]
    return [name for name in names if name not in free and before.get(name) != now.get(name)]


def _another(folder: Path, what: str) -> UsageError:
    return UsageError(
        f"{folder} holds a training with another {what}",
        expected="the training that was begun there, to go on with",
        remedy="remove it to begin again, or name another checkpoint with -o",
    )


def _stages(recipe: Any) -> dict[str, Mapping[str, Any]]:
    rows = recipe.get("stage") if isinstance(recipe, dict) else None
    return {str(row.get("name")): row for row in rows if isinstance(row, dict)} if isinstance(rows, list) else {}


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"cannot read {path}: {error}", remedy=begin_again(path.parent)) from error
    if not isinstance(found, dict):
        raise CheckpointError(f"{path} holds a {type(found).__name__}", remedy=begin_again(path.parent))
    return found
