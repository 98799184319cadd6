"""ABC notation: each construct on a small example, then the real pieces where they are at hand."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symgen.errors import ReadError
from symgen.readers import abc, read_pieces
from symgen.score import Key, Metre, Section, Technique, Tempo, Text

HEADER = "X:1\nT:Tune\nM:4/4\nL:1/4\nK:C\n"


def one(text, name="tune.abc"):
    (reading,) = abc.read(text.encode(), name)
    return reading


def heard(body, header=HEADER):
    """Return (onset, duration, pitch) in quarter notes of a tune's notes."""
    score = one(header + body + "\n").score
    notes = score.notes[["onset", "duration", "pitch"]].tolist()
    return [(onset / score.ticks_per_quarter, ticks / score.ticks_per_quarter, pitch) for onset, ticks, pitch in notes]


def pitches(body, header=HEADER):
    return [pitch for _, _, pitch in heard(body, header)]


def test_pitches_octaves_and_accidentals():
    assert pitches("C,, C, C c c' ^F _B =F ^^c __d") == [36, 48, 60, 72, 84, 66, 70, 65, 74, 72]


def test_lengths_rests_and_chords():
    assert heard("C2 z/ D/ E3/2 F/ | [CEG]2 G") == [
        (0, 2, 60),
        (2.5, 0.5, 62),
        (3, 1.5, 64),
        (4.5, 0.5, 65),
        (5, 2, 60),
        (5, 2, 64),
        (5, 2, 67),
        (7, 1, 67),
    ]


def test_a_chord_lasts_as_long_as_its_first_note():
    assert heard("[C2E4]D") == [(0, 2, 60), (0, 4, 64), (2, 1, 62)]


@pytest.mark.parametrize(
    ("metre", "quarters"), [("4/4", 0.5), ("2/4", 0.25), ("3/4", 0.5), ("6/8", 0.5), ("none", 0.5), ("C|", 0.5)]
)
def test_the_unit_length_follows_from_the_metre(metre, quarters):
    assert heard("C", f"X:1\nM:{metre}\nK:C\n")[0][1] == quarters


class TestAccidentals:
    def test_hold_to_the_end_of_the_bar(self):
        assert pitches("^F F =F F | F") == [66, 66, 65, 65, 65]

    def test_follow_the_key(self):
        assert pitches("F C B =F F | F", "X:1\nL:1/4\nK:D\n") == [66, 61, 71, 65, 65, 66]

    def test_go_over_the_bar_line_with_a_tie_and_no_further(self):
        assert heard("^F4- | F2 F2 | F4") == [(0, 6, 66), (6, 2, 65), (8, 4, 65)]


class TestTies:
    def test_over_a_bar_line(self):
        assert heard("C2 D2- | D2 E2") == [(0, 2, 60), (2, 4, 62), (6, 2, 64)]

    def test_of_whole_and_half_chords(self):
        assert heard("[C-E-]2 [CE]2") == [(0, 4, 60), (0, 4, 64)]
        assert heard("[C-E]2 [CE]2") == [(0, 4, 60), (0, 2, 64), (2, 2, 64)]
        assert heard("[CE]2- [CE]2") == [(0, 4, 60), (0, 4, 64)]

    def test_under_a_moving_voice(self):
        assert heard("[C-E][C-F][CG]") == [(0, 3, 60), (0, 1, 64), (1, 1, 65), (2, 1, 67)]

    def test_that_lead_nowhere_are_counted(self):
        reading = one(HEADER + "C2- D2|\n")
        assert [row[1] for row in reading.score.notes.tolist()] == [960, 960]
        assert reading.mended == {"open-tie": 1}


