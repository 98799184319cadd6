"""The documents say what is so: commands in them exist, links in them lead somewhere, every command has help.

A fenced block marked ``console`` or ``bash`` holds commands. Those of symgen are parsed by its own command
line without being run, those of make are looked up in the Makefile. A block marked ``console run`` or
``bash run`` is run, in an empty folder.
"""

import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer

from symgen import console
from symgen.cli import app

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
DOCUMENTS += sorted(path for folder in ("docs", "checkpoints", "corpora") for path in (ROOT / folder).rglob("*.md"))

FENCE = re.compile(r"^```(console|bash)( run)?[^\S\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
ANY_FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
SHELL_OPERATORS = {"|", ">", ">>", "&&", ";", "2>"}


@dataclass(frozen=True)
class Command:
    """One command in a document."""

    where: str
    line: str
    run: bool

    @property
    def words(self) -> list[str]:
        words = shlex.split(self.line, comments=True)
        return words[: next((i for i, word in enumerate(words) if word in SHELL_OPERATORS), len(words))]


def commands_in(text: str, where: str = "") -> list[Command]:
    """Return the commands in the fenced blocks of a text; in ``console`` they stand behind a ``$``."""
    found = []
    for kind, run, body in FENCE.findall(text):
        for line in body.replace("\\\n", " ").splitlines():
            if kind == "console" and not line.startswith("$ "):
                continue  # what the command prints
            line = line.removeprefix("$ ").strip()
            if line and not line.startswith("#"):
                found.append(Command(where, line, bool(run)))
    return found


def all_commands() -> list[Command]:
    return [
        command for path in DOCUMENTS if path.exists() for command in commands_in(path.read_text("utf-8"), path.name)
    ]


def complaint(command: Command) -> str | None:
    """Return what is wrong with a command of symgen or make, or None."""
    program, *words = command.words
    if program == "symgen":
        return symgen_complaint(words)
    if program == "make":
        targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
        unknown = [word for word in words if "=" not in word and word not in targets]
        return f"the Makefile has no {unknown[0]}" if unknown else None
    return None


def symgen_complaint(words: list[str]) -> str | None:
    """Let the command line's own parser judge, down to the options of the subcommand; nothing is run."""
    group: Any = typer.main.get_command(app)
    words = [word for word in words if word != "--debug"]
    if not words or words[0].startswith("-"):
        return None if set(words) <= {"--help", "-h", "--version"} else f"symgen has no option {words[0]}"
    path = "symgen"
    while hasattr(group, "commands"):  # a group of commands, such as symgen corpus
        if not words:
            return f"{path} lacks a command"
        name, *words = words
        if name in ("--help", "-h"):
            return None
        if name not in group.commands:
            return f"{path} has no command {name}"
        group, path = group.commands[name], f"{path} {name}"
    try:
        group.make_context(path, list(words)).close()
    except typer.Exit:
        return None  # --help
    except Exception as error:  # noqa: BLE001 - a usage error, of whichever parser stands under typer
        return str(console.wrong_use(error, words))
    return None


@pytest.mark.parametrize("command", all_commands(), ids=lambda command: f"{command.where}: {command.line}")
def test_commands_in_the_documents_exist(command: Command):
    assert complaint(command) is None


@pytest.mark.parametrize("where", sorted({command.where for command in all_commands() if command.run}))
def test_commands_marked_to_run_do(where: str, python):
    """Those of a document are run in their order in one folder, as a reader would."""
    for command in (one for one in all_commands() if one.run and one.where == where):
        program, *words = command.words
        assert program in ("symgen", "python"), "only commands of symgen and python can be run here"
        arguments = ["-c", "from symgen.cli import main; main()", *words] if program == "symgen" else words
        result = python(*arguments)
        assert result.returncode == 0, f"{command.line}: {result.stderr}"


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if path.exists()], ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path):
    text = ANY_FENCE.sub("", path.read_text("utf-8"))
    broken = [
        target
        for target in (one or other for one, other in LINK.findall(text))
        if not target.startswith(("https://", "http://", "mailto:")) and not leads(path, target)
    ]
    assert not broken


