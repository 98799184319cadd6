"""Windows for the two-sample test: what of a step the classifier sees, and where the windows come from.

Two ways to compare: continuations of real contexts beside what really followed them, and windows of wholly
composed pieces beside windows of real ones. A third draws real windows for both classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from symgen.errors import CorpusError
from symgen.models.contest import Ear
from symgen.models.context import Context
from symgen.models.features import FEATURES, PLACE
from symgen.models.rollout import Masks, continue_pieces
from symgen.models.runtime import Runtime
from symgen.models.windows import Batch, Pieces
from symgen.tokens import chord, melody, rhythm

Integers = NDArray[np.int64]

_WIDEST = 24
_FARTHEST = 32
_PHASE: Final = PLACE["phase"]
_ROWS = 128
_PASSAGE: Final = 128
_PATIENCE: Final = 50


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of the samples.

    Parameters
    ----------
    window, seen : int
        Steps of a window, and real steps before it that a continuation is written after.
    train, test : int
        Windows of each class to learn from and to be asked about.
    """

    window: int = 32
    seen: int = 16
    train: int = 768
    test: int = 256


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows as the classifier sees them.

    Parameters
    ----------
    values : ndarray of int64, shape (windows, steps, len(COLUMNS))
        What each step shows.
    pieces : ndarray of int64, shape (windows,)
        Number of the piece that each window comes from: splits and resamples keep pieces whole.
    starts : ndarray of int64, shape (windows,)
        Step of the piece at which each window begins.
    """

    values: Integers
    pieces: Integers
    starts: Integers

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True)
class Sample:
    """Real windows and composed ones."""

    real: Windows
    composed: Windows


MasksOf = Callable[[tuple[int, int], Context], Masks]
"""Gives what strikes out tokens of the continuation at a place, with its context."""

Draw = Callable[[int], tuple[Sample, Sample]]
"""Gives the windows to learn from and those to be asked about, for a seed."""


COLUMNS: Final[dict[str, int]] = {
    "degree": int(melody.VOCABULARY.factors["degree"].max()) + 1,
    "octave": int(melody.VOCABULARY.factors["octave"].max()) + 1,
    "technique": int(melody.VOCABULARY.factors["technique"].max()) + 1,
    "leap": 2 * _WIDEST + 2,
    "interval": int(rhythm.VOCABULARY.factors["interval"].max()) + 1,
    "length": int(rhythm.VOCABULARY.factors["length"].max()) + 1,
    "chord": int(chord.VOCABULARY.factors["first"].max()) + 1,
    "phase": FEATURES["phase"],
    "since_tone": _FARTHEST + 1,
    "since_pair": _FARTHEST + 1,
}
"""What a step shows the classifier, each with the number of its values.

