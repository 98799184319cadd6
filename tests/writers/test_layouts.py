"""Layouts: the same notes, times and bends come back from every reader, and no bend is on another's note."""

import io
import warnings
from dataclasses import replace
from itertools import pairwise

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symgen.errors import UsageError, WriteError
from symgen.instruments.ringing import for_one_wheel
from symgen.performance import Bend, Performance, PlayedNote
from symgen.score import Key, Metre, Score, Section, Technique, Tempo, make_notes
from symgen.units import bend_to_cents, ticks_to_seconds
from symgen.writers import LAYOUTS, Options, midi, read_articulations
from symgen.writers._curves import cents_at, within

TEMPI = (Tempo(0, 60.0), Tempo(960, 72.0), Tempo(1920, 54.5))
SLIDE = (Bend(0, -200.0), Bend(100, 0.0))
TURNS = (Bend(0, 0.0), Bend(120, 0.0), Bend(200, 35.0), Bend(280, -35.0), Bend(360, 0.0))
GUQIN = (
    PlayedNote(0, 1900, 36, 70, 1, 0.0, Technique.OPEN),
    PlayedNote(480, 460, 55, 80, 6, 9.0, Technique.STOPPED, SLIDE),
    PlayedNote(960, 900, 57, 75, 7, 9.0, Technique.STOPPED, TURNS),
    PlayedNote(1200, 700, 45, 60, 5, 0.0, Technique.OPEN),
    PlayedNote(1920, 900, 52, 80, 6, 10.0, Technique.STOPPED, (Bend(0, 0.0), Bend(400, 180.0))),
)
GUZHENG = (
    PlayedNote(0, 2000, 74, 70, 6, 0.0, Technique.OPEN),
    PlayedNote(0, 2000, 62, 70, 11, 0.0, Technique.OPEN),
    PlayedNote(480, 1200, 66, 80, 9, 0.0, Technique.OPEN, (Bend(0, 0.0), Bend(300, 100.0))),
    PlayedNote(960, 1200, 69, 80, 8, 0.0, Technique.OPEN, TURNS),
    PlayedNote(1440, 480, 43, 80, 20, 1.0, Technique.STOPPED),
)


def played(notes, instrument="guqin", tuning="zhengdiao", tempi=TEMPI):
    written = Score(
        make_notes([(n.onset, n.duration, n.pitch) for n in notes]),
        tempi=(Tempo(0, 60.0),),
        metres=(Metre(0, 2, 4), Metre(960, 3, 4)),
        keys=(Key(0, 5, "gong"),),
        sections=(Section(0, "散起"), Section(960, "RUDIAO")),
        title="流水",
        end=3840,
    )
    return Performance(written, tuple(notes), tempi, instrument, tuning, 107)


MUSIC = {"guqin": played(GUQIN), "guzheng": played(GUZHENG, "guzheng", "D")}


def encoded(music, layout, **options):
    return midi.encode(music, options=Options(layout, **options))


def messages(data):
    """Return (tick, message) of each track of a file, meta messages too."""
    found = []
    for track in mido.MidiFile(file=io.BytesIO(data), charset="utf-8").tracks:
        tick, events = 0, []
        for message in track:
            tick += message.time
            events.append((tick, message))
        found.append(events)
    return found


def by_mido(data):
    notes, wheels = [], {}
    for track in messages(data):
        sounding = {}
        for tick, message in track:
            if message.type == "pitchwheel":
                wheels.setdefault(message.channel, []).append((tick, message.pitch))
            elif message.type == "note_on":
                sounding[message.note] = (tick, message.velocity)
            elif message.type == "note_off":
                onset, velocity = sounding.pop(message.note)
                notes.append((onset, tick - onset, message.note, velocity))
        assert not sounding
    return sorted(notes), sorted(wheels.values())


