"""The generator: a compound-step transformer in torch, for training.

A step is three tokens, drawn one after the other: rhythm, then melody given rhythm, then chord given
both. Tokens are embedded by their factors (degree and octave, interval and length), so that what is
learned of a degree in one octave helps in the next. What the network sees of a step before choosing
it is defined in :mod:`symgen.models.context`. For composing, the same weights run in numpy
(:mod:`symgen.models.runtime`), which starts in a tenth of the time and keeps torch out of the way.

Architecture: rotary positions (Su et al. 2021), pre-norm with RMSNorm (Zhang & Sennrich 2019), squared
ReLU (So et al. 2021), no biases.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from symgen.models.features import COPIED, FEATURES, PLACE, TOKEN_FEATURES
from symgen.models.recall import Recall, braked
from symgen.tokens.prefix import FIELDS
from symgen.tokens.sequence import FAMILIES
from symgen.tokens.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class GeneratorConfig:
    """Sizes of a generator.

    Parameters
    ----------
    width : int
        Channels C, a multiple of `heads` times 2.
    layers, heads : int
        Depth and attention heads.
    window : int
        Steps that attention reaches back; training windows are not longer.
    dropout : float
        During training.
    features : tuple of str
        Names in :data:`symgen.models.features.FEATURES` that the generator is told.
    copies : bool
        Whether it can point at tokens that came before (:data:`symgen.models.features.COPIED`).
    recalls : bool
        Whether it recalls rhythm and melody of the last steps (:mod:`symgen.models.recall`).
    brakes : bool
        Whether long rows of fast notes are made less likely (:data:`symgen.models.evidence.BRAKED_FROM`).
    """

    width: int = 160
    layers: int = 4
    heads: int = 5
    window: int = 160
    dropout: float = 0.1
    features: tuple[str, ...] = field(default_factory=lambda: tuple(FEATURES))
    copies: bool = True
    recalls: bool = True
    brakes: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "features", tuple(self.features))  # JSON knows lists only

    def as_json(self) -> dict[str, Any]:
        """Return the sizes as plain data."""
        return {**asdict(self), "features": list(self.features)}


_FORGOTTEN = (*TOKEN_FEATURES, "match_length", "match_run", "copy_run", "rhythm_match_length", "rhythm_run")


class FactoredEmbedding(nn.Module):
    """Embedding of a token as its own vector plus one vector a factor, summed."""

    def __init__(self, vocabulary: Vocabulary, width: int) -> None:
        super().__init__()
        self.own = nn.Parameter(torch.zeros(len(vocabulary), width))
        self.factors = nn.ParameterDict(
            {name: 0.02 * torch.randn(int(column.max()) + 1, width) for name, column in vocabulary.factors.items()}
        )
        for name, column in vocabulary.factors.items():
            self.register_buffer(f"index_{name}", torch.from_numpy(column.copy()), persistent=False)

    def table(self) -> Tensor:
        """Return the vector of every token, shape (V, C)."""
        table = self.own
        for name, vectors in self.factors.items():
            table = table + vectors[self.get_buffer(f"index_{name}")]
        return table


class Block(nn.Module):
    """Attention and a squared-ReLU layer, each behind a norm."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        width = config.width
        self.heads = config.heads
        self.dropout = config.dropout
        self.norm_attention = nn.RMSNorm(width, eps=1e-6)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.norm_feed = nn.RMSNorm(width, eps=1e-6)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)

    def forward(self, x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
        """Map (B, T, C) to (B, T, C), each step seeing itself and earlier ones."""
        batch, time, width = x.shape
        qkv = self.qkv(self.norm_attention(x)).view(batch, time, 3, self.heads, -1)  # (B, T, 3, H, D)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (B, H, T, D)
        q, k = rotate(q, rotation), rotate(k, rotation)
        attended = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + drop(self.out(attended.transpose(1, 2).reshape(batch, time, width)), self)
        hidden = functional.relu(self.up(self.norm_feed(x))).square()
        return x + drop(self.down(hidden), self)


class Head(nn.Module):
    """Logits of one family from the step's state, after taking up the token chosen before it, if any.

    A token that came before in the same place of the music gets a logit more that depends on the state: a pointer,
    which a small network learns where it would not learn to map the embedding of every token onto its own logit.
    """

    def __init__(self, size: int, width: int, *, conditioned: bool, copied: int, recalls: bool) -> None:
        super().__init__()
        self.recall = Recall(width) if recalls else None
        if copied:
            self.copy = nn.Linear(width, copied)
            nn.init.zeros_(self.copy.weight)
            nn.init.zeros_(self.copy.bias)
        self.copied = copied
        self.conditioned = conditioned
        if conditioned:
            self.norm_merge = nn.RMSNorm(width, eps=1e-6)
            self.merge = nn.Linear(2 * width, 2 * width, bias=False)
            self.project = nn.Linear(2 * width, width, bias=False)
        self.norm = nn.RMSNorm(width, eps=1e-6)
        self.bias = nn.Parameter(torch.zeros(size))

    def forward(
        self, state: Tensor, chosen: Tensor | None, table: Tensor, before: Tensor, tokens: Tensor, alike: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the state (B, T, C) after `chosen` (B, T, C), and logits (B, T, V) against `table` (V, C).

        `before` (B, T, K) are the tokens that may come again, 0 where there is none; `tokens` and `alike` as in
        :meth:`symgen.models.recall.Recall.forward`.
        """
        if chosen is not None:
            merged = self.merge(torch.cat([self.norm_merge(state), chosen], dim=-1))
            state = state + self.project(functional.relu(merged).square())
        seen = self.norm(state)
        logits = seen @ table.T + self.bias
        if self.copied:
            logits = logits.scatter_add(-1, before, (self.copy(seen) * (before > 0)).to(logits.dtype))
        if self.recall is not None:
            logits = self.recall(logits, seen, tokens, alike)
        return state, logits


class Generator(nn.Module):
    """The compound-step transformer.

    Parameters
    ----------
    config : GeneratorConfig
        Sizes.
    """

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.dropout = config.dropout
        self.token_dropout = 0.0
        width = config.width
        self.embeddings = nn.ModuleDict({f.NAME: FactoredEmbedding(f.VOCABULARY, width) for f in FAMILIES})
        self.features = nn.ParameterDict(
            {name: 0.02 * torch.randn(FEATURES[name], width) for name in config.features if name not in TOKEN_FEATURES}
        )
        self.gains = nn.ParameterDict({name: torch.ones(width) for name in config.features if name in TOKEN_FEATURES})
        self.prefix = nn.ParameterDict({name: 0.02 * torch.randn(len(v), width) for name, v in FIELDS.items()})
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.heads = nn.ModuleDict(
            {
                f.NAME: Head(
                    len(f.VOCABULARY),
                    width,
                    conditioned=i > 0,
                    copied=len(COPIED[i]) if config.copies else 0,
                    recalls=config.recalls and f.NAME != "chord",
                )
                for i, f in enumerate(FAMILIES)
            }
        )
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.02)
        for block in self.blocks:
            nn.init.zeros_(block.out.weight)  # type: ignore[union-attr, arg-type]
            nn.init.zeros_(block.down.weight)  # type: ignore[union-attr, arg-type]

    def forward(self, steps: Tensor, features: Tensor, prefix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the logits of each family for every step, each given the true tokens before it.

        Parameters
        ----------
        steps : Tensor of int64, shape (B, T + 1, 3)
            The steps to predict, from place 1 on, behind the step before the window (or ``<start>``).
        features : Tensor of int64, shape (B, T, len(FEATURES))
            What is known of each step before it is chosen.
        prefix : Tensor of int64, shape (B, len(FIELDS))
            Prefix numbers.

        Returns
        -------
        tuple of three Tensors, shapes (B, T, V_rhythm), (B, T, V_melody), (B, T, V_chord)
        """
        tables = {name: embedding.table() for name, embedding in self.embeddings.items()}  # type: ignore[operator]
        previous = steps[:, :-1]
        if self.training and self.token_dropout:
            previous, features = self._forget(previous, features)
        x = self._embed(previous, features, prefix, tables)
        rotation = rotary(x.shape[1], self.config.width // self.config.heads, x.device)
        for block in self.blocks:
            x = block(x, rotation)
        logits = []
        state, chosen = x, None
        for place, family in enumerate(FAMILIES):
            before = features[..., [PLACE[name] for name in COPIED[place]]]
            tokens = steps[..., place]
            alike = _alike(steps, features, place)
            state, scores = self.heads[family.NAME](state, chosen, tables[family.NAME], before, tokens, alike)
            if self.config.brakes and not place:
                scores = braked(scores, tokens[:, :-1])
            logits.append(scores)
            chosen = functional.embedding(steps[:, 1:, place], tables[family.NAME])
        return logits[0], logits[1], logits[2]

    def _forget(self, previous: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """Hide some steps, and some of what came before them in the same place, so that nothing is relied on alone."""
        shape = previous.shape[:2]
        previous = previous.masked_fill((torch.rand(shape, device=previous.device) < self.token_dropout)[..., None], 0)
        features = features.clone()
        for name in _FORGOTTEN:
            features[..., PLACE[name]].masked_fill_(torch.rand(shape, device=previous.device) < self.token_dropout, 0)
        return previous, features

    def _embed(self, previous: Tensor, features: Tensor, prefix: Tensor, tables: dict[str, Tensor]) -> Tensor:
        """Sum the vectors of the previous step, the features and the prefix into (B, T, C)."""
        x = torch.zeros((), device=previous.device)
        for place, family in enumerate(FAMILIES):
            x = x + functional.embedding(previous[..., place], tables[family.NAME])
        for name, vectors in self.features.items():
            x = x + functional.embedding(features[..., PLACE[name]], vectors)
        for name, gain in self.gains.items():
            table = tables[FAMILIES[TOKEN_FEATURES[name]].NAME]
            x = x + gain * functional.embedding(features[..., PLACE[name]], table)
        for place, name in enumerate(FIELDS):
            x = x + functional.embedding(prefix[:, None, place], self.prefix[name])
        return drop(x, self)


def _alike(steps: Tensor, features: Tensor, place: int) -> Tensor:
    """Return which steps (B, T, T) have the same rhythm, or for the rhythm itself the same place in the bar."""
    value = steps[:, 1:, 0] if place else features[..., PLACE["bar_position"]]
    return value[:, :, None] == value[:, None, :]


def drop(x: Tensor, layer: Block | Generator) -> Tensor:
    """Drop channels at a layer's rate while it trains; drawing the mask is skipped, not only unused, at rate 0."""
    return functional.dropout(x, layer.dropout) if layer.training and layer.dropout else x


def rotary(time: int, depth: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return cosines and sines of the rotary positions 0..time-1, each of shape (T, D / 2)."""
    frequency = 10000.0 ** (-torch.arange(0, depth, 2, device=device) / depth)
    angle = torch.arange(time, device=device)[:, None] * frequency
    return angle.cos(), angle.sin()


def rotate(x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """Rotate the two halves of the last axis of x (B, H, T, D) against each other by position."""
    cos, sin = rotation
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


def step_log_likelihood(logits: tuple[Tensor, Tensor, Tensor], steps: Tensor) -> Tensor:
    """Return the log-likelihood in nats of each token, shape (B, T, 3), for steps of shape (B, T, 3)."""
    parts = [
        -functional.cross_entropy(scores.transpose(1, 2), steps[..., place], reduction="none")
        for place, scores in enumerate(logits)
    ]
    return torch.stack(parts, dim=-1)
