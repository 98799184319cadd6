"""The other half of some work, done meanwhile in another process, where there is a second core for it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Thread
from typing import Any, Final, TypeVar

from symgen.errors import one_line
from symgen.isolation import Caps, Failure, IsolationError, Scope, Stopped, run_isolated

Item = TypeVar("Item")

_LOG: Final = logging.getLogger(__name__)

_CAPS: Final = Caps(seconds=120.0, memory_bytes=4 << 30)
"""Time without a sign of life, and memory."""


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def halves(items: Sequence[Item], *, worth: bool, start: float = 0.0) -> tuple[list[Item], list[Item]]:
    """Return the items for this process and for another; none for that if it is not worth it or cannot be had.

    Parameters
    ----------
    items : sequence
        Alike in work.
    worth : bool
        Whether there is work enough for two.
    start : float
        How many items this process gets done until the other one has started.
    """
    if not worth or len(items) < 2 or cores() < 2 or os.name != "posix":
        return list(items), []
    half = min(len(items), (len(items) + 1 + int(start)) // 2)
    return list(items[:half]), list(items[half:])


@contextmanager
def elsewhere(function: str, items: Sequence[Any], shared: Any) -> Iterator[Callable[[], list[Any]]]:
    """Begin to run a function over items in another process; at the end of the block that process is done with.

    Parameters
    ----------
    function : str
        ``module:name``, as :func:`symgen.isolation.run_isolated` has it. It is called with all items as one, so that
        it can do them side by side, and yields one list.
    items : sequence
        Anything that can be pickled; with none, nothing is begun.
    shared : Any
        Handed to the function.

    Yields
    ------
    callable
        Waits and returns the list; empty if the process failed, which is logged as a warning. What is missing is the
        caller's to do again, and the error that lies behind it is raised there.
    """
    found: list[Any] = []
    reasons: list[str] = []
    defects: list[Exception] = []
    scope = Scope()

    def work() -> None:
        try:
            with scope:
                for _, result in run_isolated(function, [list(items)], shared, _CAPS):
                    if isinstance(result, Failure):
                        reasons.append(result.detail)
                    else:
                        found.extend(result)
        except Stopped:  # by whoever left the block, or closed all processes: seen only by who waits
            reasons.append("it was stopped")
        except IsolationError as error:
            reasons.append(str(error))
        except Exception as error:  # noqa: BLE001 - raised again where somebody waits
            defects.append(error)

    def wait() -> list[Any]:
        if thread is not None:
            thread.join()
        if defects:
            raise defects[0]
        for reason in reasons:
            _LOG.warning("the other process failed: %s; its share of the work is done again here", one_line(reason))
        return found

    thread = Thread(target=work, daemon=True) if items else None
    if thread is not None:
        thread.start()
    try:
        yield wait
    finally:
        scope.stop()
