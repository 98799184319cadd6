"""The door: what it loads, what it hands to a use case, what it prints, how it fails."""

import dataclasses
import importlib
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import mido
import pytest

from symgen import console
from symgen.cli import app
from symgen.cli.takes import describe_take
from symgen.errors import ReadError, UsageError
from symgen.writers import Options

TAKE = {
    "path": "out/guqin-7-1.mid",
    "seed": 7,
    "style": "guqin",
    "gong": 5,
    "mode": "yu",
    "tuning": "zhengdiao",
    "bars": 16,
    "notes": 83,
    "seconds": 61.4,
    "playable": True,
    "copy": {"longest_run": 9, "shared": 0.02},
}

COMPOSE_FIELDS = "style mode gong tuning tempo metre bars seconds takes seed raw checkpoint temperature top_p output"
COMPOSE_FIELDS += " humanize humanize_timing humanize_velocity format layout max_copy bare motif form modulate"
COMPOSE_FIELDS += " density register ornament leaps surprise versions"
CONVERT_FIELDS = "inputs output jobs style corpora cleaning engine scheduler caps"
TRAIN_FIELDS = "dataset style output run seed threads recipe device precision compiled"

REQUESTS = {
    "symgen.compose": ("ComposeRequest", COMPOSE_FIELDS.split()),
    "symgen.convert": ("ConvertRequest", CONVERT_FIELDS.split()),
    "symgen.train": ("TrainRequest", TRAIN_FIELDS.split()),
}
"""Use case -> its request, and the fields that the command line fills."""


def test_every_command_is_one_file_and_one_row():
    from symgen.cli.root import COMMANDS, GROUPS

    folder = Path(importlib.import_module("symgen.cli.commands").__path__[0])
    files = {path.stem.rstrip("_") for path in folder.glob("*.py")} - {"__init"}
    assert files == {*COMMANDS, *GROUPS}


class Result:
    """Stands for the result of any use case."""

    exit_code = 0

    def __init__(self, **facts: Any) -> None:
        self.facts = facts
        self.takes = [self]

    def as_json(self) -> dict[str, Any]:
        return self.facts


def command(*words: str) -> int:
    return console.run(app, words)


@pytest.fixture
def use_case(monkeypatch: pytest.MonkeyPatch):
    """Return a function that puts a use case in the place of a module, and the requests it is given."""
    given: list[Any] = []

    def install(module: str, function: str, answer: Any) -> list[Any]:
        name, fields = REQUESTS[module]
        fake = ModuleType(module)

        def run(request: Any, progress: Any) -> Any:
            given.append(request)
            progress("working", 1, 2)
            if isinstance(answer, BaseException):
                raise answer
            return answer

        columns = [(field, Any, dataclasses.field(default=None)) for field in fields]
        setattr(fake, name, dataclasses.make_dataclass(name, columns, frozen=True))
        setattr(fake, function, run)
        monkeypatch.setitem(sys.modules, module, fake)
        return given

    return install