def by_pretty_midi(data):
    import pretty_midi

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        file = pretty_midi.PrettyMIDI(io.BytesIO(data))
    notes = [
        (file.time_to_tick(n.start), file.time_to_tick(n.end) - file.time_to_tick(n.start), n.pitch, n.velocity)
        for part in file.instruments
        for n in part.notes
    ]
    wheels = [[(file.time_to_tick(b.time), b.pitch) for b in part.pitch_bends] for part in file.instruments]
    return sorted(notes), sorted(wheel for wheel in wheels if wheel)


def by_symusic(data):
    import symusic

    tracks = symusic.Score.from_midi(data).tracks
    notes = [(n.start, n.duration, n.pitch, n.velocity) for track in tracks for n in track.notes]
    wheels = [[(b.time, b.value) for b in track.pitch_bends] for track in tracks]
    return sorted(notes), sorted(wheel for wheel in wheels if wheel)


def by_music21(data):
    from music21 import midi as midi21

    file = midi21.MidiFile()
    file.readstr(data)
    notes, wheels = [], {}
    for track in file.tracks:
        tick, sounding = 0, {}
        for event in track.events:
            if isinstance(event, midi21.DeltaTime):
                tick += event.time
            elif event.type == midi21.ChannelVoiceMessages.NOTE_ON and event.velocity:
                sounding[event.pitch] = (tick, event.velocity)
            elif event.type in (midi21.ChannelVoiceMessages.NOTE_ON, midi21.ChannelVoiceMessages.NOTE_OFF):
                onset, velocity = sounding.pop(event.pitch)
                notes.append((onset, tick - onset, event.pitch, velocity))
            elif event.type == midi21.ChannelVoiceMessages.PITCH_BEND:
                value = event.parameter1 + (event.parameter2 << 7) - 8192
                wheels.setdefault(event.channel, []).append((tick, value))
    return sorted(notes), sorted(wheels.values())


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", MUSIC)
class TestEveryLayout:
    @pytest.mark.parametrize("reader", [by_pretty_midi, by_symusic, by_music21], ids=lambda reader: reader.__name__)
    def test_readers_agree_on_notes_times_and_bends(self, name, layout, reader):
        data = encoded(MUSIC[name], layout)
        assert reader(data) == by_mido(data)

    def test_notes_are_the_performance_s(self, name, layout):
        notes, _ = by_mido(encoded(MUSIC[name], layout))
        played = for_one_wheel(MUSIC[name].notes) if layout == "merged" else MUSIC[name].notes
        assert notes == sorted((n.onset, n.duration, n.pitch, n.velocity) for n in played)

    def test_a_track_has_one_channel_and_channel_10_is_left_out(self, name, layout):
        tracks = messages(encoded(MUSIC[name], layout))[1:]
        channels = [{m.channel for _, m in track if not m.is_meta} for track in tracks]
        assert all(len(one) == 1 for one in channels)
        assert len(set().union(*channels)) == len(tracks)
        assert 9 not in set().union(*channels)

    def test_the_range_is_set_in_order_before_the_first_bend_and_the_wheel_rests_in_the_end(self, name, layout):
        bent = 0
        for track in messages(encoded(MUSIC[name], layout)):
            kinds = [m for _, m in track if m.type in ("control_change", "pitchwheel")]
            wheels = [m for m in kinds if m.type == "pitchwheel"]
            if wheels:
                before = kinds[: kinds.index(wheels[0])]
                assert [m.control for m in before[-6:]] == [101, 100, 6, 38, 101, 100]
                assert wheels[-1].pitch == 0
                bent += 1
        assert bent

    def test_no_controller_has_two_values_at_a_tick_where_there_is_room(self, name, layout):
        for track in messages(encoded(MUSIC[name], layout)):
            controls = [(tick, m.control) for tick, m in track if m.type == "control_change"]
            assert len(controls) == len(set(controls))

    def test_the_same_music_gives_the_same_bytes(self, name, layout):
        assert encoded(MUSIC[name], layout) == encoded(MUSIC[name], layout)

    def test_conductor_has_markers_cue_and_remark(self, name, layout):
        conductor = [m for _, m in messages(encoded(MUSIC[name], layout))[0]]
        assert [m.text for m in conductor if m.type == "marker"] == ["散起", "RUDIAO"]
        assert next(m.text for m in conductor if m.type == "text").startswith("1=F; tuning=")
        (cue,) = [m.text for m in conductor if m.type == "cue_marker"]
        assert cue.startswith("tuning ")


