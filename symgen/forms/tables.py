"""Forms from TOML files, every key, type and bound checked: a mistake is one line with file, line and entry."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from symgen.forms.base import FEWEST_BARS, MOST_BARS, Form, SectionForm
from symgen.instruments._reading import Source, Step, build, parse

GUIDE = "docs/COMPOSING.md"

_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_MARK = re.compile(r"[A-Z][A-Z_]{0,29}")
_THEME = re.compile(r"[A-Z]?")

_BOUNDS: dict[str, tuple[float, float]] = {
    "share": (0, 1000),
    "bars": (0, MOST_BARS),
    "beats": (0, MOST_BARS),
    "least": (FEWEST_BARS, MOST_BARS),
    "from_bars": (0, MOST_BARS),
    "density": (0, 1),
    "register": (0, 1),
    "leaps": (0, 1),
    "variation": (0, 1),
    "modulation": (-1, 1),
}
_TEMPO = (0.25, 4.0)
_MOST_SECTIONS = 64


def read_form(path: Path) -> Form:
    """Return the form of a TOML file.

    Raises
    ------
    UsageError
        If it cannot be read, or its first mistake: file, line, entry, what was found and what was expected.
    """
    source, table = parse(path, GUIDE)
    rest = {key: value for key, value in table.items() if key != "sections"}
    form: Form = build(source, (), Form, rest | _rounds(table), sections=_sections(source, table.get("sections")))
    if not _NAME.fullmatch(form.name):
        source.refuse(("name",), repr(form.name)[:60], expected="small letters, digits and hyphens, a letter first")
    for number, section in enumerate(form.sections):
        _check_section(source, ("sections", number), section, table["sections"][number])
    _check_lengths(source, form)
    _check_themes(source, form.sections)
    for rounds in form.rounds:
        _check_between(source, ("rounds", "tempo"), rounds.tempo, _TEMPO)
        _check_between(source, ("rounds", "variation"), rounds.variation, (0, 1))
    return form


def read_folder(folder: Path) -> dict[str, Form]:
    """Return the forms of a folder by name, which need not exist.

    Raises
    ------
    UsageError
        As :func:`read_form`; also if two files have one name.
    """
    found: dict[str, Form] = {}
    for path in sorted(folder.glob("*.toml")) if folder.is_dir() else ():
        form = read_form(path)
        if form.name in found:
            Source(path, "").refuse((), f"a second form of the folder is called {form.name!r}", "a name of its own")
        found[form.name] = form
    return found


def _sections(source: Source, tables: Any) -> tuple[SectionForm, ...]:
    """Return the sections of a file as they are written, each with its number for messages."""
    if not isinstance(tables, list):
        found = "no sections" if tables is None else repr(tables)[:60]
        source.refuse(("sections",), found, expected="a table [[sections]] for each")
    if not 1 <= len(tables) <= _MOST_SECTIONS:
        source.refuse(("sections",), f"{len(tables)} sections", expected=f"1 to {_MOST_SECTIONS}")
    return tuple(build(source, ("sections", number), SectionForm, table) for number, table in enumerate(tables))


def _rounds(table: dict[str, Any]) -> dict[str, Any]:
    """Return the one table of rounds as the list that the class has."""
    return {"rounds": [table["rounds"]]} if "rounds" in table else {}


def _check_between(source: Source, where: Sequence[Step], value: float, bounds: tuple[float, float]) -> None:
    if not bounds[0] <= value <= bounds[1]:
        source.refuse(where, f"{value:g}", expected=f"{bounds[0]:g} to {bounds[1]:g}")


def _check_section(source: Source, where: tuple[Step, ...], section: SectionForm, table: Iterable[str]) -> None:
    if not _MARK.fullmatch(section.name):
        source.refuse((*where, "name"), repr(section.name)[:60], expected="capital letters, such as SANQI")
    for key, bounds in _BOUNDS.items():
        _check_between(source, (*where, key), getattr(section, key), bounds)
    for factor in section.tempo:
        _check_between(source, (*where, "tempo"), factor, _TEMPO)
    if not _THEME.fullmatch(section.theme):
        source.refuse((*where, "theme"), repr(section.theme)[:60], expected="one capital letter")
    given = [key for key in ("share", "bars", "beats") if getattr(section, key)]
    if len(given) != 1:
        source.refuse(where, " and ".join(given) or "no length", expected="one of share, bars and beats, more than 0")
    if section.bars and section.bars < FEWEST_BARS:
        source.refuse((*where, "bars"), str(section.bars), expected=f"at least {FEWEST_BARS}")
    if section.beats % 2 or section.beats == 2:
        source.refuse((*where, "beats"), str(section.beats), expected="an even number, at least 4: bars of 2/4")
    for key in ("least", "from_bars"):
        if key in table and given != ["share"]:
            source.refuse((*where, key), f"{key} beside {given[0]}", expected=f"{key} only beside share")


def _check_lengths(source: Source, form: Form) -> None:
    """Refuse what has no length of its own to go round, and thresholds at which there is no room."""
    if form.rounds and not form.fixed:
        source.refuse(("rounds",), "sections with a share", expected="rounds only where all have bars or beats")
    if any(section.beats for section in form.sections) and not all(section.beats for section in form.sections):
        source.refuse(("sections",), "beats beside bars or share", expected="beats in all sections or in none")
    if not form.fixed and not any(section.share and not section.from_bars for section in form.sections):
        source.refuse(("sections",), "from_bars in all sections with a share", expected="one that is always there")
    for number, section in enumerate(form.sections):
        if section.from_bars:
            need = sum(s.bars or s.least for s in form.sections if s.from_bars <= section.from_bars)
            if need > section.from_bars:
                where = ("sections", number, "from_bars")
                source.refuse(where, str(section.from_bars), expected=f"at least {need}: the sections need them")


def _check_themes(source: Source, sections: Sequence[SectionForm]) -> None:
    stated: dict[str, SectionForm] = {}
    for number, section in enumerate(sections):
        first = not section.theme or section.theme not in stated
        if first and section.variation:
            source.refuse(
                ("sections", number, "variation"),
                f"{section.variation:g} where no theme comes back",
                expected="variation only beside a theme stated before",
            )
        if not first and stated[section.theme].from_bars > section.from_bars:
            source.refuse(
                ("sections", number, "theme"),
                f"theme {section.theme} may come back where its first statement is left out",
                expected="from_bars of at least that of the first statement",
            )
        if section.theme and first:
            stated[section.theme] = section
