"""Whatever a network would like, a composed piece keeps its promises: a network of random numbers shows it.

Each promise is judged here by code that shares nothing with the grammar; what hands can strike is judged by the
referee of the instruments.
"""

from contextlib import contextmanager
from itertools import groupby, pairwise, product

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from symgen.drafting import draft as drafting
from symgen.drafting.ensemble import compose_sequences
from symgen.grammar.plan import Plan
from symgen.grammar.rules import Grammar
from symgen.instruments import get_instrument
from symgen.instruments.rules import placements, serves
from symgen.models.context import Context
from symgen.sampling import Sampling
from symgen.score import Metre, Technique
from symgen.tokens.codec import decode, encode
from symgen.tokens.prefix import METRES, Prefix
from symgen.tokens.sequence import FAMILIES
from tests.instruments.checker import GUQIN_TUNINGS, GUZHENG_TUNINGS, faults

FINALS = {"gong": 0, "shang": 2, "jue": 4, "zhi": 7, "yu": 9}
ZHENG, BIAN = {0, 2, 4, 7, 9}, {5, 6, 10, 11}
INSTRUMENTS = {"guqin": ("guqin", 48), "guzheng": ("guzheng", 57), "folk": ("voice", 60)}
TECHNIQUES = {"guqin": frozenset({Technique.PLUCK, Technique.HARMONIC})}
EASY_STOPS = {"guqin": 24, "guzheng": 2}
"""Semitones above the open string: the fourth hui, and what a string of the guzheng is pressed in common pieces."""

KNOWN_METRES = [metre for metre in METRES if "/" in metre]


class RandomRuntime:
    """Stands for a trained generator: logits are random numbers around a random taste for some tokens."""

    window = 160

    def __init__(self, seed, boldness=2.0):
        self.rng = np.random.default_rng(seed)
        self.taste = [boldness * self.rng.normal(size=len(family.VOCABULARY)) for family in FAMILIES]

    def start(self, prefix, *, apart=False, together=1):
        self.rows = len(prefix)
        return self

    def advance(self, previous, features):
        assert previous.shape == (self.rows, 3)
        return np.zeros((self.rows, 1), dtype=np.float32)

    def keep(self, rows):
        self.rows = len(rows)

    def logits(self, place, state, chosen):
        taste = self.taste[place]
        return state, (taste + self.rng.normal(size=(self.rows, len(taste)))).astype(np.float32)


@contextmanager
def watched():
    """Refuse empty masks while pieces are drawn."""
    draw = drafting.draw

    def watch(logits, mask, how, uniform):
        assert mask.any(), "nothing is allowed"
        token = draw(logits, mask, how, uniform)
        assert mask[token]
        return token

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drafting, "draw", watch)
        yield


def make_plan(style, mode="gong", gong=0, tuning=None, metre="4/4", bars=8, bian_share=0.05):
    """Return a plan as a composer would make it."""
    name, register = INSTRUMENTS[style]
    instrument = get_instrument(name)
    numerator, denominator = map(int, metre.split("/"))
    return Plan(
        prefix=Prefix(style, mode, metre),
        gong=register + (gong - register) % 12,
        metre=Metre(0, numerator, denominator),
        bars=bars,
        instrument=instrument,
        tuning=instrument.tunings[tuning or instrument.default_tuning],
        techniques=TECHNIQUES.get(style, frozenset({Technique.PLUCK})),
        bian_share=bian_share,
    )


SETTINGS = [
    (style, tuning.name, gong)
    for style, (name, _) in INSTRUMENTS.items()
    for tuning in get_instrument(name).tunings.values()
    for gong in range(12)
    if tuning.name in {"free", *GUQIN_TUNINGS, *GUZHENG_TUNINGS} and serves(get_instrument(name), tuning, gong)
]
"""Every style with every tuning that the referee knows and every gong that the tuning serves."""


WISHES = st.tuples(
    st.sampled_from(SETTINGS),
    st.sampled_from(sorted(FINALS)),
    st.sampled_from(KNOWN_METRES),
    st.integers(2, 24),
    st.sampled_from([0.0, 0.05, 0.3]),
)


