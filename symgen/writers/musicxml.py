"""MusicXML 4.0, score-partwise: what notation programs open.

Written with the standard library alone: the writer says exactly what the Score says, and music21 would
take many times as long to say it in its own way.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from math import lcm
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from symgen.performance import Performance
from symgen.score import DEFAULT_VELOCITY, Key, Metre, Score, Section, Technique, Tempo, Text
from symgen.writers._notation import Bar, Page, Sign, Tone, page

NAME = "musicxml"
SUFFIXES = (".musicxml", ".xml")

_HEADER = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b'<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" '
    b'"http://www.musicxml.org/dtds/partwise.dtd">\n'
)
_TYPES = ("breve", "whole", "half", "quarter", "eighth", "16th", "32nd", "64th", "128th", "256th", "512th", "1024th")
_LETTERS = "CDEFGAB"
_LETTER_CLASSES = (0, 2, 4, 5, 7, 9, 11)
_GONG_LETTERS = (0, 1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6)  # C Db D Eb E F F# G Ab A Bb B, as indices of letters
_DEGREE_STEPS = (0, 0, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6)  # 1 #1 2 b3 3 4 #4 5 b6 6 b7 7
_FIFTHS = tuple((gong * 7 + 5) % 12 - 5 for gong in range(12))  # Db has five flats, F# six sharps
_MARKS: dict[Technique, tuple[str, tuple[tuple[str, dict[str, str], str], ...]]] = {
    Technique.OPEN: ("technical", (("open-string", {}, ""),)),
    Technique.STOPPED: ("technical", (("stopped", {}, ""),)),
    Technique.HARMONIC: ("technical", (("harmonic", {}, ""),)),
    Technique.SLIDE_UP: ("articulations", (("scoop", {}, ""),)),
    Technique.SLIDE_DOWN: ("articulations", (("plop", {}, ""),)),
    Technique.VIBRATO: ("ornaments", (("wavy-line", {"type": "start"}, ""), ("wavy-line", {"type": "stop"}, ""))),
    Technique.TREMOLO: ("ornaments", (("tremolo", {"type": "single"}, "3"),)),
    Technique.GLISSANDO: ("", (("glissando", {"type": "start"}, "gliss."),)),
}
"""Technique -> the group of notations it stands in, and its elements. Grace notes keep the time they have."""

Mark = Tempo | Section | Text


def encode(music: Score | Performance) -> bytes:
    """Return a MusicXML document; of a Performance, what it is played from.

    Each voice is a part. Notes of one voice that overlap stand in voices of that part.

    Raises
    ------
    WriteError
        If there is nothing to write.
    """
    laid_out = page(music)
    score = laid_out.score
    root = Element("score-partwise", {"version": "4.0"})
    if score.title:
        SubElement(SubElement(root, "work"), "work-title").text = _clean(score.title)
    rights = [text for text in score.texts if text.kind == "copyright"]
    if rights:
        identification = SubElement(root, "identification")
        for text in rights:
            SubElement(identification, "rights").text = _clean(text.text)
    names = [text.text for text in score.texts if text.kind == "track"]
    part_list = SubElement(root, "part-list")
    for number in range(len(laid_out.parts)):
        entry = SubElement(part_list, "score-part", {"id": f"P{number + 1}"})
        SubElement(entry, "part-name").text = _clean(names[number]) if number < len(names) else ""
    for number in range(len(laid_out.parts)):
        root.append(_Part(laid_out, number).element())
    indent(root)
    document: bytes = tostring(root, encoding="utf-8")
    return _HEADER + document + b"\n"


def _clean(text: str) -> str:
    """Return text without the characters that XML cannot hold."""
    kept = (c for c in text if c in "\t\n" or (c >= " " and not "\ud800" <= c <= "\udfff" and c not in "\ufffe\uffff"))
    return "".join(kept)


def stamped(data: bytes, texts: Sequence[str]) -> bytes:
    """Return a document of this writer with texts as miscellaneous fields of its identification."""
    fields = "".join(f'      <miscellaneous-field name="origin">{text}</miscellaneous-field>\n' for text in texts)
    miscellaneous = f"    <miscellaneous>\n{fields}    </miscellaneous>\n  ".encode("ascii")
    head, end, rest = data.partition(b"</identification>")
    if end:
        return head.rstrip(b" ") + miscellaneous + end + rest
    head, begin, rest = data.partition(b"<part-list>")
    return head + b"<identification>\n" + miscellaneous + b"</identification>\n  " + begin + rest


class _Part:
    """One part on its way to an element."""

    def __init__(self, laid_out: Page, number: int) -> None:
        self.score, self.bars, self.layers = laid_out.score, laid_out.bars, laid_out.parts[number]
        self.id, self.leads = f"P{number + 1}", number == 0
        lengths = [sign.length for bar in self.layers for layer in bar for sign in layer]
        self.divisions = lcm(*(length.denominator for length in lengths))
        self.keys = {self._time(key.tick): key for key in self.score.keys}
        self.gong = 0
        self.metre: Metre | None = None
        self.directions = self._by_bar([*self.score.tempi, *self.score.sections, *self._texts("text")])
        self.lyrics = {self._time(text.tick): text.text for text in self._texts("lyric")}

    def _time(self, tick: int) -> Fraction:
        return Fraction(tick, self.score.ticks_per_quarter)

    def _texts(self, kind: str) -> list[Text]:
        return [text for text in self.score.texts if text.kind == kind and text.text.strip()]

    def _by_bar(self, marks: Sequence[Mark]) -> dict[int, list[Mark]]:
        """Return bar number -> its marks in order of time; only the first part shows them."""
        found: dict[int, list[Mark]] = defaultdict(list)
        for mark in sorted(marks, key=lambda mark: mark.tick) if self.leads else ():
            time = self._time(mark.tick)
            number = max((i for i, bar in enumerate(self.bars) if bar.start <= time), default=0)
            found[number].append(mark)
        return found

    def element(self) -> Element:
        """Return the <part>."""
        part = Element("part", {"id": self.id})
        for number, (bar, layers) in enumerate(zip(self.bars, self.layers, strict=True)):
            part.append(self._measure(number, bar, layers))
        return part

    def _measure(self, number: int, bar: Bar, layers: Sequence[Sequence[Sign]]) -> Element:
        measure = Element("measure", {"number": str(number + 1)})
        self._attributes(measure, number, bar)
        for mark in self.directions[number]:
            _direction(measure, mark, round((self._time(mark.tick) - bar.start) * self.divisions))
        for voice, signs in enumerate(layers, 1):
            if voice > 1 and not any(sign.tones for sign in signs):
                continue
            if voice > 1:
                backup = SubElement(measure, "backup")
                SubElement(backup, "duration").text = str(int(bar.length * self.divisions))
            for sign in self._with_bar_rest(bar, signs):
                lyric = self.lyrics.pop(bar.start + sign.start, "") if sign.tones and not sign.tied else ""
                self._notes(measure, sign, voice, lyric)
        return measure

    def _with_bar_rest(self, bar: Bar, signs: Sequence[Sign]) -> Sequence[Sign]:
        """Return the signs, with one rest for a whole bar of rests; no other rest looks like one.

        A whole rest also stands for a bar of any length, and readers take it so.
        """
        self.metre = bar.metre or self.metre
        full = Fraction(4 * self.metre.numerator, self.metre.denominator) if self.metre else bar.length
        if bar.length == full and not any(sign.tones for sign in signs):
            return [Sign(Fraction(0), bar.length, Fraction(0))]
        halves = {Fraction(4): 2, Fraction(8): 4}
        return [part for sign in signs for part in _cut(sign, 1 if sign.tones else halves.get(sign.value, 1))]

    def _attributes(self, measure: Element, number: int, bar: Bar) -> None:
        """Add time base, key and metre where they begin or change; a key inside a bar counts from its bar on."""
        keys = [key for time, key in self.keys.items() if bar.start <= time < bar.start + bar.length]
        free = number == 0 and not self.score.metres
        if number and not keys and bar.metre is None:
            return
        attributes = SubElement(measure, "attributes")
        if number == 0:
            SubElement(attributes, "divisions").text = str(self.divisions)
        for key in keys[-1:]:
            self._key(attributes, key)
        if bar.metre is not None or free:
            _time_signature(attributes, bar.metre)
        if number == 0:
            pitches = self.score.notes["pitch"]
            low = len(pitches) > 0 and float(pitches.mean()) < 57
            clef = SubElement(attributes, "clef")
            SubElement(clef, "sign").text = "F" if low else "G"
            SubElement(clef, "line").text = "4" if low else "2"

    def _key(self, attributes: Element, key: Key) -> None:
        self.gong = key.gong
        element = SubElement(attributes, "key")
        SubElement(element, "fifths").text = str(_FIFTHS[key.gong])
        SubElement(element, "mode").text = "major"

    def _notes(self, measure: Element, sign: Sign, voice: int, lyric: str) -> None:
        """Add the notes of a chord, or a rest."""
        for index, tone in enumerate(sign.tones or (None,)):
            note = SubElement(measure, "note")
            if tone is not None and tone.velocity != DEFAULT_VELOCITY:
                note.set("dynamics", f"{tone.velocity / 0.9:.2f}")
            if index:
                SubElement(note, "chord")
            if tone is None:
                SubElement(note, "rest", {} if sign.value else {"measure": "yes"})
            else:
                _pitch(note, tone.pitch, self.gong)
            SubElement(note, "duration").text = str(int(sign.length * self.divisions))
            for kind in ("stop",) * sign.tied + ("start",) * sign.ties:
                SubElement(note, "tie", {"type": kind})
            SubElement(note, "voice").text = str(voice)
            _value(note, sign)
            if tone is not None:
                _notations(note, tone, sign)
            if lyric and index == 0:
                element = SubElement(note, "lyric", {"number": "1"})
                SubElement(element, "syllabic").text = "single"
                SubElement(element, "text").text = _clean(lyric)


def _cut(sign: Sign, pieces: int) -> list[Sign]:
    """Return a rest as so many equal ones."""
    if pieces == 1:
        return [sign]
    length, value = sign.length / pieces, sign.value / pieces
    return [Sign(sign.start + i * length, length, value, sign.tuplet) for i in range(pieces)]


def _time_signature(attributes: Element, metre: Metre | None) -> None:
    time = SubElement(attributes, "time")
    if metre is None:
        SubElement(time, "senza-misura")
        return
    SubElement(time, "beats").text = str(metre.numerator)
    SubElement(time, "beat-type").text = str(metre.denominator)


def _direction(measure: Element, mark: Mark, offset: int) -> None:
    """Add a tempo, rehearsal mark or text above the staff, `offset` divisions into the bar."""
    direction = SubElement(measure, "direction", {"placement": "above"})
    kind = SubElement(direction, "direction-type")
    if isinstance(mark, Tempo):
        metronome = SubElement(kind, "metronome")
        SubElement(metronome, "beat-unit").text = "quarter"
        SubElement(metronome, "per-minute").text = f"{mark.qpm:.12g}"
    elif isinstance(mark, Section):
        SubElement(kind, "rehearsal").text = _clean(mark.name)
    else:
        SubElement(kind, "words").text = _clean(mark.text)
    if offset:
        SubElement(direction, "offset", {"sound": "yes"}).text = str(offset)
    if isinstance(mark, Tempo):
        SubElement(direction, "sound", {"tempo": f"{mark.qpm:.12g}"})


def _pitch(note: Element, pitch: int, gong: int) -> None:
    """Add a pitch spelt as its degree of the gong system: #4 and b7, never b5 or #6."""
    letter = (_GONG_LETTERS[gong] + _DEGREE_STEPS[(pitch - gong) % 12]) % 7
    alter = (pitch - _LETTER_CLASSES[letter] + 6) % 12 - 6
    element = SubElement(note, "pitch")
    SubElement(element, "step").text = _LETTERS[letter]
    if alter:
        SubElement(element, "alter").text = str(alter)
    SubElement(element, "octave").text = str((pitch - alter) // 12 - 1)


def _value(note: Element, sign: Sign) -> None:
    """Add the shape of a note, its dot and its tuplet; a rest that fills its bar has none."""
    if not sign.value:
        return
    dotted = sign.value.numerator // (sign.value.numerator & -sign.value.numerator) == 3
    plain = sign.value * Fraction(2, 3) if dotted else sign.value
    index = _TYPES.index("quarter") + plain.denominator.bit_length() - plain.numerator.bit_length()
    is_shape = 1 in (plain.numerator, plain.denominator) and (plain.numerator * plain.denominator).bit_count() == 1
    if not (is_shape and 0 <= index < len(_TYPES)):
        return  # the duration alone says how long it is
    SubElement(note, "type").text = _TYPES[index]
    if dotted:
        SubElement(note, "dot")
    if sign.tuplet != (1, 1):
        modification = SubElement(note, "time-modification")
        SubElement(modification, "actual-notes").text = str(sign.tuplet[0])
        SubElement(modification, "normal-notes").text = str(sign.tuplet[1])


def _notations(note: Element, tone: Tone, sign: Sign) -> None:
    """Add ties as they are drawn, and the mark of the technique where the note is struck."""
    tied = ("stop",) * sign.tied + ("start",) * sign.ties
    mark = None if sign.tied else _MARKS.get(tone.technique)
    if not tied and mark is None:
        return
    notations = SubElement(note, "notations")
    for kind in tied:
        SubElement(notations, "tied", {"type": kind})
    if mark is not None:
        group, elements = mark
        parent = SubElement(notations, group) if group else notations
        for name, attributes, text in elements:
            SubElement(parent, name, attributes).text = text or None
