"""A record in pieces: whole again in any order, refused when a piece is missing, and no part of the music."""

import io
import warnings

import mido
import pretty_midi
import pytest
import symusic
from hypothesis import given
from hypothesis import strategies as st

from symgen import stamp, writers
from symgen.errors import ReadError
from symgen.readers import pieces_in
from symgen.readers.midi import record_in
from symgen.score import Metre, Score, Tempo, Text, make_notes

RECORD = '{"seed":7,"words":"' + "a b  c " * 400 + 'end"}'
SCORE = Score(
    make_notes([(i * 480, 480, 60 + i) for i in range(8)]),
    tempi=(Tempo(0, 60.0),),
    metres=(Metre(0, 4, 4),),
    texts=(Text(0, "made by hand"), Text(0, "all rights", "copyright")),
    title="Tune",
)

plain_text = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="<>&"), min_size=1)


@given(plain_text, st.randoms())
def test_pieces_make_the_record_again_in_any_order(record, rng):
    pieces = stamp.pieces_of(record * 50)
    rng.shuffle(pieces)
    assert stamp.joined(["a text of the music", *pieces, *pieces]) == record * 50


def test_no_piece_is_long_or_loses_a_space_at_its_ends():
    pieces = stamp.pieces_of(RECORD)
    assert len(pieces) > 2
    assert all(len(piece) < 1040 and piece == piece.strip() and stamp.is_stamp(piece) for piece in pieces)


@pytest.mark.parametrize("record", ["", "a\nb", "古琴", "a<b", "a&b"])
def test_what_cannot_stand_in_every_format_is_no_record(record):
    with pytest.raises(ValueError, match="printable ASCII"):
        stamp.pieces_of(record)


@pytest.mark.parametrize(
    "texts",
    [
        stamp.pieces_of(RECORD)[1:],
        [*stamp.pieces_of(RECORD), "symgen-origin:1/3:other."],
        ["symgen-origin:1/1:a.", "symgen-origin:2/2:b."],
        ["symgen-origin:nonsense"],
        ["symgen-origin:0/0:a."],
        ["symgen-origin:1/1:a"],
        ["symgen-origin:1/999999:a."],
    ],
)
def test_a_damaged_record_is_refused(texts):
    with pytest.raises(ReadError, match="record of origin is damaged"):
        stamp.joined(texts)


def test_no_record_is_none():
    assert stamp.joined(["a text", ""]) is None
    assert stamp.texts_in(b"\xff\x00 symgen-origin: none") == []


@pytest.mark.parametrize("writer", writers.formats(), ids=lambda writer: writer.NAME)
class TestEveryFormat:
    """Each has a place; what is read back from it is the music alone, and the record alone."""

    @pytest.mark.parametrize("score", [SCORE, Score(SCORE.notes, metres=SCORE.metres)], ids=["with texts", "bare"])
    def test_the_record_comes_back_and_the_music_is_the_same(self, writer, score):
        data = writer.encode(score)
        whole = writers.stamped(data, writer, stamp.pieces_of(RECORD))
        assert len(whole) > len(data) + len(RECORD)
        found = record_in(whole, "a.mid") if writer.NAME == "midi" else stamp.joined(stamp.texts_in(whole))
        assert found == RECORD
        if writer.NAME in ("midi", "musicxml", "jianpu"):
            name = f"a{writer.SUFFIXES[0]}"
            before, after = (pieces_in(content, name)[0] for content in (data, whole))
            assert before.score == after.score
            assert (before.lost, before.mended) == (after.lost, after.mended)
            assert writer.encode(after.score) == writer.encode(before.score)


def test_other_readers_take_it(tmp_path):
    """20 kB of record: the notes stay, and mido finds the texts whole."""
    pieces = stamp.pieces_of("x" * 20_000)
    midi = writers.find_format("mid")
    data = writers.stamped(midi.encode(SCORE), midi, pieces)
    file = tmp_path / "a.mid"
    file.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert len(pretty_midi.PrettyMIDI(str(file)).instruments[0].notes) == 8
    assert symusic.Score(str(file)).note_num() == 8
    track = mido.MidiFile(file=io.BytesIO(data), charset="utf-8").tracks[0]
    assert [message.text for message in track if message.type == "text"][: len(pieces)] == pieces