leap: semitones from the tone before, within the window. chord: interval from the melody to the next tone below.
phase: place in the quarter. since_tone, since_pair: steps since this token, and this token after the one before
it, stood in the window, 0 if never: a small network does not find repetition by itself.
"""


def windows_of(batch: Batch, length: int, places: Sequence[tuple[int, int]]) -> Windows:
    """Return the last `length` steps of each row of a batch, from these (piece, step), as the classifier sees them."""
    steps = batch.steps[:, -length:]
    rhythms, tones, chords = steps[..., 0], steps[..., 1], steps[..., 2]
    columns = [melody.VOCABULARY.factors[name][tones] for name in ("degree", "octave", "technique")]
    columns.append(_leaps(tones))
    columns += [rhythm.VOCABULARY.factors[name][rhythms] for name in ("interval", "length")]
    columns.append(chord.VOCABULARY.factors["first"][chords])
    columns.append(batch.features[:, -length:, _PHASE])
    pairs = tones[:, 1:] * len(melody.VOCABULARY) + tones[:, :-1]
    columns += [_since(tones), np.pad(_since(pairs), ((0, 0), (1, 0)))]
    numbers = np.array(places, dtype=np.int64).reshape(-1, 2)
    return Windows(np.stack(columns, axis=-1).astype(np.int64), numbers[:, 0], numbers[:, 1])


def real_windows(pieces: Pieces, places: Sequence[tuple[int, int]], length: int) -> Windows:
    """Return the windows of real pieces that begin at each (piece, step)."""
    return windows_of(pieces.batch(places, length), length, places)


def continuations(
    runtime: Runtime,
    pieces: Pieces,
    places: Sequence[tuple[int, int]],
    sizes: Sizes,
    rng: np.random.Generator,
    *,
    temperature: float = 1.0,
    top_p: float = 1.0,
    masks: MasksOf | None = None,
    ear: Ear | None = None,
) -> Windows:
    """Return what the generator writes at each (piece, step) after the real steps before it."""
    parts = []
    at_once = max(1, _ROWS // (1 if ear is None else ear.versions))
    for first in range(0, len(places), at_once):
        some = places[first : first + at_once]
        batch = continue_pieces(
            runtime,
            pieces,
            some,
            seen=sizes.seen,
            length=sizes.window,
            rng=rng,
            temperature=temperature,
            top_p=top_p,
            masks=masks,
            ear=ear,
        )
        parts.append(windows_of(batch, sizes.window, some))
    values, numbers, starts = zip(*((part.values, part.pieces, part.starts) for part in parts), strict=True)
    return Windows(np.concatenate(values), np.concatenate(numbers), np.concatenate(starts))


def draw_continuations(
    runtime: Runtime,
    training: Pieces,
    unseen: Pieces,
    sizes: Sizes,
    *,
    temperature: float = 1.0,
    top_p: float = 1.0,
    masks: tuple[MasksOf, MasksOf] | None = None,
    ear: Ear | None = None,
) -> Draw:
    """Return how to draw real windows and continuations of the same real contexts, which an `ear` may hear.

    `masks` are those of training and of unseen pieces, see :func:`symgen.models.rollout.continue_pieces`.
    """

    def draw(seed: int) -> tuple[Sample, Sample]:
        rng = np.random.default_rng([seed, 1])
        samples = []
        for side, (pieces, count) in enumerate(((training, sizes.train), (unseen, sizes.test))):
            places = _places(pieces, count, sizes, rng)
            own = None if masks is None else masks[side]
            written = continuations(
                runtime, pieces, places, sizes, rng, temperature=temperature, top_p=top_p, masks=own, ear=ear
            )
            samples.append(Sample(real_windows(pieces, places, sizes.window), written))
        return samples[0], samples[1]

    return draw


def draw_whole_pieces(training: Pieces, unseen: Pieces, composed: Pieces, sizes: Sizes) -> Draw:
    """Return how to draw windows of real pieces and of wholly composed ones.

    A third of the composed pieces, others for each seed, are kept for the questions.
    """

    def draw(seed: int) -> tuple[Sample, Sample]:
        rng = np.random.default_rng([seed, 2])
        samples = []
        shares = _halves(composed, rng, 2 / 3)
        for pieces, count, among in zip((training, unseen), (sizes.train, sizes.test), shares, strict=True):
            windows = _some(composed, count, sizes, rng, among)
            # Negative numbers: a composed piece is none of the real ones.
            samples.append(Sample(_some(pieces, count, sizes, rng), replace(windows, pieces=-1 - windows.pieces)))
        return samples[0], samples[1]

    return draw


def draw_floor(training: Pieces, unseen: Pieces, sizes: Sizes, *, by_passage: bool = False) -> Draw:
    """Return how to draw real windows for both classes: what the test says where all is real.

    No piece is in both classes. With `by_passage`, for styles of too few pieces, every piece is in both, but no
    passage of 128 steps: as the continuations of a piece stand beside windows of the same piece.
    """

    def draw(seed: int) -> tuple[Sample, Sample]:
        rng = np.random.default_rng([seed, 3])
        samples = []
        for pieces, count in ((training, sizes.train), (unseen, sizes.test)):
            if by_passage:
                parity = rng.integers(0, 2, size=len(pieces))
                sides = [_of_passages(pieces, count, sizes, rng, parity ^ side) for side in (0, 1)]
            else:
                sides = [_some(pieces, count, sizes, rng, half) for half in _halves(pieces, rng, 1 / 2)]
            samples.append(Sample(*sides))
        return samples[0], samples[1]

    return draw


def _of_passages(pieces: Pieces, count: int, sizes: Sizes, rng: np.random.Generator, parity: Integers) -> Windows:
    """Draw windows that lie within every second passage of a piece, of the odd ones where its parity is 1."""
    places: list[tuple[int, int]] = []
    for _ in range(_PATIENCE):
        drawn = _places(pieces, 4 * count, sizes, rng)
        first, last = (np.array([step + more for _, step in drawn]) // _PASSAGE for more in (0, sizes.window - 1))
        kept = (first == last) & (first % 2 == parity[[piece for piece, _ in drawn]])
        places += [drawn[row] for row in np.flatnonzero(kept).tolist()]
        if len(places) >= count:
            return real_windows(pieces, places[:count], sizes.window)
    raise CorpusError(
        f"{len(pieces)} pieces have too few windows of {sizes.window} steps to deal out by passage",
        expected=f"pieces of more than {2 * _PASSAGE} steps",
    )


def _room(pieces: Pieces, sizes: Sizes) -> Integers:
    """Return how many places each piece has that a window with the steps before it fits."""
    return np.maximum(0, pieces.lengths - sizes.window - sizes.seen + 1)


def _halves(pieces: Pieces, rng: np.random.Generator, share: float) -> tuple[Integers, Integers]:
    """Deal the pieces out into two sets, `share` of them into the first."""
    order = rng.permutation(len(pieces))
    cut = round(share * len(order))
    return order[:cut], order[cut:]


def _places(
    pieces: Pieces, count: int, sizes: Sizes, rng: np.random.Generator, among: Integers | None = None
) -> list[tuple[int, int]]:
    """Draw places for windows with the steps before them, from pieces in proportion to the places they have."""
    room = _room(pieces, sizes)
    if among is not None:
        room = np.where(np.isin(np.arange(len(room)), among), room, 0)
    ends = np.cumsum(room)
    if not len(ends) or not ends[-1]:
        raise CorpusError(
            f"none of {len(room) if among is None else len(among)} pieces has {sizes.window + sizes.seen} steps",
            expected="a piece long enough for a window with its context",
        )
    drawn = rng.integers(0, ends[-1], size=count)
    chosen = np.searchsorted(ends, drawn, side="right")
    steps = drawn - ends[chosen] + room[chosen] + sizes.seen
    return list(zip(chosen.tolist(), steps.tolist(), strict=True))


def _some(pieces: Pieces, count: int, sizes: Sizes, rng: np.random.Generator, among: Integers | None = None) -> Windows:
    return real_windows(pieces, _places(pieces, count, sizes, rng, among), sizes.window)


def _leaps(tones: Integers) -> Integers:
    """Return the class of the leap into each tone (B, T) from the tone before; 0 for rests and the first tone."""
    leaps = np.zeros_like(tones)
    last = np.full(len(tones), np.iinfo(np.int64).min)
    for time in range(tones.shape[1]):
        struck = tones[:, time] != melody.REST
        pitch = melody.RELATIVE[tones[:, time]]
        known = struck & (last > np.iinfo(np.int64).min)
        leap = np.clip(pitch - np.where(known, last, pitch), -_WIDEST, _WIDEST) + _WIDEST + 1
        leaps[:, time] = np.where(known, leap, 0)
        last = np.where(struck, pitch, last)
    return leaps


def _since(values: Integers) -> Integers:
    """Return how many steps ago each value (B, T) last stood in its row, 0 if never, at most 32 ago."""
    result = np.zeros_like(values)
    for back in range(min(_FARTHEST, values.shape[1] - 1), 0, -1):  # the nearest is written last
        result[:, back:][values[:, back:] == values[:, :-back]] = back
    return result
