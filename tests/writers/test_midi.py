"""MIDI files: every reader finds the same music, and what is written is read back."""

import io
import warnings

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symgen.errors import WriteError
from symgen.performance import Bend, Performance, PlayedNote
from symgen.score import Key, Metre, Score, Section, Tempo, Text, make_notes
from symgen.writers import midi, write

SCORE = Score(
    make_notes([(0, 480, 62), (480, 240, 64), (720, 240, 66), (960, 960, 69), (960, 960, 57), (1920, 480, 62)]),
    tempi=(Tempo(0, 66.0), Tempo(960, 54.5)),
    metres=(Metre(0, 2, 4), Metre(960, 3, 4)),
    keys=(Key(0, 2),),
    sections=(Section(0, "散起"), Section(960, "RUDIAO")),
    texts=(Text(0, "wörds 词"), Text(0, "none", "copyright"), Text(480, "la", "lyric")),
    title="流水 — Flowing Water",
    end=2400,
)

QUIET = (Tempo(0, 60.0),)


def played(*notes, tempi=QUIET, end=1920):
    score = Score(
        make_notes([(n.onset, n.duration, n.pitch) for n in notes]), tempi=QUIET, metres=(Metre(0, 4, 4),), end=end
    )
    return Performance(score, notes, tempi, "guqin", "zhengdiao", 107)


def parsed(data):
    return mido.MidiFile(file=io.BytesIO(data), charset="utf-8")


def timed(track):
    tick, events = 0, []
    for message in track:
        tick += message.time
        events.append((tick, message))
    return events


def mido_notes(data):
    notes = []
    for track in parsed(data).tracks:
        sounding = {}
        for tick, message in timed(track):
            if message.type == "note_on" and message.velocity:
                assert message.note not in sounding
                sounding[message.note] = (tick, message.velocity)
            elif message.type in ("note_on", "note_off"):
                onset, velocity = sounding.pop(message.note)
                notes.append((onset, tick - onset, message.note, velocity))
        assert not sounding
    return sorted(notes)


def symusic_notes(data):
    import symusic

    score = symusic.Score.from_midi(data)
    assert score.ticks_per_quarter == 480
    return sorted((n.start, n.duration, n.pitch, n.velocity) for track in score.tracks for n in track.notes)


def pretty_midi_notes(data):
    import pretty_midi

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        file = pretty_midi.PrettyMIDI(io.BytesIO(data))
    found = []
    for instrument in file.instruments:
        for note in instrument.notes:
            onset, end = file.time_to_tick(note.start), file.time_to_tick(note.end)
            found.append((onset, end - onset, note.pitch, note.velocity))
    return sorted(found)


def music21_pitches(data):
    from music21 import midi as m21midi

    file = m21midi.MidiFile()
    file.readstr(data)
    stream = m21midi.translate.midiFileToStream(file, quantizePost=False)
    found = []
    for element in stream.recurse().notes:
        tick = round(float(element.getOffsetInHierarchy(stream)) * 480)
        found.extend((tick, pitch.midi) for pitch in element.pitches)
    return sorted(found)


def rows(score):
    return [tuple(row) for row in score.notes[["onset", "duration", "pitch", "velocity", "voice"]].tolist()]


