"""The log of a training: lines of JSON, and event files for TensorBoard where that is installed.

A training that is taken up again goes on with the log of what it has kept: lines of updates after the saved state, and
a last line that was cut short, are dropped first, so that every update stands there once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from symgen.errors import WriteError
from symgen.files import write_bytes

LOG: Final = "log.jsonl"
EVENTS: Final = "events"
"""Folder of the event files, with a folder for each stage: TensorBoard shows stages as runs beside each other."""


def events_available() -> bool:
    """Return whether the package is installed that writes event files."""
    return find_spec("tensorboard") is not None


class Journal:
    """The log of one training.

    Parameters
    ----------
    folder : Path
        Folder of the training's state.
    kept : bool
        False where another process keeps the log: then nothing is written.
    """

    def __init__(self, folder: Path, *, kept: bool = True) -> None:
        self.folder, self.kept = folder, kept
        self._writers: dict[str, Any] = {}
        self._begin: dict[str, int] = {}

    def rewind(self, stage: str, step: int) -> None:
        """Drop what was logged of a stage after an update, to be done again, and what cannot be read.

        Raises
        ------
        WriteError
            If the log cannot be read or written.
        """
        self._begin[stage] = step
        path = self.folder / LOG
        if not self.kept or not path.exists():
            return
        try:
            before = path.read_bytes()
        except OSError as error:
            raise WriteError(f"{path} cannot be read: {error.strerror}", remedy="check its permissions") from error
        after = b"".join(line for line in before.splitlines(keepends=True) if _holds(line, stage, step))
        if after != before:
            write_bytes(path, after)

    def add(self, figures: Mapping[str, Any]) -> None:
        """Log the figures of an update; ``stage``, and ``step`` or ``update``, say of which.

        Raises
        ------
        WriteError
            If they cannot be written.
        """
        if not self.kept:
            return
        path = self.folder / LOG
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(figures, sort_keys=True) + "\n")
            self._add_events(figures)
        except OSError as error:
            raise WriteError(
                f"{path} cannot be written: {error.strerror}", remedy="make room; the same command goes on"
            ) from error

    def close(self) -> None:
        """Close the event files."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def _add_events(self, figures: Mapping[str, Any]) -> None:
        if not events_available():
            return
        stage, step = str(figures.get("stage", "")), _step_of(figures)
        if stage not in self._writers:
            from torch.utils.tensorboard import SummaryWriter

            begin = self._begin.get(stage, 0)
            self._writers[stage] = SummaryWriter(
                str(self.folder / EVENTS / stage), purge_step=begin + 1 if begin else None, flush_secs=10
            )
        for name, value in _scalars(figures):
            self._writers[stage].add_scalar(name, value, step)
        self._writers[stage].flush()


def _holds(line: bytes, stage: str, step: int) -> bool:
    """Return whether a line of the log still holds when a stage goes on from an update."""
    if not line.endswith(b"\n"):
        return False
    try:
        figures = json.loads(line)
        return bool(figures.get("stage") != stage or _step_of(figures) <= step)
    except (ValueError, AttributeError, TypeError, RecursionError):
        return False


def _step_of(figures: Mapping[str, Any]) -> int:
    return int(figures.get("step", figures.get("update", 0)))


def _scalars(figures: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Yield the numbers among nested figures as ``group/name``."""
    for name, value in figures.items():
        if isinstance(value, Mapping):
            yield from _scalars(value, f"{prefix}{name}/")
        elif isinstance(value, (int, float)) and name not in ("step", "update"):
            yield f"{prefix}{name}", float(value)
