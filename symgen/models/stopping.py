"""Stopping a training in good order: the update at work is finished, the state saved, and told how to go on."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from symgen.progress import Progress


class Stop:
    """Whether the training was asked to stop.

    Attributes
    ----------
    asked : bool
        Set by the first interrupt; the training looks at it after each update.
    """

    def __init__(self) -> None:
        self.asked = False


@contextmanager
def stopping(progress: Progress) -> Iterator[Stop]:
    """Let the first SIGINT or SIGTERM ask the training to stop, and the second one break it off.

    Outside of the main thread, where no signal arrives, nothing is changed.

    Parameters
    ----------
    progress : Progress
        Told when the training was asked.

    Yields
    ------
    Stop
        To be looked at after each update.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def ask(number: int, frame: FrameType | None) -> None:
        if stop.asked:
            raise KeyboardInterrupt
        stop.asked = True
        progress("stopping after this update; once more to break it off")

    before: dict[int, Any] = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    # A signal that is ignored stays so: that is how a shell runs a job in the background.
    taken = [number for number, handler in before.items() if handler not in (signal.SIG_IGN, None)]
    for number in taken:
        signal.signal(number, ask)
    try:
        yield stop
    finally:
        for number in taken:
            signal.signal(number, before[number])
