"""Sections of a piece and how each is played: slower, freer, softer.

Marks in the score say where sections begin; a piece without such marks has the plan of its style, by position. The
layout is the usual one of guqin pieces: sanqi 散起 in free time, rudiao 入调 in metre and more than half of the piece,
ruman 入慢, fuqi 复起, and weisheng 尾声, light and slow, in harmonics. Tempi of sections are estimates from score
lengths and the usual length of recordings; loudness is ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from unicodedata import normalize

from symgen.score import Score


@dataclass(frozen=True, slots=True)
class Role:
    """What a section is in the piece.

    Parameters
    ----------
    name, chinese : str
        Its names.
    aliases : tuple of str
        Further marks that say the same.
    tempo : float
        Factor on the tempo of the body.
    freedom : float
        Factor on the rubato of the style.
    loudness : float
        Share of the velocity range that is added.
    """

    name: str
    chinese: str
    aliases: tuple[str, ...]
    tempo: float
    freedom: float
    loudness: float


ROLES: Mapping[str, Role] = MappingProxyType(
    {
        role.name: role
        for role in (
            Role("sanqi", "散起", ("sanban", "散板", "san", "引子", "yinzi", "intro"), 0.78, 2.0, -0.04),
            Role("rudiao", "入调", ("rupai", "入拍", "入板", "ruban", "manban", "慢板"), 1.0, 1.0, 0.0),
            Role("kuaiban", "快板", ("zhongban", "中板", "climax", "gaochao", "高潮"), 1.12, 0.7, 0.08),
            Role("ruman", "入慢", ("ruman", "man", "慢"), 0.88, 1.3, -0.06),
            Role("fuqi", "复起", ("fuqi", "再起", "reprise"), 1.04, 1.0, 0.05),
            Role("weisheng", "尾声", ("coda", "曲终", "操终", "quzhong"), 0.8, 1.5, -0.12),
        )
    }
)
"""By name. Sanqi 40-50 qpm, coda 42-50 and climax up to 96 beside a body of 54-72."""

PLANS: Mapping[str, tuple[tuple[float, str], ...]] = MappingProxyType(
    {
        "guqin": ((0.0, "sanqi"), (0.10, "rudiao"), (0.64, "ruman"), (0.76, "fuqi"), (0.90, "weisheng")),
        "guzheng": ((0.0, "rudiao"), (0.55, "kuaiban"), (0.90, "weisheng")),
    }
)
"""By style: shares of a piece at which sections begin where the score marks none."""

FEWEST_PHRASES = 6
"""A piece of fewer phrases is one section."""

LATEST_CODA = 0.75
"""Harmonics that begin after this share of a piece begin its coda."""

HARMONICS_BEGIN = ("fanstart", "fanqi", "泛起")


@dataclass(frozen=True, slots=True)
class Part:
    """A role from `tick` on."""

    tick: int
    role: Role


def role_of(name: str) -> Role | None:
    """Return the role that a section mark names, in pinyin or Chinese, numbered or not; None if it names none."""
    key = re.sub(r"[\W\d_]+", "", normalize("NFC", name).casefold())
    for role in ROLES.values():
        if key in (role.name, *role.aliases) or role.chinese in name:
            return role
    return None


def parts(score: Score, style: str, phrases: Sequence[int]) -> tuple[Part, ...]:
    """Return the sections of a piece.

    Parameters
    ----------
    score : Score
        Its sections that name a role decide. Where none does and the tempo does not change either, the plan of the
        style holds. Where the score writes tempi of its own, its sections are not slowed or hastened a second time.
    style : str
        A key of ``PLANS``; others have one section.
    phrases : sequence of int
        Ticks at which phrases begin, and the end of the last; sections of a plan begin with a phrase.

    Returns
    -------
    tuple of Part
        The first at tick 0, in order.
    """
    named = [(section.tick, role_of(section.name)) for section in score.sections]
    found = {tick: role for tick, role in named if role is not None}
    if len(score.tempi) > 1:
        found = {tick: replace(role, tempo=1.0) for tick, role in found.items()}
    if not found and len(score.tempi) < 2 and len(phrases) > FEWEST_PHRASES:
        found = _planned(score, PLANS.get(style, ()), phrases)
    first = {} if 0 in found else {0: ROLES["rudiao"]}
    return tuple(Part(tick, role) for tick, role in sorted((first | found).items(), key=lambda item: item[0]))


def _planned(score: Score, plan: Sequence[tuple[float, str]], phrases: Sequence[int]) -> dict[int, Role]:
    """Return the plan of a style on the nearest beginnings of phrases; harmonics at the end are the coda."""
    starts = list(phrases[:-1])
    found = {min(starts, key=lambda start: abs(start - share * score.end)): ROLES[name] for share, name in plan}
    touched = [s.tick for s in score.sections if re.sub(r"[\W_]+", "", s.name.casefold()) in HARMONICS_BEGIN]
    late = [tick for tick in touched if tick >= LATEST_CODA * score.end]
    if late and any(role.name == "weisheng" for role in found.values()):
        found = {tick: role for tick, role in found.items() if role.name != "weisheng" and tick < late[-1]}
        found[late[-1]] = ROLES["weisheng"]
    return found


def part_at(found: Sequence[Part], tick: int) -> Part:
    """Return the section that holds `tick`."""
    return max((part for part in found if part.tick <= tick), key=lambda part: part.tick)
