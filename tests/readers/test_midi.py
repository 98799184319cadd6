"""MIDI files: what they say, and what is salvaged where they are damaged."""

from __future__ import annotations

import random
import struct
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symgen.errors import ReadError
from symgen.readers import midi
from symgen.score import Key, Metre, Section, Tempo, Text
from tests.readers.smf_bytes import END, chunk, meta, note, smf, variable_length

TEMPO, METRE, KEY, NAME, MARKER, LYRIC, COPYRIGHT = 0x51, 0x58, 0x59, 0x03, 0x06, 0x05, 0x02


def one(data, name="piece.mid"):
    (reading,) = midi.read(data, name)
    return reading


def rows(reading):
    return [tuple(row) for row in reading.score.notes[["onset", "duration", "pitch", "velocity", "voice"]].tolist()]


def on(pitch, velocity=80, delta=0, channel=0):
    return variable_length(delta) + bytes([0x90 | channel, pitch, velocity])


def off(pitch, delta=0, channel=0):
    return variable_length(delta) + bytes([0x80 | channel, pitch, 0])


def test_notes_time_base_and_end():
    reading = one(smf(note(60, 480) + note(62, 240, velocity=99, delta=240) + meta(0x01, b"", 960), division=480))
    assert rows(reading) == [(0, 480, 60, 80, 0), (720, 240, 62, 99, 0)]
    assert reading.score.ticks_per_quarter == 480
    assert reading.score.end == 1920  # the end of the track, rests included
    assert not reading.mended
    assert not reading.lost


def test_nothing_is_assumed_that_the_file_does_not_say():
    score = one(smf(note(60, 480))).score
    assert (score.tempi, score.metres, score.keys, score.sections, score.texts) == ((), (), (), (), ())


def test_voices_are_tracks_without_gaps():
    conductor = meta(TEMPO, (500_000).to_bytes(3, "big"))
    reading = one(smf(conductor, note(60, 480), b"", note(48, 960)))
    assert rows(reading) == [(0, 480, 60, 80, 0), (0, 960, 48, 80, 1)]


def test_voices_of_format_0_are_channels():
    reading = one(smf(on(60) + on(48, channel=3) + off(60, 480) + off(48, 0, channel=3), file_format=0))
    assert [row[2:] for row in rows(reading)] == [(60, 80, 0), (48, 80, 1)]


def test_format_2_holds_one_piece_a_track():
    readings = midi.read(smf(note(60, 480), note(62, 480), file_format=2), "patterns.mid")
    assert [int(reading.score.notes["pitch"][0]) for reading in readings] == [60, 62]


def test_percussion_controllers_and_bends_are_counted():
    reading = one(smf(b"\x00\xc0\x6b\x00\xb0\x40\x7f\x00\xe0\x00\x40" + note(60, 480) + note(38, 10, channel=9)))
    assert len(reading.score) == 1
    assert reading.lost == {"program": 1, "controller": 1, "pitch-bend": 1, "percussion": 1}


def test_running_status_and_note_on_with_velocity_0():
    reading = one(smf(b"\x00\x90\x3c\x50\x60\x3c\x00\x00\x3e\x50\x60\x3e\x00"))
    assert [row[:3] for row in rows(reading)] == [(0, 96, 60), (96, 96, 62)]


@pytest.mark.parametrize("qpm", [40, 58, 76, 100, 120, 132, 92.5, 66.67, 240])
def test_tempo_comes_back_as_written(qpm):
    microseconds = round(60_000_000 / qpm)
    reading = one(smf(meta(TEMPO, microseconds.to_bytes(3, "big")) + note(60, 480)))
    assert reading.score.tempi == (Tempo(0, qpm),)


def test_tempo_and_metre_before_the_first_event_are_those_of_the_standard():
    body = note(60, 480) + meta(TEMPO, (1_000_000).to_bytes(3, "big")) + meta(METRE, b"\x03\x02\x18\x08")
    reading = one(smf(body))
    assert reading.score.tempi == (Tempo(0, 120.0), Tempo(480, 60.0))
    assert reading.score.metres == (Metre(0, 4, 4), Metre(480, 3, 4))
    assert reading.mended == {"assumed-tempo": 1, "assumed-metre": 1}


def test_repeated_metres_stay_because_they_mark_bar_lines():
    metre = bytes([4, 2, 24, 8])
    reading = one(smf(meta(METRE, metre) + meta(METRE, metre, 960) + note(60, 480)))
    assert reading.score.metres == (Metre(0, 4, 4), Metre(960, 4, 4))
    assert reading.score.bar_starts().tolist() == [0, 960]


@pytest.mark.parametrize("bad", [b"\x00\x02\x18\x08", b"\x04\x09\x18\x08", b"\x04", b""])
def test_impossible_metres_are_dropped(bad):
    reading = one(smf(meta(METRE, bad) + note(60, 480)))
    assert reading.score.metres == ()
    assert reading.mended == {"bad-metre": 1}


