"""Pieces made again from what they carry: the same bytes, and one line for everything that stands in the way."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import symgen
from symgen import console, writers
from symgen.again import AgainRequest, make_again
from symgen.cli import app
from symgen.compose import ComposeRequest, compose_files, compose_takes
from symgen.copying import fingerprints
from symgen.errors import CheckpointError, PlayabilityError, ReadError, SymgenError, UsageError
from symgen.models.checkpoint import load_checkpoint, save_checkpoint, save_fingerprints
from symgen.models.losses import weights_of
from symgen.origin import Ancestor, Origin, from_plain, lineage_of, read_origin, sidecar_of, stamped, to_plain
from symgen.verbs import VERBS, verb_named
from symgen.writers import Options, read_articulations
from tests.models.music import TINY, random_generator, random_tune

TUNING = """
instrument = "guqin"
[[tunings]]
name = "mine"
strings = ["C2", "D2", "F2", "G2", "Bb2", "C3", "D3"]
gongs = ["Bb", "F"]
"""
LIBRARY = "[technique.harmonic]\nkeyswitch = 12\n[technique.other]\nkeyswitch = 13\n"


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """Return a folder of shipped checkpoints: one, called tiny, of random weights."""
    folder = tmp_path_factory.mktemp("checkpoints")
    weights = weights_of(random_generator(TINY))
    styles = {"guqin": {"pieces": 1, "human_longest_run": 9}, "guzheng": {}, "folk": {}}
    save_checkpoint(folder / "tiny", config=TINY.as_json(), weights=weights, styles=styles, facts={})
    save_fingerprints(folder / "tiny", fingerprints([random_tune(1, 100)]))
    return folder


@pytest.fixture
def shipped(checkpoints, monkeypatch):
    monkeypatch.setenv("SYMGEN_CHECKPOINTS", str(checkpoints))
    return checkpoints / "tiny"


@pytest.fixture
def piece(shipped, tmp_path):
    """Return a function that composes a short piece into a file."""

    def compose(style="guqin", name="a.mid", **options):
        request = ComposeRequest(style, checkpoint=shipped, output=tmp_path / name, **{"bars": 2, "seed": 4, **options})
        return compose_files(request).takes[0].path

    return compose


class TestTheSameBytes:
    @pytest.mark.parametrize("suffix", [writer.SUFFIXES[0] for writer in writers.formats()])
    def test_in_every_format(self, piece, tmp_path, suffix):
        file = piece(name=f"a{suffix}")
        result = symgen.again(file, output=tmp_path / f"b{suffix}")
        assert (result.identical, result.exact, result.exit_code) == (True, True, 0)
        assert (tmp_path / f"b{suffix}").read_bytes() == file.read_bytes()
        assert read_origin(file).inside
        assert read_origin(sidecar_of(file)).origin == read_origin(file).origin

    def test_any_take_of_a_folder(self, shipped, tmp_path):
        request = ComposeRequest("folk", checkpoint=shipped, bars=2, seed=9, takes=3, output=tmp_path / "takes")
        for take in compose_files(request).takes:
            assert symgen.again(take.path, output=tmp_path / "b.mid").identical

    def test_without_a_seed(self, piece, tmp_path):
        assert symgen.again(piece(seed=None), output=tmp_path / "b.mid").identical

    @pytest.mark.parametrize("options", [{"raw": True}, {"seconds": 8, "bars": None}, {"max_copy": 8}, {"tempo": 72}])
    def test_with_options(self, piece, tmp_path, options):
        assert symgen.again(piece("guzheng", **options), output=tmp_path / "b.mid").identical

    def test_own_files_are_carried_and_not_needed(self, piece, tmp_path):
        (tmp_path / "mine.toml").write_text(TUNING, encoding="utf-8")
        (tmp_path / "library.toml").write_text(LIBRARY, encoding="utf-8")
        layout = Options("strings", "fixed", "ascii", read_articulations(tmp_path / "library.toml"))
        file = piece(tuning=str(tmp_path / "mine.toml"), layout=layout, bars=4)
        for own in tmp_path.glob("*.toml"):
            own.unlink()
        assert symgen.again(file, output=tmp_path / "b.mid").identical
        assert str(tmp_path) not in read_origin(file).origin.as_text()

    def test_a_tuning_of_the_user_s_folder_is_carried(self, piece, tmp_path, monkeypatch):
        (tmp_path / "own").mkdir()
        (tmp_path / "own" / "mine.toml").write_text(TUNING, encoding="utf-8")
        monkeypatch.setenv("SYMGEN_INSTRUMENTS", str(tmp_path / "own"))
        file = piece(gong="Bb", tuning="mine")
        monkeypatch.setenv("SYMGEN_INSTRUMENTS", str(tmp_path / "none"))
        assert symgen.again(file, output=tmp_path / "b.mid").identical

    def test_from_the_sidecar_of_a_piece_that_is_gone(self, piece, tmp_path):
        file = piece()
        data = file.read_bytes()
        file.unlink()
        assert symgen.again(sidecar_of(file), output=tmp_path).identical
        assert file.read_bytes() == data

    def test_a_piece_whose_texts_a_host_dropped(self, piece, tmp_path):
        file = piece()
        music = symgen.read(file)
        symgen.write(music, file)
        assert not read_origin(file).inside
        result = symgen.again(file, output=tmp_path / "b.mid")
        assert (result.identical, result.exact) == (False, True)
        assert "has been changed since" in list(result.lines())[1]

    def test_a_checkpoint_that_was_measured_anew(self, piece, shipped, tmp_path):
        """The weights are the same, and so is what they compose."""
        file, facts = piece(), shipped / "checkpoint.json"
        before = facts.read_text("utf-8")
        facts.write_text(before.replace('"human_longest_run": 9', '"human_longest_run": 8'), "utf-8")
        result = symgen.again(file, output=tmp_path / "b.mid")
        facts.write_text(before, "utf-8")
        assert result.identical

    def test_in_another_process(self, piece, python, checkpoints, tmp_path):
        file = piece(bars=4)
        call = "import sys, symgen; print(symgen.again(sys.argv[1], output=sys.argv[2] and None).identical)"
        result = python("-c", call, str(file), "", SYMGEN_CHECKPOINTS=str(checkpoints))
        assert result.stdout == "True\n", result.stderr
        assert (tmp_path / "a-again.mid").read_bytes() == file.read_bytes()


class TestTheRecord:
    def test_music_read_back_does_not_show_it(self, piece):
        assert not any("symgen-origin" in text.text for text in symgen.read(piece()).texts)

    def test_what_it_says(self, piece, shipped):
        origin = read_origin(piece(mode="yu")).origin
        assert (origin.verb, origin.seed, origin.take, origin.checkpoint) == ("compose", 4, 1, "tiny")
        assert origin.digest == load_checkpoint(shipped).digest
        assert origin.request["mode"] == "yu"
        assert all(row.kept for row in origin.guarantees)
        assert not {"output", "checkpoint", "takes", "bare"} & set(origin.request)
        assert Origin.from_text(origin.as_text()).as_text() == origin.as_text()

    def test_what_is_made_from_a_piece_names_it(self, piece):
        file = piece()
        origin = read_origin(file).origin
        assert lineage_of(file) == (origin.name,)
        child = replace(origin, lineage=lineage_of(file))
        assert child.descent() == (child.name, origin.name)
        assert lineage_of(Path("none.mid")) == ()

    def test_bare_files_say_nothing(self, piece, tmp_path):
        file = piece(bare=True)
        assert [path.name for path in tmp_path.iterdir()] == ["a.mid"]
        with pytest.raises(ReadError, match="does not say how it was made"):
            symgen.again(file, output=tmp_path / "b.mid")

    def test_bare_music_is_the_same(self, piece):
        assert symgen.read(piece()) == symgen.read(piece(bare=True))


def changed(file, **entries):
    """Write a piece's record with other entries, inside it and beside it."""
    carried = read_origin(file)
    origin = replace(carried.origin, **entries)
    midi = writers.find_format("mid")
    file.write_bytes(stamped(midi.encode(symgen.read(file)), midi, origin))
    return file


