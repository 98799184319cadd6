"""Recordings to files and to a dataset, from the command line on: what comes out, and what is said of what does not."""

import json

import mido
import numpy as np
import pytest

from symgen import console
from symgen.cli import app
from symgen.corpus.dataset import Dataset
from symgen.readers import read_pieces
from symgen.transcription import TranscribeRequest, transcribe_files
from tests.readers.smf_bytes import note, smf
from tests.transcribe.containers import encoded
from tests.transcribe.plucks import RATE, Pluck, recording, slide

for library in ("soundfile", "soxr", "av", "swift_f0"):
    pytest.importorskip(library, reason="needs symgen[audio]")

PITCHES = (62, 64, 66, 69, 71, 69, 66, 64, 62, 57)
NAMES = {"path", "input", "notes", "seconds", "confidence", "gong", "mode", "tuning_cents", "instrument", "techniques"}


@pytest.fixture(scope="module")
def tune() -> np.ndarray:
    """Ten tones, the sixth of which is reached by a slide from a tone below."""
    notes = [
        Pluck(0.6 * place, 0.58, pitch, cents=slide(-200, 0, 0.1, 0.2) if place == 5 else None)
        for place, pitch in enumerate(PITCHES)
    ]
    return recording(notes)


@pytest.fixture
def take(tmp_path, tune):
    file = tmp_path / "take.mp3"
    file.write_bytes(encoded("mp3", tune, RATE))
    return file


def symgen(capsys, *words):
    """Run a command line; return its exit code, stdout and stderr."""
    code = console.run(app, [str(word) for word in words])
    return code, *capsys.readouterr()


class TestOneRecording:
    def test_an_mp3_becomes_midi_with_bends(self, take, tmp_path, capsys):
        target = tmp_path / "take.mid"
        code, out, err = symgen(capsys, "transcribe", take, "-o", target, "--mode", "mono")
        assert code == 0
        assert str(target) in out
        assert "listening to take.mp3" in err
        messages = [message for track in mido.MidiFile(target).tracks for message in track]
        pitches = [m.note for m in messages if m.type == "note_on" and m.velocity]
        assert pitches == list(PITCHES)
        bends = [m.pitch for m in messages if m.type == "pitchwheel"]
        assert min(bends) == pytest.approx(-8192, abs=800)  # two semitones below

    def test_json_says_all_of_it(self, take, tmp_path, capsys):
        code, out, err = symgen(
            capsys, "transcribe", take, "-o", tmp_path / "a.mid", "--mode=mono", "--json", "--quiet"
        )
        (found,) = json.loads(out)["recordings"]
        assert (code, err) == (0, "")
        assert set(found) >= NAMES
        assert found["path"] == str(tmp_path / "a.mid")
        assert found["input"] == str(take)
        assert found["notes"] == len(PITCHES)
        assert found["seconds"] == pytest.approx(6.3, abs=0.1)
        assert 0 < found["confidence"] <= 1
        assert found["mode_used"] == "mono"

    def test_other_formats_by_suffix(self, take, tmp_path):
        result = transcribe_files(TranscribeRequest([take], tmp_path / "a.musicxml"))
        (piece,) = read_pieces(result.recordings[0].path)
        assert piece.provenance.format == "musicxml"

    @pytest.mark.parametrize(
        ("words", "code", "line"),
        [
            (("none.wav", "-o", "a.mid"), 2, "no such file or folder: none.wav"),
            (("take.mp3", "-o", "a.txt"), 2, "suffix .txt"),
            (("take.mp3", "-o", "none/a.mid"), 1, "none does not exist"),
            (("take.mp3", "-o", "a.mid", "--mode", "stereo"), 2, "expected one of auto, mono, poly"),
            (("take.mp3", "-o", "a.mid", "--instrument", "lute"), 2, "no instrument is called 'lute'"),
            (("text.wav", "-o", "a.mid"), 1, "text.wav cannot be decoded as sound"),
            (("text.wav", "take.mp3", "-o", "a.mid"), 2, "2 recordings for one file a.mid"),
            (("empty", "-o", "a"), 2, "no recording in empty"),
        ],
    )
    def test_what_is_wrong_is_one_line(self, words, code, line, take, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "text.wav").write_text("no sound at all\n")
        (tmp_path / "empty").mkdir()
        found, out, err = symgen(capsys, "transcribe", *words, "--quiet")
        assert (found, out) == (code, "")
        assert line in err
        assert err.count("\n") == 1
        assert not (tmp_path / "a.mid").exists()


