"""Projects for DAWs: strict readers accept them, and what stands in them is the performance."""

import io
import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import mido
import pytest

from symgen.performance import Bend, Performance, PlayedNote
from symgen.score import Key, Metre, Score, Section, Technique, Tempo, Text, make_notes
from symgen.units import ticks_to_seconds
from symgen.writers import LAYOUTS, Options, dawproject, midi, read_articulations, rpp

CURVE = (Bend(60, -200.0), Bend(120, 0.0), Bend(900, 40.0))
NOTES = (
    PlayedNote(0, 1900, 36, 70, 1, 0.0, Technique.OPEN),
    PlayedNote(480, 460, 55, 80, 6, 9.0, Technique.STOPPED, CURVE),
    PlayedNote(1200, 700, 45, 60, 5, 0.0, Technique.OPEN),
)
PERFORMANCE = Performance(
    Score(
        make_notes([(n.onset, n.duration, n.pitch) for n in NOTES]),
        tempi=(Tempo(0, 60.0),),
        metres=(Metre(0, 2, 4), Metre(960, 3, 4)),
        keys=(Key(0, 5, "gong"),),
        sections=(Section(0, '散 "起"'), Section(960, "RUDIAO & <fan>")),
        texts=(Text(0, "mine", "copyright"),),
        title="流水 \x07\ud800",
        end=2400,
    ),
    NOTES,
    (Tempo(0, 60.0), Tempo(960, 72.5)),
    "guqin",
    "zhengdiao",
    107,
)
SCORE = Score(make_notes([(0, 480, 60), (0, 960, 48, 80, 1)]), texts=(Text(0, "Zheng", "track"),))
LIBRARY = "[technique.stopped]\nkeyswitch = 24\ncc = { 32 = 5 }\nprogram = 3\n"


@pytest.fixture
def library(tmp_path):
    (tmp_path / "library.toml").write_text(LIBRARY)
    return read_articulations(tmp_path / "library.toml")


class TestDawproject:
    def parts(self, music=PERFORMANCE, **options):
        archive = zipfile.ZipFile(io.BytesIO(dawproject.encode(music, options=Options(**options))))
        assert archive.testzip() is None
        assert archive.namelist() == ["project.xml", "metadata.xml"]
        return [ElementTree.fromstring(archive.read(name)) for name in archive.namelist()]

    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_every_note_is_there_with_its_curve_as_it_is(self, layout):
        project, _ = self.parts(layout=layout)
        found = []
        for note in project.iter("Note"):
            at, length = (round(float(note.get(name)) * 480) for name in ("time", "duration"))
            points = [(round(float(p.get("time")) * 480), 100 * float(p.get("value"))) for p in note.iter("RealPoint")]
            found.append((at, length, int(note.get("key")), round(127 * float(note.get("vel"))), points))
        assert sorted(found)[1] == (
            480,
            460,
            55,
            80,
            [(0, -200), (60, -200), (120, 0), (460, pytest.approx(17.436, abs=1e-3))],
        )
        assert [(*row[:4],) for row in sorted(found)] == [(n.onset, n.duration, n.pitch, n.velocity) for n in NOTES]

    def test_a_track_a_string_leads_to_the_master(self):
        project, _ = self.parts(layout="strings")
        tracks = project.findall("Structure/Track")
        assert [track.get("name") for track in tracks] == ["Guqin 1", "Guqin 5", "Guqin 6", "Master"]
        (master,) = [t.find("Channel").get("id") for t in tracks if t.find("Channel").get("role") == "master"]
        assert {t.find("Channel").get("destination") for t in tracks[:-1]} == {master}

    def test_tempo_metre_markers_and_metadata(self):
        project, metadata = self.parts()
        tempi = project.findall("Arrangement/TempoAutomation/RealPoint")
        assert [(float(p.get("time")), float(p.get("value"))) for p in tempi] == [(0, 60), (2, 72.5)]
        metres = project.findall("Arrangement/TimeSignatureAutomation/TimeSignaturePoint")
        assert [(float(p.get("time")), p.get("numerator")) for p in metres] == [(0, "2"), (2, "3")]
        markers = project.findall("Arrangement/Markers/Marker")
        assert [(float(m.get("time")), m.get("name")) for m in markers] == [(0, '散 "起"'), (2, "RUDIAO & <fan>")]
        assert metadata.findtext("Title") == "流水 ?"
        assert metadata.findtext("Copyright") == "mine"
        assert metadata.findtext("Comment").startswith("1=F; tuning=zhengdiao; mode=gong")

    def test_identifiers_are_unique_and_references_lead_somewhere(self):
        project, _ = self.parts(layout="strings")
        ids = [element.get("id") for element in project.iter() if element.get("id")]
        assert len(ids) == len(set(ids))
        references = {e.get(name) for e in project.iter() for name in ("track", "destination", "parameter")} - {None}
        assert references <= set(ids)

    def test_articulations_are_keys_and_points_that_hold(self, library):
        project, _ = self.parts(articulations=library)
        assert [n.get("key") for n in project.iter("Note")] == ["36", "24", "55", "45"]
        targets = [t.attrib for t in project.iter("Target") if "expression" in t.attrib]
        assert {"expression": "channelController", "controller": "32", "channel": "0"} in targets
        assert {"expression": "programChange", "channel": "0"} in targets

    def test_a_score_has_a_track_a_voice(self):
        project, _ = self.parts(SCORE)
        assert [t.get("name") for t in project.findall("Structure/Track")] == ["Zheng", "", "Master"]
        assert [n.get("key") for n in project.iter("Note")] == ["60", "48"]

    @pytest.mark.parametrize("layout", LAYOUTS)
    @pytest.mark.parametrize("music", [PERFORMANCE, SCORE], ids=["performance", "score"])
    def test_the_schema_holds(self, shared_data: Path, layout, music, library):
        etree = pytest.importorskip("lxml.etree", reason="lxml validates against the schema")
        folder = shared_data.parent / "specs" / "dawproject"
        if not folder.is_dir():
            pytest.skip(f"no schema at {folder}")
        for articulations in (library, Options().articulations):
            data = dawproject.encode(music, options=Options(layout, articulations=articulations))
            archive = zipfile.ZipFile(io.BytesIO(data))
            for name, schema in (("project.xml", "Project.xsd"), ("metadata.xml", "MetaData.xsd")):
                etree.XMLSchema(etree.parse(folder / schema)).assertValid(etree.fromstring(archive.read(name)))

    def test_the_same_music_gives_the_same_bytes_without_a_date(self):
        data = dawproject.encode(PERFORMANCE)
        assert data == dawproject.encode(PERFORMANCE)
        dates = {entry.date_time[0] for entry in zipfile.ZipFile(io.BytesIO(data)).infolist()}
        assert dates == {1980}


