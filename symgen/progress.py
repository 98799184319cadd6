"""How a use case tells a door what it is doing."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called by a use case now and then; a door decides whether and how to show it."""

    def __call__(self, message: str, done: int = 0, total: int = 0) -> None:
        """Report that `message` is being done, `done` of `total` steps so far (a total of 0 is unknown)."""


def silent(message: str, done: int = 0, total: int = 0) -> None:
    """Show nothing: the progress of a library call."""
