"""symgen: a composition engine for guqin 古琴 and guzheng 古筝.

>>> import symgen
>>> score = symgen.read("tune.mid")  # doctest: +SKIP
>>> symgen.detect_mode(score).mode  # doctest: +SKIP
'yu'

Importing the package loads nothing; each name loads its room when it is first used (PEP 562).
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from symgen.about import about as about
    from symgen.again import again as again
    from symgen.arrange import arrange as arrange
    from symgen.compose import compose as compose
    from symgen.errors import SymgenError as SymgenError
    from symgen.export import export as export
    from symgen.models.checkpoint import from_pretrained as from_pretrained
    from symgen.models.checkpoint import load_checkpoint as load
    from symgen.piece import Piece as Piece
    from symgen.readers import read as read
    from symgen.score import Score as Score
    from symgen.theory.detect import detect_mode as detect_mode
    from symgen.tokens.codec import decode as decode
    from symgen.tokens.codec import encode as encode
    from symgen.verbs.accompanying import accompany as accompany
    from symgen.verbs.continuing import continue_piece as continue_piece
    from symgen.verbs.infilling import infill as infill
    from symgen.verbs.varying import vary as vary
    from symgen.writers import write as write

    __version__: str

_HOMES = {
    "Piece": "symgen.piece",
    "Score": "symgen.score",
    "SymgenError": "symgen.errors",
    "about": "symgen.about",
    "accompany": "symgen.verbs.accompanying",
    "again": "symgen.again",
    "arrange": "symgen.arrange",
    "compose": "symgen.compose",
    "continue_piece": "symgen.verbs.continuing",
    "decode": "symgen.tokens.codec",
    "detect_mode": "symgen.theory.detect",
    "encode": "symgen.tokens.codec",
    "export": "symgen.export",
    "from_pretrained": "symgen.models.checkpoint",
    "infill": "symgen.verbs.infilling",
    "load": "symgen.models.checkpoint",
    "read": "symgen.readers",
    "vary": "symgen.verbs.varying",
    "write": "symgen.writers",
}
"""Public name -> module that defines it."""

_NAMES_AT_HOME = {"load": "load_checkpoint"}
"""Public names that are called differently where they are defined."""

__all__ = [
    "Piece",
    "Score",
    "SymgenError",
    "__version__",
    "about",
    "accompany",
    "again",
    "arrange",
    "compose",
    "continue_piece",
    "decode",
    "detect_mode",
    "encode",
    "export",
    "from_pretrained",
    "infill",
    "load",
    "read",
    "vary",
    "write",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return importlib.import_module("symgen.resources").version()
    if name not in _HOMES:
        raise AttributeError(f"module 'symgen' has no attribute {name!r}")
    module = importlib.import_module(_HOMES[name])
    if _HOMES[name] == f"{__name__}.{name}":
        return module  # made callable when the import system bound it, see _Package
    value = getattr(module, _NAMES_AT_HOME.get(name, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _CallableModule(ModuleType):
    """A submodule that holds a function of its own name and can be called in its place."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return getattr(self, self.__name__.rpartition(".")[2])(*args, **kwargs)


class _Package(ModuleType):
    """Lets ``symgen.compose(...)`` and ``from symgen.compose import ComposeRequest`` both hold, in any order.

    Importing a submodule binds it to its package, so a function of the same name would be lost then.
    Here such a submodule is made callable at that moment: the name always means the module, and the
    module can always be called.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType) and _HOMES.get(name) == value.__name__:
            value.__class__ = _CallableModule
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
