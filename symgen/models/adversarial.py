"""The adversarial stage: policy gradient against the adversary, held by an anchor.

From real contexts the generator writes several continuations each; the adversary says how real each
sounds, and what counts is how a continuation fares against its siblings (leave-one-out, as in RLOO and
GRPO), so no value network is needed. A frozen copy of the generator as likelihood left it is the anchor:
the Kullback-Leibler divergence from it is kept near a target, and a share of likelihood training goes on.
Known to help at this size: GAPT and TextGAIL for the anchor and replay, ScratchGAN for large batches and
regularised discriminators.
"""

from __future__ import annotations

import copy
import math
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from symgen.errors import CheckpointError, CorpusError
from symgen.models.checkpoint import read_tensors, write_tensors
from symgen.models.discriminator import Adversary, AdversaryConfig
from symgen.models.generator import Generator, step_log_likelihood
from symgen.models.likelihood import (
    Run,
    bits_per_note,
    negative_log_likelihood,
    set_dropout,
    stage_seed,
    tensors_of,
    weights_of,
)
from symgen.models.rollout import continue_pieces
from symgen.models.runtime import Runtime
from symgen.models.windows import Batch, Mixture, Pieces
from symgen.progress import Progress


@dataclass(frozen=True, slots=True)
class AdversarialStage:
    """The adversarial stage.

    Parameters
    ----------
    name : str
        Names the stage in logs and seeds.
    updates : int
        Updates of the generator.
    shares : mapping of str to float
        How often each style is played.
    contexts, siblings : int
        Real contexts an update, and continuations of each.
    seen, heard, length : int
        Steps of context that the generator sees, that the adversary hears, and steps written.
    learning_rate : float
        Of the generator.
    divergence : float
        Target of the divergence from the anchor in nats a step; its weight is adapted to keep it.
    replay : float
        Weight of the likelihood of real windows.
    rounds : int
        Steps of the adversary an update.
    warm_up : int
        Updates in which only the adversary learns.
    evaluate_every : int
        Updates between snapshots.
    adversary : AdversaryConfig
        The ensemble.
    """

    name: str = "adversarial"
    updates: int = 240
    shares: Mapping[str, float] = field(default_factory=lambda: {"guqin": 0.7, "guzheng": 0.2, "folk": 0.1})
    contexts: int = 20
    siblings: int = 4
    seen: int = 32
    heard: int = 16
    length: int = 32
    learning_rate: float = 4e-5
    divergence: float = 0.05
    replay: float = 0.2
    rounds: int = 4
    warm_up: int = 40
    evaluate_every: int = 40
    adversary: AdversaryConfig = field(default_factory=AdversaryConfig)


