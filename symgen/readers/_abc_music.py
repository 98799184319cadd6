"""Music code of ABC notation: the lines of a tune in, per voice a list of sounds, bars and changes out.

Lengths are exact fractions of a whole note. Repeats are not yet played out and ties not yet joined.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache

from symgen.errors import ReadError
from symgen.readers import _abc_fields as fields
from symgen.readers._abc_items import (
    DECORATION_OR_QUOTE,
    NOTE_TOKEN,
    TOKEN,
    Bar,
    Change,
    Item,
    Overlay,
    Pitch,
    Sound,
)
from symgen.readers._abc_tunes import FIELD, Tune
from symgen.score import Technique

DECORATIONS = {
    "open": Technique.OPEN,
    "slide": Technique.SLIDE_UP,
    "harmonic": Technique.HARMONIC,
    "/": Technique.TREMOLO,
    "//": Technique.TREMOLO,
    "///": Technique.TREMOLO,
    "////": Technique.TREMOLO,
}
"""Decorations that name a technique; the others are counted as lost."""

BAD_FIELD_CODES = {letter: f"bad-{letter}" for letter in "TPKMLQV"}
"""Field that is understood -> reason code where its value is not."""

MAX_TOKENS = 250_000
"""No tune holds more notes, rests and signs; the cap bounds memory and time on hostile files."""

_JUMPS = {"D.C.", "D.S.", "coda", "segno", "fine", "dacapo", "dacoda", "D.C.alcoda", "D.C.alfine", "D.S.alcoda"}
_TUPLET_IN_TIME_OF = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}
_MAX_DENOMINATOR = 1024
_MAX_LENGTH = 256  # whole notes
_MAX_PASSES = 8
_ONE = Fraction(1)


@dataclass(slots=True)
class Voice:
    """A voice while its music is read."""

    key: fields.KeyField
    unit: Fraction
    metre: tuple[int, int] | None
    transposition: int = 0
    items: list[Item] = field(default_factory=list)
    in_bar: dict[str, int] = field(default_factory=dict)
    tied: dict[tuple[str, int], int] = field(default_factory=dict)
    technique: Technique = Technique.PLUCK
    graces: tuple[int, ...] = ()
    factor_next: Fraction = _ONE
    tuplet_factor: Fraction = _ONE
    tuplet_left: int = 0


@dataclass(slots=True)
class Music:
    """A tune as read: title, header values and voices in order of appearance."""

    title: str = ""
    subtitles: list[str] = field(default_factory=list)
    qpm: float | None = None
    metre: tuple[int, int] | None = None
    key: fields.KeyField = field(default_factory=fields.KeyField)
    voices: dict[str, Voice] = field(default_factory=dict)


class TuneParser:
    """Reads one tune line by line.

    Parameters
    ----------
    tune : Tune
        Its counters take what is lost and mended.
    name : str
        File name for errors.
    """

    def __init__(self, tune: Tune, name: str) -> None:
        self.tune, self.name = tune, name
        self.tokens = 0
        self.lost, self.mended = tune.lost, tune.mended
        self.music = Music()
        self.in_header = True
        self.declared_key = False
        self.unit: Fraction | None = None
        self.tempo_text = ""
        self.transpositions: dict[str, int] = {"": 0}
        self.voice_id = "1"

    def parse(self) -> Music:
        """Return the music of the tune.

        Raises
        ------
        ReadError
            If the tune has more than ``MAX_TOKENS`` notes, rests and signs.
        """
        for line in self.tune.lines:
            match = FIELD.match(line)
            if match is not None and not line.startswith(("|", "[")):
                self._field(match[1], match[2])
            else:
                self._music_line(line)
        self.mended["missing-K"] += not self.declared_key
        return self.music

    # ------------------------------------------------------------------ fields

    def _field(self, letter: str, text: str) -> None:
        if letter in BAD_FIELD_CODES:
            try:
                self._known_field(letter, text)
            except (ValueError, ZeroDivisionError):
                self.mended[BAD_FIELD_CODES[letter]] += 1
        elif letter in "wWs":
            self.lost["lyric" if letter in "wW" else "symbol-line"] += 1
        elif letter in "mU":
            self.lost["macro"] += 1
        elif letter not in "X+r":
            self.lost["information-field"] += 1

    def _known_field(self, letter: str, text: str) -> None:
        if letter == "T":
            title = fields.plain_text(text)
            if not self.music.title:
                self.music.title = title
            elif title:
                self.music.subtitles.append(title)
        elif letter == "P":
            self._part(text.strip())
        elif letter == "V":
            self._switch_voice(text)
        elif self.in_header:
            self._header_field(letter, text)
        else:
            self._body_field(letter, text)

    def _part(self, text: str) -> None:
        if self.in_header and not self.declared_key:
            self.lost["part-order"] += 1
        elif text:
            self._voice().items.append(Change("P", fields.plain_text(text)))

    def _header_field(self, letter: str, text: str) -> None:
        if letter == "M":
            self.music.metre = fields.parse_metre(text)
        elif letter == "L":
            self.unit = fields.parse_unit(text)
        elif letter == "Q":
            self.tempo_text = text
        else:
            self.declared_key = True
            self.transpositions[""] = fields.parse_transposition(text) or 0
            self.music.key = fields.parse_key(text) or fields.KeyField()

    def _body_field(self, letter: str, text: str) -> None:
        voice = self._voice()
        if letter == "M":
            metre = fields.parse_metre(text)
            voice.metre = metre
            voice.items.append(Change("M", metre))
        elif letter == "L":
            voice.unit = fields.parse_unit(text)
        elif letter == "Q":
            qpm = fields.parse_tempo(text, voice.unit)
            if qpm is not None:
                voice.items.append(Change("Q", qpm))
        else:
            self.declared_key = True
            transposition = fields.parse_transposition(text)
            if transposition is not None:
                voice.transposition = transposition
            key = fields.parse_key(text)
            if key is not None:
                voice.key = key
                voice.items.append(Change("K", key))

    def _switch_voice(self, text: str) -> None:
        words = text.split(maxsplit=1)
        if not words:
            return
        self.voice_id = words[0]
        transposition = fields.parse_transposition(words[1]) if len(words) > 1 else None
        if transposition is not None:
            self.transpositions[self.voice_id] = transposition
            if self.voice_id in self.music.voices:
                self.music.voices[self.voice_id].transposition = transposition

    def _end_header(self) -> None:
        self.in_header = False
        unit = self.unit or fields.default_unit(self.music.metre)
        self.unit = unit
        if self.tempo_text:
            try:
                self.music.qpm = fields.parse_tempo(self.tempo_text, unit)
            except ValueError:
                self.mended["bad-Q"] += 1

    def _voice(self) -> Voice:
        if self.in_header:
            self._end_header()
        voices = self.music.voices
        if self.voice_id not in voices:
            transposition = self.transpositions.get(self.voice_id, self.transpositions[""])
            unit = self.unit or Fraction(1, 8)
            voices[self.voice_id] = Voice(self.music.key, unit, self.music.metre, transposition)
        return voices[self.voice_id]

    # ------------------------------------------------------------------ music

    def _music_line(self, line: str) -> None:
        if self.in_header:
            self._end_header()
        for match in TOKEN.finditer(line):
            self.tokens += 1
            if self.tokens > MAX_TOKENS:
                found = f"{self.name} holds a tune of over {MAX_TOKENS:,} signs (MAX_TOKENS)"
                raise ReadError(found, expected="a piece of music", code="cap-signs")
            if match["letter"]:
                self._note(match)
            elif match["chord"] is not None:
                self._chord(match)
            elif match["bar"]:
                self._bar(match["bar"], match["ending"] or "")
            elif match["rest"]:
                self._rest(match)
            elif match["field"]:
                self._field(match["field"], match["value"])
            elif match["tuplet"]:
                self._tuplet(match)
            elif match["broken"]:
                self._broken(match["broken"])
            elif match["grace"] is not None:
                self._grace(match["grace"])
            elif match["overlay"]:
                self._voice().items.append(Overlay())
            elif match.lastgroup not in ("space", "spacer", "slur"):
                self._ornament(match)

    def _ornament(self, match: re.Match[str]) -> None:
        name = match["decoration"] or match["old_decoration"]
        if name in DECORATIONS:
            self._voice().technique = DECORATIONS[name]
        elif name:
            self.lost["jump" if name in _JUMPS else "decoration"] += 1
        elif match["quoted"] is not None:
            self.lost["annotation" if match["quoted"][:1] in tuple("^_<>@") else "chord-symbol"] += 1
        elif match["symbol"]:
            self.lost["decoration"] += 1
        else:
            self.mended["stray-character"] += 1

    def _note(self, match: re.Match[str]) -> None:
        voice = self._voice()
        length = self._length(match["num"], match["slashes"], match["den"])
        pitch = self._pitch(voice, match, _ONE, tied=bool(match["tie"]))
        self._sound(voice, voice.unit * length, (pitch,) if pitch else ())

    def _chord(self, match: re.Match[str]) -> None:
        voice = self._voice()
        inside = DECORATION_OR_QUOTE.sub("", match["chord"])
        self.lost["decoration"] += inside != match["chord"]
        notes = list(NOTE_TOKEN.finditer(inside))
        if not notes:
            self.mended["stray-character"] += 1
            return
        lengths = [self._length(note["num"], note["slashes"], note["den"]) for note in notes]
        outer = self._length(match["chord_num"], match["chord_slashes"], match["chord_den"])
        pitches = []
        for note, length in zip(notes, lengths, strict=True):
            tied = bool(note["tie"] or match["chord_tie"])
            share = _ONE if length == lengths[0] else length / lengths[0]
            pitch = self._pitch(voice, note, share, tied=tied)
            if pitch is not None:
                pitches.append(pitch)
        self._sound(voice, voice.unit * lengths[0] * outer, tuple(pitches))

    def _rest(self, match: re.Match[str]) -> None:
        voice = self._voice()
        length = self._length(match["rest_num"], match["rest_slashes"], match["rest_den"])
        if match["rest"] in "zx":
            self._sound(voice, voice.unit * length, ())
            return
        bars = min(int(match["rest_num"] or 1), 1000)
        metre = voice.metre or (4, 4)
        self.mended["assumed-metre"] += voice.metre is None
        voice.items.append(Sound(Fraction(*metre) * bars))

    def _sound(self, voice: Voice, length: Fraction, pitches: tuple[Pitch, ...]) -> None:
        """Add a sound, in the tuplet and broken rhythm that it stands in."""
        if voice.tuplet_left:
            length *= voice.tuplet_factor
            voice.tuplet_left -= 1
        if voice.factor_next is not _ONE:
            length *= voice.factor_next
            voice.factor_next = _ONE
        if voice.graces and not pitches:
            self.lost["grace"] += len(voice.graces)
            voice.graces = ()
        voice.items.append(Sound(length, pitches, voice.graces, voice.technique))
        voice.graces, voice.technique = (), Technique.PLUCK
        voice.tied = {pitch.spelling: pitch.number for pitch in pitches if pitch.tied}

    def _pitch(self, voice: Voice, match: re.Match[str], share: Fraction, *, tied: bool) -> Pitch | None:
        """Return the pitch of a note under signature, accidentals of the bar, and ties over the bar line."""
        written = match["letter"]
        letter = written.upper()
        octave = (1 if written.islower() else 0) + match["octave"].count("'") - match["octave"].count(",")
        self.lost["microtone"] += bool(match["micro"])
        natural = 60 + fields.LETTER_PITCH[letter] + 12 * octave + voice.transposition
        sign = match["sign"]
        if sign is not None:
            voice.in_bar[letter] = fields.ACCIDENTALS[sign]
        carried = voice.tied.get((letter, octave))
        if sign is None and letter not in voice.in_bar and carried is not None:
            number = carried
        else:
            number = natural + voice.in_bar.get(letter, voice.key.accidentals.get(letter, 0))
        if not 0 <= number <= 127:
            self.lost["pitch-out-of-range"] += 1
            return None
        return Pitch(number, (letter, octave), share, tied)

    def _bar(self, sign: str, ending: str) -> None:
        voice = self._voice()
        voice.in_bar = {}
        before, after = sign.partition("|")[0], sign.rpartition("|")[2]
        double_colon = "|" not in sign and ":" in sign
        passes = before.count(":") + 1 if before else 1
        voice.items.append(
            Bar(
                passes=min(_MAX_PASSES, 2 if double_colon else passes),
                begins_repeat=double_colon or ":" in after,
                closes=sign in ("||", "|]", "[|", "[|]"),
                endings=_endings(ending),
            )
        )

    def _tuplet(self, match: re.Match[str]) -> None:
        voice = self._voice()
        size = int(match["tuplet"])
        compound = voice.metre is not None and voice.metre[0] % 3 == 0 and voice.metre[1] >= 8
        into = int(match["into"] or 0) or _TUPLET_IN_TIME_OF.get(size, 3 if compound else 2)
        voice.tuplet_factor = Fraction(into, size)
        voice.tuplet_left = int(match["count"] or 0) or size

    def _broken(self, sign: str) -> None:
        voice = self._voice()
        last = voice.items[-1] if voice.items else None
        if not isinstance(last, Sound):
            self.mended["stray-character"] += 1
            return
        short = Fraction(1, 2 ** len(sign))
        long = 2 - short
        before, after = (long, short) if sign[0] == ">" else (short, long)
        last.length *= before
        voice.factor_next = after

    def _grace(self, text: str) -> None:
        voice = self._voice()
        pitches = [self._pitch(voice, note, _ONE, tied=False) for note in NOTE_TOKEN.finditer(text)]
        voice.graces = tuple(pitch.number for pitch in pitches if pitch is not None)

    def _length(self, numerator: str, slashes: str, denominator: str) -> Fraction:
        """Return a length like ``3``, ``/``, ``//``, ``3/2`` as a factor of the unit."""
        length = _length_factor(numerator, slashes, denominator)
        self.mended["bad-length"] += length is None
        return _ONE if length is None else length


@lru_cache(maxsize=1024)
def _length_factor(numerator: str, slashes: str, denominator: str) -> Fraction | None:
    below = (int(denominator or 0) or 2 ** len(slashes)) if slashes else 1
    length = Fraction(int(numerator or 1), min(below, _MAX_DENOMINATOR))
    return length if 0 < length <= _MAX_LENGTH else None


def _endings(text: str) -> frozenset[int]:
    """Return the numbers in the label of an ending: ``1``, ``1,3``, ``1-3``."""
    numbers: set[int] = set()
    for part in text.split(","):
        low, _, high = part.partition("-")
        if low.isdigit():
            last = int(high) if high.isdigit() else int(low)
            numbers.update(range(int(low), min(last, _MAX_PASSES) + 1))
    return frozenset(number for number in numbers if number <= _MAX_PASSES)
