"""Forms: plans of the sections of a piece, traditional ones and own ones.

A TOML file of this folder is a form, and so is one in a user's own folder (:func:`symgen.resources.own_forms_dir`);
both folders are listed to find them.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from unicodedata import normalize

from symgen.errors import UsageError
from symgen.forms import tables, text
from symgen.forms.base import MODULATIONS, Form, Modulation, SectionForm, SectionPlan
from symgen.forms.resolving import least_bars, nearest_bars, resolve
from symgen.resources import own_forms_dir

__all__ = [
    "MODULATIONS",
    "Form",
    "Modulation",
    "SectionForm",
    "SectionPlan",
    "form_of",
    "forms",
    "get_form",
    "get_modulation",
    "least_bars",
    "nearest_bars",
    "resolve",
]


def forms() -> tuple[Form, ...]:
    """Return all forms in order of name: the shipped ones, and those of a user's own folder, which go before.

    Raises
    ------
    UsageError
        If a file has a mistake: file, line, entry, and what was expected.
    """
    found = _shipped() | tables.read_folder(own_forms_dir())
    return tuple(form for _, form in sorted(found.items()))


@cache
def _shipped() -> dict[str, Form]:
    return tables.read_folder(Path(__path__[0]))


def get_form(name: str) -> Form:
    """Return the form of this name, in pinyin, English or Chinese.

    Raises
    ------
    UsageError
        If there is none; lists the known names. If a file has a mistake.
    """
    wanted = _key(name)
    known = forms()
    for form in known:
        if wanted in (_key(form.name), _key(form.chinese)) and wanted:
            return form
    raise UsageError(
        f"no form is called {name[:60]!r}",
        expected=f"one of {', '.join(form.name for form in known)}, a TOML file, or {text.EXAMPLE}",
        remedy="see symgen forms",
    )


def form_of(wish: str) -> Form:
    """Return the form that a wish on the command line names: a name, a TOML file, or a plan as a short text.

    Raises
    ------
    UsageError
        If it is none of them: what was found and what was expected, in one line.
    """
    if wish.endswith(".toml"):
        return tables.read_form(Path(wish))
    if any(character in "0123456789" for character in wish):
        return text.parse_plan(wish)
    return get_form(wish)


def get_modulation(name: str) -> Modulation:
    """Return a modulation by its name in pinyin or Chinese, or by the first word of it.

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    wanted = _key(name)
    for move in MODULATIONS.values():
        if wanted in (_key(move.name), move.chinese, move.name.partition("-")[0]):
            return move
    raise UsageError(f"no modulation is called {name[:60]!r}", expected=f"one of {', '.join(MODULATIONS)}")


def _key(name: str) -> str:
    """Return a name as it is compared: composed characters, no case, no spaces or hyphens."""
    return normalize("NFC", name).casefold().replace(" ", "").replace("-", "")
