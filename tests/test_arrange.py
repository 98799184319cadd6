"""Arrangements: whatever comes in, what comes out can be played, and each change is told."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symgen
from symgen import console
from symgen.arrange import ArrangeRequest, arrange, arrange_file
from symgen.cli import app
from symgen.errors import PlayabilityError, ReadError, UsageError
from symgen.instruments import get_instrument
from symgen.instruments.fingering import finger
from symgen.score import Metre, Score, Technique, Tempo, Text, make_notes
from symgen.writers import write
from tests.instruments.checker import Note, hand_faults


def melody(*pitches: int, step: int = 480, technique: Technique = Technique.PLUCK) -> Score:
    rows = [(i * step, step, pitch, 80, 0, technique) for i, pitch in enumerate(pitches)]
    return Score(make_notes(rows), tempi=(Tempo(0, 60.0),), metres=(Metre(0, 4, 4),))


def faults_of(result) -> list[str]:
    instrument = get_instrument(result.instrument)
    score = result.score
    fingering = finger(score, instrument, instrument.tunings[result.tuning])
    assert fingering.playable
    seconds = score.notes["onset"] / 480 * 60 / score.tempi[0].qpm
    notes = [
        Note(float(second), int(n["pitch"]), p.string, p.position, p.technique.name, Technique(n["technique"]).name,
             p.finger, p.stroke, p.hand)
        for n, p, second in zip(score.notes, fingering.placements, seconds, strict=True)
    ]  # fmt: skip
    return hand_faults(result.instrument, result.tuning, notes)


music = st.lists(
    st.tuples(
        st.sampled_from([30, 120, 240, 480]),
        st.lists(st.integers(20, 110), min_size=1, max_size=7),
        st.sampled_from([Technique.PLUCK, Technique.PLUCK, Technique.HARMONIC, Technique.SLIDE_UP, Technique.VIBRATO]),
    ),
    min_size=1,
    max_size=15,
)


@given(music, st.sampled_from(["guqin", "guzheng"]), st.booleans(), st.sampled_from([None, 0, 7]))
@settings(max_examples=60, deadline=None)
def test_any_music_becomes_playable_and_every_change_is_told(raw, style, double, transpose):
    rows, tick = [], 0
    for step, chord, technique in raw:
        rows += [(tick, step, pitch, 80, 0, technique) for pitch in chord]
        tick += step
    score = Score(make_notes(rows), tempi=(Tempo(0, 90.0),), metres=(Metre(0, 4, 4),))
    result = arrange(score, style, double=double, transpose=transpose, raw=True)
    assert faults_of(result) == []
    assert len(result.score)
    if not result.changes:
        assert result.score.notes["pitch"].tolist() == (score.notes["pitch"] + result.transposed).tolist()
    changed = [change for change in result.changes if change.kind not in ("double", "technique")]
    assert (result.kept < 1.0) <= bool(changed)
    assert all(change.bar >= 1 and change.rule and change.remedy for change in result.changes)


def test_a_playable_tune_stays_as_it_is():
    tune = melody(50, 53, 55, 57, 60, 57, 55, 53, 50, 48, 50, 53)
    result = arrange(tune, "guqin", raw=True)
    assert (result.transposed, result.tuning, result.changes, result.kept) == (0, "zhengdiao", (), 1.0)
    assert result.score.notes["pitch"].tolist() == tune.notes["pitch"].tolist()


@pytest.mark.parametrize("gong", [1, 6, 11])
def test_a_key_that_lies_badly_is_transposed_to_one_that_lies_well(gong):
    tune = melody(*(60 + gong + step for step in (0, 2, 4, 7, 9, 12, 9, 7, 4, 2, 0, 0)))
    result = arrange(tune, "guqin")
    assert result.transposed != 0
    assert not result.changes
    assert result.gong in get_instrument("guqin").tunings[result.tuning].gongs


def test_the_guzheng_is_retuned_rather_than_the_tune_transposed():
    tune = melody(*(67 + step for step in (0, 2, 4, 7, 9, 12, 9, 7, 4, 2, 0, 0)))
    result = arrange(tune, "guzheng")
    assert (result.tuning, result.transposed) == ("G", 0)


def test_folding_keeps_the_contour_where_it_can():
    # a line of three octaves and more, without a rest: it has to be folded somewhere, once
    pitches = [36 + 12 * octave + step for octave in range(5) for step in (0, 2, 5, 7, 9)]
    result = arrange(melody(*pitches), "guqin", transpose=0, raw=True)
    before, after = np.sign(np.diff(pitches)), np.sign(np.diff(result.score.notes["pitch"]))
    assert (before != after).sum() <= 1
    assert {change.kind for change in result.changes} == {"octave"}
    assert {(new - old) % 12 for old, new in zip(pitches, result.score.notes["pitch"].tolist(), strict=True)} == {0}


def test_octaves_change_at_a_rest_rather_than_within_a_line():
    low, high = [48, 50, 53, 55, 57], [84, 86, 89, 91, 93]
    rows = [(i * 480, 480, pitch) for i, pitch in enumerate(low)]
    rows += [(4800 + i * 480, 480, pitch) for i, pitch in enumerate(high)]
    result = arrange(Score(make_notes(rows), metres=(Metre(0, 4, 4),)), "guqin", transpose=0, raw=True)
    moved = result.score.notes["pitch"] - np.array(low + high)
    assert set(moved[:5].tolist()) == {0}
    assert len(set(moved[5:].tolist())) == 1


def test_chords_keep_melody_and_bass():
    chord = Score(make_notes([(0, 480, pitch) for pitch in (36, 41, 45, 48, 57, 60)]), metres=(Metre(0, 4, 4),))
    result = arrange(chord, "guqin", transpose=0, raw=True)
    assert result.score.notes["pitch"].tolist() == [36, 60]
    (change,) = result.changes
    assert (change.kind, change.bar, change.remedy) == ("chord", 1, "left out F2 A2 C3 A3")


def test_double_notes_stand_on_strong_beats_and_at_the_end():
    tune = melody(62, 65, 67, 69, 62, 65, 67, 69, 62)
    result = arrange(tune, "guqin", transpose=0, double=True, raw=True)
    onsets = result.score.notes["onset"].tolist()
    assert [tick for tick in sorted(set(onsets)) if onsets.count(tick) == 2] == [0, 1920, 3840]
    assert {change.kind for change in result.changes} == {"double"}
    assert result.kept == 1.0


def test_an_own_tuning_and_another_size(tmp_path: Path):
    own = tmp_path / "own.toml"
    own.write_text(
        'instrument = "guqin"\n[[tunings]]\nname = "own"\n'
        'strings = ["C#2", "D#2", "F#2", "G#2", "A#2", "C#3", "D#3"]\ngongs = ["F#"]\n'
    )
    result = arrange(melody(54, 56, 58, 61, 63, 66), "guqin", tuning=str(own), transpose=0)
    assert (result.tuning, result.kept) == ("own", 1.0)
    low = arrange(melody(31, 33, 35, 38, 40, 43), "guzheng", instrument="guzheng26", transpose=0)
    assert (low.tuning, low.kept) == ("G", 1.0)


class TestStrict:
    def test_refuses_with_bar_rule_and_remedy(self):
        with pytest.raises(PlayabilityError, match=r"bar 2: guqin in tuning .* cannot play pitch 25.*nearest"):
            arrange(melody(50, 50, 50, 50, 25), "guqin", strict=True, transpose=0)

    def test_accepts_what_needs_no_change(self):
        assert arrange(melody(50, 53, 55, 57), "guqin", strict=True).kept == 1.0


class TestCommand:
    def test_writes_a_file_and_tells_the_changes(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
        source, out = tmp_path / "in.mid", tmp_path / "out.mid"
        write(melody(50, 53, 55, 57, 20), source)
        arguments = ["arrange", str(source), "--style", "guqin", "--transpose", "0", "-o", str(out), "-q"]
        assert console.run(app, [*arguments, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert (found["path"], found["notes"], found["kept"], found["playable"]) == (str(out), 5, 0.8, True)
        assert found["counts"] == {"octave": 1}
        assert found["changes"][0]["bar"] == 2
        assert console.run(app, arguments) == 0
        assert "bar 2: Ab0 is not on the guqin" in capsys.readouterr().out
        result = symgen.arrange(out, style="guqin", strict=True, transpose=0)
        assert result.kept == 1.0

    def test_a_refusal_writes_nothing(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
        source, out = tmp_path / "in.mid", tmp_path / "out.mid"
        write(melody(50, 20), source)
        assert console.run(app, ["arrange", str(source), "--strict", "--transpose", "0", "-o", str(out), "-q"]) == 1
        assert not out.exists()
        assert capsys.readouterr().err.count("\n") == 1

    def test_a_folder_gets_a_file_of_the_name_of_the_source(self, tmp_path: Path):
        source = tmp_path / "in.mid"
        write(melody(50, 53), source)
        result = arrange_file(ArrangeRequest(source=source, style="guzheng", output=tmp_path / "new"))
        assert result.path == tmp_path / "new" / "in-guzheng.mid"

    def test_the_same_seed_gives_the_same_bytes(self, tmp_path: Path):
        source = tmp_path / "in.mid"
        write(melody(50, 53, 57, 60, 57, 55, 53, 50), source)
        first, second = (
            arrange_file(ArrangeRequest(source=source, output=tmp_path / name, seed=3)).path
            for name in ("a.mid", "b.mid")
        )
        assert first.read_bytes() == second.read_bytes()

    def test_it_is_written_as_a_producer_wants_it(self, tmp_path: Path):
        source = tmp_path / "in.mid"
        write(melody(50, 53, 57, 60, 57, 55, 53, 50), source)
        words = ["arrange", str(source), "--style", "guqin", "-q", "-o"]
        assert console.run(app, [*words, str(tmp_path / "new"), "--format", "rpp", "--layout", "strings"]) == 0
        assert (tmp_path / "new" / "in-guqin.rpp").read_text("utf-8").count("<TRACK") > 1
        assert console.run(app, [*words, str(tmp_path / "x.mid"), "--layout", "mpe", "--humanize", "0"]) == 0
        assert b"MPE" in (tmp_path / "x.mid").read_bytes()
        assert console.run(app, [*words, str(tmp_path / "x.mid"), "--format", "rpp"]) == 2

    def test_what_was_said_of_another_instrument_is_not_said_again(self, tmp_path: Path):
        source = tmp_path / "in.mid"
        write(replace(melody(50, 53, 57, 60), texts=(Text(0, "a poem"),)), source)
        for number, style in enumerate(("guqin", "guzheng", "guzheng"), start=1):
            result = arrange_file(ArrangeRequest(source=source, style=style, output=tmp_path / f"{number}.mid"))
            source = result.path
        texts = [text.text for text in symgen.read(source).texts if text.kind in ("text", "phrase")]
        assert sum("tuning" in text for text in texts) == 2  # one text and one cue
        assert not any("zhengdiao" in text for text in texts)
        assert "a poem" in texts

    def test_a_recording_is_heard_where_it_can_be_stopped(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        """What opens files of others for looking at them opens them for arranging too."""
        heard = []
        take = tmp_path / "take.wav"
        take.write_bytes(b"RIFF\x24\x00\x00\x00WAVEfmt ")

        def run(function, items, *rest, **more):
            heard.append((function, list(items)))
            return [(0, ReadError("take.wav holds no notes"))]

        monkeypatch.setattr("symgen.isolation.run_isolated", run)
        with pytest.raises(ReadError, match="holds no notes"):
            arrange(take, "guqin")
        assert heard == [("symgen.opening:read_items", [str(take)])]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"humanize": 1.5}, "humanize 1.5; expected 0 to 1"),
        ({"humanize_timing": -1.0}, "humanize-timing -1; expected 0 to 1"),
        ({"style": "folk"}, "no zither plays the style 'folk'; expected one of guqin, guzheng"),
        ({"style": "pipa"}, "the style 'pipa'"),
        ({"gong": "F", "transpose": 1}, "both gong and transpose"),
        ({"transpose": 99}, "transpose 99; expected -48 to 48"),
        ({"tempo": 5.0}, "tempo 5; expected 20 to 300"),
        ({"tuning": "E"}, "guqin has no tuning 'E'"),
        ({"instrument": "voice"}, "the voice has no strings"),
    ],
)
def test_wrong_requests_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        arrange(melody(50, 53), **{"style": "guqin", **options})


def test_silence_is_refused():
    with pytest.raises(UsageError, match="holds no notes"):
        arrange(replace(melody(50), notes=make_notes()), "guqin")
