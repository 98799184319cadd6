"""The main job with the checkpoint that ships: asked for in words, composed, written, opened by others.

What is promised is judged by code that symgen does not use itself: mido, pretty_midi, symusic and music21
read the file, a referee of fingerings knows the rules, and the mode is counted out of the notes.
"""

import io
import json
import subprocess
import sys
import warnings
from pathlib import Path

import mido
import numpy as np
import pytest

import symgen
from symgen.compose import ComposeRequest, compose_files, compose_takes
from symgen.instruments import get_instrument
from symgen.instruments.fingering import finger
from tests.instruments.checker import faults

FINALS = {"gong": 0, "shang": 2, "jue": 4, "zhi": 7, "yu": 9}
REQUESTS = [
    {"style": "guqin", "bars": 8, "seed": 1},
    {"style": "guqin", "mode": "yu", "gong": "C", "metre": "2/4", "bars": 12, "seed": 2},
    {"style": "guqin", "tuning": "ruibin", "mode": "shang", "bars": 6, "seed": 3},
    {"style": "guzheng", "mode": "zhi", "bars": 8, "seed": 4},
    {"style": "guzheng", "gong": "G", "metre": "3/4", "bars": 10, "seed": 5},
    {"style": "folk", "mode": "jue", "bars": 8, "seed": 6},
]


def label(request):
    return " ".join(map(str, request.values()))


@pytest.fixture(scope="module", params=REQUESTS, ids=label)
def piece(request, tmp_path_factory):
    """A request, the take that answers it, and the bytes that were written."""
    target = tmp_path_factory.mktemp("piece") / "piece.mid"
    take = compose_files(ComposeRequest(**request.param, output=target)).takes[0]
    return request.param, take, target.read_bytes()


def mido_file(data):
    return mido.MidiFile(file=io.BytesIO(data), charset="utf-8")


def mido_notes(data):
    found = []
    for track in mido_file(data).tracks:
        tick, sounding = 0, {}
        for message in track:
            tick += message.time
            if message.type == "note_on" and message.velocity:
                sounding[message.note] = tick
            elif message.type in ("note_on", "note_off"):
                onset = sounding.pop(message.note)
                found.append((onset, tick - onset, message.note))
    return sorted(found)


class TestPromises:
    def test_the_written_notes_are_what_was_counted(self, piece):
        _, take, data = piece
        assert len(take.score) == take.as_json()["notes"]
        # Ornaments add strokes, and what leaves the wheel's range is struck again.
        assert len(mido_notes(data)) >= len(take.performance.notes)

    def test_every_written_note_is_heard(self, piece):
        """Struck about where it is written, or reached by a slide of a note that still sounds."""
        _, take, _ = piece
        near = 240
        heard = [
            (
                note.onset,
                note.onset + note.duration,
                {note.pitch + round(b.cents / 100) for b in note.bends} | {note.pitch},
            )
            for note in take.performance.notes
        ]
        for row in take.score.notes:
            assert any(
                row["pitch"] in pitches and begin - near <= row["onset"] <= end + near for begin, end, pitches in heard
            ), row

    def test_bars(self, piece):
        request, take, data = piece
        metre = next(m for m in mido_file(data).tracks[0] if m.type == "time_signature")
        bar = 480 * 4 * metre.numerator // metre.denominator
        end = max(sum(message.time for message in track) for track in mido_file(data).tracks)
        assert end == bar * request["bars"]
        assert bar * (request["bars"] - 1) <= take.score.notes["onset"].max() < end

    def test_mode_and_gong(self, piece):
        request, take, _ = piece
        notes = take.score.notes
        last = notes["onset"] == notes["onset"].max()
        assert (notes["pitch"][last].min() - take.gong) % 12 == FINALS[take.mode]
        assert take.mode == request.get("mode", take.mode)
        weights = np.bincount(notes["pitch"] % 12, weights=notes["duration"], minlength=12)
        fits = [sum(weights[(gong + tone) % 12] for tone in FINALS.values()) for gong in range(12)]
        assert fits[take.gong] == max(fits)
        estimate = symgen.detect_mode(take.score)
        assert (estimate.gong, estimate.mode) == (take.gong, take.mode)

    def test_a_referee_finds_it_playable(self, piece):
        _, take, _ = piece
        assert take.playable
        if take.style == "folk":
            assert set(range(53, 85)) >= set(take.score.notes["pitch"].tolist())
            return
        instrument = get_instrument(take.style)
        places = finger(take.score, instrument, instrument.tunings[take.tuning]).placements
        claims = [
            (int(note["onset"]), int(note["pitch"]), place.string, place.position, place.technique.name)
            for note, place in zip(take.score.notes, places, strict=True)
        ]
        assert faults(take.style, take.tuning, claims) == []


