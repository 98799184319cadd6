"""Free continuations of real pieces: what the generator writes after a real context, no grammar imposed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from symgen.models.contest import Contest, Ear
from symgen.models.context import Context
from symgen.models.features import FEATURES
from symgen.models.runtime import Runtime, softmax
from symgen.models.windows import Batch, Pieces
from symgen.score import Metre
from symgen.tokens.prefix import FIELDS, METRES, metre_class
from symgen.tokens.sequence import TokenSequence


def continue_pieces(
    runtime: Runtime,
    pieces: Pieces,
    places: Sequence[tuple[int, int]],
    *,
    seen: int,
    length: int,
    rng: np.random.Generator,
    temperature: float = 1.0,
    top_p: float = 1.0,
    masks: Callable[[tuple[int, int], Context], Masks] | None = None,
    ear: Ear | None = None,
) -> Batch:
    """Continue pieces from given places.

    Parameters
    ----------
    runtime : Runtime
        The generator.
    pieces : Pieces
        Where the contexts come from.
    places : sequence of (piece, step)
        Each is continued from `step` on; a place given several times gets several continuations. At least
        `seen` steps stand before it.
    seen : int
        Steps before the place that the generator sees.
    length : int
        Steps to write.
    rng : Generator
        Draws all tokens.
    temperature, top_p : float
        As in :class:`symgen.sampling.Sampling`.
    masks : callable, optional
        Gives for a place and its context, which is its own, what strikes out tokens; nothing is struck out without,
        nor where nothing would be left.
    ear : Ear, optional
        Hears several versions of each continuation, and decides which go on; not with masks.

    Raises
    ------
    ValueError
        If there are both an ear and masks.

    Returns
    -------
    Batch
        Windows of ``seen + length`` steps, real ones and then written ones.
    """
    cut = pieces.batch([(piece, step - seen) for piece, step in places], seen)
    originals = pieces.contexts(places)
    contexts = [originals[place].copy() for place in places]
    if ear is not None and masks is not None:
        raise ValueError("an ear and masks at once")
    if ear is not None:
        rows = np.repeat(np.arange(len(places)), ear.versions)
        cut = Batch(cut.steps[rows], cut.features[rows], cut.prefix[rows], cut.mask[rows])
        contexts = [contexts[row].copy() for row in rows.tolist()]
        jury = _Jury(ear, len(places), rng)
        return jury.best(_written(runtime, cut, contexts, length, rng, temperature, top_p, jury=jury))
    grammars = None if masks is None else [masks(p, context) for p, context in zip(places, contexts, strict=True)]
    return _written(runtime, cut, contexts, length, rng, temperature, top_p, grammars)


def begin_pieces(
    runtime: Runtime, prefixes: NDArray[np.int64], contexts: Sequence[Context], *, length: int, rng: np.random.Generator
) -> Batch:
    """Write the first `length` steps of pieces of which nothing is known but their prefix (B, F), metre and length.

    Parameters
    ----------
    runtime : Runtime
        The generator.
    prefixes : ndarray of int64, shape (B, len(FIELDS))
        Prefix numbers.
    contexts : sequence of Context
        The beginning of each; they are moved on.
    length : int
        Steps to write.
    rng : Generator
        Draws all tokens.
    """
    rows = len(prefixes)
    nothing = Batch(
        np.zeros((rows, 1, 3), np.int64),
        np.zeros((rows, 0, len(FEATURES)), np.int64),
        np.asarray(prefixes, np.int64),
        np.zeros((rows, 0), np.bool_),
    )
    return _written(runtime, nothing, contexts, length, rng)


def openings(
    pieces: Pieces, drawn: NDArray[np.int64], each: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], list[Context]]:
    """Return prefixes and contexts of pieces to begin: mode and length of the drawn ones, in one metre, `each` times.

    Who composes asks for one metre, whatever the pieces of the style do.
    """
    prefixes, contexts = pieces.prefixes[drawn], []
    for row, piece in enumerate(drawn.tolist()):
        metre = _METRES_ASKED[int(rng.integers(len(_METRES_ASKED)))]
        prefixes[row, list(FIELDS).index("metre")] = METRES.index(metre_class((metre,)))
        contexts += [Context((metre,), pieces[piece].end) for _ in range(each)]
    return np.repeat(prefixes, each, axis=0), contexts


_METRES_ASKED: Final = (Metre(0, 2, 4), Metre(0, 4, 4))


def _written(
    runtime: Runtime,
    cut: Batch,
    contexts: Sequence[Context],
    length: int,
    rng: np.random.Generator,
    temperature: float = 1.0,
    top_p: float = 1.0,
    grammars: Sequence[Masks] | None = None,
    jury: _Jury | None = None,
) -> Batch:
    """Return a batch with `length` steps more, drawn one after the other; contexts or grammars are moved on."""
    rows, seen = len(cut.mask), cut.mask.shape[1]
    total = seen + length
    steps = np.zeros((rows, total + 1, 3), dtype=np.int64)
    features = np.zeros((rows, total, len(FEATURES)), dtype=np.int64)
    steps[:, : seen + 1], features[:, :seen] = cut.steps, cut.features
    stream = runtime.start(cut.prefix.tolist())
    for time in range(seen):
        stream.advance(steps[:, time], features[:, time])
    for time in range(seen, total):
        features[:, time] = [context.features() for context in contexts]
        state = stream.advance(steps[:, time], features[:, time])
        chosen = None
        for place in range(3):
            state, logits = stream.logits(place, state, chosen)
            if grammars is not None:
                allowed = np.stack([mask_of(g, place, c) for g, c in zip(grammars, steps[:, time + 1], strict=True)])
                allowed |= ~allowed.any(axis=1, keepdims=True)  # a real context may stand where no grammar would
                logits = np.where(allowed, logits, np.float32(-np.inf))
            chosen = _draw(logits, rng.random(rows), temperature, top_p)
            steps[:, time + 1, place] = chosen
        taking: Sequence[Masks | Context] = contexts if grammars is None else grammars
        for one, tokens in zip(taking, steps[:, time + 1].tolist(), strict=True):
            one.append(*tokens)
        source = None if jury is None else jury.heirs(time - seen + 1, steps[:, 1 : time + 2])
        if source is not None:
            steps, features = steps[source], features[source]
            contexts = [contexts[row].copy() for row in source.tolist()]
            stream.keep(source)
    return Batch(steps, features, cut.prefix, np.ones((rows, total), dtype=np.bool_))


class _Jury:
    """Lets an ear decide among the versions of each continuation, which stand side by side in a batch."""

    def __init__(self, ear: Ear, pieces: int, rng: np.random.Generator) -> None:
        self._ear, self._pieces = ear, pieces
        self._contest = Contest([(int(rng.integers(1 << 31)), piece) for piece in range(pieces)], ear.versions)

    def heirs(self, written: int, steps: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Return which row each row goes on from once so many steps are written; None where all go on as they are."""
        if written % self._ear.every:
            return None
        source = np.arange(len(steps))
        for piece, rows in enumerate(np.split(source.copy(), self._pieces)):
            heirs = self._contest.heirs(piece, self._ear.odds(_sequences(steps[rows, -self._ear.reach :])))
            if heirs is not None:
                source[rows] = rows[heirs]
        return None if (source == np.arange(len(steps))).all() else source

    def best(self, batch: Batch) -> Batch:
        """Return of each continuation the version for which most speaks."""
        chosen = [
            rows[int(np.argmax(self._ear.verdicts(_sequences(batch.steps[rows, 1:]))))]
            for rows in np.split(np.arange(len(batch.mask)), self._pieces)
        ]
        return Batch(batch.steps[chosen], batch.features[chosen], batch.prefix[chosen], batch.mask[chosen])


