"""How much of a piece hands can play: the share of its notes that fingering finds a place for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from symgen.instruments import get_instrument
from symgen.instruments.base import Instrument, Tuning
from symgen.instruments.fingering import finger
from symgen.metrics.statistics import pooled
from symgen.score import Score
from symgen.styles import get_style
from symgen.tokens.codec import decode
from symgen.tokens.sequence import TokenSequence

Ratio = tuple[float, float]


def played_notes(sequence: TokenSequence, instrument: Instrument) -> Ratio | None:
    """Return how many notes of a piece have a place on the instrument, and of how many; None for a voice.

    Sources write zither music in any key, and a composed piece is asked the same question: the piece is moved so
    that its gong is one of a tuning, its lowest note in the lowest octave or the next that the strings have, and
    the tuning that serves it best counts.
    """
    tunings = [tuning for tuning in instrument.tunings.values() if tuning.open_pitches]
    score = decode(sequence)
    if not tunings or not len(score):
        return None
    best = 0
    for moved, tuning in _settings(score, sequence.gong, tunings):
        placed = sum(place is not None for place in finger(moved, instrument, tuning).placements)
        best = max(best, placed)
        if best == len(score):
            break
    return float(best), float(len(score))


def playing(style: str, columns: Mapping[str, Sequence[TokenSequence]], seed: int, most: int = 60) -> dict[str, Any]:
    """Return the share of notes of each set of pieces that have a place on the style's instrument, with its interval.

    Of the first `most` pieces; nothing for a voice.
    """
    instrument = get_instrument(get_style(style).instrument)
    found = {}
    for name, pieces in columns.items():
        played = [ratio for piece in pieces[:most] if (ratio := played_notes(piece, instrument)) is not None]
        if played:
            found[name] = [round(value, 5) for value in pooled(np.array(played), seed)]
    return found


def _settings(score: Score, gong: int, tunings: Iterable[Tuning]) -> Iterator[tuple[Score, Tuning]]:
    """Yield the piece moved onto each tuning, in two octaves."""
    lowest = int(score.notes["pitch"].min())
    plain = replace(score, tempi=())
    for tuning in tunings:
        bottom = min(tuning.open_pitches)
        for target in tuning.gongs[:1]:
            up = (target - gong) % 12
            first = up - 12 * ((lowest + up - bottom) // 12)  # the lowest octave in which all notes are on the strings
            for shift in (first, first + 12):
                if lowest + shift >= 0 and int(score.notes["pitch"].max()) + shift <= 127:
                    yield plain.transpose(shift), tuning
