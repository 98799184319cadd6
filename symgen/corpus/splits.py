"""Which split each piece of a dataset stands in: what is nearly the same music, or has the same title, stays together.

A declaration may hold titles out; then their whole groups are held out with them. Elsewhere a share goes by hash of
a title, so that a group stands where it stood before when other pieces are added.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from symgen.corpus.catalogue import Corpus, normalise_title, share_of, title_place
from symgen.corpus.dataset import SPLITS

_TRAIN, _VALIDATION, _TEST = range(3)
_UNDECLARED = 3
"""Beside the splits: a piece whose corpus leaves the choice to a share by hash."""

FEWEST_TO_SPLIT: Final = 5
_VALIDATION_SHARE = 0.10


class SplitPlanner:
    """Collects what the split of a piece follows from, a few bytes a piece.

    Parameters
    ----------
    corpus_of : callable
        Path -> the corpus that owns it.
    """

    def __init__(self, corpus_of: Callable[[str], Corpus]) -> None:
        self._corpus_of = corpus_of
        self._corpora: dict[str, int] = {}
        self._keys, self._places = array("Q"), array("d")
        self._corpus, self._declared = array("H"), array("B")

    def add(self, entry: dict[str, Any]) -> None:
        """Take in the next piece of the dataset, by the fields of its index line."""
        corpus = self._corpus_of(entry["path"])
        title, stem = normalise_title(entry["title"]), normalise_title(Path(entry["path"]).stem)
        name = f"{entry['corpus']}\n{title}".encode(errors="backslashreplace")
        self._keys.append(int.from_bytes(hashlib.sha256(name).digest()[:8], "big"))
        self._places.append(title_place(title))
        self._corpus.append(self._corpora.setdefault(entry["corpus"], len(self._corpora)))
        self._declared.append(_declared(corpus, title, stem))

    def plan(self, families: NDArray[np.int32]) -> list[str]:
        """Return the split of each piece.

        Parameters
        ----------
        families : ndarray of int32, shape (pieces,)
            For each piece the first one that is nearly the same music.
        """
        groups = self._groups(families)
        if not len(groups):
            return []
        names, group = np.unique(groups, return_inverse=True)
        keys, places = np.array(self._keys, np.uint64), np.array(self._places)
        order = np.lexsort((keys, group))  # the place of a group is that of the title with the smallest key
        first = order[np.searchsorted(group[order], np.arange(len(names)))]
        place = places[first]
        splits = np.array([SPLITS.index(share_of(value)) for value in place.tolist()])
        declared = np.array(self._declared)
        for split in (_TRAIN, _TEST, _VALIDATION):  # what is held out anywhere is held out everywhere
            splits[group[declared == split]] = split
        self._hold_out_something(splits, group, place)
        return [SPLITS[number] for number in splits[group].tolist()]

    def _groups(self, families: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return for each piece the first one that it must stand together with."""
        labels = families.astype(np.int64)
        if not len(labels):
            return labels
        title = np.unique(np.array(self._keys, np.uint64), return_inverse=True)[1]
        while True:  # each round the smallest number spreads to one more title or family
            spread = _smallest(_smallest(labels, title), families)
            if np.array_equal(spread, labels):
                return labels
            labels = spread

    def _hold_out_something(
        self, splits: NDArray[np.int64], group: NDArray[np.int64], place: NDArray[np.float64]
    ) -> None:
        """Hold out a tenth of a small corpus whose share by hash came out without a validation piece."""
        declared, corpora = np.array(self._declared), np.array(self._corpus)
        for corpus in range(len(self._corpora)):
            own = np.unique(group[(corpora == corpus) & (declared == _UNDECLARED)])
            if len(own) >= FEWEST_TO_SPLIT and not (splits[group[corpora == corpus]] == _VALIDATION).any():
                free = own[splits[own] == _TRAIN]
                wanted = max(1, round(_VALIDATION_SHARE * len(own)))
                splits[free[np.argsort(place[free], kind="stable")][:wanted]] = _VALIDATION


def _declared(corpus: Corpus, title: str, stem: str) -> int:
    """Return the split that a declaration gives a piece by its title or its file's name."""
    if corpus.validation is None:
        return _UNDECLARED
    for split in (corpus.split_of(title), corpus.split_of(stem)):
        if split != "train":
            return SPLITS.index(split)
    return _TRAIN


def _smallest(labels: NDArray[np.int64], group: NDArray[Any]) -> NDArray[np.int64]:
    """Return for each piece the smallest label within its group."""
    lowest = np.full(int(group.max()) + 1, len(labels), np.int64)
    np.minimum.at(lowest, group, labels)
    found: NDArray[np.int64] = lowest[group]
    return found
