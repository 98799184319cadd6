"""An evaluation as tables, in Markdown and as an HTML page of its own, from its plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from symgen.errors import one_line

Data = Mapping[str, Any]

_BARS_SHOWN = 12
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: 1rem 0 } th, td { padding: .2rem .8rem; border-bottom: 1px solid #ddd }
th { text-align: left } td + td { text-align: right; font-variant-numeric: tabular-nums }
figure { display: inline-block; margin: .5rem 1rem .5rem 0 } figcaption { font-size: 90% }
.real { fill: #2f6d9e } .composed { fill: #d9a441 } svg text { font-size: 10px; fill: #444 }
"""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of text.

    Parameters
    ----------
    title, note : str
        Heading, and what has to be known to read it.
    head : sequence of str
        Names of the columns.
    rows : sequence of sequence of str
        Cells.
    """

    title: str
    note: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def tables(data: Data) -> list[Table]:
    """Return the tables of an evaluation, given as :meth:`symgen.evaluate.EvaluateResult.as_json` gives it."""
    found = [_bits_table(data), _two_sample_table(data), _shares_table(data), _distributions_table(data)]
    return [table for table in (*found, _copying_table(data)) if table.rows]


def as_markdown(data: Data) -> str:
    """Return an evaluation as Markdown."""
    parts = [one_line(_summary(data))]
    for table in tables(data):
        rows = [_row(table.head), _row("---" for _ in table.head), *map(_row, table.rows)]
        parts.append(f"### {table.title}\n\n{table.note}\n\n" + "\n".join(rows))
    return "\n\n".join(parts) + "\n"


def as_html(data: Data) -> str:
    """Return an evaluation as an HTML page that needs no other file."""
    title = f"symgen: evaluation of {data['about']['checkpoint']}"
    parts = [f"<h1>{escape(title)}</h1>", f"<p>{escape(_summary(data))}</p>"]
    for table in tables(data):
        head = "".join(f"<th>{escape(name)}</th>" for name in table.head)
        rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in table.rows)
        parts.append(f"<h2>{escape(table.title)}</h2><p>{escape(table.note)}</p><table><tr>{head}</tr>{rows}</table>")
    distributions = data["statistics"].get("distributions", {})
    parts += [_chart(name, row["real"], row["composed"]) for name, row in distributions.items()]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style><body>{''.join(parts)}</body></html>\n"
    )


def _summary(data: Data) -> str:
    about, composed = data["about"], data["composed"]
    pieces = about["pieces"]
    return (
        f"Style {about['style']}, {pieces['training']} training and {pieces['unseen']} unseen pieces, "
        f"{composed['made']} of {composed['asked']} composed pieces; temperature {about['temperature']}, "
        f"top-p {about['top_p']}, seed {about['seed']}, {about['seconds']} s."
    )


def _bits_table(data: Data) -> Table:
    note = (
        "On the validation pieces: rhythm and melody of each sounding note, rests counted with them; less is better. "
        "Intervals of 95 % from resampling pieces; the differences are of the same pieces."
    )
    rows = [
        (
            name,
            f"{row['bits']:.3f}",
            f"{row['low']:.3f} to {row['high']:.3f}",
            "" if name == "checkpoint" else f"{row['more']:+.3f} ({row['more_low']:+.3f} to {row['more_high']:+.3f})",
        )
        for name, row in sorted(data["bits"].items(), key=lambda item: -float(item[1]["bits"]))
    ]
    return Table("Bits a note", note, ("model", "bits a note", "95 %", "more than the checkpoint"), rows)


def _two_sample_table(data: Data) -> Table:
    note = (
        "Share of windows of unseen real and of composed music that a classifier tells apart: 50 % is the best a "
        "generator can get. Intervals of 95 % from resampling pieces and seeds."
    )
    rows = [
        (name, _percent(row["accuracy"]), f"{_percent(row['low'])} to {_percent(row['high'])}", str(row["windows"]))
        for name, row in data["two_sample"].items()
    ]
    return Table("Two-sample test", note, ("comparison", "right", "95 %", "windows of each"), rows)


def _shares_table(data: Data) -> Table:
    note = "Over all pieces, with intervals of 95 % from resampling pieces."
    rows = [
        (name, *(cell for side in ("real", "composed") for cell in _interval(name, row[side])))
        for name, row in data["statistics"].get("shares", {}).items()
    ]
    return Table("Shares", note, ("share", "real", "95 %", "composed", "95 %"), rows)


def _distributions_table(data: Data) -> Table:
    note = "Overlap is the common mass; beside it what unseen real pieces have in common with the training pieces."
    rows = [
        (name, _percent(row["overlap"]), _percent(row["overlap_of_unseen"]), f"{row['divergence_bits']:.3f}")
        for name, row in data["statistics"].get("distributions", {}).items()
    ]
    head = ("distribution", "overlap with real", "unseen with training", "Jensen-Shannon bits")
    return Table("Distributions", note, head, rows)


def _copying_table(data: Data) -> Table:
    note = "Runs of notes shared with the training pieces, transposition aside; shared counts runs of eight."
    rows = [
        (name, f"{row['median_longest_run']:g}", str(row["longest_run"]), _percent(row["shared"]))
        for name, row in data["copying"].items()
    ]
    return Table("Copying", note, ("pieces", "median longest run", "longest run", "shared"), rows)


def _chart(name: str, real: Mapping[str, float], composed: Mapping[str, float]) -> str:
    """Return a bar chart of two distributions as a figure with inline SVG."""
    values = sorted({*real, *composed}, key=lambda v: -max(real.get(v, 0), composed.get(v, 0)))[:_BARS_SHOWN]
    highest = max([1e-9, *(side.get(value, 0.0) for side in (real, composed) for value in values)])
    parts = []
    for place, value in enumerate(values):
        for offset, label, side in ((0, "real", real), (14, "composed", composed)):
            height = 100 * side.get(value, 0.0) / highest
            tip = f"{label} {value}: {_percent(side.get(value, 0.0))}"
            parts.append(
                f'<rect class="{label}" x="{place * 40 + offset}" y="{105 - height:.1f}" width="13" '
                f'height="{height:.1f}"><title>{escape(tip)}</title></rect>'
            )
        parts.append(f'<text x="{place * 40 + 14}" y="118" text-anchor="middle">{escape(value[:7])}</text>')
    width = len(values) * 40
    return (
        f"<figure><figcaption>{escape(name)}: real blue, composed gold</figcaption>"
        f'<svg width="{width}" height="122" viewBox="0 0 {width} 122" role="img">{"".join(parts)}</svg></figure>'
    )


def _interval(name: str, values: Sequence[float]) -> tuple[str, str]:
    share, low, high = values
    if name.startswith("notes a run"):  # a mean, no share
        return f"{share:.1f}", f"{low:.1f} to {high:.1f}"
    return _percent(share), f"{_percent(low)} to {_percent(high)}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