class TestScore:
    def test_is_read_back_as_it_was(self, tmp_path):
        readers = pytest.importorskip("symgen.readers")
        back = readers.read(write(SCORE, tmp_path / "a.mid"))
        assert back == SCORE

    def test_two_voices_become_two_tracks_with_a_channel_each(self):
        score = Score(make_notes([(0, 480, 60, 80, 0), (0, 480, 60, 70, 3), (480, 480, 62, 70, 3)]))
        tracks = parsed(midi.encode(score)).tracks[1:]
        assert [{m.channel for m in track if not m.is_meta} for track in tracks] == [{0}, {1}]

    def test_twenty_voices_leave_the_percussion_channel_out(self):
        score = Score(make_notes([(0, 480, 60, 80, voice) for voice in range(20)]))
        tracks = parsed(midi.encode(score)).tracks[1:]
        channels = [next(m.channel for m in track if not m.is_meta) for track in tracks]
        assert len(tracks) == 20
        assert 9 not in channels

    def test_time_base_is_480_where_that_is_exact_and_kept_where_it_is_not(self):
        coarse = Score(make_notes([(0, 24, 60), (24, 8, 62)]), ticks_per_quarter=24)
        septuplets = Score(make_notes([(0, 96, 60), (96, 96, 62)]), ticks_per_quarter=672)
        assert parsed(midi.encode(coarse)).ticks_per_beat == 480
        assert parsed(midi.encode(septuplets)).ticks_per_beat == 672

    def test_unknown_tempo_metre_and_key_stay_unknown(self):
        metas = {m.type for m in parsed(midi.encode(Score(make_notes([(0, 480, 60)])))).tracks[0]}
        assert metas == {"end_of_track"}

    def test_music_longer_than_the_format_is_refused(self):
        with pytest.raises(WriteError, match="ticks"):
            midi.encode(Score(make_notes([(2**30, 480, 60)])))

    def test_all_tracks_end_with_the_score(self):
        assert [timed(track)[-1][0] for track in parsed(midi.encode(SCORE)).tracks] == [2400, 2400]

    @pytest.mark.parametrize("title", ["古琴", "x" * 300, "a\nb", "emoji 🎵", "\udc80 lone surrogate", "ノート"])
    def test_any_title_can_be_written(self, title):
        names = [
            m.name
            for m in parsed(midi.encode(Score(make_notes([(0, 1, 60)]), title=title))).tracks[0]
            if m.type == "track_name"
        ]
        assert names == [title.replace("\udc80", "?")]

    def test_track_name_can_be_given(self):
        track = parsed(midi.encode(SCORE, track="Zheng LH")).tracks[1]
        assert track[0].name == "Zheng LH"

    @given(
        st.lists(
            st.tuples(
                st.integers(0, 4000), st.integers(1, 1500), st.integers(0, 127), st.integers(1, 127), st.integers(0, 3)
            ),
            min_size=1,
            max_size=40,
        )
    )
    @settings(max_examples=60, deadline=None)
    def test_all_readers_find_the_same_notes(self, notes):
        data = midi.encode(Score(make_notes(notes), tempi=(Tempo(0, 97.0), Tempo(500, 61.3)), metres=(Metre(0, 3, 8),)))
        expected = mido_notes(data)
        assert len({(onset, pitch, voice) for onset, _, pitch, _, voice in notes}) == len(expected)
        assert symusic_notes(data) == expected
        assert pretty_midi_notes(data) == expected

    @given(st.lists(st.tuples(st.integers(0, 1 << 22), st.integers(1, 1 << 15), st.integers(0, 127)), min_size=1))
    @settings(max_examples=40, deadline=None)
    def test_mido_writes_the_same_bytes(self, notes):
        data, again = midi.encode(Score(make_notes(notes), title="古琴", tempi=(Tempo(0, 97.0),))), io.BytesIO()
        parsed(data).save(file=again)
        assert data == again.getvalue()

    def test_music21_finds_the_same_pitches_at_the_same_times(self):
        expected = sorted((int(n["onset"]), int(n["pitch"])) for n in SCORE.notes)
        assert music21_pitches(midi.encode(SCORE)) == expected

    def test_the_same_score_gives_the_same_bytes(self):
        assert midi.encode(SCORE) == midi.encode(SCORE)


CURVE = (Bend(0, -200.0), Bend(60, 0.0), Bend(200, 0.0), Bend(260, 40.0), Bend(320, -40.0), Bend(380, 0.0))