def compose(plan, seed, pieces=1, how=Sampling(1.0, 0.95), boldness=2.0):  # noqa: B008 - frozen
    with watched():
        return compose_sequences(RandomRuntime(seed, boldness), plan, [[seed, i] for i in range(pieces)], how)


@given(WISHES, st.integers(0, 99), st.sampled_from([0.0, 2.0, 8.0]))
@example((("guqin", "zhengdiao", 5), "jue", "1/4", 2, 0.05), 0, 0.0)
@example((("guzheng", "D", 2), "yu", "3/8", 2, 0.05), 1, 2.0)
@example((("folk", "free", 7), "zhi", "2/2", 24, 0.05), 2, 8.0)
@settings(max_examples=25, deadline=None)
def test_a_random_network_keeps_every_promise(wish, seed, boldness):
    (style, tuning, gong), mode, metre, bars, bian_share = wish
    plan = make_plan(style, mode, gong, tuning, metre, bars, bian_share)
    (tokens,) = compose(plan, seed, boldness=boldness)
    score = decode(tokens)
    assert broken(score, tokens, plan) == []
    again = encode(score, gong=plan.gong % 12)
    if not again.lost:  # a note and a rest together can leave the grid
        assert np.array_equal(decode(again).notes, score.notes)


def broken(score, tokens, plan):
    """Return what a piece does not keep."""
    total = plan.bars * 1920 * plan.metre.numerator // plan.metre.denominator
    times = [*tokens.onsets().tolist(), total]
    strokes = [(onset, list(notes)) for onset, notes in groupby(score.notes.tolist(), key=lambda note: note[0])]
    found = length_faults(score, strokes, total) + rhythm_faults(times) + bian_faults(strokes, plan, total)
    found += cadence_faults(strokes, plan, total)
    runs = [len(list(same)) for _, same in groupby(tokens.melody.tolist()[:-2])]  # the cadence may repeat once more
    found += [f"the same {run} times" for run in runs if run > 7]
    for onset, notes in strokes:
        pitches = [note[2] for note in notes]
        techniques = {Technique(note[5]) for note in notes}
        if not techniques <= plan.techniques or len(techniques) != 1:
            found.append(f"techniques {techniques} at {onset}")
        elif not can_strike(plan, pitches, techniques.pop()):
            found.append(f"{pitches} cannot be struck at {onset}")
    return found


def length_faults(score, strokes, total):
    found = [] if score.end == total else [f"ends at {score.end}, not {total}"]
    if strokes[0][0] != 0:
        found.append("begins with a rest")
    ends = [onset + max(note[1] for note in notes) for onset, notes in strokes]
    starts = [onset for onset, _ in strokes[1:]] + [total]
    found += [f"rings over the next at {start}" for end, start in zip(ends, starts, strict=True) if end > start]
    found += [f"silent for long before {s}" for e, s in zip(ends, starts, strict=True) if s - e > 480 + 1920]
    return found


def rhythm_faults(times):
    """Triplets (of 40 ticks) and quintuplets (of 48) stay in their beat, 64ths (of 30) in their sixteenth."""
    found = []
    for start, end in pairwise(times):
        place, step = start % 480, end - start
        if step <= 0:
            found.append(f"no time at {start}")
        elif place % 30 or step % 30:
            grids = [g for g in (40, 48) if place % g == 0 and step % g == 0]
            if not grids or place + step > 480:
                found.append(f"leaves the beat: {step} from {start}")
        elif (place + step) % 120 and place // 120 != (place + step) // 120 and place % 40:
            found.append(f"leaves the sixteenth: {step} from {start}")
    return found


def bian_faults(strokes, plan, total):
    """Only the highest tone of a stroke may be a bian tone, for a share of the time; chromatic tones never come."""
    bian, found = 0, []
    for onset, notes in strokes:
        *under, degree = [(note[2] - plan.gong) % 12 for note in notes]  # notes stand in order of pitch
        bian += notes[-1][1] if degree in BIAN else 0
        if degree not in ZHENG | BIAN or not set(under) <= ZHENG:
            found.append(f"foreign tones at {onset}")
    return found if bian <= plan.bian_share * total else [*found, f"bian tones for {bian} of {total} ticks"]


