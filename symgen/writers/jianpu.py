"""Jianpu text 简谱, in the grammar that the reader of this format knows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import groupby
from types import MappingProxyType

import numpy as np

from symgen.errors import WriteError
from symgen.instruments.sections import ROLES
from symgen.performance import Performance
from symgen.readers import _jianpu_table as table
from symgen.score import Key, Score, Section, Tempo, Text
from symgen.writers._notation import Bar, Page, Sign, Tone, page

NAME = "jianpu"
SUFFIXES = (".jianpu", ".jp")

BARS_A_LINE = 4

_TEXT_LABELS = {"text": "注", "copyright": "版权"}
_OWN_LABEL = re.compile(r"([^\W\d_]+(?: [^\W\d_]+)?): ")
Mark = Tempo | Key | Section | Text

_NAMES: Mapping[str, str] = MappingProxyType(
    {name.upper(): role.chinese for name, role in ROLES.items()}
    | {
        "SANBAN": "散板", "RUPAI": "入拍", "CODA": "尾声", "NONG": "弄", "BAN": "句", "DUAN": "段",
        "QI": "起", "CHENG": "承", "ZHUAN": "转", "HE": "合",
    }
)  # fmt: skip
"""Names of sections as symgen writes them into hosts -> as they stand on paper, with their numbers behind."""

_PASSAGES: Mapping[str, str] = MappingProxyType({"FAN_START": "泛起", "FAN_END": "泛止"})
"""Marks of sections that are none but say how a passage is played -> the remark on paper."""

_NUMERALS = "零一二三四五六七八九"
_NUMBERED = re.compile(r"([A-Z]+)(?: ([1-9][0-9]?))?")


def encode(music: Score | Performance) -> bytes:
    """Return jianpu text in UTF-8; of a Performance, what it is played from.

    Velocities, lyrics, phrase marks and names of tracks have no sign. Notes of one voice that overlap stand in
    a voice of their own.

    Raises
    ------
    WriteError
        If there is nothing to write, or a note is too short for the notation.
    """
    laid_out = page(music)
    score = laid_out.score
    layers = [(part, layer) for part in range(len(laid_out.parts)) for layer in range(len(laid_out.parts[part][0]))]
    lines = [f"标题: {_one_line(score.title)}"] if score.title else []
    for number, (part, layer) in enumerate(layers, 1):
        if len(layers) > 1:
            lines.append(f"声部: {number}")
        signs = [bar_layers[layer] for bar_layers in laid_out.parts[part]]
        lines += _Voice(laid_out, signs, first=number == 1).lines()
    return ("\n".join(lines) + "\n").encode("utf-8", errors="replace")


def stamped(data: bytes, texts: Sequence[str]) -> bytes:
    """Return a file of this writer with texts as comments below the music."""
    return data + "".join(f"// {text}\n" for text in texts).encode("ascii")


class _Voice:
    """One voice on its way to text."""

    def __init__(self, laid_out: Page, signs: list[tuple[Sign, ...]], *, first: bool) -> None:
        self.bars, self.signs = laid_out.bars, signs
        self.marks = _marks(laid_out.score, everything=first)
        self.ticks_per_quarter = laid_out.score.ticks_per_quarter
        self.octave = _octave(laid_out.score)
        self.tonic = 12 * (table.DEFAULT_OCTAVE + 1)
        self.tempo = ""
        self.words: list[str] = []
        self.done: list[str] = []

    def lines(self) -> list[str]:
        """Return the lines of the voice, four bars each, and one for every field."""
        for number, (bar, signs) in enumerate(zip(self.bars, self.signs, strict=True), 1):
            self._write_bar(bar, signs)
            last = number == len(self.bars)
            self.words.append(table.FINAL_BAR_LINE if last else table.BAR_LINE)
            if number % BARS_A_LINE == 0 or last:
                self._break_line()
        self._write_marks(None)
        self._break_line()
        return self.done

    def _write_bar(self, bar: Bar, signs: tuple[Sign, ...]) -> None:
        self._write_marks(bar.start)
        if bar.metre is not None:
            self.words.append(f"{bar.metre.numerator}/{bar.metre.denominator}")
        for (beat, tuplet), group in groupby(signs, key=lambda sign: _tuplet_of(sign)):
            members = list(group)
            if beat is not None:
                self.words.append(_tuplet_sign(tuplet))
            for sign in members:
                self._write_marks(bar.start + sign.start)
                self.words += self._sign(sign)
            if beat is not None:
                self.words.append(")")

    def _write_marks(self, until: Fraction | None) -> None:
        """Write the marks that stand at or before a time in quarters; all that are left for None."""
        while self.marks and (until is None or Fraction(self.marks[0].tick, self.ticks_per_quarter) <= until):
            mark = self.marks.pop(0)
            if isinstance(mark, Key):
                self.tonic = 12 * (self.octave + 1) + mark.gong
                self.words.append(key_text(mark.gong, self.octave))
            elif isinstance(mark, Tempo):
                tempo = f"♩={mark.qpm:.4f}".rstrip("0").rstrip(".")
                self.words += [] if tempo == self.tempo else [tempo]
                self.tempo = tempo
            else:
                self._break_line()
                self.done.append(_field(mark))

    def _break_line(self) -> None:
        if self.words:
            self.done.append(" ".join(self.words))
            self.words = []

    def _sign(self, sign: Sign) -> list[str]:
        """Return a note, chord or rest with its length, and the dashes that hold it."""
        suffix, dashes = _length_signs(sign.value)
        suffix += table.TIE if sign.ties else ""
        if not sign.tones:
            head = table.REST
        elif len(sign.tones) == 1:
            head = self._tone(sign.tones[0])
        else:
            head = "[" + " ".join(self._tone(tone) for tone in sign.tones) + "]"
        return [head + suffix, *[table.EXTEND] * dashes]

    def _tone(self, tone: Tone) -> str:
        octaves, degree = divmod(tone.pitch - self.tonic, 12)
        octave_sign = table.OCTAVE_UP if octaves > 0 else table.OCTAVE_DOWN
        return table.SPELLINGS[degree] + octave_sign * abs(octaves) + table.TECHNIQUE_SIGNS.get(tone.technique, "")


def bar_texts(score: Score, octave: int) -> list[str]:
    """Return each bar of the first voice as text, with its bar line and without marks: for showing bars as they come.

    Parameters
    ----------
    score : Score
        With a key at its beginning.
    octave : int
        Of an unmarked 1, as :func:`octave_of` gives it for the piece as a whole.

    Raises
    ------
    WriteError
        If a note is too short for the notation.
    """
    if not len(score.notes):
        bars = max(1, len(score.bar_starts()))
        return [f"{table.REST} {table.BAR_LINE}"] * bars
    laid_out = page(score)
    layers = [layer for part in laid_out.parts for layer in zip(*part, strict=True)]
    texts = []
    for number, bar in enumerate(laid_out.bars):
        lines = []
        for layer in layers:
            voice = _Voice(laid_out, [], first=False)
            voice.marks, voice.tonic = [], 12 * (octave + 1) + score.keys[0].gong
            voice._write_bar(replace(bar, metre=None), layer[number])
            lines.append(" ".join(voice.words))
        texts.append(f"{' / '.join(lines)} {table.BAR_LINE}")
    return texts


def key_text(gong: int, octave: int) -> str:
    """Return the sign of a key: ``1=D``, with the octave of an unmarked 1 where it is not the usual one."""
    digit = "" if octave == table.DEFAULT_OCTAVE else str(octave)
    return f"1={table.KEY_NAMES[gong]}{digit}"


def octave_of(pitch: float, gong: int) -> int:
    """Return the octave of an unmarked 1 that spares most octave signs around a pitch."""
    return max(0, int((pitch - gong) // 12) - 1)


def _marks(score: Score, *, everything: bool) -> list[Mark]:
    """Return the marks of a voice in order of time; all but the first voice have only the keys."""
    marks: list[Mark] = list(score.keys)
    if everything:
        marks += [*score.tempi, *score.sections]
        marks += [text for text in score.texts if text.kind in _TEXT_LABELS and text.text.strip()]
    rank = {Section: 0, Text: 1, Key: 2, Tempo: 3}
    return sorted(marks, key=lambda mark: (mark.tick, rank[type(mark)]))


def _octave(score: Score) -> int:
    """Return the octave of an unmarked 1 that spares most octave signs."""
    if not score.keys or not len(score.notes):
        return table.DEFAULT_OCTAVE
    return octave_of(float(np.median(score.notes["pitch"])), score.keys[0].gong)


def _field(mark: Section | Text) -> str:
    """Return the line of a section or text; a text that already begins with the name of a field keeps it."""
    if isinstance(mark, Section):
        if mark.name in _PASSAGES:
            return f"{_TEXT_LABELS['text']}: {_PASSAGES[mark.name]}"
        return f"段: {section_name(_one_line(mark.name))}"
    text = _one_line(mark.text)
    own = _OWN_LABEL.match(text)
    if own and table.FIELDS.get(own[1].lower()) == mark.kind == "text":
        return text
    return f"{_TEXT_LABELS[mark.kind]}: {text}"


def section_name(name: str) -> str:
    """Return the name of a section as it stands on paper: 入调 二 for ``RUDIAO 2``; others as they are."""
    found = _NUMBERED.fullmatch(name)
    if found is None or found[1] not in _NAMES:
        return name
    return _NAMES[found[1]] + (f" {_numeral(int(found[2]))}" if found[2] else "")


def _numeral(number: int) -> str:
    """Return a number from 1 to 99 in hanzi."""
    tens, ones = divmod(number, 10)
    head = (_NUMERALS[tens] if tens > 1 else "") + "十" if tens else ""
    return head + (_NUMERALS[ones] if ones else "")


def _one_line(text: str) -> str:
    """Return text that stays one field: without line breaks, and nothing in it begins a comment."""
    return re.sub(r"/(?=/)", "/ ", " ".join(text.split()))


def _tuplet_of(sign: Sign) -> tuple[int | None, tuple[int, int]]:
    """Return what signs under one tuplet bracket share: their beat and ratio; no beat outside tuplets."""
    return (None if sign.tuplet == (1, 1) else int(sign.start), sign.tuplet)


def _tuplet_sign(tuplet: tuple[int, int]) -> str:
    notes, within = tuplet
    return f"({notes}:" if table.TUPLET_TIMES.get(notes) == within else f"({notes}/{within}:"


def _length_signs(value: Fraction) -> tuple[str, int]:
    """Return the signs after a digit for a length in quarters, and how many dashes follow.

    Raises
    ------
    WriteError
        If the length is shorter than a 128th.
    """
    if value >= 1 and value.denominator == 1:
        return "", int(value) - 1
    dot = table.DOT if value.numerator == 3 else ""
    plain = value * Fraction(2, 3) if dot else value
    underlines = plain.denominator.bit_length() - 1
    if underlines > 5:
        raise WriteError(f"a note of {value} quarters is too short for jianpu", remedy="quantise the music first")
    return table.UNDERLINE * underlines + dot, 0
