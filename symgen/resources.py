"""Where the files lie that belong to symgen without being code, and which version they are of."""

from __future__ import annotations

import os
from pathlib import Path

CHECKPOINTS_VARIABLE = "SYMGEN_CHECKPOINTS"
"""Environment variable that names another folder of checkpoints."""

CORPORA_VARIABLE = "SYMGEN_CORPORA"
"""Environment variable that names another folder of corpus declarations."""


INSTRUMENTS_VARIABLE = "SYMGEN_INSTRUMENTS"
"""Environment variable that names the folder of a user's own instruments and tunings."""

DEFAULT_CHECKPOINT = "zither"
"""Name of the checkpoint that ships and is used where no other is named."""

FORMS_VARIABLE = "SYMGEN_FORMS"
"""Environment variable that names the folder of a user's own forms."""


def checkpoints_dir() -> Path:
    """Return the folder that holds the shipped checkpoints, one sub-folder each.

    Returns
    -------
    Path
        The folder named by ``SYMGEN_CHECKPOINTS`` if that is set; else ``symgen/checkpoints`` of an installed
        wheel; else ``checkpoints`` beside the package in a source tree. It may not exist.
    """
    return _folder(CHECKPOINTS_VARIABLE, "checkpoints")


def corpora_dir() -> Path:
    """Return the folder of corpus declarations, found as :func:`checkpoints_dir` finds its own."""
    return _folder(CORPORA_VARIABLE, "corpora")


def own_instruments_dir() -> Path:
    """Return the folder of a user's own instruments and tunings, which need not exist.

    Returns
    -------
    Path
        The folder named by ``SYMGEN_INSTRUMENTS`` if that is set; else ``symgen/instruments`` in the user's
        folder of settings, which is ``XDG_CONFIG_HOME`` or ``~/.config``.
    """
    return _own(INSTRUMENTS_VARIABLE, "instruments")


def own_forms_dir() -> Path:
    """Return the folder of a user's own forms, named by ``SYMGEN_FORMS`` or found as that of the instruments."""
    return _own(FORMS_VARIABLE, "forms")


def version() -> str:
    """Return the version of the installed distribution, or of a bare source tree from its pyproject.toml."""
    import tomllib
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("symgen")
    except PackageNotFoundError:
        project = Path(__file__).resolve().parents[1] / "pyproject.toml"
        return str(tomllib.loads(project.read_text("utf-8"))["project"]["version"]) if project.exists() else "unknown"


def _own(variable: str, name: str) -> Path:
    if named := os.environ.get(variable):
        return Path(named).expanduser()
    settings = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(settings).expanduser() / "symgen" / name


def _folder(variable: str, name: str) -> Path:
    named = os.environ.get(variable)
    if named:
        return Path(named).expanduser()
    package = Path(__file__).resolve().parent
    packed = package / name
    return packed if packed.is_dir() else package.parent / name
