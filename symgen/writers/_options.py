"""How music is laid out for a host: tracks and channels, time signatures, names, articulations."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from symgen.errors import UsageError
from symgen.writers._articulations import GENERAL_MIDI, MOST_BEND_RANGE, ArticulationMap

LAYOUTS = ("merged", "strings", "mpe")
"""Ways to lay a performance out in tracks and channels; docs/DAW.md describes them."""

TIME_SIGNATURES = ("map", "fixed")
"""Every time signature, or one 4/4 for hosts that cannot change it."""

NAMES = ("utf8", "ascii")
"""Encodings of titles, markers, texts and track names."""


@dataclass(frozen=True, slots=True)
class Options:
    """How MIDI files and projects are laid out.

    Parameters
    ----------
    layout : {"merged", "strings", "mpe"}
        One track; a track and channel for each string or bend voice; MIDI Polyphonic Expression. A Score has
        no strings and stays one track a voice.
    time_signatures : {"map", "fixed"}
        Every time signature, or a single 4/4 over the same ticks.
    names : {"utf8", "ascii"}
        Text as it is, or with accents dropped and everything else beyond ASCII escaped.
    articulations : ArticulationMap
        What a sample library wants to be told about techniques; by default nothing.
    bend_range : int, optional
        Semitones of the pitch wheel, 1 to 96, for hosts and instruments that do not take another range from a file;
        curves that go further are struck again. By default what the articulation map says, else the layout.

    Raises
    ------
    UsageError
        If a choice does not exist, or the articulations name channels that the layout gives out itself.
    """

    layout: str = "merged"
    time_signatures: str = "map"
    names: str = "utf8"
    articulations: ArticulationMap = GENERAL_MIDI
    bend_range: int | None = None

    def __post_init__(self) -> None:
        if self.bend_range is not None and not 1 <= self.bend_range <= MOST_BEND_RANGE:
            raise UsageError(
                f"--bend-range {self.bend_range}",
                expected=f"semitones from 1 to {MOST_BEND_RANGE}",
                remedy="2 is what programs and instruments take that are told nothing",
            )
        for option, value, known in (
            ("layout", self.layout, LAYOUTS),
            ("time-signatures", self.time_signatures, TIME_SIGNATURES),
            ("names", self.names, NAMES),
        ):
            if value not in known:
                raise UsageError(f"--{option} {value}", expected=f"one of {', '.join(known)}")
        if self.layout != "merged" and self.articulations.channels:
            raise UsageError(
                f"the articulation map {self.articulations.name} names channels, which the layout {self.layout} "
                "gives out itself",
                remedy="use --layout merged or leave the channels out",
            )

    @property
    def wheel(self) -> int | None:
        """The bend range that is asked for, by itself or by the articulation map; None where the layout decides."""
        return self.bend_range or self.articulations.bend_range

    def spelled(self, text: str) -> str:
        """Return text as the file may hold it: no control characters, no lone surrogates, ASCII if asked for."""
        text = text.encode("utf-8", errors="replace").decode("utf-8")
        if self.names == "utf8":
            return text
        plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
        return plain.encode("ascii", errors="backslashreplace").decode("ascii")


DEFAULTS = Options()
"""One track, every time signature, UTF-8, no articulations."""
