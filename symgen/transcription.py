"""Use case: recordings in, MIDI files with bends out.

Decoders and networks run in a child process that can be killed: a damaged recording costs its caps and nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from symgen.corpus.inputs import check_inputs, find_inputs, is_recording
from symgen.errors import ReadError, SymgenError, UsageError, one_line
from symgen.files import check_target, make_folder, settle_paths, write_bytes
from symgen.instruments import get_instrument
from symgen.isolation import Failure, alive, run_isolated
from symgen.progress import Progress, silent
from symgen.score import Technique
from symgen.theory.degrees import pitch_class_name
from symgen.transcribe import hearing
from symgen.transcribe.audio import open_audio
from symgen.transcribe.hearing import no_notes

MODES = ("auto", "mono", "poly")


@dataclass(frozen=True, slots=True)
class TranscribeRequest:
    """What to transcribe.

    Parameters
    ----------
    inputs : sequence of Path
        Recordings, folders and patterns; of folders, the files that are sound.
    output : Path
        File to write if there is one recording and the suffix is that of a format, else a folder.
    mode : str
        "mono" for one voice, "poly" for several, "auto" to let the recording decide.
    instrument : str, optional
        Name in ``symgen.instruments``; what the recording sounds like by default.
    """

    inputs: Sequence[Path]
    output: Path
    mode: str = "auto"
    instrument: str | None = None

    def __post_init__(self) -> None:
        settle_paths(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcribed:
    """What became of one recording.

    Parameters
    ----------
    input : str
        The recording, as it was found.
    path : str or None
        The file written, None where the recording failed.
    error, code : str
        Why it failed, in one line and as a row of :data:`symgen.readers.DEFECTS`; "" where it did not.
    notes : int
        Strokes heard.
    seconds : float
        Length of the recording.
    confidence : float
        0..1, of the whole.
    gong : int or None
        Pitch class of degree 1.
    mode : str or None
        Mode on that gong.
    tuning_cents : float
        How far the recording lies from a' = 440 Hz on the semitone grid; taken out of the notes.
    instrument, kind : str
        The instrument written for, and what the recording sounds like.
    mode_used : str
        "mono" or "poly".
    techniques : dict
        Technique -> notes; plain plucks are not counted.
    flags : tuple of str
        What the transcriber doubts.
    mended : dict
        Reason code -> count, of the sound.
    """

    input: str
    path: str | None = None
    error: str = ""
    code: str = ""
    notes: int = 0
    seconds: float = 0.0
    confidence: float = 0.0
    gong: int | None = None
    mode: str | None = None
    tuning_cents: float = 0.0
    instrument: str = ""
    kind: str = ""
    mode_used: str = ""
    techniques: dict[str, int] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    mended: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the result as plain data; of a recording that failed, only which and why."""
        if self.error:
            return {"path": None, "input": self.input, "error": self.error, "code": self.code}
        facts = {name: getattr(self, name) for name in self.__slots__ if name not in ("error", "code")}
        name = None if self.gong is None else pitch_class_name(self.gong)
        return facts | {"path": self.path, "gong_name": name, "flags": list(self.flags)}


@dataclass(frozen=True, slots=True)
class TranscribeResult:
    """The recordings, in order."""

    recordings: tuple[Transcribed, ...]

    @property
    def exit_code(self) -> int:
        """0 if every recording became notes, 1 if some failed."""
        return 1 if any(recording.error for recording in self.recordings) else 0

    def as_json(self) -> dict[str, Any]:
        """Return the result as plain data."""
        return {"recordings": [recording.as_json() for recording in self.recordings]}


