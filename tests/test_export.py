"""Pieces in other formats, layouts and playings: what is written stays, and the new file can be made again."""

from pathlib import Path

import numpy as np
import pytest

import symgen
from symgen import console, writers
from symgen.cli import app
from symgen.compose import ComposeRequest, compose_files
from symgen.errors import ReadError, UsageError, WriteError
from symgen.export import ExportRequest, export_file
from symgen.models.checkpoint import save_checkpoint
from symgen.models.losses import weights_of
from symgen.origin import read_origin, sidecar_of
from symgen.score import Metre, Score, Tempo, make_notes
from symgen.verbs.infilling import InfillRequest, infill_files
from symgen.verbs.remaking import as_was_written, own_take
from symgen.writers import Options
from tests.models.music import TINY, random_generator

SCORE = Score(
    make_notes([(0, 480, 50), (480, 480, 57), (960, 960, 62)]), tempi=(Tempo(0, 60.0),), metres=(Metre(0, 4, 4),)
)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """Return the one checkpoint of a folder of shipped ones; its weights are random."""
    folder = tmp_path_factory.mktemp("checkpoints")
    weights = weights_of(random_generator(TINY))
    save_checkpoint(folder / "tiny", config=TINY.as_json(), weights=weights, styles={"guqin": {}}, facts={})
    return folder / "tiny"


@pytest.fixture(autouse=True)
def _there(shipped, monkeypatch):
    monkeypatch.setenv("SYMGEN_CHECKPOINTS", str(shipped.parent))


@pytest.fixture(scope="module")
def pieces(shipped, tmp_path_factory):
    """Return two pieces, the second made from the first."""
    folder, patch = tmp_path_factory.mktemp("pieces"), pytest.MonkeyPatch()
    with patch.context() as context:
        context.setenv("SYMGEN_CHECKPOINTS", str(shipped.parent))
        first = (
            compose_files(ComposeRequest("guqin", checkpoint=shipped, bars=4, seed=4, takes=2, output=folder))
            .takes[0]
            .path
        )
        second = (
            infill_files(
                InfillRequest(source=first, bars="2-3", checkpoint=shipped, seed=5, output=folder / "second.mid")
            )
            .takes[0]
            .path
        )
    return first, second


@pytest.mark.parametrize("writer", writers.formats(), ids=lambda writer: writer.NAME)
@pytest.mark.parametrize("which", [0, 1])
def test_in_every_format_it_is_what_its_verb_would_have_written(pieces, shipped, tmp_path, writer, which):
    file, target = pieces[which], tmp_path / f"x{writer.SUFFIXES[0]}"
    result = symgen.export(str(file), output=str(target))
    assert result.score == own_take(file)[0].score
    again = symgen.again(target, output=tmp_path / f"y{writer.SUFFIXES[0]}")
    assert again.identical
    if not which:
        take = read_origin(file).origin.take
        request = ComposeRequest(
            "guqin", checkpoint=shipped, bars=4, seed=4, takes=2, output=tmp_path / "o", format=writer.NAME
        )
        asked = next(one.path for one in compose_files(request).takes if one.take == take)
        assert asked.read_bytes() == target.read_bytes()
        assert sidecar_of(asked).read_bytes().replace(asked.name.encode(), target.name.encode()) == (
            sidecar_of(target).read_bytes()
        )


@pytest.mark.parametrize("options", [{"raw": True}, {"humanize": 0.0}, {"humanize": 1.0, "humanize_velocity": 0.0}])
@pytest.mark.parametrize("which", [0, 1])
def test_played_otherwise_the_written_notes_stay(pieces, tmp_path, options, which):
    file, target = pieces[which], tmp_path / "x.rpp"
    result = symgen.export(file, output=target, layout=Options("strings"), **options)
    before, after = own_take(file)[0], own_take(target)[0]
    assert result.origin.request["layout"]["layout"] == "strings"
    assert np.array_equal(before.score.notes, after.score.notes)
    assert before.performance != after.performance
    assert symgen.again(target, output=tmp_path / "y.rpp").identical


