"""WAV: the sound of a piece, as long as it lasts, with its record in front."""

import io
import wave
from pathlib import Path

import numpy as np
import pytest

from symgen import stamp, writers
from symgen.errors import WriteError
from symgen.instruments import get_instrument
from symgen.instruments.perform import plain
from symgen.score import Score, Tempo, make_notes
from symgen.writers import wav

SCORE = Score(make_notes([(0, 480, 50), (480, 480, 57), (960, 480, 62)]), tempi=(Tempo(0, 60.0),))


def sound(data):
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 44_100)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2) / 32768


def played(name, score=SCORE):
    instrument = get_instrument(name)
    return plain(score, instrument, next(iter(instrument.tunings.values())))


@pytest.mark.parametrize("name", ["guqin", "guzheng", "guzheng23"])
def test_a_performance_is_heard_where_its_notes_are(name):
    heard = sound(wav.encode(played(name)))
    assert 0.5 < np.abs(heard).max() <= 1.0
    assert 3.0 <= len(heard) / 44_100 <= 4.5
    strikes = [np.abs(heard[int(44_100 * at) : int(44_100 * (at + 0.2))]).max() for at in (0.0, 1.0, 2.0)]
    assert min(strikes) > 0.05


def test_instruments_sound_different():
    assert wav.encode(played("guqin")) != wav.encode(played("guzheng"))


def test_the_record_is_in_front_and_the_sound_the_same():
    data = wav.encode(SCORE)
    whole = writers.stamped(data, wav, stamp.pieces_of("a" * 2501))
    assert np.array_equal(sound(whole), sound(data))
    assert whole.index(b"ICMT") < whole.index(b"data")
    assert stamp.joined(stamp.texts_in(whole)) == "a" * 2501


@pytest.mark.parametrize(
    "score", [Score(make_notes()), Score(make_notes([(0, 480 * 4000, 60)]), tempi=(Tempo(0, 60.0),))]
)
def test_nothing_and_too_much_are_refused(score):
    with pytest.raises(WriteError):
        wav.encode(score)


def test_a_long_file_is_still_looked_into(tmp_path, monkeypatch):
    from symgen import readers
    from symgen.origin import carrying

    monkeypatch.setattr(readers, "MAX_FILE_BYTES", 1000)
    file = Path(tmp_path / "a.wav")
    file.write_bytes(writers.stamped(wav.encode(SCORE), wav, stamp.pieces_of("x")))
    assert carrying._record_in(carrying._content(file), file.name) == "x"
