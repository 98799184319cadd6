r"""Humdrum \*\*kern, the format of the Essen folk song collection.

A parser of our own: the format is lines of tab-separated tokens, one line a moment, one column ("spine")
a voice, and reading it needs little more than a table of signs. docs/READING-scores.md says how this
compares with music21's parser.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

from symgen.errors import ReadError
from symgen.piece import Reading
from symgen.readers._assemble import assemble
from symgen.readers._bars import Bar, BarNote
from symgen.readers._kern_signs import (
    GONG_BELOW_TONIC,
    SIGN_LOSSES,
    SIGN_TECHNIQUES,
    SPINE_LOSSES,
    STEPS,
    duration_of,
    metre_of,
    pitch_of,
)
from symgen.readers._repeats import RepeatMarks
from symgen.readers._text import decode_text, peek
from symgen.score import Key, Section, Technique, Tempo, Text

NAME = "kern"
SUFFIXES = (".krn", ".kern")

MAX_SPINES = 64
MAX_LINES = 1_000_000
MAX_LINE = 100_000
"""Characters in a line."""
MAX_BYTES = 16 * 2**20
MAX_DENOMINATOR = 100_000
"""Of a position in quarters: beyond it the durations are no music, and sums of them grow without end."""

MAX_PIECES = 50_000
MAX_NOTES = 1_000_000
_EXCLUSIVE = re.compile(r"^(?:\*\*[^\s*]+\t)*\*\*kern(?:\t\*\*[^\s*]+)*\s*$", re.MULTILINE)
_NOTE = re.compile(r"([a-gA-G])\1*")
_KEY = re.compile(r"\*([A-Ga-g])([#-]*):([a-z]{3})?$")
_METRE_LIKE = re.compile(r"\*M-?\d")
_FREE_METRES = ("*MX", "*MZ", "*M?", "*MFREI")


def sniff(data: bytes, suffix: str) -> bool:
    """Return whether a line of `data` begins kern spines; without the suffix of kern only comments may stand before."""
    text = peek(data)
    if suffix in SUFFIXES:
        return _EXCLUSIVE.search(text) is not None
    first = next((line for line in text.splitlines() if line and not line.startswith("!")), "")
    return _EXCLUSIVE.match(first) is not None


def read(data: bytes, name: str) -> list[Reading]:
    """Read kern; several pieces in a row give several readings.

    Voice 0 is the rightmost spine, which kern gives to the highest staff. Each phrase mark becomes a
    Text of kind "phrase". A key interpretation gives gong as its do: `*C:` C, `*a:` C, `*d:dor` C.

    Parameters
    ----------
    data : bytes
        Content of the file.
    name : str
        The file's name, for messages and as title where none is given.

    Raises
    ------
    ReadError
        With the line, if the file is no kern, damaged, or beyond the limits. Of several pieces those that
        can be read are read; the first counts the others.
    """
    if len(data) > MAX_BYTES:
        limit = f"at most {MAX_BYTES:,} (MAX_BYTES)"
        raise ReadError(f"{name} has {len(data):,} bytes of text", expected=limit, code="too-large")
    text = decode_text(data)[0].replace("\r\n", "\n").replace("\r", "\n")
    if text.count("\n") > MAX_LINES:
        limit = f"at most {MAX_LINES:,} (MAX_LINES)"
        raise ReadError(f"{name} has {text.count(chr(10)):,} lines", expected=limit, code="cap-lines")
    lines = text.split("\n")
    readings: list[Reading] = []
    refused: list[ReadError] = []
    for first_line, chunk in _pieces(lines, name):
        piece = _Piece(name)
        try:
            for number, line in enumerate(chunk, first_line):
                piece.feed(line, number)
            readings.append(piece.reading())
        except ReadError as error:
            refused.append(error)
    if not readings:
        found = f"{name} has no **kern spine"
        none = ReadError(found, expected="a Humdrum file with **kern", code="kern-no-spine")
        raise refused[0] if refused else none
    if empty := sum(error.code == "no-music" for error in refused):
        readings[0].lost["piece-without-notes"] += empty
    if broken := len(refused) - empty:
        readings[0].mended["broken-piece"] += broken
    return readings


def _pieces(lines: list[str], name: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (number of the first line, lines) for each piece: all records up to the next exclusive interpretation."""
    starts = [i for i, line in enumerate(lines) if line.startswith("*") and "**kern" in line.split("\t")]
    if len(starts) > MAX_PIECES:
        limit = f"at most {MAX_PIECES:,} (MAX_PIECES)"
        raise ReadError(f"{name} holds {len(starts):,} pieces", expected=limit, code="cap-pieces")
    begins = [0] * bool(starts) + [_after_last_end(lines, i, before) for before, i in pairwise(starts)]
    for begin, end in pairwise([*begins, len(lines)]):
        yield begin + 1, lines[begin:end]


