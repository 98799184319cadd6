"""What a reader may do with damaged bytes: give usable Scores, or raise ReadError with a listed code."""

from __future__ import annotations

import pickle
import resource
import signal
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from symgen.errors import ReadError
from symgen.piece import Reading
from symgen.readers import DEFECTS, Format, formats, recognise
from symgen.tokens.codec import encode

MAX_SECONDS = 5.0
"""Of processor time for one input; a busy machine takes longer by the clock."""
MAX_GROWTH = 2**30
"""Bytes of address space that reading one input may add to its process."""
_VAGUE = {"unreadable", "parser-failed", "cap-memory", "cap-time"}
"""Codes of what a reader failed to foresee."""


class Hang(BaseException):
    """Raised by the clock inside whatever runs too long; no reader may swallow it."""


def reader_named(name: str) -> Format:
    return next(reader for reader in formats() if name == reader.NAME)


@contextmanager
def clock(seconds: float) -> Iterator[None]:
    """Stop what takes longer than so much processor time."""

    def stop(*_: Any) -> None:
        raise Hang

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def cap_memory() -> None:
    """Give this process so much more address space than it has, and no more."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + MAX_GROWTH
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))


def verdict(name: str, data: bytes) -> tuple[str, str]:
    """Read `data` as the format called `name`.

    Returns
    -------
    outcome : str
        "ok", "mended", or the code of the ReadError.
    finding : str
        What the reader did that it may not; "" if nothing.
    """
    reader = reader_named(name)
    begin = time.process_time()
    try:
        with clock(2 * MAX_SECONDS), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of third-party parsers
            recognise(data, reader.SUFFIXES[0])
            readings = reader.read(data, "dam\x1baged")
            problem = _problem_of(readings)
            outcome = "mended" if any(reading.mended for reading in readings) else "ok"
    except ReadError as error:
        problem, outcome = _problem_of_error(error, _vague(reader)), error.code
    except Hang:
        problem, outcome = f"more than {2 * MAX_SECONDS} s", "hang"
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        problem, outcome = f"{type(error).__name__}: {error}", "crash"
    seconds = time.process_time() - begin
    if seconds > MAX_SECONDS and not problem:
        problem = f"{seconds:.1f} s"
    return outcome, problem


def _problem_of(readings: list[Reading]) -> str:
    if not readings:
        return "no reading and no error"
    for reading in readings:
        unknown = (set(reading.lost) | set(reading.mended)) - set(DEFECTS)
        if unknown:
            return f"codes without a row: {sorted(unknown)}"
        if any(count <= 0 for count in (*reading.lost.values(), *reading.mended.values())):
            return "a count of nothing"
        if len(reading.score.bar_starts()) > 10_000_000:
            return "millions of bars"
        if len(reading.score):
            encode(reading.score)
    return ""


def _vague(reader: Format) -> set[str]:
    """Return the codes that tell no reason; a reader that gives no codes yet is let off that one."""
    gives_codes = "code=" in Path(str(reader.__file__)).read_text(encoding="utf-8")  # type: ignore[attr-defined]
    return _VAGUE if gives_codes else _VAGUE - {"unreadable"}


def _problem_of_error(error: ReadError, vague: set[str]) -> str:
    if error.code not in DEFECTS or error.code in vague:
        return f"{error.code}: {error}"
    if DEFECTS[error.code].policy != "refuse":
        return f"{error.code} is no reason to refuse"
    if not str(error).isprintable() or len(str(error)) > 2000:
        return f"no plain line: {error!r}"
    again = pickle.loads(pickle.dumps(error))
    return "" if (again.code, str(again)) == (error.code, str(error)) else "changed between processes"
