"""The longest run that a piece shares with others: found whatever the key, and never where there is none."""

import numpy as np
import pytest

from symgen.copying import copy_report, fingerprints, run_hashes, shared_runs
from symgen.score import Score, make_notes
from symgen.tokens.codec import encode

LENGTHS = (120, 240, 240, 480, 480, 720, 960)


def random_rows(seed, notes, low=0, high=12):
    """Return (duration, pitch) rows of random notes, degrees `low` to `high` above middle C."""
    rng = np.random.default_rng(seed)
    return [(int(rng.choice(LENGTHS)), 60 + int(rng.integers(low, high))) for _ in range(notes)]


def tokens_of(rows, shift=0, gong=0):
    """Return the tokens of notes that follow each other."""
    onset, notes = 0, []
    for duration, pitch in rows:
        notes.append((onset, duration, pitch + shift))
        onset += duration
    return encode(Score(make_notes(notes)), gong=(gong + shift) % 12)


@pytest.mark.parametrize("notes", [8, 9, 30, 200])
def test_a_piece_is_a_copy_of_itself(notes):
    tokens = tokens_of(random_rows(1, notes))
    report = copy_report(tokens, fingerprints([tokens]))
    assert (report.longest_run, report.longest_run_tick, report.shared) == (notes, 0, 1.0)


@pytest.mark.parametrize("shift", [-12, -7, 1, 5, 12, 14])
def test_a_transposed_copy_is_found(shift):
    rows = random_rows(2, 40)
    report = copy_report(tokens_of(rows, shift), fingerprints([tokens_of(rows)]))
    assert (report.longest_run, report.shared) == (40, 1.0)


def test_a_copy_with_other_octaves_and_chords_is_found():
    rows = random_rows(3, 30)
    moved = [(duration, pitch + 12 * (i % 2)) for i, (duration, pitch) in enumerate(rows)]
    assert copy_report(tokens_of(moved), fingerprints([tokens_of(rows)])).longest_run == 30


@pytest.mark.parametrize("seed", range(10))
def test_other_music_shares_nothing(seed):
    known = fingerprints(tokens_of(random_rows(100 + i, 300)) for i in range(20))
    report = copy_report(tokens_of(random_rows(seed, 300)), known)
    assert (report.longest_run, report.longest_run_tick, report.shared) == (0, 0, 0.0)


@pytest.mark.parametrize("length", range(8, 21))
def test_a_planted_run_is_found(length):
    """The time from its last note to the next is part of a run."""
    source = random_rows(4, 60)
    before, after = random_rows(5, 17, 12, 24), random_rows(6, 17, 12, 24)
    before = [(duration + 60, pitch) for duration, pitch in before]  # no time between notes is that of the source
    planted = source[20 : 20 + length]
    report = copy_report(tokens_of([*before, *planted, *after]), fingerprints([tokens_of(source)]))
    assert report.longest_run in (length, length + 1)  # the first note after may be the source's by chance
    assert report.longest_run_tick == sum(duration for duration, _ in before)
    assert report.shared == pytest.approx((report.longest_run - 7) / (len(before) + length + len(after) - 7), abs=1e-4)


@pytest.mark.parametrize("length", range(8))
def test_shorter_runs_do_not_count(length):
    source = random_rows(4, 60)
    before, after = ([(d + 60, p) for d, p in random_rows(seed, 17)] for seed in (5, 6))
    report = copy_report(tokens_of([*before, *source[20 : 20 + length], *after]), fingerprints([tokens_of(source)]))
    assert report.longest_run == 0


def test_rests_are_time_between_notes():
    """A note held and a note followed by a rest sound the same onsets."""
    rows = random_rows(7, 20)
    held, short, onset = [], [], 0
    for duration, pitch in rows:
        held.append((onset, duration, pitch))
        short.append((onset, 120, pitch))
        onset += duration
    pieces = [encode(Score(make_notes(notes), end=onset), gong=0) for notes in (held, short)]
    assert np.array_equal(run_hashes(pieces[0])[0], run_hashes(pieces[1])[0])


def test_short_pieces_have_no_runs():
    hashes, onsets = run_hashes(tokens_of(random_rows(8, 7)))
    assert len(hashes) == len(onsets) == 0
    report = copy_report(tokens_of(random_rows(8, 7)), fingerprints([tokens_of(random_rows(8, 20))]), 9)
    facts = {"longest_run": 0, "longest_run_tick": 0, "shared": 0.0, "human_longest_run": 9}
    assert report.as_json() == {**facts, "human_longest_run_p90": None, "bar": None, "beat": None}


def test_without_fingerprints_there_is_no_report():
    assert copy_report(tokens_of(random_rows(9, 20)), {}) is None


def test_no_training_piece_is_nothing_shared():
    assert copy_report(tokens_of(random_rows(9, 20)), fingerprints([])).longest_run == 0


def test_fingerprints_are_sorted_and_small():
    known = fingerprints([tokens_of(random_rows(10, 100))] * 2)["runs"]
    assert known.dtype == np.uint64
    assert len(known) == 93
    assert (known[1:] > known[:-1]).all()


@pytest.mark.parametrize("length", [8, 12, 16])
def test_runs_of_any_length_are_counted(length):
    source, other = random_rows(4, 40), random_rows(5, 40, 12, 24)
    known = fingerprints([tokens_of(source)], length)["runs"]
    assert shared_runs(tokens_of(source), known, length) == (41 - length, 41 - length)
    found, runs = shared_runs(tokens_of(source[:length] + other), known, length)
    assert (found, runs) == (1, 41)
    assert shared_runs(tokens_of(source[: length - 1]), known, length) == (0, 0)