class TestFolders:
    def test_every_recording_of_a_folder_and_what_failed(self, take, tmp_path, tune, capsys):
        folder = tmp_path / "in"
        (folder / "more").mkdir(parents=True)
        (folder / "more/take.flac").write_bytes(encoded("flac", tune, RATE))
        (folder / "notes.mid").write_bytes(smf(note(60, 480)))
        (folder / "silence.wav").write_bytes(encoded("wav16", np.zeros(RATE), RATE))
        take.rename(folder / "take.mp3")
        code, out, err = symgen(capsys, "transcribe", folder, "-o", tmp_path / "out", "--mode=mono", "--json")
        found = json.loads(out)["recordings"]
        assert code == 1
        assert [one["input"] for one in found] == [
            str(folder / name) for name in ("silence.wav", "take.mp3", "more/take.flac")
        ]
        assert found[0]["code"] == "silent"
        assert "symgen: error: silence.wav is silent" in err
        assert {path.name for path in (tmp_path / "out").iterdir()} == {"take.mid", "take.flac.mid"}
        assert found[1]["notes"] == found[2]["notes"] == len(PITCHES)


class TestConversion:
    def test_recordings_and_scores_become_one_dataset(self, take, tmp_path, tune, capsys):
        folder = tmp_path / "in"
        folder.mkdir()
        take.rename(folder / "take.mp3")
        notes = b"".join(note(60 + place % 5 * 2, 480) for place in range(12))
        (folder / "score.mid").write_bytes(smf(notes))
        (folder / "hiss.wav").write_bytes(
            encoded("wav16", 0.2 * np.random.default_rng(1).standard_normal(20 * RATE), RATE)
        )
        (folder / "broken.mp3").write_bytes(b"ID3\x04" + bytes(6) + np.random.default_rng(2).bytes(5000))
        code, *_ = symgen(capsys, "convert", folder, "-o", tmp_path / "out", "--quiet")
        assert code == 1
        dataset = Dataset(tmp_path / "out")
        assert sorted(entry.format for entry in dataset.entries) == ["audio", "midi"]
        lines = {line["path"].rpartition("/")[2]: line for line in dataset.report()}
        assert lines["hiss.wav"]["code"] == "only-noise"
        assert lines["broken.mp3"]["code"] == "undecodable"
        assert lines["take.mp3"]["status"] == "ok"
        assert lines["take.mp3"]["notes"] > len(PITCHES) // 2
        assert lines["score.mid"]["techniques"] == {}
        (entry,) = (entry for entry in dataset.entries if entry.format == "audio")
        assert lines["take.mp3"]["techniques"] == entry.techniques
        assert set(lines["take.mp3"]["flags"]) == set(entry.flags)

    def test_doubts_of_the_transcriber_are_flags(self, tmp_path, monkeypatch):
        """In this process, where the threshold can be moved."""
        from symgen.transcribe import whole

        monkeypatch.setattr(whole, "LOW_CONFIDENCE", 1.1)
        file = tmp_path / "a.wav"
        file.write_bytes(encoded("wav16", recording([Pluck(0.5 * p, 0.48, 60 + 2 * p) for p in range(5)]), RATE))
        (piece,) = read_pieces(file)
        assert "low-confidence" in piece.flags
        assert piece.score.title == "a"
