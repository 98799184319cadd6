"""The child's side of :mod:`symgen.isolation`: requests come in on stdin, what becomes of them goes out on stdout.

Both ends of the pipes are symgen's own. A frame is eight bytes of length and a pickle. Before anything else runs,
the two pipes are moved to descriptors of their own and 0, 1 and 2 lead to the null device: whatever a parser
prints, from Python or from C, reaches neither the protocol nor the terminal.
"""

from __future__ import annotations

import contextlib
import importlib
import math
import os
import pickle
import queue
import signal
import struct
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from symgen.progress import Progress

try:
    import fcntl
    import resource
except ImportError:  # not POSIX
    fcntl = resource = None  # type: ignore[assignment]

HEADER = struct.Struct("!Q")
"""Length of a frame's pickle in bytes."""

NO_MEMORY_STATUS = 77
"""Exit status of a child that has no memory left even to say so."""

_LAST = frozenset({"broken", "done", "memory", "raised"})
"""Messages that end a request."""

_SPARE_CPU_SECONDS = 5
"""The kernel ends a child that computed for so much longer than twice its cap: the last resort against orphans."""


def write_frame(descriptor: int, *pickles: bytes) -> None:
    """Write frames to a pipe, all of them or an error."""
    data = memoryview(b"".join(part for pickled in pickles for part in (HEADER.pack(len(pickled)), pickled)))
    while data:
        data = data[os.write(descriptor, data) :]


def read_frame(descriptor: int) -> bytes:
    """Read one frame from a pipe; raises EOFError where the other end is gone."""
    (size,) = HEADER.unpack(_read(descriptor, HEADER.size))
    return _read(descriptor, size)