@pytest.mark.parametrize("raw", [b"\x00\x00\x00", b"\x01", b""])
def test_impossible_tempi_are_dropped(raw):
    reading = one(smf(meta(TEMPO, raw) + note(60, 480)))
    assert reading.score.tempi == ()
    assert reading.mended == {"bad-tempo": 1}


def test_a_bar_of_no_whole_ticks_gets_a_finer_time_base():
    reading = one(smf(meta(METRE, bytes([3, 6, 24, 8])) + note(60, 10, delta=5), division=10))
    assert reading.score.ticks_per_quarter == 80  # 3/64 at 10 is 15/8 ticks
    assert rows(reading)[0][:2] == (40, 80)
    assert reading.mended == {"finer-time-base": 1}


@pytest.mark.parametrize(
    ("signature", "key"),
    [
        (b"\x00\x00", Key(0, 0)),
        (b"\x02\x00", Key(0, 2)),
        (b"\xff\x00", Key(0, 5)),
        (b"\xfd\x00", Key(0, 3)),
        (b"\x00\x01", Key(0, 0, "yu")),
        (b"\x01\x01", Key(0, 7, "yu")),
    ],
)
def test_key_signatures_name_the_gong(signature, key):
    assert one(smf(meta(KEY, signature) + note(60, 480))).score.keys == (key,)


def test_markers_lyrics_copyright_and_names():
    first = meta(NAME, "流水".encode()) + meta(COPYRIGHT, b"(c) nobody") + meta(MARKER, "散起".encode())
    second = meta(NAME, b"Guqin") + note(60, 480) + meta(LYRIC, b"la ") + meta(MARKER, b"coda", 480)
    score = one(smf(first, second)).score
    assert score.title == "流水"
    assert score.sections == (Section(0, "散起"), Section(960, "coda"))
    assert score.texts == (Text(0, "(c) nobody", "copyright"), Text(0, "Guqin", "track"), Text(480, "la ", "lyric"))


@pytest.mark.parametrize(
    ("names", "encoding"),
    [
        (["高山流水", "古筝 右手", "古筝 左手"], "gbk"),
        (["春の海", "箏", "尺八"], "cp932"),
        (["Frühlingslied", "Flöte", "Über"], "latin-1"),
        (["古琴", "Größe", "春の海"], "utf-8"),
    ],
)
def test_any_name_survives(names, encoding):
    bodies = [meta(NAME, name.encode(encoding)) + note(60, 480) for name in names]
    score = one(smf(*bodies)).score
    assert [score.title, *(text.text for text in score.texts)] == names


def test_the_file_name_stands_in_for_a_missing_title():
    assert one(smf(note(60, 480)), "平沙落雁.mid").score.title == "平沙落雁"


class TestPairing:
    def test_unisons_stay_two_notes(self):
        reading = one(smf(on(60) + on(60, 90) + off(60, 480) + off(60, 480)))
        assert [row[:2] for row in rows(reading)] == [(0, 480), (0, 960)]
        assert not reading.mended

    def test_a_pitch_struck_again_while_it_sounds(self):
        reading = one(smf(on(60) + on(60, delta=96) + off(60, 96) + off(60, 96)))
        assert [row[:2] for row in rows(reading)] == [(0, 192), (96, 192)]
        assert reading.mended == {"overlap": 1}

    def test_a_missing_note_off_ends_where_the_pitch_is_struck_again(self):
        reading = one(smf(on(60) + on(60, delta=96) + off(60, 96) + note(62, 960)))
        assert [row[:3] for row in rows(reading)] == [(0, 96, 60), (96, 96, 60), (192, 960, 62)]

    def test_a_note_without_end_lasts_to_the_end_of_its_track(self):
        reading = one(smf(on(60) + note(62, 960)))
        assert [row[:3] for row in rows(reading)] == [(0, 960, 60), (0, 960, 62)]
        assert reading.mended == {"hanging-note": 1}

    def test_notes_of_no_length_get_one_tick(self):
        reading = one(smf(on(60) + off(60) + note(62, 480)))
        assert rows(reading)[0][:2] == (0, 1)
        assert reading.mended == {"zero-length": 1}

    def test_a_note_off_alone_is_counted(self):
        assert one(smf(off(60) + note(62, 480))).mended == {"stray-note-off": 1}

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 50), st.integers(40, 44)), min_size=1, max_size=30))
    def test_notes_of_one_pitch_that_do_not_overlap_come_back_exactly(self, gaps):
        tick, events, expected = dict.fromkeys(range(40, 45), 0), [], []
        for gap, length, pitch in gaps:
            start = tick[pitch] + gap
            tick[pitch] = start + length
            expected.append((start, length, pitch))
            events += [(start, 1, on(pitch)[1:]), (start + length, 0, off(pitch)[1:])]
        body, now = b"", 0
        for at, _, event in sorted(events, key=lambda event: event[:2]):
            body += variable_length(at - now) + event
            now = at
        assert sorted(row[:3] for row in rows(one(smf(body)))) == sorted(expected)


