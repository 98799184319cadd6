"""Options that several commands share, in the words and with the defaults of all of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from symgen.writers import Options

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
Output = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="PATH", help="File (by its suffix) or folder to write.")
]
Raw = Annotated[bool, typer.Option("--raw", help="Quantised score: no timing, no bends.")]
Humanize = Annotated[float, typer.Option(metavar="0..1", help="How freely it is played; 0 keeps grid and tempo.")]
HumanizeTiming = Annotated[float | None, typer.Option(metavar="0..1", help="The same for onsets and tempo alone.")]
HumanizeVelocity = Annotated[float | None, typer.Option(metavar="0..1", help="The same for velocities alone.")]
FileFormat = Annotated[
    str | None, typer.Option("--format", metavar="NAME", help="mid, dawproject, rpp, musicxml, jianpu or wav.")
]
Layout = Annotated[
    str, typer.Option(metavar="merged|strings|mpe", help="One track; one a string; MIDI Polyphonic Expression.")
]
TimeSignatures = Annotated[
    str, typer.Option(metavar="map|fixed", help="Every time signature, or one 4/4 for the host.")
]
Names = Annotated[str, typer.Option(metavar="utf8|ascii", help="Text in titles, markers and track names.")]
Articulations = Annotated[
    Path | None, typer.Option(metavar="TOML", help="Keyswitches and such that a sample library wants.")
]
BendRange = Annotated[
    int | None, typer.Option(metavar="N", help="Semitones of the pitch wheel; 2 for programs that ignore ranges.")
]


def writer_options(
    layout: str, time_signatures: str, names: str, articulations: Path | None, bend_range: int | None = None
) -> Options:
    """Return what these options ask of a writer."""
    from symgen.writers import GENERAL_MIDI, Options, read_articulations

    library = GENERAL_MIDI if articulations is None else read_articulations(articulations)
    return Options(layout, time_signatures, names, library, bend_range)