class TestPerformance:
    def test_one_track_with_program_name_and_remark(self):
        file = parsed(midi.encode(played(PlayedNote(0, 480, 50, 80))))
        assert len(file.tracks) == 2
        assert file.tracks[1][0].name == "Guqin"
        assert [m.program for m in file.tracks[1] if m.type == "program_change"] == [107]
        assert [m.text for m in file.tracks[0] if m.type == "text"] == ["tuning=zhengdiao"]

    def test_without_bends_there_is_no_controller_and_no_wheel(self):
        kinds = {m.type for m in parsed(midi.encode(played(PlayedNote(0, 480, 50, 80)))).tracks[1]}
        assert not kinds & {"pitchwheel", "control_change"}

    def test_bend_range_is_set_in_order_before_the_first_bend(self):
        data = midi.encode(played(PlayedNote(0, 480, 55, 80, bends=CURVE)))
        messages = [m for m in parsed(data).tracks[1] if m.type in ("control_change", "pitchwheel", "note_on")]
        controls = [(m.control, m.value) for m in messages[:6]]
        assert controls == [(101, 0), (100, 0), (6, 2), (38, 0), (101, 127), (100, 127)]
        assert messages[6].type == "pitchwheel"

    @given(
        st.lists(
            st.tuples(
                st.integers(0, 1500),
                st.integers(1, 900),
                st.integers(40, 60),
                st.lists(st.tuples(st.integers(0, 900), st.floats(-200, 200)), max_size=6, unique_by=lambda b: b[0]),
            ),
            min_size=1,
            max_size=12,
        )
    )
    @settings(max_examples=100, deadline=None)
    def test_the_wheel_rests_at_every_note_without_a_curve_and_is_never_hurried(self, raw):
        notes = [
            PlayedNote(on, length, pitch, 80, bends=tuple(Bend(*b) for b in sorted(bends)))
            for on, length, pitch, bends in raw
        ]
        notes.sort(key=lambda n: n.onset)
        bent = {n.onset for n in notes if n.bends}
        points = {n.onset + bend.offset for n in notes for bend in n.bends}
        track = parsed(midi.encode(played(*notes, end=4000))).tracks[1]
        wheel, moved = 0, None
        for tick, message in timed(track):
            if message.type == "pitchwheel":
                assert -8192 <= message.pitch <= 8191
                if moved is not None and tick not in bent | points and message.pitch != 0:
                    assert tick - moved >= 3  # 5 ms at 60 qpm are 2.4 ticks
                wheel, moved = message.pitch, tick
            elif message.type == "note_on":
                assert wheel == 0 or tick in bent
                moved = None
        assert wheel == 0

    def test_note_off_comes_before_note_on_of_the_same_tick(self):
        data = midi.encode(played(PlayedNote(0, 480, 50, 80), PlayedNote(480, 480, 50, 80)))
        kinds = [m.type for m in parsed(data).tracks[1] if m.type.startswith("note")]
        assert kinds == ["note_on", "note_off", "note_on", "note_off"]

    def test_tracks_end_with_the_last_bar(self):
        data = midi.encode(played(PlayedNote(0, 480, 50, 80), end=2000))
        assert [timed(track)[-1][0] for track in parsed(data).tracks] == [3840, 3840]

    def test_tempo_map_is_the_performance_s(self):
        tempi = (Tempo(0, 60.0), Tempo(960, 48.0))
        data = midi.encode(played(PlayedNote(0, 480, 50, 80), tempi=tempi))
        assert [m.tempo for m in parsed(data).tracks[0] if m.type == "set_tempo"] == [1_000_000, 1_250_000]


def test_ticks_of_a_large_score_survive(tmp_path):
    onsets = np.arange(3000) * 120
    score = Score(make_notes(onset=onsets, duration=np.full(3000, 120), pitch=60 + np.arange(3000) % 12))
    assert [row[0] for row in mido_notes(write(score, tmp_path / "long.mid").read_bytes())] == onsets.tolist()
