"""REAPER projects: tempo envelope with time signatures, markers, and a MIDI item on each track.

The format is text in nested blocks and is described by its users alone; field by field this follows what
REAPER 6 and 7 save. Nothing here is drawn at random: identifiers are derived from the content.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from symgen.performance import Performance
from symgen.score import Score, Tempo
from symgen.units import TICKS_PER_QUARTER, ticks_to_seconds
from symgen.writers._articulations import GENERAL_MIDI
from symgen.writers._curves import Pace
from symgen.writers._events import channel_events, set_up_apart
from symgen.writers._layout import Part, lay_out
from symgen.writers._options import DEFAULTS, Options
from symgen.writers._page import end_of_last_bar, metres_of, remarks_of, score_parts, wide_bends

NAME = "rpp"
SUFFIXES = (".rpp",)
OPTIONS = True

_NAMESPACE = uuid.UUID("5b1f6d52-9b0e-5c0a-8f6e-6d2f0f3f7a11")
_SQUARE = 1  # shape of an envelope point: the tempo stands until the next one
_DEFAULT = Tempo(0, 120.0)


def encode(music: Score | Performance, *, options: Options = DEFAULTS) -> bytes:
    """Return a REAPER project.

    Parameters
    ----------
    music : Score or Performance
        A Performance gives the tracks of the layout; several stand in a folder track, which all their MIDI
        goes to, so that one instrument on the folder plays every string. A Score gives a track a voice.
    options : Options
        Layout, time signatures, names, articulations.

    Raises
    ------
    WriteError
        If a keyswitch is also a note.
    """
    if isinstance(music, Performance):
        score, tempi, parts = music.score, music.tempi, lay_out(music, options)
        sounding = max((note.onset + note.duration for note in music.notes), default=0)
        end = end_of_last_bar(score, options, sounding)
        notes = [text.text for text in (*remarks_of(music), *wide_bends(parts))]
        name = music.instrument.capitalize()
    else:
        score = music.resampled(TICKS_PER_QUARTER)
        options = replace(options, articulations=GENERAL_MIDI)  # a Score does not say how a note is made
        tempi, parts, end, notes, name = score.tempi, score_parts(score), score.end, [], score.title
    notes += [text.text for text in score.texts if text.kind in ("text", "copyright")]
    project = _Project(score, tempi or (_DEFAULT,), parts, max(1, end), name, notes, options)
    return ("\n".join(_indented(project.lines())) + "\n").encode("utf-8")


def stamped(data: bytes, texts: Sequence[str]) -> bytes:
    """Return a project of this writer with texts as the last lines of its notes."""
    head, end, rest = data.partition(b"\n  >")  # the first block of a project are its notes
    return head + "".join(f"\n    |{text}" for text in texts).encode("ascii") + end + rest


@dataclass(frozen=True, slots=True)
class _Project:
    """What a project is made of, on its way to lines."""

    score: Score
    tempi: Sequence[Tempo]
    parts: Sequence[Part]
    end: int
    name: str
    notes: Sequence[str]
    options: Options

    def seconds(self, tick: int) -> float:
        """Return the position of a tick under the tempo map."""
        changes = [(tempo.tick, tempo.qpm) for tempo in self.tempi]
        return float(ticks_to_seconds(tick, changes, self.score.ticks_per_quarter))

    def lines(self) -> Iterator[str]:
        """Yield the lines of the project, blocks opened by ``<`` and closed by ``>``."""
        metres = metres_of(self.score, self.options)
        first = metres[0] if metres else None
        beats = f"{first.numerator} {first.denominator}" if first else "4 4"
        yield '<REAPER_PROJECT 0.1 "7.0/symgen" 0'
        yield "<NOTES 0 2"
        yield from (f"|{self.text(line)}" for line in [self.score.title, *self.notes] if line)
        yield ">"
        yield "RIPPLE 0"
        yield "TIMELOCKMODE 1"
        yield "TEMPOENVLOCKMODE 1"
        yield f"TEMPO {_number(self.tempi[0].qpm)} {beats}"
        yield from self.tempo_envelope()
        for number, section in enumerate(self.score.sections, 1):
            yield f"MARKER {number} {self.seconds(section.tick):.12f} {_quoted(self.text(section.name))} 0 0 1"
        yield from self.tracks()
        yield ">"

    def tempo_envelope(self) -> Iterator[str]:
        """Yield tempo and time signatures: a point at each change of either, at its second."""
        yield from ("<TEMPOENVEX", "ACT 1 -1", "VIS 1 0 1", "LANEHEIGHT 0 0", "ARM 0", f"DEFSHAPE {_SQUARE} -1 -1")
        metres = {metre.tick: metre for metre in metres_of(self.score, self.options)}
        qpm = {tempo.tick: tempo.qpm for tempo in self.tempi}
        current = self.tempi[0].qpm
        for tick in sorted(metres.keys() | qpm.keys()):
            current = qpm.get(tick, current)
            point = f"PT {self.seconds(tick):.12f} {_number(current)} {_SQUARE}"
            metre = metres.get(tick)
            yield f"{point} {(metre.denominator << 16) + metre.numerator} 0 1" if metre else point
        yield ">"

    def tracks(self) -> Iterator[str]:
        """Yield the tracks; several lie in a folder."""
        folder = len(self.parts) > 1
        if folder:
            yield from self.track_head(0, self.name, "ISBUS 1 1")
            yield ">"
        for index, part in enumerate(self.parts, 1):
            last = folder and index == len(self.parts)
            yield from self.track_head(index, part.name, "ISBUS 2 -1" if last else "ISBUS 0 0")
            yield from self.item(index, part)
            yield ">"

    def track_head(self, index: int, name: str, bus: str) -> Iterator[str]:
        """Yield the opening of a track; ISBUS says whether it opens or closes a folder."""
        guid = self.guid(f"track {index}")
        yield f"<TRACK {guid}"
        yield f"NAME {_quoted(self.text(name))}"
        yield from ("BEAT -1", "VOLPAN 1 0 -1 -1 1", "MUTESOLO 0 0 0", bus, "NCHAN 2", "FX 1")
        yield f"TRACKID {guid}"
        yield "MAINSEND 1 0"

    def item(self, index: int, part: Part) -> Iterator[str]:
        """Yield one MIDI item that spans the piece: ticks since the last event, then the bytes in hexadecimal."""
        yield from ("<ITEM", "POSITION 0", "SNAPOFFS 0", f"LENGTH {self.seconds(self.end):.12f}", "LOOP 0")
        yield f"IGUID {self.guid(f'item {index}')}"
        yield f"IID {index}"
        yield f"NAME {_quoted(self.text(part.name))}"
        yield from ("VOLPAN 1 0 1 -1", "SOFFS 0 0", "PLAYRATE 1 1 0 -1 0 0.0025", "CHANMODE 0")
        yield f"GUID {self.guid(f'take {index}')}"
        yield "<SOURCE MIDI"
        yield f"HASDATA 1 {self.score.ticks_per_quarter} QN"
        now = 0
        pace = Pace(tuple(self.tempi), self.score.ticks_per_quarter)
        apart = set_up_apart(self.parts)
        for tick, _, message in channel_events(part, self.options.articulations, pace, apart=apart):
            yield f"E {tick - now} {message.hex(' ')}"
            now = tick
        yield f"E {max(0, self.end - now)} {0xB0 + part.channel:02x} 7b 00"
        yield f"IGNTEMPO 0 {_number(self.tempi[0].qpm)} 4 4"
        yield from (">", ">")

    def guid(self, what: str) -> str:
        """Return an identifier that depends on the music and on what it is for, and on nothing else."""
        digest = hashlib.sha256(repr((self.score.title, self.end, self.parts)).encode()).hexdigest()
        return f"{{{str(uuid.uuid5(_NAMESPACE, f'{digest} {what}')).upper()}}}"

    def text(self, text: str) -> str:
        """Return text on one line, without control characters."""
        return "".join(c if c.isprintable() else " " for c in self.options.spelled(text)).strip()


def _indented(lines: Iterator[str]) -> Iterator[str]:
    depth = 0
    for line in lines:
        depth -= line == ">"
        yield "  " * depth + line
        depth += line.startswith("<")


def _number(value: float) -> str:
    return f"{value:.10f}".rstrip("0").rstrip(".")


def _quoted(text: str) -> str:
    """Return text in the first quotes that it does not hold; backquotes within it give way."""
    quote = next((quote for quote in ('"', "'", "`") if quote not in text), "`")
    return quote + (text.replace("`", "'") if quote == "`" else text) + quote
