"""``symgen transcribe``: recordings to MIDI."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from symgen import console
from symgen.cli.options import Json, Quiet


def transcribe(
    recordings: Annotated[
        list[Path], typer.Argument(metavar="AUDIO...", help="Recordings, folders and patterns; of folders, the sound.")
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="PATH", help="File (by its suffix) or folder to write.")
    ],
    mode: Annotated[str, typer.Option(metavar="auto|mono|poly", help="One voice, several, or as it sounds.")] = "auto",
    instrument: Annotated[
        str, typer.Option(metavar="NAME", help="guqin or guzheng; auto: what the recording sounds like.")
    ] = "auto",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Turn recordings into MIDI. Notes with their slides and vibrato as bends."""
    from symgen.transcription import TranscribeRequest, transcribe_files

    named = None if instrument == "auto" else instrument
    request = TranscribeRequest(inputs=tuple(recordings), output=output, mode=mode, instrument=named)
    with console.Reporter(quiet=quiet) as progress:
        result = transcribe_files(request, progress)
    found = result.as_json()
    console.print_notes(f"symgen: error: {one['error']}" for one in found["recordings"] if "error" in one)
    if as_json:
        console.print_json(found)
    else:
        for recording in found["recordings"]:
            console.print_lines(describe_recording(recording))
    raise typer.Exit(result.exit_code)


def describe_recording(recording: Mapping[str, Any]) -> list[str]:
    """Return the lines that tell a musician about one transcribed recording, none if it failed.

    Parameters
    ----------
    recording : mapping
        One of ``recordings`` in the JSON of ``symgen transcribe``.
    """
    if "error" in recording:
        return []
    minutes, seconds = divmod(round(recording["seconds"]), 60)
    first = [recording["kind"], f"gong {recording['gong_name']}", f"{recording['mode']} mode"]
    first.append(f"{round(recording['tuning_cents']):+d} cents from a' = 440 Hz")
    second = [f"{minutes}:{seconds:02}", f"{recording['notes']} notes", f"confidence {recording['confidence']:.2f}"]
    second.append("one voice" if recording["mode_used"] == "mono" else "several voices")
    lines = [str(recording["path"]), "  " + ", ".join(first), "  " + ", ".join(second)]
    for name in ("techniques", "mended"):
        if recording[name]:
            lines.append(f"  {name}: {console.named_counts(recording[name])}".replace("_", " "))
    return [*lines, f"  mind: {', '.join(recording['flags'])}"] if recording["flags"] else lines
