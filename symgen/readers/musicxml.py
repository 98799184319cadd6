"""MusicXML, plain or packed (.musicxml, .xml, .mxl).

music21 turns the page into pitch and time: divisions, voices, shifts, tuplets, durations that are only
drawn, transposing instruments, metronome marks. Around it this module keeps what music21 would lose or
choke on: the file is unpacked and parsed under limits (:mod:`~symgen.readers._mxl`), each note keeps its
own marks even inside a chord (:mod:`~symgen.readers._musicxml_page`), and bars, ties and repeats are
played by :mod:`~symgen.readers._bars`.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from symgen.errors import ReadError
from symgen.piece import Reading
from symgen.readers._assemble import assemble
from symgen.readers._bars import Bar, BarNote, Mark
from symgen.readers._musicxml_page import (
    check_page,
    count_direction_losses,
    guqin_parts,
    partwise,
    repeat_marks,
    skeletons,
    technique_of,
)
from symgen.readers._mxl import ZIP_MAGIC, holds_score, root_name, score_tree
from symgen.readers._text import peek
from symgen.score import DEFAULT_VELOCITY, Key, Section, Technique, Tempo, Text

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

NAME = "musicxml"
SUFFIXES = (".musicxml", ".mxl", ".xml")

_ROOT = re.compile(r"<\s*score-(partwise|timewise)\b")
_VOICES_A_PART = 256
"""Only keeps the voices of different parts apart; a Score's voices are numbered afresh."""


def sniff(data: bytes, suffix: str) -> bool:
    """Return whether `data` is a MusicXML document, or a zip archive that holds one; with its suffix, a damaged one."""
    if data.startswith(ZIP_MAGIC):
        return suffix == ".mxl" or holds_score(data)
    root = root_name(data)
    if root in ("score-partwise", "score-timewise"):
        return True
    damaged = suffix == ".musicxml" or (suffix == ".xml" and not root)
    return damaged and _ROOT.search(peek(data)) is not None


def read(data: bytes, name: str) -> list[Reading]:
    """Read a MusicXML score as one piece, its repeats played out, at sounding pitch.

    Parameters
    ----------
    data : bytes
        Content of the file.
    name : str
        The file's name, for messages and as title where the score has none.

    Raises
    ------
    ReadError
        If a limit is exceeded (each error names it), or the file is damaged, empty or no MusicXML.
    """
    lost: Counter[str] = Counter()
    mended: Counter[str] = Counter()
    root = partwise(score_tree(data, name, lost), name)
    check_page(root, name)
    count_direction_losses(root, lost)
    bars = _bars(root, name, lost, mended)
    divisions = (int(e.text or 0) for e in root.iter("divisions") if re.fullmatch(r"\d{1,5}", e.text or ""))
    return [assemble(bars, name, title=_title(root, name), time_bases=divisions, lost=lost, mended=mended)]


def _title(root: Element, name: str) -> str:
    titles = (root.findtext("work/work-title"), root.findtext("movement-title"))
    return next((" ".join(t.split()) for t in titles if t and t.strip()), name.rpartition(".")[0] or name)


def _bars(root: Element, name: str, lost: Counter[str], mended: Counter[str]) -> list[Bar]:
    """Return the bars of all parts together, as written."""
    pages = [part.findall("measure") for part in root.findall("part")]
    scores, sources = skeletons(pages, mended)
    guqin = guqin_parts(root)
    bars = [Bar() for _ in range(max(map(len, pages), default=0))]
    for index, measures in enumerate(_parsed(scores, len(pages), name)):
        reader = _PartReader(index, sources, guqin=index in guqin, lost=lost)
        metre: tuple[int, int] | None = None
        for bar, page, measure in zip(bars, pages[index], measures, strict=False):
            bar.notes += reader.notes(measure)
            bar.length = max(bar.length, Fraction(measure.highestTime))
            bar.marks += _time_marks(measure, mended, keys=index == 0)
            bar.marks += reader.lyrics
            if index == 0:
                bar.metre = metre = _metre(measure, metre)
                bar.marks += _words(page)
    for bar, marks in zip(bars, repeat_marks(pages[0]) if pages else [], strict=False):
        bar.repeats = marks
    return bars


