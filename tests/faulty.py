"""Files that do harm to whoever reads them, by their names: what the isolation of a conversion is for."""

import os
import signal
import time
from pathlib import Path

from symgen.corpus import pieces


def convert_items(items, settings, working):
    """Convert as the real one does, but harm is done while an item is at work whose name asks for it."""

    def harmful(indices):
        working(indices)
        for index in indices:
            name = Path(items[index][0]).name
            if name.startswith("kill"):
                os.kill(os.getpid(), signal.SIGKILL)
            elif name.startswith("sleep"):
                time.sleep(60)
            elif name.startswith("eat"):
                bytearray(2**40)
            elif name.startswith("raise"):
                raise ZeroDivisionError("three\nlines")

    yield from pieces.convert_items(items, settings, harmful)
