"""Near-duplicates: what changes a fingerprint and what does not, and which tunes end in one family."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from symgen.corpus import spill
from symgen.corpus.families import FamilyFinder, FamilyRules
from symgen.corpus.fingerprints import digest, fingerprint, mix
from symgen.errors import WriteError

Tune = tuple[NDArray[np.int64], NDArray[np.int64]]  # pitch, onset

SCALE = np.array([0, 2, 4, 7, 9])
FEW = settings(max_examples=40, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)


def make_tune(seed: int, notes: int = 90) -> Tune:
    """Return a wandering pentatonic tune: steps and small leaps, lengths of an eighth to a half."""
    rng = np.random.default_rng(seed)
    steps = np.abs(np.cumsum(rng.choice([-2, -1, 1, 2, 3, -3], notes)) + 12)
    return 48 + SCALE[steps % 5] + 12 * (steps // 5), np.cumsum(rng.choice([240, 480, 960], notes))


def change(tune: Tune, changed: int, seed: int) -> Tune:
    """Return a tune with so many of its notes a tone off."""
    pitch = tune[0].copy()
    pitch[np.random.default_rng(seed).choice(len(pitch), changed, replace=False)] += 2
    return pitch, tune[1]


def find(
    folder: Path, tunes: Iterable[Tune] | dict[int, Tune], *, rules: FamilyRules | None = None, parts: int = 4
) -> tuple[list[int], list[tuple[int, int]]]:
    """Return the families and the linked pairs of tunes."""
    numbered = tunes if isinstance(tunes, dict) else dict(enumerate(tunes))
    with FamilyFinder(folder, rules, parts=parts) as finder:
        for number, tune in numbered.items():
            finder.add(number, fingerprint(*tune))
        links = finder.links()
        return finder.families().tolist(), list(zip(links["piece"].tolist(), links["other"].tolist(), strict=True))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("families")


class TestFingerprint:
    @given(SEEDS, st.integers(-24, 24), st.integers(1, 50))
    def test_key_and_tempo_change_nothing(self, seed: int, semitones: int, factor: int):
        pitch, onset = make_tune(seed)
        assert np.array_equal(fingerprint(pitch, onset), fingerprint(pitch + semitones, onset * factor + 7))

    @given(SEEDS)
    def test_octave_errors_change_nothing(self, seed: int):
        pitch, onset = make_tune(seed)
        wrong = pitch + 12 * np.random.default_rng(seed).integers(-1, 2, len(pitch))
        assert np.array_equal(fingerprint(pitch, onset), fingerprint(wrong, onset))

    @given(SEEDS)
    def test_notes_struck_again_and_notes_below_change_nothing(self, seed: int):
        pitch, onset = make_tune(seed)
        again = fingerprint(np.repeat(pitch, 2), np.stack((onset, onset + 60), axis=1).ravel())
        chords = fingerprint(np.concatenate((pitch, pitch - 7)), np.concatenate((onset, onset)))  # out of order too
        assert np.array_equal(fingerprint(pitch, onset), again)
        assert np.array_equal(fingerprint(pitch, onset), chords)

    @given(SEEDS)
    def test_a_tune_holds_every_passage_of_its_sections_but_that_of_their_edges(self, seed: int):
        pitch, onset = make_tune(seed)
        section = fingerprint(pitch[20:70], onset[20:70])
        assert len(np.setdiff1d(section, fingerprint(pitch, onset))) <= 1  # where it cuts into a repeated note

    def test_passages_rise_and_stand_once(self):
        hashes = fingerprint(*make_tune(1))
        assert hashes.dtype == np.uint64
        assert (hashes[1:] > hashes[:-1]).all()

    def test_rhythm_is_in_it_but_not_everywhere(self):
        pitch, onset = make_tune(2)
        even = fingerprint(pitch, np.arange(len(pitch)) * 480)
        shared = np.intersect1d(fingerprint(pitch, onset), even)
        assert 0.3 < len(shared) / len(even) < 0.7

    def test_going_to_and_fro_tells_nothing(self):
        pitch = np.array([60, 67] * 30)
        assert len(fingerprint(pitch, np.arange(60) * 240)) == 0
        assert len(fingerprint(np.concatenate((pitch, make_tune(3)[0])), np.arange(150) * 240)) > 50

    @pytest.mark.parametrize("pitch", [[], [60], [60] * 200, [60, 62, 60, 62, 60, 62], [60, 72] * 100])
    def test_constant_and_tiny_pieces_have_no_passages(self, pitch: list[int]):
        assert len(fingerprint(pitch, range(len(pitch)))) == 0

    def test_is_the_same_on_every_machine(self):
        hashes = fingerprint([60, 62, 64, 67, 69, 67, 64], [0, 480, 960, 1200, 1440, 1920, 2400])
        packed = sum(
            value << 7 * place for place, value in enumerate([2 * 8 + 2, 3 * 8 + 1, 2 * 8 + 2, 10 * 8 + 3, 9 * 8 + 2])
        )
        assert hashes.tolist() == mix(np.array([packed | 1 << 63], dtype=np.uint64)).tolist()
        assert hashes.tolist() == [0x02C5F4DE6551A9BE]

    def test_longest_lengths_do_not_overflow(self):
        pitch, _ = make_tune(3)
        assert len(fingerprint(pitch, np.arange(len(pitch)) * 2**33))

    def test_digests_tell_fingerprints_apart(self):
        fingerprints = [fingerprint(*make_tune(seed)) for seed in range(200)]
        assert len({digest(hashes) for hashes in fingerprints}) == 200


class TestFamilies:
    @FEW
    @given(SEEDS)
    def test_a_copy_in_another_key_and_a_section_are_of_the_family(self, folder: Path, seed: int):
        pitch, onset = make_tune(seed)
        tunes = [make_tune(seed + 1), (pitch, onset), (pitch + 5, onset * 3), (pitch[30:60], onset[30:60])]
        assert find(folder, tunes)[0] == [0, 1, 1, 1]

    @FEW
    @given(SEEDS)
    def test_changed_notes_an_own_rhythm_and_lost_notes_are_forgiven(self, folder: Path, seed: int):
        pitch, onset = tune = make_tune(seed)
        kept = np.ones(len(pitch), dtype=bool)
        kept[10::20] = False
        tunes = [tune, change(tune, 4, seed), (pitch, np.arange(len(pitch)) * 480), (pitch[kept], onset[kept])]
        assert find(folder, tunes)[0] == [0, 0, 0, 0]

    @FEW
    @given(SEEDS)
    def test_unrelated_tunes_are_alone(self, folder: Path, seed: int):
        tunes = [make_tune(seed + number) for number in range(20)]
        assert find(folder, tunes) == (list(range(20)), [])

    @FEW
    @given(st.permutations(range(9)), SEEDS)
    def test_numbers_and_order_decide_nothing(self, folder: Path, order: list[int], seed: int):
        tunes = [change(make_tune(seed + number // 3), 2 * (number % 3 == 2), number) for number in range(9)]
        plain, _ = find(folder, tunes)
        shown, _ = find(folder, {number: tunes[number] for number in order})
        renamed, _ = find(folder, {place: tunes[number] for place, number in enumerate(order)})
        assert plain == shown == [0, 0, 0, 3, 3, 3, 6, 6, 6]
        groups = [{order[place] for place, family in enumerate(renamed) if family == f} for f in sorted(set(renamed))]
        assert sorted(groups, key=min) == [{0, 1, 2}, {3, 4, 5}, {6, 7, 8}]

    def test_parts_and_runs_decide_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        tunes = [change(make_tune(number // 4), number % 4 * 3, number) for number in range(60)]
        plain = find(tmp_path, tunes)
        assert len(set(plain[0])) == 15
        assert find(tmp_path, tunes, parts=1) == plain
        monkeypatch.setattr(spill, "HELD_RECORDS", 500)
        assert find(tmp_path, tunes, parts=7) == plain

    def test_sections_of_one_piece_meet_in_it(self, tmp_path: Path):
        pitch, onset = make_tune(5, 120)
        parts = [(pitch[at : at + 40], onset[at : at + 40]) for at in (0, 40, 80)]
        assert find(tmp_path, parts)[1] == []
        assert find(tmp_path, [*parts, (pitch, onset)]) == ([0, 0, 0, 0], [(3, 0), (3, 1), (3, 2)])

    def test_the_evidence(self, tmp_path: Path):
        pitch, onset = make_tune(6)
        whole, section = fingerprint(pitch, onset), fingerprint(pitch[:45], onset[:45])
        with FamilyFinder(tmp_path) as finder:
            finder.add(0, whole)
            finder.add(1, section)
            finder.add(2, whole)
            links = finder.links()
        assert links[["piece", "other", "shared"]].tolist() == [(1, 0, len(section)), (2, 0, len(whole))]
        assert links["containment"].tolist() == [1, 1]
        assert links["resemblance"].tolist() == pytest.approx([len(section) / len(whole), 1])

    def test_a_song_of_a_dozen_notes_is_linked_to_its_equal_only(self, tmp_path: Path):
        pitch, onset = make_tune(7, 14)
        tunes = [(pitch, onset), (pitch + 1, onset), (pitch[:9], onset[:9])]
        assert find(tmp_path, tunes)[0] == [0, 0, 2]

    def test_constant_pieces_are_alone(self, tmp_path: Path):
        tune = np.full(50, 60), np.arange(50) * 480
        assert find(tmp_path, [tune, tune])[0] == [0, 1]

    def test_a_long_passage_links_long_pieces(self, tmp_path: Path):
        (one, onset), (two, _) = make_tune(8, 1000), make_tune(9, 1000)
        two[300:350] = one[600:650]
        lengths = np.diff(onset, prepend=0)
        lengths_two = lengths[::-1].copy()
        lengths_two[300:350] = lengths[600:650]
        assert find(tmp_path, [(one, onset), (two, np.cumsum(lengths_two))])[0] == [0, 0]

    def test_very_many_copies_are_one_family(self, tmp_path: Path):
        tune, many = make_tune(10), 150
        rules = FamilyRules(most_pieces=10)
        assert set(find(tmp_path, [tune] * many, rules=rules)[0]) == {0}
        families, links = find(tmp_path, [change(tune, 4, seed) for seed in range(many)], rules=rules)
        assert set(families) == {0}
        assert len(links) < 5 * many  # and not the square of their number

    def test_a_stock_phrase_makes_no_family(self, tmp_path: Path):
        opening = make_tune(11)[0][:18]

        def with_opening(seed: int) -> Tune:
            pitch, onset = make_tune(seed, 120)
            return np.concatenate((opening, pitch)), np.concatenate((onset[:1] - np.arange(18, 0, -1) * 60, onset))

        tunes = [with_opening(seed) for seed in range(100, 400)]
        assert find(tmp_path, tunes)[0] == list(range(300))

    def test_numbers_left_out_are_alone_and_none_comes_twice(self, tmp_path: Path):
        tune = make_tune(12)
        assert find(tmp_path, {4: tune, 2: tune})[0] == [0, 1, 2, 3, 2]
        with FamilyFinder(tmp_path) as finder:
            finder.add(3, fingerprint(*tune))
            with pytest.raises(ValueError, match="piece 3 was added twice"):
                finder.add(3, fingerprint(*tune))

    def test_nothing_at_all(self, tmp_path: Path):
        assert find(tmp_path, []) == ([], [])

    def test_more_pieces_may_come_after_asking(self, tmp_path: Path):
        with FamilyFinder(tmp_path) as finder:
            finder.add(0, fingerprint(*make_tune(13)))
            assert finder.families().tolist() == [0]
            finder.add(1, fingerprint(*change(make_tune(13), 3, 0)))
            assert finder.families().tolist() == [0, 0]


class TestFiles:
    def test_nothing_is_left(self, tmp_path: Path):
        find(tmp_path, [make_tune(1), make_tune(2)])
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("place", [lambda p: p / "missing", lambda p: p / "file"])
    def test_no_place_is_an_error_of_one_line(self, tmp_path: Path, place: Callable[[Path], Path]):
        (tmp_path / "file").write_text("")
        with pytest.raises(WriteError, match=r"no place for temporary records"):
            FamilyFinder(place(tmp_path))
