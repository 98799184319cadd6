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
from functools import lru_cache
from itertools import pairwise

from symgen.errors import ReadError
from symgen.piece import Reading
from symgen.readers._assemble import assemble
from symgen.readers._bars import Bar, BarNote
from symgen.readers._repeats import RepeatMarks
from symgen.readers._text import decode_text
from symgen.score import Key, Section, Technique, Tempo, Text

NAME = "kern"
SUFFIXES = (".krn", ".kern")

MAX_SPINES = 64
MAX_LINES = 1_000_000
MAX_DENOMINATOR = 100_000
"""Of a position in quarters: beyond it the durations are no music, and sums of them grow without end."""

GONG_BELOW_TONIC = {"ion": 0, "dor": 2, "phr": 4, "lyd": 5, "mix": 7, "aeo": 9, "minor": 9, "loc": 11}
"""Mode in a key interpretation -> semitones from its gong (the do of its diatonic set) up to its tonic."""

SIGN_LOSSES = {
    ";": "fermata",
    "(": "slur",
    "'": "articulation",
    "`": "articulation",
    "^": "articulation",
    "~": "articulation",
    "s": "articulation",
    '"': "articulation",
    "z": "dynamics",
    "u": "bowing",
    "v": "bowing",
    ":": "arpeggio",
    "M": "ornament",
    "m": "ornament",
    "W": "ornament",
    "w": "ornament",
    "S": "ornament",
    "$": "ornament",
    "O": "ornament",
}
"""Sign in a note token -> reason code for what is lost with it."""

SIGN_TECHNIQUES = {
    "o": Technique.HARMONIC,
    "H": Technique.GLISSANDO,
    "@": Technique.TREMOLO,
    "T": Technique.VIBRATO,
    "t": Technique.VIBRATO,
}
"""Sign in a note token -> technique, the first that applies; kern's trill stands for any quick alternation."""

_STEPS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_SHARPS = "fcgdaeb"
_EXCLUSIVE = re.compile(rb"^(?:[^\t\r\n]*\t)*\*\*kern\b", re.MULTILINE)
_NOTE = re.compile(r"([a-gA-G])\1*")
_DURATION = re.compile(r"(\d{1,4})(?:%(\d{1,3}))?")
_KEY = re.compile(r"\*([A-Ga-g])([#-]*):([a-z]{3})?$")
_METRE = re.compile(r"\*M(\d{1,3})(?:\+\d+)*/(\d{1,2})$")
_FREE_METRES = ("*MX", "*MZ", "*M?", "*MFREI")
_SNIFFED_BYTES = 2**16