class TestWhatStandsInTheWay:
    def refused(self, kind, file, tmp_path, **options):
        with pytest.raises(kind) as caught:
            make_again(AgainRequest(file, tmp_path / "b.mid", **options))
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "b.mid").exists()
        return str(caught.value)

    def test_another_version(self, piece, tmp_path):
        file = changed(piece(), version="0.0.9")
        line = self.refused(UsageError, file, tmp_path)
        assert "was made by symgen 0.0.9, this is" in line
        assert "install symgen 0.0.9, or use --anyway" in line
        result = make_again(AgainRequest(file, tmp_path / "b.mid", anyway=True))
        assert result.exact  # today's music is as it was then
        assert result.origin.version == symgen.__version__

    def test_a_checkpoint_that_is_gone(self, piece, tmp_path):
        line = self.refused(CheckpointError, changed(piece(), checkpoint="gone"), tmp_path)
        assert "made with the checkpoint gone with the digest" in line
        assert "--checkpoint DIR" in line

    def test_its_folder_may_be_named(self, piece, shipped, tmp_path):
        file = changed(piece(), checkpoint="gone")
        result = make_again(AgainRequest(file, tmp_path / "b.mid", checkpoint=shipped))
        assert result.exact
        assert result.origin.checkpoint == "gone"

    def test_another_checkpoint(self, piece, tmp_path, shipped):
        other = tmp_path / "other"
        weights = weights_of(random_generator(TINY, seed=5))
        save_checkpoint(other, config=TINY.as_json(), weights=weights, styles={"guqin": {}}, facts={})
        file = piece()
        line = self.refused(CheckpointError, file, tmp_path, checkpoint=other)
        assert f"has the digest {load_checkpoint(other).digest}" in line
        result = make_again(AgainRequest(file, tmp_path / "b.mid", checkpoint=other, anyway=True))
        assert (result.identical, result.exact, result.exit_code) == (False, False, 1)
        assert "another piece than" in list(result.lines())[1]

    def test_a_verb_of_later(self, piece, tmp_path):
        line = self.refused(UsageError, changed(piece(), verb="improvise"), tmp_path)
        assert "'improvise', which symgen" in line

    def test_the_output_is_of_another_format(self, piece, tmp_path):
        with pytest.raises(UsageError, match="for a piece in the format midi; expected a folder, or a file that ends"):
            make_again(AgainRequest(piece(), tmp_path / "b.rpp"))

    @pytest.mark.parametrize("name", ["../tiny", "/tmp/tiny", ".", "..", "", "a\nb"])
    def test_a_checkpoint_s_name_is_no_path(self, piece, tmp_path, name):
        self.refused(ReadError, changed(piece(), checkpoint=name), tmp_path)

    @pytest.mark.parametrize(
        ("entry", "value"),
        [
            ("tuning", "/etc/own.toml"),
            ("output", "/etc/passwd"),
            ("checkpoint", "/tmp"),
            ("bars", "many"),
            ("bars", True),
            ("bars", 10**30),
            ("style", "jazz"),
            ("style", None),
            ("format", None),
            ("format", "ogg"),
            ("gong", []),
            ("layout", {"layout": "round"}),
            ("layout", {"articulations": {"name": "x", "bend_range": 0, "other": {"program": 999}}}),
            ("tuning", {"name": "x", "chinese": "x", "open_pitches": [1], "gongs": [0]}),
            ("tuning", {"name": "x", "chinese": "x", "open_pitches": [40] * 7, "gongs": []}),
            ("unknown", 1),
        ],
    )
    def test_a_hostile_request(self, piece, tmp_path, entry, value):
        file = piece()
        request = {**read_origin(file).origin.request, entry: value}
        self.refused(SymgenError, changed(file, request=request), tmp_path)

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"file_sha256": ""}', b"\xff", b"[" * 100_000])
    def test_a_sidecar_that_is_none(self, tmp_path, content):
        (tmp_path / "a.mid.json").write_bytes(content)
        self.refused(ReadError, tmp_path / "a.mid.json", tmp_path)

    @pytest.mark.parametrize("name", ["none.mid", "none.mid.json", "."])
    def test_a_file_that_is_none(self, tmp_path, name):
        self.refused(ReadError, tmp_path / name, tmp_path)

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.data())
    def test_any_damage_to_a_record(self, data):
        """Cut, changed, of other types: an Origin or one line, whatever is done to it."""
        whole = json.loads(json.dumps(SAMPLE.as_json()))
        part, name = whole, data.draw(st.sampled_from(sorted(whole)))
        if isinstance(whole[name], dict) and data.draw(st.booleans()):
            part, name = whole[name], data.draw(st.sampled_from(sorted(whole[name])))
        part[name] = data.draw(st.none() | st.integers() | st.text() | st.lists(st.integers()) | st.just({}))
        text = json.dumps(whole)[: data.draw(st.integers(1, 2000))]
        for damaged in (lambda: Origin.from_json(whole), lambda: Origin.from_text(text)):
            try:
                damaged()
            except ReadError as error:
                assert "\n" not in str(error)  # noqa: PT017 - most damage is refused, some is no damage

    @pytest.mark.parametrize("number", ["NaN", "1e999", "-Infinity", "9" * 5000])
    def test_numbers_that_are_none(self, number):
        text = SAMPLE.as_text().replace('"seed":7', f'"seed":{number}')
        with pytest.raises(ReadError):
            Origin.from_text(text)


