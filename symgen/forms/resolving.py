"""From a form and a number of bars to its sections: shares into whole bars, themes into the bars that come back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from symgen.errors import UsageError
from symgen.forms.base import FEWEST_BARS, MOST_BARS, Form, SectionForm, SectionPlan
from symgen.styles import Style

USUAL_METRE = (2, 4)


def resolve(
    form: Form,
    bars: int | None = None,
    *,
    metre: tuple[int, int] = USUAL_METRE,
    style: Style | None = None,
    modulation: int = 0,
) -> tuple[SectionPlan, ...]:
    """Return the sections of a piece of this form.

    One metre holds for the whole piece, so a bar of a theme that comes back is as long as it was.

    Parameters
    ----------
    form : Form
        What is planned.
    bars : int, optional
        Length of the piece. May be left out where the form has a length of its own.
    metre : tuple of int
        Metre of the piece; a form in beats is so many bars of it.
    style : Style, optional
        Checked against the form if given.
    modulation : int
        -1 or 1: the sections that may modulate do so by that many fifths. 0: only those that do anyway.

    Returns
    -------
    tuple of SectionPlan
        In order and without a gap; their bars add up to `bars`.

    Raises
    ------
    UsageError
        If the form does not suit the style, the metre or the length; names the nearest length that works.
    """
    _check_style(form, style)
    own = _round_bars(form, metre)
    length = own if bars is None else bars
    if length is None:
        raise UsageError(f"form {form.name} has no length of its own", expected="a number of bars")
    nearest = nearest_bars(form, length, metre=metre)
    if nearest != length:
        raise UsageError(
            f"form {form.name} in {length} bars of {metre[0]}/{metre[1]}",
            expected=_lengths(form, own),
            remedy=f"the nearest is {nearest} bars",
        )
    sections = _modulated(form, length, modulation)
    if own is None:
        return _planned(sections, _shared(sections, length))
    lengths = [section.bars or _beats_in_bars(section.beats, metre) for section in sections]
    rounds = length // own
    return _planned(_in_rounds(form, sections, rounds), lengths * rounds)


def least_bars(form: Form, *, metre: tuple[int, int] = USUAL_METRE) -> int:
    """Return the fewest bars in which a form can be.

    Raises
    ------
    UsageError
        If a form in beats does not fit into bars of `metre`.
    """
    own = _round_bars(form, metre)
    return own if own is not None else sum(s.bars or s.least for s in form.sections if not s.from_bars)


def nearest_bars(form: Form, bars: int, *, metre: tuple[int, int] = USUAL_METRE) -> int:
    """Return the length nearest to `bars` that a form can have; `bars` itself if it can, the longer of two as near.

    Raises
    ------
    UsageError
        If a form in beats does not fit into bars of `metre`.
    """
    least, own = least_bars(form, metre=metre), _round_bars(form, metre)
    if own is None:
        return max(least, min(MOST_BARS, bars))
    if not form.rounds:
        return own
    return own * max(1, min(MOST_BARS // own, (2 * bars + own) // (2 * own)))


def _lengths(form: Form, own: int | None) -> str:
    if own is None:
        return f"{least_bars(form)} to {MOST_BARS} bars"
    return f"{own} bars or a multiple of them" if form.rounds else f"{own} bars"


def _check_style(form: Form, style: Style | None) -> None:
    if style is None:
        return
    if form.styles and style.name not in form.styles:
        raise UsageError(
            f"form {form.name} in style {style.name}",
            expected=f"style {' or '.join(form.styles)}",
            remedy="see symgen forms",
        )
    if any(section.harmonics for section in form.sections) and not any(style.harmonics):
        raise UsageError(
            f"form {form.name} has a section in harmonics, style {style.name} has none",
            expected="a plan without harmonics or style guqin",
        )


def _beats_in_bars(beats: int, metre: tuple[int, int]) -> int:
    """Return the bars that hold so many beats, a beat being the metre's unit."""
    whole, rest = divmod(beats, metre[0])
    if rest or whole < FEWEST_BARS:
        raise UsageError(
            f"{beats} beats in bars of {metre[0]}/{metre[1]}",
            expected=f"a metre of which phrases of {beats} beats take whole bars, at least {FEWEST_BARS}",
            remedy="2/4 works",
        )
    return whole


def _round_bars(form: Form, metre: tuple[int, int]) -> int | None:
    """Return the bars of one round of a form of fixed length; None if sections have shares."""
    if not form.fixed:
        return None
    return sum(section.bars or _beats_in_bars(section.beats, metre) for section in form.sections)


