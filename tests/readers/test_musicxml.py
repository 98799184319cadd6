"""MusicXML: what is on the page arrives, and what is no page is refused with a reason."""

from __future__ import annotations

import contextlib
import io
import os
import random
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symgen.errors import ReadError
from symgen.readers import _mxl, musicxml
from symgen.score import Key, Metre, Section, Technique, Tempo


def note(step="C", duration=4, octave=4, inside="", notations="", before=""):
    return (
        f"<note>{before}<pitch><step>{step}</step><octave>{octave}</octave></pitch>"
        f"<duration>{duration}</duration>{inside}<notations>{notations}</notations></note>"
    )


def grace(step):
    return f"<note><grace/><pitch><step>{step}</step><octave>4</octave></pitch><type>16th</type></note>"


def attributes(beats=4, unit=4, extra="", divisions=4):
    return (
        f"<attributes><divisions>{divisions}</divisions>{extra}"
        f"<time><beats>{beats}</beats><beat-type>{unit}</beat-type></time></attributes>"
    )


def page(*measures, part="Guzheng", others=()):
    parts = [measures, *others]
    names = "".join(f'<score-part id="P{i}"><part-name>{part}</part-name></score-part>' for i in range(len(parts)))
    body = "".join(
        f'<part id="P{i}">' + "".join(f'<measure number="{n}">{m}</measure>' for n, m in enumerate(ms, 1)) + "</part>"
        for i, ms in enumerate(parts)
    )
    return f"<score-partwise><part-list>{names}</part-list>{body}</score-partwise>".encode()


def read(*measures, **options):
    (reading,) = musicxml.read(page(*measures, **options), "piece.xml")
    return reading


def rows(score):
    """Return (onset, duration) in quarters, and pitch."""
    quarter = score.ticks_per_quarter
    return [(n["onset"] / quarter, n["duration"] / quarter, int(n["pitch"])) for n in score.notes]


TIE_START, TIE_STOP = '<tie type="start"/>', '<tie type="stop"/>'


def test_a_tie_over_the_bar_line_is_one_note():
    reading = read(
        attributes(2) + note("C", 4) + note("D", 4, inside=TIE_START),
        note("D", 4, inside=TIE_STOP + TIE_START) + note("D", 4, inside=TIE_STOP),
    )
    assert rows(reading.score) == [(0, 1, 60), (1, 3, 62)]
    assert not reading.lost
    assert not reading.mended


def test_a_tie_stop_without_start_is_struck_and_counted():
    reading = read(attributes(1) + note("C", 4, inside=TIE_STOP))
    assert rows(reading.score) == [(0, 1, 60)]
    assert reading.mended == {"tie-without-start": 1}


def test_ties_inside_chords_hold_only_their_own_note():
    chord = "<chord/>"
    reading = read(
        attributes(2)
        + note("C", 4, inside=TIE_START)
        + note("E", 4, before=chord)
        + note("C", 4, inside=TIE_STOP)
        + note("G", 4, before=chord),
    )
    assert rows(reading.score) == [(0, 2, 60), (0, 1, 64), (1, 1, 67)]


def test_metres_change_where_the_page_says():
    score = read(
        attributes(2) + note("C", 8), note("D", 8), attributes(3, 8) + note("E", 6), attributes(2) + note("F", 8)
    ).score
    assert score.metres == (Metre(0, 2, 4), Metre(1920, 3, 8), Metre(2640, 2, 4))
    assert list(score.bar_starts()) == [0, 960, 1920, 2640]


def test_a_pick_up_and_a_bar_of_odd_length_keep_later_bars_on_their_lines():
    reading = read(attributes(2) + note("C", 2), note("D", 8), note("E", 12), note("F", 8), note("G", 4))
    assert reading.mended == {"irregular-bar": 2}
    assert reading.score.metres == (Metre(0, 1, 8), Metre(240, 2, 4), Metre(1200, 3, 4), Metre(2640, 2, 4))
    assert list(reading.score.bar_starts()) == [0, 240, 1200, 2640, 3600]


def test_a_bar_short_by_a_rounding_error_is_a_whole_bar():
    reading = read(attributes(2, divisions=10080) + "".join(note("C", 2879) for _ in range(7)), note("D", 20160))
    assert reading.mended == {"rounded-bar": 1}
    assert list(reading.score.bar_starts() / reading.score.ticks_per_quarter) == [0, 2]


