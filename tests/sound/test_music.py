from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from symgen.errors import UsageError
from symgen.instruments import get_instrument
from symgen.instruments.perform import perform
from symgen.score import Score, Technique, Tempo, make_notes
from symgen.sound.hands import ORNAMENTS, choose, curve
from symgen.sound.invent import GESTURES
from symgen.sound.labels import CONTOUR_BINS, PITCHES, labels
from symgen.sound.model import HARMONIC, HIGHEST, LOWEST, STOPPED, SoundNote
from symgen.sound.pieces import fitting_transposition, from_performance, from_score, random_music
from symgen.sound.presets import preset, random_instrument
from symgen.sound.render import render, settled
from tests.sound.hearing import rms

RATE = 22_050
KINDS = ("guqin", "guzheng")


def plain(notes):
    return [(n.onset, n.duration, n.pitch, n.velocity, n.string, n.technique, n.timbre) for n in notes]


class TestRandomMusic:
    @pytest.mark.parametrize("kind", KINDS)
    def test_it_can_be_played_on_its_instrument(self, kind):
        chance = np.random.default_rng(7)
        for _ in range(5):
            model = random_instrument(chance, kind)
            notes = random_music(chance, kind, 40.0, model=model)
            onsets = [note.onset for note in notes]
            assert len(notes) > 20
            assert onsets == sorted(onsets)
            assert 0.0 <= onsets[0] <= onsets[-1] < 40.0
            for note in notes:
                opened = model.open_pitches[note.string - 1]
                assert LOWEST <= note.pitch <= HIGHEST
                assert note.pitch > opened - 0.3
                if note.timbre == STOPPED:
                    assert kind == "guqin"
                    assert note.pitch > opened + 0.5
                elif note.timbre == HARMONIC:
                    assert note.bend is None
                elif kind == "guqin":
                    assert note.bend is None
                    assert note.pitch == opened
                if note.bend is not None:
                    lowest = note.pitch + note.bend[1].min() / 100
                    assert lowest > opened - 0.01
                    assert kind == "guqin" or note.pitch + note.bend[1].max() / 100 <= opened + 3.001

    @pytest.mark.parametrize("kind", KINDS)
    def test_strings_are_struck_one_stroke_at_a_time(self, kind):
        last = {}
        for note in random_music(np.random.default_rng(3), kind, 60.0):
            assert note.onset - last.get(note.string, -1.0) >= 0.02
            last[note.string] = note.onset

    @pytest.mark.parametrize("kind", KINDS)
    def test_the_same_chance_gives_the_same_music(self, kind):
        one, same = (random_music(np.random.default_rng(11), kind, 20.0) for _ in range(2))
        assert plain(one) == plain(same)

    @pytest.mark.parametrize(
        ("kind", "name"), [(kind, name) for kind in KINDS for name in GESTURES[kind] if name != "silence"]
    )
    def test_every_gesture_makes_notes(self, kind, name):
        assert len(random_music(np.random.default_rng(2), kind, 8.0, gestures=[name])) > 2

    def test_ornaments_come_as_often_as_asked(self):
        few, many = (
            sum(
                note.bend is not None
                for note in random_music(np.random.default_rng(4), "guzheng", 200.0, density=density)
            )
            for density in (0.0, 2.0)
        )
        assert few == 0
        assert many > 30

    def test_bad_requests_are_refused(self):
        chance = np.random.default_rng(0)
        for arguments, keywords in (
            (("pipa", 5.0), {}),
            (("guqin", 0.0), {}),
            (("guqin", float("nan")), {}),
            (("guqin", 5.0), {"gestures": ["two hands"]}),
            (("guqin", 5.0), {"model": preset("guzheng")}),
        ):
            with pytest.raises(UsageError):
                random_music(chance, *arguments, **keywords)


