"""The cluster's side of :mod:`symgen.engine`: a joblib backend over dask's workers, and what is checked before.

joblib has a backend for dask. It is not used, because with joblib 1.6 a task that fails for the scheduler, as that
whose workers all died does, is waited for without end; because a cluster of one thread is ignored and all is done
in this process; and because arguments above 1 KB are stored on one worker and lost with it.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
import queue
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import cloudpickle
from distributed import CancelledError, Client, KilledWorker
from distributed.comm.core import connect as connect_comm
from distributed.security import Security
from distributed.versions import VersionMismatchWarning
from joblib.parallel import ParallelBackendBase

from symgen._census import SAME, SAME_AT_WORK, ask, check
from symgen.errors import ClusterError, UsageError

CONNECT_SECONDS = 10.0
"""Within this the scheduler answers."""

WORKER_SECONDS = 8.0
"""Within this the first worker is there."""

LOST_SECONDS = 15.0
"""A cluster that had no worker, or whose scheduler did not answer, for so long is given up."""

_LOOK_SECONDS = 1.0

_AGAIN = "start the cluster and run again"

_CALL = f"__import__({__name__!r}, fromlist=['call']).call(payload)"
"""How workers are told to run :func:`call`: one that lacks symgen says so, and does not die over the message."""


@contextmanager
def connect(address: str, jobs: int | None) -> Iterator[ClusterBackend]:
    """Connect to a scheduler, check the cluster, and yield a joblib backend that runs tasks there.

    Raises
    ------
    UsageError
        If no scheduler answers.
    ClusterError
        If there are no workers, or versions differ.
    """
    client = _open(address)
    log = logging.getLogger("distributed.client")
    log.addFilter(_said_by_us)
    try:
        check("the scheduler", ask(client, scheduler=True), SAME)
        try:
            client.wait_for_workers(1, timeout=WORKER_SECONDS)
        except TimeoutError as error:
            raise ClusterError(
                f"the scheduler at {address} has no workers", remedy=f"start some with: dask worker {address}"
            ) from error
        workers = ask(client)
        for name, found in sorted(workers.items()):
            check(f"worker {name}", found, SAME_AT_WORK)
        backend = ClusterBackend(client, jobs or 2 * sum(client.nthreads().values()), workers)
        try:
            yield backend
        finally:
            backend.end()
    finally:
        with suppress(Exception):
            client.close(timeout=5)  # what the cluster has not begun is forgotten there
        log.removeFilter(_said_by_us)


def _said_by_us(record: logging.LogRecord) -> bool:
    """Drop what dask's client logs, tracebacks too, when the cluster is lost: it becomes one error."""
    return False


def _open(address: str) -> Client:
    """Connect a client. dask's own waits for ever if what listens there says nothing: it is called upon first."""

    async def call() -> None:
        arguments = Security().get_connection_args("client")
        comm = await asyncio.wait_for(connect_comm(address, CONNECT_SECONDS, **arguments), CONNECT_SECONDS)
        await comm.close()

    try:
        with ThreadPoolExecutor(1) as thread:  # this one may have an event loop already, in a notebook
            thread.submit(asyncio.run, call()).result()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", VersionMismatchWarning)  # what matters is checked, and said as an error
            return Client(address, timeout=CONNECT_SECONDS, set_as_default=False, name="symgen")
    except Exception as error:
        raise UsageError(
            f"no scheduler answers at {address} ({type(error).__name__}: {error})",
            expected=f"dask's within {CONNECT_SECONDS:g} s",
            remedy="start one with: dask scheduler",
        ) from error


@dataclass(slots=True, eq=False)
class _Ticket:
    """A task under way."""

    callback: Callable[[Any], None]
    payload: bytes = b""
    future: Any = None
    error: Exception | None = None
    tries: int = 0


