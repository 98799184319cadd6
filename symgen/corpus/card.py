"""The card of an exported dataset: what it is, how it was made, whose it is, and what is wrong with it.

Markdown below a head of YAML, in the form that hubs of machine learning read. What comes from files or declarations
is text and nothing else: it can leave neither its quotes in YAML nor its cell in a table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from symgen.corpus.dataset import FORMAT, SPLITS, Entry
from symgen.corpus.escapes import md_text, yaml_text
from symgen.corpus.fields import FIELDS
from symgen.tokens.sequence import FAMILIES

SIGNATURE: Final = "tags:\n- symgen\n"
"""Stands in every card, and tells one of ours from a file of somebody else's."""

_SIZES = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
)
"""Categories of size, by number of rows, as hubs name them."""

_LIMITS = """\
- **Key.** Pitches are degrees above gong. Where `key_known` is false, the source writes every piece in one key, and
  `gong` says nothing of the pitch at which it was sung or played. Where `confidence` is below 1, gong and mode were
  found by a program, which errs.
- **Tempo and metre** are unknown where `tempi` and `metres` are empty; `seconds` then counts 60 quarters a minute.
- **Tokens** hold neither velocity nor voice, and time on a grid of 1/480 quarter with the values of notation; what was
  moved to the grid is counted under `lost`.
- **Near-duplicates** are found by the passages that pieces share. Variants that share few are not found.
- **Licences.** The wordings are those that the sources give, or say that none is given. They were not examined by a
  lawyer, and an export changes nothing about whose the music is.
"""


@dataclass(slots=True)
class Tally:
    """What the exported rows come to."""

    pieces: int = 0
    notes: int = 0
    steps: int = 0
    seconds: float = 0.0
    alike: int = 0
    key_unknown: int = 0
    tempo_unknown: int = 0
    metre_unknown: int = 0
    counts: dict[str, Counter[str]] = field(
        default_factory=lambda: {name: Counter() for name in ("split", "style", "mode", "metre", "format")}
    )
    flags: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    mended: Counter[str] = field(default_factory=Counter)
    corpora: dict[str, Counter[str]] = field(default_factory=dict)
    licences: dict[str, str] = field(default_factory=dict)

    def add(self, number: int, entry: Entry, steps: int) -> None:
        """Take in a row."""
        self.pieces += 1
        self.notes += entry.notes
        self.steps += steps
        self.seconds += entry.seconds
        self.alike += entry.family != number
        self.key_unknown += not entry.key_known
        self.tempo_unknown += not entry.tempi
        self.metre_unknown += not entry.metres
        for name, counter in self.counts.items():
            counter[getattr(entry, name)] += 1
        self.flags.update(entry.flags)
        self.lost.update(entry.lost)
        self.mended.update(entry.mended)
        self.corpora.setdefault(entry.corpus, Counter()).update({"pieces": 1, "notes": entry.notes})
        self.licences[entry.corpus] = entry.licence


