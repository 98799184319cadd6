"""Form: the sections of a piece, as a file or a text plans them and as they come out for a number of bars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Literal

Cadence = Literal["final", "fifth", "open", "1", "2", "3", "5", "6"]
"""Where a section closes: on the final of the mode, on the tone that makes a pair with it, on any zheng tone, or on
the degree named."""

FEWEST_BARS = 2
"""No section is shorter."""

MOST_BARS = 10_000
"""No piece is planned longer: it only stops absurd requests."""


@dataclass(frozen=True, slots=True)
class Modulation:
    """A move by one fifth and back.

    Parameters
    ----------
    steps : int
        Steps in the circle of fifths, -1 or 1.
    name, chinese : str
        What it is called.
    """

    steps: int
    name: str
    chinese: str


MODULATIONS: Mapping[str, Modulation] = MappingProxyType(
    {
        move.name: move
        for move in (Modulation(-1, "qingjue-wei-gong", "清角为宫"), Modulation(1, "biangong-wei-jue", "变宫为角"))
    }
)
"""By name: the fourth degree becomes gong, a fifth down; the seventh becomes jue, a fifth up (Lam 2024)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionForm:
    """A section as a form describes it, for pieces of any length.

    Exactly one of `share`, `bars` and `beats` is more than 0.

    Parameters
    ----------
    name, chinese : str
        ASCII mark in capitals and Chinese title; names of :data:`symgen.instruments.sections.ROLES` are played so.
    share : float
        Weight in the bars that sections of fixed length leave.
    bars, beats : int
        Fixed length.
    least : int
        Fewest bars of a section with a share.
    from_bars : int
        The section is left out of pieces with fewer bars.
    tempo : tuple of float
        Factors of the piece's tempo in the first and the last bar.
    density, register, leaps : float
        Dials, 0 to 1; 0.5 is as the style has it.
    harmonics : bool
        Written in harmonics throughout.
    free : bool
        In free time (sanban 散板).
    theme : str
        A capital letter; sections of one letter have one theme. Empty for none.
    variation : float
        0 to 1: how much a returning theme is changed. 0 at its first statement.
    modulation : int
        Steps in the circle of fifths away from the piece's gong: -1, 0 or 1.
    modulates : bool
        The section goes to another gong if a modulation is asked for.
    cadence : str
        Where it closes.
    """

    name: str
    chinese: str = ""
    share: float = 0.0
    bars: int = 0
    beats: int = 0
    least: int = FEWEST_BARS
    from_bars: int = 0
    tempo: tuple[float, float] = (1.0, 1.0)
    density: float = 0.5
    register: float = 0.5
    leaps: float = 0.5
    harmonics: bool = False
    free: bool = False
    theme: str = ""
    variation: float = 0.0
    modulation: int = 0
    modulates: bool = False
    cadence: Cadence = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """How a form of fixed length goes round again.

    Parameters
    ----------
    tempo : float
        Factor that the last round's tempo has more than the first's; those between rise evenly in ratio.
    variation : float
        How much each later round changes the themes of the first, 0 to 1.
    """

    tempo: float = 1.0
    variation: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A plan of sections.

    Parameters
    ----------
    name, chinese, doc : str
        Name on the command line, Chinese name, and one line that says what it is.
    styles : tuple of str
        Styles it suits; empty for any.
    sections : tuple of SectionForm
        In order.
    rounds : tuple of Rounds
        None, or one: then the form may go round again.
    """

    name: str
    chinese: str = ""
    doc: str = ""
    styles: tuple[str, ...] = ()
    sections: tuple[SectionForm, ...]
    rounds: tuple[Rounds, ...] = ()

    @property
    def fixed(self) -> bool:
        """True if no section has a share, so that its length is given."""
        return not any(section.share for section in self.sections)

    def as_json(self) -> dict[str, Any]:
        """Return the form as plain data."""
        facts = asdict(self)
        return facts | {"rounds": facts["rounds"][0] if self.rounds else None}


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionPlan:
    """A section of a piece of known length.

    Parameters
    ----------
    name, chinese : str
        ASCII mark, numbered where the name comes twice, and Chinese title.
    start, bars : int
        First bar of the piece, from 0, and number of bars.
    tempo, tempo_end : float
        Factors of the piece's tempo in the first and the last bar.
    density, register, leaps : float
        Dials, 0 to 1; 0.5 is as the style has it.
    harmonics, free : bool
        Written in harmonics throughout; in free time.
    theme : str
        Letter of its theme; empty for none.
    variation : float
        How much a returning theme is changed, 0 to 1; 0 at its first statement.
    source : tuple of int
        For each bar the bar of the piece, from 0, whose music comes back; empty if nothing does.
    modulation : int
        Steps in the circle of fifths away from the piece's gong: -1, 0 or 1.
    cadence : str
        Where it closes: "final", "fifth", "open", or a degree in jianpu.
    """

    name: str
    chinese: str
    start: int
    bars: int
    tempo: float
    tempo_end: float
    density: float
    register: float
    leaps: float
    harmonics: bool
    free: bool
    theme: str
    variation: float
    source: tuple[int, ...]
    modulation: int
    cadence: Cadence

    @property
    def stop(self) -> int:
        """Bar after the last, from 0."""
        return self.start + self.bars

    @property
    def returns(self) -> bool:
        """True if a theme comes back."""
        return bool(self.source)

    @property
    def closes(self) -> bool:
        """True if it ends on a tone that is asked for and stays there."""
        return self.cadence != "open"

    def as_json(self) -> dict[str, Any]:
        """Return the section as plain data."""
        return asdict(self)
