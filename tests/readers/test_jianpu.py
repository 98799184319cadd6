"""Jianpu text: what a musician types is what is read."""

from __future__ import annotations

import contextlib
import re
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symgen.errors import ReadError
from symgen.readers import _jianpu_table as table
from symgen.readers import jianpu
from symgen.score import Key, Metre, Section, Technique, Tempo, Text


def read(text):
    (reading,) = jianpu.read(text.encode(), "tune.jianpu")
    return reading


def rows(text):
    """Return (onset, duration) in quarters, and semitones above middle C."""
    score = read(text).score
    quarter = score.ticks_per_quarter
    return [(n["onset"] / quarter, n["duration"] / quarter, int(n["pitch"]) - 60) for n in score.notes]


def pitches(text):
    return [pitch for *_, pitch in rows(text)]


def test_the_example_of_the_grammar():
    assert rows("1=C 2/4\n5 6 | 1' 2' | 3' - | 2' 1' ||") == [
        (0, 1, 7),
        (1, 1, 9),
        (2, 1, 12),
        (3, 1, 14),
        (4, 2, 16),
        (6, 1, 14),
        (7, 1, 12),
    ]


def test_head():
    reading = read("标题：酒狂\n作曲: 阮籍\n1=bB 3/4 ♩=72 // a comment\n段: 一\n1 2 3 |")
    score = reading.score
    assert score.title == "酒狂"
    assert score.keys == (Key(0, 10),)
    assert score.metres == (Metre(0, 3, 4),)
    assert score.tempi == (Tempo(0, 72.0),)
    assert score.sections == (Section(0, "一"),)
    assert score.texts == (Text(0, "作曲: 阮籍", "text"),)
    assert not reading.lost
    assert not reading.mended


@pytest.mark.parametrize(
    ("text", "duration"),
    [("1", 1), ("1_", 0.5), ("1__", 0.25), ("1.", 1.5), ("1_.", 0.75), ("1._", 0.75), ("1..", 1.75), ("1 - -", 3)],
)
def test_lengths(text, duration):
    assert rows("1=C " + text) == [(0, duration, 0)]


@pytest.mark.parametrize(
    ("text", "pitch"),
    [
        ("1", 0),
        ("7", 11),
        ("#4", 6),
        ("♭7", 10),
        ("b3", 3),
        ("1'", 12),
        ("1''", 24),
        ("5,", -5),
        ("5,,", -17),
        ("1\u0307", 12),
        ("6\u0323", -3),
        ("5_'", 19),
        ("n4", 5),
    ],
)
def test_degrees_and_octaves(text, pitch):
    assert pitches("1=C " + text) == [pitch]


@pytest.mark.parametrize(
    ("key", "one"), [("1=C", 0), ("1=F", 5), ("1=bB", 10), ("1 = #F", 6), ("1=G3", -5), ("1=Eb", 3)]
)
def test_keys_move_the_one(key, one):
    assert pitches(f"{key} 1") == [one]


def test_keys_and_metres_change_on_the_way_and_accidentals_hold_for_one_note():
    score = read("1=C 2/4 #4 4 | 3/4 1=G 1 1 1 | 2/4 2 2 |").score
    assert [int(p) - 60 for p in score.notes["pitch"]] == [6, 5, 7, 7, 7, 9, 9]
    assert score.keys == (Key(0, 0), Key(960, 7))
    assert score.metres == (Metre(0, 2, 4), Metre(960, 3, 4), Metre(2400, 2, 4))


def test_signs_need_no_spaces():
    assert rows("1=C 5_6_1'|3--#4") == rows("1=C 5_ 6_ 1' | 3 - - #4")


def test_rests_and_what_holds_them():
    assert rows("1=C 1 0 - 2") == [(0, 1, 0), (3, 1, 2)]


def test_a_dash_after_the_bar_line_holds_the_note_over_it():
    assert rows("1=C 2/4 1 2 | - 3 | - - |") == [(0, 1, 0), (1, 2, 2), (3, 3, 4)]


@pytest.mark.parametrize("text", ["1 5~ | 5 2", "1 (5 | 5) 2", "1~ 1 | 1"])
def test_ties(text):
    assert len(rows("1=C 2/4 " + text)) == len(text.replace("|", "").split()) - text.count("~") - text.count("(")


