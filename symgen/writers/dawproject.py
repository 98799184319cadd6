"""DAWproject: notes with their own pitch curves, tempo, time signatures and markers, for hosts that read it.

The open exchange format of Bitwig Studio, Cubase and Studio One, version 1.0: a zip with ``project.xml`` and
``metadata.xml``. Pitch curves are kept as they are, control point by control point, on the note they belong to,
so that nothing has to be cut or sampled.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from symgen.performance import Bend, Performance, PlayedNote
from symgen.resources import version
from symgen.score import Score, Tempo
from symgen.units import TICKS_PER_QUARTER
from symgen.writers._articulations import GENERAL_MIDI, ArticulationMap
from symgen.writers._curves import Pace, cents_at
from symgen.writers._events import KEYSWITCH_VELOCITY, keyswitch_ticks
from symgen.writers._layout import by_string, lay_out, string_count, without_overlaps
from symgen.writers._options import DEFAULTS, Options
from symgen.writers._page import end_of_last_bar, metres_of, remarks_of, score_parts

NAME = "dawproject"
SUFFIXES = (".dawproject",)
OPTIONS = True
WHEEL = False

_DEFAULT = Tempo(0, 120.0)
_SLOWEST, _FASTEST = 20.0, 666.0  # what Bitwig Studio, the format's home, states for its tempo
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date a zip can hold
_UNIX = 3


def encode(music: Score | Performance, *, options: Options = DEFAULTS) -> bytes:
    """Return a DAWproject file.

    Parameters
    ----------
    music : Score or Performance
        A Performance gives one track (`merged`), a track a string (`strings`), or one track whose notes stand on
        the member channels (`mpe`); a bend belongs to its note in all of them. A Score gives a track a voice.
    options : Options
        Layout, time signatures, names, articulations.

    Raises
    ------
    WriteError
        If a keyswitch is also a note.
    """
    if isinstance(music, Performance):
        score, tempi = music.score, music.tempi
        lanes = _played_lanes(music, options)
        sounding = max((note.onset + note.duration for note in music.notes), default=0)
        end = end_of_last_bar(score, options, sounding)
        remarks = [text.text for text in remarks_of(music)]
        articulations = options.articulations
    else:
        score = music.resampled(TICKS_PER_QUARTER)
        tempi, end, remarks = score.tempi, score.end, []
        lanes = [_Lane(part.name, tuple((part.channel, note) for note in part.notes)) for part in score_parts(score)]
        articulations = GENERAL_MIDI
    tempi = tempi or (_DEFAULT,)
    project = _Project(score, tempi, lanes, max(1, end), options, articulations)
    remarks += [text.text for text in score.texts if text.kind == "text"]
    rights = [text.text for text in score.texts if text.kind == "copyright"]
    metadata = _metadata(options, score.title, "\n".join(rights), "\n".join(remarks))
    return _zipped({"project.xml": _document(project.element()), "metadata.xml": _document(metadata)})


def stamped(data: bytes, texts: Sequence[str]) -> bytes:
    """Return a file of this writer with texts as the lines of one more file in it, which hosts pass over."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    return _zipped(files | {"symgen-origin.txt": "".join(f"{text}\n" for text in texts).encode("ascii")})


@dataclass(frozen=True, slots=True)
class _Lane:
    """One track: its name, and its notes with their channels in order of onset."""

    name: str
    notes: tuple[tuple[int, PlayedNote], ...]


def _played_lanes(performance: Performance, options: Options) -> list[_Lane]:
    """Return the tracks of a performance; there are as many as strings, whatever MIDI has channels for."""
    parts = lay_out(performance, options)
    name = performance.instrument.capitalize()
    if options.layout == "mpe":
        notes = [(part.channel, note) for part in parts for note in part.notes]
        return [_Lane(name, tuple(sorted(notes, key=lambda pair: (pair[1].onset, pair[1].pitch))))]
    if options.layout == "strings" and string_count(performance):
        strings = by_string(performance.notes).items()
        return [_Lane(f"{name} {string}", _on_channel(0, notes)) for string, notes in strings]
    if not options.articulations.channels:
        return [_Lane(name, _on_channel(0, performance.notes))]
    return [
        _Lane(part.name, _on_channel(part.channel, _of_channel(performance, options, part.channel))) for part in parts
    ]


def _on_channel(channel: int, notes: Sequence[PlayedNote]) -> tuple[tuple[int, PlayedNote], ...]:
    return tuple((channel, note) for note in without_overlaps(notes))