class TestHands:
    @pytest.mark.parametrize(
        ("kind", "ornament"), [(k, row) for k in KINDS for row in ORNAMENTS[k]], ids=lambda v: getattr(v, "name", v)
    )
    def test_curves_are_within_what_the_table_says(self, kind, ornament):
        chance = np.random.default_rng(1)
        for _ in range(20):
            time, cents = curve(chance, ornament, 2.5, -1200.0, 1200.0)
            assert (np.diff(time) > 0).all()
            assert time[0] == 0.0
            most = max(map(abs, ornament.cents)) * (1 if ornament.shape != "stairs" else 3)
            assert (
                0.3 * min(map(abs, ornament.cents)) <= np.abs(cents).max() <= most + 310 * (ornament.shape == "stairs")
            )
            if ornament.shape in ("into", "and back"):
                assert abs(cents[-1]) < 1.0
            if ornament.shape == "wave" and ornament.sides:
                assert (cents * ornament.sides >= -1e-9).all()

    def test_short_notes_have_none(self):
        chance = np.random.default_rng(1)
        assert all(choose(chance, "guqin", 0.05, 5.0) is None for _ in range(50))
        assert any(choose(chance, "guqin", 3.0) for _ in range(50))

    @pytest.mark.parametrize("kind", KINDS)
    def test_every_ornament_comes_however_dense(self, kind):
        chance = np.random.default_rng(2)
        drawn = Counter(choose(chance, kind, 3.0, 20.0) for _ in range(3000))
        assert {ornament for ornament in drawn if ornament} == set(ORNAMENTS[kind])
        assert 0 < drawn[None] < 300


class TestLabels:
    def test_shapes_and_places(self):
        bend = np.array([0.0, 0.5]), np.array([0.0, 200.0])
        notes = [SoundNote(0.5, 1.0, 62.0, 127.0, bend=bend, technique=Technique.SLIDE_UP), SoundNote(1.0, 0.5, 69.0)]
        found = labels(notes, 3.0, hop_seconds=0.01)
        assert found.onset.shape == found.note.shape == found.cents.shape == (301, PITCHES)
        assert found.contour.shape == (301, CONTOUR_BINS)
        assert np.argwhere(found.onset).tolist() == [[50, 62 - LOWEST], [100, 69 - LOWEST]]
        assert np.flatnonzero(found.note[:, 62 - LOWEST]).tolist() == list(range(50, 151))
        assert found.cents[75, 62 - LOWEST] == pytest.approx(100.0, abs=1.0)
        assert found.contour[75].nonzero()[0].tolist() == [(63 - LOWEST) * 3 + 1]
        assert found.contour[140].nonzero()[0].tolist() == [(64 - LOWEST) * 3 + 1, (69 - LOWEST) * 3 + 1]
        assert found.velocity[50, 62 - LOWEST] == 1.0
        assert found.technique[60, 62 - LOWEST] == Technique.SLIDE_UP
        assert (found.technique[found.note == 0] == -1).all()

    def test_the_tuning_moves_what_sounds(self):
        model = replace(preset("guzheng"), tuning_cents=-140.0)
        note = SoundNote(0.0, 1.0, 62.0)
        heard, written = (labels([note], 1.0, hop_seconds=0.1, model=model, tuning_cents=c) for c in (None, 0.0))
        assert heard.onset[0].nonzero()[0].tolist() == [61 - LOWEST]
        assert heard.cents[0, 61 - LOWEST] == pytest.approx(-40.0)
        assert written.onset[0].nonzero()[0].tolist() == [62 - LOWEST]

    def test_they_agree_with_what_is_heard(self):
        model = preset("guzheng")
        places = [SoundNote(0.5 + 2.0 * i, 1.0, model.open_pitches[s], 80, s + 1) for i, s in enumerate((2, 8, 12, 17))]
        sound = render(places, model, seconds=9.0)
        roll = labels(places, 9.0, hop_seconds=0.05, model=model).note.any(axis=1)
        frames = np.array(
            [rms(sound[int((t - 0.02) * RATE) : int((t + 0.02) * RATE)]) for t in np.arange(0.05, 8.9, 0.05)]
        )
        heard, silent = frames[roll[1 : 1 + len(frames)]], frames[~roll[1 : 1 + len(frames)]]
        assert heard.min() > 10 ** (-45 / 20)
        assert np.median(silent) < 0.05 * np.median(heard)

    def test_notes_end_where_they_are_struck_again_or_fade(self):
        model = preset("guzheng")
        notes = [
            SoundNote(0.0, 30.0, 62, string=11),
            SoundNote(1.0, 30.0, 62, string=11),
            SoundNote(0.0, 30.0, 86, string=1),
        ]
        found = labels(notes, 40.0, hop_seconds=0.1, model=model)
        assert found.note[:5, 62 - LOWEST].all()
        assert found.note[-1].sum() == 0
        assert found.note[:, 86 - LOWEST].sum() * 0.1 == pytest.approx(model.ring_seconds(notes[2]), abs=0.2)
        shorter = labels(notes, 40.0, hop_seconds=0.1, model=model, decibels=15.0)
        assert shorter.note.sum() < found.note.sum()

    def test_what_lies_outside_is_left_out(self):
        found = labels(
            [SoundNote(0.0, 1.0, 20.0), SoundNote(0.0, 1.0, 100.0), SoundNote(5.0, 1.0, 60.0)], 1.0, hop_seconds=0.1
        )
        assert found.note.sum() == found.onset.sum() == found.contour.sum() == 0

    def test_bad_arguments_are_refused(self):
        for seconds, hop in ((1.0, 0.0), (-1.0, 0.1), (float("nan"), 0.1), (1.0, float("nan"))):
            with pytest.raises(UsageError):
                labels([], seconds, hop_seconds=hop)
        with pytest.raises(UsageError, match="pitch"):
            labels([SoundNote(0.0, 1.0, -5.0)], 1.0, hop_seconds=0.1)


