"""What the grammar does to real music: masks for continuations of real pieces, and what it would strike out of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from symgen.grammar.plan import Plan
from symgen.grammar.rules import Grammar
from symgen.instruments import get_instrument
from symgen.instruments.rules import tunings_for
from symgen.models.context import Context
from symgen.models.rollout import mask_of
from symgen.planning.taking import TECHNIQUES
from symgen.score import Metre
from symgen.styles import STYLES, Style
from symgen.tokens.prefix import Prefix
from symgen.tokens.sequence import FAMILIES, TokenSequence

_ENDLESS_BARS = 1_000_000


def masks_for(pieces: Sequence[TokenSequence]) -> Callable[[tuple[int, int], Context], Grammar]:
    """Return what gives the grammar for the continuation of a piece at a place, without the rules of a close."""

    def grammar(place: tuple[int, int], context: Context) -> Grammar:
        return Grammar(endless_plan(pieces[place[0]].prefix), context)

    return grammar


def endless_plan(prefix: Prefix) -> Plan:
    """Return a plan of the prefix's style in its commonest gong that never comes to an end."""
    style: Style = STYLES[prefix.style]
    instrument = get_instrument(style.instrument)
    gong = max(style.gongs, key=lambda pitch: style.gongs[pitch])
    return Plan(
        prefix=prefix if prefix.mode in style.modes else Prefix(prefix.style, next(iter(style.modes)), prefix.metre),
        gong=style.register + (gong - style.register) % 12,
        metre=Metre(0, *style.metre),
        bars=_ENDLESS_BARS,
        instrument=instrument,
        tuning=tunings_for(instrument, gong)[0],
        techniques=TECHNIQUES[instrument.name],
        bian_share=style.bian_share,
    )


def forbidden_steps(pieces: Sequence[TokenSequence], style: str, most: int = 20) -> dict[str, float]:
    """Return by token family what share of the steps of real pieces the grammar would have struck out.

    Parameters
    ----------
    pieces : sequence of TokenSequence
        Real pieces; of the first `most`.
    style : str
        Their style.
    """
    struck, steps = np.zeros(len(FAMILIES)), 0
    for piece in pieces[:most]:
        plan = endless_plan(Prefix(style, piece.prefix.mode, piece.prefix.metre))
        grammar = Grammar(plan, Context(piece.metres, piece.end))
        rows = piece.steps().astype(np.int64)
        for row in rows:
            for place in range(len(FAMILIES)):
                struck[place] += not mask_of(grammar, place, row)[row[place]]
            grammar.append(*row.tolist())
        steps += len(rows)
    return {family.NAME: round(float(share), 4) for family, share in zip(FAMILIES, struck / max(1, steps), strict=True)}
