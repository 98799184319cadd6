"""Inspect: what it says of scores whose answers can be seen in them."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgen.errors import ReadError, UsageError, WriteError
from symgen.inspect import degree_shares, describe, inspect_file
from symgen.piece import Piece, Provenance
from symgen.plot import draw
from symgen.score import Metre, Score, Section, Tempo, make_notes
from symgen.theory.degrees import note_name

ORIGIN = Provenance(path="tune.mid", sha256="0" * 64, format="midi")

# 1 2 3 5 | 6 5 3 2 | 1 - 7 6 | 1 - - - in F, quarter notes
PITCHES = [(65, 1), (67, 1), (69, 1), (72, 1), (74, 1), (72, 1), (69, 1), (67, 1), (65, 2), (64, 1), (62, 1), (65, 4)]


def tune() -> Score:
    onset, rows = 0, []
    for pitch, quarters in PITCHES:
        rows.append((onset, 480 * quarters, pitch))
        onset += 480 * quarters
    return Score(
        make_notes(rows),
        tempi=(Tempo(0, 60.0),),
        metres=(Metre(0, 4, 4),),
        sections=(Section(0, "起"), Section(3840, "合")),
        title="小曲",
    )


def test_a_tune_in_f():
    result = describe(Piece(tune(), ORIGIN, lost={"lyric": 2}))
    assert (result.gong, result.mode, result.metre, result.tempo) == (5, "gong", "4/4", 60.0)
    assert (result.notes, result.bars, result.seconds, result.range) == (12, 4, 16.0, (62, 74))
    sixteenths = {"1": 7, "2": 2, "3": 2, "5": 2, "6": 2, "7": 1}
    assert result.degrees == pytest.approx({degree: count / 16 for degree, count in sixteenths.items()})
    assert result.bian_share == pytest.approx(1 / 16)
    assert result.sections == ((1, "起"), (3, "合"))
    assert [p.instrument for p in result.playability] == ["guqin", "guzheng"]
    assert all(p.playable and p.share == 1.0 for p in result.playability)


def test_json_is_plain_and_complete():
    result = describe(Piece(tune(), ORIGIN))
    values = json.loads(json.dumps(result.as_json(), allow_nan=False))
    assert values["gong_name"] == "F"
    assert values["sections"][1] == {"bar": 3, "name": "合"}
    assert values["playability"]["guqin"]["playable"] is True
    assert {"lost", "mended", "title", "confidence", "bian_share"} <= set(values)


def test_facts_are_single_words_and_lines():
    facts = dict(describe(Piece(tune(), ORIGIN, lost={"lyric": 2})).facts())
    assert facts["length"] == "12 notes, 4 bars, 0:16"
    assert facts["range"] == "D4 (62) to D5 (74)"
    assert facts["lost"] == "lyric 2"
    assert facts["mode"] == "F gong, 1=F (F 宫调式)"
    assert facts["scale"] == "Hexatonic_Biangong"
    assert facts["sections"] == "起 (bar 1), 合 (bar 3)"


def test_what_no_hand_reaches_is_said():
    score = Score(make_notes([(0, 480, 20), (480, 480, 60)]), metres=(Metre(0, 4, 4),))
    result = describe(Piece(score, ORIGIN))
    for playability in result.playability:
        assert not playability.playable
        assert playability.share == 0.5
        assert playability.problems[0].bar == 1


def test_silence_and_the_unknown():
    empty = describe(Piece(Score(make_notes()), ORIGIN))
    assert (empty.gong, empty.mode, empty.range, empty.degrees, empty.playability) == (None, None, None, {}, ())
    assert json.dumps(empty.as_json())
    facts = dict(empty.facts())
    assert facts["length"] == "0 notes, 0:00"
    assert facts["tempo"] == "unknown, 60 qpm assumed"
    assert "gong" not in facts


@given(
    st.lists(st.tuples(st.integers(0, 9999), st.integers(1, 999), st.integers(0, 127)), min_size=1, max_size=20),
    st.integers(0, 11),
    st.integers(0, 11),
)
def test_degrees_share_the_time_and_do_not_mind_transposition(rows: list[tuple[int, ...]], gong: int, up: int):
    rows = [(onset, duration, min(pitch, 116)) for onset, duration, pitch in rows]
    score = Score(make_notes(rows))
    shares = degree_shares(score, gong)
    assert sum(shares.values()) == pytest.approx(1.0)
    assert degree_shares(score.transpose(up), (gong + up) % 12) == pytest.approx(shares)


def test_note_names():
    assert [note_name(pitch) for pitch in (0, 36, 60, 70, 127)] == ["C-1", "C2", "C4", "Bb4", "G9"]


def test_a_tune_book(tmp_path: Path):
    book = tmp_path / "book.abc"
    book.write_text("X:1\nT:a\nM:2/4\nL:1/4\nK:C\nCD|EG|\n\nX:2\nT:b\nM:2/4\nL:1/4\nK:C\nGE|DC|\n", encoding="utf-8")
    result = inspect_file(book, piece=2)
    assert (result.piece, result.pieces, result.title) == (2, 2, "b")
    assert dict(result.facts())["file"].endswith("(piece 2 of 2)")
    with pytest.raises(UsageError, match=r"piece 3 of .*; expected 1 to 2"):
        inspect_file(book, piece=3)


class TestPlot:
    @pytest.mark.parametrize("suffix", ["png", "svg", "PNG"])
    def test_a_picture(self, tmp_path: Path, suffix: str):
        path = tmp_path / f"tune.{suffix}"
        draw(tune(), 5, path, title="小曲 Little tune")
        magic = {"png": b"\x89PNG", "svg": b"<?xml"}[suffix.lower()]
        assert path.read_bytes().startswith(magic)
        assert list(tmp_path.iterdir()) == [path]

    def test_long_music_is_broken_into_systems(self, tmp_path: Path):
        path = tmp_path / "long.svg"
        score = Score(make_notes([(1920 * bar, 480, 60 + bar % 12) for bar in range(100)]))  # no metre: 4/4 is counted
        draw(score, 0, path)
        axes = set(re.findall(r'id="(axes_\d+)"', path.read_text("utf-8")))
        assert len(axes) == 7

    def test_silence(self, tmp_path: Path):
        draw(Score(make_notes()), 0, tmp_path / "silence.png")
        draw(replace(tune(), notes=make_notes()), 0, tmp_path / "rest.png")

    @pytest.mark.parametrize("name", ["tune.xyz", "nowhere/tune.png"])
    def test_where_no_picture_can_be_written(self, tmp_path: Path, name: str):
        with pytest.raises(WriteError, match=r"tune|nowhere"):
            draw(tune(), 5, tmp_path / name)
        assert list(tmp_path.iterdir()) == []

    def test_without_matplotlib_the_remedy_is_told(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        import sys

        monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
        with pytest.raises(WriteError, match=r"pip install 'symgen\[plot\]'"):
            draw(tune(), 5, tmp_path / "tune.png")


def test_a_recording_is_heard_in_a_child_process(tmp_path, monkeypatch):
    pytest.importorskip("swift_f0")
    soundfile = pytest.importorskip("soundfile")
    at = np.arange(16000) / 16000
    soundfile.write(tmp_path / "a.wav", 0.3 * np.sin(2 * np.pi * 440 * at) * np.exp(-4 * at), 16000)
    (tmp_path / "b.wav").write_bytes(b"RIFF\x00\x00\x00\x00WAVE" + bytes(100))
    monkeypatch.setattr("symgen.readers.read_pieces", None)  # of this process: it must not be asked
    assert inspect_file(tmp_path / "a.wav").format == "audio"
    with pytest.raises(ReadError, match=r"b\.wav"):
        inspect_file(tmp_path / "b.wav")
