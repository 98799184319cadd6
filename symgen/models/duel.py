"""A duel of generator and adversary, held by an anchor.

After real contexts, or from nothing, the generator writes several times as far as it can see, the adversary says how
real each window of it sounds, and the generator moves towards what sounds real (two ways, see
:mod:`symgen.models.rewards`). It writes far because it goes astray far from any real note: in loops, for example, that
no continuation of a few bars shows. A frozen copy of the generator
as likelihood left it is the anchor: the Kullback-Leibler divergence from it is kept near a target, and a share of
likelihood training goes on. What could go wrong is watched, and undone (:class:`Limits`).
Known to help at this size: GAPT and TextGAIL for the anchor and replay, ScratchGAN for large batches, dense rewards and
regularised discriminators.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from symgen.models.adversarial_stage import AdversarialStage, styles_to_play
from symgen.models.discriminator import Adversary, Heard
from symgen.models.generator import Generator, step_log_likelihood
from symgen.models.likelihood import Run
from symgen.models.losses import negative_log_likelihood, stage_seed, tensors_of, weights_of
from symgen.models.rewards import advantages, relativistic, soft_tokens
from symgen.models.rollout import begin_pieces, continue_pieces, openings
from symgen.models.runtime import Runtime
from symgen.models.watch import copied, distinct, run_table
from symgen.models.windows import Batch, Pieces
from symgen.progress import Progress


@dataclass(frozen=True, slots=True)
class Written:
    """What was written in one style: continuations of real contexts, or pieces begun from nothing.

    Parameters
    ----------
    style : str
        Their style.
    places : list of (piece, step)
        Where each row was continued; step 0 for a piece begun with the prefix and the length of this one.
    batch : Batch
        Context and what was written.
    """

    style: str
    places: list[tuple[int, int]]
    batch: Batch

    @property
    def begun(self) -> bool:
        """Whether the rows were begun from nothing."""
        return self.places[0][1] == 0

    @property
    def kind(self) -> str:
        """Style and way in words: kinds differ in variety, so each is watched on its own."""
        return f"{self.style}, {'openings' if self.begun else 'continuations'}"


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
        self.mean = {name: value.detach().clone() for name, value in run.model.state_dict().items()}
        torch.manual_seed(stage_seed(run.seed, stage.name, 0))
        self.judged = min(stage.judged, stage.length)
        self.adversary = Adversary(stage.adversary, self.judged)
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), lr=stage.learning_rate, betas=(0.9, 0.98), weight_decay=0.0
        )
        self.weight = 0.3
        self.done = 0
        self.memory: deque[Written] = deque(maxlen=stage.memory)
        self.styles = styles_to_play(stage, training)
        shares = np.array([stage.shares[style] for style in self.styles])
        self.shares = shares / shares.sum()
        self._folds = {style: _folds(training[style], stage.adversary.folds, run.seed) for style in self.styles}
        self._runs = {style: run_table(training[style]) for style in self.styles}

    def write(self, rng: np.random.Generator, runtime: Runtime | None = None) -> Written:
        """Let the generator write in one style, and remember what it wrote."""
        stage = self.stage
        style = self.styles[int(rng.choice(len(self.styles), p=self.shares))]
        pieces = self.training[style]
        runtime = runtime or runtime_of(self.model)
        if rng.random() < stage.openings:
            drawn = rng.integers(0, len(pieces), size=stage.contexts)
            places = [(piece, 0) for piece in drawn.tolist() for _ in range(stage.siblings)]
            prefixes, contexts = openings(pieces, drawn, stage.siblings, rng)
            batch = begin_pieces(runtime, prefixes, contexts, length=stage.seen + stage.length, rng=rng)
        else:
            found = pieces.places(rng, stage.contexts, before=stage.seen, after=self.judged)
            places = [place for place in found for _ in range(stage.siblings)]
            batch = continue_pieces(runtime, pieces, places, seen=stage.seen, length=stage.length, rng=rng)
        written = Written(style, places, batch)
        self.memory.append(written)
        return written

    def warm_up(self, rng: np.random.Generator, tick: Progress) -> float:
        """Fill the memory, let the adversary learn from it, and return its accuracy on pieces not learnt from."""
        runtime = runtime_of(self.model)
        while len(self.memory) < self.stage.memory:
            self.write(rng, runtime)
            tick(f"{self.stage.name}: writing for the adversary", len(self.memory), self.stage.memory)
        seen = []
        for step in range(self.stage.warm_up):
            seen.append(self.adversary.learn(*self._compared(rng)))
            if step % 10 == 9:
                note = f"{self.stage.name}: the adversary warms up, {np.mean(seen[-40:]):.2f} right"
                tick(note, step + 1, self.stage.warm_up)
        return float(np.mean(seen[-40:]))

    def judge(self, rng: np.random.Generator) -> float:
        """Let the adversary compare remembered continuations with real ones; return its accuracy."""
        rounds = self.stage.rounds
        return sum(self.adversary.learn(*self._compared(rng)) for _ in range(rounds)) / max(1, rounds)

    def update(self, written: Written, replay: Batch, rng: np.random.Generator) -> dict[str, float]:
        """Move the generator towards what the adversary takes for real, and return what to watch."""
        stage = self.stage
        seen = 0 if written.begun else stage.seen
        steps, features, prefix, _ = tensors_of(written.batch)
        self.model.train()
        logits = self.model(steps, features, prefix)
        with torch.no_grad():
            held = self.anchor(steps, features, prefix)
        divergence, entropy = _divergence(logits, held, slice(seen, None))
        firsts = self._firsts(written, rng)
        gain = torch.stack([self._gain(written, first, logits, rng) for first in firsts]).mean()
        loss = gain + self.weight * divergence + stage.replay * negative_log_likelihood(self.model, replay)
        for group in self.optimiser.param_groups:
            group["lr"] = stage.learning_rate * self._schedule()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self._follow()
        self.done += 1
        far = float(divergence.detach())
        self.weight *= 1.1 if far > 1.5 * stage.divergence else 1 / 1.1 if far < 0.5 * stage.divergence else 1.0
        self.weight = min(max(self.weight, 0.03), 10.0)
        fresh = written.batch.steps[:, seen + 1 :]
        return {
            "loss": float(loss.detach()),
            "gain": float(gain.detach()),
            "divergence": far,
            "entropy": float(entropy.detach()),
            "weight": self.weight,
            "distinct": distinct(fresh),
            "copied": copied(fresh, self._runs[written.style]),
        }

    def kept(self) -> dict[str, Tensor]:
        """Return the weights that are worth keeping: the average of the last ones, if there is one."""
        return self.mean if self.stage.average else self.model.state_dict()

    def heard(self, style: str, places: list[tuple[int, int]], batch: Batch, first: int = 0) -> Heard:
        """Return what the adversary hears of a batch: the window with its context that begins at step `first`."""
        cut = slice(first, first + self.stage.heard + self.judged)
        folds = torch.from_numpy(self._folds[style][[piece for piece, _ in places]])
        return Heard(torch.from_numpy(batch.steps[:, 1:][:, cut]), torch.from_numpy(batch.features[:, cut]), folds)

    def _firsts(self, written: Written, rng: np.random.Generator) -> list[int]:
        """Return where windows begin that lie side by side in what was written, from a drawn step on."""
        lowest, highest = self._range(written)
        return list(
            range(int(rng.integers(lowest, min(highest, lowest + self.judged - 1) + 1)), highest + 1, self.judged)
        )

    def _range(self, written: Written) -> tuple[int, int]:
        """Return the first and the last step at which a window with its context can begin."""
        stage = self.stage
        highest = stage.seen + stage.length - stage.heard - self.judged
        return (0 if written.begun else stage.seen - stage.heard), highest

    def _gain(
        self, written: Written, first: int, logits: tuple[Tensor, Tensor, Tensor], rng: np.random.Generator
    ) -> Tensor:
        """Return the part of the loss that the adversary's verdict on one window gives."""
        if self.stage.way == "policy":
            return self._policy(written, first, logits)
        return self._gumbel(written, first, logits, rng) if self.stage.way == "gumbel" else torch.zeros(())

    def _policy(self, written: Written, first: int, logits: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        stage = self.stage
        with torch.no_grad():
            so_far, whole = self.adversary.verdicts(self.heard(written.style, written.places, written.batch, first))
        worth = advantages(so_far, whole, stage.siblings, stage.discount)
        steps = torch.from_numpy(written.batch.steps)
        judged = slice(first + stage.heard, first + stage.heard + self.judged)
        likelihood = step_log_likelihood(logits, steps[:, 1:])[:, judged].sum(-1)
        return -(worth * likelihood).mean()

    def _gumbel(
        self, written: Written, first: int, logits: tuple[Tensor, Tensor, Tensor], rng: np.random.Generator
    ) -> Tensor:
        stage = self.stage
        heard = self.heard(written.style, written.places, written.batch, first)
        judged = slice(first + stage.heard, first + stage.heard + self.judged)
        soft = []
        for place, scores in enumerate(logits):
            fresh = soft_tokens(scores[:, judged], heard.steps[:, stage.heard :, place], stage.temperature)
            known = functional.one_hot(heard.steps[:, : stage.heard, place], scores.shape[-1]).to(fresh.dtype)
            soft.append(torch.cat([known, fresh], dim=1))
        so_far, whole = self.adversary.verdicts(
            Heard(heard.steps, heard.features, heard.folds, (soft[0], soft[1], soft[2]))
        )
        with torch.no_grad():
            real_so_far, real = self.adversary.verdicts(self._real(written, first, len(written.places), rng))
        return relativistic(whole, real) + relativistic(so_far, real_so_far)

    def _real(self, written: Written, first: int, count: int, rng: np.random.Generator) -> Heard:
        """Return real windows to compare with: of anywhere, or of the same step of their piece as those of openings.

        What a step is told of the music before grows with the piece, so only like stands beside like.
        """
        stage, pieces = self.stage, self.training[written.style]
        size = stage.heard + self.judged
        if written.begun and (long := np.flatnonzero(pieces.lengths >= first + size)).size:
            starts = [(piece, first) for piece in rng.choice(long, size=count).tolist()]
        else:
            starts = [(p, s - stage.heard) for p, s in pieces.places(rng, count, before=stage.heard, after=self.judged)]
        return self.heard(written.style, starts, pieces.batch(starts, size))

    def _compared(self, rng: np.random.Generator) -> tuple[Heard, Heard]:
        """Return as many real windows as remembered ones, of the same styles."""
        rows = self.stage.contexts * self.stage.siblings
        count = max(4, 2 * rows // len(self.memory))
        real, written = [], []
        for past in self.memory:
            lowest, highest = self._range(past)
            first = int(rng.integers(lowest, highest + 1))
            real.append(self._real(past, first, count, rng))
            chosen = torch.from_numpy(rng.permutation(len(past.places))[:count])
            written.append(self.heard(past.style, past.places, past.batch, first).rows(chosen))
        return Heard.joined(real), Heard.joined(written)

    def _schedule(self) -> float:
        warm = max(1, self.stage.updates // 10)
        falling = 2 * max(0.0, self.done / max(1, self.stage.updates) - 0.5)
        return min(1.0, (self.done + 1) / warm) * (1 - 0.9 * falling)

    def _follow(self) -> None:
        """Let the average follow the weights."""
        decay = min(self.stage.average, (1 + self.done) / (10 + self.done))
        with torch.no_grad():
            for name, value in self.model.state_dict().items():
                self.mean[name].lerp_(value, 1 - decay)

    def learn_at(self, factor: float) -> None:
        """Let the generator learn faster or slower than it did from here on."""
        self.stage = replace(self.stage, learning_rate=self.stage.learning_rate * factor)


def runtime_of(model: Generator) -> Runtime:
    """Return the generator in numpy with the weights as they stand."""
    config = model.config
    return Runtime(
        weights_of(model),
        layers=config.layers,
        heads=config.heads,
        width=config.width,
        window=config.window,
        features=config.features,
        brakes=config.brakes,
    )


def _folds(pieces: Pieces, folds: int, seed: int) -> NDArray[np.int64]:
    """Return the fold of each piece, dealt out at random but evenly."""
    order = np.random.default_rng([seed, 7]).permutation(len(pieces))
    return order % folds


def _divergence(logits: tuple[Tensor, ...], held: tuple[Tensor, ...], tail: slice) -> tuple[Tensor, Tensor]:
    """Return the divergence from the anchor, and the entropy, in nats a step, families summed."""
    divergence, entropy = torch.zeros(()), torch.zeros(())
    for ours, theirs in zip(logits, held, strict=True):
        p = functional.log_softmax(ours[:, tail], dim=-1)
        q = functional.log_softmax(theirs[:, tail], dim=-1)
        divergence = divergence + (p.exp() * (p - q)).sum(-1).mean()
        entropy = entropy - (p.exp() * p).sum(-1).mean()
    return divergence, entropy
