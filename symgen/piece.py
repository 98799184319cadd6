"""Piece: a Score with its origin and an account of what reading it lost or guessed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from symgen.score import Score


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a piece comes from.

    Parameters
    ----------
    path : str
        Path as it was given.
    sha256 : str
        Digest of the file's bytes, hexadecimal.
    format : str
        Name of the reader that read it.
    index : int
        Number of the piece within its file (tune books hold several), from 0.
    source, licence : str
        Corpus name and licence wording; "" if unknown.
    """

    path: str
    sha256: str
    format: str
    index: int = 0
    source: str = ""
    licence: str = ""


@dataclass(slots=True)
class Reading:
    """What a reader returns for one piece: the Score, and a count for each thing not carried over exactly.

    Parameters
    ----------
    score : Score
        The music.
    lost : Counter
        Reason code -> how often something in the source has no place in the Score.
    mended : Counter
        Reason code -> how often a defect was repaired or a missing fact assumed.
    flags : tuple of str
        What the reader doubts about the piece as a whole, such as "low-confidence" in a transcription.
    """

    score: Score
    lost: Counter[str] = field(default_factory=Counter)
    mended: Counter[str] = field(default_factory=Counter)
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """A Score with its provenance and the report of its reading."""

    score: Score
    provenance: Provenance
    lost: Mapping[str, int] = field(default_factory=dict)
    mended: Mapping[str, int] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
