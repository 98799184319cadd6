"""The command line: parse, call a use case, print its result.

Use cases are imported inside the commands, so that ``symgen --help`` loads neither torch nor music21.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from symgen import (
    cli_accompany,
    cli_arrange,
    cli_corpus,
    cli_dataset,
    cli_dials,
    cli_export,
    cli_forms,
    cli_options,
    cli_origin,
    cli_play,
    cli_table,
    cli_takes,
    cli_vary,
    cli_verbs,
    console,
)
from symgen.cli_options import Json, Quiet
from symgen.cli_words import print_takes

app = typer.Typer(
    name="symgen",
    help="Compose for guqin and guzheng, and learn a zither tradition from a corpus.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain help is there twice as fast
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(cli_corpus.app, name="corpus")
app.add_typer(cli_dataset.app, name="dataset")


def main() -> None:
    """Run ``symgen`` with the arguments of the process, and end it with the exit code."""
    # One piece is made of small products: threads only wait for each other, a hundredfold on a busy machine.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.exit(console.run(app, sys.argv[1:]))


def _print_version(wanted: bool) -> None:
    if wanted:
        from symgen.resources import version

        console.print_lines([f"symgen {version()}"])
        raise typer.Exit


@app.callback()
def _symgen(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    # console.run has taken --debug off the command line already; it stands here for --help.
    del version, debug


@app.command()
def compose(
    style: Annotated[str, typer.Option("--style", "-s", metavar="NAME", help="Style; see symgen styles.")],
    mode: Annotated[str | None, typer.Option(metavar="gong|shang|jue|zhi|yu", help="Mode: the final's degree.")] = None,
    gong: Annotated[str | None, typer.Option(metavar="PC", help="Pitch of degree 1: F, Bb, or 0 to 11.")] = None,
    tuning: Annotated[
        str | None, typer.Option(metavar="NAME", help="Tuning of the instrument, by name or as a TOML file.")
    ] = None,
    tempo: Annotated[float | None, typer.Option(metavar="QPM", help="Quarter notes per minute.")] = None,
    metre: Annotated[str | None, typer.Option(metavar="N/D", help="Metre, such as 4/4.")] = None,
    bars: Annotated[int | None, typer.Option(metavar="N", help="Length in bars.")] = None,
    seconds: Annotated[float | None, typer.Option(metavar="S", help="Length in seconds, instead of bars.")] = None,
    motif: Annotated[str | None, typer.Option(metavar="JIANPU", help="How it begins: \"5 6 1' 2' | 3' -\".")] = None,
    form: Annotated[
        str | None, typer.Option(metavar="FORM", help='Sections: a name, a TOML file, or "A8 B8 A\'8"; symgen forms.')
    ] = None,
    modulate: Annotated[
        str | None, typer.Option(metavar="NAME", help="qingjue-wei-gong or biangong-wei-jue, where the form may.")
    ] = None,
    takes: Annotated[int, typer.Option(metavar="N", help="How many pieces to compose.")] = 1,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Seed: the same one composes the same piece.")] = None,
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
    live: cli_takes.Live = False,
    max_copy: cli_origin.MaxCopy = None,
    bare: cli_origin.Bare = False,
    bend_range: cli_options.BendRange = None,
    verbose: cli_table.Verbose = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compose pieces and write them as MIDI, DAW projects or notation."""
    from symgen.compose import ComposeRequest, compose_files

    chosen = {"temperature": temperature, "top_p": top_p}
    request = ComposeRequest(
        style=style,
        mode=mode,
        gong=gong,
        tuning=tuning,
        tempo=tempo,
        metre=metre,
        bars=bars,
        seconds=seconds,
        motif=motif,
        form=form,
        modulate=modulate,
        takes=takes,
        seed=seed,
        raw=raw,
        humanize=humanize,
        humanize_timing=humanize_timing,
        humanize_velocity=humanize_velocity,
        checkpoint=checkpoint,
        density=density,
        register=register,
        ornament=ornament,
        leaps=leaps,
        surprise=surprise,
        output=output,
        format=file_format,
        layout=cli_options.writer_options(layout, time_signatures, names, articulations, bend_range),
        max_copy=max_copy,
        bare=bare,
        **{name: value for name, value in chosen.items() if value is not None},
    )
    with console.Reporter(quiet=quiet or live) as progress:
        heard = {"listener": cli_takes.listener(as_json=as_json)} if live else {}
        result = compose_files(request, progress, **heard)
    print_takes(result.as_json(), as_json=as_json, verbose=verbose)


