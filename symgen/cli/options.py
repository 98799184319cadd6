"""Options that several commands share, in the words and with the defaults of all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

File = Annotated[Path, typer.Argument(metavar="FILE", help="A score or recording in any format that symgen reads.")]
PieceNumber = Annotated[int, typer.Option("--piece", metavar="N", min=1, help="Which piece of a tune book.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Of many takes tell all that is known, not a row each.")]
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
MaxCopy = Annotated[
    int | None,
    typer.Option(metavar="N", help="Share no more than N notes in a row with the training pieces; 7 or more."),
]
Bare = Annotated[bool, typer.Option("--bare", help="Write no record of its origin, in the file or beside it.")]

# The dials, in the words of symgen.dials.Dials.
Density = Annotated[float, typer.Option(metavar="0..1", help="Few or many notes; 0.5 is usual, 1 nearly twice that.")]
Register = Annotated[float, typer.Option(metavar="0..1", help="How low or high; 0.5 is usual.")]
Ornament = Annotated[float, typer.Option(metavar="0..1", help="How much is ornamented; 0 only what is written.")]
Leaps = Annotated[float, typer.Option(metavar="0..1", help="How far the melody moves from tone to tone.")]
Surprise = Annotated[float, typer.Option(metavar="0..1", help="How far from the expected; 0 is tame.")]
Temperature = Annotated[float | None, typer.Option(metavar="F", help="Advanced: of the draw. Higher is bolder.")]
Versions = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Advanced: versions that compete in compose, continue, infill. [default: 8]",
    ),
]
TopP = Annotated[float | None, typer.Option(metavar="F", help="Advanced: share of likely choices kept.")]