def _parsed(scores: Sequence[tuple[list[int], Element]], parts: int, name: str) -> list[list[Any]]:
    """Return music21's measures of each part, at sounding pitch."""
    from music21 import stream
    from music21.musicxml import xmlToM21

    measures: list[list[Any]] = [[] for _ in range(parts)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what music21 would warn of is counted or refused here
        for indices, root in scores:
            try:
                score = xmlToM21.MusicXMLImporter().xmlRootToScore(root)
                score.toSoundingPitch(inPlace=True)
            except Exception as error:
                found = f"{name} is no MusicXML that music21 can read: {str(error)[:200]}"
                raise ReadError(found, code="xml-refused") from error
            for index, part in zip(indices, score.getElementsByClass(stream.Part), strict=True):
                measures[index] += part.getElementsByClass(stream.Measure)
    return measures


class _PartReader:
    """Turns music21's notes of one part into bar notes, with the marks of the notes they come from."""

    def __init__(self, index: int, sources: Sequence[Element], *, guqin: bool, lost: Counter[str]) -> None:
        self.index = index
        self.sources = sources
        self.guqin = guqin
        self.lost = lost
        self.voices: dict[str, int] = {}
        self.slide: BarNote | None = None
        self.lyrics: list[tuple[Fraction, Mark]] = []

    def notes(self, measure: Any) -> list[BarNote]:
        """Return the notes of one measure in the order of the page; `lyrics` then holds its lyrics."""
        found: list[tuple[int, Fraction, Any]] = []
        for element in measure.recurse().notes:
            onset = Fraction(element.getOffsetInHierarchy(measure))
            for note in element.notes if element.isChord else (element,):
                found.append((int(note.style.color), onset, note))
        found.sort(key=lambda item: item[0])
        self.lyrics = []
        return [self._note(self.sources[source], onset, note) for source, onset, note in found]

    def _note(self, source: Element, onset: Fraction, note: Any) -> BarNote:
        ties = {tie.get("type") for tie in source.findall("tie")}
        technique = technique_of(source, guqin=self.guqin, lost=self.lost)
        bar_note = BarNote(
            onset=onset,
            duration=Fraction(0) if note.duration.isGrace else Fraction(note.duration.quarterLength),
            pitch=int(note.pitch.midi),
            voice=self.index * _VOICES_A_PART + self._voice(source),
            velocity=_velocity(source),
            technique=technique,
            ties="start" in ties,
            tied="stop" in ties,
            part=self.index,
        )
        self._follow_slide(source, bar_note)
        for lyric in source.findall("lyric"):
            self._lyric(lyric, onset)
        return bar_note

    def _voice(self, source: Element) -> int:
        return self.voices.setdefault(source.findtext("voice", "1").strip(), len(self.voices))

    def _follow_slide(self, source: Element, note: BarNote) -> None:
        """Give the note that a slide starts from the direction in which the slide goes."""
        types = {slide.get("type") for slide in source.iter("slide")}
        if "stop" in types and self.slide is not None and self.slide.technique == Technique.SLIDE_UP:
            down = note.pitch < self.slide.pitch
            self.slide.technique = Technique.SLIDE_DOWN if down else Technique.SLIDE_UP
        if types:
            self.slide = note if "start" in types else None

    def _lyric(self, lyric: Element, onset: Fraction) -> None:
        text = "".join(e.text or "" for e in lyric if e.tag in ("text", "elision")).strip()
        if lyric.get("number", "1") != "1":
            self.lost["lyric-verse"] += 1
        elif text:
            self.lyrics.append((onset, Text(0, text, "lyric")))


def _velocity(source: Element) -> int:
    """Return the velocity of a note; MusicXML gives it in percent of 90."""
    percent = source.get("dynamics", "")
    if not re.fullmatch(r"\d{1,4}(\.\d*)?", percent):
        return DEFAULT_VELOCITY
    return max(1, min(127, round(float(percent) * 0.9)))


def _metre(measure: Any, before: tuple[int, int] | None) -> tuple[int, int] | None:
    """Return the metre that holds in a measure, None where it is free."""
    from music21 import meter

    signature = measure.timeSignature
    if signature is None:
        return before
    if isinstance(signature, meter.SenzaMisuraTimeSignature):
        return None
    return int(signature.numerator), int(signature.denominator)


def _time_marks(measure: Any, mended: Counter[str], *, keys: bool) -> list[tuple[Fraction, Mark]]:
    """Return tempo and key marks of a measure; a signature's major tonic is gong, whatever the mode."""
    from music21 import key, tempo

    marks: list[tuple[Fraction, Mark]] = []
    for mark in measure.getElementsByClass(tempo.MetronomeMark):
        qpm = mark.getQuarterBPM() if mark.number != 0 else None
        mended["bad-tempo"] += mark.number == 0
        if qpm is not None:
            marks.append((Fraction(mark.offset), Tempo(0, float(qpm))))
    for signature in measure.getElementsByClass(key.KeySignature) if keys else ():
        if signature.sharps is not None:
            marks.append((Fraction(signature.offset), Key(0, signature.sharps * 7 % 12)))
    return marks


def _words(measure: Element) -> list[tuple[Fraction, Mark]]:
    """Return rehearsal marks as sections and words as texts, at the start of their bar."""
    marks: list[Mark] = []
    for kind in measure.iter("direction-type"):
        for child in kind:
            text = " ".join((child.text or "").split())
            if text and child.tag == "rehearsal":
                marks.append(Section(0, text))
            elif text and child.tag == "words":
                marks.append(Text(0, text))
    return [(Fraction(0), replace(mark)) for mark in marks]
