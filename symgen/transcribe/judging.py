"""Where notes end, and which are harmonics (fan 泛), judged from how they ring.

Two small networks, one hidden layer each, read the measures of :mod:`symgen.transcribe.ringing`. One moves the end at
which the tracker lost a note to where its string is damped or has lost 40 dB. The other gives the odds that a note of
a guqin is a harmonic: no single measure tells, for a harmonic rings where a stopped string dies away under the finger,
cannot be bent, and lies high. Harmonics come in passages, so a chain of two states (Rabiner 1989) lets notes in a row
speak for each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from symgen.errors import SymgenError
from symgen.resources import checkpoints_dir
from symgen.score import Technique
from symgen.transcribe.notes import Floats, HeardNote
from symgen.transcribe.ringing import MEASURES, limits

WEIGHTS = "judge.safetensors"
"""Name of the file of weights, beside those of the transcriber."""

SHORTEST_S = 0.05

BEGINS, STAYS, EVIDENCE, SURE = 0.02, 0.92, 0.6, 0.0
"""Chance that a harmonic follows on another note, and on a harmonic; weight of the evidence of single notes, which
depend on each other; log odds from which a note is called a harmonic."""

PRIOR = 0.12
"""Share of harmonics among the notes that the network was taught with."""


class JudgeError(SymgenError):
    """The judge's weights are missing or are not what they should be."""


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """Weights: `means` and `deviations` of the measures, and of each network two matrices and two biases.

    Raises
    ------
    ValueError
        If shapes do not fit.
    """

    means: Floats
    deviations: Floats
    end: tuple[Floats, ...]
    harmonic: tuple[Floats, ...]

    def __post_init__(self) -> None:
        count = len(MEASURES)
        for first, bias, second, last in (self.end, self.harmonic):
            width = len(bias)
            if (first.shape, second.shape, last.shape) != ((width, count), (1, width), (1,)):
                raise ValueError(f"weights of shapes {first.shape}, {second.shape}, {last.shape}")
        if self.means.shape != (count,) or self.deviations.shape != (count,) or not (self.deviations > 0.0).all():
            raise ValueError("means and deviations that do not fit the measures")

    @classmethod
    def of(cls, weights: Mapping[str, NDArray[np.floating]]) -> Judge:
        """Return the judge of named arrays, as a file holds them."""
        held = {name: np.asarray(value, np.float64) for name, value in weights.items()}
        parts = ("0.weight", "0.bias", "2.weight", "2.bias")
        end, harmonic = (tuple(held[f"{name}.{part}"] for part in parts) for name in ("end", "harmonic"))
        return cls(held["means"], held["deviations"], end, harmonic)

    def seconds(self, measured: Floats) -> Floats:
        """Return how long notes last, shape (notes,), from their measures, shape (notes, measures)."""
        given = measured[:, MEASURES.index("log seconds")]
        found: Floats = np.exp(given + self._run(self.end, measured))
        return found

    def odds(self, measured: Floats) -> Floats:
        """Return the log odds that notes are harmonics, each by itself."""
        return self._run(self.harmonic, measured)

    def _run(self, network: tuple[Floats, ...], measured: Floats) -> Floats:
        first, bias, second, last = network
        hidden = np.tanh((measured - self.means) / self.deviations @ first.T + bias)
        out: Floats = (hidden @ second.T + last)[:, 0]
        return out


def load_judge(folder: Path | None = None) -> Judge:
    """Return the judge with the weights of a folder, by default the shipped ones.

    Raises
    ------
    JudgeError
        If the file is missing or does not fit.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    folder = folder or checkpoints_dir() / "plucked"
    try:
        return Judge.of(load_file(folder / WEIGHTS))
    except (OSError, KeyError, TypeError, ValueError, SafetensorError) as error:
        raise JudgeError(f"{folder / WEIGHTS}: {error}", expected="weights that fit", remedy="reinstall") from error


def ended(notes: Sequence[HeardNote], measured: Floats, judge: Judge, seconds: float) -> list[HeardNote]:
    """Return the notes with the ends that the judge gives them, none beyond the next stroke of its pitch."""
    if not notes:
        return []
    lengths = np.clip(judge.seconds(measured), SHORTEST_S, np.maximum(SHORTEST_S, limits(notes, seconds)))
    return [_until(note, note.onset_s + length) for note, length in zip(notes, lengths.tolist(), strict=True)]


def _until(note: HeardNote, end: float) -> HeardNote:
    times, cents = note.bend
    kept = times <= end
    if kept.sum() < len(times):
        last = float(np.interp(end, times, cents))
        times, cents = np.append(times[kept], end), np.append(cents[kept], last)
    return replace(note, offset_s=end, bend=(times, cents))


def with_harmonics(notes: Sequence[HeardNote], measured: Floats, judge: Judge) -> list[HeardNote]:
    """Return the notes, plain ones that sound as harmonics marked so."""
    if not notes:
        return []
    odds = chained(judge.odds(measured))
    return [
        replace(note, technique=Technique.HARMONIC) if note.technique == Technique.PLUCK and sure > SURE else note
        for note, sure in zip(notes, odds.tolist(), strict=True)
    ]


def chained(odds: Floats) -> Floats:
    """Return the log odds of notes in a row, by passing the evidence of each forwards and backwards."""
    steps = np.log(np.array([[1.0 - BEGINS, BEGINS], [1.0 - STAYS, STAYS]]))
    told = np.stack([np.zeros(len(odds)), EVIDENCE * (odds - np.log(PRIOR / (1.0 - PRIOR)))], axis=1)
    ahead, back = told.copy(), np.zeros_like(told)
    ahead[0] += np.log([1.0 - PRIOR, PRIOR])
    for at in range(1, len(told)):
        ahead[at] += np.logaddexp(ahead[at - 1, 0] + steps[0], ahead[at - 1, 1] + steps[1])
    for at in range(len(told) - 2, -1, -1):
        coming = told[at + 1] + back[at + 1]
        back[at] = np.logaddexp(steps[:, 0] + coming[0], steps[:, 1] + coming[1])
    both = ahead + back
    result: Floats = both[:, 1] - both[:, 0]
    return result