class TestCompose:
    def test_plain(self, use_case, capsys):
        given = use_case("symgen.compose", "compose_files", Result(takes=[TAKE]))
        assert command("compose", "--style", "guqin") == 0
        out, err = capsys.readouterr()
        assert out.splitlines() == [
            "out/guqin-7-1.mid",
            "  guqin, gong F, yu mode, tuning zhengdiao",
            "  16 bars, 1:01, 83 notes, playable, seed 7",
            "  shares at most 9 notes in a row with the pieces it learnt from",
        ]
        assert err == "working\n"
        assert (given[0].style, given[0].takes, given[0].raw, given[0].output) == ("guqin", 1, False, None)

    def test_json(self, use_case, capsys):
        use_case("symgen.compose", "compose_files", Result(takes=[TAKE]))
        assert command("compose", "--style", "guqin", "--json", "--quiet") == 0
        out, err = capsys.readouterr()
        assert json.loads(out) == {"takes": [TAKE]}
        assert err == ""

    def test_every_option_arrives(self, use_case):
        given = use_case("symgen.compose", "compose_files", Result(takes=[TAKE]))
        words = (
            "--style guzheng --mode zhi --gong Bb --tuning D --tempo 92.5 --metre 2/4 --bars 24 --seconds 30 --takes 3"
        )
        words += " --seed 5 --raw --checkpoint box --temperature 0.9 --top-p 0.95 --versions 4 -o folder"
        words += " --humanize 0.4 --humanize-timing 0.2 --humanize-velocity 0.6"
        words += " --density 0.1 --register 0.2 --ornament 0.3 --leaps 0.7 --surprise 0.8"
        words += " --format rpp --layout mpe --time-signatures fixed --names ascii --max-copy 12 --bare"
        words += " --form A8 --modulate qingjue"
        assert command("compose", *words.split(), "--motif", "1 2 3") == 0
        fields = {field.name: getattr(given[0], field.name) for field in dataclasses.fields(given[0])}
        assert fields == {
            "style": "guzheng",
            "mode": "zhi",
            "gong": "Bb",
            "tuning": "D",
            "tempo": 92.5,
            "metre": "2/4",
            "bars": 24,
            "seconds": 30.0,
            "takes": 3,
            "seed": 5,
            "raw": True,
            "humanize": 0.4,
            "humanize_timing": 0.2,
            "humanize_velocity": 0.6,
            "density": 0.1,
            "register": 0.2,
            "ornament": 0.3,
            "leaps": 0.7,
            "surprise": 0.8,
            "checkpoint": Path("box"),
            "temperature": 0.9,
            "top_p": 0.95,
            "versions": 4,
            "output": Path("folder"),
            "format": "rpp",
            "layout": Options("mpe", "fixed", "ascii"),
            "max_copy": 12,
            "bare": True,
            "motif": "1 2 3",
            "form": "A8",
            "modulate": "qingjue",
        }

    def test_words_for_what_is_promised(self):
        kept = {"name": "gong", "asked": "F", "found": "F", "kept": True}
        broken = {"name": "bars", "asked": "8", "found": "9", "kept": False}
        lines = describe_take(TAKE | {"guarantees": [kept, broken]})
        assert lines[3:5] == ["  checked: gong F", "  NOT KEPT: bars 8: 9"]

    def test_words_for_a_copy(self):
        copied = {"longest_run": 11, "bar": 3, "beat": 2, "human_longest_run": 9, "human_longest_run_p90": 13}
        assert describe_take(TAKE | {"copy": copied})[3:] == [
            "  shares at most 11 notes in a row with the pieces it learnt from, from bar 3 beat 2",
            "    pieces by people share 9 (median, nine in ten at most 13)",
        ]

    def test_words_for_what_is_not_playable(self):
        assert "not playable as it stands" in describe_take(TAKE | {"playable": False})[2]
        assert "gong F#" in describe_take(TAKE | {"gong": "F#"})[1]
        assert "no run of eight notes" in describe_take(TAKE | {"copy": {"longest_run": 0}})[3]
        assert len(describe_take(TAKE | {"copy": {}})) == 3


class TestOtherCommands:
    def test_convert_ends_with_the_result_s_exit_code(self, use_case, capsys):
        facts = {"files": 2, "reused": 0, "pieces": 1, "notes": 90, "hours": 0.02, "report": "data/report.jsonl"}
        facts |= {"status": {"failed": 1, "ok": 1}, "failed": {"no-music": 1}, "splits": {"train": 1}}
        facts |= {name: {} for name in ("mended", "lost", "dropped", "flags", "passed_over", "near_duplicates")}
        result = Result(**facts)
        result.exit_code = 1
        given = use_case("symgen.convert", "convert", result)
        assert command("convert", "a.mid", "b.mid", "-o", "data", "--jobs", "2", "--json") == 1
        assert dataclasses.asdict(given[0]) == {
            "inputs": (Path("a.mid"), Path("b.mid")),
            "output": Path("data"),
            "jobs": 2,
            "style": "unknown",
            "corpora": None,
            "cleaning": None,
            "engine": "local",
            "scheduler": None,
            "caps": {"seconds": 10.0, "memory_bytes": 2**30},
        }
        out, err = capsys.readouterr()
        assert json.loads(out) == facts
        assert "inputs           2: 1 failed, 1 ok; 0 as converted before\n" in err
        assert "failed           no-music 1\n" in err
        assert "dropped" not in err

    def test_train(self, use_case, capsys):
        given = use_case("symgen.train", "train", Result(checkpoint="box", bits=4.19))
        words = "train data --style guqin -o box --seed 3 --recipe r.toml --device cpu --compile -q"
        assert command(*words.split()) == 0
        assert dataclasses.asdict(given[0]) == {
            "dataset": Path("data"),
            "style": "guqin",
            "output": Path("box"),
            "run": None,
            "seed": 3,
            "threads": 0,
            "recipe": Path("r.toml"),
            "device": "cpu",
            "precision": "auto",
            "compiled": True,
        }
        assert capsys.readouterr() == ("checkpoint  box\nbits        4.19\n", "")

    @pytest.mark.parametrize(("module", "request_and_fields"), REQUESTS.items())
    def test_the_real_use_cases_take_what_the_door_gives(self, module: str, request_and_fields: tuple[str, list[str]]):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not there yet")
        name, fields = request_and_fields
        request = getattr(importlib.import_module(module), name)
        assert set(fields) <= {field.name for field in dataclasses.fields(request)}
        required = {
            field.name
            for field in dataclasses.fields(request)
            if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        }
        assert required <= set(fields)

    def test_styles(self, monkeypatch: pytest.MonkeyPatch, capsys):
        style = {"name": "guqin", "chinese": "古琴", "instrument": "guqin", "metre": "4/4", "tempo": [54.0, 72.0]}
        fake = ModuleType("symgen.compose")
        monkeypatch.setattr(fake, "list_styles", lambda: (Result(**style, bars=32),), raising=False)
        monkeypatch.setitem(sys.modules, "symgen.compose", fake)
        assert command("styles") == 0
        assert capsys.readouterr().out.splitlines()[-1].split() == [
            "guqin",
            "古琴",
            "guqin",
            "4/4",
            "54",
            "to",
            "72",
            "32",
        ]
        assert command("styles", "--json") == 0
        assert json.loads(capsys.readouterr().out) == {"styles": [style | {"bars": 32}]}

    def test_inspect(self, tmp_path: Path, capsys):
        path = tmp_path / "tune.mid"
        write_tune(path)
        assert command("inspect", str(path), "-q") == 0
        assert "4 notes, 2 bars, 0:04" in capsys.readouterr().out
        assert command("inspect", str(path), "--json", "-q") == 0
        assert json.loads(capsys.readouterr().out)["notes"] == 4


