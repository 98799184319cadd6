"""``symgen styles``: what can be composed in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from symgen import console
from symgen.cli.options import Json, Quiet


def styles(as_json: Json = False, quiet: Quiet = False) -> None:
    """List the styles that can be composed in."""
    from symgen.compose import list_styles

    del quiet  # there is no progress; every command takes the option
    found = [style.as_json() for style in list_styles()]
    if as_json:
        console.print_json({"styles": found})
    else:
        console.print_table(
            ("style", "", "instrument", "metre", "tempo (qpm)", "bars"), [_style_row(style) for style in found]
        )


def _style_row(style: Mapping[str, Any]) -> tuple[str, ...]:
    low, high = style["tempo"]
    names = (style["name"], style["chinese"], style["instrument"], style["metre"])
    return (*names, f"{low:g} to {high:g}", str(style["bars"]))
