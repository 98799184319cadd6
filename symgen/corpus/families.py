"""Families of near-duplicates: pieces that are one tune, or hold a good part of one another.

Two pieces are compared by the passages they share (:mod:`symgen.corpus.fingerprints`), exactly and over all
passages, so that a section is found in its whole. All counting is done on disk, a part of the range of hashes at
a time; memory holds a few dozen bytes a piece. How the rules were found and how well they hold is told in
``docs/DUPLICATES.md``.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from symgen.corpus.fingerprints import digest
from symgen.corpus.spill import Spill

LINK_DTYPE: Final = np.dtype(
    [
        ("piece", np.int32),  # the later of the two
        ("other", np.int32),  # the earlier
        ("shared", np.int32),  # passages that stand in both, stock phrases left out
        ("containment", np.float32),  # shared passages to the passages of the piece that has fewer, 0..1
        ("resemblance", np.float32),  # shared passages to the passages of both together, 0..1
    ]
)
"""The evidence that two pieces are near-duplicates."""

Links = NDArray[np.void]
_Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FamilyRules:
    """When two pieces count as near-duplicates. Figures are from ``docs/DUPLICATES.md``.

    Parameters
    ----------
    evidence : tuple of (int, float)
        Two pieces are linked if one row holds: so many shared passages, and such a part of the passages of the
        piece that has fewer. 10 and 0.4: fourteen notes in a row, which decide for a short song only (with 8,
        refrains of a few notes chain songs together; with 0.3, most of what is added is chance). 14 and 0.15:
        sixteen notes in a row with their rhythm, or twenty-six without; songs with a smaller part in common share
        an opening or a cadence rather than a tune. 40 and 0: some thirty notes that agree, in long pieces a
        section; all pairs of the research data that only this row links are versions of one kind of song.
    fewest_equal : int
        Pieces with the same passages are linked if there are at least so many; six or seven notes, repeated, can
        have fewer.
    most_pieces : int
        A passage that stands in more pieces is a stock phrase. It tells nothing of any two of them, and
        counting all pairs would take the square of their number, so it counts only between each of them and
        one of them, which is the same one for all phrases of a tune that very many pieces share.
    """

    evidence: tuple[tuple[int, float], ...] = ((10, 0.40), (14, 0.15), (40, 0.0))
    fewest_equal: int = 6
    most_pieces: int = 200


class FamilyFinder:
    """Finds the families of a corpus that is shown to it piece by piece.

    Parameters
    ----------
    folder : Path
        For temporary files, which are gone when the finder is closed or the process ends. They take about 30
        bytes a note, and a hundred in a corpus of eight million notes of one tradition.
    rules : FamilyRules
        When two pieces count as near-duplicates.
    parts : int
        In how many parts the counting is done. More take less memory each; the result is the same.

    Raises
    ------
    WriteError
        Here and later, if the temporary files cannot be written.

    Examples
    --------
    >>> with FamilyFinder(folder) as finder:  # doctest: +SKIP
    ...     for number, score in enumerate(scores):
    ...         finder.add(number, fingerprint(score.notes["pitch"], score.notes["onset"]))
    ...     families = finder.families()
    """

    def __init__(self, folder: Path, rules: FamilyRules | None = None, *, parts: int = 256) -> None:
        self.rules = rules or FamilyRules()
        self._folder, self._parts = folder, parts
        self._passages = Spill(folder, 2**64, parts)
        self._digests, self._sizes = array("Q"), array("i")  # of each piece; size -1 where none was added
        self._links: Links | None = None

    def add(self, piece_number: int, hashes: NDArray[np.uint64]) -> None:
        """Take in one piece.

        Parameters
        ----------
        piece_number : int
            From 0; in any order, each once. A number that is left out stands for a piece without relatives.
        hashes : ndarray of uint64, shape (passages,)
            Its :func:`symgen.corpus.fingerprints.fingerprint`.

        Raises
        ------
        ValueError
            If the piece was added before.
        """
        missing = piece_number + 1 - len(self._sizes)
        if missing > 0:
            self._sizes.extend([-1] * missing)
            self._digests.extend([0] * missing)
        if self._sizes[piece_number] != -1:
            raise ValueError(f"piece {piece_number} was added twice")
        self._sizes[piece_number], self._digests[piece_number] = len(hashes), digest(hashes)
        self._passages.add(hashes, piece_number)
        self._links = None

    def families(self) -> NDArray[np.int32]:
        """Return the family of each piece.

        Returns
        -------
        ndarray of int32, shape (pieces,)
            The smallest number of a piece of its family; its own if it is alone.
        """
        parents = np.arange(len(self._sizes), dtype=np.int32)

        def root(piece: int) -> int:
            while parents[piece] != piece:
                parents[piece] = parents[parents[piece]]
                piece = int(parents[piece])
            return piece

        links = self.links()
        for piece, other in zip(links["piece"].tolist(), links["other"].tolist(), strict=True):
            one, two = root(piece), root(other)
            parents[max(one, two)] = min(one, two)
        for piece in range(len(parents)):  # a parent has the smaller number, so it is settled before its children
            parents[piece] = parents[parents[piece]]
        return parents

    def links(self) -> Links:
        """Return the evidence: every pair of near-duplicates that was found.

        Of pieces with the same fingerprint only the first is compared with others; the rest are linked to it.

        Returns
        -------
        ndarray of LINK_DTYPE, shape (links,)
            In order of `piece`, then `other`.
        """
        if self._links is None:
            sizes, firsts = np.array(self._sizes, dtype=np.int64), self._firsts()
            links = np.concatenate((self._equal(sizes, firsts), self._similar(sizes, firsts)))
            self._links = links[np.lexsort((links["other"], links["piece"]))]
        return self._links

    def close(self) -> None:
        """Remove the temporary files."""
        self._passages.close()

    def __enter__(self) -> FamilyFinder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _firsts(self) -> NDArray[np.int64]:
        """Return for each piece the first one with the same fingerprint."""
        _, first, group = np.unique(np.array(self._digests, dtype=np.uint64), return_index=True, return_inverse=True)
        return first[group]

    def _equal(self, sizes: NDArray[np.int64], firsts: NDArray[np.int64]) -> Links:
        """Return the links of pieces to the first one with the same fingerprint."""
        pieces = np.flatnonzero((firsts != np.arange(len(firsts))) & (sizes >= self.rules.fewest_equal))
        return _make_links(pieces, firsts[pieces], sizes[pieces], sizes)

    def _similar(self, sizes: NDArray[np.int64], firsts: NDArray[np.int64]) -> Links:
        """Return the links of pieces with different fingerprints."""
        fewest = min(shared for shared, _ in self.rules.evidence)
        pieces = np.flatnonzero((firsts == np.arange(len(firsts))) & (sizes >= fewest))
        # Pieces are ranked by digest, that is, by what they hold: the order in which they come decides nothing.
        ranked = pieces[np.argsort(np.array(self._digests, dtype=np.uint64)[pieces])]
        ranks = np.full(len(sizes), -1, dtype=np.int64)
        ranks[ranked] = np.arange(len(ranked))
        found = [_make_links(ranked[:0], ranked[:0], ranked[:0], sizes)]
        with Spill(self._folder, max(1, len(ranked) ** 2), self._parts, valued=False) as pairs:
            for passages in self._passages.parts():
                rank = ranks[passages["value"]]
                for low, high in _pairs(passages["key"][rank >= 0], rank[rank >= 0], self.rules.most_pieces):
                    pairs.add((low * len(ranked) + high).astype(np.uint64))
            for part in pairs.parts():
                codes, shared = np.unique(part["key"].astype(np.int64), return_counts=True)
                codes, shared = codes[shared >= fewest], shared[shared >= fewest]
                links = _make_links(ranked[codes // len(ranked)], ranked[codes % len(ranked)], shared, sizes)
                found.append(links[self._enough(links)])
        return np.concatenate(found)

    def _enough(self, links: Links) -> NDArray[np.bool_]:
        """Tell for each link whether the rules take it for evidence."""
        enough = np.zeros(len(links), dtype=bool)
        for shared, containment in self.rules.evidence:
            enough |= (links["shared"] >= shared) & (links["containment"] >= np.float32(containment))
        return enough


def _pairs(hashes: NDArray[np.uint64], ranks: _Numbers, most_pieces: int) -> Iterator[tuple[_Numbers, _Numbers]]:
    """Yield pairs of ranks, the lower first, one for each hash that two pieces share (see `most_pieces`)."""
    order = np.lexsort((ranks, hashes))
    hashes, ranks = hashes[order], ranks[order]
    begins = np.flatnonzero(np.concatenate((np.ones(min(1, len(hashes)), dtype=bool), hashes[1:] != hashes[:-1])))
    lengths = np.diff(begins, append=len(hashes))
    for length in np.unique(lengths[(lengths > 1) & (lengths <= most_pieces)]).tolist():
        pieces = ranks[begins[lengths == length][:, None] + np.arange(length)]  # (passages, pieces)
        low, high = np.triu_indices(length, 1)
        yield pieces[:, low].ravel(), pieces[:, high].ravel()
    for begin, length in zip(begins[lengths > most_pieces], lengths[lengths > most_pieces], strict=True):
        pieces = ranks[begin : begin + length]
        yield np.broadcast_to(pieces[0], length - 1), pieces[1:]


def _make_links(one: _Numbers, two: _Numbers, shared: _Numbers, sizes: _Numbers) -> Links:
    """Return links with what follows from the number of shared passages."""
    links = np.empty(len(one), dtype=LINK_DTYPE)
    links["piece"], links["other"], links["shared"] = np.maximum(one, two), np.minimum(one, two), shared
    links["containment"] = shared / np.minimum(sizes[one], sizes[two])
    links["resemblance"] = shared / (sizes[one] + sizes[two] - shared)
    return links
