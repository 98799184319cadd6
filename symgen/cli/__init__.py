"""The command line: parse, call a use case, print its result.

A command is a file of ``commands/`` and its row in ``root.py``; what commands share stands in ``options.py``,
``sharing.py`` and ``takes.py``. Importing this package loads none of it.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from symgen.cli.root import app as app


def main() -> None:
    """Run ``symgen`` with the arguments of the process, and end it with the exit code."""
    # One piece is made of small products: threads only wait for each other, a hundredfold on a busy machine.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from symgen import console
    from symgen.cli.root import app

    sys.exit(console.run(app, sys.argv[1:]))


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from symgen.cli.root import app

    return app
