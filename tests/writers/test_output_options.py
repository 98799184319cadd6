"""symgen compose: format, layout, time signatures, names and articulations of what it writes."""

import json

import mido
import pytest

from symgen import console
from symgen.cli import app
from symgen.errors import UsageError
from symgen.score import Score, make_notes
from symgen.writers import Options, find_format, formats, write

COMPOSE = ["compose", "--style", "guzheng", "--bars", "4", "--seed", "5", "-q"]


@pytest.mark.parametrize("name", ["mid", ".MID", "midi", "dawproject", "rpp", "musicxml", "xml", "jianpu"])
def test_a_format_is_found_by_name_and_by_suffix(name):
    assert name.lower().removeprefix(".") in {find_format(name).NAME} | {s[1:] for s in find_format(name).SUFFIXES}


def test_an_unknown_format_names_the_known_ones():
    with pytest.raises(UsageError, match="dawproject"):
        find_format("flp")


@pytest.mark.parametrize("writer", formats(), ids=lambda writer: writer.NAME)
def test_options_are_taken_or_refused_never_ignored(writer, tmp_path):
    score, target = Score(make_notes([(0, 480, 60)])), tmp_path / f"a{writer.SUFFIXES[0]}"
    if getattr(writer, "OPTIONS", False):
        assert write(score, target, options=Options(names="ascii")) == target
    else:
        with pytest.raises(UsageError, match=r"\.dawproject"):
            write(score, target, options=Options(names="ascii"))
        assert not target.exists()


def test_compose_writes_projects_into_a_folder(tmp_path, capsys):
    arguments = ["--format", "rpp", "--layout", "strings", "-o", str(tmp_path / "new"), "--json"]
    assert console.run(app, [*COMPOSE, *arguments]) == 0
    (take,) = json.loads(capsys.readouterr().out)["takes"]
    assert take["path"].endswith("guzheng-5-1.rpp")
    assert "<REAPER_PROJECT" in (tmp_path / "new" / "guzheng-5-1.rpp").read_text()


def test_compose_takes_a_map_of_articulations(tmp_path):
    library, target = tmp_path / "library.toml", tmp_path / "a.mid"
    library.write_text("program = 6\n")
    options = ["--articulations", str(library), "--time-signatures", "fixed", "--names", "ascii", "-o", str(target)]
    assert console.run(app, [*COMPOSE, *options]) == 0
    messages = [message for track in mido.MidiFile(target).tracks for message in track]
    assert [message.program for message in messages if message.type == "program_change"] == [6]
    assert [(m.numerator, m.denominator) for m in messages if m.type == "time_signature"] == [(4, 4)]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--layout", "string"], "one of merged, strings, mpe"),
        (["--time-signatures", "4/4"], "one of map, fixed"),
        (["--names", "gbk"], "one of utf8, ascii"),
        (["--format", "als"], "no format is called 'als'"),
        (["--format", "rpp", "-o", "a.mid"], "use -o a.rpp"),
        (["--layout", "mpe", "-o", "a.musicxml"], "has no layout"),
        (["--articulations", "none.toml"], "none.toml"),
    ],
)
def test_what_cannot_be_is_one_line_and_nothing_is_written(options, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert console.run(app, [*COMPOSE, *options]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())