def _of_channel(performance: Performance, options: Options, channel: int) -> list[PlayedNote]:
    """Return the notes that the articulation map puts on a channel."""
    wanted = options.articulations
    return [note for note in performance.notes if (wanted.of(note.technique).channel or 0) == channel]


@dataclass(slots=True)
class _Project:
    """What a project is made of, on its way to an element; ``ids`` counts the identifiers given out."""

    score: Score
    tempi: Sequence[Tempo]
    lanes: Sequence[_Lane]
    end: int
    options: Options
    articulations: ArticulationMap
    ids: int = field(default=0)

    def new(self, parent: Element, tag: str, **attributes: str) -> Element:
        """Add an element with an identifier of its own."""
        self.ids += 1
        return SubElement(parent, tag, {**attributes, "id": f"id{self.ids}"})

    def beats(self, ticks: int) -> str:
        """Return ticks in quarter notes."""
        return f"{ticks / self.score.ticks_per_quarter:.6f}"

    def text(self, text: str) -> str:
        """Return text that XML can hold."""
        spelled = self.options.spelled(text)
        return "".join(c for c in spelled if c in "\t\n" or (c >= " " and c not in "\ufffe\uffff"))

    def element(self) -> Element:
        """Return the project."""
        root = Element("Project", {"version": "1.0"})
        SubElement(root, "Application", {"name": "symgen", "version": version()})
        transport = SubElement(root, "Transport")
        slowest = min(_SLOWEST, *(change.qpm for change in self.tempi))
        fastest = max(_FASTEST, *(change.qpm for change in self.tempi))
        bpm = {"min": f"{slowest:.6f}", "max": f"{fastest:.6f}", "unit": "bpm", "name": "Tempo"}
        tempo = self.new(transport, "Tempo", value=f"{self.tempi[0].qpm:.6f}", **bpm)
        metres = metres_of(self.score, self.options)
        beats = (metres[0].numerator, metres[0].denominator) if metres else (4, 4)
        signature = self.new(
            transport, "TimeSignature", numerator=str(beats[0]), denominator=str(beats[1]), name="Time Signature"
        )
        tracks = self.structure(SubElement(root, "Structure"))
        arrangement = self.new(root, "Arrangement")
        lanes = self.new(arrangement, "Lanes", timeUnit="beats")
        for track, lane in zip(tracks, self.lanes, strict=True):
            self.clip(self.new(lanes, "Lanes", track=track), lane)
        if self.score.sections:
            markers = self.new(arrangement, "Markers", timeUnit="beats")
            for section in self.score.sections:
                SubElement(markers, "Marker", {"time": self.beats(section.tick), "name": self.text(section.name)})
        self.automation(arrangement, tempo, signature)
        return root

    def structure(self, structure: Element) -> list[str]:
        """Add the tracks and the master that they lead to; return the identifiers of the tracks."""
        channels, tracks = [], []
        for lane in self.lanes:
            track = self.new(structure, "Track", contentType="notes", loaded="true", name=self.text(lane.name))
            channels.append(self.channel(track, "regular"))
            tracks.append(track.attrib["id"])
        master = self.new(structure, "Track", contentType="audio notes", loaded="true", name="Master")
        destination = self.channel(master, "master").attrib["id"]
        for channel in channels:
            channel.set("destination", destination)
        return tracks

    def channel(self, track: Element, role: str) -> Element:
        """Add a mixer channel at unity gain."""
        channel = self.new(track, "Channel", audioChannels="2", role=role, solo="false")
        self.new(channel, "Mute", value="false", name="Mute")
        self.new(channel, "Pan", max="1.000000", min="0.000000", unit="normalized", value="0.500000", name="Pan")
        self.new(channel, "Volume", max="2.000000", min="0.000000", unit="linear", value="1.000000", name="Volume")
        return channel

    def clip(self, lanes: Element, lane: _Lane) -> None:
        """Add one clip that spans the piece; what is sent beside the notes stands in lanes of its own."""
        clips = self.new(lanes, "Clips")
        span = {"time": self.beats(0), "duration": self.beats(self.end), "playStart": self.beats(0)}
        content = SubElement(clips, "Clip", {**span, "contentTimeUnit": "beats", "name": self.text(lane.name)})
        switches = list(self.articulations.switches([note for _, note in lane.notes]))
        controlled = any(wanted.controls or wanted.program is not None for _, _, wanted in switches)
        if controlled:
            content = self.new(content, "Lanes")
        notes = self.new(content, "Notes")
        keys = [(lane.notes[0][0], key) for key in self.keyswitches(lane)]
        for channel, note in sorted([*keys, *lane.notes], key=lambda pair: pair[1].onset):
            self.note(notes, channel, note)
        if controlled:
            self.controls(content, lane)

    def note(self, notes: Element, channel: int, note: PlayedNote) -> None:
        """Add a note and its pitch in semitones, on straight lines between the control points."""
        attributes = {"time": self.beats(note.onset), "duration": self.beats(note.duration)}
        attributes |= {"channel": str(channel), "key": str(note.pitch), "vel": f"{note.velocity / 127:.6f}"}
        element = SubElement(notes, "Note", {**attributes, "rel": "0.000000"})
        if note.bends:
            points = self.new(element, "Points", unit="semitones")
            SubElement(points, "Target", {"expression": "transpose"})
            for bend in _whole(note):
                value = {"value": f"{bend.cents / 100:.6f}", "interpolation": "linear"}
                SubElement(points, "RealPoint", {"time": self.beats(bend.offset), **value})

    def keyswitches(self, lane: _Lane) -> Iterator[PlayedNote]:
        """Yield the keyswitches of the articulation map as notes."""
        pace = Pace(tuple(self.tempi), self.score.ticks_per_quarter)
        for onset, before, wanted in self.articulations.switches([note for _, note in lane.notes]):
            if wanted.keyswitch is not None and wanted.keyswitch != before.keyswitch:
                begin, end = keyswitch_ticks(onset, pace)
                yield PlayedNote(begin, end - begin, wanted.keyswitch, KEYSWITCH_VELOCITY)

    def controls(self, lanes: Element, lane: _Lane) -> None:
        """Add controllers and programs of the articulation map as points that hold."""
        values: dict[str, list[tuple[int, int]]] = {}
        for onset, before, wanted in self.articulations.switches([note for _, note in lane.notes]):
            for number, amount in wanted.controls:
                values.setdefault(str(number), []).append((onset, amount))
            if wanted.program is not None and wanted.program != before.program:
                values.setdefault("", []).append((onset, wanted.program))
        channel = str(lane.notes[0][0])
        for control, moves in values.items():
            points = self.new(lanes, "Points", unit="normalized")
            target = {"expression": "channelController", "controller": control, "channel": channel}
            if not control:
                target = {"expression": "programChange", "channel": channel}
            SubElement(points, "Target", target)
            for onset, amount in moves:
                point = {"value": f"{amount / 127:.6f}", "interpolation": "hold"}
                SubElement(points, "RealPoint", {"time": self.beats(onset), **point})

    def automation(self, arrangement: Element, tempo: Element, signature: Element) -> None:
        """Add the tempo map and the time signatures."""
        points = self.new(arrangement, "TempoAutomation", timeUnit="beats", unit="bpm")
        SubElement(points, "Target", {"parameter": tempo.attrib["id"]})
        for change in self.tempi:
            point = {"time": self.beats(change.tick), "value": f"{change.qpm:.6f}", "interpolation": "hold"}
            SubElement(points, "RealPoint", point)
        metres = metres_of(self.score, self.options)
        if metres:
            points = self.new(arrangement, "TimeSignatureAutomation", timeUnit="beats")
            SubElement(points, "Target", {"parameter": signature.attrib["id"]})
            for metre in metres:
                beats = {"numerator": str(metre.numerator), "denominator": str(metre.denominator)}
                SubElement(points, "TimeSignaturePoint", {"time": self.beats(metre.tick), **beats})


def _whole(note: PlayedNote) -> list[Bend]:
    """Return the control points of a curve within its note, with one at the onset and one where it is cut off."""
    inside = [bend for bend in note.bends if 0 < bend.offset < note.duration]
    points = [Bend(0, cents_at(note.bends, 0)), *inside]
    if note.bends[-1].offset >= note.duration:
        points.append(Bend(note.duration, cents_at(note.bends, note.duration)))
    return points


def _metadata(options: Options, title: str, rights: str, comment: str) -> Element:
    root = Element("MetaData")
    for tag, text in (("Title", title), ("Copyright", rights), ("Comment", comment)):
        if text:
            kept = (c for c in options.spelled(text) if c in "\t\n" or c >= " ")
            SubElement(root, tag).text = "".join(c for c in kept if c not in "\ufffe\uffff")
    return root


def _document(root: Element) -> bytes:
    indent(root)
    text: bytes = tostring(root, encoding="utf-8")
    return b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n' + text + b"\n"


def _zipped(files: dict[str, bytes]) -> bytes:
    """Return a zip; stored, because compressors differ in their bytes from machine to machine."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system, entry.external_attr = _UNIX, 0o644 << 16
            archive.writestr(entry, data)
    return buffer.getvalue()