def test_a_slur_over_different_notes_is_lost_and_counted():
    reading = read("1=C (1 2 3)")
    assert len(reading.score) == 3
    assert reading.lost == {"slur": 1}


def test_tuplets():
    score = read("1=C (3: 1_ 2_ 3_) (3/2: 1 2 3) (5: 1__ 1__ 1__ 1__ 1__)").score
    assert score.ticks_per_quarter == 480
    assert list(score.notes["duration"]) == [160] * 3 + [320] * 3 + [96] * 5
    assert list(score.notes["onset"][:7]) == [0, 160, 320, 480, 800, 1120, 1440]


def test_chords_and_grace_notes():
    reading = read("1=C [1, 5, 1]_ {2 3} 5")
    quarter = reading.score.ticks_per_quarter
    assert [(n["onset"] / quarter, n["duration"] / quarter, int(n["pitch"]) - 60) for n in reading.score.notes] == [
        (0, 0.5, -12),
        (0, 0.5, -5),
        (0, 0.5, 0),
        (0.5, 0.125, 2),
        (0.625, 0.125, 4),
        (0.75, 0.75, 7),
    ]
    assert list(reading.score.notes["technique"]) == [0, 0, 0, Technique.GRACE, Technique.GRACE, 0]


@pytest.mark.parametrize(("sign", "technique"), sorted(table.TECHNIQUES.items()))
def test_techniques_by_letter_and_hanzi(sign, technique):
    score = read(f"1=C 5{sign}_ [1 5]{sign}").score
    assert set(score.notes["technique"]) == {technique}


@pytest.mark.parametrize(
    ("text", "played"),
    [
        ("|: 1 | 2 :| 3", "12123"),
        ("1 :| 2 |: 3 :|", "11233"),
        ("1 |: 2 :|: 3 :| 4", "122334"),
        ("|: 1 | <1> 2 :| <2> 3 || 4", "12134"),
        ("|: 1 | <1> 2 :| <2> 3 :| 4 :|", "121344"),
        ("1 <fine> | 2 <dc> ||", "121"),
        ("1 | <segno> 2 <fine> | 3 | <D.S.> ||", "1232"),
        ("1 <to coda> | 2 <dc> | <coda> 3 ||", "1213"),
        ("|: 1 | <1> 2 :| <2> 3 <fine> || 4 <dc> |", "1213413"),
    ],
)
def test_repeats_endings_and_jumps(text, played):
    degrees = {0: "1", 2: "2", 4: "3", 5: "4"}
    assert "".join(degrees[p] for p in pitches("1=C " + text)) == played


def test_voices_stand_side_by_side():
    score = read("1=C 2/4\n声部: 右手\n1 2 | 3 4 |\n声部: 左手\n1, - | 5, - |").score
    assert [(int(n["onset"]), int(n["pitch"]), int(n["voice"])) for n in score.notes] == [
        (0, 60, 0),
        (0, 48, 1),
        (480, 62, 0),
        (960, 64, 0),
        (960, 55, 1),
        (1440, 65, 0),
    ]


def test_a_pick_up_bar_and_free_metre():
    reading = read("1=C 2/4 5_ | 1 2 | 3 4 |")
    assert reading.score.metres == (Metre(0, 1, 8), Metre(240, 2, 4))
    assert reading.mended == {"irregular-bar": 1}
    assert read("1=C <散板> 1 2 3 | 4 |").score.metres == ()


def test_full_width_signs_mean_the_same():
    assert rows("１＝Ｃ　５＿６＿｜１＇－") == rows("1=C 5_6_|1'-")


def test_a_missing_key_is_told():
    reading = read("1 2 3")
    assert reading.score.keys == ()
    assert reading.mended == {"key-assumed": 1}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_encodings(encoding):
    (reading,) = jianpu.read("标题: 梅花三弄，流水\n1=F 2/4\n1 2 |".encode(encoding), "x.jianpu")
    assert reading.score.title == "梅花三弄，流水"


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("1=C\n5 6 8", "line 2, column 5", "'8' is no sign"),
        ("1 (2 3", "line 1, column 3", "never closed"),
        ("[1 5 | 3]", "line 1, column 6", "inside a chord"),
        ("1 ]", "line 1, column 3", "closes no chord"),
        ("1 }", "line 1, column 3", "closes no grace"),
        ("1 )", "line 1, column 3", "closes nothing"),
        ("- 1", "line 1, column 1", "nothing to hold"),
        ("5/3 1", "line 1, column 1", "no metre"),
        ("1 <2>", "line 1, column 3", "inside a bar"),
        ("<x> 1", "line 1, column 1", "no road sign"),
        ("颜色: 红", "line 1, column 1", "no known field"),
        ("速度: 快", "line 1, column 1", "no tempo"),
        ("1______", "line 1, column 1", "6 underlines"),
        ("[1 5]'", "line 1, column 5", "octave sign"),
    ],
)
def test_errors_name_their_place(text, place, message):
    with pytest.raises(ReadError, match=f"{place}: .*{message}"):
        read(text)