class Duel:
    """Generator and adversary, and where their duel stands.

    Parameters
    ----------
    run : Run
        The run whose generator is trained, with its folder and seed.
    stage : AdversarialStage
        What to do.
    training : mapping of str to Pieces
        Training pieces by style; no other piece is ever shown to the adversary.
    """

    def __init__(self, run: Run, stage: AdversarialStage, training: Mapping[str, Pieces]) -> None:
        self.run, self.stage, self.training = run, stage, training
        self.model = run.model
        self.anchor = copy.deepcopy(run.model).eval()
        torch.manual_seed(stage_seed(run.seed, stage.name, 0))
        self.adversary = Adversary(stage.adversary)
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), lr=stage.learning_rate, betas=(0.9, 0.98), weight_decay=0.0
        )
        self.weight = 0.3
        self.memory: deque[tuple[str, Batch]] = deque(maxlen=6)
        self.styles = styles_to_play(stage, training)
        shares = np.array([stage.shares[style] for style in self.styles])
        self.shares = shares / shares.sum()

    def write(self, rng: np.random.Generator) -> tuple[str, Batch]:
        """Let the generator continue real contexts of one style."""
        stage = self.stage
        style = self.styles[int(rng.choice(len(self.styles), p=self.shares))]
        pieces = self.training[style]
        places = pieces.places(rng, stage.contexts, before=stage.seen, after=stage.length)
        repeated = [place for place in places for _ in range(stage.siblings)]
        written = continue_pieces(
            runtime_of(self.model), pieces, repeated, seen=stage.seen, length=stage.length, rng=rng
        )
        self.memory.append((style, written))
        return style, written

    def judge(self, rng: np.random.Generator) -> float:
        """Let the adversary compare remembered continuations with real ones of the same styles."""
        return sum(self._judge_once(rng) for _ in range(self.stage.rounds)) / self.stage.rounds

    def _judge_once(self, rng: np.random.Generator) -> float:
        stage = self.stage
        rows = stage.contexts * stage.siblings
        real, written = [], []
        for style, batch in self.memory:
            count = max(2, rows // len(self.memory))
            pieces = self.training[style]
            places = pieces.places(rng, count, before=stage.seen, after=stage.length)
            whole = pieces.batch([(piece, step - stage.seen) for piece, step in places], stage.seen + stage.length)
            real.append(self._heard(whole))
            chosen = rng.permutation(len(batch.steps))[:count]
            steps, features = self._heard(batch)
            written.append((steps[chosen], features[chosen]))
        return self.adversary.learn(_joined(real), _joined(written))

    def update(self, style: str, written: Batch, replay: Batch) -> dict[str, float]:
        """Move the generator towards what the adversary took for real, and return what to watch."""
        stage = self.stage
        rewards = self.adversary.reward(*self._heard(written)).view(-1, stage.siblings)
        others = (rewards.sum(1, keepdim=True) - rewards) / (stage.siblings - 1)
        advantage = (rewards - others).flatten()
        advantage = advantage / (advantage.std() + 1e-6)
        steps, features, prefix, _ = tensors_of(written)
        self.model.train()
        logits = self.model(steps, features, prefix)
        with torch.no_grad():
            held = self.anchor(steps, features, prefix)
        tail = slice(stage.seen, None)
        likelihood = step_log_likelihood(logits, steps[:, 1:])[:, tail].sum(-1)
        divergence, entropy = _divergence(logits, held, tail)
        policy = -(advantage[:, None] * likelihood).mean()
        loss = policy + self.weight * divergence + stage.replay * negative_log_likelihood(self.model, replay)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        seen = float(divergence.detach())
        self.weight *= 1.1 if seen > 1.5 * stage.divergence else 1 / 1.1 if seen < 0.5 * stage.divergence else 1.0
        self.weight = min(max(self.weight, 0.05), 10.0)
        return {
            "reward": float(rewards.mean()),
            "divergence": seen,
            "entropy": float(entropy.detach()),
            "weight": self.weight,
            "distinct": _distinct(written.steps[:, stage.seen + 1 :]),
        }

    def _heard(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return what the adversary hears of windows: the end of the context, and the continuation."""
        first = self.stage.seen - self.stage.heard
        return torch.from_numpy(batch.steps[:, 1 + first :]), torch.from_numpy(batch.features[:, first:])


def styles_to_play(stage: AdversarialStage, training: Mapping[str, Pieces]) -> list[str]:
    """Return the styles of a stage that have a piece long enough for a context and its continuation.

    Raises
    ------
    CorpusError
        If there is none.
    """
    least = stage.seen + stage.length
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


def fight(
    run: Run,
    stage: AdversarialStage,
    training: Mapping[str, Pieces],
    validation: Mapping[str, Pieces],
    replay: Mixture,
    progress: Progress,
) -> None:
    """Run the adversarial stage, with a snapshot every so often; an interrupted stage goes on from the last.

    Snapshots lie in the run's folder as ``adversarial-<update>.safetensors``.

    Raises
    ------
    CheckpointError
        If the generator's loss stops being a number; the last snapshot is intact. Also if that is damaged.
    CorpusError
        If no training piece is long enough, see :func:`styles_to_play`.
    """
    set_dropout(run.model, 0.0)
    duel = Duel(run, stage, training)
    begin, started = _resume(duel), time.monotonic()
    for update in range(begin, stage.warm_up + stage.updates):
        seed = stage_seed(run.seed, stage.name, update + 1)
        rng = np.random.default_rng(seed)
        torch.manual_seed(seed)
        style, written = duel.write(rng)
        if update < stage.warm_up:
            accuracy = duel.judge(rng)
            progress(f"{stage.name}: the adversary warms up, {accuracy:.2f} right", update + 1, stage.warm_up)
            continue
        left = (time.monotonic() - started) / (update + 1 - begin) * (stage.warm_up + stage.updates - update - 1)
        note = f"{stage.name}: the adversary is right {duel.adversary.accuracy:.2f}, {left / 60:.0f} min left"
        progress(note, update + 1 - stage.warm_up, stage.updates)
        figures = duel.update(style, written, replay.batch(rng))
        figures["accuracy"] = duel.judge(rng)
        if not math.isfinite(figures["divergence"]):
            raise CheckpointError(f"{stage.name}: the generator diverged at update {update}", remedy="train again")
        done = update + 1 - stage.warm_up
        run.log(stage=stage.name, update=done, style=style, **{name: round(v, 4) for name, v in figures.items()})
        if done % stage.evaluate_every == 0 or done == stage.updates:
            bits = {name: round(bits_per_note(run.model, p), 4) for name, p in validation.items() if len(p)}
            run.log(stage=stage.name, update=done, bits=bits)
            _save(duel, done)


def runtime_of(model: Generator) -> Runtime:
    """Return the generator in numpy with the weights as they stand."""
    config = model.config
    return Runtime(
        weights_of(model), layers=config.layers, heads=config.heads, width=config.width, window=config.window
    )


def _divergence(logits: tuple[Tensor, ...], held: tuple[Tensor, ...], tail: slice) -> tuple[Tensor, Tensor]:
    """Return the divergence from the anchor, and the entropy, in nats a step, families summed."""
    divergence, entropy = torch.zeros(()), torch.zeros(())
    for ours, theirs in zip(logits, held, strict=True):
        p = functional.log_softmax(ours[:, tail], dim=-1)
        q = functional.log_softmax(theirs[:, tail], dim=-1)
        divergence = divergence + (p.exp() * (p - q)).sum(-1).mean()
        entropy = entropy - (p.exp() * p).sum(-1).mean()
    return divergence, entropy


def _distinct(steps: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> float:
    """Return the share of different runs of four melody tokens among all that were written."""
    melodies = steps[..., 1]
    runs = np.stack([melodies[:, place : melodies.shape[1] - 3 + place] for place in range(4)], axis=-1).reshape(-1, 4)
    return len(np.unique(runs, axis=0)) / len(runs)


def _joined(parts: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    return torch.cat([steps for steps, _ in parts]), torch.cat([features for _, features in parts])


def _snapshot(duel: Duel, done: int) -> str:
    return f"{duel.stage.name}-{done:05d}.safetensors"


def _save(duel: Duel, done: int) -> None:
    weights = {f"generator.{name}": value for name, value in weights_of(duel.model).items()}
    weights |= {f"adversary.{name}": value for name, value in weights_of(duel.adversary.members).items()}
    weights["weight"] = np.array([duel.weight])
    weights["accuracy"] = np.array([duel.adversary.accuracy])
    write_tensors(duel.run.folder / _snapshot(duel, done), weights)


def _resume(duel: Duel) -> int:
    """Take up the last snapshot and return the round to go on with; optimisers start afresh."""
    snapshots = sorted(duel.run.folder.glob(f"{duel.stage.name}-*.safetensors"))
    if not snapshots:
        return 0
    tensors = read_tensors(snapshots[-1])
    try:
        for prefix, network in (("generator.", duel.model), ("adversary.", duel.adversary.members)):
            part = {n[len(prefix) :]: torch.from_numpy(v.copy()) for n, v in tensors.items() if n.startswith(prefix)}
            network.load_state_dict(part)
        duel.weight = float(tensors["weight"][0])
        duel.adversary.accuracy = float(tensors["accuracy"][0])
    except (KeyError, IndexError, RuntimeError) as error:
        raise CheckpointError(
            f"{snapshots[-1]} does not fit the networks of this training ({str(error).splitlines()[0]})",
            remedy=f"remove {duel.run.folder} to begin again",
        ) from error
    return duel.stage.warm_up + int(snapshots[-1].stem.rpartition("-")[2])
