"""What the tests of isolation and engine run in other processes. Loads nothing, so that children start fast."""

import ctypes
import os
import signal
import sys
import time
from pathlib import Path

from symgen._isolated import alive

HELD = []


def squares(items, shared, working):
    """Yield squares; an item that is a word does what it says."""
    for index, item in enumerate(items):
        working([index])
        yield index, do(item, shared)


def in_batches(items, shared, working):
    """Announce all items at once; yield the numbers' squares together and do the words after that, as one."""
    working(range(len(items)))
    results = [(index, do(item, shared)) for index, item in enumerate(items)]
    yield from results


def silently(items, shared, working):
    """Never say what is at work."""
    for index, item in enumerate(items):
        yield index, do(item, shared)


def two_of_three(items, shared, working):
    """Give no result for what is divisible by 3."""
    for index, item in enumerate(items):
        working([index])
        if item % 3:
            yield index, item


def after_all(items, shared, working):
    """Die when every result has been given."""
    working(range(len(items)))
    yield from enumerate(items)
    os._exit(4)


def do(item, shared):
    if isinstance(item, str):
        return DEEDS[item](shared)
    return item * item + (shared or 0)


def hog(shared):
    return len(bytearray(512 * 2**20))


def hog_slowly(shared):
    HELD.extend(bytearray(b"x" * 2**20) for _ in range(200))
    time.sleep(30)


def noise(shared):
    print("noise from Python", flush=True)
    print("noise from Python", file=sys.stderr, flush=True)
    os.write(1, b"noise from C")
    os.write(2, b"noise from C")
    sys.stdin.read()
    return "noisy"


def spin(shared):
    """Never end, with the interpreter's lock held: no thread of this process can do anything about it."""
    ctypes.PyDLL(None).sleep(60)


DEEDS = {
    "sleep": lambda shared: time.sleep(60),
    "spin": spin,
    "hog": hog,
    "hog slowly": hog_slowly,
    "exit": lambda shared: os._exit(3),
    "segfault": lambda shared: os.kill(os.getpid(), signal.SIGSEGV),
    "raise": lambda shared: 1 / 0,
    "quit": lambda shared: sys.exit("no"),
    "lambda": lambda shared: lambda: None,
    "noise": noise,
    "pid": lambda shared: os.getpid(),
    "cwd": lambda shared: str(Path.cwd()),
    "threads": lambda shared: [os.environ[f"{name}_NUM_THREADS"] for name in ("OMP", "OPENBLAS", "NUMBA")],
    "grandchild": lambda shared: os.spawnv(os.P_NOWAIT, "/bin/sleep", ["sleep", "60"]),
    "warm": lambda shared: bool(HELD),
}


def warm():
    HELD.append(bytearray(100 * 2**20))


def cold():
    raise ValueError("no fire")


def naps(items, shared, working):
    """Sleep for each item; all together for longer than the cap."""
    for index, item in enumerate(items):
        working([index])
        time.sleep(item)
        yield index, "slept"


def square_alone(number):
    """Square a number in an isolated child of the process that this is called in."""
    from symgen.isolation import run_isolated

    return dict(run_isolated("victims:squares", [number], None))[0]


def square_slowly(number):
    time.sleep(0.05)
    return square_alone(number)


def obey(task):
    """Do what a task says in this very process."""
    deed, value = task
    if deed == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if deed == "raise":
        raise ValueError(value)
    if deed == "sleep":
        time.sleep(value)
    if deed == "touch":
        Path(value).touch()
        time.sleep(20)
    return value


def whose(number):
    """Return the process that this is called in."""
    return os.getpid()


def long_by_right(items, shared, working):
    """Work for longer than the cap of time in short steps; "alive" says so after each, "mute" says nothing."""
    for index, item in enumerate(items):
        working([index])
        for step in range(20):
            time.sleep(0.1)
            if item == "alive":
                alive("stepping", step, 20)
        yield index, item


def growing(items, shared, working):
    """Hold more memory than the cap, with a sign of life after each part."""
    for index, item in enumerate(items):
        working([index])
        held = []
        for _ in range(item):
            held.append(bytearray(2**24))
            alive()
            time.sleep(0.03)
        yield index, len(held)