def test_sniffing_goes_by_content():
    assert jianpu.sniff("标题: 例\n1=F 2/4\n5 6 |".encode(), ".txt")
    assert jianpu.sniff(b"5 6 1", ".jianpu")
    assert not jianpu.sniff(b"5 6 1", ".txt")
    assert not jianpu.sniff(b"X:1\nT:a\nK:C\nCDE|", ".jianpu")
    assert not jianpu.sniff(b"MThd\0\0\0\6", ".jianpu")


# -- what is written reads back --

LENGTHS = {
    Fraction(1, 2**lines) * (2 - Fraction(1, 2**dots)): "_" * lines + "." * dots
    for lines in range(4)
    for dots in range(2)
}
LENGTHS |= {Fraction(n): " -" * (n - 1) for n in (2, 3, 4)}

EVENTS = st.lists(
    st.tuples(
        st.sampled_from(sorted(LENGTHS)),
        st.lists(st.integers(36, 96), max_size=3, unique=True),
        st.sampled_from([Technique.PLUCK, *table.TECHNIQUE_SIGNS]),
    ),
    min_size=1,
    max_size=30,
)


def spelled(pitch, gong):
    """Write a pitch above 1=... with the tables that a writer uses."""
    octave, semitones = divmod(pitch - 60 - gong, 12)
    return table.SPELLINGS[semitones] + (table.OCTAVE_UP * octave if octave > 0 else table.OCTAVE_DOWN * -octave)


def written(event, gong):
    length, chord, technique = event
    signs = table.TECHNIQUE_SIGNS.get(technique, "") if chord else ""
    head = [spelled(pitch, gong) for pitch in chord] or [table.REST]
    return (head[0] if len(head) == 1 else f"[{' '.join(head)}]") + signs + LENGTHS[length]


@settings(deadline=None)
@given(EVENTS, st.integers(0, 11))
def test_what_is_written_reads_back(events, gong):
    score = read(f"1={table.KEY_NAMES[gong]} 2/4\n" + " ".join(written(event, gong) for event in events)).score
    time, expected = Fraction(0), []
    for length, chord, technique in events:
        expected += [(time, length, pitch, technique) for pitch in sorted(chord)]
        time += length
    quarter = score.ticks_per_quarter
    found = [
        (
            Fraction(int(n["onset"]), quarter),
            Fraction(int(n["duration"]), quarter),
            int(n["pitch"]),
            int(n["technique"]),
        )
        for n in score.notes
    ]
    assert found == expected
    assert score.end == time * quarter
    assert score.keys == (Key(0, gong),)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="1234567890 #b',._-~^|:()[]{}<>/=CFoavt标题段\n", max_size=60))
def test_nonsense_raises_only_read_errors(text):
    jianpu.sniff(text.encode(), ".jianpu")
    with contextlib.suppress(ReadError):
        jianpu.read(text.encode(), "nonsense.jianpu")


@given(st.binary(max_size=200))
def test_noise_raises_only_read_errors(noise):
    jianpu.sniff(noise, ".jianpu")
    with contextlib.suppress(ReadError):
        jianpu.read(noise, "noise.jianpu")


def test_the_examples_of_the_documentation_read():
    document = Path(__file__).resolve().parents[2] / "docs" / "JIANPU.md"
    blocks = re.findall(r"(?:^    .+\n)+", document.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(blocks) == 3
    for block in blocks:
        assert len(read(re.sub("^    ", "", block, flags=re.MULTILINE)).score) > 3


def test_every_sign_of_the_table_is_documented():
    document = (Path(__file__).resolve().parents[2] / "docs" / "JIANPU.md").read_text(encoding="utf-8")
    for sign in [*table.TECHNIQUES, *table.FIELDS, *table.ACCIDENTALS]:
        assert sign in document
