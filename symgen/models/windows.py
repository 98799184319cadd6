"""Windows of token pieces.

Lengths and prefixes of all pieces are known at once; a piece
itself is read, and its features worked out, when a window of it is cut. So a training starts at once on a dataset
of any size, and one that is small enough is worked out once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from symgen.corpus.dataset import Dataset
from symgen.models.columns import piece_features
from symgen.models.context import Context
from symgen.models.features import FEATURES
from symgen.models.metres import barred, metre_classes
from symgen.models.stretch import stretch
from symgen.models.wishes import passage_levels
from symgen.score import Metre
from symgen.tokens.prefix import FIELDS
from symgen.tokens.sequence import TokenArray, TokenSequence

KEPT_STEPS: Final = 2_000_000
"""Steps of the pieces that are kept ready; a step takes about 70 bytes."""

_METRE = list(FIELDS).index("metre")


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded windows.

    Parameters
    ----------
    steps : ndarray of int64, shape (B, T + 1, 3)
        The step before the window (0 at the beginning of a piece), then the window; 0 where padded.
    features : ndarray of int64, shape (B, T, len(FEATURES))
        What is known of each step before it is chosen.
    prefix : ndarray of int64, shape (B, len(FIELDS))
        Prefix numbers.
    mask : ndarray of bool, shape (B, T)
        Which steps are real.
    """

    steps: NDArray[np.int64]
    features: NDArray[np.int64]
    prefix: NDArray[np.int64]
    mask: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece ready to cut windows from.

    Parameters
    ----------
    steps : ndarray of int16, shape (steps + 1, 3)
        Its tokens, after a step of zeros.
    features : ndarray of int16, shape (steps, len(FEATURES))
        What is known of each step before it is chosen.
    levels : ndarray of int8, shape (steps, len(DIALS))
        How dense, leaping and high the passage of each step is.
    classes : ndarray of int8, shape (steps,)
        Number of the metre class that holds at each step.
    metres : tuple of Metre
        Metre map; empty if unknown.
    end : int
        Length in ticks.
    """

    steps: TokenArray
    features: NDArray[np.int16]
    levels: NDArray[np.int8]
    classes: NDArray[np.int8]
    metres: tuple[Metre, ...]
    end: int

    @classmethod
    def of(cls, sequence: TokenSequence) -> Piece:
        """Return the piece of a token sequence."""
        steps = np.concatenate([np.zeros((1, 3), np.int16), sequence.steps()])
        classes = metre_classes(sequence.metres, sequence.onsets())
        return cls(steps, piece_features(sequence), passage_levels(sequence), classes, sequence.metres, sequence.end)


class Selection:
    """Some pieces of a dataset, each read from disk when it is asked for.

    Parameters
    ----------
    dataset : Dataset
        Where they are.
    numbers : sequence of int
        Which.

    Raises
    ------
    CorpusError
        If the dataset says of one of them what is in no vocabulary.
    """

    def __init__(self, dataset: Dataset, numbers: Sequence[int]) -> None:
        self._dataset, self._numbers = dataset, np.array(numbers, dtype=np.int64)
        self.lengths = dataset.lengths[self._numbers]
        columns = [dataset.columns[name][self._numbers] for name in FIELDS]
        self.prefixes = np.stack(columns, axis=1).astype(np.int64)
        beyond = self._numbers[(self.prefixes >= [len(values) for values in FIELDS.values()]).any(axis=1)]
        if len(beyond):
            dataset.prefix(int(beyond[0]))

    def __getitem__(self, number: int) -> TokenSequence:
        return self._dataset.sequence(int(self._numbers[number]))


class Changed:
    """Pieces that are changed when they are read; a piece is as it is where that cannot be.

    Parameters
    ----------
    pieces : Selection, Changed or list of TokenSequence
        The pieces.
    lengths, prefixes : ndarray
        Their steps and prefix numbers. Their metres are told as unknown: they are known only when a piece is read.
    change : callable
        Gives another piece of as many steps, or None.
    """

    def __init__(
        self,
        pieces: Selection | Changed | list[TokenSequence],
        lengths: NDArray[np.int64],
        prefixes: NDArray[np.int64],
        change: Callable[[TokenSequence], TokenSequence | None],
    ) -> None:
        self._pieces, self._change = pieces, change
        self.lengths, self.prefixes = lengths, prefixes.copy()
        self.prefixes[:, _METRE] = 0

    def __getitem__(self, number: int) -> TokenSequence:
        piece = self._pieces[number]
        return self._change(piece) or piece


class Pieces:
    """Pieces of one style, ready to cut windows from.

    Parameters
    ----------
    sequences : Selection, Changed or iterable of TokenSequence
        The pieces.
    kept : int
        Steps of the pieces that are kept ready, those asked for last; the others are read again.

    Attributes
    ----------
    lengths : ndarray of int64, shape (pieces,)
        Steps of each piece.
    prefixes : ndarray of int64, shape (pieces, len(FIELDS))
        Prefix numbers of each piece.
    """

    def __init__(self, sequences: Selection | Changed | Iterable[TokenSequence], *, kept: int = KEPT_STEPS) -> None:
        if isinstance(sequences, Selection | Changed):
            self._sequences: Selection | Changed | list[TokenSequence] = sequences
            self.lengths, self.prefixes = sequences.lengths, sequences.prefixes
        else:
            self._sequences = found = list(sequences)
            self.lengths = np.array([len(sequence) for sequence in found], dtype=np.int64)
            numbers = [sequence.prefix.numbers() for sequence in found]
            self.prefixes = np.array(numbers, dtype=np.int64).reshape(-1, len(FIELDS))
        self._ends = np.cumsum(self.lengths)
        self._ready: OrderedDict[int, Piece] = OrderedDict()
        self._kept, self._steps = kept, 0

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, number: int) -> Piece:
        """Return a piece.

        Raises
        ------
        IndexError
            If there is no such piece.
        CorpusError
            If the dataset that it is read from is damaged there.
        """
        number = range(len(self))[number]
        piece = self._ready.get(number)
        if piece is not None:
            self._ready.move_to_end(number)
            return piece
        piece = self._ready[number] = Piece.of(self._sequences[number])
        self._steps += int(self.lengths[number])
        while self._steps > self._kept and len(self._ready) > 1:
            oldest, _ = self._ready.popitem(last=False)
            self._steps -= int(self.lengths[oldest])
        return piece

    def stretched(self, numerator: int, denominator: int) -> Pieces:
        """Return the same pieces in notes `numerator / denominator` times as long."""
        return self._changed(lambda piece: stretch(piece, numerator, denominator))

    def barred(self, beats: int) -> Pieces:
        """Return the same pieces, those without bar lines in bars of so many quarters."""
        return self._changed(lambda piece: barred(piece, beats))

    def _changed(self, change: Callable[[TokenSequence], TokenSequence | None]) -> Pieces:
        return Pieces(Changed(self._sequences, self.lengths, self.prefixes, change), kept=self._kept)

    def batch(self, places: Iterable[tuple[int, int]], window: int) -> Batch:
        """Return the windows of at most `window` steps that begin at each (piece, step)."""
        cut = [(piece, start, min(window, int(self.lengths[piece]) - start)) for piece, start in places]
        time = max(length for _, _, length in cut)
        steps = np.zeros((len(cut), time + 1, 3), dtype=np.int64)
        features = np.zeros((len(cut), time, len(FEATURES)), dtype=np.int64)
        mask = np.zeros((len(cut), time), dtype=np.bool_)
        for row, (piece, start, length) in enumerate(cut):
            ready = self[piece]
            steps[row, : length + 1] = ready.steps[start : start + length + 1]
            features[row, :length] = ready.features[start : start + length]
            mask[row, :length] = True
        return Batch(steps, features, self.prefixes[[piece for piece, _, _ in cut]], mask)

    def whole(self, window: int, rows: int = 16) -> Iterable[Batch]:
        """Yield batches that cover every step of every piece once, in windows of at most `window` steps."""
        places = [
            (piece, start) for piece, length in enumerate(self.lengths) for start in range(0, int(length), window)
        ]
        places.sort(key=lambda p: min(window, int(self.lengths[p[0]]) - p[1]))
        for first in range(0, len(places), rows):
            yield self.batch(places[first : first + rows], window)

    def context(self, piece: int, step: int) -> Context:
        """Return the context of a piece as it stands before `step`."""
        ready = self[piece]
        context = Context(ready.metres, ready.end)
        for tokens in ready.steps[1 : step + 1].tolist():
            context.append(*tokens)
        return context

    def contexts(self, places: Iterable[tuple[int, int]]) -> dict[tuple[int, int], Context]:
        """Return the contexts of pieces as they stand before each (piece, step); each piece is walked through once."""
        found: dict[tuple[int, int], Context] = {}
        last, context, at = -1, Context((), 0), 0
        for piece, step in sorted(set(places)):
            ready = self[piece]
            if piece != last:
                last, context, at = piece, Context(ready.metres, ready.end), 0
            for tokens in ready.steps[at + 1 : step + 1].tolist():
                context.append(*tokens)
            at = step
            found[piece, step] = context.copy()
        return found

    def places(self, rng: np.random.Generator, count: int, *, before: int, after: int) -> list[tuple[int, int]]:
        """Draw `count` places with at least `before` steps before and `after` steps from them on.

        Longer pieces are drawn in proportion to the places they have; empty if no piece is long enough.
        """
        room = np.maximum(0, self.lengths - before - after + 1)
        ends = np.cumsum(room)
        if not len(ends) or not ends[-1]:
            return []
        drawn = rng.integers(0, ends[-1], size=count)
        pieces = np.searchsorted(ends, drawn, side="right")
        return [(int(p), int(d - ends[p] + room[p]) + before) for p, d in zip(pieces, drawn, strict=True)]

    def draw(self, rng: np.random.Generator, count: int) -> list[tuple[int, int]]:
        """Draw `count` places: pieces in proportion to their length, anywhere within them."""
        steps = rng.integers(0, self._ends[-1], size=count)
        pieces = np.searchsorted(self._ends, steps, side="right")
        return [(int(p), int(s - self._ends[p] + self.lengths[p])) for p, s in zip(pieces, steps, strict=True)]


def pieces_by_style(dataset: Dataset, split: str, most: Mapping[str, int] | None = None) -> dict[str, Pieces]:
    """Return the pieces of a split of a dataset by style, without reading any.

    Parameters
    ----------
    dataset : Dataset
        Where they are.
    split : str
        "train", "validation" or "test".
    most : mapping of str to int, optional
        Style -> how many of its pieces are taken, from the first on; all where it says nothing.
    """
    pools = {}
    for style in dataset.styles():
        numbers = dataset.numbers(split=split, style=style)
        pools[style] = Pieces(Selection(dataset, numbers[: (most or {}).get(style)]))
    return pools
