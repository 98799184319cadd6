"""What ABC music code is made of: the patterns of its tokens, and the items that they become."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from symgen.score import Technique

_NOTE = r"(?:(?P<{p}sign>\^\^|\^|__|_|=)(?P<{p}micro>\d*/\d*)?)?(?P<{p}letter>[A-Ga-g])(?P<{p}octave>[',]{{0,12}})"
_LENGTH = r"(?P<{p}num>\d{{0,6}})(?P<{p}slashes>/{{0,10}})(?P<{p}den>\d{{0,6}})"
TOKEN = re.compile(
    r"(?P<space>[\s`$*;]+|\\)"
    r"|\[(?P<field>[A-Za-z]):(?P<value>[^\]]{0,200})\]"
    r'|"(?P<quoted>[^"]{0,400})"'
    r"|!(?P<decoration>[^!|\[\]]{1,24})!"
    r"|\+(?P<old_decoration>[a-zA-Z0-9.]{2,24})\+"
    r"|(?P<bar>:*\|+:+|:+\|+\]?|::+|\[\|\]?|\|+\]|\|+|\[(?=[1-9\"]))(?P<ending>[1-9][0-9,\-]*)?"
    r"|\((?P<tuplet>[2-9])(?::(?P<into>\d?)(?::(?P<count>\d{0,2}))?)?"
    r"|" + _NOTE.format(p="") + _LENGTH.format(p="") + r"(?P<tie>-?)"
    r"|(?P<rest>[zxZX])" + _LENGTH.format(p="rest_") + r"|(?P<spacer>y\d*/*\d*)"
    r"|\[(?P<chord>[^\]\|\[]{1,400})\]" + _LENGTH.format(p="chord_") + r"(?P<chord_tie>-?)"
    r"|\{(?P<grace>[^}]{0,120})\}"
    r"|(?P<broken>>{1,4}|<{1,4})"
    r"|(?P<slur>\.?[()]|\.?-)"
    r"|(?P<overlay>&)"
    r"|(?P<symbol>[.~H-Wh-w])"
    r"|(?P<stray>.)",
    re.DOTALL,
)
"""One token of music code. What a bracket should end is bounded, so that a missing one costs little."""
DECORATION_OR_QUOTE = re.compile(r'![^!]*!|"[^"]*"')
NOTE_TOKEN = re.compile(_NOTE.format(p="") + _LENGTH.format(p="") + r"(?P<tie>-?)")


class Pitch(NamedTuple):
    """One note of a sound: MIDI number, spelling (for ties), length as a share of the sound's, and whether tied on."""

    number: int
    spelling: tuple[str, int]
    share: Fraction
    tied: bool


@dataclass(slots=True)
class Sound:
    """A note, chord or (without pitches) rest, with the grace notes before it."""

    length: Fraction
    pitches: tuple[Pitch, ...] = ()
    graces: tuple[int, ...] = ()
    technique: Technique = Technique.PLUCK


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar line: how often what it ends is played, whether a repeat begins, and the endings it opens."""

    passes: int = 1
    begins_repeat: bool = False
    closes: bool = False
    endings: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Change:
    """A tempo, metre, key or section from here on; `kind` is the letter of its field."""

    kind: str
    value: object


@dataclass(frozen=True, slots=True)
class Overlay:
    """Go back to the last bar line: what follows sounds together with the bar so far."""


Item = Sound | Bar | Change | Overlay