def transcribe_files(request: TranscribeRequest, progress: Progress = silent) -> TranscribeResult:
    """Transcribe recordings, and write each as soon as it is heard.

    Raises
    ------
    UsageError
        If an input does not exist or there is no recording among them, the mode or instrument is no such thing,
        or several recordings are to go into one file.
    ReadError
        If there is one recording and it fails. Of several, each says for itself what became of it.
    WriteError
        If a file cannot be written; nothing partial is left.
    """
    if request.mode not in MODES:
        raise UsageError(f"mode {request.mode!r}", expected=f"one of {', '.join(MODES)}")
    instrument = get_instrument(request.instrument).name if request.instrument else None
    inputs = _recordings(request.inputs)
    targets = _targets(inputs, request.output)
    items = [(str(path), target.suffix.lower()) for path, target in zip(inputs, targets, strict=True)]
    results = [Transcribed(input=str(path)) for path in inputs]
    work = run_isolated(
        "symgen.transcription:transcribe_items",
        items,
        (request.mode, instrument),
        hearing.CAPS,
        warm_up="symgen.transcribe.hearing:warm_up",
        progress=progress,
    )
    for index, outcome in work:
        if isinstance(outcome, Failure):
            outcome = ReadError(f"{one_line(inputs[index].name)} {outcome.detail}", code=outcome.code)
        if isinstance(outcome, SymgenError):
            if len(inputs) == 1:
                raise outcome
            results[index] = Transcribed(
                input=str(inputs[index]), error=str(outcome), code=getattr(outcome, "code", "internal-error")
            )
            continue
        data, facts = outcome
        write_bytes(targets[index], data)
        results[index] = Transcribed(input=str(inputs[index]), path=str(targets[index]), **facts)
    return TranscribeResult(tuple(results))


def transcribe_items(items: Sequence[tuple[str, str]], shared: tuple[str, str | None], working: Any) -> Iterator[Any]:
    """Transcribe recordings, the child's side (see :func:`symgen.isolation.run_isolated`).

    Yields
    ------
    tuple of int and (bytes, dict) or SymgenError
        Index of the item; the content of the file to write and the fields of :class:`Transcribed`, or why not.
    """
    for index, (path, suffix) in enumerate(items):
        working([index])
        try:
            yield index, _transcribed(path, suffix, *shared)
        except SymgenError as error:
            yield index, error


def _transcribed(path: str, suffix: str, mode: str, instrument: str | None) -> tuple[bytes, dict[str, Any]]:
    from symgen import writers

    recording = open_audio(path)
    heard = hearing.hear(recording, mode, instrument, alive)
    if heard.performance is None:
        raise no_notes(recording.name, heard.unpitched)
    writer = next(writer for writer in writers.formats() if suffix in writer.SUFFIXES)
    techniques = Counter(note.technique.name.lower() for note in heard.heard if note.technique != Technique.PLUCK)
    facts = {
        "notes": len(heard.heard),
        "seconds": round(recording.condition.seconds, 3),
        "confidence": round(heard.confidence, 3),
        "gong": heard.gong,
        "mode": heard.mode_name,
        "tuning_cents": round(heard.tuning_cents, 1),
        "instrument": heard.performance.instrument,
        "kind": heard.kind,
        "mode_used": heard.mode_used,
        "techniques": dict(sorted(techniques.items())),
        "flags": heard.flags,
        "mended": dict(recording.condition.mended),
    }
    return writer.encode(heard.performance), facts


def _recordings(inputs: Sequence[Path]) -> list[Path]:
    """Return the files to hear: files as they are named, of folders those that are sound."""
    check_inputs(inputs, "recordings")
    named = {path for path in inputs if not path.is_dir()}
    found = [path for path in find_inputs(inputs) if path in named or is_recording(path)]
    if not found:
        raise UsageError(
            f"no recording in {', '.join(map(str, inputs))}", expected="sound files: wav, flac, mp3, ogg, m4a"
        )
    return list(dict.fromkeys(found))


def _targets(inputs: Sequence[Path], output: Path) -> list[Path]:
    """Return where each transcription goes, and make sure that it can."""
    from symgen import writers

    if output.suffix and not output.is_dir():
        if output.suffix.lower() not in writers.suffixes():
            known = f"one of {' '.join(writers.suffixes())}, or the name of a folder"
            raise UsageError(f"{output} has the suffix {output.suffix}", expected=known)
        if len(inputs) > 1:
            remedy = f"use -o {output.with_suffix('')}"
            raise UsageError(f"{len(inputs)} recordings for one file {output}", expected="a folder", remedy=remedy)
        check_target(output)
        return [output]
    make_folder(output)
    taken: set[str] = set()
    return [output / _free_name(path, taken) for path in inputs]


def _free_name(path: Path, taken: set[str]) -> str:
    """Return a file name after the recording's that no other one has: ``a.mid``, ``a.wav.mid``, ``a.wav-2.mid``."""
    names = [path.stem, path.name, *(f"{path.name}-{number}" for number in range(2, len(taken) + 3))]
    name = next(f"{name}.mid" for name in names if f"{name}.mid".casefold() not in taken)
    taken.add(name.casefold())
    return name
