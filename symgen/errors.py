"""The error family: one clear line for every way in which things go wrong.

Every error that a user can cause derives from :class:`SymgenError` and is built from up to three
parts: what was *found*, what was *expected*, and the *remedy*. The command line prints that line and
ends with ``exit_code``; nothing else decides how an error looks.
"""

from __future__ import annotations

from typing import Any, ClassVar


class SymgenError(Exception):
    """Base of all errors that symgen raises on purpose.

    Parameters
    ----------
    found : str
        What was found, naming the file, bar, byte or option concerned.
    expected : str, optional
        What would have been right.
    remedy : str, optional
        What the user can do next.

    Attributes
    ----------
    exit_code : int
        Exit status of the command line: 1 where the work failed, 2 where the request was wrong.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, found: str, *, expected: str = "", remedy: str = "") -> None:
        self.found = found
        self.expected = expected
        self.remedy = remedy
        super().__init__(found, expected, remedy)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.found, self.expected, self.remedy)  # worker processes hand errors back

    def __str__(self) -> str:
        parts = [self.found]
        if self.expected:
            parts.append(f"expected {self.expected}")
        if self.remedy:
            parts.append(self.remedy)
        return one_line("; ".join(parts))


class UsageError(SymgenError):
    """A request that cannot be met as it stands: unknown style, impossible mode, bad option."""

    exit_code: ClassVar[int] = 2


class ScoreError(SymgenError, ValueError):
    """A Score or Performance whose fields break an invariant."""


class ReadError(SymgenError):
    """A file that is unreadable, empty, too large, or not what its format promises.

    Parameters
    ----------
    found, expected, remedy : str
        As in every error.
    code : str, optional
        Stable reason code, a row of :data:`symgen.readers.DEFECTS`: messages may be worded anew, codes not.
    """

    def __init__(self, found: str, *, expected: str = "", remedy: str = "", code: str = "unreadable") -> None:
        super().__init__(found, expected=expected, remedy=remedy)
        self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_read, (type(self), self.found, self.expected, self.remedy, self.code)


class WriteError(SymgenError):
    """A result that could not be written; nothing partial is left behind."""


class TokenError(SymgenError, ValueError):
    """Tokens outside the vocabulary, or music that tokens cannot hold."""


class CorpusError(SymgenError):
    """A dataset that is missing, damaged, or of another vocabulary or version."""


class CheckpointError(SymgenError):
    """A checkpoint that is missing, damaged, or of another vocabulary or version."""


class ClusterError(SymgenError):
    """A cluster that cannot do the work: nothing or another version installed there, or lost amid the work."""


class PlayabilityError(SymgenError):
    """Music that the instrument cannot play; names bar, notes and rule."""


def _rebuild(kind: type[SymgenError], found: str, expected: str, remedy: str) -> SymgenError:
    return kind(found, expected=expected, remedy=remedy)


def _rebuild_read(kind: type[ReadError], found: str, expected: str, remedy: str, code: str) -> ReadError:
    return kind(found, expected=expected, remedy=remedy, code=code)


def one_line(text: str) -> str:
    """Return `text` with control characters and line breaks made visible, safe for a terminal.

    Text from files and file names is data: it must never move a cursor or forge a second line.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