def blocks(text):
    """Return nested lists of a REAPER project: [opening line, lines and blocks...]."""
    stack = [[]]
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("<"):
            stack.append([line])
        elif line == ">":
            block = stack.pop()
            stack[-1].append(block)
        else:
            stack[-1].append(line)
    assert len(stack) == 1, "blocks are opened and closed"
    return stack[0][0]


def inside(block, name):
    return [part for part in block if isinstance(part, list) and re.match(rf"<{name}\b", part[0])]


class TestRpp:
    def project(self, music=PERFORMANCE, **options):
        return blocks(rpp.encode(music, options=Options(**options)).decode())

    def item_events(self, track):
        """Return (tick, bytes) of the one MIDI item of a track."""
        (source,) = inside(inside(track, "ITEM")[0], "SOURCE")
        assert "HASDATA 1 480 QN" in source
        tick, events = 0, []
        for line in source:
            found = re.fullmatch(r"E (\d+) ((?:[0-9a-f]{2} ?)+)", line)
            if found:
                tick += int(found[1])
                events.append((tick, bytes.fromhex(found[2])))
        return events

    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_items_hold_the_messages_of_the_midi_file(self, layout):
        tracks = inside(self.project(layout=layout), "TRACK")
        file = mido.MidiFile(file=io.BytesIO(midi.encode(PERFORMANCE, options=Options(layout))), charset="utf-8")
        if len(tracks) > 1:
            folder, *tracks = tracks
            assert "ISBUS 1 1" in folder
            assert "ISBUS 2 -1" in tracks[-1]
        assert len(tracks) == len(file.tracks) - 1
        for track, expected in zip(tracks, file.tracks[1:], strict=True):
            tick, messages = 0, []
            for message in expected:
                tick += message.time
                if not message.is_meta:
                    messages.append((tick, bytes(message.bytes())))
            *events, last = self.item_events(track)
            assert events == messages
            assert last == (tick, bytes([0xB0 + (messages[0][1][0] & 15), 0x7B, 0]))

    def test_tempo_and_markers_stand_at_their_seconds(self):
        project = self.project()
        (envelope,) = inside(project, "TEMPOENVEX")
        points = [line.split() for line in envelope if line.startswith("PT ")]
        assert [[float(p) for p in point[1:]] for point in points] == [
            [0.0, 60.0, 1, 4 * 65536 + 2, 0, 1],
            [2.0, 72.5, 1, 4 * 65536 + 3, 0, 1],
        ]
        markers = [line for line in project if isinstance(line, str) and line.startswith("MARKER")]
        assert markers == [
            "MARKER 1 0.000000000000 '散 \"起\"' 0 0 1",
            'MARKER 2 2.000000000000 "RUDIAO & <fan>" 0 0 1',
        ]
        assert "TEMPO 60 2 4" in project

    def test_an_item_is_as_long_as_the_piece(self):
        (item,) = inside(inside(self.project(), "TRACK")[0], "ITEM")
        (length,) = [float(line.split()[1]) for line in item if isinstance(line, str) and line.startswith("LENGTH")]
        changes = [(tempo.tick, tempo.qpm) for tempo in PERFORMANCE.tempi]
        assert length == pytest.approx(float(ticks_to_seconds(2400, changes)))

    def test_identifiers_come_from_the_content(self):
        text = rpp.encode(PERFORMANCE, options=Options("strings")).decode()
        assert text == rpp.encode(PERFORMANCE, options=Options("strings")).decode()
        guids = re.findall(r"(?:IGUID|TRACKID|\bGUID) (\{[0-9A-F-]{36}\})", text)
        assert len(guids) == len(set(guids)) == 10
        assert not set(guids) & set(re.findall(r"\{[0-9A-F-]{36}\}", rpp.encode(SCORE).decode()))

    def test_a_score_has_a_track_a_voice(self):
        _, *tracks = inside(self.project(SCORE), "TRACK")
        assert [[m for _, m in self.item_events(track) if m[0] >> 4 == 9] for track in tracks] == [
            [b"\x90\x3c\x50"],
            [b"\x91\x30\x50"],
        ]


def test_a_score_does_not_say_how_a_note_is_made_in_any_format(tmp_path):
    """So no articulation map asks for anything in it."""
    (tmp_path / "library.toml").write_text("[technique.pluck]\nkeyswitch = 24\n")
    options = Options(articulations=read_articulations(tmp_path / "library.toml"))
    for writer in (midi, dawproject, rpp):
        assert writer.encode(SCORE, options=options) == writer.encode(SCORE)
