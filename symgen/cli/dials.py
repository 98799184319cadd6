"""The options of the dials, in the words of :class:`symgen.dials.Dials`."""

from __future__ import annotations

from typing import Annotated

import typer

Density = Annotated[float, typer.Option(metavar="0..1", help="Few or many notes; 0.5 is usual, 1 nearly twice that.")]
Register = Annotated[float, typer.Option(metavar="0..1", help="How low or high; 0.5 is usual.")]
Ornament = Annotated[float, typer.Option(metavar="0..1", help="How much is ornamented; 0 only what is written.")]
Leaps = Annotated[float, typer.Option(metavar="0..1", help="How far the melody moves from tone to tone.")]
Surprise = Annotated[float, typer.Option(metavar="0..1", help="How far from the expected; 0 is tame.")]
Temperature = Annotated[float | None, typer.Option(metavar="F", help="Advanced: of the draw. Higher is bolder.")]
TopP = Annotated[float | None, typer.Option(metavar="F", help="Advanced: share of likely choices kept.")]