def write_tune(path: Path) -> None:
    """Write two bars of 2/4 at 60 qpm: 1 2 3 5 on C, a quarter note each."""
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=1_000_000)])
    track.append(mido.MetaMessage("time_signature", numerator=2, denominator=4))
    for pitch in (60, 62, 64, 67):
        track += [mido.Message("note_on", note=pitch, velocity=80), mido.Message("note_off", note=pitch, time=480)]
    mido.MidiFile(ticks_per_beat=480, tracks=[track]).save(path)


class TestErrors:
    @pytest.mark.parametrize(
        ("words", "line"),
        [
            ("compse", "symgen has no command compse; expected one of compose, convert,"),
            ("compse", "did you mean compose?"),
            ("compose --styl guqin", "symgen compose has no option --styl; did you mean --style?"),
            ("compose --zzz", "symgen compose has no option --zzz; see symgen compose --help"),
            ("compose", "'--style'"),
            ("compose --style", "'--style' requires an argument"),
            ("compose --style guqin --bars many", "--bars is many; expected"),
            ("compose --style guqin --tempo=fast", "--tempo is fast; expected"),
            ("convert a.mid -o data --jobs 0", "--jobs is 0; expected"),
            ("convert -o data", "PATH"),
            ("inspect", "FILE"),
            ("inspect a.mid b.mid", "b.mid"),
            ("styles --raw", "symgen styles has no option --raw"),
        ],
    )
    def test_wrong_use_is_one_line_and_2(self, words: str, line: str, capsys):
        assert command(*words.split()) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("symgen: error: ")
        assert line in err
        assert err.count("\n") == 1

    @pytest.mark.parametrize(
        ("error", "code", "line"),
        [
            (
                UsageError("style 'qin'", expected="guqin or guzheng"),
                2,
                "error: style 'qin'; expected guqin or guzheng",
            ),
            (ReadError("a.mid\nis \x1b[31mempty"), 1, r"error: a.mid\nis \x1b[31mempty"),
            (OSError(28, "No space left on device", "out.mid"), 1, "error: out.mid: No space left on device"),
            (MemoryError(), 1, "error: not enough memory"),
            (ZeroDivisionError("by\nzero"), 1, r"internal error: ZeroDivisionError: by\nzero; run again with --debug"),
            (KeyboardInterrupt(), 130, "interrupted"),
        ],
    )
    def test_failures_are_one_line(self, use_case, capsys, error: BaseException, code: int, line: str):
        use_case("symgen.compose", "compose_files", error)
        assert command("compose", "--style", "qin", "-q") == code
        assert capsys.readouterr() == ("", f"symgen: {line}\n")

    @pytest.mark.parametrize("words", ["--debug compose --style qin", "compose --style qin --debug"])
    def test_debug_shows_the_traceback_wherever_it_stands(self, use_case, capsys, words: str):
        use_case("symgen.compose", "compose_files", ReadError("a.mid is empty"))
        assert command(*words.split()) == 1
        err = capsys.readouterr().err
        assert "Traceback (most recent call last)" in err
        assert err.endswith("symgen: error: a.mid is empty\n")

    def test_debug_after_a_double_dash_is_a_file(self, capsys):
        assert command("inspect", "-q", "--", "--debug") == 1
        assert "--debug does not exist" in capsys.readouterr().err


