"""What the verbs that take up music are asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from symgen.dials import Dials
from symgen.errors import UsageError
from symgen.files import settle_paths
from symgen.instruments.base import Tuning
from symgen.origin import Ancestor
from symgen.score import Score
from symgen.writers import DEFAULTS, Options


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """What all verbs are asked that work on music that exists; None leaves a choice to the source and the seed.

    Parameters
    ----------
    source : Path, Score or Ancestor
        A file of any format that symgen reads, a score, or a piece of symgen's own by its record.
    piece : int
        Which piece of a tune book, from 1.
    style : str, optional
        guqin, guzheng or folk; by default that of the source.
    tuning : str or Tuning, optional
        A tuning, by name, as a TOML file or as such; by default the one in which the source lies best.
    takes : int
        How many results.
    seed : int, optional
        The same seed gives the same results; drawn if None.
    raw, humanize, humanize_timing, humanize_velocity
        How what is new is played, as in :class:`symgen.planning.request.ComposeRequest`.
    checkpoint : Path, optional
        Folder of a checkpoint; the shipped one by default.
    density, register, ornament, leaps, surprise : float
        What the new part leans to; see :class:`symgen.dials.Dials`.
    temperature, top_p : float
        How boldly to draw.
    versions : int, optional
        Versions that compete while bars are continued or filled in, as in
        :class:`symgen.planning.request.ComposeRequest`; variations and accompaniments are the generator's alone.
    output : Path, optional
        File or folder; the current folder by default.
    format : str, optional
        Format of the files.
    layout : Options
        How tracks, time signatures, names and articulations are written.
    bare : bool
        Write files without the record of their origin.
    max_copy : int, optional
        Most notes in a row, of what is new, that may be shared with the training pieces.
    """

    source: Path | Score | Ancestor
    piece: int = 1
    style: str | None = None
    tuning: str | Tuning | None = None
    takes: int = 1
    seed: int | None = None
    raw: bool = False
    humanize: float = 0.5
    humanize_timing: float | None = None
    humanize_velocity: float | None = None
    checkpoint: Path | None = None
    density: float = 0.5
    register: float = 0.5
    ornament: float = 0.5
    leaps: float = 0.5
    surprise: float = 0.5
    temperature: float = 1.0
    top_p: float = 1.0
    versions: int | None = None
    output: Path | None = None
    format: str | None = None
    layout: Options = DEFAULTS
    bare: bool = False
    max_copy: int | None = None

    def __post_init__(self) -> None:
        settle_paths(self)

    @property
    def dials(self) -> Dials:
        """The dials, checked."""
        return Dials(self.density, self.register, self.ornament, self.leaps, self.surprise)


def given_in(request: Revision) -> Score | Ancestor:
    """Return what a record kept of the source of a request.

    Raises
    ------
    UsageError
        If the request names a file.
    """
    if isinstance(request.source, Path):
        raise UsageError(f"the source {request.source} is a file", expected="the music itself")
    return request.source
