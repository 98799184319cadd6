"""The whole of ``symgen``: its commands in the order of the help.

Use cases are imported inside the commands, so that ``symgen --help`` loads neither torch nor music21.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Final

import typer

from symgen import console
from symgen.cli.commands import (
    about,
    accompany,
    again,
    arrange,
    compose,
    continue_,
    convert,
    corpus,
    critic,
    dataset,
    doctor,
    evaluate,
    export,
    forms,
    infill,
    inspect,
    play,
    session,
    styles,
    train,
    transcribe,
    vary,
)

COMMANDS: Final[Mapping[str, Callable[..., None]]] = {
    "compose": compose.compose,
    "convert": convert.convert,
    "transcribe": transcribe.transcribe,
    "train": train.train,
    "evaluate": evaluate.evaluate,
    "continue": continue_.continue_,
    "infill": infill.infill,
    "vary": vary.vary,
    "accompany": accompany.accompany,
    "arrange": arrange.arrange,
    "export": export.export,
    "session": session.session,
    "play": play.play,
    "again": again.again,
    "about": about.about,
    "forms": forms.forms,
    "critic": critic.critic,
    "inspect": inspect.inspect,
    "styles": styles.styles,
    "doctor": doctor.doctor,
}
"""Commands by name; a new one is a file of ``commands/`` and its row here."""

GROUPS: Final[Mapping[str, typer.Typer]] = {"corpus": corpus.app, "dataset": dataset.app}
"""Commands that have commands of their own."""

app = typer.Typer(
    name="symgen",
    help="Compose for guqin and guzheng, and learn a zither tradition from a corpus.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain help is there twice as fast
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _name, _group in GROUPS.items():
    app.add_typer(_group, name=_name)
for _name, _command in COMMANDS.items():
    app.command(_name)(_command)


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
