"""An evaluation as tables, and these as Markdown, from its plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from symgen.errors import one_line
from symgen.metrics.structure import PHRASE_NOTES

Data = Mapping[str, Any]

LABELS: Final = {
    "training": "real, training",
    "held-out": "real, held out",
    "grammar": "composed",
    "alone": "composed, no adversary",
    "free": "composed, no grammar",
}
"""What the columns are called."""
_MEANS: Final = ("notes a run", PHRASE_NOTES)
_STRUCTURE: Final = ("grams", "likeness", PHRASE_NOTES, "ends on")


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
    found = [_two_sample_table(data), _bits_table(data), *_shares_tables(data), _distributions_table(data)]
    found += [
        _kl_table(data),
        _cadences_table(data),
        _copying_table(data),
        _playing_table(data),
        _forbidden_table(data),
    ]
    return [table for table in found if table.rows]


def as_markdown(data: Data) -> str:
    """Return an evaluation as Markdown."""
    parts = [one_line(summary(data))]
    for table in tables(data):
        rows = [_row(table.head), _row("---" for _ in table.head), *map(_row, table.rows)]
        parts.append(f"### {table.title}\n\n{table.note}\n\n" + "\n".join(rows))
    return "\n\n".join(parts) + "\n"


def summary(data: Data) -> str:
    """Return in a sentence what was measured."""
    about, composed = data["about"], data["composed"]
    pieces = about["pieces"]
    made = "; ".join(
        f"{LABELS[name]}: {facts['made']} of {facts['asked']} in {facts['seconds']} s"
        for name, facts in composed.items()
    )
    return (
        f"Style {about['style']}, {pieces['training']} training and {pieces['unseen']} held-out real pieces. Pieces "
        f"{made}. Temperature {about['temperature']}, top-p {about['top_p']}, seed {about['seed']}; in all "
        f"{about['seconds']} s."
    )


def percent(share: float) -> str:
    """Return a share in words."""
    return f"{100 * share:.1f} %"


def is_mean(name: str) -> bool:
    """Tell whether a row of shares is a mean, and no share."""
    return name.startswith(_MEANS)


def _bits_table(data: Data) -> Table:
    note = (
        "How surprising the real validation pieces are to each model: rhythm and melody of each sounding note, rests "
        "counted with them; less is better. Intervals of 95 % from resampling pieces; the differences are of the same "
        "pieces. No mask enters: the grammar forbids some of what people wrote (see the last table), so that under it "
        "real music would cost infinitely many bits."
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
        "Share of windows of 32 steps, of held-out real and of composed music, that a classifier tells right: 50 % is "
        "the best a generator can get, and what real music gets against real music is the floor of the test itself. "
        "Continuations are free of masks unless it is said. Intervals of 95 % from resampling pieces and seeds"
    )
    few = [row for row in data["two_sample"].values() if row.get("unit") == "stretch"]
    note += (
        f"; there are only {few[0]['pieces']} held-out pieces, so stretches of 64 steps within them are resampled: the "
        "intervals hold for these pieces and say nothing of others, and the last column shows how much pieces differ."
        if few
        else "."
    )
    rows = [
        (
            name,
            percent(row["accuracy"]),
            f"{percent(row['low'])} to {percent(row['high'])}",
            str(row["windows"]),
            _range(row.get("by_piece", ())),
        )
        for name, row in data["two_sample"].items()
    ]
    return Table("Two-sample test", note, ("comparison", "right", "95 %", "windows of each", "single pieces"), rows)


def _range(values: Sequence[float]) -> str:
    return f"{percent(min(values))} to {percent(max(values))}" if values else ""


def _shares_tables(data: Data) -> list[Table]:
    shares = data["statistics"].get("shares", {})
    note = "Over all pieces, with intervals of 95 % from resampling pieces."
    structure = {name: row for name, row in shares.items() if any(word in name for word in _STRUCTURE)}
    tones = {name: row for name, row in shares.items() if name not in structure}
    more = (
        f"{note} A gram is a run of so many notes, tones with the intervals between them; repeated means that it stood "
        "before. Repetition has a right amount: less than real music has is wandering, more is a loop."
    )
    return [_columns("Tones and moves", note, tones), _columns("Structure", more, structure)]


def _columns(title: str, note: str, shares: Data) -> Table:
    names = [name for name in LABELS if any(name in row for row in shares.values())]
    rows = [(share, *(_cell(share, row.get(name)) for name in names)) for share, row in shares.items()]
    return Table(title, note, ("share", *(LABELS[name] for name in names)), rows)


def _cell(name: str, values: Sequence[float] | None) -> str:
    if values is None:
        return ""
    share, low, high = values
    if is_mean(name):
        return f"{share:.1f} ({low:.1f} to {high:.1f})"
    return f"{100 * share:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def _compared(data: Data, figure: str, words: Any) -> tuple[list[str], list[tuple[str, ...]]]:
    distributions = data["statistics"].get("distributions", {})
    names = [name for name in LABELS if any(figure in row.get(name, {}) for row in distributions.values())]
    rows = [
        (name, *(words(row[column][figure]) if column in row else "" for column in names))
        for name, row in distributions.items()
    ]
    return names, rows if names else []


def _distributions_table(data: Data) -> Table:
    note = "The mass that a distribution has in common with that of the real training pieces; 100 % is the same."
    names, rows = _compared(data, "overlap", percent)
    return Table("Distributions: overlap", note, ("distribution", *(LABELS[name] for name in names)), rows)


def _kl_table(data: Data) -> Table:
    note = (
        "Symmetric Kullback-Leibler divergence from the training pieces in bits, on common bins, with half a count "
        "added to each, and less the bias that so few pieces bring (jackknife over pieces); 0 is the same, and what is "
        "below it is 0. Empty where there are fewer than two counts a bin."
    )
    names, rows = _compared(data, "kl_bits", lambda value: "" if value is None else f"{value:.3f}")
    return Table("Distributions: corrected KL", note, ("distribution", *(LABELS[name] for name in names)), rows)


def _cadences_table(data: Data) -> Table:
    """Return the commonest last moves of each mode."""
    values = {
        side: row["values"] for side, row in data["statistics"].get("distributions", {}).get("last move", {}).items()
    }
    modes = sorted({name.split()[0] for side in values.values() for name in side})
    names = [name for name in LABELS if name in values]
    rows = []
    for mode in modes:
        cells = []
        for name in names:
            own = {move.split()[1]: share for move, share in values[name].items() if move.split()[0] == mode}
            whole = sum(own.values())
            best = sorted(own.items(), key=lambda item: -item[1])[:3]
            cells.append(", ".join(f"{move} {100 * share / whole:.0f} %" for move, share in best))
        rows.append((mode, *cells))
    note = "The commonest last moves of pieces by mode: last degree but one and last, with their share in the mode."
    return Table("Cadences by mode", note, ("mode", *(LABELS[name] for name in names)), rows)


def _copying_table(data: Data) -> Table:
    note = (
        "Share of runs of so many notes that stand in a training piece, transposition aside, and share of pieces with "
        "such a run. Real pieces that nobody trained on are the measure: a tradition repeats itself."
    )
    rows = []
    for name, row in data["copying"].items():
        lengths = [key for key in row if key.isdecimal()]
        rates = [f"{100 * row[key]['rate'][0]:.2f} % ({percent(row[key]['pieces'])} of pieces)" for key in lengths]
        rows.append((LABELS[name], *rates, f"{row['median_longest_run']:g}", str(row["longest_run"])))
    head = ("pieces", "8 notes", "12 notes", "16 notes", "median longest run", "longest run")
    return Table("Copying", note, head, rows)


def _playing_table(data: Data) -> Table:
    note = "Share of notes that fingering finds a place for, on the tuning and in the octave that serve a piece best."
    rows = [(LABELS[name], _cell("", values)) for name, values in data.get("playing", {}).items()]
    return Table("Playability", note, ("pieces", "notes with a place"), rows)


def _forbidden_table(data: Data) -> Table:
    note = "Share of the steps of held-out real pieces that the grammar would have struck out: what it keeps from us."
    rows = [(family, percent(share)) for family, share in data.get("forbidden", {}).items()]
    return Table("What the grammar forbids that people wrote", note, ("token", "steps"), rows)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