class ClusterBackend(ParallelBackendBase):  # type: ignore[misc]
    """Runs joblib's tasks on the workers of dask.

    One thread of this process hands results to joblib and looks after the cluster while none come; it alone calls
    joblib back, and nothing it waits for is without a limit of time.

    Parameters
    ----------
    client : distributed.Client
        Open, with at least one worker.
    jobs : int
        Tasks in progress at the same time.
    checked : iterable of str
        Addresses of the workers that have been checked.
    """

    supports_retrieve_callback = True

    def __init__(self, client: Client, jobs: int, checked: Iterable[str]) -> None:
        super().__init__()
        self.jobs = jobs
        self._client, self._checked = client, set(checked)
        self._tickets: set[_Ticket] = set()
        self._done: queue.SimpleQueue[_Ticket | None] = queue.SimpleQueue()
        self._failed: ClusterError | None = None
        self._looked_at = self._well_at = time.monotonic()
        self._courier = threading.Thread(target=self._deliver, name="symgen-cluster", daemon=True)
        self._courier.start()

    def effective_n_jobs(self, n_jobs: int) -> int:
        """Return the number of tasks in progress; never 1, which would mean to do them in this process."""
        return max(2, self.jobs)

    def submit(self, func: Any, callback: Callable[[Any], None] | None = None) -> _Ticket:
        """Send one batch of calls to the cluster. What goes wrong comes back by `callback` too."""
        assert callback is not None
        ticket = _Ticket(callback)
        self._tickets.add(ticket)
        try:
            ticket.payload = cloudpickle.dumps(func.items)
        except Exception as error:  # noqa: BLE001 - of the tasks' own pickling; raised where results are taken
            ticket.error = error
        self._send(ticket)
        return ticket

    apply_async = submit  # what joblib 1.4 calls it

    def retrieve_result_callback(self, out: Any) -> Any:
        """Return the results of a batch, or raise."""
        if isinstance(out, BaseException):
            raise out
        return out

    def abort_everything(self, ensure_ready: bool = True) -> None:
        """Forget what is under way."""
        self._tickets.clear()

    def end(self) -> None:
        """Stop the thread of this backend."""
        self._tickets.clear()
        self._done.put(None)
        self._courier.join(timeout=5)

    def _send(self, ticket: _Ticket) -> None:
        ticket.error = ticket.error or self._failed
        if ticket.error is None:
            try:
                ticket.future = self._client.submit(
                    eval, _CALL, {"payload": ticket.payload}, key=f"symgen-{uuid4().hex}", priority=-ticket.tries
                )
                ticket.future.add_done_callback(lambda _: self._done.put(ticket))
                return
            except Exception:  # noqa: BLE001 - the client has closed itself
                ticket.error = _lost()
        self._done.put(ticket)

    def _deliver(self) -> None:
        """Hand results to joblib as they come, until None comes."""
        while True:
            with suppress(queue.Empty):
                ticket = self._done.get(timeout=_LOOK_SECONDS)
                if ticket is None:
                    return
                out = self._outcome(ticket)
                if out is not None and ticket in self._tickets:
                    self._tickets.discard(ticket)
                    ticket.callback(out)
            if time.monotonic() - self._looked_at > _LOOK_SECONDS:
                self._look()

    def _outcome(self, ticket: _Ticket) -> list[Any] | BaseException | None:
        """Return the results of a ticket's batch, or what it raised, or None if it is under way again."""
        if ticket.error is not None or ticket not in self._tickets:
            return ticket.error
        try:
            raised, value = ticket.future.result(timeout=5)
        except KilledWorker as error:
            ticket.tries += 1
            if ticket.tries > 1:
                return [_killed(error)]
            self._send(ticket)  # it may only have waited on workers that others killed: once more, after those
            return None
        except TimeoutError:  # its worker was lost with the result, and it is being made again
            ticket.future.add_done_callback(lambda _: self._done.put(ticket))
            return None
        except CancelledError:
            return _lost()
        except Exception as error:  # noqa: BLE001 - whatever dask has to say; what the function raised is in `raised`
            return ClusterError(f"the cluster could not run a task ({type(error).__name__}: {error})")
        answer: list[Any] | BaseException = raised or value
        return answer

    def _look(self) -> None:
        """Give up if the cluster has been lost for too long, or a worker has come that must not work here."""
        try:
            workers = self._client.sync(self._list_workers, callback_timeout=5)
        except Exception:  # noqa: BLE001 - of many kinds, and all mean that the scheduler does not answer
            workers = None
        self._looked_at = time.monotonic()
        if workers:
            self._well_at = self._looked_at
            self._failed = self._failed or self._check_new(workers)
        elif self._looked_at - self._well_at > LOST_SECONDS:
            what = "all workers were lost" if workers is not None else "dask's scheduler does not answer any more"
            self._failed = ClusterError(f"{what}, for {LOST_SECONDS:g} s", remedy=_AGAIN)
        if self._failed is not None:
            for ticket in tuple(self._tickets):
                self._tickets.discard(ticket)
                ticket.callback(self._failed)

    async def _list_workers(self) -> set[str]:
        return set(await self._client.nthreads())

    def _check_new(self, workers: set[str]) -> ClusterError | None:
        """Return what is wrong with workers that came after the check, or None."""
        new = workers - self._checked
        if not new:
            return None
        with suppress(ClusterError):  # gone again, or still starting: asked again next time
            answers = {name: found for name, found in ask(self._client, new).items() if isinstance(found, dict)}
            self._checked |= set(answers)
            try:
                for name, found in sorted(answers.items()):
                    check(f"worker {name}", found, SAME_AT_WORK)
            except ClusterError as error:
                return error
        return None


def _lost() -> ClusterError:
    return ClusterError("the connection to dask's scheduler was lost amid the work", remedy=_AGAIN)


def _killed(error: KilledWorker) -> ClusterError:
    return ClusterError(
        f"the workers that tried this task were killed, {2 * (error.allowed_failures + 1)} times",
        remedy="look into the logs of the workers",
    )


def call(payload: bytes) -> tuple[BaseException | None, list[Any]]:
    """Run calls on a worker. What they raise is a result too: errors of the cluster itself stay apart from it."""
    try:
        return None, [function(*args, **keywords) for function, args, keywords in pickle.loads(payload)]  # noqa: S301
    except Exception as error:  # noqa: BLE001 - raised again where the results are taken
        try:
            pickle.loads(pickle.dumps(error))  # noqa: S301 - whether it survives the way
        except Exception:  # noqa: BLE001
            return RuntimeError(f"{type(error).__name__}: {error}"), []
        return error, []