def held(wheel, tick, span):
    """Return the cents that a wheel stands at, at a tick."""
    return bend_to_cents(next((value for at, value in reversed(wheel) if at <= tick), 0), span)


@pytest.mark.parametrize("layout", ["strings", "mpe"])
@given(
    st.lists(st.tuples(st.integers(0, 1900), st.floats(-200, 200)), min_size=1, max_size=8, unique_by=lambda b: b[0]),
    st.integers(30, 160),
)
@settings(max_examples=40, deadline=None)
def test_a_curve_is_within_two_cents_at_its_control_points(layout, points, qpm):
    curve = tuple(Bend(*point) for point in sorted(points))
    note = PlayedNote(480, 1901, 55, 80, 6, 9.0, Technique.STOPPED, curve)
    ringing = PlayedNote(0, 3000, 36, 80, 1)
    other = PlayedNote(900, 300, 45, 80, 5)
    data = encoded(played([ringing, note, other], tempi=(Tempo(0, qpm),)), layout)
    _, wheels = by_mido(data)
    wheel = wheels[0] if wheels else []
    for bend in curve:
        assert held(wheel, 480 + bend.offset, 2 if layout == "strings" else 48) == pytest.approx(bend.cents, abs=2.0)


@pytest.mark.parametrize("layout", ["strings", "mpe"])
def test_messages_between_control_points_are_5_ms_and_5_cents_apart(layout):
    curve = (Bend(0, 0.0), Bend(30, 200.0), Bend(1200, -150.0), Bend(1300, -140.0))
    points = {480 + bend.offset for bend in curve}
    note = PlayedNote(480, 1400, 55, 80, 6, 9.0, Technique.STOPPED, curve)
    data = encoded(played([note]), layout)
    (wheel,) = by_mido(data)[1]
    assert len(wheel) > 40
    changes = [(tempo.tick, tempo.qpm) for tempo in TEMPI]
    for (tick, value), (later, other) in pairwise(wheel[:-1]):
        if later not in points:
            seconds = ticks_to_seconds([tick, later], changes)
            assert seconds[1] - seconds[0] >= 0.005
            assert abs(bend_to_cents(other - value, 2 if layout == "strings" else 48)) >= 4.5


def data_entry(track):
    """Return the values of registered parameters that a track sets."""
    return [m.value for _, m in track if m.type == "control_change" and m.control == 6]


