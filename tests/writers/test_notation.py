"""Notation: what MusicXML and jianpu say is what the Score says, as far as a page can say it."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from symgen.errors import WriteError
from symgen.readers import read
from symgen.readers.jianpu import read as read_jianpu
from symgen.score import Key, Metre, Score, Section, Technique, Tempo, Text, make_notes
from symgen.writers import jianpu, musicxml, write
from symgen.writers._notation import page

QUICK = (Phase.explicit, Phase.reuse, Phase.generate)  # reading MusicXML is too slow to shrink examples with
WRITTEN = [t for t in Technique if t != Technique.GRACE]
TITLED = Score(
    make_notes(
        [
            (0, 480, 65, 80, 0, Technique.HARMONIC),
            (480, 160, 67),
            (640, 160, 69),
            (800, 160, 72),
            (960, 2400, 77),
            (960, 2400, 65),
            (3360, 480, 60),
            (3840, 720, 65),
            (4560, 240, 41, 80, 0, Technique.SLIDE_UP),
        ]
    ),
    tempi=(Tempo(0, 66.5), Tempo(1920, 50.0)),
    metres=(Metre(0, 2, 4), Metre(1920, 3, 4)),
    keys=(Key(0, 5),),
    sections=(Section(0, "散起"), Section(1920, "B")),
    title="秋江夜泊 <&>",
    end=4800,
)


@st.composite
def tunes(draw):
    """Melodies of chords on grids that a page can show, in one or two voices."""
    rows, ends = [], []
    for voice in range(draw(st.integers(1, 2))):
        tick = 0
        for _ in range(draw(st.integers(1, 6))):
            parts = draw(st.sampled_from([1, 2, 3, 4, 5, 8]))
            for length in draw(st.lists(st.integers(1, parts), min_size=1, max_size=4)):
                if draw(st.booleans()) or not rows:
                    chord = draw(st.sets(st.integers(30, 95), min_size=1, max_size=3))
                    rows += [(tick, length * 480 // parts, p, 80, voice, draw(st.sampled_from(WRITTEN))) for p in chord]
                tick += length * 480 // parts
            tick = -(-tick // 480) * 480
        ends.append(tick)
    metre = draw(st.sampled_from([(2, 4), (3, 4), (3, 8), (6, 8), (5, 4)]))
    keys = draw(st.sampled_from([(), (Key(0, 5),), (Key(0, 1), Key(0, 6)), (Key(0, 11),)]))
    return Score(make_notes(rows), metres=(Metre(0, *metre),), keys=keys[-1:], tempi=(Tempo(0, 72.25),), end=max(ends))


def sounding(score):
    """Onset, duration, pitch and technique in quarters; voices may be numbered afresh."""
    base = score.ticks_per_quarter
    return sorted(
        (Fraction(int(n["onset"]), base), Fraction(int(n["duration"]), base), int(n["pitch"]), int(n["technique"]))
        for n in score.notes
    )


@pytest.mark.parametrize("suffix", ["jianpu", "musicxml"])
class TestBoth:
    @given(score=tunes())
    @settings(max_examples=25, deadline=None, phases=QUICK)
    def test_written_music_is_read_back(self, score, suffix, tmp_path_factory):
        back = read(write(score, tmp_path_factory.mktemp("notation") / f"a.{suffix}"))
        assert sounding(back) == sounding(score)
        assert back.metres == score.metres
        assert back.tempi == score.tempi
        assert back.keys == score.keys
        assert back.end == score.end

    def test_title_sections_and_all_maps_are_read_back(self, suffix, tmp_path):
        assert read(write(TITLED, tmp_path / f"a.{suffix}")) == TITLED

    def test_repeated_notes_stay_apart_and_long_notes_whole(self, suffix, tmp_path):
        score = Score(make_notes([(0, 960, 62), (960, 960, 62), (1920, 5040, 62)]), metres=(Metre(0, 4, 4),), end=7680)
        assert sounding(read(write(score, tmp_path / f"a.{suffix}"))) == sounding(score)

    def test_overlapping_notes_of_one_voice_are_all_there(self, suffix, tmp_path):
        rows = [(0, 1920, 38), (240, 1680, 45), (480, 480, 50), (960, 240, 52)]
        score = Score(make_notes(rows), metres=(Metre(0, 4, 4),))
        assert sounding(read(write(score, tmp_path / f"a.{suffix}"))) == sounding(score)

    @given(
        rows=st.lists(
            st.tuples(st.integers(0, 3000), st.integers(1, 2000), st.integers(21, 108)), min_size=1, max_size=12
        ),
        base=st.sampled_from([480, 96, 1000, 10080]),
    )
    @settings(max_examples=15, deadline=None, phases=QUICK)
    def test_music_off_the_grid_is_written_on_it(self, rows, base, suffix, tmp_path_factory):
        score = Score(make_notes(rows), ticks_per_quarter=base)
        back = read(write(score, tmp_path_factory.mktemp("notation") / f"a.{suffix}"))
        assert {int(p) for p in back.notes["pitch"]} == {pitch for _, _, pitch in rows}

    def test_nothing_to_write_is_said(self, suffix, tmp_path):
        with pytest.raises(WriteError, match="no notes"):
            write(Score(make_notes()), tmp_path / f"a.{suffix}")

    def test_music_of_unknown_metre(self, suffix, tmp_path):
        score = Score(make_notes([(0, 4800, 60), (4800, 240, 62)]))
        back = read(write(score, tmp_path / f"a.{suffix}"))
        assert sounding(back) == sounding(score)
        assert back.metres == ()


class TestMusicXml:
    def test_opens_in_music21_without_a_warning(self, tmp_path):
        from music21 import converter

        stream = converter.parse(write(TITLED, tmp_path / "a.musicxml"))
        assert stream.metadata.title == TITLED.title
        assert [p.midi for n in stream.stripTies().flatten().notes for p in n.pitches] == TITLED.notes["pitch"].tolist()

    def test_harmonics_are_marked_as_such(self):
        assert b"<harmonic />" in musicxml.encode(TITLED)

    @pytest.mark.parametrize(
        ("gong", "pitch", "spelling"),
        [
            (5, 70, ("B", "-1", "4")),
            (5, 71, ("B", None, "4")),
            (6, 71, ("B", None, "4")),
            (0, 70, ("B", "-1", "4")),
            (2, 60, ("C", None, "4")),
            (1, 71, ("C", "-1", "5")),
            (6, 65, ("E", "1", "4")),
        ],
    )
    def test_pitches_are_spelt_by_their_degree(self, gong, pitch, spelling):
        from xml.etree.ElementTree import fromstring

        score = Score(make_notes([(0, 480, pitch)]), keys=(Key(0, gong),))
        note = fromstring(musicxml.encode(score).split(b"\n", 2)[2]).find(".//pitch")
        assert tuple(note.findtext(tag) for tag in ("step", "alter", "octave")) == spelling

    def test_velocities_lyrics_and_copyright_are_read_back(self, tmp_path):
        score = Score(
            make_notes([(0, 480, 60, 1), (480, 480, 62, 127), (960, 480, 64, 64)]),
            texts=(Text(0, "la", "lyric"), Text(960, "词", "lyric")),
            metres=(Metre(0, 3, 4),),
        )
        back = read(write(score, tmp_path / "a.musicxml"))
        assert back.notes.tolist() == score.notes.tolist()
        assert back.texts == score.texts

    def test_characters_that_xml_cannot_hold_are_left_out(self, tmp_path):
        score = Score(make_notes([(0, 480, 60)]), title="a\0b\x1b\udc80c")
        assert read(write(score, tmp_path / "a.musicxml")).title == "abc"


class TestJianpu:
    def test_reads_as_a_musician_writes(self):
        assert jianpu.encode(TITLED).decode().splitlines() == [
            "标题: 秋江夜泊 <&>",
            "段: 散起",
            "1=F ♩=66.5 2/4 1o (3: 2_ 3_ 5_ ) | [1 1']~ - |",
            "段: B",
            "♩=50 3/4 [1 1'] - - | 5, 1. 1,,u_ ||",
        ]

    def test_a_text_with_a_label_keeps_it_and_another_gets_one(self):
        score = Score(make_notes([(0, 480, 60)]), texts=(Text(0, "打谱: 某人"), Text(0, "a // b\nc")))
        assert jianpu.encode(score).decode().splitlines()[:2] == ["打谱: 某人", "注: a / / b c"]


def test_every_bar_of_every_layer_is_full():
    laid_out = page(TITLED)
    for part in laid_out.parts:
        for bar, layers in zip(laid_out.bars, part, strict=True):
            assert all(sum(sign.length for sign in layer) == bar.length for layer in layers)


class TestSectionsInJianpu:
    """On paper sections have their names in hanzi, harmonics are a remark, and a tempo stands where it changes."""

    @pytest.mark.parametrize(
        ("name", "paper"),
        [
            ("SANQI", "散起"),
            ("RUDIAO 2", "入调 二"),
            ("DUAN 12", "段 十二"),
            ("NONG 30", "弄 三十"),
            ("A", "A"),
            ("QI X",) * 2,
        ],
    )
    def test_names(self, name, paper):
        assert jianpu.section_name(name) == paper

    def test_marks_of_a_piece_are_read_back(self):
        marks = (Section(0, "SANQI"), Section(960, "FAN_START"), Section(1920, "RUDIAO 1"), Section(1920, "FAN_END"))
        tempi = (Tempo(0, 60.0), Tempo(1920, 60.0), Tempo(2880, 72.0))
        notes = make_notes([(480 * place, 480, 60 + 2 * (place % 3)) for place in range(8)])
        data = jianpu.encode(
            Score(notes, sections=marks, tempi=tempi, metres=(Metre(0, 2, 4),), keys=(Key(0, 0, None),))
        )
        text = data.decode("utf-8")
        assert "FAN" not in text
        assert text.count("♩=") == 2
        (reading,) = read_jianpu(data, "a")
        assert [(mark.tick, mark.name) for mark in reading.score.sections] == [(0, "散起"), (1920, "入调 一")]
        assert [(t.tick, t.text) for t in reading.score.texts] == [(960, "注: 泛起"), (1920, "注: 泛止")]
        assert reading.score.notes["pitch"].tolist() == notes["pitch"].tolist()
        assert jianpu.encode(replace(reading.score, title="")) == data
