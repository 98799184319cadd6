"""From a recording that was opened to its transcription, with progress in seconds of sound."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

from symgen.errors import ReadError
from symgen.isolation import Caps, alive
from symgen.progress import Progress, silent
from symgen.transcribe import transcribe
from symgen.transcribe.audio import REMEDY, Recording, blocks

if TYPE_CHECKING:
    from symgen.transcribe.notes import Transcription

BLOCK_SECONDS = 5.0

CAPS = Caps(seconds=60.0, memory_bytes=2 * 2**30)
"""What hearing a recording may take in a child process: so long between two signs of life, which it gives after each
second of sound or so, and memory for the networks too. How much sound there may be is capped where it is decoded."""


def hear(
    recording: Recording, mode: str = "auto", instrument: str | None = None, progress: Progress = silent
) -> Transcription:
    """Transcribe a recording.

    Parameters
    ----------
    recording : Recording
        As :func:`symgen.transcribe.audio.open_audio` gives it.
    mode, instrument : str, str or None
        As for :func:`symgen.transcribe.transcribe`.
    progress : Progress
        Told of the seconds heard, of how many. Every time a sign of life is given too.

    Raises
    ------
    ReadError
        As :attr:`Recording.condition`; with the code "needs-transcriber" if something is not installed.
    UsageError
        If there is no such mode or instrument.
    """
    from symgen.transcribe.features import RATE
    from symgen.transcribe.source import Sound

    _check_installed(recording.name)
    progress(f"looking through {recording.name}")
    length = max(1, round(recording.condition.seconds))

    def tell(message: str, done: int = 0, total: int = 0) -> None:
        alive()
        progress(f"{message} to {recording.name}" if message == "listening" else message, done, total or length)

    sound = Sound(blocks(recording, RATE, BLOCK_SECONDS), RATE)
    return transcribe(sound, mode, instrument, tell)


def no_notes(name: str, sounds_like: str) -> ReadError:
    """Return the error for a recording in which no note was heard."""
    return ReadError(
        f"{name} holds no notes: {sounds_like or 'nothing in it is struck'}",
        expected="a recording of plucked strings",
        code="no-music",
    )


def warm_up() -> None:
    """Load the libraries that hearing needs, as far as they are installed, before any memory is counted."""
    for library in ("soundfile", "soxr", "av", "swift_f0", "safetensors.numpy"):
        with suppress(ImportError, OSError):
            import_module(library)


def _check_installed(name: str) -> None:
    """Refuse if the one-voice network cannot be loaded, before anything is listened to."""
    try:
        import swift_f0  # noqa: F401
    except (ImportError, OSError) as error:
        found = f"{name} cannot be heard: swift-f0, by which sound becomes notes, is not installed"
        raise ReadError(found, remedy=REMEDY, code="needs-transcriber") from error
