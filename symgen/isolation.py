"""Functions run over items in a child process that can be killed: a bad item costs its caps and nothing else.

A C library that crashes, a parser that never ends or one that eats all memory cannot be stopped from within its
process. So the work is done in children of symgen's own, which are kept and used again. They are started as new
interpreters, never by fork (unsafe beside threads) and never through multiprocessing's spawn (it runs the user's
main module a second time).

What holds where: the cap of time holds on every POSIX system. The cap of memory is the kernel's ``RLIMIT_AS`` on
Linux, counted from the size that the child has when it begins on an item; elsewhere the parent looks at the
child's resident size every 0.1 s and kills it, where psutil is installed to tell that size.
"""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from symgen._children import POOL, START_SECONDS, Child, IsolationError, Stopped
from symgen._isolated import NO_MEMORY_STATUS, alive
from symgen.errors import one_line
from symgen.progress import Progress, silent

__all__ = ["Caps", "Failure", "IsolationError", "Scope", "Stopped", "alive", "close", "run_isolated"]


@dataclass(frozen=True, slots=True)
class Caps:
    """What one portion of work may take.

    Parameters
    ----------
    seconds : float
        Time on the clock, from the beginning or the last sign of life (:func:`alive`).
    memory_bytes : int
        Memory on top of what the child holds when the work begins.
    """

    seconds: float = 10.0
    memory_bytes: int = 2**30


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an item has no result.

    Parameters
    ----------
    code : str
        "cap-time", "cap-memory", "process-killed", or "internal-error" where the function itself raised.
    detail : str
        One line that names the cap and its value, or what ended the process.
    """

    code: str
    detail: str


class Scope:
    """Runs that are to end together; ``with scope:`` takes in the runs that begin inside it, in this thread."""

    _current = threading.local()

    def __init__(self) -> None:
        self.stopped = False
        self._children: set[Child] = set()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._current.stack = [*getattr(self._current, "stack", ()), self]
        return self

    def __exit__(self, *_: object) -> None:
        self._current.stack = self._current.stack[:-1]

    @classmethod
    def current(cls) -> Scope:
        """Return the innermost scope of this thread, or one for a single run."""
        stack = getattr(cls._current, "stack", ())
        return stack[-1] if stack else cls()

    def stop(self) -> None:
        """Kill the children at work in this scope; their runs raise :class:`Stopped`, from whichever thread."""
        self.stopped = True
        with self._lock:
            for child in self._children:
                child.shoot()

    def _add(self, child: Child) -> None:
        with self._lock:
            self._children.add(child)
        if self.stopped:
            child.shoot()

    def _remove(self, child: Child) -> None:
        with self._lock:
            self._children.discard(child)


def run_isolated(
    function: str,
    items: Sequence[Any],
    shared: Any,
    caps: Caps | None = None,
    *,
    warm_up: str = "",
    progress: Progress = silent,
) -> Iterator[tuple[int, Any | Failure]]:
    """Run a function over items in a child process; whatever an item does to that process, the others get their result.

    Parameters
    ----------
    function : str
        ``module:name`` of a generator function ``f(items, shared, working)`` that yields ``(index, result)`` with
        the index into the items *it was given*, in any order. It calls ``working(indices)`` before it begins on
        some items: the caps count from that call, and if they are passed or the process dies, these items are to
        blame. One is blamed at once; several are run again one by one until the culprit is found, and so are
        all where the function never calls ``working``. It may therefore be called with any part of the items.
    items : sequence
        Anything that can be pickled.
    shared : Any
        Handed to the function as it is; pickled once.
    caps : Caps, optional
        10 s and 1 GiB by default.
    warm_up : str
        ``module:name`` of a function without arguments that each child calls once, before any caps count.
    progress : Progress
        Told what the function says of itself by :func:`alive`.

    Yields
    ------
    tuple of int and Any or Failure
        Each item once: its index and its result, or why it has none. Results come as they are made.

    Raises
    ------
    IsolationError
        If no child can be started or the function or the items cannot be loaded there.
    Stopped
        If the scope of the run was stopped, or the program is ending.
    """
    run = _Run(
        function, items, pickle.dumps(shared), caps or Caps(), warm_up, Scope.current(), POOL.generation, progress
    )
    groups = deque([list(range(len(items)))])
    while groups:
        if group := groups.popleft():
            account = _Account(group)
            failure = yield from run.serve(account)
            blamed, again = account.verdict()
            for index in blamed:
                yield index, failure or Failure("internal-error", "the function gave no result")
            groups.extendleft(reversed(again))


def close() -> None:
    """Kill all children, idle or at work; the next run starts new ones."""
    POOL.close()


@dataclass(slots=True)
class _Account:
    """What is known of a group of items sent to a child."""

    group: list[int]
    left: dict[int, None] = field(default_factory=dict)
    at_work: list[int] | None = None

    def __post_init__(self) -> None:
        self.left = dict.fromkeys(self.group)

    def answer(self, local: int) -> int | None:
        """Note the result of an item; return its index, None if it is a second one."""
        index = self.group[local]
        if index not in self.left:
            return None
        del self.left[index]
        return index

    def verdict(self) -> tuple[list[int], list[list[int]]]:
        """Return the items to blame for the end of the run, and the groups to run again."""
        if not self.left or len(self.group) == 1:
            return list(self.left), []
        suspects = self.left if self.at_work is None else frozenset(self.at_work)
        guilty = [i for i in self.left if i in suspects]
        others = [i for i in self.left if i not in suspects]
        if len(guilty) == 1 and self.at_work is not None:
            return guilty, [others]
        if not guilty and len(others) == len(self.group):  # no progress: the same would only happen again
            return [], [[i] for i in others]
        return [], [*([i] for i in guilty), others]


@dataclass(frozen=True, slots=True)
class _Run:
    """One call of :func:`run_isolated`."""

    function: str
    items: Sequence[Any]
    shared: bytes
    caps: Caps
    warm_up: str
    scope: Scope
    generation: int
    progress: Progress

    def _check(self) -> None:
        if self.scope.stopped or POOL.generation != self.generation:
            raise Stopped

    def serve(self, account: _Account) -> Generator[tuple[int, Any], None, Failure | None]:
        """Yield the results of a group; return the Failure that ended it early, None if it came to its end.

        A child is given back to the pool only from here, at the end of all its work; in every other case,
        an abandoned generator too, it is killed.
        """
        self._check()
        child: Child | None = self._begin([self.items[index] for index in account.group])
        try:
            deadline = time.monotonic() + self.caps.seconds
            while child is not None:
                message = child.receive(deadline, self.caps.memory_bytes)
                self._check()
                if message[0] == "result":
                    index = account.answer(message[1])
                    paused = time.monotonic()
                    if index is not None:
                        yield index, message[2]
                    deadline += time.monotonic() - paused  # the child may have had to wait for us
                elif message[0] == "working":
                    account.at_work = [account.group[local] for local in message[1]]
                    deadline = time.monotonic() + self.caps.seconds
                elif message[0] == "alive":
                    deadline = time.monotonic() + self.caps.seconds
                    if message[1]:
                        self.progress(*message[1:])
                elif message[0] == "done":
                    self.scope._remove(child)
                    used, child = child, None
                    POOL.give(used, len(account.group), message[1])
                else:
                    return _failure(message, self.caps)
            return None
        finally:
            if child is not None:
                self.scope._remove(child)
                POOL.discard(child)

    def _begin(self, items: Sequence[Any]) -> Child:
        """Return a child that has begun on `items`. One that died while it was idle is no item's fault."""
        frames = [pickle.dumps((self.function, _folder(), self.caps.seconds, self.caps.memory_bytes))]
        frames += [self.shared, pickle.dumps(items)]
        for last_try in (False, True):
            child = POOL.take(self.warm_up, fresh=last_try)
            self.scope._add(child)
            try:
                child.send(frames)
                message = child.receive(time.monotonic() + START_SECONDS)
                if message[0] == "started":
                    return child
            except OSError:
                message = ("ended",)
            except BaseException:
                self.scope._remove(child)
                POOL.discard(child)
                raise
            self.scope._remove(child)
            POOL.discard(child)
            self._check()
            if message[0] == "broken":
                raise IsolationError(f"a child process cannot run {self.function}: {message[1]}")
        raise IsolationError(f"a child process ended while it loaded {self.function}")


def _failure(message: tuple[Any, ...], caps: Caps) -> Failure:
    """Return what a last message of a child means for the item that was at work."""
    kind, status = message[0], message[-1]
    sigxcpu = getattr(signal, "SIGXCPU", None)
    if kind == "time" or (kind == "ended" and sigxcpu is not None and status == -sigxcpu):
        return Failure("cap-time", f"took more than {caps.seconds:g} s (cap-time)")
    if kind == "memory" or (kind == "ended" and status == NO_MEMORY_STATUS):
        return Failure("cap-memory", f"needed more than {_size(caps.memory_bytes)} of memory (cap-memory)")
    if kind == "raised":
        return Failure("internal-error", one_line(f"internal error: {status}"))
    return Failure("process-killed", f"its process was ended by {_status(status)} (process-killed)")


def _status(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"


def _size(count: int) -> str:
    return f"{count / 2**30:g} GiB" if count >= 2**30 else f"{count / 2**20:g} MiB"


def _folder() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109 - handed over as text
    except OSError:
        return None
