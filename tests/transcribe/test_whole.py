"""The whole way, from sound to a Score, a Performance and a MIDI file that follows the recording."""

import io
from itertools import pairwise

import mido
import numpy as np
import pytest

from symgen.errors import UsageError
from symgen.score import Technique
from symgen.sound.model import SoundNote
from symgen.sound.presets import preset
from symgen.sound.render import render
from symgen.transcribe import transcribe
from symgen.transcribe.notes import HeardNote
from symgen.transcribe.runtime import TranscriberError
from symgen.transcribe.source import Sound
from symgen.transcribe.tuning import offset_of, retuned, semitones_low
from symgen.transcribe.writing import in_reach
from symgen.writers.midi import encode
from tests.transcribe.plucks import RATE, Pluck, recording, slide, slow_guqin, vibrato

pytest.importorskip("swift_f0")


def in_g() -> list[Pluck]:
    """A tune of G gong in steady beats: 60 qpm, ending on its gong."""
    degrees = [67, 69, 71, 74, 76, 74, 71, 69, 67, 64, 62, 64, 67, 69, 71, 67, 74, 71, 69, 67]
    lengths = [1, 0.5, 0.5, 1, 1, 0.5, 0.5, 1, 1, 0.5, 0.5, 1, 1, 0.5, 0.5, 1, 1, 0.5, 0.5, 2]
    starts = 0.5 + np.concatenate([[0.0], np.cumsum(lengths)])[:-1]
    return [
        Pluck(float(at), float(long), float(pitch)) for at, long, pitch in zip(starts, lengths, degrees, strict=True)
    ]


def test_a_tune_comes_out_with_gong_beat_and_values() -> None:
    notes = in_g()
    found = transcribe(Sound([recording(notes)], RATE), mode="mono", instrument="guzheng")
    assert (found.gong, found.mode_name) == (7, "gong")
    assert "free-rhythm" not in found.flags
    assert found.score.notes["pitch"].tolist() == [int(note.pitch) for note in notes]
    steps = np.diff(found.score.notes["onset"]) / 480
    assert steps.tolist() == [note.seconds for note in notes[:-1]]
    assert found.score.metres[0].denominator == 4
    assert found.performance is not None
    assert found.performance.instrument == "guzheng"
    assert found.performance.score.keys[0].gong == 7


def test_the_midi_file_follows_the_recording() -> None:
    notes = [
        Pluck(0.4, 1.4, 52.0, cents=slide(-200, 0, 0.02, 0.2)),
        Pluck(1.9, 1.4, 57.0, cents=vibrato(40, 5.0)),
        Pluck(3.4, 1.4, 50.0, cents=slide(0, 200, 0.6, 0.3)),
        Pluck(4.9, 1.4, 45.0),
    ]
    found = transcribe(Sound([recording(notes)], RATE), mode="mono", instrument="guqin")
    assert found.performance is not None
    file = mido.MidiFile(file=io.BytesIO(encode(found.performance)))
    now, struck, wheel = 0.0, [], []
    for message in file:
        now += message.time
        if message.type == "note_on" and message.velocity:
            struck.append((now, message.note, message.channel))
        elif message.type == "pitchwheel":
            wheel.append((now, message.pitch * 200 / 8192, message.channel))
    assert [note for _, note, _ in struck] == [52, 57, 50, 45]
    assert np.abs(np.array([at for at, _, _ in struck]) - [note.onset for note in notes]).max() < 0.03
    assert {channel for *_, channel in struck} == {channel for *_, channel in wheel}
    assert min(cents for _, cents, _ in wheel) < -120
    assert max(cents for at, cents, _ in wheel if at > 4.0) == pytest.approx(200, abs=20)


@pytest.mark.parametrize("mode", ["loud", "", "POLY"])
def test_unknown_modes_are_refused(mode: str) -> None:
    with pytest.raises(UsageError, match="auto, mono, poly"):
        transcribe(Sound([], RATE), mode=mode)


def test_unknown_instruments_are_refused() -> None:
    with pytest.raises(UsageError):
        transcribe(Sound([], RATE), mode="mono", instrument="kazoo")


def still(pitch: float, seconds: float = 1.0, at: float = 0.0) -> HeardNote:
    return HeardNote(at, at + seconds, pitch, 80, 0.9)