def _after_last_end(lines: list[str], index: int, before: int) -> int:
    """Return the line after the last `*-` between two beginnings: reference records before a piece belong to it."""
    return next((i + 1 for i in range(index - 1, before, -1) if lines[i].startswith("*-")), index)


@dataclass(slots=True)
class _Spine:
    """One column: its representation, its origin, and when its last note ends."""

    kind: str
    part: int
    sub: int = 0
    end: Fraction = Fraction(0)
    transposition: int = 0
    duration: Fraction = Fraction(0)


@dataclass(slots=True)
class _Piece:
    """The state of reading one piece, line by line."""

    name: str
    title: str = ""
    spines: list[_Spine] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    bar: Bar = field(default_factory=Bar)
    time: Fraction = Fraction(0)  # quarters from the start of the bar
    declared_key: bool = False
    notes: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    mended: Counter[str] = field(default_factory=Counter)

    def feed(self, line: str, number: int) -> None:
        """Read one line."""
        if line.startswith("!!!OTL") and not self.title:
            self.title = line.partition(":")[2].strip()
        if not line or line.startswith("!"):
            return
        if len(line) > MAX_LINE:
            limit = f"at most {MAX_LINE:,} (MAX_LINE)"
            raise ReadError(f"{self.name}, line {number} has {len(line):,} characters", expected=limit, code="cap-text")
        tokens = line.split("\t")
        if not self.spines and not line.startswith("**"):
            return
        if self.spines and len(tokens) != len(self.spines):
            raise ReadError(
                f"{self.name}, line {number} has {len(tokens)} columns",
                expected=f"{len(self.spines)} spines",
                code="kern-columns",
            )
        if line.startswith("*"):
            self._interpret(tokens, number)
        elif line.startswith("="):
            self._bar_line(tokens[0])
        else:
            self._moment(tokens, number)

    def reading(self) -> Reading:
        """Return the piece as read."""
        self._close_bar()
        title = self.title or self.name.rpartition(".")[0] or self.name
        return assemble(self.bars, self.name, title=title, lost=self.lost, mended=self.mended)

    def _interpret(self, tokens: list[str], number: int) -> None:
        if any(token.startswith("**") for token in tokens):
            self._begin(tokens)
            return
        for spine, token in zip(self.spines, tokens, strict=True):
            if spine.kind == "**kern":
                self._tandem(spine, token)
        if any(token in ("*^", "*v", "*x", "*-", "*+") for token in tokens):
            self.spines = self._moved(tokens)
            if len(self.spines) > MAX_SPINES:
                raise ReadError(
                    f"{self.name}, line {number} makes {len(self.spines)} spines",
                    expected=f"at most {MAX_SPINES} (MAX_SPINES)",
                    code="cap-spines",
                )

    def _begin(self, tokens: list[str]) -> None:
        left = tokens.count("**kern")
        self.spines = []
        for kind in tokens[:MAX_SPINES]:
            if kind == "**kern":
                left -= 1
            else:
                self.lost[SPINE_LOSSES.get(kind, "spine-other")] += 1
            self.spines.append(_Spine(kind, left))

    def _moved(self, signs: list[str]) -> list[_Spine]:
        """Return the spines after splits, joins, exchanges and ends."""
        result: list[_Spine] = []
        joining = False
        exchanged: int | None = None
        for spine, sign in zip(self.spines, signs, strict=True):
            if sign == "*v" and joining:
                continue
            joining = sign == "*v"
            if sign == "*-":
                continue
            result.append(spine)
            if sign == "*^":
                taken = {s.sub for s in self.spines + result if s.part == spine.part}
                sub = next(i for i in range(2 * MAX_SPINES + 2) if i not in taken)
                result.append(_Spine(spine.kind, spine.part, sub, spine.end, spine.transposition))
            elif sign == "*x":
                if exchanged is None:
                    exchanged = len(result) - 1
                else:
                    result[exchanged], result[-1] = result[-1], result[exchanged]
                    exchanged = None
        return result

    def _tandem(self, spine: _Spine, token: str) -> None:
        """Take the meaning of an interpretation inside a kern spine; what concerns the page alone is passed over."""
        if _METRE_LIKE.match(token):
            metre = metre_of(token)
            self.mended["bad-metre"] += metre is None
            self._set_metre(metre)
        elif token.startswith(_FREE_METRES):
            self._set_metre(None)
        elif key := _KEY.match(token):
            tonic = STEPS[key[1].lower()] + key[2].count("#") - key[2].count("-")
            mode = key[3] or ("minor" if key[1].islower() else "ion")
            if mode not in GONG_BELOW_TONIC:
                self.mended["bad-key"] += 1
            else:
                self.declared_key = True
                self.bar.marks.append((self.time, Key(0, (tonic - GONG_BELOW_TONIC[mode]) % 12)))
        elif token.startswith("*k[") and not self.declared_key:
            sharps = token.count("#") - token.count("-")
            self.bar.marks.append((self.time, Key(0, sharps * 7 % 12)))
        elif re.match(r"\*MM\d{1,4}(\.\d{1,4})?$", token):
            self.bar.marks.append((self.time, Tempo(0, float(token[3:]))))
        elif transposition := re.match(r"\*Trd-?\d+c(-?\d{1,2})$", token):
            spine.transposition = int(transposition[1])
        elif re.match(r"\*>[^\[]", token) and spine is self.spines[0]:
            self.bar.marks.append((self.time, Section(0, token[2:])))
        elif token.startswith("*>") and spine is self.spines[0]:
            self.lost["expansion-list"] += 1

    def _set_metre(self, metre: tuple[int, int] | None) -> None:
        if metre != self.bar.metre and self.time > 0:
            self._close_bar()
        self.bar.metre = metre

    def _bar_line(self, token: str) -> None:
        self._close_bar(ends=":|" in token or ":!" in token)
        if "|:" in token or "!:" in token:
            self.bar.repeats = RepeatMarks(start=True)

    def _close_bar(self, *, ends: bool = False) -> None:
        """Put the bar aside, if anything is in it, and begin the next."""
        bar = self.bar
        bar.length = self.time
        if ends:
            bar.repeats = RepeatMarks(start=bar.repeats.start, end=2)
        if self.time or bar.notes:
            self.bars.append(bar)
            self.bar = Bar(metre=bar.metre)
        elif ends and self.bars:
            self.bars[-1].repeats = RepeatMarks(start=self.bars[-1].repeats.start, end=2)
        for spine in self.spines:
            spine.end -= self.time
        self.time = Fraction(0)

    def _moment(self, tokens: list[str], number: int) -> None:
        """Read one line of notes, which begin together, and move on to where the next one of them ends."""
        for spine, token in zip(self.spines, tokens, strict=True):
            if spine.kind == "**kern" and token not in (".", ""):
                spine.duration = Fraction(-1)
                for part in token.split(" "):
                    self._note(spine, part, number)
                if spine.duration > 0:
                    spine.end = self.time + spine.duration
        ends = [spine.end for spine in self.spines if spine.kind == "**kern" and spine.end > self.time]
        self.time = min(ends, default=self.time)
        if self.time.denominator > MAX_DENOMINATOR:
            found = f"{self.name}, line {number}: the durations share no grid"
            raise ReadError(found, expected="musical durations", code="no-grid")

    def _note(self, spine: _Spine, token: str, number: int) -> None:
        """Read one note or rest of a token; a chord's members without a duration have that of the first."""
        duration = duration_of(token)
        grace = "q" in token.lower()
        if duration is None and not grace:
            duration = spine.duration if spine.duration >= 0 else None
        note = _NOTE.search(token)
        if (duration is None and not grace) or (note is None and "r" not in token):
            found = f"{self.name}, line {number}: {token[:40]!r} is no note"
            raise ReadError(found, expected="a kern note, rest or '.'", code="kern-token")
        length = Fraction(0) if grace or duration is None else duration
        spine.duration = max(spine.duration, length)
        if "{" in token:
            self.bar.marks.append((self.time, Text(0, "", "phrase")))
        for sign in token:
            if sign in SIGN_LOSSES:
                self.lost[SIGN_LOSSES[sign]] += 1
        if note is None or "r" in token:
            return
        self.notes += 1
        if self.notes > MAX_NOTES:
            found = f"{self.name} has more than {MAX_NOTES:,} notes (MAX_NOTES)"
            raise ReadError(found, expected="a piece of music", code="cap-notes")
        technique = next((t for sign, t in SIGN_TECHNIQUES.items() if sign in token), Technique.PLUCK)
        self.bar.notes.append(
            BarNote(
                onset=self.time,
                duration=length,
                pitch=pitch_of(note[0], token[note.end() :]) + spine.transposition,
                voice=spine.part * 2 * MAX_SPINES + spine.sub,
                technique=Technique.GRACE if length == 0 else technique,
                ties="[" in token or "_" in token,
                tied="]" in token or "_" in token,
                part=spine.part,
            )
        )