@pytest.mark.parametrize(("divisions", "count", "base"), [(3, 3, 480), (5, 5, 480), (7, 7, 10080), (9, 9, 10080)])
def test_the_time_base_holds_every_tuplet_exactly(divisions, count, base):
    score = read(attributes(1, divisions=divisions) + note("C", 1) * count).score
    assert score.ticks_per_quarter == base
    assert len(set(score.notes["duration"])) == 1
    assert score.end == base


def test_staccato_in_a_guqin_part_is_a_harmonic_for_its_own_note_alone():
    staccato = "<articulations><staccato/></articulations>"
    measure = attributes(1) + note("C", 4) + note("G", 4, before="<chord/>", notations=staccato)
    guqin = read(measure, part="古琴")
    assert list(guqin.score.notes["technique"]) == [Technique.PLUCK, Technique.HARMONIC]
    assert not guqin.lost
    piano = read(measure, part="钢琴")
    assert list(piano.score.notes["technique"]) == [Technique.PLUCK, Technique.PLUCK]
    assert piano.lost == {"articulation": 1}


@pytest.mark.parametrize(
    ("notations", "technique"),
    [
        ("<technical><harmonic/></technical>", Technique.HARMONIC),
        ("<technical><open-string/></technical>", Technique.OPEN),
        ("<ornaments><tremolo>3</tremolo></ornaments>", Technique.TREMOLO),
        ('<ornaments><wavy-line type="start"/></ornaments>', Technique.VIBRATO),
        ('<glissando type="start"/>', Technique.GLISSANDO),
    ],
)
def test_notations_become_techniques(notations, technique):
    reading = read(attributes(1) + note("C", 4, notations=notations))
    assert list(reading.score.notes["technique"]) == [technique]
    assert not reading.lost


@pytest.mark.parametrize(("target", "technique"), [("E", Technique.SLIDE_UP), ("A", Technique.SLIDE_DOWN)])
def test_a_slide_goes_where_its_second_note_lies(target, technique):
    octave = 4 if target == "E" else 3
    score = read(
        attributes(2)
        + note("C", 4, notations='<slide type="start"/>')
        + note(target, 4, octave, notations='<slide type="stop"/>')
    ).score
    assert list(score.notes["technique"]) == [technique, Technique.PLUCK]


def test_what_has_no_place_is_counted():
    notations = "<fermata/><arpeggiate/><technical><fingering>1</fingering></technical>"
    direction = "<direction><direction-type><dynamics><p/></dynamics></direction-type></direction>"
    reading = read(attributes(1) + direction + note("C", 4, notations=notations))
    assert reading.lost == {"fermata": 1, "arpeggio": 1, "fingering": 1, "dynamics": 1}


def test_grace_notes_take_from_the_note_they_lead_to_and_move_nothing_else():
    score = read(attributes(2) + note("C", 4) + grace("D") + grace("E") + note("F", 2) + note("G", 2)).score
    assert rows(score) == [(0, 1, 60), (1, 0.125, 62), (1.125, 0.125, 64), (1.25, 0.25, 65), (1.5, 0.5, 67)]
    assert list(score.notes["technique"]) == [0, Technique.GRACE, Technique.GRACE, 0, 0]


def barline(inside):
    return f"<barline>{inside}</barline>"


def test_repeats_and_endings_are_played():
    reading = read(
        attributes(1) + barline('<repeat direction="forward"/>') + note("C", 4),
        barline('<ending number="1" type="start"/>')
        + note("D", 4)
        + barline('<ending number="1" type="stop"/><repeat direction="backward"/>'),
        barline('<ending number="2" type="start"/>') + note("E", 4) + barline('<ending number="2" type="stop"/>'),
        note("F", 4),
    )
    assert [pitch for _, _, pitch in rows(reading.score)] == [60, 62, 60, 64, 65]
    assert reading.mended == {"repeat-expanded": 1}


def test_da_capo_al_fine():
    reading = read(
        attributes(1) + note("C", 4) + '<direction><sound fine="yes"/></direction>',
        note("D", 4) + '<direction><sound dacapo="yes"/></direction>',
    )
    assert [pitch for _, _, pitch in rows(reading.score)] == [60, 62, 60]


