"""One function over many tasks, in order, on this machine or on many: joblib's one code path.

The function is expected to hand its work to a child process (:mod:`symgen.isolation`), so on this machine threads
are enough to keep `jobs` children busy. On a cluster the workers of dask take the place of these threads; symgen
brings its own joblib backend for them, and :mod:`symgen._cluster` says why joblib's own will not do.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from typing import Any, Self, TypeVar

from symgen.errors import ClusterError, UsageError, one_line
from symgen.isolation import Scope

ENGINES = ("local", "dask")
"""Where tasks can run."""

MOST_JOBS = 1024
"""More threads than that, each with a child, are a slip of the finger."""

BACKLOG = 6
"""No task begins while the oldest unfinished one has so many times `jobs` tasks behind it."""

Task = TypeVar("Task")
Result = TypeVar("Result")


def ordered_map(
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    *,
    jobs: int | None = None,
    engine: str = "local",
    scheduler: str | None = None,
) -> Iterator[Result | ClusterError]:
    """Call a function on each task and yield the results in the order of the tasks.

    Tasks are drawn as they are needed: never more than ``BACKLOG * jobs`` are drawn and not yet yielded, so memory
    does not grow with their number.

    Parameters
    ----------
    function : callable
        For dask it and the tasks must be picklable, and calling it twice must do no harm: the task of a worker that
        is lost is given to another one.
    tasks : iterable
        One argument each. They may be drawn in any thread, in one at a time.
    jobs : int, optional
        Tasks in progress at the same time: 1 by default, on a cluster two for each thread of its workers.
    engine : str
        "local" or "dask".
    scheduler : str, optional
        Address of dask's scheduler, as ``tcp://host:8786``.

    Yields
    ------
    Result or ClusterError
        What the function returned. What it raises is raised here. A task on which dask's workers died again and
        again has a ClusterError for its result, and the others go on.

    Raises
    ------
    UsageError
        At once, if there is no such engine, its library is missing or its address does not fit; on the first step,
        if the scheduler cannot be reached within 10 s.
    ClusterError
        If scheduler or workers lack symgen or have another version (within 30 s), or all workers are lost.
    """
    check_engine(jobs, engine, scheduler)
    if scheduler is None:
        return _local(function, iter(tasks), jobs or 1)
    return _on_cluster(function, iter(tasks), jobs, scheduler)


def check_engine(jobs: int | None, engine: str, scheduler: str | None) -> None:
    """Make sure before any work that tasks could be run so.

    Raises
    ------
    UsageError
        If there is no such engine, its library is missing, its address does not fit, or there are too many jobs.
    """
    if engine not in ENGINES:
        raise UsageError(f"engine {engine!r}", expected=f"one of {', '.join(ENGINES)}")
    if jobs is not None and not 1 <= jobs <= MOST_JOBS:
        raise UsageError(f"{jobs} jobs", expected=f"1 or more, {MOST_JOBS} at most")
    if engine == "local":
        if scheduler:
            raise UsageError(f"scheduler {one_line(scheduler)} with engine local", remedy="add --engine dask")
    elif not scheduler:
        raise UsageError("engine dask without a scheduler", remedy="name it: --scheduler tcp://HOST:8786")
    elif find_spec("distributed") is None:
        raise UsageError("engine dask without the library distributed", remedy="pip install 'symgen[cluster]'")


def _local(function: Callable[[Any], Any], tasks: Iterator[Any], jobs: int) -> Iterator[Any]:
    """Run tasks in threads. However it ends, no child of theirs works on."""
    scope = Scope()

    def call(task: Any) -> Any:
        with scope:
            return function(task)

    try:
        yield from _waves(call, tasks, jobs, "threading")
    finally:
        scope.stop()


def _on_cluster(
    function: Callable[[Any], Any], tasks: Iterator[Any], jobs: int | None, scheduler: str
) -> Iterator[Any]:
    from symgen._cluster import connect

    with connect(scheduler, jobs) as backend:
        yield from _waves(function, tasks, backend.jobs, backend)


def _waves(function: Callable[[Any], Any], tasks: Iterator[Any], jobs: int, backend: Any) -> Iterator[Any]:
    """Yield what joblib makes of the tasks.

    joblib yields lazily, but goes on to draw tasks however many results wait to be taken. Blocking it where it draws
    would deadlock, so beyond the backlog its supply ends there, it comes to its end, and the next wave begins. With
    tasks of about one length and a consumer that keeps up there is only one wave.
    """
    from joblib import Parallel, delayed

    supply = _Supply(tasks, BACKLOG * jobs)
    call = delayed(function)
    in_advance = 2 * jobs if backend == "threading" else jobs  # with threads, so that none waits for its next
    while not supply.over:
        parallel = Parallel(jobs, backend=backend, return_as="generator", batch_size=1, pre_dispatch=in_advance)
        with _quietly_closing(parallel(call(task) for task in supply)) as results:
            for result in results:
                supply.taken += 1
                yield result


class _Supply:
    """The tasks, until `limit` of them are drawn and their results not taken; then it ends, for the time being."""

    def __init__(self, tasks: Iterator[Any], limit: int) -> None:
        self._tasks, self._limit = tasks, limit
        self._drawn = self.taken = 0
        self.over = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        if self._drawn - self.taken >= self._limit:
            raise StopIteration
        try:
            task = next(self._tasks)
        except BaseException:
            self.over = True
            raise
        self._drawn += 1
        return task


@contextmanager
def _quietly_closing(results: Any) -> Iterator[Iterator[Any]]:
    """Close joblib's generator at the end. Whoever stops early means to: joblib's warning about it is not wanted."""
    with closing(results):
        try:
            yield results
        finally:
            with warnings.catch_warnings():
                warnings.filterwarnings(
                    "ignore", r".*tasks (have been successfully executed|which were still)", UserWarning
                )
                results.close()
