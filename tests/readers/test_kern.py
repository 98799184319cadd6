"""kern: every sign that bears on pitch and time, and spines that split and join."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symgen.errors import ReadError
from symgen.readers import kern
from symgen.score import Key, Metre, Technique, Tempo


def read_all(*lines, name="song.krn"):
    """Read lines; columns are written with single spaces around bars: `4c | 4e`."""
    return kern.read("\n".join(line.replace(" | ", "\t") for line in lines).encode(), name)


def read(*lines):
    (reading,) = read_all("**kern", *lines, "*-")
    return reading


def rows(score):
    quarter = score.ticks_per_quarter
    return [(n["onset"] / quarter, n["duration"] / quarter, int(n["pitch"])) for n in score.notes]


@pytest.mark.parametrize(
    ("token", "duration", "pitch"),
    [
        ("4c", 1, 60),
        ("8cc", 0.5, 72),
        ("16.C", 0.375, 48),
        ("2..CC#", 3.5, 37),
        ("0b-", 8, 70),
        ("00gn", 16, 67),
        ("1f##", 4, 67),
        ("3%2e", 8 / 3, 64),
        ("12a", 1 / 3, 69),
        ("(8ddL)", 0.5, 74),
        ("1ccxxx#", 4, 73),  # Essen: signs of doubt between letters and accidental
    ],
)
def test_tokens(token, duration, pitch):
    ((onset, length, found),) = rows(read(token).score)
    assert (onset, found) == (0, pitch)
    assert length == pytest.approx(duration, abs=1e-12)


@pytest.mark.parametrize(
    ("interpretation", "gong"),
    [("*C:", 0), ("*B-:", 10), ("*F#:", 6), ("*a:", 0), ("*c:", 3), ("*d:dor", 0), ("*G:mix", 0), ("*k[f#c#]", 2)],
)
def test_gong_is_the_do_of_the_key(interpretation, gong):
    assert read(interpretation, "4c").score.keys == (Key(0, gong),)


def test_the_key_letter_wins_over_the_signature():
    assert read("*k[f#]", "*D:", "4d").score.keys == (Key(0, 2),)
    assert read("4d").score.keys == ()


def test_ties_run_over_bar_lines_and_through():
    reading = read("*M2/4", "4c", "[4d", "=2", "2d_", "=3", "4d]", "4e", "==")
    assert rows(reading.score) == [(0, 1, 60), (1, 4, 62), (5, 1, 64)]
    assert not reading.mended


def test_a_note_that_closes_a_tie_that_never_began_is_struck():
    reading = read("4c", "[4a]", "8a]")
    assert rows(reading.score) == [(0, 1, 60), (1, 1.5, 69)]
    assert reading.mended == {"tie-without-start": 1}


def test_pick_up_and_changing_metres():
    reading = read("*M2/4", "8c", "=1", "2d", "=2", "*M3/4", "2.e", "=3", "*M2/4", "2f", "==")
    assert reading.score.metres == (Metre(0, 1, 8), Metre(240, 2, 4), Metre(1200, 3, 4), Metre(2640, 2, 4))
    assert reading.mended == {"irregular-bar": 1}


def test_free_metre_alone_is_no_metre_and_in_between_is_the_length_of_its_bars():
    assert read("*MX", "2c", "=1", "2.c").score.metres == ()
    reading = read("*M2/4", "2c", "=1", "*MX", "1d", "=2", "*M2/4", "2e")
    assert reading.score.metres == (Metre(0, 2, 4), Metre(960, 4, 4), Metre(2880, 2, 4))
    assert not reading.mended


def test_title_tempo_phrases_rests_and_losses():
    (reading,) = read_all(
        "!! a comment",
        "!!!OTL: Jiu kuang",
        "**kern",
        "*MM72",
        "{4c",
        "4r}",
        "{4d;",
        "(8.e~",
        "16f)}",
        "*-",
        "!!!EEV: 1",
    )
    score = reading.score
    assert score.title == "Jiu kuang"
    assert score.tempi == (Tempo(0, 72.0),)
    assert [(t.tick, t.kind) for t in score.texts] == [(0, "phrase"), (960, "phrase")]
    assert rows(score) == [(0, 1, 60), (2, 1, 62), (3, 0.75, 64), (3.75, 0.25, 65)]
    assert reading.lost == {"fermata": 1, "slur": 1, "articulation": 1}


def test_a_phrase_may_begin_with_a_rest_and_a_final_rest_counts():
    score = read("4c", "{4r", "4d}", "2r").score
    assert score.texts[0].tick == 480
    assert score.end == 5 * 480


def test_grace_notes_and_techniques():
    score = read("4c", "ddq", "4eo", "4f@16@").score
    assert rows(score) == [(0, 1, 60), (1, 0.125, 74), (1.125, 0.875, 64), (2, 1, 65)]
    assert list(score.notes["technique"]) == [0, Technique.GRACE, Technique.HARMONIC, Technique.TREMOLO]


def test_chords_share_the_duration_of_their_first_note():
    assert rows(read("4c e 4g", "4d").score) == [(0, 1, 60), (0, 1, 64), (0, 1, 67), (1, 1, 62)]


def test_repeats():
    reading = read("*M1/4", "4c", "=1!|:", "4d", "=2:|!", "4e", "==")
    assert [pitch for *_, pitch in rows(reading.score)] == [60, 62, 62, 64]
    assert reading.mended == {"repeat-expanded": 1}


def test_spines_are_voices_the_rightmost_first():
    (reading,) = read_all(
        "**kern | **dynam | **kern", "2C | p | 4c", ". | . | 4d", "=1 | =1 | =1", "1D | . | 1e", "*- | *- | *-"
    )
    assert [(int(n["onset"]), int(n["pitch"]), int(n["voice"])) for n in reading.score.notes] == [
        (0, 60, 0),
        (0, 48, 1),
        (480, 62, 0),
        (960, 64, 0),
        (960, 50, 1),
    ]
    assert reading.lost == {"spine-dynam": 1}


def test_spines_split_and_join():
    reading = read("4c", "*^", "2d | 4g", ". | 4a", "*v | *v", "4e")
    assert [(n["onset"] / 480, int(n["pitch"]), int(n["voice"])) for n in reading.score.notes] == [
        (0, 60, 0),
        (1, 62, 0),
        (1, 67, 1),
        (2, 69, 1),
        (3, 64, 0),
    ]


def test_several_pieces_in_one_file():
    readings = read_all("!!!OTL: A", "**kern", "4c", "*-", "!!!OTL: B", "**kern", "4d", "*-")
    assert [(r.score.title, len(r.score)) for r in readings] == [("A", 1), ("B", 1)]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["**kern", "*M2/4", "*-"], "no music"),
        (["hello"], r"no \*\*kern"),
        (["**kern", "4c | 4d"], "line 2 has 2 columns"),
        (["**kern", "hm"], "line 2: 'hm' is no note"),
        (["**kern", *["*^" + " | *^" * (2**i - 1) for i in range(7)]], "MAX_SPINES"),
        (["**kern", "4c", "1021c", "1019c"], "share no grid"),
    ],
)
def test_what_is_refused_and_why(lines, message):
    with pytest.raises(ReadError, match=message):
        read_all(*lines)


def test_sniffing_goes_by_content():
    assert kern.sniff(b"!!!OTL: x\n**kern\n4c\n*-\n", ".txt")
    assert not kern.sniff(b"X:1\nK:C\n", ".krn")
    assert not kern.sniff(b"**text\nla\n*-\n", ".krn")


NOTES = st.lists(
    st.tuples(
        st.sampled_from(["1", "2", "4", "8", "16", "12", "4."]), st.sampled_from(["CC", "C", "c", "gg", "b-", "f#"])
    ),
    min_size=1,
    max_size=30,
)


@given(NOTES)
def test_lines_read_back_as_the_notes_they_say(notes):
    pitches = {"CC": 36, "C": 48, "c": 60, "gg": 79, "b-": 70, "f#": 66}
    quarters = {"1": 4, "2": 2, "4": 1, "8": 0.5, "16": 0.25, "12": 1 / 3, "4.": 1.5}
    score = read(*(length + letters for length, letters in notes)).score
    assert [int(n["pitch"]) for n in score.notes] == [pitches[letters] for _, letters in notes]
    assert list(score.notes["duration"]) == [round(480 * quarters[length]) for length, _ in notes]


WORDS = ["4c", "8.dd", "*^", "*v", "*-", "=1", "*M3/8", "[2e]", "{8f}", "~", "*", ".", "q", "0", "\t"]
WORDS += ["\n", "**kern", "*x", "3%0c", "4r", "*+", "=:|!|:", "*d:dor", "9999e"]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(WORDS)))
def test_nonsense_raises_only_read_errors(words):
    data = ("**kern\n" + "\n".join(words)).encode()
    kern.sniff(data, ".krn")
    with contextlib.suppress(ReadError):
        kern.read(data, "nonsense.krn")


@given(st.binary(max_size=300))
def test_noise_raises_only_read_errors(noise):
    with contextlib.suppress(ReadError):
        kern.read(b"**kern\n4c\n" + noise, "noise.krn")


def test_real_songs_have_every_attack():
    """Every fortieth of the Essen collection's Chinese songs: attacks counted by a regular expression."""
    folder = _shared_data() / "folk" / "essen"
    if not folder.is_dir():
        pytest.skip("the Essen data is not here")
    for path in sorted(folder.rglob("*.krn"))[::40]:
        data = path.read_bytes()
        (reading,) = kern.read(data, path.name)
        lines = data.decode("latin-1").splitlines()
        attacks = [line for line in lines if re.match(r"[{(\[]*\d", line) and not re.search(r"[\]_r]", line)]
        assert len(reading.score) == len(attacks), path.name


def _shared_data():
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    return Path(os.environ.get("SYMGEN_SHARED_DATA", beside))
