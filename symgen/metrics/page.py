"""An evaluation as one HTML page that needs no other file: contents, tables, and charts drawn as inline SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from symgen.metrics.report import LABELS, Table, is_mean, percent, summary, tables

Data = Mapping[str, Any]

_BARS_SHOWN: Final = 14
_STYLE: Final = """
:root { color-scheme: light dark; --ink: #222; --paper: #fff; --rule: #ddd; --soft: #666;
 --training: #8fb3cf; --held-out: #2f6d9e; --grammar: #c8862b; --alone: #8a7a3d; --free: #b3392b }
@media (prefers-color-scheme: dark) { :root { --ink: #ddd; --paper: #181818; --rule: #3a3a3a; --soft: #999;
 --training: #4a6a80; --held-out: #6fb1e0; --grammar: #e0a850; --alone: #b5a768;
 --free: #d9705f } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem;
 color: var(--ink); background: var(--paper) }
.wide { overflow-x: auto } table { border-collapse: collapse; margin: 1rem 0 }
th, td { padding: .2rem .8rem; border-bottom: 1px solid var(--rule) } th { text-align: left }
td + td { text-align: right; font-variant-numeric: tabular-nums } a { color: inherit }
figure { display: inline-block; margin: .5rem 1.5rem .5rem 0 } figcaption { font-size: 90% }
.training { fill: var(--training) } .held-out { fill: var(--held-out) } .grammar { fill: var(--grammar) }
.alone { fill: var(--alone) } .free { fill: var(--free) }
svg text { font-size: 10px; fill: var(--soft) } svg line { stroke: var(--soft) }
.key span { margin-right: 1.2rem } .key i { display: inline-block; width: .8rem; height: .8rem; margin-right: .3rem }
"""


def as_html(data: Data) -> str:
    """Return an evaluation as an HTML page, given as :meth:`symgen.evaluate.EvaluateResult.as_json` gives it."""
    title = f"symgen: evaluation of {data['about']['checkpoint']}"
    found = tables(data)
    contents = "".join(f'<li><a href="#part{n}">{escape(table.title)}</a></li>' for n, table in enumerate(found))
    parts = [f"<h1>{escape(title)}</h1>", f"<p>{escape(summary(data))}</p>", f"<nav><ol>{contents}</ol></nav>", _key()]
    for number, table in enumerate(found):
        parts.append(f'<h2 id="part{number}">{escape(table.title)}</h2><p>{escape(table.note)}</p>')
        parts += [_figures(table, data), _table(table)]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style><body>{''.join(parts)}</body></html>\n"
    )


def _key() -> str:
    names = (f'<span><i style="background:var(--{name})"></i>{escape(label)}</span>' for name, label in LABELS.items())
    return f'<p class="key">{"".join(names)}</p>'


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in table.head)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in table.rows)
    return f'<div class="wide"><table><tr>{head}</tr>{rows}</table></div>'


def _figures(table: Table, data: Data) -> str:
    """Return the charts that belong to a table."""
    if table.title == "Two-sample test":
        rows = {
            name: [(_side(name), (row["accuracy"], row["low"], row["high"]))]
            for name, row in data["two_sample"].items()
        }
        return _intervals(rows, "share told right, 95 %", (0.3, 1.0), mark=0.5)
    if table.title == "Structure":
        shares = data["statistics"]["shares"]
        rows = {row[0]: list(shares[row[0]].items()) for row in table.rows if not is_mean(row[0])}
        return _intervals(rows, "shares, 95 %", (0.0, 1.0))
    if table.title == "Distributions: overlap":
        return "".join(_bars(name, row) for name, row in data["statistics"]["distributions"].items())
    return ""


def _side(name: str) -> str:
    if name == "real against real":
        return "held-out"
    if "no adversary" in name:
        return "alone"
    return "free" if "no grammar" in name or name.startswith("continuations,") else "grammar"


def _intervals(
    rows: Mapping[str, Sequence[tuple[str, Sequence[float]]]],
    caption: str,
    ends: tuple[float, float],
    mark: float | None = None,
) -> str:
    """Return a chart of figures with their intervals, a line each, as a figure with inline SVG."""
    left, width, line = 270, 420, 11
    least, most = ends

    def across(value: float) -> float:
        return left + width * (min(max(value, least), most) - least) / (most - least)

    parts, y = [], 12
    for name, cells in rows.items():
        parts.append(f'<text x="{left - 8}" y="{y + 4}" text-anchor="end">{escape(name)}</text>')
        for side, (value, low, high) in cells:
            tip = f"{LABELS.get(side, side)}, {name}: {percent(value)} ({percent(low)} to {percent(high)})"
            ends_at = f'x1="{across(low):.1f}" x2="{across(high):.1f}" y1="{y}" y2="{y}"'
            parts.append(
                f"<g><title>{escape(tip)}</title><line {ends_at}/>"
                f'<circle class="{side}" cx="{across(value):.1f}" cy="{y}" r="4"/></g>'
            )
            y += line
        y += 6
    if mark is not None:
        parts.append(f'<line x1="{across(mark)}" x2="{across(mark)}" y1="4" y2="{y}" stroke-dasharray="3 3"/>')
    for value in (least, (least + most) / 2, most):
        parts.append(f'<text x="{across(value):.1f}" y="{y + 12}" text-anchor="middle">{percent(value)}</text>')
    size = f'width="{left + width + 40}" height="{y + 18}" viewBox="0 0 {left + width + 40} {y + 18}"'
    return f'<figure><figcaption>{escape(caption)}</figcaption><svg {size} role="img">{"".join(parts)}</svg></figure>'


def _bars(name: str, row: Mapping[str, Any]) -> str:
    """Return a bar chart of a distribution by column as a figure with inline SVG."""
    sides = {side: row[side]["values"] for side in LABELS if side in row}
    known = {value for side in sides.values() for value in side}
    values = sorted(known, key=lambda v: (-max(side.get(v, 0) for side in sides.values()), v))[:_BARS_SHOWN]
    highest = max([1e-9, *(side.get(value, 0.0) for side in sides.values() for value in values)])
    bar, step = 9, 9 * len(sides) + 10
    parts = []
    for place, value in enumerate(values):
        for number, (side, shares) in enumerate(sides.items()):
            height = 100 * shares.get(value, 0.0) / highest
            tip = f"{LABELS[side]}, {value}: {percent(shares.get(value, 0.0))}"
            parts.append(
                f'<rect class="{side}" x="{place * step + number * bar}" y="{105 - height:.1f}" width="{bar - 1}" '
                f'height="{height:.1f}"><title>{escape(tip)}</title></rect>'
            )
        middle = place * step + bar * len(sides) // 2
        parts.append(f'<text x="{middle}" y="118" text-anchor="middle">{escape(value[:8])}</text>')
    width = max(1, len(values)) * step
    return (
        f"<figure><figcaption>{escape(name)}</figcaption>"
        f'<svg width="{width}" height="122" viewBox="0 0 {width} 122" role="img">{"".join(parts)}</svg></figure>'
    )
