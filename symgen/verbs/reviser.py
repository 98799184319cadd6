"""What the verbs that take up music have in common, said once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from symgen.instruments import ships
from symgen.origin import Ancestor, Made, lineage_of, plain_request
from symgen.progress import Progress, silent
from symgen.score import Score
from symgen.takes.delivery import deliver, piece
from symgen.takes.take import ComposeResult, Take
from symgen.verbs.request import Revision, given_in
from symgen.verbs.revising import Write, revise
from symgen.verbs.sources import Source
from symgen.verbs.task import TaskOf

if TYPE_CHECKING:
    from symgen.writers import Format


R = TypeVar("R", bound=Revision)


@dataclass(frozen=True, slots=True)
class Reviser(Generic[R]):
    """A verb that takes up music: all that is its own; the rest is the same for each of them.

    It is a :class:`symgen.verbs.Verb`.

    Parameters
    ----------
    name : str
        As in the command line, in file names and in records.
    request : type
        Class of its requests.
    opened : callable
        Checks a request and opens its source.
    task_of : callable
        Checks a request on its source, and gives the tasks of the takes.
    write : callable, optional
        Does a task; by default the best of several drafts that keep every promise is put into the source.
    """

    name: str
    request: type[R]
    opened: Callable[[R, Progress], Source]
    task_of: Callable[[R, Source], TaskOf]
    write: Write | None = None

    def results(self, request: R) -> ComposeResult:
        """Return the takes of a request without writing files."""
        source = self.opened(request, silent)
        return ComposeResult(tuple(self._takes(request, source, silent)), source.remarks)

    def files(self, request: R, progress: Progress = silent) -> ComposeResult:
        """Write the takes of a request to files, ``<source>-<verb>-<seed>-<take>``."""
        source = self.opened(request, progress)
        stem = Path(source.name).stem or "score"
        return deliver(
            request,
            self.name,
            lambda: self._takes(request, source, progress),
            lambda take: f"{stem}-{self.name}-{take.seed}-{take.take}",
            piece_of=lambda take, writer: recorded(take, self.name, request, source.given, writer),
            source=request.source if isinstance(request.source, Path) else None,
            remarks=source.remarks,
        )

    def retake(self, request: R, take: int, progress: Progress = silent) -> Take:
        """Return a take of a request anew, by its number."""
        return next(self._takes(request, self.opened(request, progress), progress, only=take))

    def made(self, take: Take, request: R) -> Made:
        """Return what goes into the file of a take, and its origin."""
        return recorded(take, self.name, request, given_in(request))

    def _takes(self, request: R, source: Source, progress: Progress, only: int | None = None) -> Iterator[Take]:
        return revise(request, source, self.task_of(request, source), progress, self.write, only)


def source_of(source: Path | str | Score) -> Path | Score:
    """Return a source as a request has it."""
    return source if isinstance(source, Score) else Path(source)


def recorded(take: Take, verb: str, request: Revision, given: Score | Ancestor, writer: Format | None = None) -> Made:
    """Return what goes into the file of a take, and its origin: it holds the source, so that it can be made again.

    Parameters
    ----------
    take : Take
        What was made.
    verb : str
        What made it.
    request : Revision
        What was asked for.
    given : Score or Ancestor
        What is kept of the source.
    writer : Format, optional
        How it is written; by default as the request says.
    """
    from symgen import writers

    if writer is None:
        writer = writers.choose_format(request.format, None, request.layout)
    assert take.promise is not None
    tuning = take.promise.tuning
    kept = tuning.name if ships(take.promise.instrument, tuning) else tuning
    plain = plain_request(request, seed=take.seed, source=given, style=take.style, tuning=kept, piece=1)
    lineage = lineage_of(request.source) if isinstance(request.source, Path) else ()
    return piece(take, verb, plain, writer, request.layout, lineage)
