"""The command line."""

from __future__ import annotations

from typing import Any


def main() -> None:
    """Run ``symgen`` with the arguments of the process, and end it with the exit code."""
    from symgen.cli.root import main

    main()


def __getattr__(name: str) -> Any:
    if name == "app":
        from symgen.cli.root import app

        return app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