def leads(path: Path, target: str) -> bool:
    """Return whether a local link leads to a file, and to a heading of it if it names one."""
    name, _, anchor = target.partition("#")
    file = (path.parent / name).resolve() if name else path
    if not file.exists() or not file.is_relative_to(ROOT):
        return False
    return not anchor or anchor in anchors(file.read_text("utf-8"))


def anchors(text: str) -> set[str]:
    """Return the anchors of a document's headings, as code hosts make them."""
    headings = re.findall(r"^#+\s+(.*?)\s*$", ANY_FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def leaves(group: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """Return every command by the words that call it; a group of commands is looked into and is none itself."""
    found = {}
    for name, command in group.commands.items():
        words = (*path, name)
        found |= leaves(command, words) if hasattr(command, "commands") else {words: command}
    return found


GROUP: Any = typer.main.get_command(app)
COMMANDS = leaves(GROUP)


@pytest.mark.parametrize("words", sorted(COMMANDS), ids=" ".join)
def test_every_command_has_help(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]):
    command = COMMANDS[words]
    assert command.help
    options = {opt: param for param in command.params for opt in param.opts}
    assert {"--json", "--quiet"} <= set(options), f"{' '.join(words)} lacks --json or --quiet"
    unexplained = [opt for opt, param in options.items() if not getattr(param, "help", None)]
    assert not unexplained
    assert console.run(app, [*words, "--help"]) == 0
    assert "--json" in capsys.readouterr().out


@pytest.mark.parametrize("name", [name for name, command in GROUP.commands.items() if hasattr(command, "commands")])
def test_every_group_has_help(name: str, capsys: pytest.CaptureFixture[str]):
    group = GROUP.commands[name]
    assert group.help
    assert console.run(app, [name, "--help"]) == 0
    shown = capsys.readouterr().out
    assert all(command in shown for command in group.commands)
    assert console.run(app, [name]) == 2
    assert f"symgen {name} --help" in capsys.readouterr().err


def test_every_command_is_in_the_documents():
    text = "\n".join(path.read_text("utf-8") for path in DOCUMENTS if path.exists())
    calls = [" ".join(words) for words in COMMANDS]
    missing = [call for call in calls if f"symgen {call}" not in text and f"`{call}`" not in text]
    assert not missing


def test_every_corpus_is_in_the_documents():
    text = (ROOT / "docs" / "CORPORA.md").read_text("utf-8")
    missing = [path.stem for path in (ROOT / "corpora").glob("*.toml") if f"`{path.stem}`" not in text]
    assert not missing


class TestTheTestItself:
    """A guard that cannot fail guards nothing."""

    TEXT = (
        "```console\n$ symgen inspect a.mid  # look\nfile a.mid\n```\n"
        "```bash run\nsymgen --version\nmake test ARGS='-k x' | tail\n```\n```python\nsymgen nothing\n```\n"
    )

    def test_commands_are_found(self):
        found = commands_in(self.TEXT)
        assert [(c.words, c.run) for c in found] == [
            (["symgen", "inspect", "a.mid"], False),
            (["symgen", "--version"], True),
            (["make", "test", "ARGS=-k x"], True),
        ]
        assert [complaint(command) for command in found] == [None, None, None]

    @pytest.mark.parametrize(
        ("line", "words"),
        [
            ("symgen compse", "no command compse"),
            ("symgen compose --style guqin --modus yu", "no option --modus"),
            ("symgen compose --style guqin --bars many", "--bars is many"),
            ("symgen convert a.mid", "'-o'"),
            ("symgen --nothing", "no option --nothing"),
            ("symgen corpus lst", "symgen corpus has no command lst"),
            ("symgen corpus", "symgen corpus lacks a command"),
            ("symgen corpus fetch guqin-dataset --nothing", "no option --nothing"),
            ("make nothing", "no nothing"),
        ],
    )
    def test_wrong_commands_are_refused(self, line: str, words: str):
        assert words in str(complaint(Command("", line, run=False)))

    def test_links(self, tmp_path: Path):
        assert leads(ROOT / "CONTRIBUTING.md", "docs/ARCHITECTURE.md#what-loads-when")
        assert not leads(ROOT / "CONTRIBUTING.md", "docs/ARCHITECTURE.md#nothing")
        assert not leads(ROOT / "CONTRIBUTING.md", "docs/NOTHING.md")
        assert not leads(tmp_path / "a.md", sys.executable)