@app.command()
def convert(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Files, folders and patterns; of folders, what is music.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DATASET", help="Folder of the dataset.")],
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", metavar="N", min=1, help="Files at work at the same time.")
    ] = None,
    style: Annotated[
        str, typer.Option("--style", "-s", metavar="NAME", help="Style of files that no declared corpus owns.")
    ] = "unknown",
    corpora: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Declarations of corpora, instead of the shipped ones.")
    ] = None,
    cleaning: Annotated[
        Path | None, typer.Option(metavar="TOML", help="Rules of cleaning, instead of the shipped ones.")
    ] = None,
    cap_seconds: Annotated[
        float, typer.Option(metavar="S", help="Time that the reading of one score may take.")
    ] = 10.0,
    engine: Annotated[str, typer.Option(metavar="local|dask", help="Where the work is done.")] = "local",
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Address of the dask scheduler, tcp://host:8786.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Turn scores and recordings into a dataset of tokens. Run again, it does only what is missing."""
    from symgen.convert import ConvertRequest
    from symgen.convert import convert as run_convert
    from symgen.isolation import Caps

    request = ConvertRequest(
        inputs=tuple(paths),
        output=output,
        jobs=jobs,
        style=style,
        corpora=corpora,
        cleaning=cleaning,
        engine=engine,
        scheduler=scheduler,
        caps=Caps(seconds=cap_seconds),
    )
    with console.Reporter(quiet=quiet) as progress:
        result = run_convert(request, progress)
    if not quiet:
        console.print_notes(describe_conversion(result.as_json()))
    if as_json:
        console.print_json(result.as_json())
    raise typer.Exit(result.exit_code)


@app.command()
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