def test_a_tuning_across_half_a_semitone_is_one_tuning() -> None:
    notes = [still(60.49), still(62.51), still(65.48), still(67.52)]
    offset = offset_of(notes)
    assert abs(offset.cents) == pytest.approx(50, abs=1)
    pitches = [note.pitch for note in retuned(notes, offset.cents)]
    assert np.ptp(np.array(pitches) - np.round(pitches)) < 0.1


def test_pitches_without_a_common_grid_have_no_tuning() -> None:
    rng = np.random.default_rng(2)
    assert offset_of([still(float(pitch)) for pitch in rng.uniform(40, 80, 200)]).cents == 0.0
    assert offset_of([]).cents == 0.0


def test_strings_below_every_tuning_are_low() -> None:
    assert semitones_low([still(34.0), still(34.1), still(41.0)], lowest=36) == 2
    assert semitones_low([still(36.0), still(38.0)], lowest=36) == 0
    assert semitones_low([still(34.0), still(41.0)], lowest=36) == 0  # one note may be a mistake
    assert semitones_low([still(28.0), still(28.0)], lowest=36) == 0  # no string is so low


def test_a_slide_beyond_the_wheel_is_handed_on_without_a_gap() -> None:
    times = np.arange(0.0, 2.0, 0.016)
    note = HeardNote(0.0, 2.0, 50.0, 90, 0.9, Technique.SLIDE_UP, (times, np.interp(times, [0.5, 1.2], [0, 1200])))
    pieces = in_reach(note)
    assert pieces[0].onset_s == 0.0
    assert pieces[-1].offset_s == 2.0
    assert all(np.abs(piece.bend[1]).max() <= 200.0 for piece in pieces)
    for earlier, later in pairwise(pieces):
        assert later.onset_s == pytest.approx(earlier.offset_s)
    sounding = np.concatenate([piece.pitch * 100 + piece.bend[1] for piece in pieces])
    assert np.abs(sounding - 5000 - np.interp(times, [0.5, 1.2], [0, 1200])).max() < 1.0


def test_several_voices_are_heard_and_borders_do_not_matter() -> None:
    pitches = [50, 57, 62, 54, 59, 64, 50, 57]
    notes = [SoundNote(0.3 + 0.4 * i, 1.2, pitch + up) for i, pitch in enumerate(pitches) for up in (0.0, 7.0)]
    sound = render(notes, preset("guzheng"), sample_rate=RATE, seed=1)
    whole = transcribe(Sound([sound], RATE))
    found = sum(any(abs(h.onset_s - n.onset) < 0.05 and round(h.pitch) == n.pitch for h in whole.heard) for n in notes)
    assert whole.mode_used == "poly"
    assert found >= 0.85 * len(notes)
    blocks = [sound[at : at + 3001] for at in range(0, len(sound), 3001)]
    pieces = transcribe(Sound(blocks, RATE))
    assert [(n.onset_s, n.pitch, n.technique) for n in pieces.heard] == [
        (n.onset_s, n.pitch, n.technique) for n in whole.heard
    ]


def test_no_note_of_a_slow_guqin_is_lost_or_heard_twice() -> None:
    notes = slow_guqin(seed=20, count=10)
    found = transcribe(Sound([recording(notes)], RATE))
    assert len(found.heard) == len(notes)


def test_without_the_weights_one_voice_is_served_and_said_so(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("SYMGEN_CHECKPOINTS", str(tmp_path))
    sound = recording(slow_guqin(seed=20, count=5))
    found = transcribe(Sound([sound], RATE))
    assert found.mode_used == "mono"
    assert "one-voice-only" in found.flags
    assert "one-voice-only" not in transcribe(Sound([sound], RATE), mode="mono").flags
    with pytest.raises(TranscriberError, match=r"checkpoint\.json"):
        transcribe(Sound([sound], RATE), mode="poly")


def test_noise_is_described_where_no_note_is_in_it() -> None:
    brown = np.cumsum(np.random.default_rng(0).standard_normal(RATE * 6))
    brown -= np.convolve(brown, np.ones(4001) / 4001, "same")
    found = transcribe(Sound([(0.3 * brown / np.abs(brown).max()).astype(np.float32)], RATE))
    assert not found.heard
    assert found.unpitched.startswith("noise, nine tenths of it below")
