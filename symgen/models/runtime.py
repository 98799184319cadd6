"""The generator in numpy: the same weights, one step at a time, with cached keys and values.

Composing needs no gradients, and importing torch takes longer than composing a page of music. A test
holds the logits of this module and of :class:`symgen.models.generator.Generator` equal.

A library of linear algebra rounds the product of a batch differently for every size of the batch, and for every number
of threads. Composing promises the same bytes whatever is composed beside a piece, so there each piece of a batch is
multiplied by itself, all of its versions together (:func:`_apart`): a product of the same shape whatever the batch is.
Everything else that is computed goes element by element or sums along a row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symgen.models.evidence import FAST, RECALLED, braked, recalled
from symgen.models.features import COPIED, FEATURES, PLACE, TOKEN_FEATURES
from symgen.tokens.prefix import FIELDS
from symgen.tokens.sequence import FAMILIES

Array = NDArray[np.float32]
Product = Callable[[Array, Array], Array]
"""Rows (B, C) times a matrix (C, N)."""

_EPSILON = np.float32(1e-6)
_COPIED = [[PLACE[name] for name in names] for names in COPIED]


class Runtime:
    """Weights of a generator, laid out for stepping.

    Parameters
    ----------
    weights : mapping of str to ndarray
        The state of :class:`symgen.models.generator.Generator`, any floating type.
    layers, heads, width, window : int
        Its sizes.
    features : sequence of str
        What it is told, see :class:`symgen.models.generator.GeneratorConfig`.
    brakes : bool
        Whether long rows of fast notes are made less likely.

    Raises
    ------
    KeyError, ValueError
        If the weights are not those of a generator of these sizes.
    """

    def __init__(
        self,
        weights: Mapping[str, NDArray[np.floating]],
        *,
        layers: int,
        heads: int,
        width: int,
        window: int,
        features: Sequence[str] = tuple(FEATURES),
        brakes: bool = True,
    ) -> None:
        self.brakes = brakes
        if min(layers, heads, width, window) < 1 or width % (2 * heads):
            raise ValueError(f"{layers} layers, {heads} heads, width {width}, window {window}")
        self.layers, self.heads, self.width, self.window = layers, heads, width, window
        self.features = tuple(features)
        w = {name: np.ascontiguousarray(value, dtype=np.float32) for name, value in weights.items()}
        self.tables = [_table(w, family.NAME, family.VOCABULARY.factors) for family in FAMILIES]
        self._inputs = {name: self._feature_table(w, name) for name in features}
        self._prefix = [w[f"prefix.{name}"] for name in FIELDS]
        sizes = [len(family.VOCABULARY) for family in FAMILIES] + [FEATURES[name] for name in features]
        sizes += map(len, FIELDS.values())
        for table, size in zip([*self.tables, *self._inputs.values(), *self._prefix], sizes, strict=True):
            if table.shape != (size, width):
                raise ValueError(f"a table of {table.shape} where {(size, width)} is expected")
        self._blocks = [
            (
                w[f"blocks.{i}.norm_attention.weight"][:, None] * w[f"blocks.{i}.qkv.weight"].T,
                np.ascontiguousarray(w[f"blocks.{i}.out.weight"].T),
                w[f"blocks.{i}.norm_feed.weight"][:, None] * w[f"blocks.{i}.up.weight"].T,
                np.ascontiguousarray(w[f"blocks.{i}.down.weight"].T),
            )
            for i in range(layers)
        ]
        self._heads = [
            _Head(w, f"heads.{family.NAME}.", table) for family, table in zip(FAMILIES, self.tables, strict=True)
        ]
        depth = width // heads
        self._frequency = 10000.0 ** (-np.arange(0, depth, 2, dtype=np.float64) / depth)

    def _feature_table(self, w: Mapping[str, Array], name: str) -> Array:
        if name in TOKEN_FEATURES:
            return np.asarray(w[f"gains.{name}"] * self.tables[TOKEN_FEATURES[name]])
        return w[f"features.{name}"]

    def start(self, prefix: Sequence[Sequence[int]], *, apart: bool = False, together: int = 1) -> Stream:
        """Begin a batch of pieces.

        Parameters
        ----------
        prefix : sequence of sequences of int, shape (B, len(FIELDS))
            Prefix numbers.
        apart : bool
            Whether a piece is the same to the last bit whatever stands beside it. A batch of 16 then takes half as
            long again; training and measuring do without.
        together : int
            Rows side by side that are one piece in so many versions, and always stay together: they are multiplied
            together, which costs hardly more than one of them.
        """
        return Stream(self, np.asarray(prefix, dtype=np.int64), apart=apart, together=together)

    def embed(self, previous: NDArray[np.int64], features: NDArray[np.int64], prefix: NDArray[np.int64]) -> Array:
        """Return the input vectors (B, C) of the next step."""
        x: Array = np.zeros((len(prefix), self.width), dtype=np.float32)
        for place, table in enumerate(self._prefix):
            x += table[prefix[:, place]]
        for place, table in enumerate(self.tables):
            x += table[previous[:, place]]
        for name, table in self._inputs.items():
            x += table[features[:, PLACE[name]]]
        return x

    def rotation(self, time: int) -> tuple[Array, Array]:
        """Return cosines and sines (D / 2,) of the rotary position `time`."""
        angle = time * self._frequency
        return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)


class Stream:
    """A batch of pieces in the making, with the cached keys and values of their last `window` steps."""

    def __init__(self, runtime: Runtime, prefix: NDArray[np.int64], *, apart: bool = False, together: int = 1) -> None:
        self.runtime = runtime
        self._times: Product = partial(_apart, together=together) if apart else np.matmul
        self.prefix = prefix
        self.time = 0
        shape = (runtime.layers, len(prefix), runtime.heads, runtime.window, runtime.width // runtime.heads)
        self._keys = np.zeros(shape, dtype=np.float32)
        self._values = np.zeros(shape, dtype=np.float32)
        self._before: list[NDArray[np.int64]] = []
        self._past = np.zeros((len(prefix), runtime.window, len(FAMILIES)), dtype=np.int64)
        self._bar_positions = np.zeros((len(prefix), runtime.window), dtype=np.int64)

    def advance(self, previous: NDArray[np.int64], features: NDArray[np.int64]) -> Array:
        """Take one step and return its state (B, C), from which the heads choose its tokens.

        Parameters
        ----------
        previous : ndarray of int64, shape (B, 3)
            Tokens of the step before, ``<start>`` at the beginning.
        features : ndarray of int64, shape (B, len(FEATURES))
            What is known of this step.
        """
        runtime = self.runtime
        x = runtime.embed(previous, features, self.prefix)
        self._before = [features[:, columns] for columns in _COPIED]
        if self.time == self._past.shape[1]:
            self._past = np.concatenate([self._past, np.zeros_like(self._past)], axis=1)
            self._bar_positions = np.concatenate([self._bar_positions, np.zeros_like(self._bar_positions)], axis=1)
        self._past[:, self.time] = previous
        self._bar_positions[:, self.time] = features[:, PLACE["bar_position"]]
        rotation = runtime.rotation(self.time)
        slot = self.time % runtime.window
        seen = min(self.time + 1, runtime.window)
        batch = len(x)
        scale = np.float32((runtime.width // runtime.heads) ** -0.5)
        times = self._times
        for layer, (qkv, out, up, down) in enumerate(runtime._blocks):
            q, k, v = times(_unit(x), qkv).reshape(batch, 3, runtime.heads, -1).transpose(1, 0, 2, 3)
            self._keys[layer, :, :, slot] = _rotate(k, rotation)
            self._values[layer, :, :, slot] = v
            keys, values = self._keys[layer, :, :, :seen], self._values[layer, :, :, :seen]
            scores = (keys @ _rotate(q, rotation)[..., None])[..., 0] * scale
            attended = softmax(scores)[:, :, None, :] @ values
            x += times(np.asarray(attended.reshape(batch, -1), np.float32), out)
            hidden = np.maximum(times(_unit(x), up), 0)
            x += times(hidden * hidden, down)
        self.time += 1
        return x

    def keep(self, rows: NDArray[np.int64]) -> None:
        """Go on with these rows alone, between one step and the next: those of pieces that are not at their end."""
        self.prefix = self.prefix[rows]
        self._keys, self._values = self._keys[:, rows], self._values[:, rows]
        self._before = [columns[rows] for columns in self._before]
        self._past, self._bar_positions = self._past[rows], self._bar_positions[rows]

    def logits(self, place: int, state: Array, chosen: NDArray[np.int64] | None) -> tuple[Array, Array]:
        """Return the state after `chosen`, the token drawn before, and the logits (B, V) of family `place`."""
        runtime = self.runtime
        head = runtime._heads[place]
        table = None if chosen is None else runtime.tables[place - 1][chosen]
        state, seen, logits = head(state, table, self._before[place], self._times)
        if head.recall is not None:
            scores, gate, bias = head.recall
            before = self._past[:, : self.time]
            if place:
                assert chosen is not None
                alike = before[:, 1:, 0] == chosen[:, None]
            else:
                here = self._bar_positions[:, : self.time]
                alike = here[:, :-1] == here[:, -1:]
            grants = self._times(seen, gate) + bias
            logits = recalled(logits, scores, grants, before[..., place], alike, runtime.window)
        if runtime.brakes and not place:
            logits = logits - braked(self._past[:, : self.time, 0])[:, None] * FAST
        return state, logits


class _Head:
    """The numpy form of :class:`symgen.models.generator.Head`."""

    def __init__(self, w: Mapping[str, Array], name: str, table: Array) -> None:
        self._bias = w[name + "bias"]
        self._table = np.ascontiguousarray((table * w[name + "norm.weight"]).T)
        self._merge: tuple[Array, Array, Array] | None = None
        if name + "merge.weight" in w:
            merge, project = w[name + "merge.weight"].T, w[name + "project.weight"].T
            width = project.shape[1]
            self._merge = (w[name + "norm_merge.weight"][:, None] * merge[:width], merge[width:].copy(), project.copy())

        self._copy: tuple[Array, Array] | None = None
        if name + "copy.weight" in w:
            scale = w[name + "norm.weight"][:, None]
            self._copy = (scale * w[name + "copy.weight"].T, w[name + "copy.bias"])

        self.recall: tuple[Array, Array, Array] | None = None
        if name + "recall.table" in w:
            scale = w[name + "norm.weight"][:, None]
            gate = scale * w[name + "recall.gate.weight"].T
            scores = w[name + "recall.table"]
            if scores.shape != RECALLED:
                raise ValueError(f"a table of recall of {scores.shape} where {RECALLED} is expected")
            self.recall = (scores, gate, w[name + "recall.gate.bias"])

    def __call__(
        self, state: Array, chosen: Array | None, before: NDArray[np.int64], times: Product
    ) -> tuple[Array, Array, Array]:
        if self._merge is not None and chosen is not None:
            from_state, from_chosen, project = self._merge
            hidden = np.maximum(times(_unit(state), from_state) + times(chosen, from_chosen), 0)
            state = state + times(hidden * hidden, project)
        seen = _unit(state)
        logits = times(seen, self._table) + self._bias
        if self._copy is not None:
            more = (times(seen, self._copy[0]) + self._copy[1]) * (before > 0)
            rows = np.arange(len(before))
            for column in range(before.shape[1]):  # one by one: two columns may name the same token
                logits[rows, before[:, column]] += more[:, column]
        return state, seen, logits


def one_thread() -> AbstractContextManager[Any]:
    """Return a context in which products of matrices are made by one thread.

    The products of composing are small: threads gain nothing, wait for one another where the processors are busy, and
    would round them otherwise than one thread does.
    """
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[Any] = threadpool_limits(limits=1, user_api="blas")
    return limits


def softmax(scores: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the softmax over the last axis."""
    exponent = np.exp(scores - scores.max(axis=-1, keepdims=True))
    result: NDArray[np.floating] = exponent / exponent.sum(axis=-1, keepdims=True)
    return result


def _apart(rows: Array, matrix: Array, together: int = 1) -> Array:
    """Return rows (B, C) times a matrix (C, N), so many rows at a time: the same bits in a batch of any size."""
    result: Array = np.matmul(rows.reshape(-1, together, rows.shape[-1]), matrix)
    return result.reshape(len(rows), -1)


def _unit(x: Array) -> Array:
    """Divide each row by its root mean square."""
    result: Array = x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + _EPSILON)
    return result


def _rotate(x: Array, rotation: tuple[Array, Array]) -> Array:
    cos, sin = rotation
    half = x.shape[-1] // 2
    a, b = x[..., :half], x[..., half:]
    return np.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1)


def _table(w: Mapping[str, Array], family: str, factors: Mapping[str, NDArray[np.int64]]) -> Array:
    """Return the vector of every token of a family: its own plus those of its factors."""
    prefix = f"embeddings.{family}."
    table = w[prefix + "own"]
    for name, column in factors.items():
        table = table + w[f"{prefix}factors.{name}"][column]
    return table