class TestDamage:
    def test_a_cut_off_track_keeps_what_came_before(self):
        data = smf(note(60, 480) + note(62, 480))
        reading = one(data[:-7])  # in the second note-off
        assert [row[:3] for row in rows(reading)] == [(0, 480, 60), (480, 480, 62)]
        assert reading.mended["truncated-track"] == 1
        assert reading.mended["missing-end-of-track"] == 1

    def test_a_length_that_claims_too_much_does_not_hide_the_next_track(self):
        bodies = [note(60, 480) + END, note(62, 480) + END]
        data = smf(b"", b"")[:14] + chunk(bodies[0], claimed=10_000) + chunk(bodies[1])
        reading = one(data)
        assert {row[2] for row in rows(reading)} == {60, 62}
        assert reading.mended

    def test_a_length_that_claims_too_little(self):
        body = note(60, 480) + note(62, 480) + END
        reading = one(smf(b"")[:14] + chunk(body, claimed=9))
        assert [row[2] for row in rows(reading)] == [60, 62]
        assert reading.mended["chunk-length"] == 1

    def test_a_track_without_end(self):
        reading = one(smf(b"")[:14] + chunk(note(60, 480)))
        assert reading.mended == {"missing-end-of-track": 1}

    def test_foreign_chunks_are_passed_over(self):
        data = smf(note(60, 480))
        reading = one(data[:14] + b"XFIH" + struct.pack(">I", 4) + b"junk" + data[14:])
        assert len(reading.score) == 1

    def test_a_header_that_lies_about_its_length_or_the_number_of_tracks(self):
        data = smf(note(60, 480), count=500)
        assert one(data).mended == {"track-count": 1}
        huge = data[:4] + struct.pack(">I", 2**31) + data[8:]
        assert len(one(huge).score) == 1

    def test_bytes_before_the_header(self):
        data = bytes(128) + smf(note(60, 480))
        assert midi.sniff(data, ".mid")
        assert not midi.sniff(data, ".xml")
        assert one(data).mended == {"leading-bytes": 1}

    def test_a_file_inside_riff(self):
        inner = smf(note(60, 480))
        size = struct.pack("<I", len(inner))
        data = b"RIFF" + struct.pack("<I", len(inner) + 12) + b"RMIDdata" + size + inner
        assert midi.sniff(data, ".rmi")
        assert len(one(data).score) == 1

    def test_data_bytes_with_a_high_bit_and_strays(self):
        assert one(smf(note(60, 480) + b"\x00\x90\xbc\x50" + b"\x00\xf4")).mended == {
            "bad-data-byte": 1,
            "stray-byte": 1,
        }

    @pytest.mark.parametrize(
        "data",
        [
            b"MThd",
            smf()[:14],
            smf(b""),
            smf(note(38, 10, channel=9)),
            smf(note(60, 480), division=0),
            smf(note(60, 480), division=0x8000),
            smf(note(60, 480), division=0xB37F),
            smf(*[on(60) + off(60, 2**28 - 1)] * 2, division=96),
        ],
        ids=["header", "no track", "no notes", "drums", "division 0", "SMPTE 0", "SMPTE 77", "endless"],
    )
    def test_what_holds_no_music_is_a_read_error_that_names_the_file(self, data):
        with pytest.raises(ReadError, match=r"song\.mid"):
            midi.read(data, "song.mid")

    def test_an_end_of_track_far_out_does_not_stretch_the_piece(self):
        reading = one(smf(note(60, 480) + meta(0x01, b"x", 2**28 - 1)))
        assert reading.score.end == 480
        assert reading.mended["event-after-end"] == 2

    @pytest.mark.parametrize(("division", "ticks_per_second"), [(0xE728, 1000), (0xE250, 2400), (0xE808, 192)])
    def test_smpte_time_counts_seconds(self, division, ticks_per_second):
        reading = one(smf(meta(TEMPO, b"\x07\xa1\x20") + note(60, ticks_per_second), division=division))
        assert reading.score.seconds == pytest.approx(1.0)
        assert reading.mended == {"smpte-time": 1}
        assert reading.lost == {"tempo": 1}

    def test_a_small_file_never_takes_much_memory(self):
        data = smf(b"")[:8] + struct.pack(">HHH", 1, 65535, 32767) + chunk(note(60, 480), claimed=2**32 - 1)
        tracemalloc.start()
        one(data)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2_000_000


def test_agrees_with_an_independent_parser_on_sound_files():
    symusic = pytest.importorskip("symusic")
    chance = random.Random(7)
    for _ in range(20):
        bodies = []
        for _ in range(chance.randint(1, 4)):
            notes = (
                note(chance.randint(30, 90), chance.randint(1, 900), delta=chance.randint(0, 300)) for _ in range(40)
            )
            bodies.append(b"".join(notes))
        data = smf(*bodies, division=chance.choice([96, 220, 480, 960, 1024]))
        other = symusic.Score.from_midi(data)
        theirs = sorted(
            (n.time, n.duration, n.pitch, n.velocity, i) for i, t in enumerate(other.tracks) for n in t.notes
        )
        assert sorted(rows(one(data))) == theirs
