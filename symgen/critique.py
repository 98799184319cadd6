"""Use case: the critic of a checkpoint, from a dataset and the checkpoint's own takes, judged on held-out pieces.

It takes about a minute on one core and changes nothing of the generator: what it writes stands beside the weights.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from symgen.compose import ComposeRequest, compose_side_by_side
from symgen.corpus.dataset import Dataset
from symgen.errors import CorpusError, UsageError
from symgen.files import settle_paths
from symgen.metrics.critic import FOLDS, Critic, Stretches, auc, calibrated, fit, piece_scores
from symgen.metrics.reference import reference_of
from symgen.models.checkpoint import FACTS, load_checkpoint, write_json
from symgen.progress import Progress, silent
from symgen.styles import STYLES
from symgen.takes import Judge, save_judges
from symgen.tokens.sequence import TokenSequence

_MOST_REAL: Final = 300
_SEEDS: Final = 1 << 40
"""Where the seeds of the takes begin, far from those that people type: the critic learnt from no take that it ranks."""
_RESAMPLES: Final = 1000


@dataclass(frozen=True, slots=True)
class CriticRequest:
    """What to make a critic of.

    Parameters
    ----------
    checkpoint : Path
        Folder of the checkpoint; the critic is written into it.
    against : Path
        Dataset with pieces of its styles.
    pieces : int
        Takes to compose for each style, 16 to 1000; half of them only judge the critic.
    seed : int
        Of the takes.
    """

    checkpoint: Path
    against: Path
    pieces: int = 128
    seed: int = 0

    def __post_init__(self) -> None:
        settle_paths(self)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How well the critic of one style tells.

    Parameters
    ----------
    auc, low, high : float
        The chance that a real piece scores above a take, neither of them seen in fitting, with its 95 % interval from
        resampling pieces; of held-out pieces where there are two at least, else by cross-fitting over stretches.
    real, held_out, composed : int
        Pieces that it learnt from; held-out pieces that it was judged on; takes, half for each.
    by_stretch : float
        The chance for single stretches of 64 notes, from cross-fitting.
    """

    auc: float
    low: float | None
    high: float | None
    real: int
    held_out: int
    composed: int
    by_stretch: float


@dataclass(frozen=True, slots=True)
class CriticResult:
    """What was made.

    Parameters
    ----------
    checkpoint : Path
        Where it was written.
    styles : dict
        Style -> how well its critic tells.
    skipped : dict
        Style -> why it has none.
    """

    checkpoint: Path
    styles: dict[str, Verdict]
    skipped: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        styles = {style: asdict(verdict) for style, verdict in self.styles.items()}
        return {"checkpoint": str(self.checkpoint), "styles": styles, "skipped": dict(self.skipped)}


def make_critic(request: CriticRequest, progress: Progress = silent) -> CriticResult:
    """Make the critic of a checkpoint, and the statistics of real pieces beside it.

    Raises
    ------
    UsageError
        If the request cannot be met.
    CheckpointError, CorpusError
        If checkpoint or dataset is missing or damaged, or no style has pieces enough.
    WriteError
        If the folder cannot be written.
    """
    if not 16 <= request.pieces <= 1000:
        raise UsageError(f"pieces {request.pieces}", expected="16 to 1000")
    if request.seed < 0:
        raise UsageError(f"seed {request.seed}", expected="0 or more")
    checkpoint, dataset = load_checkpoint(request.checkpoint), Dataset(request.against)
    judges: dict[str, Judge] = {}
    verdicts: dict[str, Verdict] = {}
    skipped: dict[str, str] = {}
    for style in STYLES:
        if style not in checkpoint.styles:
            continue
        real = _pieces(dataset, style, ("train",))
        if len(real) < FOLDS:
            skipped[style] = f"{len(real)} training pieces, {FOLDS} are needed"
            continue
        composed = _composed(request, style, progress)
        progress(f"fitting the critic of {style}")
        critic, verdicts[style] = _fitted(real, _pieces(dataset, style, ("validation", "test")), composed)
        judges[style] = Judge(critic, reference_of(real))
    if not judges:
        reasons = "; ".join(f"{style}: {why}" for style, why in skipped.items()) or "none of its styles is composed in"
        raise CorpusError(f"{request.against} gives no critic ({reasons})", remedy="convert more pieces")
    save_judges(checkpoint.path, judges)
    result = CriticResult(checkpoint.path, verdicts, skipped)
    _record(checkpoint.path, {**result.as_json()["styles"], "generator": checkpoint.digest})
    return result


def _pieces(dataset: Dataset, style: str, splits: Sequence[str]) -> list[TokenSequence]:
    numbers = [number for split in splits for number in dataset.numbers(split=split, style=style)]
    kept = np.linspace(0, len(numbers) - 1, min(len(numbers), _MOST_REAL)).round().astype(int).tolist()
    return [dataset.sequence(numbers[place]) for place in kept]


def _composed(request: CriticRequest, style: str, progress: Progress) -> list[TokenSequence]:
    """Compose takes of a style as users get them, of all that a style leaves open."""
    first = _SEEDS + request.seed * request.pieces
    wanted = [
        ComposeRequest(style, seed=first + number, checkpoint=request.checkpoint) for number in range(request.pieces)
    ]
    found = [tokens for tokens in compose_side_by_side(wanted, progress) if tokens is not None]
    if len(found) < request.pieces // 2:
        raise CorpusError(f"the checkpoint makes {len(found)} of {request.pieces} {style} takes", remedy="train longer")
    return found


def _fitted(
    real: Sequence[TokenSequence], unseen: Sequence[TokenSequence], composed: Sequence[TokenSequence]
) -> tuple[Critic, Verdict]:
    """Return the critic of half of the takes, judged by the other half, measured in what both score."""
    people, machine = Stretches.of(real), Stretches.of(composed)
    learnt = machine.pieces < len(composed) // 2
    critic, by_stretch = fit(people, machine.among(learnt))
    fresh = machine.among(~learnt)
    found: tuple[float, float | None, float | None] = (by_stretch, None, None)
    if len(unseen) > 1:
        found = _interval(piece_scores(critic, Stretches.of(unseen)), piece_scores(critic, fresh))
    auc_rounded, low, high = (None if value is None else round(value, 4) for value in found)
    assert auc_rounded is not None
    verdict = Verdict(auc_rounded, low, high, len(real), len(unseen), len(composed), round(by_stretch, 4))
    return calibrated(critic, fresh), verdict


def _interval(real: Any, composed: Any) -> tuple[float, float, float]:
    """Return the chance that a real piece scores above a take, with the ends of its 95 % interval."""
    rng = np.random.default_rng(0)
    drawn = [auc(rng.choice(real, len(real)), rng.choice(composed, len(composed))) for _ in range(_RESAMPLES)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return auc(real, composed), float(low), float(high)


def _record(folder: Path, entry: dict[str, Any]) -> None:
    """Say in the facts of a checkpoint how well its critic tells, and of which weights."""
    facts = json.loads((folder / FACTS).read_text("utf-8"))  # it was read a moment ago
    facts["critic"] = entry
    write_json(folder / FACTS, facts)