def test_from_a_sidecar_alone(pieces, tmp_path):
    whole = pieces[0].read_bytes()
    (tmp_path / "a.mid").write_bytes(whole)
    (tmp_path / "a.mid.json").write_bytes(sidecar_of(pieces[0]).read_bytes())
    (tmp_path / "a.mid").unlink()
    assert symgen.export(tmp_path / "a.mid.json", output=tmp_path / "b.mid").origin is not None
    assert (tmp_path / "b.mid").read_bytes() == whole


def test_a_changed_piece_is_written_as_it_is_read_and_that_is_said(pieces, tmp_path):
    file = tmp_path / "a.mid"
    file.write_bytes(pieces[0].read_bytes().replace(b"MTrk", b"XFIH\0\0\0\0MTrk", 1))
    result = export_file(ExportRequest(file, tmp_path / "b.jianpu"))
    assert result.origin is None
    assert "has been changed since" in result.remarks[0]
    with pytest.raises(UsageError, match="symgen arrange"):
        export_file(ExportRequest(file, tmp_path / "b.mid", layout=Options("strings")))


def test_music_of_others_is_written_as_it_is_read(tmp_path):
    file = symgen.write(SCORE, tmp_path / "a.musicxml")
    result = export_file(ExportRequest(file, tmp_path / "b.mid"))
    assert (result.origin, result.remarks) == (None, ())
    assert np.array_equal(symgen.read(result.path).notes["pitch"], SCORE.notes["pitch"])


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"layout": Options("strings")}, "give it a player: symgen arrange"),
        ({"humanize": 0.2}, "give it a player"),
        ({"output": None}, "no format is asked for"),
        ({"humanize": 2.0}, "expected 0 to 1"),
        ({"humanize": 0.2, "raw": True}, "leave --raw out"),
        ({"output": "a.mid"}, "written over itself"),
        ({"output": "b.pdf"}, "suffix .pdf; expected a folder, or a file ending in one of"),
        ({"output": "b.jianpu", "layout": Options(names="ascii")}, "has no layout"),
    ],
)
def test_refusals(tmp_path, monkeypatch, options, line):
    monkeypatch.chdir(tmp_path)
    symgen.write(SCORE, "a.mid")
    with pytest.raises(UsageError, match=line):
        symgen.export("a.mid", **{"output": "b.mid", **options})
    assert [path.name for path in tmp_path.iterdir()] == ["a.mid"]


def test_the_piece_of_a_record_is_not_written_over(tmp_path, monkeypatch, pieces):
    monkeypatch.chdir(tmp_path)
    for name in (pieces[0], sidecar_of(pieces[0])):
        (tmp_path / name.name).write_bytes(name.read_bytes())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(UsageError, match="written over itself"):
        symgen.export(sidecar_of(pieces[0]).name, format="mid", raw=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(("name", "kind"), [("none.mid", ReadError), ("none/b.mid", WriteError)])
def test_files_that_are_not_there(tmp_path, name, kind):
    symgen.write(SCORE, tmp_path / "a.mid")
    file, target = (tmp_path / name, tmp_path / "b.mid") if kind is ReadError else (tmp_path / "a.mid", tmp_path / name)
    with pytest.raises(kind):
        export_file(ExportRequest(file, target))


def test_what_is_arranged_is_what_was_written(pieces, tmp_path):
    score, why = as_was_written(pieces[0])
    assert why == ""
    assert score == own_take(pieces[0])[0].score
    assert symgen.arrange(pieces[0], raw=True).written == len(score)
    assert symgen.arrange(str(pieces[0]), raw=True).remarks == ()


def test_the_command(pieces, tmp_path, capsys):
    arguments = ["export", str(pieces[0]), "--format", "rpp", "--layout", "mpe", "-o", str(tmp_path / "new"), "-q"]
    assert console.run(app, arguments) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert Path(first).name == f"{pieces[0].stem}.rpp"
    assert second.endswith("compose, seed 4, take " + pieces[0].stem[-1] + ", as it was written")
