"""What every command shares: one line for each error, progress on stderr, results on stdout.

Exit codes: 0 all done, 1 something failed, 2 wrong use, 130 interrupted, 141 the reader of stdout left.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import typer

from symgen.errors import SymgenError, UsageError, one_line

INTERRUPTED = 130
PIPE_CLOSED = 141
REFRESH_SECONDS = 0.1
LEFT_AFTER_SECONDS = 2.0
"""So long progress is watched before it is told how long the rest will take."""


def run(app: typer.Typer, arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code; errors are printed here and nowhere else.

    Parameters
    ----------
    app : typer.Typer
        The commands.
    arguments : sequence of str
        What stands behind the program's name. ``--debug`` holds wherever it stands before ``--``.
    """
    words, debug = _take_debug(arguments)
    try:
        if "" in words:  # an empty path would be the current folder
            raise UsageError(
                "an empty argument", remedy="a variable that is not set? leave it out, or write . for here"
            )
        code = _invoke(app, words)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # Python flushes stdout once more when it ends; give it something to flush into.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except (KeyboardInterrupt, typer.Abort) as interrupt:  # long work says how to go on
        return _fail(str(interrupt) or "interrupted", INTERRUPTED, debug=debug)
    except SymgenError as error:
        return _fail(f"error: {error}", error.exit_code, debug=debug)
    except (OSError, MemoryError) as error:
        return _fail(f"error: {_system_reason(error)}", 1, debug=debug)
    except Exception as error:  # noqa: BLE001 - the outermost edge: nobody is left to hand it to
        if hasattr(error, "format_message"):  # the parser's own; old typers have it from click, new ones from within
            return _fail(f"error: {wrong_use(error, words)}", 2, debug=debug)
        return _fail(f"internal error: {type(error).__name__}: {error}; run again with --debug", 1, debug=debug)


def _invoke(app: typer.Typer, words: list[str]) -> int:
    """Run a command, leaving every error but the orderly end to the caller."""
    command = typer.main.get_command(app)
    try:
        with command.make_context("symgen", list(words) or ["--help"]) as context:
            command.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    return 0


def _take_debug(arguments: Sequence[str]) -> tuple[list[str], bool]:
    """Return the arguments without ``--debug``, and whether it was there."""
    words = list(arguments)
    stop = words.index("--") if "--" in words else len(words)
    kept = [word for word in words[:stop] if word != "--debug"]
    return kept + words[stop:], len(kept) < stop


