"""What the marks of a MusicXML page mean here, and the page that music21 is given.

The tables say which notation becomes a technique and which is counted as lost. :func:`skeletons`
copies of a page only what has to do with pitch and time, so that no engraving detail can trip or slow
the parser, and numbers the notes so that each can be found again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from symgen.errors import ReadError
from symgen.readers._repeats import RepeatMarks
from symgen.score import Technique

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_NOTES = 100_000
MAX_MEASURES = 20_000
"""Over all parts. At about 3,000 notes a second this is also a bound on time."""
MAX_QUARTERS = 1_024
"""No note, rest or shift within a measure is longer: a mistyped duration must not become hours of rest."""

NUMBERS: dict[str, tuple[float, float]] = {
    "divisions": (0.001, 10**9),
    "offset": (-(10**12), 10**12),
    "beats": (1, 255),
    "beat-type": (1, 64),
    "fifths": (-14, 14),
    "octave": (-2, 12),
    "alter": (-6, 6),
    "diatonic": (-70, 70),
    "chromatic": (-120, 120),
    "octave-change": (-10, 10),
    "actual-notes": (1, 1000),
    "normal-notes": (1, 1000),
}
"""Element -> least and greatest number; music21 builds a tree of as many beats as a metre claims to have."""

_NUMBER = re.compile(r"-?\d{1,12}(\.\d{0,12})?(\+\d{1,3}){0,20}")
_BEAT_TYPES = (1, 2, 4, 8, 16, 32, 64)

TECHNIQUES: dict[str, Technique] = {
    "harmonic": Technique.HARMONIC,
    "open-string": Technique.OPEN,
    "stopped": Technique.STOPPED,
    "slide": Technique.SLIDE_UP,  # or down, as the notes it joins tell
    "scoop": Technique.SLIDE_UP,
    "doit": Technique.SLIDE_UP,
    "plop": Technique.SLIDE_DOWN,
    "falloff": Technique.SLIDE_DOWN,
    "glissando": Technique.GLISSANDO,
    "tremolo": Technique.TREMOLO,
    "wavy-line": Technique.VIBRATO,
}
"""Notation -> technique, the first that applies to a note being the one it keeps."""

IGNORED_NOTATIONS = frozenset({"tied", "tuplet", "accidental-mark", "footnote", "level"})
"""Said by the notes themselves, or by nothing that sounds."""

NOTATION_LOSSES: dict[str, str] = {
    "fermata": "fermata",
    "arpeggiate": "arpeggio",
    "non-arpeggiate": "arpeggio",
    "slur": "slur",
    "dynamics": "dynamics",
    "fingering": "fingering",
    "pluck": "fingering",
    "string": "fingering",
    "fret": "fingering",
    "bend": "bend",
}
"""Notation -> reason code; what is named nowhere is lost as the group it stands in."""

GROUP_LOSSES = {"articulations": "articulation", "ornaments": "ornament", "technical": "technical"}

DIRECTION_LOSSES: dict[str, str] = {"dynamics": "dynamics", "wedge": "dynamics", "pedal": "pedal"}

_HELD = ("divisions", "time", "transpose")
"""Attributes that a later measure depends on, in the order of the schema."""
_MEASURES_AT_ONCE = 24

_GUQIN = re.compile(r"gu[\s_-]?qin|古琴|七弦琴", re.IGNORECASE)
_PITCHED = frozenset({"chord", "grace", "pitch", "rest", "duration", "type", "dot", "time-modification", "voice"})
_COPIED = {"note": _PITCHED, "attributes": frozenset({"divisions", "key", "time", "transpose"})}


def partwise(root: Element, name: str) -> Element:
    """Return a score-partwise root; a score-timewise one is turned round in place.

    Raises
    ------
    ReadError
        If the root is neither.
    """
    from xml.etree.ElementTree import SubElement

    if root.tag == "score-partwise":
        return root
    if root.tag != "score-timewise":
        raise ReadError(
            f"{name} is XML of the kind <{root.tag[:40]}>", expected="a MusicXML score", code="xml-no-score"
        )
    parts: dict[str, Element] = {}
    for measure in root.findall("measure"):
        root.remove(measure)
        for part in measure.findall("part"):
            key = part.get("id", "")
            if key not in parts:
                parts[key] = SubElement(root, "part", {"id": key})
            SubElement(parts[key], "measure", measure.attrib).extend(part)
    root.tag = "score-partwise"
    return root


def check_page(root: Element, name: str) -> None:
    """Raise ReadError if the page is larger or longer than any score, or its numbers are none."""
    measures = sum(1 for _ in root.iter("measure"))
    if measures > MAX_MEASURES:
        limit = f"at most {MAX_MEASURES:,} (MAX_MEASURES)"
        raise ReadError(f"{name} has {measures:,} measures", expected=limit, code="cap-measures")
    notes = sum(1 for _ in root.iter("note"))
    if notes > MAX_NOTES:
        limit = f"at most {MAX_NOTES:,} (MAX_NOTES)"
        raise ReadError(f"{name} has {notes:,} notes", expected=limit, code="cap-notes")
    for part in root.findall("part"):
        divisions = Fraction(1)
        for measure in part.findall("measure"):
            place = f"{name}, measure {measure.get('number', '?')[:8]}"
            for element in measure.iter():
                if element.tag == "duration":
                    _check_number(element, place, 0, MAX_QUARTERS * divisions)
                elif element.tag in NUMBERS:
                    value = _check_number(element, place, *NUMBERS[element.tag])
                    divisions = value if element.tag == "divisions" else divisions


def _check_number(element: Element, place: str, low: float | Fraction, high: float | Fraction) -> Fraction:
    """Return the number in `element`, or the sum of numbers such as 3+2.

    Text such as 1e999999999 is refused before it is multiplied out.
    """
    text = "".join((element.text or "").split())
    if not _NUMBER.fullmatch(text):
        raise ReadError(f"{place} has <{element.tag}> {text[:20]!r}", expected="a number", code="xml-number")
    value = sum((Fraction(term) for term in text.split("+")), Fraction(0))
    if not low <= value <= high or (element.tag == "beat-type" and value not in _BEAT_TYPES):
        limit = "a power of two up to 64" if element.tag == "beat-type" else f"{float(low):g} to {float(high):g}"
        limit += f", {MAX_QUARTERS:,} quarters (MAX_QUARTERS)" if element.tag == "duration" else ""
        raise ReadError(f"{place} has <{element.tag}> {text}", expected=limit, code="xml-number")
    return value


def skeletons(
    pages: Sequence[Sequence[Element]], mended: Counter[str]
) -> tuple[list[tuple[list[int], Element]], list[Element]]:
    """Return what of the page concerns pitch and time, and the page's notes in order.

    music21's time grows with the square of the number of measures, so it is given short scores one after
    the other, each beginning with what still holds from the one before. The copy of note `i` has the
    colour "i", the one free-form attribute that music21 keeps on every member of a chord.

    Parameters
    ----------
    pages : sequence of sequences of Element
        The measures of each part.
    mended : Counter
        Takes the count of chord members that stand behind no note: they become notes by themselves.

    Returns
    -------
    scores : list of (list of int, Element)
        The indices of the parts in it, and a score-partwise root.
    notes : list of Element
        The original of each numbered note.
    """
    from xml.etree.ElementTree import Element as New
    from xml.etree.ElementTree import SubElement

    notes: list[Element] = []
    scores: list[tuple[list[int], Element]] = []
    held: list[dict[str, Element]] = [{} for _ in pages]
    for first in range(0, max(map(len, pages), default=0), _MEASURES_AT_ONCE):
        copy = New("score-partwise", {"version": "4.0"})
        part_list = SubElement(copy, "part-list")
        indices = [index for index, page in enumerate(pages) if len(page) > first]
        for index in indices:
            SubElement(SubElement(part_list, "score-part", {"id": f"P{index}"}), "part-name").text = str(index)
            part = SubElement(copy, "part", {"id": f"P{index}"})
            for number, measure in enumerate(pages[index][first : first + _MEASURES_AT_ONCE]):
                new_measure = SubElement(part, "measure", {"number": "1"})
                if number == 0:
                    own = {child.tag for attributes in measure.findall("attributes") for child in attributes}
                    missing = [child for tag, child in held[index].items() if tag not in own]
                    SubElement(new_measure, "attributes").extend(missing)
                _copy_measure(measure, new_measure, notes, held[index], mended)
        scores.append((indices, copy))
    return scores, notes


def _copy_measure(
    measure: Element, new_measure: Element, notes: list[Element], held: dict[str, Element], mended: Counter[str]
) -> None:
    """Copy what music21 needs of a measure, number its notes, and remember in `held` what it sets."""
    follows_note = False
    for element in measure:
        new = _copied(element)
        if new is None:
            continue
        if new.tag == "note":
            chord = new.find("chord")
            if chord is not None and not follows_note:
                new.remove(chord)
                mended["chord-without-note"] += 1
            follows_note = new.find("rest") is None
        if element.tag == "note":
            new.set("color", str(len(notes)))
            notes.append(element)
        elif element.tag == "attributes":
            held |= {child.tag: child for child in new if child.tag in _HELD}
        new_measure.append(new)


def _copied(element: Element) -> Element | None:
    """Return what music21 needs of one element of a measure, None if it needs nothing."""
    from xml.etree.ElementTree import Element as New
    from xml.etree.ElementTree import SubElement

    if element.tag in _COPIED:
        if element.tag == "note" and not sounds(element) and element.find("rest") is None:
            return None
        new = New(element.tag)
        new.extend(child for child in element if child.tag in _COPIED[element.tag])
        return new
    if element.tag == "forward":
        new = New("note")
        SubElement(new, "rest")
        new.extend(child for child in element if child.tag in ("duration", "voice"))
        return new
    if element.tag == "direction":
        new = New("direction")
        new.extend(child for child in element if child.tag in ("offset", "sound"))
        kinds = [c for c in element.findall("direction-type") if _is_tempo(c.find("metronome"))]
        for kind in kinds:
            new.insert(0, kind)
        return new if kinds or any(child.tag == "sound" for child in new) else None
    return element if element.tag in ("backup", "sound") else None


def _is_tempo(metronome: Element | None) -> bool:
    """Return whether a metronome mark says beats a minute in plain figures."""
    text = "" if metronome is None else metronome.findtext("per-minute", "")
    return re.fullmatch(r"\s*\d{1,4}(\.\d{1,6})?\s*", text) is not None


def sounds(note: Element) -> bool:
    """Return whether a note element is a pitched note that is really played."""
    return note.find("pitch") is not None and note.find("cue") is None


def guqin_parts(root: Element) -> frozenset[int]:
    """Return the indices of the parts whose name says guqin."""
    names = {part.get("id", ""): " ".join(part.itertext()) for part in root.iter("score-part")}
    return frozenset(
        index for index, part in enumerate(root.findall("part")) if _GUQIN.search(names.get(part.get("id", ""), ""))
    )


def technique_of(note: Element, *, guqin: bool, lost: Counter[str]) -> Technique:
    """Return the technique a note's notations tell; those without a place in a Score are counted in `lost`.

    Editions of guqin music mark harmonics 泛音 with a circle or dot, which arrives as a staccato: in a
    guqin part a staccato is a harmonic (so in all 3,365 cases of 56 published pieces), elsewhere it is a
    lost articulation.
    """
    found: list[Technique] = []
    for group, mark in _notations(note):
        if mark in TECHNIQUES:
            found.append(TECHNIQUES[mark])
        elif mark == "staccato" and guqin:
            found.append(Technique.HARMONIC)
        elif mark not in IGNORED_NOTATIONS:
            lost[NOTATION_LOSSES.get(mark, GROUP_LOSSES.get(group, "notation"))] += 1
    if note.find("grace") is not None:
        found.insert(0, Technique.GRACE)
    if not found:
        return Technique.PLUCK
    lost["second-technique"] += len(set(found)) - 1
    return found[0]


def _notations(note: Element) -> Iterator[tuple[str, str]]:
    """Yield (group, notation) for each notation of a note; the end of a line joining two notes counts for its start."""
    for notations in note.findall("notations"):
        for child in notations:
            marks = list(child) if child.tag in GROUP_LOSSES else [child]
            for mark in marks:
                if mark.get("type") == "stop" and mark.tag in ("slide", "glissando", "slur"):
                    continue
                yield child.tag, mark.tag


def count_direction_losses(root: Element, lost: Counter[str]) -> None:
    """Count in `lost` the directions, chord names and unpitched or cue notes that a Score does not hold."""
    for kind in root.iter("direction-type"):
        for mark in kind:
            if mark.tag in DIRECTION_LOSSES and mark.get("type") not in ("stop", "continue"):
                lost[DIRECTION_LOSSES[mark.tag]] += 1
    lost["chord-symbol"] += sum(1 for _ in root.iter("harmony"))
    for note in root.iter("note"):
        if note.find("cue") is not None:
            lost["cue-note"] += 1
        elif note.find("unpitched") is not None:
            lost["unpitched"] += 1


def repeat_marks(measures: Sequence[Element]) -> list[RepeatMarks]:
    """Return the repeat signs, endings and jumps of one part's measures."""
    result: list[RepeatMarks] = []
    endings: frozenset[int] = frozenset()
    for measure in measures:
        start, end, closed = False, 0, False
        for line in measure.findall("barline"):
            repeat, ending = line.find("repeat"), line.find("ending")
            if repeat is not None:
                start = start or repeat.get("direction") == "forward"
                end = _times(repeat) if repeat.get("direction") == "backward" else end
            if ending is not None and ending.get("type") == "start":
                endings = frozenset(int(n) for n in re.findall(r"\d{1,2}", ending.get("number", "")))
            elif ending is not None:
                closed = True
        jumps = {key for sound in measure.iter("sound") for key in sound.keys()}  # noqa: SIM118 - an element's keys
        result.append(
            RepeatMarks(
                start=start,
                end=end,
                endings=endings,
                segno="segno" in jumps,
                coda="coda" in jumps,
                to_coda="tocoda" in jumps,
                fine="fine" in jumps,
                da_capo="dacapo" in jumps,
                dal_segno="dalsegno" in jumps,
            )
        )
        endings = frozenset() if closed else endings
    return result


def _times(repeat: Element) -> int:
    times = repeat.get("times", "2")
    return max(2, int(times)) if re.fullmatch(r"\d{1,3}", times) else 2
