"""Model cards: what a checkpoint learned from, how good it is, and what it is not for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

_LIMITS = """\
- One gong system a piece: no modulation. One metre a piece.
- Of techniques it writes what its sources mark: harmonics for the guqin. Slides and vibrato are added in
  performance from documented habits, not learned.
- The guzheng style is learned from a dozen hand-made transcriptions with dummy bar lines.
- It composes in traditional idioms; it does not reproduce the manner of a named player or school.
"""


def model_card(name: str, facts: Mapping[str, Any], model: nn.Module) -> str:
    """Return the card of a checkpoint as Markdown.

    Parameters
    ----------
    name : str
        Name of the checkpoint.
    facts : mapping
        ``data`` (corpora with licence wording), ``figures``, ``seed``, ``version``.
    model : Module
        The generator.
    """
    parameters = sum(parameter.numel() for parameter in model.parameters())
    lines = [
        f"# {name}",
        "",
        f"A compound-step transformer of {parameters:,} weights that composes guqin, guzheng and folk melody as",
        f"rhythm, melody and chord tokens. Trained by symgen {facts['version']}, seed {facts['seed']}:",
        "likelihood on folk melody, likelihood on the zither styles, then against an adversary.",
        "",
        "```console",
        "symgen convert SCORES -o data.symgen",
        f"symgen train data.symgen --style guqin -o {name}",
        "```",
        "",
        "## Learned from",
        "",
        "| Corpus | Source | Pieces | Notes | Licence wording |",
        "|---|---|---|---|---|",
    ]
    for row in facts["data"]:
        lines.append(f"| {row['title']} | {row['source']} | {row['pieces']:,} | {row['notes']:,} | {row['licence']} |")
    lines += [
        "",
        "The melodies are traditional; the encodings are public research data, some without a free licence. No",
        "encoding is part of this checkpoint: it holds weights, and one-way hashes of runs of eight notes for the",
        "copy report. Who needs cleaner ground trains on an own corpus with the two commands above.",
        "",
        "## Figures",
        "",
        *_figure_lines(facts.get("figures", {})),
        "",
        "## Limits",
        "",
        _LIMITS,
    ]
    return "\n".join(lines)


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
