from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from symgen.errors import UsageError
from symgen.native import compiled
from symgen.score import Technique
from symgen.sound import _strings as col
from symgen.sound.model import HARMONIC, STOPPED, Register, SoundNote
from symgen.sound.presets import FAMILIES, preset, random_instrument
from symgen.sound.render import render, settled
from symgen.sound.room import Microphone, Noise, Room, random_recording
from tests.sound.hearing import cents_off, contour, hertz, level_db, rms

RATE = 22_050


def bare(kind, **fields):
    """An instrument of which nothing but the strings is heard, whose partials neither beat nor fall twice."""
    quiet = {"noise_db": -120.0, "contact_db": -120.0, "knock_db": -120.0, "sympathy_db": -np.inf}
    even = {"beat_depth": 0.0, "early_db": -99.0, "early_db_per_octave": 0.0, "unevenness_db": 0.0, "body": ()}
    return replace(preset(kind), **{**quiet, **even, "friction_db": -np.inf, **fields})


class TestPitch:
    @pytest.mark.parametrize(
        ("kind", "string"), [("guqin", 1), ("guqin", 7), ("guzheng", 21), ("guzheng", 11), ("guzheng", 1)]
    )
    def test_open_strings_sound_as_written(self, kind, string):
        model = preset(kind)
        pitch = model.open_pitches[string - 1]
        sound = render([SoundNote(0.0, 9.0, pitch, string=string)], model, seconds=1.5)
        assert abs(cents_off(sound[2000:], RATE, pitch)) < 3.0

    @pytest.mark.parametrize("technique", [Technique.STOPPED, Technique.HARMONIC])
    def test_stopped_strings_and_harmonics_sound_as_written(self, technique):
        sound = render([SoundNote(0.0, 9.0, 62.02, string=5, technique=technique)], preset("guqin"), seconds=1.5)
        assert abs(cents_off(sound[2000:], RATE, 62.02)) < 3.0

    def test_the_tuning_of_the_instrument_moves_it(self):
        model = replace(preset("guzheng"), tuning_cents=-37.0)
        sound = render([SoundNote(0.0, 9.0, 62, string=11)], model, seconds=1.5)
        assert abs(cents_off(sound[2000:], RATE, 61.63)) < 3.0

    def test_partials_are_stretched(self):
        model = bare("guzheng", inharmonicity=Register((60,), (4e-4,)))
        sound = render([SoundNote(0.0, 9.0, 50, string=16)], model, seconds=1.5)
        expected = 50 + 12 * np.log2(6 * np.sqrt((1 + 4e-4 * 36) / (1 + 4e-4)))
        assert abs(cents_off(sound[2000:], RATE, expected)) < 3.0

    def test_a_harmonic_lacks_the_partials_that_its_node_silences(self):
        model = bare("guqin")
        opened = render([SoundNote(0.0, 9.0, 50, string=7)], model, seconds=1.0)
        touched = render([SoundNote(0.0, 9.0, 62, string=7, technique=Technique.HARMONIC)], model, seconds=1.0)
        assert level_db(opened, RATE, 50, 0.4) > -40
        assert level_db(touched, RATE, 50, 0.4) < level_db(touched, RATE, 62, 0.4) - 50


