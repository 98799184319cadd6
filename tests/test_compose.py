"""Composing with a small network of random weights: options are honoured, and one seed gives the same bytes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from symgen import compose as compose_module  # callable, and a module
from symgen import writers
from symgen.compose import (
    ComposeRequest,
    broken_promises,
    compose_files,
    compose_side_by_side,
    compose_takes,
    list_styles,
    plan_of,
)
from symgen.copying import fingerprints
from symgen.drafting.ensemble import compose_sequences
from symgen.errors import CheckpointError, PlayabilityError, SymgenError, UsageError, WriteError
from symgen.models.checkpoint import load_checkpoint, save_checkpoint, save_fingerprints
from symgen.models.losses import weights_of
from symgen.sampling import Sampling
from symgen.score import Technique
from symgen.takes.session import read_session
from symgen.tokens.codec import decode
from symgen.verbs.composition import waves
from tests.models.music import TINY, random_generator, random_tune

FINALS = {"gong": 0, "shang": 2, "jue": 4, "zhi": 7, "yu": 9}
STYLES = ("guqin", "guzheng", "folk")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """Return a checkpoint of random weights. The grammar alone makes music of them."""
    folder = tmp_path_factory.mktemp("checkpoints") / "tiny"
    styles = {"guqin": {"pieces": 1, "human_longest_run": 9}, "guzheng": {}, "folk": {}}
    save_checkpoint(folder, config=TINY.as_json(), weights=weights_of(random_generator(TINY)), styles=styles, facts={})
    save_fingerprints(folder, fingerprints([random_tune(1, 100)]))
    return folder


@pytest.fixture
def ask(checkpoint):
    """Return a function that composes one take, of four bars unless a length is given."""

    def compose_one(style="guqin", **options):
        length = {} if {"bars", "seconds"} & set(options) else {"bars": 4}
        (take,) = compose_takes(ComposeRequest(style, checkpoint=checkpoint, **{"seed": 1, **length, **options})).takes
        return take

    return compose_one


def last_degrees(score, gong):
    notes = score.notes
    return set(((notes["pitch"][notes["onset"] == notes["onset"].max()] - gong) % 12).tolist())


class TestOptions:
    @pytest.mark.parametrize("style", STYLES)
    @pytest.mark.parametrize("mode", FINALS)
    def test_mode(self, ask, style, mode):
        take = ask(style, mode=mode, bars=8)
        assert (take.style, take.mode) == (style, mode)
        assert last_degrees(take.score, take.gong) == {FINALS[mode]}
        assert take.tokens.prefix.mode == mode
        assert take.playable

    @pytest.mark.parametrize(("text", "mode"), [("徵", "zhi"), ("羽调式", "yu"), (" Gong ", "gong")])
    def test_mode_in_other_words(self, ask, text, mode):
        assert ask(mode=text).mode == mode

    @pytest.mark.parametrize(("gong", "number"), [(5, 5), ("5", 5), ("F", 5), ("C", 0), ("Bb", 10)])
    def test_gong(self, ask, gong, number):
        take = ask(gong=gong, bars=8)
        assert take.gong == number
        assert take.score.keys[0].gong == number
        weight = np.bincount((take.score.notes["pitch"] - number) % 12, take.score.notes["duration"], minlength=12)
        assert weight[[0, 2, 4, 7, 9]].sum() > 0.9 * weight.sum()

    @pytest.mark.parametrize(("style", "tuning"), [("guqin", "manjiao"), ("guqin", "ruibin"), ("guzheng", "G")])
    def test_tuning(self, ask, style, tuning):
        take = ask(style, tuning=tuning)
        assert (take.tuning, take.performance.tuning) == (tuning, tuning)
        assert take.playable

    @pytest.mark.parametrize("metre", ["1/4", "3/4", "5/4", "3/8", "7/8", "9/8", "2/2"])
    def test_metre(self, ask, metre):
        take = ask(metre=metre, bars=6)
        numerator, denominator = map(int, metre.split("/"))
        assert take.score.end == 6 * 1920 * numerator // denominator
        assert [(m.numerator, m.denominator) for m in take.score.metres] == [(numerator, denominator)]

    @pytest.mark.parametrize("bars", [2, 3, 17, 64])
    def test_bars(self, ask, bars):
        take = ask("guzheng", bars=bars)
        assert take.bars == len(take.score.bar_starts()) == bars
        assert take.score.end == bars * 960

    @pytest.mark.parametrize("seconds", [5, 31.5, 60])
    @pytest.mark.parametrize("tempo", [None, 60.0, 100])
    def test_seconds(self, ask, seconds, tempo):
        take = ask("folk", seconds=seconds, tempo=tempo, raw=True)
        assert abs(take.seconds - seconds) <= 2 * 60 / take.tempo  # a bar of 2/4

    def test_seconds_as_performed(self, ask):
        """Playing breathes: it is longer than the score by a tenth at most."""
        for style in STYLES:
            take = ask(style, seconds=40)
            assert 0.9 * 40 - 4 <= take.seconds <= 1.1 * 40 + 4

    def test_tempo(self, ask):
        take = ask(tempo=88, raw=True)
        assert take.tempo == 88
        assert [tempo.qpm for tempo in take.performance.tempi] == [88]

    def test_raw_is_the_score(self, ask):
        take = ask(raw=True)
        played = [(note.onset, note.pitch) for note in take.performance.notes]
        assert sorted(played) == sorted((n[0], n[2]) for n in take.score.notes.tolist())
        assert not any(note.bends for note in take.performance.notes)

    def test_boldness_changes_the_piece(self, ask):
        pieces = [ask(temperature=t, top_p=p).tokens for t, p in ((1.0, 0.95), (1.0, 0.95), (0.3, 0.95), (1.0, 0.2))]
        assert pieces[0] == pieces[1]
        assert len({piece.steps().tobytes() for piece in pieces}) == 3

    def test_what_is_left_open_comes_from_the_style(self, ask):
        """Over some seeds more than one gong and mode come, and the usual length."""
        takes = [ask("guqin", seed=seed, bars=2) for seed in range(12)]
        assert {take.gong for take in takes} == {0, 5}
        assert len({take.mode for take in takes}) > 1
        assert all(54 <= take.tempo <= 72 for take in takes)


class TestTake:
    def test_score_and_tokens_say_the_same(self, ask):
        take = ask()
        assert np.array_equal(decode(take.tokens).notes, take.score.notes)

    def test_a_take_as_json(self, ask):
        facts = ask("guqin", mode="yu", gong="F").as_json()
        assert {"path", "seed", "style", "gong", "mode", "bars", "notes", "seconds", "playable", "copy"} <= set(facts)
        assert (facts["style"], facts["gong"], facts["gong_name"], facts["mode"]) == ("guqin", 5, "F", "yu")
        figures = {"longest_run", "longest_run_tick", "shared", "human_longest_run", "human_longest_run_p90"}
        assert set(facts["copy"]) == {*figures, "bar", "beat"}
        assert all(row["kept"] for row in facts["guarantees"])
        assert facts["copy"]["human_longest_run"] == 9
        assert facts["path"] is None

    def test_only_what_the_instrument_has(self, ask):
        techniques = {Technique(t) for s in range(4) for t in ask("guzheng", seed=s).score.notes["technique"].tolist()}
        assert techniques == {Technique.PLUCK}

    def test_the_public_function(self, checkpoint):
        result = compose_module("folk", checkpoint=checkpoint, seed=3, bars=4)
        assert [take["bars"] for take in result.as_json()["takes"]] == [4]

    def test_styles_are_listed(self):
        assert tuple(style.name for style in list_styles()) == STYLES

    def test_progress_names_the_take(self, checkpoint):
        seen = []
        request = ComposeRequest("folk", checkpoint=checkpoint, seed=1, bars=2, takes=2)
        compose_takes(request, lambda message, done=0, total=0: seen.append((message, done, total)))
        assert {message for message, _, _ in seen} == {"composing takes 1 to 2 of 2"}
        assert all(done <= total == 1920 for _, done, total in seen)
        compose_takes(replace(request, takes=1), lambda message, done=0, total=0: seen.append((message, done, total)))
        assert seen[-1][0] == "composing take 1 of 1"


class TestPromises:
    """The judge that every piece must pass before it is taken."""

    @pytest.fixture
    def kept(self, ask, monkeypatch):
        plans = []
        judge = waves.examine
        monkeypatch.setattr(waves, "examine", lambda s, p, *how: plans.append(p) or judge(s, p, *how))
        take = ask("guqin", mode="yu", gong="F", bars=8)
        return take.score, plans[-1]

    def test_what_was_taken_keeps_them(self, kept):
        assert broken_promises(*kept) == []

    def test_another_mode_gong_or_length_is_named(self, kept):
        score, plan = kept
        assert broken_promises(score, replace(plan, prefix=replace(plan.prefix, mode="gong"))) == ["sounds in yu mode"]
        assert broken_promises(score, replace(plan, bars=9)) == ["is 15360 ticks long, not 17280"]
        assert broken_promises(score.transpose(2), plan)[0] == "sounds in gong G"
        assert "sounds in gong F" not in str(broken_promises(score.transpose(-24), plan))
        assert broken_promises(score.transpose(-24), plan)  # lower than any string

    def test_a_piece_that_cannot_be_had_is_refused(self, ask, monkeypatch):
        monkeypatch.setattr(waves, "examine", lambda *_: (["is never right"], None))
        with pytest.raises(PlayabilityError, match="after 24 tries: is never right; ask for more bars"):
            ask("folk", bars=2)


class TestFiles:
    def test_one_take_into_one_file(self, checkpoint, tmp_path):
        result = compose_files(
            ComposeRequest("guqin", checkpoint=checkpoint, seed=1, bars=4, output=tmp_path / "a.mid")
        )
        assert [take.path for take in result.takes] == [tmp_path / "a.mid"]
        assert (tmp_path / "a.mid").read_bytes()[:4] == b"MThd"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mid", "a.mid.json"]

    def test_takes_into_a_folder(self, checkpoint, tmp_path):
        request = ComposeRequest(
            "folk", checkpoint=checkpoint, seed=7, bars=4, takes=3, output=tmp_path / "new" / "folder"
        )
        result = compose_files(request)
        names = ["folk-7-1.mid", "folk-7-2.mid", "folk-7-3.mid"]
        found = sorted(path.name for path in (tmp_path / "new" / "folder").iterdir())
        assert found == sorted([*names, *(f"{name}.json" for name in names), "session.json"])
        assert sorted(take.path.name for take in result.takes) == names
        assert len({path.read_bytes() for path in (tmp_path / "new" / "folder").glob("*.mid")}) == 3

    @pytest.mark.parametrize("style", STYLES)
    def test_the_same_seed_writes_the_same_bytes(self, checkpoint, tmp_path, style):
        """Alone, together with other takes, and again."""
        request = ComposeRequest(style, checkpoint=checkpoint, seed=11, bars=4, output=tmp_path / "a")
        for folder, takes in (("a", 1), ("b", 3), ("c", 3)):
            compose_files(replace(request, takes=takes, output=tmp_path / folder))
        first = f"{style}-11-1.mid"
        assert (tmp_path / "a" / first).read_bytes() == (tmp_path / "b" / first).read_bytes()
        for path in (tmp_path / "b").iterdir():
            assert path.read_bytes() == (tmp_path / "c" / path.name).read_bytes()
        other = compose_files(replace(request, seed=12, output=tmp_path / "d")).takes[0].path
        assert other.read_bytes() != (tmp_path / "a" / first).read_bytes()

    def test_without_a_seed_it_says_which_one_it_drew(self, checkpoint, tmp_path):
        request = ComposeRequest("folk", checkpoint=checkpoint, bars=4, output=tmp_path)
        (take,) = compose_files(request).takes
        (again,) = compose_files(replace(request, seed=take.seed, output=tmp_path / "again.mid")).takes
        assert take.path.read_bytes() == again.path.read_bytes()
        assert take.path.name == f"folk-{take.seed}-1.mid"

    def test_an_existing_file_is_replaced(self, checkpoint, tmp_path):
        (tmp_path / "a.mid").write_bytes(b"old")
        compose_files(ComposeRequest("folk", checkpoint=checkpoint, seed=1, bars=4, output=tmp_path / "a.mid"))
        assert (tmp_path / "a.mid").read_bytes()[:4] == b"MThd"

    @pytest.mark.parametrize("suffix", writers.suffixes())
    def test_every_format_that_can_be_written(self, checkpoint, tmp_path, suffix):
        file = tmp_path / f"a{suffix}"
        compose_files(ComposeRequest("guzheng", checkpoint=checkpoint, seed=1, bars=4, output=file))
        assert file.stat().st_size > 100


REFUSALS = [
    ({"style": "jazz"}, "no style named 'jazz'; expected one of guqin, guzheng, folk"),
    ({"style": "guqin", "mode": "dorian"}, "'dorian' is no mode; expected one of gong"),
    ({"style": "guqin", "gong": "H"}, "H"),
    ({"style": "guqin", "gong": 12}, "gong 12; expected a whole number, 0 to 11"),
    ({"style": "guqin", "gong": -1}, "gong -1; expected a whole number, 0 to 11"),
    ({"style": "guqin", "tuning": "EADGBE"}, "EADGBE"),
    ({"style": "guqin", "tuning": "zhengdiao", "gong": "F#"}, "tuning zhengdiao cannot give gong F#; expected a gong"),
    ({"style": "guzheng", "tuning": "D", "gong": "Eb"}, "tuning D cannot give gong Eb"),
    ({"style": "guqin", "metre": "13/16"}, "metre '13/16'; expected one of 1/4"),
    ({"style": "guqin", "metre": "four"}, "metre 'four'"),
    ({"style": "guqin", "bars": 1}, "bars 1; expected a whole number, 2 to"),
    ({"style": "guqin", "bars": 10**9}, "bars 1000000000"),
    ({"style": "guqin", "seconds": 1}, "seconds 1; expected 5 to 3600"),
    ({"style": "guqin", "seconds": float("nan")}, "seconds nan"),
    ({"style": "guqin", "bars": 8, "seconds": 30}, "both bars and seconds are given; expected one length"),
    ({"style": "guqin", "takes": 0}, "takes 0; expected a whole number, 1 to"),
    ({"style": "folk", "metre": "1/4", "tempo": 300, "seconds": 3600}, "18000 bars; expected at most 2000 bars"),
    ({"style": "guqin", "tempo": 0}, "tempo 0; expected 20 to 300"),
    ({"style": "guqin", "temperature": 0}, "temperature 0; expected 0.05 to 5"),
    ({"style": "guqin", "top_p": 1.5}, "top-p 1.5; expected 0.05 to 1"),
    ({"style": "guqin", "seed": -1}, "seed -1; expected a whole number, 0 to"),
]


@pytest.mark.parametrize(("options", "words"), REFUSALS, ids=[str(options) for options, _ in REFUSALS])
def test_what_cannot_be_is_refused_in_one_line(checkpoint, tmp_path, options, words):
    request = ComposeRequest(**{"seed": 1, "checkpoint": checkpoint, "output": tmp_path / "a.mid", **options})
    with pytest.raises(UsageError) as caught:
        compose_files(request)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_takes_do_not_fit_into_one_file(checkpoint, tmp_path):
    request = ComposeRequest("folk", checkpoint=checkpoint, takes=2, bars=4, output=tmp_path / "a.mid")
    with pytest.raises(UsageError, match=r"2 takes for one file .*a\.mid; expected a folder; use -o .*a$"):
        compose_files(request)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["no/folder/a.mid", "file/a.mid", "file/folder", "folder.mid"])
def test_what_cannot_be_written_is_refused_before_the_work(checkpoint, tmp_path, place, monkeypatch):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder.mid").mkdir()
    monkeypatch.setattr(compose_module, "composed", lambda *_: pytest.fail("composed for nothing"))
    with pytest.raises(WriteError) as caught:
        compose_files(ComposeRequest("folk", checkpoint=checkpoint, bars=4, output=tmp_path / place))
    assert "\n" not in str(caught.value)
    assert (tmp_path / "file").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder.mid"]


def test_a_missing_checkpoint(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint at"):
        compose_files(ComposeRequest("folk", checkpoint=tmp_path / "none", bars=4, output=tmp_path / "a.mid"))
    assert list(tmp_path.iterdir()) == []


def test_every_refusal_is_of_the_family():
    assert issubclass(PlayabilityError, SymgenError)
    assert (UsageError.exit_code, PlayabilityError.exit_code) == (2, 1)


@pytest.mark.parametrize("options", [{"style": "jazz"}, {"style": "folk", "checkpoint": "none"}])
def test_a_refused_request_makes_no_folder(tmp_path, options):
    with pytest.raises(SymgenError):
        compose_files(ComposeRequest(**options, output=tmp_path / "new"))
    assert list(tmp_path.iterdir()) == []


def test_takes_are_written_as_they_are_made(checkpoint, tmp_path, monkeypatch):
    """Pulling the plug while the third and fourth take are made leaves two, and the session knows them."""
    monkeypatch.setattr(waves, "SIDE_BY_SIDE", 2)

    def pull(message, done=0, total=0):
        if message.startswith("composing takes 3"):
            raise KeyboardInterrupt

    request = ComposeRequest("folk", checkpoint=checkpoint, seed=7, bars=2, takes=4, output=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        compose_files(request, pull)
    assert sorted(path.name for path in tmp_path.glob("*.mid")) == ["folk-7-1.mid", "folk-7-2.mid"]
    assert [entry.path for entry in read_session(tmp_path).entries] == ["folk-7-1.mid", "folk-7-2.mid"]


@pytest.mark.parametrize("name", ["tempo", "mode", "gong", "tuning"])
def test_asking_for_what_was_drawn_changes_nothing(ask, name):
    take = ask("guqin", seed=5)
    assert ask("guqin", seed=5, **{name: getattr(take, name)}).tokens == take.tokens


def test_a_superscript_is_no_pitch_class(ask):
    with pytest.raises(UsageError, match="²"):
        ask(gong="²")


@pytest.mark.parametrize(("bars", "marks"), [(4, 1), (11, 1), (12, 2), (19, 2), (20, 3), (32, 4)])
def test_a_section_has_eight_bars_and_the_last_at_least_four(ask, bars, marks):
    assert len(ask("folk", bars=bars).score.sections) == marks


def test_a_style_that_the_checkpoint_never_learned_is_refused(tmp_path):
    folder = tmp_path / "folk only"
    weights = weights_of(random_generator(TINY))
    save_checkpoint(folder, config=TINY.as_json(), weights=weights, styles={"folk": {}}, facts={})
    with pytest.raises(UsageError, match="never learned the style guqin; expected one of folk"):
        compose_takes(ComposeRequest("guqin", bars=4, checkpoint=folder))


class TestHarmonics:
    """Passages in harmonics: marked, written as marked, and left when they end."""

    def test_long_guqin_pieces_have_them_where_they_are_marked(self, checkpoint):
        takes = compose_takes(ComposeRequest("guqin", bars=16, seed=3, takes=12, checkpoint=checkpoint)).takes
        passages = 0
        for take in takes:
            marks = {mark.name: mark.tick for mark in take.score.sections if mark.name.startswith("FAN")}
            starts = [mark.tick for mark in take.score.sections if mark.name == "FAN_START"]
            ends = [mark.tick for mark in take.score.sections if mark.name == "FAN_END"] + [take.score.end]
            notes = take.score.notes
            for start in starts:
                end = min(tick for tick in ends if tick > start)
                inside = notes[(notes["onset"] >= start) & (notes["onset"] < end)]
                assert set(inside["technique"].tolist()) == {int(Technique.HARMONIC)}
                passages += 1
            if "FAN_END" in marks:
                after = notes[(notes["onset"] >= marks["FAN_END"]) & (notes["onset"] < marks["FAN_END"] + 4 * 480)]
                assert Technique.HARMONIC not in after["technique"]
        assert passages >= 6  # about three in four close so, and nearly half open so

    @pytest.mark.parametrize("style", ["guzheng", "folk"])
    def test_other_styles_have_none(self, checkpoint, style):
        take = compose_takes(ComposeRequest(style, bars=16, seed=3, checkpoint=checkpoint)).takes[0]
        assert Technique.HARMONIC not in take.score.notes["technique"]

    def test_short_pieces_have_none_marked(self, checkpoint):
        for take in compose_takes(ComposeRequest("guqin", bars=8, seed=3, takes=4, checkpoint=checkpoint)).takes:
            assert all(mark.name.startswith("DUAN") for mark in take.score.sections)


class TestSideBySide:
    """Pieces composed all at once, for measuring."""

    def test_they_are_the_pieces_that_compose_gives(self, checkpoint):
        requests = [ComposeRequest("guqin", bars=4, seed=seed, checkpoint=checkpoint) for seed in range(3)]
        for request, tokens in zip(requests, compose_side_by_side(requests), strict=True):
            (take,) = compose_takes(request).takes
            assert tokens is not None
            assert tokens.steps().tolist() == take.tokens.steps().tolist()
            assert not broken_promises(take.score, plan_of(request))

    def test_a_piece_that_cannot_be_had_is_none(self, checkpoint, monkeypatch):
        monkeypatch.setattr("symgen.compose.broken_promises", lambda score, plan: ["no"])
        monkeypatch.setattr("symgen.compose.ATTEMPTS", 2)
        assert compose_side_by_side([ComposeRequest("guqin", bars=2, seed=1, checkpoint=checkpoint)]) == [None]

    @pytest.mark.parametrize("change", [{"temperature": 2.0}, {"top_p": 0.5}, {"checkpoint": Path("other")}])
    def test_what_differs_in_how_it_is_drawn_is_no_batch(self, checkpoint, change):
        one = ComposeRequest("guqin", bars=2, seed=1, checkpoint=checkpoint)
        with pytest.raises(UsageError, match="2 ways to draw in one batch"):
            compose_side_by_side([one, replace(one, **change)])

    def test_the_style_must_have_been_learnt(self, checkpoint, tmp_path):
        known = load_checkpoint(checkpoint)
        styles = {"guqin": {}}
        save_checkpoint(tmp_path, config=known.config, weights=known.weights, styles=styles, facts={})
        requests = [ComposeRequest("guzheng", bars=2, seed=seed, checkpoint=tmp_path) for seed in (1, 2)]
        with pytest.raises(UsageError, match="never learned the style guzheng"):
            compose_side_by_side(requests)

    def test_without_masks_the_plan_is_told_and_not_enforced(self, checkpoint):
        request = ComposeRequest("guqin", bars=4, seed=1, checkpoint=checkpoint)
        plan, runtime = plan_of(request), load_checkpoint(checkpoint).runtime()
        one, again = (compose_sequences(runtime, [plan], [(3,)], Sampling(), masks=False)[0] for _ in range(2))
        assert one.steps().tolist() == again.steps().tolist()
        assert one.prefix == plan.prefix
        assert one.end >= plan.total or len(one) == plan.total // 60
        decode(one)  # every note is one


class TestLengthInSeconds:
    def test_a_form_of_its_own_length_is_played_at_the_tempo_that_fits(self):
        (take,) = compose_module("guzheng", form="A4 B4 A4", seconds=20, metre="2/4", seed=1, raw=True).takes
        assert take.bars == 12
        assert take.seconds == pytest.approx(20, abs=20 / 12)

    @pytest.mark.parametrize(
        "asked",
        [
            {"form": "A4 B4 A4", "seconds": 5, "metre": "4/4"},
            {"form": "A4 B4 A4", "seconds": 60, "tempo": 200, "metre": "4/4"},
            {"seconds": 8, "tempo": 20, "metre": "2/2"},  # two bars are the fewest
        ],
    )
    def test_a_length_that_bars_cannot_have_is_refused_before_composing(self, asked):
        with pytest.raises(UsageError, match="leave --seconds out"):
            compose_module("guqin", seed=1, **asked)


def test_what_stands_in_the_file_keeps_the_promises_too(tmp_path):
    """A slide that goes further than the pitch wheel is struck again there: what was heard in D was read in G."""
    request = ComposeRequest(
        "guzheng", metre="3/8", gong="D", bars=4, seed=153074822, register=0.8, output=tmp_path / "piece.mid"
    )
    (take,) = compose_files(request).takes
    assert [row for row in take.guarantees if not row.kept] == []


def test_passages_in_harmonics_fit_into_a_piece_of_few_beats():
    for seed in range(4):
        (take,) = compose_module("guqin", metre="1/4", bars=12, seed=seed, raw=True).takes
        assert take.bars == 12
