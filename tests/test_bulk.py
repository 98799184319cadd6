"""Many MIDI files at once give what each gives alone."""

import os
import random
from dataclasses import replace

import numpy as np
import pytest

from symgen import bulk, native
from symgen.errors import ReadError
from symgen.readers import midi
from symgen.score import Score, make_notes
from symgen.tokens._steps import write_files
from symgen.tokens.codec import decode, encode
from tests.fuzz.mutations import damaged
from tests.fuzz.seeds import SEEDS
from tests.readers.smf_bytes import meta, note, smf

pytestmark = pytest.mark.skipif(not native.is_available(), reason="numba is not installed")

ITERATIONS = int(os.environ.get("SYMGEN_FUZZ_ITERATIONS", "1200"))
FIFTH = b"\x00\x90\x3c\x40\x00\x90\x43\x40\x60\x80\x3c\x00\x00\x80\x43\x00"
MIDI = SEEDS["midi"][0]
SOUND = (
    MIDI,
    smf(b"".join(note(60 + step, 240) for step in (0, 2, 4, 7, 9, 12))),
    smf(
        meta(0x58, b"\x03\x03\x18\x08"),
        note(62, 100) + note(69, 7) + b"\x00\x90\x3c\x40\x00\x90\x43\x40\x60\x80\x3c\x00\x00\x80\x43\x00",
    ),
    smf(note(62, 100) + meta(0x51, b"\x07\xa1\x20") + note(57, 300), meta(0x59, b"\x02\x01") + note(50, 1000)),
)


def alone(data):
    """Return what the reader and the codec make of one file, or None."""
    try:
        (reading,) = midi.read(data, "name.mid")
    except (ReadError, ValueError):
        return None
    return reading


def assert_same(batch, place, data):
    reading = alone(data)
    assert reading is not None
    score, sequence = reading.score, encode(reading.score)
    again = batch.midi.score(place, "name.mid")
    assert again == replace(score, texts=(), sections=())
    found = batch.sequence(place, again)
    assert found == sequence
    assert found.lost == sequence.lost
    assert batch.midi.lost(place) == reading.lost
    assert batch.midi.mended(place) == reading.mended


def one_byte_changed(data, chance):
    place = chance.randrange(14, len(data))
    return data[:place] + bytes([chance.randrange(256)]) + data[place + 1 :]


def test_sound_files_go_the_short_way():
    batch = bulk.tokenise(SOUND)
    assert batch.midi.sound.all()
    for place, data in enumerate(SOUND):
        assert_same(batch, place, data)


def test_what_is_not_sound_is_left_to_the_reader():
    odd = [b"", b"MThd", b"RIFF", MIDI[:-9], MIDI.replace(b"MTrk", b"MTrx"), b"x" + MIDI, smf(b"")]
    batch = bulk.tokenise([*odd, MIDI])
    assert batch.midi.sound.tolist() == [False] * len(odd) + [True]
    assert_same(batch, len(odd), MIDI)


def test_damage_gives_the_same_both_ways():
    """Whatever a batch calls sound is what the reader makes of it, neighbours or not."""
    files = [one_byte_changed(SOUND[n % len(SOUND)], random.Random(f"bulk-{n}")) for n in range(ITERATIONS)]
    files += [damaged("midi", random.Random(f"bulk-{n}")) for n in range(300)]
    batch = bulk.tokenise(files)
    sound = np.flatnonzero(batch.midi.sound).tolist()
    assert 100 < len(sound) < len(files)
    for place in sound:
        assert_same(batch, place, files[place])


def test_a_known_gong_and_length_are_taken():
    score = replace(alone(SOUND[1]).score, end=5000)
    midi = bulk.read_batch([SOUND[1], SOUND[1]])
    batch = bulk.encode_batch(midi, [7, None], np.array([5000, 5000]))
    assert [batch.sequence(place, score) for place in (0, 1)] == [encode(score, gong=7), encode(score)]


def test_the_plain_functions_do_the_same(monkeypatch):
    """Without numba the kernels are read by Python, which would also notice a place beyond the end of an array."""
    files = [*SOUND, *(one_byte_changed(SOUND[n % len(SOUND)], random.Random(f"plain-{n}")) for n in range(100))]
    fast = bulk.tokenise(files)
    for module in ("symgen.bulk", "symgen.readers._smf_batch"):
        monkeypatch.setattr(f"{module}.compiled", lambda function: function)
    slow = bulk.tokenise(files)
    assert slow.midi.sound.tolist() == fast.midi.sound.tolist()
    for place in np.flatnonzero(fast.midi.sound).tolist():
        score = fast.midi.score(place, "name.mid")
        assert slow.midi.score(place, "name.mid") == score
        assert slow.sequence(place, score) == fast.sequence(place, score)


def test_constants_of_other_files_are_part_of_what_is_kept(monkeypatch):
    """numba dates what it keeps by the kernel's own file."""
    before = native.constants_digest(write_files)
    assert native.constants_digest(write_files) == before
    monkeypatch.setitem(write_files.__globals__, "_REST", 7)  # read by a kernel that it calls
    assert native.constants_digest(write_files) != before


def test_the_same_tone_struck_ten_thousand_times_takes_no_longer():
    rows = [(0, 480, 60)] * 10_000 + [(0, 480, 48)] * 10_000
    lines = encode(Score(make_notes(rows)))
    assert decode(lines).notes["pitch"].tolist() == [48] * 10_000 + [60] * 10_000
