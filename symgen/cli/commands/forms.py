"""``symgen forms``: the forms that a piece can have."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from symgen import console
from symgen.cli.options import Json, Quiet

if TYPE_CHECKING:
    from symgen.forms import SectionForm


def forms(as_json: Json = False, quiet: Quiet = False) -> None:
    """List the forms that a piece can have. Name, Chinese name, styles, fewest bars, sections."""
    from symgen.forms import forms as all_forms
    from symgen.forms import least_bars

    del quiet  # there is no progress; every command takes the option
    found = [(form, least_bars(form)) for form in all_forms()]
    if as_json:
        console.print_json({"forms": [form.as_json() | {"least_bars": least} for form, least in found]})
        return
    console.print_table(
        ("name", "chinese", "styles", "from bars", "sections"),
        [
            (form.name, form.chinese, ", ".join(form.styles) or "any", str(least), _names(form.sections))
            for form, least in found
        ],
    )


def _names(sections: Sequence[SectionForm]) -> str:
    """Return the names of sections in order, of equal neighbours how many."""
    runs = [(name, len(list(run))) for name, run in groupby(section.name for section in sections)]
    return ", ".join(name if count == 1 else f"{count} {name}" for name, count in runs)
