"""Jianpu text 简谱: numbered notation as a Chinese musician types it.

The grammar is docs/JIANPU.md, its signs are the tables of :mod:`~symgen.readers._jianpu_table`::

    标题: 例
    1=F 2/4 ♩=60
    5 6 | 1' 2' | 3' - | (3: 2'_ 1'_ 6_) 5o ||
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction

from symgen.errors import ReadError
from symgen.piece import Reading
from symgen.readers import _jianpu_table as table
from symgen.readers._assemble import assemble
from symgen.readers._bars import Bar, BarNote
from symgen.readers._jianpu_lex import Place, Token, mostly_jianpu, tokens
from symgen.readers._jianpu_voice import Voice, side_by_side
from symgen.readers._text import decode_text, peek
from symgen.score import Key, Section, Technique, Tempo, Text

NAME = "jianpu"
SUFFIXES = (".jianpu", ".jp")

MAX_CHARACTERS = 2_000_000
"""About 500,000 notes."""
MAX_NOTES = 500_000
"""As written, a note held over a bar line counting again."""
MAX_UNDERLINES = 5
"""A 128th."""
MAX_DENOMINATOR = 100_000
"""Of a position in quarters, as nested tuplets could make it."""

_KEY_MARK = re.compile(r"(?:^|\s)1\s*[=＝]\s*[#b♯♭]?[A-G](?![a-z])", re.MULTILINE)
_OTHER_FORMATS = re.compile(r"\s*(?:<\?xml|<!DOCTYPE|<score|X:|%abc|\*\*|!!!)")


def sniff(data: bytes, suffix: str) -> bool:
    """Return whether `data` is mostly jianpu with a key of the form `1=F`; with its suffix any text will do."""
    text = peek(data)
    if not text or _OTHER_FORMATS.match(text):
        return False
    return suffix in SUFFIXES or (
        _KEY_MARK.search(text.translate(table.FULL_WIDTH)) is not None and mostly_jianpu(text)
    )


def read(data: bytes, name: str) -> list[Reading]:
    """Read a jianpu text as one piece, its repeats played out.

    Parameters
    ----------
    data : bytes
        Content of the file, in UTF-8 or another encoding that Chinese text is kept in.
    name : str
        The file's name, for messages and as title where none is given.

    Raises
    ------
    ReadError
        With line and column of what cannot be read.
    """
    size = len(data) // 4  # characters, at the least
    text = _decoded(data) if size <= MAX_CHARACTERS else ""
    if max(size, len(text)) > MAX_CHARACTERS:
        limit = f"at most {MAX_CHARACTERS:,} (MAX_CHARACTERS)"
        raise ReadError(f"{name} has {max(size, len(text)):,} characters", expected=limit, code="too-large")
    page = _Page(name)
    for token in tokens(text, name):
        page.feed(token)
    return [page.reading()]


def _decoded(data: bytes) -> str:
    """Return the text; what is valid UTF-8 is UTF-8, for a lone combining dot looks like half a hanzi elsewhere."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return decode_text(data)[0]


@dataclass(slots=True)
class _Arc:
    """An open parenthesis: a tuplet where `scale` is not 1, else a slur with the events under it."""

    place: Place
    scale: Fraction
    events: list[list[BarNote]] = field(default_factory=list)


