"""The settings of an adversarial stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from symgen.errors import CorpusError, UsageError
from symgen.models.discriminator import AdversaryConfig
from symgen.models.watch import Limits
from symgen.models.windows import Pieces

WAYS = ("policy", "gumbel", "replay")


@dataclass(frozen=True, slots=True)
class AdversarialStage:
    """The adversarial stage.

    Parameters
    ----------
    name : str
        Names the stage in logs and seeds.
    way : str
        "policy", "gumbel", or "replay": the same updates without the adversary, to compare with.
    updates : int
        Updates of the generator.
    shares : mapping of str to float
        How often each style is played.
    contexts, siblings : int
        Real contexts an update, and continuations of each.
    seen, length : int
        Steps of context that the generator sees, and steps written after them.
    openings : float
        Share of updates in which pieces are begun from nothing, in one metre, rather than continued.
    heard, judged : int
        A window that the adversary is asked about, anywhere in what was written, has `judged` steps, at most those
        written, after `heard` steps of context.
    learning_rate : float
        Of the generator; its first tenth is a warm-up, its last half falls to a tenth.
    discount : float
        See :func:`symgen.models.rewards.advantages`.
    temperature : float
        See :func:`symgen.models.rewards.soft_tokens`.
    divergence : float
        Target of the divergence from the anchor in nats a step; its weight is adapted to keep it.
    replay : float
        Weight of the likelihood of real windows.
    average : float
        Decay of the moving average of the generator's weights, which is what is kept; 0 keeps the last weights.
    rounds, warm_up : int
        Steps of the adversary an update, and before the first.
    memory : int
        Updates whose continuations the adversary learns from.
    evaluate_every : int
        Updates between snapshots.
    adversary : AdversaryConfig
        The ensemble.
    limits : Limits
        What undoes updates.
    """

    name: str = "adversarial"
    way: str = "policy"
    updates: int = 240
    shares: Mapping[str, float] = field(default_factory=lambda: {"guqin": 0.65, "guzheng": 0.35})
    contexts: int = 12
    siblings: int = 4
    seen: int = 16
    length: int = 144
    openings: float = 0.5
    heard: int = 16
    judged: int = 48
    learning_rate: float = 3e-5
    discount: float = 0.9
    temperature: float = 1.0
    divergence: float = 0.05
    replay: float = 0.2
    average: float = 0.95
    rounds: int = 3
    warm_up: int = 200
    memory: int = 12
    evaluate_every: int = 40
    adversary: AdversaryConfig = field(default_factory=AdversaryConfig)
    limits: Limits = field(default_factory=Limits)


def styles_to_play(stage: AdversarialStage, training: Mapping[str, Pieces]) -> list[str]:
    """Return the styles of a stage that have a piece long enough for a context and its continuation.

    Raises
    ------
    CorpusError
        If there is none.
    UsageError
        If the stage names no way that there is.
    """
    if stage.way not in WAYS:
        raise UsageError(f"way {stage.way!r}", expected=f"one of {', '.join(WAYS)}")
    least = max(stage.seen, stage.heard) + min(stage.judged, stage.length)
    found = [
        style
        for style, share in stage.shares.items()
        if share > 0 and style in training and (training[style].lengths >= least).any()
    ]
    if not found:
        raise CorpusError(
            f"no training piece has {least} steps",
            expected=f"a longer piece of {', '.join(stage.shares)} for the adversarial stage",
            remedy="convert longer pieces",
        )
    return found