@dataclass(frozen=True, slots=True)
class Card:
    """What a card is written from.

    Parameters
    ----------
    tally : Tally
        Over the exported rows.
    files : mapping
        Split -> name of its file; one file for all of them under "".
    command : str
        The command that exports the same.
    facts, summary : mapping
        What ``dataset.json`` and ``summary.json`` of the dataset hold.
    sources : mapping
        Corpus -> (title, source), as they are declared; corpora without a declaration are left out.
    """

    tally: Tally
    files: Mapping[str, str]
    command: str
    facts: Mapping[str, Any]
    summary: Mapping[str, Any]
    sources: Mapping[str, tuple[str, str]]

    def __str__(self) -> str:
        parts = (
            self._head(),
            self._about(),
            self._made(),
            self._sources(),
            self._splits(),
            self._columns(),
            self._flags(),
            self._losses(),
            ["## Known limits", "", _LIMITS.rstrip()],
            self._loading(),
        )
        return "\n\n".join("\n".join(part) for part in parts) + "\n"

    def _head(self) -> list[str]:
        names = ", ".join(sorted(self.tally.corpora))
        lines = ["---", f"pretty_name: {yaml_text(f'symgen tokens of {names}')}", "license: other"]
        lines += ["license_name: several-see-sources", *SIGNATURE.splitlines(), "- music", "- symbolic-music"]
        lines += [f"- {style}" for style in sorted(self.tally.counts["style"]) if style in ("guqin", "guzheng")]
        size = next((name for most, name in _SIZES if self.tally.pieces < most), "100M<n<1B")
        lines += ["size_categories:", f"- {size}", "configs:", "- config_name: default", "  data_files:"]
        for split, name in self.files.items():
            lines += [f"  - split: {split or 'train'}", f"    path: {yaml_text(name)}"]
        return [*lines, "dataset_info:", "  features:", *yaml_features(), "---"]

    def _about(self) -> list[str]:
        tally = self.tally
        return [
            "# Pieces as tokens",
            "",
            "Scores as sequences of steps. A step has three tokens: a rhythm, a melody tone as its degree above gong,",
            "and the chord below it. Transposing a piece changes none of them.",
            "",
            *_table(
                ("Pieces", "Notes", "Steps", "Hours"),
                [(_n(tally.pieces), _n(tally.notes), _n(tally.steps), f"{tally.seconds / 3600:,.2f}")],
            ),
        ]

    def _made_of(self) -> Mapping[str, Any]:
        made = self.facts.get("made")
        return made if isinstance(made, dict) else {}

    def _made(self) -> list[str]:
        made = self._made_of()
        version = made.get("symgen", "of a version that is not recorded")
        status = self.summary.get("status") or {}
        inputs = ", ".join(f"{_n(count)} {md_text(name)}" for name, count in status.items())
        lines = [
            "## How it was made",
            "",
            f"By symgen {md_text(str(version))}, dataset format {FORMAT}, with the commands",
            "",
            "```bash",
            "symgen convert PATHS -o DATASET",
            self.command,
            "```",
            "",
            "All that the tokens depend on besides the files has the digest",
            f"{md_text(str(self.facts.get('settings')))}.",
        ]
        if inputs:
            lines += ["", f"Inputs of the whole conversion: {inputs}."]
        for name, words in (("failed", "Reasons of failure"), ("dropped", "Pieces dropped by rules of cleaning")):
            if counts := self.summary.get(name):
                lines += ["", f"{words}: {_many(counts)}."]
        return lines

    def _sources(self) -> list[str]:
        rows = []
        for name, counts in sorted(self.tally.corpora.items()):
            title, source = self.sources.get(name, ("", ""))
            licence = self.tally.licences[name] or "none stated"
            rows.append((*map(md_text, (name, title, source, licence)), _n(counts["pieces"]), _n(counts["notes"])))
        return [
            "## Sources and licences",
            "",
            "Each row names its corpus and the wording of its licence, as the source puts it.",
            "",
            *_table(("Corpus", "Title", "Source", "Licence wording", "Pieces", "Notes"), rows),
        ]

    def _splits(self) -> list[str]:
        tally = self.tally
        rows = [
            (split, _n(tally.counts["split"][split]), md_text(self.files.get(split) or self.files[""]))
            for split in SPLITS
            if tally.counts["split"][split]
        ]
        return [
            "## Splits",
            "",
            *_table(("Split", "Pieces", "File"), rows),
            "",
            "Pieces of one title in a corpus, numbers and variants aside, and pieces that are nearly the same music,",
            f"stand in one split. {_n(tally.alike)} pieces are nearly the same as an earlier one of the dataset, and",
            "`family` names it.",
            "",
            *_table(
                ("", "Pieces"),
                [
                    (f"{name} {md_text(value)}", _n(count))
                    for name in ("style", "mode", "metre", "format")
                    for value, count in _by_count(tally.counts[name])
                ],
            ),
        ]

    def _columns(self) -> list[str]:
        sizes = ", ".join(f"{family.NAME} 1 to {len(family.VOCABULARY) - 1}" for family in FAMILIES)
        rows = [(f"`{column.name}`", _type_words(column.type), column.meaning) for column in FIELDS]
        return [
            "## Columns",
            "",
            *_table(("Column", "Type", "Meaning"), rows),
            "",
            f"Token numbers: {sizes}; 0 stands before the first step and is in no row.",
            "For a melody token from 2 on,",
            "`(token - 2) % 12` is the degree in semitones above gong, `(token - 2) // 12 % 9 - 4` the octave and",
            "`(token - 2) // 108` the technique; 1 is a rest. `symgen.tokens` lists all names.",
        ]

    def _flags(self) -> list[str]:
        rules = _rules(self._made_of().get("cleaning"))
        rows = [(md_text(flag), _n(self.tally.flags[flag]), md_text(words)) for flag, words in rules.items()]
        rows += [(md_text(flag), _n(n), "not recorded") for flag, n in _by_count(self.tally.flags) if flag not in rules]
        return [
            "## Flags",
            "",
            "A flag says that a measure of the piece is beyond a threshold, no more. Thresholds may differ by style.",
            "",
            *_table(("Flag", "Pieces", "Holds where"), rows or [("none", "0", "")]),
        ]

    def _losses(self) -> list[str]:
        tally = self.tally
        return [
            "## What was lost and mended",
            "",
            f"Lost, by reason: {_many(dict(_by_count(tally.lost))) or 'nothing'}.",
            "",
            f"Mended, by reason: {_many(dict(_by_count(tally.mended))) or 'nothing'}.",
            "",
            f"Unknown: the key of {_n(tally.key_unknown)} pieces, the tempo of {_n(tally.tempo_unknown)}, the metre of "
            f"{_n(tally.metre_unknown)}.",
        ]

    def _loading(self) -> list[str]:
        name = next(iter(self.files.values()))
        if name.endswith(".parquet"):
            code = ["import pyarrow.parquet as pq", "", f"table = pq.read_table({name!r})", 'print(table["melody"][0])']
        else:
            code = ["import json", "", f'with open({name!r}, encoding="utf-8") as lines:']
            code += ["    pieces = [json.loads(line) for line in lines]", 'print(pieces[0]["melody"])']
        return ["## How to load it", "", "```python", *code, "```"]