def test_transposing_parts_sound_where_they_sound():
    extra = "<key><fifths>2</fifths></key>"
    transpose = "<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose>"
    measure = attributes(1, extra=extra).replace("</attributes>", transpose + "</attributes>") + note("D", 4)
    score = read(measure).score
    assert rows(score) == [(0, 1, 60)]
    assert score.keys == (Key(0, 0),)


def test_key_tempo_title_and_marks():
    direction = (
        "<direction><direction-type><rehearsal>一</rehearsal></direction-type><direction-type><metronome>"
        "<beat-unit>eighth</beat-unit><per-minute>120</per-minute></metronome></direction-type></direction>"
    )
    reading = read(attributes(1, extra="<key><fifths>-1</fifths></key>") + direction + note("C", 4))
    assert reading.score.keys == (Key(0, 5),)
    assert reading.score.tempi == (Tempo(0, 60.0),)
    assert reading.score.sections == (Section(0, "一"),)
    assert reading.score.title == "piece"
    assert read(attributes(1) + note("C", 4)).score.keys == ()


def test_voices_of_parts_and_within_parts_are_numbered_without_gaps():
    first = (
        attributes(2)
        + note("C", 8, inside="<voice>1</voice>")
        + "<backup><duration>8</duration></backup><forward><duration>4</duration><voice>5</voice></forward>"
        + note("E", 4, inside="<voice>5</voice>")
    )
    score = read(first, others=([attributes(2) + note("G", 8)],)).score
    assert [(int(n["onset"]), int(n["pitch"]), int(n["voice"])) for n in score.notes] == [
        (0, 60, 0),
        (0, 67, 2),
        (480, 64, 1),
    ]


def test_long_scores_keep_divisions_metre_transposition_and_ties_throughout():
    transpose = "<transpose><chromatic>-2</chromatic></transpose>"
    first = attributes(1).replace("</attributes>", transpose + "</attributes>") + note("D", 4, inside=TIE_START)
    middle = note("D", 4, inside=TIE_STOP + TIE_START)
    late_metre = "<attributes><time><beats>2</beats><beat-type>4</beat-type></time></attributes>"
    reading = read(first, *[middle] * 71, late_metre + note("D", 4, inside=TIE_STOP) + note("E", 4), "")
    assert rows(reading.score) == [(0, 73, 60), (73, 1, 62)]
    assert reading.score.metres == (Metre(0, 1, 4), Metre(72 * 480, 2, 4))
    assert reading.score.end == 76 * 480
    assert not reading.mended


def test_timewise_scores_are_read_too():
    data = page(attributes(1) + note("C", 4), note("D", 4))
    timewise = data.replace(b"score-partwise", b"score-timewise")
    timewise = timewise.replace(b'<part id="P0">', b"").replace(b"</part>", b"")
    timewise = timewise.replace(b"<attributes>", b'<part id="P0"><attributes>', 1)
    timewise = timewise.replace(b'<measure number="2">', b'<measure number="2"><part id="P0">')
    timewise = timewise.replace(b"</measure>", b"</part></measure>")
    (reading,) = musicxml.read(timewise, "t.xml")
    assert rows(reading.score) == [(0, 1, 60), (1, 1, 62)]


# -- files that are not what they seem --


def packed(data, *, container=True, members=1):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        if container:
            root = '<container><rootfiles><rootfile full-path="s/a.xml"/></rootfiles></container>'
            archive.writestr("META-INF/container.xml", root)
        for i in range(members):
            archive.writestr("s/a.xml" if i == 0 else f"x{i}", data if i == 0 else "")
    return stream.getvalue()


NO_SCORE = packed(b"").replace(b"s/a.xml", b"s/a.txt")


