"""Use case: the adversary of a checkpoint, from a dataset and the checkpoint's own takes, judged on held-out pieces.

First its ear (:mod:`symgen.listening`), fitted to real pieces and to what the generator writes alone; then the critic
that ranks takes, fitted to real pieces and to what generator and ear write together. Both take some minutes on one core
and change nothing of the generator: what is written stands beside the weights.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from symgen.compose import ComposeRequest, compose_side_by_side
from symgen.corpus.dataset import Dataset
from symgen.errors import CorpusError, UsageError
from symgen.files import settle_paths
from symgen.listening import STRETCH, save_ears
from symgen.metrics.critic import FOLDS, Critic, Stretches, auc, calibrated, fit, piece_scores
from symgen.metrics.reference import reference_of
from symgen.models.card import write_card
from symgen.models.checkpoint import FACTS, load_checkpoint, write_json
from symgen.progress import Progress, silent
from symgen.styles import STYLES
from symgen.takes.ranking import Judge, save_judges
from symgen.tokens.sequence import TokenSequence

_MOST_REAL: Final = 300
_SEEDS: Final = 1 << 40
"""Where the seeds of the takes begin, far from those that people type: the critic learnt from no take that it ranks."""
_RESAMPLES: Final = 1000
_AT_ONCE: Final = 32
_MOST_SEED: Final = 1 << 48
"""With a thousand takes a seed, twice, what is composed still has a seed that can be asked for."""


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
        Takes to compose for each style, 16 to 1000: so many by the generator alone for the ear, and as many with
        the ear for the critic, of which half only judge it.
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
    ears : dict
        Style -> the chance that a stretch that people wrote seems so to its ear more than one that the generator
        wrote alone, from cross-fitting.
    skipped : dict
        Style -> why it has none.
    """

    checkpoint: Path
    styles: dict[str, Verdict]
    ears: dict[str, float]
    skipped: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        styles = {style: asdict(verdict) for style, verdict in self.styles.items()}
        return {
            "checkpoint": str(self.checkpoint),
            "styles": styles,
            "ears": dict(self.ears),
            "skipped": dict(self.skipped),
        }


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
    if not 0 <= request.seed <= _MOST_SEED:
        raise UsageError(f"seed {request.seed}", expected=f"0 to {_MOST_SEED}")
    checkpoint, dataset = load_checkpoint(request.checkpoint), Dataset(request.against)
    styles = [style for style in STYLES if style in checkpoint.styles]
    real = {style: _pieces(dataset, style, ("train",)) for style in styles}
    skipped = {
        style: f"{len(pieces)} training pieces, {FOLDS} are needed"
        for style, pieces in real.items()
        if len(pieces) < FOLDS
    }
    ears: dict[str, tuple[Critic, float]] = {}
    for style, pieces in _kept(real, skipped):
        alone = _composed(request, style, 0, progress, skipped)
        if alone:
            progress(f"fitting the ear of {style}")
            ears[style] = fit(Stretches.of(pieces, STRETCH), Stretches.of(alone, STRETCH))
    if not ears:
        reasons = "; ".join(f"{style}: {why}" for style, why in skipped.items()) or "none of its styles is composed in"
        raise CorpusError(
            f"{request.against} gives no critic ({reasons})", remedy="convert more pieces, or train longer"
        )
    save_ears(checkpoint, {style: critic for style, (critic, _) in ears.items()})
    judges: dict[str, Judge] = {}
    verdicts: dict[str, Verdict] = {}
    for style, pieces in _kept(real, skipped):
        composed = _composed(request, style, 1, progress, skipped)
        if composed:
            progress(f"fitting the critic of {style}")
            critic, verdicts[style] = _fitted(pieces, _pieces(dataset, style, ("validation", "test")), composed)
            judges[style] = Judge(critic, reference_of(pieces))
    save_judges(checkpoint.path, judges)
    by_stretch = {style: round(chance, 4) for style, (_, chance) in ears.items()}
    result = CriticResult(checkpoint.path, verdicts, by_stretch, skipped)
    facts = {"generator": checkpoint.weights_digest, "ears": by_stretch}
    _record(checkpoint.path, {**result.as_json()["styles"], **facts})
    return result


def _kept(
    real: Mapping[str, list[TokenSequence]], skipped: Mapping[str, str]
) -> Iterator[tuple[str, list[TokenSequence]]]:
    """Yield the styles that are not skipped, with their pieces."""
    for style, pieces in real.items():
        if style not in skipped:
            yield style, pieces


def _pieces(dataset: Dataset, style: str, splits: Sequence[str]) -> list[TokenSequence]:
    numbers = [number for split in splits for number in dataset.numbers(split=split, style=style)]
    kept = np.linspace(0, len(numbers) - 1, min(len(numbers), _MOST_REAL)).round().astype(int).tolist()
    return [dataset.sequence(numbers[place]) for place in kept]


def _composed(
    request: CriticRequest, style: str, turn: int, progress: Progress, skipped: dict[str, str]
) -> list[TokenSequence]:
    """Compose takes of all that a style leaves open: first of the generator alone, then as users get them.

    Where too few keep their promises there are none, and the style is skipped.
    """
    count = request.pieces
    first = _SEEDS + (2 * request.seed + turn) * count
    wanted = [
        ComposeRequest(style, seed=first + number, checkpoint=request.checkpoint, versions=None if turn else 1)
        for number in range(count)
    ]
    label = f"{style} with its ear" if turn else f"{style} alone"
    found: list[TokenSequence] = []
    for begin in range(0, count, _AT_ONCE):
        progress(f"composing {label}", begin, count)
        some = compose_side_by_side(wanted[begin : begin + _AT_ONCE], silent)
        found += [tokens for tokens in some if tokens is not None]
    if len(found) < count // 2:
        skipped[style] = f"the checkpoint makes {len(found)} of {count} takes"
        return []
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
    """Say in the facts of a checkpoint how well its critic tells, and of which weights; its card is made anew."""
    facts = json.loads((folder / FACTS).read_text("utf-8"))  # it was read a moment ago
    facts["critic"] = entry
    write_json(folder / FACTS, facts)
    if "data" in facts:  # a checkpoint of symgen train, and no bare one
        write_card(folder, facts)