def _fail(line: str, code: int, *, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    print(f"symgen: {one_line(line)}", file=sys.stderr)  # noqa: T201 - the edge
    return code


def _system_reason(error: OSError | MemoryError) -> str:
    if isinstance(error, MemoryError):
        return "not enough memory"
    name = f"{error.filename}: " if error.filename else ""
    return f"{name}{error.strerror or error}"


def wrong_use(error: Any, words: Sequence[str] = ()) -> UsageError:
    """Turn the parser's complaint into one line that says what was found, what was expected and what to do.

    Parameters
    ----------
    error : Exception
        A usage error of typer (or of click, under old typers).
    words : sequence of str
        The command line, to quote the value that was refused.
    """
    context: Any = getattr(error, "ctx", None)
    path = context.command_path if context else "symgen"
    see = f"see {path} --help"
    if type(error).__name__ == "NoSuchOption":
        known = [name for param in context.command.params for name in (*param.opts, *param.secondary_opts)]
        options = [name for name in [*known, "--help"] if name.startswith("--")]
        return UsageError(f"{path} has no option {error.option_name}", remedy=_guess(error.option_name, options, see))
    found = " ".join(error.format_message().split()).rstrip(".")
    if found.startswith("No such command"):
        typed = found.split("'")[1]
        commands = list(context.command.commands)
        return UsageError(
            f"{path} has no command {typed}",
            expected=f"one of {', '.join(commands)}",
            remedy=_guess(typed, commands, see),
        )
    if (place := _PERMISSION.search(found)) is not None:
        return UsageError(f"{place[1]} is not {place[2]}", remedy="check its permissions")
    expected = getattr(error, "message", "").removeprefix("Input should be ")
    names = getattr(getattr(error, "param", None), "opts", [])
    if value := _value_of(names, words):
        return UsageError(f"{max(names, key=len)} is {value}", expected=expected.partition(",")[0], remedy=see)
    return UsageError(found[:1].lower() + found[1:], remedy=see)


_PERMISSION = re.compile(r"[Pp]ath '(.*)' is not (readable|writable)")


def _value_of(names: Sequence[str], words: Sequence[str]) -> str:
    """Return what the command line gives to the option `names`, "" if nothing."""
    for index, word in enumerate(words):
        option, equals, value = word.partition("=")
        if option in names:
            return value if equals else "".join(words[index + 1 : index + 2])
    return ""


def _guess(typed: str, known: Sequence[str], otherwise: str) -> str:
    """Return a question for the known word that was probably meant, or `otherwise`."""
    near = get_close_matches(typed, known, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else otherwise


class Reporter:
    """Shows progress on stderr: one line that renews itself on a terminal, one line a message elsewhere."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._live = sys.stderr.isatty()
        self._message = ""
        self._shown_at = 0.0
        self._begin = (0.0, 0)

    def __call__(self, message: str, done: int = 0, total: int = 0) -> None:
        """Show `message`, with `done` of `total` if the total is known (see :class:`symgen.progress.Progress`)."""
        now = time.monotonic()
        same = message == self._message
        if not same:
            self._begin = (now, done)
        if self._quiet or (same and (not self._live or (now - self._shown_at < REFRESH_SECONDS and done < total))):
            return
        self._message, self._shown_at = message, now
        line = one_line(
            f"{message} {done:,}/{total:,}{self._left(now, done, total)}" if total and self._live else message
        )
        sys.stderr.write(f"\r\x1b[2K{line}" if self._live else f"{line}\n")
        sys.stderr.flush()

    def _left(self, now: float, done: int, total: int) -> str:
        """Return how long the rest will take if it goes on as it went so far, once that can be told."""
        begin, before = self._begin
        if now - begin < LEFT_AFTER_SECONDS or done <= before or done >= total or self._message.endswith(" left"):
            return ""
        seconds = round((now - begin) * (total - done) / (done - before))
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        return f", {hours}:{minutes:02}:{seconds:02} left" if hours else f", {minutes}:{seconds:02} left"

    def close(self) -> None:
        """Take the line that renews itself off the terminal."""
        if self._live and self._message and not self._quiet:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()

    def __enter__(self) -> Reporter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def print_json(value: Any) -> None:
    """Print one JSON value on stdout, characters beyond ASCII as they are where the stream can hold them."""
    ascii_only = "utf" not in (sys.stdout.encoding or "").lower()
    text = json.dumps(value, ensure_ascii=ascii_only, allow_nan=False, indent=2)
    sys.stdout.write(_UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")


_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""What JSON leaves as it is and a terminal may obey, a reader of lines may split at, or no stream can encode."""


def print_lines(lines: Iterable[str]) -> None:
    """Print lines on stdout; what the stream cannot hold is escaped."""
    for line in lines:
        sys.stdout.write(_safe(line) + "\n")


def named_counts(counts: Mapping[str, int], most: int | None = None) -> str:
    """Return names with their counts, the most frequent first: all, or so many and how many more there are."""
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    named = ", ".join(f"{name} {count:,}" for name, count in ordered[:most])
    more = len(ordered) - (most or len(ordered))
    return named + (f" and {more} more" if more > 0 else "")


def print_notes(lines: Iterable[str]) -> None:
    """Print lines on stderr, beside progress: what a person wants to know and a program does not read."""
    for line in lines:
        sys.stderr.write(one_line(line) + "\n")
    sys.stderr.flush()


def _safe(text: str) -> str:
    """Return text as one line, with what stdout cannot hold escaped."""
    encoding = sys.stdout.encoding or "ascii"
    return one_line(text).encode(encoding, "backslashreplace").decode(encoding)


def print_facts(facts: Sequence[tuple[str, str]]) -> None:
    """Print names and values in two columns."""
    width = max((len(name) for name, _ in facts), default=0)
    print_lines(f"{name:<{width}}  {value}".rstrip() for name, value in facts)


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on stdout, as wide as it needs to be where nobody looks at it on a terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(*headings, box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for row in rows:
        table.add_row(*map(_safe, row))
    width = None if sys.stdout.isatty() else 200
    console = Console(width=width, markup=False, highlight=False, emoji=False)
    console.print(table)