@pytest.mark.parametrize("container", [True, False])
def test_packed_scores(container):
    data = packed(page(attributes(1) + note("C", 4)), container=container)
    assert musicxml.sniff(data, ".mxl")
    (reading,) = musicxml.read(data, "a.mxl")
    assert rows(reading.score) == [(0, 1, 60)]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (packed(b" " * 2**21), "MAX_RATIO"),
        (packed(b"<a/>", members=1001), "MAX_MEMBERS"),
        (packed(page())[:-30], "damaged"),
        (NO_SCORE, "without a score"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><score-partwise>&b;</score-partwise>', "entities"),
        (b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><score-partwise/>', "entities"),
        (b"<a>" * 100, "MAX_DEPTH"),
        (b"<score-partwise><part-list/>", "well-formed"),
        (b"<html/>", "<html>"),
        (page(), "no music"),
        (page(attributes(1) + note("C", 10**11)), "MAX_QUARTERS"),
        (page(attributes(1) + note("C", "1e99")), "1e99"),
        (page(attributes(1, divisions=0) + note("C", 1)), "divisions"),
        (page(attributes(99999999) + note("C", 1)), "<beats> 99999999"),
        (page(attributes(4, 80) + note("C", 1)), "power of two"),
        (page(attributes(4) + note("C", 1, octave=400)), "octave"),
    ],
)
def test_what_is_refused_and_why(data, message):
    with pytest.raises(ReadError, match=message):
        musicxml.read(data, "bad.xml")


def test_unpacked_size_is_bounded(monkeypatch):
    monkeypatch.setattr(_mxl, "MAX_UNPACKED_BYTES", 1000)
    with pytest.raises(ReadError, match="MAX_UNPACKED_BYTES"):
        musicxml.read(packed(random.Random(0).randbytes(2000)), "bad.mxl")


def test_a_member_that_lies_about_its_size_is_bounded_too(monkeypatch):
    data = packed(b"x" * 50_000, container=False)
    monkeypatch.setattr(_mxl, "MAX_UNPACKED_BYTES", 1000)
    lied = data.replace((50_000).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    with pytest.raises(ReadError):
        musicxml.read(lied, "bad.mxl")


def test_sniffing_goes_by_content():
    data = page(attributes(1) + note("C", 4))
    assert musicxml.sniff(data, ".txt")
    assert musicxml.sniff(data.decode().encode("utf-16"), "")
    assert not musicxml.sniff(b"<html></html>", ".xml")
    assert not musicxml.sniff(b"MThd\0\0\0\6", ".mxl")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_files_raise_only_read_errors(data):
    whole = bytearray(page(attributes(2) + note("C", 4, inside=TIE_START) + grace("D"), note("C", 8, inside=TIE_STOP)))
    kind = data.draw(st.sampled_from(["cut", "flip", "junk"]))
    if kind == "cut":
        damaged = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    elif kind == "junk":
        damaged = data.draw(st.binary(max_size=200))
    else:
        for _ in range(data.draw(st.integers(1, 4))):
            whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(32, 126))
        damaged = bytes(whole)
    musicxml.sniff(damaged, ".xml")
    with contextlib.suppress(ReadError):
        musicxml.read(damaged, "damaged.xml")


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 400))
def test_damaged_archives_raise_only_read_errors(junk, position):
    whole = packed(page(attributes(1) + note("C", 4)))
    damaged = whole[:position] + junk + whole[position + len(junk) :]
    with contextlib.suppress(ReadError):
        musicxml.read(damaged, "damaged.mxl")


def test_real_guqin_pieces_have_every_attack():
    """The four shortest of the published pieces: notes counted from the elements alone."""
    folder = _shared_data() / "guqin" / "xml"
    if not folder.is_dir():
        pytest.skip("the guqin data is not here")
    for path in sorted(folder.glob("*.xml"), key=lambda p: p.stat().st_size)[:4]:
        data = path.read_bytes()
        (reading,) = musicxml.read(data, path.name)
        root = ElementTree.fromstring(data)
        attacks = [
            n
            for n in root.iter("note")
            if n.find("pitch") is not None and not any(tie.get("type") == "stop" for tie in n.findall("tie"))
        ]
        harmonics = sum(n.find(".//staccato") is not None for n in attacks)
        assert len(reading.score) == len(attacks)
        assert (reading.score.notes["technique"] == Technique.HARMONIC).sum() == harmonics
        assert len(reading.score.bar_starts()) == len(list(root.iter("measure")))


def _shared_data():
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    return Path(os.environ.get("SYMGEN_SHARED_DATA", beside))
