"""Takes: the best first, no twins near the top, the same order every time."""

import json
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from symgen import console
from symgen.cli import app
from symgen.cli.table import take_table
from symgen.compose import VERB, ComposeRequest, compose_files, compose_numbered, compose_takes
from symgen.elsewhere import elsewhere, halves
from symgen.errors import CheckpointError, UsageError
from symgen.metrics.critic import Critic, Stretches, as_tensors, auc, calibrated, features, fit, piece_scores
from symgen.metrics.line import line_of
from symgen.metrics.reference import MEASURES, Reference, reference_of
from symgen.models.checkpoint import CRITIC, REFERENCE, load_checkpoint, save_checkpoint
from symgen.models.losses import weights_of
from symgen.models.tensors import write_tensors
from symgen.score import Metre, Score, make_notes
from symgen.takes.ranking import TWIN_RUNS, Judge, Print, load_judge, rank_takes, save_judges
from symgen.tokens.codec import encode
from symgen.verbs.composition import waves
from symgen.writers import Options, midi
from tests.models.music import TINY, random_generator, random_tune


def walk(seed, notes=120, widest=1):
    """Return a tune of steps on the pentatonic scale, at most `widest` places at once: the wider, the less a melody."""
    rng = np.random.default_rng(seed)
    scale = [57, 60, 62, 64, 67, 69, 72, 74, 76]
    place, rows = 4, []
    for number in range(notes):
        place = int(np.clip(place + rng.integers(-widest, widest + 1), 0, len(scale) - 1))
        rows.append((240 * number, 240, scale[place]))
    return encode(Score(make_notes(rows), metres=(Metre(0, 2, 4),)), style="guqin", gong=0)


SMOOTH, WIDE = [walk(seed) for seed in range(12)], [walk(100 + seed, widest=4) for seed in range(12)]


@pytest.fixture(scope="module")
def judge():
    """Return a judge to whom steps are music and leaps are not."""
    critic, _ = fit(Stretches.of(SMOOTH), Stretches.of(WIDE))
    return Judge(critic, reference_of(SMOOTH))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, judge):
    folder = tmp_path_factory.mktemp("takes") / "tiny"
    save_checkpoint(
        folder, config=TINY.as_json(), weights=weights_of(random_generator(TINY)), styles={"guqin": {}}, facts={}
    )
    save_judges(folder, {"guqin": judge})
    return folder


