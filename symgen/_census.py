"""What the processes of a cluster have installed: asked, and compared with what is here, before any work.

A scheduler that lacks a package its tasks are made of does not say so: it drops the connection or leaves the client
waiting. A worker with another version of a library that reads files would make the result depend on who read which.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from symgen.errors import ClusterError

if TYPE_CHECKING:
    from distributed import Client

CHECK_SECONDS = 5.0
"""Within this the scheduler says what it has installed, and then again within this all workers do."""

SAME = ("python", "symgen")
"""What scheduler and workers must have in the version that is here."""

_LIBRARIES = ("numpy", "mido", "music21", "symusic")
SAME_AT_WORK = (*SAME, *_LIBRARIES)
"""What workers must: by these libraries files are read, and the result must not depend on who reads which."""

_PROBE = f"""
def probe():
    import importlib, sys
    from importlib.metadata import version
    found = {{"python": "%d.%d" % sys.version_info[:2]}}
    for name in {_LIBRARIES!r}:
        try:
            found[name] = version(name)
        except Exception:
            found[name] = None
    try:
        importlib.import_module("symgen.engine")
        found["symgen"] = importlib.import_module("symgen").__version__
    except Exception as error:
        found["symgen"], found["error"] = None, "%s: %s" % (type(error).__name__, error)
    return found
"""
_QUESTION = f"(lambda space: (exec({_PROBE!r}, space), space['probe']())[1])({{}})"
"""Sent as text and run by the built-in eval, because a function of symgen's could not be loaded where it lacks."""


def ask(client: Client, workers: Iterable[str] | None = None, *, scheduler: bool = False) -> Any:
    """Ask the scheduler or workers (all, if none are named) what they have installed.

    Returns
    -------
    dict
        Name to version, None where it is missing; for workers such a dict, or an exception, for each address.
    """

    async def question() -> Any:
        if scheduler:
            return await client.run_on_scheduler(eval, _QUESTION)
        return await client.run(eval, _QUESTION, workers=None if workers is None else list(workers), on_error="return")

    try:
        return client.sync(question, callback_timeout=CHECK_SECONDS)
    except Exception as error:
        raise ClusterError(
            f"the cluster does not say what is installed there ({type(error).__name__}: {error})",
            expected=f"an answer within {CHECK_SECONDS:g} s",
        ) from error


def check(who: str, found: Any, names: Sequence[str]) -> None:
    """Raise ClusterError if a process of the cluster does not have the same installed as this one."""
    if isinstance(found, Exception):
        raise ClusterError(f"{who} does not say what is installed there ({type(found).__name__}: {found})")
    here = eval(_QUESTION)  # noqa: S307 - the text above
    for name in names:
        if found[name] != here[name]:
            has = f"has {name} {found[name]}" if found[name] else f"lacks {name}"
            why = f" ({found['error']})" if name == "symgen" and "error" in found else ""
            raise ClusterError(
                f"{who} {has}{why}",
                expected=f"{name} {here[name]} as here",
                remedy="install the same there and start it again",
            )