def _read(descriptor: int, size: int) -> bytes:
    parts = []
    while size:
        part = os.read(descriptor, min(size, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def find_function(name: str) -> Callable[..., Any]:
    """Return the function that ``module:name`` names."""
    module, _, attribute = name.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    return found


ALIVE_SECONDS = 0.5
"""A sign of life is passed on at most so often."""

_pulse: Progress | None = None


def alive(message: str = "", done: int = 0, total: int = 0) -> None:
    """Say that the item at work gets on: its cap of time, not that of memory, counts from now.

    For work that is long by right, such as an hour of sound, where it is done in short steps. Whoever calls this
    must make sure that there is an end to the steps. A message goes to the parent's progress, so this is itself a
    :class:`~symgen.progress.Progress`. Outside a child of :mod:`symgen.isolation` nothing happens.
    """
    if _pulse is not None:
        _pulse(message, done, total)


def main(warm_up: str, cap_itself: bool) -> None:
    """Serve requests until the parent closes the pipe.

    Parameters
    ----------
    warm_up : str
        ``module:name`` of a function called once before anything counts, or "".
    cap_itself : bool
        Whether to limit the address space by ``RLIMIT_AS`` where that works.
    """
    for name in ("SIGINT", "SIGTSTP"):  # Ctrl-C and Ctrl-Z are the parent's to answer
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    pipes = _take_pipes()
    limits = _Limits(cap_itself)
    try:
        if warm_up:
            find_function(warm_up)()
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent has to know
        write_frame(pipes[1], pickle.dumps(("broken", f"{warm_up}: {_text(error)}")))
        return
    requests: queue.SimpleQueue[tuple[bytes, bytes, bytes]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(pipes[0], requests), daemon=True).start()
    write_frame(pipes[1], pickle.dumps(("ready", limits.hold_memory, resident_bytes())))
    while True:
        request = requests.get()
        _end_with_parent(pipes[0], True)
        _serve(request, pipes, limits)


def _take_pipes() -> tuple[int, int]:
    """Move the pipes away from stdin and stdout, which lead nowhere from now on."""
    pipes = os.dup(0), os.dup(1)  # not inherited by what a parser may start
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    os.close(nowhere)
    return pipes


def _listen(descriptor: int, requests: queue.SimpleQueue[tuple[bytes, bytes, bytes]]) -> None:
    """Hand requests to the main thread, and end the process at once when the parent is gone, also amid work."""
    try:
        while True:
            requests.put((read_frame(descriptor), read_frame(descriptor), read_frame(descriptor)))
    finally:
        os._exit(0)


def _end_with_parent(descriptor: int, wanted: bool) -> None:
    """Let the kernel end this process when the parent's end of the pipe closes, whatever it is busy with.

    The thread that listens needs the interpreter's lock to notice, and a C function may hold that for ever. With
    ``O_ASYNC`` the kernel sends SIGIO when something happens on the pipe, which ends a process that has no handler.
    While a request is served, the only thing that can happen there is that the parent ends.
    """
    if fcntl is not None and hasattr(os, "O_ASYNC"):
        with contextlib.suppress(OSError):
            flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
            fcntl.fcntl(descriptor, fcntl.F_SETOWN, os.getpid())
            fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | os.O_ASYNC if wanted else flags & ~os.O_ASYNC)


def _serve(request: tuple[bytes, bytes, bytes], pipes: tuple[int, int], limits: _Limits) -> None:
    """Run one request: send ("started",), then ("working", ...) and ("result", ...), then how it ended."""

    def send(*message: Any) -> None:
        if message[0] in _LAST:  # the parent may write again as soon as it has this
            _end_with_parent(pipes[0], False)
        write_frame(pipes[1], pickle.dumps(message, pickle.HIGHEST_PROTOCOL))

    def working(indices: Sequence[int]) -> None:
        limits.begin(seconds, memory_bytes)
        send("working", [int(index) for index in indices], limits.base())

    try:
        name, folder, seconds, memory_bytes = pickle.loads(request[0])  # noqa: S301 - our own parent's
        with contextlib.suppress(OSError, TypeError):
            os.chdir(folder)
        function = find_function(name)
        shared, items = (pickle.loads(part) for part in request[1:])  # noqa: S301
    except Exception as error:  # noqa: BLE001 - no item is to blame: the parent raises it
        send("broken", _text(error))
        return
    said = (time.monotonic(), "")

    def pulse(message: str = "", done: int = 0, total: int = 0) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said[0] >= min(ALIVE_SECONDS, seconds / 4) or (message and message != said[1]):
            said = (now, message)
            limits.allow(seconds)
            send("alive", message, done, total)

    global _pulse
    send("started", limits.base())
    _pulse = pulse
    try:
        limits.begin(seconds, memory_bytes)
        for index, result in function(items, shared, working):
            send("result", index, result)
        limits.lift()
        send("done", resident_bytes())
    except MemoryError:
        _say_memory(send, limits)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a defect that one item shows must not stop the others
        limits.lift()
        send("raised", _text(error))
    finally:
        _pulse = None


def _say_memory(send: Callable[..., None], limits: _Limits) -> None:
    try:
        limits.lift()
        send("memory")
    except MemoryError:
        os._exit(NO_MEMORY_STATUS)


class _Limits:
    """The kernel's limits, counted anew for each portion of work."""

    def __init__(self, cap_itself: bool) -> None:
        # Only where the size of the address space is known can what is added to it be limited: Linux.
        self.hold_memory = cap_itself and resource is not None and address_space_bytes() > 0 and self._works()

    def begin(self, seconds: float, memory_bytes: int) -> None:
        """Allow so much processor time and memory from now on."""
        if resource is None:
            return
        if self.hold_memory:
            self._soft(resource.RLIMIT_AS, address_space_bytes() + memory_bytes)
        self.allow(seconds)

    def allow(self, seconds: float) -> None:
        """Allow so much processor time from now on."""
        if resource is None:
            return
        usage = resource.getrusage(resource.RUSAGE_SELF)
        used = usage.ru_utime + usage.ru_stime
        self._soft(resource.RLIMIT_CPU, math.ceil(used + 2 * seconds) + _SPARE_CPU_SECONDS)

    def base(self) -> int:
        """Return the resident size for the parent to count from, 0 where it has nothing to watch."""
        return 0 if self.hold_memory else resident_bytes()

    def lift(self) -> None:
        """Allow everything."""
        if resource is not None:
            for kind in (resource.RLIMIT_AS, resource.RLIMIT_CPU):
                self._soft(kind, resource.getrlimit(kind)[1])

    def _works(self) -> bool:
        try:
            resource.setrlimit(resource.RLIMIT_AS, resource.getrlimit(resource.RLIMIT_AS))
        except (OSError, ValueError):
            return False
        return True

    @staticmethod
    def _soft(kind: int, value: int) -> None:
        hard = resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY and (value == resource.RLIM_INFINITY or value > hard):
            value = hard
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(kind, (value, hard))


def address_space_bytes(process: int | str = "self") -> int:
    """Return the virtual size of a process in bytes, 0 where the system does not tell it as Linux does."""
    return _statm(process, 0)


def resident_bytes(process: int | str = "self") -> int:
    """Return the resident size of a process in bytes, by ``/proc`` or psutil; 0 if neither tells it."""
    if size := _statm(process, 1):
        return size
    try:
        import psutil

        return int(psutil.Process(None if process == "self" else int(process)).memory_info().rss)
    except Exception:  # noqa: BLE001 - not installed, or no such process any more
        return 0


def _statm(process: int | str, column: int) -> int:
    try:
        with open(f"/proc/{process}/statm", "rb") as text:  # noqa: PTH123 - called for every file: no Path
            return int(text.read().split()[column]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError, AttributeError):
        return 0


def _text(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "", cap_itself=True)