def melody(technique=Technique.PLUCK):
    pitches = (62, 64, 66, 69, 71, 74, 62, 66)
    return Score(
        make_notes([(480 * i, 480, p, 80, 0, technique) for i, p in enumerate(pitches)]), tempi=(Tempo(0, 60.0),)
    )


class TestScores:
    @pytest.mark.parametrize("kind", KINDS)
    def test_a_score_is_played_to_the_letter_where_no_freedom_is_given(self, kind):
        notes = from_score(melody(), preset(kind), np.random.default_rng(0), transpose=0, density=0.0, freedom=0.0)
        assert [note.onset for note in notes] == pytest.approx(range(8))
        assert [note.pitch for note in notes] == [62, 64, 66, 69, 71, 74, 62, 66]
        assert all(note.bend is None for note in notes)
        assert all(note.velocity == 80 for note in notes)

    def test_a_player_moves_a_little(self):
        notes = from_score(melody(), preset("guqin"), np.random.default_rng(0), transpose=0)
        assert [note.onset for note in notes] != pytest.approx(range(8), abs=1e-3)
        assert [note.onset for note in notes] == pytest.approx(range(8), rel=0.2, abs=0.1)

    @pytest.mark.parametrize("technique", [Technique.SLIDE_UP, Technique.SLIDE_DOWN, Technique.VIBRATO])
    @pytest.mark.parametrize("kind", KINDS)
    def test_written_ornaments_are_played(self, kind, technique):
        notes = from_score(melody(technique), preset(kind), np.random.default_rng(0), density=0.0)
        assert {note.technique for note in notes} == {technique}
        bent = [note for note in notes if note.bend is not None and np.abs(note.bend[1]).max() > 1.0]
        assert len(bent) >= (6 if kind == "guzheng" else 7)

    def test_tremolo_is_strokes_and_harmonics_are_harmonics(self):
        model = preset("guzheng")
        strokes = from_score(melody(Technique.TREMOLO), model, np.random.default_rng(0), freedom=0.0)
        assert 9 * 8 < len(strokes) < 18 * 8
        assert all(
            n.timbre == HARMONIC for n in from_score(melody(Technique.HARMONIC), model, np.random.default_rng(0))
        )

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_score_without_a_tempo_or_out_of_range_is_played_too(self, kind):
        score = Score(make_notes([(480 * i, 480, p) for i, p in enumerate((5, 120, 61, 63))]))
        notes = from_score(score, preset(kind), np.random.default_rng(0))
        assert len(notes) >= 4
        assert all(LOWEST <= note.pitch <= HIGHEST for note in notes)
        assert from_score(Score(make_notes()), preset(kind), np.random.default_rng(0)) == []

    def test_a_score_goes_where_the_open_strings_are(self):
        assert fitting_transposition(melody().transpose(-1), preset("guzheng")) == 1

    def test_bad_requests_are_refused(self):
        for keywords in ({"qpm": 0.0}, {"density": -1.0}, {"freedom": float("nan")}):
            with pytest.raises(UsageError):
                from_score(melody(), preset("guqin"), np.random.default_rng(0), **keywords)

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_performance_sounds_as_it_is_played(self, kind):
        instrument = get_instrument(kind)
        tuning = instrument.tunings[instrument.default_tuning]
        played = perform(
            melody(Technique.VIBRATO if kind == "guzheng" else Technique.PLUCK), instrument, tuning, style=kind, seed=1
        )
        notes = from_performance(played)
        assert [note.string for note in notes] == [note.string for note in played.notes]
        assert [note.bend is not None for note in notes] == [bool(note.bends) for note in played.notes]
        assert settled(notes, preset(kind))[-1].onset == notes[-1].onset
        sound = render(notes, preset(kind))
        assert len(sound) / RATE > notes[-1].onset
        assert rms(sound) > 0.01