class TestDecay:
    @pytest.mark.parametrize("rate", [8.0, 30.0])
    def test_partials_fall_as_fast_as_asked(self, rate):
        model = bare("guzheng", decay=Register((60,), (rate,)), decay_gain=Register((60,), (0.0,)))
        sound = render([SoundNote(0.0, 9.0, 62, string=11)], model, seconds=2.0)
        fallen = level_db(sound, RATE, 62, 0.3) - level_db(sound, RATE, 62, 1.3)
        assert fallen == pytest.approx(rate, rel=0.03)

    def test_high_partials_fall_faster(self):
        model = bare("guzheng")
        sound = render([SoundNote(0.0, 9.0, 50, string=16)], model, seconds=1.5)
        low = level_db(sound, RATE, 50, 0.2) - level_db(sound, RATE, 50, 0.9)
        high_pitch = 50 + 12 * np.log2(8 * np.sqrt((1 + 64 * 1.08e-4) / (1 + 1.08e-4)))
        assert level_db(sound, RATE, high_pitch, 0.2) - level_db(sound, RATE, high_pitch, 0.9) > low + 8

    def test_a_damped_string_is_silent_soon(self):
        sound = render([SoundNote(0.0, 0.5, 62, string=11)], bare("guzheng"), seconds=1.2)
        assert rms(sound[int(0.75 * RATE) :]) < 1e-3 * rms(sound[: int(0.5 * RATE)])

    def test_a_stroke_ends_the_tone_before_it_and_nothing_clicks(self):
        model = preset("guzheng")
        slid = (np.array([0.0, 0.1]), np.array([0.0, 200.0]))
        sound = render(
            [SoundNote(0.0, 9.0, 62, string=11), SoundNote(0.5, 9.0, 62, 30, string=11, bend=slid)], model, seconds=1.2
        )
        assert level_db(sound, RATE, 62, 0.4, 0.1) - level_db(sound, RATE, 62, 0.75, 0.1) > 25
        ended = render([SoundNote(0.0, 0.5, 62, string=11)], bare("guzheng"), seconds=1.0)
        high = ended - np.convolve(ended, np.ones(9) / 9, "same")  # what a click would be made of
        assert (
            np.abs(high[int(0.49 * RATE) : -200]).max() < 2.0 * np.abs(high[int(0.4 * RATE) : int(0.49 * RATE)]).max()
        )

    def test_settled_ends_notes_where_they_are_no_longer_heard(self):
        model = preset("guzheng")
        notes = [
            SoundNote(0.0, 30.0, 86, string=1),
            SoundNote(0.4, 30.0, 62, string=11),
            SoundNote(0.9, 0.2, 62, string=11),
        ]
        top, first, second = settled(notes, model)
        assert 0.3 < top.duration < 4.0
        assert (first.duration, second.duration) == pytest.approx((0.5, 0.2))
        assert model.ring_seconds(notes[1]) > model.ring_seconds(notes[0])

    def test_stopped_strings_ring_shorter_than_open_ones(self):
        model = preset("guqin")
        ring = {timbre: model.ring_seconds(SoundNote(0, 1, 50, timbre=timbre)) for timbre in (0, STOPPED, HARMONIC)}
        assert ring[STOPPED] < ring[HARMONIC]
        assert ring[STOPPED] < ring[0]


class TestBends:
    @pytest.mark.parametrize("rate", [4.0, 6.0])
    def test_vibrato_is_followed(self, rate):
        time = np.linspace(0.0, 1.5, 300)
        bend = time, 50.0 * np.sin(2 * np.pi * rate * time)
        sound = render([SoundNote(0.0, 9.0, 74, string=6, bend=bend)], bare("guzheng"), seconds=1.5)
        heard = contour(sound, RATE, 74, 5.0)[int(0.15 * RATE) : int(1.3 * RATE)]
        asked = np.interp(np.arange(len(sound))[int(0.15 * RATE) : int(1.3 * RATE)] / RATE, *bend)
        assert np.abs(heard - asked).max() < 5.0

    def test_slides_are_followed_and_held(self):
        bend = np.array([0.2, 0.5]), np.array([0.0, 300.0])
        model = bare("guqin")
        sound = render([SoundNote(0.0, 9.0, 60, string=4, technique=Technique.SLIDE_UP, bend=bend)], model, seconds=1.2)
        time = np.arange(len(sound) - 1) / RATE
        heard = contour(sound, RATE, 61.5, 5.0) + 150.0
        apart = np.abs(heard - np.interp(time, *bend))
        assert apart[(time > 0.1) & (time < 1.1)].max() < 5.0

    def test_slides_on_silk_are_audible(self):
        bend = np.array([0.2, 0.5]), np.array([0.0, 500.0])
        note = SoundNote(0.0, 9.0, 60, string=4, technique=Technique.SLIDE_UP, bend=bend)
        loud, none = (render([note], bare("guqin", friction_db=db), seconds=1.0) for db in (-10.0, -np.inf))
        before, during = slice(0, int(0.15 * RATE)), slice(int(0.2 * RATE), int(0.5 * RATE))
        noise = loud - none * rms(loud[before]) / rms(none[before])
        assert rms(noise[during]) > 0.02
        assert rms(noise[before]) < 0.01 * rms(noise[during])