CALL = "from symgen.cli import main; main()"


class TestProcess:
    def test_help_loads_no_networks(self, python):
        code = (
            "import sys; from symgen import console; from symgen.cli import app; "
            "console.run(app, ['--help']); print({'torch', 'music21', 'numpy', 'rich'} & set(sys.modules))"
        )
        result = python("-c", code)
        assert result.returncode == 0, result.stderr
        assert result.stdout.splitlines()[-1] == "set()"

    def test_version(self, python):
        result = python("-c", CALL, "--version")
        assert result.stdout.startswith("symgen ")
        assert (result.returncode, result.stderr) == (0, "")

    def test_exit_code_reaches_the_shell(self, python):
        result = python("-c", CALL, "inspect", "nowhere.mid")
        assert result.returncode == 1
        assert result.stderr.splitlines()[-1] == "symgen: error: nowhere.mid does not exist; check the path"

    @pytest.mark.parametrize("words", [["--help"], ["--version"], ["inspect", "-q", "--json", "tune.mid"]])
    def test_a_reader_that_leaves_is_no_failure_to_shout_about(
        self, repository: Path, tmp_path: Path, words: list[str]
    ):
        write_tune(tmp_path / "tune.mid")
        code = "import sys; sys.path.insert(0, sys.argv.pop(1)); " + CALL
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(repository), *words],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        err = process.stderr.read()
        process.stderr.close()
        assert (process.wait(60), err) == (console.PIPE_CLOSED, b"")

    def test_a_narrow_encoding_is_survived(self, python):
        code = "from symgen import console; console.print_json({'a': '古琴'}); console.print_lines(['古琴'])"
        code += "; console.print_table(['name'], [['古琴']])"
        result = python("-c", code, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
        assert result.returncode == 0, result.stderr
        assert result.stdout.count(r"\u53e4\u7434") == 3


def test_json_moves_no_cursor(capsys):
    console.print_json({"a": "古\x9b31m\x7f\u2028", "b": "\udcff"})
    out = capsys.readouterr().out
    assert json.loads(out) == {"a": "古\x9b31m\x7f\u2028", "b": "\udcff"}
    assert "古" in out
    assert all(sign.isprintable() or sign == "\n" for sign in out)


def test_an_empty_argument_is_not_the_current_folder(capsys):
    assert command("convert", "a.mid", "-o", "") == 2
    assert capsys.readouterr().err.startswith("symgen: error: an empty argument; ")


class TestReporter:
    def test_elsewhere_one_line_a_message(self, capsys):
        with console.Reporter() as progress:
            for done in range(3):
                progress("reading", done, 3)
            progress("writing")
        assert capsys.readouterr() == ("", "reading\nwriting\n")

    def test_on_a_terminal_one_line_that_renews_itself(self, capsys, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        with console.Reporter() as progress:
            progress("reading", 1, 2)
            progress("reading", 2, 2)
        assert capsys.readouterr().err == "\r\x1b[2Kreading 1/2\r\x1b[2Kreading 2/2\r\x1b[2K"

    def test_it_says_how_long_the_rest_will_take(self, capsys, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        clock = iter([100.0, 110.0, 140.0])
        monkeypatch.setattr(console.time, "monotonic", lambda: next(clock))
        with console.Reporter() as progress:
            progress("reading", 1000, 41000)  # what was done before does not count
            progress("reading", 2000, 41000)
            progress("reading", 40000, 41000)
        shown = capsys.readouterr().err.split("\r\x1b[2K")
        assert shown[1:4] == [
            "reading 1,000/41,000",
            "reading 2,000/41,000, 6:30 left",
            "reading 40,000/41,000, 0:01 left",
        ]

    def test_tables_show_text_as_it_is(self, capsys):
        console.print_table(["name"], [["[red]古琴[/red] :smile:"]])
        assert "[red]古琴[/red] :smile:" in capsys.readouterr().out
