"""Damaged files: whatever the bytes, a reader gives usable Scores or a ReadError with a code, soon, in little memory.

A short run each time. ``SYMGEN_FUZZ_ITERATIONS=100000`` makes it the long one, which works in several processes and
goes on where it was stopped; ``python -m tests.fuzz.run`` is the same by hand. Runs are seeded: a failure says which
mutation made it.
"""

from __future__ import annotations

import os
import tracemalloc

import pytest

from symgen.errors import ReadError
from symgen.readers import formats, recognise
from tests.fuzz import judge
from tests.fuzz.mutations import mutation
from tests.fuzz.run import main, run
from tests.fuzz.seeds import SEEDS

ITERATIONS = int(os.environ.get("SYMGEN_FUZZ_ITERATIONS", "200"))
LONG = 5_000
"""From here on the runner is worth its processes."""
SEED = int(os.environ.get("SYMGEN_FUZZ_SEED", "1"))
MAX_BYTES = 64 * 2**20
NAMES = [reader.NAME for reader in formats()]


def test_every_reader_has_seeds_that_it_reads():
    assert set(SEEDS) == set(NAMES)
    for name, seeds in SEEDS.items():
        for seed in seeds:
            outcome, problem = judge.verdict(name, seed)
            if name != "audio":  # beginnings, to be recognised; tests/transcribe/mutants.py has whole recordings
                assert outcome in {"ok", "mended"}
            assert problem == ""
            assert recognise(seed, judge.reader_named(name).SUFFIXES[0]) == name


@pytest.mark.parametrize("name", NAMES)
def test_any_damage_gives_music_or_a_read_error(name):
    if ITERATIONS >= LONG:
        assert run(name, ITERATIONS, SEED, jobs=os.cpu_count() or 1)["findings"] == []
        return
    for number in range(ITERATIONS):
        data = mutation(name, SEED, number)
        assert judge.verdict(name, data)[1] == "", f"mutation {number} with seed {SEED}: {data!r}"


@pytest.mark.parametrize("name", NAMES)
def test_damage_does_not_take_memory(name):
    reader = judge.reader_named(name)
    judge.verdict(name, SEEDS[name][0])  # what is loaded once does not count
    tracemalloc.start()
    try:
        for number in range(40):
            judge.verdict(reader.NAME, mutation(name, SEED + 1, number))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MAX_BYTES


def test_mutations_come_again():
    assert mutation("abc", 1, 7) == mutation("abc", 1, 7)
    assert len({mutation("abc", 1, number) for number in range(50)}) > 40


class _Broken:
    """A reader that does one thing it may not."""

    NAME, SUFFIXES, __file__ = "broken", (".b",), __file__

    def __init__(self, act):
        self.act = act

    def sniff(self, data, suffix):
        return False

    def read(self, data, name):
        return self.act()


def _loop():
    while True:
        pass


def _raise(error):
    raise error


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (list, "no reading"),
        (lambda: _raise(KeyError("x")), "KeyError"),
        (lambda: _raise(ReadError("x")), "unreadable"),
        (lambda: _raise(ReadError("x", code="made-up")), "made-up"),
        (lambda: _raise(ReadError("x", code="bad-tempo")), "no reason to refuse"),
        (_loop, "more than"),
    ],
)
def test_the_judge_sees_what_a_reader_may_not_do(monkeypatch, act, words):
    monkeypatch.setattr(judge, "reader_named", lambda name: _Broken(act))
    monkeypatch.setattr(judge, "MAX_SECONDS", 0.02)
    assert words in judge.verdict("broken", b"x")[1]


def test_a_run_goes_on_where_it_stopped(tmp_path, capsys):
    arguments = ["--reader", "audio", "--seed", "3", "--state", str(tmp_path)]
    assert main([*arguments, "--iterations", "250"]) == 0
    assert main([*arguments, "--iterations", "500"]) == 0
    assert "audio: 500 mutations, 0 findings" in capsys.readouterr().out
    assert main([*arguments, "--only", "3"]) == 0