class TestOtherPrograms:
    def test_pretty_midi(self, piece):
        import pretty_midi

        _, _, data = piece
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            file = pretty_midi.PrettyMIDI(io.BytesIO(data))
        found = [
            (file.time_to_tick(n.start), file.time_to_tick(n.end), n.pitch) for i in file.instruments for n in i.notes
        ]
        assert sorted(found) == sorted((o, o + d, p) for o, d, p in mido_notes(data))

    def test_symusic(self, piece):
        import symusic

        score = symusic.Score.from_midi(piece[2])
        assert sorted((n.start, n.duration, n.pitch) for t in score.tracks for n in t.notes) == mido_notes(piece[2])

    def test_music21_finds_every_pitch(self, piece):
        from music21 import converter

        with warnings.catch_warnings():
            warnings.simplefilter("error")
            stream = converter.parseData(piece[2], format="midi", quantizePost=False)
        struck = [n for n in stream.flatten().notes if n.tie is None or n.tie.type == "start"]  # it ties over bar lines
        found = sorted(pitch.midi for element in struck for pitch in element.pitches)
        assert found == sorted(pitch for _, _, pitch in mido_notes(piece[2]))

    def test_symgen_reads_it_back(self, piece, tmp_path):
        target = tmp_path / "again.mid"
        target.write_bytes(piece[2])
        notes = symgen.read(target).notes
        assert sorted(map(tuple, notes[["onset", "duration", "pitch"]].tolist())) == mido_notes(piece[2])


class TestFile:
    def test_one_channel_a_track_and_the_koto_program(self, piece):
        _, take, data = piece
        file = mido_file(data)
        assert (file.type, file.ticks_per_beat) == (1, 480)
        for track in file.tracks:
            channels = {message.channel for message in track if not message.is_meta and hasattr(message, "channel")}
            assert len(channels) <= 1
            programs = {message.program for message in track if message.type == "program_change"}
            assert not programs or take.style == "folk" or programs == {107}

    def test_bends_come_with_their_range_and_end_at_rest(self, piece):
        for track in mido_file(piece[2]).tracks:
            wheel = [m.pitch for m in track if m.type == "pitchwheel"]
            ranges = [m for m in track if m.type == "control_change" and m.control in (101, 100, 6, 38)]
            assert bool(wheel) == bool(ranges)
            assert not wheel or wheel[-1] == 0

    def test_sections_tempo_and_key_are_marked(self, piece):
        kinds = {message.type for message in mido_file(piece[2]).tracks[0]}
        assert {"set_tempo", "time_signature", "key_signature", "marker"} <= kinds


def test_same_seed_same_bytes(tmp_path):
    for name in ("a.mid", "b.mid"):
        compose_files(ComposeRequest("guqin", bars=4, seed=9, output=tmp_path / name))
    assert (tmp_path / "a.mid").read_bytes() == (tmp_path / "b.mid").read_bytes()


def test_a_take_does_not_depend_on_how_many_are_asked_for(tmp_path):
    compose_files(ComposeRequest("guzheng", bars=4, seed=11, takes=1, output=tmp_path / "one"))
    compose_files(ComposeRequest("guzheng", bars=4, seed=11, takes=3, output=tmp_path / "three"))
    assert (tmp_path / "one/guzheng-11-1.mid").read_bytes() == (tmp_path / "three/guzheng-11-1.mid").read_bytes()
    assert len(list((tmp_path / "three").glob("*.mid"))) == 3


def test_raw_is_the_quantised_score(tmp_path):
    target = tmp_path / "raw.mid"
    take = compose_files(ComposeRequest("guqin", bars=6, seed=5, raw=True, output=target)).takes[0]
    rows = sorted(map(tuple, take.score.notes[["onset", "duration", "pitch"]].tolist()))
    assert mido_notes(target.read_bytes()) == rows
    assert not any(m.type == "pitchwheel" for track in mido_file(target.read_bytes()).tracks for m in track)


def test_seconds_are_met_within_a_bar():
    take = compose_takes(ComposeRequest("guzheng", seconds=30, tempo=80, metre="2/4", seed=1)).takes[0]
    assert abs(take.bars * 2 * 60 / 80 - 30) <= 2 * 60 / 80


def test_composing_loads_neither_torch_nor_music21(tmp_path):
    code = (
        "import sys; from symgen.cli import main\n"
        "sys.argv = ['symgen', 'compose', '-s', 'guqin', '--bars', '4', '--seed', '1', '--json', '-q', '-o', 'a.mid']\n"
        "try: main()\nexcept SystemExit as end: assert not end.code\n"
        "print(sorted({'torch', 'music21', 'symusic', 'pretty_midi', 'rich'} & set(sys.modules)))"
    )
    root = str(Path(symgen.__file__).parents[1])
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": root, "PATH": ""}, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    document, _, loaded = result.stdout.rstrip().rpartition("\n")
    assert loaded == "[]"
    take = json.loads(document)["takes"][0]
    assert {"path", "seed", "style", "gong", "mode", "bars", "notes", "seconds", "playable", "copy"} <= set(take)
    assert (tmp_path / take["path"]).exists()
