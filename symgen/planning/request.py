"""What a person asks for, in musical words, and the same with its fixed parts checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from symgen.dials import Dials
from symgen.files import settle_paths
from symgen.forms import Form
from symgen.instruments.base import Instrument, Tuning
from symgen.motif import Motif
from symgen.sampling import Sampling
from symgen.score import Metre
from symgen.styles import Style
from symgen.writers import DEFAULTS, Options


@dataclass(frozen=True, slots=True)
class ComposeRequest:
    """What to compose; None leaves a choice to the style and the seed.

    Parameters
    ----------
    style : str
        guqin, guzheng or folk.
    mode : str, optional
        gong, shang, jue, zhi or yu.
    gong : str or int, optional
        Pitch of degree 1, by name or as a pitch class 0..11.
    tuning : str or Tuning, optional
        A tuning of the instrument, by name, as a TOML file or as such.
    tempo : float, optional
        Quarter notes a minute, 20..300.
    metre : str, optional
        Such as "4/4".
    bars, seconds : int, float, optional
        Length; not both.
    motif : str, optional
        How the piece begins, in jianpu: ``5 6 1' 2' | 3' - 2' 1'``; with a form, how its first theme does.
    form : str or Form, optional
        Plan of its sections: a name, a TOML file, or a short text such as ``A8 B8 A'8``; see :mod:`symgen.forms`.
    modulate : str, optional
        Modulation of the sections that may go to another gong: qingjue-wei-gong or biangong-wei-jue.
    takes : int
        How many pieces.
    seed : int, optional
        The same seed composes the same pieces; drawn if None.
    raw : bool
        Write the quantised score without performance.
    humanize : float
        How freely it is played, 0 to 1: 0 keeps grid, tempo and even velocities, ornaments are always there.
    humanize_timing, humanize_velocity : float, optional
        The same for onsets and tempo, and for velocities, where they differ from `humanize`.
    checkpoint : Path, optional
        Folder of a checkpoint; the shipped one by default.
    density, register, ornament, leaps, surprise : float
        Dials from 0 to 1, 0.5 as the style has it; see :class:`symgen.dials.Dials`.
    temperature, top_p : float
        How boldly to draw; see :class:`symgen.sampling.Sampling`.
    versions : int, optional
        Versions of a piece that are written side by side, of which the adversary keeps what sounds most as if people
        had written it, 1 to 64; 1 is the generator alone. See :mod:`symgen.listening`.
    output : Path, optional
        File or folder for :func:`compose_files`; the current folder by default.
    format : str, optional
        Format of the files, by name or suffix; by default the suffix of `output`, or MIDI.
    layout : Options
        How tracks, time signatures, names and articulations are written.
    max_copy : int, optional
        Most notes in a row that may be shared with the training pieces, 7 or more.
    bare : bool
        Write files without the record of their origin, in them or beside them.
    """

    style: str
    mode: str | None = None
    gong: str | int | None = None
    tuning: str | Tuning | None = None
    tempo: float | None = None
    metre: str | None = None
    bars: int | None = None
    seconds: float | None = None
    motif: str | None = None
    form: str | Form | None = None
    modulate: str | None = None
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
    max_copy: int | None = None
    bare: bool = False

    def __post_init__(self) -> None:
        settle_paths(self)

    @property
    def dials(self) -> Dials:
        """The dials, checked."""
        return Dials(self.density, self.register, self.ornament, self.leaps, self.surprise)


@dataclass(frozen=True, slots=True)
class Wish:
    """A request with its fixed parts checked; what is None is drawn for each take.

    Parameters
    ----------
    style, instrument : Style, Instrument
        What is composed in, and for.
    mode, gong, tuning : str, int, Tuning or None
        What was asked for.
    metre : Metre
        Of the whole piece.
    dials : Dials
        What the piece leans to.
    sampling : Sampling
        How boldly to draw.
    seed : int
        As asked for, or drawn.
    motif : Motif or None
        How it begins.
    form : Form or None
        Plan of its sections.
    modulation : int
        Of the sections that may modulate, in steps of the circle of fifths.
    """

    style: Style
    instrument: Instrument
    mode: str | None
    gong: int | None
    tuning: Tuning | None
    metre: Metre
    dials: Dials
    sampling: Sampling
    seed: int
    motif: Motif | None = None
    form: Form | None = None
    modulation: int = 0
