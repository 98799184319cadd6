"""The commands that work on music that exists: ``symgen continue`` and ``symgen infill``."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from symgen import cli_dials, cli_options, cli_origin, cli_table, console
from symgen.cli_words import print_takes

File = Annotated[Path, typer.Argument(metavar="FILE", help="A score or recording in any format that symgen reads.")]


def _shared(
    style: Annotated[
        str | None, typer.Option("--style", "-s", metavar="NAME", help="Style. [default: that of the file]")
    ] = None,
    tuning: Annotated[
        str | None, typer.Option(metavar="NAME", help="Tuning, by name or as a TOML file. [default: as it lies best]")
    ] = None,
    piece: Annotated[int, typer.Option(metavar="N", min=1, help="Which piece of a tune book.")] = 1,
    takes: Annotated[int, typer.Option(metavar="N", help="How many results.")] = 1,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Seed: the same one gives the same result.")] = None,
    raw: cli_options.Raw = False,
    humanize: cli_options.Humanize = 0.5,
    humanize_timing: cli_options.HumanizeTiming = None,
    humanize_velocity: cli_options.HumanizeVelocity = None,
    checkpoint: Annotated[Path | None, typer.Option(metavar="DIR", help="Another checkpoint.")] = None,
    density: cli_dials.Density = 0.5,
    register: cli_dials.Register = 0.5,
    ornament: cli_dials.Ornament = 0.5,
    leaps: cli_dials.Leaps = 0.5,
    surprise: cli_dials.Surprise = 0.5,
    temperature: cli_dials.Temperature = None,
    top_p: cli_dials.TopP = None,
    output: cli_options.Output = None,
    file_format: cli_options.FileFormat = None,
    layout: cli_options.Layout = "merged",
    time_signatures: cli_options.TimeSignatures = "map",
    names: cli_options.Names = "utf8",
    articulations: cli_options.Articulations = None,
    bend_range: cli_options.BendRange = None,
    max_copy: cli_origin.MaxCopy = None,
    bare: cli_origin.Bare = False,
) -> dict[str, Any]:
    """Return the fields of a :class:`symgen.revising.Revision` beside its source, which all verbs take."""
    return {
        "style": style,
        "tuning": tuning,
        "piece": piece,
        "takes": takes,
        "seed": seed,
        "raw": raw,
        "humanize": humanize,
        "humanize_timing": humanize_timing,
        "humanize_velocity": humanize_velocity,
        "checkpoint": checkpoint,
        "density": density,
        "register": register,
        "ornament": ornament,
        "leaps": leaps,
        "surprise": surprise,
        "temperature": 1.0 if temperature is None else temperature,
        "top_p": 1.0 if top_p is None else top_p,
        "output": output,
        "format": file_format,
        "layout": cli_options.writer_options(layout, time_signatures, names, articulations, bend_range),
        "max_copy": max_copy,
        "bare": bare,
    }


def verb(command: Callable[..., Any]) -> Callable[..., None]:
    """Return a command that also takes the options of all verbs, and prints the takes.

    Parameters
    ----------
    command : callable
        Takes its own arguments and options, the fields of the request as the keyword `shared`, and `progress`.
    """
    own = inspect.signature(command, eval_str=True).parameters
    added = inspect.signature(_shared, eval_str=True).parameters
    last = {"verbose": cli_table.Verbose, "as_json": cli_options.Json, "quiet": cli_options.Quiet}
    ends = [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=False, annotation=kind)
        for name, kind in last.items()
    ]
    mine = [parameter for name, parameter in own.items() if name not in ("shared", "progress")]

    @wraps(command)
    def run(verbose: bool, as_json: bool, quiet: bool, **given: Any) -> None:
        shared = _shared(**{name: given.pop(name) for name in added})
        with console.Reporter(quiet=quiet) as progress:
            result = command(**given, shared=shared, progress=progress)
        print_takes(result.as_json(), as_json=as_json, verbose=verbose)

    parameters = [*mine, *added.values(), *ends]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


@verb
def infill(
    file: File,
    bars: Annotated[str, typer.Option(metavar="A-B", help="First and last bar to write anew, from 1.")],
    shared: dict[str, Any],
    progress: Any,
) -> Any:
    """Write some bars anew. They lead from what stands before to what stands after; nothing else changes."""
    from symgen.infill import InfillRequest, infill_files

    return infill_files(InfillRequest(source=file, bars=bars, **shared), progress)


@verb
def continue_(
    file: File,
    shared: dict[str, Any],
    progress: Any,
    bars: Annotated[int | None, typer.Option(metavar="N", help="How many bars to write. [default: 16]")] = None,
    seconds: Annotated[float | None, typer.Option(metavar="S", help="How long the new part is, instead.")] = None,
    after: Annotated[int | None, typer.Option(metavar="BAR", help="Go on after this bar. [default: the last]")] = None,
    mode: Annotated[
        str | None, typer.Option(metavar="gong|shang|jue|zhi|yu", help="Mode to close in. [default: the source's]")
    ] = None,
    only: Annotated[bool, typer.Option("--only", help="Leave the source out of the result.")] = False,
) -> Any:
    """Go on from where a piece ends, or from any of its bars, to a close."""
    from symgen.continuing import ContinueRequest, continue_files

    request = ContinueRequest(source=file, bars=bars, seconds=seconds, after=after, mode=mode, only=only, **shared)
    return continue_files(request, progress)