SAMPLE = Origin("compose", {"style": "guqin", "format": "midi"}, 7, 1, "tiny", "ab" * 8, "0.1.0", "cd" * 32)


class TestCommands:
    def test_again(self, piece, tmp_path, capsys):
        file = piece()
        assert console.run(app, ["again", str(file), "-o", str(tmp_path / "b.mid"), "--quiet"]) == 0
        out = capsys.readouterr().out.splitlines()
        assert out == [str(tmp_path / "b.mid"), f"  compose, seed 4, take 1: identical to {file}, byte for byte"]

    def test_again_as_json(self, piece, tmp_path, capsys):
        assert console.run(app, ["again", str(piece()), "-o", str(tmp_path / "b.mid"), "--quiet", "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert (found["identical"], found["exact"], found["origin"]["verb"]) == (True, True, "compose")

    def test_a_refusal(self, tmp_path, capsys):
        (tmp_path / "a.mid").write_bytes(b"MThd")
        assert console.run(app, ["again", str(tmp_path / "a.mid")]) == 1
        assert len(capsys.readouterr().err.splitlines()) == 1

    def test_every_verb_has_a_home(self):
        for name in VERBS:
            verb = verb_named(name)
            assert verb.name == name
            assert {"checkpoint", "seed"} <= set(verb.request.__dataclass_fields__)
            assert callable(verb.retake)
            assert callable(verb.made)


class TestMaxCopy:
    def test_no_longer_run_is_shared(self, shipped, tmp_path):
        known = compose_takes(ComposeRequest("folk", bars=16, seed=1, checkpoint=shipped)).takes[0].tokens
        folder = tmp_path / "copies"
        found = load_checkpoint(shipped)
        save_checkpoint(folder, config=found.config, weights=found.weights, styles={"folk": {}}, facts={})
        save_fingerprints(folder, fingerprints([known]))
        request = ComposeRequest("folk", bars=16, seed=1, checkpoint=folder)
        (copied,) = compose_takes(request).takes
        (other,) = compose_takes(replace(request, max_copy=7)).takes
        assert copied.copy.longest_run > 7
        assert (copied.copy.bar, copied.copy.beat) == (1, 1)
        assert other.copy.longest_run == 0
        assert other.guarantees[-1].as_json() == {
            "name": "longest copy", "asked": "at most 7 notes", "found": "no run of eight notes", "kept": True,
        }  # fmt: skip

    @pytest.mark.parametrize("most", [6, 0, -1, 8.5, True])
    def test_shorter_runs_cannot_be_promised(self, shipped, most):
        with pytest.raises(UsageError, match=r"expected a whole number, 7 or more; runs of fewer than 8 notes"):
            compose_takes(ComposeRequest("folk", bars=2, max_copy=most, checkpoint=shipped))

    def test_without_fingerprints_it_cannot_be_promised(self, shipped, tmp_path):
        found = load_checkpoint(shipped)
        save_checkpoint(tmp_path, config=found.config, weights=found.weights, styles={"folk": {}}, facts={})
        with pytest.raises(UsageError, match="does not know its training pieces"):
            compose_takes(ComposeRequest("folk", bars=2, max_copy=8, checkpoint=tmp_path))

    def test_what_cannot_be_had_is_said(self, shipped, monkeypatch):
        monkeypatch.setattr(
            "symgen.verbs.composition.waves.too_long_a_copy", lambda *_: ["shares 9 notes in a row with them"]
        )
        with pytest.raises(PlayabilityError, match="shares 9 notes in a row"):
            compose_takes(ComposeRequest("folk", bars=8, seed=1, max_copy=8, checkpoint=shipped))


class TestDescent:
    def test_a_record_grows_by_its_ancestors_and_no_more(self):
        """Quoted as text in text, each generation would double it."""
        facts = {"seed": 1, "take": 1, "checkpoint": "tiny", "digest": "", "version": "1", "sha256": ""}
        origin, lengths = Origin("compose", {"style": "guqin"}, **facts), []
        for _ in range(20):
            source = to_plain(Ancestor(origin.as_json()))
            assert from_plain(json.loads(json.dumps(source)), Ancestor).origin == origin
            origin = Origin("infill", {"source": source}, **facts)
            lengths.append(len(origin.as_text()))
        assert len({after - before for before, after in pairwise(lengths)}) == 1

    def test_a_number_beyond_all_numbers_in_the_copy_report(self):
        facts = {"seed": 1, "take": 1, "checkpoint": "tiny", "digest": "", "version": "1", "sha256": ""}
        whole = Origin("compose", {}, **facts).as_json() | {"copy": {"human_longest_run": float("inf")}}
        with pytest.raises(ReadError, match="cannot be written down again"):
            Origin.from_json(whole)
