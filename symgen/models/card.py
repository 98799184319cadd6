"""Model cards: what a checkpoint learned from, how good it is, what it is for, and what it is not for.

A card is Markdown with the front matter that the Hugging Face Hub reads. It is made from the facts of a checkpoint
alone, so it can be made anew whenever something was measured.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from symgen.files import write_text
from symgen.models.checkpoint import FACTS, Checkpoint, write_json

_USE = """\
To compose new melodies for guqin and guzheng as MIDI or scores, to continue or vary given ones, and to study the
traditions that it learned from. Everything that it composes comes with a report of the longest run that it shares with
a training piece. It is not meant to pass its pieces off as traditional, or as those of a named player or school.
"""

_EAR = """\
While it composes, an adversary that tells real music from its own (`ear.safetensors`) hears several versions of each
piece and decides which go on. The figures below are with it unless they say otherwise; `--versions 1` leaves it out.

"""

_KEPT = """\
The recipe of the training stands in `checkpoint.json`.
"""

_OLDER = """\
These weights were trained before checkpoints kept their recipe. The commands train the network of today: they do not
make these weights again.
"""

LIMITS = (
    "One metre a piece, and one gong system but where a form is asked to modulate.",
    "Of techniques it writes what its sources mark, such as the harmonics of guqin scores. Slides and vibrato are\n"
    "added in performance from documented habits, not learned.",
    "A style learned from a few dozen pieces or less is known as far as these go.",
    "It composes in the idiom of its sources; it does not reproduce the manner of a named player or school.",
)
"""What a checkpoint cannot do, one sentence or two each."""

_ORIGIN = """\
No encoding of a piece is part of this checkpoint: it holds weights, and one-way hashes of runs of eight notes for
the copy report. The licence wording above is that of the sources; who needs other ground trains on an own corpus
with the two commands above.
"""


def model_card(name: str, facts: Mapping[str, Any]) -> str:
    """Return the card of a checkpoint as Markdown.

    Parameters
    ----------
    name : str
        Name of the checkpoint.
    facts : mapping
        ``data`` (corpora with licence wording), ``parameters``, ``stages``, ``style``, ``figures``, ``seed``,
        ``version``; ``ear_sha256`` if an adversary hears what it composes.
    """
    lines = [
        *_front_matter(facts),
        f"# {name}",
        "",
        f"A compound-step transformer of {facts['parameters']:,} weights that composes {', '.join(_styles(facts))}",
        f"melody as rhythm, melody and chord tokens. Trained by symgen {facts['version']}, seed {facts['seed']},",
        f"in the stages {', '.join(facts['stages'])}.",
        "",
        *(_EAR.splitlines() if facts.get("ear_sha256") else ()),
        "```bash",
        "symgen convert SCORES -o data.symgen",
        f"symgen train data.symgen --style {facts['style']} -o {name}",
        "```",
        "",
        _KEPT if "recipe" in facts else _OLDER,
        "## Intended use",
        "",
        _USE,
        "## Learned from",
        "",
        "| Corpus | Style | Source | Pieces | Notes | Licence wording |",
        "|---|---|---|---|---|---|",
    ]
    for row in facts["data"]:
        counts = f"{row['pieces']:,} | {row['notes']:,}"
        cells = [_cell(row[key]) for key in ("title", "style", "source")]
        lines.append(f"| {' | '.join(cells)} | {counts} | {_cell(row['licence'])} |")
    lines += [
        "",
        _ORIGIN,
        "## Figures",
        "",
        *_figure_tables(facts.get("figures", {})),
        "## Limits",
        "",
        *("- " + limit.replace("\n", "\n  ") for limit in LIMITS),
        "",
    ]
    return "\n".join(lines)


def record_figures(checkpoint: Checkpoint, figures: Mapping[str, Any]) -> Path:
    """Add what was measured of a checkpoint to its facts and to its card, and return the card.

    Raises
    ------
    WriteError
        If they cannot be written.
    """
    facts = json.loads((checkpoint.path / FACTS).read_text("utf-8"))  # measuring takes minutes: it may have changed
    facts["figures"] = {**facts.get("figures", {}), **figures}
    write_json(checkpoint.path / FACTS, facts)
    return write_card(checkpoint.path, facts)


def write_card(folder: Path, facts: Mapping[str, Any]) -> Path:
    """Write the card of a checkpoint from its facts, and return it.

    Raises
    ------
    WriteError
        If it cannot be written.
    """
    card = folder / "README.md"
    write_text(card, model_card(folder.resolve().name, facts))
    return card


def _front_matter(facts: Mapping[str, Any]) -> list[str]:
    """Return what the Hub reads: JSON strings, which are YAML too, so that no name can break it."""
    tags = ["music", "symbolic-music", "midi", "music-generation", "chinese-music", *_styles(facts)]
    return [
        "---",
        "license: other",
        "license_name: that-of-its-sources",
        "library_name: symgen",
        "tags:",
        *(f"- {json.dumps(tag)}" for tag in tags),
        "---",
        "",
    ]


def _styles(facts: Mapping[str, Any]) -> list[str]:
    return sorted({row["style"] for row in facts["data"]})


def _cell(text: str) -> str:
    """Return text that cannot break a table."""
    return " ".join(text.split()).replace("|", "\\|") or "not known"


def _figure_tables(figures: Mapping[str, Any]) -> list[str]:
    """Return groups of figures, each as a table of names and values."""
    lines: list[str] = []
    single = {name: value for name, value in figures.items() if not isinstance(value, Mapping)}
    groups = {"": single, **{name: value for name, value in figures.items() if isinstance(value, Mapping)}}
    for name, group in groups.items():
        rows = [f"| {_cell(label)} | {_cell(value)} |" for label, value in _flat(group)]
        if rows:
            heading = _label(name)[:1].upper() + _label(name)[1:] if name else "Figure"
            lines += [f"| {_cell(heading)} | |", "|---|---|", *rows, ""]
    return lines


def _flat(figures: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield nested figures, each with the names that lead to it."""
    for name, value in figures.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{_label(name)}, ")
        elif isinstance(value, (list, tuple)):
            yield f"{prefix}{_label(name)}", ", ".join(map(_number, value))
        else:
            yield f"{prefix}{_label(name)}", _number(value)


def _label(name: object) -> str:
    return str(name).replace("_", " ")


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
