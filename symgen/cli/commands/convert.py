"""``symgen convert``: scores and recordings to a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from symgen import console
from symgen.cli.options import Json, Quiet


def convert(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Files, folders and patterns; of folders, what is music.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DATASET", help="Folder of the dataset.")],
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", metavar="N", min=1, help="Files at work at the same time.")
    ] = None,
    style: Annotated[
        str, typer.Option("--style", "-s", metavar="NAME", help="Style of files that no declared corpus owns.")
    ] = "unknown",
    corpora: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Declarations of corpora, instead of the shipped ones.")
    ] = None,
    cleaning: Annotated[
        Path | None, typer.Option(metavar="TOML", help="Rules of cleaning, instead of the shipped ones.")
    ] = None,
    cap_seconds: Annotated[
        float, typer.Option(metavar="S", help="Time that the reading of one score may take.")
    ] = 10.0,
    engine: Annotated[str, typer.Option(metavar="local|dask", help="Where the work is done.")] = "local",
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Address of the dask scheduler, tcp://host:8786.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Turn scores and recordings into a dataset of tokens. Run again, it does only what is missing."""
    from symgen.convert import ConvertRequest
    from symgen.convert import convert as run_convert
    from symgen.isolation import Caps

    request = ConvertRequest(
        inputs=tuple(paths),
        output=output,
        jobs=jobs,
        style=style,
        corpora=corpora,
        cleaning=cleaning,
        engine=engine,
        scheduler=scheduler,
        caps=Caps(seconds=cap_seconds),
    )
    with console.Reporter(quiet=quiet) as progress:
        result = run_convert(request, progress)
    if not quiet:
        console.print_notes(describe_conversion(result.as_json()))
    if as_json:
        console.print_json(result.as_json())
    raise typer.Exit(result.exit_code)


_MOST = 8
"""Reasons and flags that a summary on the screen names; the files have all."""


def describe_conversion(summary: Mapping[str, Any]) -> list[str]:
    """Return the lines that tell an archivist what became of a conversion.

    Parameters
    ----------
    summary : mapping
        The JSON of ``symgen convert``.
    """
    status = ", ".join(f"{count:,} {name}" for name, count in summary["status"].items()) or "none"
    near = summary["near_duplicates"].get("pieces with a near-duplicate before them", 0)
    rows = {
        "inputs": f"{summary['files']:,}: {status}; {summary['reused']:,} as converted before",
        "pieces": f"{summary['pieces']:,}, {summary['notes']:,} notes, {summary['hours']:,} hours",
        "splits": console.named_counts(summary["splits"]),
        "near-duplicates": near and f"{near:,} pieces are nearly the same as an earlier one; they share its split",
        **{
            name: console.named_counts(summary[name], _MOST)
            for name in ("failed", "mended", "lost", "dropped", "flags")
        },
        "passed over": console.named_counts(summary["passed_over"], _MOST),
        "report": summary["report"],
    }
    width = max(map(len, rows))
    return [f"{name:<{width}}  {text}" for name, text in rows.items() if text]
