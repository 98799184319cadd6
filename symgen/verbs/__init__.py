"""Verbs: what makes pieces. ``compose`` begins from nothing, the others take up music that exists.

A verb is a module that holds a :class:`Verb` as ``VERB``; of those that take up music it is a
:class:`symgen.verbs.reviser.Reviser`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from symgen.origin import Made
    from symgen.progress import Progress
    from symgen.takes.take import Take

VERBS: Final[Mapping[str, str]] = {
    "compose": "symgen.compose",
    "continue": "symgen.verbs.continuing",
    "infill": "symgen.verbs.infilling",
    "vary": "symgen.verbs.varying",
    "accompany": "symgen.verbs.accompanying",
}
"""Verbs whose pieces can be made again, and where they are at home; a new one is one row."""


class Verb(Protocol):
    """What makes pieces, and makes them again from their record."""

    @property
    def name(self) -> str:
        """As in records of origin."""

    @property
    def request(self) -> type[Any]:
        """Class of its requests, a frozen dataclass with the fields ``checkpoint`` and ``seed``."""

    def retake(self, request: Any, take: int, progress: Progress = ...) -> Take:
        """Return a take of a request anew, by its number."""

    def made(self, take: Take, request: Any) -> Made:
        """Return what goes into the file of a take, and its origin."""


def verb_named(name: str) -> Verb:
    """Return one of :data:`VERBS`; its module is loaded now.

    Raises
    ------
    KeyError
        If there is no such verb.
    """
    verb: Verb = importlib.import_module(VERBS[name]).VERB
    return verb
