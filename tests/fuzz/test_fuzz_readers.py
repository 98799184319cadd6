"""Damaged files: whatever the bytes, a reader gives Scores or a ReadError, soon and in little memory.

A short run each time; ``SYMGEN_FUZZ_ITERATIONS=100000`` makes it a long one. Runs are seeded: a failure prints what
made it, and comes again.
"""

from __future__ import annotations

import os
import random
import time
import tracemalloc

import pytest

from symgen import readers
from symgen.errors import ReadError
from symgen.readers import formats
from tests.readers.smf_bytes import meta, note, smf

ITERATIONS = int(os.environ.get("SYMGEN_FUZZ_ITERATIONS", "150"))
SLOW_FORMATS = {"musicxml", "kern"}  # a thousand times slower than the others: fewer rounds
MAX_SECONDS = 5.0
MAX_BYTES = 64 * 2**20

MIDI = smf(
    meta(0x03, "流水".encode())
    + meta(0x51, b"\x0b\x71\xb0")
    + meta(0x58, b"\x02\x02\x18\x08")
    + meta(0x59, b"\xff\x00"),
    meta(0x03, "古筝".encode("gbk")) + b"".join(note(60 + step, 240, delta=step * 7) for step in (0, 2, 4, 7, 9, 12)),
    b"\x00\xc0\x6b\x00\xb0\x40\x7f" + note(48, 960) + b"\x00\xe0\x00\x40\x00\xf0\x03\x41\x10\xf7" + note(36, 1920),
)
ABC = """X:1
T:流水
M:2/4
L:1/8
Q:1/4=60
K:Ddor
|:D>E (3FGA | [DA]2- [DA] {cd}e :|1 ^f2 z2 :|2 "Dm"f4 |] [K:G][M:3/4] G3/2 A// B,,2- B,,|
V:2
D,2 & A,4 !trill!c'8 |
w: la la

X:2
T:two
K:none
CDEF|]
""".encode()
KERN = b"**kern\n*clefG2\n*k[b-]\n*F:\n*M2/4\n4f\n8g\n8a\n=1\n[4cc\n4cc]\n=2\n4r\n8d 8f\n16g\n16a\n==\n*-\n"
MUSICXML = b"""<?xml version="1.0" encoding="UTF-8"?>
<score-partwise version="3.1"><work><work-title>t</work-title></work>
<part-list><score-part id="P1"><part-name>qin</part-name></score-part></part-list>
<part id="P1"><measure number="1"><attributes><divisions>4</divisions><key><fifths>0</fifths></key>
<time><beats>2</beats><beat-type>4</beat-type></time></attributes>
<note><pitch><step>C</step><octave>4</octave></pitch><duration>4</duration><type>quarter</type></note>
<note><chord/><pitch><step>G</step><octave>4</octave></pitch><duration>4</duration><type>quarter</type></note>
<note><pitch><step>D</step><alter>1</alter><octave>4</octave></pitch><duration>4</duration><type>quarter</type></note>
</measure></part></score-partwise>
"""
JIANPU = "title=流水\n1=F\n2/4\n1 2 3 5 | 6' 5, 3- 2_ 1_ | 0 1 - ||\n".encode()
SEEDS = {"midi": MIDI, "abc": ABC, "kern": KERN, "musicxml": MUSICXML, "jianpu": JIANPU}


def flip(data: bytearray, chance: random.Random) -> bytearray:
    for _ in range(chance.randint(1, 8)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return data


def overwrite(data: bytearray, chance: random.Random) -> bytearray:
    start = chance.randrange(len(data))
    data[start : start + chance.randint(1, 8)] = chance.randbytes(chance.randint(1, 8))
    return data


def truncate(data: bytearray, chance: random.Random) -> bytearray:
    return data[: chance.randint(1, len(data))]


def cut_out(data: bytearray, chance: random.Random) -> bytearray:
    start = chance.randrange(len(data))
    del data[start : start + chance.randint(1, 40)]
    return data


def repeat(data: bytearray, chance: random.Random) -> bytearray:
    start = chance.randrange(len(data))
    piece = data[start : start + chance.randint(1, 40)]
    data[start:start] = piece * chance.randint(1, 50)
    return data


def digits(data: bytearray, chance: random.Random) -> bytearray:
    places = [index for index, byte in enumerate(data) if 0x30 <= byte <= 0x39] or [0]
    place = chance.choice(places)
    data[place : place + 1] = str(chance.choice([0, 255, 65536, 99999, 2**31, 10**12])).encode()
    return data


MUTATIONS = (flip, overwrite, truncate, cut_out, repeat, digits)


def damaged(seed: bytes, chance: random.Random) -> bytes:
    """Return `seed` after one to three mutations; sometimes noise altogether."""
    if chance.random() < 0.05:
        return chance.randbytes(chance.randint(1, 400))
    data = bytearray(seed)
    for _ in range(chance.randint(1, 3)):
        data = chance.choice(MUTATIONS)(data, chance) or bytearray(b"\x00")
    return bytes(data)


@pytest.mark.parametrize("reader", formats(), ids=lambda reader: reader.NAME)
@pytest.mark.filterwarnings("ignore")  # of third-party parsers
def test_any_damage_gives_music_or_a_read_error(reader):
    seed = SEEDS.get(reader.NAME)
    if seed is None:
        pytest.skip(f"no seed file for {reader.NAME}: add one to SEEDS")
    iterations = max(10, ITERATIONS // 15) if reader.NAME in SLOW_FORMATS else ITERATIONS
    for number in range(iterations):
        data = damaged(seed, random.Random(f"{reader.NAME}-{number}"))
        begin = time.perf_counter()
        reader.sniff(data, reader.SUFFIXES[0])
        try:
            readings = readers._read_with(reader, data, "damaged")
        except ReadError:
            readings = []
        seconds = time.perf_counter() - begin
        assert seconds < MAX_SECONDS, f"iteration {number}: {seconds:.1f} s for {data!r}"
        for reading in readings:
            assert len(reading.score.bar_starts()) < 10_000_000


@pytest.mark.parametrize("name", ["midi", "abc"])
def test_damage_does_not_take_memory(name):
    reader = next(reader for reader in formats() if name == reader.NAME)
    tracemalloc.start()
    try:
        for number in range(min(ITERATIONS, 60)):
            data = damaged(SEEDS[name], random.Random(f"memory-{number}"))
            try:
                readers._read_with(reader, data, "damaged")
            except ReadError:
                continue
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MAX_BYTES


@pytest.mark.parametrize("name", ["midi", "abc"])
def test_our_own_parsers_raise_read_error_themselves(name):
    reader = next(reader for reader in formats() if name == reader.NAME)
    for number in range(ITERATIONS):
        data = damaged(SEEDS[name], random.Random(f"own-{name}-{number}"))
        try:
            reader.read(data, "damaged")
        except ReadError as error:
            assert "damaged" in str(error)  # noqa: PT017 - any other exception fails the test
