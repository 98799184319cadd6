"""The parent's side of :mod:`symgen.isolation`: child processes, and the pool that keeps them."""

from __future__ import annotations

import atexit
import json
import os
import pickle
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from symgen._isolated import HEADER, resident_bytes, write_frame
from symgen.errors import SymgenError

START_SECONDS = 300.0
"""How long a child may take to start and warm up: libraries on a slow disk, compiled code made for the first time."""

ITEMS_A_CHILD = 5_000
"""A child is replaced after so many items."""

GROWTH_BYTES = 512 * 2**20
"""A child is replaced when its resident size has grown by so much: parsers keep what they once held."""

IDLE_CHILDREN = 16
"""So many idle children are kept at most."""

_LOOK_SECONDS = 0.1
"""How often the parent looks at the size of a child that cannot limit itself."""

_CAP_THEMSELVES = True
"""Whether children may limit their memory themselves; turned off to test the other way."""

_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
}
"""Environment of a child: pools of threads would eat address space, and the parent already runs several children."""

_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from symgen._isolated import main; main(sys.argv[2], sys.argv[3] == 'True')"
)


class IsolationError(SymgenError):
    """A child that cannot be started, or that cannot load what it is to run."""


class Stopped(Exception):  # noqa: N818 - no error: somebody asked for it
    """Raised in a run whose scope was stopped."""


class Child:
    """A process that serves requests, and the two pipes that lead to it."""

    def __init__(self, warm_up: str) -> None:
        self.warm_up = warm_up
        self.items = 0
        self._buffer = bytearray()
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _START, _search_path(), warm_up, str(_CAP_THEMSELVES)],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | _ONE_THREAD | {"PYTHONUTF8": str(sys.flags.utf8_mode)},
            start_new_session=True,  # keys pressed in the terminal reach the parent alone; what it starts dies with it
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        self._poll = select.poll()
        self._poll.register(self._out, select.POLLIN)
        self.caps_itself = True
        self.resident_at_start = self._base = 0

    def wait_ready(self) -> None:
        """Wait until the child has warmed up."""
        message = self.receive(time.monotonic() + START_SECONDS)
        if message[0] != "ready":
            why = {"broken": f": {message[-1]}", "time": f" within {START_SECONDS:g} s"}.get(message[0], "")
            raise IsolationError(
                f"a child process of symgen did not start{why}",
                remedy=f"see whether {sys.executable} -m symgen._isolated starts and waits",
            )
        self.caps_itself, self.resident_at_start = message[1:]

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def send(self, frames: Sequence[bytes]) -> None:
        """Send a request; raises BrokenPipeError where the child is gone."""
        write_frame(self._in, *frames)

    def receive(self, deadline: float, memory_bytes: int = 0) -> tuple[Any, ...]:
        """Return the next message.

        It is ("time",) if there is none at `deadline` (on the monotonic clock), ("memory",) if the child has grown
        beyond `memory_bytes` and cannot limit itself, and ("ended", status) if the process is gone. What has been
        sent by then is taken first.
        """
        while (frame := self._take_frame()) is None:
            left = deadline - time.monotonic()
            step = max(0.0, left if self.caps_itself else min(left, _LOOK_SECONDS))
            if self._poll.poll(1000 * step):
                part = os.read(self._out, 1 << 20)
                if not part:
                    return "ended", self.end()
                self._buffer += part
            elif time.monotonic() >= deadline:
                return ("time",)
            elif (
                memory_bytes and not self.caps_itself and resident_bytes(self._process.pid) - self._base > memory_bytes
            ):
                return ("memory",)
        try:
            message: tuple[Any, ...] = pickle.loads(frame)  # noqa: S301 - our own child's
        except Exception as error:  # noqa: BLE001 - a result that only the child can load
            return "raised", f"{type(error).__name__}: {error}"
        if message[0] in ("started", "working"):
            self._base = message[-1]
        return message

    def _take_frame(self) -> bytes | None:
        if len(self._buffer) < HEADER.size:
            return None
        end = HEADER.size + HEADER.unpack_from(self._buffer)[0]
        if len(self._buffer) < end:
            return None
        frame = bytes(memoryview(self._buffer)[HEADER.size : end])
        del self._buffer[:end]
        return frame

    def shoot(self) -> None:
        """Kill the process and what it started, from any thread; its pipes stay open until :meth:`bury`."""
        with self._lock:
            if self._process.returncode is None:
                try:
                    os.killpg(self._process.pid, signal.SIGKILL)
                except (ProcessLookupError, PermissionError):
                    self._process.kill()

    def end(self) -> int:
        """Kill the process, reap it and return its status: that of its own end, if it came before."""
        self.shoot()
        with self._lock:
            return self._process.wait()

    def bury(self) -> None:
        """Kill, reap, and close the pipes: nothing of the child is left."""
        self.end()
        self.let_go()

    def let_go(self) -> None:
        """Close the pipes. This alone is right in a fork of the parent: the child belongs to the other one."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        if self._process.returncode is None:
            self._process.returncode = 0  # so that nobody waits for it, or complains that nobody has


class Pool:
    """The children of this process. Every child is in `_all`; those without work are in `_idle` too."""

    def __init__(self) -> None:
        self.generation = 0
        self._ended = False
        self._renew()

    def _renew(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[Child] = []
        self._all: set[Child] = set()

    def take(self, warm_up: str, *, fresh: bool = False) -> Child:
        """Return an idle child that has been warmed up in this way, or a new one."""
        while not fresh and (child := self._pick(warm_up)) is not None:
            if child.alive:
                return child
            self.discard(child)
        if self._ended:
            raise Stopped
        child = Child(warm_up)
        with self._lock:
            self._all.add(child)
        try:
            child.wait_ready()
        except BaseException:
            self.discard(child)
            raise
        return child

    def _pick(self, warm_up: str) -> Child | None:
        with self._lock:
            found = next((child for child in reversed(self._idle) if child.warm_up == warm_up), None)
            if found is not None:
                self._idle.remove(found)
            return found

    def give(self, child: Child, items: int, resident: int) -> None:
        """Take back a child that has done its work, unless it is worn."""
        child.items += items
        with self._lock:
            worn = child.items >= ITEMS_A_CHILD or resident - child.resident_at_start > GROWTH_BYTES
            keep = not worn and not self._ended and len(self._idle) < IDLE_CHILDREN
            if keep:
                self._idle.append(child)
        if not keep:
            self.discard(child)

    def discard(self, child: Child) -> None:
        """Kill a child that is not idle."""
        child.bury()
        with self._lock:
            self._all.discard(child)

    def close(self, *, for_good: bool = False) -> None:
        """Kill every child. Those at work are buried by the thread that waits for them, whose run is stopped."""
        self.generation += 1
        self._ended = for_good
        with self._lock:
            idle, self._idle = self._idle, []
            busy = self._all - set(idle)
        for child in busy:
            child.shoot()
        for child in idle:
            self.discard(child)
        for child in busy:
            child.end()

    def forget(self) -> None:
        """Start anew in a fork of this process."""
        for child in self._all:
            child.let_go()
        self._renew()


POOL = Pool()
atexit.register(POOL.close, for_good=True)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=POOL.forget)


def _search_path() -> str:
    return json.dumps([entry for entry in sys.path if isinstance(entry, str)])
