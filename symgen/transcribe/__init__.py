"""Transcription: recordings of guqin and guzheng become notes with their slides and vibrato.

:func:`transcribe` is the door; nothing heavy is loaded before it is called.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from symgen.progress import Progress, silent

if TYPE_CHECKING:
    from symgen.transcribe.notes import Transcription
    from symgen.transcribe.source import Sound

__all__ = ["transcribe"]


def transcribe(
    source: str | os.PathLike[str] | bytes | Sound,
    mode: str = "auto",
    instrument: str | None = None,
    progress: Progress = silent,
) -> Transcription:
    """Return the notes of a recording: see :func:`symgen.transcribe.whole.transcribe`."""
    from symgen.transcribe.whole import transcribe as whole

    return whole(source, mode, instrument, progress)
