"""``symgen dataset info|verify|export``: what a dataset holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from symgen import console
from symgen.cli.options import Json, Quiet
from symgen.console import named_counts

app = typer.Typer(
    help="Datasets of tokens: what they hold, whether they are whole, and export.",
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Dataset = Annotated[Path, typer.Argument(metavar="DATASET", help="Folder that symgen convert wrote.")]


@app.command()
def info(dataset: Dataset, as_json: Json = False, quiet: Quiet = False) -> None:
    """Tell what a dataset holds. Counts, owners, splits, flags; in milliseconds, whatever its size."""
    from symgen.datasets import describe_dataset

    del quiet  # there is no progress; every command takes the option
    facts = describe_dataset(dataset).as_json()
    if as_json:
        console.print_json(facts)
    else:
        console.print_facts(describe_info(facts))


@app.command()
def verify(dataset: Dataset, as_json: Json = False, quiet: Quiet = False) -> None:
    """Read a dataset from end to end and tell what is wrong. The exit code is 1 if anything is."""
    from symgen.datasets import verify_dataset

    with console.Reporter(quiet=quiet) as progress:
        result = verify_dataset(dataset, progress)
    if as_json:
        console.print_json(result.as_json())
    else:
        facts = result.as_json()
        console.print_table(
            ("", "check", "what holds in a whole dataset"),
            [(c["status"], c["check"], c["reason"] or c["states"]) for c in facts["checks"]],
        )
        console.print_lines(describe_faults(facts))
    raise typer.Exit(result.exit_code)


@app.command()
def export(
    dataset: Dataset,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="PATH", help="A folder, one file a split; or one file by its suffix."),
    ],
    format_: Annotated[
        str | None, typer.Option("--format", metavar="jsonl|parquet", help="Format. [default: by suffix, else jsonl]")
    ] = None,
    split: Annotated[str | None, typer.Option(metavar="NAME", help="Only pieces of this split.")] = None,
    style: Annotated[
        str | None, typer.Option("--style", "-s", metavar="NAME", help="Only pieces of this style.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a dataset as rows for other tools. One row a piece, JSON lines or Parquet, and a dataset card."""
    from symgen.datasets import ExportRequest, export_dataset

    request = ExportRequest(dataset, output, format=format_, split=split, style=style)
    with console.Reporter(quiet=quiet) as progress:
        facts = export_dataset(request, progress).as_json()
    if as_json:
        console.print_json(facts)
    else:
        rows = [("pieces", f"{facts['pieces']:,}, {facts['notes']:,} notes, {facts['steps']:,} steps")]
        console.print_facts([*rows, *(("file", file) for file in facts["files"]), ("card", facts["card"])])


def describe_info(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return names and values that tell a researcher about a dataset.

    Parameters
    ----------
    facts : mapping
        What ``symgen dataset info --json`` prints.
    """
    made = facts["made"]
    rows = [
        ("dataset", facts["dataset"]),
        (
            "pieces",
            f"{facts['pieces']:,}, {facts['notes']:,} notes, {facts['steps']:,} steps, {facts['hours']:,} hours",
        ),
        *(
            (name, named_counts(facts[name]))
            for name in ("splits", "styles", "modes", "metres", "formats")
            if name in facts
        ),
        ("near-duplicates", f"{facts['near_duplicates']:,} pieces are nearly the same as an earlier one"),
        *(("corpus", _corpus(name, corpus)) for name, corpus in facts.get("corpora", {}).items()),
        ("inputs", _inputs(facts)),
        *((name, named_counts(facts.get(name, {}))) for name in ("failed", "mended", "lost", "dropped", "flags")),
        ("passed over", named_counts(facts.get("passed_over", {}))),
        ("size", f"{facts['size_bytes'] / 2**20:,.1f} MiB"),
        ("made by", f"symgen {made['symgen']}" if "symgen" in made else ""),
        ("settings", facts["settings"]),
        ("mind", _UNFINISHED if facts["unfinished"] else ""),
    ]
    return [(name, value) for name, value in rows if value]


def describe_faults(facts: Mapping[str, Any]) -> list[str]:
    """Return a line for each fault that a verification found, and a verdict.

    Parameters
    ----------
    facts : mapping
        What ``symgen dataset verify --json`` prints.
    """
    lines = []
    for check in facts["checks"]:
        for fault in check["faults"]:
            expected = f"; expected {fault['expected']}" if fault["expected"] else ""
            lines.append(f"{check['check']}: {fault['where']}: {fault['found']}{expected}")
        if (more := check["count"] - len(check["faults"])) > 0:
            lines.append(f"{check['check']}: and {more:,} more")
    if facts["unfinished"]:
        lines.append(_UNFINISHED)
    lines.append(
        f"{facts['dataset']} is whole" if facts["whole"] else f"{facts['dataset']} is not whole: convert again"
    )
    return ["", *lines]


_UNFINISHED = "a conversion was begun here and has not ended; the same symgen convert goes on with it"


def _corpus(name: str, corpus: Mapping[str, Any]) -> str:
    return f"{name}: {corpus['pieces']:,} pieces, {corpus['notes']:,} notes; {corpus['licence'] or 'no licence stated'}"


def _inputs(facts: Mapping[str, Any]) -> str:
    return f"{facts['inputs']:,}: {named_counts(facts['status'])}" if "inputs" in facts else ""