class TestStrings:
    def test_a_track_a_string_and_other_strings_ring_while_one_bends(self):
        tracks = messages(encoded(MUSIC["guqin"], "strings"))[1:]
        names = [track[0][1].name for track in tracks]
        assert names == ["Guqin 1", "Guqin 5", "Guqin 6", "Guqin 7"]
        low = [(tick, m.type) for tick, m in tracks[0] if m.type in ("note_on", "note_off", "pitchwheel")]
        assert low == [(0, "note_on"), (1900, "note_off")]

    def test_guzheng_shares_a_channel_where_nothing_bends(self):
        tracks = messages(encoded(MUSIC["guzheng"], "strings"))[1:]
        assert [track[0][1].name for track in tracks] == [
            "Guzheng",
            "Guzheng bend 1",
            "Guzheng bend 2",
            "Guzheng bend 3",
        ]
        assert [m.note for _, m in tracks[0] if m.type == "note_on"] == [62, 74]
        assert [m.note for _, m in tracks[3] if m.type == "note_on"] == [43]

    def test_the_range_grows_with_the_deepest_curve(self):
        note = PlayedNote(0, 900, 55, 80, 6, 9.0, Technique.STOPPED, (Bend(0, 0.0), Bend(400, 500.0)))
        track = messages(encoded(played([note]), "strings"))[1]
        assert [m.value for _, m in track if m.type == "control_change" and m.control == 6] == [12]
        assert held(by_mido(encoded(played([note]), "strings"))[1][0], 400, 12) == pytest.approx(500, abs=2.0)

    def test_each_string_has_the_narrowest_range_that_holds_its_curves(self):
        narrow = PlayedNote(480, 900, 57, 80, 7, 9.0, Technique.STOPPED, (Bend(0, -150.0), Bend(100, 0.0)))
        wide = PlayedNote(1440, 900, 55, 80, 6, 9.0, Technique.STOPPED, (Bend(0, 0.0), Bend(400, 500.0)))
        head, *tracks = messages(encoded(played([narrow, wide]), "strings"))
        ranges = {
            track[0][1].name: m.value
            for track in tracks
            for _, m in track
            if m.type == "control_change" and m.control == 6
        }
        assert ranges == {"Guqin 6": 12, "Guqin 7": 2}
        assert "bend range 12: Guqin 6" in [m.text for _, m in head if m.type == "text"]

    def test_voices_of_wide_curves_keep_to_themselves(self):
        notes = [
            PlayedNote(600 * i, 550, 62, 80, 11, bends=(Bend(0, 0.0), Bend(200, cents), Bend(400, 0.0)))
            for i, cents in enumerate([100.0, 300.0, 150.0, 250.0, 50.0], 1)
        ]
        _, _, *voices = messages(encoded(played(notes, "guzheng", "D"), "strings"))
        deepest = [max(m.pitch for _, m in voice if m.type == "pitchwheel") for voice in voices]
        ranges = [data_entry(voice)[0] for voice in voices]
        assert ranges == [2, 12]
        assert [round(wheel / 8192 * span, 1) for wheel, span in zip(deepest, ranges, strict=True)] == [1.5, 3.0]

    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_a_range_that_is_asked_for_holds_for_every_track_and_what_leaves_it_is_struck_again(self, layout):
        note = PlayedNote(480, 900, 55, 80, 6, 9.0, Technique.STOPPED, (Bend(0, 0.0), Bend(400, 500.0)))
        performance = played([note])
        tracks = messages(midi.encode(performance, options=Options(layout, bend_range=2)))
        assert {m.value for track in tracks for _, m in track if m.type == "control_change" and m.control == 6} <= {
            2,
            7,
        }
        struck = [m.note for track in tracks for _, m in track if m.type == "note_on"]
        assert struck[0] == 55
        assert len(struck) > 1
        assert not [m for _, m in tracks[0] if m.type == "text" and m.text.startswith("bend range")]

    def test_a_range_beyond_all_is_refused(self):
        for semitones in (0, -2, 97):
            with pytest.raises(UsageError, match=f"--bend-range {semitones}.*from 1 to 96"):
                Options("strings", bend_range=semitones)

    def test_a_string_struck_again_stops_what_it_sounded(self):
        notes = [PlayedNote(0, 1900, 50, 80, 6), PlayedNote(480, 480, 52, 80, 6)]
        assert by_mido(encoded(played(notes), "strings"))[0] == [(0, 480, 50, 80), (480, 480, 52, 80)]

    def test_more_bends_at_once_than_channels_end_the_one_that_would_end_first(self):
        notes = [PlayedNote(10 * i, 3000, 40 + i, 80, 0, bends=TURNS) for i in range(20)]
        written, _ = by_mido(encoded(played(notes, "voice", ""), "strings"))
        assert len(written) == 20


