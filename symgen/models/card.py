"""Model cards: what a checkpoint learned from, how good it is, and what it is not for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from symgen.files import write_text
from symgen.models.checkpoint import FACTS, Checkpoint, write_json

_LIMITS = """\
- One gong system a piece: no modulation. One metre a piece.
- Of techniques it writes what its sources mark, such as the harmonics of guqin scores. Slides and vibrato are
  added in performance from documented habits, not learned.
- A style learned from a few dozen pieces or less is known as far as these go.
- It composes in the idiom of its sources; it does not reproduce the manner of a named player or school.
"""

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
        ``version``.
    """
    lines = [
        f"# {name}",
        "",
        f"A compound-step transformer of {facts['parameters']:,} weights that composes {', '.join(_styles(facts))}",
        f"melody as rhythm, melody and chord tokens. Trained by symgen {facts['version']}, seed {facts['seed']},",
        f"in the stages {', '.join(facts['stages'])}.",
        "",
        "```bash",
        "symgen convert SCORES -o data.symgen",
        f"symgen train data.symgen --style {facts['style']} -o {name}",
        "```",
        "",
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
        *_figure_lines(facts.get("figures", {})),
        "",
        "## Limits",
        "",
        _LIMITS,
    ]
    return "\n".join(lines)


def record_figures(checkpoint: Checkpoint, figures: Mapping[str, Any]) -> Path:
    """Add what was measured of a checkpoint to its facts and to its card, and return the card.

    Raises
    ------
    WriteError
        If they cannot be written.
    """
    facts = {**checkpoint.facts, "figures": {**checkpoint.facts.get("figures", {}), **figures}}
    write_json(checkpoint.path / FACTS, facts)
    card = checkpoint.path / "README.md"
    write_text(card, model_card(checkpoint.path.resolve().name, facts))
    return card


def _styles(facts: Mapping[str, Any]) -> list[str]:
    return sorted({row["style"] for row in facts["data"]})


def _cell(text: str) -> str:
    """Return text that cannot break a table."""
    return " ".join(text.split()).replace("|", "\\|") or "not known"


def _figure_lines(figures: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Return nested figures as a list, one line each."""
    lines = []
    for name, value in figures.items():
        label = f"{prefix}{name.replace('_', ' ')}"
        if isinstance(value, Mapping):
            lines += _figure_lines(value, f"{label}, ")
        else:
            lines.append(f"- {label}: {value}")
    return lines
