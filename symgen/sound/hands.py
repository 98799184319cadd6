"""The left hand: bend curves of the ornaments of both instruments, as rows of a table.

Depths, rates and times follow the handbooks and studies cited for the instruments; shares of the guzheng are those of
the labels of 99 recorded pieces (vibrato 12.6 %, upward slides 4.7 %, downward ones 1.3 %, dianyin 1.3 % of all notes).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from symgen.score import Technique
from symgen.sound.model import Curve

_STEP = 0.01
"""Seconds between the points of a curve: 14 a turn of the fastest vibrato."""

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Ornament:
    """One movement of the left hand.

    Parameters
    ----------
    name : str
        Pinyin.
    shape : {"into", "out", "and back", "wave", "stairs"}
        Glide into the pitch; away from it and stay; away and back; vibrato; a chain of glides to scale steps.
    technique : Technique
        What a note with it counts as.
    share : float
        Share of the notes that can have it and do, in ordinary playing.
    shortest : float
        A note must last so many seconds.
    cents, seconds : (float, float)
        Size, and time of the glide or of one turn.
    delay : (float, float)
        Seconds from the attack.
    sides : {-1, 0, 1}
        A wave swings below the pitch, to both sides, or above it.
    """

    name: str
    shape: str
    technique: Technique
    share: float
    shortest: float
    cents: Span
    seconds: Span
    delay: Span = (0.0, 0.0)
    sides: int = 0


_UP, _DOWN, _WAVE = Technique.SLIDE_UP, Technique.SLIDE_DOWN, Technique.VIBRATO
# fmt: off
ORNAMENTS: Mapping[str, tuple[Ornament, ...]] = MappingProxyType({
    "guqin": (
        Ornament("chuo", "into", _UP, 0.14, 0.25, (-300, -100), (0.06, 0.22)),
        Ornament("zhu", "into", _DOWN, 0.10, 0.25, (100, 250), (0.06, 0.22)),
        Ornament("yin", "wave", _WAVE, 0.20, 0.6, (15, 60), (0.18, 0.4), (0.1, 0.25)),
        Ornament("nao", "wave", _WAVE, 0.10, 0.8, (30, 130), (0.33, 0.6), (0.1, 0.25), -1),
        Ornament("dingyin", "wave", _WAVE, 0.04, 0.6, (3, 8), (0.17, 0.25), (0.1, 0.2)),
        Ornament("zhuang", "and back", _WAVE, 0.05, 0.5, (100, 200), (0.06, 0.14), (0.15, 0.4)),
        Ornament("dou", "and back", _WAVE, 0.03, 0.3, (100, 200), (0.05, 0.1)),
        Ornament("shang", "stairs", _UP, 0.09, 0.7, (200, 500), (0.08, 0.25), (0.25, 0.7)),
        Ornament("xia", "stairs", _DOWN, 0.09, 0.7, (-500, -200), (0.08, 0.25), (0.25, 0.7)),
        Ornament("jinfu", "and back", _UP, 0.04, 0.9, (200, 300), (0.3, 0.7), (0.25, 0.5)),
        Ornament("tuifu", "and back", _DOWN, 0.04, 0.9, (-300, -200), (0.3, 0.7), (0.25, 0.5)),
        Ornament("tang", "out", _DOWN, 0.03, 1.2, (-700, -200), (0.5, 2.0), (0.2, 0.6)),
    ),
    "guzheng": (
        Ornament("chanyin", "wave", _WAVE, 0.126, 0.4, (20, 60), (0.14, 0.25), (0.08, 0.2), 1),
        Ornament("zhongchan", "wave", _WAVE, 0.02, 0.4, (50, 150), (0.14, 0.2), (0.05, 0.2), 1),
        Ornament("shanghua", "out", _UP, 0.047, 0.35, (150, 310), (0.1, 0.4), (0.02, 0.3)),
        Ornament("xiahua", "into", _DOWN, 0.02, 0.35, (150, 310), (0.1, 0.4), (0.0, 0.2)),
        Ornament("huihua", "and back", _UP, 0.01, 0.6, (150, 300), (0.3, 0.7), (0.05, 0.3)),
        Ornament("dianyin", "and back", _WAVE, 0.013, 0.3, (100, 300), (0.06, 0.14), (0.05, 0.25)),
    ),
})
"""By kind, from the most usual on; those of the guqin are for stopped notes, those of the guzheng for any string."""
# fmt: on


MOST = 0.95
"""Share of ornamented notes that no density exceeds: else the first in the table would leave no room to others."""


def choose(chance: np.random.Generator, kind: str, seconds: float, density: float = 1.0) -> Ornament | None:
    """Return an ornament for a note of `seconds`, or None; `density` multiplies all shares, up to :data:`MOST`."""
    draw = float(chance.random())
    most = MOST / sum(ornament.share for ornament in ORNAMENTS[kind])
    for ornament in ORNAMENTS[kind]:
        draw -= ornament.share * min(density, most)
        if draw < 0.0:
            return ornament if seconds >= ornament.shortest else None
    return None


def curve(chance: np.random.Generator, ornament: Ornament, seconds: float, lowest: float, highest: float) -> Curve:
    """Return a bend curve of `ornament` for a note of `seconds`, within `lowest` and `highest` cents."""
    time = np.arange(0.0, max(seconds, 0.1) + _STEP, _STEP)
    size = float(chance.uniform(*ornament.cents))
    length = float(chance.uniform(*ornament.seconds))
    delay = float(chance.uniform(*ornament.delay))
    cents = _SHAPES[ornament.shape](chance, time, size, length, delay, ornament, seconds)
    return time, np.clip(cents, lowest, highest)


def _glide(time: NDArray[np.float64], begin: float, length: float) -> NDArray[np.float64]:
    """Return 0 before a glide, 1 after it, and a half cosine between."""
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * np.clip((time - begin) / length, 0.0, 1.0)))


def _into(
    chance: np.random.Generator,
    time: NDArray[np.float64],
    size: float,
    length: float,
    delay: float,
    ornament: Ornament,
    seconds: float,
) -> NDArray[np.float64]:
    late = np.clip((time - delay) / length, 0.0, 1.0)
    return np.asarray(size * (1.0 - late) ** float(chance.uniform(1.2, 2.5)))


def _out(
    chance: np.random.Generator,
    time: NDArray[np.float64],
    size: float,
    length: float,
    delay: float,
    ornament: Ornament,
    seconds: float,
) -> NDArray[np.float64]:
    length = min(length, max(0.08, 0.9 * seconds - delay))
    return size * _glide(time, delay, length)


def _and_back(
    chance: np.random.Generator,
    time: NDArray[np.float64],
    size: float,
    length: float,
    delay: float,
    ornament: Ornament,
    seconds: float,
) -> NDArray[np.float64]:
    delay = min(delay, max(0.0, seconds - length))
    return size * (_glide(time, delay, length / 2) - _glide(time, delay + length / 2, length / 2))


def _wave(
    chance: np.random.Generator,
    time: NDArray[np.float64],
    size: float,
    length: float,
    delay: float,
    ornament: Ornament,
    seconds: float,
) -> NDArray[np.float64]:
    until = delay + float(chance.uniform(0.5, 1.0)) * max(0.2, seconds - delay)
    speed = (1.0 + float(chance.uniform(-0.2, 0.2)) * (time - delay)) / length
    turns = np.cumsum(np.where(time >= delay, speed.clip(0.5 / length), 0.0)) * _STEP
    swing = np.sin(2.0 * np.pi * turns) if ornament.sides == 0 else 0.5 - 0.5 * np.cos(2.0 * np.pi * turns)
    depth = _glide(time, delay, 0.1) * (1.0 - _glide(time, until - 0.1, 0.1))
    if chance.random() < 0.5:
        depth = depth * np.exp(-float(chance.uniform(0.0, 1.0)) * np.maximum(0.0, time - delay))
    return size * (ornament.sides or 1) * swing * depth


def _stairs(
    chance: np.random.Generator,
    time: NDArray[np.float64],
    size: float,
    length: float,
    delay: float,
    ornament: Ornament,
    seconds: float,
) -> NDArray[np.float64]:
    cents = np.zeros_like(time)
    at = delay
    step = 100.0 * round(size / 100.0)
    for _ in range(int(chance.integers(1, 4))):
        if at + length > seconds:
            break
        cents += step * _glide(time, at, length)
        at += length + float(chance.uniform(0.15, 0.7))
        step = 100.0 * float(chance.choice([-300, -200, 200, 300])) / 100.0
    return cents


_SHAPES = {"into": _into, "out": _out, "and back": _and_back, "wave": _wave, "stairs": _stairs}
