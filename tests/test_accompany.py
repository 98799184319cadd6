"""Accompanying: the melody stays to the tick, what is added lies below it, is of the mode, and hands can play it."""

import numpy as np
import pytest

import symgen
from symgen.errors import UsageError
from symgen.instruments import get_instrument, get_tuning
from symgen.instruments.fingering import finger
from symgen.score import Metre, Score, Tempo, make_notes
from symgen.theory.degrees import PENTATONIC
from symgen.theory.detect import detect_mode
from symgen.verbs.accompaniment.figures import table
from symgen.verbs.accompanying import AccompanyRequest, accompany, accompany_files

TUNE = (
    *(65, 65, 69, 72, 74, 72, 69, 65, 62, 65, 69, 72, 74, 77, 74, 72),
    *(69, 67, 65, 67, 69, 72, 69, 67, 65, 62, 65, 65, 62, 60, 62, 65),
)
"""In gong F, its final F, in quarters: eight bars."""

IN_G = tuple(pitch + 2 for pitch in TUNE)
KINDS = ("chords", "octaves", "voice")


def tune(pitches=TUNE, step=480, metre=(4, 4)):
    rows = [(step * place, step, pitch) for place, pitch in enumerate(pitches)]
    return Score(make_notes(rows), tempi=(Tempo(0, 60.0),), metres=(Metre(0, *metre),), title="tune")


def source_for(style):
    return tune() if style == "guqin" else tune(IN_G)


def accompany_one(source, style="guzheng", **options):
    (take,) = accompany(source, style=style, **{"seed": 1, **options}).takes
    return take


def voices(score):
    return tuple(score.notes[score.notes["voice"] == voice] for voice in (0, 1))


@pytest.mark.parametrize("style", ["guqin", "guzheng"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("density", [0.5, 1])
class TestPromises:
    def test_all_of_them(self, style, kind, density):
        source = source_for(style)
        take = accompany_one(source, style, kind=kind, density=density)
        melody, added = voices(take.score)
        assert np.array_equal(melody, source.notes)
        assert len(added)
        assert set(((added["pitch"] - take.gong) % 12).tolist()) <= set(PENTATONIC)
        estimate = detect_mode(take.score)
        assert (estimate.gong, estimate.mode) == (detect_mode(source).gong, detect_mode(source).mode)
        instrument = get_instrument(style)
        assert finger(take.score, instrument, get_tuning(instrument, take.tuning)).playable
        for note in added:
            at_once = melody[
                (melody["onset"] <= note["onset"]) & (note["onset"] < melody["onset"] + melody["duration"])
            ]
            assert all(note["pitch"] < other for other in at_once["pitch"])
            if note["onset"] % 1920 == 0:
                assert not {1, 2} & set((at_once["pitch"] - note["pitch"]).tolist())


class TestMelody:
    def test_is_played_to_the_letter(self):
        source = source_for("guzheng")
        take = accompany_one(source)
        played = {(note.onset, note.pitch) for note in take.performance.notes}
        assert set(zip(source.notes["onset"].tolist(), source.notes["pitch"].tolist(), strict=True)) <= played
        assert [tempo.qpm for tempo in take.performance.tempi] == [60.0]

    def test_is_played_freely_where_asked(self):
        take = accompany_one(source_for("guzheng"), perform=True)
        assert len(take.performance.tempi) > 1

    def test_too_low_for_the_instrument_is_arranged(self):
        result = accompany(tune([pitch - 48 for pitch in IN_G]), style="guzheng", seed=1, kind="octaves", density=1)
        assert any("arranged" in remark for remark in result.remarks)


class TestDensity:
    @pytest.mark.parametrize("style", ["guqin", "guzheng"])
    @pytest.mark.parametrize("kind", KINDS)
    def test_more_is_fuller(self, style, kind):
        source = source_for(style)
        counts = [len(voices(accompany_one(source, style, kind=kind, density=d).score)[1]) for d in (0, 0.5, 1)]
        assert counts == sorted(counts)
        assert counts[2] > counts[0]

    @pytest.mark.parametrize("style", ["guqin", "guzheng"])
    def test_in_the_middle_it_is_as_the_style_has_it(self, style):
        pitches = (TUNE if style == "guqin" else IN_G) * 4
        take = accompany_one(tune(pitches), style, kind="chords")
        melody, added = voices(take.score)
        share = len(set(added["onset"].tolist())) / len(melody)
        assert abs(share - table().manners[style].chord_share) < 0.02


@pytest.mark.parametrize("metre", [(2, 4), (3, 4), (6, 8), (5, 4), (1, 4)])
def test_any_metre(metre):
    take = accompany_one(tune(IN_G, 240, metre), kind="voice", density=1)
    assert len(voices(take.score)[1])


def test_takes_differ_and_a_seed_gives_them_again():
    source = source_for("guzheng")
    one, two = (take.score for take in accompany(source, style="guzheng", seed=4, takes=2).takes)
    assert one != two
    assert accompany(source, style="guzheng", seed=4, takes=2).takes[1].score == two


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"kind": "drums"}, "one of auto"),
        ({"density": 2}, "0 to 1"),
        ({"density": float("nan")}, "0 to 1"),
        ({"style": "folk"}, "guzheng"),
    ],
)
def test_says_what_does_not_go(options, said):
    with pytest.raises(UsageError, match=said):
        accompany(tune(), **{"style": "guzheng", **options})


def test_a_source_without_notes():
    with pytest.raises(UsageError, match="no notes"):
        accompany(Score(make_notes()), style="guzheng")


def test_files_are_written(tmp_path):
    source = tmp_path / "tune.mid"
    symgen.write(source_for("guzheng"), source)
    result = accompany_files(AccompanyRequest(source=source, style="guzheng", seed=3, output=tmp_path / "two.mid"))
    read = symgen.read(tmp_path / "two.mid")
    assert result.takes[0].path == tmp_path / "two.mid"
    tones = set(zip(read.notes["onset"].tolist(), read.notes["pitch"].tolist(), strict=True))
    assert {(480 * place, pitch) for place, pitch in enumerate(IN_G)} <= tones


def test_the_table_is_sound():
    known = table()
    for harmony in known.harmonies:
        assert harmony.root in PENTATONIC
        assert all((harmony.root + tone) % 12 in PENTATONIC for tone in harmony.tones)
    for figure in known.figures:
        assert all(0 <= tick < figure.ticks for tick, _ in figure.strokes)
        assert all(tone < 7 for _, tones in figure.strokes for tone in tones)
        assert set(figure.styles) <= set(known.manners)
    for manner in known.manners.values():
        assert manner.share(0.5) == manner.chord_share
        assert manner.rate(0) < manner.rate(0.5) < manner.rate(1)