@app.command()
def train(
    dataset: Annotated[Path, typer.Argument(metavar="DATASET", help="Folder that symgen convert wrote.")],
    style: Annotated[str, typer.Option("--style", "-s", metavar="NAME", help="Name of the style to learn.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="CHECKPOINT", help="Folder of the checkpoint.")],
    recipe: Annotated[
        Path | None, typer.Option(metavar="TOML", help="Another recipe; or a checkpoint, for the one that it keeps.")
    ] = None,
    run: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the training's state. CHECKPOINT.run by default.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the training.")] = 0,
    threads: Annotated[int, typer.Option(metavar="N", help="Threads of the processor; 0 leaves it to torch.")] = 0,
    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda|mps", help="What it runs on.")] = "auto",
    precision: Annotated[
        str, typer.Option(metavar="auto|float32|bfloat16", help="Of matrix products. auto: bfloat16 on CUDA.")
    ] = "auto",
    compiled: Annotated[bool, typer.Option("--compile", help="Compile the networks by torch.compile.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only estimate time and memory; write nothing.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Learn a style from a dataset. Run again, it goes on where it stopped."""
    from symgen.train import TrainRequest

    request = TrainRequest(
        dataset=dataset,
        style=style,
        output=output,
        run=run,
        seed=seed,
        threads=threads,
        recipe=recipe,
        device=device,
        precision=precision,
        compiled=compiled,
    )
    with console.Reporter(quiet=quiet) as progress:
        if dry_run:
            from symgen.train import estimate

            found = estimate(request, progress).as_json()
        else:
            from symgen.train import train as run_train

            found = run_train(request, progress).as_json()
    if os.environ.get("RANK", "0") != "0":
        return  # one of several processes that torchrun started; the first prints
    if dry_run and not as_json:
        _print_estimate(found)
    else:
        _print_summary(found, as_json=as_json)


@app.command()
def evaluate(
    checkpoint: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="Folder of the checkpoint.")],
    against: Annotated[Path, typer.Option(metavar="DATASET", help="Folder that symgen convert wrote.")],
    style: Annotated[str, typer.Option("--style", "-s", metavar="NAME", help="Style to measure.")] = "guqin",
    pieces: Annotated[int, typer.Option(metavar="N", help="How many pieces to compose for it.")] = 50,
    before: Annotated[Path | None, typer.Option(metavar="DIR", help="An earlier checkpoint to compare with.")] = None,
    two_sample: Annotated[bool, typer.Option(help="Run the two-sample test, the longest part.")] = True,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the composed pieces.")] = 0,
    card: Annotated[bool, typer.Option("--card", help="Add the main figures to the checkpoint's card.")] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="PATH", help="A .json file or a folder; HTML goes beside.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure a checkpoint against a dataset. Likelihood, two-sample test, statistics, copying."""
    from symgen.evaluate import EvaluateRequest
    from symgen.evaluate import evaluate as run_evaluate

    request = EvaluateRequest(
        checkpoint=checkpoint,
        against=against,
        style=style,
        pieces=pieces,
        before=before,
        two_sample=two_sample,
        seed=seed,
        card=card,
        output=output,
    )
    with console.Reporter(quiet=quiet) as progress:
        result = run_evaluate(request, progress)
    if as_json:
        console.print_json(result.as_json())
    else:
        console.print_lines(result.as_markdown().splitlines())


app.command("continue")(cli_verbs.continue_)
app.command()(cli_verbs.infill)
app.command()(cli_vary.vary)
app.command()(cli_accompany.accompany)
app.command()(cli_arrange.arrange)
app.command()(cli_export.export)
app.command()(cli_takes.session)
app.command()(cli_play.play)
app.command()(cli_origin.again)
app.command()(cli_origin.about)
app.command()(cli_forms.forms)
app.command()(cli_takes.critic)


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A score or recording in any format that symgen reads.")],
    piece: Annotated[int, typer.Option(metavar="N", min=1, help="Which piece of a tune book.")] = 1,
    plot: Annotated[Path | None, typer.Option(metavar="PNG", help="Draw the piece by degree into this file.")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Describe a score. Gong, mode, degrees, length, what was lost, and who can play it."""
    from symgen.inspect import inspect_file

    with console.Reporter(quiet=quiet) as progress:
        result = inspect_file(file, piece=piece, plot=plot, progress=progress)
    if as_json:
        console.print_json(result.as_json())
    else:
        console.print_facts(result.facts())


@app.command()
def styles(as_json: Json = False, quiet: Quiet = False) -> None:
    """List the styles that can be composed in."""
    from symgen.compose import list_styles

    del quiet  # there is no progress; every command takes the option
    found = [style.as_json() for style in list_styles()]
    if as_json:
        console.print_json({"styles": found})
    else:
        console.print_table(
            ("style", "", "instrument", "metre", "tempo (qpm)", "bars"), [_style_row(style) for style in found]
        )


@app.command()
def doctor(as_json: Json = False, quiet: Quiet = False) -> None:
    """Check this installation. Python, packages, checkpoints and write access."""
    from symgen.doctor import examine

    with console.Reporter(quiet=quiet) as progress:
        report = examine(progress)
    if as_json:
        console.print_json(report.as_json())
    else:
        console.print_table(
            ("", "check", "found", "what to do"),
            [(check.status.value, check.name, check.found, check.remedy) for check in report.checks],
        )
    raise typer.Exit(0 if report.healthy else 1)


def _print_summary(summary: Mapping[str, Any], *, as_json: bool) -> None:
    """Print a summary: JSON, or names and values in two columns."""
    if as_json:
        console.print_json(summary)
    else:
        console.print_facts([(name.replace("_", " "), _words(value)) for name, value in summary.items()])


def _print_estimate(estimate: Mapping[str, Any]) -> None:
    """Print what a training will take: a table of its stages, and the whole."""
    rows = [
        (row["stage"], row["kind"], f"{row['updates']:,}", f"{row['update_seconds']:.3g}", _minutes(row["seconds"]))
        for row in estimate["stages"]
    ]
    console.print_table(("stage", "kind", "updates", "seconds each", "at most"), rows)
    memory = estimate["memory_bytes"]
    facts = {
        "whole": f"{_minutes(estimate['seconds'])} at most; stages end early when they get no better",
        "memory": f"{memory / 2**30:.2f} GiB" if memory else "not known",
        "pieces": console.named_counts(estimate["pieces"]),
        "parameters": f"{estimate['parameters']:,}",
        "hardware": estimate["hardware"],
    }
    console.print_lines([""])
    console.print_facts(list(facts.items()))


def _minutes(seconds: float) -> str:
    hours, minutes = divmod(math.ceil(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_words(part)}" for name, part in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(_words(part) for part in value) or "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


_MOST = 8
"""Reasons and flags that a summary on the screen names; the files have all."""


def describe_conversion(summary: Mapping[str, Any]) -> list[str]:
    """Return the lines that tell an archivist what became of a conversion.

    Parameters
    ----------
    summary : mapping
        The JSON of ``symgen convert``.
    """
    status = ", ".join(f"{count:,} {name}" for name, count in summary["status"].items()) or "none"
    near = summary["near_duplicates"].get("pieces with a near-duplicate before them", 0)
    rows = {
        "inputs": f"{summary['files']:,}: {status}; {summary['reused']:,} as converted before",
        "pieces": f"{summary['pieces']:,}, {summary['notes']:,} notes, {summary['hours']:,} hours",
        "splits": console.named_counts(summary["splits"]),
        "near-duplicates": near and f"{near:,} pieces are nearly the same as an earlier one; they share its split",
        **{
            name: console.named_counts(summary[name], _MOST)
            for name in ("failed", "mended", "lost", "dropped", "flags")
        },
        "passed over": console.named_counts(summary["passed_over"], _MOST),
        "report": summary["report"],
    }
    width = max(map(len, rows))
    return [f"{name:<{width}}  {text}" for name, text in rows.items() if text]


def _style_row(style: Mapping[str, Any]) -> tuple[str, ...]:
    low, high = style["tempo"]
    names = (style["name"], style["chinese"], style["instrument"], style["metre"])
    return (*names, f"{low:g} to {high:g}", str(style["bars"]))


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