class TestRhythm:
    def test_broken(self):
        assert [ticks for _, ticks, _ in heard("C>D E<F C>>D")] == [1.5, 0.5, 0.5, 1.5, 1.75, 0.25]

    def test_tuplets(self):
        assert [round(ticks * 3) for _, ticks, _ in heard("(3CDE (3:2:2C2D")] == [2, 2, 2, 4, 2]
        assert [onset for onset, _, _ in heard("(5CDEFG A")][-1] == pytest.approx(2)

    def test_tuplets_are_exact_whatever_their_number(self):
        score = one(HEADER + "(7:4:7CDEFGAB c4|\n").score
        assert score.notes["onset"][-1] == 4 * score.ticks_per_quarter
        assert len({int(ticks) for ticks in score.notes["duration"][:7]}) == 1

    def test_grace_notes_take_from_the_next_note_and_move_no_other(self):
        score = one(HEADER + "C {de}E G z|\n").score
        kept = score.notes[score.notes["technique"] == Technique.PLUCK]
        graces = score.notes[score.notes["technique"] == Technique.GRACE]
        assert graces[["onset", "duration", "pitch"]].tolist() == [(480, 60, 74), (540, 60, 76)]
        assert kept[["onset", "duration"]].tolist() == [(0, 480), (600, 360), (960, 480)]

    def test_grace_notes_before_a_short_note_take_half_of_it(self):
        score = one(HEADER + "{de}C/8 D|\n").score
        assert score.notes["duration"].tolist() == [15, 15, 30, 480]
        assert score.notes["onset"].tolist() == [0, 15, 30, 60]

    def test_grace_notes_before_nothing_are_lost(self):
        assert one(HEADER + "C {d}z|\n").lost == {"grace": 1}


class TestRepeats:
    @pytest.mark.parametrize(
        ("body", "order"),
        [
            ("|:C D:|E F|", "CDCDEF"),
            ("C D:|E F|", "CDCDEF"),
            ("|:C D|1 E:|2 F|]G", "CDECDFG"),
            ("|:C D|[1 E:|[2 F|]", "CDECDF"),
            ("C D::E F:|", "CDCDEFEF"),
            ("C D:|:E F:|", "CDCDEFEF"),
            ("C D:||:E F:|", "CDCDEFEF"),
            ("|:C|1,3 D:|2 E:|4 F|]", "CDCECDCF"),
            ("|:C|1-2 D:|3 E|]", "CDCDCE"),
            ("|::C::|D", "CCCD"),
            ("|:C|1 D:|2 E||F|1 G:|2 A|]", "CDCEFGFA"),
            ("C D|E F|]", "CDEF"),
        ],
    )
    def test_are_played_out(self, body, order):
        assert pitches(body) == pitches(" ".join(order))

    def test_a_line_may_begin_with_a_note_before_a_repeat_sign(self):
        assert pitches("|:C D|\nE:|\nG:|") == pitches("CDECDEGG")

    def test_take_changes_of_key_with_them(self):
        reading = one(HEADER + "|:F|[K:G][M:3/4]F3:|\n")
        assert reading.score.notes["pitch"].tolist() == [65, 66, 65, 66]
        assert [(key.tick, key.gong) for key in reading.score.keys] == [(0, 0), (480, 7), (1920, 0), (2400, 7)]
        assert [(m.tick, m.numerator) for m in reading.score.metres] == [(0, 4), (480, 3), (1920, 4), (2400, 3)]

    @pytest.mark.parametrize("body", ["|:::::::::::::C::::::::::::::|", "|:" * 300 + "C" + ":|" * 300, "|1 C" * 400])
    def test_never_run_away(self, body):
        assert len(heard(body)) < 5000