def _modulated(form: Form, length: int, modulation: int) -> tuple[SectionForm, ...]:
    """Return the sections that a piece of this length has, those that may modulate in the gong asked for."""
    if modulation not in (-1, 0, 1):
        raise UsageError(f"modulation by {modulation} fifths", expected="-1, 0 or 1")
    present = tuple(section for section in form.sections if section.from_bars <= length)
    if modulation and not any(section.modulates or section.modulation == modulation for section in present):
        later = [section.from_bars for section in form.sections if section.modulates]
        raise UsageError(
            f"form {form.name} in {length} bars has no section that may modulate",
            expected=f"at least {min(later)} bars" if later else "a plan with # or b behind a section",
        )
    return tuple(replace(s, modulation=modulation) if modulation and s.modulates else s for s in present)


def _in_rounds(form: Form, sections: Sequence[SectionForm], rounds: int) -> tuple[SectionForm, ...]:
    """Return the sections of all rounds: later ones faster and varied, only the last on its last cadence."""
    found: list[SectionForm] = []
    for number in range(rounds):
        manner = form.rounds[0] if form.rounds else None
        factor = manner.tempo ** (number / (rounds - 1)) if manner and rounds > 1 else 1.0
        for section in sections:
            begin, end = section.tempo
            varied = manner.variation if manner and number and section.theme else section.variation
            found.append(replace(section, tempo=(begin * factor, end * factor), variation=varied))
    return tuple(found)


def _shared(sections: Sequence[SectionForm], bars: int) -> list[int]:
    """Return the bars of each section: fixed ones as they are, the rest by shares, in pairs of bars where that goes."""
    sharing = [section for section in sections if section.share]
    left = bars - sum(section.bars for section in sections)
    pair = 2 if left % 2 == 0 and sum(-(-s.least // 2) for s in sharing) <= left // 2 else 1
    weights = [Fraction(section.share) for section in sharing]
    parts = iter(apportion(left // pair, weights, [-(-section.least // pair) for section in sharing]))
    return [section.bars or pair * next(parts) for section in sections]


def apportion(total: int, weights: Sequence[Fraction], least: Sequence[int]) -> list[int]:
    """Divide a whole number by weights, by largest remainder (Hamilton), each part at least its `least`.

    Parameters
    ----------
    total : int
        At least the sum of `least`.
    weights : sequence of Fraction
        More than 0.
    least : sequence of int
        As many as there are weights.

    Returns
    -------
    list of int
        They add up to `total`; of equal remainders the first is favoured.
    """
    parts = list(least)
    free = list(range(len(weights)))
    while True:  # who would get less than the least gets the least, and the others divide the rest
        rest = total - sum(parts[i] for i in range(len(parts)) if i not in free)
        weight = sum((weights[i] for i in free), Fraction(0))
        quotas = {i: rest * weights[i] / weight for i in free}
        short = [i for i in free if quotas[i] < least[i]]
        if not short:
            break
        free = [i for i in free if i not in short]
    for i in free:
        parts[i] = int(quotas[i])
    over = total - sum(parts)
    for i in sorted(free, key=lambda i: (parts[i] - quotas[i], i))[:over]:
        parts[i] += 1
    return parts


def returning_bars(stated: int, bars: int) -> tuple[int, ...]:
    """Return which bars of a theme a return of another length takes.

    It begins as the theme begins and ends as it ends. A shorter return leaves out the middle; a longer one goes
    through the theme as often as it fits and says its end once more (hewei 合尾, the shared close).

    Parameters
    ----------
    stated, bars : int
        Lengths of the first statement and of the return, in bars.

    Returns
    -------
    tuple of int
        Bars of the first statement from 0, as many as `bars`.
    """
    if bars < stated:
        tail = bars // 2
        return (*range(bars - tail), *range(stated - tail, stated))
    times, rest = divmod(bars, stated)
    return (*(bar for _ in range(times) for bar in range(stated)), *range(stated - rest, stated))


def _planned(sections: Sequence[SectionForm], lengths: Sequence[int]) -> tuple[SectionPlan, ...]:
    names = [section.name for section in sections]
    counts: dict[str, int] = {}
    stated: dict[str, tuple[int, int]] = {}
    plans: list[SectionPlan] = []
    start = 0
    for section, bars in zip(sections, lengths, strict=True):
        counts[section.name] = counts.get(section.name, 0) + 1
        source: tuple[int, ...] = ()
        if section.theme in stated:
            first, long = stated[section.theme]
            source = tuple(first + bar for bar in returning_bars(long, bars))
        elif section.theme:
            stated[section.theme] = (start, bars)
        plans.append(
            SectionPlan(
                name=section.name if names.count(section.name) == 1 else f"{section.name} {counts[section.name]}",
                chinese=section.chinese,
                start=start,
                bars=bars,
                tempo=section.tempo[0],
                tempo_end=section.tempo[1],
                density=section.density,
                register=section.register,
                leaps=section.leaps,
                harmonics=section.harmonics,
                free=section.free,
                theme=section.theme,
                variation=section.variation,
                source=source,
                modulation=section.modulation,
                cadence=section.cadence,
            )
        )
        start += bars
    return (*plans[:-1], replace(plans[-1], cadence="final"))
