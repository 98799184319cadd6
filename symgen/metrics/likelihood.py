"""Bits per note of checkpoints beside tables of counts, on the same pieces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from symgen.errors import CheckpointError
from symgen.metrics.ngram import NGramConfig, fit_ngram
from symgen.metrics.statistics import pooled
from symgen.models.checkpoint import Checkpoint
from symgen.models.generator import Generator, GeneratorConfig
from symgen.models.losses import bits_per_note
from symgen.models.windows import Pieces
from symgen.progress import Progress
from symgen.tokens import melody
from symgen.tokens.sequence import TokenSequence

NGRAMS = {
    "interpolated trigram": NGramConfig(order=3),
    "interpolated 5-gram with beat phase": NGramConfig(5, phase=True),
}
"""The tables of counts that a checkpoint stands beside; the second is the best found on guqin and on folk pieces."""


def bits_table(
    validation: Sequence[TokenSequence],
    training: Mapping[str, Sequence[TokenSequence]],
    style: str,
    checkpoints: Mapping[str, Checkpoint],
    seed: int,
    progress: Progress,
) -> dict[str, dict[str, float]]:
    """Return bits per note on the validation pieces by model, and how many more than the checkpoint's.

    Parameters
    ----------
    validation : sequence of TokenSequence
        Pieces of the style that are measured.
    training : mapping of str to sequence of TokenSequence
        What tables of counts learn from, by style.
    style : str
        The style measured.
    checkpoints : mapping of str to Checkpoint
        ``checkpoint``, which the others are compared with, and others.
    seed : int
        Of the intervals.
    progress : Progress
        Told what is being measured.

    Raises
    ------
    CheckpointError
        If the weights of a checkpoint do not fit its sizes.
    """
    notes = np.array([np.count_nonzero(piece.melody != melody.REST) for piece in validation], dtype=float)
    rates: dict[str, list[float]] = {}
    for name, checkpoint in checkpoints.items():
        progress(f"measuring the likelihood of {name}")
        model = _generator(checkpoint)
        rates[name] = [bits_per_note(model, Pieces([piece])) for piece in validation]
    for name, config in NGRAMS.items():
        progress(f"counting for the {name}")
        ngram = fit_ngram(training, style, config, seed)
        rates[name] = [ngram.bits_per_note([piece]) for piece in validation]
    first = np.array(rates["checkpoint"])
    return {name: _bits_row(np.array(rate), np.array(rate) - first, notes, seed) for name, rate in rates.items()}


def _bits_row(
    rates: NDArray[np.float64], more: NDArray[np.float64], notes: NDArray[np.float64], seed: int
) -> dict[str, float]:
    """Return bits a note and the difference, each with its 95 % interval, from those of each piece."""
    bits, low, high = pooled(np.stack([rates * notes, notes], axis=1), seed)
    difference, least, most = pooled(np.stack([more * notes, notes], axis=1), seed)
    names = ("bits", "low", "high", "more", "more_low", "more_high")
    return {n: round(v, 4) for n, v in zip(names, (bits, low, high, difference, least, most), strict=True)}


def _generator(checkpoint: Checkpoint) -> Generator:
    """Return the checkpoint's generator in torch."""
    try:
        model = Generator(GeneratorConfig(**checkpoint.config))
        model.load_state_dict({n: torch.from_numpy(np.float32(w)) for n, w in checkpoint.weights.items()})
    except (TypeError, RuntimeError) as error:
        raise CheckpointError(
            f"the weights of {checkpoint.path} do not fit its sizes ({str(error).splitlines()[0]})",
            remedy="get the checkpoint again",
        ) from error
    return model