class TestFields:
    @pytest.mark.parametrize(
        ("field", "key"),
        [
            ("C", Key(0, 0)),
            ("D", Key(0, 2)),
            ("Bb", Key(0, 10)),
            ("F#", Key(0, 6)),
            ("Am", Key(0, 0, "yu")),
            ("Amin", Key(0, 0, "yu")),
            ("D dorian", Key(0, 0, "shang")),
            ("Ddor", Key(0, 0, "shang")),
            ("Amix", Key(0, 2, "zhi")),
            ("E Phrygian", Key(0, 0, "jue")),
            ("F lydian", Key(0, 0)),
            ("G clef=bass", Key(0, 7)),
            ("D treble", Key(0, 2)),
        ],
    )
    def test_keys_name_the_gong(self, field, key):
        assert one(f"X:1\nL:1/4\nK:{field}\nC|\n").score.keys == (key,)

    @pytest.mark.parametrize("field", ["none", "", "Cexp ^f"])
    def test_keys_that_name_no_gong(self, field):
        assert one(f"X:1\nL:1/4\nK:{field}\nC|\n").score.keys == ()

    def test_keys_with_further_accidentals(self):
        assert pitches("F G", "X:1\nL:1/4\nK:D ^g\n") == [66, 68]
        assert pitches("F C", "X:1\nL:1/4\nK:D exp _c\n") == [65, 59]

    @pytest.mark.parametrize(
        ("field", "qpm"),
        [
            ("1/4=76", 76),
            ("3/8=60", 90),
            ("1/2=40", 80),
            ('"Lento" 1/4=50', 50),
            ("120", 60),
            ("C=90", 45),
            ("1/4=52.5", 52.5),
        ],
    )
    def test_tempi(self, field, qpm):
        assert one(f"X:1\nL:1/8\nQ:{field}\nK:C\nC|\n").score.tempi == (Tempo(0, qpm),)

    def test_nothing_is_assumed_that_the_tune_does_not_say(self):
        score = one("X:1\nK:none\nCDE|\n").score
        assert (score.tempi, score.metres, score.keys) == ((), (), ())

    def test_changes_inside_the_tune(self):
        score = one(HEADER + "C4|[M:3/4][K:G][Q:1/4=60]F3|\nM:2/4\nK:Am\nF2|\n").score
        assert score.metres == (Metre(0, 4, 4), Metre(1920, 3, 4), Metre(3360, 2, 4))
        assert score.keys == (Key(0, 0), Key(1920, 7), Key(3360, 0, "yu"))
        assert score.tempi == (Tempo(0, 60.0), Tempo(1920, 60.0))
        assert score.notes["pitch"].tolist() == [60, 66, 65]

    def test_a_short_first_bar_gets_a_metre_of_its_own(self):
        reading = one(HEADER + "G | C D E F | G4 |\n")
        assert reading.score.metres == (Metre(0, 1, 4), Metre(480, 4, 4))
        assert reading.score.bar_starts().tolist() == [0, 480, 2400]
        assert reading.mended == {"pickup-bar": 1}

    def test_titles_parts_and_lyrics(self):
        reading = one("X:1\nT:Caf\\'e\nT:second\nK:C\nP:A\nC|\nw:la\nP:B\nD|\n")
        assert reading.score.title == "Café"
        assert reading.score.texts == (Text(0, "second"),)
        assert reading.score.sections == (Section(0, "A"), Section(240, "B"))
        assert reading.lost == {"lyric": 1}

    def test_bad_fields_are_counted_and_passed_over(self):
        reading = one("X:1\nM:7/x\nL:0\nQ:fast\nK:H\nC|\n")
        assert reading.mended == {"bad-M": 1, "bad-L": 1, "bad-Q": 1, "bad-K": 1}


class TestVoices:
    def test_are_numbered_as_they_come(self):
        score = one(HEADER.replace("K:C", "V:1\nV:2\nK:C") + "[V:1]C D|\n[V:2]C,4|\n[V:1]E F|\n").score
        assert score.notes[["onset", "pitch", "voice"]].tolist() == [
            (0, 60, 0),
            (0, 48, 1),
            (480, 62, 0),
            (960, 64, 0),
            (1440, 65, 0),
        ]

    def test_overlays_sound_together(self):
        assert heard("C2 D2 & E4 | F4") == [(0, 2, 60), (0, 4, 64), (2, 2, 62), (4, 4, 65)]

    def test_transposition(self):
        assert pitches("V:1 transpose=-12\nC") == [48]


def test_what_has_no_place_is_counted():
    reading = one(HEADER + '"Am"C "^slow"D ~E !trill!F | .G !open!A !tremolo!B y {/c}d|\n%%MIDI program 1\nw: la\n')
    assert reading.lost == {"chord-symbol": 1, "annotation": 1, "decoration": 4, "lyric": 1, "directive": 1}
    by_pitch = dict(reading.score.notes[["pitch", "technique"]].tolist())
    assert by_pitch[69] == Technique.OPEN
    assert by_pitch[72] == Technique.GRACE
    assert by_pitch[60] == Technique.PLUCK


def test_decorations_and_quotes_inside_chords_are_no_notes():
    assert pitches('["Em"C!open!E]') == [60, 64]