class TestMpe:
    def test_the_zone_is_opened_before_anything_else(self):
        manager, *members = messages(encoded(MUSIC["guqin"], "mpe"))[1:]
        opened = max(tick for tick, m in manager if m.type == "control_change")
        assert all(tick > opened for track in members for tick, m in track if m.type == "control_change")
        controls = [(m.channel, m.control, m.value) for _, m in manager if m.type == "control_change"]
        assert controls == [(0, 101, 0), (0, 100, 6), (0, 6, 7), (0, 101, 127), (0, 100, 127)]
        for track in members:
            assert [m.value for _, m in track if m.type == "control_change" and m.control == 6] == [48]
            assert all(1 <= m.channel <= 7 for _, m in track if not m.is_meta)

    def test_a_zither_of_many_strings_has_the_whole_zone(self):
        manager, *members = messages(encoded(MUSIC["guzheng"], "mpe"))[1:]
        assert [m.value for _, m in manager if m.type == "control_change" and m.control == 6] == [15]
        for track in members:
            ends = [(tick, m.type) for tick, m in track if m.type in ("note_on", "note_off")]
            assert [kind for _, kind in ends] == ["note_on", "note_off"] * (len(ends) // 2)


class TestMerged:
    def test_a_curve_beyond_the_wheel_is_struck_again_softly(self):
        curve = (Bend(0, 0.0), Bend(100, 0.0), Bend(500, 500.0), Bend(600, 500.0))
        note = PlayedNote(0, 900, 55, 80, 6, 9.0, Technique.STOPPED, curve)
        data = encoded(played([note]), "merged")
        notes, (wheel,) = by_mido(data)
        assert [pitch for _, _, pitch, _ in notes] == [55, 57, 59]
        assert [velocity for *_, velocity in notes] == [80, 48, 48]
        for tick in (0, 100, 500, 600):
            sounding = next(n for n in reversed(notes) if n[0] <= tick)
            assert 100 * (sounding[2] - 55) + held(wheel, tick, 2) == pytest.approx(cents_at(curve, tick), abs=2.0)

    @given(
        st.lists(
            st.tuples(st.integers(0, 900), st.floats(-1200, 1200)), min_size=1, max_size=6, unique_by=lambda b: b[0]
        ),
        st.sampled_from([2, 12]),
    )
    @settings(max_examples=60, deadline=None)
    def test_strokes_follow_one_another_and_keep_the_pitch(self, points, span):
        note = PlayedNote(0, 901, 60, 80, bends=tuple(Bend(*point) for point in sorted(points)))
        strokes = list(within(note, span))
        assert strokes[0].onset == 0
        assert strokes[-1].onset + strokes[-1].duration == 901
        assert all(a.onset + a.duration == b.onset for a, b in pairwise(strokes))
        for stroke in strokes:
            for offset in (0, stroke.duration // 2):
                cents = 100 * (stroke.pitch - 60) + cents_at(stroke.bends, offset)
                assert cents == pytest.approx(cents_at(note.bends, stroke.onset + offset), abs=1e-6)


class TestTextAndMetre:
    def test_fixed_is_one_four_four_over_the_same_ticks(self):
        plain, fixed = (encoded(MUSIC["guqin"], "merged", time_signatures=kind) for kind in ("map", "fixed"))
        metres = [(t, m.numerator, m.denominator) for t, m in messages(fixed)[0] if m.type == "time_signature"]
        assert metres == [(0, 4, 4)]
        assert by_mido(plain) == by_mido(fixed)
        assert messages(fixed)[0][-1][0] % 1920 == 0

    def test_ascii_names_have_no_other_bytes(self):
        data = encoded(MUSIC["guqin"], "strings", names="ascii")
        texts = [getattr(m, "text", "") + getattr(m, "name", "") for track in messages(data) for _, m in track]
        assert all(text.isascii() for text in texts)
        assert [m.text for _, m in messages(data)[0] if m.type == "marker"] == ["\\u6563\\u8d77", "RUDIAO"]

    @pytest.mark.parametrize("options", [{"layout": "string"}, {"time_signatures": "4/4"}, {"names": "latin1"}])
    def test_unknown_choices_are_refused_with_the_known_ones(self, options):
        with pytest.raises(UsageError, match="one of"):
            Options(**options)


LIBRARY = """
name = "Library"
program = 24
bend_range = 12
[technique.stopped]
keyswitch = 24
cc = { 32 = 5, 1 = 0 }
[technique.other]
keyswitch = 25
program = 46
"""


@pytest.fixture
def library(tmp_path):
    def read(text):
        file = tmp_path / "library.toml"
        file.write_text(text)
        return read_articulations(file)

    return read


class TestArticulations:
    def test_what_a_change_of_technique_sends(self, library):
        data = encoded(MUSIC["guqin"], "merged", articulations=library(LIBRARY))
        track = messages(data)[1]
        keys = [(tick, m.note) for tick, m in track if m.type == "note_on" and m.note < 30]
        assert keys == [(0, 25), (475, 24), (1194, 25), (1915, 24)]
        assert [m.program for _, m in track if m.type == "program_change"] == [24, 46, 46]
        assert [(t, m.control, m.value) for t, m in track if m.type == "control_change" and m.control in (1, 32)] == [
            (t, *pair) for t in (480, 1920) for pair in ((1, 0), (32, 5))
        ]
        assert [m.value for _, m in track if m.type == "control_change" and m.control == 6] == [12]

    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_a_narrow_wheel_strikes_again_in_every_layout(self, library, layout):
        note = PlayedNote(0, 900, 55, 80, 6, 9.0, Technique.STOPPED, (Bend(0, 0.0), Bend(400, 500.0)))
        found = library("[technique.stopped]\nbend_range = 3\n")
        notes, _ = by_mido(encoded(played([note]), layout, articulations=found))
        assert [pitch for _, _, pitch, _ in notes] == [55, 58]

    def test_a_channel_of_its_own_in_the_merged_layout(self, library):
        found = library("[technique.open]\nchannel = 3\n")
        tracks = messages(encoded(MUSIC["guqin"], "merged", articulations=found))[1:]
        assert [{m.channel for _, m in track if not m.is_meta} for track in tracks] == [{0}, {2}]
        with pytest.raises(UsageError, match="channels"):
            Options("mpe", articulations=found)

    def test_a_keyswitch_within_the_music_is_refused(self, library):
        with pytest.raises(WriteError, match="keyswitch 55"):
            encoded(MUSIC["guqin"], "merged", articulations=library("[technique.open]\nkeyswitch = 55\n"))

    def test_a_keyswitch_on_what_is_struck_again_is_refused(self, library):
        """A slide of a fourth leaves the wheel's range, and the notes that stand for it count too."""
        note = PlayedNote(0, 960, 60, 80, 1, bends=(Bend(0, 0.0), Bend(480, 500.0), Bend(960, 500.0)))
        music = replace(MUSIC["guqin"], notes=(note,))
        encoded(music, "merged", articulations=library("[technique.pluck]\nkeyswitch = 30\n"))
        struck = {message.note for _, message in messages(encoded(music, "merged"))[1] if message.type == "note_on"}
        switch = max(struck)
        assert switch != 60
        with pytest.raises(WriteError, match=f"keyswitch {switch}"):
            encoded(music, "merged", articulations=library(f"[technique.pluck]\nkeyswitch = {switch}\n"))

    def test_the_shipped_map_is_empty(self):
        from symgen.writers._articulations import GENERAL_MIDI, SHIPPED

        assert read_articulations(SHIPPED) == GENERAL_MIDI

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("[technique.open\n", "library.toml"),
            ("speed = 3", "'speed'"),
            ("technique = 3", "tables"),
            ("[technique.plonk]", "plonk"),
            ("[technique.open]\nkey = 3", "'key'"),
            ("[technique.open]\nkeyswitch = 128", "0..127"),
            ("[technique.open]\nkeyswitch = true", "0..127"),
            ("[technique.open]\nchannel = 0", "1..16"),
            ("[technique.open]\ncc = { 32 = 200 }", "32 = 200"),
            ("[technique.open]\ncc = { mod = 2 }", "mod = 2"),
            ("[technique.open]\ncc = 5", "controllers"),
            ("[technique]\nopen = 5", "a table"),
            ("bend_range = 0", "1..96"),
            ("name = 5", "text"),
        ],
    )
    def test_a_malformed_map_is_one_line(self, library, text, words):
        with pytest.raises(UsageError) as caught:
            library(text)
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_a_missing_map_is_named(self, tmp_path):
        with pytest.raises(UsageError, match=r"none\.toml"):
            read_articulations(tmp_path / "none.toml")