@dataclass(slots=True)
class _Page:
    """The state of reading one text, token by token."""

    name: str
    title: str = ""
    voices: dict[str, Voice] = field(default_factory=dict)
    voice: Voice = field(default_factory=lambda: Voice(0))
    arcs: list[_Arc] = field(default_factory=list)
    chord: list[BarNote] | None = None
    graces: bool = False
    written: int = 0
    opened: Place | None = None  # of the chord or the grace notes
    has_key: bool = False
    lost: Counter[str] = field(default_factory=Counter)
    mended: Counter[str] = field(default_factory=Counter)

    def feed(self, token: Token) -> None:
        """Read one token."""
        if self.opened and token.kind not in ("note", "chord_end", "grace_end"):
            found = f"{token.text!r} inside a chord or grace notes"
            raise token.place.error(found, "notes and the closing bracket", code="jianpu-bracket")
        _HANDLERS[token.kind](self, token)

    def reading(self) -> Reading:
        """Return the piece, its voices side by side."""
        self._check_closed()
        self.voices = self.voices or {"": self.voice}
        for voice in self.voices.values():
            voice.close_bar()
        bars = side_by_side(list(self.voices.values()))
        if not self.has_key and bars:
            self.mended["key-assumed"] += 1
        title = self.title or self.name.rpartition(".")[0] or self.name
        return assemble(bars, self.name, title=title, lost=self.lost, mended=self.mended)

    def _check_closed(self) -> None:
        """Raise ReadError for a bracket that is still open."""
        place = self.opened or (self.arcs[-1].place if self.arcs else None)
        if place:
            raise place.error("this bracket is never closed", "its closing bracket", code="jianpu-bracket")

    def field(self, token: Token) -> None:
        """Read a field line."""
        if token.field == "title":
            self.title = self.title or token.text
        elif token.field == "voice":
            self._change_voice(token.text)
        elif token.field == "section":
            self._mark(Section(0, token.text))
        elif token.field == "tempo":
            self._tempo(token.text, "qpm", token.place)
        elif token.field == "lyric":
            self.lost["lyric-line"] += 1
        else:
            text = token.text if token.field == "copyright" else f"{token.label}: {token.text}"
            self._mark(Text(0, text, token.field))

    def _change_voice(self, label: str) -> None:
        self._check_closed()
        if not self.voices:
            self.voices[label] = self.voice  # what stands before the first voice line belongs to it
        if label not in self.voices:
            first = next(iter(self.voices.values()))
            metre = first.bars[0].metre if first.bars else first.bar.metre
            self.voices[label] = Voice(len(self.voices), bar=Bar(metre=metre), tonic=first.tonic)
        self.voice = self.voices[label]

    def _mark(self, mark: Tempo | Key | Section | Text) -> None:
        self.voice.bar.marks.append((self.voice.time, mark))

    def key(self, token: Token) -> None:
        """Read `1=F`, with an octave if a digit follows."""
        parts = re.search(r"=\s*([#b♯♭]?)([A-G])([#b♯♭]?)(\d?)", token.text)
        assert parts is not None  # the lexer's pattern holds it
        accidental = sum(table.ACCIDENTALS[sign] for sign in parts[1] + parts[3])
        gong = (table.KEY_LETTERS[parts[2]] + accidental) % 12
        octave = int(parts[4]) if parts[4] else table.DEFAULT_OCTAVE
        self.voice.tonic = 12 * (octave + 1) + gong
        self.has_key = True
        self._mark(Key(0, gong))

    def metre(self, token: Token) -> None:
        """Read `2/4`; inside a bar it ends the bar there."""
        numerator, denominator = map(int, token.text.split("/"))
        if not (1 <= numerator <= 255 and denominator in (1, 2, 4, 8, 16, 32, 64)):
            raise token.place.error(f"{token.text} is no metre", "such as 2/4, 3/4 or 6/8")
        self.voice.set_metre((numerator, denominator))

    def tempo(self, token: Token) -> None:
        """Read `♩=60`."""
        unit, _, number = token.text.partition("=")
        self._tempo(number, unit.strip(), token.place)

    def _tempo(self, number: str, unit: str, place: Place) -> None:
        if not re.fullmatch(r"\s*\d{1,4}(\.\d{1,4})?\s*", number):
            raise place.error(f"{number.strip()!r} is no tempo", "quarter notes per minute, such as 60")
        self._mark(Tempo(0, float(number) * float(table.TEMPO_UNITS[unit])))

    def note(self, token: Token) -> None:
        """Read a note or rest, or a member of a chord or of grace notes."""
        digit = re.search(r"[0-7]", token.text)
        assert digit is not None  # the lexer's pattern holds it
        signs, degree, suffix = token.text[: digit.start()], int(digit[0]), token.text[digit.end() :]
        length = self._length(suffix, token.place)
        notes: list[BarNote] = []
        if degree:
            octave = sum(table.OCTAVES.get(sign, 0) for sign in suffix)
            pitch = self.voice.tonic + table.DEGREE_SEMITONES[degree] + 12 * octave
            pitch += sum(table.ACCIDENTALS[sign] for sign in signs)
            notes.append(self._bar_note(pitch, suffix))
        if self.graces:
            self.voice.bar.notes += [replace(n, duration=Fraction(0), technique=Technique.GRACE) for n in notes]
        elif self.chord is not None:
            self.chord += notes
        else:
            self._event(notes, length, suffix)

    def _bar_note(self, pitch: int, suffix: str) -> BarNote:
        found = [table.TECHNIQUES[sign] for sign in suffix if sign in table.TECHNIQUES]
        self.lost["second-technique"] += max(0, len(set(found)) - 1)
        self.lost["fermata"] += suffix.count(table.FERMATA)
        technique = found[0] if found else Technique.PLUCK
        return BarNote(self.voice.time, Fraction(0), pitch, voice=self.voice.number, technique=technique)

    def _length(self, suffix: str, place: Place) -> Fraction:
        """Return the length in quarters that the signs after a digit or chord say."""
        lines, dots = suffix.count(table.UNDERLINE), suffix.count(table.DOT)
        if lines > MAX_UNDERLINES or dots > 3:
            raise place.error(f"{lines} underlines and {dots} dots", f"at most {MAX_UNDERLINES} and 3")
        length = Fraction(1, 2**lines) * (2 - Fraction(1, 2**dots))
        for arc in self.arcs:
            length *= arc.scale
        if (self.voice.time + length).denominator > MAX_DENOMINATOR:
            raise place.error("these tuplets share no grid with the bar", "simpler tuplets", code="no-grid")
        return length

    def _event(self, notes: list[BarNote], length: Fraction, suffix: str) -> None:
        """Put notes that begin together, or a rest, into the bar."""
        self._count(notes)
        if not self.voice.add(notes, length, ties=table.TIE in suffix):
            self.lost["slur"] += 1  # a tie sign between two pitches
        for arc in self.arcs:
            arc.events.append(notes)

    def _count(self, notes: list[BarNote]) -> None:
        self.written += len(notes)
        if self.written > MAX_NOTES:
            found = f"{self.name} has more than {MAX_NOTES:,} notes (MAX_NOTES)"
            raise ReadError(found, expected="a piece of music", code="cap-notes")

    def extend(self, token: Token) -> None:
        """Hold the last note or rest for another quarter, over the bar line if need be."""
        if self.voice.last is None:
            raise token.place.error("'-' has nothing to hold", "a note before it")
        self._count(self.voice.last)
        notes = self.voice.hold(self._length("", token.place))
        for arc in self.arcs:
            if arc.events:
                arc.events[-1] = notes

    def begin_chord(self, token: Token) -> None:
        """Open a chord."""
        self.chord, self.opened = [], token.place

    def end_chord(self, token: Token) -> None:
        """Close a chord; length, tie and technique after the bracket are those of all its notes."""
        suffix = token.text[1:]
        if self.chord is None or not self.chord:
            raise token.place.error("']' closes no chord", "'[' and notes before it", code="jianpu-bracket")
        if any(sign in suffix for sign in table.OCTAVES):
            raise token.place.error("an octave sign after a chord", "octave signs inside the brackets")
        technique = self._bar_note(0, suffix).technique
        notes = list({n.pitch: n for n in self.chord}.values())
        for note in notes:
            note.technique = note.technique or technique
        self.chord, self.opened = None, None
        self._event(notes, self._length(suffix, token.place), suffix)

    def begin_graces(self, token: Token) -> None:
        """Open grace notes."""
        self.graces, self.opened = True, token.place

    def end_graces(self, token: Token) -> None:
        """Close grace notes."""
        if not self.graces:
            raise token.place.error("'}' closes no grace notes", "'{' before it", code="jianpu-bracket")
        self.graces, self.opened = False, None

    def begin_tuplet(self, token: Token) -> None:
        """Open `(3:` or `(5/4:`."""
        count, _, time = token.text.strip("(: ").partition("/")
        notes = int(count)
        within = int(time) if time else table.TUPLET_TIMES.get(notes, 0)
        if notes < 2 or within < 1 or len(self.arcs) > 8:
            raise token.place.error(f"{token.text!r} is no tuplet", "such as (3: or (5/4:")
        self.arcs.append(_Arc(token.place, Fraction(within, notes)))

    def begin_slur(self, token: Token) -> None:
        """Open a slur."""
        if len(self.arcs) > 8:
            raise token.place.error("slurs and tuplets are nested too deep", "at most 8", code="jianpu-bracket")
        self.arcs.append(_Arc(token.place, Fraction(1)))

    def end_arc(self, token: Token) -> None:
        """Close a tuplet or slur; a slur over one repeated pitch is a tie, as in print."""
        if not self.arcs:
            raise token.place.error("')' closes nothing", "'(' before it", code="jianpu-bracket")
        arc = self.arcs.pop()
        if arc.scale != 1:
            return
        pitches = {tuple(sorted(n.pitch for n in event)) for event in arc.events}
        if len(pitches) != 1 or () in pitches or len(arc.events) < 2:
            self.lost["slur"] += 1
            return
        for index, event in enumerate(arc.events):
            for note in event:
                note.tied = note.tied or index > 0
                note.ties = note.ties or index < len(arc.events) - 1

    def bar_line(self, token: Token) -> None:
        """Close the bar; a colon before the line ends a repeat, one after it begins one."""
        ends, starts = token.text.startswith(":"), token.text.endswith(":")
        self.voice.close_bar(ends_repeat=ends)
        if ends or token.text.strip(":") in ("||", "|]", "‖"):
            self.voice.endings = frozenset()
        self.voice.starts_repeat = self.voice.starts_repeat or starts

    def road_sign(self, token: Token) -> None:
        """Read `<1>`, `<D.C.>`, `<fine>` and the like."""
        text = token.text.strip("<> ").lower()
        if text in table.FREE_METRE:
            self.voice.set_metre(None)
        elif text in table.ROAD_SIGNS:
            self.voice.set_road_sign(table.ROAD_SIGNS[text])
        elif re.fullmatch(r"[1-9](\s*[,.]?\s*[1-9])*\.?", text):
            if self.voice.time:
                raise token.place.error(f"the ending {token.text} inside a bar", "it at the start of a bar")
            self.voice.endings = frozenset(int(number) for number in re.findall(r"\d", text))
        else:
            raise token.place.error(f"{token.text} is no road sign", "such as <1>, <2>, <D.C.>, <fine> or <散板>")


_HANDLERS: dict[str, Callable[[_Page, Token], None]] = {
    "field": _Page.field,
    "key": _Page.key,
    "metre": _Page.metre,
    "tempo": _Page.tempo,
    "note": _Page.note,
    "chord": _Page.begin_chord,
    "chord_end": _Page.end_chord,
    "grace": _Page.begin_graces,
    "grace_end": _Page.end_graces,
    "tuplet": _Page.begin_tuplet,
    "slur": _Page.begin_slur,
    "arc_end": _Page.end_arc,
    "extend": _Page.extend,
    "bar": _Page.bar_line,
    "road": _Page.road_sign,
}
"""Kind of token -> what reads it."""