def _rules(cleaning: Any) -> dict[str, str]:
    """Return flag -> the conditions under which it holds, from the rules that a dataset was made with."""
    found: dict[str, list[str]] = {}
    try:
        for style, rules in (("", cleaning["rules"]), *cleaning["styles"].items()):
            for rule in rules:
                condition = f"{rule['measure']} {rule['comparison']} {rule['threshold']:g}"
                condition += {"drop": ", dropped", "off": ", not in force"}.get(rule["action"], "")
                known = found.setdefault(rule["flag"], [])
                if not known or condition != known[0]:
                    known.append(f"{style}: {condition}" if style else condition)
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}  # rules that nobody recorded, or not as symgen does
    return {flag: "; ".join(conditions) for flag, conditions in found.items()}


def yaml_features() -> list[str]:
    """Return the columns as lines of YAML, in the form in which cards of datasets declare them."""
    lines = []
    for column in FIELDS:
        lines.append(f"  - name: {column.name}")
        if isinstance(column.type, str):
            lines.append(f"    dtype: {column.type}")
        elif isinstance(column.type[0], str):
            lines.append(f"    sequence: {column.type[0]}")
        else:
            lines.append("    list:")
            for name, kind in column.type:
                lines += [f"    - name: {name}", f"      dtype: {kind}"]
    return lines


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(headings)} |", f"|{'---|' * len(headings)}"]
    return lines + [f"| {' | '.join(row)} |" for row in rows]


def _by_count(counter: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counter.items(), key=lambda item: (-item[1], item[0]))


def _many(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{md_text(name)} {_n(count)}" for name, count in counts.items())


def _n(count: Any) -> str:
    return f"{count:,}" if isinstance(count, int) else md_text(str(count))


def _type_words(kind: Any) -> str:
    if isinstance(kind, str):
        return kind
    if isinstance(kind[0], str):
        return f"list of {kind[0]}"
    return f"list of ({', '.join(name for name, _ in kind)})"