def sniff(data: bytes, suffix: str) -> bool:
    """Return whether a line of `data` begins kern spines."""
    return _EXCLUSIVE.search(data[:_SNIFFED_BYTES]) is not None


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
        With the line, if the file is no kern, damaged, or beyond the limits.
    """
    text, _ = decode_text(data)
    lines = text.splitlines() if "\r" in text else text.split("\n")
    if len(lines) > MAX_LINES:
        raise ReadError(f"{name} has {len(lines):,} lines", expected=f"at most {MAX_LINES:,} (MAX_LINES)")
    readings = []
    for first_line, chunk in _pieces(lines):
        piece = _Piece(name)
        for number, line in enumerate(chunk, first_line):
            piece.feed(line.rstrip("\r"), number)
        readings.append(piece.reading())
    if not readings:
        raise ReadError(f"{name} has no **kern spine", expected="a Humdrum file with **kern")
    return readings


def _pieces(lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield (number of the first line, lines) for each piece: all records up to the next exclusive interpretation."""
    starts = [i for i, line in enumerate(lines) if line.startswith("*") and "**kern" in line.rstrip("\r").split("\t")]
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
    lost: Counter[str] = field(default_factory=Counter)

    def feed(self, line: str, number: int) -> None:
        """Read one line."""
        if line.startswith("!!!OTL") and not self.title:
            self.title = line.partition(":")[2].strip()
        if not line or line.startswith("!"):
            return
        tokens = line.split("\t")
        if not self.spines and not line.startswith("**"):
            return
        if self.spines and len(tokens) != len(self.spines):
            raise ReadError(
                f"{self.name}, line {number} has {len(tokens)} columns", expected=f"{len(self.spines)} spines"
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
        return assemble(self.bars, self.name, title=title, lost=self.lost)

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
                )

    def _begin(self, tokens: list[str]) -> None:
        left = tokens.count("**kern")
        self.spines = []
        for kind in tokens[:MAX_SPINES]:
            if kind == "**kern":
                left -= 1
            else:
                self.lost[f"spine-{kind.strip('*')}"] += 1
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
        if metre := _METRE.match(token):
            self._set_metre(_valid_metre(int(metre[1]), int(metre[2])))
        elif token.startswith(_FREE_METRES):
            self._set_metre(None)
        elif key := _KEY.match(token):
            tonic = _STEPS[key[1].lower()] + key[2].count("#") - key[2].count("-")
            mode = key[3] or ("minor" if key[1].islower() else "ion")
            if mode in GONG_BELOW_TONIC:
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
            raise ReadError(f"{self.name}, line {number}: the durations share no grid", expected="musical durations")

    def _note(self, spine: _Spine, token: str, number: int) -> None:
        """Read one note or rest of a token; a chord's members without a duration have that of the first."""
        duration = _duration(token)
        grace = "q" in token.lower()
        if duration is None and not grace:
            duration = spine.duration if spine.duration >= 0 else None
        note = _NOTE.search(token)
        if (duration is None and not grace) or (note is None and "r" not in token):
            raise ReadError(f"{self.name}, line {number}: {token!r} is no note", expected="a kern note, rest or '.'")
        length = Fraction(0) if grace or duration is None else duration
        spine.duration = max(spine.duration, length)
        if "{" in token:
            self.bar.marks.append((self.time, Text(0, "", "phrase")))
        for sign in token:
            if sign in SIGN_LOSSES:
                self.lost[SIGN_LOSSES[sign]] += 1
        if note is None or "r" in token:
            return
        technique = next((t for sign, t in SIGN_TECHNIQUES.items() if sign in token), Technique.PLUCK)
        self.bar.notes.append(
            BarNote(
                onset=self.time,
                duration=length,
                pitch=_pitch(note[0], token[note.end() :]) + spine.transposition,
                voice=spine.part * 2 * MAX_SPINES + spine.sub,
                technique=Technique.GRACE if length == 0 else technique,
                ties="[" in token or "_" in token,
                tied="]" in token or "_" in token,
                part=spine.part,
            )
        )


@lru_cache(maxsize=1024)
def _duration(token: str) -> Fraction | None:
    """Return the duration of a token in quarters, None if it has none.

    4 is a quarter, 0 a breve, 00 a longa; 3%2 is two thirds of a whole; dots lengthen.
    """
    found = _DURATION.search(token)
    if found is None:
        return None
    if set(found[1]) == {"0"}:
        length = Fraction(4 * 2 ** len(found[1]))
    else:
        length = Fraction(4 * int(found[2] or 1), int(found[1]))
    dots = token.count(".")
    return length * (2 - Fraction(1, 2 ** min(dots, 8)))


def _pitch(letters: str, rest: str) -> int:
    """Return the MIDI note number: c is 60, cc 72, C 48, CC 36.

    Sharps and flats stand anywhere after the letters: Essen has tokens such as `1ccxxx#`.
    """
    base = 12 * (4 + len(letters)) if letters.islower() else 12 * (5 - len(letters))
    accidental = rest.count("#") - rest.count("-")
    return base + _STEPS[letters[0].lower()] + accidental


def _valid_metre(numerator: int, denominator: int) -> tuple[int, int] | None:
    if 1 <= numerator <= 255 and denominator in (1, 2, 4, 8, 16, 32, 64):
        return numerator, denominator
    return None