def cadence_faults(strokes, plan, total):
    (before, *_), (onset, last) = strokes[-2], strokes[-1]
    bar = total // plan.bars
    degrees = {(note[2] - plan.gong) % 12 for note in last}
    found = [] if degrees == {FINALS[plan.prefix.mode]} else [f"ends on {degrees}"]
    if not (total - bar <= onset and onset % 240 == 0 and before < onset):
        found.append(f"the final comes at {onset} of {total}")
    if {note[0] + note[1] for note in last} != {total}:
        found.append("the final does not ring to the end")
    return found


def can_strike(plan, pitches, technique):
    """Search for a fingering of one stroke, within easy reach, that the referee lets pass."""
    if plan.instrument.name == "voice":
        return len(pitches) == 1 and 53 <= pitches[0] <= 84
    strings = plan.tuning.open_pitches
    places = [
        [
            (0, pitch, place.string, place.position, place.technique.name)
            for place in placements(plan.instrument, plan.tuning, pitch, technique)
            if place.technique is not Technique.STOPPED
            or pitch - strings[place.string - 1] <= EASY_STOPS[plan.instrument.name]
        ]
        for pitch in pitches
    ]
    return any(not faults(plan.instrument.name, plan.tuning.name, claims) for claims in product(*places))


@pytest.mark.parametrize("metre", KNOWN_METRES)
@pytest.mark.parametrize("style", INSTRUMENTS)
def test_every_metre_closes(style, metre):
    for bars in (2, 3):
        plan = make_plan(style, "zhi", 2 if style == "guzheng" else 5, metre=metre, bars=bars)
        for tokens in compose(plan, bars, pieces=3):
            assert broken(decode(tokens), tokens, plan) == []


@pytest.mark.parametrize("mode", FINALS)
@pytest.mark.parametrize(("style", "tuning", "gong"), SETTINGS)
def test_every_gong_that_a_tuning_serves_has_every_final(style, tuning, gong, mode):
    """No final and no approach to it is missing, so that the masks of the cadence are never empty."""
    plan = make_plan(style, mode, gong, tuning, bars=2)
    grammar = Grammar(plan, Context((plan.metre,), plan.total))
    token = next(t for t, name in enumerate(FAMILIES[0].VOCABULARY.names) if name == "480/480")
    while not grammar.finished:
        assert grammar.melodies(token).any()
        note = int(np.flatnonzero(grammar.melodies(token))[-1])
        assert grammar.chords(note).any()
        grammar.append(token if grammar.context.time < plan.close else int(grammar.rhythms().argmax()), note)


def test_a_piece_does_not_depend_on_its_neighbours():
    class Steady(RandomRuntime):
        def logits(self, place, state, chosen):
            return state, np.tile(self.taste[place], (self.rows, 1)).astype(np.float32)

    plan = make_plan("guqin", "yu", 5)
    seeds = [[1, 0], [1, 1], [1, 2]]
    together = compose_sequences(Steady(0), plan, seeds, Sampling())
    alone = [compose_sequences(Steady(0), plan, [seed], Sampling())[0] for seed in seeds]
    assert together == alone
    assert len({tuple(tokens.melody.tolist()) for tokens in together}) == 3


def test_progress_is_told_to_the_end():
    seen = []
    plan = make_plan("folk", bars=4)
    compose_sequences(RandomRuntime(0), plan, [[0], [1]], Sampling(), lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert seen[-1] == (plan.total, plan.total)


def test_the_cadence_of_a_network_without_taste_is_still_a_cadence():
    """With all logits equal, and with one token wanted above all, pieces end as they should."""
    for boldness, how in ((0.0, Sampling(5.0, 1.0)), (50.0, Sampling(0.05, 0.05))):
        for style in INSTRUMENTS:
            plan = make_plan(style, "shang", 2, bars=6)
            (tokens,) = compose(plan, 3, how=how, boldness=boldness)
            assert broken(decode(tokens), tokens, plan) == []
