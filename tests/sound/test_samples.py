import numpy as np
import pytest

from symgen.errors import ReadError, UsageError
from symgen.native import compiled
from symgen.sound._samples import add_resampled
from symgen.sound.labels import labels
from symgen.sound.model import LOWEST, SoundNote
from symgen.sound.room import Noise
from symgen.sound.samples import HELD_OUT, load_bank, measured_cents, reachable, recorded_note, render_samples
from tests.sound.hearing import cents_off, contour, hertz, rms

soundfile = pytest.importorskip("soundfile", reason="the extra 'audio' is not installed")
RATE = 44_100


def plucked(pitch, seconds=2.0, lead=0.05):
    time = np.arange(int(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * k * hertz(pitch) * time) / k for k in (1, 2, 3)) * np.exp(-2 * time)
    return np.concatenate([np.zeros(int(lead * RATE)), 0.4 * tone]).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """C1, D1, E1 and G1 as wav, named as the recordings are: C1 is MIDI 36."""
    path = tmp_path_factory.mktemp("notes")
    for name, pitch in (("C2", 48.05), ("D2", 50.0), ("E2", 51.9), ("G2", 55.0)):
        soundfile.write(path / f"{name}.wav", plucked(pitch), RATE)
    (path / "notes.txt").write_text("no recording")
    return path


class TestBank:
    def test_pitches_are_measured(self, folder):
        bank = load_bank(folder)
        assert [note.pitch for note in bank.notes] == pytest.approx([48.05, 50.0, 51.9, 55.0], abs=0.02)

    def test_parts_share_no_note(self, folder):
        parts = [{round(note.pitch) for note in load_bank(folder, part=part).notes} for part in ("training", "test")]
        assert parts == [{52, 55}, {48, 50}]
        assert parts[1] <= HELD_OUT

    def test_notes_begin_with_their_attack(self, folder):
        for note in load_bank(folder).notes:
            assert np.argmax(np.abs(note.samples) > 0.1) < 0.003 * RATE
            assert np.abs(note.samples).max() == pytest.approx(1.0, abs=1e-4)

    def test_what_cannot_be_used_is_said(self, folder, tmp_path):
        with pytest.raises(UsageError, match="training or test or all"):
            load_bank(folder, part="some")
        with pytest.raises(ReadError, match="no recorded notes"):
            load_bank(tmp_path)
        (tmp_path / "C1.mp3").write_bytes(b"garbage")
        with pytest.raises(ReadError, match=r"C1.mp3 cannot be read"):
            load_bank(tmp_path)
        with pytest.raises(ReadError, match="silent"):
            recorded_note(np.zeros(1000, np.float32), RATE, 60)


class TestRendering:
    @pytest.mark.parametrize("pitch", [46.0, 50.5, 53.25, 58.0])
    def test_notes_sound_as_asked(self, folder, pitch):
        sound = render_samples([SoundNote(0.1, 9.0, pitch)], load_bank(folder), seconds=1.5)
        assert abs(cents_off(sound[4000:], 22_050, pitch)) < 3.0

    def test_bends_are_followed(self, folder):
        bend = np.array([0.3, 0.6]), np.array([0.0, 200.0])
        sound = render_samples([SoundNote(0.0, 9.0, 54.0, bend=bend)], load_bank(folder), seconds=1.2)
        heard = contour(sound, 22_050, 55.0, 5.0) + 100.0
        time = np.arange(len(heard)) / 22_050
        inside = (time > 0.1) & (time < 1.0)
        assert np.abs(heard - np.interp(time, *bend))[inside].max() < 5.0

    def test_a_stroke_ends_the_tone_before_it_and_what_is_out_of_reach_is_left_out(self, folder):
        bank = load_bank(folder)
        notes = [SoundNote(0.1, 9.0, 55.0, string=1), SoundNote(0.5, 0.1, 55.0, string=1), SoundNote(0.2, 1.0, 80.0)]
        assert reachable(notes, bank) == notes[:2]
        sound = render_samples(notes, bank, seconds=1.2)
        assert rms(sound[int(0.9 * 22_050) :]) < 0.01 * rms(sound[: int(0.5 * 22_050)])
        found = labels(reachable(notes, bank), 1.2, hop_seconds=0.1, model=bank)
        assert found.onset.sum() == 2
        assert found.note[:, 55 - LOWEST].tolist() == [0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0]

    def test_same_seed_same_bytes(self, folder):
        bank = load_bank(folder)
        one, same, other = (
            render_samples([SoundNote(0.1, 1.0, 52.0)], bank, seed=seed, noise=Noise()).tobytes() for seed in (1, 1, 2)
        )
        assert one == same != other

    def test_bad_arguments_are_refused(self, folder):
        bank = load_bank(folder)
        for keywords in ({"sample_rate": 1}, {"seconds": -1.0}, {"seconds": float("inf")}):
            with pytest.raises(UsageError):
                render_samples([], bank, **keywords)
        with pytest.raises(UsageError, match="note 0"):
            render_samples([SoundNote(0.0, -1.0, 60.0)], bank)

    def test_a_kernel_is_what_its_python_says(self):
        source, curve = plucked(50)[4000:5000], np.array([1.0, 1.1, 1.2])
        outs = [np.zeros(300, np.float32) for _ in range(2)]
        for out, function in zip(outs, (add_resampled, compiled(add_resampled)), strict=True):
            function(source, 1.3, curve, 32, 0.5, 200, 0.9, 10, out)
        np.testing.assert_allclose(outs[0], outs[1], atol=1e-6)


def test_the_real_notes_are_in_tune_and_split_by_recording(shared_data):
    bank = load_bank(shared_data / "samples" / "guzheng")
    assert len(bank.notes) == 25
    assert all(abs(note.pitch - round(note.pitch)) < 0.16 for note in bank.notes)
    parts = [load_bank(shared_data / "samples" / "guzheng", part=part) for part in ("training", "test")]
    assert [len(part.notes) for part in parts] == [15, 10]
    for part in parts:
        assert all(part.near(pitch) for pitch in range(38, 87))
    sound = render_samples([SoundNote(0.0, 9.0, 62.0)], parts[1], seconds=1.5)
    assert abs(cents_off(sound[4000:], 22_050, 62.0)) < 6.0
    assert abs(measured_cents(parts[0].notes[5].samples, bank.sample_rate, 55.0)) < 16.0