def _sequences(steps: NDArray[np.int64]) -> list[TokenSequence]:
    """Return rows of steps (B, T, 3) as sequences that know nothing but their tokens."""
    columns = steps.astype(np.int16)
    return [TokenSequence(row[:, 0], row[:, 1], row[:, 2], _ANY_GONG) for row in columns]


_ANY_GONG: Final = 60


class Masks(Protocol):
    """What strikes out tokens, as :class:`symgen.grammar.rules.Grammar` does."""

    def rhythms(self) -> NDArray[np.bool_]:
        """Return which rhythm tokens may come next."""

    def melodies(self, rhythm_token: int) -> NDArray[np.bool_]:
        """Return which melody tokens may come next."""

    def chords(self, melody_token: int) -> NDArray[np.bool_]:
        """Return which chord tokens may come next."""

    def append(self, rhythm_token: int, melody_token: int, chord_token: int) -> None:
        """Take up the step that was chosen, and move the context on."""


def mask_of(masks: Masks, place: int, chosen: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return the mask of token family `place` after what was `chosen` of the step (3,) before it."""
    if place == 0:
        return masks.rhythms()
    return masks.melodies(int(chosen[0])) if place == 1 else masks.chords(int(chosen[1]))


def _draw(
    logits: NDArray[np.float32], uniform: NDArray[np.float64], temperature: float, top_p: float
) -> NDArray[np.int64]:
    """Draw a token for each row of logits (B, V); ``<start>`` is never drawn."""
    scores = logits.astype(np.float64) / temperature
    scores[:, 0] = -np.inf
    probability = softmax(scores)
    if top_p < 1:
        order = np.argsort(-probability, axis=1, kind="stable")
        ranked = np.take_along_axis(probability, order, axis=1)
        ranked[np.cumsum(ranked, axis=1) - ranked >= top_p] = 0
        np.put_along_axis(probability, order, ranked, axis=1)
    cumulative = np.cumsum(probability, axis=1)
    places = (cumulative <= uniform[:, None] * cumulative[:, -1:]).sum(axis=1)
    drawn: NDArray[np.int64] = np.minimum(places, logits.shape[1] - 1)
    return drawn