class TestBooks:
    def test_every_tune_is_a_reading(self):
        tunes = ["X:1\nT:A\nK:C\nCD|\n", "X:2\nT:B\nK:G\nF2|\n", "X:3\nT:empty\nK:C\n"]
        book = "M:2/4\nL:1/4\n\nsome words about the book\n\n" + "\n".join(tunes)
        readings = abc.read(book.encode(), "book.abc")
        assert [reading.score.title for reading in readings] == ["A", "B"]
        assert [reading.score.metres for reading in readings] == [(Metre(0, 2, 4),)] * 2
        assert readings[1].score.notes["pitch"].tolist() == [66]
        assert readings[0].lost["tune-without-notes"] == 1

    def test_free_text_behind_a_tune_is_no_music(self):
        reading = one(HEADER + "CDEF|\n\nThis tune was found in an old book.\n")
        assert len(reading.score) == 4
        assert reading.lost == {"free-text": 1}

    def test_a_file_without_a_tune_number_and_with_a_blank_line(self):
        text = "L:1/32\nM:4/4\nQ:1/4=76\nK:D\nV:1 treble\n\n[V:1]z16 F8 E8|\n[V:1]F32|\n"
        assert abc.sniff(text.encode(), ".abc")
        assert abc.sniff(text.encode(), "")
        reading = one(text, "百家春.abc")
        assert reading.score.notes["pitch"].tolist() == [66, 64, 66]
        assert reading.score.title == "百家春"
        assert reading.mended == {"missing-X": 1, "blank-line": 1}

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
    def test_titles_in_chinese(self, encoding):
        text = HEADER.replace("Tune", "高山流水") + "CDEF|\n"
        (reading,) = abc.read(text.encode(encoding), "x.abc")
        assert reading.score.title == "高山流水"

    @pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
    def test_any_line_ending(self, newline):
        assert len(one((HEADER + "CD|\nEF|\n").replace("\n", newline)).score) == 4


@pytest.mark.parametrize("text", ["X:1\nK:C\n", "X:1\nT:only words\nK:C\n%nothing\n", HEADER + "z4|"])
def test_tunes_without_notes_are_a_read_error(text):
    with pytest.raises(ReadError, match=r"tune\.abc holds no notes"):
        one(text)


def test_an_endless_tune_is_a_read_error():
    with pytest.raises(ReadError, match="quarter notes"):
        one(HEADER + "C256|" * 2000)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="ABCDEFGabcdefgz,'^_=0123456789/|:[]{}()<>-&\"!.~ \nKLMQV%", max_size=120))
def test_any_music_code_is_read_or_refused(body):
    try:
        readings = abc.read((HEADER + "C" + body).encode(), "any.abc")
    except ReadError:
        return
    assert all(len(reading.score) for reading in readings)


@pytest.mark.parametrize("text", ["<?xml version='1.0'?>\n<a>\nK:C\n|", "**kern\nC|", "Dear all,\nQ: why | not\n"])
def test_other_texts_are_not_taken_for_abc(text):
    assert not abc.sniff(text.encode(), "")


def guzheng_folder() -> Path:
    shared = os.environ.get("SYMGEN_SHARED_DATA")
    return (Path(shared) if shared else Path(__file__).parents[3] / "shared" / "data") / "guzheng"


@pytest.mark.skipif(not (guzheng_folder() / "expected.tsv").exists(), reason="the guzheng pieces are not at hand")
def test_the_guzheng_pieces_have_the_attacks_range_and_length_that_they_should():
    folder = guzheng_folder()
    with (folder / "expected.tsv").open(encoding="utf-8") as table:
        expected = list(csv.DictReader(table, delimiter="\t"))
    assert len(expected) == 12
    for row in expected:
        (piece,) = read_pieces(folder / "abc" / row["file"])
        pitch = piece.score.notes["pitch"]
        assert len(piece.score) == int(row["attacks"]), row["file"]
        assert (pitch.min(), pitch.max()) == (int(row["midi_low"]), int(row["midi_high"])), row["file"]
        assert piece.score.seconds == pytest.approx(float(row["seconds_as_written"]), abs=0.06), row["file"]
        assert piece.score.keys == (Key(0, 2),)
