"""How much of sets of pieces stands in the training pieces, note for note."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from symgen.copying import RUN, copy_report, fingerprints, shared_runs
from symgen.metrics.statistics import pooled
from symgen.tokens.sequence import TokenSequence

RUNS: Final = (8, 12, 16)
"""Notes in the runs that are looked for in the training pieces."""


def copying(
    training: Iterable[TokenSequence], columns: Mapping[str, Sequence[TokenSequence]], seed: int
) -> dict[str, Any]:
    """Return what share of the runs of notes of each set of pieces stands in the training pieces.

    Runs are compared in degrees and inter-onset intervals (:mod:`symgen.copying`). What real pieces that nobody
    trained on share with the training pieces is the measure: a tradition repeats itself.

    Returns
    -------
    dict
        Column -> length of the runs -> ``rate``, with its 95 % interval over pieces, and ``pieces``, the share of
        pieces with such a run; and ``median_longest_run`` and ``longest_run`` in notes.
    """
    heard = list(training)
    known = {length: fingerprints(heard, length)["runs"] for length in RUNS}
    found: dict[str, Any] = {}
    for name, pieces in columns.items():
        if not pieces:
            continue
        rows: dict[str, Any] = {}
        for length, table in known.items():
            shared = [shared_runs(piece, table, length) for piece in pieces]
            rate = pooled(np.array(shared, dtype=float), seed)
            some = float(np.mean([count > 0 for count, _ in shared]))
            rows[str(length)] = {"rate": [round(value, 6) for value in rate], "pieces": round(some, 4)}
        reports = [r for piece in pieces if (r := copy_report(piece, {"runs": known[RUN]})) is not None]
        runs = [report.longest_run for report in reports]
        found[name] = {**rows, "median_longest_run": float(np.median(runs)), "longest_run": max(runs)}
    return found
