"""``symgen corpus list|show|fetch``: the catalogue of public corpora."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from symgen import console
from symgen.cli.options import Json, Quiet

app = typer.Typer(
    help="Public corpora: what there is, and how to get it.",
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of a corpus; see symgen corpus list.")]
Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Folder of fetched corpora. [default: $SYMGEN_DATA, else data]"),
]
Corpora = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Declarations of corpora, instead of the shipped ones.")
]


@app.command("list")
def list_(data: Data = None, corpora: Corpora = None, as_json: Json = False, quiet: Quiet = False) -> None:
    """List the public corpora that are declared. Name, style, size, licence, and which are here."""
    from symgen.fetch import list_corpora

    del quiet  # there is no progress; every command takes the option
    found = [listing.as_json() for listing in list_corpora(data, corpora)]
    if as_json:
        console.print_json({"corpora": found})
        return
    console.print_table(
        ("name", "title", "style", "pieces", "here", "licence"),
        [
            (c["name"], c["title"], c["style"], _number(c["pieces"]), "yes" if c["here"] else "", c["licence"])
            for c in found
        ],
    )


@app.command()
def show(name: Name, data: Data = None, corpora: Corpora = None, as_json: Json = False, quiet: Quiet = False) -> None:
    """Describe a corpus. Source, licence wording, size, reader, quirks, split, citation."""
    from symgen.fetch import show_corpus

    del quiet
    facts = show_corpus(name, data, corpora).as_json()
    if as_json:
        console.print_json(facts)
    else:
        console.print_facts(describe(facts))


@app.command()
def fetch(
    name: Name,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Folder that gets it. [default: $SYMGEN_DATA, else data]"),
    ] = None,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Accept the licence wording without being asked.")
    ] = False,
    anew: Annotated[bool, typer.Option("--anew", help="Fetch it again and replace what is there.")] = False,
    sha256: Annotated[
        str, typer.Option(metavar="HEX", help="Checksum the archive must have, such as a colleague's receipt names.")
    ] = "",
    corpora: Corpora = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fetch a corpus. Shows its licence, downloads, verifies and unpacks; goes on where it was cut off."""
    from symgen.fetch import FetchRequest, data_dir, show_corpus
    from symgen.fetch import fetch as run_fetch

    output = output or data_dir()
    there = (output / name).exists() and not anew
    accepted = accept_licence or (not there and _ask(show_corpus(name, output, corpora).as_json()))
    request = FetchRequest(name, output, accepted=accepted, anew=anew, sha256=sha256, corpora=corpora)
    with console.Reporter(quiet=quiet) as progress:
        result = run_fetch(request, progress)
    facts = result.as_json()
    if as_json:
        console.print_json(facts)
    else:
        console.print_facts(_fetched(facts))


def describe(corpus: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return names and values that tell a scholar about a corpus.

    Parameters
    ----------
    corpus : mapping
        What ``symgen corpus show --json`` prints.
    """
    split = corpus["split"]
    rows = [(name, corpus[name]) for name in ("name", "title", "source", "homepage", "licence", "style")]
    rows += [
        ("pieces", _number(corpus["pieces"])),
        ("reader", corpus["reader"]),
        ("key", {"detect": "gong is detected", "key": "the key in the files"}.get(corpus["gong"], corpus["gong"])),
        ("metre", corpus["metre"]),
        ("voices", corpus["parts"]),
        *_origin(corpus["origin"]),
        ("verified", corpus["verified"]),
        ("here", corpus["here"] or "no"),
        ("validation", ", ".join(split["validation"]) if split else "a share by hash of the title"),
        ("test", ", ".join(split["test"]) if split else "a share by hash of the title"),
        ("citation", corpus["citation"]),
    ]
    rows += [("quirk", text) for text in corpus["quirks"]]
    if corpus["receipt"]:
        rows += [(f"receipt {name}", str(corpus["receipt"].get(name, ""))) for name in ("date", "sha256", "verified")]
    return [(name, value) for name, value in rows if value]


def _origin(origin: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    if origin is None:
        return [("fetch", "not declared")]
    if "urls" not in origin:
        where = f"from the package {origin['package']}" if "package" in origin else "ships with symgen"
        return [("fetch", where), ("files", ", ".join(origin["files"]))]
    size = f"{origin['size']:,} bytes" if origin["size"] else "not known"
    return [*(("fetch", url) for url in origin["urls"]), ("size", size), ("sha256", origin["sha256"] or "not known")]


def _fetched(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    state = "was here already, complete" if facts["reused"] else "fetched"
    rows = [
        (facts["name"], state),
        ("folder", facts["folder"]),
        ("files", str(facts["files"])),
        ("licence", facts["licence"]),
        ("sha256", facts["sha256"]),
        ("verified", facts["verified"] or "no: nothing is declared to compare with"),
        *(("mind", text) for text in facts["remarks"]),
        ("next", f"symgen convert {facts['folder']} -o {facts['name']}.symgen"),
    ]
    return [(name, value) for name, value in rows if value]


def _ask(corpus: Mapping[str, Any]) -> bool:
    """Show the wording of a licence and ask for acceptance, if somebody is there to answer."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    from symgen.errors import CorpusError, one_line

    for label, key in (("corpus", "title"), ("source", "source"), ("licence", "licence"), ("checked", "verified")):
        typer.echo(f"{label}: {one_line(corpus[key] or 'none declared')}", err=True)
    if not typer.confirm("Do you accept this licence?", err=True):
        raise CorpusError(f"{corpus['name']} was not fetched: its licence was not accepted")
    return True


def _number(count: int | None) -> str:
    return f"{count:,}" if count else ""
