"""Prefix: what holds for a whole piece and conditions every step of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from symgen.errors import TokenError
from symgen.score import Metre

STYLES: Final[tuple[str, ...]] = ("unknown", "guqin", "guzheng", "folk")
MODES: Final[tuple[str, ...]] = ("unknown", "gong", "shang", "jue", "zhi", "yu")
METRES: Final[tuple[str, ...]] = (
    "unknown", "variable", "1/4", "2/4", "3/4", "4/4", "5/4", "6/4", "3/8", "5/8", "6/8", "7/8", "9/8", "2/2",
)  # fmt: skip
"""Metre classes; "variable" stands for a piece whose metre changes, and for any metre not listed."""

FIELDS: Final = {"style": STYLES, "mode": MODES, "metre": METRES}
"""Vocabulary of each field; the first value of each is "unknown"."""


@dataclass(frozen=True, slots=True)
class Prefix:
    """Style, mode and metre class of a piece.

    Raises
    ------
    TokenError
        If one is no value of :data:`FIELDS`.
    """

    style: str = "unknown"
    mode: str = "unknown"
    metre: str = "unknown"

    def __post_init__(self) -> None:
        for name, values in FIELDS.items():
            if getattr(self, name) not in values:
                raise TokenError(f"{name} {getattr(self, name)!r}", expected=f"one of {', '.join(values)}")

    def numbers(self) -> tuple[int, ...]:
        """Return the number of each field's value, in the order of :data:`FIELDS`."""
        return tuple(values.index(getattr(self, name)) for name, values in FIELDS.items())


def metre_class(metres: tuple[Metre, ...]) -> str:
    """Return the metre class of a metre map."""
    if not metres:
        return "unknown"
    kinds = {f"{metre.numerator}/{metre.denominator}" for metre in metres}
    only = kinds.pop()
    return only if not kinds and only in METRES else "variable"
