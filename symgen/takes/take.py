"""A take: one piece that a verb made, with all that is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from symgen.copying import CopyReport
from symgen.origin import Guarantee, Promise
from symgen.performance import Performance
from symgen.score import Score
from symgen.takes.ranking import Standing
from symgen.theory.degrees import pitch_class_name
from symgen.tokens.sequence import TokenSequence


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What a take was checked on, kept so that nothing is written and read back twice.

    Parameters
    ----------
    performance : Performance
        What was written.
    data : bytes
        As a MIDI file in the usual layout.
    """

    performance: Performance
    data: bytes


@dataclass(frozen=True, slots=True)
class Take:
    """One composed piece.

    Parameters
    ----------
    score, performance : Score, Performance
        What is written and how it is played.
    tokens : TokenSequence
        As the generator wrote it.
    style, mode, tuning : str
        Style, mode and tuning.
    gong : int
        Pitch class of degree 1.
    metre : str
        Metre.
    tempo : float
        Quarter notes a minute.
    bars : int
        Length.
    seed, take : int
        Seed of the request and number of the take, from 1.
    playable : bool
        Whether every note has its place on the instrument.
    copy : CopyReport or None
        What it shares with the training pieces.
    checkpoint : str
        Digest of the weights.
    standing : Standing or None
        Where it stands among the takes of its request; see :mod:`symgen.takes.ranking`.
    checkpoint_name : str
        Name of its folder.
    path : Path or None
        File it was written to.
    promise : Promise or None
        What it has to be.
    number : int or None
        By which the session of its folder knows it; see :mod:`symgen.takes.session`.
    kept : tuple of Guarantee
        Promises of the verb's own, such as bars that stay as they were.
    guarantees : tuple of Guarantee
        What was promised and what is found in the piece as it is played; once written, read back from its file
        where that is MIDI.
    heard : Heard or None
        The MIDI file that they were found in.
    """

    score: Score
    performance: Performance
    tokens: TokenSequence
    style: str
    mode: str
    tuning: str
    gong: int
    metre: str
    tempo: float
    bars: int
    seed: int
    take: int
    playable: bool
    copy: CopyReport | None
    checkpoint: str
    standing: Standing | None = None
    checkpoint_name: str = ""
    path: Path | None = None
    promise: Promise | None = None
    number: int | None = None
    kept: tuple[Guarantee, ...] = ()
    guarantees: tuple[Guarantee, ...] = ()
    heard: Heard | None = field(default=None, repr=False, compare=False)

    @property
    def seconds(self) -> float:
        """Length in seconds as performed."""
        return replace(self.score, tempi=self.performance.tempi).seconds

    def as_json(self) -> dict[str, Any]:
        """Return what is known of the take as plain data."""
        return {
            "path": None if self.path is None else str(self.path),
            **({} if self.number is None else {"number": self.number}),
            "seed": self.seed,
            "take": self.take,
            "style": self.style,
            "gong": self.gong,
            "gong_name": pitch_class_name(self.gong),
            "mode": self.mode,
            "tuning": self.tuning,
            "metre": self.metre,
            "tempo": self.tempo,
            "bars": self.bars,
            "notes": len(self.score),
            "seconds": round(self.seconds, 3),
            "playable": self.playable,
            "copy": {} if self.copy is None else self.copy.as_json(),
            "checkpoint": self.checkpoint,
            "guarantees": [row.as_json() for row in self.guarantees],
            **({} if self.standing is None else {"rank": self.standing.rank, "score": self.standing.as_json()}),
        }


@dataclass(frozen=True, slots=True)
class ComposeResult:
    """The pieces composed, the best first (see :mod:`symgen.takes.ranking`), and what was assumed or changed before."""

    takes: tuple[Take, ...]
    remarks: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the result as plain data."""
        remarks = {"remarks": list(self.remarks)} if self.remarks else {}
        return {"takes": [take.as_json() for take in self.takes], **remarks}


def in_order_of_take(takes: Sequence[Take]) -> ComposeResult:
    """Return takes as they were made."""
    return ComposeResult(tuple(takes))
