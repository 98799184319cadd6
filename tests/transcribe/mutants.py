"""Sound files with damage of chance: ``python -m tests.transcribe.mutants --count 10000``."""

import argparse
import random
from collections import Counter
from functools import cache

import numpy as np

from symgen.errors import ReadError
from symgen.isolation import Caps, Failure, run_isolated
from symgen.transcribe.audio import blocks, open_audio
from tests.transcribe.containers import KINDS, encoded, melody

HEADER = 600
"""Bytes in which most of the damage is done."""
INTERESTING = (0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF)


@cache
def whole(kind: str) -> bytes:
    rate = 48000 if kind == "opus" else 22050
    return encoded(kind, melody(1.0, rate), rate)


def mutant(kind: str, number: int) -> bytes:
    """The file of a kind with its damage, a function of the number alone."""
    chance = random.Random(f"{kind} {number}")
    data = bytearray(whole(kind))
    for _ in range(chance.randint(1, 6)):
        end = min(HEADER, len(data)) if chance.random() < 0.8 else len(data)
        place = chance.randrange(end)
        deed = chance.randrange(6)
        if deed == 0:
            data[place] ^= 1 << chance.randrange(8)
        elif deed == 1:
            data[place] = chance.choice(INTERESTING)
        elif deed == 2:
            size = chance.choice((2, 4, 8))
            data[place : place + size] = bytes([chance.choice(INTERESTING)]) * size
        elif deed == 3:
            del data[place : place + chance.randint(1, 64)]
        elif deed == 4:
            data[place:place] = data[place : place + chance.randint(1, 64)] * chance.randint(1, 20)
        else:
            del data[max(1, chance.randrange(len(data))) :]
        if not data:
            break
    return bytes(data)


def listen(items, shared, working):
    """Decode mutants in a child: "read", or the code of the refusal."""
    for index, (kind, number) in enumerate(items):
        working([index])
        try:
            with np.errstate(all="raise", under="ignore"):
                found = list(blocks(open_audio(mutant(kind, number)), 22050, 1.0))
            assert all(np.isfinite(block).all() for block in found)
            yield index, "read"
        except ReadError as error:
            yield index, error.code


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    for kind in KINDS:
        items = [(kind, number) for number in range(options.first, options.first + options.count)]
        outcomes: Counter[str] = Counter()
        work = run_isolated("tests.transcribe.mutants:listen", items, 0, Caps(10.0, 2**30))
        for index, outcome in work:
            if isinstance(outcome, Failure):
                print(items[index], outcome)
                outcome = outcome.code
            outcomes[outcome] += 1
        print(kind, dict(outcomes.most_common()), flush=True)


if __name__ == "__main__":
    main()