class TestCritic:
    def test_it_tells_pieces_that_it_never_saw(self, judge):
        unseen = [Stretches.of([walk(500 + seed, widest=widest) for seed in range(8)]) for widest in (1, 4)]
        assert auc(*(piece_scores(judge.critic, side) for side in unseen)) == 1

    def test_it_cannot_tell_what_is_alike(self):
        _, found = fit(Stretches.of(SMOOTH[:6]), Stretches.of(SMOOTH[6:]))
        assert 0.2 < found < 0.8

    def test_it_measures_in_takes(self, judge):
        again = calibrated(judge.critic, Stretches.of(WIDE))
        scores = [again.score(line_of(piece)) for piece in WIDE]
        assert np.mean(scores) == pytest.approx(0, abs=1e-9)
        assert np.std(scores) == pytest.approx(1)

    @pytest.mark.parametrize("notes", [2, 3, 8, 63, 64, 65, 79, 80, 200])
    def test_stretches_of_any_length(self, notes):
        found = features(line_of(walk(1, notes)))
        assert found.shape == (max(1, (notes - 64) // 16 + 1), features(line_of(walk(1, 64))).shape[1])
        assert np.isfinite(found).all()

    def test_transposing_changes_nothing(self):
        tune = random_tune(3)
        assert np.array_equal(features(line_of(tune)), features(line_of(replace(tune, gong=tune.gong + 5))))

    def test_auc_counts_pairs(self):
        rng = np.random.default_rng(0)
        higher, lower = rng.integers(0, 6, 20).astype(float), rng.integers(0, 6, 30).astype(float)
        pairs = np.sign(higher[:, None] - lower[None]) / 2 + 0.5
        assert auc(higher, lower) == pytest.approx(pairs.mean())


class TestReference:
    def test_what_is_usual_is_no_distance(self, judge):
        usual = [judge.reference.distances(walk(900 + seed, 256)) for seed in range(6)]
        strange = judge.reference.distances(walk(900, 256, widest=4))
        assert set(strange) == set(MEASURES)
        assert min(min(one.values()) for one in usual) >= 0
        assert strange["leaps"] > 5 + max(one["leaps"] for one in usual)

    def test_it_is_what_was_written(self, judge):
        again = Reference.from_json(judge.reference.as_json())
        assert again.distances(WIDE[0]) == judge.reference.distances(WIDE[0])

    def test_one_piece_has_no_scale(self):
        with pytest.raises(ValueError, match="1 pieces"):
            reference_of(SMOOTH[:1])


class TestRanking:
    def test_the_better_come_first(self, judge):
        takes = [*WIDE[:4], *SMOOTH[:4]]
        ranks = [standing.rank for standing in rank_takes(takes, judge)]
        assert sorted(ranks) == list(range(1, 9))
        assert max(ranks[4:]) < min(ranks[:4])

    def test_order_does_not_depend_on_the_order_of_takes(self, judge):
        takes = [*WIDE[:4], *SMOOTH[:4]]
        found = rank_takes(takes, judge)
        turned = rank_takes(takes[::-1], judge)[::-1]
        assert [one.rank for one in found] == [one.rank for one in turned]

    def test_a_twin_comes_last_and_says_whose_it_is(self, judge):
        best = max(range(8), key=lambda n: judge.judge(SMOOTH[n]).score)
        tune = SMOOTH[best]
        melody = tune.melody.copy()
        melody[60] = melody[61]
        found = rank_takes([*SMOOTH[:8], replace(tune, melody=melody), WIDE[0]], judge)
        assert found[8].rank == 10
        assert found[8].twin_of == best
        assert found[8].likeness > 0.5
        assert [one.as_json()["twin"] for one in found] == [False] * 8 + [True, False]
        assert [one.twin_of for one in found[:8]] == [None] * 8

    def test_tunes_of_one_scale_are_no_twins(self):
        prints = [Print.of(random_tune(seed, 80)) for seed in range(12)]
        runs = [a.likeness(b)[0] for a in prints for b in prints if a is not b]
        assert max(runs) < TWIN_RUNS

    def test_without_a_judge_the_takes_keep_their_order_but_for_likeness(self):
        found = rank_takes(SMOOTH[:3], Judge())
        assert found[0].rank == 1
        assert [one.score for one in found] == [0, 0, 0]
        assert found[0].critic is None

    def test_none_and_empty(self, judge):
        assert rank_takes([], judge) == []
        assert judge.judge(walk(1, 1)).score == 0


class TestInTheCheckpoint:
    def test_what_is_read_is_what_was_saved(self, checkpoint, judge):
        read = load_judge(load_checkpoint(checkpoint), "guqin")
        assert read.judge(WIDE[0]).score == pytest.approx(judge.judge(WIDE[0]).score, abs=1e-3)
        assert (checkpoint / CRITIC).stat().st_size < 200_000

    def test_a_checkpoint_without_one_has_none(self, checkpoint, tmp_path):
        bare = load_checkpoint(checkpoint).save_pretrained(tmp_path / "bare")
        assert (bare / CRITIC).exists()  # it goes along
        (bare / CRITIC).unlink()
        (bare / REFERENCE).unlink()
        assert load_judge(load_checkpoint(bare), "guqin") == Judge()

    def test_another_style_has_none(self, checkpoint):
        assert load_judge(load_checkpoint(checkpoint), "folk") == Judge()

    @pytest.mark.parametrize(
        "text", ["", "[]", '{"guqin": 1}', '{"guqin": {"pools": {}, "repetition": 1, "scales": {}}}']
    )
    def test_a_damaged_one_is_told_in_a_line(self, checkpoint, tmp_path, text):
        folder = load_checkpoint(checkpoint).save_pretrained(tmp_path / "damaged")
        (folder / REFERENCE).write_text(text)
        with pytest.raises(CheckpointError, match="symgen critic"):
            compose_takes(ComposeRequest("guqin", bars=2, checkpoint=folder))

    def test_a_critic_of_another_format_is_told(self, checkpoint, tmp_path, judge, monkeypatch):
        folder = load_checkpoint(checkpoint).save_pretrained(tmp_path / "newer")
        with monkeypatch.context() as newer:
            newer.setattr("symgen.metrics.critic.FORMAT", 3)
            save_judges(folder, {"guqin": judge})
        with pytest.raises(CheckpointError, match="format 1 or 2"):
            load_judge(load_checkpoint(folder), "guqin")

    def test_a_critic_of_the_first_format_is_read(self, checkpoint, tmp_path, judge):
        folder = load_checkpoint(checkpoint).save_pretrained(tmp_path / "older")
        tensors = as_tensors({"guqin": judge.critic})
        tensors |= {"format": np.array([1], np.int64), "guqin.scale": tensors["guqin.scale"][:3]}
        write_tensors(folder / CRITIC, tensors)
        read = load_judge(load_checkpoint(folder), "guqin").critic
        assert (read.stretch, read.spread) == (64, judge.critic.spread)

    def test_a_critic_of_nonsense_is_told(self, checkpoint, tmp_path, judge):
        folder = load_checkpoint(checkpoint).save_pretrained(tmp_path / "nan")
        broken = Critic(judge.critic.weights * np.nan, 0.0)
        save_judges(folder, {"guqin": Judge(broken, judge.reference)})
        with pytest.raises(CheckpointError, match="no critic of guqin"):
            load_judge(load_checkpoint(folder), "guqin")


@pytest.fixture(scope="module")
def result(checkpoint):
    return compose_takes(ComposeRequest("guqin", bars=8, takes=7, seed=3, checkpoint=checkpoint))


class TestComposed:
    def test_the_best_comes_first(self, result):
        assert [take.standing.rank for take in result.takes] == list(range(1, 8))
        assert sorted(take.take for take in result.takes) == list(range(1, 8))
        rows = result.as_json()["takes"]
        assert rows[0]["score"]["score"] == max(row["score"]["score"] for row in rows)

    def test_a_take_alone_is_the_same_to_the_byte(self, result, checkpoint, tmp_path):
        """So that one of many can be composed again without the others."""
        request = ComposeRequest("guqin", bars=8, takes=7, seed=3, checkpoint=checkpoint)
        together = {take.take: take for take in result.takes}
        for number in (1, 4, 7):
            (alone,) = compose_numbered(request, [number])
            assert alone.tokens == together[number].tokens
            assert alone.performance == together[number].performance
        written = compose_files(replace(request, output=tmp_path / "all"))
        fewer = compose_files(replace(request, takes=3, output=tmp_path / "three"))
        bytes_of = {take.path.name: take.path.read_bytes() for take in written.takes}
        assert all(take.path.read_bytes() == bytes_of[take.path.name] for take in fewer.takes)

    @pytest.fixture
    def from_the_child(self, monkeypatch):
        """Have half of the takes composed in a second process; return the takes that come from there."""
        came = []

        @contextmanager
        def watched(*arguments):
            with elsewhere(*arguments) as wait:
                yield lambda: came.extend(wait()) or came

        monkeypatch.setattr(waves, "_WORTH_TWO", 1)
        monkeypatch.setattr(waves, "_START_BARS", 0)
        monkeypatch.setattr(waves, "elsewhere", watched)
        monkeypatch.setattr("symgen.elsewhere.cores", lambda: 2)
        return came

    def test_in_two_processes_too(self, result, checkpoint, from_the_child):
        again = compose_takes(ComposeRequest("guqin", bars=8, takes=7, seed=3, checkpoint=checkpoint))
        assert [take.tokens.steps().tobytes() for take in again.takes] == [
            take.tokens.steps().tobytes() for take in result.takes
        ]
        assert [take.standing for take in again.takes] == [take.standing for take in result.takes]
        assert [take.promise for take in again.takes] == [take.promise for take in result.takes]
        assert {take.take for take in from_the_child} == {5, 6, 7}

    def test_two_processes_have_one_seed(self, checkpoint, from_the_child):
        takes = compose_takes(ComposeRequest("guqin", bars=4, takes=2, checkpoint=checkpoint)).takes
        assert len(from_the_child) == 1
        assert takes[0].seed == takes[1].seed

    def test_a_file_holds_what_its_take_is_checked_on_even_if_it_is_played_otherwise(self, result, checkpoint):
        request, take = ComposeRequest("guqin", bars=8, takes=7, seed=3, checkpoint=checkpoint), result.takes[0]
        whole = VERB.made(take, request)
        assert whole.data == take.heard.data == midi.encode(take.performance)
        assert whole.origin == VERB.made(replace(take, heard=None), request).origin
        quiet = replace(take.performance, notes=tuple(replace(note, velocity=1) for note in take.performance.notes))
        assert VERB.made(replace(take, performance=quiet), request).data == midi.encode(quiet)
        strings = Options("strings")
        assert VERB.made(take, replace(request, layout=strings)).data == midi.encode(take.performance, options=strings)

    def test_no_such_take(self, checkpoint):
        with pytest.raises(UsageError, match="take 8; expected 1 to 7"):
            compose_numbered(ComposeRequest("guqin", takes=7, checkpoint=checkpoint), [8])


def test_the_command_says_why(checkpoint, tmp_path, capsys):
    words = ["compose", "-s", "guqin", "--bars", "4", "--seed", "1", "-q", "--checkpoint", str(checkpoint)]
    assert console.run(app, [*words, "--takes", "2", "--verbose", "-o", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("  rank 1 of 2, score ")]
    assert [line for line in lines if line.startswith("  rank 2 of 2, score ") and "critic" in line]
    assert console.run(app, [*words, "-o", str(tmp_path)]) == 0
    assert "rank" not in capsys.readouterr().out


def test_many_takes_are_a_row_each_with_the_number_to_keep_them_by(checkpoint, tmp_path, capsys):
    words = ["compose", "-s", "guqin", "--bars", "4", "-q", "--checkpoint", str(checkpoint), "-o", str(tmp_path)]
    assert console.run(app, [*words, "--seed", "1", "--takes", "2"]) == 0
    capsys.readouterr()
    assert console.run(app, [*words, "--seed", "2", "--takes", "3"]) == 0
    out, notes = capsys.readouterr()
    heading, *rows = out.splitlines()
    assert heading.split() == ["no.", "file", "score", "music"]
    assert sorted(int(row.split()[0]) for row in rows) == [3, 4, 5]  # two were there before
    best = rows[0].split()
    assert f"symgen session {tmp_path} --keep {best[0]}" in notes
    assert console.run(app, ["session", str(tmp_path), "--keep", best[0], "--json"]) == 0
    kept = [take for take in json.loads(capsys.readouterr().out)["takes"] if take["favourite"]]
    assert [str(tmp_path / take["path"]) for take in kept] == [best[1]]
    assert kept[0]["rank"] == 1


def test_a_row_says_how_good_it_is_in_a_word_or_two():
    take = {"take": 1, "path": "a", "rank": 1, "gong_name": "F", "mode": "yu", "bars": 8, "seconds": 65.2, "notes": 9}
    score = {"score": 0.5, "twin": False, "distances": {"leaps": 2.4, "rhythm": 0.3}}
    fine = take | {"playable": True, "score": score}
    broken = {"name": "mode", "asked": "yu", "found": "zhi", "kept": False}
    odd = take | {"playable": False, "score": score | {"twin": True}, "guarantees": [broken], "take": 12}
    assert take_table([fine, odd]) == [
        "take  file  score            music",
        "   1  a     +0.50 odd leaps  F yu, 8 bars, 1:05, 9 notes",
        "  12  a     +0.50 a twin     F yu, 8 bars, 1:05, 9 notes, NOT KEPT: mode, not playable as it stands",
    ]


def double(items, factor, working):
    """Run in a child."""
    for index, numbers in enumerate(items):
        working([index])
        if 0 in numbers:
            raise ValueError
        yield index, [number * factor for number in numbers]


class TestElsewhere:
    def test_the_other_half(self):
        with elsewhere(f"{__name__}:double", [1, 2, 3], 10) as wait:
            assert wait() == [10, 20, 30]

    def test_a_child_that_fails_gives_nothing_and_that_is_told(self, caplog):
        with elsewhere(f"{__name__}:double", [0], 10) as wait:
            assert wait() == []
        assert "the other process failed: internal error: ValueError" in caplog.text

    def test_a_function_that_is_not_there_is_told(self, caplog):
        with elsewhere(f"{__name__}:triple", [1], 10) as wait:
            assert wait() == []
        assert "a child process cannot run" in caplog.text

    def test_who_does_not_wait_is_told_nothing(self, caplog):
        with elsewhere(f"{__name__}:double", [0], 10):
            pass
        assert not caplog.text

    def test_nothing_to_do(self):
        with elsewhere(f"{__name__}:double", [], 10) as wait:
            assert wait() == []

    def test_halves(self, monkeypatch):
        monkeypatch.setattr("symgen.elsewhere.cores", lambda: 2)
        assert halves([1, 2, 3], worth=True) == ([1, 2], [3])
        assert halves([1, 2, 3], worth=False) == ([1, 2, 3], [])
        assert halves([1, 2, 3, 4], worth=True, start=2.0) == ([1, 2, 3], [4])  # the other one comes late
        assert halves([1, 2, 3, 4], worth=True, start=9.0) == ([1, 2, 3, 4], [])
        assert halves([1], worth=True) == ([1], [])
        monkeypatch.setattr("symgen.elsewhere.cores", lambda: 1)
        assert halves([1, 2, 3], worth=True) == ([1, 2, 3], [])
