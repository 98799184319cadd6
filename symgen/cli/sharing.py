"""Options that several commands share as bundles: each is said once and becomes fields of a request."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

import typer

from symgen.cli import options

Bundle: TypeAlias = Callable[..., dict[str, Any]]
"""Its parameters are options of the command line; it returns what they are in a request."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What a command was given by the options that it shares with others.

    Parameters
    ----------
    fields : dict
        Fields of its request.
    as_json : bool
        Whether the result is printed as JSON.
    quiet : bool
        Whether progress is not shown.
    verbose : bool
        Whether all is told of each of many takes.
    """

    fields: dict[str, Any]
    as_json: bool
    quiet: bool
    verbose: bool = False


def sharing(*bundles: Bundle) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that gives a command the options of bundles behind its own, then ``--json`` and ``--quiet``.

    The command takes its own arguments and options, and a :class:`Shared` as ``shared``.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = [one for one in _parameters(command) if one.name != "shared"]
        added = [(bundle, _parameters(bundle)) for bundle in bundles]

        @wraps(command)
        def run(as_json: bool, quiet: bool, **given: Any) -> None:
            fields: dict[str, Any] = {}
            for bundle, parameters in added:
                fields |= bundle(**{one.name: given.pop(one.name) for one in parameters})
            verbose = fields.pop("verbose", False)
            command(**given, shared=Shared(fields, as_json, quiet, verbose))

        whole = [*own, *(one for _, parameters in added for one in parameters), *_ENDS]
        run.__signature__ = inspect.Signature(whole)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in whole}
        return run

    return decorate


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    return list(inspect.signature(function, eval_str=True).parameters.values())


_ENDS: Final = [
    inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=False, annotation=kind)
    for name, kind in (("as_json", options.Json), ("quiet", options.Quiet))
]


def source_options(
    style: Annotated[
        str | None, typer.Option("--style", "-s", metavar="NAME", help="Style. [default: that of the file]")
    ] = None,
    tuning: Annotated[
        str | None, typer.Option(metavar="NAME", help="Tuning, by name or as a TOML file. [default: as it lies best]")
    ] = None,
    piece: options.PieceNumber = 1,
    takes: Annotated[int, typer.Option(metavar="N", help="How many results.")] = 1,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Seed: the same one gives the same result.")] = None,
) -> dict[str, Any]:
    """Return what the verbs ask of music that exists: fields of :class:`symgen.verbs.request.Revision`."""
    return {"style": style, "tuning": tuning, "piece": piece, "takes": takes, "seed": seed}


def playing_options(
    raw: options.Raw = False,
    humanize: options.Humanize = 0.5,
    humanize_timing: options.HumanizeTiming = None,
    humanize_velocity: options.HumanizeVelocity = None,
) -> dict[str, Any]:
    """Return how a piece is played."""
    return {
        "raw": raw,
        "humanize": humanize,
        "humanize_timing": humanize_timing,
        "humanize_velocity": humanize_velocity,
    }


def drawing_options(
    checkpoint: Annotated[Path | None, typer.Option(metavar="DIR", help="Another checkpoint.")] = None,
    density: options.Density = 0.5,
    register: options.Register = 0.5,
    ornament: options.Ornament = 0.5,
    leaps: options.Leaps = 0.5,
    surprise: options.Surprise = 0.5,
    temperature: options.Temperature = None,
    top_p: options.TopP = None,
    versions: options.Versions = None,
) -> dict[str, Any]:
    """Return what draws the notes, and to what it leans."""
    return {
        "checkpoint": checkpoint,
        "density": density,
        "register": register,
        "ornament": ornament,
        "leaps": leaps,
        "surprise": surprise,
        "temperature": 1.0 if temperature is None else temperature,
        "top_p": 1.0 if top_p is None else top_p,
        "versions": versions,
    }


def writing_options(
    output: options.Output = None,
    file_format: options.FileFormat = None,
    layout: options.Layout = "merged",
    time_signatures: options.TimeSignatures = "map",
    names: options.Names = "utf8",
    articulations: options.Articulations = None,
    bend_range: options.BendRange = None,
) -> dict[str, Any]:
    """Return where files go and how they are written."""
    from symgen.writers import GENERAL_MIDI, Options, read_articulations

    library = GENERAL_MIDI if articulations is None else read_articulations(articulations)
    layout_options = Options(layout, time_signatures, names, library, bend_range)
    return {"output": output, "format": file_format, "layout": layout_options}


def telling_options(verbose: options.Verbose = False) -> dict[str, Any]:
    """Return how much is told of many takes; a request has nothing of it."""
    return {"verbose": verbose}


def origin_options(max_copy: options.MaxCopy = None, bare: options.Bare = False) -> dict[str, Any]:
    """Return how near to the training pieces a piece may come, and whether its file says where it is from."""
    return {"max_copy": max_copy, "bare": bare}


TAKES: Final[tuple[Bundle, ...]] = (playing_options, drawing_options, writing_options, origin_options, telling_options)
"""What every verb takes."""
