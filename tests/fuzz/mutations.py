"""Damage of every kind, each a function of the bytes and of chance alone."""

from __future__ import annotations

import copy
import io
import random
import re
import zipfile
from collections.abc import Callable, Sequence
from xml.etree import ElementTree

from tests.fuzz.seeds import SEEDS, WORDS, packed

Mutation = Callable[[bytearray, random.Random, tuple[bytes, ...]], bytearray]

_NUMBERS = (0, 1, 3, 127, 255, 999, 65536, 99999, 2**31, 10**12)
_ZIP = b"PK\x03\x04"


def flip(data: bytearray, chance: random.Random, words: tuple[bytes, ...]) -> bytearray:
    for _ in range(chance.randint(1, 8)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return data


def overwrite(data: bytearray, chance: random.Random, words: tuple[bytes, ...]) -> bytearray:
    start = chance.randrange(len(data))
    data[start : start + chance.randint(1, 8)] = chance.randbytes(chance.randint(1, 8))
    return data


def truncate(data: bytearray, chance: random.Random, words: tuple[bytes, ...]) -> bytearray:
    return data[: chance.randint(1, len(data))]


def cut_out(data: bytearray, chance: random.Random, words: tuple[bytes, ...]) -> bytearray:
    start = chance.randrange(len(data))
    del data[start : start + chance.randint(1, 40)]
    return data


def repeat(data: bytearray, chance: random.Random, words: tuple[bytes, ...]) -> bytearray:
    start = chance.randrange(len(data))
    piece = data[start : start + chance.randint(1, 40)]
    data[start:start] = piece * chance.randint(1, 50)
    return data


def digits(data: bytearray, chance: random.Random, words: tuple[bytes, ...]) -> bytearray:
    places = [index for index, byte in enumerate(data) if 0x30 <= byte <= 0x39] or [0]
    place = chance.choice(places)
    data[place : place + 1] = str(chance.choice(_NUMBERS)).encode()
    return data


def word(data: bytearray, chance: random.Random, words: tuple[bytes, ...]) -> bytearray:
    """Put something of the grammar where it does not belong."""
    place = chance.randrange(len(data))
    data[place : place + chance.choice((0, 0, 1, 4))] = chance.choice(words)
    return data


def shuffle_lines(data: bytearray, chance: random.Random, words: tuple[bytes, ...]) -> bytearray:
    """Move a line elsewhere, or say it twice."""
    lines = data.split(b"\n")
    line = chance.choice(lines) if chance.random() < 0.5 else lines.pop(chance.randrange(len(lines)))
    lines.insert(chance.randint(0, len(lines)), line)
    return bytearray(b"\n".join(lines))


def tokens(data: bytearray, chance: random.Random, words: tuple[bytes, ...]) -> bytearray:
    """Put another token of the file, or none, in a token's place; columns and lines stay."""
    parts = re.split(rb"([ \t\r\n]+)", bytes(data))
    for _ in range(chance.randint(1, 3)):
        parts[chance.randrange(0, len(parts), 2)] = chance.choice((*parts[::2], chance.choice(words)))
    return bytearray(b"".join(parts))


GRAMMATICAL = (tokens, tokens, word, shuffle_lines, digits)
"""Damage that leaves a text a text."""
BLUNT = {"jianpu": 0.25, "musicxml": 0.3}
"""Reader -> share of files damaged without regard to their grammar; a strict grammar lets few of these in."""
MUTATIONS = (flip, overwrite, truncate, cut_out, repeat, tokens, digits, word, shuffle_lines)


def damaged(reader: str, chance: random.Random) -> bytes:
    """Return a seed of a format after one to four mutations; sometimes noise altogether, or two seeds in one."""
    if chance.random() < 0.02:
        return chance.randbytes(chance.randint(1, 400))
    seed = chance.choice(SEEDS[reader])
    if seed.startswith(_ZIP) and chance.random() < 0.6:  # damage inside, in a sound archive
        with zipfile.ZipFile(io.BytesIO(seed)) as archive:
            return packed(_inside(archive.read("score.musicxml"), reader, chance))
    if chance.random() < 0.1:
        other = chance.choice(SEEDS[reader])
        seed = seed[: chance.randint(1, len(seed))] + other[chance.randrange(len(other)) :]
    return _inside(seed, reader, chance)


def _inside(seed: bytes, reader: str, chance: random.Random) -> bytes:
    """Damage a file that is not packed; half the time so that it stays, at first sight, one of its format."""
    if chance.random() < BLUNT.get(reader, 0.5):
        return _mutated(seed, reader, chance, MUTATIONS)
    if reader == "musicxml":
        return _with_elements_moved(seed, chance)
    if reader == "midi":
        header = seed[: seed.find(b"MTrk") + 8]
        return header + _mutated(seed[len(header) :], reader, chance, MUTATIONS)
    return _mutated(seed, reader, chance, GRAMMATICAL)


def _mutated(seed: bytes, reader: str, chance: random.Random, mutations: Sequence[Mutation]) -> bytes:
    data = bytearray(seed or b"\x00")
    for _ in range(chance.randint(1, 4)):
        data = chance.choice(mutations)(data, chance, WORDS[reader]) or bytearray(b"\x00")
    return bytes(data)


def _with_elements_moved(seed: bytes, chance: random.Random) -> bytes:
    """Return a well-formed document whose elements are no longer what or where they were."""
    try:
        root = ElementTree.fromstring(seed)  # a seed of ours, or two of them spliced
    except (ElementTree.ParseError, ValueError):
        return _mutated(seed, "musicxml", chance, MUTATIONS)
    for _ in range(chance.randint(1, 5)):
        elements = list(root.iter())
        parent, other = chance.choice(elements), chance.choice(elements)
        kind = chance.randrange(6)
        if kind == 0 and len(parent):
            del parent[chance.randrange(len(parent))]
        elif kind == 1 and len(elements) < 400:
            parent.insert(chance.randint(0, len(parent)), copy.deepcopy(other))
        elif kind == 2:
            other.text = str(chance.choice((*_NUMBERS, -1, 0.5, "", "x", "1e9", "3+2")))
        elif kind == 3:
            parent.tag = other.tag
        elif kind == 4:
            parent.set(*chance.choice((("type", "stop"), ("number", "1-9"), ("times", "99"), ("dacapo", "yes"))))
        elif len(parent) > 1:
            parent[:] = chance.sample(list(parent), len(parent))
    if root.tag not in ("score-partwise", "score-timewise") and chance.random() < 0.9:
        root.tag = "score-partwise"
    return ElementTree.tostring(root, encoding=chance.choice(("utf-8", "utf-16", "us-ascii")))


def mutation(reader: str, seed: int, number: int) -> bytes:
    """Return mutation `number` of a run: the same bytes every time."""
    return damaged(reader, random.Random(f"{reader}-{seed}-{number}"))