class TestOutput:
    notes = (SoundNote(0.1, 5.0, 62, string=11), SoundNote(0.3, 5.0, 74, 110, string=6))

    def test_same_seed_same_bytes(self):
        chance = np.random.default_rng(5)
        recording = random_recording(chance)
        model = random_instrument(chance, "guzheng")
        kwargs = {"room": recording.room, "microphone": recording.microphone, "noise": Noise(), "seconds": 1.0}
        one, same, other = (render(self.notes, model, seed=seed, **kwargs) for seed in (3, 3, 4))
        assert one.tobytes() == same.tobytes()
        assert one.tobytes() != other.tobytes()

    @pytest.mark.parametrize("rate", [8000, 44_100])
    def test_mono_and_stereo(self, rate):
        mono, stereo = (
            render(self.notes, preset("guzheng"), sample_rate=rate, channels=n, seconds=1.0) for n in (1, 2)
        )
        assert mono.shape == (rate,)
        assert stereo.shape == (rate, 2)
        assert mono.dtype == stereo.dtype == np.float32
        assert not np.array_equal(stereo[:, 0], stereo[:, 1])
        assert abs(cents_off(mono[rate // 3 :], rate, 74)) < 3.0

    def test_levels_and_offset(self):
        sound = render(self.notes, preset("guzheng"), peak=0.5)
        assert np.isfinite(sound).all()
        assert np.abs(sound).max() == pytest.approx(0.5, abs=1e-5)
        assert abs(float(sound.mean())) < 1e-4
        assert rms(sound[-1000:]) < 0.02

    def test_louder_strokes_are_louder_and_brighter(self):
        loud, soft = (
            render([SoundNote(0.05, 5.0, 50, v, string=16)], preset("guzheng"), seconds=1.0, peak=0.5)
            for v in (120, 40)
        )
        sharp = [
            level_db(sound, RATE, 50 + 12 * np.log2(12.1), 0.2) - level_db(sound, RATE, 50, 0.2)
            for sound in (loud, soft)
        ]
        assert sharp[0] > sharp[1] + 3

    def test_nothing_gives_silence(self):
        assert render([], preset("guqin"), seconds=0.5).tolist() == [0.0] * 11_025
        assert render([], preset("guqin"), seconds=0.0).shape == (0,)

    def test_a_kernel_is_what_its_python_says(self):
        rows = np.zeros((2, col.COLUMNS))
        rows[:, [col.OMEGA, col.LEVEL, col.EARLY, col.LATE, col.SHARE, col.DEPTH, col.BEAT]] = (
            0.2,
            0.5,
            0.9,
            0.99,
            0.4,
            0.3,
            0.1,
        )
        rows[:, [col.ATTACK, col.RELEASE, col.FLOOR]] = 30.0, 0.5, 1e-6
        places = np.array([0, 10]), np.array([150, 1000]), np.array([[-1, -1], [0, 1]]), np.array([1.0, 1.1])
        gains = np.ones((2, 1), np.float32)
        outs = [np.zeros((1, 300), np.float32) for _ in range(2)]
        col.add_partials(rows, *places, gains, outs[0])
        compiled(col.add_partials)(rows, *places, gains, outs[1])
        np.testing.assert_allclose(outs[0], outs[1], atol=1e-5)
        assert rms(outs[0]) > 0.05


class TestRecording:
    dry = staticmethod(
        lambda **kwargs: render([SoundNote(0.1, 0.3, 62, string=11)], bare("guzheng"), seconds=1.5, **kwargs)
    )

    def test_a_room_rings_on(self):
        wet, dry = self.dry(room=Room(t60=1.5, wet_db=-3.0)), self.dry()
        assert rms(wet[int(0.8 * RATE) : RATE]) > 20 * rms(dry[int(0.8 * RATE) : RATE])

    def test_noise_is_as_loud_as_asked(self):
        quiet = self.dry(noise=Noise(hiss_db=-40.0, room_db=-120.0, hum_db=-120.0), peak=1.0)[-3000:]
        assert 20 * np.log10(rms(quiet)) == pytest.approx(-40.0, abs=1.0)

    def test_a_microphone_filters_and_sets_the_level(self):
        sound = self.dry(microphone=Microphone(low_pass=1000.0, level_db=-20.0), noise=Noise(hiss_db=-80))
        assert np.abs(sound).max() == pytest.approx(0.1, rel=1e-3)
        dull = level_db(sound, RATE, 62 + 12 * np.log2(9.04), 0.2) - level_db(sound, RATE, 62, 0.2)
        plain = self.dry()
        assert dull < level_db(plain, RATE, 62 + 12 * np.log2(9.04), 0.2) - level_db(plain, RATE, 62, 0.2) - 15

    def test_clipping_is_soft(self):
        assert np.abs(self.dry(microphone=Microphone(level_db=0.0, drive=2.0))).max() <= 1.0


class TestInstruments:
    @pytest.mark.parametrize("kind", ["guqin", "guzheng"])
    def test_families_share_no_value(self, kind):
        """In order of value the families change at most at the five edges of six cells, however many are drawn."""
        chance = np.random.default_rng(0)
        drawn = {family: [random_instrument(chance, kind, family=family) for _ in range(40)] for family in FAMILIES}
        for name in ("pluck", "comb", "early", "beat_depth", "knock_db", "noise_low"):
            values = sorted((getattr(model, name), family) for family in FAMILIES for model in drawn[family])
            changes = sum(one != other for (_, one), (_, other) in pairwise(values))
            assert 1 <= changes <= 5, name
            assert {values[0][1], values[-1][1]} == {"train"}, name

    @pytest.mark.parametrize("kind", ["guqin", "guzheng"])
    def test_every_random_instrument_sounds(self, kind):
        chance = np.random.default_rng(1)
        for family in FAMILIES * 3:
            model = random_instrument(chance, kind, family=family)
            sound = render([SoundNote(0.1, 5.0, model.open_pitches[2], string=3)], model, seconds=1.0)
            assert np.isfinite(sound).all()
            exact = model.sounding_pitch(SoundNote(0, 1, model.open_pitches[2], string=3))
            assert abs(cents_off(sound[5000:], RATE, exact)) < 4.0
            assert -345 < model.tuning_cents < 125

    def test_silk_is_lower_and_duller(self):
        silk, metal = preset("guqin-silk"), preset("guqin")
        assert silk.tuning_cents < metal.tuning_cents
        assert silk.tilt.at(60) > metal.tilt.at(60)


good = SoundNote(0.0, 1.0, 60.0)


@pytest.mark.parametrize(
    ("note", "words"),
    [
        (replace(good, onset=-1.0), "onset"),
        (replace(good, onset=float("nan")), "onset"),
        (replace(good, onset=1e9), "onset"),
        (replace(good, duration=0.0), "duration"),
        (replace(good, pitch=float("inf")), "pitch"),
        (replace(good, pitch=128.0), "pitch"),
        (replace(good, velocity=0.0), "velocity"),
        (replace(good, bend=(np.zeros(2), np.zeros(3))), "bend"),
        (replace(good, bend=(np.array([1.0, 0.0]), np.zeros(2))), "bend"),
        (replace(good, bend=(np.zeros(1), np.array([np.nan]))), "bend"),
        (replace(good, bend=(np.zeros(1), np.array([9000.0]))), "bend"),
    ],
)
def test_bad_notes_are_refused(note, words):
    with pytest.raises(UsageError, match=f"note 1: .*{words}"):
        render([good, note], preset("guqin"))


@pytest.mark.parametrize(
    "kwargs",
    [
        {"sample_rate": 0},
        {"sample_rate": 10**6},
        {"channels": 3},
        {"seconds": -1.0},
        {"seconds": 1e6},
        {"seconds": float("nan")},
        {"peak": 0.0},
        {"room": Room(t60=0.0)},
    ],
)
def test_bad_arguments_are_refused(kwargs):
    with pytest.raises(UsageError):
        render([good], preset("guqin"), **kwargs)


def test_unknown_names_are_refused():
    chance = np.random.default_rng(0)
    with pytest.raises(UsageError, match="guqin-silk"):
        preset("pipa")
    with pytest.raises(UsageError, match="guqin or guzheng"):
        random_instrument(chance, "pipa")
    with pytest.raises(UsageError, match="train or unseen"):
        random_instrument(chance, "guqin", family="secret")
    with pytest.raises(UsageError, match="zhengdiao"):
        random_instrument(chance, "guqin", tuning="E")


def test_hertz():
    assert hertz(69) == 440.0
