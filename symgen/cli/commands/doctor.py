"""``symgen doctor``: this installation examined."""

from __future__ import annotations

import typer

from symgen import console
from symgen.cli.options import Json, Quiet


def doctor(as_json: Json = False, quiet: Quiet = False) -> None:
    """Check this installation. Python, packages, checkpoints and write access."""
    from symgen.doctor import examine

    with console.Reporter(quiet=quiet) as progress:
        report = examine(progress)
    if as_json:
        console.print_json(report.as_json())
    else:
        console.print_table(
            ("", "check", "found", "what to do"),
            [(check.status.value, check.name, check.found, check.remedy) for check in report.checks],
        )
    raise typer.Exit(0 if report.healthy else 1)
